//! What a careless trial leaves behind on the target.

use super::{Choice, PlantedItem};
use crate::context::MigrationContext;
use crate::error::MigrationError;
use crate::postgres::identifier;
use drydock_core::scenario::FaultKind;
use drydock_stores::postgres::{APPLICATION_NAME, connect};
use serde_json::json;

/// Leaves one thing behind.
pub(super) async fn plant(cx: &MigrationContext, choice: &Choice<'_>) -> Result<PlantedItem, MigrationError> {
    let number = choice.number("trial") % 100_000;
    match choice.kind {
        FaultKind::LeaveDatabase => {
            let name = format!("drydock_trial_{number}");
            let session = connect(&cx.target.postgres, "postgres", APPLICATION_NAME).await?;
            session
                .batch_execute(&format!("CREATE DATABASE {}", identifier(&name)))
                .await
                .map_err(|e| MigrationError::statement(format!("plant database {name}"), &e))?;
            let subject = format!("database/{name}");
            Ok(PlantedItem { item: subject.clone(), subject })
        }
        FaultKind::TouchSetting => {
            let setting = "indices.recovery.max_bytes_per_sec";
            let value = format!("{}mb", 41 + number % 50);
            put(cx, choice, "/_cluster/settings", &json!({"persistent": {setting: value}})).await?;
            let subject = format!("cluster-settings/persistent/{setting}");
            Ok(PlantedItem { item: subject.clone(), subject })
        }
        _ => {
            let name = format!("drydock-trial-{number}");
            let body = json!({"settings": {"index.number_of_replicas": 0}});
            put(cx, choice, &format!("/{name}"), &body).await?;
            let subject = format!("index/{name}");
            Ok(PlantedItem { item: subject.clone(), subject })
        }
    }
}

async fn put(
    cx: &MigrationContext,
    choice: &Choice<'_>,
    path: &str,
    body: &serde_json::Value,
) -> Result<(), MigrationError> {
    let client = cx.target_elasticsearch()?;
    client
        .put(path, body)
        .await
        .map(drop)
        .map_err(|e| MigrationError::elasticsearch(format!("plant {}", choice.kind.as_str()), &e))
}
