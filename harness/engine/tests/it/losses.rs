//! What a migration can lose without any sign of it but what people see: each planted alone on a good copy, each told with what
//! people can no longer do and the cause in the store.

use crate::support::{Notes, SETTLE, START, asked, config, open_directory};
use drydock_core::names::checks;
use drydock_core::{Finding, Outcome};
use drydock_engine::cause::causes;
use drydock_engine::compare::{Comparison, compare};
use drydock_engine::deeds::Deeds;
use drydock_engine::{Answers, Capability, Doors, Pace, Questions, Session, Worker};
use drydock_environments::{Camunda, CamundaConfig, Embedded, Environment, Keep, Progress, Side};
use drydock_stores::compare::{Options, elasticsearch};
use drydock_stores::elasticsearch::{Client, Scope, Timeouts};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

const PREFIXES: [&str; 3] = ["zeebe-", "operate-", "tasklist-"];
const COMPONENTS: &str = "zeebe-record,operate_template,tasklist_template";
const LIVE: &str = "operate-list-view-8.3.0_";
const ALIAS: &str = "operate-list-view-8.3.0_alias";
/// Long enough that nothing is archived in a test, and so short that everything is.
const NEVER: Duration = Duration::from_secs(3600);
const AT_ONCE: Duration = Duration::from_secs(5);

/// One installation: both sides, the broker's data, and what people saw.
struct Stage {
    environment: Environment,
    source: Client,
    target: Client,
    broker: PathBuf,
    saved: PathBuf,
    notes: Notes,
}

impl Stage {
    async fn camunda(&self, side: Side, archive: Duration) -> (Camunda, Arc<Session>) {
        let wanted = CamundaConfig { archive_after: Some(archive), ..CamundaConfig::default() };
        let camunda = Camunda::start(&self.environment, side, &wanted, &self.notes).await.unwrap();
        let session = Session::open(Doors::one(&camunda.addresses().gateway), START).await.unwrap();
        (camunda, Arc::new(session))
    }

    fn copy(from: &Path, to: &Path) {
        let _ = std::fs::remove_dir_all(to);
        let done = std::process::Command::new("cp").arg("-a").args([from, to]).status().unwrap();
        assert!(done.success());
    }

    fn save_broker(&self) {
        Self::copy(&self.broker, &self.saved);
    }

    fn restore_broker(&self) {
        Self::copy(&self.saved, &self.broker);
    }

    async fn wipe(&self) {
        for prefix in PREFIXES {
            self.target.delete(&format!("/{prefix}*?expand_wildcards=all")).await.unwrap();
            let _ = self.target.delete(&format!("/_index_template/{prefix}*")).await;
        }
        for component in COMPONENTS.split(',') {
            let _ = self.target.delete(&format!("/_component_template/{component}")).await;
        }
    }

    /// Keeps what the source holds, whole: what a snapshot does not lose is the copy that the losses are planted in.
    async fn keep(&self, name: &str) {
        self.source.put("/_snapshot/good", &self.repository(false)).await.unwrap();
        let body = json!({"include_global_state": true, "feature_states": ["none"]});
        self.source.put(&format!("/_snapshot/good/{name}?wait_for_completion=true"), &body).await.unwrap();
    }

    fn repository(&self, readonly: bool) -> serde_json::Value {
        json!({"type": "fs", "settings": {"location": self.environment.snapshot_folder(), "readonly": readonly}})
    }

    /// Puts that copy onto a target without anything.
    async fn put_back(&self, name: &str) {
        self.wipe().await;
        // Registered anew: a cluster goes on believing in what it saw of a folder that another one writes.
        let _ = self.target.delete("/_snapshot/good").await;
        self.target.put("/_snapshot/good", &self.repository(true)).await.unwrap();
        let body = json!({"indices": "*", "include_global_state": true, "feature_states": ["none"]});
        let path = format!("/_snapshot/good/{name}/_restore?wait_for_completion=true");
        self.target.post(&path, &body).await.unwrap();
    }

    /// What the checks of the stores find now.
    async fn store_findings(&self) -> Vec<Finding> {
        let (a, b) = (self.source.endpoint(), self.target.endpoint());
        let scope = Scope { prefixes: PREFIXES.map(str::to_owned).into() };
        let results = elasticsearch(a, b, &scope, &Options::default()).await;
        let findings = results.into_iter().flat_map(|result| result.findings);
        findings.filter(|finding| finding.outcome == Outcome::Different).collect()
    }

    /// Starts Camunda on the target as it is now, and holds what it shows against what was shown before.
    async fn shown(&self, archive: Duration, before: &Answers, questions: &Questions) -> Comparison {
        self.restore_broker();
        let (camunda, session) = self.camunda(Side::Target, archive).await;
        if archive < NEVER {
            archived(&self.target).await;
        }
        let (now, _) = Answers::settled(&session, Some(questions.for_another()), SETTLE).await.unwrap();
        camunda.stop().await.unwrap();
        compare(before, &now)
    }
}

