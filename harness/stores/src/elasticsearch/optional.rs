//! Definitions that only some builds have and only some roles may read: snapshots, enrichment, watches, security. None
//! of them is ever read with its secrets.

use super::definitions::is_unknown_feature;
use super::{Client, Flavour};
use drydock_core::Class;
use drydock_parity::DigestKey;
use drydock_parity::elasticsearch as parity;
use drydock_parity::shape::{Attributes, Shape};
use reqwest::Method;
use serde_json::{Value, json};

/// Whether a kind of definition could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OptionalReading {
    /// It was.
    Read(Shape),
    /// The store does not have the feature, or it is switched off.
    Unknown,
    /// The role may not, or the store did not answer.
    Refused(String),
}

/// One kind of definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Optional {
    /// What it is, in words.
    pub what: &'static str,
    /// Who has to act on a difference.
    pub class: Class,
    /// What was read.
    pub reading: OptionalReading,
}

/// How one kind is asked for.
struct Question {
    what: &'static str,
    class: Class,
    elasticsearch: Option<&'static str>,
    opensearch: Option<&'static str>,
    /// Where the cluster's state holds it, for roles that may only monitor.
    state: Option<fn(&Value) -> Value>,
    read: fn(&Value) -> Shape,
}

const QUESTIONS: [Question; 10] = [
    Question {
        what: "snapshot repository",
        class: Class::Data,
        elasticsearch: Some("/_snapshot"),
        opensearch: Some("/_snapshot"),
        state: Some(|state| state["repositories"].clone()),
        read: |answer| by_name(answer, "snapshot-repository", |_| false, repository),
    },
    Question {
        what: "snapshot policy",
        class: Class::Data,
        elasticsearch: Some("/_slm/policy"),
        opensearch: Some("/_plugins/_sm/policies"),
        state: Some(|state| state["snapshot_lifecycle"]["policies"].clone()),
        read: snapshot_policies,
    },
    Question {
        what: "enrich policy",
        class: Class::Data,
        elasticsearch: Some("/_enrich/policy"),
        opensearch: None,
        state: None,
        read: enrich_policies,
    },
    Question {
        what: "watch",
        class: Class::Data,
        elasticsearch: Some("/_watcher/_query/watches"),
        opensearch: None,
        state: None,
        read: watches,
    },
    Question {
        what: "user",
        class: Class::Access,
        elasticsearch: Some("/_security/user"),
        opensearch: Some("/_plugins/_security/api/internalusers"),
        state: None,
        read: |answer| by_name(answer, "user", is_reserved, user),
    },
    Question {
        what: "role",
        class: Class::Access,
        elasticsearch: Some("/_security/role"),
        opensearch: Some("/_plugins/_security/api/roles"),
        state: None,
        read: |answer| by_name(answer, "role", is_reserved, granted),
    },
    Question {
        what: "role mapping",
        class: Class::Access,
        elasticsearch: Some("/_security/role_mapping"),
        opensearch: Some("/_plugins/_security/api/rolesmapping"),
        state: None,
        read: |answer| by_name(answer, "role-mapping", is_reserved, granted),
    },
    Question {
        what: "application privilege",
        class: Class::Access,
        elasticsearch: Some("/_security/privilege"),
        opensearch: Some("/_plugins/_security/api/actiongroups"),
        state: None,
        read: privileges,
    },
    Question {
        what: "tenant",
        class: Class::Access,
        elasticsearch: None,
        opensearch: Some("/_plugins/_security/api/tenants"),
        state: None,
        read: |answer| by_name(answer, "tenant", is_reserved, parity::stored),
    },
    Question {
        what: "API key",
        class: Class::Access,
        elasticsearch: Some("/_security/api_key"),
        opensearch: None,
        state: None,
        read: api_keys,
    },
];

