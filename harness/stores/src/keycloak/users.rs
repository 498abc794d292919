//! Users of a Keycloak database as a stream of facts: nothing but one row at a time is held.

use super::database::{Layout, Row, RowError, canonical, read_json, text};
use crate::postgres::Connection;
use drydock_parity::realm::{Aspect, Sealer, UserFact, Value, is_volatile};
use serde_json::Value as Json;

/// Columns of `user_entity` that are told by name and place already.
const STRUCTURAL: [&str; 3] = ["id", "realm_id", "username"];
/// Columns of a credential that say nothing about whether it still opens anything.
const BESIDE: [&str; 10] = [
    "id",
    "type",
    "user_id",
    "user_label",
    "priority",
    "realm_id",
    "storage_provider_id",
    "created_date",
    "credential_data",
    "version",
];

/// A table of facts about users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserTable {
    /// Its name.
    pub table: &'static str,
    reads: Reads,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reads {
    Attributes,
    Credentials,
    /// A column that refers to something, under a name that another column holds.
    References(Aspect, &'static str, Option<&'static str>),
    RequiredActions,
    Identities,
    /// Scopes of a consent, whose user another table holds.
    ConsentScopes(&'static str),
}

/// Tables of facts about users, first those of the database itself, then those of federated users.
pub fn user_tables() -> &'static [UserTable] {
    use Reads::{Attributes, ConsentScopes, Credentials, Identities, References, RequiredActions};
    const fn table(table: &'static str, reads: Reads) -> UserTable {
        UserTable { table, reads }
    }
    const TABLES: &[UserTable] = &[
        table("user_attribute", Attributes),
        table("credential", Credentials),
        table("user_role_mapping", References(Aspect::Roles, "role_id", None)),
        table("user_group_membership", References(Aspect::Groups, "group_id", Some("membership_type"))),
        table("user_required_action", RequiredActions),
        table("federated_identity", Identities),
        table("user_consent", References(Aspect::Consents, "client_id", None)),
        table("user_consent_client_scope", ConsentScopes("user_consent")),
        table("user_ver_credential", References(Aspect::Attribute, "client_scope_id", None)),
        table("broker_link", Identities),
        table("fed_user_attribute", Attributes),
        table("fed_user_credential", Credentials),
        table("fed_user_role_mapping", References(Aspect::Roles, "role_id", None)),
        table("fed_user_group_membership", References(Aspect::Groups, "group_id", None)),
        table("fed_user_required_action", RequiredActions),
        table("fed_user_consent", References(Aspect::Consents, "client_id", None)),
        table("fed_user_consent_cl_scope", ConsentScopes("fed_user_consent")),
        table("fed_user_ver_credential", References(Aspect::Attribute, "client_scope_id", None)),
    ];
    TABLES
}

/// Hands every fact of one table to `consume`; `None` for the users themselves.
///
/// # Errors
/// The table cannot be read to its end.
pub async fn read_users(
    session: &Connection,
    layout: &Layout,
    table: Option<&UserTable>,
    sealer: &Sealer,
    mut consume: impl FnMut(UserFact) + Send,
) -> Result<(), RowError> {
    let Some(table) = table else { return read_accounts(session, layout, sealer, consume).await };
    let Some(columns) = layout.tables.get(table.table) else { return Ok(()) };
    let own = format!("{} t", layout.table(table.table));
    let federated = table.table.starts_with("fed_") || table.table == "broker_link";
    let (from, owner) = match (table.reads, federated) {
        (Reads::ConsentScopes(consents), _) => {
            (format!("{own} LEFT JOIN {} c ON c.id = t.user_consent_id", layout.table(consents)), "c")
        }
        _ => (own, "t"),
    };
    let query = if federated {
        format!("SELECT json_build_array({owner}.realm_id, {owner}.user_id, '', to_json(t)) FROM {from}")
    } else {
        let users = layout.table("user_entity");
        format!(
            "SELECT json_build_array(u.realm_id, coalesce(u.username, '(no user) ' || {owner}.user_id), u.id, to_json(t)) \
             FROM {from} LEFT JOIN {users} u ON u.id = {owner}.user_id"
        )
    };
    read_json(session, table.table, &query, |cells| {
        if let Some((who, mut row)) = split(cells) {
            row.retain(|column, _| columns.contains(column));
            table.reads.facts(&row, sealer, &mut |about| {
                consume(UserFact { about: Some(about), ..who.clone() });
            });
        }
    })
    .await
}

