//! The node of a run's cluster, from inside: standing still and dying are the node's affair, of which the API server knows
//! nothing.

use super::configuration::SNAPSHOTS;
use super::place::{Namespaces, Place};
use crate::containers::Engine;
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use std::time::{Duration, Instant};

/// How long a killed store may take to be gone.
const DYING: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(100);
/// The container of the API server, which is a static pod of the node.
const API_SERVER: &str = "labels.\"io.kubernetes.container.name\"==kube-apiserver,\
     labels.\"io.kubernetes.pod.namespace\"==kube-system,labels.\"io.cri-containerd.kind\"==container";

/// Where volumes lie that were set apart: in the node's memory, so that their size can be changed while they are used.
const VOLUMES: &str = "/drydock/volumes";
/// The size of one of them.
const VOLUME_KIB: u32 = 1 << 20;

/// The one node of a cluster.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    engine: Engine,
    id: String,
}

/// A store's container on the node.
#[derive(Debug, Clone)]
pub(crate) struct NodeStore {
    node: Node,
    place: Place,
}

impl Node {
    /// The node of a cluster.
    ///
    /// # Errors
    /// The engine does not tell, or has none.
    pub(super) async fn of(engine: &Engine, cluster: &str) -> Result<Self> {
        let found = engine.nodes(cluster).await?.into_iter().next();
        let (id, _) = found.ok_or_else(|| {
            EnvironmentError::new(
                EnvironmentProblem::Cluster,
                format!("the cluster {cluster} has no node"),
                "look whether somebody removed its container, then rehearse again from the beginning",
            )
        })?;
        Ok(Self { engine: engine.clone(), id })
    }

    /// Whether its container runs.
    ///
    /// # Errors
    /// The engine does not tell.
    pub(super) async fn is_running(&self) -> Result<bool> {
        self.engine.is_running(&self.id).await
    }

    /// Makes the folder that the clusters of both sides keep snapshots in.
    ///
    /// # Errors
    /// The node refuses.
    pub(super) async fn make_snapshots(&self) -> Result<()> {
        // Whoever an image runs as may write there.
        let command = format!("mkdir -p {SNAPSHOTS} && chmod 0777 {SNAPSHOTS}");
        self.engine.run_as_root(&self.id, &["sh", "-c", &command]).await.map(drop)
    }

    /// Removes every snapshot, as by hand.
    ///
    /// # Errors
    /// The node refuses.
    pub(super) async fn remove_snapshots(&self) -> Result<()> {
        self.engine.empty_folder(&self.id, SNAPSHOTS).await
    }

    /// A store's container on it.
    pub(super) fn store(&self, place: Place) -> NodeStore {
        NodeStore { node: self.clone(), place }
    }

    /// Lets the API server stand still: connections stay, and nobody answers.
    ///
    /// # Errors
    /// It does not run, or the node refuses.
    pub(super) async fn hold_api_server(&self) -> Result<()> {
        match self.task(API_SERVER).await? {
            Some((id, Task::Running)) => self.ctr(&["tasks", "pause", &id]).await.map(drop),
            Some((_, Task::Paused)) => Ok(()),
            None => Err(EnvironmentError::new(
                EnvironmentProblem::Cluster,
                "the API server was to stand still, and no container of it runs on the node",
                "use a node's image in which the API server is a static pod, as in those of kind",
            )),
        }
    }

    /// Lets it go on. One that does not stand still stays as it is.
    ///
    /// # Errors
    /// The node refuses.
    pub(super) async fn let_api_server_go_on(&self) -> Result<()> {
        match self.task(API_SERVER).await? {
            Some((id, Task::Paused)) => self.ctr(&["tasks", "resume", &id]).await.map(drop),
            Some((_, Task::Running)) | None => Ok(()),
        }
    }

    /// Has a volume's folder lie on a file system of its own, with the same files, so that it can be full by itself. No pod may use
    /// it meanwhile. Whoever is killed in the middle leaves the volume as it was.
    ///
    /// # Errors
    /// There is more in it than [`VOLUME_KIB`], or the node refuses.
    pub(super) async fn set_volume_apart(&self, folder: &str) -> Result<()> {
        let script = format!(
            "set -e; d={folder}; m={VOLUMES}/$(basename \"$d\"); mountpoint -q \"$d\" && exit 0; \
             used=$(du -sk \"$d\" | cut -f1); \
             [ \"$used\" -lt {VOLUME_KIB} ] || {{ echo \"$used KiB are more than can be held apart\"; exit 3; }}; \
             mountpoint -q \"$m\" && umount \"$m\"; mkdir -p \"$m\"; mount -t tmpfs -o size={VOLUME_KIB}k tmpfs \"$m\"; \
             cp -a \"$d/.\" \"$m/\"; mount --bind \"$m\" \"$d\""
        );
        self.bash(&script).await.map(drop)
    }

    /// Leaves a volume that was set apart so many KiB beside what it holds.
    ///
    /// # Errors
    /// It was not set apart, or the node refuses.
    pub(super) async fn narrow_volume(&self, folder: &str, room: u32) -> Result<()> {
        let script = format!(
            "set -e; m={VOLUMES}/$(basename {folder}); mountpoint -q \"$m\"; \
             used=$(df -k --output=used \"$m\" | tail -n 1); mount -o remount,size=$((used + {room}))k \"$m\""
        );
        self.bash(&script).await.map(drop)
    }

