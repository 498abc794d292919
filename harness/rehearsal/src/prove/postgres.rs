//! Corruptions on a real PostgreSQL. Each is planted in a fresh copy of a migrated database, which the server makes from the
//! migrated one: nothing has to be put right again, and no corruption meets the one before.

use super::score::Score;
use super::stage::Stage;
use drydock_core::Kind::{self, Changed, Extra, Missing};
use drydock_core::names::checks::{
    PG_ACCESS as ACCESS, PG_LARGE_OBJECTS as OBJECTS, PG_ROWS as ROWS, PG_SCHEMA as SCHEMA,
    PG_SEQUENCES as SEQUENCES,
};
use drydock_prove::Planted;
use drydock_stores::compare::{self, CheckResult, DatabasePair, Options};
use drydock_stores::postgres::{APPLICATION_NAME, Connection, PostgresError, connect};

/// Name of the copy.
const COPY: &str = "drydock_prove";
/// After so many corruptions a copy is compared in which none was planted.
const CLEAN_EVERY: usize = 10;

/// One corruption.
struct Corruption {
    name: &'static str,
    database: &'static str,
    check: &'static str,
    kind: Kind,
    /// Subject below the database: `.public.roles`.
    subject: &'static str,
    /// Asks, before anything is planted, for a text that must be told: a key. Or the text itself.
    named: Named,
    /// Statements.
    plant: &'static str,
    /// Another subject that is told rightly.
    also: &'static str,
}

