//! What can be said of values without rules: how their text is read, and what in them is Bitnami's.

use super::bitnami::{TraceState, traces};
use super::judge::{Bitnami, Subject};
use super::report::{finding, place};
use crate::check::Check;
use drydock_core::finding::{Finding, Kind, Outcome};
use drydock_core::names::checks;

/// Text that Helm reads otherwise than people.
pub(super) fn texts(subject: &Subject<'_>) -> Check {
    let mut check = Check::new(checks::HELM_YAML);
    let sides = [
        (Some(subject.old), Outcome::Expected, Kind::OldDirt),
        (subject.new, Outcome::Different, Kind::Changed),
    ];
    for (supplied, loses, kind) in sides {
        let Some(supplied) = supplied else { continue };
        check.compared += supplied.sources.len() as u64;
        for surprise in &supplied.surprises {
            let at = place(supplied, &surprise.place);
            let (outcome, kind) =
                if surprise.loses { (loses, kind) } else { (Outcome::Expected, Kind::OldDirt) };
            let mut told =
                Finding::data(check.check, kind, at.to_string(), format!("{at}: {}", surprise.what));
            told.outcome = outcome;
            check.findings.push(told.next("write what is meant, once").at(at));
        }
    }
    check.note = "duplicate keys, and words that Helm reads as numbers or booleans".to_owned();
    check
}

pub(super) fn bitnami(subject: &Subject<'_>) -> Check {
    let mut check = Check::new(checks::HELM_BITNAMI);
    let supplied = subject.new.unwrap_or(subject.old);
    check.compared = supplied.leaves.len() as u64;
    for trace in traces(supplied, subject.chart_to, subject.release) {
        let dangling = trace.state == TraceState::Dangling;
        let outcome = match (dangling, subject.bitnami) {
            (true, _) | (_, Bitnami::Leaves) => Outcome::Different,
            (false, Bitnami::Stays) => Outcome::Expected,
        };
        let leaf = supplied.leaves.get(&trace.path);
        let at = leaf.map(|l| place(supplied, &l.place));
        let shown = at.as_ref().map(|at| format!(" ({at})")).unwrap_or_default();
        let message = format!("{}{shown}: {}", trace.path, trace.what);
        let mut told = finding(check.check, outcome, Kind::Extra, &trace.path, message);
        told.next = if dangling {
            "point it at what takes the part's place".to_owned()
        } else {
            "nothing, as long as the part shall stay; else name what takes its place".to_owned()
        };
        told.place = at;
        check.findings.push(told);
    }
    check.note = "switches, images, paths and hosts of Bitnami's charts".to_owned();
    check
}
