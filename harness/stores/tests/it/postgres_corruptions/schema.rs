//! Definitions.

use super::{ACCESS, Corruption, SCHEMAS, SEQUENCES};

pub(super) const CORRUPTIONS: &[Corruption] = &[
    (
        "materialised view empty",
        "REFRESH MATERIALIZED VIEW totals WITH NO DATA",
        &[(SCHEMAS, "changed", "src.public.totals")],
    ),
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
        INSERT INTO audit.log VALUES ('made', 1); ANALYZE audit.log",
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
];