#[derive(Clone, Copy)]
enum Named {
    Text(&'static str),
    Query(&'static str),
}

const fn of(
    name: &'static str,
    (check, kind, subject): (&'static str, Kind, &'static str),
    named: Named,
    plant: &'static str,
) -> Corruption {
    Corruption { name, database: "identity", check, kind, subject, named, plant, also: "" }
}

impl Corruption {
    const fn in_webmodeler(self) -> Self {
        Self { database: "webmodeler", ..self }
    }

    const fn also(self, subject: &'static str) -> Self {
        Self { also: subject, ..self }
    }
}

use Named::{Query, Text};

const CORRUPTIONS: &[Corruption] = &[
    of("row lost", (ROWS, Missing, ".public.roles"), Query("SELECT 'id=' || max(id) FROM roles"),
        "DELETE FROM roles WHERE id = (SELECT max(id) FROM roles)"),
    of("row too much", (ROWS, Extra, ".public.license_windows"), Text("id=999999"),
        "INSERT INTO license_windows VALUES (999999, 'empty', 1)"),
    of("letter added", (ROWS, Changed, ".public.tenants"), Query("SELECT 'id=' || min(id) FROM tenants"),
        "UPDATE tenants SET name = name || '~' WHERE id = (SELECT min(id) FROM tenants)"),
    of("trailing blank added", (ROWS, Changed, ".public.groups"), Query("SELECT 'id=' || min(id::text) FROM groups"),
        "UPDATE groups SET name = name || ' ' WHERE id = (SELECT min(id::text) FROM groups)::uuid"),
    of("value become null", (ROWS, Changed, ".public.permissions"),
        Query("SELECT 'id=' || min(id) FROM permissions WHERE description IS NOT NULL"),
        "UPDATE permissions SET description = NULL WHERE id = (SELECT min(id) FROM permissions WHERE description IS NOT NULL)"),
    of("null become an empty text", (ROWS, Changed, ".public.access_rules"),
        Query("SELECT 'id=' || min(id) FROM access_rules WHERE resource_id IS NULL"),
        "UPDATE access_rules SET resource_id = '' WHERE id = (SELECT min(id) FROM access_rules WHERE resource_id IS NULL)"),
    of("jsonb key added", (ROWS, Changed, ".public.tenants"), Text("settings"),
        "UPDATE tenants SET settings = '{\"planted\": 9007199254740993}' WHERE id = (SELECT min(id) FROM tenants)"),
    of("number off by one", (ROWS, Changed, ".public.license_windows"), Text("seats"),
        "UPDATE license_windows SET seats = seats + 1 WHERE id = (SELECT min(id) FROM license_windows)"),
    of("microsecond lost", (ROWS, Changed, ".public.users"), Text("last_login_at"),
        "UPDATE users SET last_login_at = last_login_at - interval '1 microsecond' WHERE id = (SELECT min(id::text) FROM users
         WHERE last_login_at BETWEEN '2000-01-01' AND '2100-01-01')::uuid"),
    of("truth turned", (ROWS, Changed, ".public.users"), Text("enabled"),
        "UPDATE users SET enabled = NOT enabled WHERE id = (SELECT min(id::text) FROM users)::uuid"),
    of("array element added", (ROWS, Changed, ".public.roles"), Text("levels"),
        "UPDATE roles SET levels = levels || 'READ'::access_level WHERE id = (SELECT min(id) FROM roles)"),
    of("bit of a bytea turned", (ROWS, Changed, ".public.users"), Text("picture"),
        "UPDATE users SET picture = set_byte(picture, 0, get_byte(picture, 0) # 1)
         WHERE id = (SELECT min(id::text) FROM users WHERE length(picture) > 0)::uuid")
        .in_webmodeler(),
    of("row lost from a table without key", (ROWS, Missing, ".audit.raw_claims"), Text("issuer"),
        "DELETE FROM audit.raw_claims WHERE ctid = (SELECT min(ctid) FROM audit.raw_claims)"),
    of("row twice in a table without key", (ROWS, Extra, ".audit.raw_claims"), Text("issuer"),
        "INSERT INTO audit.raw_claims SELECT * FROM audit.raw_claims LIMIT 1"),
    of("row in another partition", (ROWS, Missing, ".public.access_log_early"),
        Query("SELECT 'id=' || min(id) FROM access_log_early"),
        "UPDATE access_log SET at = '2026-01-01 00:00:01+00' WHERE id = (SELECT min(id) FROM access_log_early)")
        .also(".public.access_log_late"),
    of("values of two rows swapped", (ROWS, Changed, ".public.tenants"), Text("name"),
        "UPDATE tenants t SET name = o.name FROM tenants o WHERE t.id IN ((SELECT min(id) FROM tenants), (SELECT max(id) FROM tenants))
         AND o.id IN ((SELECT min(id) FROM tenants), (SELECT max(id) FROM tenants)) AND o.id <> t.id"),
    of("table emptied", (ROWS, Missing, ".public.Login Attempts"), Text("Id="), "TRUNCATE \"Login Attempts\""),
    of("table lost", (SCHEMA, Missing, ".public.application_tokens"), Text("missing"), "DROP TABLE application_tokens"),
    of("table too much", (SCHEMA, Extra, ".public.left_over"), Text("left_over"),
        "CREATE TABLE left_over (); ALTER TABLE left_over OWNER TO identity"),
    of("index lost", (SCHEMA, Missing, ".public.users/index/users_email_partial"), Text("missing"), "DROP INDEX users_email_partial"),
    of("index invalid", (SCHEMA, Changed, ".public.access_rules/index/access_rules_resource"), Text("valid"),
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'access_rules_resource'::regclass"),
    of("foreign key lost", (SCHEMA, Missing, ".public.group_members/constraint/group_members_user_fkey"), Text("missing"),
        "ALTER TABLE group_members DROP CONSTRAINT group_members_user_fkey"),
    of("foreign key not enforced", (SCHEMA, Changed, ".public.role_permissions/constraint/role_permissions_role_id_fkey"),
        Text("enforced by triggers"),
        "DO $$ DECLARE g record; BEGIN FOR g IN SELECT tgname FROM pg_trigger t JOIN pg_constraint c ON c.oid = t.tgconstraint
         WHERE c.conname = 'role_permissions_role_id_fkey' AND t.tgrelid = 'role_permissions'::regclass LOOP
         EXECUTE format('ALTER TABLE role_permissions DISABLE TRIGGER %I', g.tgname); END LOOP; END $$"),
    of("default lost", (SCHEMA, Changed, ".public.tenants/column/settings"), Text("default"),
        "ALTER TABLE tenants ALTER settings DROP DEFAULT"),
    of("NOT NULL lost", (SCHEMA, Changed, ".public.groups/column/name"), Text("not null"),
        "ALTER TABLE groups ALTER name DROP NOT NULL"),
    of("column widened", (SCHEMA, Changed, ".public.permissions/column/audience"), Text("character varying(300)"),
        "ALTER TABLE permissions ALTER audience TYPE varchar(300)"),
    of("trigger disabled", (SCHEMA, Changed, ".public.tenants/trigger/tenants_no_rename"), Text("enabled"),
        "ALTER TABLE tenants DISABLE TRIGGER tenants_no_rename"),
    of("view over other rows", (SCHEMA, Changed, ".public.tenant_overview"), Text("definition"),
        "CREATE OR REPLACE VIEW tenant_overview AS SELECT t.tenant_id, t.name, count(m.member_id) AS members
         FROM tenants t JOIN tenant_members m ON m.tenant_id = t.id GROUP BY t.tenant_id, t.name"),
    of("body of a function changed", (SCHEMA, Changed, ".public.refuse_tenant_rename()"), Text("definition"),
        "CREATE OR REPLACE FUNCTION refuse_tenant_rename() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"),
    of("label of an enum too much", (SCHEMA, Changed, ".public.access_level"), Text("labels"),
        "ALTER TYPE access_level ADD VALUE 'OWN'"),
    of("check of a domain lost", (SCHEMA, Missing, ".public.positive_amount/constraint/positive_amount_check"), Text("missing"),
        "ALTER DOMAIN positive_amount DROP CONSTRAINT positive_amount_check"),
    of("extended statistics lost", (SCHEMA, Missing, ".public.access_rules/statistics/access_rules_shape"), Text("missing"),
        "DROP STATISTICS access_rules_shape"),
    of("comment lost", (SCHEMA, Changed, ".public.tenants"), Text("comment"), "COMMENT ON TABLE tenants IS NULL"),
    of("materialised view without contents", (SCHEMA, Changed, ".audit.daily_access"), Text("populated"),
        "REFRESH MATERIALIZED VIEW audit.daily_access WITH NO DATA"),
    of("sequence behind its table", (SEQUENCES, Changed, ".public.rule_key_seq"), Text("last_value"), "SELECT setval('rule_key_seq', 7)"),
    of("next value skipped", (SEQUENCES, Changed, ".public.never_called_seq"), Text("is_called"),
        "SELECT setval('never_called_seq', 4711, true)"),
    of("sequence with another step", (SEQUENCES, Changed, ".public.batch_seq"), Text("increment"), "ALTER SEQUENCE batch_seq INCREMENT 1"),
    of("sequence lost", (SEQUENCES, Missing, ".public.never_called_seq"), Text("missing"), "DROP SEQUENCE never_called_seq"),
    of("grant lost", (ACCESS, Changed, ".public.tenants"), Text("grant reporting SELECT"), "REVOKE SELECT ON tenants FROM reporting"),
    of("table open to everybody", (ACCESS, Changed, ".public.users"), Text("grant PUBLIC SELECT"), "GRANT SELECT ON users TO PUBLIC"),
    of("grant on a column lost", (ACCESS, Changed, ".public.users"), Text("username"), "REVOKE SELECT (username) ON users FROM reporting"),
    of("owner changed", (ACCESS, Changed, ".public.groups"), Text("owner"), "ALTER TABLE groups OWNER TO CURRENT_USER"),
    of("row security off", (ACCESS, Changed, ".public.access_rules"), Text("row security"),
        "ALTER TABLE access_rules DISABLE ROW LEVEL SECURITY"),
    of("policy lost", (ACCESS, Missing, ".public.access_rules/policy/own_rules"), Text("missing"), "DROP POLICY own_rules ON access_rules"),
    of("byte of a large object changed", (OBJECTS, Changed, "/large-objects"), Text("sha256"),
        "SELECT lo_put(oid, 0, set_byte(lo_get(oid, 0, 1), 0, get_byte(lo_get(oid, 0, 1), 0) # 1)) FROM pg_largeobject_metadata
         WHERE length(lo_get(oid, 0, 1)) = 1 ORDER BY oid LIMIT 1")
        .in_webmodeler(),
    of("large object lost", (OBJECTS, Missing, "/large-objects"), Query("SELECT 'oid=' || min(oid::int8) FROM pg_largeobject_metadata"),
        "SELECT lo_unlink(oid) FROM pg_largeobject_metadata ORDER BY oid::int8 LIMIT 1")
        .in_webmodeler(),
    of("owner of a large object changed", (OBJECTS, Changed, "/large-objects"), Text("owner"),
        "DO $$ BEGIN EXECUTE format('ALTER LARGE OBJECT %s OWNER TO CURRENT_USER',
         (SELECT min(oid::int8) FROM pg_largeobject_metadata)); END $$")
        .in_webmodeler(),
];

/// Plants each corruption in a copy of its own and compares that with the source.
///
/// # Errors
/// No copy could be made.
pub(super) async fn prove(stage: &Stage, score: &mut Score, say: &dyn Fn(&str)) -> Result<(), String> {
    for (number, corruption) in CORRUPTIONS.iter().enumerate() {
        if number % CLEAN_EVERY == 0 {
            say(&format!("postgres: {number} of {} corruptions planted", CORRUPTIONS.len()));
            for database in ["identity", "webmodeler"] {
                fresh_copy(stage, database).await?;
                score.clean(&compare(stage, database).await);
            }
        }
        fresh_copy(stage, corruption.database).await?;
        match planted(stage, corruption).await {
            Ok(planted) => {
                score.planted(corruption.name, &planted, &compare(stage, corruption.database).await)
            }
            Err(reason) => score.missed(corruption.name, format!("could not be planted: {reason}")),
        }
    }
    drop_copy(&maintenance(stage).await?).await
}

async fn compare(stage: &Stage, database: &str) -> Vec<CheckResult> {
    let pair = DatabasePair { source: database.to_owned(), target: COPY.to_owned() };
    compare::postgres(&stage.source.postgres, &stage.target.postgres, &[pair], &Options::default()).await
}

async fn maintenance(stage: &Stage) -> Result<Connection, String> {
    connect(&stage.target.postgres, "postgres", APPLICATION_NAME).await.map_err(|e| e.to_string())
}

async fn run(session: &Connection, statement: &str) -> Result<(), String> {
    session
        .batch_execute(statement)
        .await
        .map_err(|e| PostgresError::statement("plant a corruption", &e).to_string())
}

async fn drop_copy(session: &Connection) -> Result<(), String> {
    run(session, &format!("DROP DATABASE IF EXISTS {COPY} WITH (FORCE)")).await
}

/// The migrated database once more, with what the server does not take over from a template.
async fn fresh_copy(stage: &Stage, database: &str) -> Result<(), String> {
    let session = maintenance(stage).await?;
    drop_copy(&session).await?;
    run(&session, &format!("CREATE DATABASE {COPY} TEMPLATE {database} OWNER {database}")).await?;
    run(&session, &format!("REVOKE ALL ON DATABASE {COPY} FROM PUBLIC")).await?;
    run(&session, &format!("GRANT CONNECT ON DATABASE {COPY} TO reporting")).await
}

async fn planted(stage: &Stage, corruption: &Corruption) -> Result<Planted, String> {
    let session = connect(&stage.target.postgres, COPY, APPLICATION_NAME).await.map_err(|e| e.to_string())?;
    // Exactly this is harmed: no cascade, no trigger.
    run(&session, "SET session_replication_role = replica; SET search_path = public").await?;
    let named = match corruption.named {
        Text(text) => text.to_owned(),
        Query(query) => {
            let row = session
                .query_one(query, &[])
                .await
                .map_err(|e| PostgresError::statement("choose a victim", &e).to_string())?;
            let text: Option<String> = row.try_get(0).map_err(|e| e.to_string())?;
            text.ok_or("the database holds nothing to harm")?
        }
    };
    run(&session, corruption.plant).await?;
    let database = corruption.database;
    let planted =
        Planted::new(corruption.check, corruption.kind, format!("{database}{}", corruption.subject))
            .named(named);
    Ok(match corruption.also {
        "" => planted,
        also => planted.also(format!("{database}{also}")),
    })
}
