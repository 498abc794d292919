//! The cutover: freeze, pins, switch, comparison, guard and clean-up.

use super::{BETWEEN, Looked, SimWorld, Stepped, environment};
use crate::promises::{Promise, sides_differ};
use crate::rows;
use crate::safeguard::Safeguard;
use crate::schedule::Side;
use drydock_core::event::ServiceState;
use drydock_core::finding::{Finding, Kind};
use drydock_core::names::checks;
use drydock_core::{Action, Event, Step};
use drydock_migration::freeze::{FreezeWitness, Settled, compare, sessions, still_active};
use drydock_rehearsal::flow::{Attempt, Facts};
use drydock_rehearsal::guard::{Known, moved_since, refusals, refused_at_last};
use drydock_stores::compare::CheckResult;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

/// Where the marks of the freeze are kept.
pub(super) const MARKS: &str = "freeze.json";
/// How long a source may take to come to rest.
const SETTLE: Duration = Duration::from_secs(10);

impl SimWorld<'_> {
    /// Stops the application as a scale to zero does, and asks the witness whether the source has come to rest.
    pub(super) async fn freeze(&mut self, attempt: Attempt) -> Stepped<Facts> {
        let stage = self.stage;
        if attempt == Attempt::First && stage.plan.id_of(Action::AwaitWrites).is_none() {
            tokio::time::sleep(BETWEEN).await;
        }
        if !self.lacks(Safeguard::Freeze) {
            self.recorder.emit(Event::Service { state: ServiceState::Closed });
            self.closed_ms.get_or_insert(self.recorder.now_ms());
            stage.application.gate.close();
            if !self.lacks(Safeguard::FreezeWait) {
                stage.application.gate.emptied().await;
            }
        }
        let (before, open) = (stage.script.late(), stage.application.lasting_sessions());
        let prefixes = &stage.context.spec.index_prefixes;
        let databases = self.databases();
        let (marks, settled) =
            FreezeWitness::settle(&stage.context.source, &databases, prefixes, SETTLE).await?;
        self.sessions_told(&open, &marks);
        for session in &marks.sessions {
            self.found(still_active(session));
        }
        let looked = Looked { marks, late: (before, stage.script.late()) };
        if settled == Settled::StillMoving {
            let next = self.look().await?;
            for finding in compare(&looked.marks, &next.marks) {
                self.found(finding);
            }
        }
        self.keep(MARKS, &looked)?;
        self.marks = Some(looked);
        stage.declare_frozen();
        Ok(Facts::from([("closed_ms".to_owned(), json!(self.closed_ms))]))
    }

    /// Holds what the witness tells against what the observer knows: it tells of every write, and of nothing else.
    pub(super) fn witnessed(&self, before: &Looked, now: &Looked, told: &[Finding]) {
        let told = told.iter().find(|f| f.kind != Kind::StillActive);
        let certainly = now.late.0 > before.late.1;
        let possibly = now.late.1 > before.late.0;
        match told {
            // A server that was restarted has forgotten its figures: that nothing is proven is told, and is no alarm.
            Some(unproven) if unproven.kind == Kind::NotCompared => {}
            Some(alarm) if !possibly => self.stage.broke(Promise::WitnessTells, alarm.clone()),
            Some(told) if self.stage.script.late_users() > 0 => {
                self.stage.broke(Promise::FreezeHolds, told.clone());
            }
            None if certainly => {
                let late = now.late.0 - before.late.1;
                let message =
                    format!("{late} writes reached the frozen source, and its witness did not notice");
                let finding = Finding::data(checks::FREEZE, Kind::StillActive, "source", message);
                self.stage.broke(Promise::WitnessTells, finding);
            }
            _ => {}
        }
    }

    /// What moved on the source since the freeze.
    pub(super) async fn check_freeze(&mut self) -> Stepped<()> {
        let Some(before) = self.marks.take() else {
            let (why, next) = ("no marks were taken at the freeze", "rehearse again from the beginning");
            self.conclude(CheckResult::not_compared(checks::FREEZE, "source", why, next));
            return Ok(());
        };
        let now = self.look().await?;
        let findings = compare(&before.marks, &now.marks);
        self.witnessed(&before, &now, &findings);
        let compared = before.marks.indices.len() as u64;
        self.compared = Some(now);
        let note = format!("{compared} indices of the source watched until now");
        self.conclude(CheckResult { check: checks::FREEZE, compared, findings, note, millis: 0 });
        Ok(())
    }

    /// Holds both sides still.
    pub(super) async fn pin(&mut self) -> Stepped<Facts> {
        tokio::time::sleep(Duration::from_millis(60)).await;
        let application = &self.stage.application;
        if application.is_away(Side::Source) || application.is_away(Side::Target) {
            return Err(environment("a side does not answer"));
        }
        self.pinned = Some((application.held(Side::Source), application.held(Side::Target)));
        Ok(Facts::new())
    }

    /// Lets users onto the target.
    pub(super) fn switch(&mut self) -> Stepped<Facts> {
        self.stage.let_in(Side::Target);
        self.recorder.emit(Event::Service { state: ServiceState::OnTarget });
        // Whichever life let users in first: what they wrote since is what a way back loses.
        self.opened_ms.get_or_insert(self.recorder.now_ms());
        Ok(Facts::new())
    }

    /// Compares what was pinned, side against side, and asks the freeze's witness.
    pub(super) async fn compare(&mut self) -> Stepped<Facts> {
        match self.pinned.take() {
            Some((source, target)) => {
                let prefixes = self.stage.context.spec.index_prefixes.clone();
                if !self.stage.databases.is_empty() {
                    let findings = rows::sides_differ(&source.databases, &target.databases);
                    let compared = rows::all(&source.databases).count() as u64;
                    let note = "rows, counts and sequences, side against side".to_owned();
                    self.conclude(CheckResult {
                        check: checks::PG_ROWS,
                        compared,
                        findings,
                        note,
                        millis: 0,
                    });
                }
                let (source, target) = (source.cluster, target.cluster);
                let findings = sides_differ(&source, &target, &prefixes);
                let compared = source.indices.values().map(|i| i.documents().count() as u64).sum();
                let note = "documents and counts, side against side".to_owned();
                self.conclude(CheckResult {
                    check: checks::ES_DOCUMENTS,
                    compared,
                    findings,
                    note,
                    millis: 0,
                });
            }
            None => self.conclude(CheckResult::not_compared(
                checks::ES_DOCUMENTS,
                "both sides",
                "the run was killed after the switch: what the target held then is no longer known",
                "rehearse again from the beginning",
            )),
        }
        self.check_freeze().await?;
        Ok(Facts::from([("objections".to_owned(), json!(self.objections))]))
    }

    async fn moved(&mut self) -> Stepped<Vec<Finding>> {
        let now = self.look().await?;
        let before = match &self.compared {
            Some(before) => before.clone(),
            None => self.kept(MARKS)?,
        };
        let moved = moved_since(&before.marks, &now.marks);
        self.witnessed(&before, &now, &moved);
        Ok(moved)
    }

    /// Tells whether the clean-up may go on.
    pub(super) async fn guard(&mut self, attempt: Attempt) -> Stepped<Facts> {
        // People take their time before they clean up.
        if attempt == Attempt::First {
            tokio::time::sleep(self.stage.hesitation()).await;
        }
        let moved = if self.lacks(Safeguard::SecondLook) { Vec::new() } else { self.moved().await? };
        let since = self.opened_ms.map(|opened| self.recorder.now_ms().saturating_sub(opened));
        let soak = self.stage.context.spec.soak;
        self.refusals = refusals(&Known {
            objections: self.objections,
            counts_differ: self.counts_differ,
            on_target: since.map(Duration::from_millis),
            soak: soak.map_or(Duration::ZERO, |s| s.unsigned_abs()),
            sessions: sessions(&self.stage.context.source.postgres, &self.databases()).await?,
            moved: moved.len() as u64,
        });
        for finding in moved {
            self.found(finding);
        }
        Ok(Facts::from([("refused_because".to_owned(), json!(self.refusals))]))
    }

    /// Stops the source for good, after a last look.
    pub(super) async fn clean_up(
        &mut self,
        step: &Step,
        attempt: Attempt,
        items: &BTreeSet<String>,
    ) -> Stepped<Facts> {
        if self.stage.application.source.is_stopped() {
            return Ok(Facts::new());
        }
        let facts = self.drive(step, attempt, items).await?;
        if !self.lacks(Safeguard::CleanupGuard) && !self.lacks(Safeguard::SecondLook) {
            let moved = self.moved().await?;
            let allowed = refused_at_last(&moved);
            for finding in moved {
                self.found(finding);
            }
            allowed?;
        }
        self.stage.clean();
        Ok(facts)
    }
}
