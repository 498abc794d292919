//! Stores for migrations that the test itself carries out, each with an index prefix and a database of its own, and observers of them.

use super::relay::Relay;
use crate::support::{drydock, json};
use drydock_environments::{Embedded, EmbeddedConfig, Keep, Side, Silent};
use drydock_stores::elasticsearch::{Client, Timeouts};
use drydock_stores::postgres::{Connection, connect};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Documents and rows of each migration.
const ITEMS: u64 = 120;
/// Nothing here takes so long.
const PATIENCE: Duration = Duration::from_secs(150);
/// What opens the servers: it must be in no file.
const SECRET: &str = "witness-hunter2";

/// Two PostgreSQL servers and two clusters.
pub(super) struct Stage {
    stores: Embedded,
}

impl Stage {
    pub(super) async fn set(folder: &Path) -> Self {
        let name = format!("observed-{}", std::process::id());
        let config = EmbeddedConfig::new(name, folder.join("stores"));
        fs::create_dir_all(folder.join("stores")).expect("a folder");
        let stores = Embedded::start(config, Arc::new(Silent)).await.expect("the stores start");
        let stage = Self { stores };
        for side in [Side::Source, Side::Target] {
            let role = format!("CREATE ROLE witness LOGIN PASSWORD '{SECRET}'");
            stage.run(side, "postgres", &role).await;
            stage.run(side, "postgres", "GRANT pg_read_all_data, pg_monitor TO witness").await;
        }
        stage
    }

    pub(super) async fn strike(self) {
        self.stores.stop(Keep::Nothing).await.expect("the stores stop");
    }

    pub(super) fn cluster(&self, side: Side) -> Client {
        let endpoint = self.stores.elasticsearch(side).expect("a cluster");
        Client::new(&endpoint, Timeouts::default()).expect("a client")
    }

    pub(super) async fn session(&self, side: Side, database: &str) -> Connection {
        let endpoint = self.stores.postgres(side).expect("a server");
        connect(&endpoint, database, "a-user").await.expect("a session")
    }

    pub(super) async fn run(&self, side: Side, database: &str, sql: &str) {
        let session = self.session(side, database).await;
        session.batch_execute("RESET search_path").await.expect("a search path");
        session.batch_execute(sql).await.unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    }

    fn definition() -> Value {
        json!({
            "settings": {"number_of_shards": 2, "number_of_replicas": 0},
            "mappings": {"dynamic": "strict", "properties": {"n": {"type": "long"}, "state": {"type": "keyword"}}}
        })
    }

    /// Fills the source of a migration.
    pub(super) async fn fill(&self, name: &str) {
        let source = self.cluster(Side::Source);
        source.put(&format!("/{name}-orders"), &Self::definition()).await.expect("an index");
        let mut lines = String::new();
        for n in 0..ITEMS {
            lines += &format!(
                "{{\"index\":{{\"_index\":\"{name}-orders\",\"_id\":\"{name}-{n}\"}}}}\n{{\"n\":{n},\"state\":\"A\"}}\n"
            );
        }
        source.bulk(lines.into_bytes()).await.expect("documents");
        self.run(Side::Source, "postgres", &format!("CREATE DATABASE {name}")).await;
        let sql = format!(
            "CREATE TABLE people (id bigserial PRIMARY KEY, name text NOT NULL);
             INSERT INTO people (name) SELECT 'person ' || n FROM generate_series(1, {ITEMS}) n"
        );
        self.run(Side::Source, name, &sql).await;
    }

    /// Somebody writes to the source.
    pub(super) async fn write(&self, name: &str, number: u64) {
        let path = format!("/{name}-orders/_doc/{name}-late-{number}?refresh=true");
        self.cluster(Side::Source).put(&path, &json!({"n": number, "state": "L"})).await.expect("a document");
        self.run(Side::Source, name, "INSERT INTO people (name) VALUES ('somebody late')").await;
    }

    /// Migrates as people do by hand: a remote `_reindex`, a dump and a restore.
    pub(super) async fn migrate(&self, name: &str, folder: &Path) {
        let (source, target) = (self.cluster(Side::Source), self.cluster(Side::Target));
        target.put(&format!("/{name}-orders"), &Self::definition()).await.expect("an index");
        let body = json!({
            "source": {"remote": {"host": source.url()}, "index": format!("{name}-orders")},
            "dest": {"index": format!("{name}-orders")}
        });
        let copied = target.post("/_reindex?refresh=true", &body).await.expect("a copy");
        assert_eq!(copied["failures"], json!([]), "{copied}");
        self.run(Side::Target, "postgres", &format!("CREATE DATABASE {name}")).await;
        let dump = folder.join(format!("{name}.dump"));
        let file = dump.display().to_string();
        self.client(Side::Source, "pg_dump", &["-Fc", "-f", &file, "-d", name]);
        self.client(Side::Target, "pg_restore", &["-d", name, &file]);
        self.run(Side::Target, name, "ANALYZE").await;
    }

