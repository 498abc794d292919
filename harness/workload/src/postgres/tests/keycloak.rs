//! Realms in the generated Keycloak database: clean copies stay silent, and each planted corruption is found by its check.

use super::server::Server;
use super::{PostgresProfile, source};
use drydock_stores::compare::{CheckResult, DatabasePair, Options, keycloak_databases};

const USERS: &str = "keycloak/users";
const REALMS: &str = "keycloak/realms";
const CLIENTS: &str = "keycloak/clients";

/// A name, the check and the end of the subject that must tell it, and the script that plants it.
const CORRUPTIONS: &[(&str, &str, &str, &str)] = &[
    (
        "credential gone",
        USERS,
        "users/credentials",
        "DELETE FROM credential WHERE id = (SELECT min(id) FROM credential)",
    ),
    (
        "hash changed",
        USERS,
        "users/credentials",
        "UPDATE credential SET secret_data = replace(secret_data, 'value', 'valve') WHERE id = (SELECT min(id) FROM credential)",
    ),
    (
        "iterations changed",
        USERS,
        "users/credentials",
        "UPDATE credential SET credential_data = replace(credential_data, '5', '6') WHERE id = (SELECT min(id) FROM credential)",
    ),
    (
        "salt gone",
        USERS,
        "users/credentials",
        "UPDATE credential SET salt = NULL WHERE id = (SELECT min(id) FROM credential WHERE salt IS NOT NULL)",
    ),
    (
        "credential of another type",
        USERS,
        "users/credentials",
        "UPDATE credential SET type = 'otp' WHERE id = (SELECT min(id) FROM credential)",
    ),
    (
        "credential of somebody else",
        USERS,
        "users/credentials",
        "UPDATE credential SET user_id = (SELECT max(id) FROM user_entity) WHERE id = (SELECT min(c.id) FROM credential c WHERE user_id <> (SELECT max(id) FROM user_entity))",
    ),
    (
        "user disabled",
        USERS,
        "users/enabled",
        "UPDATE user_entity SET enabled = NOT enabled WHERE id = (SELECT min(id) FROM user_entity)",
    ),
    (
        "user renamed",
        USERS,
        "users/settings",
        "UPDATE user_entity SET username = 'renamed' WHERE id = (SELECT min(id) FROM user_entity)",
    ),
    (
        "user gone",
        USERS,
        "camunda-platform/users",
        "DELETE FROM user_entity WHERE id = (SELECT min(u.id) FROM user_entity u JOIN realm r ON r.id = u.realm_id WHERE r.name = 'camunda-platform')",
    ),
    (
        "user in another realm",
        USERS,
        "/users",
        "UPDATE user_entity SET realm_id = (SELECT id FROM realm WHERE name = 'master') WHERE id = (SELECT min(u.id) FROM user_entity u JOIN realm r ON r.id = u.realm_id WHERE r.name = 'camunda-platform')",
    ),
    (
        "user extra",
        USERS,
        "/users",
        "INSERT INTO user_entity (id, realm_id, username, enabled) SELECT 'x', id, 'intruder', true FROM realm WHERE name = 'master'",
    ),
    (
        "user doubled",
        USERS,
        "/users",
        "ALTER TABLE user_entity DROP CONSTRAINT uk_ru8tt6t700s9v50bu18ws5ha6, DROP CONSTRAINT uk_dykn684sl8up1crfei6eckhd7; DROP INDEX user_entity_username_lower; INSERT INTO user_entity SELECT (jsonb_populate_record(u, '{\"id\": \"twin\"}')).* FROM user_entity u WHERE id = (SELECT min(id) FROM user_entity)",
    ),
    (
        "address changed",
        USERS,
        "users/profile",
        "UPDATE user_entity SET email = 'other@example.com' WHERE id = (SELECT min(id) FROM user_entity)",
    ),
    (
        "address verified",
        USERS,
        "users/profile",
        "UPDATE user_entity SET email_verified = NOT email_verified WHERE id = (SELECT min(id) FROM user_entity)",
    ),
    (
        "first name gone",
        USERS,
        "users/profile",
        "UPDATE user_entity SET first_name = NULL WHERE id = (SELECT min(id) FROM user_entity WHERE first_name <> '')",
    ),
    (
        "tokens revoked",
        USERS,
        "users/settings",
        "UPDATE user_entity SET not_before = 9 WHERE id = (SELECT min(id) FROM user_entity)",
    ),
    (
        "service account cut off",
        USERS,
        "users/links",
        "UPDATE user_entity SET service_account_client_link = NULL WHERE id = (SELECT min(id) FROM user_entity WHERE service_account_client_link IS NOT NULL)",
    ),
    (
        "attribute gone",
        USERS,
        "users/attributes",
        "DELETE FROM user_attribute WHERE id = (SELECT min(id) FROM user_attribute)",
    ),
    (
        "attribute doubled",
        USERS,
        "users/attributes",
        "INSERT INTO user_attribute (id, name, value, user_id) SELECT 'twin', name, value, user_id FROM user_attribute WHERE id = (SELECT min(id) FROM user_attribute WHERE value IS NOT NULL)",
    ),
    (
        "role taken",
        USERS,
        "users/roles",
        "DELETE FROM user_role_mapping WHERE ctid = (SELECT min(ctid) FROM user_role_mapping)",
    ),
    (
        "role given",
        USERS,
        "users/roles",
        "INSERT INTO user_role_mapping SELECT r.id, u.id FROM keycloak_role r, user_entity u WHERE NOT EXISTS (SELECT FROM user_role_mapping m WHERE m.role_id = r.id AND m.user_id = u.id) LIMIT 1",
    ),
    (
        "membership gone",
        USERS,
        "users/groups",
        "DELETE FROM user_group_membership WHERE ctid = (SELECT min(ctid) FROM user_group_membership)",
    ),
    ("required action gone", USERS, "users/required-actions", "DELETE FROM user_required_action"),
    (
        "identity changed",
        USERS,
        "users/identities",
        "UPDATE federated_identity SET federated_user_id = 'somebody'",
    ),
    ("consent gone", USERS, "users/consents", "DELETE FROM user_consent"),
    (
        "private key regenerated",
        REALMS,
        "realm-keys/key-material",
        "UPDATE component_config SET value = 'leak' || value WHERE id = (SELECT min(id) FROM component_config WHERE name = 'privateKey')",
    ),
    (
        "key identifier changed",
        REALMS,
        "realm-keys/configuration",
        "UPDATE component_config SET value = 'other' WHERE id = (SELECT min(id) FROM component_config WHERE name = 'kid')",
    ),
    (
        "key provider gone",
        REALMS,
        "/realm-keys",
        "DELETE FROM component WHERE id = (SELECT min(id) FROM component)",
    ),
    (
        "realm off",
        REALMS,
        "camunda-platform/enabled",
        "UPDATE realm SET enabled = false WHERE name = 'camunda-platform'",
    ),
    (
        "realm renamed",
        REALMS,
        "camunda-platform/settings",
        "UPDATE realm SET name = 'camunda' WHERE name = 'camunda-platform'",
    ),
    (
        "token lifespan",
        REALMS,
        "camunda-platform/settings",
        "UPDATE realm SET access_token_lifespan = 1 WHERE name = 'camunda-platform'",
    ),
    (
        "login flow rebound",
        REALMS,
        "camunda-platform/flows",
        "UPDATE realm r SET browser_flow = f.id FROM authentication_flow f WHERE f.realm_id = r.id AND f.alias = 'registration' AND r.name = 'camunda-platform'",
    ),
    (
        "realm attribute",
        REALMS,
        "camunda-platform/attributes",
        "DELETE FROM realm_attribute a USING realm r WHERE a.realm_id = r.id AND r.name = 'camunda-platform' AND a.name = 'attribute.3'",
    ),
    (
        "mail server",
        REALMS,
        "/configuration",
        "UPDATE realm_smtp_config SET value = 'other.invalid' WHERE name = 'host'",
    ),
    ("language gone", REALMS, "/settings", "DELETE FROM realm_supported_locales WHERE value = 'de'"),
    (
        "listener gone",
        REALMS,
        "/settings",
        "DELETE FROM realm_events_listeners WHERE value = 'camunda-audit'",
    ),
    (
        "flow gone",
        REALMS,
        "/authentication-flows",
        "DELETE FROM authentication_flow WHERE alias = 'direct grant'",
    ),
    (
        "requirement changed",
        REALMS,
        "authentication-steps/settings",
        "UPDATE authentication_execution SET requirement = requirement + 1 WHERE id = (SELECT min(id) FROM authentication_execution)",
    ),
    (
        "step gone",
        REALMS,
        "/authentication-steps",
        "DELETE FROM authentication_execution WHERE id = (SELECT min(id) FROM authentication_execution)",
    ),
    (
        "required action off",
        REALMS,
        "required-actions/enabled",
        "UPDATE required_action_provider SET enabled = false WHERE alias = 'CONFIGURE_TOTP'",
    ),
    (
        "identity provider off",
        REALMS,
        "identity-providers/enabled",
        "UPDATE identity_provider SET enabled = NOT enabled",
    ),
    (
        "identity provider secret",
        REALMS,
        "identity-providers/secrets",
        "UPDATE identity_provider_config SET value = 'leak' WHERE name = 'clientSecret'",
    ),
    (
        "realm role renamed",
        REALMS,
        "roles/settings",
        "UPDATE keycloak_role SET name = 'Manager' WHERE name = 'ManagementIdentity'",
    ),
    ("composite gone", REALMS, "roles/composites", "DELETE FROM composite_role"),
    (
        "group renamed",
        REALMS,
        "groups/settings",
        "UPDATE keycloak_group SET name = 'renamed' WHERE id = (SELECT min(id) FROM keycloak_group)",
    ),
    (
        "group role gone",
        REALMS,
        "groups/roles",
        "DELETE FROM group_role_mapping WHERE ctid = (SELECT min(ctid) FROM group_role_mapping)",
    ),
    (
        "client secret changed",
        CLIENTS,
        "clients/secrets",
        "UPDATE client SET secret = 'leak' WHERE id = (SELECT min(id) FROM client WHERE secret IS NOT NULL)",
    ),
    (
        "client off",
        CLIENTS,
        "clients/enabled",
        "UPDATE client SET enabled = false WHERE id = (SELECT min(id) FROM client)",
    ),
    (
        "client public",
        CLIENTS,
        "clients/settings",
        "UPDATE client SET public_client = NOT public_client WHERE id = (SELECT min(id) FROM client)",
    ),
    (
        "client renamed",
        CLIENTS,
        "clients/settings",
        "UPDATE client SET client_id = 'renamed' WHERE id = (SELECT min(id) FROM client)",
    ),
    (
        "redirect changed",
        CLIENTS,
        "clients/redirect-uris",
        "UPDATE redirect_uris SET value = 'https://other.invalid/*' WHERE ctid = (SELECT min(ctid) FROM redirect_uris)",
    ),
    ("web origins gone", CLIENTS, "clients/web-origins", "DELETE FROM web_origins"),
    (
        "client attribute",
        CLIENTS,
        "clients/attributes",
        "DELETE FROM client_attributes WHERE name = 'post.logout.redirect.uris'",
    ),
    (
        "scope made optional",
        CLIENTS,
        "clients/client-scopes",
        "UPDATE client_scope_client SET default_scope = NOT default_scope WHERE ctid = (SELECT min(ctid) FROM client_scope_client)",
    ),
    ("scope mapping gone", CLIENTS, "clients/roles", "DELETE FROM scope_mapping"),
    ("mapper gone", CLIENTS, "/protocol-mappers", "DELETE FROM protocol_mapper"),
    (
        "mapper changed",
        CLIENTS,
        "protocol-mappers/configuration",
        "UPDATE protocol_mapper_config SET value = 'other-api'",
    ),
    ("client role gone", CLIENTS, "/roles", "DELETE FROM keycloak_role WHERE client_role"),
];

