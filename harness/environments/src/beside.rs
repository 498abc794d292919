//! What every application that runs beside the stores has to see to: bounds of its heap, room in memory, and where its logs go.

use crate::error::{EnvironmentError, EnvironmentProblem, Result, size};
use crate::machine::Machine;
use crate::workdir::WorkDir;
use std::path::PathBuf;
use std::time::Duration;

/// Bounds of a heap, MiB: such an application runs beside two servers and two clusters on a small machine.
const MIN_HEAP_MIB: u32 = 256;
const MAX_HEAP_MIB: u32 = 1024;
/// From start to first answer, of which most take half a minute: four minutes were seen where six other processes wanted the cores.
pub(crate) const START_LIMIT: Duration = Duration::from_secs(600);
/// For an end in good order.
pub(crate) const STOP_LIMIT: Duration = Duration::from_secs(45);

/// Refuses a heap beyond its bounds.
pub(crate) fn heap(whose: &str, mib: u32) -> Result<()> {
    if (MIN_HEAP_MIB..=MAX_HEAP_MIB).contains(&mib) {
        return Ok(());
    }
    Err(EnvironmentError::new(
        EnvironmentProblem::Configuration,
        format!("a heap of {mib} MiB for {whose} is outside {MIN_HEAP_MIB} to {MAX_HEAP_MIB} MiB"),
        "set it to 512",
    ))
}

/// Refuses one more process beside the stores that run already where it would not find so much memory, in MiB.
pub(crate) fn room(whose: &str, mib: u64, machine: &Machine) -> Result<()> {
    let need = mib << 20;
    match machine.memory_available() {
        Some(free) if free < need => Err(EnvironmentError::new(
            EnvironmentProblem::Memory,
            format!("{whose} needs {} of memory, but only {} are available", size(need), size(free)),
            "end other programs, or ask for smaller heaps",
        )),
        _ => Ok(()),
    }
}

/// The folder of the run's logs.
pub(crate) fn logs_of(work: &WorkDir) -> Result<PathBuf> {
    work.owner().map(|owner| owner.run_dir.join("logs")).ok_or_else(|| {
        EnvironmentError::new(
            EnvironmentProblem::Io,
            format!("{} does not tell its run folder", work.path().display()),
            "remove it with `drydock clean` and run again",
        )
    })
}
