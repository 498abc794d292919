//! The way from the target to the source: everything ends there, and starts here.

use super::rollback::millis;
use super::{RealWorld, Stepped, Until};
use crate::flow::{Attempt, Facts, StepError};
use drydock_core::event::ServiceState;
use drydock_core::finding::{Class, Finding, Kind};
use drydock_core::names::checks;
use drydock_core::{Event, Step};
use drydock_environments::Side;
use drydock_migration::freeze;
use serde_json::json;
use std::time::Instant;

impl RealWorld {
    /// Stops the application on the target.
    pub(super) async fn close_target(&mut self, step: &Step) -> Stepped<Facts> {
        let began = Instant::now();
        let mut facts = Facts::from([("takes".to_owned(), json!(["stop the application on the target"]))]);
        self.watch_closely().await;
        self.recorder.emit(Event::Service { state: ServiceState::Closed });
        // Where the switch was never reached, users have waited since the freeze.
        let now = self.recorder.now_ms();
        let since = if self.opened_ms.is_some() { now } else { self.closed_ms.unwrap_or(now) };
        self.way_back.closed_ms.get_or_insert(since);
        if let Some(service) = &self.service {
            service.close().await;
        }
        if self.has_chart() {
            // The broker is one of the pods, and takes a snapshot first.
            facts.extend(self.leave_target().await?);
            self.stop_pods(&mut facts).await?;
        } else {
            self.stop_pods(&mut facts).await?;
            facts.extend(self.leave_target().await?);
        }
        self.stop_identity().await?;
        if let Some(writer) = self.writer.take() {
            let summary = writer.finish().await;
            facts.insert("requests_acknowledged".into(), json!(summary.acknowledged));
            facts.insert("requests_failed".into(), json!(summary.failed));
        }
        self.way_back.took.push((step.id.to_string(), millis(began)));
        Ok(facts)
    }

    /// Points the pods to the source again, or has the official scripts do it.
    async fn take_pods_back(&mut self, step: &Step, attempt: Attempt) -> Stepped<Facts> {
        if self.config.scenario.scripts().is_some() {
            return self.go_back_by_scripts(step, attempt).await;
        }
        let mut facts = Facts::new();
        self.start_pods(Side::Source, &mut facts).await?;
        Ok(facts)
    }

    /// Starts the application on the source again.
    pub(super) async fn switch_back(&mut self, step: &Step, attempt: Attempt) -> Stepped<Facts> {
        let began = Instant::now();
        if let Some(still) = self.way_back.still.take() {
            // Between the look at the source and the return nothing may have touched it.
            let moved = freeze::compare(&still, &self.marks_now().await?);
            // A session that stays open is the guard's to tell; here only what changed something counts.
            for finding in moved.into_iter().filter(|f| f.kind != Kind::StillActive) {
                self.found(Finding { check: checks::RB_RESTORED.into(), ..finding });
            }
        }
        let takes = "point the application to the source with the saved configuration and start it";
        let mut facts = Facts::from([("takes".to_owned(), json!([takes]))]);
        self.check_rest().await?;
        if self.has_chart() {
            // The application is its pods.
            facts.extend(self.take_pods_back(step, attempt).await?);
            facts.extend(self.take_identity_back().await?);
            facts.extend(self.start_application(Side::Source, step.id.as_str()).await?);
        } else {
            facts.extend(self.take_identity_back().await?);
            facts.extend(self.start_application(Side::Source, step.id.as_str()).await?);
            facts.extend(self.take_pods_back(step, attempt).await?);
        }
        let config = self.service_config(Side::Source)?;
        if let Some(service) = &self.service {
            service.open(&config).await.map_err(|e| StepError {
                class: Class::Access,
                message: format!("the application does not start on the source again: {e}"),
                next: "look whether the role can log in to its database on the source".into(),
            })?;
        }
        self.recorder.emit(Event::Service { state: ServiceState::OnSource });
        self.watch_from_far();
        self.way_back.closed_ms = self.way_back.closed_ms.or(self.closed_ms);
        self.way_back.opened_ms = Some(self.recorder.now_ms());
        self.way_back.took.push((step.id.to_string(), millis(began)));
        self.start_writer(Until::Stopped)?;
        Ok(facts)
    }
}
