//! The warm copy: each index is marked, made and copied when it is its turn, while users write to it.

use super::copy::Work;
use super::inventory::{SourceIndex, index_path};
use super::marks::{self, Ledger};
use crate::error::MigrationError;
use crate::without::Without;

impl Work<'_> {
    /// Copies one index as it is now. An index that goes meanwhile, or that users change so that it cannot be copied, is
    /// left to the delta. Returns nothing then.
    pub(super) async fn copy_warm(
        &self,
        index: &SourceIndex,
        ledger: &Ledger,
    ) -> Result<Option<u64>, MigrationError> {
        match self.mark_and_copy(index, ledger).await {
            Ok(moved) => Ok(moved),
            Err(MigrationError::Migration { attempted, reason, .. }) => {
                self.reporter.note(&format!(
                    "index {} is left to the delta, because users changed it meanwhile: {attempted}: {reason}",
                    index.name
                ));
                self.remove(std::slice::from_ref(&index.name)).await?;
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    async fn mark_and_copy(
        &self,
        index: &SourceIndex,
        ledger: &Ledger,
    ) -> Result<Option<u64>, MigrationError> {
        // The mark comes first: operations up to it have been carried out, so that a refresh after it shows them, and the
        // copy, which begins after that, holds them.
        let Some(mark) = marks::of_index(&self.source, &index.name).await? else { return Ok(None) };
        let definition = self.definition(&index.name)?;
        if mark.is_untouched() {
            self.create(index).await?;
            ledger.note(&index.name, &mark, &definition.settings)?;
            return Ok(Some(0));
        }
        let path = format!("{}/_refresh", index_path(&index.name));
        let refreshed = match Without::Refresh.is_gone() {
            true => Ok(serde_json::Value::Null),
            false => self.source.post_empty(&path).await,
        };
        match refreshed {
            Ok(_) => {}
            Err(e) if e.is_not_found() => return Ok(None),
            Err(e) => {
                return Err(MigrationError::elasticsearch(format!("refresh index {}", index.name), &e));
            }
        }
        self.create(index).await?;
        let moved = self.copy_one(index).await?;
        let mark = match Without::Marks.is_gone() {
            true => marks::of_index(&self.source, &index.name).await?.unwrap_or(mark),
            false => mark,
        };
        ledger.note(&index.name, &mark, &definition.settings)?;
        Ok(Some(moved))
    }
}
