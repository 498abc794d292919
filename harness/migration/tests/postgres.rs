//! Dumps, restores, rights, the freeze witness and planted losses on two real PostgreSQL servers.

mod support;

use drydock_core::plan::Action;
use drydock_core::scenario::FaultKind;
use drydock_core::{Component, Kind};
use drydock_migration::freeze::{self, FreezeWitness, Settled};
use drydock_migration::{Attempt, BuiltinDriver, Facts, MigrationContext, MigrationError, fault};
use std::collections::BTreeSet;
use std::time::Duration;
use support::{Server, Told, context, nowhere};

const KEYCLOAK: &str = r#"
CREATE TABLE realm (id varchar(36) PRIMARY KEY, name varchar(255) UNIQUE);
CREATE TABLE user_entity (id varchar(36) PRIMARY KEY, username varchar(255), realm_id varchar(36) REFERENCES realm, enabled boolean);
CREATE TABLE event (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, details text);
CREATE TABLE jgroups_ping (address varchar(200) PRIMARY KEY, ip text);
CREATE SEQUENCE export_seq START 5;
CREATE INDEX idx_event_details ON event (details);
CREATE SCHEMA spi;
CREATE TABLE spi.login (id int PRIMARY KEY, who text);
CREATE VIEW spi.names AS SELECT username FROM user_entity;
CREATE FUNCTION spi.twice(n int) RETURNS int LANGUAGE sql AS 'SELECT n * 2';
INSERT INTO realm VALUES ('r1', 'master'), ('r2', 'camunda-platform');
INSERT INTO user_entity SELECT 'u' || n, 'user ' || n, 'r' || 1 + n % 2, true FROM generate_series(1, 50) n;
INSERT INTO event (details) SELECT 'event ' || n FROM generate_series(1, 20) n;
INSERT INTO jgroups_ping VALUES ('a', '10.0.0.1');
INSERT INTO spi.login VALUES (1, 'x');
SELECT nextval('export_seq'), nextval('export_seq');
SELECT lo_from_bytea(700001, '\xdeadbeef');
ALTER TABLE event ENABLE ROW LEVEL SECURITY;
CREATE POLICY readers ON event FOR SELECT TO reporting USING (n > 3);
GRANT USAGE ON SCHEMA public, spi TO reporting;
GRANT SELECT ON realm TO reporting WITH GRANT OPTION;
GRANT SELECT (id, username) ON user_entity TO reporting;
GRANT SELECT ON LARGE OBJECT 700001 TO reporting;
REVOKE ALL ON FUNCTION spi.twice(int) FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA spi GRANT SELECT ON TABLES TO reporting;
"#;

async fn seed(server: &Server) {
    server.run("postgres", "CREATE ROLE keycloak LOGIN PASSWORD 'keycloak-secret'").await;
    server.run("postgres", "CREATE DATABASE keycloak OWNER keycloak").await;
    server
        .run(
            "postgres",
            "CREATE ROLE reporting NOLOGIN CONNECTION LIMIT 7; CREATE ROLE analyst LOGIN PASSWORD 'analyst-secret' NOINHERIT; \
             GRANT reporting TO analyst WITH ADMIN OPTION; GRANT pg_monitor TO analyst; COMMENT ON ROLE reporting IS 'reads'; \
             REVOKE CONNECT ON DATABASE keycloak FROM PUBLIC; GRANT CONNECT ON DATABASE keycloak TO reporting; \
             ALTER DATABASE keycloak SET search_path TO \"$user\", public, spi; ALTER DATABASE keycloak SET app.mode TO 'it''s'; \
             ALTER ROLE reporting IN DATABASE keycloak SET statement_timeout TO '30s'; ALTER ROLE keycloak SET work_mem TO '5MB'; \
             COMMENT ON DATABASE keycloak IS 'realms'",
        )
        .await;
    server.run("keycloak", &format!("SET ROLE keycloak; SET search_path TO public; {KEYCLOAK}")).await;
    server.run("keycloak", "CREATE TABLE spi.foreign_owned (id int); ALTER TABLE spi.foreign_owned OWNER TO reporting; GRANT SELECT ON spi.foreign_owned TO keycloak").await;
}

async fn perform(cx: &MigrationContext, action: Action, attempt: Attempt) -> Result<Facts, MigrationError> {
    let told = Told::default();
    let facts = BuiltinDriver.perform(cx, action, &BTreeSet::new(), attempt, &told).await;
    eprintln!("{action:?} {attempt:?}: {facts:?} {:?}", told.notes.lock().unwrap());
    facts
}

