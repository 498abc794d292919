//! A server: every database with its schema, access and rows, and what belongs to the server.

use super::Fingerprint;
use crate::endpoint::PostgresEndpoint;
use crate::postgres::{
    APPLICATION_NAME, Catalog, Connection, PostgresError, Table, TableKind, connect, read_catalog,
};
use drydock_parity::shape::Shape;

/// Where a session is opened first.
const MAINTENANCE: &str = "postgres";
const DATABASES: &str = "SELECT d.datname::text, d.datallowconn AND NOT d.datistemplate, \
    pg_get_userbyid(d.datdba) || ' ' || d.encoding || ' ' || d.datcollate || ' ' || d.datctype || ' ' || d.datconnlimit \
    || ' ' || coalesce(d.datacl::text, '') FROM pg_database d ORDER BY 1";
/// What belongs to the server and outlives a session, with the right it takes: `(what, query)`, each row a name and what it
/// is.
const SERVER: [(&str, &str); 4] = [
    (
        "setting",
        "SELECT name || ' in line ' || sourceline || ' of ' || sourcefile, coalesce(setting, '') FROM pg_file_settings",
    ),
    (
        "replication-slot",
        "SELECT slot_name::text, slot_type || coalesce(plugin::text, '') || coalesce(database::text, '') FROM pg_replication_slots",
    ),
    ("prepared-transaction", "SELECT gid, owner::text || database::text FROM pg_prepared_xacts"),
    (
        "role",
        "SELECT rolname::text, row(rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, \
         rolconnlimit, rolvaliduntil, rolbypassrls, rolconfig)::text FROM pg_roles WHERE rolname !~ '^pg_'",
    ),
];
/// How objects of a database are called: one of these, then the path, which begins with the database.
const OBJECT: &str = "object ";
const ACCESS: &str = "access of ";
const ROWS: &str = "rows of ";
const LARGE: &str = "large objects of ";

/// The path of an object that belongs to a database.
pub(super) fn within_a_database(object: &str) -> Option<&str> {
    [OBJECT, ACCESS, ROWS, LARGE].into_iter().find_map(|kind| object.strip_prefix(kind))
}

/// Cluster members of Keycloak, rewritten all the time.
const VOLATILE: &str = "jgroups_ping";

/// Reads all of it, each database in one snapshot.
///
/// # Errors
/// The server does not let anybody in. What cannot be read is in the `unread` list of what is returned.
pub async fn fingerprint_postgres(endpoint: &PostgresEndpoint) -> Result<Fingerprint, PostgresError> {
    let session = connect(endpoint, MAINTENANCE, APPLICATION_NAME).await?;
    let mut side = Fingerprint::default();
    let listed = session
        .query(DATABASES, &[])
        .await
        .map_err(|e| PostgresError::statement("list the databases", &e))?;
    for (what, query) in SERVER {
        match session.query(query, &[]).await {
            Ok(rows) => {
                for row in rows {
                    side.seal(
                        &format!("{what}/{}", row.get::<_, String>(0)),
                        "definition",
                        &row.get::<_, String>(1),
                    );
                }
            }
            Err(e) => side.unread(what, PostgresError::statement("read it", &e).to_string()),
        }
    }
    for row in listed {
        let (name, open): (String, bool) = (row.get(0), row.get(1));
        side.keep(&format!("database/{name}"), "definition", &row.get::<_, String>(2));
        if !open {
            continue;
        }
        if let Err(why) = database(endpoint, &name, &mut side).await {
            side.unread(&format!("database/{name}"), why.to_string());
        }
    }
    Ok(side)
}

