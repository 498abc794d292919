//! Databases dumped and restored by hand between two majors of PostgreSQL: nothing is lost, and half a dump is never taken for
//! a whole one.

use crate::planted::Quiet;
use crate::support::{cannot_run, skip};
use drydock_core::scenario::{DatabaseMover, Grants, MigrationSpec};
use drydock_core::{Action, Component, Finding, Outcome};
use drydock_environments::{Embedded, EmbeddedConfig, Keep, Silent};
use drydock_migration::{Attempt, BuiltinDriver, Facts, MigrationContext, MigrationError};
use drydock_stores::compare::{self, DatabasePair, Options};
use drydock_stores::postgres::connect;
use drydock_workload::postgres::{self as rows, Databases, PostgresProfile, RoleSecrets};
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

const COMPONENTS: [Component; 3] = [Component::Identity, Component::Keycloak, Component::Webmodeler];

struct Servers {
    environment: Embedded,
    context: MigrationContext,
}

impl Servers {
    async fn perform(&self, action: Action, attempt: Attempt) -> Result<Facts, MigrationError> {
        BuiltinDriver.perform(&self.context, action, &BTreeSet::new(), attempt, &Quiet).await
    }

    async fn does(&self, action: Action, attempt: Attempt) {
        self.perform(action, attempt).await.unwrap_or_else(|e| panic!("{action:?}: {e}"));
    }

    async fn fails(&self, action: Action, words: &str) {
        match self.perform(action, Attempt::Again).await {
            Err(e) => assert!(e.to_string().contains(words), "{e} lacks {words:?}"),
            Ok(facts) => panic!("{action:?} does not fail: {facts:?}"),
        }
    }

