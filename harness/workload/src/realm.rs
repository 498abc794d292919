//! A realm as Camunda's, for a real Keycloak: people, groups, roles and clients with everything that they log in with. Follows
//! from a size and a seed alone.

use drydock_stores::keycloak::LoginRequest;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value as Json, json};

/// Name of the realm.
pub const REALM: &str = "camunda-platform";

/// Applications, each of them a client with a secret.
const CLIENTS: [&str; 8] =
    ["camunda-identity", "operate", "tasklist", "optimize", "zeebe", "connectors", "web-modeler", "console"];
const ROLES: [&str; 6] = ["Identity", "Operate", "Tasklist", "Optimize", "Zeebe", "Web Modeler"];
const GROUPS: [&str; 4] = ["operations", "finance", "it's \"quoted\" & größer", "empty"];
/// What passwords must survive besides letters: forms, JSON, SQL and shells all have characters of their own.
const AWKWARD: [&str; 6] = ["", "ü€", "a&b=c", "'; --", "p%20+", "\\\"{}$x"];
const FIRST: [&str; 8] = ["anna", "bernd", "chloé", "dörte", "emre", "françois", "gül", "hana"];
/// Of so many users one is disabled, and one has a right beyond logging in.
const DISABLED_EACH: usize = 7;
const WARDEN_EACH: usize = 11;
/// Users who join the realm later, on whatever server it is served from by then.
const NEWCOMERS: usize = 3;
/// Seconds that a token and a session last: longer than any rehearsal.
const LIFESPAN: u32 = 86_400;

/// People and applications of one realm.
#[derive(Debug, Clone)]
pub struct Realm {
    users: Vec<User>,
    newcomers: Vec<User>,
    clients: Vec<(&'static str, SecretString)>,
}

#[derive(Debug, Clone)]
struct User {
    number: usize,
    name: String,
    password: SecretString,
    enabled: bool,
    /// May see the users of the realm.
    warden: bool,
    /// The client through which it logs in.
    client: usize,
}

impl Realm {
    /// A realm of so many users, at least 12, so that each kind of them is there.
    pub fn new(users: usize, seed: u64) -> Self {
        let secret = |what: &str, number: usize| {
            let material = format!("{seed}\0{what}\0{number}");
            let key = blake3::derive_key("drydock 2026 seeded realm", material.as_bytes());
            blake3::Hash::from_bytes(key).to_hex()[..24].to_owned()
        };
        let user = |number: usize| User {
            number,
            name: format!("{}.{number}", FIRST[number % FIRST.len()]),
            password: SecretString::from(format!(
                "{}{}",
                secret("user", number),
                AWKWARD[number % AWKWARD.len()]
            )),
            enabled: number % DISABLED_EACH != DISABLED_EACH - 1,
            warden: number % WARDEN_EACH == 1,
            client: number % CLIENTS.len(),
        };
        let users = users.max(12);
        let newcomers = (users..users + NEWCOMERS).map(user);
        let clients = CLIENTS.iter().enumerate();
        Self {
            users: (0..users).map(user).collect(),
            newcomers: newcomers.map(|user| User { enabled: true, ..user }).collect(),
            clients: clients.map(|(n, name)| (*name, SecretString::from(secret("client", n)))).collect(),
        }
    }

    /// Every account with what it logs in with: users through their client, then the clients themselves.
    pub fn logins(&self) -> Vec<LoginRequest> {
        let of_users = self.users.iter().map(|user| self.login_of(user));
        let of_clients = self.clients.iter().map(|(client, secret)| LoginRequest {
            realm: REALM.to_owned(),
            user: None,
            client: (*client).to_owned(),
            client_secret: Some(secret.clone()),
        });
        of_users.chain(of_clients).collect()
    }

    fn login_of(&self, user: &User) -> LoginRequest {
        let (client, secret) = &self.clients[user.client];
        LoginRequest {
            realm: REALM.to_owned(),
            user: Some((user.name.clone(), user.password.clone())),
            client: (*client).to_owned(),
            client_secret: Some(secret.clone()),
        }
    }

    /// Users who are not of the realm yet, as the admin API makes them, with what they log in with then.
    pub fn newcomers(&self) -> Vec<(LoginRequest, Json)> {
        self.newcomers.iter().map(|user| (self.login_of(user), user.representation())).collect()
    }

    /// A user who leaves, and may not log in from then on: neither [`Realm::somebody`] nor one with rights of their own.
    pub fn leaver(&self) -> Option<LoginRequest> {
        let leaver = self.users.iter().skip(1).rfind(|user| user.enabled && !user.warden)?;
        Some(self.login_of(leaver))
    }

    /// The users that may not log in.
    pub fn locked_out(&self) -> impl Iterator<Item = &str> {
        self.users.iter().filter(|user| !user.enabled).map(|user| user.name.as_str())
    }

    /// A user that may log in, as probes do.
    pub fn somebody(&self) -> Option<LoginRequest> {
        self.logins().into_iter().next()
    }

    /// Every secret, so that none is shown.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let of_users = self.users.iter().chain(&self.newcomers).map(|user| &user.password);
        of_users.chain(self.clients.iter().map(|(_, secret)| secret)).map(ExposeSecret::expose_secret)
    }

