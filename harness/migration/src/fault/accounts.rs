//! Harm to who may log in to the target: what an import, an operator or a half-made copy leaves of a realm.

use super::postgres::query;
use super::{Choice, PlantedItem};
use crate::context::MigrationContext;
use crate::error::MigrationError;
use crate::postgres::literal;
use drydock_core::Component;
use drydock_core::scenario::FaultKind;
use drydock_stores::postgres::{APPLICATION_NAME, Connection, connect};

/// Clients that log in with a secret: realm, name, identifier.
const CLIENTS: &str = "SELECT r.name, c.client_id, c.id FROM client c JOIN realm r ON r.id = c.realm_id \
     WHERE r.name <> 'master' AND c.enabled AND NOT c.public_client AND NOT c.bearer_only AND c.secret IS NOT NULL";

/// Keys that tokens are signed with: realm, name, identifier.
const KEYS: &str = "SELECT r.name, k.name, k.id FROM component k JOIN realm r ON r.id = k.realm_id \
     WHERE r.name <> 'master' AND k.provider_type = 'org.keycloak.keys.KeyProvider' AND k.provider_id IN ('rsa', 'rsa-generated')";

/// People: realm, name, identifier. Clients have users of their own, which are none.
const USERS: &str = "SELECT r.name, u.username, u.id FROM user_entity u JOIN realm r ON r.id = u.realm_id \
     WHERE r.name <> 'master' AND u.enabled AND u.service_account_client_link IS NULL";

/// Roles of people: realm, user, identifier of the user, role, identifier of the role. What everybody has is nobody's loss.
const MAPPINGS: &str = "SELECT r.name, u.username, u.id, o.name, o.id FROM user_role_mapping m \
     JOIN user_entity u ON u.id = m.user_id JOIN realm r ON r.id = u.realm_id JOIN keycloak_role o ON o.id = m.role_id \
     WHERE r.name <> 'master' AND u.enabled AND u.service_account_client_link IS NULL AND o.name NOT LIKE 'default-roles%'";

/// Tables with rows of a user, and the column that names it. Not every version of Keycloak has all of them.
const OF_A_USER: [(&str, &str); 9] = [
    ("credential", "user_id"),
    ("user_attribute", "user_id"),
    ("user_required_action", "user_id"),
    ("user_role_mapping", "user_id"),
    ("user_group_membership", "user_id"),
    ("federated_identity", "user_id"),
    ("offline_user_session", "user_id"),
    ("user_consent", "user_id"),
    ("user_entity", "id"),
];

/// One that can be harmed: how findings name it, and the statements that do it.
struct Victim {
    name: String,
    item: String,
    statements: Vec<String>,
}

/// Harms one realm of the target's Keycloak database.
pub(super) async fn plant(
    cx: &MigrationContext,
    choice: &Choice<'_>,
) -> Result<Option<PlantedItem>, MigrationError> {
    let Some(database) =
        Component::Keycloak.database().filter(|_| cx.spec.components().contains(&Component::Keycloak))
    else {
        return Ok(None);
    };
    let mut session = connect(&cx.target.postgres, database, APPLICATION_NAME).await?;
    // A session of ours finds no table by itself.
    session
        .batch_execute("SET search_path TO public")
        .await
        .map_err(|e| MigrationError::statement(format!("look into database {database} of the target"), &e))?;
    let victims = match choice.kind {
        FaultKind::RegenerateClientSecret => clients(&session, choice).await?,
        FaultKind::RotateSigningKey => keys(&session, choice).await?,
        FaultKind::LoseUser => users(&session, choice).await?,
        FaultKind::LoseRoleMapping => mappings(&session, choice).await?,
        _ => Vec::new(),
    };
    let allowed = victims.into_iter().filter(|v| choice.allows(&v.name)).collect();
    for victim in choice.order(allowed, |v| v.item.clone()) {
        if all_or_none(&mut session, &victim.statements).await {
            return Ok(Some(PlantedItem { item: victim.item, subject: victim.name }));
        }
    }
    Ok(None)
}

/// Carries the statements out together, or none of them.
async fn all_or_none(session: &mut Connection, statements: &[String]) -> bool {
    let Ok(transaction) = session.transaction().await else { return false };
    for statement in statements {
        if transaction.batch_execute(statement).await.is_err() {
            return false;
        }
    }
    transaction.commit().await.is_ok()
}

async fn clients(session: &Connection, choice: &Choice<'_>) -> Result<Vec<Victim>, MigrationError> {
    let rows = query(session, choice, CLIENTS).await?;
    Ok(rows
        .iter()
        .map(|row| {
            let (realm, client, id): (String, String, String) = (row.get(0), row.get(1), row.get(2));
            let name = format!("{realm}/{client}");
            let secret = format!("{:032x}", choice.number(&name));
            Victim {
                item: format!("client {client} of realm {realm}"),
                statements: vec![format!(
                    "UPDATE client SET secret = {} WHERE id = {}",
                    literal(&secret),
                    literal(&id)
                )],
                name,
            }
        })
        .collect())
}

/// All keys of one realm: with one of several left, nothing is lost.
async fn keys(session: &Connection, choice: &Choice<'_>) -> Result<Vec<Victim>, MigrationError> {
    let mut victims: Vec<Victim> = Vec::new();
    for row in query(session, choice, KEYS).await? {
        let (realm, id): (String, String) = (row.get(0), row.get(2));
        let id = literal(&id);
        let statements = [
            format!("DELETE FROM component_config WHERE component_id = {id}"),
            format!("DELETE FROM component WHERE id = {id}"),
        ];
        match victims.iter_mut().find(|v| v.name == realm) {
            Some(victim) => victim.statements.extend(statements),
            None => victims.push(Victim {
                item: format!("signing keys of realm {realm}"),
                name: realm,
                statements: statements.into(),
            }),
        }
    }
    Ok(victims)
}

async fn users(session: &Connection, choice: &Choice<'_>) -> Result<Vec<Victim>, MigrationError> {
    let present = query(
        session,
        choice,
        "SELECT c.relname::text FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace",
    )
    .await?;
    let present: Vec<String> = present.iter().map(|row| row.get(0)).collect();
    let rows = query(session, choice, USERS).await?;
    Ok(rows
        .iter()
        .map(|row| {
            let (realm, user, id): (String, String, String) = (row.get(0), row.get(1), row.get(2));
            let id = literal(&id);
            let of_user = OF_A_USER.iter().filter(|(table, _)| present.iter().any(|p| p == table));
            Victim {
                item: format!("user {user} of realm {realm}"),
                name: format!("{realm}/{user}"),
                statements: of_user
                    .map(|(table, column)| format!("DELETE FROM {table} WHERE {column} = {id}"))
                    .collect(),
            }
        })
        .collect())
}

async fn mappings(session: &Connection, choice: &Choice<'_>) -> Result<Vec<Victim>, MigrationError> {
    let rows = query(session, choice, MAPPINGS).await?;
    Ok(rows
        .iter()
        .map(|row| {
            let (realm, user, id): (String, String, String) = (row.get(0), row.get(1), row.get(2));
            let (role, role_id): (String, String) = (row.get(3), row.get(4));
            Victim {
                item: format!("role {role} of user {user} of realm {realm}"),
                name: format!("{realm}/{user}"),
                statements: vec![format!(
                    "DELETE FROM user_role_mapping WHERE user_id = {} AND role_id = {}",
                    literal(&id),
                    literal(&role_id)
                )],
            }
        })
        .collect())
}
