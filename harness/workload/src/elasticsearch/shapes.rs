//! The documents that carry a family: list-view, flow nodes and variables of Operate, Tasklist's list-view, and the
//! records of the Zeebe exporter. Written by hand, because their parts depend on each other.

use super::Document;
use super::instance::{DateStyle, ELEMENTS, Instance, InstanceState, date_text};
use super::json::{Escapes, Json};
use super::text::{variable_name, variable_value};

pub(super) const TENANT: &str = "<default>";

/// Where Operate and Tasklist cut the preview of a variable's value, in characters.
const PREVIEW: usize = 8191;

fn escapes(instance: &Instance) -> Escapes {
    if instance.traits.is_multiple_of(9) { Escapes::Ascii } else { Escapes::Needed }
}

fn child(id: String, parent: i64, json: Json) -> Document {
    Document { id, routing: Some(parent.to_string()), source: json.finish() }
}

fn state_of_element(instance: &Instance, element: u64) -> &'static str {
    match instance.state {
        InstanceState::Active if element + 2 >= ELEMENTS => "ACTIVE",
        InstanceState::Canceled if element + 2 >= ELEMENTS => "TERMINATED",
        _ => "COMPLETED",
    }
}

fn position(instance: &Instance, number: u64) -> i64 {
    (instance.traits >> 44) as i64 * 64 + number as i64 + 1
}

/// The list-view document of an instance.
pub(super) fn list_view_parent(instance: &Instance) -> Document {
    let (key, process) = (instance.key, instance.process());
    let mut json = Json::new(escapes(instance));
    json.open_object()
        .text_member("id", &key.to_string())
        .integer_member("key", key)
        .integer_member("partitionId", instance.partition as i64)
        .integer_member("processDefinitionKey", instance.definition_key())
        .text_member("processName", process.name)
        .integer_member("processVersion", instance.process_version())
        .optional_member("processVersionTag", (instance.process_version() == 4).then_some("v4-final"))
        .text_member("bpmnProcessId", process.id)
        .text_member("startDate", &date_text(instance.started, DateStyle::Offset));
    json.optional_member("endDate", instance.ended.map(|e| date_text(e, DateStyle::Offset)).as_deref())
        .text_member("state", instance.state.as_str())
        .key("batchOperationIds");
    match instance.traits % 13 {
        0 => json.open_array().close_array(),
        1 => json.open_array().string("0b5c6a1e-2f7d-4d0e-9a64-5c2c8a1f0e77").close_array(),
        _ => json.null(),
    };
    match instance.parent() {
        Some(parent) => {
            json.integer_member("parentProcessInstanceKey", parent)
                .integer_member("parentFlowNodeInstanceKey", parent + 2)
                .text_member("treePath", &format!("PI_{parent}/FN_call/FNI_{}/PI_{key}", parent + 2));
        }
        None => {
            json.key("parentProcessInstanceKey").null();
            json.key("parentFlowNodeInstanceKey").null();
            json.text_member("treePath", &format!("PI_{key}"));
        }
    }
    json.raw_member("incident", if instance.has_incident() { "true" } else { "false" })
        .text_member("tenantId", TENANT)
        .raw_member("joinRelation", "{\"name\":\"processInstance\",\"parent\":null}")
        .integer_member("position", position(instance, 0))
        .integer_member("processInstanceKey", key)
        .close_object();
    Document { id: key.to_string(), routing: None, source: json.finish() }
}

/// The list-view document of one of the instance's elements.
pub(super) fn list_view_activity(instance: &Instance, element: u64) -> Document {
    let key = instance.sub_key(element + 1);
    let (id, kind) = instance.process().elements[element as usize];
    let incident = instance.has_incident() && element == ELEMENTS - 1;
    let mut json = Json::new(escapes(instance));
    json.open_object()
        .text_member("id", &key.to_string())
        .integer_member("key", key)
        .integer_member("partitionId", instance.partition as i64)
        .integer_member("processInstanceKey", instance.key)
        .text_member("activityId", id)
        .text_member("activityState", state_of_element(instance, element))
        .text_member("activityType", kind)
        .optional_member(
            "errorMessage",
            incident.then_some("No retries left: \"Größe\"\n\tat Worker.run(Worker.java:7)"),
        )
        .raw_member("incident", if incident { "true" } else { "false" })
        .raw_member("jobFailedWithRetriesLeft", "false")
        .text_member("tenantId", TENANT)
        .integer_member("position", position(instance, element + 1));
    json.key("positionIncident").null();
    json.key("positionJob").null();
    json.key("joinRelation").raw(&format!("{{\"name\":\"activity\",\"parent\":{}}}", instance.key));
    json.close_object();
    child(key.to_string(), instance.key, json)
}

