//! The processes of a run, found as an observer finds them.

use std::fs;

/// Those whose environment marks them as the run's.
pub(crate) fn processes_of(run_id: &str) -> Vec<u32> {
    let marker = format!("DRYDOCK_RUN={run_id}");
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid: &u32| {
            fs::read(format!("/proc/{pid}/environ"))
                .is_ok_and(|env| env.split(|b| *b == 0).any(|v| v == marker.as_bytes()))
        })
        .collect()
}
