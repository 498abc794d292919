//! Rehearsals in namespaces of their own of a cluster that is there, with the rights of `ci/rbac.yaml` and no others, with
//! `DRYDOCK_TEST_KIND=1`. The cluster is made by this test, as somebody else's.

use crate::containers::small;
use crate::support::{drydock, folder, root, run_folder, scenario, skip, text, turn};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A cluster of somebody else's, which goes with its test.
struct Elsewhere {
    name: String,
    admin: PathBuf,
    /// The kubeconfig of the account that may rehearse, with the context `staging`.
    user: PathBuf,
}

impl Elsewhere {
    fn make(folder: &Path) -> Result<Self, String> {
        if std::env::var_os("DRYDOCK_TEST_KIND").is_none() {
            return Err("context: DRYDOCK_TEST_KIND is not set".into());
        }
        for program in ["docker", "kind", "helm", "kubectl"] {
            if Command::new(program).arg("version").output().is_err() {
                return Err(format!("context: there is no {program}"));
            }
        }
        let images = images()?;
        let name = format!("drydock-it-{}", std::process::id());
        let own = Self { name, admin: folder.join("admin"), user: folder.join("user") };
        let cni = std::env::var("DRYDOCK_KIND_CNI").is_ok_and(|cni| cni == "image");
        let config = folder.join("kind.yaml");
        let text = format!(
            "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnetworking: {{disableDefaultCNI: {cni}}}\n"
        );
        fs::write(&config, text).expect("a configuration");
        let node = std::env::var("DRYDOCK_IMAGE_NODE").ok();
        let mut words = vec!["create", "cluster", "--name", own.name.as_str(), "--wait", "180s", "--config"];
        words.extend([path(&config), "--kubeconfig", path(&own.admin)]);
        words.extend(node.iter().flat_map(|node| ["--image", node.as_str()]));
        told("kind", &words);
        let mut load = vec!["load", "docker-image", "--name", own.name.as_str()];
        load.extend(images.iter().map(String::as_str));
        told("kind", &load);
        own.kubectl(&["create", "namespace", "camunda"]);
        own.kubectl(&["create", "configmap", "bystander", "--namespace", "camunda", "--from-literal=a=b"]);
        own.kubectl(&["apply", "--filename", path(&root().join("ci/rbac.yaml"))]);
        own.give_token();
        Ok(own)
    }

    fn kubectl(&self, words: &[&str]) -> String {
        told("kubectl", &[&["--kubeconfig", path(&self.admin)], words].concat())
    }

    /// A kubeconfig with the account's token alone: whatever the administrator may do, it may not.
    fn give_token(&self) {
        let words = ["--namespace", "drydock", "create", "token", "drydock-rehearser", "--duration", "2h"];
        let token = self.kubectl(&words);
        let known: serde_json::Value =
            serde_saphyr::from_str(&fs::read_to_string(&self.admin).expect("it is there")).expect("YAML");
        let config = serde_json::json!({
            "apiVersion": "v1", "kind": "Config",
            "clusters": [{"name": "c", "cluster": known["clusters"][0]["cluster"]}],
            "users": [{"name": "u", "user": {"token": token.trim()}}],
            "contexts": [{"name": "staging", "context": {"cluster": "c", "user": "u"}}],
        });
        fs::write(&self.user, config.to_string()).expect("a kubeconfig");
    }

    /// Names of namespaces that runs made.
    fn of_runs(&self) -> Vec<String> {
        let words =
            ["get", "namespaces", "--output", "name", "--selector", "app.kubernetes.io/managed-by=drydock"];
        self.kubectl(&words).lines().map(ToOwned::to_owned).collect()
    }

    /// What a run must not have touched.
    fn of_others(&self) -> String {
        let words = ["get", "configmap", "bystander", "--namespace", "camunda", "--output", "yaml"];
        let names = ["get", "namespaces", "--output", "name"];
        let roles = ["get", "clusterroles,clusterrolebindings,persistentvolumes", "--output", "name"];
        format!("{}{}{}", self.kubectl(&words), self.kubectl(&names), self.kubectl(&roles))
    }

    fn drydock(&self, folder: &Path) -> Command {
        let mut command = drydock(folder);
        command.env("KUBECONFIG", &self.user).env("DRYDOCK_WORK", folder.join("work"));
        command
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let words = ["delete", "cluster", "--name", &self.name, "--kubeconfig", path(&self.admin)];
        let _ = Command::new("kind").args(words).output();
    }
}

