//! Databases that a real Keycloak wrote: copies, corruptions, and an import under other identifiers. Needs a Keycloak
//! distribution, unpacked and built for PostgreSQL, in `DRYDOCK_KEYCLOAK_HOME`, and some minutes.

use crate::keycloak_corruptions::{CORRUPTIONS, HELPERS};
use crate::postgres_server::{Server, UID, is_root, skip};
use drydock_core::Outcome;
use drydock_stores::compare::{CheckResult, DatabasePair, Options, keycloak_databases};
use serde_json::{Value as Json, json};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

pub(crate) const REALM: &str = "camunda-platform";
const CLIENTS: [&str; 7] =
    ["operate", "tasklist", "optimize", "camunda-identity", "zeebe", "connectors", "web-modeler"];

const ROLES: [&str; 3] = ["Identity", "Operate", "Tasklist"];
const GROUPS: [&str; 3] = ["/ops", "/dev", "/finance"];

/// A realm as Camunda's, with users, and something of everything that can be lost.
fn realm() -> Json {
    let mapper = |name: &str, mapper: &str, config: Json| json!({"name": name, "protocol": "openid-connect", "protocolMapper": mapper, "config": config});
    let clients = CLIENTS.map(|name| {
        json!({
            "clientId": name, "enabled": true, "protocol": "openid-connect", "secret": format!("{name}-s3cret"),
            "redirectUris": [format!("http://localhost/{name}/*"), format!("http://b/{name}")], "webOrigins": ["+"],
            "serviceAccountsEnabled": true, "directAccessGrantsEnabled": true, "fullScopeAllowed": name != "optimize",
            "attributes": {"post.logout.redirect.uris": "+"},
            "defaultClientScopes": if name == "tasklist" { json!(["roles", "camunda-identity"]) } else { json!(["roles"]) },
            "optionalClientScopes": [],
            "protocolMappers": [mapper("aud", "oidc-audience-mapper",
                json!({"included.custom.audience": format!("{name}-api"), "access.token.claim": "true"}))],
            "authorizationServicesEnabled": name == "camunda-identity",
            "authorizationSettings": if name == "camunda-identity" { authorization() } else { Json::Null },
        })
    });
    let users = (0..30).map(|n| {
        json!({
            "username": format!("user{n}"), "email": format!("user{n}@example.com"), "enabled": n != 9,
            "emailVerified": n % 2 == 0, "firstName": format!("F{n}"), "lastName": "L",
            "attributes": {"phone": [format!("+49{n}"), "x"], "dept": [format!("d{}", n % 3)]},
            "requiredActions": if n % 10 == 5 { json!(["UPDATE_PASSWORD"]) } else { json!([]) },
            "credentials": [{"type": "password", "value": format!("pw{n}")}],
            "realmRoles": [ROLES[n % 3]],
            "groups": [GROUPS[n % 3]],
            "federatedIdentities": if n == 3 {
                json!([{"identityProvider": "corp", "userId": "ext3", "userName": "ext-user3"}])
            } else { json!([]) },
        })
    });
    let mut users: Vec<Json> = users.collect();
    users.push(
        json!({"username": "service-account-zeebe", "enabled": true, "serviceAccountClientId": "zeebe",
                      "clientRoles": {"operate": ["write:*"]}}),
    );
    let role = |name: &str| json!({"name": name, "description": name, "attributes": {"a": ["1", "2"]}});
    let client_roles: serde_json::Map<String, Json> = CLIENTS
        .iter()
        .map(|name| ((*name).to_owned(), json!([{"name": "write:*"}, {"name": "read:*"}])))
        .collect();
    let group = |name: &str| json!({"name": name, "attributes": {"cost": [name, "x"]}, "realmRoles": ["Operate"], "subGroups": [{"name": "team"}]});
    json!({
        "realm": REALM, "enabled": true, "passwordPolicy": "length(3)", "internationalizationEnabled": true,
        "supportedLocales": ["en", "de"], "defaultLocale": "en", "eventsEnabled": true, "organizationsEnabled": true,
        "smtpServer": {"host": "mail.example", "port": "587", "user": "u", "password": "smtp-s3cret", "from": "a@b.c"},
        "attributes": {"x.custom": "v"},
        "roles": {
            "realm": [role("Identity"), role("Operate"), role("Tasklist"),
                {"name": "Default user role", "composites": {"realm": ["Operate", "Tasklist"]}}],
            "client": client_roles,
        },
        "groups": [group("ops"), group("dev"), group("finance")], "defaultGroups": ["/dev"],
        "clientScopes": [{"name": "roles", "protocol": "openid-connect"},
            {"name": "camunda-identity", "protocol": "openid-connect", "protocolMappers": [
                mapper("groups", "oidc-group-membership-mapper", json!({"claim.name": "groups", "full.path": "false"}))]}],
        "defaultDefaultClientScopes": ["roles"], "defaultOptionalClientScopes": ["camunda-identity"],
        "clients": clients, "scopeMappings": [{"client": "optimize", "roles": ["Operate"]}],
        "identityProviders": [{"alias": "corp", "providerId": "oidc", "enabled": true, "trustEmail": true, "config": {
            "clientId": "kc", "clientSecret": "idp-s3cret", "tokenUrl": "https://idp.example/token",
            "authorizationUrl": "https://idp.example/auth"}}],
        "identityProviderMappers": [{"name": "dept", "identityProviderAlias": "corp",
            "identityProviderMapper": "oidc-user-attribute-idp-mapper",
            "config": {"syncMode": "INHERIT", "claim": "dept", "user.attribute": "dept"}}],
        "components": {"org.keycloak.storage.UserStorageProvider": [federation()]},
        "organizations": [{"name": "acme", "alias": "acme", "enabled": true, "domains": [{"name": "acme.example", "verified": true}]}],
        "users": users,
    })
}

