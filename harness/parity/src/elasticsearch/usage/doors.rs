//! Names through which indices are read, and whose they are.

use super::fields::{Leaf, leaves};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// Who reads through a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Application {
    /// Operate.
    Operate,
    /// Tasklist.
    Tasklist,
    /// Optimize.
    Optimize,
    /// The importers, which read what the exporter wrote.
    Importers,
    /// Somebody else: an index of the operator's own.
    Other,
}

impl fmt::Display for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Operate => "Operate",
            Self::Tasklist => "Tasklist",
            Self::Optimize => "Optimize",
            Self::Importers => "the importers",
            Self::Other => "whoever reads them",
        })
    }
}

/// A name that is searched: an alias with its indices, or an index that has no alias.
#[derive(Debug, Clone, PartialEq)]
pub struct Door {
    /// The name.
    pub name: String,
    /// The indices behind it, with the body of the alias in each. Null for an index read by its own name.
    pub members: BTreeMap<String, Value>,
    /// Fields that every index behind it maps alike.
    pub fields: Vec<Leaf>,
    /// Documents asked for at once at most: the smallest `index.max_result_window` of its indices.
    pub window: u64,
    /// Primary shards of the index that has most of them.
    pub shards: u64,
}

/// Every door of a cluster, given its open indices with `aliases`, `mappings` and flat `settings`.
pub fn doors<'a>(indices: impl Iterator<Item = (&'a str, &'a Value)>) -> BTreeMap<String, Door> {
    let mut doors: BTreeMap<String, Door> = BTreeMap::new();
    for (index, definition) in indices {
        let aliases = definition["aliases"].as_object().filter(|a| !a.is_empty());
        let own = [(index, &Value::Null)];
        let names: Vec<(&str, &Value)> = match aliases {
            Some(aliases) => aliases.iter().map(|(name, body)| (name.as_str(), body)).collect(),
            None => own.to_vec(),
        };
        let number = |name: &str| {
            let value = &definition["settings"][name];
            value.as_u64().or_else(|| value.as_str()?.parse().ok())
        };
        let window = number("index.max_result_window").unwrap_or(10_000);
        let shards = number("index.number_of_shards").unwrap_or(1);
        let fields = leaves(&definition["mappings"]);
        for (name, body) in names {
            match doors.get_mut(name) {
                Some(door) => {
                    door.members.insert(index.to_owned(), body.clone());
                    door.fields.retain(|field| fields.contains(field));
                    door.window = door.window.min(window);
                    door.shards = door.shards.max(shards);
                }
                None => {
                    let door = Door {
                        name: name.to_owned(),
                        members: [(index.to_owned(), body.clone())].into(),
                        fields: fields.clone(),
                        window,
                        shards,
                    };
                    doors.insert(name.to_owned(), door);
                }
            }
        }
    }
    doors
}

/// What users do through a family of indices: the end of its name, the field that tells it from another application's family
/// of that name, the application and the capability.
const CAPABILITIES: [(&str, &str, Application, &str); 26] = [
    ("list-view", "joinRelation", Application::Operate, "the list of process instances"),
    ("list-view", "join", Application::Tasklist, "the list of tasks and processes"),
    ("flownode-instance", "treePath", Application::Operate, "the history of an instance"),
    ("flownode-instance", "parentFlowNodeId", Application::Tasklist, "the scopes of a task's variables"),
    ("sequence-flow", "activityId", Application::Operate, "the path drawn in a diagram"),
    ("incident", "errorType", Application::Operate, "the incidents"),
    ("post-importer-queue", "actionType", Application::Operate, "the incidents that are still to be linked"),
    ("variable", "processDefinitionKey", Application::Operate, "the variables of an instance"),
    ("variable", "scopeFlowNodeId", Application::Tasklist, "the variables of a task"),
    ("task-variable", "taskId", Application::Tasklist, "the variables of a finished task"),
    ("process", "bpmnXml", Application::Operate, "the process definitions with their diagrams"),
    ("decision-requirements", "xml", Application::Operate, "the decision diagrams"),
    ("decision", "decisionId", Application::Operate, "the decision definitions"),
    ("decision-instance", "evaluationDate", Application::Operate, "the evaluated decisions"),
    ("batch-operation", "operationsTotalCount", Application::Operate, "the batch operations"),
    ("operation", "batchOperationId", Application::Operate, "the operations of users"),
    ("user-task", "candidateGroups", Application::Operate, "the user tasks of an instance"),
    ("job", "jobKind", Application::Operate, "the jobs of an instance"),
    ("event", "eventSourceType", Application::Operate, "the events of an instance"),
    ("user", "userId", Application::Operate, "the users who log in without Identity"),
    ("task", "candidateGroups", Application::Tasklist, "the user tasks by assignee and candidate group"),
    ("form", "schema", Application::Tasklist, "the forms"),
    ("process-instance", "flowNodeInstances", Application::Optimize, "the reports on process instances"),
    ("decision-instance", "evaluationDateTime", Application::Optimize, "the reports on decisions"),
    ("process-definition", "bpmn20Xml", Application::Optimize, "the imported process definitions"),
    ("dashboard", "tiles", Application::Optimize, "the dashboards"),
];

