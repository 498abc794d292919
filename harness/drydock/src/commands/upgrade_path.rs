//! `drydock upgrade-path`: a checklist from one release to another.

use super::live::{self, Unread};
use crate::cli::{Source, UpgradePath};
use drydock_core::ExitCode;
use drydock_helm::road::{Evidence, Judged, RoadStep, first_chart, upgrade_path};
use drydock_helm::values::Supplied;

/// Prints the checklist. Steps that a machine has looked at and found open make it red.
pub(crate) async fn run(arguments: &UpgradePath) -> ExitCode {
    match steps(arguments).await {
        Ok(steps) => {
            if arguments.json {
                super::print_value(&steps);
            } else {
                super::print(&text(&steps));
                if let Some(first) = first_chart(&arguments.from) {
                    super::print(&format!(
                        "{} runs with charts from {first} on; with the version of the chart in --from, the steps behind it are left out",
                        arguments.from
                    ));
                }
            }
            let open = steps.iter().any(|s| matches!(s.judged, Judged::Open(_)));
            if open { ExitCode::Different } else { ExitCode::Equal }
        }
        Err(unread) => unread.tell(),
    }
}

async fn steps(arguments: &UpgradePath) -> Result<Vec<RoadStep>, Unread> {
    let (release, namespace) = (&arguments.release, &arguments.namespace);
    let objects = match (&arguments.context, arguments.objects.as_slice()) {
        (Some(context), _) => {
            let side = live::read(context, namespace, release, Source::Objects).await?;
            // What was not read would count as not there.
            if let Some(unread) = side.unread.first() {
                return Err(Unread::Surroundings(unread.message.clone()));
            }
            Some(side.objects)
        }
        (None, []) => None,
        (None, paths) => Some(super::objects::read(paths).map_err(Unread::Usage)?),
    };
    let values = match arguments.values.as_slice() {
        [] => None,
        paths => {
            let files = super::values::read(paths).map_err(Unread::Usage)?;
            Some(Supplied::read(&files, &[]).map_err(|e| Unread::Usage(e.to_string()))?)
        }
    };
    let evidence = Evidence { objects: objects.as_ref(), values: values.as_ref() };
    upgrade_path(&arguments.from, &arguments.to, release, namespace, &evidence)
        .map_err(|e| Unread::Usage(e.to_string()))
}

/// A list to tick off: `[x]` is done, `[!]` is open, `[?]` could be looked at, `[ ]` is for people.
fn text(steps: &[RoadStep]) -> String {
    let mut out = String::new();
    let mut chart: Option<&str> = None;
    for step in steps {
        if chart != Some(&step.chart) {
            let title = match step.chart.as_str() {
                "" => "Every upgrade".to_owned(),
                chart => format!("Chart {chart} (Camunda {})", step.app),
            };
            out.push_str(&format!("{}{title}\n", if out.is_empty() { "" } else { "\n" }));
            chart = Some(&step.chart);
        }
        let (mark, why) = match &step.judged {
            Judged::Done => ("[x]", None),
            Judged::Open(why) => ("[!]", Some(why)),
            Judged::NotLooked(why) => ("[?]", Some(why)),
            Judged::ByHand => ("[ ]", None),
        };
        let phase = match step.phase {
            drydock_helm::road::Phase::Before => "before",
            drydock_helm::road::Phase::During => "during",
            drydock_helm::road::Phase::After => "after",
        };
        out.push_str(&format!("{mark} {:<6} {phase:<7} {}\n", step.id, step.what));
        if let Some(why) = why {
            out.push_str(&format!("                   {why}\n"));
        }
        if let Some(run) = &step.run {
            out.push_str(&format!("                   $ {run}\n"));
        }
    }
    let open = steps.iter().filter(|s| matches!(s.judged, Judged::Open(_))).count();
    let done = steps.iter().filter(|s| s.judged == Judged::Done).count();
    out.push_str(&format!(
        "\n{} steps: {done} done, {open} open, {} not looked at\n",
        steps.len(),
        steps.len() - done - open
    ));
    out
}
