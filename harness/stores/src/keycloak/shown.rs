//! How the admin API's answers are read: as facts, without what is told elsewhere and without internal identifiers.

use super::database::canonical;
use drydock_parity::realm::{Aspect, Facts, Sealer, Value, is_volatile};
use serde_json::Value as Json;

/// What the server writes in the place of a secret.
const MASKED: &str = "**********";
/// Parts of an answer that are told by name and place, asked for on their own, or are about the asking account.
const APART: [&str; 22] = [
    "id",
    "internalId",
    "containerId",
    "realm",
    "clientId",
    "username",
    "name",
    "alias",
    "access",
    "protocolMappers",
    "path",
    "subGroups",
    "subGroupCount",
    "parentId",
    "authenticationExecutions",
    "defaultRole",
    "defaultGroups",
    "userProfileMetadata",
    "_id",
    "disableableCredentialTypes",
    "members",
    "federatedIdentities",
];

/// Text of a field; empty where there is none.
pub(super) fn field<'a>(json: &'a Json, name: &str) -> &'a str {
    json[name].as_str().unwrap_or_default()
}

/// Adds everything a JSON object tells at its own level and below.
pub(super) fn flatten(json: &Json, facts: &mut Facts, sealer: &Sealer) {
    for (name, value) in json.as_object().into_iter().flatten() {
        if APART.contains(&name.as_str()) || is_volatile(name) {
            continue;
        }
        let aspect = match name.as_str() {
            "enabled" => Aspect::Enabled,
            "attributes" => Aspect::Attribute,
            "config" | "smtpServer" => Aspect::Config,
            "redirectUris" => Aspect::RedirectUris,
            "webOrigins" => Aspect::WebOrigins,
            "defaultClientScopes" | "optionalClientScopes" => Aspect::Scopes,
            "requiredActions" => Aspect::RequiredAction,
            "email" | "firstName" | "lastName" | "emailVerified" => Aspect::Profile,
            "federationLink" | "serviceAccountClientId" => Aspect::Link,
            n if n.ends_with("Flow") || n == "authenticationFlowBindingOverrides" => Aspect::Flows,
            _ => Aspect::Setting,
        };
        let own = if matches!(aspect, Aspect::Attribute | Aspect::Config) { "" } else { name };
        add(own, value, aspect, facts, sealer);
    }
}

fn add(name: &str, value: &Json, aspect: Aspect, facts: &mut Facts, sealer: &Sealer) {
    match value {
        Json::Null => {}
        Json::Object(parts) => {
            for (part, value) in parts.iter().filter(|(part, _)| !is_volatile(part)) {
                let full = if name.is_empty() { part.clone() } else { format!("{name}.{part}") };
                add(&full, value, aspect, facts, sealer);
            }
        }
        Json::Array(items) => items.iter().for_each(|item| match item {
            Json::Object(_) => {
                let text = without_ids(item).to_string();
                facts.add(aspect, name, sealer.value(name, &text));
            }
            other => add(name, other, aspect, facts, sealer),
        }),
        Json::String(text) if text == MASKED => facts.text(Aspect::Secret, name, "set"),
        Json::String(text) => {
            let value = sealer.value(name, &canonical(text.clone()));
            let aspect = if matches!(value, Value::Secret(_)) { Aspect::Secret } else { aspect };
            facts.add(aspect, name, value);
        }
        other => facts.text(aspect, name, other.to_string()),
    }
}

/// The same without internal identifiers.
fn without_ids(json: &Json) -> Json {
    match json {
        Json::Object(parts) => Json::Object(
            parts
                .iter()
                .filter(|(name, _)| {
                    !matches!(name.as_str(), "id" | "_id" | "containerId") && !is_volatile(name)
                })
                .map(|(name, value)| (name.clone(), without_ids(value)))
                .collect(),
        ),
        Json::Array(items) => Json::Array(items.iter().map(without_ids).collect()),
        other => other.clone(),
    }
}

/// Authorization settings with every list in one order, also those that are written as text: the server keeps them as
/// sets, and hands them out in the order in which it finds them.
pub(super) fn as_sets(settings: &Json) -> Json {
    match settings {
        Json::Object(parts) => {
            Json::Object(parts.iter().map(|(name, value)| (name.clone(), as_sets(value))).collect())
        }
        Json::Array(items) => {
            let mut items: Vec<Json> = items.iter().map(as_sets).collect();
            items.sort_by_cached_key(Json::to_string);
            Json::Array(items)
        }
        Json::String(text) if text.starts_with(['[', '{']) => match serde_json::from_str::<Json>(text) {
            Ok(written) => Json::String(as_sets(&written).to_string()),
            Err(_) => settings.clone(),
        },
        other => other.clone(),
    }
}

/// How much an answer tells of the secret of a confidential client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SecretShown {
    /// It.
    Told,
    /// That there is one.
    Masked,
    /// Nothing.
    Absent,
}

/// What a client's answer tells of its secret; `None` for clients that log in without one.
pub(super) fn secret_of(client: &Json) -> Option<SecretShown> {
    let confidential = client["publicClient"] != true
        && client["bearerOnly"] != true
        && matches!(field(client, "protocol"), "" | "openid-connect")
        && field(client, "clientAuthenticatorType") == "client-secret";
    confidential.then(|| match field(client, "secret") {
        MASKED => SecretShown::Masked,
        "" => SecretShown::Absent,
        _ => SecretShown::Told,
    })
}

/// The elements of an answer that is a list.
pub(super) fn items(answer: Json) -> Vec<Json> {
    match answer {
        Json::Array(items) => items,
        _ => Vec::new(),
    }
}

/// Identifiers of the roles in an answer about role or scope mappings.
pub(super) fn role_ids(mappings: &Json) -> Vec<String> {
    let of = |list: &Json| -> Vec<String> {
        list.as_array().into_iter().flatten().map(|role| field(role, "id").to_owned()).collect()
    };
    let clients = mappings["clientMappings"].as_object().into_iter().flatten();
    let mut ids = of(&mappings["realmMappings"]);
    ids.extend(clients.flat_map(|(_, client)| of(&client["mappings"])));
    ids
}
