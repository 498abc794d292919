//! One look at a store: its positions, who it is, and whether it answers. Reads only.

use super::endpoints::{Both, Endpoints};
use drydock_core::Store;
use drydock_core::event::Side;
use drydock_core::observe::Sight;
use drydock_migration::freeze::{FreezeWitness, Marks};
use drydock_stores::elasticsearch::{Client, Timeouts};
use drydock_stores::postgres::{APPLICATION_NAME, connect};
use drydock_stores::{ElasticsearchEndpoint, PostgresEndpoint};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// A store that has not answered by then does not answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// A database that a server has unless somebody removed it.
const MAINTENANCE: &str = "postgres";

/// Everything of a store that a write moves.
#[derive(Debug, Clone)]
pub(super) struct Positions {
    pub(super) marks: Arc<Marks>,
    /// Databases that are not there (yet).
    absent: BTreeSet<String>,
    /// When the server was started: the counters of one that crashed begin anew.
    life: String,
}

impl PartialEq for Positions {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (&self.marks, &other.marks);
        // Numbers of operations begin anew when a shard moves, and belong to no position.
        let same_index = |(name, mark): (&String, &drydock_migration::freeze::IndexMark)| {
            b.indices
                .get(name)
                .is_some_and(|o| o.uuid == mark.uuid && o.sequence_numbers == mark.sequence_numbers)
        };
        self.absent == other.absent
            && self.life == other.life
            && a.indices.len() == b.indices.len()
            && a.indices.iter().all(same_index)
            && a.deleted.keys().eq(b.deleted.keys())
            && a.tables == b.tables
            && a.sequences == b.sequences
    }
}

impl Positions {
    /// How many things are watched.
    pub(super) fn count(&self) -> u64 {
        (self.marks.indices.len() + self.marks.tables.len() + self.marks.sequences.len()) as u64
    }

    fn is_empty(&self) -> bool {
        self.marks.indices.is_empty() && self.marks.tables.keys().all(|table| table.contains(".pg_catalog."))
    }
}

/// Who answers: two addresses may lead to one store, and one address to two in turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// Identity of the cluster, or of the server's data.
    store: String,
    /// Which life of it; empty where that is not told.
    life: String,
    pub(super) version: String,
}

/// What one look at a side gives.
type Looked = Result<(Positions, Option<u64>, Identity), String>;

/// Looks at one store on both sides, and remembers who answered.
#[derive(Debug)]
pub(super) struct Looker {
    store: Store,
    endpoints: Endpoints,
    /// The store that the source's address led to first.
    source: Option<String>,
    /// Who answered, by side.
    pub(super) identities: BTreeMap<Side, Identity>,
}

impl Looker {
    pub(super) fn new(store: Store, endpoints: &Endpoints) -> Self {
        Self { store, endpoints: endpoints.clone(), source: None, identities: BTreeMap::new() }
    }

    /// One look at both sides at once.
    pub(super) async fn look(&mut self) -> (Sight<Positions>, Sight<Positions>) {
        let (source, target) = tokio::join!(self.side(Side::Source), self.side(Side::Target));
        let source = source.and_then(|seen| self.same_source(seen, target.as_ref().ok().map(|t| &t.2)));
        for (side, looked) in [(Side::Source, &source), (Side::Target, &target)] {
            if let Ok((_, _, identity)) = looked {
                self.identities.insert(side, identity.clone());
            }
        }
        (sight(source), sight(target))
    }

    async fn side(&self, side: Side) -> Looked {
        let looked = async {
            match self.store {
                Store::Elasticsearch => {
                    let both = self.endpoints.elasticsearch.as_ref().ok_or("it is not watched")?;
                    cluster(of(both, side), &self.endpoints.prefixes).await
                }
                Store::Postgres => {
                    let both = self.endpoints.postgres.as_ref().ok_or("it is not watched")?;
                    server(of(both, side), &self.endpoints.databases(side), side).await
                }
            }
        };
        let silent = || format!("no answer within {} s", PATIENCE.as_secs());
        tokio::time::timeout(PATIENCE, looked).await.unwrap_or_else(|_| Err(silent()))
    }

