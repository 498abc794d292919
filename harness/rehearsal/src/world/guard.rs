//! The guard before the clean-up of the source: what it removes is the way back.

use super::{RealWorld, Stepped, internal, of_migration};
use crate::flow::Facts;
use drydock_core::finding::{Finding, Kind, Sample};
use drydock_core::names::checks;
use drydock_environments::Side;
use drydock_migration::freeze::{Session, sessions};
use serde_json::json;
use std::time::Duration;

/// What the guard knows when it is asked.
#[derive(Debug, Default)]
struct Known {
    /// Findings that object.
    objections: u64,
    /// Of these, counts that differ.
    counts_differ: u64,
    /// How long users have worked on the target; absent if they do not.
    on_target: Option<Duration>,
    /// How long they must have.
    soak: Duration,
    /// Sessions of others on the source.
    sessions: Vec<Session>,
}

impl RealWorld {
    /// Tells whether the clean-up may go on, and everything that forbids it.
    pub(super) async fn guard(&mut self) -> Stepped<Facts> {
        if self.marks.is_some() {
            return Err(internal("the clean-up was asked for before the comparison"));
        }
        let source = self.side(Side::Source)?;
        let open = match self.databases() {
            none if none.is_empty() => Vec::new(),
            databases => sessions(&source.postgres, &databases).await.map_err(of_migration)?,
        };
        let since = self.opened_ms.map(|opened| self.recorder.now_ms().saturating_sub(opened));
        let known = Known {
            objections: self.objections,
            counts_differ: self.counts_differ,
            on_target: since.map(Duration::from_millis),
            soak: self.config.scenario.migration.soak.map_or(Duration::ZERO, |s| s.unsigned_abs()),
            sessions: open,
        };
        self.refusals = refusals(&known);
        for session in &known.sessions {
            self.found(pointing_at_the_source(session));
        }
        let mut facts = Facts::new();
        facts.insert("objections".into(), json!(self.objections));
        let allowed = match self.refusals.as_slice() {
            [] => "yes".to_owned(),
            why => format!("no: {}", why.join("; ")),
        };
        facts.insert("clean_up_allowed".into(), json!(allowed));
        facts.insert("refused_because".into(), json!(self.refusals));
        Ok(facts)
    }
}

/// Why the clean-up is refused, in words; empty if it is not.
fn refusals(known: &Known) -> Vec<String> {
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
    if known.counts_differ > 0 {
        why.push(format!("counts differ in {} places", known.counts_differ));
    }
    if known.objections > 0 {
        why.push(format!("{} findings object: the source may be the only copy", known.objections));
    }
    why
}

fn pointing_at_the_source(session: &Session) -> Finding {
    let name = if session.application.is_empty() { "(no application name)" } else { &session.application };
    Finding::access(
        checks::CLEANUP_GUARD,
        Kind::StillActive,
        format!("{}/session/{name}", session.database),
        format!(
            "{name} still works on the source: session {} as {} on database {}",
            session.pid, session.role, session.database
        ),
    )
    .items(1, [Sample::named(format!("pid {}", session.pid))])
    .next("point it to the target or stop it, then clean up")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed() -> Known {
        Known { on_target: Some(Duration::from_secs(60)), ..Known::default() }
    }

    #[test]
    fn nothing_is_refused_without_a_reason_and_each_reason_refuses() {
        assert_eq!(refusals(&allowed()), Vec::<String>::new());
        assert_eq!(refusals(&Known { soak: Duration::from_secs(60), ..allowed() }), Vec::<String>::new());
        let session = Session {
            pid: 7,
            application: "camunda-x".into(),
            database: "keycloak".into(),
            role: "keycloak".into(),
            state: "idle".into(),
            address: "a local socket".into(),
            writes: false,
        };
        for (known, word) in [
            (Known { on_target: None, ..allowed() }, "works on the source"),
            (Known { soak: Duration::from_secs(61), ..allowed() }, "60 s of the 61 s"),
            (Known { sessions: vec![session], ..allowed() }, "camunda-x"),
            (Known { counts_differ: 2, ..allowed() }, "counts differ in 2 places"),
            (Known { objections: 3, ..allowed() }, "3 findings object"),
        ] {
            let why = refusals(&known);
            assert!(why.len() == 1 && why[0].contains(word), "{word}: {why:?}");
        }
    }
}
