//! From what was seen to findings: what stands, what does not, and what to do about it.

use super::look::Positions;
use super::tell::Times;
use drydock_core::finding::{Finding, Kind, Outcome};
use drydock_core::names::checks;
use drydock_core::observe::{Conclusion, Spoilt};
use drydock_core::{LedgerLine, Store};
use drydock_migration::freeze::{self, Session};
use drydock_stores::compare::CheckResult;

/// What whoever migrates is told to wait for.
pub(super) const WAIT: &str = "next time keep the source until the line \"compared\" is shown, and switch then; as long as the \
     source's data exist (volumes, backups), compare them with `drydock verify`";

/// Programs that people migrate with: their sessions write nothing on a source.
const MOVERS: [&str; 3] = ["pg_dump", "pg_dumpall", "pg_restore"];

/// The checks of a store, in report order.
pub(super) fn checks_of(store: Store) -> &'static [&'static str] {
    match store {
        Store::Elasticsearch => &checks::ELASTICSEARCH,
        Store::Postgres => &checks::POSTGRES,
    }
}

/// Whether nothing that was found objects, besides what the ledger expects, and each check has compared something.
pub(super) fn nothing_objects(results: &[CheckResult], ledger: &[LedgerLine]) -> bool {
    let version = env!("CARGO_PKG_VERSION");
    let objects = |f: &Finding| match f.outcome {
        Outcome::Different => LedgerLine::expecting(ledger, f, version).is_none(),
        outcome => outcome == Outcome::NotProven,
    };
    results.iter().all(|r| r.compared > 0 && !r.findings.iter().any(objects))
}

/// Why the comparison of a store proves nothing, and what to do. Nothing where it stands.
pub(super) fn doubt(store: Store, conclusion: &Conclusion, times: Times) -> Option<(String, String)> {
    let (why, next) = match conclusion {
        Conclusion::Stands { .. } => return None,
        Conclusion::Spoilt(Spoilt::SourceMoved(window)) => (
            format!(
                "the source's {store} was written to {} and what was compared is older: the target may lack what was written",
                times.words(window)
            ),
            "find who wrote (the freeze names what moved), stop it, carry it over, and let both sides be compared again".into(),
        ),
        Conclusion::Spoilt(Spoilt::SourceAway(window)) => (
            format!(
                "the source's {store} went away {}, before it was seen that nobody had written to it while it was compared",
                times.words(window)
            ),
            WAIT.into(),
        ),
        Conclusion::GoneBefore { away, frozen } => (
            format!(
                "the source's {store} went away {}, before it could be compared{}",
                times.words(away),
                if *frozen { "" } else { "; it had not been seen at rest by then" }
            ),
            WAIT.into(),
        ),
        Conclusion::NeverFrozen { moved } => (
            match moved {
                Some(window) => format!(
                    "the source's {store} was never seen at rest: it was last written to {}, and a copy of what moves is a copy \
                     of no moment",
                    times.words(window)
                ),
                None => format!("the source's {store} was not seen for long enough to say that it is at rest"),
            },
            "stop everything that writes to the source, and keep it stopped until the line \"compared\" is shown".into(),
        ),
        Conclusion::NoTarget => (
            format!("the target's {store} did not answer when the source was at rest"),
            "make the target reachable for this role, and observe again".into(),
        ),
        Conclusion::NeverSeen => (
            format!("the source's {store} never answered"),
            "look at address, role and password of the source; begin to observe while it is still there".into(),
        ),
        Conclusion::LeftEarly => (
            format!("the watch ended before {store} was compared"),
            "let it run until the line \"compared\" is shown".into(),
        ),
    };
    Some((why, next))
}

/// What the freeze check says of a store: what moved after it was compared, and what was never frozen.
pub(super) fn freeze_findings(
    store: Store,
    conclusion: &Conclusion,
    compared: Option<&Positions>,
    last: Option<&Positions>,
    times: Times,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let (Conclusion::Spoilt(Spoilt::SourceMoved(_)), Some(then), Some(now)) = (conclusion, compared, last)
    {
        // Compared with another state: what moved is on the source, and nobody knows about the target.
        let moved = freeze::compare(&then.marks, &now.marks).into_iter();
        findings.extend(
            moved
                .filter(|f| f.kind != Kind::StillActive)
                .map(|f| Finding { outcome: Outcome::NotProven, ..f }),
        );
    }
    if let (true, Some((why, next))) = (findings.is_empty(), doubt(store, conclusion, times)) {
        findings.push(Finding::not_compared(checks::FREEZE, store.to_string(), why).next(next));
    }
    findings
}

