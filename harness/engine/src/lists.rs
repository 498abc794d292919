//! Whole lists of the application, read page by page.

use crate::commands::key_of;
use crate::error::{EngineError, Result};
use crate::session::Session;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Items of one page: the most that these interfaces give.
const PAGE: usize = 1000;
/// Instances whose sequence flows are read one by one.
const SAMPLED: usize = 40;

pub(crate) type Items = BTreeMap<String, String>;

/// Digest of something that is too long or too private to be told.
pub(crate) fn digest(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
}

/// All items of one of Operate's public lists, in the order of a field that tells them apart.
async fn all(session: &Session, path: &str, field: &str) -> Result<Vec<Value>> {
    let mut found: Vec<Value> = Vec::new();
    let mut after: Option<Value> = None;
    loop {
        let mut body = json!({"size": PAGE, "sort": [{"field": field, "order": "ASC"}]});
        if let Some(after) = after.take() {
            body["searchAfter"] = after;
        }
        let mut page = session.post(path, body).await?;
        let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) else {
            return Err(EngineError::lacks("POST", path, "items"));
        };
        let count = items.len();
        found.extend(items);
        match next_page(path, count, page.get("sortValues"))? {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

/// Where the next page begins; none after one that is not full. A list that breaks off would look like a loss.
fn next_page(path: &str, count: usize, sort_values: Option<&Value>) -> Result<Option<Value>> {
    if count < PAGE {
        return Ok(None);
    }
    match sort_values.filter(|values| values.as_array().is_some_and(|values| !values.is_empty())) {
        Some(values) => Ok(Some(values.clone())),
        None => Err(EngineError::lacks("POST", path, "sortValues of a full page")),
    }
}

/// `name=value` of the fields that are there, in this order, with blanks between them and none inside.
fn told(item: &Value, fields: &[&str]) -> String {
    let parts: Vec<String> = fields
        .iter()
        .filter_map(|field| match &item[*field] {
            Value::Null => None,
            Value::String(text) => Some(format!("{field}={}", without_blanks(text))),
            other => Some(format!("{field}={other}")),
        })
        .collect();
    parts.join(" ")
}

/// A text in which nothing can be taken for another part.
fn without_blanks(text: &str) -> String {
    text.replace('%', "%25").replace(' ', "%20")
}

fn name_of(item: &Value, field: &str) -> String {
    key_of(&item[field])
        .map_or_else(|| item[field].as_str().unwrap_or_default().to_owned(), |key| key.to_string())
}

async fn list(session: &Session, path: &str, field: &str, fields: &[&str]) -> Result<Items> {
    let items = all(session, path, field).await?;
    Ok(items.iter().map(|item| (name_of(item, field), told(item, fields))).collect())
}

pub(crate) async fn definitions(session: &Session) -> Result<Items> {
    let path = "/v1/process-definitions";
    let mut found =
        list(session, &format!("{path}/search"), "key", &["bpmnProcessId", "version", "name"]).await?;
    with_diagrams(session, path, &mut found).await?;
    Ok(found)
}

pub(crate) async fn decisions(session: &Session) -> Result<Items> {
    let fields = ["decisionId", "version", "name", "decisionRequirementsKey"];
    let mut found = list(session, "/v1/decision-definitions/search", "key", &fields).await?;
    let path = "/v1/drd";
    let mut requirements =
        list(session, &format!("{path}/search"), "key", &["decisionRequirementsId", "version", "name"])
            .await?;
    with_diagrams(session, path, &mut requirements).await?;
    found.extend(requirements.into_iter().map(|(key, told)| (format!("requirements {key}"), told)));
    Ok(found)
}

async fn with_diagrams(session: &Session, path: &str, found: &mut Items) -> Result<()> {
    for (key, told) in found {
        let diagram = match session.text(&format!("{path}/{key}/xml")).await {
            Ok(xml) => digest(&xml),
            Err(error) if error.is_passing() => return Err(error),
            Err(error) => error.kind.to_string(),
        };
        told.push_str(&format!(" diagram={diagram}"));
    }
    Ok(())
}

pub(crate) async fn instances(session: &Session) -> Result<Items> {
    let fields =
        ["state", "bpmnProcessId", "processVersion", "incident", "parentKey", "startDate", "endDate"];
    list(session, "/v1/process-instances/search", "key", &fields).await
}

pub(crate) async fn incidents(session: &Session) -> Result<Items> {
    let items = all(session, "/v1/incidents/search", "key").await?;
    let fields = ["state", "type", "processInstanceKey", "jobKey", "creationTime"];
    Ok(items
        .iter()
        .map(|item| {
            let message = digest(item["message"].as_str().unwrap_or_default());
            (name_of(item, "key"), format!("{} message={message}", told(item, &fields)))
        })
        .collect())
}

pub(crate) async fn decision_instances(session: &Session) -> Result<Items> {
    let items = all(session, "/v1/decision-instances/search", "id").await?;
    let mut found = Items::new();
    for item in &items {
        let id = name_of(item, "id");
        let fields = ["state", "decisionId", "decisionVersion", "processInstanceKey", "evaluationDate"];
        // The list leaves out what went in and came out.
        let whole = session.get(&format!("/v1/decision-instances/{id}")).await;
        let inside = match whole {
            Ok(whole) => digest(&format!(
                "{}{}{}",
                whole["result"], whole["evaluatedInputs"], whole["evaluatedOutputs"]
            )),
            Err(error) if error.is_passing() => return Err(error),
            Err(error) => error.kind.to_string(),
        };
        found.insert(id, format!("{} result={inside}", told(item, &fields)));
    }
    Ok(found)
}

pub(crate) async fn flow_nodes(session: &Session) -> Result<Items> {
    let items = all(session, "/v1/flownode-instances/search", "key").await?;
    let fields = ["state", "type", "flowNodeId", "processInstanceKey", "incident", "startDate", "endDate"];
    let mut found: Items = items.iter().map(|item| (name_of(item, "key"), told(item, &fields))).collect();
    let mut instances: Vec<i64> =
        items.iter().filter_map(|item| key_of(&item["processInstanceKey"])).collect();
    instances.sort_unstable();
    instances.dedup();
    let step = instances.len().div_ceil(SAMPLED).max(1);
    for instance in instances.into_iter().step_by(step) {
        let path = format!("/v1/process-instances/{instance}/sequence-flows");
        let flows = match session.get(&path).await {
            Ok(flows) => {
                let mut flows: Vec<String> = flows
                    .as_array()
                    .map(|flows| {
                        flows.iter().map(|flow| flow.as_str().unwrap_or_default().to_owned()).collect()
                    })
                    .unwrap_or_default();
                flows.sort();
                format!("{} flows {}", flows.len(), digest(&flows.join(" ")))
            }
            Err(error) if error.is_passing() => return Err(error),
            Err(error) => error.kind.to_string(),
        };
        found.insert(format!("sequence flows of {instance}"), flows);
    }
    Ok(found)
}

/// Variables with what a search for them needs.
pub(crate) struct Variables {
    items: Items,
    /// Name and value as JSON text, of short ones.
    pub(crate) short: BTreeMap<String, String>,
}

impl Variables {
    pub(crate) fn into_items(self) -> Items {
        self.items
    }
}

/// Longest value that a question is made of.
const SHORT: usize = 60;

pub(crate) async fn variables(session: &Session) -> Result<Variables> {
    let list = all(session, "/v1/variables/search", "key").await?;
    let mut found = Variables { items: Items::new(), short: BTreeMap::new() };
    for item in &list {
        let name = item["name"].as_str().unwrap_or_default();
        let mut value = item["value"].as_str().unwrap_or_default().to_owned();
        if item["truncated"].as_bool() == Some(true) {
            // The list shows the beginning only. In one process with Tasklist, whose path is the same, Operate's public
            // address of a single variable answers nobody.
            let (instance, scope) = (name_of(item, "processInstanceKey"), name_of(item, "scopeKey"));
            let path = format!("/api/process-instances/{instance}/variables/{scope}-{name}");
            let whole = session.get(&path).await?;
            whole["value"].as_str().unwrap_or_default().clone_into(&mut value);
        } else if value.len() <= SHORT {
            found.short.entry(name.to_owned()).or_insert_with(|| value.clone());
        }
        let of = told(item, &["name", "processInstanceKey", "scopeKey"]);
        found.items.insert(name_of(item, "key"), format!("{of} value={} of {}", digest(&value), value.len()));
    }
    Ok(found)
}

/// Tasks with what questions about them need.
pub(crate) struct Tasks {
    items: Items,
    pub(crate) raw: Vec<Value>,
}

impl Tasks {
    pub(crate) fn into_items(self) -> Items {
        self.items
    }
}

/// Digest of a list of texts, whatever their order.
fn any_order(value: &Value) -> String {
    let mut texts: Vec<&str> = value.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    texts.sort_unstable();
    texts.join(",")
}

pub(crate) async fn tasks(session: &Session) -> Result<Tasks> {
    let path = "/v1/tasks/search";
    let mut raw: Vec<Value> = Vec::new();
    let mut after: Option<Value> = None;
    loop {
        let mut body = json!({"pageSize": PAGE, "sort": [{"field": "creationTime", "order": "ASC"}]});
        if let Some(after) = after.take() {
            body["searchAfter"] = after;
        }
        let Value::Array(page) = session.post(path, body).await? else {
            return Err(EngineError::lacks("POST", path, "a list of tasks"));
        };
        let next = next_page(path, page.len(), page.last().map(|task| &task["sortValues"]))?;
        raw.extend(page);
        match next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    let fields = [
        "taskState",
        "assignee",
        "name",
        "taskDefinitionId",
        "processInstanceKey",
        "processDefinitionKey",
        "formKey",
        "formId",
        "creationDate",
        "completionDate",
        "dueDate",
        "priority",
    ];
    let items = raw
        .iter()
        .map(|task| {
            let who =
                format!("{};{}", any_order(&task["candidateGroups"]), any_order(&task["candidateUsers"]));
            (name_of(task, "id"), format!("{} for={who}", told(task, &fields)))
        })
        .collect();
    Ok(Tasks { items, raw })
}

pub(crate) async fn statistics(session: &Session) -> Result<Items> {
    let mut found = Items::new();
    let core = session.get("/api/process-instances/core-statistics").await?;
    for figure in ["running", "active", "withIncidents"] {
        found.insert(figure.to_owned(), core[figure].to_string());
    }
    for (path, name) in
        [("/api/incidents/byProcess", "bpmnProcessId"), ("/api/incidents/byError", "errorMessage")]
    {
        let groups = session.get(path).await?;
        for group in groups.as_array().into_iter().flatten() {
            let figures = told(
                group,
                &["instancesWithActiveIncidentsCount", "activeInstancesCount", "instancesWithErrorCount"],
            );
            let of = group[name].as_str().unwrap_or_default();
            let of = if name == "errorMessage" { digest(of) } else { of.to_owned() };
            found.insert(format!("{path} {of}"), figures);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_goes_on_after_a_full_page_and_never_breaks_off_silently() {
        assert_eq!(next_page("/x", PAGE - 1, None), Ok(None));
        assert_eq!(next_page("/x", PAGE, Some(&json!([7]))), Ok(Some(json!([7]))));
        for broken in [None, Some(&Value::Null), Some(&json!([]))] {
            assert!(next_page("/x", PAGE, broken).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn a_name_cannot_pretend_to_be_a_state() {
        let task = json!({"taskState": "CREATED", "name": "x taskState=COMPLETED 5%", "priority": 50, "dueDate": null});
        let told = told(&task, &["name", "taskState", "priority", "dueDate"]);
        assert_eq!(told, "name=x%20taskState=COMPLETED%205%25 taskState=CREATED priority=50");
    }
}
