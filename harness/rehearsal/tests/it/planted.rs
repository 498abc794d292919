//! Each loss that a scenario can plant, one after the other on one migrated pair of real stores: the checks that must fire
//! fire and name the item, and no other check does.

use crate::support::{cannot_run, skip};
use drydock_core::names::checks;
use drydock_core::scenario::FaultKind;
use drydock_core::{Action, Component, Finding, Outcome, Plan, Scenario};
use drydock_environments::{Embedded, EmbeddedConfig, Keep, Silent};
use drydock_migration::fault::plant;
use drydock_migration::freeze::{self, FreezeWitness};
use drydock_migration::{Attempt, BuiltinDriver, MigrationContext, Reporter};
use drydock_stores::compare::{self, CheckResult, DatabasePair, Options};
use drydock_stores::elasticsearch::{Client, Scope, Timeouts};
use drydock_workload::elasticsearch::{self as documents, Dataset};
use drydock_workload::postgres::{self as rows, Databases, PostgresProfile, RoleSecrets};
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What must turn red. Whatever else turns red fails the test.
const TABLE: [(FaultKind, &[&str]); 16] = [
    (FaultKind::LoseDocument, &[checks::ES_DOCUMENTS, checks::ES_COUNTS]),
    (FaultKind::ChangeDocument, &[checks::ES_DOCUMENTS]),
    (FaultKind::RerouteDocument, &[checks::ES_DOCUMENTS]),
    (FaultKind::GhostDocument, &[checks::ES_DOCUMENTS, checks::ES_COUNTS]),
    (FaultKind::LoseAlias, &[checks::ES_ALIASES, checks::ES_ACCESS]),
    (FaultKind::LoseTemplate, &[checks::ES_TEMPLATES, checks::ES_FUTURE]),
    (FaultKind::ChangeSetting, &[checks::ES_SETTINGS]),
    (FaultKind::NarrowResultWindow, &[checks::ES_SETTINGS, checks::ES_ACCESS]),
    (FaultKind::AdvanceImportPosition, &[checks::ES_DOCUMENTS, checks::ES_IMPORTS]),
    (FaultKind::LoseRow, &[checks::PG_ROWS, checks::PG_COUNTS]),
    (FaultKind::ChangeRow, &[checks::PG_ROWS]),
    (FaultKind::LoseSequence, &[checks::PG_SEQUENCES]),
    (FaultKind::LoseTableIndex, &[checks::PG_SCHEMA]),
    (FaultKind::LoseGrant, &[checks::PG_ACCESS]),
    (FaultKind::ChangeLargeObject, &[checks::PG_LARGE_OBJECTS]),
    // Last: other losses could fall into the index that this one takes away.
    (FaultKind::LoseIndex, &[checks::ES_INDICES]),
];

pub(crate) struct Quiet;

impl Reporter for Quiet {
    fn item(&self, _: &str, _: u64) {}
    fn progress(&self, _: u64, _: Option<u64>, _: &str) {}
    fn note(&self, _: &str) {}
}

/// A migrated pair of stores.
struct Migrated {
    environment: Embedded,
    context: MigrationContext,
    databases: Vec<DatabasePair>,
    scope: Scope,
}

async fn migrate(folder: &std::path::Path) -> Migrated {
    let yaml =
        "name: planted\nmigration:\n  index_prefixes: [zeebe-, operate-, tasklist-, optimize-, acme-]\n";
    let scenario = Scenario::from_yaml("planted", yaml).expect("the scenario is right");
    let mut config = EmbeddedConfig::new(format!("planted-{}", std::process::id()), folder);
    config.source.elasticsearch_heap_mib = 512;
    config.target.elasticsearch_heap_mib = 512;
    let environment = Embedded::start(config, Arc::new(Silent)).await.expect("the stores start");
    let (source, target) = (environment.source().expect("source"), environment.target().expect("target"));
    let databases = Databases::new(&PostgresProfile::TINY, 7);
    let roles: BTreeMap<String, SecretString> = databases
        .names()
        .iter()
        .map(|n| ((*n).to_owned(), SecretString::from(format!("secret of {n}"))))
        .collect();
    let secrets = roles.iter().fold(RoleSecrets::default(), |s, (r, p)| s.with(r, p.clone()));
    rows::create_roles_and_databases(&source.postgres, databases.names(), &secrets).await.expect("roles");
    rows::create_second_roles(&source.postgres, databases.names()).await.expect("second roles");
    rows::seed(&source.postgres, &databases, &secrets, &|_, _| {}).await.expect("rows");
    let client = Client::new(&source.elasticsearch, Timeouts::default()).expect("client");
    let dataset = Dataset::new(&documents::Profile::tiny(), 7);
    documents::seed(&client, &dataset, &|_, _| {}).await.expect("documents");
    let context = MigrationContext {
        source,
        target,
        spec: scenario.migration.clone(),
        clients: environment.postgres_clients().expect("clients").to_owned(),
        dumps: environment.work_dir().join("dumps"),
        roles,
        run_dir: folder.to_owned(),
        cancel: CancellationToken::new(),
        programs: Default::default(),
    };
    for step in Plan::of(&scenario).steps {
        let ours = step.id.as_str().starts_with("phase-1") || step.id.as_str().starts_with("phase-3");
        if ours && !matches!(step.action, Action::Freeze | Action::Pin | Action::Switch) {
            BuiltinDriver
                .perform(&context, step.action, &BTreeSet::new(), Attempt::First, &Quiet)
                .await
                .unwrap_or_else(|e| panic!("{}: {e}", step.id));
        }
    }
    Migrated {
        environment,
        context,
        databases: Component::ALL.iter().filter_map(|c| c.database()).map(DatabasePair::same).collect(),
        scope: Scope { prefixes: scenario.migration.index_prefixes },
    }
}

