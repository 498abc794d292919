//! Kinds of objects that dumps treat in odd ways, one statement group each.

/// Objects for corruptions to be planted in; they need no more than PostgreSQL 15.
pub(crate) const OBJECTS: &str = r#"
CREATE COLLATION german (provider = icu, locale = 'de-u-ks-level2', deterministic = false);
CREATE CONVERSION conv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE TEXT SEARCH DICTIONARY dict (TEMPLATE = simple, stopwords = 'english');
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq, COMMUTATOR = ===);
CREATE OPERATOR CLASS narrow FOR TYPE int USING hash AS OPERATOR 1 =, FUNCTION 1 hashint4(int4);
CREATE TYPE span AS RANGE (subtype = float8, multirange_type_name = spans);
CREATE DOMAIN code AS text DEFAULT 'x' NOT NULL COLLATE "C" CHECK ((VALUE > 'a' OR VALUE = '') OR VALUE IS NULL);
CREATE TABLE parted (a int, b text) PARTITION BY LIST (a);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1, 2);
CREATE TABLE parted_d PARTITION OF parted DEFAULT;
INSERT INTO parted VALUES (1, 'one'), (2, 'two'), (9, 'nine');
CREATE TABLE gen (a int, b int GENERATED ALWAYS AS (a * 2) STORED,
    c int GENERATED ALWAYS AS IDENTITY (START 100 INCREMENT 10 MAXVALUE 100000));
INSERT INTO gen (a) VALUES (1), (2), (2);
CREATE TABLE opts (id int PRIMARY KEY, a int, b text, c text COLLATE "C") WITH (fillfactor = 70);
ALTER TABLE opts ALTER b SET STORAGE EXTERNAL, ALTER b SET STATISTICS 200, ALTER c SET COMPRESSION pglz,
    ALTER a SET (n_distinct = 5), REPLICA IDENTITY FULL;
