//! The fast tier never says equal where the strict one would not, and never cries wolf; differing rows are found by key.

use crate::postgres_clean::findings;
use crate::postgres_server::{Server, skip};
use drydock_core::names::checks::{PG_ROWS, PG_WRITES};
use drydock_core::{Kind, Outcome};
use drydock_stores::compare::{self, CheckResult, DatabasePair, Options, ProbeWrites, Tier};

/// A table of each type that prints, hashes or compares in an odd way: one value a row, and another value that some operator
/// calls equal although it prints otherwise.
const TWINS: &[(&str, &str, &str)] = &[
    ("numeric", "1.0", "1.00"),
    ("numeric(10,2)[]", "{1.00}", "{1.01}"),
    ("double precision", "0", "-0"),
    ("real", "0", "-0"),
    ("char(5)", "ab", "ac"),
    ("ci", "Abc", "aBC"),
    ("text COLLATE blind", "Abc", "aBC"),
    ("varchar(9) COLLATE blind", "Abc", "aBC"),
    ("jsonb", "{\"a\": 1.0}", "{\"a\": 1.00}"),
    ("json", "{\"a\": 1}", "{\"a\":1}"),
    ("interval", "1 day", "24 hours"),
    ("timetz", "10:00:00+00", "11:00:00+01"),
    ("int[]", "{1,2}", "{{1,2}}"),
    ("int[]", "{1,2}", "[0:1]={1,2}"),
    ("bigint", "1", "4294967296"),
    ("bigint", "9007199254740993", "9007199254740994"),
    ("bigint", "-1", "9223372036854775807"),
    ("smallint", "1", "2"),
    ("boolean", "true", "false"),
    ("uuid", "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"),
    ("timestamptz", "infinity", "-infinity"),
    ("timestamptz", "2026-01-01 00:00:00.000001+00", "2026-01-01 00:00:00.000002+00"),
    ("timestamp(3)", "2026-01-01 00:00:00.001", "2026-01-01 00:00:00.002"),
    ("date", "2026-01-01", "2026-01-02"),
    ("numeric", "NaN", "Infinity"),
    ("double precision", "NaN", "Infinity"),
    ("bytea", "\\x00ff", "\\x00fe"),
    ("xml", "<a/>", "<a></a>"),
    ("point", "(1,2)", "(1,2.0000001)"),
    ("money", "1.00", "1.01"),
    ("inet", "10.0.0.1/8", "10.0.0.1/9"),
    ("tsvector", "'a':1", "'a':2"),
    ("int4range", "[1,3)", "[1,4)"),
    ("bit varying", "101", "1010"),
    ("pair", "(1,x)", "(1,y)"),
    ("mood", "sad", "happy"),
    ("whole", "1", "2"),
    ("name", "a", "b"),
    ("hstore", "\"a\"=>\"1\"", "\"a\"=>NULL"),
    ("text", "", "NULL"),
];

async fn fast(server: &Server, target: &str) -> Vec<CheckResult> {
    run(server, target, &Options { tier: Tier::Fast, ..Options::default() }).await
}

