//! Shares of a comparison, put together, tell what one comparison tells: on a real PostgreSQL, and with
//! `DRYDOCK_TEST_ELASTICSEARCH` (two URLs, with a comma between them) on real clusters.

use crate::postgres_server::{Server, skip};
use drydock_core::names::checks::{ES_DOCUMENTS, ES_INDICES, PG_ROWS};
use drydock_core::{Finding, Outcome};
use drydock_stores::ElasticsearchEndpoint;
use drydock_stores::compare::{self, CheckResult, DatabasePair, Options, Part, Parts, Share, Tier};
use drydock_stores::elasticsearch::{Client, Scope, Timeouts, path_segment};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a check tells, without the time it took and what the server's log grew by. How much lies outside of what was asked for is
/// left out as well: other tests make and remove their own indices in the same clusters meanwhile.
fn told(results: &[CheckResult]) -> Vec<(&'static str, u64, Vec<Finding>)> {
    let inside = |r: &CheckResult| {
        r.findings.iter().filter(|f| f.subject != "elasticsearch/outside-scope").cloned().collect()
    };
    results.iter().map(|r| (r.check, r.compared, inside(r))).collect()
}

fn red(results: &[CheckResult]) -> BTreeSet<(String, Outcome)> {
    let all = results.iter().flat_map(|r| &r.findings).filter(|f| f.outcome >= Outcome::NotProven);
    all.map(|f| (format!("{} {}", f.check, f.subject), f.outcome)).collect()
}

/// As it is read back from a file.
fn kept(part: &Part) -> Part {
    serde_json::from_str(&serde_json::to_string(part).expect("a part")).expect("the same part")
}

fn together(parts: Vec<Part>, options: &Options) -> Options {
    Options { parts: Some(Arc::new(Parts::of(parts).expect("parts"))), ..options.clone() }
}

const SOURCE: &str = r#"
    CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users SELECT g, 'user ' || g FROM generate_series(1, 500) g;
    CREATE TABLE roles (id int PRIMARY KEY, name text); INSERT INTO roles SELECT g, 'role ' || g FROM generate_series(1, 20) g;
    CREATE TABLE unkeyed (line text); INSERT INTO unkeyed SELECT 'line ' || g % 7 FROM generate_series(1, 50) g;
    CREATE TABLE "Odd name; -- é" (id int PRIMARY KEY); INSERT INTO "Odd name; -- é" VALUES (1), (2);
    CREATE TABLE empty_one (id int);
    CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM users;
    SELECT lo_from_bytea(4711, 'large');"#;
const HARM: &str = "
    DELETE FROM users WHERE id IN (17, 400); UPDATE roles SET name = 'other' WHERE id = 3;
    INSERT INTO unkeyed VALUES ('line 3'); DROP TABLE empty_one; CREATE TABLE extra (id int); INSERT INTO extra VALUES (1);
    SELECT lo_put(4711, 0, 'LARGE');";