fn split(cells: Vec<Json>) -> Option<(UserFact, Row)> {
    let mut cells = cells.into_iter();
    let mut next = || cells.next().and_then(|c| c.as_str().map(ToOwned::to_owned)).unwrap_or_default();
    let who = UserFact { realm_id: next(), user: next(), id: next(), about: None };
    match cells.next()? {
        Json::Object(row) => Some((who, row)),
        _ => None,
    }
}

async fn read_accounts(
    session: &Connection,
    layout: &Layout,
    sealer: &Sealer,
    mut consume: impl FnMut(UserFact) + Send,
) -> Result<(), RowError> {
    let Some(columns) = layout.tables.get("user_entity") else { return Ok(()) };
    let users = layout.table("user_entity");
    let query = format!("SELECT json_build_array(t.realm_id, t.username, t.id, to_json(t)) FROM {users} t");
    read_json(session, "user_entity", &query, |cells| {
        let Some((who, row)) = split(cells) else { return };
        consume(who.clone());
        for (column, value) in &row {
            let told =
                STRUCTURAL.contains(&column.as_str()) || is_volatile(column) || !columns.contains(column);
            let (false, Some(text)) = (told, text(&row, column)) else { continue };
            let (aspect, value) = match column.as_str() {
                "enabled" => (Aspect::Enabled, Value::Text(text)),
                "federation_link" | "service_account_client_link" => (Aspect::Link, Value::Reference(text)),
                "email" | "email_verified" | "first_name" | "last_name" => {
                    (Aspect::Profile, Value::Text(text))
                }
                _ if value.is_string() => (Aspect::Setting, sealer.value(column, &text)),
                _ => (Aspect::Setting, Value::Text(text)),
            };
            consume(UserFact { about: Some((aspect, column.clone(), value)), ..who.clone() });
        }
    })
    .await
}

impl Reads {
    fn facts(self, row: &Row, sealer: &Sealer, tell: &mut dyn FnMut((Aspect, String, Value))) {
        let get = |column: &str| text(row, column);
        match self {
            Self::Attributes => {
                let name = get("name").unwrap_or_default();
                let value = get("value").or_else(|| get("long_value"));
                let value = value.map_or(Value::Null, |v| sealer.value(&name, &v));
                tell((Aspect::Attribute, name, value));
            }
            Self::Credentials => {
                let kind = get("type").unwrap_or_else(|| "unknown".to_owned()).replace(' ', "-");
                let secret: Row = row
                    .iter()
                    .filter(|(column, value)| !value.is_null() && !BESIDE.contains(&column.as_str()))
                    .map(|(column, value)| (column.clone(), canonical_json(value)))
                    .collect();
                let parameters = get("credential_data").map_or(Value::Null, |data| sealer.credential(&data));
                let since = get("created_date").map_or(Value::Null, Value::Text);
                tell((Aspect::Credential, format!("{kind} parameters"), parameters));
                tell((Aspect::Credential, format!("{kind} since"), since));
                tell((Aspect::Credential, kind, sealer.secret(&Json::Object(secret).to_string())));
            }
            Self::References(aspect, column, named) => {
                let name = named.and_then(get).unwrap_or_default();
                let value = get(column).or_else(|| get("external_client_id"));
                tell((aspect, name, value.map_or(Value::Null, Value::Reference)));
            }
            Self::RequiredActions => {
                tell((
                    Aspect::RequiredAction,
                    String::new(),
                    get("required_action").map_or(Value::Null, Value::Text),
                ));
            }
            Self::Identities => {
                let id = get("federated_user_id").or_else(|| get("broker_user_id")).unwrap_or_default();
                let name = get("federated_username").or_else(|| get("broker_username")).unwrap_or_default();
                let provider = get("identity_provider").unwrap_or_default();
                tell((Aspect::Identities, provider, Value::Text(format!("{id} as {name}"))));
            }
            Self::ConsentScopes(_) => {
                tell((
                    Aspect::Consents,
                    "scope".to_owned(),
                    get("scope_id").map_or(Value::Null, Value::Reference),
                ));
            }
        }
    }
}

/// Text that holds a JSON object in one form.
fn canonical_json(value: &Json) -> Json {
    match value {
        Json::String(text) => Json::String(canonical(text.clone())),
        other => other.clone(),
    }
}
