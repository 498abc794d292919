//! Filling the databases: schema as the owner, rows by COPY, the rest of the schema over the loaded rows.

use super::generator::Generator;
use super::roles::{REPORTING, RoleSecrets, found, run};
use super::row::Row;
use super::schema::{Extension, SCHEMAS, Schema};
use super::tables::{self, LARGE_OBJECTS, Table, large_object, mean_diagram};
use super::{PostgresProfile, WEBMODELER};
use drydock_stores::PostgresEndpoint;
use drydock_stores::postgres::{Connection, PostgresError, connect};
use futures_util::{SinkExt, future::try_join_all};
use std::io::Cursor;
use std::time::{Duration, Instant};

/// Sessions that seed carry this name.
const APPLICATION: &str = "drydock seed";
/// Bytes collected before they go to the server.
const CHUNK: usize = 256 << 10;
/// What a database without rows of ours occupies on disk, in bytes, with the indexes' and catalogs' share.
const EMPTY_DATABASE: u64 = 9 << 20;
/// Mean bytes of a row other than a diagram, with its index entries.
const MEAN_ROW: u64 = 350;

/// A set of databases: profile and seed, from which every row follows.
#[derive(Debug, Clone)]
pub struct Databases {
    generator: Generator,
    names: Vec<&'static str>,
}

impl Databases {
    /// All three databases. Counts below the least values that [`PostgresProfile`] states are raised to them.
    pub fn new(profile: &PostgresProfile, seed: u64) -> Self {
        Self { generator: Generator::new(profile, seed), names: SCHEMAS.iter().map(|s| s.name).collect() }
    }

    /// The same set without the databases not named in `names`.
    #[must_use]
    pub fn only(mut self, names: &[&str]) -> Self {
        self.names.retain(|name| names.contains(name));
        self
    }

    /// Names of the databases, in the order in which the migration moves them.
    pub fn names(&self) -> &[&str] {
        &self.names
    }

    /// Rows of all databases together.
    pub fn rows(&self) -> u64 {
        self.names.iter().flat_map(|name| tables::of(name, &self.generator)).map(|table| table.rows).sum()
    }

    /// Bytes the databases will occupy on disk, roughly: for a check of free space, not for a comparison.
    pub fn estimated_bytes(&self) -> u64 {
        let profile = &self.generator.profile;
        let mut bytes = self.names.len() as u64 * EMPTY_DATABASE + self.rows() * MEAN_ROW;
        if self.names.contains(&WEBMODELER) {
            bytes += profile.files * (profile.versions + 1) * mean_diagram(&self.generator);
        }
        bytes
    }

    pub(super) fn generator(&self) -> &Generator {
        &self.generator
    }
}

/// One table as it was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSummary {
    /// Schema and name, quoted as in SQL.
    pub name: String,
    /// Rows loaded.
    pub rows: u64,
    /// Bytes sent, in COPY's text format.
    pub bytes: u64,
    /// BLAKE3 of those bytes, hexadecimal.
    pub digest: String,
}

/// One database as it was loaded.
#[derive(Debug, Clone)]
pub struct DatabaseSummary {
    /// The database.
    pub name: String,
    /// Its tables, in loading order; tables without rows are not listed.
    pub tables: Vec<TableSummary>,
    /// Large objects created.
    pub large_objects: u64,
    /// Size on disk in bytes, as the server reports it.
    pub disk_bytes: u64,
    /// Time it took.
    pub elapsed: Duration,
    /// What was done differently from the default, such as a missing extension.
    pub notes: Vec<String>,
}

/// Everything that was loaded.
#[derive(Debug, Clone)]
pub struct SeedSummary {
    /// One entry a database.
    pub databases: Vec<DatabaseSummary>,
    /// BLAKE3 over the databases' names, tables, digests and large objects, hexadecimal: equal for equal profile and seed.
    pub digest: String,
    /// Time from the first to the last database.
    pub elapsed: Duration,
}

impl SeedSummary {
    /// Rows of all databases together.
    pub fn rows(&self) -> u64 {
        self.databases.iter().flat_map(|d| &d.tables).map(|t| t.rows).sum()
    }

    /// Bytes sent for all tables together.
    pub fn bytes(&self) -> u64 {
        self.databases.iter().flat_map(|d| &d.tables).map(|t| t.bytes).sum()
    }
}

/// Fills the databases, which exist and are empty, side by side; each in one transaction as its owner, so that a failure
/// leaves it empty. `progress` is called with a database's name and its rows so far. The second role's rights are granted
/// where role `reporting` exists.
///
/// # Errors
/// The first database's failure; the others are then abandoned and roll back.
pub async fn seed(
    admin: &PostgresEndpoint,
    databases: &Databases,
    secrets: &RoleSecrets,
    progress: &(dyn Fn(&str, u64) + Sync),
) -> Result<SeedSummary, PostgresError> {
    let started = Instant::now();
    let generator = &databases.generator;
    let wanted = SCHEMAS.iter().filter(|schema| databases.names.contains(&schema.name));
    let filled = try_join_all(wanted.map(|schema| fill(admin, schema, generator, secrets, progress))).await?;
    let mut all = blake3::Hasher::new();
    let mut summaries = Vec::new();
    for (summary, objects) in filled {
        all.update(summary.name.as_bytes()).update(objects.as_bytes());
        for table in &summary.tables {
            all.update(table.name.as_bytes()).update(table.digest.as_bytes());
        }
        summaries.push(summary);
    }
    let digest = all.finalize().to_hex().to_string();
    Ok(SeedSummary { databases: summaries, digest, elapsed: started.elapsed() })
}

