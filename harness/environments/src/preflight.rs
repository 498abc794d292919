//! Checks before anything starts: room on disk, memory, and whether the stores' user can reach what it needs.

use crate::cache::Cache;
use crate::camunda::CamundaConfig;
use crate::config::EmbeddedConfig;
use crate::error::{EnvironmentError, EnvironmentProblem, Result, size};
use crate::homes::Origin;
use crate::keycloak::KeycloakConfig;
use crate::machine::Machine;
use std::path::Path;

const MIB: u64 = 1 << 20;
/// Two stores of each kind without data, their logs, and a margin.
const WORK_BASE: u64 = 2048 * MIB;
/// Passwords, certificates, locks, and a margin.
const DUMP_BASE: u64 = 256 * MIB;
/// Source, target, and the dump and snapshots on the way.
const WORK_FACTOR: u64 = 4;
/// The unpacked installations and Maven's copies of the archives.
const CACHE_BYTES: u64 = 1229 * MIB;
/// The harness, PostgreSQL on both sides, and the launchers.
const MEMORY_BASE: u64 = 600 * MIB;

/// Bytes that the work directory needs.
pub(crate) fn work_bytes(config: &EmbeddedConfig) -> u64 {
    WORK_BASE + config.estimated_data_bytes.saturating_mul(WORK_FACTOR)
}

/// Bytes of memory that the stores need: a node takes about 1.6 times its heap.
pub(crate) fn memory_bytes(config: &EmbeddedConfig) -> u64 {
    let camunda = config.camunda.as_ref().map_or(0, CamundaConfig::memory_mib);
    let keycloak = config.keycloak.as_ref().map_or(0, KeycloakConfig::memory_mib);
    MEMORY_BASE + config.heaps_mib() * MIB * 8 / 5 + (camunda + keycloak) * MIB
}

/// Room in the work root.
pub(crate) fn work_space(config: &EmbeddedConfig, machine: &Machine, root: &Path) -> Result<String> {
    room(machine, root, work_bytes(config), "the stores' data", &elsewhere("DRYDOCK_WORK"))
}

/// Room on the disk of a container engine, which holds the data of all stores. It lies out of sight where the engine runs in a
/// machine of its own.
pub(crate) fn engine_space(
    config: &EmbeddedConfig,
    machine: &Machine,
    folder: Option<&Path>,
) -> Result<String> {
    let Some(folder) = folder else { return Ok("not told by the engine".to_owned()) };
    let mend =
        "free {} there (docker system df tells what uses it); `drydock clean` removes what dead runs left";
    room(machine, folder, work_bytes(config), "the stores' volumes", mend)
}

/// Room in the work root of an environment of containers: for the dumps alone.
pub(crate) fn dump_space(config: &EmbeddedConfig, machine: &Machine, root: &Path) -> Result<String> {
    room(machine, root, DUMP_BASE + config.estimated_data_bytes, "the dumps", &elsewhere("DRYDOCK_WORK"))
}

/// Room in the cache, where something is still to be fetched.
pub(crate) fn cache_space(machine: &Machine, cache: &Cache, origins: &[&Origin]) -> Result<String> {
    if origins.iter().all(|o| matches!(o, Origin::Ready(_))) {
        return Ok(format!("{}: nothing to fetch", cache.root().display()));
    }
    room(machine, cache.root(), CACHE_BYTES, "the cache of installations", &elsewhere("DRYDOCK_CACHE"))
}

/// The mend where a variable names another place; `{}` stands for what is missing.
fn elsewhere(variable: &str) -> String {
    format!(
        "free {{}} there, or set {variable} to a directory with more room; `drydock clean` removes what dead runs left"
    )
}

fn room(machine: &Machine, path: &Path, need: u64, what: &str, mend: &str) -> Result<String> {
    match machine.disk_available(path) {
        Some(free) if free < need => Err(EnvironmentError::new(
            EnvironmentProblem::DiskSpace,
            format!("{what} need {} in {}, but only {} are free", size(need), path.display(), size(free)),
            mend.replacen("{}", &size(need - free), 1),
        )),
        Some(free) => Ok(format!("{}: {} free, {} needed", path.display(), size(free), size(need))),
        None => Err(EnvironmentError::new(
            EnvironmentProblem::DiskSpace,
            format!("cannot tell how much room there is in {}", path.display()),
            "look at it with df; it has to be on a local file system",
        )),
    }
}

/// Memory for the heaps.
pub(crate) fn memory(config: &EmbeddedConfig, machine: &Machine) -> Result<String> {
    let need = memory_bytes(config);
    match machine.memory_available() {
        Some(free) if free < need => Err(EnvironmentError::new(
            EnvironmentProblem::Memory,
            format!(
                "the stores need {} of memory (heaps of {} MiB in all), but only {} are available",
                size(need),
                config.heaps_mib(),
                size(free)
            ),
            "end other programs, or ask for smaller heaps",
        )),
        Some(free) => Ok(format!("{} available, {} needed", size(free), size(need))),
        None => Ok("not told by this system".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_room_names_path_need_and_mend() {
        let machine = Machine::from_process().with_disk_available(100 * MIB);
        let mut config = EmbeddedConfig::new("r", "/r");
        config.estimated_data_bytes = 512 * MIB;
        let error = work_space(&config, &machine, Path::new("/var/tmp/x")).unwrap_err();
        assert_eq!(error.code, EnvironmentProblem::DiskSpace);
        assert_eq!(error.what, "the stores' data need 4.0 GiB in /var/tmp/x, but only 100 MiB are free");
        assert!(error.help.contains("DRYDOCK_WORK"), "{}", error.help);
    }

    #[test]
    fn in_containers_the_engines_disk_holds_the_data_and_the_work_directory_the_dumps() {
        let mut config = EmbeddedConfig::new("r", "/r");
        config.estimated_data_bytes = 512 * MIB;
        let machine = Machine::from_process().with_disk_available(1024 * MIB);
        assert!(dump_space(&config, &machine, Path::new("/var/tmp/x")).is_ok());
        let error = engine_space(&config, &machine, Some(Path::new("/var/lib/x"))).unwrap_err();
        assert_eq!(error.what, "the stores' volumes need 4.0 GiB in /var/lib/x, but only 1.0 GiB are free");
        assert!(error.help.starts_with("free 3.0 GiB there (docker system df"), "{}", error.help);
        assert!(engine_space(&config, &machine, None).is_ok(), "an engine that does not tell is no obstacle");
        let full = machine.with_disk_available(100 * MIB);
        assert!(dump_space(&config, &full, Path::new("/x")).unwrap_err().help.contains("DRYDOCK_WORK"));
    }

    #[test]
    fn the_heaps_decide_how_much_memory_is_needed() {
        let config = EmbeddedConfig::new("r", "/r");
        assert_eq!(memory_bytes(&config), 600 * MIB + 1024 * MIB * 8 / 5);
        let machine = Machine::from_process().with_memory_available(1024 * MIB);
        let error = memory(&config, &machine).unwrap_err();
        assert_eq!(error.code, EnvironmentProblem::Memory);
        let enough = machine.with_memory_available(2560 * MIB);
        assert!(memory(&config, &enough).is_ok());
        let beside = EmbeddedConfig { camunda: Some(CamundaConfig::default()), ..config };
        assert!(memory(&beside, &enough).is_err(), "a Camunda takes its share");
        let config = EmbeddedConfig { keycloak: Some(KeycloakConfig::default()), camunda: None, ..beside };
        assert_eq!(memory_bytes(&config), 600 * MIB + 1024 * MIB * 8 / 5 + 812 * MIB);
    }
}
