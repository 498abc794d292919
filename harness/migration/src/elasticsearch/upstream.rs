//! What the official scripts do after the documents are copied, and how.

use super::copy::{CREATE_PARALLELISM, Work};
use super::inventory::{SourceIndex, index_path};
use super::{bounded, create};
use crate::error::MigrationError;
use serde_json::json;

impl Work<'_> {
    /// Empty indices after the templates, errors passed over, as the official scripts do.
    pub(super) async fn create_empty_upstream(&self, empty: &[&SourceIndex]) -> Result<(), MigrationError> {
        let made = empty
            .iter()
            .map(|index| async {
                match create::create(&self.target, self.definition(&index.name)?, self.mode(), self.reporter)
                    .await
                {
                    Err(MigrationError::Migration { reason, .. }) => {
                        self.reporter.note(&format!("empty index {} was not made: {reason}", index.name));
                    }
                    other => other?,
                }
                self.reporter.item(&index.name, 0);
                Ok(())
            })
            .collect();
        bounded(CREATE_PARALLELISM, made).await.map(drop)
    }

    /// Aliases with nothing but the write flag where it is set, as the official scripts do.
    pub(super) async fn aliases_upstream(&self) -> Result<(), MigrationError> {
        for definition in self.definitions.values().filter(|d| self.prefixes.matches(&d.name)) {
            for (alias, body) in definition.aliases.as_object().into_iter().flatten() {
                let mut kept = json!({});
                if body["is_write_index"] == true {
                    kept["is_write_index"] = json!(true);
                }
                let path = format!("{}/_alias/{}", index_path(&definition.name), super::encode(alias));
                if let Err(e) = self.target.put(&path, &kept).await {
                    if e.is_transport() {
                        return Err(MigrationError::elasticsearch(
                            format!("set alias {alias} on the target"),
                            &e,
                        ));
                    }
                    self.reporter
                        .note(&format!("alias {alias} of index {} was not set: {e}", definition.name));
                }
            }
        }
        Ok(())
    }
}