async fn run(server: &Server, target: &str, options: &Options) -> Vec<CheckResult> {
    let pair = DatabasePair { source: "src".into(), target: target.into() };
    let endpoint = server.endpoint("postgres");
    compare::postgres(&endpoint, &endpoint, &[pair], options).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fast_tier_sees_what_the_strict_one_sees() {
    let server = match Server::start() {
        Ok(server) => server,
        Err(reason) => return skip(&reason),
    };
    server.sql("postgres", "CREATE DATABASE src TEMPLATE template0");
    server.sql(
        "src",
        "CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
         CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE DOMAIN ci AS citext; CREATE DOMAIN whole AS int;
         CREATE TYPE pair AS (a int, b text); CREATE TYPE mood AS ENUM ('sad', 'happy')",
    );
    let literal = |value: &str| match value {
        "NULL" => value.to_owned(),
        _ => format!("'{}'", value.replace('\'', "''")),
    };
    for (at, (kind, value, _)) in TWINS.iter().enumerate() {
        let value = literal(value);
        server.sql(
            "src",
            &format!("CREATE TABLE t{at} (id int, v {kind}); INSERT INTO t{at} VALUES (1, {value}), (2, NULL), (3, {value})"),
        );
    }
    // Two columns between which values could change places.
    server.sql(
        "src",
        "CREATE TABLE swapped (a int, b int, c text); INSERT INTO swapped VALUES (1, 2, 'x'), (2, 1, 'y')",
    );
    server.dump_and_restore("src", "same");
    let results = fast(&server, "same").await;
    assert!(findings(&results).is_empty(), "{:#?}", findings(&results));
    let rows = results.iter().find(|r| r.check == PG_ROWS).expect("rows");
    assert_eq!(rows.compared, 3 * TWINS.len() as u64 + 2);
    assert!(rows.note.contains("digests that the servers computed"), "{}", rows.note);

    server.sql("postgres", "CREATE DATABASE other TEMPLATE same");
    for (at, (_, _, twin)) in TWINS.iter().enumerate() {
        server.sql("other", &format!("UPDATE t{at} SET v = {} WHERE id = 3", literal(twin)));
    }
    server.sql("other", "UPDATE swapped SET c = CASE c WHEN 'x' THEN 'y' ELSE 'x' END");
    let seen = |results: &[CheckResult]| {
        let rows = results.iter().find(|r| r.check == PG_ROWS).expect("rows");
        rows.findings
            .iter()
            .map(|f| format!("{} {}", f.kind, f.subject))
            .collect::<std::collections::BTreeSet<_>>()
    };
    let found = seen(&fast(&server, "other").await);
    assert_eq!(found, seen(&run(&server, "other", &Options::default()).await));
    for (at, twins) in TWINS.iter().enumerate() {
        let subject = format!(" src.public.t{at}");
        assert!(found.iter().any(|f| f.ends_with(&subject)), "{twins:?} is not found: {found:?}");
    }
    assert!(found.iter().any(|f| f.ends_with("swapped")), "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_found_by_keys_of_every_type() {
    let server = match Server::start() {
        Ok(server) => server,
        Err(reason) => return skip(&reason),
    };
    server.sql("postgres", "CREATE DATABASE src TEMPLATE template0");
    server.sql(
        "src",
        "CREATE EXTENSION citext; CREATE TYPE mood AS ENUM ('sad', 'it''s');
         CREATE TABLE texts (k text PRIMARY KEY, v int); INSERT INTO texts
            SELECT CASE i % 3 WHEN 0 THEN E'tab\\there \\\\N ' WHEN 1 THEN 'it''s \"' ELSE E'line\\n' END || i, i FROM generate_series(1, 3000) i;
         CREATE TABLE several (a char(4), b timestamptz, c numeric, d bytea, v text, PRIMARY KEY (a, b, c, d));
         INSERT INTO several SELECT 'x' || i % 7, now() + i * interval '1 s', i / 7.0, decode(lpad(to_hex(i), 4, '0'), 'hex'), 'v'
            FROM generate_series(1, 2000) i;
         CREATE TABLE folded (k citext PRIMARY KEY, m mood, v int); INSERT INTO folded SELECT 'K' || i, 'it''s', i FROM generate_series(1, 500) i;
         CREATE TABLE enumerated (m mood PRIMARY KEY, v int); INSERT INTO enumerated VALUES ('sad', 1), ('it''s', 2)",
    );
    server.dump_and_restore("src", "copy");
    server.sql(
        "copy",
        "UPDATE texts SET v = -1 WHERE v = 1500; DELETE FROM texts WHERE v = 7; INSERT INTO texts VALUES ('', 0);
         UPDATE several SET v = 'w' WHERE c = (SELECT c FROM several ORDER BY c OFFSET 500 LIMIT 1);
         UPDATE folded SET k = 'k5' WHERE k = 'K5'; UPDATE enumerated SET v = 3 WHERE m = 'it''s'",
    );
    let results = run(&server, "copy", &Options { buckets: 16, ..Options::default() }).await;
    let rows = results.iter().find(|r| r.check == PG_ROWS).expect("rows");
    let found = |kind: Kind, table: &str| {
        let subject = format!("src.public.{table}");
        let of = rows.findings.iter().find(|f| f.kind == kind && f.subject == subject);
        let of = of.unwrap_or_else(|| panic!("{kind} {table}: {:#?}", rows.findings));
        (of.count, of.samples[0].item.clone())
    };
    assert_eq!(found(Kind::Changed, "texts"), (1, "k=tab\\there \\\\N 1500".to_owned()));
    assert_eq!(found(Kind::Missing, "texts").0, 1);
    assert_eq!(found(Kind::Extra, "texts"), (1, "k=''".to_owned()));
    assert_eq!(found(Kind::Changed, "several").0, 1);
    // Two keys that are equal to the type are two to the witness.
    assert_eq!(
        (found(Kind::Missing, "folded").1.as_str(), found(Kind::Extra, "folded").1.as_str()),
        ("k=K5", "k=k5")
    );
    assert_eq!(found(Kind::Changed, "enumerated"), (1, "m=it's".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_are_tried_only_on_request_and_rolled_back() {
    let server = match Server::start() {
        Ok(server) => server,
        Err(reason) => return skip(&reason),
    };
    server.sql("postgres", "CREATE DATABASE src TEMPLATE template0");
    server.sql("postgres", "CREATE ROLE app");
    server.sql(
        "src",
        "CREATE TABLE fine (id bigserial PRIMARY KEY, v text UNIQUE); INSERT INTO fine (v) VALUES ('a'), ('b');
         CREATE TABLE always (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY); INSERT INTO always DEFAULT VALUES;
         CREATE TABLE behind (id serial PRIMARY KEY, v text); INSERT INTO behind (v) VALUES ('a'), ('b');
         CREATE TABLE fires (id serial PRIMARY KEY, v text); INSERT INTO fires (v) VALUES ('a');
         CREATE TABLE parts (id serial, v int) PARTITION BY LIST (v); CREATE TABLE parts_1 PARTITION OF parts DEFAULT;
         INSERT INTO parts (v) VALUES (1);
         CREATE TABLE empty (id serial PRIMARY KEY); CREATE TABLE plain (id int PRIMARY KEY); INSERT INTO plain VALUES (1)",
    );
    server.dump_and_restore("src", "copy");
    let probing = Options { probes: ProbeWrites::RolledBack, ..Options::default() };
    let writes = |results: Vec<CheckResult>| results.into_iter().find(|r| r.check == PG_WRITES);
    assert!(writes(run(&server, "copy", &Options::default()).await).is_none());
    let clean = writes(run(&server, "copy", &probing).await).expect("asked for");
    assert_eq!((clean.compared, clean.findings.len()), (5, 0), "{clean:#?}");
    server.sql(
        "copy",
        "SELECT setval('behind_id_seq', 1, false);
         CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''very-secret''; END';
         CREATE TRIGGER no BEFORE INSERT ON fires FOR EACH ROW EXECUTE FUNCTION no();
         ALTER TABLE always OWNER TO app; REVOKE ALL ON always FROM app",
    );
    let found = writes(run(&server, "copy", &probing).await).expect("asked for");
    let subjects: Vec<_> =
        found.findings.iter().map(|f| (f.subject.as_str(), f.kind, f.class.to_string())).collect();
    assert_eq!(
        subjects,
        [
            ("src.public.always", Kind::Unusable, "access".to_owned()),
            ("src.public.behind", Kind::Unusable, "data".to_owned()),
            ("src.public.fires", Kind::Unusable, "data".to_owned())
        ],
        "{found:#?}"
    );
    assert!(
        found.findings.iter().all(|f| f.outcome == Outcome::Different && !f.message.contains("very-secret"))
    );
    server.sql(
        "copy",
        "DO $$ BEGIN IF (SELECT count(*) FROM fine) <> 2 THEN RAISE EXCEPTION 'written'; END IF; END $$",
    );
}
