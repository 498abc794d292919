//! What the pods of a run say, and what its cluster says about them: written into the run folder while it happens, because
//! nothing of it is left afterwards.

use super::cluster::Cluster;
use super::place::Namespaces;
use crate::supervised::open_log;
use futures_util::AsyncBufReadExt;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::{Api, ListParams, LogParams};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

/// Between two looks for new pods and events.
const LOOK: Duration = Duration::from_secs(2);
/// How long a look may take, and the last lines of all logs at the end.
const LIMIT: Duration = Duration::from_secs(10);

/// Writes logs and events until it is finished or dropped.
#[derive(Debug)]
pub(super) struct Witness {
    stop: Arc<Notify>,
    task: Option<JoinHandle<()>>,
}

impl Witness {
    /// Begins to write into a folder.
    pub(super) fn start(cluster: &Cluster, folder: &Path) -> Self {
        let stop = Arc::new(Notify::new());
        let mut watching = Watching {
            cluster: cluster.clone(),
            folder: folder.to_owned(),
            events: BTreeSet::new(),
            followed: BTreeSet::new(),
            followers: JoinSet::new(),
        };
        let told = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            loop {
                let stopped = tokio::time::timeout(LOOK, told.notified()).await.is_ok();
                // A server that does not answer is told by whoever needs it.
                let _ = tokio::time::timeout(LIMIT, watching.look()).await;
                if stopped {
                    break;
                }
            }
            // Of pods that live on, the lines until now.
            let rest = async { while watching.followers.join_next().await.is_some() {} };
            let _ = tokio::time::timeout(Duration::from_secs(1), rest).await;
        });
        Self { stop, task: Some(task) }
    }

    /// Looks a last time, and ends.
    pub(super) async fn finish(&mut self) {
        self.stop.notify_one();
        if let Some(task) = self.task.take() {
            let abort = task.abort_handle();
            if tokio::time::timeout(LIMIT * 2, task).await.is_err() {
                abort.abort();
            }
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

struct Watching {
    cluster: Cluster,
    folder: PathBuf,
    /// What was written: an event is told anew when it happens again.
    events: BTreeSet<String>,
    /// Containers by pod, name, and how often they were started.
    followed: BTreeSet<(String, String, i32)>,
    followers: JoinSet<()>,
}

impl Watching {
    async fn look(&mut self) {
        let namespaces = self.cluster.namespaces().clone();
        for namespace in namespaces.both() {
            let events: Api<Event> = Api::namespaced(self.cluster.client(), namespace);
            if let Ok(list) = events.list(&ListParams::default()).await {
                let new = list.iter().filter(|event| self.events.insert(key(event))).map(line);
                let lines: Vec<String> = new.collect();
                self.write(&lines);
            }
            let pods: Api<Pod> = Api::namespaced(self.cluster.client(), namespace);
            for pod in pods.list(&ListParams::default()).await.iter().flatten() {
                self.follow(&namespaces, namespace, pod);
            }
        }
    }

    /// A log that cannot be written must not end a rehearsal; a full disk shows in the record.
    fn write(&self, lines: &[String]) {
        if let Ok(mut out) = open_log(&self.folder.join("events.log")) {
            for line in lines {
                let _ = writeln!(out, "{line}");
            }
        }
    }

    fn follow(&mut self, namespaces: &Namespaces, namespace: &str, pod: &Pod) {
        let (name, uid) =
            (pod.metadata.name.clone().unwrap_or_default(), pod.metadata.uid.clone().unwrap_or_default());
        let statuses = pod.status.iter().filter_map(|s| s.container_statuses.as_ref()).flatten();
        for container in statuses {
            let began =
                container.state.as_ref().is_some_and(|s| s.running.is_some() || s.terminated.is_some());
            if !began || !self.followed.insert((uid.clone(), container.name.clone(), container.restart_count))
            {
                continue;
            }
            let Ok(mut out) =
                open_log(&self.folder.join(file_of(namespaces, namespace, &name, &container.name)))
            else {
                continue;
            };
            let pods: Api<Pod> = Api::namespaced(self.cluster.client(), namespace);
            let wanted =
                LogParams { container: Some(container.name.clone()), follow: true, ..LogParams::default() };
            let name = name.clone();
            self.followers.spawn(async move {
                let Ok(stream) = pods.log_stream(&name, &wanted).await else { return };
                let (mut stream, mut line) = (std::pin::pin!(stream), Vec::new());
                // Bytes, because not every program says only what is text.
                while stream.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
                    let _ = out.write_all(&line);
                    line.clear();
                }
            });
        }
    }
}

/// Name of the file for what a container says: that of its store, as in the other environments, else the pod's.
fn file_of(namespaces: &Namespaces, namespace: &str, pod: &str, container: &str) -> String {
    let store = namespaces
        .places()
        .into_iter()
        .find(|p| namespaces.of(p.side) == namespace && p.pod() == pod && p.container() == container);
    match store {
        Some(place) => format!("{}-{}.log", place.side, place.store),
        None => format!("{pod}.{container}.log"),
    }
}

fn key(event: &Event) -> String {
    let meta = &event.metadata;
    format!(
        "{}/{}",
        meta.uid.as_deref().unwrap_or_default(),
        meta.resource_version.as_deref().unwrap_or_default()
    )
}

/// `2026-01-01T00:00:00Z Warning FailedScheduling Pod/camunda/camunda-zeebe-0: words`.
fn line(event: &Event) -> String {
    let at = event.last_timestamp.as_ref().or(event.first_timestamp.as_ref()).map(|t| t.0.to_string());
    let at =
        at.or_else(|| event.event_time.as_ref().map(|t| t.0.to_string())).unwrap_or_else(|| "-".to_owned());
    let object = &event.involved_object;
    let text = |word: &Option<String>| word.clone().unwrap_or_default();
    format!(
        "{at} {} {} {}/{}/{}: {}",
        text(&event.type_),
        text(&event.reason),
        text(&object.kind),
        text(&object.namespace),
        text(&object.name),
        text(&event.message).replace('\n', " ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn stores_have_the_files_of_the_other_environments() {
        let usual = Namespaces::usual();
        let file_of = |namespace, pod, container| file_of(&usual, namespace, pod, container);
        assert_eq!(file_of("camunda", "camunda-postgresql-0", "postgresql"), "source-postgres.log");
        assert_eq!(file_of("targets", "target-es-0", "elasticsearch"), "target-elasticsearch.log");
        assert_eq!(file_of("camunda", "camunda-zeebe-0", "zeebe"), "camunda-zeebe-0.zeebe.log");
        assert_eq!(file_of("camunda", "target-es-0", "elasticsearch"), "target-es-0.elasticsearch.log");
    }

    #[test]
    fn an_event_is_one_line_with_its_object() {
        let event: Event = serde_json::from_value(json!({
            "metadata": {"uid": "u", "resourceVersion": "7"},
            "involvedObject": {"kind": "Pod", "namespace": "camunda", "name": "camunda-zeebe-0"},
            "type": "Warning", "reason": "FailedScheduling", "message": "0/1 nodes\nare available",
            "lastTimestamp": "2026-01-01T00:00:00Z",
        }))
        .unwrap();
        let told = line(&event);
        assert_eq!(
            told,
            "2026-01-01T00:00:00Z Warning FailedScheduling Pod/camunda/camunda-zeebe-0: 0/1 nodes are available"
        );
        assert_eq!(key(&event), "u/7");
    }
}
