//! The checks: what arrived against what left, the freeze, and what became of acknowledged writes.

use super::{Pins, RealWorld, Stepped, internal, store_failed};
use crate::flow::Facts;
use drydock_core::finding::{Finding, Kind, Outcome, Sample};
use drydock_core::names::checks;
use drydock_core::{Clock, Component, Event};
use drydock_environments::Side;
use drydock_migration::freeze::{self, Watch};
use drydock_stores::StorePair;
use drydock_stores::compare::{
    CheckResult, DatabasePair, Options, compare_elasticsearch, compare_keycloak, compare_postgres,
    usable_by_role,
};
use drydock_stores::elasticsearch::{Client, Timeouts};
use drydock_stores::postgres::{APPLICATION_NAME, connect};
use drydock_workload::acknowledged::{Contradiction, Item, Now, State, acknowledged_between, last_states};
use drydock_workload::verify::contradicted;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Instant;

impl RealWorld {
    pub(super) async fn compare(&mut self) -> Stepped<Facts> {
        let began = Instant::now();
        match self.pins.take() {
            Some(pins) => self.compare_stores(pins).await?,
            // Only a run that was killed after the switch comes here without pins.
            None => self.tell_pins_lost(),
        }
        self.check_freeze().await?;
        if self.config.scenario.workload.writes_per_second > 0 {
            self.check_acknowledged().await?;
        }
        self.check_usable().await?;
        let mut facts = Facts::new();
        facts.insert("objections".into(), json!(self.objections));
        facts.insert(
            "seconds_of_checking".into(),
            json!(super::prepare::round(began.elapsed().as_secs_f64())),
        );
        Ok(facts)
    }

    async fn compare_stores(&mut self, pins: Pins) -> Stepped<()> {
        let options = Options::default();
        if let Some((source, target)) = pins.elasticsearch {
            let results = compare_elasticsearch(&source, &target, &options).await;
            tokio::join!(source.close(), target.close());
            self.conclude(results);
        }
        if let Some((source, target)) = pins.postgres {
            let databases: Vec<DatabasePair> = self.databases().into_iter().map(DatabasePair::same).collect();
            let mut results = compare_postgres(&source, &target, &databases, &options).await;
            results.extend(compare_keycloak(&source, &target, &databases, &[], &options).await);
            tokio::join!(source.close(), target.close());
            self.conclude(results);
        }
        Ok(())
    }

    /// Writes results into the record: findings first, then what they belong to.
    pub(super) fn conclude(&mut self, results: Vec<CheckResult>) {
        for result in results {
            let outcome = result.findings.iter().map(|f| f.outcome).max().unwrap_or(Outcome::Equal);
            for finding in result.findings {
                self.found(finding);
            }
            self.recorder.emit(Event::CheckFinished {
                check: result.check.into(),
                outcome,
                compared: result.compared,
                note: result.note,
                millis: result.millis,
            });
        }
    }

    fn tell_pins_lost(&mut self) {
        let results = self
            .config
            .plan
            .checks
            .clone()
            .iter()
            .filter_map(|c| stored_check(c.as_str()))
            .map(|check| {
                CheckResult::not_compared(
                    check,
                    "both sides",
                    "the run was killed after the switch: what the target held then is no longer known apart from what users wrote since",
                    "rehearse again from the beginning, or compare with `drydock verify` while nobody writes",
                )
            })
            .collect();
        self.conclude(results);
    }

    async fn check_freeze(&mut self) -> Stepped<()> {
        let began = Instant::now();
        let Some(before) = self.marks.take() else {
            self.conclude(vec![CheckResult::not_compared(
                checks::FREEZE,
                "source",
                "no marks were taken at the freeze",
                "rehearse again from the beginning",
            )]);
            return Ok(());
        };
        let seen = self.watch.take().map(Watch::finish).unwrap_or_default();
        let after = self.marks_now().await?;
        let mut findings = seen.complete(freeze::compare(&before, &after), &self.told_sessions);
        findings.extend(self.acknowledged_late()?);
        let watched = (before.indices.len() + before.tables.len() + before.sequences.len()) as u64;
        let result = CheckResult {
            check: checks::FREEZE,
            compared: watched,
            findings,
            note: format!(
                "{watched} indices, tables and sequences of the source watched until now, {} times in between",
                seen.looks
            ),
            millis: millis(began),
        };
        self.conclude(vec![result]);
        Ok(())
    }