/// The list-view document of one of the instance's variables.
pub(super) fn list_view_variable(instance: &Instance, number: u64) -> Document {
    let name = variable_name(number);
    let id = format!("{}-{name}", instance.key);
    let mut json = Json::new(escapes(instance));
    json.open_object()
        .text_member("id", &id)
        .integer_member("key", instance.sub_key(16 + number))
        .integer_member("partitionId", instance.partition as i64)
        .integer_member("processInstanceKey", instance.key)
        .integer_member("scopeKey", instance.key)
        .text_member("varName", name)
        .text_member("varValue", &variable_value(instance.traits, number))
        .text_member("tenantId", TENANT)
        .integer_member("position", position(instance, 16 + number))
        .raw_member("joinRelation", &format!("{{\"name\":\"variable\",\"parent\":{}}}", instance.key))
        .close_object();
    child(id, instance.key, json)
}

/// Operate's document of a flow node instance.
pub(super) fn flownode_instance(instance: &Instance, element: u64) -> Document {
    let key = instance.sub_key(element + 1);
    let (flow_node, kind) = instance.process().elements[element as usize];
    let state = state_of_element(instance, element);
    let incident = instance.has_incident() && element == ELEMENTS - 1;
    let started = instance.started + element as i64 * 800;
    let ended = match state {
        "ACTIVE" => None,
        _ => Some(instance.ended.map_or(started + 700, |e| e.min(started + 700))),
    };
    let mut json = Json::new(escapes(instance));
    json.open_object()
        .text_member("id", &key.to_string())
        .integer_member("key", key)
        .integer_member("partitionId", instance.partition as i64)
        .text_member("flowNodeId", flow_node)
        .text_member("startDate", &date_text(started, DateStyle::Offset))
        .optional_member("endDate", ended.map(|e| date_text(e, DateStyle::Offset)).as_deref())
        .text_member("state", state)
        .text_member("type", kind)
        .key("incidentKey");
    if incident {
        json.integer(instance.sub_key(48))
    } else {
        json.null()
    };
    json.integer_member("processInstanceKey", instance.key)
        .integer_member("processDefinitionKey", instance.definition_key())
        .text_member("bpmnProcessId", instance.process().id)
        .text_member("treePath", &format!("{}/{key}", instance.key))
        .integer_member("level", 1)
        .integer_member("position", position(instance, element + 1))
        .raw_member("incident", if incident { "true" } else { "false" })
        .text_member("tenantId", TENANT)
        .integer_member("scopeKey", instance.key)
        .close_object();
    Document { id: key.to_string(), routing: None, source: json.finish() }
}

/// A variable's value: the preview and, where it was cut, the whole.
fn write_value(json: &mut Json, value: &str) {
    let cut = value.char_indices().nth(PREVIEW).map(|(at, _)| &value[..at]);
    json.text_member("value", cut.unwrap_or(value))
        .optional_member("fullValue", cut.is_some().then_some(value))
        .raw_member("isPreview", if cut.is_some() { "true" } else { "false" });
}

