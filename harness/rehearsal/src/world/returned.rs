//! The way back of a real Camunda: ended on the target, started on the source again, and each acknowledged thing looked for
//! there by its key.

use super::kept::{Readers, keep};
use super::{RealWorld, Stepped};
use crate::flow::Facts;
use drydock_core::event::NoteLevel;
use drydock_core::names::checks;
use drydock_engine::way_back::{LIST, Returned, judge};
use drydock_engine::{Answers, EngineError, Session, partitions};
use drydock_environments::Side;
use drydock_stores::compare::CheckResult;
use serde_json::json;
use std::time::{Duration, Instant};

/// Longest wait until the application shows the same twice.
const SETTLE: Duration = Duration::from_secs(180);
/// Longest wait for a snapshot of the broker: users wait as well.
const SNAPSHOT: Duration = Duration::from_secs(30);
/// Longest wait until the broker has sent to the source what it sends once more.
const SENT: Duration = Duration::from_secs(120);
/// Importers look again after five seconds at most.
const READ: Duration = Duration::from_secs(6);

impl RealWorld {
    /// People work in Camunda on the target as well as in the databases, where nobody does so far.
    pub(super) async fn work_before_the_return(&mut self) -> Stepped<()> {
        match self.application.as_ref().is_some_and(|a| a.session.is_some() && !a.is_worked_in()) {
            true => self.begin_work(None).await,
            false => Ok(()),
        }
    }

    /// People rest, and Camunda ends on the target. Its broker takes a snapshot first, as one has done that worked for longer than
    /// the five minutes between two of them: what it exported before that is not exported once more.
    pub(super) async fn leave_target(&mut self) -> Stepped<Facts> {
        let mut facts = Facts::new();
        match self.rest().await {
            Ok(Some(done)) => {
                facts.insert("instances_started_on_target".into(), json!(done.started));
            }
            Ok(None) => {}
            Err(error) => self.cannot_go_on("rollback/close", error),
        }
        facts.extend(self.keep_positions(Side::Target).await);
        facts.extend(self.stop_application().await?);
        Ok(facts)
    }

    /// Has the broker take a snapshot on a side, as one has done that has worked for longer than the five minutes between two of
    /// them. One without would send its whole log once more wherever it starts next, and what a migration has lost would be shown.
    pub(super) async fn keep_positions(&self, side: Side) -> Facts {
        let camunda = self.application.as_ref().and_then(|application| application.camunda.as_ref());
        let Some(management) = camunda.map(|camunda| camunda.management_url()) else { return Facts::new() };
        let taken = partitions::snapshot(&management, SNAPSHOT).await;
        if let Err(error) = &taken {
            let so = format!("so that it may export some of the {side}'s work once more");
            self.note(
                NoteLevel::Warning,
                format!("the broker took no snapshot on the {side}, {so}: {error}"),
            );
        }
        Facts::from([("snapshot_of_the_broker".to_owned(), json!(taken.is_ok()))])
    }

    /// Where is everything now that was acknowledged? Then people work on.
    pub(super) async fn check_application_back(&mut self) -> Stepped<()> {
        let began = Instant::now();
        let Some(application) = &self.application else { return Ok(()) };
        let (Some(session), Some(camunda), Some((before, ..))) =
            (application.session.clone(), &application.camunda, application.before.clone())
        else {
            return Err(super::internal("Camunda does not run, or was not asked before the freeze"));
        };
        let result = match self.shown_again(&session, &camunda.management_url()).await? {
            Ok(now) => {
                let deeds = self.deeds_until(u64::MAX)?;
                let returned = Returned::of(&deeds, self.opened_ms.unwrap_or(u64::MAX), &before, &now);
                keep(&self.config.folder.join(LIST), &returned.broken, Readers::Anybody)?;
                let closed = self.way_back.closed_ms.unwrap_or_default();
                judge(&returned, &self.config.scenario.budgets, closed)
            }
            Err(error) => CheckResult::not_compared(
                checks::APP_WAY_BACK,
                "source",
                &format!("Camunda on the source does not say what it shows: {error}"),
                "look at source-camunda.log in the run folder",
            ),
        };
        self.conclude(vec![CheckResult { millis: super::compare::millis(began), ..result }]);
        if let Err(error) = self.begin_work(None).await {
            self.cannot_go_on("rollback/compare", error);
        }
        Ok(())
    }

    /// What the source shows once everything has arrived there that the broker sends once more.
    async fn shown_again(
        &self,
        session: &Session,
        management: &str,
    ) -> Stepped<Result<Answers, EngineError>> {
        if let Err(error) = partitions::exported(management, SENT).await {
            return Ok(Err(error));
        }
        self.pause(READ).await?;
        Ok(Answers::settled(session, None, SETTLE).await.map(|(answers, _)| answers))
    }
}
