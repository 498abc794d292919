//! The work directory that a run of an environment starts on: made anew, or taken up after a death.

use crate::clean;
use crate::config::{EmbeddedConfig, Side, Store};
use crate::embedded::blocking;
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::workdir::{Owner, Taken, WorkDir};
use std::path::Path;

/// A new one. What a dead run of the same name left is removed first, perhaps of another environment: a run can be tried on all.
pub(crate) async fn new_work(config: &EmbeddedConfig, root: &Path) -> Result<WorkDir> {
    match WorkDir::take(root, &config.run_id)? {
        Taken::Live(owner) => return Err(in_use(&config.run_id, owner.as_ref())),
        Taken::Ours(old) => blocking(move || clean::end_and_remove(old)).await?,
        Taken::Absent => {}
    }
    WorkDir::create(root, &config.run_id, &config.run_dir)
}

/// What a dead run left; `None` if there is nothing.
pub(crate) fn left_work(config: &EmbeddedConfig, root: &Path) -> Result<Option<WorkDir>> {
    match WorkDir::take(root, &config.run_id)? {
        Taken::Absent => Ok(None),
        Taken::Live(owner) => Err(in_use(&config.run_id, owner.as_ref())),
        Taken::Ours(work) => Ok(Some(work)),
    }
}

fn in_use(run_id: &str, owner: Option<&Owner>) -> EnvironmentError {
    let by = owner.map_or_else(|| "another process".to_owned(), |owner| format!("process {}", owner.pid));
    EnvironmentError::new(
        EnvironmentProblem::Interrupted,
        format!("run {run_id} is in use by {by}"),
        "wait until it ends, end it, or choose another name",
    )
}

/// Why what a store keeps its data in is not removed.
pub(crate) fn still_runs(what: &str, side: Side, store: Store) -> EnvironmentError {
    EnvironmentError::new(
        EnvironmentProblem::Configuration,
        format!("the {what} of the {side} {store} cannot be removed: it runs"),
        "end it first",
    )
}