async fn fill(
    admin: &PostgresEndpoint,
    schema: &Schema,
    generator: &Generator,
    secrets: &RoleSecrets,
    progress: &(dyn Fn(&str, u64) + Sync),
) -> Result<(DatabaseSummary, blake3::Hash), PostgresError> {
    let started = Instant::now();
    let name = schema.name;
    let doing = |what: &str| format!("seed database {name}: {what}");
    let session = connect(&secrets.endpoint(admin, name), name, APPLICATION).await?;
    run(
        &session,
        &doing("open a transaction"),
        "SET search_path = public; SET synchronous_commit = off; BEGIN",
    )
    .await?;
    let mut notes = Vec::new();
    for extension in schema.extensions {
        notes.extend(extend(&session, name, extension).await?);
    }
    run(&session, &doing("create the tables"), schema.before).await?;
    let (large_objects, objects) = match schema.large_objects {
        true => load_objects(&session, &doing("create a large object"), generator).await?,
        false => (0, blake3::hash(b"")),
    };
    let mut loaded = Vec::new();
    let mut rows = 0;
    for table in tables::of(name, generator) {
        let before = rows;
        let summary =
            load(&session, &doing(table.name), generator, &table, &|n| progress(name, before + n)).await?;
        rows += summary.rows;
        loaded.push(summary);
    }
    run(&session, &doing("create constraints, indexes and functions"), schema.after).await?;
    if found(
        &session,
        &doing("look for role reporting"),
        "SELECT 1 FROM pg_roles WHERE rolname = $1",
        REPORTING,
    )
    .await?
    {
        run(&session, &doing("grant rights to role reporting"), schema.grants).await?;
    } else {
        notes.push(format!("role {REPORTING} does not exist: no second role's rights in {name}"));
    }
    run(&session, &doing("commit"), "COMMIT").await?;
    run(&session, &doing("analyse"), "SET client_min_messages = error; ANALYZE").await?;
    let disk_bytes = session
        .query_one("SELECT pg_database_size(current_database())", &[])
        .await
        .and_then(|row| row.try_get::<_, i64>(0))
        .map_err(|e| PostgresError::statement(doing("ask for the size on disk"), &e))?;
    let summary = DatabaseSummary {
        name: name.to_owned(),
        tables: loaded,
        large_objects,
        disk_bytes: disk_bytes.unsigned_abs(),
        elapsed: started.elapsed(),
        notes,
    };
    Ok((summary, objects))
}

/// Creates an extension, or the objects that stand in for it, and says so.
async fn extend(
    session: &Connection,
    database: &str,
    extension: &Extension,
) -> Result<Option<String>, PostgresError> {
    let name = extension.name;
    let doing = format!("seed database {database}: create extension {name}");
    // Trusted: the only kind a role without superuser rights can create, here and when restoring.
    let query = "SELECT 1 FROM pg_available_extension_versions WHERE name = $1 AND trusted";
    if found(session, &doing, query, name).await? {
        run(session, &doing, &format!("CREATE EXTENSION {name} SCHEMA public")).await?;
        return Ok(None);
    }
    run(session, &doing, extension.fallback).await?;
    Ok(Some(format!(
        "extension {name} is not available to {database}: objects of the same names stand in for it"
    )))
}

async fn load_objects(
    session: &Connection,
    doing: &str,
    generator: &Generator,
) -> Result<(u64, blake3::Hash), PostgresError> {
    let (first, count) = LARGE_OBJECTS;
    let mut hasher = blake3::Hasher::new();
    for number in 0..count {
        let content = large_object(generator, number);
        hasher.update(&number.to_le_bytes()).update(&content);
        session
            .execute("SELECT lo_from_bytea($1, $2)", &[&(first + number), &content])
            .await
            .map_err(|e| PostgresError::statement(doing, &e))?;
    }
    Ok((u64::from(count), hasher.finalize()))
}

async fn load(
    session: &Connection,
    doing: &str,
    generator: &Generator,
    table: &Table,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<TableSummary, PostgresError> {
    let fail = |e: tokio_postgres::Error| PostgresError::statement(doing, &e);
    let copy = format!("COPY {} ({}) FROM STDIN", table.name, table.columns);
    let sink = session.copy_in::<_, Cursor<Vec<u8>>>(&copy).await.map_err(fail)?;
    let mut sink = std::pin::pin!(sink);
    let mut hasher = blake3::Hasher::new();
    let mut bytes = 0;
    let mut chunk = Vec::with_capacity(CHUNK + CHUNK / 4);
    for n in 0..table.rows {
        let mut row = Row::new(&mut chunk);
        (table.write)(generator, n, &mut row);
        row.end();
        if chunk.len() >= CHUNK || n + 1 == table.rows {
            hasher.update(&chunk);
            bytes += chunk.len() as u64;
            let full = std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK + CHUNK / 4));
            sink.send(Cursor::new(full)).await.map_err(fail)?;
            progress(n + 1);
        }
    }
    let rows = sink.finish().await.map_err(fail)?;
    Ok(TableSummary {
        name: table.name.to_owned(),
        rows,
        bytes,
        digest: hasher.finalize().to_hex().to_string(),
    })
}
