//! Copies that the target makes for us, as its task list shows them.

use super::copy::Work;
use super::prefixes::Prefixes;
use crate::error::MigrationError;
use serde_json::Value;

impl Work<'_> {
    /// Copies under way on the target into indices with the wanted prefixes: also into one that users have dropped since, which
    /// would be there again with its first document.
    pub(super) async fn running(&self) -> Result<Vec<Running>, MigrationError> {
        let answer = self
            .target
            .get("/_tasks?actions=*reindex&detailed=true")
            .await
            .map_err(|e| MigrationError::elasticsearch("list the copies under way on the target", &e))?;
        Ok(running_of(&answer, &self.prefixes))
    }

    /// Ends copies of an earlier attempt, which the target goes on with when nobody waits for their answer.
    pub(super) async fn stop_copies(&self) -> Result<(), MigrationError> {
        self.end(self.running().await?).await
    }

    /// The same for copies into one index.
    pub(super) async fn stop_copies_into(&self, index: &str) -> Result<(), MigrationError> {
        let running = self.running().await?;
        self.end(running.into_iter().filter(|task| task.index == index).collect()).await
    }

    /// How many `_bulk` into wanted indices the target has not finished, whoever sent them.
    pub(super) async fn bulks_under_way(&self) -> Result<usize, MigrationError> {
        let answer = self
            .target
            .get("/_tasks?actions=*write/bulk&detailed=true")
            .await
            .map_err(|e| MigrationError::elasticsearch("list the writes under way on the target", &e))?;
        let tasks = tasks_of(&answer).map(|(_, task)| task["description"].as_str().unwrap_or_default());
        Ok(tasks.filter(|described| written_by(described).any(|name| self.prefixes.matches(name))).count())
    }

    async fn end(&self, tasks: Vec<Running>) -> Result<(), MigrationError> {
        for task in tasks {
            let path = format!("/_tasks/{}/_cancel?wait_for_completion=true", super::encode(&task.id));
            match self.target.post_empty(&path).await {
                Ok(_) => {}
                // It has ended by itself meanwhile.
                Err(e) if e.is_not_found() => {}
                Err(e) => {
                    return Err(MigrationError::elasticsearch("end a copy of an earlier attempt", &e));
                }
            }
        }
        Ok(())
    }
}

/// One `_reindex` under way.
pub(super) struct Running {
    id: String,
    /// Where it writes.
    pub(super) index: String,
    pub(super) done: u64,
}

fn running_of(answer: &Value, prefixes: &Prefixes) -> Vec<Running> {
    let mut found = Vec::new();
    for (id, task) in tasks_of(answer) {
        let description = task["description"].as_str().unwrap_or_default();
        let index = description.rsplit_once(" to [").and_then(|(_, rest)| rest.split(']').next());
        if let Some(index) = index.filter(|index| prefixes.matches(index)) {
            let number = |name: &str| task["status"][name].as_u64().unwrap_or(0);
            let index = index.to_owned();
            found.push(Running { id: id.clone(), index, done: number("created") + number("updated") });
        }
    }
    found
}

fn tasks_of(answer: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let nodes = answer["nodes"].as_object().into_iter().flatten();
    nodes.flat_map(|(_, node)| node["tasks"].as_object().into_iter().flatten())
}

/// The indices that a `_bulk` writes to, from its description: `requests[2], indices[a, b]`.
fn written_by(description: &str) -> impl Iterator<Item = &str> {
    let names = description.rsplit_once("indices[").and_then(|(_, rest)| rest.split(']').next());
    names.unwrap_or_default().split(", ").filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_bulk_tells_where_it_writes() {
        let names = |description| written_by(description).collect::<Vec<_>>();
        assert_eq!(names("requests[2], indices[operate-a_, operate-b_]"), ["operate-a_", "operate-b_"]);
        assert_eq!(names("requests[1], indices[]"), Vec::<&str>::new());
        assert_eq!(names("something else"), Vec::<&str>::new());
    }

    #[test]
    fn only_copies_into_wanted_indices_are_ours() {
        let task = |index: &str| {
            json!({"description": format!("reindex from [host=127.0.0.1 port=9200 query={{}}][a to [b]] to [{index}]"),
                   "status": {"created": 3, "updated": 1}})
        };
        let answer = json!({"nodes": {"n": {"tasks": {"n:1": task("mine-a_"), "n:2": task("theirs_")}}}});
        let found = running_of(&answer, &Prefixes::new(&["mine".into()]));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].id.as_str(), found[0].index.as_str(), found[0].done), ("n:1", "mine-a_", 4));
    }
}
