//! What makes the witness trustworthy: it only reads, it does not depend on the settings of a role, it notices servers that
//! move or end in the middle, and it never says equal then.

use crate::postgres_clean::{compare, findings};
use crate::postgres_server::{Server, skip};
use crate::schema::{PREPARE, ROLES, SCHEMA};
use drydock_core::Outcome;
use drydock_core::names::checks::{PG_LARGE_OBJECTS, PG_ROWS};
use drydock_stores::compare::{self, DatabasePair, Options, Pinned, Tier};
use drydock_stores::postgres::PinnedPg;

/// How statements of the witness may begin.
const HARMLESS: [&str; 10] =
    ["SELECT", "WITH", "COPY", "SET", "BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK", "SHOW", "COMMIT"];

/// The statements that a user ran, from the log.
fn statements(log: &str, user: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in log.lines() {
        let Some(rest) = line.strip_prefix(&format!("{user}|")) else {
            // The further lines of a statement are indented.
            if let (Some(last), true) = (found.last_mut(), line.starts_with('\t')) {
                last.push_str(line);
            }
            continue;
        };
        let Some((kind, text)) = rest.strip_prefix("LOG:  ").and_then(|r| r.split_once(": ")) else {
            continue;
        };
        match kind {
            // Several statements may come at once; those of the witness hold no semicolon of their own then.
            "statement" => {
                found.extend(text.split(';').map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned))
            }
            _ if kind.starts_with("execute") => found.push(text.to_owned()),
            _ => {}
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_can_compare_and_only_reads() {
    let (a, b) = match (Server::start(), Server::start()) {
        (Ok(a), Ok(b)) => (a, b),
        (Err(reason), _) | (_, Err(reason)) => return skip(&reason),
    };
    a.sql("postgres", "CREATE DATABASE src TEMPLATE template0");
    for server in [&a, &b] {
        server.sql("postgres", ROLES);
        server.sql("postgres", "CREATE ROLE auditor LOGIN BYPASSRLS IN ROLE pg_read_all_data");
    }
    for script in [PREPARE, SCHEMA, "GRANT SELECT ON LARGE OBJECT 70001, 70002 TO auditor"] {
        a.sql("src", script);
    }
    a.carry_over("src", &b, "src", crate::postgres_server::Way::Custom);
    b.sql("postgres", "ALTER DATABASE src OWNER TO app");
    for tier in [Tier::Strict, Tier::Fast] {
        let options = Options { tier, ..Options::default() };
        let (source, target) = (a.endpoint("auditor"), b.endpoint("auditor"));
        let results = compare::postgres(&source, &target, &[DatabasePair::same("src")], &options).await;
        assert!(findings(&results).is_empty(), "{tier:?}: {:#?}", findings(&results));
        assert!(results.iter().all(|r| r.compared > 0));
    }
    b.sql("src", "UPDATE audit.log SET what = 'else'");
    let (source, target) = (a.endpoint("auditor"), b.endpoint("auditor"));
    let results =
        compare::postgres(&source, &target, &[DatabasePair::same("src")], &Options::default()).await;
    assert_eq!(findings(&results).len(), 1, "{:#?}", findings(&results));
    for server in [&a, &b] {
        let statements = statements(&server.log(), "auditor");
        assert!(statements.len() > 100, "{}", statements.len());
        for statement in statements {
            let first = statement.split_whitespace().next().unwrap_or_default();
            assert!(HARMLESS.contains(&first), "{statement}");
            assert!(first != "COPY" || statement.trim_end().ends_with("TO STDOUT"), "{statement}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_of_a_role_change_nothing() {
    let server = match Server::start() {
        Ok(server) => server,
        Err(reason) => return skip(&reason),
    };
    server.sql("postgres", "CREATE DATABASE src TEMPLATE template0");
    server.sql("postgres", "CREATE ROLE app; CREATE ROLE reader");
    for odd in crate::postgres_objects::ODD {
        server.sql("src", odd);
    }
    server.dump_and_restore("src", "copy");
    server.sql("postgres", "CREATE ROLE tourist LOGIN SUPERUSER");
    for setting in [
        "datestyle = 'German, DMY'",
        "intervalstyle = 'iso_8601'",
        "timezone = 'Asia/Tokyo'",
        "extra_float_digits = -10",
        "bytea_output = 'escape'",
        "xmlbinary = 'hex'",
        "lc_monetary = 'C.UTF-8'",
        "client_encoding = 'LATIN1'",
        "search_path = 'public'",
        "quote_all_identifiers = on",
        "standard_conforming_strings = off",
        "row_security = on",
        "default_transaction_isolation = 'serializable'",
        "default_transaction_read_only = on",
        "idle_session_timeout = '10min'",
        "enable_seqscan = off",
        "array_nulls = off",
        "xmloption = 'document'",
    ] {
        server.sql("postgres", &format!("ALTER ROLE tourist SET {setting}"));
    }
    let (a, b) = (server.endpoint("postgres"), server.endpoint("tourist"));
    for tier in [Tier::Strict, Tier::Fast] {
        let pair = DatabasePair { source: "src".into(), target: "copy".into() };
        let results = compare::postgres(&a, &b, &[pair], &Options { tier, ..Options::default() }).await;
        assert!(findings(&results).is_empty(), "{tier:?}: {:#?}", findings(&results));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_that_is_written_to_is_told() {
    let server = match Server::start() {
        Ok(server) => server,
        Err(reason) => return skip(&reason),
    };
    server.sql("postgres", "CREATE DATABASE src TEMPLATE template0");
    server.sql("src", "CREATE TABLE busy (id int PRIMARY KEY, v int); INSERT INTO busy SELECT i, i FROM generate_series(1, 100) i;
        CREATE TABLE still (id int PRIMARY KEY, v int); INSERT INTO still VALUES (1, 1)");
    server.dump_and_restore("src", "copy");
    server.sql("copy", "UPDATE busy SET v = 0 WHERE id = 7; UPDATE still SET v = 0");
    let endpoint = server.endpoint("postgres");
    let a = PinnedPg::pin(&endpoint, &["src".to_owned()]).await;
    let b = PinnedPg::pin(&endpoint, &["copy".to_owned()]).await;
    server.sql("src", "UPDATE busy SET v = v + 1; INSERT INTO busy VALUES (101, 1)");
    let pair = DatabasePair { source: "src".into(), target: "copy".into() };
    let pairs = [pair];
    let results = compare::compare_postgres(&a, &b, &pairs, &Options::default()).await;
    // What was written after the snapshot is not compared.
    let found = findings(&results);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found.iter().all(|f| f.count == 1));
    assert!(found[0].next.starts_with("the source was written to during the comparison"), "{found:#?}");
    assert!(!found[1].next.contains("written to"), "{found:#?}");
    let rows = results.iter().find(|r| r.check == PG_ROWS).expect("rows");
    assert!(rows.note.contains("the source's WAL moved by"), "{}", rows.note);
    // Where nobody could write when both sides were held still, later writes explain nothing.
    let rested = Options { pinned: Pinned::AtRest, ..Options::default() };
    let told = compare::compare_postgres(&a, &b, &pairs, &rested).await;
    let found = findings(&told);
    assert!(found.len() == 2 && found.iter().all(|f| !f.next.contains("written to")), "{found:#?}");
    a.close().await;
    b.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_crashes_in_the_middle_is_never_equal() {
    let (a, mut b) = match (Server::start(), Server::start()) {
        (Ok(a), Ok(b)) => (a, b),
        (Err(reason), _) | (_, Err(reason)) => return skip(&reason),
    };
    for server in [&a, &b] {
        server.sql("postgres", "CREATE DATABASE app TEMPLATE template0");
        server.sql(
            "app",
            "CREATE TABLE large AS SELECT i, md5(i::text) AS v FROM generate_series(1, 400000) i",
        );
        server.sql("app", "CREATE TABLE small AS SELECT 1 AS x; CHECKPOINT");
    }
    let (source, target) = (a.endpoint("postgres"), b.endpoint("postgres"));
    let comparing = tokio::spawn(async move {
        compare::postgres(&source, &target, &[DatabasePair::same("app")], &Options::default()).await
    });
    while !b.log().contains("\"large\"") && !comparing.is_finished() {
        tokio::task::yield_now().await;
    }
    let finished = comparing.is_finished();
    b.crash();
    b.run().expect("the server starts again");
    let results = comparing.await.expect("the comparison ends");
    let rows = results.iter().find(|r| r.check == PG_ROWS).expect("rows");
    let unproven = rows.findings.iter().filter(|f| f.outcome == Outcome::NotProven).count();
    assert!(finished || unproven > 0, "{rows:#?}");
    assert!(
        rows.findings.iter().all(|f| f.outcome == Outcome::NotProven),
        "a crash is no difference: {rows:#?}"
    );
    // Once it answers again, it is equal again.
    let (source, target) = (a.endpoint("postgres"), b.endpoint("postgres"));
    let results =
        compare::postgres(&source, &target, &[DatabasePair::same("app")], &Options::default()).await;
    assert!(findings(&results).is_empty(), "{:#?}", findings(&results));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_objects_are_read_in_pieces() {
    let server = match Server::start() {
        Ok(server) => server,
        Err(reason) => return skip(&reason),
    };
    server.sql("postgres", "CREATE DATABASE src TEMPLATE template0");
    // Exactly two pieces, and two and a bit; a table, because a database without one proves nothing.
    server.sql("src", "CREATE TABLE t (); SELECT lo_from_bytea(80001, repeat('x', 16777216)::bytea), lo_from_bytea(80002, repeat('y', 16777300)::bytea),
        lo_from_bytea(80003, '')");
    server.dump_and_restore("src", "copy");
    assert_eq!(findings(&compare(&server, "copy").await).len(), 0);
    server.sql("copy", "SELECT lo_put(80002, 16777299, 'z'), lo_put(80001, 8388608, 'z')");
    let results = compare(&server, "copy").await;
    let large = results.iter().find(|r| r.check == PG_LARGE_OBJECTS).expect("large objects");
    assert_eq!((large.findings.len(), large.findings[0].count), (1, 2), "{large:#?}");
}