async fn database(
    endpoint: &PostgresEndpoint,
    name: &str,
    side: &mut Fingerprint,
) -> Result<(), PostgresError> {
    let session = connect(endpoint, name, APPLICATION_NAME).await?;
    session
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await
        .map_err(|e| PostgresError::statement(format!("begin reading {name}"), &e))?;
    let Catalog { schema, sequences, unreadable_sequences, access, tables, .. } =
        read_catalog(&session, name).await?;
    section(side, &format!("{OBJECT}{name}/schema"), schema);
    section(side, &format!("{OBJECT}{name}/sequences"), sequences);
    for sequence in unreadable_sequences {
        side.unread(&format!("{OBJECT}{sequence}"), "this role may not read its value");
    }
    match access {
        Err(why) => side.unread(&format!("{ACCESS}{name}"), why),
        Ok(access) => {
            for shape in [access.objects, access.own] {
                sealed(side, ACCESS, shape);
            }
            sealed(side, "role/", access.roles);
            sealed(side, "", access.server);
        }
    }
    match tables {
        Err(why) => side.unread(&format!("{ROWS}{name}"), why),
        Ok(tables) => {
            for table in &tables {
                rows(&session, table, side).await?;
            }
        }
    }
    large_objects(&session, name, side).await
}

fn section(side: &mut Fingerprint, what: &str, section: Result<Shape, String>) {
    match section {
        Ok(shape) => sealed(side, OBJECT, shape),
        Err(why) => side.unread(what, why),
    }
}

fn sealed(side: &mut Fingerprint, before: &str, shape: Shape) {
    for (object, attributes) in shape.0 {
        let object = format!("{before}{object}");
        side.present(&object);
        for (name, value) in attributes {
            side.seal(&object, &name, &value);
        }
    }
}

/// Two 64-bit hashes of every row as text, added up by the server: little travels.
async fn rows(session: &Connection, table: &Table, side: &mut Fingerprint) -> Result<(), PostgresError> {
    if table.kind == TableKind::Unfilled || table.name.eq_ignore_ascii_case(VOLATILE) {
        return Ok(());
    }
    let object = format!("{ROWS}{}", table.path);
    let query = format!(
        "SELECT count(*), coalesce(sum(hashtextextended(r::text, 1)), 0)::text || ' ' || \
         coalesce(sum(hashtextextended(r::text, 2)), 0)::text FROM {} r",
        table.from_clause()
    );
    match within(session, &query).await {
        Ok((count, digest)) => {
            side.rows += count.unsigned_abs();
            side.keep(&object, "count", &count.to_string());
            side.seal(&object, "contents", &digest);
        }
        Err(why) => side.unread(&object, why),
    }
    Ok(())
}

async fn large_objects(
    session: &Connection,
    database: &str,
    side: &mut Fingerprint,
) -> Result<(), PostgresError> {
    let object = format!("{LARGE}{database}");
    let query = "SELECT count(*), coalesce(sum(hashtextextended(loid || ' ' || pageno || ' ' || encode(data, 'hex'), 1)), 0)::text \
         FROM pg_largeobject";
    match within(session, query).await {
        Ok((count, digest)) => {
            side.keep(&object, "pages", &count.to_string());
            side.seal(&object, "contents", &digest);
        }
        // Only a superuser may read all of them; whoever may not is told so where there are some.
        Err(why) => {
            let some = session.query_one("SELECT count(*) FROM pg_largeobject_metadata", &[]).await;
            if some.map_or(1, |row| row.get::<_, i64>(0)) > 0 {
                side.unread(&object, why);
            }
        }
    }
    Ok(())
}

/// One row of a number and a text; a failure leaves the transaction usable.
async fn within(session: &Connection, query: &str) -> Result<(i64, String), String> {
    let words = |e: &tokio_postgres::Error| PostgresError::statement("read it", e).to_string();
    session.batch_execute("SAVEPOINT fingerprint").await.map_err(|e| words(&e))?;
    match session.query_one(query, &[]).await {
        Ok(row) => Ok((row.get(0), row.get(1))),
        Err(error) => {
            // If the session is gone, the next statement says so.
            let _gone = session.batch_execute("ROLLBACK TO SAVEPOINT fingerprint").await;
            Err(words(&error))
        }
    }
}