fn authorization() -> Json {
    json!({
        "resources": [{"name": "doc", "type": "t", "uris": ["/doc/*"], "scopes": [{"name": "view"}]}],
        "policies": [
            {"name": "only-ops", "type": "role", "logic": "POSITIVE", "decisionStrategy": "UNANIMOUS",
             "config": {"roles": "[{\"id\":\"Operate\",\"required\":true}]"}},
            {"name": "perm", "type": "resource", "logic": "POSITIVE", "decisionStrategy": "UNANIMOUS",
             "config": {"resources": "[\"doc\"]", "applyPolicies": "[\"only-ops\"]"}}],
        "scopes": [{"name": "view"}],
        "decisionStrategy": "UNANIMOUS", "policyEnforcementMode": "ENFORCING",
    })
}

fn federation() -> Json {
    json!({
        "name": "ldap", "providerId": "ldap", "config": {
            "enabled": ["false"], "priority": ["0"], "vendor": ["other"], "usernameLDAPAttribute": ["uid"],
            "rdnLDAPAttribute": ["uid"], "uuidLDAPAttribute": ["entryUUID"], "userObjectClasses": ["inetOrgPerson"],
            "connectionUrl": ["ldap://ldap.example:389"], "usersDn": ["ou=u,dc=x"], "authType": ["simple"],
            "bindDn": ["cn=a"], "bindCredential": ["ldap-s3cret"], "editMode": ["READ_ONLY"]},
        "subComponents": {"org.keycloak.storage.ldap.mappers.LDAPStorageMapper": [{
            "name": "email", "providerId": "user-attribute-ldap-mapper",
            "config": {"ldap.attribute": ["mail"], "user.model.attribute": ["email"]}}]},
    })
}

/// Keycloak's own program, on a database.
pub(crate) fn program(server: &Server, home: &str, database: &str) -> Command {
    let mut command = Command::new(PathBuf::from(home).join("bin/kc.sh"));
    if is_root() {
        command.uid(UID).gid(UID);
    }
    command.current_dir(home).env("HOME", server.directory());
    command
        .env("JAVA_OPTS_KC_HEAP", "-Xms128m -Xmx512m")
        .env("KC_DB_USERNAME", "postgres")
        .env("KC_DB_PASSWORD", "any");
    command.env("KC_DB_URL", format!("jdbc:postgresql://127.0.0.1:{}/{database}", server.port()));
    command
}

/// Runs Keycloak's own program on a database, to its end.
fn keycloak(server: &Server, home: &str, database: &str, arguments: &[&str]) {
    let done = program(server, home, database).args(arguments).output().expect("kc.sh runs");
    assert!(done.status.success(), "kc.sh {arguments:?}: {}", String::from_utf8_lossy(&done.stdout));
}

