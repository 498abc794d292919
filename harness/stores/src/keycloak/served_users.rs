//! Users as the admin API tells them: credentials by type and age alone.

use super::api::{Admin, KeycloakError, escape};
use super::shown::{field, flatten, items, role_ids};
use drydock_parity::realm::{Aspect, Facts, Sealer, UserFact, Value};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value as Json;

/// Users asked about at the same time.
const PARALLEL: usize = 6;

/// Every fact about every user of a realm, service accounts included.
///
/// # Errors
/// A user cannot be read whole.
pub async fn read_served_users(
    admin: &Admin,
    told: &Json,
    sealer: &Sealer,
) -> Result<Vec<UserFact>, KeycloakError> {
    let path = format!("/{}", escape(field(told, "realm")));
    let mut users = admin.list(&format!("{path}/users"), "&briefRepresentation=false").await?;
    for client in admin.list(&format!("{path}/clients"), "").await? {
        if client["serviceAccountsEnabled"] == true {
            let account = format!("{path}/clients/{}/service-account-user", field(&client, "id"));
            users.extend(admin.find(&account).await?);
        }
    }
    let realm_id = field(told, "id");
    let each = stream::iter(users).map(|user| one(admin, &path, realm_id, user, sealer));
    let facts: Vec<Vec<UserFact>> = each.buffer_unordered(PARALLEL).try_collect().await?;
    Ok(facts.into_iter().flatten().collect())
}

async fn one(
    admin: &Admin,
    path: &str,
    realm_id: &str,
    user: Json,
    sealer: &Sealer,
) -> Result<Vec<UserFact>, KeycloakError> {
    let who = UserFact {
        realm_id: realm_id.to_owned(),
        user: field(&user, "username").to_owned(),
        id: field(&user, "id").to_owned(),
        about: None,
    };
    let below = |part: &str| format!("{path}/users/{}/{part}", who.id);
    let mut facts = Facts::default();
    flatten(&user, &mut facts, sealer);
    for role in role_ids(&admin.get(&below("role-mappings")).await?) {
        facts.add(Aspect::Roles, "", Value::Reference(role));
    }
    for group in admin.list(&below("groups"), "").await? {
        facts.add(Aspect::Groups, "", Value::Reference(field(&group, "id").to_owned()));
    }
    for credential in items(admin.get(&below("credentials")).await?) {
        // A hash that is made anew at a login keeps the date; a new password does not.
        let made = format!("made at {}", credential["createdDate"]);
        facts.text(Aspect::Credential, field(&credential, "type"), made);
    }
    for identity in items(admin.get(&below("federated-identity")).await?) {
        let account = format!("{} as {}", field(&identity, "userId"), field(&identity, "userName"));
        facts.text(Aspect::Identities, field(&identity, "identityProvider"), account);
    }
    for consent in items(admin.get(&below("consents")).await?) {
        for scope in consent["grantedClientScopes"].as_array().into_iter().flatten() {
            facts.text(Aspect::Consents, field(&consent, "clientId"), scope.as_str().unwrap_or_default());
        }
    }
    let told = facts.0.into_iter().flat_map(|((aspect, name), values)| {
        values.into_iter().map(move |value| Some((aspect, name.clone(), value)))
    });
    Ok(std::iter::once(None).chain(told).map(|about| UserFact { about, ..who.clone() }).collect())
}
