//! The queries that follow from what a door shows.

use super::doors::Door;
use super::fields::Leaf;
use serde_json::{Map, Value, json};

/// Hits on a page.
const PAGE: usize = 50;
/// Buckets of a distribution, in the order of their keys: over several shards that order alone gives exact counts.
const BUCKETS: u32 = 50;

/// Fields by which applications filter and group, as they are called in any version.
const GROUPED: [&str; 34] = [
    "state",
    "status",
    "type",
    "bpmnProcessId",
    "processDefinitionId",
    "processDefinitionKey",
    "processName",
    "processVersion",
    "version",
    "assignee",
    "candidateGroups",
    "candidateUsers",
    "errorType",
    "incident",
    "activityId",
    "activityState",
    "activityType",
    "flowNodeId",
    "flowNodeBpmnId",
    "decisionId",
    "decisionDefinitionId",
    "decisionDefinitionKey",
    "tenantId",
    "varName",
    "intent",
    "valueType",
    "partitionId",
    "jobKind",
    "implementation",
    "actionType",
    "reportType",
    "owner",
    "treePath",
    "userId",
];

/// Dates by which lists are sorted and histograms made, the most usual first.
const DATES: [&str; 12] = [
    "startDate",
    "creationTime",
    "evaluationDate",
    "evaluationDateTime",
    "dateTime",
    "lastModified",
    "endDate",
    "completionTime",
    "completedDate",
    "publishDate",
    "eventTime",
    "timestamp",
];

/// What people look at: fields whose text is shown rather than searched.
const SHOWN: [&str; 4] = ["bpmnXml", "bpmn20Xml", "xml", "schema"];

/// A list that is read page by page.
#[derive(Debug, Clone, PartialEq)]
pub struct List {
    /// What it is, for people.
    pub name: String,
    /// Which documents.
    pub query: Value,
    /// In which order; the last of them tells any two apart.
    pub sort: Vec<Value>,
    /// Fields of the documents that are shown with it.
    pub shown: Vec<String>,
}

/// A number, or several, that the store computes.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// What it is, for people.
    pub name: String,
    /// The aggregation.
    pub body: Value,
    /// The field it groups by. Its first value is searched for in the next round.
    pub groups: Option<String>,
}

/// Everything that is asked through one door.
#[derive(Debug, Clone, PartialEq)]
pub struct Questions {
    /// Its list.
    pub list: Option<List>,
    /// What is computed in the first round.
    pub figures: Vec<Figure>,
    /// As many documents as may be asked for at once.
    pub window: u64,
}

impl Questions {
    /// What follows from a door.
    pub fn of(door: &Door) -> Self {
        let mut figures = Vec::new();
        joins(door, &mut figures);
        for field in GROUPED.iter().filter_map(|name| door.field(name)).filter(|f| is_grouped(f)) {
            figures.push(Figure {
                name: format!("documents by {}", field.path),
                body: json!({"terms": {"field": field.path, "size": BUCKETS, "order": {"_key": "asc"}}}),
                groups: Some(field.path.clone()),
            });
        }
        for field in dates(door) {
            figures.push(Figure {
                name: format!("histogram of {} by day", field.path),
                body: json!({"date_histogram": {"field": field.path, "calendar_interval": "day", "min_doc_count": 1}}),
                groups: None,
            });
        }
        figures.extend(found_by_field(door));
        Self { list: list(door), figures, window: door.window }
    }

    /// The second round: what is found by the first value of each field that was grouped by. `values` are field and value.
    pub fn searches(door: &Door, values: &[(String, Value)]) -> Vec<Figure> {
        let mut figures = Vec::new();
        let join = door.fields.iter().find(|f| f.kind == "join");
        let children: Vec<&String> =
            join.into_iter().flat_map(|j| &j.relations).flat_map(|(_, children)| children).collect();
        for (field, value) in values {
            let term = json!({"term": {field.as_str(): value}});
            figures.push(filter(format!("search by {field}"), term.clone()));
            for child in &children {
                let query = json!({"has_child": {"type": child, "query": term}});
                figures.push(filter(format!("search for parents by {field} of their {child}"), query));
            }
        }
        figures
    }
}

impl List {
    /// The request for the first page, or for the one after a place.
    pub fn request(&self, after: Option<&Value>) -> Value {
        let shown = if self.shown.is_empty() { json!(false) } else { json!(self.shown) };
        let mut body = json!({
            "size": PAGE, "track_total_hits": true, "query": self.query, "sort": self.sort, "_source": shown
        });
        if let Some(after) = after {
            body["search_after"] = after.clone();
        }
        body
    }
}

