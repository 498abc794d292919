//! The marks of a freeze that somebody else carries out: real pods go on after users have left, until the official scripts stop
//! them, so that nothing can be held against what it was before the last of them is gone.

use super::cutover::{MARKS, SETTLE_LIMIT};
use super::kept::{Readers, keep};
use super::{RealWorld, Stepped, internal, of_migration};
use crate::flow::Facts;
use drydock_environments::{Moment, Side};
use drydock_migration::MigrationError;
use drydock_migration::freeze::{FreezeWitness, Marks, Settled, Watch};
use drydock_stores::StorePair;
use serde_json::json;
use tokio::task::JoinHandle;

/// What is taken once the last pod is gone: marks, whether they settled, and the watch that began with them.
type Taken = Result<(Marks, Settled, Watch), MigrationError>;

/// Waits for the moment.
#[derive(Debug)]
pub(super) struct AtRest {
    source: StorePair,
    databases: Vec<String>,
    prefixes: Vec<String>,
    task: Option<JoinHandle<Taken>>,
}

impl AtRest {
    /// Looks at the pods. The first time that none is left, the marks are taken, while the scripts go on.
    pub(super) fn see(&mut self, moment: &Moment) {
        if self.task.is_some() || !moment.applications.is_empty() {
            return;
        }
        let (source, databases, prefixes) =
            (self.source.clone(), self.databases.clone(), self.prefixes.clone());
        self.task = Some(tokio::spawn(async move {
            let (marks, settled) =
                FreezeWitness::settle(&source, &databases, &prefixes, SETTLE_LIMIT).await?;
            let watch = Watch::start(&source, &databases, &prefixes, &marks);
            Ok((marks, settled, watch))
        }));
    }
}

impl Drop for AtRest {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl RealWorld {
    /// Whether real pods go on after users have left, until the scripts stop them.
    pub(super) fn pods_go_on(&self) -> bool {
        self.has_chart() && self.config.scenario.scripts().is_some()
    }

    /// Somebody to look at the pods while the scripts cut over; `None` where they were stopped before.
    pub(super) fn wait_for_rest(&self) -> Stepped<Option<AtRest>> {
        if !self.pods_go_on() {
            return Ok(None);
        }
        let prefixes = self.watched_prefixes();
        let (source, databases) = (self.side(Side::Source)?, self.databases());
        Ok(Some(AtRest { source, databases, prefixes, task: None }))
    }

    /// Takes up what was taken once no pod was left. Where one was always left there is nothing: the check of the freeze says so.
    pub(super) async fn take_rest(&mut self, waited: Option<AtRest>, facts: &mut Facts) -> Stepped<()> {
        let Some(task) = waited.and_then(|mut waited| waited.task.take()) else { return Ok(()) };
        let taken = task.await.map_err(|e| internal(&e.to_string()))?;
        let (marks, settled, watch) = taken.map_err(of_migration)?;
        facts.insert("at_rest".into(), json!(settled == Settled::Quiet));
        self.judge_marks(&marks, settled, facts).await?;
        keep(&self.config.folder.join(MARKS), &marks, Readers::Anybody)?;
        self.hold_against(marks, watch);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use drydock_stores::endpoint::PostgresTls;
    use drydock_stores::{ElasticsearchEndpoint, PostgresEndpoint};

    #[tokio::test]
    async fn marks_are_taken_at_the_first_moment_without_pods_and_only_then() {
        let source = StorePair {
            postgres: PostgresEndpoint {
                host: "127.0.0.1".into(),
                port: 9,
                user: "nobody".into(),
                password: None,
                tls: PostgresTls::Off,
                transport: Default::default(),
            },
            elasticsearch: ElasticsearchEndpoint::plain("http://127.0.0.1:9"),
        };
        let mut rest =
            AtRest { source, databases: Vec::new(), prefixes: vec!["operate-".into()], task: None };
        let with = |pods: &[&str]| Moment {
            stuck: std::collections::BTreeMap::default(),
            applications: pods.iter().map(ToString::to_string).collect(),
            ..Moment::default()
        };
        rest.see(&with(&["camunda-operate-x (ending since 2026-01-01T00:00:00Z)"]));
        assert!(rest.task.is_none(), "a pod that is ending may still write");
        rest.see(&with(&[]));
        let first = rest.task.as_ref().map(JoinHandle::id);
        assert!(first.is_some());
        rest.see(&with(&[]));
        assert_eq!(rest.task.as_ref().map(JoinHandle::id), first, "and not a second time");
        let taken = rest.task.take().unwrap().await.unwrap();
        assert!(taken.is_err(), "nobody listens there");
    }
}