/// Operate's document of a variable. `value` replaces the instance's own, to make a large document.
pub(super) fn variable(instance: &Instance, number: u64, value: Option<&str>) -> Document {
    let name = variable_name(number);
    let id = format!("{}-{name}", instance.key);
    let own = variable_value(instance.traits, number);
    let mut json = Json::new(escapes(instance));
    json.open_object()
        .text_member("id", &id)
        .integer_member("key", instance.sub_key(16 + number))
        .integer_member("partitionId", instance.partition as i64)
        .text_member("name", name);
    write_value(&mut json, value.unwrap_or(&own));
    json.integer_member("scopeKey", instance.key)
        .integer_member("processInstanceKey", instance.key)
        .integer_member("processDefinitionKey", instance.definition_key())
        .text_member("bpmnProcessId", instance.process().id)
        .text_member("tenantId", TENANT)
        .integer_member("position", position(instance, 16 + number))
        .close_object();
    Document { id, routing: None, source: json.finish() }
}

/// Documents that one instance has in Tasklist's list-view.
pub(super) const TASK_VIEW: u64 = 5;

/// Tasklist's list-view: the process, a process variable, a user task, and two task variables. The task variables name
/// their task's scope as parent, and no document has that id: a healthy installation looks like this.
pub(super) fn task_view(instance: &Instance, role: u64) -> Document {
    let pi = instance.key;
    let task = instance.sub_key(8);
    let scope = instance.sub_key(3);
    let mut json = Json::new(escapes(instance));
    json.open_object();
    let (id, routing) = match role {
        0 => {
            json.text_member("id", &pi.to_string())
                .text_member("dataType", "PROCESS")
                .integer_member("partitionId", instance.partition as i64)
                .text_member("tenantId", TENANT)
                .raw_member("join", "{\"name\":\"process\"}");
            (pi.to_string(), None)
        }
        2 => {
            json.text_member("id", &task.to_string())
                .integer_member("key", task)
                .integer_member("partitionId", instance.partition as i64)
                .text_member("bpmnProcessId", instance.process().id)
                .text_member("processDefinitionId", &instance.definition_key().to_string())
                .text_member("flowNodeBpmnId", instance.process().elements[2].0)
                .text_member("flowNodeInstanceId", &scope.to_string())
                .text_member("processInstanceId", &pi.to_string())
                .text_member("state", if instance.traits & 1 == 0 { "CREATED" } else { "COMPLETED" })
                .text_member("creationTime", &date_text(instance.started + 900, DateStyle::Zulu))
                .text_member("implementation", "ZEEBE_USER_TASK")
                .integer_member("priority", 50)
                .raw_member("candidateGroups", "[\"clerks\",\"Ärzte\"]")
                .raw_member(
                    "customHeaders",
                    if instance.traits & 2 == 0 { "{}" } else { "{\"team\":\"blue\"}" },
                )
                .text_member("dataType", "TASK")
                .integer_member("position", position(instance, 8))
                .text_member("tenantId", TENANT)
                .raw_member("join", &format!("{{\"name\":\"task\",\"parent\":{pi}}}"));
            (task.to_string(), Some(pi))
        }
        1 => {
            let name = variable_name(role);
            let id = format!("{pi}-{name}");
            task_view_variable(&mut json, instance, &id, pi, role);
            json.raw_member("join", &format!("{{\"name\":\"processVariable\",\"parent\":{pi}}}"));
            (id, Some(pi))
        }
        _ => {
            let id = format!("{scope}-{}", variable_name(role));
            task_view_variable(&mut json, instance, &id, scope, role);
            json.raw_member("join", &format!("{{\"name\":\"taskVariable\",\"parent\":{scope}}}"));
            (id, Some(scope))
        }
    };
    json.close_object();
    Document { id, routing: routing.map(|r| r.to_string()), source: json.finish() }
}

fn task_view_variable(json: &mut Json, instance: &Instance, id: &str, scope: i64, number: u64) {
    let value = variable_value(instance.traits, number);
    let cut = value.char_indices().nth(PREVIEW).map(|(at, _)| &value[..at]);
    json.text_member("id", id)
        .text_member("name", variable_name(number))
        .text_member("value", cut.unwrap_or(&value))
        .text_member("fullValue", &value)
        .raw_member("isPreview", if cut.is_some() { "true" } else { "false" })
        .text_member("scopeKey", &scope.to_string())
        .integer_member("partitionId", instance.partition as i64)
        .text_member("dataType", "VARIABLE")
        .text_member("tenantId", TENANT);
}
