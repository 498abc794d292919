//! Corruptions planted in a copy, each found by the right check under the right name, and nothing else with it.

mod access;
mod data;
mod rare;
mod schema;

use crate::postgres_clean::{RARE, compare, findings};
use crate::postgres_objects::OBJECTS;
use crate::postgres_server::{Server, skip};
use crate::schema::{PREPARE, ROLES, SCHEMA};
use drydock_core::Outcome;
use drydock_stores::compare::{self, DatabasePair, Options};
use drydock_stores::postgres::PinnedPg;
use std::collections::BTreeSet;

use drydock_core::names::checks::{
    PG_ACCESS as ACCESS, PG_COUNTS as COUNTS, PG_LARGE_OBJECTS as LOBS, PG_ROWS as ROWS,
    PG_SCHEMA as SCHEMAS, PG_SEQUENCES as SEQUENCES, PG_STATISTICS as STATISTICS,
};

/// A name, a script for the copy, and exactly what has to be found: check, kind, subject.
type Corruption = (&'static str, &'static str, &'static [(&'static str, &'static str, &'static str)]);

/// A server with the awkward database `src` and a restored copy `base` of it.
fn prepared() -> Result<Server, String> {
    let server = Server::start()?;
    server.sql("postgres", "CREATE DATABASE src TEMPLATE template0");
    server.sql("postgres", ROLES);
    for script in [PREPARE, SCHEMA, RARE, OBJECTS] {
        server.sql("src", script);
    }
    server.sql("src", "ANALYZE");
    server.dump_and_restore("src", "base");
    // A dump carries neither the database's own owner nor what the planner knows.
    server.sql("postgres", "ALTER DATABASE base OWNER TO app");
    server.sql("base", "ANALYZE");
    Ok(server)
}

