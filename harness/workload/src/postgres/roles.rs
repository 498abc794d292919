//! Roles and empty databases: what an installation has before the application first starts.

use drydock_stores::PostgresEndpoint;
use drydock_stores::postgres::{APPLICATION_NAME, Connection, PostgresError, connect};
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;

/// The second role of a source: it reads some of what the applications own.
pub const REPORTING: &str = "reporting";
/// Where roles and databases are created from.
const MAINTENANCE: &str = "postgres";

/// Passwords of the application roles, by role name. `Debug` shows the names only.
#[derive(Debug, Clone, Default)]
pub struct RoleSecrets(BTreeMap<String, SecretString>);

impl RoleSecrets {
    /// The same secrets with one more.
    #[must_use]
    pub fn with(mut self, role: &str, password: SecretString) -> Self {
        self.0.insert(role.to_owned(), password);
        self
    }

    /// The password of `role`, if there is one.
    pub fn get(&self, role: &str) -> Option<&SecretString> {
        self.0.get(role)
    }

    /// `server` entered as application role `role`.
    pub fn endpoint(&self, server: &PostgresEndpoint, role: &str) -> PostgresEndpoint {
        server.with_role(role, self.get(role).cloned())
    }
}

impl<N: Into<String>> FromIterator<(N, SecretString)> for RoleSecrets {
    fn from_iter<I: IntoIterator<Item = (N, SecretString)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, secret)| (name.into(), secret)).collect())
    }
}

/// Creates, for each name, a role that may log in and an empty database of the same name that it owns (UTF-8, locale C).
/// What exists already is kept; an existing role gets the password given here. Other roles lose the right to connect.
///
/// # Errors
/// A missing password, a refused connection, or the server's refusal of one of the statements.
pub async fn create_roles_and_databases(
    admin: &PostgresEndpoint,
    databases: &[&str],
    secrets: &RoleSecrets,
) -> Result<(), PostgresError> {
    let session = connect(admin, MAINTENANCE, APPLICATION_NAME).await?;
    for name in databases {
        let password = secrets.get(name).ok_or_else(|| PostgresError::Statement {
            doing: format!("create role {name}"),
            reason: "no password was given for it; add one to the role secrets".to_owned(),
            code: String::new(),
        })?;
        create_role(&session, name, Some(password)).await?;
        own_database(&session, name).await?;
    }
    Ok(())
}

/// Creates the role `reporting` without a password on a source and lets it connect to `databases`. Targets of a
/// managed service have no such role, so what it may do there is not carried over.
///
/// # Errors
/// As [`create_roles_and_databases`].
pub async fn create_second_roles(admin: &PostgresEndpoint, databases: &[&str]) -> Result<(), PostgresError> {
    let session = connect(admin, MAINTENANCE, APPLICATION_NAME).await?;
    create_role(&session, REPORTING, None).await?;
    for name in databases {
        run(
            &session,
            &format!("let role {REPORTING} connect to database {name}"),
            &format!("GRANT CONNECT ON DATABASE {} TO {REPORTING}", identifier(name)),
        )
        .await?;
    }
    Ok(())
}

async fn create_role(
    session: &Connection,
    name: &str,
    password: Option<&SecretString>,
) -> Result<(), PostgresError> {
    let doing = format!("create role {name}");
    let exists = found(session, &doing, "SELECT 1 FROM pg_roles WHERE rolname = $1", name).await?;
    let verb = if exists { "ALTER" } else { "CREATE" };
    let password = password.map_or(String::new(), |p| format!(" PASSWORD {}", literal(p.expose_secret())));
    run(session, &doing, &format!("{verb} ROLE {} LOGIN{password}", identifier(name))).await
}

async fn own_database(session: &Connection, name: &str) -> Result<(), PostgresError> {
    let doing = format!("create database {name}");
    let quoted = identifier(name);
    if !found(session, &doing, "SELECT 1 FROM pg_database WHERE datname = $1", name).await? {
        let admin_is_superuser =
            "SELECT 1 FROM pg_roles WHERE rolname = current_user AND rolsuper AND $1::text IS NOT NULL";
        if !found(session, &doing, admin_is_superuser, name).await? {
            // Who is no superuser may hand a database only to a role it is a member of.
            run(session, &doing, &format!("GRANT {quoted} TO CURRENT_USER")).await?;
        }
        let create = format!(
            "CREATE DATABASE {quoted} OWNER {quoted} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
        );
        run(session, &doing, &create).await?;
    }
    run(session, &doing, &format!("REVOKE ALL ON DATABASE {quoted} FROM PUBLIC")).await
}

/// True if the query, which takes one text parameter, has a row.
pub(super) async fn found(
    session: &Connection,
    doing: &str,
    query: &str,
    name: &str,
) -> Result<bool, PostgresError> {
    let rows = session.query(query, &[&name]).await.map_err(|e| PostgresError::statement(doing, &e))?;
    Ok(!rows.is_empty())
}

/// Runs statements that return nothing of interest.
pub(super) async fn run(session: &Connection, doing: &str, sql: &str) -> Result<(), PostgresError> {
    session.batch_execute(sql).await.map_err(|e| PostgresError::statement(doing, &e))
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A string literal that does not depend on `standard_conforming_strings`.
fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::{identifier, literal};

    #[test]
    fn names_and_passwords_are_quoted() {
        assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal(r"it's \ me"), r"E'it''s \\ me'");
    }
}
