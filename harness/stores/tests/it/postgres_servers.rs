//! What belongs to the server and not to a database: roles, memberships, passwords, rights to set parameters, settings of
//! every role, tablespaces; and subscriptions, which a copy of a database on the same server does not have.

use crate::postgres_clean::findings;
use crate::postgres_server::{Server, Way, skip};
use drydock_core::names::checks::{PG_ACCESS, PG_SCHEMA};
use drydock_core::{Finding, Outcome};
use drydock_stores::compare::{self, CheckResult, DatabasePair, Options};

const ROLES: &str = "CREATE ROLE owner LOGIN PASSWORD 'very-secret' CONNECTION LIMIT 7; CREATE ROLE reader NOINHERIT;
    CREATE ROLE chief; GRANT reader TO chief WITH ADMIN OPTION; GRANT reader TO owner; COMMENT ON ROLE reader IS 'reads';
    ALTER ROLE owner SET work_mem = '5MB'; CREATE ROLE bystander;
    GRANT SET ON PARAMETER log_min_duration_statement TO owner; ALTER ROLE ALL SET statement_timeout = '1h';";

const CONTENTS: &str = "ALTER DATABASE app OWNER TO owner; CREATE TABLE t (a int); ALTER TABLE t OWNER TO owner;
    GRANT SELECT ON t TO reader; CREATE SUBSCRIPTION sub CONNECTION 'dbname=none password=very-secret' PUBLICATION p, q
    WITH (connect = false, slot_name = NONE);";

/// A change of the target's server, how it is undone, and the subject that has to be told.
const CHANGES: &[(&str, &str, &str)] = &[
    ("ALTER ROLE owner SUPERUSER", "ALTER ROLE owner NOSUPERUSER", "role/owner"),
    ("ALTER ROLE owner CREATEDB", "ALTER ROLE owner NOCREATEDB", "role/owner"),
    ("ALTER ROLE owner CONNECTION LIMIT 8", "ALTER ROLE owner CONNECTION LIMIT 7", "role/owner"),
    ("ALTER ROLE owner NOLOGIN", "ALTER ROLE owner LOGIN", "role/owner"),
    ("ALTER ROLE owner BYPASSRLS", "ALTER ROLE owner NOBYPASSRLS", "role/owner"),
    ("ALTER ROLE owner VALID UNTIL '2027-01-01'", "ALTER ROLE owner VALID UNTIL 'infinity'", "role/owner"),
    ("ALTER ROLE owner PASSWORD NULL", "ALTER ROLE owner PASSWORD 'very-secret'", "role/owner"),
    ("ALTER ROLE owner SET work_mem = '6MB'", "ALTER ROLE owner SET work_mem = '5MB'", "role/owner"),
    ("ALTER ROLE reader INHERIT", "ALTER ROLE reader NOINHERIT", "role/reader"),
    ("COMMENT ON ROLE reader IS NULL", "COMMENT ON ROLE reader IS 'reads'", "role/reader"),
    ("REVOKE ADMIN OPTION FOR reader FROM chief", "GRANT reader TO chief WITH ADMIN OPTION", "role/chief"),
    ("REVOKE reader FROM owner", "GRANT reader TO owner", "role/owner"),
    (
        "REVOKE SET ON PARAMETER log_min_duration_statement FROM owner",
        "GRANT SET ON PARAMETER log_min_duration_statement TO owner",
        "server/parameter/log_min_duration_statement",
    ),
    (
        "ALTER ROLE ALL RESET statement_timeout",
        "ALTER ROLE ALL SET statement_timeout = '1h'",
        "server/every role",
    ),
];

async fn compared(a: &Server, b: &Server) -> Vec<CheckResult> {
    let (a, b) = (a.endpoint("postgres"), b.endpoint("postgres"));
    compare::postgres(&a, &b, &[DatabasePair::same("app")], &Options::default()).await
}

fn told(results: &[CheckResult]) -> Vec<(String, String)> {
    let told = |f: &&Finding| (f.check.as_str().to_owned(), f.subject.clone());
    findings(results).iter().map(told).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_and_settings_of_the_server_are_compared() {
    let (a, b) = match (Server::start(), Server::start()) {
        (Ok(a), Ok(b)) => (a, b),
        (Err(reason), _) | (_, Err(reason)) => return skip(&reason),
    };
    a.sql("postgres", "CREATE DATABASE app TEMPLATE template0");
    for server in [&a, &b] {
        server.sql("postgres", ROLES);
    }
    a.sql("app", CONTENTS);
    a.carry_over("app", &b, "app", Way::Custom);
    b.sql("postgres", "ALTER DATABASE app OWNER TO owner; DROP ROLE bystander");
    let results = compared(&a, &b).await;
    assert!(findings(&results).is_empty(), "{:#?}", findings(&results));
    for (change, undo, subject) in CHANGES {
        b.sql("postgres", change);
        let results = compared(&a, &b).await;
        assert_eq!(told(&results), [(PG_ACCESS.to_owned(), (*subject).to_owned())], "{change}: {results:#?}");
        assert!(!format!("{results:?}").contains("very-secret"));
        b.sql("postgres", undo);
        if change.contains("VALID UNTIL") {
            a.sql("postgres", undo);
        }
    }
    b.sql("app", "ALTER SUBSCRIPTION sub SET PUBLICATION p WITH (refresh = false)");
    let results = compared(&a, &b).await;
    assert_eq!(told(&results), [(PG_SCHEMA.to_owned(), "app/subscription/sub".to_owned())], "{results:#?}");
    assert!(!format!("{results:?}").contains("very-secret"));
    collations(&a, &b).await;
}

/// A collation that changed under its indexes is told on the target, and excused on the source.
async fn collations(a: &Server, b: &Server) {
    b.sql("app", "ALTER SUBSCRIPTION sub SET PUBLICATION p, q WITH (refresh = false)");
    for server in [a, b] {
        server.sql(
            "app",
            "CREATE TABLE words (w text COLLATE \"und-x-icu\" PRIMARY KEY); INSERT INTO words VALUES ('a')",
        );
    }
    assert_eq!(told(&compared(a, b).await), []);
    for (server, outcome) in [(b, Outcome::Different), (a, Outcome::Expected)] {
        server.sql("app", "UPDATE pg_collation SET collversion = '1.1' WHERE collname = 'und-x-icu'");
        let results = compared(a, b).await;
        let found = findings(&results);
        let [one] = found.as_slice() else { panic!("{found:#?}") };
        assert_eq!((one.subject.as_str(), one.outcome), ("app/collation-version/\"und-x-icu\"", outcome));
        assert_eq!(one.count, 1);
        server.sql("app", "ALTER COLLATION \"und-x-icu\" REFRESH VERSION");
    }
}
