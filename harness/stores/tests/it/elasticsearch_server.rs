//! Elasticsearch nodes for one test, stopped and removed at the end.
//!
//! `DRYDOCK_TEST_ELASTICSEARCH_HOME` holds an installation of 8.x, `DRYDOCK_TEST_ELASTICSEARCH_7_HOME` one of 7.17. Both
//! run on the Java of `ES_JAVA_HOME`.

use drydock_stores::ElasticsearchEndpoint;
use drydock_stores::elasticsearch::{Client, Timeouts};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// `nobody`: the server refuses to run as root.
const UID: u32 = 65534;
/// How long a start may take on a busy machine.
const START: Duration = Duration::from_secs(180);
/// Nodes started by this process so far: each has a directory of its own.
static STARTED: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

/// Whether a node asks who is there, and how it is spoken to.
pub(crate) enum Door {
    /// Anybody may do anything, over plain HTTP.
    Open,
    /// Certificate and key, PEM, for TLS; `super` with [`PASSWORD`] may do anything.
    Tls { certificate: String, key: String },
}

/// Password of the user `super`, and of every other that a test makes.
pub(crate) const PASSWORD: &str = "drydock-test";
/// The same as the node's user file holds it.
const PASSWORD_HASH: &str = "$2a$04$71Ptqcd12hlbJDFmQq10PuLvbhf3Wn4JBjEBAq1INC7xzEuSaugFe";

pub(crate) struct Node {
    directory: PathBuf,
    process: Child,
    pub(crate) url: String,
}

/// The installation that a variable names, or the reason to skip.
pub(crate) fn home(variable: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os(variable).map(PathBuf::from);
    match path {
        Some(path) if path.join("bin/elasticsearch").exists() => Ok(path),
        Some(path) => Err(format!("{variable} names {}, which is no installation", path.display())),
        None => Err(format!("{variable} names no installation")),
    }
}

impl Node {
    /// Starts a node; it may not answer yet.
    pub(crate) fn start(home: &Path, door: &Door) -> Self {
        let number = STARTED.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let directory = PathBuf::from(format!("/var/tmp/drydock-es-{}-{number}", std::process::id()));
        let config = directory.join("config");
        for part in ["config/jvm.options.d", "data", "logs", "tmp", "snapshots"] {
            fs::create_dir_all(directory.join(part)).expect("a directory");
        }
        for entry in fs::read_dir(home.join("config")).expect("a configuration").flatten() {
            let own = ["elasticsearch.keystore", "elasticsearch-plugins.example.yml"];
            if entry.path().is_file() && !own.iter().any(|o| entry.file_name() == *o) {
                fs::copy(entry.path(), config.join(entry.file_name())).expect("copied");
            }
        }
        let port = || drydock_ports::free().expect("a free port");
        let (http, transport) = (port(), port());
        let shown = directory.display();
        let mut settings = format!(
            "cluster.name: test-{number}\nnode.name: test-{number}\ndiscovery.type: single-node\n\
             network.host: 127.0.0.1\nhttp.port: {http}\ntransport.port: {transport}\npath.data: {shown}/data\n\
             path.logs: {shown}/logs\npath.repo: [{shown}/snapshots]\n\
             cluster.routing.allocation.disk.threshold_enabled: false\naction.destructive_requires_name: false\n"
        );
        let secure = home.join("modules/x-pack-security").is_dir();
        let scheme = match door {
            Door::Open => {
                settings += if secure { "xpack.security.enabled: false\n" } else { "" };
                "http"
            }
            Door::Tls { certificate, key } => {
                fs::write(config.join("http.pem"), certificate).expect("written");
                fs::write(config.join("http.key"), key).expect("written");
                fs::write(config.join("users"), format!("super:{PASSWORD_HASH}\n")).expect("written");
                fs::write(config.join("users_roles"), "superuser:super\n").expect("written");
                settings += "xpack.security.enabled: true\nxpack.security.http.ssl.enabled: true\n\
                    xpack.security.http.ssl.certificate: http.pem\nxpack.security.http.ssl.key: http.key\n\
                    xpack.security.transport.ssl.enabled: false\nxpack.security.authc.api_key.enabled: true\n";
                "https"
            }
        };
        fs::write(config.join("elasticsearch.yml"), settings).expect("written");
        let mut options = format!(
            "-Xms512m\n-Xmx512m\n-XX:+UseSerialGC\n-XX:TieredStopAtLevel=1\n-Djava.io.tmpdir={shown}/tmp\n"
        );
        if secure {
            options += "20-:--add-modules=jdk.incubator.vector\n";
        }
        fs::write(config.join("jvm.options"), options).expect("written");
        let root = fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0);
        let mut command = Command::new(home.join("bin/elasticsearch"));
        if root {
            own(&directory);
            command.uid(UID).gid(UID);
        }
        let log = fs::File::create(directory.join("out.log")).expect("a log");
        let process = command
            .current_dir(&directory)
            .env("HOME", &directory)
            .env("ES_PATH_CONF", &config)
            .env("ES_TMPDIR", directory.join("tmp"))
            .env("LIBFFI_TMPDIR", directory.join("tmp"))
            .env_remove("ES_JAVA_OPTS")
            .process_group(0)
            .stdin(Stdio::null())
            .stderr(log.try_clone().expect("a log"))
            .stdout(log)
            .spawn()
            .expect("a process");
        Self { directory, process, url: format!("{scheme}://127.0.0.1:{http}") }
    }

    /// A client of the node, once it answers.
    pub(crate) async fn ready(&mut self, endpoint: ElasticsearchEndpoint) -> Client {
        let client = Client::new(&endpoint, Timeouts::default()).expect("a client");
        let begun = Instant::now();
        loop {
            if client.get("/_cluster/health").await.is_ok_and(|h| h["status"] != "red") {
                return client;
            }
            let ended = self.process.try_wait().expect("a process").is_some();
            if ended || begun.elapsed() > START {
                let log = fs::read_to_string(self.directory.join("out.log")).unwrap_or_default();
                let told =
                    |line: &&str| ["xception", "ERROR", "Caused by"].iter().any(|word| line.contains(word));
                let told: Vec<&str> = log.lines().filter(told).take(20).collect();
                panic!("the node does not answer: {}", told.join("\n"));
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    /// Gives the node another certificate; it looks for one every few seconds.
    pub(crate) fn replace_certificate(&self, certificate: &str, key: &str) {
        fs::write(self.directory.join("config/http.key"), key).expect("written");
        fs::write(self.directory.join("config/http.pem"), certificate).expect("written");
    }

    /// Where snapshots may lie.
    pub(crate) fn snapshots(&self) -> String {
        self.directory.join("snapshots").display().to_string()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // The group: the program is a launcher whose child is the store.
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", self.process.id())]).status();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn own(path: &Path) {
    let _ = std::os::unix::fs::chown(path, Some(UID), Some(UID));
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        own(&entry.path());
    }
}