/// Reads every kind. `state` is the cluster's state, as far as the role may read it.
pub(super) async fn read_optional(client: &Client, state: &Result<Value, String>) -> Vec<Optional> {
    let opensearch = matches!(client.flavour().await, Flavour::OpenSearch(_));
    let mut all = Vec::new();
    for question in QUESTIONS {
        let path = if opensearch { question.opensearch } else { question.elasticsearch };
        let reading = match path {
            None => OptionalReading::Unknown,
            Some(path) => ask(client, path, &question, state).await,
        };
        all.push(Optional { what: question.what, class: question.class, reading });
    }
    all
}

async fn ask(
    client: &Client,
    path: &str,
    question: &Question,
    state: &Result<Value, String>,
) -> OptionalReading {
    let answer = if path.ends_with("/_query/watches") {
        client.json(Method::POST, path, Some(&json!({"size": 10_000}))).await
    } else {
        client.get(path).await
    };
    match answer {
        Ok(answer) => OptionalReading::Read((question.read)(&answer)),
        Err(error) if error.is_not_found() => OptionalReading::Read(Shape::default()),
        Err(error) if is_unknown_feature(&error) => OptionalReading::Unknown,
        Err(error) => match (error.status(), question.state, state) {
            (Some(403), Some(from_state), Ok(state)) => {
                OptionalReading::Read((question.read)(&from_state(state)))
            }
            _ => OptionalReading::Refused(error.to_string()),
        },
    }
}

fn by_name(answer: &Value, kind: &str, skip: fn(&Value) -> bool, read: fn(&Value) -> Attributes) -> Shape {
    let all = answer.as_object().into_iter().flatten().filter(|(_, body)| !skip(body));
    Shape(all.map(|(name, body)| (format!("{kind}/{name}"), read(body))).collect())
}

/// What comes with the store and cannot be changed.
fn is_reserved(body: &Value) -> bool {
    let flag = |value: &Value| value.as_bool() == Some(true);
    ["reserved", "static", "hidden"].iter().any(|name| flag(&body[*name]))
        || flag(&body["metadata"]["_reserved"])
}

/// Where a repository keeps its files belongs to the installation; how it keeps them is compared.
fn repository(body: &Value) -> Attributes {
    const PLACES: [&str; 13] = [
        "location",
        "bucket",
        "container",
        "base_path",
        "client",
        "url",
        "endpoint",
        "region",
        "path",
        "path_prefix",
        "account",
        "readonly",
        "uuid",
    ];
    let mut into = parity::stored(body);
    into.retain(|name, _| {
        let last = name.strip_prefix("settings.").unwrap_or(name);
        let secret = drydock_parity::text::is_sensitive(last) || last.ends_with("_key");
        !PLACES.contains(&last) && !secret && last != "generation" && last != "pending_generation"
    });
    into
}

fn snapshot_policies(answer: &Value) -> Shape {
    let mut shape = Shape::default();
    for (name, body) in answer.as_object().into_iter().flatten() {
        if body["policy"].is_object() {
            shape.insert(format!("snapshot-policy/{name}"), parity::stored(&body["policy"]));
        }
    }
    for entry in answer["policies"].as_array().into_iter().flatten() {
        let body = &entry["sm_policy"];
        if let Some(name) = body["name"].as_str() {
            let mut attributes = parity::stored(body);
            attributes.retain(|name, _| !name.starts_with("schedule.") && !name.ends_with("enabled_time"));
            shape.insert(format!("snapshot-policy/{name}"), attributes);
        }
    }
    shape
}

fn enrich_policies(answer: &Value) -> Shape {
    let mut shape = Shape::default();
    for entry in answer["policies"].as_array().into_iter().flatten() {
        for (kind, body) in entry["config"].as_object().into_iter().flatten() {
            let mut attributes = parity::stored(body);
            attributes.insert("kind".to_owned(), kind.clone());
            if let Some(name) = attributes.remove("name") {
                shape.insert(format!("enrich-policy/{name}"), attributes);
            }
        }
    }
    shape
}