INSERT INTO opts SELECT i, i % 7, 'b' || i, 'c' || i FROM generate_series(1, 50) i;
CREATE INDEX opts_include ON opts (a) INCLUDE (b);
CREATE UNIQUE INDEX opts_nulls ON opts (c, a) NULLS NOT DISTINCT;
CREATE INDEX opts_pattern ON opts (b text_pattern_ops DESC NULLS LAST);
CREATE INDEX opts_ordered ON opts (id); ALTER TABLE opts CLUSTER ON opts_ordered;
CREATE INDEX opts_partial ON opts (a) WHERE (a BETWEEN 1 AND 5 AND b IS NOT NULL) OR c = 'c1' OR c = 'c2';
ALTER TABLE opts ADD CONSTRAINT opts_check CHECK ((a BETWEEN 0 AND 99 AND b <> '') AND (a > -1 OR c = 'x' OR c = 'y'));
ALTER TABLE opts ADD CONSTRAINT opts_late CHECK (a < 1000) NOT VALID;
ALTER TABLE opts ADD CONSTRAINT opts_own CHECK (a < 2000) NO INHERIT;
CREATE TABLE spans_used (during int4range, EXCLUDE USING gist (during WITH &&) DEFERRABLE INITIALLY DEFERRED);
CREATE VIEW secure WITH (security_barrier, security_invoker) AS SELECT id, a FROM opts WHERE a > 0 WITH CASCADED CHECK OPTION;
CREATE VIEW nested AS SELECT id FROM opts WHERE (a BETWEEN 1 AND 3 AND id > 0) OR ((b = 'x' OR c = 'y') OR id IN (1, 2));
CREATE FUNCTION quick(int) RETURNS int LANGUAGE sql STABLE STRICT PARALLEL SAFE LEAKPROOF COST 7 SET work_mem = '1MB' AS 'SELECT $1';
CREATE FUNCTION atomic(a int, b int) RETURNS bool LANGUAGE sql BEGIN ATOMIC SELECT (a BETWEEN 1 AND 2 AND b > 0) OR b < -1; END;
CREATE FUNCTION waits() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON opts DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((NEW.a BETWEEN 1 AND 2 AND NEW.id > 0) OR NEW.c = 'z') EXECUTE FUNCTION waits();
CREATE TRIGGER always AFTER UPDATE OF a ON opts FOR EACH STATEMENT EXECUTE FUNCTION waits();
ALTER TABLE opts ENABLE ALWAYS TRIGGER always;
CREATE RULE noted AS ON UPDATE TO keyless WHERE ((OLD.a = 1 OR OLD.a = 2) OR OLD.b = 'r') DO ALSO SELECT 1;
CREATE POLICY several ON opts AS RESTRICTIVE FOR UPDATE TO app, reader USING ((a = 1 OR a = 2) OR a = 3) WITH CHECK (a > 0);
CREATE TABLE ancestor (x int CHECK (x > 0)); CREATE TABLE heir (x int, y int) INHERITS (ancestor);
CREATE STATISTICS expr_stats (mcv) ON (a + 1), b FROM opts; ALTER STATISTICS expr_stats SET STATISTICS 50;
CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler;
CREATE TABLE other_heap (a int) USING heap2;
CREATE PROCEDURE noop2(INOUT a int) LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN a := 1; END';
CREATE AGGREGATE listed(text) (SFUNC = textcat, STYPE = text, INITCOND = '', PARALLEL = SAFE);
CREATE TABLE typed OF pair; CREATE TABLE deferred_fk (id int REFERENCES opts DEFERRABLE INITIALLY DEFERRED);
CREATE FOREIGN TABLE afar (a int OPTIONS (column_name 'b')) SERVER far OPTIONS (table_name 't');
CREATE VIEW renamed_columns(one, two) AS SELECT 1, 'x'::text COLLATE "C";
ALTER VIEW renamed_columns ALTER one SET DEFAULT 5;
COMMENT ON INDEX opts_include IS 'i'; COMMENT ON CONSTRAINT opts_check ON opts IS 'c'; COMMENT ON TRIGGER later ON opts IS 't';
COMMENT ON FUNCTION quick(int) IS 'f'; COMMENT ON TYPE span IS 'y'; COMMENT ON SEQUENCE free_seq IS 's';
COMMENT ON VIEW secure IS 'v'; COMMENT ON POLICY several ON opts IS 'p'; COMMENT ON SCHEMA audit IS 'a';
COMMENT ON COLLATION german IS 'g'; COMMENT ON EXTENSION pgcrypto IS 'e'; COMMENT ON LARGE OBJECT 70001 IS 'l';
"#;

