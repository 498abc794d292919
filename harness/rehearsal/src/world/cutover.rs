//! The cutover: freeze, planted losses, pins, switch.

use super::kept::{Readers, keep};
use super::{Pins, RealWorld, Stepped, Until, environment, of_migration, store_failed};
use crate::flow::Facts;
use drydock_core::event::ServiceState;
use drydock_core::scenario::{Fault, FaultKind, Moment};
use drydock_core::{Action, Event, StepId};
use drydock_environments::Side;
use drydock_migration::fault::plant;
use drydock_migration::freeze::{FreezeWitness, Marks, Settled, Watch, compare, still_active};
use drydock_stores::elasticsearch::{Client, PinnedEs, Timeouts};
use drydock_stores::postgres::PinnedPg;
use serde_json::json;
use std::fs;
use std::time::Duration;

/// Where the marks of the freeze are kept for a resumed run.
pub(super) const MARKS: &str = "freeze.json";
/// How long the source may take to come to rest after the application has stopped.
pub(super) const SETTLE_LIMIT: Duration = Duration::from_secs(10);

impl RealWorld {
    /// Stops the application and takes the marks that nothing may move beyond.
    pub(super) async fn freeze(&mut self) -> Stepped<Facts> {
        let mut facts = Facts::new();
        self.watch_closely().await;
        self.recorder.emit(Event::Service { state: ServiceState::Closed });
        self.closed_ms.get_or_insert(self.recorder.now_ms());
        if let Some(service) = &self.service {
            service.close().await;
        }
        self.stopped_ms.get_or_insert(self.recorder.now_ms());
        self.stop_pods(&mut facts).await?;
        self.stop_identity().await?;
        if let Some(writer) = self.writer.take() {
            let summary = writer.finish().await;
            facts.insert("writes_acknowledged".into(), json!(summary.acknowledged));
            facts.insert("writes_failed".into(), json!(summary.failed));
        }
        facts.extend(self.stop_application().await?);
        if self.pods_go_on() {
            facts.insert("marks".into(), json!("once the scripts have stopped the pods"));
        } else {
            let marks = self.settled(&mut facts).await?;
            let path = self.config.folder.join(MARKS);
            keep(&path, &marks, Readers::Anybody)?;
            self.watch_from(marks)?;
        }
        facts.insert("closed_ms".into(), json!(self.closed_ms));
        Ok(facts)
    }

    /// Takes the marks once nothing moves any more. What still moves after the application has stopped is told at once.
    async fn settled(&mut self, facts: &mut Facts) -> Stepped<Marks> {
        let source = self.side(Side::Source)?;
        let prefixes = self.watched_prefixes();
        let (marks, settled) = FreezeWitness::settle(&source, &self.databases(), &prefixes, SETTLE_LIMIT)
            .await
            .map_err(of_migration)?;
        self.judge_marks(&marks, settled, facts).await?;
        Ok(marks)
    }

    /// Tells who is still there at the freeze, and what still moves.
    pub(super) async fn judge_marks(
        &mut self,
        marks: &Marks,
        settled: Settled,
        facts: &mut Facts,
    ) -> Stepped<()> {
        for session in &marks.sessions {
            if !self.scripts.is_own(session) {
                self.found(still_active(session));
            }
        }
        if settled == Settled::StillMoving {
            facts.insert("still_moving".into(), json!(true));
            let next = self.marks_now().await?;
            for finding in compare(marks, &next) {
                self.found(finding);
            }
        }
        Ok(())
    }

    pub(super) async fn marks_now(&self) -> Stepped<Marks> {
        let source = self.side(Side::Source)?;
        let prefixes = self.watched_prefixes();
        FreezeWitness::capture(&source, &self.databases(), &prefixes).await.map_err(of_migration)
    }

