//! What preflight wants to know about the PostgreSQL servers.

use crate::context::MigrationContext;
use crate::error::MigrationError;
use crate::postgres::contents;
use drydock_stores::PostgresEndpoint;
use drydock_stores::postgres::{APPLICATION_NAME, Connection, connect};
use std::collections::{BTreeMap, BTreeSet};

/// Database that every server has.
const MAINTENANCE: &str = "postgres";

/// What a role that may not even connect cannot read.
pub(super) const WHOLE: &str = "the database as a whole";

/// One server, as its administrator sees it.
#[derive(Debug, Clone, Default)]
pub(super) struct Server {
    /// `server_version_num`.
    pub(super) version: i32,
    /// May create databases and roles.
    pub(super) may_create: bool,
    /// Name of the role that was asked with.
    pub(super) role: String,
    /// A standby, or set to read only: why nothing can be written.
    pub(super) read_only: Option<&'static str>,
    /// Extensions that can be installed.
    pub(super) available: BTreeSet<String>,
}

/// One database of the source.
#[derive(Debug, Clone, Default)]
pub(super) struct SourceDatabase {
    pub(super) bytes: u64,
    pub(super) extensions: BTreeSet<String>,
    /// Tables and sequences that the role which dumps may not read, or only in part: `pg_dump` fails at either.
    pub(super) unreadable: Vec<String>,
    /// The role which dumps.
    pub(super) role: String,
}

/// Both servers and the databases that move. `None` in `there` for a database that the target does not have yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Servers {
    pub(super) source: Server,
    pub(super) target: Server,
    pub(super) databases: BTreeMap<String, SourceDatabase>,
    /// Databases that the source lacks.
    pub(super) absent: Vec<String>,
    /// Objects in the target's databases of these names.
    pub(super) there: BTreeMap<String, i64>,
}

/// Asks both servers. Reads only.
pub(super) async fn look(cx: &MigrationContext, databases: &[&str]) -> Result<Servers, MigrationError> {
    let mut servers = Servers {
        source: server(&cx.source.postgres).await?,
        target: server(&cx.target.postgres).await?,
        ..Servers::default()
    };
    for database in databases {
        match source_database(cx, database).await? {
            Some(found) => {
                servers.databases.insert((*database).to_owned(), found);
            }
            None => servers.absent.push((*database).to_owned()),
        }
        if let Some(objects) = contents(&cx.target.postgres, database).await? {
            servers.there.insert((*database).to_owned(), objects);
        }
    }
    Ok(servers)
}

async fn server(endpoint: &PostgresEndpoint) -> Result<Server, MigrationError> {
    let session = connect(endpoint, MAINTENANCE, APPLICATION_NAME).await?;
    let row = session
        .query_one(
            "SELECT current_setting('server_version_num')::int, r.rolsuper OR (r.rolcreatedb AND r.rolcreaterole), \
                    r.rolname::text, pg_is_in_recovery(), current_setting('default_transaction_read_only') = 'on' \
             FROM pg_roles r WHERE r.rolname = current_user",
            &[],
        )
        .await
        .map_err(|e| MigrationError::statement("ask PostgreSQL for its version and rights", &e))?;
    let read_only = match (row.get(3), row.get(4)) {
        (true, _) => Some("it is a standby"),
        (false, true) => Some("default_transaction_read_only is on"),
        (false, false) => None,
    };
    let available = names(&session, "SELECT DISTINCT name::text FROM pg_available_extensions").await?;
    Ok(Server {
        version: row.get(0),
        may_create: row.get(1),
        role: row.get(2),
        read_only,
        available: available.into_iter().collect(),
    })
}

/// What is in one database, seen with the role that dumps it; `None` if the source does not have it.
async fn source_database(
    cx: &MigrationContext,
    database: &str,
) -> Result<Option<SourceDatabase>, MigrationError> {
    let session = connect(&cx.source.postgres, MAINTENANCE, APPLICATION_NAME).await?;
    let row = session
        .query_opt("SELECT 1 FROM pg_database WHERE datname = $1", &[&database])
        .await
        .map_err(|e| MigrationError::statement(format!("look for database {database} of the source"), &e))?;
    if row.is_none() {
        return Ok(None);
    }
    // Where the application's role is known it dumps; else whoever the address names.
    let endpoint = cx.as_role(&cx.source, database).unwrap_or_else(|_| cx.source.postgres.clone());
    let session = match connect(&endpoint, database, APPLICATION_NAME).await {
        Ok(session) => session,
        Err(error) if error.to_string().contains("42501") => {
            let unreadable = vec![WHOLE.to_owned()];
            return Ok(Some(SourceDatabase { unreadable, role: endpoint.user, ..SourceDatabase::default() }));
        }
        Err(error) => return Err(error.into()),
    };
    let row = session
        .query_one("SELECT pg_database_size(current_database())", &[])
        .await
        .map_err(|e| MigrationError::statement(format!("measure database {database} of the source"), &e))?;
    let bytes: i64 = row.get(0);
    let extensions = names(&session, "SELECT extname::text FROM pg_extension").await?;
    let unreadable = names(
        &session,
        "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind IN ('r', 'p', 'm', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
           AND c.relpersistence <> 't' \
           AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid \
                           AND d.deptype = 'e') \
           AND (NOT has_schema_privilege(n.oid, 'USAGE') OR CASE c.relkind \
                WHEN 'S' THEN NOT has_sequence_privilege(c.oid, 'SELECT') \
                ELSE NOT has_table_privilege(c.oid, 'SELECT') OR row_security_active(c.oid) END) \
         ORDER BY 1",
    )
    .await?;
    Ok(Some(SourceDatabase {
        bytes: u64::try_from(bytes).unwrap_or(0),
        extensions: extensions.into_iter().collect(),
        unreadable,
        role: endpoint.user,
    }))
}

async fn names(session: &Connection, query: &str) -> Result<Vec<String>, MigrationError> {
    let rows = session
        .query(query, &[])
        .await
        .map_err(|e| MigrationError::statement("read the catalog of PostgreSQL", &e))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