    async fn on_target(&self, database: &str, sql: &str) {
        let session = connect(&self.context.target.postgres, database, "test").await.expect("a session");
        session.batch_execute(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    async fn tables_of_target(&self) -> i64 {
        let session = connect(&self.context.target.postgres, "keycloak", "test").await.expect("a session");
        let sql = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace";
        session.query_one(sql, &[]).await.expect("a count").get(0)
    }

    /// Every step of a migration by hand, each component's databases made anew.
    async fn migrate(&self, attempt: Attempt) {
        for component in COMPONENTS {
            self.does(Action::PrepareDatabase(component), attempt).await;
            self.does(Action::FinalBackup(component), attempt).await;
        }
        if self.context.spec.carries_roles_by_hand() {
            self.does(Action::CarryRoles, attempt).await;
        }
        for component in COMPONENTS {
            self.does(Action::Restore(component), attempt).await;
            if self.context.spec.grants == Grants::Carry {
                self.does(Action::CarryGrants(component), attempt).await;
            }
        }
    }

    /// What differs and is not left out on purpose.
    async fn findings(&self) -> Vec<Finding> {
        let databases: Vec<DatabasePair> =
            COMPONENTS.iter().filter_map(|c| c.database()).map(DatabasePair::same).collect();
        let (source, target) = (&self.context.source.postgres, &self.context.target.postgres);
        compare::postgres(source, target, &databases, &Options::default())
            .await
            .into_iter()
            .flat_map(|r| r.findings)
            .filter(|f| f.outcome >= Outcome::NotProven && !f.subject.to_lowercase().contains("jgroups_ping"))
            .collect()
    }
}

async fn servers(folder: &std::path::Path, majors: (u16, u16)) -> Result<Servers, String> {
    let mut config = EmbeddedConfig::new(format!("by-hand-{}-{}", majors.0, std::process::id()), folder);
    (config.source.postgres_version, config.target.postgres_version) = majors;
    (config.source.elasticsearch, config.target.elasticsearch) = (false, false);
    if let Some(why) = cannot_run(&config).await {
        return Err(why);
    }
    std::fs::create_dir_all(folder.join("logs")).expect("logs");
    let environment = Embedded::start(config, Arc::new(Silent)).await.expect("the stores start");
    let nowhere = || drydock_stores::ElasticsearchEndpoint::plain("http://127.0.0.1:1");
    let side = |side| drydock_stores::StorePair {
        postgres: environment.postgres(side).expect("a server"),
        elasticsearch: nowhere(),
    };
    let (source, target) =
        (side(drydock_environments::Side::Source), side(drydock_environments::Side::Target));
    let databases = Databases::new(&PostgresProfile::TINY, 7);
    let roles: BTreeMap<String, SecretString> = databases
        .names()
        .iter()
        .map(|n| ((*n).to_owned(), SecretString::from(format!("secret of {n}"))))
        .collect();
    let secrets = roles.iter().fold(RoleSecrets::default(), |s, (r, p)| s.with(r, p.clone()));
    rows::create_roles_and_databases(&source.postgres, databases.names(), &secrets).await.expect("roles");
    rows::create_second_roles(&source.postgres, databases.names()).await.expect("second roles");
    rows::seed(&source.postgres, &databases, &secrets, &|_, _| {}).await.expect("rows");
    let context = MigrationContext {
        source,
        target,
        spec: MigrationSpec { components: Some(COMPONENTS.to_vec()), ..MigrationSpec::default() },
        clients: environment.postgres_clients().expect("clients").to_owned(),
        dumps: environment.work_dir().join("dumps"),
        roles,
        run_dir: folder.to_owned(),
        cancel: CancellationToken::new(),
        programs: Default::default(),
    };
    Ok(Servers { environment, context })
}

#[tokio::test(flavor = "multi_thread")]
async fn both_formats_carry_everything_between_majors_and_half_a_dump_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut servers = match servers(folder.path(), (14, 17)).await {
        Ok(servers) => servers,
        Err(missing) => return skip(&missing),
    };
    servers.context.spec.database_mover = DatabaseMover::Plain;
    servers.migrate(Attempt::First).await;
    assert_eq!(servers.findings().await, [], "plain");
    let logs = std::fs::read_to_string(folder.path().join("logs/psql-roles.log")).expect("a log");
    assert!(!logs.contains("SCRAM-SHA-256"), "password hashes are in a log");
    assert!(!servers.context.dumps.join("roles.sql").exists(), "password hashes lie about");

    // Again, as after a kill; then the other format.
    servers.migrate(Attempt::Again).await;
    assert_eq!(servers.findings().await, [], "plain, again");
    servers.context.spec.database_mover = DatabaseMover::Custom;
    servers.migrate(Attempt::Again).await;
    assert_eq!(servers.findings().await, [], "custom");

    for (mover, name) in [(DatabaseMover::Plain, "psql"), (DatabaseMover::Custom, "pg_restore")] {
        servers.context.spec.database_mover = mover;
        let keycloak = Component::Keycloak;
        servers.does(Action::FinalBackup(keycloak), Attempt::Again).await;
        // The restore stops in the middle, and all of it is undone.
        servers.on_target("postgres", "ALTER ROLE reporting RENAME TO somebody").await;
        servers.fails(Action::Restore(keycloak), "\"reporting\" does not exist").await;
        assert_eq!(servers.tables_of_target().await, 0, "{name} left something");
        servers.on_target("postgres", "ALTER ROLE somebody RENAME TO reporting").await;
        let dump = servers.context.dumps.join("keycloak/keycloak-db-final.dump");
        let whole = std::fs::read(&dump).expect("a dump");
        // Cut short: psql would take the end of the file for the end of the data.
        std::fs::write(&dump, &whole[..whole.len() / 2]).expect("cut");
        servers.fails(Action::Restore(keycloak), "cut short").await;
        std::fs::write(&dump, &whole).expect("whole again");
        servers.does(Action::Restore(keycloak), Attempt::Again).await;
        servers.does(Action::CarryGrants(keycloak), Attempt::Again).await;
        assert_eq!(servers.findings().await, [], "after the dump was whole again");
    }
    servers.environment.stop(Keep::Nothing).await.expect("an end");
}