/// Watches may hold addresses and credentials: only digests of their parts are kept.
fn watches(answer: &Value) -> Shape {
    let key = DigestKey::default();
    let mut shape = Shape::default();
    for entry in answer["watches"].as_array().into_iter().flatten() {
        let Some(name) = entry["_id"].as_str() else { continue };
        let parts = entry["watch"].as_object().into_iter().flatten();
        let digest = |value: &Value| {
            let mut flat = Attributes::new();
            parity::flatten("", value, &mut flat);
            format!("digest {}", key.digest(format!("{flat:?}").as_bytes()))
        };
        shape.insert(
            format!("watch/{name}"),
            parts.map(|(part, body)| (part.clone(), digest(body))).collect(),
        );
    }
    shape
}

/// A user without anything that opens a door.
fn user(body: &Value) -> Attributes {
    let mut into = granted(body);
    into.retain(|name, _| !["hash", "password", "username", "profile_uid"].contains(&name.as_str()));
    into
}

/// Lists of names are sets here; lists of rules are kept as they are.
fn granted(body: &Value) -> Attributes {
    let mut into = Attributes::new();
    for (name, value) in body.as_object().into_iter().flatten() {
        match value {
            Value::Array(items) if items.iter().all(Value::is_string) => {
                let mut names: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                names.sort_unstable();
                into.insert(name.clone(), names.join(", "));
            }
            // The order of grants has no effect.
            Value::Array(items) => {
                let mut rules: Vec<String> = items.iter().map(rule).collect();
                rules.sort();
                into.insert(name.clone(), rules.join("; "));
            }
            Value::Object(_) if name == "transient_metadata" => {}
            Value::Bool(false) if ["reserved", "hidden", "static"].contains(&name.as_str()) => {}
            other => parity::flatten(name, other, &mut into),
        }
    }
    into.retain(|_, value| !["null", "{}", "[]", ""].contains(&value.as_str()));
    into
}

/// One grant, without what only says that nothing is restricted.
fn rule(grant: &Value) -> String {
    let mut into = Attributes::new();
    for (name, value) in grant.as_object().into_iter().flatten() {
        let mut names: Vec<&str> = value.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        names.sort_unstable();
        match names.is_empty() {
            false => drop(into.insert(name.clone(), names.join(","))),
            true => parity::flatten(name, value, &mut into),
        }
    }
    into.retain(|_, value| !["null", "{}", "[]", "", "false"].contains(&value.as_str()));
    into.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

fn privileges(answer: &Value) -> Shape {
    let mut shape = Shape::default();
    for (application, all) in answer.as_object().into_iter().flatten().filter(|(_, body)| !is_reserved(body))
    {
        let nested = all.as_object().is_some_and(|all| all.values().all(|p| p["name"].is_string()));
        if nested {
            for (name, body) in all.as_object().into_iter().flatten() {
                shape.insert(format!("privilege/{application}/{name}"), granted(body));
            }
        } else {
            shape.insert(format!("privilege/{application}"), granted(all));
        }
    }
    shape
}

/// API keys are random; what can be compared is that somebody holds a key of this name. Ended ones do not count.
fn api_keys(answer: &Value) -> Shape {
    let now = std::time::UNIX_EPOCH.elapsed().map_or(0, |d| d.as_millis());
    let mut shape = Shape::default();
    for key in answer["api_keys"].as_array().into_iter().flatten() {
        let expired = key["expiration"].as_u64().is_some_and(|at| u128::from(at) < now);
        if expired || key["invalidated"].as_bool() == Some(true) {
            continue;
        }
        let name = key["name"].as_str().unwrap_or_default();
        let mut attributes = Attributes::new();
        for part in ["username", "realm"] {
            attributes.insert(part.to_owned(), key[part].as_str().unwrap_or_default().to_owned());
        }
        shape.insert(format!("api-key/{name}"), attributes);
    }
    shape
}
