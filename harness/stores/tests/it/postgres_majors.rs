//! Clean copies: odd definitions restored in every way, and from older majors to newer ones, without a finding.

use crate::postgres_clean::{RARE, findings};
use crate::postgres_objects::{OBJECTS, ODD};
use crate::postgres_server::{Server, Way, skip};
use crate::schema::{PREPARE, ROLES, SCHEMA};
use drydock_stores::compare::{self, DatabasePair, Options, Tier};

async fn assert_equal(source: &Server, target: &Server, to: &str, what: &str) {
    let (a, b) = (source.endpoint("postgres"), target.endpoint("postgres"));
    for tier in [Tier::Strict, Tier::Fast] {
        let pair = DatabasePair { source: "src".into(), target: to.into() };
        let results = compare::postgres(&a, &b, &[pair], &Options { tier, ..Options::default() }).await;
        assert!(findings(&results).is_empty(), "{what}, {tier:?}: {:#?}", findings(&results));
        assert!(results.iter().all(|r| r.compared > 0), "{what}: {results:#?}");
    }
}

#[test]
fn there_are_enough_odd_definitions() {
    assert!(ODD.len() >= 40, "{}", ODD.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_definitions_are_equal_however_they_are_restored() {
    let server = match Server::start() {
        Ok(server) => server,
        Err(reason) => return skip(&reason),
    };
    server.sql("postgres", "CREATE DATABASE src TEMPLATE template0");
    server.sql("postgres", "CREATE ROLE app; CREATE ROLE reader");
    for odd in ODD {
        server.sql("src", odd);
    }
    for (at, way) in [Way::Custom, Way::Directory, Way::Plain, Way::WithoutOwners].into_iter().enumerate() {
        let to = format!("copy{at}");
        server.carry_over("src", &server, &to, way);
        assert_equal(&server, &server, &to, &format!("{way:?}")).await;
    }
    // What a restore prints anew is restored and printed once more.
    server.carry_over("copy0", &server, "again", Way::Custom);
    assert_equal(&server, &server, "again", "twice").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fourteen_to_seventeen() {
    carried_over(14, &[SCHEMA]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifteen_to_seventeen() {
    carried_over(15, &[SCHEMA, RARE, OBJECTS]).await;
}

async fn carried_over(from: u32, scripts: &[&str]) {
    let source = if from == 15 { Server::start() } else { Server::start_major(from) };
    let (source, target) = match (source, Server::start_major(17)) {
        (Ok(source), Ok(target)) => (source, target),
        (Err(reason), _) | (_, Err(reason)) => return skip(&reason),
    };
    source.sql("postgres", "CREATE DATABASE src TEMPLATE template0");
    for server in [&source, &target] {
        server.sql("postgres", ROLES);
    }
    source.sql("src", PREPARE);
    for script in scripts.iter().chain(ODD) {
        source.sql("src", script);
    }
    source.carry_over("src", &target, "src", Way::Custom);
    target.sql("postgres", "ALTER DATABASE src OWNER TO app");
    assert_equal(&source, &target, "src", &format!("{from} to 17")).await;
    // The same is red where something is lost.
    target.sql(
        "src",
        "UPDATE users SET note = 'lost' WHERE id = 3; ALTER TABLE odd_or DROP CONSTRAINT odd_or_check",
    );
    let (a, b) = (source.endpoint("postgres"), target.endpoint("postgres"));
    let results = compare::postgres(&a, &b, &[DatabasePair::same("src")], &Options::default()).await;
    let subjects: Vec<&str> = findings(&results).iter().map(|f| f.subject.as_str()).collect();
    assert_eq!(subjects, ["src.public.odd_or/constraint/odd_or_check", "src.public.users"]);
}
