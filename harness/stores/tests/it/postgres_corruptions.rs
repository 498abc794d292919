//! Corruptions planted in a copy, each found by the right check under the right name, and nothing else with it.

use crate::postgres_clean::{RARE, compare, findings};
use crate::postgres_server::Server;
use crate::schema::{PREPARE, ROLES, SCHEMA};
use drydock_core::Outcome;
use drydock_core::names::checks::{
    PG_ACCESS as ACCESS, PG_COUNTS as COUNTS, PG_LARGE_OBJECTS as LOBS, PG_ROWS as ROWS,
    PG_SCHEMA as SCHEMAS, PG_SEQUENCES as SEQUENCES,
};
use drydock_stores::compare::{self, DatabasePair, Options};
use drydock_stores::postgres::PinnedPg;
use std::collections::BTreeSet;

type Expected = &'static [(&'static str, &'static str, &'static str)];

/// A name, a script, and exactly what has to be found: check, kind, subject.
const CORRUPTIONS: &[(&str, &str, Expected)] = &[
    (
        "row gone",
        "DELETE FROM orders WHERE user_id = 7; DELETE FROM users WHERE id = 7",
        &[
            (ROWS, "missing", "src.public.users"),
            (COUNTS, "missing", "src.public.users"),
            (ROWS, "missing", "src.public.orders"),
            (COUNTS, "missing", "src.public.orders"),
        ],
    ),
    (
        "one character",
        "UPDATE users SET email = 'u8@y' WHERE id = 8",
        &[(ROWS, "changed", "src.public.users")],
    ),
    (
        "null to empty",
        "ALTER TABLE users DISABLE TRIGGER USER; UPDATE users SET note = '' WHERE id = 4;
        ALTER TABLE users ENABLE TRIGGER USER",
        &[(ROWS, "changed", "src.public.users")],
    ),
    (
        "float's last bit",
        "UPDATE users SET score = score + 1e-13 WHERE id = 2",
        &[(ROWS, "changed", "src.public.users")],
    ),
    (
        "jsonb number above 2^53",
        "UPDATE users SET doc = jsonb_set(doc, '{big}', '9007199254740992') WHERE id = 1",
        &[(ROWS, "changed", "src.public.users")],
    ),
    (
        "extra row",
        "INSERT INTO audit.log VALUES (2, 'made up')",
        &[(ROWS, "extra", "src.audit.log"), (COUNTS, "extra", "src.audit.log")],
    ),
    (
        "two rows swapped",
        "UPDATE orders SET n = CASE id WHEN 1 THEN 2 ELSE 1 END WHERE id IN (1, 2)",
        &[(ROWS, "changed", "src.public.orders")],
    ),
    (
        "duplicate gone",
        "DROP RULE quiet ON keyless; DELETE FROM keyless WHERE ctid = (SELECT min(ctid) FROM keyless
        WHERE a = 1); CREATE RULE quiet AS ON DELETE TO keyless DO INSTEAD NOTHING",
        &[(ROWS, "missing", "src.public.keyless"), (COUNTS, "missing", "src.public.keyless")],
    ),
    (
        "duplicate for another",
        "UPDATE keyless SET b = 'x', a = 1 WHERE a = 2 AND b = ''",
        &[(ROWS, "missing", "src.public.keyless"), (ROWS, "extra", "src.public.keyless")],
    ),
    (
        "row in another partition",
        "UPDATE events SET day = '2025-03-01' WHERE id = 300",
        &[
            (ROWS, "missing", "src.public.events_2026"),
            (COUNTS, "missing", "src.public.events_2026"),
            (ROWS, "extra", "src.public.events_2025"),
            (COUNTS, "extra", "src.public.events_2025"),
        ],
    ),
    (
        "child row moved to parent",
        "DELETE FROM child; INSERT INTO parent VALUES (2)",
        &[
            (ROWS, "missing", "src.public.child"),
            (COUNTS, "missing", "src.public.child"),
            (ROWS, "extra", "src.public.parent"),
            (COUNTS, "extra", "src.public.parent"),
        ],
    ),
    (
        "awkward name",
        "UPDATE \"Mixed.Case/Ünï\" SET \"va\"\"lue\" = 'zwei' WHERE \"Key Col\" = 2",
        &[(ROWS, "changed", "src.public.\"Mixed.Case/Ünï\"")],
    ),
    (
        "unlogged table emptied",
        "TRUNCATE cache",
        &[(ROWS, "missing", "src.public.cache"), (COUNTS, "missing", "src.public.cache")],
    ),
    (
        "table without columns emptied",
        "TRUNCATE nothing",
        &[(ROWS, "missing", "src.public.nothing"), (COUNTS, "missing", "src.public.nothing")],
    ),
    (
        "stale materialised view",
        "DELETE FROM orders WHERE id = 5; REFRESH MATERIALIZED VIEW totals;
        INSERT INTO orders VALUES (5, 5, 5)",
        &[(ROWS, "missing", "src.public.totals"), (COUNTS, "missing", "src.public.totals")],
    ),
    (
        "materialised view empty",
        "REFRESH MATERIALIZED VIEW totals WITH NO DATA",
        &[(SCHEMAS, "changed", "src.public.totals")],
    ),
    (
        "sequence reset",
        "SELECT setval('free_seq', 10, true)",
        &[(SEQUENCES, "changed", "src.public.free_seq")],
    ),
    ("is_called", "SELECT setval('untouched', 1, true)", &[(SEQUENCES, "changed", "src.public.untouched")]),
    (
        "identity behind",
        "SELECT setval('users_id_seq', 1, false)",
        &[
            (SEQUENCES, "changed", "src.public.users_id_seq"),
            (SEQUENCES, "unusable", "src.public.users_id_seq"),
        ],
    ),
    ("increment", "ALTER SEQUENCE free_seq INCREMENT 1", &[(SEQUENCES, "changed", "src.public.free_seq")]),
    (
        "sequence ownership",
        "ALTER SEQUENCE orders_id_seq OWNED BY NONE",
        &[(SEQUENCES, "changed", "src.public.orders_id_seq")],
    ),
    ("sequence missing", "DROP SEQUENCE untouched", &[(SEQUENCES, "missing", "src.public.untouched")]),
    ("index dropped", "DROP INDEX orders_n", &[(SCHEMAS, "missing", "src.public.orders/index/orders_n")]),
    (
        "index narrower",
        "DROP INDEX orders_n; CREATE INDEX orders_n ON orders (n) WHERE n > 6",
        &[(SCHEMAS, "changed", "src.public.orders/index/orders_n")],
    ),
    (
        "index invalid",
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'orders_n'::regclass",
        &[(SCHEMAS, "changed", "src.public.orders/index/orders_n")],
    ),
    (
        "constraint not valid",
        "ALTER TABLE orders DROP CONSTRAINT orders_user_id_fkey; ALTER TABLE orders ADD CONSTRAINT
        orders_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE NOT VALID",
        &[(SCHEMAS, "changed", "src.public.orders/constraint/orders_user_id_fkey")],
    ),
    (
        "foreign key missing",
        "ALTER TABLE orders DROP CONSTRAINT orders_user_id_fkey",
        &[(SCHEMAS, "missing", "src.public.orders/constraint/orders_user_id_fkey")],
    ),
    (
        "foreign key not enforced",
        "ALTER TABLE orders DISABLE TRIGGER ALL",
        &[(SCHEMAS, "changed", "src.public.orders/constraint/orders_user_id_fkey")],
    ),
    (
        "unique constraint missing",
        "ALTER TABLE users DROP CONSTRAINT users_email_key",
        &[(SCHEMAS, "missing", "src.public.users/constraint/users_email_key")],
    ),
    (
        "domain check missing",
        "ALTER DOMAIN positive DROP CONSTRAINT positive_check",
        &[(SCHEMAS, "missing", "src.public.positive/constraint/positive_check")],
    ),
    (
        "trigger disabled",
        "ALTER TABLE users DISABLE TRIGGER touch_users",
        &[(SCHEMAS, "changed", "src.public.users/trigger/touch_users")],
    ),
    (
        "event trigger disabled",
        "ALTER EVENT TRIGGER watch DISABLE",
        &[(SCHEMAS, "changed", "src/event-trigger/watch")],
    ),
    (
        "function body",
        "CREATE OR REPLACE FUNCTION plus(a int, b int DEFAULT 1) RETURNS int LANGUAGE sql IMMUTABLE AS
        'SELECT a - b'",
        &[(SCHEMAS, "changed", "src.public.plus(a integer, b integer)")],
    ),
    (
        "function's security",
        "ALTER FUNCTION plus SECURITY DEFINER",
        &[(SCHEMAS, "changed", "src.public.plus(a integer, b integer)")],
    ),
    ("aggregate missing", "DROP AGGREGATE total(int)", &[(SCHEMAS, "missing", "src.public.total(integer)")]),
    (
        "view changed",
        "CREATE OR REPLACE VIEW active AS SELECT id, email FROM users",
        &[(SCHEMAS, "changed", "src.public.active")],
    ),
    ("rule missing", "DROP RULE quiet ON keyless", &[(SCHEMAS, "missing", "src.public.keyless/rule/quiet")]),
    (
        "statistics missing",
        "DROP STATISTICS user_stats",
        &[(SCHEMAS, "missing", "src.public.users/statistics/user_stats")],
    ),
    (
        "default changed",
        "ALTER TABLE users ALTER note SET DEFAULT 'nothing'",
        &[(SCHEMAS, "changed", "src.public.users/column/note")],
    ),
    (
        "nullable",
        "ALTER TABLE users ALTER email DROP NOT NULL",
        &[(SCHEMAS, "changed", "src.public.users/column/email")],
    ),
    (
        "type widened",
        "ALTER TABLE orders ALTER id TYPE bigint",
        &[(SCHEMAS, "changed", "src.public.orders/column/id")],
    ),
    (
        "identity dropped",
        "ALTER TABLE users ALTER id DROP IDENTITY",
        &[
            (SCHEMAS, "changed", "src.public.users/column/id"),
            (SEQUENCES, "missing", "src.public.users_id_seq"),
        ],
    ),
    (
        "column missing",
        "ALTER TABLE users DROP tags",
        &[(SCHEMAS, "missing", "src.public.users/column/tags")],
    ),
    ("column extra", "ALTER TABLE users ADD late int", &[(SCHEMAS, "extra", "src.public.users/column/late")]),
    (
        "column order",
        "DROP TABLE audit.log; CREATE TABLE audit.log (what text, id int PRIMARY KEY);
        INSERT INTO audit.log VALUES ('made', 1)",
        &[(SCHEMAS, "changed", "src.audit.log")],
    ),
    ("extension missing", "DROP EXTENSION pgcrypto", &[(SCHEMAS, "missing", "src/extension/pgcrypto")]),
    (
        "text search configuration missing",
        "DROP TEXT SEARCH CONFIGURATION words",
        &[(SCHEMAS, "missing", "src/text search configuration/public.words")],
    ),
    (
        "cast missing",
        "DROP CAST (pair AS text)",
        &[(SCHEMAS, "missing", "src/cast/(public.pair AS pg_catalog.text)")],
    ),
    ("large object's byte", "SELECT lo_put(70002, 4999, 'z')", &[(LOBS, "changed", "src/large-objects")]),
    ("large object missing", "SELECT lo_unlink(70001)", &[(LOBS, "missing", "src/large-objects")]),
    (
        "large object's owner",
        "ALTER LARGE OBJECT 70001 OWNER TO postgres",
        &[(LOBS, "changed", "src/large-objects")],
    ),
    (
        "enum order",
        "ALTER TYPE mood RENAME VALUE 'sad' TO 'x'; ALTER TYPE mood RENAME VALUE 'happy' TO 'sad';
        ALTER TYPE mood RENAME VALUE 'x' TO 'happy'",
        &[(SCHEMAS, "changed", "src.public.mood")],
    ),
    ("table missing", "DROP TABLE audit.log", &[(SCHEMAS, "missing", "src.audit.log")]),
    (
        "schema missing",
        "DROP SCHEMA audit CASCADE",
        &[(SCHEMAS, "missing", "src.audit"), (ACCESS, "missing", "src/default-privileges/app/audit/tables")],
    ),
    ("table extra", "CREATE TABLE audit.more (id int)", &[(SCHEMAS, "extra", "src.audit.more")]),
    (
        "partition detached",
        "ALTER TABLE events DETACH PARTITION events_2025",
        &[(SCHEMAS, "changed", "src.public.events_2025")],
    ),
    ("unlogged", "ALTER TABLE keyless SET UNLOGGED", &[(SCHEMAS, "changed", "src.public.keyless")]),
    (
        "comment",
        "COMMENT ON COLUMN users.email IS 'adress'",
        &[(SCHEMAS, "changed", "src.public.users/column/email")],
    ),
    ("grant revoked", "REVOKE INSERT ON users FROM reader", &[(ACCESS, "changed", "src.public.users")]),
    (
        "grant option",
        "REVOKE GRANT OPTION FOR SELECT ON users FROM reader",
        &[(ACCESS, "changed", "src.public.users")],
    ),
    ("column grant", "REVOKE SELECT (n) ON orders FROM reader", &[(ACCESS, "changed", "src.public.orders")]),
    ("too much granted", "GRANT SELECT ON keyless TO PUBLIC", &[(ACCESS, "changed", "src.public.keyless")]),
    (
        "execute for all",
        "GRANT EXECUTE ON FUNCTION touch TO PUBLIC",
        &[(ACCESS, "changed", "src.public.touch()")],
    ),
    (
        "owner",
        "ALTER TABLE orders OWNER TO other",
        &[(ACCESS, "changed", "src.public.orders"), (ACCESS, "changed", "src.public.orders_id_seq")],
    ),
    ("schema's owner", "ALTER SCHEMA audit OWNER TO postgres", &[(ACCESS, "changed", "src.audit")]),
    (
        "policy dropped",
        "DROP POLICY own_rows ON users",
        &[(ACCESS, "missing", "src.public.users/policy/own_rows")],
    ),
    (
        "policy wider",
        "ALTER POLICY own_rows ON users USING (true)",
        &[(ACCESS, "changed", "src.public.users/policy/own_rows")],
    ),
    (
        "row security off",
        "ALTER TABLE users DISABLE ROW LEVEL SECURITY",
        &[(ACCESS, "changed", "src.public.users")],
    ),
    (
        "default privileges",
        "ALTER DEFAULT PRIVILEGES FOR ROLE app IN SCHEMA audit REVOKE SELECT ON TABLES FROM reader",
        &[(ACCESS, "missing", "src/default-privileges/app/audit/tables")],
    ),
    ("database setting", "ALTER DATABASE copy SET search_path = audit", &[(ACCESS, "changed", "src")]),
    (
        "cast's comment",
        "COMMENT ON CAST (pair AS text) IS 'x'",
        &[(SCHEMAS, "changed", "src/cast/(public.pair AS pg_catalog.text)")],
    ),
    (
        "domain constraint's comment",
        "COMMENT ON CONSTRAINT positive_check ON DOMAIN positive IS 'x'",
        &[(SCHEMAS, "changed", "src.public.positive/constraint/positive_check")],
    ),
    (
        "composite type's comment",
        "COMMENT ON COLUMN pair.a IS 'x'",
        &[(SCHEMAS, "changed", "src.public.pair")],
    ),
    (
        "statistics target of an index",
        "ALTER INDEX lists_upper ALTER COLUMN 1 SET STATISTICS 10",
        &[(SCHEMAS, "changed", "src.public.lists/index/lists_upper")],
    ),
    (
        "list of a check",
        "ALTER TABLE lists DROP CONSTRAINT lists_w_check; ALTER TABLE lists ADD CONSTRAINT lists_w_check
        CHECK (w IN ('a', lower('C')))",
        &[(SCHEMAS, "changed", "src.public.lists/constraint/lists_w_check")],
    ),
    ("foreign server", "ALTER SERVER far OPTIONS (SET host 'b')", &[(SCHEMAS, "changed", "src/server/far")]),
    (
        "user mapping",
        "ALTER USER MAPPING FOR PUBLIC SERVER far OPTIONS (SET password 'MIIE-very-secret')",
        &[(SCHEMAS, "changed", "src/user mapping/far/PUBLIC")],
    ),
    (
        "publication's rows",
        "ALTER PUBLICATION news SET TABLE lists (v) WHERE (v = 'a')",
        &[(SCHEMAS, "changed", "src/publication relation/public.lists in publication news")],
    ),
    (
        "publication's schema",
        "ALTER PUBLICATION all_press DROP TABLES IN SCHEMA press",
        &[(SCHEMAS, "missing", "src/publication namespace/press in publication all_press")],
    ),
    (
        "operator family",
        "ALTER OPERATOR FAMILY several USING btree ADD OPERATOR 1 < (int8, int8)",
        &[(SCHEMAS, "changed", "src/operator family/public.several USING btree")],
    ),
    (
        "statistics' owner",
        "ALTER STATISTICS user_stats OWNER TO other",
        &[(ACCESS, "changed", "src/statistics object/public.user_stats")],
    ),
    (
        "secret changed",
        "UPDATE users SET password_hash = 'stolen' WHERE id = 3;
        UPDATE component_config SET value = 'MIIE-very-secret-2' WHERE id = 1",
        &[(ROWS, "changed", "src.public.users"), (ROWS, "changed", "src.public.component_config")],
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_corruption_is_found_and_nothing_else() {
    let server = match Server::start() {
        Ok(server) => server,
        Err(reason) => {
            return std::io::Write::write_all(&mut std::io::stderr(), format!("SKIP {reason}\n").as_bytes())
                .unwrap_or_default();
        }
    };
    server.sql("postgres", "CREATE DATABASE src TEMPLATE template0");
    server.sql("postgres", ROLES);
    server.sql("src", PREPARE);
    server.sql("src", SCHEMA);
    server.sql("src", RARE);
    server.dump_and_restore("src", "base");
    // A dump does not carry the database's own owner.
    server.sql("postgres", "ALTER DATABASE base OWNER TO app");

    let equal = compare(&server, "base").await;
    assert!(findings(&equal).is_empty(), "{:#?}", findings(&equal));
    let rows = equal.iter().find(|r| r.check == ROWS).expect("rows are compared");
    assert!(rows.compared > 4_400, "{}", rows.compared);
    for result in &equal {
        assert!(result.compared > 0, "{} compared nothing", result.check);
    }

    let mut wrong = Vec::new();
    for (name, script, expected) in CORRUPTIONS {
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
        assert!(
            !text.contains("stolen") && !text.contains("very-secret"),
            "{name}: a secret is shown: {text}"
        );
        for finding in findings(&results) {
            assert!(!finding.next.is_empty() && !finding.message.is_empty(), "{finding:?}");
            assert_eq!(finding.outcome, Outcome::Different);
        }
        server.sql("postgres", "DROP DATABASE copy");
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), CORRUPTIONS.len(), wrong.join("\n"));

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
    assert!(rows.findings.len() > 10 && rows.findings.iter().all(|f| f.outcome == Outcome::NotProven));
    let missing =
        compare::postgres(&endpoint, &endpoint, &[DatabasePair::same("absent")], &Options::default()).await;
    assert!(missing.iter().all(|r| r.findings.iter().any(|f| f.outcome == Outcome::NotProven)));
}