    /// Takes up the marks of a freeze that an earlier life of the run declared. The source was restarted since, by us: its
    /// counters must have come through that unchanged, and are watched from there.
    pub(super) async fn recall_freeze(&mut self) -> Stepped<()> {
        let now = self.marks_now().await?;
        for finding in compare(&self.recalled(MARKS, &now)?, &now) {
            self.found(finding);
        }
        self.told_sessions.clone_from(&now.sessions);
        self.watch_from(now)
    }

    /// Marks that an earlier life of the run kept in a file, as they would be `now` if nobody had written since.
    pub(super) fn recalled(&self, file: &str, now: &Marks) -> Stepped<Marks> {
        let path = self.config.folder.join(file);
        let lost = |e: &dyn std::fmt::Display| {
            environment(
                format!("the marks of the source in {} cannot be read: {e}", path.display()),
                "rehearse again from the beginning",
            )
        };
        let text = fs::read(&path).map_err(|e| lost(&e))?;
        let mut before: Marks = serde_json::from_slice(&text).map_err(|e| lost(&e))?;
        // A source that crashed has forgotten its counters. Its transactions tell as well: where none has begun since, none wrote.
        if let (Some(then), Some(server)) = (&before.server, &now.server)
            && then.started != server.started
            && server.next_transaction <= then.next_transaction
        {
            for (name, mark) in &mut before.tables {
                if let Some(found) =
                    now.tables.get(name).filter(|found| found.oid == mark.oid && found.file == mark.file)
                {
                    mark.clone_from(found);
                }
            }
            // A crash moves sequences on by what they had set aside.
            if before.sequences.keys().eq(now.sequences.keys()) {
                before.sequences.clone_from(&now.sequences);
            }
        }
        before.server.clone_from(&now.server);
        before.sessions.clear();
        Ok(before)
    }

    /// Takes marks for those of the freeze, and looks at the source from now on.
    fn watch_from(&mut self, marks: Marks) -> Stepped<()> {
        let source = self.side(Side::Source)?;
        let prefixes = self.watched_prefixes();
        let watch = Watch::start(&source, &self.databases(), &prefixes, &marks);
        self.hold_against(marks, watch);
        Ok(())
    }

    /// From now on the source is held against these marks, and nobody is told twice of who was there then.
    pub(super) fn hold_against(&mut self, marks: Marks, watch: Watch) {
        self.told_sessions.extend(marks.sessions.iter().cloned());
        (self.watch, self.marks) = (Some(watch), Some(marks));
        self.frozen_ms = Some(self.recorder.now_ms());
    }

    /// What the indices begin with that a freeze holds still; nothing where none is migrated.
    pub(super) fn watched_prefixes(&self) -> Vec<String> {
        if self.has_elasticsearch() { self.scope().prefixes } else { Vec::new() }
    }

    /// Plants the losses that are due after a step. Without a step of their own they are due after the last one that
    /// restores.
    pub(super) async fn plant_after(&mut self, after: &StepId) -> Stepped<()> {
        let steps = &self.config.plan.steps;
        let of = |action| steps.iter().position(|s| s.action == action);
        // A plan that is left before anything was restored has no such step.
        let compared = of(Action::Pin)
            .or_else(|| of(Action::MeasureAfter).filter(|_| self.config.scenario.rollback.is_none()));
        let default = compared.and_then(|c| steps.get(c.saturating_sub(1))).map(|s| s.id.clone());
        let due: Vec<(u64, Fault)> = (0..)
            .zip(&self.config.scenario.faults)
            .filter(|(_, f)| f.fault.moment() == Moment::After)
            .filter(|(_, f)| f.after.as_ref().or(default.as_ref()) == Some(after))
            .map(|(n, f)| (n, f.clone()))
            .collect();
        if due.is_empty() {
            return Ok(());
        }
        let context = self.migration()?;
        for (number, fault) in due {
            let seed = self.config.scenario.seed.wrapping_add(number);
            let items =
                plant(fault.fault, fault.at.as_deref(), seed, &context).await.map_err(of_migration)?;
            let items: Vec<String> = items.into_iter().map(|i| i.item).collect();
            self.recorder.emit(Event::FaultPlanted {
                fault: FaultKind::as_str(fault.fault).to_owned(),
                after: after.clone(),
                item: items.join("; "),
            });
        }
        Ok(())
    }