impl Door {
    /// Whether a field, or an object, of this path is mapped alike in every index.
    pub fn has(&self, path: &str) -> bool {
        let under = |field: &Leaf| field.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
        self.fields.iter().any(|f| f.path == path || under(f))
    }

    /// The field of this path.
    pub fn field(&self, path: &str) -> Option<&Leaf> {
        self.fields.iter().find(|f| f.path == path)
    }

    /// Whether it holds records of the exporter.
    pub fn holds_records(&self) -> bool {
        ["partitionId", "position", "valueType", "intent"].iter().all(|field| self.has(field))
    }

    /// Whose it is.
    pub fn application(&self) -> Application {
        if self.holds_records() {
            return Application::Importers;
        }
        // An operator's prefix may take the place of the application's name; then the fields tell.
        for (word, application) in [
            ("operate-", Application::Operate),
            ("tasklist-", Application::Tasklist),
            ("optimize-", Application::Optimize),
        ] {
            if self.name.contains(word) {
                return application;
            }
        }
        self.capability().map_or(Application::Other, |(application, _)| application)
    }

    /// What is read through it, for people.
    pub fn what(&self) -> String {
        let application = self.application();
        match self.capability().filter(|(other, _)| *other == application) {
            Some((_, what)) => format!("{application}: {what}"),
            None if application == Application::Importers => {
                format!("the importers' records in {}", self.name)
            }
            None if application == Application::Other => format!("the documents of {}", self.name),
            None => format!("{application}: the documents of {}", self.name),
        }
    }

    /// Whether it is known what users do through it.
    pub fn is_known(&self) -> bool {
        self.capability().is_some() || self.holds_records()
    }

    fn capability(&self) -> Option<(Application, &'static str)> {
        let family = family(&self.name);
        let of_family = |ending: &str| {
            family.strip_suffix(ending).is_some_and(|rest| rest.is_empty() || rest.ends_with('-'))
        };
        // A longer ending says more: `task-variable` before `variable`.
        CAPABILITIES
            .iter()
            .filter(|(ending, field, ..)| of_family(ending) && self.has(field))
            .max_by_key(|(ending, ..)| ending.len())
            .map(|(_, _, application, what)| (*application, *what))
    }
}

/// A name without version and what follows it: `operate-list-view` of `operate-list-view-8.3.0_alias`.
fn family(name: &str) -> &str {
    let versioned = name.char_indices().find(|(at, c)| {
        let version = &name[at + c.len_utf8()..];
        (*c == '-' && version.starts_with(|c: char| c.is_ascii_digit()) && version.contains('.'))
            || (*c == '_' && version.starts_with('v'))
    });
    versioned.map_or(name, |(at, _)| &name[..at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn applications_are_known_by_their_names_or_by_their_fields() {
        let keyword = |names: &[&str]| {
            let fields = names.iter().map(|n| ((*n).to_owned(), json!({"type": "keyword"})));
            json!({"mappings": {"properties": Value::Object(fields.collect())}})
        };
        let mut list = keyword(&["id", "state"]);
        list["mappings"]["properties"]["joinRelation"] =
            json!({"type": "join", "relations": {"processInstance": ["activity"]}});
        list["aliases"] = json!({"custom-list-view-8.3.0_alias": {}});
        let mut dated = list.clone();
        dated["mappings"]["properties"]["state"] = json!({"type": "text"});
        let tasks = keyword(&["candidateGroups", "assignee"]);
        let records = keyword(&["partitionId", "position", "valueType", "intent"]);
        let indices = [
            ("custom-list-view-8.3.0_", &list),
            ("custom-list-view-8.3.0_2026-11-20", &dated),
            ("tasklist-task-8.5.0_", &tasks),
            ("own_job_8.6.0_2026-11-20", &records),
        ];
        let doors = doors(indices.into_iter());
        assert_eq!(doors.len(), 3);
        let list = &doors["custom-list-view-8.3.0_alias"];
        assert_eq!((list.application(), list.members.len()), (Application::Operate, 2));
        assert!(list.has("id") && !list.has("state"), "a field mapped in two ways belongs to no question");
        assert_eq!(
            doors["tasklist-task-8.5.0_"].what(),
            "Tasklist: the user tasks by assignee and candidate group"
        );
        assert_eq!(doors["own_job_8.6.0_2026-11-20"].application(), Application::Importers);
        assert_eq!(family("optimize-process-instance_v8"), "optimize-process-instance");
    }
}
