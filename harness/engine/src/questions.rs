//! Questions whose answers depend on how the store indexes what it holds: searches by state, flow node, variable, message,
//! person and group. They are made of what the source shows and put to both sides alike.

use crate::answers::Answers;
use crate::capability::Capability;
use crate::commands::key_of;
use crate::error::Result;
use crate::lists::{Items, Tasks, Variables, digest};
use crate::session::Session;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Of each kind of question, at most so many.
const MOST: usize = 20;
/// Instances that one answer lists.
const LISTED: usize = 1000;
/// States an instance is looked for in.
const STATES: [&str; 6] = ["running", "active", "incidents", "finished", "completed", "canceled"];

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Questions {
    /// Flow nodes.
    pub flow_nodes: BTreeSet<String>,
    /// Variables with one value of each, as JSON text.
    pub variables: BTreeMap<String, String>,
    /// Processes.
    pub processes: BTreeSet<String>,
    /// People who have tasks.
    pub assignees: BTreeSet<String>,
    /// Groups that may work on tasks.
    pub groups: BTreeSet<String>,
    /// Forms of tasks: form, process definition.
    pub forms: BTreeSet<(String, String)>,
    /// Whether these came from elsewhere, and are not to follow what is shown now.
    #[serde(skip)]
    pub(crate) given: bool,
}

impl Questions {
    /// The same questions, to be put to somebody else.
    #[must_use]
    pub fn for_another(&self) -> Self {
        Self { given: true, ..self.clone() }
    }

    pub(crate) fn of(answers: &Answers, variables: Option<&Variables>, tasks: Option<&Tasks>) -> Self {
        let told = |capability, field: &str| -> BTreeSet<String> {
            let items = answers.items(capability);
            let values = items.values().filter_map(|told| {
                told.split(' ').find_map(|part| part.strip_prefix(field)).map(str::to_owned)
            });
            values.collect::<BTreeSet<_>>().into_iter().take(MOST).collect()
        };
        let mut questions = Self {
            flow_nodes: told(Capability::History, "flowNodeId="),
            processes: told(Capability::Instances, "bpmnProcessId="),
            ..Self::default()
        };
        let short = variables.map(|v| v.short.clone()).unwrap_or_default();
        questions.variables = short.into_iter().take(MOST).collect();
        for task in tasks.map(|t| t.raw.as_slice()).unwrap_or_default() {
            let assignee = task["assignee"].as_str().filter(|a| !a.is_empty());
            questions.assignees.extend(assignee.map(str::to_owned));
            let groups = task["candidateGroups"].as_array().into_iter().flatten().filter_map(Value::as_str);
            questions.groups.extend(groups.map(str::to_owned));
            // A form of its own is known by its key, one inside of a process by its name.
            let form = ["formId", "formKey"].iter().find_map(|field| task[*field].as_str());
            if let (Some(form), Some(definition)) = (form, key_of(&task["processDefinitionKey"])) {
                questions.forms.insert((form.to_owned(), definition.to_string()));
            }
        }
        questions.assignees = questions.assignees.into_iter().take(MOST).collect();
        questions.groups = questions.groups.into_iter().take(MOST).collect();
        questions.forms = questions.forms.into_iter().take(MOST).collect();
        questions
    }

    pub(crate) async fn search(&self, session: &Session) -> Result<Items> {
        let mut asked: Vec<(String, Value)> = Vec::new();
        for state in STATES {
            // A finer state is asked for together with the coarse one that opens it.
            let coarse =
                if matches!(state, "finished" | "completed" | "canceled") { "finished" } else { "running" };
            asked.push((format!("state {state}"), json!({coarse: true, state: true})));
        }
        let everything = json!({
            "running": true, "active": true, "incidents": true, "finished": true, "completed": true, "canceled": true,
        });
        let with = |key: &str, value: Value| {
            let mut query = everything.clone();
            query[key] = value;
            query
        };
        for node in &self.flow_nodes {
            asked.push((format!("flow node {node}"), with("activityId", json!(node))));
        }
        for process in &self.processes {
            asked.push((format!("process {process}"), with("bpmnProcessId", json!(process))));
        }
        for (name, value) in &self.variables {
            let variable = json!({"name": name, "value": value});
            asked.push((format!("variable {name} {}", digest(value)), with("variable", variable)));
        }
        let mut found = Items::new();
        for (name, query) in asked {
            let body = json!({
                "query": query, "pageSize": LISTED, "sorting": {"sortBy": "id", "sortOrder": "asc"},
            });
            let answer = session.post("/api/process-instances", body).await?;
            let ids: Vec<&str> = answer["processInstances"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|i| i["id"].as_str())
                .collect();
            found.insert(name, format!("{} {}", answer["totalCount"], digest(&ids.join(" "))));
        }
        Ok(found)
    }

    pub(crate) async fn tasks_by_user(&self, session: &Session) -> Result<Items> {
        let mut asked: Vec<(String, Value)> = Vec::new();
        for state in ["CREATED", "COMPLETED", "CANCELED"] {
            asked.push((format!("state {state}"), json!({"state": state})));
            for person in &self.assignees {
                asked.push((format!("{state} of {person}"), json!({"state": state, "assignee": person})));
            }
            for group in &self.groups {
                asked
                    .push((format!("{state} for {group}"), json!({"state": state, "candidateGroup": group})));
            }
        }
        asked.push(("unassigned".to_owned(), json!({"state": "CREATED", "assigned": false})));
        let mut found = Items::new();
        for (name, mut body) in asked {
            body["pageSize"] = json!(LISTED);
            let answer = session.post("/v1/tasks/search", body).await?;
            let mut ids: Vec<&str> =
                answer.as_array().into_iter().flatten().filter_map(|t| t["id"].as_str()).collect();
            ids.sort_unstable();
            found.insert(name, format!("{} {}", ids.len(), digest(&ids.join(" "))));
        }
        Ok(found)
    }

    pub(crate) async fn forms(&self, session: &Session) -> Result<Items> {
        let mut found = Items::new();
        for (form, definition) in &self.forms {
            let path = format!("/v1/forms/{form}?processDefinitionKey={definition}");
            let told = match session.get(&path).await {
                Ok(answer) => format!(
                    "version={} schema={}",
                    answer["version"],
                    digest(answer["schema"].as_str().unwrap_or_default())
                ),
                Err(error) if error.is_passing() => return Err(error),
                Err(error) => error.kind.to_string(),
            };
            found.insert(format!("{form} of {definition}"), told);
        }
        Ok(found)
    }
}
