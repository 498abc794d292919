//! What a world writes down for a later life: whole or not at all, whenever this process is killed.

use super::{Stepped, environment, internal};
use serde::Serialize;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Who may read what was written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    /// Whoever may read the run folder.
    Anybody,
    /// The calling user.
    Owner,
}

/// Writes a value as JSON, in place of what is there.
pub(super) fn keep<T: Serialize>(path: &Path, value: &T, readers: Readers) -> Stepped<()> {
    let text = serde_json::to_vec(value).map_err(|e| internal(&e.to_string()))?;
    let beside = path.with_extension("tmp");
    let mode = match readers {
        Readers::Anybody => 0o644,
        Readers::Owner => 0o600,
    };
    let opened = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&beside);
    opened
        .and_then(|mut file| file.write_all(&text))
        .and_then(|()| fs::rename(&beside, path))
        .map_err(|e| environment(format!("cannot write {}: {e}", path.display()), "free disk space"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_kept_takes_the_place_of_what_was_there_and_only_its_readers_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known.json");
        fs::write(&path, "half of someth").unwrap();
        for (readers, mode) in [(Readers::Anybody, 0o644), (Readers::Owner, 0o600)] {
            keep(&path, &[1, 2], readers).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), "[1,2]");
            let granted = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            assert_eq!(granted & !mode, 0, "{readers:?}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let nowhere = keep(&folder.path().join("no/known.json"), &1, Readers::Anybody);
        assert!(format!("{nowhere:?}").contains("cannot write"), "{nowhere:?}");
    }
}
