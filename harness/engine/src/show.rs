//! What people see and act on: open tasks, open incidents.

use crate::commands::key_of;
use crate::error::{EngineError, Result};
use crate::session::Session;
use serde_json::{Value, json};

/// Most tasks or incidents looked at in one go.
const PAGE: usize = 500;

/// An incident that is not resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenIncident {
    pub(crate) key: i64,
    pub(crate) instance: i64,
    /// The job that failed, if it is about one.
    pub(crate) job: Option<i64>,
}

impl Session {
    /// Tasks that nobody has claimed and this group may work on, with their instances, oldest first.
    pub(crate) async fn open_tasks(&self, group: &str) -> Result<Vec<(i64, i64)>> {
        let path = "/v1/tasks/search";
        let body = json!({
            "state": "CREATED", "assigned": false, "candidateGroup": group, "pageSize": PAGE,
            "sort": [{"field": "creationTime", "order": "ASC"}],
        });
        let answer = self.post(path, body).await?;
        let tasks = answer.as_array().ok_or_else(|| EngineError::lacks("POST", path, "a list of tasks"))?;
        Ok(tasks
            .iter()
            .filter_map(|t| Some((key_of(&t["id"])?, key_of(&t["processInstanceKey"])?)))
            .collect())
    }

    /// Incidents that are not resolved.
    pub(crate) async fn open_incidents(&self) -> Result<Vec<OpenIncident>> {
        let body = json!({"filter": {"state": "ACTIVE"}, "size": PAGE});
        let answer = self.post("/v1/incidents/search", body).await?;
        let items = answer["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(items.iter().filter_map(incident_of).collect())
    }

    /// Sets variables of an instance.
    pub(crate) async fn set_variable(&self, scope: i64, variables: Value) -> Result<()> {
        let path = format!("/v2/element-instances/{scope}/variables");
        self.put(&path, json!({"variables": variables})).await.map(drop)
    }
}

fn incident_of(incident: &Value) -> Option<OpenIncident> {
    Some(OpenIncident {
        key: key_of(&incident["key"])?,
        instance: key_of(&incident["processInstanceKey"])?,
        job: key_of(&incident["jobKey"]).filter(|job| *job > 0),
    })
}