    /// The source is the store that was there first. A name that leads to the target after the switch would have the target
    /// compared with itself.
    fn same_source(
        &mut self,
        seen: (Positions, Option<u64>, Identity),
        target: Option<&Identity>,
    ) -> Result<(Positions, Option<u64>, Identity), String> {
        let identity = &seen.2;
        if target.is_some_and(|t| t.store == identity.store && t.life == identity.life) && !self.may_share() {
            return Err("the target answers at the source's address".to_owned());
        }
        let first = self.source.get_or_insert_with(|| identity.store.clone());
        if *first != identity.store {
            return Err("another store answers at the source's address".to_owned());
        }
        Ok(seen)
    }

    /// Whether one server may be both sides: with databases of other names.
    fn may_share(&self) -> bool {
        self.store == Store::Postgres
            && self.endpoints.databases.iter().all(|pair| pair.source != pair.target)
    }
}

fn of<T>(both: &Both<T>, side: Side) -> &T {
    match side {
        Side::Source => &both.source,
        Side::Target => &both.target,
    }
}

fn sight(looked: Looked) -> Sight<Positions> {
    match looked {
        Ok((positions, pulse, _)) => Sight::Seen { empty: positions.is_empty(), positions, pulse },
        Err(why) => Sight::Away(why),
    }
}

async fn cluster(endpoint: &ElasticsearchEndpoint, prefixes: &[String]) -> Looked {
    let client = Client::new(endpoint, Timeouts { connect: Duration::from_secs(5), read: PATIENCE })
        .map_err(|e| e.to_string())?;
    let about = client.get("/").await.map_err(|e| e.to_string())?;
    let uuid = about["cluster_uuid"].as_str().filter(|uuid| *uuid != "_na_");
    let store = uuid.ok_or("the cluster has no identity (yet)")?.to_owned();
    let version = about["version"]["number"].as_str().unwrap_or("?").to_owned();
    let marks = FreezeWitness::of_elasticsearch(endpoint, prefixes).await.map_err(|e| e.to_string())?;
    let positions = Positions { marks: Arc::new(marks), absent: BTreeSet::new(), life: String::new() };
    // Sequence numbers tell a write before its writer hears of it.
    Ok((positions, Some(0), Identity { store, life: String::new(), version }))
}

async fn server(endpoint: &PostgresEndpoint, databases: &[String], side: Side) -> Looked {
    let identity = identity(endpoint, databases).await?;
    let mut marks = Marks::default();
    let mut absent = BTreeSet::new();
    for database in databases {
        match FreezeWitness::of_postgres(endpoint, std::slice::from_ref(database)).await {
            Ok(found) => {
                marks.tables.extend(found.tables);
                marks.sequences.extend(found.sequences);
                marks.sessions.extend(found.sessions);
                marks.server = found.server.or(marks.server);
            }
            // A target gets its databases in the course of the migration.
            Err(_) if side == Side::Target => {
                absent.insert(database.clone());
            }
            Err(error) => return Err(error.to_string()),
        }
    }
    let pulse = marks.server.as_ref().and_then(|s| u64::try_from(s.next_transaction).ok());
    let life = identity.life.clone();
    Ok((Positions { marks: Arc::new(marks), absent, life }, pulse, identity))
}