/// Tables of either side, the materialized view, and the large objects.
const UNITS: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_in_shares_come_to_the_same_end() {
    let server = match Server::start() {
        Ok(server) => server,
        Err(reason) => return skip(&reason),
    };
    server.sql("postgres", "CREATE DATABASE src TEMPLATE template0");
    server.sql("src", SOURCE);
    server.sql("postgres", "CREATE DATABASE tgt TEMPLATE src");
    server.sql("tgt", HARM);
    let endpoint = server.endpoint("postgres");
    let pairs = [DatabasePair { source: "src".into(), target: "tgt".into() }];
    for (tier, counts) in [(Tier::Strict, &[1, 7][..]), (Tier::Fast, &[3][..])] {
        let options = Options { tier, ..Options::default() };
        let alone = compare::postgres(&endpoint, &endpoint, &pairs, &options).await;
        assert!(red(&alone).iter().any(|(what, _)| what.contains("users")), "{alone:#?}");
        for of in counts.iter().copied() {
            let mut parts = Vec::new();
            for number in 0..of {
                let share = Share::new(number, of).expect("a share");
                let part = compare::part_of_postgres(&endpoint, &endpoint, &pairs, &options, share).await;
                parts.push(kept(&part.expect("a part")));
            }
            assert_eq!(parts.iter().map(|part| part.compared().1).sum::<usize>(), UNITS, "each of them once");
            let merged = together(parts.clone(), &options);
            let merged = compare::postgres(&endpoint, &endpoint, &pairs, &merged).await;
            assert_eq!(told(&merged), told(&alone), "{of} shares");
            // One that is absent proves nothing of what belongs to it.
            let absent = parts.iter().position(|part| part.items() > 50).expect("one that has rows");
            let mut others = parts;
            others.remove(absent);
            let lacking = compare::postgres(&endpoint, &endpoint, &pairs, &together(others, &options)).await;
            assert!(red(&lacking).iter().any(|(_, outcome)| *outcome == Outcome::NotProven), "{of} shares");
        }
    }
    // What is written after a part was read is not what the part saw.
    let share = Share::new(0, 1).expect("a share");
    let options = Options::default();
    let part = compare::part_of_postgres(&endpoint, &endpoint, &pairs, &options, share).await;
    let options = together(vec![part.expect("a part")], &options);
    server.sql("tgt", "DELETE FROM roles WHERE id = 5; SELECT pg_sleep(1)");
    let late = compare::postgres(&endpoint, &endpoint, &pairs, &options).await;
    assert!(red(&late).contains(&(format!("{PG_ROWS} src.public.roles"), Outcome::NotProven)), "{late:#?}");
    let gone = [DatabasePair::same("nowhere")];
    let unread = compare::part_of_postgres(&endpoint, &endpoint, &gone, &Options::default(), share).await;
    assert!(unread.expect_err("no database").contains("nowhere"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn indices_in_shares_come_to_the_same_end() {
    let Ok(urls) = std::env::var("DRYDOCK_TEST_ELASTICSEARCH") else {
        return skip("DRYDOCK_TEST_ELASTICSEARCH does not name two clusters");
    };
    let (source, target) = urls.split_once(',').expect("two URLs");
    let (source, target) = (ElasticsearchEndpoint::plain(source), ElasticsearchEndpoint::plain(target));
    let client = |of| Client::new(of, Timeouts::default()).expect("a client");
    let (a, b) = (client(&source), client(&target));
    let prefix = format!("shares-{}-", std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_nanos());
    let scope = Scope { prefixes: vec![prefix.clone()] };
    let names = ["list_", "list_2026-01-01", "empty", "large", "été"].map(|name| format!("{prefix}{name}"));
    let path = |name: &str| format!("/{}", path_segment(name));
    for (side, shards) in [(&a, 3), (&b, 1)] {
        for (number, name) in names.iter().enumerate() {
            let settings = json!({"settings": {"number_of_shards": shards, "number_of_replicas": 0}});
            side.put(&path(name), &settings).await.expect("an index");
            for id in 0..(number * 20) % 50 {
                let at = format!("{}/_doc/{id}?routing={}", path(name), id % 3);
                side.put(&at, &json!({"id": id})).await.expect("a document");
            }
        }
    }
    // Changed, lost, and moved into another index, which is likely to belong to another share.
    b.put(&format!("{}/_doc/3?routing=0", path(&names[1])), &json!({"id": 33})).await.expect("changed");
    b.delete(&format!("{}/_doc/8?routing=2", path(&names[1]))).await.expect("lost");
    b.delete(&format!("{}/_doc/9?routing=0", path(&names[4]))).await.expect("moved away");
    b.put(&format!("{}/_doc/9?routing=0", path(&names[0])), &json!({"id": 9})).await.expect("moved");
    let options = Options::default();
    let alone = compare::elasticsearch(&source, &target, &scope, &options).await;
    assert!(red(&alone).iter().any(|(what, _)| what.starts_with(ES_DOCUMENTS)), "{alone:#?}");
    let mut last = Vec::new();
    for of in [1, 2, 7] {
        let mut parts = Vec::new();
        for number in 0..of {
            let share = Share::new(number, of).expect("a share");
            let part = compare::part_of_elasticsearch(&source, &target, &scope, &options, share).await;
            parts.push(kept(&part.expect("a part")));
        }
        assert_eq!(parts.iter().map(|part| part.compared().0).sum::<usize>(), names.len());
        let merged = together(parts.clone(), &options);
        let merged = compare::elasticsearch(&source, &target, &scope, &merged).await;
        assert_eq!(told(&merged), told(&alone), "{of} shares");
        last = parts;
    }
    a.put(&format!("{}/_doc/new", path(&names[2])), &json!({"id": 1})).await.expect("written since");
    let late = compare::elasticsearch(&source, &target, &scope, &together(last, &options)).await;
    assert!(red(&late).contains(&(format!("{ES_DOCUMENTS} {}", names[2]), Outcome::NotProven)), "{late:#?}");
    assert!(!red(&late).iter().any(|(what, _)| what.starts_with(ES_INDICES)), "{late:#?}");
    for side in [&a, &b] {
        for name in &names {
            side.delete(&path(name)).await.expect("removed");
        }
    }
}
