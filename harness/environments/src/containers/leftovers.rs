//! What dead runs left at the engine, for `drydock clean`, which knows no runtime.

use super::engine::Engine;
use super::found::{Found, Remove};
use super::marks::{Marks, Place};
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::machine::Machine;
use crate::workdir::WorkDir;
use std::collections::BTreeMap;
use std::path::Path;

/// In a work directory: the run asked a container engine for its stores, and may have left something there.
pub(crate) const MARKER_FILE: &str = "containers.json";

fn is_marked(work: &WorkDir) -> bool {
    work.path().join(MARKER_FILE).is_file()
}

/// Names of what a dead run left at the engine; nothing if no engine answers.
pub(crate) fn names_of(work: &WorkDir) -> Vec<String> {
    if !is_marked(work) {
        return Vec::new();
    }
    let marks = Marks::of(work);
    let found = with_engine(async |engine| engine.found(&marks).await);
    found.map(|found| found.names()).unwrap_or_default()
}

/// Removes what a dead run left at the engine. A run without containers has nothing there, and no engine is asked.
///
/// # Errors
/// The run had containers, and no engine answers or it does not remove them.
pub(crate) fn remove_of(work: &WorkDir) -> Result<()> {
    if !is_marked(work) {
        return Ok(());
    }
    let marks = Marks::of(work);
    with_engine(async |engine| engine.remove_run(&marks, Remove::Everything).await)
}

/// Runs of a work root of which only containers, volumes or networks are left, with their names: somebody removed the work
/// directory, or the whole root, by hand.
///
/// # Errors
/// No engine answers: nobody knows.
pub(crate) fn orphans(root: &Path) -> Result<Vec<(String, Vec<String>)>> {
    let place = Place::of(root);
    let found = with_engine(async |engine| of_place(&engine, &place).await)?;
    let dead = found.into_iter().filter(|(run, found)| !found.is_empty() && !root.join(run).exists());
    Ok(dead.map(|(run, found)| (run, found.names())).collect())
}

/// Removes everything of a run that [`orphans`] told.
///
/// # Errors
/// The engine does not remove it.
pub(crate) fn remove_orphan(root: &Path, run: &str) -> Result<()> {
    let place = Place::of(root);
    with_engine(async |engine| {
        let found = of_place(&engine, &place).await?.remove(run).unwrap_or_default();
        // A run of this name may have begun meanwhile.
        if root.join(run).exists() { Ok(()) } else { engine.remove(found, Remove::Everything).await }
    })
}

async fn of_place(engine: &Engine, place: &Place) -> Result<BTreeMap<String, Found>> {
    let mut runs: BTreeMap<String, Found> = BTreeMap::new();
    for filter in place.filters() {
        for (run, found) in engine.find(&filter).await? {
            runs.entry(run).or_default().join(found);
        }
    }
    Ok(runs)
}

/// Asks the engine from a thread with a runtime of its own: the caller may be inside of one, which must not be blocked twice.
fn with_engine<T: Send>(ask: impl AsyncFnOnce(Engine) -> Result<T> + Send) -> Result<T> {
    let broken = |why: &dyn std::fmt::Display| {
        EnvironmentError::new(
            EnvironmentProblem::Io,
            format!("cannot ask the container engine: {why}"),
            "run again; if it stays so, look whether this user may start threads",
        )
    };
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| broken(&e))?;
            runtime.block_on(async { ask(Engine::connect(&Machine::from_process()).await?).await })
        });
        asking.join().unwrap_or_else(|_| Err(broken(&"its thread broke off")))
    })
}
