//! Values of fields that no other document depends on: made from the field's type and name, in the component's manner.

use super::catalogue::NullStyle;
use super::fields::{Field, FieldType, Modifier};
use super::instance::{DateStyle, Instance, Process, date_text, definition_key};
use super::json::Json;
use super::shapes::TENANT;
use super::text::{AWKWARD, base64, bpmn, error_message, payload, uuid, variable_name, variable_value};
use rand::RngExt;
use rand::rngs::ChaCha8Rng;

/// What a document is about.
pub(super) struct Scope<'a> {
    pub(super) instance: &'a Instance,
    pub(super) process: &'static Process,
    /// Number of the document in its index.
    pub(super) ordinal: u64,
    pub(super) id: &'a str,
    pub(super) key: i64,
    pub(super) nulls: NullStyle,
    pub(super) dates: DateStyle,
    pub(super) rng: &'a mut ChaCha8Rng,
}

const PREVIEW: usize = 8191;
const USERS: [&str; 4] = ["demo", "mary.o'neil", "jörg", "act"];
const FORM: &str = "{\"components\":[{\"label\":\"Größe\",\"type\":\"textfield\",\"id\":\"f1\",\"key\":\"size\"},\
{\"label\":\"OK?\",\"type\":\"checkbox\",\"id\":\"f2\",\"key\":\"ok\"}],\"type\":\"default\",\"id\":\"form\",\"schemaVersion\":16}";

