//! Whether an application can work with its database: a role reads, and really inserts into, each table. What is inserted is
//! rolled back; sequences go on, which no rollback takes back.

use crate::PostgresEndpoint;
use crate::postgres::{APPLICATION_NAME, Connection, connect, quote};
use tokio_postgres::error::SqlState;

/// What a role may do with its database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usable {
    /// Tables asked about.
    pub tables: u64,
    /// Tables into which a row was inserted, and taken back.
    pub written: u64,
    /// Tables that the role cannot work with, `schema.table: why`. No values of rows.
    pub refused: Vec<String>,
}

/// The rights are read from the catalog, and each table that holds a row is given a copy of it, with new numbers where a
/// sequence makes them: only a real insert meets the right to a sequence, a trigger's function, a server that is read-only.
/// A copy that a constraint refuses has been let in by everything else.
///
/// # Errors
/// The role cannot log in, or the server does not answer; in words.
pub async fn usable_by_role(endpoint: &PostgresEndpoint, database: &str) -> Result<Usable, String> {
    let session = connect(endpoint, database, APPLICATION_NAME).await.map_err(|e| e.to_string())?;
    let sql = "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), n.nspname || '.' || c.relname,
                      has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
                        AND has_table_privilege(c.oid, 'UPDATE') AND has_schema_privilege(n.oid, 'USAGE'),
                      ARRAY(SELECT a.attname::text FROM pg_attribute a
                              LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
                             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
                               AND a.attidentity = ''
                               AND coalesce(pg_get_expr(d.adbin, d.adrelid), '') !~ '^nextval'
                             ORDER BY a.attnum)
                 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
                  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') ORDER BY 2";
    let rows = session.query(sql, &[]).await.map_err(|e| e.to_string())?;
    let mut usable = Usable { tables: rows.len() as u64, ..Usable::default() };
    for row in &rows {
        let (path, name, may): (String, String, bool) = (row.get(0), row.get(1), row.get(2));
        if !may {
            usable.refused.push(format!("{name}: the role may not read and write it"));
            continue;
        }
        match insert(&session, &path, &row.get::<_, Vec<String>>(3)).await? {
            Inserted::Yes => usable.written += 1,
            Inserted::NotTried => {}
            Inserted::Refused(why) => usable.refused.push(format!("{name}: {why}")),
        }
    }
    Ok(usable)
}

enum Inserted {
    Yes,
    /// There is no row to copy, or the table is locked.
    NotTried,
    Refused(String),
}

async fn insert(session: &Connection, path: &str, columns: &[String]) -> Result<Inserted, String> {
    let failed = |e: tokio_postgres::Error| e.as_db_error().map_or(e.to_string(), |d| d.message().to_owned());
    let begin = "BEGIN; SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '30s'";
    session.batch_execute(begin).await.map_err(failed)?;
    let list = columns.iter().map(|c| quote(c)).collect::<Vec<_>>().join(", ");
    let into = if list.is_empty() { String::new() } else { format!("({list}) ") };
    let statement = format!("INSERT INTO {path} {into}SELECT {list} FROM {path} LIMIT 1");
    let done = session.execute(&statement, &[]).await;
    session.batch_execute("ROLLBACK").await.map_err(failed)?;
    let error = match done {
        Ok(0) => return Ok(Inserted::NotTried),
        Ok(_) => return Ok(Inserted::Yes),
        Err(error) => error,
    };
    let Some(refused) = error.as_db_error() else { return Err(error.to_string()) };
    // Users are at work: a table that is locked for a while says nothing about the role.
    const BUSY: [SqlState; 4] = [
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::QUERY_CANCELED,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
    ];
    if BUSY.contains(refused.code()) {
        return Ok(Inserted::NotTried);
    }
    // A copy of a row is often refused by a key, and a rule of the application may refuse it as well.
    let by_rule = refused.code().code().starts_with("23") || *refused.code() == SqlState::RAISE_EXCEPTION;
    Ok(if by_rule {
        Inserted::Yes
    } else {
        Inserted::Refused(format!("{} (SQLSTATE {})", refused.message(), refused.code().code()))
    })
}
