//! What is already wrong with the source before the migration begins, and a digest of what it holds. Old dirt is told
//! once, as such, and never blamed on the migration.

use super::{RealWorld, Stepped, store_failed};
use crate::flow::Facts;
use drydock_core::Event;
use drydock_core::finding::{Class, Finding, Kind, Outcome, Sample};
use drydock_environments::Side;
use drydock_stores::compare::{Options, digest_elasticsearch, digest_postgres};
use drydock_stores::elasticsearch::{Client, ElasticsearchError, PinnedEs, Scope, Timeouts};
use drydock_stores::postgres::{APPLICATION_NAME, PinnedPg, PostgresError, connect};
use drydock_stores::{PostgresEndpoint, StorePair};
use serde_json::json;

/// Name under which the baseline tells what it found.
const BASELINE: &str = "baseline";

impl RealWorld {
    pub(super) fn scope(&self) -> Scope {
        Scope { prefixes: self.config.scenario.migration.index_prefixes.clone() }
    }

    pub(super) async fn baseline(&mut self) -> Stepped<Facts> {
        let source = self.side(Side::Source)?;
        let mut facts = Facts::new();
        let (documents, rows, digest) = self.digest_of(&source).await?;
        self.recorder.emit(Event::DataDigest {
            moment: "seeded".into(),
            digest: digest.clone(),
            documents,
            rows,
        });
        facts.insert("digest".into(), digest.into());
        let mut dirt = Vec::new();
        if self.has_elasticsearch() {
            let client = Client::new(&source.elasticsearch, Timeouts::default())
                .map_err(|e| store_failed("set up a client of the source", &e))?;
            dirt.extend(
                cluster_dirt(&client).await.map_err(|e| store_failed("measure the source cluster", &e))?,
            );
        }
        for database in self.databases() {
            let found = database_dirt(&source.postgres, &database).await;
            dirt.extend(found.map_err(|e| store_failed("measure the source databases", &e))?);
        }
        facts.insert("old_dirt".into(), json!(dirt.len()));
        for finding in dirt {
            self.found(finding);
        }
        Ok(facts)
    }

    /// Documents, rows and a digest of everything a side holds within the scenario's scope.
    pub(super) async fn digest_of(&self, side: &StorePair) -> Stepped<(u64, u64, String)> {
        let options = Options::default();
        let (mut documents, mut rows, mut text) = (0, 0, Vec::new());
        if self.has_elasticsearch() {
            let client = Client::new(&side.elasticsearch, Timeouts::default())
                .map_err(|e| store_failed("set up a client", &e))?;
            let pinned = PinnedEs::pin(&client, &self.scope())
                .await
                .map_err(|e| store_failed("pin the cluster", &e))?;
            let found = digest_elasticsearch(&pinned, &options).await;
            pinned.close().await;
            let (count, digest) = found.map_err(|e| store_failed("digest the documents", &e))?;
            documents = count;
            text.push(digest.to_string());
        }
        let databases = self.databases();
        if !databases.is_empty() {
            let pinned = PinnedPg::pin(&side.postgres, &databases).await;
            let found = digest_postgres(&pinned, &options).await;
            pinned.close().await;
            let (count, digest) = found.map_err(|e| store_failed("digest the rows", &e))?;
            rows = count;
            text.push(digest.to_string());
        }
        let digest = blake3::hash(text.join(" ").as_bytes()).to_hex()[..32].to_owned();
        Ok((documents, rows, digest))
    }
}

fn old(subject: impl Into<String>, message: String, count: u64, samples: Vec<Sample>) -> Finding {
    Finding {
        class: Class::Data,
        outcome: Outcome::Expected,
        ..Finding::data(BASELINE, Kind::OldDirt, subject, message)
            .items(count, samples)
            .next("it was so before the migration; mend it on its own, before or after")
    }
}

/// Documents with values that were not indexed, and indices that are not open or not healthy.
pub(crate) async fn cluster_dirt(client: &Client) -> Result<Vec<Finding>, ElasticsearchError> {
    let mut dirt = Vec::new();
    let ignored = client
        .post(
            "/_search?filter_path=hits.total.value,aggregations.by_index.buckets",
            &json!({"size": 0, "track_total_hits": true, "query": {"exists": {"field": "_ignored"}},
                    "aggs": {"by_index": {"terms": {"field": "_index", "size": 10}}}}),
        )
        .await?;
    let count = ignored["hits"]["total"]["value"].as_u64().unwrap_or_default();
    if count > 0 {
        let samples = ignored["aggregations"]["by_index"]["buckets"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|b| {
                Sample::named(format!("{}: {} documents", b["key"].as_str().unwrap_or("?"), b["doc_count"]))
            })
            .collect();
        let message =
            format!("{count} documents of the source hold values that are too long to be searched for");
        dirt.push(old("elasticsearch/_ignored", message, count, samples));
    }
    let listed = client.get("/_cat/indices?format=json&h=index,status,health&expand_wildcards=all").await?;
    for index in listed.as_array().into_iter().flatten() {
        let text = |key: &str| index[key].as_str().unwrap_or_default().to_owned();
        let name = text("index");
        if text("status") == "close" {
            dirt.push(old(&name, format!("the index {name} of the source is closed"), 1, Vec::new()));
        } else if text("health") == "red" {
            dirt.push(old(&name, format!("the index {name} of the source is red"), 1, Vec::new()));
        }
    }
    Ok(dirt)
}

/// Queries for dirt in a database: what is wrong, and the names concerned.
const DATABASE_DIRT: [(&str, &str); 4] = [
    (
        "indexes that are not valid, so that no query uses them",
        "SELECT i.indexrelid::regclass::text FROM pg_index i WHERE NOT i.indisvalid ORDER BY 1",
    ),
    (
        "constraints that were never validated against the rows that were there before",
        "SELECT c.conname || ' on ' || c.conrelid::regclass::text FROM pg_constraint c WHERE NOT c.convalidated ORDER BY 1",
    ),
    (
        "triggers that are disabled",
        "SELECT t.tgname || ' on ' || t.tgrelid::regclass::text FROM pg_trigger t \
         WHERE t.tgenabled = 'D' AND NOT t.tgisinternal ORDER BY 1",
    ),
    (
        "tables without primary key, whose rows cannot be told apart",
        "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
         AND NOT EXISTS (SELECT FROM pg_constraint p WHERE p.conrelid = c.oid AND p.contype = 'p') ORDER BY 1",
    ),
];

pub(crate) async fn database_dirt(
    source: &PostgresEndpoint,
    database: &str,
) -> Result<Vec<Finding>, PostgresError> {
    let session = connect(source, database, APPLICATION_NAME).await?;
    let mut dirt = Vec::new();
    for (what, sql) in DATABASE_DIRT {
        let rows = session
            .query(sql, &[])
            .await
            .map_err(|e| PostgresError::statement(format!("look for {what} in {database}"), &e))?;
        if rows.is_empty() {
            continue;
        }
        let names: Vec<Sample> = rows.iter().map(|row| Sample::named(row.get::<_, String>(0))).collect();
        let message = format!("{database} of the source has {} {what}", names.len());
        dirt.push(old(database, message, names.len() as u64, names));
    }
    Ok(dirt)
}
