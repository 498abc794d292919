//! The same operations on the simulated PostgreSQL and on a real one: the same answers, the same rows, the same marks of the freeze,
//! and the same end of the driver's steps. Wants a PostgreSQL 15 of this machine, or `DRYDOCK_TEST_POSTGRES_BIN`.

use crate::server::Real;
use drydock_core::scenario::MigrationSpec;
use drydock_core::{Action, Component};
use drydock_migration::freeze::{FreezeWitness, Marks};
use drydock_migration::programs::Programs;
use drydock_migration::{Attempt, BuiltinDriver, Facts, MigrationContext, Reporter};
use drydock_simulated::postgres::{Pair, Refusal, Sequence, Write, pair};
use drydock_simulated::{Class, Event, Side, Trouble};
use drydock_stores::postgres::{Connection, connect};
use drydock_stores::{ElasticsearchEndpoint, PostgresEndpoint, StorePair};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

const DATABASE: &str = "identity";
const TABLES: [&str; 2] = ["tenants", "users"];
const SEQUENCE: &str = "users_id_seq";
const SEEDS: u64 = 6;
const OPERATIONS: u64 = 150;
const SESSIONS: u64 = 3;

/// One operation on one of several sessions.
#[derive(Debug, Clone)]
enum Operation {
    Begin,
    Commit,
    Undo,
    Insert(&'static str, String, String),
    Update(&'static str, String, String),
    Delete(&'static str, String),
    Read(&'static str, String),
    Next,
}

/// What an operation comes to: a number, a text, or an SQLSTATE.
type Told = Result<String, String>;

fn drawn(seed: u64, at: u64) -> u64 {
    let bytes = *blake3::hash(format!("{seed} {at}").as_bytes()).as_bytes();
    u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes"))
}

fn operation(seed: u64, at: u64) -> (usize, Operation) {
    let dice = drawn(seed, at);
    let session = usize::try_from(dice % SESSIONS).expect("a few");
    let table = TABLES[usize::try_from(dice / 10 % 2).expect("two")];
    let key = format!("k{}", dice / 100 % 4);
    let value = format!("v{at}");
    let operation = match dice / 1_000 % 100 {
        0..12 => Operation::Begin,
        12..24 => Operation::Commit,
        24..30 => Operation::Undo,
        30..52 => Operation::Insert(table, key, value),
        52..68 => Operation::Update(table, key, value),
        68..80 => Operation::Delete(table, key),
        80..90 => Operation::Read(table, key),
        _ => Operation::Next,
    };
    (session, operation)
}

async fn really(session: &Connection, operation: &Operation) -> Told {
    let done = |r: Result<u64, tokio_postgres::Error>| r.map(|n| n.to_string());
    let nothing = |r: Result<(), tokio_postgres::Error>| r.map(|()| String::new());
    let told = match operation {
        Operation::Begin => nothing(session.batch_execute("BEGIN").await),
        Operation::Commit => nothing(session.batch_execute("COMMIT").await),
        Operation::Undo => nothing(session.batch_execute("ROLLBACK").await),
        Operation::Insert(table, key, value) => {
            let sql = format!("INSERT INTO public.{table} (id, value) VALUES ($1, $2)");
            done(session.execute(&sql, &[key, value]).await)
        }
        Operation::Update(table, key, value) => {
            let sql = format!("UPDATE public.{table} SET value = $2 WHERE id = $1");
            done(session.execute(&sql, &[key, value]).await)
        }
        Operation::Delete(table, key) => {
            done(session.execute(&format!("DELETE FROM public.{table} WHERE id = $1"), &[key]).await)
        }
        Operation::Read(table, key) => {
            let sql = format!("SELECT value FROM public.{table} WHERE id = $1");
            let row = session.query_opt(&sql, &[key]).await;
            row.map(|row| row.map_or_else(|| "nothing".into(), |row| row.get(0)))
        }
        Operation::Next => {
            let sql = format!("SELECT nextval('public.{SEQUENCE}')");
            session.query_one(&sql, &[]).await.map(|row| row.get::<_, i64>(0).to_string())
        }
    };
    told.map_err(|e| e.code().map_or_else(|| e.to_string(), |code| code.code().to_owned()))
}

fn simulated(pair: &Pair, session: i32, operation: &Operation) -> Told {
    let mut server = pair.server(Side::Source);
    let nothing = |done: Result<(), Refusal>| done.map(|()| String::new());
    let mut write = |table: &str, key: &str, write: Write| {
        server.write(session, table, key, &write).map(|rows| rows.to_string())
    };
    let told = match operation {
        Operation::Insert(table, key, value) => write(table, key, Write::Insert(value.as_str().into())),
        Operation::Update(table, key, value) => write(table, key, Write::Update(value.as_str().into())),
        Operation::Delete(table, key) => write(table, key, Write::Delete),
        Operation::Begin => nothing(server.begin(session)),
        Operation::Commit => nothing(server.commit(session).map(drop)),
        Operation::Undo => {
            server.undo(session);
            Ok(String::new())
        }
        Operation::Read(table, key) => {
            let value = server.read(session, table, key);
            value.map(|value| value.map_or_else(|| "nothing".to_owned(), |v| v.to_string()))
        }
        Operation::Next => server.nextval(session, SEQUENCE).map(|n| n.to_string()),
    };
    told.map_err(|refusal| refusal.code.to_owned())
}

/// Tables and a sequence on both.
async fn define(real: &Real, pair: &Pair) {
    real.run("postgres", "CREATE ROLE identity LOGIN").await;
    real.run("postgres", &format!("CREATE DATABASE {DATABASE} OWNER identity")).await;
    let as_role = real.endpoint().with_role(DATABASE, None);
    let owner = connect(&as_role, DATABASE, "seed").await.expect("the owner");
    for table in TABLES {
        let sql = format!("CREATE TABLE public.{table} (id text PRIMARY KEY, value text)");
        owner.batch_execute(&sql).await.expect("made");
    }
    owner.batch_execute(&format!("CREATE SEQUENCE public.{SEQUENCE}")).await.expect("made");
    let mut server = pair.server(Side::Source);
    server.make_role(DATABASE);
    server.make_database(DATABASE, DATABASE).expect("made");
    let session = server.open(DATABASE, DATABASE, "seed").expect("open");
    for table in TABLES {
        server.make_table(session, table).expect("made");
    }
    server.close(session);
    let database = server.databases.get_mut(DATABASE).expect("made");
    database.tables.values_mut().for_each(|table| table.keyed = true);
    database.sequences.insert(SEQUENCE.into(), Sequence::default());
}

/// Write counters, sequences, sessions.
type Witnessed = (BTreeMap<String, [i64; 3]>, BTreeMap<String, Option<i64>>, Vec<String>);

/// What the freeze's witness tells of a side, without what belongs to one server alone.
async fn witnessed(endpoint: &PostgresEndpoint) -> Witnessed {
    let source = StorePair {
        postgres: endpoint.clone(),
        elasticsearch: ElasticsearchEndpoint::plain("http://nobody:9200"),
    };
    let limit = Duration::from_secs(20);
    let settled = FreezeWitness::settle(&source, &[DATABASE.to_owned()], &[], limit).await;
    let Marks { tables, sequences, sessions, .. } = settled.expect("marks").0;
    let of_user = tables.into_iter().filter(|(name, _)| name.contains(".public."));
    let tallies = of_user.map(|(name, t)| (name, [t.inserted, t.updated, t.deleted])).collect();
    (
        tallies,
        sequences,
        sessions.into_iter().map(|s| format!("{} {} {}", s.application, s.state, s.writes)).collect(),
    )
}

#[tokio::test]
async fn rows_transactions_and_sequences_behave_as_on_the_server() {
    let Some(real) = Real::start().await else { return };
    let pair = pair(Vec::new());
    define(&real, &pair).await;
    let (mut conflicts, mut duplicates) = (0, 0);
    for seed in 0..SEEDS {
        let mut sessions = Vec::new();
        for _ in 0..SESSIONS {
            let open = connect(&real.endpoint(), DATABASE, "camunda-app").await.expect("a session");
            open.batch_execute("SET lock_timeout = '40ms'").await.expect("set");
            let twin = pair.server(Side::Source).open(DATABASE, DATABASE, "camunda-app").expect("a session");
            sessions.push((open, twin));
        }
        for at in 0..OPERATIONS {
            let (session, operation) = operation(seed, at);
            let (open, twin) = &sessions[session];
            let (there, here) = (really(open, &operation).await, simulated(&pair, *twin, &operation));
            assert_eq!(there, here, "seed {seed}, operation {at} on session {session}: {operation:?}");
            conflicts += u32::from(here == Err("55P03".into()));
            duplicates += u32::from(here == Err("23505".into()));
        }
        // What is open is told by the witness of the freeze on both, and what it has written.
        let (_, _, told) = witnessed(&real.endpoint()).await;
        let (_, _, as_told) = witnessed(&pair.endpoint(Side::Source)).await;
        let plain = |all: &[String]| all.iter().map(|s| s.replace(" (aborted)", "")).collect::<Vec<_>>();
        assert_eq!(plain(&told), plain(&as_told), "seed {seed}");
        for (open, twin) in sessions {
            drop(open);
            pair.server(Side::Source).close(twin);
        }
        real.left_alone(DATABASE).await;
        let (there, here) =
            (witnessed(&real.endpoint()).await, witnessed(&pair.endpoint(Side::Source)).await);
        assert_eq!(there, here, "seed {seed}");
    }
    assert!(conflicts > 5 && duplicates > 5, "{conflicts} waited for a row, {duplicates} met a key");
    assert_eq!(pair.gaps(), Vec::<String>::new());
}

struct Quiet;

impl Reporter for Quiet {
    fn item(&self, _: &str, _: u64) {}
    fn progress(&self, _: u64, _: Option<u64>, _: &str) {}
    fn note(&self, _: &str) {}
}

fn context(sides: [PostgresEndpoint; 2], programs: Programs, folder: &Path) -> MigrationContext {
    let pair =
        |postgres| StorePair { postgres, elasticsearch: ElasticsearchEndpoint::plain("http://nobody:9200") };
    let [source, target] = sides.map(pair);
    MigrationContext {
        source,
        target,
        spec: MigrationSpec { components: Some(vec![Component::Identity]), ..MigrationSpec::default() },
        clients: Real::programs(),
        programs,
        dumps: folder.join("dumps"),
        roles: BTreeMap::from([(DATABASE.to_owned(), "simulated".to_owned().into())]),
        run_dir: folder.to_owned(),
        cancel: Default::default(),
    }
}

/// The driver's steps of one database, one after the other, with what each came to.
async fn steps(cx: &MigrationContext) -> Vec<(String, Result<Facts, String>)> {
    let component = Component::Identity;
    let mut told = Vec::new();
    for (action, attempt) in [
        (Action::PrepareDatabase(component), Attempt::First),
        (Action::InitialBackup(component), Attempt::First),
        (Action::FinalBackup(component), Attempt::First),
        (Action::Restore(component), Attempt::First),
        (Action::CarryGrants(component), Attempt::First),
        // Not empty any more: refused, and made anew where it is an attempt of one's own.
        (Action::Restore(component), Attempt::First),
        (Action::PrepareDatabase(component), Attempt::First),
        (Action::Restore(component), Attempt::Again),
    ] {
        let done = BuiltinDriver.perform(cx, action, &Default::default(), attempt, &Quiet).await;
        let done = done.map_err(|e| e.to_string());
        told.push((format!("{action:?} {attempt:?}"), done.map(plain)));
    }
    told
}

/// Facts without sizes, times and hashes, which are each server's own.
fn plain(mut facts: Facts) -> Facts {
    for own in ["bytes", "seconds", "analyzed", "blake3", "database_bytes"] {
        facts.remove(own);
    }
    facts
}

async fn rows(endpoint: &PostgresEndpoint) -> Vec<(String, i64)> {
    let session = connect(endpoint, DATABASE, "drydock").await.expect("a session");
    let mut found = Vec::new();
    for table in TABLES {
        let keys: Vec<String> = (0..20).map(|n| format!("k{n}")).collect();
        let sql = format!(
            "SELECT id::text, count(*), min(value::text) FROM public.{table} WHERE id::text = ANY($1) GROUP BY 1"
        );
        let mut rows: Vec<(String, i64)> = session
            .query(&sql, &[&keys])
            .await
            .expect("rows")
            .iter()
            .map(|row| {
                (format!("{table} {} {}", row.get::<_, String>(0), row.get::<_, String>(2)), row.get(1))
            })
            .collect();
        rows.sort();
        found.extend(rows);
    }
    found
}

async fn seed(real: &Real, pair: &Pair) {
    define(real, pair).await;
    let open = connect(&real.endpoint(), DATABASE, "seed").await.expect("a session");
    let twin = pair.server(Side::Source).open(DATABASE, DATABASE, "seed").expect("a session");
    for (at, table) in (0..18).zip(TABLES.into_iter().cycle()) {
        let written = Operation::Insert(table, format!("k{at}"), format!("v{at}"));
        for operation in [written, Operation::Next] {
            assert_eq!(really(&open, &operation).await, simulated(pair, twin, &operation));
        }
    }
    pair.server(Side::Source).close(twin);
}

#[tokio::test]
async fn the_drivers_steps_end_alike_on_both() {
    let (Some(source), Some(target)) = (Real::start().await, Real::start().await) else { return };
    let pair = pair(Vec::new());
    seed(&source, &pair).await;
    let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
    let real = context([source.endpoint(), target.endpoint()], Programs::Machine, folders[0].path());
    let sides = [pair.endpoint(Side::Source), pair.endpoint(Side::Target)];
    let twin = context(sides, pair.programs(), folders[1].path());
    let (there, here) = (steps(&real).await, steps(&twin).await);
    for (there, here) in there.iter().zip(&here) {
        assert_eq!(there, here);
    }
    assert!(here[3].1.is_ok() && here[5].1.is_err() && here[7].1.is_ok(), "{here:#?}");
    let arrived = rows(&pair.endpoint(Side::Target)).await;
    assert_eq!((arrived.len(), &arrived), (18, &rows(&target.endpoint()).await));
    let (_, sequences, _) = witnessed(&target.endpoint()).await;
    assert_eq!(sequences, witnessed(&pair.endpoint(Side::Target)).await.1);
    assert_eq!(sequences.values().collect::<Vec<_>>(), [&Some(18)]);
    assert_eq!(pair.gaps(), Vec::<String>::new());
}

#[tokio::test]
async fn a_table_whose_rows_are_refused_fails_the_restore_on_both() {
    let (Some(source), Some(target)) = (Real::start().await, Real::start().await) else { return };
    let fails =
        Event::Fault { side: Side::Target, class: Class::Program, nth: 0, trouble: Trouble::TableFails };
    let pair = pair(vec![fails]);
    seed(&source, &pair).await;
    // Restored by itself, no row of the second table passes: what it asks for is not there yet on an empty server.
    let sql = "CREATE FUNCTION public.fits(text) RETURNS boolean LANGUAGE sql AS \
               'SELECT $1 IS NOT NULL AND current_setting(''server.fits'', true) IS NOT NULL'; \
               ALTER DATABASE identity SET server.fits = 'yes'; SET server.fits = 'yes'; \
               ALTER TABLE public.users ADD CHECK (public.fits(value))";
    source.run(DATABASE, sql).await;
    let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
    let real = context([source.endpoint(), target.endpoint()], Programs::Machine, folders[0].path());
    let sides = [pair.endpoint(Side::Source), pair.endpoint(Side::Target)];
    let twin = context(sides, pair.programs(), folders[1].path());
    for cx in [&real, &twin] {
        let told = steps(cx).await;
        let refused = told[3].1.as_ref().expect_err("it is not passed over");
        assert!(refused.contains("COPY failed for table \"users\""), "{refused}");
    }
    // The simulated fault happened once; the real cause stays, and with it the half that is there.
    let arrived = rows(&target.endpoint()).await;
    assert_eq!(arrived.len(), 9, "the other table is there: {arrived:?}");
    assert_eq!(rows(&pair.endpoint(Side::Target)).await.len(), 18);
}