    /// Holds both sides still for the comparison: snapshots, so that users need not wait for it.
    pub(super) async fn pin(&mut self) -> Stepped<Facts> {
        let (source, target) = (self.side(Side::Source)?, self.side(Side::Target)?);
        let mut pins = Pins { elasticsearch: None, postgres: None };
        if self.has_elasticsearch() {
            let scope = self.scope();
            let client = |endpoint| {
                Client::new(endpoint, Timeouts::default()).map_err(|e| store_failed("set up a client", &e))
            };
            let (a, b) = (client(&source.elasticsearch)?, client(&target.elasticsearch)?);
            let (a, b) = tokio::join!(PinnedEs::pin(&a, &scope), PinnedEs::pin(&b, &scope));
            let failed = |e| store_failed("open points in time", &e);
            pins.elasticsearch = Some((a.map_err(failed)?, b.map_err(failed)?));
        }
        let databases = self.databases();
        if !databases.is_empty() {
            let (a, b) = tokio::join!(
                PinnedPg::pin(&source.postgres, &databases),
                PinnedPg::pin(&target.postgres, &databases)
            );
            pins.postgres = Some((a, b));
        }
        self.pins = Some(pins);
        Ok(Facts::new())
    }

    /// A run that was stopped after both sides were held still, and before anybody was let in, holds them still once more: nobody has
    /// written to either since. A real identity provider on the target has.
    async fn pin_anew(&mut self) -> Stepped<()> {
        let plan = &self.config.plan;
        let (held, others) = (plan.id_of(Action::Pin).is_some(), plan.id_of(Action::StartIdentity).is_some());
        if self.pins.is_some() || self.met_ms.is_some() || !held || others {
            return Ok(());
        }
        let text = "both sides are held still anew: nobody was let in before the run was stopped";
        self.note(drydock_core::event::NoteLevel::Info, text);
        self.pin().await.map(drop)
    }

    /// Starts the application on the target.
    pub(super) async fn switch(&mut self) -> Stepped<Facts> {
        self.check_rest().await?;
        self.pin_anew().await?;
        let mut facts = Facts::new();
        if self.has_chart() {
            // The application is its pods.
            self.start_pods(Side::Target, &mut facts).await?;
            self.start_keycloak(Side::Target, None, "phase-3/switch", &mut facts).await?;
            facts.extend(self.start_application(Side::Target, "phase-3/switch").await?);
        } else {
            facts.extend(self.start_application(Side::Target, "phase-3/switch").await?);
            self.start_pods(Side::Target, &mut facts).await?;
        }
        let config = self.service_config(Side::Target)?;
        if let Some(service) = &self.service {
            service.open(&config).await.map_err(|e| cannot_start(&e))?;
        }
        self.recorder.emit(Event::Service { state: ServiceState::OnTarget });
        self.watch_from_far();
        self.opened_ms = Some(self.recorder.now_ms());
        self.met_ms = self.met_ms.or(self.opened_ms);
        self.start_writer(match &self.config.scenario.rollback {
            Some(spec) if spec.after_writes > 0 => Until::Acknowledged(spec.after_writes.into()),
            _ => Until::Stopped,
        })?;
        Ok(facts)
    }
}

/// The application does not start on the target: that is the migration's failure, unless the store itself is away.
fn cannot_start(error: &drydock_workload::service::ServiceError) -> crate::flow::StepError {
    crate::flow::StepError {
        class: drydock_core::Class::Access,
        message: format!("the application does not start on the target: {error}"),
        next: "look whether the role can log in to its database on the target".into(),
    }
}
