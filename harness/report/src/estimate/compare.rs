//! Later runs against earlier ones.

use super::units::short;
use crate::text::{count, printable};
use drydock_estimate::regress::{Change, Comparison, Trend};

/// The outage first, then steps, findings and checks.
pub fn render(comparison: &Comparison) -> String {
    let mut lines = Vec::new();
    for group in &comparison.groups {
        lines.push(format!(
            "{} {}, {} documents: {}",
            printable(&group.scenario),
            group.way.title(),
            count(group.documents),
            told(&group.downtime)
        ));
        if !group.noise_known {
            lines.push(
                "  fewer than three runs before: the noise is not known, and only a clear difference counts"
                    .into(),
            );
        }
        lines.extend(group.steps.iter().map(|step| format!("  {}: {}", printable(&step.what), told(step))));
    }
    let lists = [
        ("new finding", &comparison.new_findings),
        ("gone", &comparison.gone_findings),
        ("lost check", &comparison.lost_checks),
        ("not compared", &comparison.not_compared),
    ];
    for (word, items) in lists {
        lines.extend(items.iter().map(|item| format!("{word}: {}", printable(item))));
    }
    if comparison.exit_code == 0 {
        lines.push("no regression: not slower beyond the noise, nothing new found, no check lost".into());
    }
    lines.join("\n") + "\n"
}

fn told(change: &Change) -> String {
    let trend = match change.trend {
        Trend::Slower => "SLOWER",
        Trend::Alike => "alike",
        Trend::Faster => "faster",
    };
    let all = |seconds: &[f64]| match seconds {
        [] => "no outage with an end".to_owned(),
        some => some.iter().map(|s| short(*s)).collect::<Vec<_>>().join(", "),
    };
    format!(
        "{trend}: {} after {} ({} more would be noise)",
        all(&change.after),
        all(&change.before),
        short(change.tolerance)
    )
}
