//! Which table holds what. Written from the tables of Keycloak 26 (`model/jpa`) and what older majors had instead; a
//! table that a version does not have is left out.

use super::database::{Row, text};
use drydock_parity::realm::{Aspect, ObjectKind};

/// A table whose rows are objects.
pub(super) struct ObjectTable {
    pub(super) table: &'static str,
    pub(super) id: &'static str,
    pub(super) kind: fn(&Row) -> ObjectKind,
    pub(super) parent: fn(&Row) -> Option<(ObjectKind, String)>,
    pub(super) name: fn(&Row) -> Option<String>,
    /// Columns that hold identifiers of other objects.
    pub(super) references: &'static [&'static str],
    /// Columns that are told by name and place already.
    pub(super) structural: &'static [&'static str],
}

/// A table whose rows say something about objects.
pub(super) struct FactTable {
    pub(super) table: &'static str,
    /// Column that says about which.
    pub(super) owner: &'static str,
    pub(super) kinds: &'static [ObjectKind],
    pub(super) aspect: Aspect,
    pub(super) name: Name,
    pub(super) value: &'static str,
    pub(super) holds: Holds,
}

/// How a fact is called.
pub(super) enum Name {
    Fixed(&'static str),
    Column(&'static str),
    /// `default` or `optional`, by a column that is true or false.
    Default(&'static str),
}

/// What the value column holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    Text,
    Reference,
}

fn in_realm(row: &Row) -> Option<(ObjectKind, String)> {
    Some((ObjectKind::Realm, text(row, "realm_id")?))
}
fn in_server(row: &Row) -> Option<(ObjectKind, String)> {
    Some((ObjectKind::Client, text(row, "resource_server_id")?))
}
fn by_name(row: &Row) -> Option<String> {
    text(row, "name")
}
fn by_alias(row: &Row) -> Option<String> {
    text(row, "alias")
}
fn role_parent(row: &Row) -> Option<(ObjectKind, String)> {
    match text(row, "client") {
        Some(client) => Some((ObjectKind::Client, client)),
        None => Some((ObjectKind::Realm, text(row, "realm").or_else(|| text(row, "realm_id"))?)),
    }
}
fn group_parent(row: &Row) -> Option<(ObjectKind, String)> {
    // A group at the top has one blank as its parent.
    match text(row, "parent_group").filter(|p| !p.trim().is_empty()) {
        Some(parent) => Some((ObjectKind::Group, parent)),
        None => in_realm(row),
    }
}
fn mapper_parent(row: &Row) -> Option<(ObjectKind, String)> {
    match text(row, "client_id") {
        Some(client) => Some((ObjectKind::Client, client)),
        None => Some((ObjectKind::ClientScope, text(row, "client_scope_id")?)),
    }
}
fn component_kind(row: &Row) -> ObjectKind {
    match text(row, "provider_type").as_deref() {
        Some(name) if name.ends_with(".KeyProvider") => ObjectKind::Key,
        Some(name) if name.ends_with(".UserStorageProvider") => ObjectKind::Federation,
        _ => ObjectKind::Component,
    }
}
fn component_parent(row: &Row) -> Option<(ObjectKind, String)> {
    let (parent, realm) = (text(row, "parent_id"), text(row, "realm_id"));
    match (parent, realm) {
        (Some(parent), Some(realm)) if parent != realm => Some((ObjectKind::Federation, parent)),
        (_, realm) => Some((ObjectKind::Realm, realm?)),
    }
}
fn component_name(row: &Row) -> Option<String> {
    let name = text(row, "name").or_else(|| text(row, "provider_id"))?;
    let kind = text(row, "provider_type").unwrap_or_default();
    let kind = kind.rsplit('.').next().unwrap_or_default();
    Some(match text(row, "sub_type") {
        Some(sub) => format!("{kind} {sub} {name}"),
        None => format!("{kind} {name}"),
    })
}
fn execution_name(row: &Row) -> Option<String> {
    text(row, "authenticator").or_else(|| text(row, "auth_flow_id").map(|_| "subflow".to_owned()))
}
fn idp_mapper_name(row: &Row) -> Option<String> {
    Some(format!("{}/{}", text(row, "idp_alias")?, text(row, "name")?))
}
fn policy_name(row: &Row) -> Option<String> {
    Some(format!("policy {}", text(row, "name")?))
}
fn resource_name(row: &Row) -> Option<String> {
    Some(format!("resource {}", text(row, "name")?))
}
fn scope_name(row: &Row) -> Option<String> {
    Some(format!("scope {}", text(row, "name")?))
}

macro_rules! objects {
    ($($table:literal $id:literal $kind:expr, $parent:expr, $name:expr, [$($r:literal)*] [$($s:literal)*];)*) => {
        /// Every table of objects; parents before what belongs to them does not matter.
        pub(super) const OBJECTS: &[ObjectTable] = &[$(ObjectTable {
            table: $table, id: $id, kind: $kind, parent: $parent, name: $name,
            references: &[$($r),*], structural: &[$($s),*],
        }),*];
    };
}

objects! {
    "realm" "id" |_| ObjectKind::Realm, |_| None, by_name,
        ["master_admin_client" "browser_flow" "registration_flow" "direct_grant_flow" "reset_credentials_flow"
         "client_auth_flow" "docker_auth_flow" "default_role"] ["name"];
    "keycloak_role" "id" |_| ObjectKind::Role, role_parent, by_name,
        [] ["name" "client_realm_constraint" "client_role" "realm_id" "client" "realm"];
    "keycloak_group" "id" |_| ObjectKind::Group, group_parent, by_name, ["org_id"] ["name" "parent_group" "realm_id"];
    "client_scope" "id" |_| ObjectKind::ClientScope, in_realm, by_name, [] ["name" "realm_id"];
    "client" "id" |_| ObjectKind::Client, in_realm, |row| text(row, "client_id"), [] ["client_id" "realm_id"];
    "protocol_mapper" "id" |_| ObjectKind::Mapper, mapper_parent, by_name, [] ["name" "client_id" "client_scope_id"];
    "authentication_flow" "id" |_| ObjectKind::Flow, in_realm, by_alias, [] ["alias" "realm_id"];
    "authentication_execution" "id" |_| ObjectKind::Execution,
        |row| Some((ObjectKind::Flow, text(row, "flow_id")?)), execution_name,
        ["auth_flow_id" "auth_config"] ["authenticator" "realm_id" "flow_id"];
    "authenticator_config" "id" |_| ObjectKind::ExecutionConfig, in_realm, by_alias, [] ["alias" "realm_id"];
    "required_action_provider" "id" |_| ObjectKind::RequiredAction, in_realm, by_alias, [] ["alias" "realm_id"];
    "component" "id" component_kind, component_parent, component_name,
        [] ["name" "parent_id" "provider_type" "realm_id" "sub_type"];
    "identity_provider" "internal_id" |_| ObjectKind::IdentityProvider, in_realm, |row| text(row, "provider_alias"),
        ["first_broker_login_flow_id" "post_broker_login_flow_id" "organization_id"] ["provider_alias" "realm_id"];
    "identity_provider_mapper" "id" |_| ObjectKind::IdentityProviderMapper, in_realm, idp_mapper_name,
        [] ["name" "idp_alias" "realm_id"];
    "org" "id" |_| ObjectKind::Organization, in_realm, by_name, ["group_id"] ["name" "realm_id"];
    "resource_server_policy" "id" |_| ObjectKind::Authorization, in_server, policy_name,
        ["owner"] ["name" "resource_server_id"];
    "resource_server_resource" "id" |_| ObjectKind::Authorization, in_server, resource_name,
        ["owner"] ["name" "resource_server_id"];
    "resource_server_scope" "id" |_| ObjectKind::Authorization, in_server, scope_name,
        [] ["name" "resource_server_id"];
}

macro_rules! facts {
    ($($table:literal $owner:literal [$($kind:ident)*] $aspect:ident $name:expr, $holds:ident $value:literal;)*) => {
        /// Every table that says something about objects.
        pub(super) const FACTS: &[FactTable] = &[$(FactTable {
            table: $table, owner: $owner, kinds: &[$(ObjectKind::$kind),*], aspect: Aspect::$aspect, name: $name,
            value: $value, holds: Holds::$holds,
        }),*];
    };
}

use Name::{Column, Default as ByDefault, Fixed};

facts! {
    "realm_attribute" "realm_id" [Realm] Attribute Column("name"), Text "value";
    "realm_smtp_config" "realm_id" [Realm] Config Column("name"), Text "value";
    "realm_events_listeners" "realm_id" [Realm] Setting Fixed("events listener"), Text "value";
    "realm_enabled_event_types" "realm_id" [Realm] Setting Fixed("enabled event type"), Text "value";
    "realm_supported_locales" "realm_id" [Realm] Setting Fixed("supported locale"), Text "value";
    "realm_localizations" "realm_id" [Realm] Config Column("locale"), Text "texts";
    "realm_required_credential" "realm_id" [Realm] Setting Fixed("required credential"), Text "type";
    "realm_default_groups" "realm_id" [Realm] Groups Fixed("default group"), Reference "group_id";
    "realm_default_roles" "realm_id" [Realm] Roles Fixed("default role"), Reference "role_id";
    "default_client_scope" "realm_id" [Realm] Scopes ByDefault("default_scope"), Reference "scope_id";
    "role_attribute" "role_id" [Role] Attribute Column("name"), Text "value";
    "composite_role" "composite" [Role] Composites Fixed(""), Reference "child_role";
    "group_attribute" "group_id" [Group] Attribute Column("name"), Text "value";
    "group_role_mapping" "group_id" [Group] Roles Fixed(""), Reference "role_id";
    "client_attributes" "client_id" [Client] Attribute Column("name"), Text "value";
    "redirect_uris" "client_id" [Client] RedirectUris Fixed(""), Text "value";
    "web_origins" "client_id" [Client] WebOrigins Fixed(""), Text "value";
    "scope_mapping" "client_id" [Client] Roles Fixed("scope"), Reference "role_id";
    "client_default_roles" "client_id" [Client] Roles Fixed("default role"), Reference "role_id";
    "client_scope_client" "client_id" [Client] Scopes ByDefault("default_scope"), Reference "scope_id";
    "client_auth_flow_bindings" "client_id" [Client] Flows Column("binding_name"), Reference "flow_id";
    "client_scope_attributes" "scope_id" [ClientScope] Attribute Column("name"), Text "value";
    "client_scope_role_mapping" "scope_id" [ClientScope] Roles Fixed("scope"), Reference "role_id";
    "protocol_mapper_config" "protocol_mapper_id" [Mapper] Config Column("name"), Text "value";
    "component_config" "component_id" [Component Key Federation] Config Column("name"), Text "value";
    "authenticator_config_entry" "authenticator_id" [ExecutionConfig] Config Column("name"), Text "value";
    "required_action_config" "required_action_id" [RequiredAction] Config Column("name"), Text "value";
    "identity_provider_config" "identity_provider_id" [IdentityProvider] Config Column("name"), Text "value";
    "idp_mapper_config" "idp_mapper_id" [IdentityProviderMapper] Config Column("name"), Text "value";
    "org_domain" "org_id" [Organization] Setting Fixed("domain"), Text "name";
    "policy_config" "policy_id" [Authorization] Config Column("name"), Text "value";
    "associated_policy" "policy_id" [Authorization] Setting Fixed("policy"), Reference "associated_policy_id";
    "resource_policy" "policy_id" [Authorization] Setting Fixed("resource"), Reference "resource_id";
    "scope_policy" "policy_id" [Authorization] Setting Fixed("scope"), Reference "scope_id";
    "resource_scope" "resource_id" [Authorization] Setting Fixed("scope"), Reference "scope_id";
    "resource_uris" "resource_id" [Authorization] Setting Fixed("uri"), Text "value";
    "resource_attribute" "resource_id" [Authorization] Attribute Column("name"), Text "value";
    "resource_server" "id" [Client] Setting Fixed("authorization: decision strategy"), Text "decision_strategy";
    "resource_server" "id" [Client] Setting Fixed("authorization: enforcement"), Text "policy_enforce_mode";
    "resource_server" "id" [Client] Setting Fixed("authorization: remote management"), Text "allow_rs_remote_mgmt";
}

/// Tables that change by themselves, or hold nothing that a login needs.
const VOLATILE: &[&str] = &[
    "admin_event_entity",
    "auth_session",
    "client_initial_access",
    "client_node_registrations",
    "client_session",
    "client_session_auth_status",
    "client_session_note",
    "client_session_prot_mapper",
    "client_session_role",
    "client_user_session_note",
    "cluster_event",
    "databasechangelog",
    "databasechangeloglock",
    "event_entity",
    "federated_user",
    "fed_issued_ver_credential",
    "issued_ver_credential",
    "jgroups_ping",
    "jgroupsping",
    "login_failure",
    "migration_model",
    "offline_client_session",
    "offline_user_session",
    "org_invitation",
    "outbox_entry",
    "revoked_token",
    "root_auth_session",
    "server_config",
    "single_use_object",
    "user_session",
    "user_session_note",
    "username_login_failure",
    "user_federation_config",
    "user_federation_mapper",
    "user_federation_mapper_config",
    "user_federation_provider",
    "workflow_state",
    "admin_event_entity_details",
];

/// Whether a table is looked at, or known to say nothing about logins.
pub fn is_known_table(table: &str) -> bool {
    OBJECTS.iter().any(|t| t.table == table)
        || FACTS.iter().any(|t| t.table == table)
        || is_user_table(table)
        || VOLATILE.contains(&table)
}

/// Whether a table is about users.
pub fn is_user_table(table: &str) -> bool {
    table == "user_entity" || super::users::user_tables().iter().any(|t| t.table == table)
}

/// Whether a table is compared.
pub fn is_compared_table(table: &str) -> bool {
    is_known_table(table) && !VOLATILE.contains(&table)
}
