//! Both sides of `drydock verify values` rendered by `helm` itself, and what comes out compared as objects.

use super::objects::digest_key;
use crate::cli::{Render, Values};
use drydock_cluster::{Helm, HelmError, Rendering, Written};
use drydock_core::finding::{Finding, Kind, Outcome};
use drydock_core::names::checks;
use drydock_helm::Check;
use drydock_helm::objects::{self, Inventory};
use drydock_helm::values::{Bitnami, Road, Supplied, complaints, written_at};
use std::path::{Path, PathBuf};

/// What is expected of manifests between charts 12.x and 13.x, whatever the values.
const FROM_12_TO_13: (&str, &str) = (
    "the built-in ledger of charts 12.x to 13.x",
    include_str!("../../../../fixtures/expected/objects-12-to-13.yaml"),
);

/// One side.
pub(super) struct Side<'s> {
    /// `old` or `new`, as it is told.
    pub(super) name: &'static str,
    /// The chart, if it is there.
    pub(super) chart: Option<&'s Path>,
    /// Its values files.
    pub(super) files: Vec<PathBuf>,
    /// Its values of the command line.
    pub(super) set: &'s [String],
    /// What these come to.
    pub(super) supplied: &'s Supplied,
}

/// What rendering came to.
#[derive(Default)]
pub(super) struct Rendered {
    /// The checks that were made.
    pub(super) checks: Vec<Check>,
    /// Ledgers that hold for them.
    pub(super) ledgers: Vec<(&'static str, &'static str)>,
}

impl Rendered {
    /// The checks that must have been made for a green verdict.
    pub(super) fn asked(&self) -> Vec<&'static str> {
        self.checks.iter().map(|c| c.check).collect()
    }
}

/// Renders both sides and compares what comes out.
pub(super) fn rendered(arguments: &Values, road: &Road, old: &Side<'_>, new: &Side<'_>) -> Rendered {
    if arguments.render == Render::Never {
        return Rendered::default();
    }
    let mut check = Check::new(checks::HELM_RENDERED);
    let absent = [old, new].into_iter().find(|side| side.chart.is_none());
    let helm = Helm::find(arguments.helm.as_deref());
    let helm = match (absent, helm) {
        (None, Some(helm)) => helm,
        (Some(side), _) => {
            let what = format!("nothing was rendered: the {} chart was given as a version only", side.name);
            return not_rendered(
                check,
                arguments.render,
                what,
                "give both charts with --chart-from and --chart-to as folders or .tgz files",
            );
        }
        (None, None) => {
            let what = "nothing was rendered: there is no helm on the search path".to_owned();
            return not_rendered(check, arguments.render, what, "install helm, or name it with --helm");
        }
    };
    let (before, after) =
        (render(&helm, arguments, old, &mut check), render(&helm, arguments, new, &mut check));
    let (Some((before, a)), Some((after, b))) = (before, after) else {
        check.note = "what helm refuses cannot be compared".to_owned();
        return Rendered { checks: vec![check], ledgers: Vec::new() };
    };
    check.compared = (before.objects.len() + after.objects.len()) as u64;
    check.note = format!(
        "{} objects before, {} after; {} values that are made anew on every render are not compared",
        before.objects.len(),
        after.objects.len(),
        a.max(b)
    );
    let subject = objects::Objects {
        before: &before,
        after: &after,
        release: &arguments.release,
        bitnami: match arguments.bitnami {
            crate::cli::Bitnami::Stays => Bitnami::Stays,
            crate::cli::Bitnami::Leaves => Bitnami::Leaves,
        },
        digest_key: &digest_key(),
    };
    let mut made = vec![check];
    made.extend(objects::judge(&subject));
    let ledgers = if road.from.major == 12 && road.to.major == 13 { vec![FROM_12_TO_13] } else { Vec::new() };
    Rendered { checks: made, ledgers }
}