impl Scope<'_> {
    /// Writes the members of one object; the braces are the caller's.
    pub(super) fn members(&mut self, json: &mut Json, fields: &[Field]) {
        for field in fields {
            self.member(json, field);
        }
    }

    fn member(&mut self, json: &mut Json, field: &Field) {
        let name = field.name.as_str();
        match field.field_type {
            FieldType::One => {
                json.key(name).open_object();
                self.members(json, &field.members);
                json.close_object();
            }
            FieldType::Many | FieldType::Nested => {
                let most = if field.field_type == FieldType::Nested { 6 } else { 3 };
                let number = self.rng.random_range(0..=most);
                json.key(name).open_array();
                for _ in 0..number {
                    json.open_object();
                    self.members(json, &field.members);
                    json.close_object();
                }
                json.close_array();
            }
            FieldType::Object => self.object(json, field),
            // Documents with a join are written by hand.
            FieldType::Join => {}
            FieldType::Boolean => match self.rng.random_range(0..8_u32) {
                0 if self.nulls != NullStyle::Sentinel => self.nothing(json, field),
                1 | 2 => {
                    json.raw_member(name, "true");
                }
                _ => {
                    json.raw_member(name, "false");
                }
            },
            FieldType::Double => {
                let spelled = ["0.1", "1.0", "250", "1.0E7", "-3.25", "0.30000000000000004"];
                json.raw_member(name, spelled[self.rng.random_range(0..spelled.len())]);
            }
            FieldType::Date => self.date(json, field),
            FieldType::Long | FieldType::Integer => self.number(json, field),
            FieldType::Variable => self.variable(json, name),
            FieldType::Keyword | FieldType::Text => self.text(json, field),
        }
    }

    /// A value that is not there, in the component's manner.
    fn nothing(&self, json: &mut Json, field: &Field) {
        match self.nulls {
            NullStyle::Null => {
                json.key(&field.name).null();
            }
            NullStyle::Absent => {}
            NullStyle::Sentinel => match field.field_type {
                FieldType::Long | FieldType::Integer | FieldType::Date => {
                    json.integer_member(&field.name, -1);
                }
                FieldType::Boolean => {
                    json.raw_member(&field.name, "false");
                }
                _ => {
                    json.text_member(&field.name, "");
                }
            },
        }
    }

    fn object(&mut self, json: &mut Json, field: &Field) {
        let name = field.name.as_str();
        if field.has(Modifier::Open) {
            // Open objects grow the mapping, so that there are only a few names.
            let texts = ["{}", "{\"team\":\"blue\"}", "{\"priority\":\"high\",\"team\":\"Süd\"}"];
            json.raw_member(name, texts[self.rng.random_range(0..texts.len())]);
            return;
        }
        match name {
            "resource" => json.text_member(name, &base64(bpmn(self.process).as_bytes())),
            "checksum" => {
                let sum: [u8; 16] = self.rng.random();
                json.text_member(name, &base64(&sum))
            }
            "elementInstancePath" | "processDefinitionPath" | "callingElementPath" => {
                let (a, b) = (self.instance.key, self.instance.sub_key(2));
                json.raw_member(name, &format!("[[{a},{b}]]"))
            }
            "ancestorScopeKeys" => json.raw_member(name, "[]"),
            _ => json.raw_member(name, &payload(self.rng)),
        };
    }

    fn date(&mut self, json: &mut Json, field: &Field) {
        let name = field.name.as_str();
        let end = ["end", "complet", "evaluated", "expire", "lockExp", "deadline", "applied"]
            .iter()
            .any(|word| name.starts_with(word))
            || name.ends_with("Deadline");
        let optional = matches!(name, "dueDate" | "followUpDate");
        if (optional && self.rng.random_bool(0.7)) || (end && self.instance.ended.is_none()) {
            return self.nothing(json, field);
        }
        let millis = match self.instance.ended {
            Some(ended) if end => ended,
            _ => self.instance.started + self.rng.random_range(0..5_000_i64),
        };
        json.text_member(name, &date_text(millis, self.dates));
    }

    fn number(&mut self, json: &mut Json, field: &Field) {
        let name = field.name.as_str();
        let value = match name {
            "partitionId" | "processInstancePartitionId" | "partition" => self.instance.partition as i64,
            "key" | "userTaskKey" | "messageKey" => self.key,
            "processInstanceKey" | "scopeKey" | "variableScopeKey" => self.instance.key,
            "processDefinitionKey" | "targetProcessDefinitionKey" => self.instance.definition_key(),
            "deploymentKey" => definition_key(900),
            "decisionRequirementsKey" | "decisionKey" | "formKey" | "resourceKey" => {
                definition_key(100 + self.ordinal % 20)
            }
            "parentProcessInstanceKey"
            | "parentFlowNodeInstanceKey"
            | "jobKey"
            | "incidentKey"
            | "formVersion"
                if self.rng.random_bool(0.5) =>
            {
                return self.nothing(json, field);
            }
            "version"
            | "decisionVersion"
            | "processDefinitionVersion"
            | "processVersion"
            | "decisionRequirementsVersion" => self.instance.process_version(),
            "errorMessageHash" => i64::from(self.rng.random::<i32>()),
            "priority" => 50,
            "retries" | "jobRetries" => 3,
            "order" => (self.ordinal % 9) as i64 + 1,
            "creationTimestamp" | "deadline" | "dueDate" | "recurringTime" => {
                self.instance.started + self.rng.random_range(0..86_400_000_i64)
            }
            _ if name.starts_with("position") || name.ends_with("Position") => {
                (self.instance.traits >> 40) as i64 + self.ordinal as i64
            }
            "sequenceOfLastEntity" => self.key,
            _ if field.field_type == FieldType::Integer => self.rng.random_range(0..100_i64),
            _ if name.ends_with("Key") || name.ends_with("Id") || name.ends_with("Keys") => {
                self.instance.sub_key(1 + self.ordinal % 5)
            }
            _ => self.rng.random_range(0..1_000_000_i64),
        };
        json.integer_member(name, value);
    }

    fn variable(&mut self, json: &mut Json, name: &str) {
        let value = match self.rng.random_range(0..5_u32) {
            0 => format!("{}.50", self.rng.random_range(0..9_999_u32)),
            1 => self.rng.random_range(0..9_999_u32).to_string(),
            2 => date_text(self.instance.started, DateStyle::Offset),
            3 => "Ünïcode Straße".to_owned(),
            _ => ["gold", "silver", "true", ""][self.rng.random_range(0..4_usize)].to_owned(),
        };
        json.text_member(name, &value);
    }

    fn text(&mut self, json: &mut Json, field: &Field) {
        let name = field.name.as_str();
        let element = self.process.elements[self.ordinal as usize % self.process.elements.len()];
        let text: String = match name {
            "id" => self.id.to_owned(),
            "tenantId" => TENANT.to_owned(),
            "key" if field.field_type == FieldType::Keyword && self.nulls != NullStyle::Sentinel => {
                // Declared as keyword, written as a number.
                json.integer_member(name, self.key);
                return;
            }
            "bpmnProcessId" | "processDefinitionKey" | "definitionKey" => self.process.id.to_owned(),
            "processInstanceId" => self.instance.key.to_string(),
            "processDefinitionId" => self.instance.definition_key().to_string(),
            "processDefinitionVersion" | "version" if field.field_type == FieldType::Keyword => {
                self.instance.process_version().to_string()
            }
            "elementId" | "flowNodeId" | "activityId" | "flowNodeBpmnId" | "targetElementId"
            | "sourceElementId" | "catchElementId" | "startEventId" => element.0.to_owned(),
            "type" if self.instance.traits & 1 == 0 => element.1.to_owned(),
            "flowNodeInstanceId" | "scopeFlowNodeId" | "taskId" => {
                self.instance.sub_key(1 + self.ordinal % 5).to_string()
            }
            "treePath" => format!("PI_{0}/FN_{1}/FNI_{2}", self.instance.key, element.0, self.key),
            "state" => if self.instance.ended.is_some() { "COMPLETED" } else { "CREATED" }.to_owned(),
            "intent" => intent(self.ordinal).to_owned(),
            "bpmnXml" | "xml" | "bpmn20Xml" => bpmn(self.process),
            "schema" | "definition" => FORM.to_owned(),
            "resourceName" => format!("{}.bpmn", self.process.id),
            "processName" => self.process.name.to_owned(),
            "name" if field.modifiers.iter().any(|m| matches!(m, Modifier::LowercaseName)) => {
                format!("Bericht {} {}", self.ordinal, self.process.name)
            }
            "name" | "variableName" => variable_name(self.ordinal).to_owned(),
            "value" | "fullValue" | "variableValue" if limited(field) => {
                let value = variable_value(self.instance.traits, self.ordinal);
                let cut = value.char_indices().nth(PREVIEW).map(|(at, _)| at);
                match (name, cut) {
                    ("value", Some(at)) => value[..at].to_owned(),
                    _ => value,
                }
            }
            "value" => self.key.to_string(),
            "userId" | "displayName" => self.id.to_owned(),
            "username" => USERS[self.ordinal as usize % USERS.len()].to_owned(),
            "password" => format!("$2a$10$seeded.{:040x}", self.instance.traits),
            "roles" => {
                json.raw_member(name, "[\"USER\",\"OPERATOR\"]");
                return;
            }
            "event" => "EVENT_PROCESS_INSTANCE_STARTED".to_owned(),
            "assignee" | "owner" | "lastModifier" | "lockOwner" if self.rng.random_bool(0.6) => {
                USERS[self.rng.random_range(0..USERS.len())].to_owned()
            }
            "candidateGroups"
            | "candidateUsers"
            | "candidateGroupsList"
            | "candidateUsersList"
            | "changedAttributes"
            | "tenants"
            | "emails"
            | "matchedRules" => {
                let lists = ["[]", "[\"clerks\"]", "[\"clerks\",\"Ärzte\",\"\"]"];
                json.raw_member(name, lists[self.rng.random_range(0..lists.len())]);
                return;
            }
            "errorMessage"
            | "incidentErrorMessage"
            | "incidentMessage"
            | "stacktrace"
            | "exceptionMessage" => error_message(self.rng),
            "correlationKey" | "messageId" | "batchOperationId" => uuid(self.rng),
            "description" | "content" | "evaluationFailureMessage" => {
                AWKWARD[self.rng.random_range(0..AWKWARD.len())].to_owned()
            }
            "result" => "{\"score\":0.1,\"rating\":1.0}".to_owned(),
            "versionTag"
            | "externalReference"
            | "externalFormReference"
            | "action"
            | "deleteReason"
            | "lockExpirationTime"
            | "businessKey"
            | "assigneeOperations"
            | "followUpDate"
            | "dueDate" => {
                return self.nothing(json, field);
            }
            _ if !terms(name).is_empty() => {
                terms(name)[self.rng.random_range(0..terms(name).len())].to_owned()
            }
            _ if name.ends_with("Key") => self.instance.sub_key(4).to_string(),
            _ if name.ends_with("Id") => format!("{}-{}", name, self.rng.random_range(0..500_u32)),
            _ if self.rng.random_bool(0.2) => return self.nothing(json, field),
            _ => format!("{}-{}", name.trim_start_matches('@'), self.ordinal % 17),
        };
        json.text_member(name, &text);
    }
}

