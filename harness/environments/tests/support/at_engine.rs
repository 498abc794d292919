//! What tests of environments at a container engine share.

use drydock_core::scenario::EnvironmentName;
use drydock_environments::doctor::{DoctorState, run_in};
use drydock_environments::{EmbeddedConfig, clean};
use drydock_stores::PostgresEndpoint;
use std::time::Duration;

/// Why it cannot run here, if so. Nothing is pulled for a test.
pub(crate) async fn obstacle(name: EnvironmentName, config: &EmbeddedConfig) -> Option<String> {
    let items = run_in(&name, config).await;
    let stands = |state, name: &str| {
        state == DoctorState::Missing || name.starts_with("image ") && state != DoctorState::Ok
    };
    items.into_iter().find(|i| stands(i.state, &i.name)).map(|i| format!("{}: {}", i.name, i.detail))
}

/// Tells that nothing is tested, past what captures the output of tests.
pub(crate) fn skip(what: &str, why: &str) {
    let told = format!("SKIP {what}: {why}\n");
    std::io::Write::write_all(&mut std::io::stderr(), told.as_bytes()).unwrap_or_default();
}

pub(crate) async fn select(endpoint: &PostgresEndpoint, statement: &str) -> Result<i32, String> {
    let session = drydock_stores::postgres::connect(endpoint, "postgres", "drydock-test").await;
    let session = session.map_err(|e| e.to_string())?;
    let answer = tokio::time::timeout(Duration::from_secs(2), session.query_one(statement, &[])).await;
    Ok(answer.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?.get(0))
}

/// Cleans up after one dead run: what was found of it at the engine, by name. Nothing is found a second time.
pub(crate) async fn cleaned_away(config: &EmbeddedConfig) -> String {
    let root = config.work_root.clone();
    tokio::task::spawn_blocking(move || {
        let root = root.as_deref();
        let found = clean::leftovers(root).unwrap().found;
        let cleaned = clean::clean(root).unwrap();
        let after = clean::leftovers(root).unwrap().found;
        assert_eq!((cleaned.removed.len(), cleaned.failed.len(), after.len()), (1, 0, 0));
        found[0].containers.join(", ")
    })
    .await
    .unwrap()
}