async fn compare(server: &Server, target: &str, realms: &[String]) -> Vec<CheckResult> {
    let endpoint = server.endpoint("postgres");
    let pair = DatabasePair { source: "src".into(), target: target.into() };
    keycloak_databases(&endpoint, &endpoint, &pair, realms, &Options::default()).await
}

fn without_ids(json: &Json) -> Json {
    const IDS: [&str; 4] = ["id", "containerId", "internalId", "_id"];
    match json {
        Json::Object(parts) => Json::Object(
            parts
                .iter()
                .filter(|(k, _)| !IDS.contains(&k.as_str()))
                .map(|(k, v)| (k.clone(), without_ids(v)))
                .collect(),
        ),
        Json::Array(items) => Json::Array(items.iter().map(without_ids).collect()),
        other => other.clone(),
    }
}

/// A server whose database `src` holds the realm, and the distribution that wrote it; or why there is none.
pub(crate) fn imported_source() -> Result<(Server, String), String> {
    let home = std::env::var("DRYDOCK_KEYCLOAK_HOME").map_err(|_| {
        "no Keycloak: set DRYDOCK_KEYCLOAK_HOME to a distribution built with --db=postgres".to_owned()
    })?;
    let server = Server::start_on_loopback()?;
    server.sql("postgres", "CREATE DATABASE src TEMPLATE template0");
    let file = server.directory().join("realm.json");
    std::fs::write(&file, realm().to_string()).expect("the realm is written");
    keycloak(&server, &home, "src", &["import", "--optimized", "--file", &file.display().to_string()]);
    Ok((server, home))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_real_keycloak_wrote() {
    let (server, home) = match imported_source() {
        Ok(found) => found,
        Err(reason) => return skip(&reason),
    };
    server.dump_and_restore("src", "base");
    let mut wrong = Vec::new();

    for result in compare(&server, "base", &[]).await {
        assert!(result.compared > 0, "{} compared nothing", result.check);
        assert!(result.findings.is_empty(), "restored: {:#?}", result.findings);
    }
    for (name, check, subject, script) in CORRUPTIONS {
        server.sql("postgres", "CREATE DATABASE copy TEMPLATE base");
        server.sql("copy", &format!("{HELPERS}{script}"));
        let results = compare(&server, "copy", &[]).await;
        let findings: Vec<_> = results.iter().flat_map(|r| &r.findings).collect();
        let told = findings.iter().any(|f| f.check.as_str() == *check && f.subject == *subject);
        if !told || findings.iter().any(|f| f.outcome != Outcome::Different) {
            wrong.push(format!("{name}: {findings:?}"));
        }
        let text = format!("{results:?}");
        assert!(!text.contains("s3cret") && !text.contains("MIIE"), "{name} shows a secret: {text}");
        server.sql("postgres", "DROP DATABASE copy");
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), CORRUPTIONS.len(), wrong.join("\n"));
    imported(&server, &home).await;
}

/// A realm that was exported and imported again, without a single identifier: users and groups carry others, and are said
/// to; nothing else differs.
async fn imported(server: &Server, home: &str) {
    let file = server.directory().join("exported").join("realm.json");
    let folder = server.directory().join("exported");
    std::fs::create_dir_all(&folder).expect("a folder");
    if is_root() {
        std::os::unix::fs::chown(&folder, Some(UID), Some(UID)).expect("the folder is Keycloak's");
    }
    let path = file.display().to_string();
    keycloak(
        server,
        home,
        "src",
        &["export", "--optimized", "--realm", REALM, "--users", "same_file", "--file", &path],
    );
    let exported: Json = serde_json::from_slice(&std::fs::read(&file).expect("exported")).expect("JSON");
    std::fs::write(&file, without_ids(&exported).to_string()).expect("written");
    server.sql("postgres", "CREATE DATABASE imported TEMPLATE template0");
    keycloak(server, home, "imported", &["import", "--optimized", "--file", &path]);
    let results = compare(server, "imported", &[REALM.to_owned()]).await;
    let mut subjects: Vec<&str> =
        results.iter().flat_map(|r| &r.findings).map(|f| f.subject.as_str()).collect();
    subjects.sort_unstable();
    assert_eq!(
        subjects,
        ["src/camunda-platform/groups/ids", "src/camunda-platform/users/ids"],
        "{results:#?}"
    );
}
