//! Running the built command in a folder of its own.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A scenario of the repository.
pub(crate) fn scenario(name: &str) -> PathBuf {
    root().join("scenarios").join(name)
}

/// The command, without colours and with nothing inherited that would change its messages.
pub(crate) fn drydock(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_drydock"));
    command.current_dir(folder).env("NO_COLOR", "1").env_remove("RUST_LOG");
    command
}

/// Standard output and error together, for assertions and messages.
pub(crate) fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A folder that is removed at the end, readable by the user that runs the stores.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("drydock-it-").tempdir().expect("a temporary folder")
}

/// Real rehearsals take turns: four stores at a time are enough for two cores.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why real stores cannot run here, if so.
pub(crate) fn cannot_run(folder: &Path) -> Option<String> {
    let output = drydock(folder).args(["doctor"]).arg(scenario("tiny.yaml")).output().expect("doctor runs");
    let missing: Vec<String> =
        text(&output).lines().filter(|l| l.starts_with("MISSING")).map(ToOwned::to_owned).collect();
    (!output.status.success()).then(|| missing.join("; "))
}

/// Tells that a test was not made.
pub(crate) fn skip(why: &str) {
    std::io::Write::write_all(&mut std::io::stderr(), format!("SKIP {why}\n").as_bytes()).unwrap_or_default();
}

/// The one run folder below `folder`.
pub(crate) fn run_folder(folder: &Path) -> PathBuf {
    let runs = folder.join("reports/runs");
    let mut found: Vec<PathBuf> = std::fs::read_dir(&runs)
        .map(|entries| entries.flatten().map(|e| e.path()).collect())
        .unwrap_or_default();
    found.sort();
    found.pop().unwrap_or(runs)
}

/// Process ids that carry the marker of a run.
pub(crate) fn processes_of(run: &str) -> Vec<String> {
    let marker = format!("DRYDOCK_RUN={run}");
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter(|e| {
            std::fs::read(e.path().join("environ"))
                .is_ok_and(|b| String::from_utf8_lossy(&b).contains(&marker))
        })
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect()
}

/// A file of JSON.
pub(crate) fn json(path: &Path) -> Value {
    let text = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_slice(&text).expect("it is JSON")
}

/// Everything of a run is gone: processes and work directory.
pub(crate) fn assert_nothing_left(folder: &Path, run: &Path) {
    let name = run.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    assert_eq!(processes_of(&name), Vec::<String>::new(), "processes of {name} are left");
    let output = drydock(folder).args(["clean", "--dry-run"]).output().expect("clean runs");
    assert!(!text(&output).contains(&name), "{}", text(&output));
}

/// As little as a whole migration can be made of.
pub(crate) fn small_scenario(folder: &Path) -> PathBuf {
    let side = "{elasticsearch: {heap_mib: 512}}";
    let text = format!(
        "name: small\nsource: {side}\ntarget: {side}\ndata: {{profile: tiny}}\n\
         workload: {{writes_per_second: 5, probes_per_second: 0}}\nmigration:\n  components: [identity, elasticsearch]\n  \
         index_prefixes: [zeebe-, operate-, tasklist-, optimize-, connectors-, camunda-, acme-]\n"
    );
    let path = folder.join("small.yaml");
    std::fs::write(&path, text).expect("a scenario");
    path
}
