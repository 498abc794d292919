//! Capabilities that the databases serve.

use crate::postgres::{self, Databases};
use crate::service::{Backend, ServiceError};
use drydock_stores::keycloak::{LoginOutcome, log_in_as};
use drydock_stores::postgres::PostgresError;

/// Diagrams that probes save: above every number that the live writer uses.
const ABOVE_THE_WRITER: u64 = 1 << 43;

/// Logs somebody in, and out again: with the real server where one runs.
pub(super) async fn log_in(backend: &Backend) -> Result<(), ServiceError> {
    let Some((keycloak, request)) = backend.identity() else { return read_realm(backend).await };
    match log_in_as(keycloak, request).await? {
        LoginOutcome::Granted(_) => Ok(()),
        LoginOutcome::Refused(why) => Err(ServiceError::Refused(request.who().to_owned(), why)),
    }
}

/// Reads the platform's realm and one of its users, as a login does before it looks at a password.
async fn read_realm(backend: &Backend) -> Result<(), ServiceError> {
    let session = backend.database("keycloak")?.lock().await;
    let sql = "SELECT r.id, u.id FROM public.realm r JOIN public.user_entity u ON u.realm_id = r.id \
               WHERE r.name = 'camunda-platform' LIMIT 1";
    let rows = session.query(sql, &[]).await.map_err(|e| PostgresError::statement("log in", &e))?;
    match rows.is_empty() {
        false => Ok(()),
        true => Err(ServiceError::NotAsWritten("the realm camunda-platform with its users".into())),
    }
}

/// Writes a row of no consequence, as a failed login does.
pub(super) async fn note_login(backend: &Backend, number: u64) -> Result<(), ServiceError> {
    let session = backend.database("keycloak")?.lock().await;
    let id = format!("drydock-probe-{number}");
    let sql = "INSERT INTO public.event_entity (id, type) VALUES ($1, 'LOGIN_ERROR')";
    session.execute(sql, &[&id]).await.map_err(|e| PostgresError::statement("note a login", &e))?;
    Ok(())
}

/// Saves a diagram: a new version, and the file that shows it.
pub(super) async fn save(backend: &Backend, databases: &Databases, number: u64) -> Result<(), ServiceError> {
    let session = backend.database("webmodeler")?.lock().await;
    let saved = postgres::save_diagram(databases, &session, ABOVE_THE_WRITER + number, backend.now()).await?;
    match saved.is_empty() {
        false => Ok(()),
        true => Err(ServiceError::NotAsWritten(format!("diagram {number}"))),
    }
}

/// Looks something up that every installation has.
pub(super) async fn open_identity(backend: &Backend) -> Result<(), ServiceError> {
    let session = backend.database("identity")?.lock().await;
    let sql = "SELECT count(*)::text FROM pg_catalog.pg_class WHERE relnamespace = 'public'::regnamespace";
    session.query(sql, &[]).await.map_err(|e| PostgresError::statement("look at Identity", &e))?;
    Ok(())
}