/// Definitions that a server prints otherwise once they were dumped and restored, or that are easily taken for a
/// difference. Each is understood by PostgreSQL 14.
pub(crate) const ODD: &[&str] = &[
    "CREATE TABLE odd_or (a int, b int, c int, CONSTRAINT odd_or_check CHECK ((a BETWEEN 1 AND 2 AND b > 0) OR (c = 1 OR c = 2)))",
    "CREATE TABLE odd_and (a int CHECK ((a > 0 AND a < 10) AND (a <> 5 AND (a <> 6 AND a <> 7))))",
    "CREATE TABLE odd_between (a int, b int, CHECK (a NOT BETWEEN 1 AND 2 OR b BETWEEN SYMMETRIC 9 AND 3))",
    "CREATE TABLE odd_in (v varchar(5) CHECK (v IN ('a', 'b') OR v IN ('c', upper('d'), NULL)))",
    "CREATE TABLE odd_not_in (v varchar CHECK (v NOT IN ('a', 'b') AND v NOT LIKE 'x%'))",
    "CREATE TABLE odd_row (a int, b int, CHECK ((a, b) > (1, 2) OR ROW(a, b) IS NULL OR (a, b) IN ((1, 2), (3, 4))))",
    "CREATE TABLE odd_case (a int CHECK (CASE WHEN a = 1 OR a = 2 OR a = 3 THEN a BETWEEN 0 AND 3 AND true ELSE false END))",
    "CREATE TABLE odd_text (t text CHECK (t <> '(a OR b) OR c' AND (t <> 'it''s' AND t !~ E'\\\\(')))",
    "CREATE TABLE odd_null (a int CHECK ((a IS NOT NULL AND a IS DISTINCT FROM 3) OR (a IS NULL) IS TRUE))",
    "CREATE TABLE odd_defaults (a int DEFAULT -1, b numeric DEFAULT 1e3, c text DEFAULT 'x'::varchar, d timestamptz DEFAULT now(),
        e text[] DEFAULT ARRAY['a', 'b']::varchar[], f date DEFAULT ('now'::text)::date, g bool DEFAULT ((1 = 1 OR 2 = 3) OR false))",
    "CREATE TABLE odd_char (a char(3), b \"char\", c name, d bpchar, e bit(3), f bit varying); INSERT INTO odd_char VALUES ('a', 'b', 'c', 'd ', '101', '1')",
    "CREATE TABLE odd_times (a timestamptz(3), b time(2), c interval day to second(2), d interval, e timetz);
        INSERT INTO odd_times VALUES ('infinity', '10:00', '1 day 02:03:04.56', '-1 mons +2 days', '10:00+02'), ('2026-03-29 02:30 Europe/Berlin', NULL, NULL, '1 year', NULL)",
    "CREATE TABLE odd_numbers (a float4, b float8, c numeric, d numeric(5,2), e money, f oid, g bigint);
        INSERT INTO odd_numbers VALUES ('NaN', '-Infinity', 'NaN', 1, 3.5, 1, 9007199254740993), (0.1, -0.0, 1.000, 2, -1, 2, -9223372036854775808)",
    "CREATE TABLE odd_documents (a json, b jsonb, c xml, d jsonpath); INSERT INTO odd_documents VALUES ('{\"a\" : 1,\"a\":2}', '{\"b\":1,\"a\":1.0}', '<a b=\"c\"/>', '$.a')",
    "CREATE TABLE odd_nets (a inet, b cidr, c macaddr, d uuid, e point, f box, g int4multirange, h tsrange);
        INSERT INTO odd_nets VALUES ('10.0.0.1/8', '10.0.0.0/8', '08:00:2b:01:02:03', gen_random_uuid(), '(1,2)', '((0,0),(1,1))', '{[1,2),[5,6)}', '[2026-01-01,)')",
    "CREATE TABLE odd_arrays (a int[][], b text[]); INSERT INTO odd_arrays VALUES ('[0:1]={1,2}', ARRAY[NULL, 'NULL', '', '{\"']), ('{{1,2},{3,4}}', '{}')",
    "CREATE TABLE odd_bytes (a bytea, b text); INSERT INTO odd_bytes VALUES ('\\x00ff5c0a', E'tab\\t\\\\N\\nline\\r\\b'), ('', '\\N')",
    "CREATE TABLE odd_nothing (); INSERT INTO odd_nothing DEFAULT VALUES; INSERT INTO odd_nothing DEFAULT VALUES",
    "CREATE TABLE odd_dropped (a int, b int, c int); INSERT INTO odd_dropped VALUES (1, 2, 3); ALTER TABLE odd_dropped DROP b, ADD d int DEFAULT 4",
    "CREATE TABLE odd_base (a int, CHECK ((a > 0 OR a < -5) OR a = -1)); CREATE TABLE odd_heir (b int) INHERITS (odd_base); ALTER TABLE odd_base ADD z int DEFAULT 1",
    "CREATE TABLE odd_own (a int, CHECK (a > 0)); CREATE TABLE odd_both (a int, CONSTRAINT odd_own_a_check CHECK (a > 0)) INHERITS (odd_own)",
    "CREATE TABLE odd_parts (a int, b text DEFAULT 'x', PRIMARY KEY (a)) PARTITION BY RANGE (a); CREATE TABLE odd_low PARTITION OF odd_parts (b DEFAULT 'y') FOR VALUES FROM (MINVALUE) TO (10);
        CREATE TABLE odd_sub PARTITION OF odd_parts FOR VALUES FROM (10) TO (MAXVALUE) PARTITION BY HASH (a); CREATE TABLE odd_sub_0 PARTITION OF odd_sub FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE odd_sub_1 PARTITION OF odd_sub FOR VALUES WITH (MODULUS 2, REMAINDER 1); INSERT INTO odd_parts SELECT generate_series(1, 40); CREATE INDEX ON odd_parts (b)",
    "CREATE TABLE odd_attached (b text, a int); CREATE TABLE odd_list (a int, b text) PARTITION BY LIST ((a % 3)); ALTER TABLE odd_list ATTACH PARTITION odd_attached DEFAULT",
    "CREATE TABLE odd_loose (a int) PARTITION BY LIST (a); CREATE TABLE odd_loose_1 PARTITION OF odd_loose FOR VALUES IN (NULL, 1); ALTER TABLE odd_loose DETACH PARTITION odd_loose_1",
    "CREATE TABLE odd_serial (a smallserial, b bigserial); ALTER SEQUENCE odd_serial_a_seq OWNED BY NONE; ALTER SEQUENCE odd_serial_b_seq RENAME TO \"odd.Renamed\"; INSERT INTO odd_serial DEFAULT VALUES",
    "CREATE TABLE odd_identity (a int GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME odd_named MINVALUE -5 START -3 CYCLE), b int); INSERT INTO odd_identity (b) VALUES (1), (2)",
    "CREATE SEQUENCE odd_down INCREMENT -2 MAXVALUE 100 MINVALUE -100 START 50 CACHE 5; SELECT nextval('odd_down')",
    "CREATE TABLE \"odd \"\"Name.x/y\" (\"Col'umn\" int PRIMARY KEY, \"select\" text); INSERT INTO \"odd \"\"Name.x/y\" VALUES (1, 'x')",
    "CREATE INDEX odd_expression ON odd_or ((a + b), (coalesce(c, 0))) WHERE (a > 1 OR b > 1) OR c > 1",
    "CREATE INDEX odd_gin ON odd_documents USING gin (b jsonb_path_ops); CREATE INDEX odd_brin ON odd_times USING brin (a) WITH (pages_per_range = 8); CREATE INDEX odd_hash ON odd_char USING hash (a)",
    "CREATE UNIQUE INDEX odd_partial ON odd_in (lower(v) COLLATE \"C\" text_pattern_ops DESC) WHERE v IN ('a', 'b') AND v IS NOT NULL",
    "CREATE VIEW odd_view AS SELECT o.a, o.b AS \"B\" FROM odd_or o JOIN odd_and USING (a) WHERE (o.a BETWEEN 1 AND 2 AND o.b > 0) OR ((o.c = 1 OR o.c = 2) OR EXISTS (SELECT 1 FROM odd_in i WHERE i.v = 'x' OR i.v = 'y'))",
    "CREATE VIEW odd_union AS SELECT 1 AS x, 'a' AS y UNION ALL (SELECT a, b::text FROM odd_or ORDER BY 1 LIMIT 3) UNION VALUES (2, 'b')",
    "CREATE VIEW odd_window AS SELECT a, sum(b) OVER w AS s, count(*) FILTER (WHERE b BETWEEN 1 AND 2) OVER (PARTITION BY a ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS n FROM odd_or WINDOW w AS (ORDER BY b RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
    "CREATE RECURSIVE VIEW odd_recursive (n) AS SELECT 1 UNION ALL SELECT n + 1 FROM odd_recursive WHERE n < 3 AND (n > 0 AND n <> 9)",
    "CREATE VIEW odd_lateral AS SELECT t.a, l.* FROM odd_or t CROSS JOIN LATERAL (VALUES (t.a, 'x'), (t.b, 'y')) l(k, v) LEFT JOIN generate_series(1, 3) g(g) ON (g = t.a OR g = t.b) OR g = t.c",
    "CREATE VIEW odd_single AS SELECT a, b FROM odd_or WHERE c = ANY (ARRAY[1, 2]) GROUP BY a, b HAVING count(*) > 1 AND (max(c) > 0 AND min(c) < 9)",
    "CREATE MATERIALIZED VIEW odd_stored AS SELECT a, count(*) AS n FROM odd_dropped GROUP BY a; CREATE MATERIALIZED VIEW odd_unfilled AS SELECT 1 AS x WITH NO DATA",
    "CREATE FUNCTION odd_body(a int DEFAULT 1, VARIADIC b text[] DEFAULT ARRAY['x']) RETURNS TABLE (c int, d text) LANGUAGE plpgsql ROWS 5 AS $f$ BEGIN RETURN QUERY SELECT 1, '(a OR b) OR c'::text; END $f$",
    "CREATE FUNCTION odd_atomic(a int) RETURNS bool LANGUAGE sql IMMUTABLE RETURN (a BETWEEN 1 AND 2 AND a <> 0) OR (a = 5 OR a = 6)",
    "CREATE FUNCTION odd_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER odd_fires BEFORE UPDATE ON odd_or FOR EACH ROW WHEN ((OLD.a = 1 OR OLD.a = 2) OR NEW.a = 3) EXECUTE FUNCTION odd_trigger(); ALTER TABLE odd_or DISABLE TRIGGER odd_fires",
    "CREATE TABLE odd_generated (a int, b text GENERATED ALWAYS AS (CASE WHEN (a = 1 OR a = 2) OR a = 3 THEN 'low' ELSE 'high' END) STORED); INSERT INTO odd_generated (a) VALUES (1), (9)",
    "CREATE TABLE odd_secured (a int, b name); ALTER TABLE odd_secured ENABLE ROW LEVEL SECURITY; CREATE POLICY odd_policy ON odd_secured USING ((a = 1 OR a = 2) OR b = current_user) WITH CHECK (a IN (1, 2))",
    "CREATE RULE odd_rule AS ON INSERT TO odd_and WHERE (NEW.a = 1 OR NEW.a = 2) OR NEW.a = 3 DO ALSO (INSERT INTO odd_between VALUES (NEW.a, 1); UPDATE odd_between SET b = 2 WHERE a = NEW.a AND (b = 1 AND b > 0))",
    "CREATE TABLE odd_granted (a int, b int); GRANT SELECT (a), UPDATE (b) ON odd_granted TO reader; GRANT ALL ON odd_granted TO app WITH GRANT OPTION; REVOKE ALL ON odd_granted FROM postgres; GRANT SELECT ON odd_granted TO postgres",
    "CREATE SCHEMA odd_schema; REVOKE ALL ON SCHEMA odd_schema FROM postgres; GRANT ALL ON SCHEMA odd_schema TO postgres; ALTER DEFAULT PRIVILEGES IN SCHEMA odd_schema GRANT EXECUTE ON FUNCTIONS TO app",
    "CREATE DOMAIN odd_domain AS varchar(9) CHECK (VALUE IN ('a', 'b') OR (VALUE ~ '^x' AND (length(VALUE) > 2 AND length(VALUE) < 5))); CREATE TABLE odd_uses (a odd_domain DEFAULT 'a', b odd_domain[]); INSERT INTO odd_uses VALUES ('b', '{a,b}')",
    "CREATE TYPE odd_enum AS ENUM ('z', 'a'); ALTER TYPE odd_enum ADD VALUE 'between' BEFORE 'a'; CREATE TABLE odd_enums (e odd_enum PRIMARY KEY); INSERT INTO odd_enums VALUES ('a'), ('z')",
    "COMMENT ON TABLE odd_or IS '(ARRAY[''a''::text])::text[] and ((a OR b) OR c)'",
    "CREATE TABLE odd_copies (a int, b text); INSERT INTO odd_copies SELECT i % 2, NULL FROM generate_series(1, 9) i; CREATE UNLOGGED TABLE odd_unlogged AS SELECT 1 AS x",
];
