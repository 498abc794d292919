//! The environment of containers against a real engine, with PostgreSQL alone: an Elasticsearch takes longer to start than all
//! of this. Rehearsals on both are in the tests of the command.

#[path = "support/at_engine.rs"]
mod at_engine;

use at_engine::{cleaned_away, obstacle, select, skip};
use drydock_core::scenario::EnvironmentName;
use drydock_environments::{
    Access, Containers, EmbeddedConfig, Keep, Side, Silent, Store, StoreSignal, clean,
};
use drydock_stores::PostgresEndpoint;
use drydock_stores::endpoint::PostgresTls;
use secrecy::ExposeSecret;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn config(dir: &Path, run_id: &str) -> EmbeddedConfig {
    let mut config = EmbeddedConfig::new(run_id, dir.join("run"));
    config.work_root = Some(dir.join("work"));
    (config.source.elasticsearch, config.target.elasticsearch) = (false, false);
    config.target.access = Access::Secured;
    config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_in_containers_keep_their_data_through_faults_and_lives_and_leave_nothing() {
    drydock_stores::net::init();
    let dir = tempfile::tempdir().unwrap();
    let run_id = format!("test-containers-{}", std::process::id());
    let config = config(dir.path(), &run_id);
    if let Some(why) = obstacle(EnvironmentName::Containers, &config).await {
        return skip("stores in containers", &why);
    }
    let mut environment = Containers::start(config.clone(), Arc::new(Silent)).await.unwrap();
    let (source, target) =
        (environment.postgres(Side::Source).unwrap(), environment.postgres(Side::Target).unwrap());
    for endpoint in [&source, &target] {
        assert_eq!(endpoint.host, "127.0.0.1");
        select(endpoint, "SELECT count(*)::int FROM pg_catalog.pg_database").await.unwrap();
    }
    // What everybody may read who may list containers holds no password.
    let described = std::process::Command::new("docker")
        .args(["inspect", &format!("drydock-{run_id}-source-postgres")])
        .output()
        .unwrap();
    let described = String::from_utf8_lossy(&described.stdout).into_owned();
    assert!(described.contains("POSTGRES_PASSWORD_FILE"), "{described}");
    assert!(
        !described.contains(source.password.as_ref().unwrap().expose_secret()),
        "a password is in the description"
    );
    let session = drydock_stores::postgres::connect(&source, "postgres", "drydock-test").await.unwrap();
    session.batch_execute("CREATE TABLE public.kept AS SELECT 42 AS answer").await.unwrap();
    // Nobody comes in unencrypted, with the right password or not.
    let bare = PostgresEndpoint { tls: PostgresTls::Off, ..target.clone() };
    assert!(select(&bare, "SELECT 1").await.is_err());
    // A paused store is silent and then goes on; a killed one is started again on its data and its port.
    environment.signal(Side::Source, Store::Postgres, StoreSignal::Stop).await.unwrap();
    let waited = tokio::time::timeout(Duration::from_secs(1), session.query_one("SELECT 1", &[])).await;
    assert!(waited.is_err(), "a paused store answered");
    environment.signal(Side::Source, Store::Postgres, StoreSignal::Continue).await.unwrap();
    assert_eq!(select(&source, "SELECT answer FROM public.kept").await, Ok(42));
    environment.process(Side::Source, Store::Postgres).unwrap().kill().await.unwrap();
    assert!(!environment.is_running(Side::Source, Store::Postgres).await.unwrap());
    environment.restart(Side::Source, Store::Postgres).await.unwrap();
    assert_eq!(select(&source, "SELECT answer FROM public.kept").await, Ok(42));
    // A run that lives is left alone.
    let root = config.work_root.clone();
    let cleaned = tokio::task::spawn_blocking(move || clean::clean(root.as_deref())).await.unwrap().unwrap();
    assert_eq!((cleaned.live, cleaned.removed.len()), (vec![run_id.clone()], 0));
    // Another life finds the data where they were, behind the same doors.
    environment.stop(Keep::Data).await.unwrap();
    let mut environment = Containers::reattach(config.clone(), Arc::new(Silent)).await.unwrap().unwrap();
    assert_eq!(
        select(&environment.postgres(Side::Source).unwrap(), "SELECT answer FROM public.kept").await,
        Ok(42)
    );
    assert_eq!(environment.postgres(Side::Target).unwrap().port, target.port);
    assert_eq!(select(&target, "SELECT 1").await, Ok(1));
    assert!(select(&bare, "SELECT 1").await.is_err());
    // A volume is removed once its store has ended, and not before.
    assert!(environment.remove_data(Side::Source, Store::Postgres).await.is_err());
    environment.process(Side::Source, Store::Postgres).unwrap().kill().await.unwrap();
    let again = environment.process(Side::Source, Store::Postgres).unwrap().kill().await;
    assert!(again.is_err(), "what does not run was killed");
    environment.remove_data(Side::Source, Store::Postgres).await.unwrap();
    assert!(!environment.has_data(Side::Source, Store::Postgres));
    // Kept running, it is what a killed run leaves: the lock goes with the owner.
    environment.stop(Keep::Running).await.unwrap();
    let names = cleaned_away(&config).await;
    assert!(names.contains(&format!("container drydock-{run_id}-target-postgres")), "{names}");
    assert!(names.contains(&format!("network drydock-{run_id}")), "{names}");
    assert!(select(&target, "SELECT 1").await.is_err(), "a container is left");
    assert!(Containers::reattach(config, Arc::new(Silent)).await.unwrap().is_none());
}
