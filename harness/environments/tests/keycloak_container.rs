//! A real Keycloak in a container of either side, the target's database closed to whoever comes unencrypted. Minutes, hence only with
//! `DRYDOCK_TEST_KEYCLOAK=1`, where an engine answers that has the images.

#[path = "support/at_engine.rs"]
mod at_engine;

use at_engine::{cleaned_away, obstacle, select, skip};
use drydock_core::scenario::EnvironmentName;
use drydock_environments::{
    Access, Containers, EmbeddedConfig, Environment, Keep, Keycloak, KeycloakAccount, KeycloakConfig, Side,
    Silent,
};
use drydock_stores::keycloak::{LoginOutcome, LoginRequest, log_in_as};
use secrecy::SecretString;
use serde_json::json;
use std::process::Command;
use std::sync::Arc;

const DATABASE_PASSWORD: &str = "of-the-d$tab\\se";
const ROOT_PASSWORD: &str = "of-the-administrator";
const USER_PASSWORD: &str = "of-anna";

fn account() -> KeycloakAccount {
    KeycloakAccount {
        database: "keycloak".into(),
        role: "keycloak".into(),
        password: SecretString::from(DATABASE_PASSWORD),
        administrator: "admin".into(),
        administrator_password: SecretString::from(ROOT_PASSWORD),
    }
}

fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

async fn log_in(keycloak: &Keycloak, password: &str) -> LoginOutcome {
    let request = LoginRequest {
        realm: "people".into(),
        user: Some(("anna".into(), SecretString::from(password))),
        client: "admin-cli".into(),
        client_secret: None,
    };
    log_in_as(&keycloak.endpoint(), &request).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keycloak_works_on_the_database_of_its_side_and_goes_with_the_run() {
    drydock_stores::net::init();
    let what = "a Keycloak in a container";
    if std::env::var("DRYDOCK_TEST_KEYCLOAK").is_err() {
        return skip(what, "it takes minutes: set DRYDOCK_TEST_KEYCLOAK=1");
    }
    let dir = tempfile::tempdir().unwrap();
    // So long that a name service would not take the names of its containers.
    let run_id = format!("test-keycloak-in-a-container-of-a-run-with-a-long-name-{}", std::process::id());
    let mut config = EmbeddedConfig::new(&run_id, dir.path().join("run"));
    config.work_root = Some(dir.path().join("work"));
    (config.source.elasticsearch, config.target.elasticsearch) = (false, false);
    config.target.access = Access::Secured;
    config.keycloak = Some(KeycloakConfig::default());
    if let Some(why) = obstacle(EnvironmentName::Containers, &config).await {
        return skip(what, &why);
    }
    let started = Containers::start(config.clone(), Arc::new(Silent)).await.unwrap();
    let environment = Environment::from(started);
    let realm = json!({"realm": "people", "enabled": true, "users": [{
        "username": "anna", "enabled": true, "email": "anna@example.org", "firstName": "Anna", "lastName": "A",
        "credentials": [{"type": "password", "value": USER_PASSWORD}],
    }]});
    for side in [Side::Source, Side::Target] {
        let server = environment.postgres(side).unwrap();
        let session = drydock_stores::postgres::connect(&server, "postgres", "drydock-test").await.unwrap();
        for statement in [
            &format!("CREATE ROLE keycloak LOGIN PASSWORD '{DATABASE_PASSWORD}'"),
            "CREATE DATABASE keycloak OWNER keycloak",
        ] {
            session.batch_execute(statement).await.unwrap();
        }
        let start = async |realm| {
            let config = KeycloakConfig::default();
            Keycloak::start(&environment, side, &config, &account(), realm, &Silent).await.unwrap()
        };
        let mut keycloak = start(Some(&realm)).await;
        assert!(matches!(log_in(&keycloak, USER_PASSWORD).await, LoginOutcome::Granted(_)));
        assert!(matches!(log_in(&keycloak, "another").await, LoginOutcome::Refused(_)));
        assert!(keycloak.is_running().await.unwrap());
        assert!(keycloak.version().starts_with(|c: char| c.is_ascii_digit()), "{}", keycloak.version());
        // What everybody may read who may list containers holds no password, nor does the log; what it may take is bounded.
        let name = format!("drydock-{run_id}-{side}-keycloak");
        let described = docker(&["inspect", &name]);
        let log = std::fs::read_to_string(keycloak.log()).unwrap();
        assert!(log.contains("Listening on"), "{log}");
        for secret in [DATABASE_PASSWORD, ROOT_PASSWORD, USER_PASSWORD] {
            assert!(!described.contains(secret) && !log.contains(secret), "{secret} is told");
        }
        assert_eq!(docker(&["inspect", "--format", "{{.HostConfig.Memory}}", &name]).trim(), "1073741824");
        let realm_left = docker(&["exec", &name, "sh", "-c", "ls /etc/drydock-realm.json; true"]);
        assert_eq!(realm_left, "", "the realm is left in its container");
        keycloak.stop().await.unwrap();
        let sessions = "SELECT count(*)::int FROM pg_catalog.pg_stat_activity WHERE usename = 'keycloak'";
        assert_eq!(select(&server, sessions).await, Ok(0));
        assert_eq!(docker(&["ps", "--all", "--quiet", "--filter", &format!("name={name}")]), "");
        if side == Side::Target {
            // Its data are its database.
            let again = start(None).await;
            assert!(matches!(log_in(&again, USER_PASSWORD).await, LoginOutcome::Granted(_)));
            again.detach();
        }
    }
    // Kept running, it is what a killed run leaves.
    environment.stop(Keep::Running).await.unwrap();
    let names = cleaned_away(&config).await;
    assert!(names.contains("-target-keycloak") && !names.contains("-source-keycloak"), "{names}");
}
