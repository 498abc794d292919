//! A real node that is killed in the middle of a comparison and started again on the same data and the same port.
//! `DRYDOCK_TEST_ELASTICSEARCH_HOME` names an unpacked installation, `ES_JAVA_HOME` its Java where it brings none.

use crate::fake_elasticsearch::{Document, FakeElasticsearch};
use crate::postgres_server::skip;
use drydock_core::names::checks::ES_DOCUMENTS;
use drydock_core::{Kind, Outcome};
use drydock_stores::ElasticsearchEndpoint;
use drydock_stores::compare::{self, Options};
use drydock_stores::elasticsearch::{Client, Scope, Timeouts};
use serde_json::json;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const INDEX: &str = "killed-x_";
const DOCUMENTS: u64 = 40_000;
/// `nobody`: the server refuses to run as root.
const UID: u32 = 65534;

struct Node {
    home: PathBuf,
    directory: PathBuf,
    port: u16,
    launcher: Option<Child>,
}

impl Node {
    fn prepare(home: PathBuf) -> std::io::Result<Self> {
        let directory = PathBuf::from(format!("/var/tmp/drydock-killed-{}", std::process::id()));
        let (port, transport) = (drydock_ports::free()?, drydock_ports::free()?);
        let config = directory.join("config");
        for part in ["config/jvm.options.d", "data", "logs", "tmp"] {
            std::fs::create_dir_all(directory.join(part))?;
        }
        let at = directory.display();
        let mut yml = format!(
            "discovery.type: single-node\nnetwork.host: 127.0.0.1\nhttp.port: {port}\ntransport.port: {transport}\n\
             path.data: {at}/data\npath.logs: {at}/logs\ncluster.routing.allocation.disk.threshold_enabled: false\n"
        );
        if home.join("modules/x-pack-core").is_dir() {
            yml += "xpack.security.enabled: false\n";
        }
        std::fs::write(config.join("elasticsearch.yml"), yml)?;
        std::fs::write(config.join("log4j2.properties"), "status = error\nrootLogger.level = error\n")?;
        let java = format!(
            "-Xms384m\n-Xmx384m\n-XX:+UseSerialGC\n-XX:TieredStopAtLevel=1\n-Djava.io.tmpdir={at}/tmp\n"
        );
        std::fs::write(config.join("jvm.options"), java)?;
        let owned = Command::new("chown").arg("-R").arg(format!("{UID}:{UID}")).arg(&directory).status()?;
        // Only root can give files away, and only root has to.
        let _unless_root = owned;
        Ok(Self { home, directory, port, launcher: None })
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn pid_file(&self) -> PathBuf {
        self.directory.join("data/pid")
    }

    fn start(&mut self) {
        let _none_before_the_first_start = std::fs::remove_file(self.pid_file());
        let mut command = Command::new(self.home.join("bin/elasticsearch"));
        command.arg("-p").arg(self.pid_file()).current_dir(&self.directory);
        command
            .env("ES_PATH_CONF", self.directory.join("config"))
            .env("ES_TMPDIR", self.directory.join("tmp"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if Path::new("/proc/self").metadata().is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0) {
            command.uid(UID).gid(UID);
        }
        self.launcher = Some(command.spawn().expect("the launcher starts"));
    }

    async fn wait(&self, client: &Client) -> Result<(), String> {
        let patience = Instant::now() + Duration::from_secs(240);
        while client.get("/_cluster/health?wait_for_status=yellow&timeout=1s").await.is_err() {
            if Instant::now() > patience {
                return Err("the node did not start in time".to_owned());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// `kill -9` of the server; the launcher ends with it.
    fn kill(&mut self) {
        if let Ok(pid) = std::fs::read_to_string(self.pid_file()) {
            let _gone_already = Command::new("kill").args(["-9", pid.trim()]).status();
        }
        if let Some(mut launcher) = self.launcher.take() {
            let _gone_already = launcher.kill();
            let _reaped = launcher.wait();
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
        let _left_behind = std::fs::remove_dir_all(&self.directory);
    }
}

fn document(i: u64) -> Document {
    let source = format!("{{\"key\":{i},\"text\":\"{}\"}}", "x".repeat(600));
    (format!("{i}"), Some(format!("{}", i % 5)), Some(source))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_node_never_makes_a_comparison_green() {
    let Ok(home) = std::env::var("DRYDOCK_TEST_ELASTICSEARCH_HOME") else {
        return skip("DRYDOCK_TEST_ELASTICSEARCH_HOME does not name an installation");
    };
    let mut node = Node::prepare(home.into()).expect("directories");
    node.start();
    let endpoint = ElasticsearchEndpoint::plain(node.url());
    let client = Client::new(&endpoint, Timeouts::default()).expect("a client");
    node.wait(&client).await.expect("started");
    let settings = json!({"settings": {"number_of_shards": 2, "number_of_replicas": 0}});
    client.put(&format!("/{INDEX}"), &settings).await.expect("created");
    for from in (0..DOCUMENTS).step_by(5_000) {
        let mut body = String::new();
        for (id, routing, source) in (from..from + 5_000).map(document) {
            let (routing, source) = (routing.unwrap_or_default(), source.unwrap_or_default());
            body += &format!(
                "{{\"index\":{{\"_index\":\"{INDEX}\",\"_id\":\"{id}\",\"routing\":\"{routing}\"}}}}\n{source}\n"
            );
        }
        client.bulk(body.into_bytes()).await.expect("loaded");
    }
    // The other side has the same documents but one.
    let fake = FakeElasticsearch::start().await;
    let all = (0..DOCUMENTS).filter(|i| *i != 31_234).map(document).collect();
    fake.contents().indices.insert(INDEX.into(), all);
    let other = ElasticsearchEndpoint::plain(&fake.url);
    for pages in [2, 9] {
        let scope = Scope { prefixes: vec![INDEX.to_owned()] };
        fake.contents().sizes.clear();
        let (done, options) = (std::cell::Cell::new(false), Options::default());
        let comparison = async {
            let results = compare::elasticsearch(&endpoint, &other, &scope, &options).await;
            done.set(true);
            results
        };
        let killer = async {
            while fake.contents().sizes.len() < pages && !done.get() {
                tokio::task::yield_now().await;
            }
            assert!(!done.get(), "killed while it reads");
            node.kill();
            node.start();
        };
        let (results, ()) = tokio::join!(comparison, killer);
        let result = results.iter().find(|r| r.check == ES_DOCUMENTS).expect("asked for");
        let right = result.findings.len() == 1
            && (result.findings[0].kind, result.findings[0].count) == (Kind::Missing, 1)
            && result.findings[0].samples[0].item.starts_with("_id 31234,");
        let honest = result.findings.iter().any(|f| f.outcome == Outcome::NotProven);
        assert!(right || honest, "{result:#?}");
        eprintln!("after page {pages}: {}", if right { "the right answer" } else { "not compared" });
        node.wait(&client).await.expect("started again");
    }
}
