//! Records of the Zeebe exporter: the envelope that all share, and the values of the two heaviest types.

use super::Document;
use super::instance::{ELEMENTS, Instance, key};
use super::json::Json;
use super::layout::PARTITIONS;
use super::shapes::TENANT;
use super::text::{variable_name, variable_value};

/// Records of the process-instance type for each instance.
pub(super) const LIFECYCLE: u64 = 14;

const INTENTS: [&str; 4] =
    ["ELEMENT_ACTIVATING", "ELEMENT_ACTIVATED", "ELEMENT_COMPLETING", "ELEMENT_COMPLETED"];

/// Where a record stands in its partition's log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) partition: u64,
    pub(super) position: i64,
    /// Running number of the type's records on the partition, with the partition in the upper bits.
    pub(super) sequence: i64,
}

impl Place {
    /// The place of a type's record with that ordinal. Records take turns over the partitions; positions of different
    /// types never meet, because every type has its own remainder.
    pub(super) fn of(record_type: usize, ordinal: u64) -> Self {
        let (partition, turn) = (ordinal % PARTITIONS + 1, ordinal / PARTITIONS);
        Self {
            partition,
            position: (1_000 + turn * 40 + record_type as u64) as i64,
            sequence: key(partition, turn + 1),
        }
    }

    /// Instance number and number of the record within the instance, on the record's own partition.
    pub(super) fn instance_of(ordinal: u64, each: u64) -> (u64, u64) {
        let (partition, turn) = (ordinal % PARTITIONS, ordinal / PARTITIONS);
        (turn / each * PARTITIONS + partition, turn % each)
    }
}

/// One record, with `value` written by the caller.
pub(super) fn record(
    place: Place,
    value_type: &str,
    intent: &str,
    key: i64,
    millis: i64,
    mut json: Json,
    value: impl FnOnce(&mut Json),
) -> Document {
    json.open_object().integer_member("partitionId", place.partition as i64).key("value");
    value(&mut json);
    json.integer_member("timestamp", millis)
        .integer_member("position", place.position)
        .text_member("valueType", value_type)
        .raw_member("authorizations", "{\"authorized_tenants\":[\"<default>\"]}")
        .text_member("brokerVersion", "8.6.0")
        .text_member("intent", intent)
        .integer_member("sourceRecordPosition", place.position - 1)
        .text_member("recordType", "EVENT")
        .text_member("rejectionType", "NULL_VAL")
        .text_member("rejectionReason", "")
        .integer_member("recordVersion", 1)
        .integer_member("operationReference", -1)
        .integer_member("key", key)
        .integer_member("sequence", place.sequence)
        .close_object();
    Document {
        id: format!("{}-{}", place.partition, place.position),
        routing: Some(place.partition.to_string()),
        source: json.finish(),
    }
}

/// A step in the life of an instance or of one of its elements.
pub(super) fn process_instance(
    instance: &Instance,
    place: Place,
    step: u64,
    millis: i64,
    json: Json,
) -> Document {
    let process = instance.process();
    // An instance that still runs repeats its first element's steps instead of completing.
    let step = if instance.ended.is_none() && step + 2 >= LIFECYCLE { step - 10 } else { step };
    // Steps 0 and 1 and the last two belong to the process itself, the others to its elements in turn.
    let (element, kind, element_key, scope) = if step < 2 || step + 2 >= LIFECYCLE {
        (process.id, "PROCESS", instance.key, -1)
    } else {
        let number = (step - 2) / 2 % ELEMENTS;
        let (id, kind) = process.elements[number as usize];
        (id, kind, instance.sub_key(number + 1), instance.key)
    };
    let intent = INTENTS[if step + 2 >= LIFECYCLE { 2 + step % 2 } else { step % 2 } as usize];
    record(place, "PROCESS_INSTANCE", intent, element_key, millis, json, |json| {
        json.open_object()
            .integer_member("parentElementInstanceKey", instance.parent().map_or(-1, |p| p + 2))
            .text_member("bpmnEventType", if kind.ends_with("EVENT") { "NONE" } else { "UNSPECIFIED" })
            .text_member("bpmnElementType", kind)
            .integer_member("flowScopeKey", scope)
            .integer_member("version", instance.process_version())
            .text_member("bpmnProcessId", process.id)
            .text_member("elementId", element)
            .integer_member("processDefinitionKey", instance.definition_key())
            .integer_member("processInstanceKey", instance.key)
            .text_member("tenantId", TENANT)
            .integer_member("parentProcessInstanceKey", instance.parent().unwrap_or(-1))
            .close_object();
    })
}

/// A variable that was set. `value` replaces the instance's own, to make a large document.
pub(super) fn variable(
    instance: &Instance,
    place: Place,
    number: u64,
    value: Option<&str>,
    json: Json,
) -> Document {
    let own = variable_value(instance.traits, number);
    let key = instance.sub_key(16 + number);
    record(place, "VARIABLE", "CREATED", key, instance.started + 5, json, |json| {
        json.open_object()
            .text_member("name", variable_name(number))
            .text_member("value", value.unwrap_or(&own))
            .integer_member("scopeKey", instance.key)
            .integer_member("processInstanceKey", instance.key)
            .integer_member("processDefinitionKey", instance.definition_key())
            .text_member("bpmnProcessId", instance.process().id)
            .text_member("tenantId", TENANT)
            .close_object();
    })
}
