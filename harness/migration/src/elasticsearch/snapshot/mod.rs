//! The way by snapshot: a repository that both clusters reach, snapshots of the source in it, restored by the target.
//!
//! The first snapshot is taken while users work, so that the one during the cutover carries only what changed since. The
//! target has the repository read-only: two clusters that write into one repository destroy it.

mod restore;
mod take;

pub(crate) use take::{Which, take};

use super::encode;
use crate::context::{Facts, MigrationContext, Reporter};
use crate::error::MigrationError;
use drydock_core::scenario::Repository;
use drydock_stores::elasticsearch::{Client, ElasticsearchError};
use serde_json::{Value, json};

/// What a run calls its repository and its snapshots: the run's own name, so that no other run's are touched.
#[derive(Debug, Clone)]
struct Names {
    repository: String,
    initial: String,
    last: String,
}

impl Names {
    fn of(cx: &MigrationContext) -> Self {
        let run = cx.run_dir.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
        let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
        let repository = format!("drydock-{}", run.chars().map(safe).collect::<String>());
        Self { initial: format!("{repository}-initial"), last: format!("{repository}-final"), repository }
    }

    fn repository_path(&self) -> String {
        format!("/_snapshot/{}", encode(&self.repository))
    }

    fn path(&self, snapshot: &str) -> String {
        format!("{}/{}", self.repository_path(), encode(snapshot))
    }
}

/// What a cluster may do with the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Write,
    Read,
}

/// Makes the repository known to a cluster, which tries it on every node.
async fn register(cx: &MigrationContext, client: &Client, access: Access) -> Result<(), MigrationError> {
    let Some(repository) = &cx.spec.repository else {
        return Err(MigrationError::migration(
            "register the repository for snapshots",
            "the scenario names none, and the clusters have no folder in common that is known",
            "add `repository: {type: fs, settings: {location: …}}` or one of type s3 below `migration`",
        ));
    };
    let mut settings = json!(repository.settings);
    if access == Access::Read {
        settings["readonly"] = json!(true);
    }
    let body = json!({"type": repository.kind.as_str(), "settings": settings});
    let path = Names::of(cx).repository_path();
    client.put(&path, &body).await.map(drop).map_err(|e| refused(client, repository, &e))
}

/// A repository that a cluster does not take, with what to do about it.
fn refused(client: &Client, repository: &Repository, error: &ElasticsearchError) -> MigrationError {
    let kind = repository.kind.as_str();
    let attempted = format!("register a repository of type {kind} with {}", client.url());
    let words = error.to_string();
    let next = if words.contains("does not exist") && words.contains("repository type") {
        format!(
            "give every node of this cluster the module repository-{kind} (`bin/elasticsearch-plugin install repository-{kind}` \
             where the distribution lacks it) and restart it, or use a repository of another type"
        )
    } else if words.contains("path.repo") || words.contains("failed to create repository") {
        "list the location in path.repo in elasticsearch.yml of every node of this cluster and restart it"
            .to_owned()
    } else if words.contains("not accessible") || words.contains("verification") {
        "let the user that runs the cluster read and write there, on every node".to_owned()
    } else {
        return MigrationError::elasticsearch(attempted, error);
    };
    MigrationError::migration(attempted, words, next)
}

/// Registers the repository on both sides: what is wrong with it shows before anything is stopped.
pub(crate) async fn prepare(cx: &MigrationContext) -> Result<Facts, MigrationError> {
    register(cx, &cx.source_elasticsearch()?, Access::Write).await?;
    register(cx, &cx.target_elasticsearch()?, Access::Read).await?;
    let kind = cx.spec.repository.as_ref().map(|r| r.kind.as_str());
    Ok(Facts::from([("repository".into(), json!(kind))]))
}

/// Removes the run's snapshots, and the repository from both clusters. What does not work is told: the data is where it
/// belongs, and its copy in the repository is the only thing left.
async fn remove(cx: &MigrationContext, source: &Client, target: &Client, reporter: &dyn Reporter) -> bool {
    let names = Names::of(cx);
    let mut clean = true;
    let steps = [
        (target, names.repository_path()),
        (source, names.path(&names.last)),
        (source, names.path(&names.initial)),
        (source, names.repository_path()),
    ];
    for (client, path) in steps {
        match client.delete(&path).await {
            Ok(_) => {}
            Err(e) if e.is_not_found() => {}
            Err(e) => {
                clean = false;
                reporter.note(&format!("{path} of {} has to be removed by hand: {e}", client.url()));
            }
        }
    }
    clean
}

/// A snapshot as the repository describes it, or nothing if it holds none of that name.
async fn described(client: &Client, names: &Names, snapshot: &str) -> Result<Option<Value>, MigrationError> {
    match client.get(&names.path(snapshot)).await {
        Ok(answer) => Ok(answer["snapshots"].get(0).cloned()),
        Err(e) if e.is_not_found() => Ok(None),
        Err(e) => Err(MigrationError::elasticsearch(format!("read snapshot {snapshot}"), &e)),
    }
}

/// What is wrong with a snapshot that has ended, if anything: a part of one is none.
fn flaw(snapshot: &Value, wanted: &[String]) -> Option<String> {
    let state = snapshot["state"].as_str().unwrap_or("of unknown state");
    let failures = snapshot["failures"].as_array().map(Vec::as_slice).unwrap_or_default();
    let (total, good) = (snapshot["shards"]["total"].as_u64(), snapshot["shards"]["successful"].as_u64());
    if state != "SUCCESS" || !failures.is_empty() || total.is_none() || total != good {
        let first = failures.first().map(|f| {
            let shard = format!("{} shard {}", f["index"].as_str().unwrap_or("?"), f["shard_id"]);
            format!("; the first failure: {shard}: {}", f["reason"].as_str().unwrap_or("no reason given"))
        });
        let reason = snapshot["reason"].as_str().map(|r| format!(", {r}")).unwrap_or_default();
        return Some(format!(
            "it is {state}, {} of {} shards are in it{reason}{}",
            good.unwrap_or(0),
            total.unwrap_or(0),
            first.unwrap_or_default()
        ));
    }
    let held: Vec<&str> =
        snapshot["indices"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let missing = wanted.iter().find(|w| !held.contains(&w.as_str()));
    missing.map(|m| format!("it holds {} of {} indices, and {m} is not among them", held.len(), wanted.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_snapshot_is_none() {
        let wanted = ["a".to_owned(), "b".to_owned()];
        let good = json!({"state": "SUCCESS", "indices": ["b", "a"], "failures": [], "shards": {"total": 4, "failed": 0, "successful": 4}});
        assert_eq!(flaw(&good, &wanted), None);
        let with = |change: &dyn Fn(&mut Value)| {
            let mut bad = good.clone();
            change(&mut bad);
            flaw(&bad, &wanted)
        };
        for (bad, words) in [
            (with(&|s| s["state"] = json!("PARTIAL")), "PARTIAL"),
            (with(&|s| s["state"] = json!("FAILED")), "FAILED"),
            (with(&|s| s["state"] = json!("IN_PROGRESS")), "IN_PROGRESS"),
            (with(&|s| s["shards"]["successful"] = json!(3)), "3 of 4 shards"),
            (
                with(&|s| s["failures"] = json!([{"index": "a", "shard_id": 1, "reason": "gone"}])),
                "a shard 1: gone",
            ),
            (with(&|s| s["indices"] = json!(["b"])), "a is not among them"),
            (flaw(&json!({}), &wanted), "unknown state"),
        ] {
            assert!(bad.as_ref().is_some_and(|b| b.contains(words)), "{bad:?} lacks {words}");
        }
    }
}