impl Migrated {
    async fn compare(&self) -> Vec<CheckResult> {
        let (source, target) = (&self.context.source, &self.context.target);
        let options = Options::default();
        let mut results =
            compare::elasticsearch(&source.elasticsearch, &target.elasticsearch, &self.scope, &options).await;
        results
            .extend(compare::postgres(&source.postgres, &target.postgres, &self.databases, &options).await);
        results
    }
}

/// Differences of a comparison that the dump does not leave out on purpose.
fn differences(results: &[CheckResult]) -> Vec<Finding> {
    results
        .iter()
        .flat_map(|r| &r.findings)
        .filter(|f| f.outcome >= Outcome::NotProven && !f.subject.to_lowercase().contains("jgroups_ping"))
        .cloned()
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_planted_loss_turns_its_checks_red_and_no_other() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let probe = EmbeddedConfig::new("doctor", folder.path());
    if let Some(why) = cannot_run(&probe).await {
        return skip(&why);
    }
    std::fs::create_dir_all(folder.path().join("logs")).expect("logs");
    let migrated = migrate(folder.path()).await;
    let clean = differences(&migrated.compare().await);
    assert!(clean.is_empty(), "an undisturbed migration must be equal: {clean:#?}");

    let mut known: Vec<Finding> = Vec::new();
    for (number, (kind, must)) in TABLE.iter().enumerate() {
        let items = plant(*kind, None, 40 + number as u64, &migrated.context)
            .await
            .unwrap_or_else(|e| panic!("plant {}: {e}", kind.as_str()));
        let now = differences(&migrated.compare().await);
        let new: Vec<&Finding> = now.iter().filter(|f| !known.contains(f)).collect();
        // A row of Keycloak's database may be a user or a client as well. A document or a row may be one that a list shows,
        // and a record one that an importer is held against.
        let follows = [checks::ES_ACCESS, checks::ES_IMPORTS, checks::PG_QUERIES];
        let expected: BTreeSet<&str> = must.iter().copied().collect();
        let may = |check: &&str| {
            !checks::KEYCLOAK.contains(check) && (!follows.contains(check) || expected.contains(check))
        };
        let red: BTreeSet<&str> = new.iter().map(|f| f.check.as_str()).filter(may).collect();
        assert_eq!(red, expected, "{} harmed {items:?}; told: {new:#?}", kind.as_str());
        for item in &items {
            assert!(
                new.iter().any(|f| names(f, &item.item)),
                "{} harmed {}, which no finding names: {new:#?}",
                kind.as_str(),
                item.item
            );
        }
        known = now;
    }

    let marks = |c: &MigrationContext| (c.source.clone(), c.spec.index_prefixes.clone());
    let (source, prefixes) = marks(&migrated.context);
    let names_of: Vec<String> = migrated.databases.iter().map(|d| d.source.clone()).collect();
    let (before, _) =
        FreezeWitness::settle(&source, &names_of, &prefixes, Duration::from_secs(20)).await.expect("marks");
    let quiet = FreezeWitness::capture(&source, &names_of, &prefixes).await.expect("marks");
    assert!(freeze::compare(&before, &quiet).is_empty(), "a frozen source must be quiet");
    let late = plant(FaultKind::LateWrite, None, 99, &migrated.context).await.expect("a late write");
    let (after, _) =
        FreezeWitness::settle(&source, &names_of, &prefixes, Duration::from_secs(20)).await.expect("marks");
    let told = freeze::compare(&before, &after);
    assert!(told.iter().all(|f| f.check.as_str() == checks::FREEZE));
    assert_eq!(told.len(), late.len(), "each late write is told once: {told:#?}");
    migrated.environment.stop(Keep::Nothing).await.expect("it stops");
}

/// Whether a finding names an item: each part of the item that tells it from others stands in it.
fn names(finding: &Finding, item: &str) -> bool {
    let told = serde_json::to_string(finding).unwrap_or_default();
    item.split(|c: char| !(c.is_alphanumeric() || "_-".contains(c)))
        .filter(|word| word.len() > 5 && word.contains(|c: char| c.is_ascii_digit() || "_-".contains(c)))
        .all(|word| told.contains(word))
}
