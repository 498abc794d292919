//! The guard before the clean-up of the source: what it removes is the way back.

use super::cutover::MARKS;
use super::{RealWorld, Stepped, internal, of_migration};
use crate::flow::Facts;
use crate::guard::{Known, moved_since, refusals, refused_at_last};
use drydock_core::finding::{Finding, Kind, Sample};
use drydock_core::names::checks;
use drydock_environments::Side;
use drydock_migration::freeze::{Session, sessions};
use serde_json::json;
use std::time::Duration;

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
        // What was compared may have been written to since.
        let moved = self.moved_since_compared().await?;
        let known = Known {
            objections: self.objections,
            counts_differ: self.counts_differ,
            moved: moved.len() as u64,
            on_target: since.map(Duration::from_millis),
            soak: self.config.scenario.migration.soak.map_or(Duration::ZERO, |s| s.unsigned_abs()),
            sessions: open,
        };
        self.refusals = refusals(&known);
        for finding in moved {
            self.found(finding);
        }
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

    /// What was written to the source since the comparison looked at it last, or since the freeze in a run that was resumed after it.
    async fn moved_since_compared(&mut self) -> Stepped<Vec<Finding>> {
        let now = self.marks_now().await?;
        let before = match &self.compared {
            Some(before) => before.clone(),
            None => self.recalled(MARKS, &now)?,
        };
        Ok(moved_since(&before, &now))
    }

    /// Looks once more, at the last moment: what the guard allowed may be wrong by now.
    pub(super) async fn look_before_clean_up(&mut self) -> Stepped<()> {
        let moved = self.moved_since_compared().await?;
        let allowed = refused_at_last(&moved);
        for finding in moved {
            self.found(finding);
        }
        allowed
    }
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