    /// Gives every volume that was set apart its room back.
    ///
    /// # Errors
    /// The node refuses.
    pub(super) async fn widen_volumes(&self) -> Result<()> {
        let script = format!(
            "set -e; for m in {VOLUMES}/*; do if mountpoint -q \"$m\"; then mount -o remount,size={VOLUME_KIB}k \"$m\"; fi; done"
        );
        self.bash(&script).await.map(drop)
    }

    /// Runs a short script of `bash` on the node, to its end, and tells what it printed.
    ///
    /// # Errors
    /// It ends with another exit code than 0, or the engine refuses.
    pub(super) async fn bash(&self, script: &str) -> Result<String> {
        self.engine.run_as_root(&self.id, &["bash", "-c", script]).await
    }

    /// Of the containers that a filter of containerd chooses, the one that runs or stands still; `None` if none does.
    async fn task(&self, filter: &str) -> Result<Option<(String, Task)>> {
        // Its earlier lives are listed as well.
        let containers = self.ctr(&["containers", "list", "--quiet", filter]).await?;
        let tasks = self.ctr(&["tasks", "list"]).await?;
        Ok(of_tasks(&tasks, &containers))
    }

    async fn ctr(&self, command: &[&str]) -> Result<String> {
        let whole: Vec<&str> = ["ctr", "--namespace", "k8s.io"].iter().chain(command).copied().collect();
        self.engine.run_as_root(&self.id, &whole).await
    }
}

/// What containerd says of a container that was not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task {
    Running,
    Paused,
}

impl NodeStore {
    /// The container that runs, or stands still; `None` if none does.
    async fn task(&self) -> Result<Option<(String, Task)>> {
        let (pod, namespaces) = (self.place.pod(), Namespaces::usual());
        let namespace = namespaces.of(self.place.side);
        let filter = format!(
            "labels.\"io.kubernetes.pod.name\"=={pod},labels.\"io.kubernetes.pod.namespace\"=={namespace},\
             labels.\"io.cri-containerd.kind\"==container"
        );
        self.node.task(&filter).await
    }

    /// Lets the store stand still: connections stay, and nobody answers.
    ///
    /// # Errors
    /// It does not run, or the node refuses.
    pub(crate) async fn pause(&self) -> Result<()> {
        match self.task().await? {
            Some((id, Task::Running)) => self.node.ctr(&["tasks", "pause", &id]).await.map(drop),
            Some((_, Task::Paused)) => Ok(()),
            None => Err(self.refused("to stand still", "it does not run")),
        }
    }

    /// Lets it go on. One that does not stand still, or has ended, stays as it is.
    ///
    /// # Errors
    /// The node refuses.
    pub(crate) async fn go_on(&self) -> Result<()> {
        match self.task().await? {
            Some((id, Task::Paused)) => self.node.ctr(&["tasks", "resume", &id]).await.map(drop),
            Some((_, Task::Running)) | None => Ok(()),
        }
    }

    /// Kills it, and waits until this container of it has ended. The cluster starts another one.
    ///
    /// # Errors
    /// It did not run before, it still runs after, or nobody tells.
    pub(crate) async fn kill(&self) -> Result<()> {
        let Some((id, _)) = self.task().await? else {
            return Err(self.refused("to be killed", "it does not run"));
        };
        self.node.ctr(&["tasks", "kill", "--all", "--signal", "SIGKILL", &id]).await?;
        let began = Instant::now();
        while self.task().await?.is_some_and(|(now, _)| now == id) {
            if began.elapsed() > DYING {
                return Err(self.refused("to be killed", "it still runs"));
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    fn refused(&self, what: &str, why: &str) -> EnvironmentError {
        EnvironmentError::new(
            EnvironmentProblem::StartFailed,
            format!("the store in the pod {} was {what}: {why}", self.place.pod()),
            "look at the store's log in the run folder",
        )
    }
}

/// The first of some containers whose task was not ended, of a list with identifier, process and status in each line.
fn of_tasks(tasks: &str, containers: &str) -> Option<(String, Task)> {
    let wanted: Vec<&str> = containers.split_whitespace().collect();
    tasks.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let id = words.next().filter(|id| wanted.contains(id))?;
        let task = match words.next_back()? {
            "RUNNING" => Task::Running,
            "PAUSED" | "PAUSING" => Task::Paused,
            _ => return None,
        };
        Some((id.to_owned(), task))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_pods_lives_only_the_one_that_was_not_ended_counts() {
        let tasks =
            "TASK    PID     STATUS\nold    0    STOPPED\nother    4    RUNNING\nnew    7    RUNNING\n";
        assert_eq!(of_tasks(tasks, "old\nnew\n"), Some(("new".to_owned(), Task::Running)));
        assert_eq!(
            of_tasks(&tasks.replace("7    RUNNING", "7    PAUSED"), "new\n"),
            Some(("new".to_owned(), Task::Paused))
        );
        assert_eq!(of_tasks(tasks, "old\n"), None);
        assert_eq!(of_tasks(tasks, ""), None);
    }
}
