//! The checks: what arrived against what left, the freeze, and what became of acknowledged writes.

use super::usable::Look;
use super::{Pins, RealWorld, Stepped, store_failed};
use crate::flow::Facts;
use drydock_core::Action;
use drydock_core::finding::{Finding, Kind, Outcome, Sample};
use drydock_core::names::checks;
use drydock_environments::Side;
use drydock_migration::freeze::{self, Watch};
use drydock_stores::compare::{
    CheckResult, DatabasePair, Options, Pinned, compare_elasticsearch, compare_keycloak, compare_postgres,
};
use drydock_stores::elasticsearch::{Client, Retries, Timeouts};
use drydock_workload::acknowledged::{
    Contradiction, Item, LastStates, Now, State, last_states, writes_between,
};
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
        if self.config.plan.checks.iter().any(|check| check.as_str() == checks::ACKNOWLEDGED) {
            self.check_acknowledged().await?;
        }
        self.compare_application()?;
        self.check_identity().await?;
        self.check_usable(Side::Target, checks::TARGETS, Look::Inserts).await?;
        // Where users go back, the release is looked at when they are there.
        match self.config.plan.id_of(Action::CompareBack) {
            None => self.check_pods(Side::Target).await?,
            Some(_) => self.check_answers(Side::Target).await?,
        }
        Box::pin(self.check_operators()).await?;
        self.check_claims()?;
        let mut facts = Facts::new();
        facts.insert("objections".into(), json!(self.objections));
        facts.insert(
            "seconds_of_checking".into(),
            json!(super::prepare::round(began.elapsed().as_secs_f64())),
        );
        Ok(facts)
    }

    async fn compare_stores(&mut self, pins: Pins) -> Stepped<()> {
        // Users were let in afterwards, and write: that explains no difference.
        let options = Options { pinned: Pinned::AtRest, ..Options::default() };
        if let Some((source, target)) = pins.elasticsearch {
            let results = compare_elasticsearch(&source, &target, &options).await;
            tokio::join!(source.close(), target.close());
            if let Some(application) = &mut self.application {
                application.note_stores(&results);
            }
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
            let (findings, finished) = result.told();
            for finding in findings {
                self.found(finding);
            }
            self.recorder.emit(finished);
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

    pub(super) async fn check_freeze(&mut self) -> Stepped<()> {
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
        let mut seen = self.watch.take().map(Watch::finish).unwrap_or_default();
        seen.leave_out(|session| self.scripts.is_own(session));
        let after = self.marks_now().await?;
        let mut findings = seen.complete(freeze::compare(&before, &after), &self.told_sessions);
        findings.extend(self.acknowledged_late()?);
        let watched = (before.indices.len() + before.tables.len() + before.sequences.len()) as u64;
        self.compared = Some(after);
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
        let late = writes_between(&self.config.acknowledged, frozen + 1, opened)
            .map_err(|e| store_failed("read the log of acknowledged writes", &e))?;
        if late.is_empty() {
            return Ok(None);
        }
        let count = late.len() as u64;
        let message = format!("{count} writes were acknowledged to clients after the freeze was declared");
        let samples =
            late.into_iter().map(|w| Sample::named(format!("{} at {} ms of the run", w.item, w.ms)));
        Ok(Some(
            Finding::data(checks::FREEZE, Kind::LateWrite, "acknowledged writes", message)
                .items(count, samples)
                .next("find the component that was not stopped, stop it and migrate again"),
        ))
    }

    pub(super) async fn check_acknowledged(&mut self) -> Stepped<()> {
        let began = Instant::now();
        let until = self.closed_ms.unwrap_or_else(|| self.recorder.now_ms());
        // A request that was under way when the service was closed is acknowledged a little later, still by the source.
        let until = self.opened_ms.map_or(until, |opened| opened.saturating_sub(1).max(until));
        let states = last_states(&self.config.acknowledged, until)
            .map_err(|e| store_failed("read the log of acknowledged writes", &e))?;
        let LastStates { known: states, open } = states;
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
            note: told_of(states.len(), open.len()),
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

    pub(super) async fn ask(
        &self,
        side: Side,
        states: &BTreeMap<Item, State>,
    ) -> Result<BTreeMap<Item, Contradiction>, String> {
        let stores = self.side(side).map_err(|e| e.message)?;
        let client = match self.has_elasticsearch() {
            true => Some(
                Client::new(&stores.elasticsearch, Timeouts::default())
                    .map_err(|e| e.to_string())?
                    .retrying(Retries::Transient),
            ),
            false => None,
        };
        let wrong =
            contradicted(client.as_ref(), &stores.postgres, states).await.map_err(|e| e.to_string())?;
        Ok(wrong.into_iter().collect())
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

/// What was asked, and what could not be.
fn told_of(known: usize, open: usize) -> String {
    let told = format!("{known} documents and rows that clients were told are stored or gone");
    match open {
        0 => told,
        _ => {
            format!("{told}; of {open} more the last request was never answered, so either outcome is right")
        }
    }
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

pub(super) fn millis(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}