/// Who the server is, asked in the first database that lets in.
async fn identity(endpoint: &PostgresEndpoint, databases: &[String]) -> Result<Identity, String> {
    let mut refused = String::new();
    for database in databases.iter().map(String::as_str).chain([MAINTENANCE]) {
        let session = match connect(endpoint, database, APPLICATION_NAME).await {
            Ok(session) => session,
            Err(error) => {
                refused = error.to_string();
                continue;
            }
        };
        let failed = |e: tokio_postgres::Error| format!("cannot ask who the server is: {e}");
        session.batch_execute("SET default_transaction_read_only = on").await.map_err(failed)?;
        let about =
            "SELECT current_setting('server_version'), extract(epoch FROM pg_postmaster_start_time())::text";
        let row = session.query_one(about, &[]).await.map_err(failed)?;
        let (version, life): (String, String) = (row.get(0), row.get(1));
        let store = session.query_one("SELECT system_identifier::text FROM pg_control_system()", &[]).await;
        // Where that is not shown, each life counts as a store of its own.
        let store = store.map_or_else(|_| format!("started {life}"), |row| row.get(0));
        return Ok(Identity { store, life, version });
    }
    Err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use drydock_core::observe::Observation;
    use drydock_migration::freeze::{IndexMark, Tombstone};

    fn looker(databases: &str) -> Looker {
        let text = format!(
            "name: o\nsource: {{postgres: {{url: 'postgres://a'}}}}\ntarget: {{postgres: {{url: 'postgres://b'}}}}\n\
             databases: {databases}\n"
        );
        let observation = Observation::from_yaml("o.yaml", &text).unwrap();
        let endpoints = Endpoints::of(&observation, std::path::Path::new("."), &|_| None).unwrap();
        Looker::new(Store::Postgres, &endpoints)
    }

    fn who(store: &str, life: &str) -> Identity {
        Identity { store: store.into(), life: life.into(), version: "15".into() }
    }

    fn positions(change: impl FnOnce(&mut Marks)) -> Positions {
        let index = IndexMark { uuid: "u".into(), sequence_numbers: [(0, 4)].into(), indexed: 5, deleted: 0 };
        let mut marks = Marks { indices: [("operate-a".to_owned(), index)].into(), ..Marks::default() };
        change(&mut marks);
        Positions { marks: Arc::new(marks), absent: BTreeSet::new(), life: String::new() }
    }

    #[test]
    fn an_address_that_leads_to_another_store_is_no_source_any_more() {
        let seen = |store, life| (positions(|_| {}), None, who(store, life));
        let mut watch = looker("[a]");
        assert!(watch.same_source(seen("one", "1"), Some(&who("two", "1"))).is_ok());
        assert!(watch.same_source(seen("one", "2"), Some(&who("two", "1"))).is_ok(), "it was restarted");
        let told = watch.same_source(seen("two", "1"), Some(&who("two", "1"))).unwrap_err();
        assert!(told.contains("the target answers"), "{told}");
        let told = watch.same_source(seen("two", "1"), None).unwrap_err();
        assert!(told.contains("another store"), "{told}");
        // A standby that was promoted has its primary's identity, and a life of its own.
        assert!(watch.same_source(seen("one", "2"), Some(&who("one", "9"))).is_ok());
        // Two databases of one server are a migration, one with itself is none.
        assert!(looker("[a=b]").same_source(seen("one", "1"), Some(&who("one", "1"))).is_ok());
        assert!(looker("[a=b, c]").same_source(seen("one", "1"), Some(&who("one", "1"))).is_err());
    }

    #[test]
    fn positions_move_with_writes_and_with_nothing_else() {
        let still = positions(|_| {});
        let index = |m: &mut Marks, change: fn(&mut IndexMark)| m.indices.values_mut().for_each(change);
        assert_eq!(still, positions(|m| index(m, |i| i.indexed = 0)), "a shard was moved");
        assert_ne!(still, positions(|m| index(m, |i| i.sequence_numbers = [(0, 5)].into())));
        assert_ne!(still, positions(|m| index(m, |i| i.uuid = "v".into())));
        assert_ne!(still, positions(|m| m.indices.clear()));
        let stone = Tombstone { index: "operate-b".into(), at_ms: 1 };
        assert_ne!(still, positions(|m| m.deleted.extend([("w".to_owned(), stone)])));
        assert_ne!(still, positions(|m| m.sequences.extend([("s".to_owned(), Some(1))])));
        assert_ne!(still, positions(|m| m.tables.extend([("t".to_owned(), Default::default())])));
        assert!(!still.is_empty() && positions(|m| m.indices.clear()).is_empty());
    }
}
