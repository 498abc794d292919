//! What a way back relies on, looked at before it is needed: the saved description is the one that was saved, and each dump
//! can be restored.

use crate::context::{MigrationContext, Reporter};
use crate::error::MigrationError;
use crate::postgres::{self, DumpKind};
use crate::way_back;
use drydock_core::scenario::DatabaseMover;
use drydock_core::{Action, Component};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Name of the saved description of the source.
pub const DESCRIPTION: &str = "way-back.json";

/// Hashes (BLAKE3, hexadecimal) of what was captured, by name.
pub type Captured = BTreeMap<String, String>;

/// What a look at one artefact came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// Its name, as in [`Captured`].
    pub name: String,
    /// What was tried with it, or why it is of no use.
    pub state: Result<&'static str, String>,
}

/// The name under which a step's product is captured, if the way back may need it.
pub fn captured_by(action: Action) -> Option<String> {
    match action {
        Action::SaveConfiguration => Some(DESCRIPTION.to_owned()),
        Action::InitialBackup(component) => Some(format!("initial dump of {component}")),
        Action::FinalBackup(component) => Some(format!("final dump of {component}")),
        _ => None,
    }
}

/// Where an artefact lies.
pub fn path_of(cx: &MigrationContext, name: &str) -> Option<PathBuf> {
    if name == DESCRIPTION {
        return Some(way_back::file(cx));
    }
    dump_of(name).map(|(component, kind)| postgres::path(cx, component, kind))
}

fn dump_of(name: &str) -> Option<(Component, DumpKind)> {
    let (kind, component) = name.split_once(" dump of ")?;
    let kind = if kind == "initial" { DumpKind::Initial } else { DumpKind::Final };
    Component::ALL.into_iter().find(|c| c.as_str() == component).map(|c| (c, kind))
}

/// Looks at everything that was captured. Dumps of the official scripts are restored into a database of their own on the
/// target, which is removed again; those made by hand are sealed, and their seal is looked at.
///
/// # Errors
/// The target does not answer: nothing is said of the artefacts then.
pub async fn examine(
    cx: &MigrationContext,
    captured: &Captured,
    reporter: &dyn Reporter,
) -> Result<Vec<Examined>, MigrationError> {
    let mut all = Vec::new();
    for (name, hash) in captured {
        let Some(path) = path_of(cx, name) else { continue };
        let state = match as_captured(&path, hash).await {
            Err(why) => Err(why),
            Ok(()) => match dump_of(name) {
                None => described(cx, &path).map(|()| "is what was saved, and names what the source holds"),
                Some(_) if cx.spec.database_mover != DatabaseMover::Scripts => {
                    Ok("is what was dumped; to restore it takes roles of the source and was not tried")
                }
                Some((component, kind)) => {
                    match postgres::restore_apart(cx, component, kind, reporter).await {
                        Ok(()) => Ok("is what was dumped, and was restored into a database of its own"),
                        Err(MigrationError::Migration { reason, .. }) => {
                            Err(format!("cannot be restored: {reason}"))
                        }
                        Err(other) => return Err(other),
                    }
                }
            },
        };
        all.push(Examined { name: name.clone(), state });
    }
    Ok(all)
}

/// Whether a file is there and what it was.
async fn as_captured(path: &Path, hash: &str) -> Result<(), String> {
    match postgres::hash_of(path).await {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err("is gone".into()),
        Err(e) => Err(format!("cannot be read: {e}")),
        Ok((_, found)) if found == hash => Ok(()),
        Ok((bytes, _)) => {
            Err(format!("is not what was captured: its {bytes} bytes were cut short or changed since"))
        }
    }
}

/// Whether a description names everything that the scenario moves.
fn described(cx: &MigrationContext, path: &Path) -> Result<(), String> {
    let text = std::fs::read(path).map_err(|e| format!("cannot be read: {e}"))?;
    let value: Value = serde_json::from_slice(&text).map_err(|e| format!("is no JSON: {e}"))?;
    let databases: Vec<&str> =
        value["databases"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let lacking: Vec<&str> = cx
        .spec
        .components()
        .into_iter()
        .filter_map(Component::database)
        .filter(|d| !databases.contains(d))
        .collect();
    if !lacking.is_empty() {
        return Err(format!("does not name the databases {}", lacking.join(", ")));
    }
    let indices = value["indices"].as_object().is_some_and(|i| !i.is_empty());
    if cx.spec.components().contains(&Component::Elasticsearch) && !indices {
        return Err("names no index".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_changed_or_cut_short_is_not_what_was_captured() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("a.dump");
        std::fs::write(&file, "0123456789")?;
        let (_, hash) = postgres::hash_of(&file).await?;
        assert_eq!(as_captured(&file, &hash).await, Ok(()));
        std::fs::write(&file, "01234")?;
        assert!(as_captured(&file, &hash).await.is_err_and(|why| why.contains("5 bytes")));
        std::fs::remove_file(&file)?;
        assert_eq!(as_captured(&file, &hash).await, Err("is gone".to_owned()));
        Ok(())
    }

    #[test]
    fn names_of_dumps_lead_back_to_them() {
        for component in [Component::Identity, Component::Webmodeler] {
            let initial = captured_by(Action::InitialBackup(component)).and_then(|n| dump_of(&n));
            assert_eq!(initial, Some((component, DumpKind::Initial)));
            let last = captured_by(Action::FinalBackup(component)).and_then(|n| dump_of(&n));
            assert_eq!(last, Some((component, DumpKind::Final)));
        }
        assert_eq!(dump_of(DESCRIPTION), None);
        assert_eq!(captured_by(Action::Pin), None);
    }
}