/// What changes without anybody losing anything.
const HARMLESS: &[(&str, &str)] = &[
    (
        "sessions, events, discovery",
        "DELETE FROM offline_client_session; DELETE FROM offline_user_session; DELETE FROM event_entity; DELETE FROM admin_event_entity; DELETE FROM jgroups_ping; DELETE FROM revoked_token; UPDATE databasechangelog SET orderexecuted = 99 - orderexecuted",
    ),
    (
        "rows written again",
        "UPDATE user_entity SET enabled = enabled; UPDATE user_role_mapping SET role_id = role_id; CLUSTER credential USING constraint_f; UPDATE keycloak_role SET name = name",
    ),
    (
        "internal identifiers of rows",
        "UPDATE user_attribute SET id = md5(id); UPDATE component_config SET id = md5(id); UPDATE credential SET id = md5(id); UPDATE group_attribute SET id = md5(id)",
    ),
    ("counter of a one-time password", "UPDATE credential SET credential_data = credential_data"),
    ("a Keycloak of the same version started", "UPDATE migration_model SET update_time = update_time + 1"),
];

fn psql(server: &Server, database: &str, script: &str) {
    // Constraints would refuse most corruptions; they are what a broken copy lacks.
    let script = format!("SET session_replication_role = replica; {script}");
    let arguments = [
        "-X",
        "-q",
        "-v",
        "ON_ERROR_STOP=1",
        "-U",
        super::server::SUPERUSER,
        "-d",
        database,
        "-c",
        script.as_str(),
    ];
    let done = server.run("psql", &arguments, super::server::PASSWORD);
    assert!(done.status.success(), "{script}\n{}", String::from_utf8_lossy(&done.stderr));
}

