//! Whether the source may be cleaned up: what the guard knows, and everything that forbids it. Pure, so that real runs and simulated
//! ones are judged alike.

use crate::flow::StepError;
use drydock_core::finding::{Class, Finding, Kind, Outcome};
use drydock_core::names::checks;
use drydock_migration::freeze::{Marks, Session, compare};
use std::time::Duration;

/// What the guard knows when it is asked.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Findings that object.
    pub objections: u64,
    /// Of these, counts that differ.
    pub counts_differ: u64,
    /// How long users have worked on the target; absent if they do not.
    pub on_target: Option<Duration>,
    /// How long they must have.
    pub soak: Duration,
    /// Sessions of others on the source.
    pub sessions: Vec<Session>,
    /// Indices, tables and sequences of the source that moved since it was compared.
    pub moved: u64,
}

/// Why the clean-up is refused, in words; empty if it is not.
pub fn refusals(known: &Known) -> Vec<String> {
    let mut why = Vec::new();
    match known.on_target {
        None => why.push("the application still works on the source".to_owned()),
        Some(since) if since < known.soak => why.push(format!(
            "users have worked on the target for {:.0} s of the {:.0} s that are to pass first",
            since.as_secs_f64(),
            known.soak.as_secs_f64()
        )),
        Some(_) => {}
    }
    if !known.sessions.is_empty() {
        let mut names: Vec<&str> = known.sessions.iter().map(|s| s.application.as_str()).collect();
        names.dedup();
        why.push(format!(
            "{} sessions still point at the source ({})",
            known.sessions.len(),
            names.join(", ")
        ));
    }
    if known.moved > 0 {
        why.push(format!("the source was written to in {} places since it was compared", known.moved));
    }
    if known.counts_differ > 0 {
        why.push(format!("counts differ in {} places", known.counts_differ));
    }
    if known.objections > 0 {
        why.push(objecting(known.objections));
    }
    why
}

/// Why a clean-up that the guard allowed is refused all the same: what it refused itself, and what was found since.
///
/// # Errors
/// Every reason, in words.
pub fn still_allowed(refused: &[String], objections: u64) -> Result<(), String> {
    match (refused, objections) {
        ([], 0) => Ok(()),
        ([], objections) => Err(objecting(objections)),
        (refused, _) => Err(refused.join("; ")),
    }
}

fn objecting(findings: u64) -> String {
    format!("{findings} findings object: the source may be the only copy")
}

/// What moved on the source since it was compared. Sessions are told apart, by name.
pub fn moved_since(compared: &Marks, now: &Marks) -> Vec<Finding> {
    let moved = compare(compared, now).into_iter().filter(|f| f.kind != Kind::StillActive);
    let next = "the target lacks it: find the writer, stop it, carry over what it wrote or migrate again";
    moved.map(|f| Finding { check: checks::CLEANUP_GUARD.into(), ..f.next(next) }).collect()
}

/// The refusal of a clean-up that has begun, where the source moved since the guard allowed it.
///
/// # Errors
/// The first movement, as the step's error.
pub fn refused_at_last(moved: &[Finding]) -> Result<(), StepError> {
    moved.first().map_or(Ok(()), |first| {
        let message = format!("the clean-up is refused at its beginning: {}", first.message);
        Err(StepError { class: Class::Data, message, next: first.next.clone() })
    })
}

/// Whether a finding forbids the clean-up; counts that differ are told apart by the check.
pub fn objects(finding: &Finding) -> bool {
    finding.outcome >= Outcome::NotProven
}

/// Whether a finding says that counts differ.
pub fn says_counts_differ(finding: &Finding) -> bool {
    [checks::ES_COUNTS, checks::PG_COUNTS].contains(&finding.check.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use drydock_migration::freeze::IndexMark;
    use std::collections::BTreeMap;

    fn allowed() -> Known {
        Known { on_target: Some(Duration::from_secs(60)), ..Known::default() }
    }

    fn session() -> Session {
        Session {
            pid: 7,
            application: "camunda-x".into(),
            database: "keycloak".into(),
            role: "keycloak".into(),
            state: "idle".into(),
            address: "a local socket".into(),
            writes: false,
        }
    }

    #[test]
    fn nothing_is_refused_without_a_reason_and_each_reason_refuses() {
        assert_eq!(refusals(&allowed()), Vec::<String>::new());
        assert_eq!(refusals(&Known { soak: Duration::from_secs(60), ..allowed() }), Vec::<String>::new());
        for (known, word) in [
            (Known { on_target: None, ..allowed() }, "works on the source"),
            (Known { soak: Duration::from_secs(61), ..allowed() }, "60 s of the 61 s"),
            (Known { sessions: vec![session()], ..allowed() }, "camunda-x"),
            (Known { moved: 1, ..allowed() }, "written to in 1 places"),
            (Known { counts_differ: 2, ..allowed() }, "counts differ in 2 places"),
            (Known { objections: 3, ..allowed() }, "3 findings object"),
        ] {
            let why = refusals(&known);
            assert!(why.len() == 1 && why[0].contains(word), "{word}: {why:?}");
            assert!(still_allowed(&why, 0).is_err());
        }
        assert_eq!(still_allowed(&[], 0), Ok(()));
        assert!(still_allowed(&[], 2).is_err_and(|why| why.contains("2 findings")));
    }

    #[test]
    fn a_write_after_the_comparison_is_told_and_a_session_is_not_told_twice() {
        let at = |number| {
            let mark = IndexMark {
                uuid: "u".into(),
                sequence_numbers: BTreeMap::from([(0, number)]),
                ..IndexMark::default()
            };
            Marks { indices: BTreeMap::from([("operate-a_".into(), mark)]), ..Marks::default() }
        };
        let with_session = Marks { sessions: vec![session()], ..at(4) };
        assert_eq!(moved_since(&at(4), &with_session), []);
        let moved = moved_since(&at(4), &at(5));
        assert_eq!((moved.len(), moved[0].check.as_str()), (1, checks::CLEANUP_GUARD));
        assert!(objects(&moved[0]) && !says_counts_differ(&moved[0]));
    }
}
