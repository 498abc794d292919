//! One store under watch: looks are taken, fed into the state machine, and what a verdict needs of them is kept.

use super::endpoints::Endpoints;
use super::look::{Looker, Positions};
use crate::recorder::Recorder;
use drydock_core::Store;
use drydock_core::observe::{Conclusion, Look, Rest, Seen, Sight, Watching, Workloads};
use drydock_stores::compare::{self, CheckResult, Options};
use drydock_stores::elasticsearch::Scope;

/// A store under watch.
pub(super) struct Watched {
    pub(super) store: Store,
    pub(super) looker: Looker,
    pub(super) watch: Watching<Positions>,
    /// The source when the last comparison began.
    pub(super) at_comparison: Option<Positions>,
    /// The source when it was seen last.
    pub(super) last_source: Option<Positions>,
    /// Whether the last look saw it.
    pub(super) source_is_there: bool,
    /// Checks of the last comparison.
    pub(super) checks: Vec<&'static str>,
    /// What it came to, in words.
    pub(super) came_to: String,
    /// Comparisons that were made.
    pub(super) attempts: u64,
    /// A comparison ended without an answer.
    pub(super) broken: bool,
}

impl Watched {
    pub(super) fn new(store: Store, endpoints: &Endpoints, rest: Rest) -> Self {
        Self {
            store,
            looker: Looker::new(store, endpoints),
            watch: Watching::new(rest),
            at_comparison: None,
            last_source: None,
            source_is_there: false,
            checks: Vec::new(),
            came_to: String::new(),
            attempts: 0,
            broken: false,
        }
    }

    /// One look.
    pub(super) async fn look(&mut self, recorder: &Recorder, workloads: Workloads) -> (Store, Vec<Seen>) {
        let began_ms = recorder.now_ms();
        let (source, target) = self.looker.look().await;
        self.source_is_there = matches!(source, Sight::Seen { .. });
        if let Sight::Seen { positions, .. } = &source {
            self.last_source = Some(positions.clone());
        }
        let look = Look { began_ms, ended_ms: recorder.now_ms(), source, target, workloads };
        (self.store, self.watch.look(look))
    }

    /// Begins a comparison if one is due.
    pub(super) fn begin(&mut self) -> bool {
        let begins = !self.broken && self.watch.begin();
        if begins {
            self.at_comparison.clone_from(&self.last_source);
        }
        begins
    }

    pub(super) fn conclusion(&self) -> Conclusion {
        if self.broken { Conclusion::LeftEarly } else { self.watch.conclusion() }
    }
}

/// Compares a store as `drydock verify` does, on sides that are held still.
pub(super) async fn compare(store: Store, endpoints: &Endpoints) -> Vec<CheckResult> {
    let tuning = Options::default();
    match (store, &endpoints.elasticsearch, &endpoints.postgres) {
        (Store::Elasticsearch, Some(both), _) => {
            let scope = Scope { prefixes: endpoints.prefixes.clone() };
            compare::elasticsearch(&both.source, &both.target, &scope, &tuning).await
        }
        (Store::Postgres, _, Some(both)) => {
            compare::postgres(&both.source, &both.target, &endpoints.databases, &tuning).await
        }
        _ => Vec::new(),
    }
}
