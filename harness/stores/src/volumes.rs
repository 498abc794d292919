//! How much a live store holds, read without a trace: no refresh, no lock, no statement that writes.

use crate::PostgresEndpoint;
use crate::elasticsearch::{Client, ElasticsearchError, Scope};
use crate::postgres::{PostgresError, connect};
use serde_json::Value;

/// What a cluster holds in the indices asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClusterVolumes {
    /// Documents that a search sees; nested ones and those of closed indices not counted.
    pub documents: u64,
    /// Bytes of the primaries on disk.
    pub bytes: u64,
    /// Indices, closed ones included.
    pub indices: u64,
    /// Bytes of the largest index's primaries.
    pub largest_index_bytes: u64,
    /// Closed indices: neither counted nor measured.
    pub closed: u64,
}

/// Reads it.
///
/// # Errors
/// The cluster does not answer, or the account may not list or count (privileges `monitor` and `read` are enough).
pub async fn cluster_volumes(client: &Client, scope: &Scope) -> Result<ClusterVolumes, ElasticsearchError> {
    let rows = client
        .get("/_cat/indices?format=json&bytes=b&h=index,status,pri.store.size&expand_wildcards=all")
        .await?;
    let mut volumes = ClusterVolumes::default();
    let (mut open, mut asked) = (Vec::new(), 0);
    for row in rows.as_array().into_iter().flatten() {
        let Some(name) = row["index"].as_str().filter(|name| scope.contains(name)) else { continue };
        asked += 1;
        if row["status"] == "close" {
            volumes.closed += 1;
            continue;
        }
        let bytes = row["pri.store.size"].as_str().and_then(|s| s.parse().ok()).unwrap_or(0_u64);
        volumes.bytes += bytes;
        volumes.largest_index_bytes = volumes.largest_index_bytes.max(bytes);
        open.push(crate::elasticsearch::path_segment(name));
    }
    volumes.indices = asked;
    // The path of a request has its limit (4 KiB in all versions).
    for names in open.chunks(20) {
        let path =
            format!("/{}/_count?expand_wildcards=open,hidden&ignore_unavailable=true", names.join(","));
        let answer: Value = client.get(&path).await?;
        let counted = answer["count"].as_u64().filter(|_| answer["_shards"]["failed"] == 0);
        volumes.documents += counted
            .ok_or_else(|| ElasticsearchError::malformed("GET", "/_count", "not every shard has counted"))?;
    }
    Ok(volumes)
}

/// What databases of a server hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerVolumes {
    /// The databases that were read.
    pub databases: Vec<String>,
    /// Their size as the server counts it, bytes.
    pub bytes: u64,
    /// Tables, partitions included.
    pub tables: u64,
    /// Rows as the planner estimates them.
    pub rows: u64,
}

/// Reads it. Without names: every database but those that the server brings along. `first` is the one to begin with,
/// where the address names one.
///
/// # Errors
/// The server or a database cannot be reached, or the role may not connect to it.
pub async fn server_volumes(
    endpoint: &PostgresEndpoint,
    first: Option<&str>,
    names: &[String],
) -> Result<ServerVolumes, PostgresError> {
    let begin = first.or(names.first().map(String::as_str)).unwrap_or("postgres");
    let session = read_only(endpoint, begin).await?;
    let sql = "SELECT datname::text, pg_database_size(oid) FROM pg_database \
               WHERE datallowconn AND NOT datistemplate AND (datname::text = ANY($1) OR (cardinality($1) = 0 AND datname <> 'postgres')) \
               ORDER BY 1";
    let rows = session
        .query(sql, &[&names])
        .await
        .map_err(|e| PostgresError::statement("ask for the sizes of the databases", &e))?;
    let mut volumes = ServerVolumes::default();
    for row in rows {
        let (name, bytes): (String, i64) = (row.get(0), row.get(1));
        volumes.bytes += u64::try_from(bytes).unwrap_or_default();
        let session = read_only(endpoint, &name).await?;
        let sql = "SELECT count(*), coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint FROM pg_class c \
                   JOIN pg_namespace n ON n.oid = c.relnamespace \
                   WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'";
        let row = session
            .query_one(sql, &[])
            .await
            .map_err(|e| PostgresError::statement(format!("count the tables of {name}"), &e))?;
        volumes.tables += u64::try_from(row.get::<_, i64>(0)).unwrap_or_default();
        volumes.rows += u64::try_from(row.get::<_, i64>(1)).unwrap_or_default();
        volumes.databases.push(name);
    }
    Ok(volumes)
}

async fn read_only(
    endpoint: &PostgresEndpoint,
    database: &str,
) -> Result<crate::postgres::Connection, PostgresError> {
    let session = connect(endpoint, database, "drydock-estimate").await?;
    session
        .batch_execute("SET default_transaction_read_only = on")
        .await
        .map_err(|e| PostgresError::statement("forbid this session to write", &e))?;
    Ok(session)
}