    fn client(&self, side: Side, program: &str, arguments: &[&str]) {
        let endpoint = self.stores.postgres(side).expect("a server");
        let bin = self.stores.postgres_clients().expect("client programs");
        let output = Command::new(bin.join(program))
            .args(["-h", &endpoint.host, "-p", &endpoint.port.to_string(), "-U", &endpoint.user])
            .args(arguments)
            .env("PGPASSWORD", endpoint.password_for_client())
            .output()
            .expect("it runs");
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// The ways that an observer goes.
pub(super) struct Ways {
    pub(super) elasticsearch: [Relay; 2],
    pub(super) postgres: [Relay; 2],
}

impl Ways {
    fn of(stage: &Stage) -> Self {
        let cluster = |side| {
            let url = stage.cluster(side).url().to_owned();
            let (host, port) = url.trim_start_matches("http://").split_once(':').expect("host and port");
            Relay::to(host, port.parse().expect("a port"))
        };
        let server = |side| {
            let endpoint = stage.stores.postgres(side).expect("a server");
            Relay::to("127.0.0.1", endpoint.port)
        };
        Self {
            elasticsearch: [cluster(Side::Source), cluster(Side::Target)],
            postgres: [server(Side::Source), server(Side::Target)],
        }
    }

    /// The source's stores are removed.
    pub(super) fn remove_source(&self) {
        self.elasticsearch[0].cut();
        self.postgres[0].cut();
    }
}

/// A running `drydock observe`.
pub(super) struct Observer {
    child: Child,
    folder: PathBuf,
    said: PathBuf,
    pub(super) ways: Ways,
}

impl Observer {
    pub(super) fn start(stage: &Stage, parent: &Path, name: &str) -> Self {
        let folder = parent.join(name);
        fs::create_dir_all(&folder).expect("a folder");
        let ways = Ways::of(stage);
        let [es_source, es_target] = ways.elasticsearch.each_ref().map(|way| way.port);
        let [pg_source, pg_target] = ways.postgres.each_ref().map(|way| way.port);
        let text = format!(
            "name: {name}\nsource:\n  elasticsearch: {{url: 'http://127.0.0.1:{es_source}'}}\n  \
             postgres: {{url: 'postgres://witness@127.0.0.1:{pg_source}', password_env: WITNESS}}\n\
             target:\n  elasticsearch: {{}}\n  postgres: {{url: 'postgres://witness@127.0.0.1:{pg_target}', password_file: secret}}\n\
             databases: [{name}]\nindex_prefixes: ['{name}-']\n\
             pace: {{every: 500ms, source_rests: 11s, target_rests: 5s, deadline: 5min}}\n"
        );
        fs::write(folder.join("observe.yaml"), text).expect("written");
        fs::write(folder.join("secret"), format!("{SECRET}\n")).expect("written");
        let said = folder.join("said");
        let child = drydock(&folder)
            .args(["observe", "observe.yaml", "--until", "over"])
            .env("DRYDOCK_TARGET_ELASTICSEARCH", format!("http://127.0.0.1:{es_target}"))
            .env("WITNESS", SECRET)
            .stdout(Stdio::null())
            .stderr(File::create(&said).expect("a file"))
            .spawn()
            .expect("it starts");
        Self { child, folder, said, ways }
    }

    pub(super) fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap_or_default()
    }

    /// Waits until it has said something so often.
    pub(super) async fn says(&mut self, words: &str, times: usize) {
        let began = Instant::now();
        while self.said().matches(words).count() < times {
            assert!(began.elapsed() < PATIENCE, "it never said {words:?}: {}", self.said());
            let ended = self.child.try_wait().expect("it can be asked");
            assert!(ended.is_none(), "it ended before it said {words:?}: {}", self.said());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Tells the end, and waits for exit code and report.
    pub(super) async fn over(mut self) -> (Option<i32>, Value, String) {
        fs::write(self.folder.join("over"), "").expect("written");
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it can be asked") {
                break status;
            }
            assert!(began.elapsed() < PATIENCE, "it does not end: {}", self.said());
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        let run = crate::support::run_folder(&self.folder);
        for file in ["record.jsonl", "report.html", "junit.xml", "report.md"] {
            let text = fs::read_to_string(run.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
            assert!(!text.contains(SECRET), "{file} holds the secret");
        }
        let record = fs::read_to_string(run.join("record.jsonl")).expect("the record");
        let said = self.said();
        assert!(!said.contains(SECRET), "{said}");
        (status.code(), json(&run.join("report.json")), format!("{said}\n{record}"))
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        // One that has ended cannot be ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