    /// The realm as Keycloak imports it.
    pub fn representation(&self) -> Json {
        let role = |name: &str| json!({"name": name, "description": format!("may use {name}"), "attributes": {"since": ["8.6"]}});
        let mut roles: Vec<Json> = ROLES.iter().map(|name| role(name)).collect();
        roles.push(json!({"name": "Default user role", "composites": {"realm": ["Operate", "Tasklist"]}}));
        let client_roles: serde_json::Map<String, Json> = CLIENTS
            .iter()
            .map(|client| ((*client).to_owned(), json!([{"name": "read:*"}, {"name": "write:*"}])))
            .collect();
        let groups: Vec<Json> = GROUPS
            .iter()
            .enumerate()
            .map(|(n, name)| json!({"name": name, "realmRoles": [ROLES[n]], "attributes": {"cost": [n.to_string()]}}))
            .collect();
        let service_accounts = CLIENTS.iter().enumerate().map(|(n, client)| {
            json!({
                "username": format!("service-account-{client}"), "enabled": true, "serviceAccountClientId": client,
                "realmRoles": [ROLES[n % ROLES.len()]], "clientRoles": {CLIENTS[(n + 1) % CLIENTS.len()]: ["write:*"]},
            })
        });
        json!({
            "realm": REALM, "enabled": true, "sslRequired": "none", "eventsEnabled": false,
            "accessTokenLifespan": LIFESPAN, "ssoSessionIdleTimeout": LIFESPAN, "ssoSessionMaxLifespan": LIFESPAN,
            "roles": {"realm": roles, "client": client_roles},
            "groups": groups,
            "clients": self.clients.iter().map(client_representation).collect::<Vec<_>>(),
            "users": self.users.iter().map(User::representation).chain(service_accounts).collect::<Vec<_>>(),
        })
    }
}

fn client_representation((client, secret): &(&'static str, SecretString)) -> Json {
    let audience = |name: &str, key: &str, value: &str| {
        json!({
            "name": name, "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper",
            "config": {key: value, "access.token.claim": "true", "introspection.token.claim": "true"},
        })
    };
    let groups = json!({
        "name": "groups", "protocol": "openid-connect", "protocolMapper": "oidc-group-membership-mapper",
        "config": {"claim.name": "groups", "full.path": "false", "access.token.claim": "true"},
    });
    json!({
        "clientId": client, "enabled": true, "protocol": "openid-connect", "secret": secret.expose_secret(),
        "serviceAccountsEnabled": true, "directAccessGrantsEnabled": true, "standardFlowEnabled": true,
        "redirectUris": [format!("https://camunda.invalid/{client}/*")], "webOrigins": ["+"],
        "protocolMappers": [
            // Who asks about a token has to be in its audience.
            audience("itself", "included.client.audience", client),
            audience("its interface", "included.custom.audience", &format!("{client}-api")),
            groups,
        ],
    })
}

impl User {
    fn representation(&self) -> Json {
        let number = self.number;
        // Roles come three ways: given, by group, and as part of another. Some users have none.
        let roles: Vec<&str> = match number % 4 {
            0 => vec![ROLES[number % ROLES.len()], ROLES[(number + 3) % ROLES.len()]],
            1 => vec!["Default user role"],
            2 => vec![ROLES[(number + 2) % ROLES.len()]],
            _ => Vec::new(),
        };
        let groups: Vec<String> = match number % 3 {
            0 => vec![format!("/{}", GROUPS[number % (GROUPS.len() - 1)])],
            _ => Vec::new(),
        };
        let rights =
            if self.warden { json!({"realm-management": ["view-users", "query-users"]}) } else { json!({}) };
        json!({
            "username": self.name, "enabled": self.enabled, "emailVerified": number.is_multiple_of(2),
            "email": format!("user{number}@camunda.invalid"), "firstName": "Zoë", "lastName": format!("O'Neill {number}"),
            "attributes": {"phone": [format!("+49 {number}"), "x"]},
            "credentials": [{"type": "password", "value": self.password.expose_secret()}],
            "realmRoles": roles, "groups": groups, "clientRoles": rights,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn it_follows_from_its_seed_and_holds_every_kind_of_user() {
        let realm = Realm::new(0, 7);
        assert_eq!(realm.representation(), Realm::new(12, 7).representation());
        let other = Realm::new(12, 8);
        assert!(realm.secrets().zip(other.secrets()).all(|(a, b)| a != b));
        let secrets: BTreeSet<&str> = realm.secrets().collect();
        assert_eq!(secrets.len(), 12 + NEWCOMERS + CLIENTS.len());
        assert_eq!(realm.locked_out().collect::<Vec<_>>(), ["gül.6"]);
        let json = realm.representation();
        let users = json["users"].as_array().unwrap();
        assert_eq!(users.len(), 12 + CLIENTS.len());
        let some = |test: &dyn Fn(&Json) -> bool| users.iter().any(test);
        assert!(some(&|u| u["realmRoles"] == json!([])) && some(&|u| u["enabled"] == false));
        assert!(some(&|u| u["clientRoles"]["realm-management"][0] == "view-users"));
        assert!(
            some(&|u| u["groups"] == json!([]))
                && some(&|u| !u["groups"].as_array().is_none_or(Vec::is_empty))
        );
    }

    #[test]
    fn every_account_has_what_it_logs_in_with_and_none_of_it_is_shown() {
        let realm = Realm::new(40, 1);
        let logins = realm.logins();
        assert_eq!(logins.len(), 40 + CLIENTS.len());
        let names: BTreeSet<(Option<&str>, &str)> =
            logins.iter().map(|l| (l.user.as_ref().map(|(u, _)| u.as_str()), l.client.as_str())).collect();
        assert_eq!(names.len(), logins.len());
        let shown = format!("{realm:?} {logins:?}");
        assert!(realm.secrets().all(|secret| !shown.contains(secret)));
        // Somebody who may.
        let somebody = realm.somebody().unwrap();
        assert!(realm.locked_out().all(|name| name != somebody.who()));
    }
}
