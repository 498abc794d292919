//! How a run that was begun before goes on.

use super::{RealWorld, application, rollback};
use crate::flow::Progress;
use drydock_core::{Event, StepId};
use drydock_environments::{Environment, EnvironmentError, EnvironmentProblem};

impl RealWorld {
    /// Decides how a run that was begun before goes on: from where it stopped, or from the beginning.
    ///
    /// # Errors
    /// The environment cannot be asked for the run's stores. Nothing was removed or recorded: it can be resumed once the
    /// environment is in order.
    pub async fn take_up(&mut self, progress: Progress) -> Result<Progress, EnvironmentError> {
        self.resumed = true;
        self.struck.clone_from(&progress.struck);
        let why = self.why_start_over(&progress).await?;
        let steps_kept = if why.is_some() { 0 } else { progress.done.len() as u64 };
        self.recorder.emit(Event::RunResumed { steps_kept, starts_over: why.clone() });
        if why.is_none() {
            return Ok(progress);
        }
        // What the earlier life of the run wrote is gone with its stores.
        let _ = std::fs::remove_file(&self.config.acknowledged);
        let _ = std::fs::remove_file(self.config.folder.join(application::DEEDS));
        let _ = std::fs::remove_file(self.config.folder.join("way-back.json"));
        let _ = std::fs::remove_file(self.config.folder.join(rollback::CAPTURED));
        let _ = drydock_migration::forget_warm_copy(&self.config.folder);
        Ok(Progress::default())
    }

    /// Why the run cannot go on from where it stopped. That nobody can be asked is no reason to throw it away.
    async fn why_start_over(&mut self, progress: &Progress) -> Result<Option<String>, EnvironmentError> {
        if !progress.done.contains(&StepId::from("prepare/workload")) {
            return Ok(Some("the source had not been filled".into()));
        }
        if self.application.is_some() {
            return Ok(Some("what Camunda showed before is not known any more".into()));
        }
        // Adopted from an earlier life in the same process.
        if self.environment.is_some() {
            return Ok(None);
        }
        let (name, progress) = (self.config.scenario.environment.clone(), self.progress("prepare/provision"));
        match Environment::reattach(name, self.stores_config(), progress).await {
            Ok(Some(environment)) => {
                self.environment = Some(environment);
                Ok(None)
            }
            Ok(None) => Ok(Some("the data of its stores is gone".into())),
            Err(error) if error.code == EnvironmentProblem::StartFailed => {
                Ok(Some(format!("its stores do not start on their data: {error}")))
            }
            Err(error) => Err(error),
        }
    }
}