/// The intent of a queue entry; its id ends in it.
pub(super) fn intent(ordinal: u64) -> &'static str {
    ["CREATED", "MIGRATED", "RESOLVED"][ordinal as usize % 3]
}

/// The terms that a field takes in a real installation, where it takes only a few.
fn terms(name: &str) -> &'static [&'static str] {
    match name {
        "eventSourceType" => &["PROCESS_INSTANCE", "JOB", "INCIDENT"],
        "eventType" => &["ELEMENT_ACTIVATED", "ELEMENT_COMPLETED", "CREATED"],
        "errorType" | "incidentErrorType" | "incidentType" => {
            &["EXTRACT_VALUE_ERROR", "JOB_NO_RETRIES", "IO_MAPPING_ERROR", "CONDITION_ERROR"]
        }
        "jobKind" => &["BPMN_ELEMENT", "EXECUTION_LISTENER"],
        "jobListenerEventType" | "listenerEventType" => &["UNSPECIFIED", "START", "END"],
        "jobType" => &["charge-card", "send-mail", "io.camunda:http-json:1"],
        "jobWorker" | "worker" => &["payment-worker-0", "mail-worker/größe", ""],
        "implementation" => &["JOB_WORKER", "ZEEBE_USER_TASK"],
        "decisionType" => &["DECISION_TABLE", "LITERAL_EXPRESSION"],
        "messageName" | "signalName" => &["payment received", "Bestellung storniert"],
        "actionType" => &["INCIDENT"],
        "updateSemantics" => &["LOCAL", "PROPAGATE"],
        "incidentStatus" => &["open", "resolved"],
        _ => &[],
    }
}

fn limited(field: &Field) -> bool {
    field.modifiers.iter().any(|m| matches!(m, Modifier::IgnoreAbove(_)))
}
