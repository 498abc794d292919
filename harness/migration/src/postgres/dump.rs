//! `pg_dump` of one database, checked to be readable.

use super::{by_hand, database_of, toc};
use crate::context::{Facts, MigrationContext};
use crate::error::MigrationError;
use crate::program::{self, database_argument};
use crate::without::Without;
use drydock_core::Component;
use drydock_core::scenario::DatabaseMover;
use serde_json::json;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Which of the two dumps of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DumpKind {
    /// While the application runs: the safety copy.
    Initial,
    /// Of the frozen source: the one that is restored.
    Final,
    /// To see how long it takes; removed at once.
    Trial,
}

impl DumpKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::Final => "final",
            Self::Trial => "trial",
        }
    }
}

/// Where a dump lies.
pub(crate) fn path(cx: &MigrationContext, component: Component, kind: DumpKind) -> PathBuf {
    cx.dumps.join(component.as_str()).join(format!("{component}-db-{}.dump", kind.as_str()))
}

/// Flags of `pg_dump`, beside its format the official scripts' own.
fn arguments(format: Vec<String>, component: Component, database: &str, file: &Path) -> Vec<String> {
    let mut arguments = format;
    if component == Component::Keycloak {
        // Members of the cache cluster, rewritten all the time, and worthless elsewhere.
        arguments.extend(["jgroups_ping", "JGROUPS_PING"].map(|t| format!("--exclude-table-data={t}")));
    }
    if Without::Sequences.is_gone() {
        arguments.push("--exclude-table-data=*_seq".into());
    }
    arguments.push(format!("--file={}", file.display()));
    arguments.push(database_argument(database));
    arguments
}

/// Dumps the database of a component as its own role, into a file that appears when it is complete.
pub(crate) async fn dump(
    cx: &MigrationContext,
    component: Component,
    kind: DumpKind,
) -> Result<Facts, MigrationError> {
    let database = database_of(component)?;
    let file = path(cx, component, kind);
    let partial = file.with_extension("partial");
    // A file name always has a folder here, see `path`.
    let folder = file.parent().unwrap_or(&cx.dumps);
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|e| MigrationError::io("create the folder for dumps", folder, &e))?;
    // Created here, so that it is its owner's alone from the first byte.
    std::fs::OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(&partial)
        .map_err(|e| MigrationError::io("create", &partial, &e))?;
    let log = format!("pg_dump-{component}-{}", kind.as_str());
    let by_hand = cx.spec.database_mover != DatabaseMover::Scripts;
    let (format, endpoint) = match by_hand {
        false => (vec!["-F".to_owned(), "custom".to_owned()], cx.as_role(&cx.source, database)?),
        true => (by_hand::dump_arguments(cx), by_hand::works_as(cx, &cx.source, database)?),
    };
    let arguments = arguments(format, component, database, &partial);
    let output = program::run(cx, "pg_dump", arguments, Some(&endpoint), &log).await?;
    if output.code != 0 && !Without::ExitCodes.is_gone() {
        let _ = std::fs::remove_file(&partial);
        return Err(MigrationError::from_words(
            format!("pg_dump of database {database}"),
            program::last_words(&output),
            &format!("see logs/{log}.log"),
        ));
    }
    let (entries, tables) = match cx.spec.database_mover {
        // A plain dump has no table of contents to count tables in.
        DatabaseMover::Plain => (by_hand::entries(&partial)?, None),
        DatabaseMover::Scripts | DatabaseMover::Custom => {
            let list = list(cx, &partial, &log).await?;
            (toc::entries(&list), Some(toc::tables(&list)))
        }
    };
    if entries == 0 {
        return Err(MigrationError::migration(
            format!("read the dump of database {database}"),
            "its table of contents is empty",
            "check that the database on the source holds the component's tables",
        ));
    }
    // Users work on during the first dump: the time to read it whole is there, and the final one is read by its restore.
    let unreadable = match kind {
        DumpKind::Initial if cx.spec.database_mover != DatabaseMover::Plain => {
            read_whole(cx, &partial, &log).await?
        }
        _ => None,
    };
    let (bytes, hash) = hash_of(&partial).await.map_err(|e| MigrationError::io("read", &partial, &e))?;
    if by_hand {
        by_hand::note_hash(&file, &hash)?;
    }
    std::fs::rename(&partial, &file)
        .map_err(|e| MigrationError::io("rename the finished dump to", &file, &e))?;
    let mut facts = Facts::from([
        ("bytes".into(), json!(bytes)),
        ("seconds".into(), json!(round(output.seconds))),
        ("entries".into(), json!(entries)),
        ("tables".into(), json!(tables)),
        ("blake3".into(), json!(hash)),
    ]);
    if let Some(why) = unreadable {
        facts.insert("unreadable".into(), json!(why));
    }
    Ok(facts)
}

/// Reads a dump to its end and throws away what it says: its table of contents stands at its head, and is whole where the
/// data behind it are not. Returns why it cannot be read.
async fn read_whole(cx: &MigrationContext, file: &Path, log: &str) -> Result<Option<String>, MigrationError> {
    let arguments = vec!["--file=/dev/null".to_owned(), file.display().to_string()];
    let output = program::run(cx, "pg_restore", arguments, None, &format!("{log}-read")).await?;
    Ok((output.code != 0).then(|| program::last_words(&output)))
}

/// The dump's table of contents.
pub(super) async fn list(cx: &MigrationContext, file: &Path, log: &str) -> Result<String, MigrationError> {
    let arguments = vec!["--list".to_owned(), file.display().to_string()];
    let output = program::run(cx, "pg_restore", arguments, None, &format!("{log}-list")).await?;
    if output.code != 0 {
        return Err(MigrationError::from_words(
            format!("read the dump {}", file.display()),
            program::last_words(&output),
            "dump the database again",
        ));
    }
    Ok(output.stdout)
}

/// Files up to so many bytes are read at once: to hand them to another thread takes longer.
const AT_ONCE: u64 = 256 * 1024;

/// Length and BLAKE3 of a file.
pub(crate) async fn hash_of(file: &Path) -> std::io::Result<(u64, String)> {
    if std::fs::metadata(file)?.len() <= AT_ONCE {
        return hash(file);
    }
    let file = file.to_owned();
    tokio::task::spawn_blocking(move || hash(&file)).await.map_err(std::io::Error::other)?
}

/// Length and BLAKE3 of a file. Blocking.
pub(crate) fn hash(file: &Path) -> std::io::Result<(u64, String)> {
    let mut hasher = blake3::Hasher::new();
    let mut reader = std::fs::File::open(file)?;
    let bytes = std::io::copy(&mut reader, &mut hasher)?;
    Ok((bytes, hasher.finalize().to_hex().to_string()))
}

/// Seconds with three decimals.
pub(crate) fn round(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_those_of_the_official_scripts() {
        let format = || vec!["-F".to_owned(), "custom".to_owned()];
        let flags = arguments(format(), Component::Keycloak, "keycloak", Path::new("/d/k.partial"));
        assert_eq!(
            flags,
            [
                "-F",
                "custom",
                "--exclude-table-data=jgroups_ping",
                "--exclude-table-data=JGROUPS_PING",
                "--file=/d/k.partial",
                "--dbname=dbname='keycloak'"
            ]
        );
        assert_eq!(arguments(format(), Component::Identity, "identity", Path::new("/d/i")).len(), 4);
    }
}