/// Asked for, it is not proven; else it was never asked.
fn not_rendered(mut check: Check, asked: Render, what: String, next: &str) -> Rendered {
    check.note = what.clone();
    let mut told = Finding::not_compared(check.check, "manifests", what).next(next);
    if asked == Render::Auto {
        told.outcome = Outcome::NotAsked;
        told.kind = Kind::NotAsked;
        check.compared = 1;
    }
    check.findings.push(told);
    Rendered { checks: vec![check], ledgers: Vec::new() }
}

/// One side's objects without what chance decides, and how much that was; what helm says goes into the check.
fn render(helm: &Helm, arguments: &Values, side: &Side<'_>, check: &mut Check) -> Option<(Inventory, u64)> {
    let rendering = Rendering {
        chart: side.chart?,
        release: &arguments.release,
        namespace: &arguments.namespace,
        values: &side.files,
        set: side.set,
    };
    // Twice: what differs between two renders of the same values is made by chance.
    let (once, again) = match (helm.template(&rendering), helm.template(&rendering)) {
        (Ok(once), Ok(again)) => (once, again),
        (Err(error), _) | (_, Err(error)) => {
            refused(&error, side, check);
            return None;
        }
    };
    warnings(&once, side, check);
    let read = |text: &str| Inventory::read(&[(format!("{} manifests", side.name), text.to_owned())]);
    match (read(&once.manifests), read(&again.manifests)) {
        (Ok(mut once), Ok(again)) => {
            let settled = once.settle(&again);
            Some((once, settled))
        }
        (Err(error), _) | (_, Err(error)) => {
            let message = format!("the {} chart renders to something that is no object: {error}", side.name);
            check.findings.push(
                Finding::data(check.check, Kind::Unusable, format!("{} chart", side.name), message)
                    .next("look at the output of helm template"),
            );
            None
        }
    }
}

fn refused(error: &HelmError, side: &Side<'_>, check: &mut Check) {
    let HelmError::Refused { words, .. } = error else {
        let message = format!("the {} chart was not rendered: {error}", side.name);
        check.findings.push(
            Finding::not_compared(check.check, format!("{} chart", side.name), message)
                .next("run `helm template` by hand to see what it waits for"),
        );
        return;
    };
    for complaint in complaints(words, side.supplied) {
        let at = complaint.path.as_ref().and_then(|path| written_at(path, side.supplied));
        let key = complaint.path.as_ref().map_or_else(|| format!("{} chart", side.name), ToString::to_string);
        let shown = at.as_ref().map(|at| format!(" ({at})")).unwrap_or_default();
        let message = format!("{key}{shown}: helm refuses the {} values: {}", side.name, complaint.words);
        let mut told = if side.name == "old" {
            Finding::not_compared(check.check, key, message)
        } else {
            Finding::data(check.check, Kind::Unusable, key, message)
        };
        told.place = at;
        check.findings.push(told.next("mend the value, then run it again; `helm template` says the same"));
    }
    check.compared = check.compared.max(1);
}

fn warnings(written: &Written, side: &Side<'_>, check: &mut Check) {
    for complaint in complaints(&written.warnings, side.supplied) {
        let at = complaint.path.as_ref().and_then(|path| written_at(path, side.supplied));
        let key = complaint.path.as_ref().map_or_else(|| format!("{} chart", side.name), ToString::to_string);
        let shown = at.as_ref().map(|at| format!(" ({at})")).unwrap_or_default();
        let message = format!("{key}{shown}: helm warns of the {} values: {}", side.name, complaint.words);
        let mut told = Finding::data(check.check, Kind::Unusable, key, message);
        // What no file of the user says is the chart's own affair.
        if side.name == "old" || at.is_none() {
            told.outcome = Outcome::Expected;
            told.kind = Kind::OldDirt;
        }
        told.place = at;
        check.findings.push(told.next("write it as the chart has it, or take it out"));
    }
}