/// Everything about access that this database has, as text.
const RIGHTS: &str = "SELECT string_agg(line, E'\\n' ORDER BY line) FROM ( \
    SELECT 'class ' || c.oid::regclass || ' ' || r.rolname || ' ' || coalesce((SELECT string_agg(a::text, ',' ORDER BY a::text) FROM unnest(c.relacl) a), '') AS line \
      FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE relnamespace IN ('public'::regnamespace, 'spi'::regnamespace) AND relkind <> 'i' \
    UNION ALL SELECT 'column ' || attrelid::regclass || attname || attacl::text FROM pg_attribute WHERE attacl IS NOT NULL AND attrelid >= 16384 \
    UNION ALL SELECT 'schema ' || nspname || ' ' || r.rolname || coalesce((SELECT string_agg(a::text, ',' ORDER BY a::text) FROM unnest(nspacl) a), '') \
      FROM pg_namespace JOIN pg_roles r ON r.oid = nspowner WHERE nspname IN ('public', 'spi') \
    UNION ALL SELECT 'function ' || p.oid::regprocedure || coalesce(proacl::text, '') FROM pg_proc p WHERE pronamespace = 'spi'::regnamespace \
    UNION ALL SELECT 'default ' || defaclnamespace::regnamespace || defaclobjtype::text || defaclacl::text FROM pg_default_acl \
    UNION ALL SELECT 'large object ' || lomacl::text FROM pg_largeobject_metadata \
    UNION ALL SELECT 'database ' || (SELECT string_agg(a::text, ',' ORDER BY a::text) FROM unnest(datacl) a) FROM pg_database WHERE datname = current_database() \
    UNION ALL SELECT 'setting ' || coalesce(r.rolname, '') || (setdatabase <> 0)::text || s.setconfig::text FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = setrole \
    UNION ALL SELECT 'role ' || rolname || rolinherit::text || rolconnlimit::text || rolcanlogin::text || coalesce(rolpassword, '') FROM pg_authid WHERE rolname IN ('reporting', 'analyst') \
    UNION ALL SELECT 'member ' || roleid::regrole || member::regrole || admin_option::text FROM pg_auth_members WHERE member >= 16384 \
    UNION ALL SELECT 'policy ' || polname || polroles::regrole[]::text FROM pg_policy \
    UNION ALL SELECT 'comment ' || coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE datname = current_database()) lines";

#[tokio::test]
async fn a_database_moves_with_its_rights_and_losses_are_planted() {
    let (source, target) = match (Server::start().await, Server::start().await) {
        (Ok(source), Ok(target)) => (source, target),
        (Err(reason), _) | (_, Err(reason)) => {
            std::io::Write::write_all(&mut std::io::stderr(), format!("SKIP {reason}\n").as_bytes())
                .unwrap_or_default();
            return;
        }
    };
    seed(&source).await;
    let folder = tempfile::tempdir().unwrap();
    let component = Component::Keycloak;
    let cx =
        context((source.endpoint(), nowhere()), (target.endpoint(), nowhere()), &[component], folder.path());

    perform(&cx, Action::ValidateTargets, Attempt::First).await.unwrap();
    let prepared = perform(&cx, Action::PrepareDatabase(component), Attempt::First).await.unwrap();
    assert_eq!(prepared["database"], "created");
    assert_eq!(prepared["second_roles_created"], serde_json::json!(["analyst", "reporting"]));
    perform(&cx, Action::PrepareDatabase(component), Attempt::Again).await.unwrap();
    let whole = perform(&cx, Action::InitialBackup(component), Attempt::First).await.unwrap();
    assert_eq!(whole.get("unreadable"), None);
    cut_short(&cx, folder.path()).await;
    perform(&cx, Action::InitialBackup(component), Attempt::Again).await.unwrap();
    perform(&cx, Action::SaveConfiguration, Attempt::First).await.unwrap();
    let dumped = perform(&cx, Action::FinalBackup(component), Attempt::First).await.unwrap();
    assert!(dumped["entries"].as_u64().unwrap() > 20 && dumped["bytes"].as_u64().unwrap() > 1000);
    perform(&cx, Action::WaitTargets, Attempt::First).await.unwrap();
    let restored = perform(&cx, Action::Restore(component), Attempt::First).await.unwrap();
    assert_eq!(restored["errors"], serde_json::json!([]));

    // A second first attempt refuses what is there; a second attempt makes it anew.
    let refused = perform(&cx, Action::Restore(component), Attempt::First).await.unwrap_err();
    assert!(matches!(refused, MigrationError::Migration { .. }), "{refused}");
    perform(&cx, Action::Restore(component), Attempt::Again).await.unwrap();
    for _ in 0..2 {
        let carried = perform(&cx, Action::CarryGrants(component), Attempt::First).await.unwrap();
        assert_eq!(carried["errors"], serde_json::json!([]));
    }
    perform(&cx, Action::ValidateHealth, Attempt::First).await.unwrap();

    assert_eq!(target.value("keycloak", "SELECT count(*) FROM public.user_entity").await, "50");
    assert_eq!(target.value("keycloak", "SELECT count(*) FROM public.jgroups_ping").await, "0");
    let (left, right) = (source.value("keycloak", RIGHTS).await, target.value("keycloak", RIGHTS).await);
    assert_eq!(left, right);
    assert!(left.lines().count() > 25, "{left}");

    let logs = folder.path().join("run/logs");
    for entry in std::fs::read_dir(&logs).unwrap().flatten() {
        let text = std::fs::read_to_string(entry.path()).unwrap();
        assert!(!text.contains("keycloak-secret"), "{}", entry.path().display());
    }
    let way_back = std::fs::read_to_string(folder.path().join("run/way-back.json")).unwrap();
    assert!(!way_back.contains("secret"));

    losses(&cx, &target).await;
    let removed = perform(&cx, Action::CleanupSource, Attempt::First).await.unwrap();
    assert!(removed["dumps_removed"].as_u64().unwrap() >= 2 && !cx.dumps.exists());

    interrupted(&cx, &source).await;
}