    /// Writes that a client was told are stored between the declared freeze and the opening of the target: by whom, if not by
    /// the source?
    fn acknowledged_late(&self) -> Stepped<Option<Finding>> {
        let (Some(frozen), Some(opened)) = (self.frozen_ms, self.opened_ms) else { return Ok(None) };
        let late = acknowledged_between(&self.config.acknowledged, frozen, opened)
            .map_err(|e| store_failed("read the log of acknowledged writes", &e))?;
        if late.is_empty() {
            return Ok(None);
        }
        let count = late.len() as u64;
        let message = format!("{count} writes were acknowledged to clients after the freeze was declared");
        let samples =
            late.into_iter().map(|(item, ms)| Sample::named(format!("{item} at {ms} ms of the run")));
        Ok(Some(
            Finding::data(checks::FREEZE, Kind::LateWrite, "acknowledged writes", message)
                .items(count, samples)
                .next("find the component that was not stopped, stop it and migrate again"),
        ))
    }

    pub(super) async fn check_acknowledged(&mut self) -> Stepped<()> {
        let began = Instant::now();
        let until = self.closed_ms.unwrap_or_else(|| self.recorder.clock().elapsed_ms());
        // A request that was under way when the service was closed is acknowledged a little later, still by the source.
        let until = self.opened_ms.map_or(until, |opened| opened.saturating_sub(1).max(until));
        let states = last_states(&self.config.acknowledged, until)
            .map_err(|e| store_failed("read the log of acknowledged writes", &e))?;
        let source = match self.serving() {
            // Where nothing moves, nobody else could have lost it.
            Side::Source => Ok(BTreeMap::new()),
            Side::Target => self.ask(Side::Source, &states).await,
        };
        let target = self.ask(self.serving(), &states).await;
        let mut result = CheckResult {
            check: checks::ACKNOWLEDGED,
            compared: states.len() as u64,
            findings: Vec::new(),
            note: format!("{} documents and rows that clients were told are stored or gone", states.len()),
            millis: 0,
        };
        match (source, target) {
            (Ok(source), Ok(target)) => result.findings = lost_writes(&states, &source, &target),
            (Err(why), _) | (_, Err(why)) => {
                result.findings.push(Finding::not_compared(checks::ACKNOWLEDGED, "acknowledged writes", why));
            }
        }
        result.millis = millis(began);
        self.conclude(vec![result]);
        Ok(())
    }

    async fn ask(
        &self,
        side: Side,
        states: &BTreeMap<Item, State>,
    ) -> Result<BTreeMap<Item, Contradiction>, String> {
        let stores = self.side(side).map_err(|e| e.message)?;
        let client = match self.has_elasticsearch() {
            true => Some(Client::new(&stores.elasticsearch, Timeouts::default()).map_err(|e| e.to_string())?),
            false => None,
        };
        let wrong =
            contradicted(client.as_ref(), &stores.postgres, states).await.map_err(|e| e.to_string())?;
        Ok(wrong.into_iter().collect())
    }

