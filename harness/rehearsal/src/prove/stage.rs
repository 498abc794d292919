//! A seeded source and a target that the builtin driver made from it.

use super::{ProveError, ProveOptions};
use crate::clock::run_id;
use crate::folder::RunFolder;
use crate::start::Keep;
use drydock_core::{Action, Plan, Scenario};
use drydock_environments::{Embedded, EmbeddedConfig, Silent};
use drydock_migration::{Attempt, BuiltinDriver, MigrationContext, Reporter};
use drydock_stores::StorePair;
use drydock_stores::elasticsearch::{Client, Timeouts};
use drydock_workload::elasticsearch::{self as documents, Dataset};
use drydock_workload::postgres::{self as rows, Databases, PostgresProfile, RoleSecrets};
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Everything that the scenario of a proof says.
const SCENARIO: &str =
    "name: prove\nmigration:\n  index_prefixes: [zeebe-, operate-, tasklist-, optimize-, acme-]\n";

/// A migrated pair of stores.
pub(super) struct Stage {
    environment: Embedded,
    pub(super) source: StorePair,
    pub(super) target: StorePair,
    pub(super) prefixes: Vec<String>,
}

struct Quiet;

impl Reporter for Quiet {
    fn item(&self, _: &str, _: u64) {}
    fn progress(&self, _: u64, _: Option<u64>, _: &str) {}
    fn note(&self, _: &str) {}
}

impl Stage {
    /// Starts four stores, fills the source and migrates everything.
    pub(super) async fn set(options: &ProveOptions, say: &dyn Fn(&str)) -> Result<Self, ProveError> {
        let run = run_id("prove", jiff::Timestamp::now());
        let broken = |attempted: &str, reason: &dyn Display| ProveError::Stage {
            attempted: attempted.to_owned(),
            reason: reason.to_string(),
            folder: options.runs.join(run.as_str()).display().to_string(),
        };
        let scenario = Scenario::from_yaml("prove", SCENARIO).map_err(|e| broken("read the scenario", &e))?;
        let folder =
            RunFolder::create(&options.runs, &run).map_err(|e| broken("make the run's folder", &e))?;
        let folder = folder.path().to_owned();
        let mut config = EmbeddedConfig::new(run.as_str(), &folder);
        config.source.elasticsearch_heap_mib = 512;
        config.target.elasticsearch_heap_mib = 512;
        config.postgres_home.clone_from(&options.postgres_home);
        config.elasticsearch_home.clone_from(&options.elasticsearch_home);
        say("starting a source and a target: PostgreSQL and Elasticsearch each");
        let environment = Embedded::start(config, Arc::new(Silent)).await.map_err(ProveError::Environment)?;
        let missing = |what: &str| broken("start the stores", &format!("{what} is not there"));
        let source = environment.source().ok_or_else(|| missing("the source"))?;
        let target = environment.target().ok_or_else(|| missing("the target"))?;
        say("filling the source with a small installation");
        let databases = Databases::new(&PostgresProfile::TINY, options.seed);
        // Local processes that are gone with the proof: the password only has to differ from the others.
        let roles: BTreeMap<String, SecretString> = databases
            .names()
            .iter()
            .map(|n| ((*n).to_owned(), SecretString::from(format!("{n}-{:x}", options.seed))))
            .collect();
        let secrets = roles.iter().fold(RoleSecrets::default(), |s, (r, p)| s.with(r, p.clone()));
        let filled = |e: &dyn Display| broken("fill the source", e);
        rows::create_roles_and_databases(&source.postgres, databases.names(), &secrets)
            .await
            .map_err(|e| filled(&e))?;
        rows::create_second_roles(&source.postgres, databases.names()).await.map_err(|e| filled(&e))?;
        rows::seed(&source.postgres, &databases, &secrets, &|_, _| {}).await.map_err(|e| filled(&e))?;
        let client = Client::new(&source.elasticsearch, Timeouts::default()).map_err(|e| filled(&e))?;
        let dataset = Dataset::new(&documents::Profile::tiny(), options.seed);
        documents::seed(&client, &dataset, &|_, _| {}).await.map_err(|e| filled(&e))?;
        say("migrating it");
        let context = MigrationContext {
            source: source.clone(),
            target: target.clone(),
            spec: scenario.migration.clone(),
            clients: environment.postgres_clients().ok_or_else(|| missing("pg_dump"))?.to_owned(),
            dumps: environment.work_dir().join("dumps"),
            roles,
            run_dir: folder,
            cancel: CancellationToken::new(),
            programs: Default::default(),
        };
        for step in Plan::of(&scenario).steps {
            let ours = step.id.as_str().starts_with("phase-1") || step.id.as_str().starts_with("phase-3");
            if ours && !matches!(step.action, Action::Freeze | Action::Pin | Action::Switch) {
                BuiltinDriver
                    .perform(&context, step.action, &BTreeSet::new(), Attempt::First, &Quiet)
                    .await
                    .map_err(|e| broken(step.id.as_str(), &e))?;
            }
        }
        Ok(Self { environment, source, target, prefixes: scenario.migration.index_prefixes })
    }

    /// Stops the stores, or leaves them running.
    pub(super) async fn strike(self, keep: Keep) -> Result<(), ProveError> {
        let keep = match keep {
            Keep::Nothing => drydock_environments::Keep::Nothing,
            Keep::Running => drydock_environments::Keep::Running,
        };
        self.environment.stop(keep).await.map_err(ProveError::Environment)
    }
}