async fn all_are_found(corruptions: &[Corruption]) {
    let server = match prepared() {
        Ok(server) => server,
        Err(reason) => return skip(&reason),
    };
    let mut wrong = Vec::new();
    for (name, script, expected) in corruptions {
        server.sql("postgres", "CREATE DATABASE copy TEMPLATE base");
        server.sql("postgres", "ALTER DATABASE copy OWNER TO app");
        server.sql("copy", script);
        let results = compare(&server, "copy").await;
        let found: BTreeSet<_> = findings(&results)
            .into_iter()
            .map(|f| (f.check.as_str().to_owned(), f.kind.to_string(), f.subject.clone()))
            .collect();
        let expected: BTreeSet<_> =
            expected.iter().map(|(a, b, c)| ((*a).to_owned(), (*b).to_owned(), (*c).to_owned())).collect();
        if found != expected {
            wrong.push(format!("{name}: expected {expected:#?}, found {:#?}", findings(&results)));
        }
        let text = format!("{results:?}");
        if text.contains("stolen") || text.contains("very-secret") {
            wrong.push(format!("{name}: a secret is shown: {text}"));
        }
        for finding in findings(&results) {
            let worded = !finding.next.is_empty() && !finding.message.is_empty();
            if !worded || finding.outcome != Outcome::Different {
                wrong.push(format!("{name}: {finding:?}"));
            }
        }
        server.sql("postgres", "ALTER DATABASE copy IS_TEMPLATE false");
        server.sql("postgres", "DROP DATABASE copy");
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), corruptions.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn corrupted_data_is_found() {
    all_are_found(data::CORRUPTIONS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn corrupted_definitions_are_found() {
    all_are_found(schema::CORRUPTIONS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn corrupted_access_is_found() {
    all_are_found(access::CORRUPTIONS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn corrupted_rarities_are_found() {
    all_are_found(rare::CORRUPTIONS).await;
}

#[test]
fn there_are_enough_of_them() {
    let families = [data::CORRUPTIONS, schema::CORRUPTIONS, access::CORRUPTIONS, rare::CORRUPTIONS];
    assert!(families.iter().map(|f| f.len()).sum::<usize>() >= 130);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_equal_copy_is_equal_and_samples_are_exact() {
    let server = match prepared() {
        Ok(server) => server,
        Err(reason) => return skip(&reason),
    };
    let equal = compare(&server, "base").await;
    assert!(findings(&equal).is_empty(), "{:#?}", findings(&equal));
    let rows = equal.iter().find(|r| r.check == ROWS).expect("rows are compared");
    assert!(rows.findings.iter().any(|f| f.subject == "src.public.afar"), "foreign tables are told");
    assert!(rows.compared > 4_400, "{}", rows.compared);
    for result in &equal {
        assert!(result.compared > 0, "{} compared nothing", result.check);
    }
    exact_samples(&server).await;
    digests(&server).await;
    rights_of_a_reader(&server).await;
    broken_sessions(&server).await;
}

async fn exact_samples(server: &Server) {
    server.sql("postgres", "CREATE DATABASE copy TEMPLATE base");
    server.sql("copy", "DELETE FROM users WHERE id = 2999; UPDATE orders SET n = 4711 WHERE id = 9; DROP SCHEMA audit CASCADE");
    let results = compare(server, "copy").await;
    let all = findings(&results);
    let find = |check: &str, subject: &str| {
        *all.iter().find(|f| f.check.as_str() == check && f.subject == subject).expect("found")
    };
    assert_eq!(find(ROWS, "src.public.users").samples[0].item, "id=2999");
    let changed = &find(ROWS, "src.public.orders").samples[0];
    assert_eq!(changed.item, "id=9");
    assert_eq!(changed.target.as_deref(), Some("n: 4711"));
    assert!(find(SCHEMAS, "src.audit").message.contains("1 rows"), "{}", find(SCHEMAS, "src.audit").message);
    server.sql("postgres", "DROP DATABASE copy");
}

async fn digests(server: &Server) {
    let endpoint = server.endpoint("postgres");
    let mut seen = Vec::new();
    for _ in 0..2 {
        let pinned = PinnedPg::pin(&endpoint, &["src".to_owned()]).await;
        seen.push(compare::digest_postgres(&pinned, &Options::default()).await.expect("readable"));
        pinned.close().await;
    }
    assert_eq!(seen[0], seen[1]);
    assert!(seen[0].0 > 4_400);
}

/// A role that may read some tables only: what it may not read is not proven, never equal.
async fn rights_of_a_reader(server: &Server) {
    server.sql("base", "GRANT USAGE ON SCHEMA audit TO reader");
    let reader = server.endpoint("reader");
    let pair = DatabasePair { source: "src".into(), target: "base".into() };
    let results = compare::postgres(&reader, &reader, &[pair], &Options::default()).await;
    let unproven: BTreeSet<&str> = findings(&results)
        .into_iter()
        .filter(|f| f.outcome == Outcome::NotProven && f.check.as_str() == ROWS)
        .map(|f| f.subject.as_str())
        .collect();
    // Row security would hide rows of `users` without a word: that has to be an error as well.
    for table in ["src.public.users", "src.public.orders", "src.public.keyless"] {
        assert!(unproven.contains(table), "{table}: {unproven:?}");
    }
    let all = findings(&results);
    assert!(all.iter().any(|f| f.outcome == Outcome::NotProven && f.check.as_str() == SEQUENCES));
    server.sql("base", "REVOKE USAGE ON SCHEMA audit FROM reader");
}

/// Sessions that end between pinning and comparing never give a green result.
async fn broken_sessions(server: &Server) {
    let endpoint = server.endpoint("postgres");
    let a = PinnedPg::pin(&endpoint, &["src".to_owned()]).await;
    let b = PinnedPg::pin(&endpoint, &["base".to_owned()]).await;
    server.terminate_backends();
    let pair = DatabasePair { source: "src".into(), target: "base".into() };
    let results = compare::compare_postgres(&a, &b, &[pair], &Options::default()).await;
    let rows = results.iter().find(|r| r.check == ROWS).expect("rows");
    let unproven = rows.findings.iter().filter(|f| f.outcome == Outcome::NotProven).count();
    assert!(unproven > 10 && findings(&results).iter().all(|f| f.outcome == Outcome::NotProven));
    let missing =
        compare::postgres(&endpoint, &endpoint, &[DatabasePair::same("absent")], &Options::default()).await;
    assert!(missing.iter().all(|r| r.findings.iter().any(|f| f.outcome == Outcome::NotProven)));
}