    /// Whether applications can work on the target: each role logs in, reads its tables and inserts, which is rolled back.
    pub(super) async fn check_usable(&mut self) -> Stepped<()> {
        let began = Instant::now();
        let target = self.side(self.serving())?;
        let roles = self.roles()?;
        let mut result = CheckResult {
            check: checks::TARGETS,
            compared: 0,
            findings: Vec::new(),
            note:
                "each application role logs in on the target, reads its tables and inserts into them; no index is red or blocked"
                    .into(),
            millis: 0,
        };
        for (role, password) in roles {
            let endpoint = target.postgres.with_role(&role, Some(password));
            match usable_by_role(&endpoint, &role).await {
                Ok(usable) => {
                    result.compared += usable.tables;
                    if let Some(found) = closed_lock(&endpoint, &role).await {
                        let source = self.side(Side::Source)?.postgres;
                        let before =
                            self.serving() == Side::Target && closed_lock(&source, &role).await.is_some();
                        result.findings.push(if before { old_lock(found) } else { found });
                    }
                    if !usable.refused.is_empty() {
                        let message = format!(
                            "the role {role} cannot work with {} tables of its database",
                            usable.refused.len()
                        );
                        let count = usable.refused.len() as u64;
                        result.findings.push(
                            Finding::access(checks::TARGETS, Kind::Unusable, &role, message)
                                .items(count, usable.refused.into_iter().map(Sample::named))
                                .next("restore owner, grants, functions and triggers of these tables"),
                        );
                    }
                }
                Err(why) => result.findings.push(
                    Finding::access(
                        checks::TARGETS,
                        Kind::Unusable,
                        &role,
                        format!("the role {role} cannot work on the target: {why}"),
                    )
                    .next("look at role, password and database on the target"),
                ),
            }
        }
        if self.components().contains(&Component::Elasticsearch) {
            let (asked, findings) = usable_cluster(&target, &self.scope().prefixes).await;
            result.compared += asked;
            result.findings.extend(findings);
        }
        result.millis = millis(began);
        self.conclude(vec![result]);
        Ok(())
    }
}

/// The check ids that need both sides pinned, as the static names results carry.
fn stored_check(id: &str) -> Option<&'static str> {
    checks::ELASTICSEARCH
        .into_iter()
        .chain(checks::POSTGRES)
        .chain(checks::KEYCLOAK)
        .find(|known| *known == id)
}

/// Writes lost on the way, and writes that the source itself had lost: only the first are the migration's.
fn lost_writes(
    states: &BTreeMap<Item, State>,
    source: &BTreeMap<Item, Contradiction>,
    target: &BTreeMap<Item, Contradiction>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (contradiction, kind, what) in [
        (Contradiction::Absent, Kind::LostWrite, "were acknowledged as stored and are not on the target"),
        (Contradiction::Present, Kind::Extra, "were acknowledged as deleted or moved and are on the target"),
        (Contradiction::Stale, Kind::Changed, "were acknowledged with other contents than the target has"),
    ] {
        let lost: Vec<&Item> = target
            .iter()
            .filter(|(i, c)| **c == contradiction && !source.contains_key(*i))
            .map(|(i, _)| i)
            .collect();
        if lost.is_empty() {
            continue;
        }
        let mut message = format!("{} writes {what}", lost.len());
        let twice =
            lost.iter().filter(|i| contradiction == Contradiction::Present && lives_on(i, states)).count();
        if twice > 0 {
            message.push_str(&format!(
                "; {twice} of these documents live on in another index, so they are there twice"
            ));
        }
        findings.push(
            Finding::data(checks::ACKNOWLEDGED, kind, "acknowledged writes", message)
                .items(lost.len() as u64, lost.iter().map(|i| Sample::named(i.to_string())))
                .next("look whether they were made after the freeze, or which mover left them out"),
        );
    }
    if !source.is_empty() {
        let finding = Finding::data(
            checks::ACKNOWLEDGED,
            Kind::OldDirt,
            "source",
            format!(
                "{} acknowledged writes contradict the source itself; the migration did not lose them",
                source.len()
            ),
        )
        .items(source.len() as u64, source.keys().map(|i| Sample::named(i.to_string())))
        .next("look at the source: it does not hold what it acknowledged");
        findings.push(Finding { outcome: Outcome::NotProven, ..finding });
    }
    findings
}

