//! What a bench has measured: every run, and how far they lie apart.

use super::units::short;
use crate::text::{count, counted, printable};
use drydock_estimate::MeasuredRun;

/// One line when a run has ended.
pub fn measured_line(run: &MeasuredRun) -> String {
    let waited = match run.downtime_seconds {
        Some(seconds) => format!("users waited {}", short(seconds)),
        None => "users were not let in again: no outage to tell".into(),
    };
    let longest = run.steps.iter().max_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let most =
        longest.map(|s| format!(", most of it in {} ({})", s.step, short(s.seconds))).unwrap_or_default();
    format!(
        "{} documents, {}: {waited}{most}; {}",
        count(run.volumes.documents),
        run.way.title(),
        printable(&run.outcome.to_string())
    )
}

/// By way and volume: every run's outage, the median and the spread. Nothing is averaged away.
pub fn measured_table(runs: &[MeasuredRun]) -> String {
    let mut groups: Vec<Vec<&MeasuredRun>> = Vec::new();
    for run in runs {
        match groups.iter_mut().find(|group| group[0].is_like(run)) {
            Some(group) => group.push(run),
            None => groups.push(vec![run]),
        }
    }
    groups.sort_by_key(|group| (group[0].way, group[0].seeded_documents));
    let mut text = String::new();
    for runs in groups {
        let (way, documents) = (runs[0].way, runs[0].seeded_documents);
        let mut seconds: Vec<f64> = runs.iter().filter_map(|r| r.downtime_seconds).collect();
        seconds.sort_by(f64::total_cmp);
        let all: Vec<String> = seconds.iter().map(|s| short(*s)).collect();
        text.push_str(&format!("{:<24} {:>12}  ", way.title(), count(documents)));
        match (seconds.first(), seconds.get(seconds.len() / 2), seconds.last()) {
            (Some(least), Some(middle), Some(most)) if seconds.len() > 1 => text.push_str(&format!(
                "median {}, spread {:.0} %: {}",
                short(*middle),
                (most - least) / middle * 100.0,
                all.join(", ")
            )),
            (Some(one), ..) => text.push_str(&format!("{} (one run: its noise is not known)", short(*one))),
            _ => text.push_str("no outage with an end"),
        }
        let lost = runs.len() - seconds.len();
        if lost > 0 {
            text.push_str(&format!("; {} without an end", counted(lost as u64, "run")));
        }
        text.push('\n');
    }
    text
}