fn filter(name: String, query: Value) -> Figure {
    Figure { name, body: json!({ "filter": query }), groups: None }
}

fn is_grouped(field: &Leaf) -> bool {
    let kinds = ["keyword", "long", "integer", "short", "boolean", "text"];
    field.counted && field.nested.is_none() && kinds.contains(&field.kind.as_str())
}

fn dates(door: &Door) -> impl Iterator<Item = &Leaf> {
    let date = |f: &&Leaf| f.counted && f.nested.is_none() && f.kind.starts_with("date");
    DATES.iter().filter_map(|name| door.field(name)).filter(date).take(2)
}

/// Parents that have children, and children that have parents, for each relation of a join.
fn joins(door: &Door, figures: &mut Vec<Figure>) {
    for join in door.fields.iter().filter(|f| f.kind == "join") {
        for (parent, children) in &join.relations {
            for child in children {
                let query = json!({"has_child": {"type": child, "query": {"match_all": {}}}});
                figures.push(filter(format!("{parent} documents with {child} children"), query));
                let query = json!({"bool": {"filter": [
                    {"term": {join.path.as_str(): child}},
                    {"has_parent": {"parent_type": parent, "query": {"match_all": {}}}}
                ]}});
                figures.push(filter(format!("{child} documents whose {parent} is there"), query));
            }
        }
    }
}

/// How many documents each field finds: fewer where it was mapped after the documents had been written.
fn found_by_field(door: &Door) -> Vec<Figure> {
    let mut plain = Map::new();
    let mut nested: Vec<(&String, Map<String, Value>)> = Vec::new();
    for field in door.fields.iter().filter(|f| f.kind != "join") {
        let exists = json!({"exists": {"field": field.path}});
        match &field.nested {
            None => drop(plain.insert(field.path.clone(), exists)),
            Some(path) => match nested.iter_mut().find(|(known, _)| *known == path) {
                Some((_, filters)) => drop(filters.insert(field.path.clone(), exists)),
                None => nested.push((path, Map::from_iter([(field.path.clone(), exists)]))),
            },
        }
    }
    let mut figures = Vec::new();
    if !plain.is_empty() {
        let body = json!({"filters": {"filters": plain}});
        figures.push(Figure { name: "documents found by each field".into(), body, groups: None });
    }
    for (path, filters) in nested {
        // A nested object within another is reached from the outermost one.
        let body = json!({"nested": {"path": path}, "aggs": {"found": {"filters": {"filters": filters}}}});
        figures.push(Figure { name: format!("{path} found by each of their fields"), body, groups: None });
    }
    figures
}

/// The list of a door, if its documents can be told apart by a field.
fn list(door: &Door) -> Option<List> {
    let sortable = |name: &str| {
        let sorted = |f: &&Leaf| f.counted && f.nested.is_none() && f.kind != "text";
        door.field(name).filter(sorted)
    };
    let by = |name: &str, order: &str| json!({name: {"order": order, "missing": "_last"}});
    let mut sort = Vec::new();
    if door.holds_records() {
        for field in ["partitionId", "position"] {
            sort.push(by(&sortable(field)?.path, "asc"));
        }
    } else {
        let date = DATES.iter().find_map(|name| sortable(name)).filter(|f| f.kind.starts_with("date"));
        sort.extend(date.map(|f| by(&f.path, "desc")));
        let own = ["id", "key", "userId", "processInstanceId", "decisionInstanceId"];
        sort.push(by(&own.iter().find_map(|name| sortable(name))?.path, "asc"));
    }
    let join = door.fields.iter().find(|f| f.kind == "join");
    let root = join.and_then(|join| {
        let is_child = |name: &String| join.relations.iter().any(|(_, children)| children.contains(name));
        let (root, _) = join.relations.iter().find(|(parent, _)| !is_child(parent))?;
        Some((&join.path, root))
    });
    let (query, of) = match root {
        Some((field, root)) => (json!({"term": {field.as_str(): root}}), format!(" of {root} documents")),
        None => (json!({"match_all": {}}), String::new()),
    };
    let shown = SHOWN.iter().map(|s| (*s).to_owned()).collect();
    Some(List { name: format!("list{of}"), query, sort, shown })
}
