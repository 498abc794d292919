//! Owners, grants, policies, settings.

use super::{ACCESS, Corruption};

pub(super) const CORRUPTIONS: &[Corruption] = &[
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
        "statistics' owner",
        "ALTER STATISTICS user_stats OWNER TO other",
        &[(ACCESS, "changed", "src/statistics object/public.user_stats")],
    ),
    (
        "grant on a system table",
        "GRANT SELECT ON pg_authid TO reader",
        &[(ACCESS, "extra", "src/changed grants/relation pg_authid")],
    ),
    (
        "revoke of a system function",
        "REVOKE EXECUTE ON FUNCTION pg_sleep(float8) FROM PUBLIC",
        &[(ACCESS, "extra", "src/changed grants/function pg_sleep(double precision)")],
    ),
    (
        "revoke of an extension's function",
        "REVOKE EXECUTE ON FUNCTION digest(text, text) FROM PUBLIC",
        &[(ACCESS, "extra", "src/changed grants/function public.digest(text,text)")],
    ),
    (
        "grant on a system column",
        "GRANT SELECT (rolname) ON pg_authid TO reader",
        &[(ACCESS, "extra", "src/changed grants/column pg_authid.rolname")],
    ),
    ("type", "REVOKE USAGE ON TYPE mood FROM PUBLIC", &[(ACCESS, "changed", "src.public.mood")]),
    ("type's owner", "ALTER TYPE pair OWNER TO other", &[(ACCESS, "changed", "src.public.pair")]),
    (
        "language",
        "REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC",
        &[(ACCESS, "changed", "src/language/plpgsql")],
    ),
    (
        "foreign server",
        "GRANT USAGE ON FOREIGN SERVER far TO reader",
        &[(ACCESS, "changed", "src/server/far")],
    ),
    (
        "foreign-data wrapper",
        "GRANT USAGE ON FOREIGN DATA WRAPPER nowhere TO reader",
        &[(ACCESS, "changed", "src/foreign-data wrapper/nowhere")],
    ),
    ("schema open to all", "GRANT CREATE ON SCHEMA public TO PUBLIC", &[(ACCESS, "changed", "src.public")]),
    ("connect", "REVOKE CONNECT ON DATABASE copy FROM PUBLIC", &[(ACCESS, "changed", "src")]),
    ("connection limit", "ALTER DATABASE copy CONNECTION LIMIT 50", &[(ACCESS, "changed", "src")]),
    ("template", "ALTER DATABASE copy IS_TEMPLATE true", &[(ACCESS, "changed", "src")]),
    (
        "setting of a role",
        "ALTER ROLE app IN DATABASE copy SET work_mem = '1MB'",
        &[(ACCESS, "changed", "src")],
    ),
    (
        "row security forced",
        "ALTER TABLE users FORCE ROW LEVEL SECURITY",
        &[(ACCESS, "changed", "src.public.users")],
    ),
    (
        "policy's roles",
        "ALTER POLICY several ON opts TO app",
        &[(ACCESS, "changed", "src.public.opts/policy/several")],
    ),
    (
        "policy's or",
        "ALTER POLICY several ON opts USING ((a = 1 OR a = 2) AND a = 3)",
        &[(ACCESS, "changed", "src.public.opts/policy/several")],
    ),
    (
        "policy's check",
        "ALTER POLICY several ON opts WITH CHECK (a > 1)",
        &[(ACCESS, "changed", "src.public.opts/policy/several")],
    ),
    (
        "default privileges everywhere",
        "ALTER DEFAULT PRIVILEGES FOR ROLE app REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
        &[(ACCESS, "extra", "src/default-privileges/app/functions")],
    ),
    (
        "sequence's owner",
        "ALTER SEQUENCE free_seq OWNER TO other",
        &[(ACCESS, "changed", "src.public.free_seq")],
    ),
    (
        "sequence's grant",
        "GRANT USAGE ON SEQUENCE free_seq TO reader",
        &[(ACCESS, "changed", "src.public.free_seq")],
    ),
    ("view's owner", "ALTER VIEW secure OWNER TO app", &[(ACCESS, "changed", "src.public.secure")]),
    (
        "function's owner",
        "ALTER FUNCTION quick(int) OWNER TO app",
        &[(ACCESS, "changed", "src.public.quick(integer)")],
    ),
    (
        "publication's owner",
        "GRANT CREATE ON DATABASE copy TO other; ALTER PUBLICATION news OWNER TO other;
        REVOKE CREATE ON DATABASE copy FROM other",
        &[(ACCESS, "changed", "src/publication/news")],
    ),
    (
        "collation's owner",
        "GRANT CREATE ON SCHEMA public TO other; ALTER COLLATION german OWNER TO other;
        REVOKE CREATE ON SCHEMA public FROM other",
        &[(ACCESS, "changed", "src/collation/public.german")],
    ),
    ("truncate", "GRANT TRUNCATE ON opts TO reader", &[(ACCESS, "changed", "src.public.opts")]),
    (
        "column reference",
        "GRANT REFERENCES (id) ON opts TO reader",
        &[(ACCESS, "changed", "src.public.opts")],
    ),
];
