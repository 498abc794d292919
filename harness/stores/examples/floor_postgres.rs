//! How far comparing two PostgreSQL databases is from merely reading them.
//!
//! ```text
//! floor_postgres <source url> <target url> <database> <schema.table> <key column>
//! ```
//!
//! Reads both sides at once and discards (the floor), compares them strictly, compares them by the servers' digests next
//! to a bare `count(*)` on both sides, then changes one row of the *target's* table in the middle of its keys, compares
//! again and puts the row back. Each figure is the best of `RUNS` runs, in seconds; the peak of resident memory is the
//! process's own (`VmHWM`). The target has to be a copy that may be written to.

use drydock_stores::PostgresEndpoint;
use drydock_stores::compare::{DatabasePair, Options, Tier, postgres};
use drydock_stores::postgres::{APPLICATION_NAME, connect, for_each_row};
use std::time::Instant;

/// Runs of each figure; the best one counts, because the machine has other work as well.
const RUNS: usize = 5;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, target, database, table, key] = arguments.as_slice() else {
        return Err("usage: floor_postgres <source> <target> <database> <schema.table> <key column>".into());
    };
    let endpoint =
        |text: &str| -> Result<PostgresEndpoint, Failure> { Ok(PostgresEndpoint::from_url(text)?.0) };
    let (source, target) = (endpoint(source)?, endpoint(target)?);
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        // Turn by turn, so that other work on the machine disturbs all of them alike.
        let [mut floor, mut strict, mut count, mut fast] = [f64::INFINITY; 4];
        for _ in 0..RUNS {
            floor = floor.min(drain(&source, &target, database, table).await?);
            strict = strict.min(compare(&source, &target, database, Tier::Strict, 0).await?);
            count = count.min(counts(&source, &target, database, table).await?);
            fast = fast.min(compare(&source, &target, database, Tier::Fast, 0).await?);
        }
        println!("drain floor            {floor:8.2} s   both sides at once, discarded");
        ratio("strict, equal", strict, floor, "drain floor");
        println!("count(*)               {count:8.2} s   both sides at once");
        ratio("fast, equal", fast, count, "count(*)");
        let session = connect(&target, database, APPLICATION_NAME).await?;
        let change = format!(
            "UPDATE {table} SET {key} = -{key} WHERE {key} = (SELECT {key} FROM {table} WHERE {key} > (SELECT max({key}) / 2 \
             FROM {table}) ORDER BY {key} LIMIT 1)"
        );
        session.batch_execute(&change).await?;
        let one = best(async || compare(&source, &target, database, Tier::Strict, 1).await).await;
        session.batch_execute(&format!("UPDATE {table} SET {key} = -{key} WHERE {key} < 0")).await?;
        ratio("strict, one difference", one?, strict, "strict, equal");
        Ok(())
    })
}

fn ratio(name: &str, seconds: f64, other: f64, of: &str) {
    println!("{name:22} {seconds:8.2} s   {:.2} x {of}; VmHWM {} MiB", seconds / other, peak());
}

async fn best(run: impl AsyncFn() -> Result<f64, Failure>) -> Result<f64, Failure> {
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        best = best.min(run().await?);
    }
    Ok(best)
}

async fn drain(
    source: &PostgresEndpoint,
    target: &PostgresEndpoint,
    database: &str,
    table: &str,
) -> Result<f64, Failure> {
    let side = |endpoint: PostgresEndpoint| {
        let (database, table) = (database.to_owned(), table.to_owned());
        tokio::spawn(async move {
            let session = connect(&endpoint, &database, APPLICATION_NAME).await?;
            session.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
            for_each_row(&session, "draining", &table, &mut |_: &[u8]| {}).await?;
            Ok::<_, Failure>(())
        })
    };
    let start = Instant::now();
    let (a, b) = tokio::join!(side(source.clone()), side(target.clone()));
    a??;
    b??;
    Ok(start.elapsed().as_secs_f64())
}

async fn counts(
    source: &PostgresEndpoint,
    target: &PostgresEndpoint,
    database: &str,
    table: &str,
) -> Result<f64, Failure> {
    let side = async |endpoint: &PostgresEndpoint| {
        let session = connect(endpoint, database, APPLICATION_NAME).await?;
        session.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await?;
        Ok::<_, Failure>(())
    };
    let start = Instant::now();
    let (a, b) = tokio::join!(side(source), side(target));
    a?;
    b?;
    Ok(start.elapsed().as_secs_f64())
}

/// Compares the database; fails unless as many tables differ as are said to.
async fn compare(
    source: &PostgresEndpoint,
    target: &PostgresEndpoint,
    database: &str,
    tier: Tier,
    differing: usize,
) -> Result<f64, Failure> {
    let start = Instant::now();
    let options = Options { tier, ..Options::default() };
    let results = postgres(source, target, &[DatabasePair::same(database)], &options).await;
    let seconds = start.elapsed().as_secs_f64();
    let found: Vec<_> = results.iter().flat_map(|r| &r.findings).filter(|f| !f.samples.is_empty()).collect();
    let tables: std::collections::BTreeSet<_> = found.iter().map(|f| &f.subject).collect();
    if tables.len() != differing {
        return Err(format!("{} tables differ, expected {differing}: {found:#?}", tables.len()).into());
    }
    Ok(seconds)
}

/// Peak of resident memory, in MiB; 0 where the system does not tell.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    let kib: u64 = line.and_then(|l| l.split_whitespace().next()).and_then(|n| n.parse().ok()).unwrap_or(0);
    kib / 1024
}