/// Whether a document was moved rather than deleted: another index has one of the same name.
fn lives_on(item: &Item, states: &BTreeMap<Item, State>) -> bool {
    let Item::Elasticsearch { index, id, routing } = item else { return false };
    states.iter().any(|(other, state)| {
        state.now == Now::Stored
            && matches!(other, Item::Elasticsearch { index: i, id: d, routing: r } if i != index && d == id && r == routing)
    })
}

/// A lock of Liquibase that nobody is going to open: the application waits for it at its next start until it gives up.
async fn closed_lock(endpoint: &drydock_stores::PostgresEndpoint, database: &str) -> Option<Finding> {
    let session = connect(endpoint, database, APPLICATION_NAME).await.ok()?;
    let sql = "SELECT coalesce(lockedby, 'somebody') FROM public.databasechangeloglock WHERE locked";
    // Most databases have no such table, and then no such lock.
    let rows = session.query(sql, &[]).await.ok()?;
    let owners: Vec<Sample> = rows.iter().map(|r| Sample::named(r.get::<_, String>(0))).collect();
    let first = owners.first()?.item.clone();
    let message = format!(
        "the lock of Liquibase in {database} is closed by {first}: the application waits for it when it starts"
    );
    Some(
        Finding::access(checks::TARGETS, Kind::Unusable, database, message)
            .items(owners.len() as u64, owners)
            .next(
                "see that no migration of the schema runs, then set locked to false in databasechangeloglock",
            ),
    )
}

/// The same lock, where the source had it already: it came along, and nobody's migration closed it.
fn old_lock(found: Finding) -> Finding {
    Finding { kind: Kind::OldDirt, outcome: Outcome::Expected, ..found }
}

/// Indices of the target that answer no search or take no writes.
async fn usable_cluster(target: &StorePair, prefixes: &[String]) -> (u64, Vec<Finding>) {
    let unusable = |subject: &str, message: String, next: &str| {
        Finding::access(checks::TARGETS, Kind::Unusable, subject, message).next(next)
    };
    let asked = async {
        let client = Client::new(&target.elasticsearch, Timeouts::default())?;
        let health = client.get("/_cluster/health?level=indices&filter_path=indices.*.status").await?;
        let blocks =
            client.get("/_all/_settings/index.blocks.*?flat_settings=true&expand_wildcards=all").await?;
        Ok::<_, drydock_stores::elasticsearch::ElasticsearchError>((health, blocks))
    }
    .await;
    let (health, blocks) = match asked {
        Ok(answers) => answers,
        Err(e) => {
            return (
                0,
                vec![unusable(
                    "elasticsearch",
                    format!("the target cluster does not answer: {e}"),
                    "start it",
                )],
            );
        }
    };
    let ours = |name: &str| prefixes.iter().any(|p| name.starts_with(p.as_str()));
    let mut findings = Vec::new();
    let indices = health["indices"].as_object();
    for (name, state) in indices.into_iter().flatten().filter(|(n, _)| ours(n)) {
        if state["status"] == "red" {
            findings.push(unusable(
                name,
                format!("the index {name} is red on the target"),
                "look at its shards",
            ));
        }
    }
    for (name, settings) in blocks.as_object().into_iter().flatten().filter(|(n, _)| ours(n)) {
        let blocked = settings["settings"].as_object().into_iter().flatten().find(|(_, v)| *v == "true");
        if let Some((block, _)) = blocked {
            findings.push(unusable(
                name,
                format!("the index {name} carries {block} on the target"),
                "take the block off",
            ));
        }
    }
    (indices.map_or(0, |i| i.keys().filter(|n| ours(n)).count() as u64), findings)
}

fn millis(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl RealWorld {
    /// Tells whether the clean-up may go on.
    pub(super) fn guard(&mut self) -> Stepped<Facts> {
        if self.marks.is_some() {
            return Err(internal("the clean-up was asked for before the comparison"));
        }
        let mut facts = Facts::new();
        facts.insert("objections".into(), json!(self.objections));
        let allowed = if self.objections == 0 { "yes" } else { "no: something is missing or not proven" };
        facts.insert("clean_up_allowed".into(), json!(allowed));
        Ok(facts)
    }
}