/// Sessions that are open on a source at the end: what is open can write, and nobody will look.
pub(super) fn open_sessions(sessions: &[Session], harmless: &[String]) -> Vec<Finding> {
    let known = |s: &Session| MOVERS.contains(&s.application.as_str()) || harmless.contains(&s.application);
    let open = sessions.iter().filter(|s| s.writes || !known(s)).map(freeze::still_active);
    open.map(|finding| Finding {
        outcome: Outcome::NotProven,
        next: "stop the application whose session it is; a session that never writes is named in `harmless_sessions`".into(),
        ..finding
    })
    .collect()
}

/// One line about a comparison.
pub(super) fn came_to(results: &[CheckResult], ledger: &[LedgerLine]) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let all = || results.iter().flat_map(|r| &r.findings);
    let different = all()
        .filter(|f| f.outcome == Outcome::Different && LedgerLine::expecting(ledger, f, version).is_none())
        .count();
    let unproven = all().filter(|f| f.outcome == Outcome::NotProven).count();
    match (different, unproven) {
        (0, 0) => "nothing is missing".into(),
        (0, n) => format!("{n} not proven"),
        (n, 0) => format!("{n} different"),
        (n, m) => format!("{n} different, {m} not proven"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use drydock_core::observe::Window;

    const WINDOW: Window = Window { after_ms: 1_000, by_ms: 2_000 };

    fn times() -> Times {
        Times::new("2026-11-23T12:00:00Z".parse().unwrap(), 0)
    }

    #[test]
    fn everything_but_what_stands_is_doubted_with_something_to_do() {
        let stands = Conclusion::Stands { target_moved: Some(WINDOW) };
        assert_eq!(doubt(Store::Postgres, &stands, times()), None);
        assert!(freeze_findings(Store::Postgres, &stands, None, None, times()).is_empty());
        for conclusion in [
            Conclusion::Spoilt(Spoilt::SourceMoved(WINDOW)),
            Conclusion::Spoilt(Spoilt::SourceAway(WINDOW)),
            Conclusion::GoneBefore { away: WINDOW, frozen: true },
            Conclusion::GoneBefore { away: WINDOW, frozen: false },
            Conclusion::NeverFrozen { moved: Some(WINDOW) },
            Conclusion::NeverFrozen { moved: None },
            Conclusion::NoTarget,
            Conclusion::NeverSeen,
            Conclusion::LeftEarly,
        ] {
            let (why, next) = doubt(Store::Elasticsearch, &conclusion, times()).unwrap();
            assert!(why.contains("elasticsearch") && !next.is_empty(), "{why}");
            let findings = freeze_findings(Store::Elasticsearch, &conclusion, None, None, times());
            assert!(findings.len() == 1 && findings[0].outcome == Outcome::NotProven, "{findings:?}");
        }
    }

    #[test]
    fn a_session_that_can_write_is_told_unless_it_is_known_and_does_not() {
        let session = |application: &str, writes| Session {
            pid: 1,
            application: application.into(),
            database: "identity".into(),
            role: "identity".into(),
            state: "idle".into(),
            address: "10.0.0.7".into(),
            writes,
        };
        let all = [
            session("pg_dump", false),
            session("exporter", false),
            session("exporter", true),
            session("identity", false),
        ];
        let found = open_sessions(&all, &["exporter".to_owned()]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().all(|f| f.outcome == Outcome::NotProven && f.kind == Kind::StillActive));
        assert!(found[1].message.contains("10.0.0.7"));
    }

    #[test]
    fn what_compared_nothing_or_found_something_objects() {
        let made = |compared, findings| CheckResult {
            check: checks::PG_ROWS,
            compared,
            findings,
            note: String::new(),
            millis: 0,
        };
        let missing =
            Finding::data(checks::PG_ROWS, Kind::Missing, "identity.public.users", "one is missing");
        assert!(nothing_objects(&[made(1, vec![])], &[]));
        assert!(!nothing_objects(&[made(0, vec![])], &[]));
        assert!(!nothing_objects(&[made(1, vec![missing.clone()])], &[]));
        let old = Finding { outcome: Outcome::Expected, ..missing };
        assert!(nothing_objects(&[made(1, vec![old])], &[]));
    }
}