async fn compare(server: &Server, target: &str) -> Vec<CheckResult> {
    let pair = DatabasePair { source: "keycloak".into(), target: target.into() };
    keycloak_databases(&server.admin(), &server.admin(), &pair, &[], &Options::default()).await
}

fn copy(server: &Server) {
    for script in ["DROP DATABASE IF EXISTS copy", "CREATE DATABASE copy TEMPLATE keycloak"] {
        let arguments = [
            "-X",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            super::server::SUPERUSER,
            "-d",
            "postgres",
            "-c",
            script,
        ];
        let done = server.run("psql", &arguments, super::server::PASSWORD);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_corruption_of_a_realm_is_found_by_its_check() {
    let Some((server, ..)) = source(&PostgresProfile::TINY, 11).await else { return };
    let mut wrong = Vec::new();
    for (name, script) in [("nothing", "SELECT 1")].iter().chain(HARMLESS) {
        copy(&server);
        psql(&server, "copy", script);
        let results = compare(&server, "copy").await;
        assert_eq!(results.len(), 3);
        for result in &results {
            assert!(result.compared > 0, "{} compared nothing", result.check);
            if !result.findings.is_empty() {
                wrong.push(format!("{name}: {:?}", result.findings));
            }
        }
    }
    for (name, check, subject, script) in CORRUPTIONS {
        copy(&server);
        psql(&server, "copy", script);
        let results = compare(&server, "copy").await;
        let findings: Vec<_> = results.iter().flat_map(|r| &r.findings).collect();
        if !findings.iter().any(|f| f.check.as_str() == *check && f.subject.ends_with(subject)) {
            wrong.push(format!("{name}: not found by {check}, but {findings:?}"));
        }
        let text = format!("{results:?}");
        assert!(!text.contains("leak") && !text.contains("not-a-secret"), "{name} shows a secret: {text}");
        assert!(findings.iter().all(|f| !f.next.is_empty() && f.count > 0), "{findings:?}");
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    what_cannot_be_read(&server).await;
}

/// Columns and tables that are gone, and a role that may not read: not proven, never equal.
async fn what_cannot_be_read(server: &Server) {
    for script in [
        "ALTER TABLE credential DROP COLUMN secret_data",
        "DROP TABLE redirect_uris",
        "DROP TABLE user_role_mapping",
    ] {
        copy(server);
        psql(server, "copy", script);
        let findings: Vec<_> = compare(server, "copy").await.into_iter().flat_map(|r| r.findings).collect();
        assert!(!findings.is_empty(), "{script}");
    }
    copy(server);
    psql(server, "copy", "DROP TABLE migration_model");
    assert!(compare(server, "copy").await.iter().all(|r| !r.findings.is_empty()));
    psql(server, "copy", "CREATE ROLE blind LOGIN PASSWORD 'blind'; GRANT USAGE ON SCHEMA public TO blind");
    let blind = server.admin().with_role("blind", Some("blind".to_owned().into()));
    let pair = DatabasePair::same("keycloak");
    let results = keycloak_databases(&server.admin(), &blind, &pair, &[], &Options::default()).await;
    assert!(results.iter().all(|r| !r.findings.is_empty()), "{results:?}");
}