/// A `pg_dump` that says it is done and leaves the last bytes out, as on a disk that lies: the table of contents is whole.
async fn cut_short(cx: &MigrationContext, folder: &std::path::Path) {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let clients = folder.join("clients");
    std::fs::create_dir(&clients).unwrap();
    symlink(cx.clients.join("pg_restore"), clients.join("pg_restore")).unwrap();
    let script = format!(
        "#!/bin/sh\n'{}' \"$@\" || exit\nfor a in \"$@\"; do case $a in --file=*) f=${{a#--file=}}; \
         truncate -s -64 \"$f\";; esac; done\n",
        cx.clients.join("pg_dump").display()
    );
    std::fs::write(clients.join("pg_dump"), script).unwrap();
    std::fs::set_permissions(clients.join("pg_dump"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let lying = MigrationContext { clients, ..cx.clone() };
    let facts = perform(&lying, Action::InitialBackup(Component::Keycloak), Attempt::Again).await.unwrap();
    let why = facts["unreadable"].as_str().expect("it was cut short");
    let told = drydock_migration::preflight::judge_dump(Component::Keycloak, Some(why));
    assert_eq!((told.len(), told[0].check.as_str()), (1, "preflight/dump-readable"));
}

/// A dump that waits for a lock ends with the run, and so does its session.
async fn interrupted(cx: &MigrationContext, source: &Server) {
    let mut session = source.session("keycloak").await.unwrap();
    let lock = session.transaction().await.unwrap();
    lock.batch_execute("LOCK TABLE public.realm").await.unwrap();
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'drydock'";
    let stop = async {
        while source.value("postgres", waiting).await == "0" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        cx.cancel.cancel();
    };
    let dump = perform(cx, Action::FinalBackup(Component::Keycloak), Attempt::First);
    let (stopped, ()) =
        tokio::time::timeout(Duration::from_secs(30), async { tokio::join!(dump, stop) }).await.unwrap();
    assert!(matches!(stopped, Err(MigrationError::Interrupted)), "{stopped:?}");
    let again = perform(cx, Action::Restore(Component::Keycloak), Attempt::First).await;
    assert!(matches!(again, Err(MigrationError::Interrupted)), "{again:?}");
}

async fn losses(cx: &MigrationContext, target: &Server) {
    let checks = [
        (
            FaultKind::LoseRow,
            "SELECT (SELECT count(*) FROM public.user_entity) + (SELECT count(*) FROM public.event) + (SELECT count(*) FROM spi.login) + (SELECT count(*) FROM public.realm)",
        ),
        (
            FaultKind::ChangeRow,
            "SELECT md5((SELECT string_agg(u::text, '' ORDER BY id) FROM public.user_entity u) || (SELECT string_agg(u::text, '' ORDER BY n) FROM public.event u) || coalesce((SELECT string_agg(u::text, '') FROM spi.login u), '') || (SELECT string_agg(u::text, '' ORDER BY id) FROM public.realm u))",
        ),
        (
            FaultKind::LoseSequence,
            "SELECT string_agg(sequencename || coalesce(last_value::text, '-'), ',' ORDER BY 1) FROM pg_sequences",
        ),
        (FaultKind::LoseTableIndex, "SELECT count(*) FROM pg_indexes WHERE schemaname = 'public'"),
        (
            FaultKind::LoseGrant,
            "SELECT string_agg(relacl::text, ',' ORDER BY oid) FROM pg_class WHERE oid >= 16384",
        ),
        (FaultKind::ChangeLargeObject, "SELECT md5(lo_get(700001))"),
    ];
    for (kind, sql) in checks {
        let before = target.value("keycloak", sql).await;
        let planted = fault::plant(kind, None, 7, cx).await.unwrap();
        eprintln!("{} -> {planted:?}", kind.as_str());
        assert_eq!(planted.len(), 1);
        assert!(planted[0].item.starts_with("keycloak"), "{planted:?}");
        assert_ne!(before, target.value("keycloak", sql).await, "{}", kind.as_str());
    }
    let chosen = fault::plant(FaultKind::LoseRow, Some("keycloak.*.user_entity"), 7, cx).await.unwrap();
    assert!(chosen[0].item.starts_with("keycloak.public.user_entity id=u"), "{chosen:?}");
    let nothing = fault::plant(FaultKind::LoseRow, Some("keycloak.public.jgroups_ping"), 7, cx).await;
    assert!(matches!(nothing, Err(MigrationError::Environment { .. })));
}

#[tokio::test]
async fn writes_after_the_freeze_and_open_sessions_are_told() {
    let source = match Server::start().await {
        Ok(source) => source,
        Err(reason) => {
            std::io::Write::write_all(&mut std::io::stderr(), format!("SKIP {reason}\n").as_bytes())
                .unwrap_or_default();
            return;
        }
    };
    seed(&source).await;
    let folder = tempfile::tempdir().unwrap();
    let component = Component::Keycloak;
    let cx =
        context((source.endpoint(), nowhere()), (source.endpoint(), nowhere()), &[component], folder.path());
    let databases = vec!["keycloak".to_owned()];
    let (frozen, settled) =
        FreezeWitness::settle(&cx.source, &databases, &[], Duration::from_secs(20)).await.unwrap();
    assert_eq!(settled, Settled::Quiet);

    // Reading, dumping, vacuuming, and a checkpoint are no writes.
    perform(&cx, Action::FinalBackup(component), Attempt::First).await.unwrap();
    source.run("keycloak", "VACUUM ANALYZE").await;
    source.run("keycloak", "CHECKPOINT").await;
    let (quiet, _) =
        FreezeWitness::settle(&cx.source, &databases, &[], Duration::from_secs(20)).await.unwrap();
    assert_eq!(freeze::compare(&frozen, &quiet), Vec::new());
    assert!(freeze::background_work(&frozen, &quiet).is_some());

    let planted = fault::plant(FaultKind::LateWrite, Some("keycloak.*"), 3, &cx).await;
    let only_rows = planted.unwrap_or_else(|e| panic!("{e}"));
    eprintln!("late {only_rows:?}");
    source
        .run(
            "keycloak",
            "SELECT nextval('export_seq'); SELECT lo_put(700001, 0, '\\x00'); TRUNCATE spi.login",
        )
        .await;
    let survivor =
        drydock_stores::postgres::connect(&source.endpoint(), "keycloak", "camunda-keycloak").await.unwrap();
    let (after, _) =
        FreezeWitness::settle(&cx.source, &databases, &[], Duration::from_secs(20)).await.unwrap();
    drop(survivor);
    let findings = freeze::compare(&frozen, &after);
    let told: Vec<(Kind, &str)> = findings.iter().map(|f| (f.kind, f.subject.as_str())).collect();
    eprintln!("{findings:#?}");
    for expected in [
        (Kind::LateWrite, only_rows[0].subject.as_str()),
        (Kind::LateWrite, "keycloak.public.export_seq"),
        (Kind::LateWrite, "keycloak.pg_catalog.pg_largeobject"),
        (Kind::LateWrite, "keycloak.spi.login"),
        (Kind::StillActive, "keycloak/session/camunda-keycloak"),
    ] {
        assert!(told.contains(&expected), "{expected:?} in {told:?}");
    }
    assert_eq!(freeze::sessions(&source.endpoint(), &databases).await.unwrap().len(), 0);
}