/// Images of both sides, as the doctor names them; they have to be here, because a test pulls nothing.
fn images() -> Result<Vec<String>, String> {
    let named = |variable: &str, usual: &str| std::env::var(variable).unwrap_or_else(|_| usual.to_owned());
    let images = vec![
        named("DRYDOCK_IMAGE_POSTGRES", "postgres:15").replace("{version}", "15"),
        named("DRYDOCK_IMAGE_ELASTICSEARCH", "elasticsearch:8.16.6"),
    ];
    for image in &images {
        let found = Command::new("docker").args(["image", "inspect", image]).output();
        if !found.is_ok_and(|output| output.status.success()) {
            return Err(format!("context: the image {image} is not here"));
        }
    }
    Ok(images)
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

fn told(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output().expect("it starts");
    assert!(output.status.success(), "{program} {words:?}: {}", text(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn with_the_rights_of_the_file_a_rehearsal_in_a_context_is_green_and_touches_nothing_of_others() {
    let (_turn, folder) = (turn(), folder());
    let cluster = match Elsewhere::make(folder.path()) {
        Ok(cluster) => cluster,
        Err(why) => return skip(&why),
    };
    let (before, user) = (cluster.of_others(), fs::read(&cluster.user).expect("it is there"));
    let mut rehearse = cluster.drydock(folder.path());
    let output = rehearse
        .args(["rehearse", "--on", "context:staging"])
        .arg(scenario("tiny.yaml"))
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(cluster.of_runs(), Vec::<String>::new());
    assert_eq!(cluster.of_others(), before);
    assert_eq!(fs::read(&cluster.user).expect("it is there"), user, "the user's kubeconfig was written");
    let run = run_folder(folder.path());
    let record = fs::read_to_string(run.join("record.jsonl")).expect("a record");
    assert_eq!(record.matches("container of ").count(), 4, "each store is told with its image");
    assert!(fs::metadata(run.join("logs/events.log")).is_ok_and(|about| about.len() > 0));

    a_killed_store_comes_back_and_a_loss_is_red(folder.path(), &cluster);
    what_a_killed_run_left_is_removed(folder.path(), &cluster);
    assert_eq!(cluster.of_others(), before);
}

/// The way to a store leads to its next pod: what a killed target holds back is a stop, and resumed the run goes on to its end.
fn a_killed_store_comes_back_and_a_loss_is_red(folder: &Path, cluster: &Elsewhere) {
    let file = small(
        folder,
        "context:staging",
        "losses",
        "faults:\n  - fault: lose-document\n  - fault: lose-row\n",
    );
    let output = cluster.drydock(folder).arg("rehearse").arg(&file).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let killed = small(folder, "context:staging", "struck", "faults:\n  - fault: target-killed\n");
    let output = cluster.drydock(folder).arg("rehearse").arg(&killed).output().expect("it runs");
    assert_eq!(output.status.code(), Some(5), "{}", text(&output));
    let runs = fs::read_dir(folder.join("reports/runs")).expect("runs").flatten().map(|e| e.path());
    let struck =
        |run: &PathBuf| run.file_name().is_some_and(|name| name.to_string_lossy().starts_with("struck-"));
    let run = runs.into_iter().find(struck).expect("its folder");
    let record = fs::read_to_string(run.join("record.jsonl")).expect("a record");
    assert!(record.contains("\"fault\":\"target-killed\""), "nothing was struck: {}", text(&output));
    let name = run.file_name().expect("a name");
    let output = cluster.drydock(folder).args(["rehearse", "--resume"]).arg(name).output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(cluster.of_runs(), Vec::<String>::new());
}

fn what_a_killed_run_left_is_removed(folder: &Path, cluster: &Elsewhere) {
    let file = small(folder, "context:staging", "cut", "");
    let mut rehearse = cluster.drydock(folder);
    let mut child = rehearse
        .arg("rehearse")
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let deadline = Instant::now() + Duration::from_secs(90);
    while cluster.of_runs().len() < 2 {
        assert!(Instant::now() < deadline, "its namespaces never were there");
        // The cluster belongs to another process: there is nothing to wait on.
        std::thread::sleep(Duration::from_millis(300));
    }
    let clean =
        |words: &[&str]| text(&cluster.drydock(folder).arg("clean").args(words).output().expect("it runs"));
    assert!(clean(&[]).contains("left alone"), "a living run was touched");
    child.kill().expect("kill -9");
    child.wait().expect("wait");
    let work = fs::read_dir(folder.join("work")).expect("work directories").flatten();
    let copies: Vec<PathBuf> = work.map(|e| e.path().join("kubeconfig")).filter(|p| p.is_file()).collect();
    assert_eq!(copies.len(), 1, "{copies:?}");
    let mode = fs::metadata(&copies[0]).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let dry = clean(&["--dry-run"]);
    assert!(dry.contains("namespace drydock-cut") && dry.contains("context staging"), "{dry}");
    assert_eq!(cluster.of_runs().len(), 2, "a dry run removes nothing");
    // The user's own kubeconfig is not needed for it.
    let mut cleaning = cluster.drydock(folder);
    let output = cleaning.arg("clean").env("KUBECONFIG", "/nowhere").output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(cluster.of_runs(), Vec::<String>::new());
    assert!(clean(&[]).contains("nothing to clean"));
}
