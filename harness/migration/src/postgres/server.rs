//! Roles and databases on the target.

use super::roles::ensure_second_roles;
use super::{database_of, identifier, literal};
use crate::context::{Attempt, Facts, MigrationContext, Reporter};
use crate::error::MigrationError;
use drydock_core::Component;
use drydock_core::scenario::{DatabaseMover, Grants};
use drydock_stores::PostgresEndpoint;
use drydock_stores::postgres::{APPLICATION_NAME, Connection, connect};
use secrecy::ExposeSecret;
use serde_json::json;

/// Database that every server has, for statements about others.
pub(crate) const MAINTENANCE: &str = "postgres";

/// Creates role and database of a component on the target. A database that exists must be empty the first time; later it
/// is ours and made anew. Second roles are created as well where grants are carried: a policy that names one could not
/// be restored without it.
pub(crate) async fn prepare(
    cx: &MigrationContext,
    component: Component,
    attempt: Attempt,
    reporter: &dyn Reporter,
) -> Result<Facts, MigrationError> {
    let name = database_of(component)?;
    let session = connect(&cx.target.postgres, MAINTENANCE, APPLICATION_NAME).await?;
    // The password must not reach the server's log, not even with a failing statement. Roles that may not say so go on.
    let _ = session.batch_execute("SET log_statement='none'; SET log_min_error_statement='panic'").await;
    let password = literal(cx.secret(name)?.expose_secret());
    let role = identifier(name);
    let exists = session
        .query_opt("SELECT 1 FROM pg_roles WHERE rolname = $1", &[&name])
        .await
        .map_err(|e| MigrationError::statement("look for the role on the target", &e))?
        .is_some();
    let verb = if exists { "ALTER" } else { "CREATE" };
    session
        .batch_execute(&format!("{verb} ROLE {role} LOGIN PASSWORD {password}"))
        .await
        .map_err(|e| MigrationError::statement(format!("create role {name} on the target"), &e))?;
    let mut facts = Facts::new();
    facts.insert("role".into(), json!(if exists { "kept" } else { "created" }));
    let found = match contents(&cx.target.postgres, name).await? {
        None => "created",
        Some(0) => "kept",
        Some(_) if attempt == Attempt::Again => "made anew",
        Some(objects) => return Err(not_empty(name, objects)),
    };
    if found == "kept" {
        session
            .batch_execute(&format!("ALTER DATABASE {role} OWNER TO {role}"))
            .await
            .map_err(|e| MigrationError::statement(format!("give database {name} to role {name}"), &e))?;
    } else {
        recreate(cx, &session, name, reporter).await?;
    }
    facts.insert("database".into(), json!(found));
    if cx.spec.grants == Grants::Carry && cx.spec.database_mover == DatabaseMover::Scripts {
        let created = ensure_second_roles(cx, name, reporter).await?;
        facts.insert("second_roles_created".into(), json!(created));
    }
    Ok(facts)
}

pub(super) fn not_empty(name: &str, objects: i64) -> MigrationError {
    MigrationError::migration(
        format!("use database {name} on the target"),
        format!("it is not empty: {objects} objects are in it"),
        "drop it or name another target; nothing was changed in it",
    )
}

/// Number of the user's objects in a database, or nothing if there is no such database.
pub(crate) async fn contents(
    endpoint: &PostgresEndpoint,
    database: &str,
) -> Result<Option<i64>, MigrationError> {
    let session = connect(endpoint, MAINTENANCE, APPLICATION_NAME).await?;
    let exists = session
        .query_opt("SELECT 1 FROM pg_database WHERE datname = $1", &[&database])
        .await
        .map_err(|e| MigrationError::statement("look for the database", &e))?;
    if exists.is_none() {
        return Ok(None);
    }
    let session = connect(endpoint, database, APPLICATION_NAME).await?;
    let row = session
        .query_one(
            "WITH mine AS (SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'), \
             extension AS (SELECT objid FROM pg_depend WHERE deptype = 'e') \
             SELECT (SELECT count(*) FROM pg_class WHERE relnamespace IN (SELECT oid FROM mine) \
                     AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND oid NOT IN (SELECT objid FROM extension)) \
                  + (SELECT count(*) FROM pg_proc WHERE pronamespace IN (SELECT oid FROM mine) \
                     AND oid NOT IN (SELECT objid FROM extension)) \
                  + (SELECT count(*) FROM pg_largeobject_metadata)",
            &[],
        )
        .await
        .map_err(|e| MigrationError::statement(format!("count the objects of database {database}"), &e))?;
    Ok(Some(row.get(0)))
}

/// Drops the database, if it is there, and creates it empty, UTF-8, owned by the role of its name, sorting as the
/// source's does where the target knows that order.
pub(super) async fn recreate(
    cx: &MigrationContext,
    session: &Connection,
    name: &str,
    reporter: &dyn Reporter,
) -> Result<(), MigrationError> {
    create_apart(cx, session, name, name, reporter).await
}

/// As [`recreate`], under any name, for a role and with the order of the role's database on the source.
pub(super) async fn create_apart(
    cx: &MigrationContext,
    session: &Connection,
    name: &str,
    role: &str,
    reporter: &dyn Reporter,
) -> Result<(), MigrationError> {
    drop_database(session, name).await?;
    let (quoted, owner) = (identifier(name), identifier(role));
    let create = format!("CREATE DATABASE {quoted} OWNER {owner} TEMPLATE template0 ENCODING 'UTF8'");
    if let Some((collate, ctype)) = source_locale(cx, role).await? {
        let with_locale = format!("{create} LC_COLLATE {} LC_CTYPE {}", literal(&collate), literal(&ctype));
        match session.batch_execute(&with_locale).await {
            Ok(()) => return Ok(()),
            Err(e) => reporter.note(&format!(
                "the target cannot create database {name} with the source's collation {collate} and character type {ctype} \
                 ({}); its own defaults are used, so texts may sort differently",
                e.as_db_error().map_or_else(|| e.to_string(), |d| d.message().to_owned())
            )),
        }
    }
    session
        .batch_execute(&create)
        .await
        .map_err(|e| MigrationError::statement(format!("create database {name} on the target"), &e))
}

/// Drops a database, if it is there, and ends its sessions.
pub(super) async fn drop_database(session: &Connection, name: &str) -> Result<(), MigrationError> {
    session
        .batch_execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", identifier(name)))
        .await
        .map_err(|e| MigrationError::statement(format!("drop database {name} on the target"), &e))
}

async fn source_locale(
    cx: &MigrationContext,
    name: &str,
) -> Result<Option<(String, String)>, MigrationError> {
    let session = connect(&cx.source.postgres, MAINTENANCE, APPLICATION_NAME).await?;
    let row = session
        .query_opt("SELECT datcollate::text, datctype::text FROM pg_database WHERE datname = $1", &[&name])
        .await
        .map_err(|e| MigrationError::statement(format!("read the collation of database {name}"), &e))?;
    Ok(row.map(|r| (r.get(0), r.get(1))))
}