/// Names of indices.
async fn indices(client: &Client, pattern: &str) -> Vec<String> {
    let found = client.get(&format!("/_cat/indices/{pattern}?format=json&h=index")).await.unwrap();
    found.as_array().unwrap().iter().map(|row| row["index"].as_str().unwrap().to_owned()).collect()
}

/// Waits until ended instances have been moved into a dated index, and none is left to be.
async fn archived(client: &Client) {
    let ended = json!({"query": {"bool": {"must": [{"term": {"joinRelation": "processInstance"}}, {"exists": {"field": "endDate"}}]}}});
    let began = Instant::now();
    while began.elapsed() < SETTLE {
        let dated = indices(client, &format!("{LIVE}2*")).await;
        let left = client.post(&format!("/{LIVE}/_count"), &ended).await.unwrap()["count"].as_u64();
        if !dated.is_empty() && left == Some(0) {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("nothing was archived");
}

/// Makes an index anew with whatever mapping comes of its documents.
async fn remake(client: &Client, index: &str, alias: Option<&str>) {
    let template = format!("/_index_template/{index}template");
    let kept =
        client.get(&template).await.ok().map(|all| all["index_templates"][0]["index_template"].clone());
    if kept.is_some() {
        client.delete(&template).await.unwrap();
    }
    let refreshed = "?refresh=true&wait_for_completion=true";
    let copy = |from: &str, to: &str| json!({"source": {"index": from}, "dest": {"index": to}});
    client.post(&format!("/_reindex{refreshed}"), &copy(index, "drydock-aside")).await.unwrap();
    client.delete(&format!("/{index}")).await.unwrap();
    client.post(&format!("/_reindex{refreshed}"), &copy("drydock-aside", index)).await.unwrap();
    client.delete("/drydock-aside").await.unwrap();
    if let Some(alias) = alias {
        client.put(&format!("/{index}/_alias/{alias}"), &json!({})).await.unwrap();
    }
    if let Some(kept) = kept {
        client.put(&template, &kept).await.unwrap();
    }
}

async fn take_alias(client: &Client, index: &str) {
    let actions = json!({"actions": [{"remove": {"index": index, "alias": ALIAS}}]});
    client.post("/_aliases", &actions).await.unwrap();
}

#[derive(Debug, Clone, Copy)]
enum Loss {
    AliasOfDated,
    DatedIndex,
    AliasOfLive,
    Definitions,
    DynamicMapping,
    ImportPositions,
}

impl Loss {
    const ALL: [Self; 6] = [
        Self::AliasOfDated,
        Self::DatedIndex,
        Self::AliasOfLive,
        Self::Definitions,
        Self::DynamicMapping,
        Self::ImportPositions,
    ];

    async fn plant(self, target: &Client) {
        match self {
            Self::AliasOfDated => {
                for dated in indices(target, &format!("{LIVE}2*")).await {
                    take_alias(target, &dated).await;
                }
            }
            Self::DatedIndex => {
                for dated in indices(target, &format!("{LIVE}2*")).await {
                    target.delete(&format!("/{dated}")).await.unwrap();
                }
            }
            Self::AliasOfLive => take_alias(target, LIVE).await,
            Self::Definitions => {
                for index in ["operate-process-8.3.0_", "operate-decision-8.3.0_", "tasklist-process-8.4.0_"]
                {
                    remake(target, index, None).await;
                }
            }
            Self::DynamicMapping => {
                for index in [LIVE, "operate-variable-8.3.0_"] {
                    remake(target, index, Some(&format!("{index}alias"))).await;
                }
            }
            Self::ImportPositions => {
                let all = json!({"query": {"match_all": {}}});
                for index in ["operate-import-position-8.3.0_", "tasklist-import-position-8.2.0_"] {
                    target.post(&format!("/{index}/_delete_by_query?refresh=true"), &all).await.unwrap();
                }
            }
        }
    }

    /// What people must be told they cannot do, and the check that names the cause.
    fn told(self) -> (Capability, &'static [&'static str]) {
        match self {
            Self::AliasOfDated | Self::AliasOfLive => (Capability::Instances, &[checks::ES_ALIASES]),
            Self::DatedIndex => (Capability::Instances, &[checks::ES_INDICES]),
            Self::Definitions => (Capability::Definitions, &[checks::ES_ALIASES, checks::ES_MAPPINGS]),
            Self::DynamicMapping => (Capability::Search, &[checks::ES_MAPPINGS]),
            Self::ImportPositions => {
                (Capability::History, &[checks::ES_IMPORTS, checks::ES_COUNTS, checks::ES_DOCUMENTS])
            }
        }
    }
}

/// Whether a comparison tells this capability with one of these causes; else what it tells.
fn judge(
    comparison: &Comparison,
    findings: &[Finding],
    capability: Capability,
    because: &[&str],
) -> Result<String, String> {
    let found = causes(&comparison.differences, findings);
    let lines: Vec<String> = found.explained.iter().map(|explained| explained.text()).collect();
    let told = found.explained.iter().find(|explained| explained.difference.capability == capability);
    match told {
        Some(told) if told.causes.iter().any(|cause| because.contains(&cause.check.as_str())) => {
            Ok(told.text())
        }
        _ => Err(format!(
            "{lines:#?}; of the stores {:?}",
            findings.iter().map(|f| &f.message).collect::<Vec<_>>()
        )),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_copy_shows_everything_and_each_silent_loss_is_told_with_its_cause() {
    if !asked("silent losses under a real Camunda") {
        return;
    }
    let dir = open_directory();
    let run_id = format!("test-losses-{}", std::process::id());
    let notes = Notes(Instant::now());
    let wanted = CamundaConfig::default();
    let mut both = config(dir.path(), &run_id, &wanted);
    both.target.elasticsearch = true;
    let environment = Environment::from(Embedded::start(both, Arc::new(Notes(notes.0))).await.unwrap());
    let client = |side| Client::new(&environment.elasticsearch(side).unwrap(), Timeouts::default()).unwrap();
    let stage = Stage {
        source: client(Side::Source),
        target: client(Side::Target),
        broker: environment.work_dir().join("camunda/data"),
        saved: environment.work_dir().join("camunda/saved"),
        environment,
        notes,
    };

    let (camunda, session) = stage.camunda(Side::Source, NEVER).await;
    let deeds = Arc::new(Deeds::open(&dir.path().join("deeds.jsonl")).unwrap());
    let pace = Pace { instances_per_second: 4.0, most: Some(80), first: 0 };
    let worker = Worker::begin(Arc::clone(&session), deeds, stage.notes.0, pace).await.unwrap();
    tokio::time::sleep(Duration::from_secs(40)).await;
    let done = worker.stop().await.unwrap();
    stage.notes.note(&format!("{done:?}"));
    let (shown, _) = Answers::settled(&session, None, SETTLE).await.unwrap();
    // One that had ended is removed by a person: it must not come back.
    let ended =
        shown.items(Capability::Instances).into_iter().find(|(_, told)| told.contains("state=COMPLETED"));
    let removed: i64 = ended.unwrap().0.parse().unwrap();
    session.delete_instance(removed).await.unwrap();
    let (before, questions) = Answers::settled(&session, None, SETTLE).await.unwrap();
    assert!(!before.items(Capability::Instances).contains_key(&removed.to_string()));
    camunda.stop().await.unwrap();
    stage.save_broker();

    // Templates are missed only when the next dated index is made.
    stage.keep("fresh").await;
    stage.put_back("fresh").await;
    let good = stage.store_findings().await;
    assert!(good.is_empty(), "{good:#?}");
    for prefix in PREFIXES {
        stage.target.delete(&format!("/_index_template/{prefix}*")).await.unwrap();
    }
    let mut wrong = Vec::new();
    let mut hear = |name: String, heard: Result<String, String>| match heard {
        Ok(text) => println!("{name}: {text}"),
        Err(told) => {
            println!("{name} is not told as it should be: {told}");
            wrong.push(format!("{name}: {told}"));
        }
    };
    let findings = stage.store_findings().await;
    let comparison = stage.shown(AT_ONCE, &before, &questions).await;
    let because = [checks::ES_TEMPLATES, checks::ES_FUTURE];
    hear("Templates".into(), judge(&comparison, &findings, Capability::Instances, &because));

    // Archived on the source, which nobody sees.
    stage.restore_broker();
    let (camunda, session) = stage.camunda(Side::Source, AT_ONCE).await;
    archived(&stage.source).await;
    let (now, _) = Answers::settled(&session, Some(questions.for_another()), SETTLE).await.unwrap();
    let same = compare(&before, &now);
    assert!(same.differences.is_empty(), "{:?}", texts(&same));
    camunda.stop().await.unwrap();
    stage.save_broker();
    stage.keep("archived").await;
    stage.put_back("archived").await;
    let comparison = stage.shown(NEVER, &before, &questions).await;
    assert!(comparison.differences.is_empty(), "{:?}", texts(&comparison));
    stage.notes.note("a good copy shows everything");

    // `AliasOfDated,Definitions`: each takes a start of Camunda.
    let only = std::env::var("DRYDOCK_TEST_LOSSES").ok();
    let named = |loss: &Loss| {
        let name = format!("{loss:?}");
        only.as_ref().is_none_or(|names| names.split(',').any(|one| one == name))
    };
    for loss in Loss::ALL.into_iter().filter(named) {
        stage.put_back("archived").await;
        loss.plant(&stage.target).await;
        let findings = stage.store_findings().await;
        let comparison = stage.shown(NEVER, &before, &questions).await;
        let (capability, because) = loss.told();
        hear(format!("{loss:?}"), judge(&comparison, &findings, capability, because));
        stage.notes.note(&format!("{loss:?}"));
    }
    stage.environment.stop(Keep::Nothing).await.unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn texts(comparison: &Comparison) -> Vec<String> {
    comparison.differences.iter().map(|difference| difference.text()).collect()
}
