//! The end: probes are read, the two clocks of the downtime are compared, everything is stopped.

use super::clocks::{Seen, Writes, clocks_agree, writes_agree};
use super::{Ownership, RealWorld, Stepped, of_environment};
use crate::flow::Facts;
use crate::recorder::Recorder;
use crate::start::Keep;
use drydock_core::event::{NoteLevel, ProbeSummary};
use drydock_core::finding::{Class, Finding, Kind};
use drydock_core::names::checks;
use drydock_core::summary::NO_WRITE_SECONDS;
use drydock_core::{Action, Event};
use drydock_environments::{Side, Store, StoreSignal};
use drydock_stores::compare::CheckResult;
use drydock_workload::probe::{Outage, ProbeResult};
use drydock_workload::probes::{Gap, gaps};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

/// A store that is to stop gets so long.
const STOP_LIMIT: Duration = Duration::from_secs(30);

impl RealWorld {
    pub(super) async fn stop_workload(&mut self) -> Stepped<Facts> {
        let mut facts = match self.end_work().await {
            Ok(facts) => facts,
            Err(error) if self.opened_ms.is_some() => {
                self.cannot_go_on("conclude/workload", error);
                Facts::new()
            }
            // The run has stopped on the source already, and says why.
            Err(error) => {
                self.note(NoteLevel::Warning, error.message);
                Facts::new()
            }
        };
        facts.extend(self.stop_application().await?);
        if let Some(writer) = self.writer.take() {
            let summary = writer.finish().await;
            facts.insert("writes_after_switch".into(), json!(summary.acknowledged));
            facts.insert("writes_failed_after_switch".into(), json!(summary.failed));
        }
        let mut results = Vec::new();
        let running = std::mem::take(&mut self.probes).into_iter();
        for probe in running.chain(std::mem::take(&mut self.write_probes)) {
            results.push(probe.finish().await);
        }
        results.append(&mut self.finished_probes);
        if let Some(service) = self.service.take() {
            service.close().await;
        }
        for result in &results {
            tell_probe(&self.recorder, result);
        }
        let gaps = self.gaps();
        if !gaps.is_empty() {
            let told: BTreeMap<&str, f64> =
                gaps.iter().map(|(store, gap)| (*store, seconds(gap.ms()))).collect();
            facts.insert(NO_WRITE_SECONDS.into(), json!(told));
        }
        if let Some(check) = self.check_unnoticed(&results) {
            self.conclude(vec![check]);
        }
        if !results.is_empty() && self.opened_ms.is_some() {
            let check = self.check_downtime(&results, &gaps);
            self.conclude(vec![check]);
        }
        if self.config.scenario.rollback.is_some()
            && let Some(check) = self.check_return(&results)
        {
            self.conclude(vec![check]);
        }
        self.straggler = None;
        Ok(facts)
    }

    /// The outage as the acknowledged writes tell it. Nothing if it had no end, or the log cannot be read.
    fn gaps(&self) -> BTreeMap<&'static str, Gap> {
        let (Some(closed), Some(opened)) = (self.closed_ms, self.opened_ms) else { return BTreeMap::new() };
        match gaps(&self.config.acknowledged, closed, opened) {
            Ok(gaps) => gaps,
            Err(error) => {
                self.note(
                    NoteLevel::Warning,
                    format!("{} cannot be read: {error}", self.config.acknowledged.display()),
                );
                BTreeMap::new()
            }
        }
    }

    /// What each probe saw, on the run's clock. Of a run that was resumed the probes saw a part of the cutover, but all of a way
    /// back that began since: `judged` counts the windows before the one that is judged.
    pub(super) fn watched<'a>(&self, results: &'a [ProbeResult], judged: usize) -> Vec<Seen<'a>> {
        let seen = |result| Seen { result, began_ms: self.recorder.ms_at(result.began) };
        results.iter().filter(|_| !self.resumed || judged > 0).map(seen).collect()
    }

    /// Both clocks must tell of one and the same outage, and of no other.
    fn check_downtime(&self, results: &[ProbeResult], gaps: &BTreeMap<&'static str, Gap>) -> CheckResult {
        let (closed, opened) = (self.closed_ms.unwrap_or_default(), self.opened_ms.unwrap_or_default());
        let clock = Duration::from_millis(opened.saturating_sub(closed));
        let mut windows = vec![(closed, opened)];
        if let Some(from) = self.way_back.closed_ms {
            // If users did not come back, the way back says so.
            windows.push((from, self.way_back.opened_ms.unwrap_or(u64::MAX)));
        }
        let (watched, mut findings) = clocks_agree(checks::DOWNTIME, &self.watched(results, 0), &windows, 0);
        if !self.resumed {
            findings.extend(writes_agree(gaps, &self.writes(closed, opened)));
        }
        if let Some(budget) = self.config.scenario.budgets.downtime
            && clock > budget.unsigned_abs()
        {
            findings.push(Finding {
                class: Class::Budget,
                ..Finding::data(
                    checks::DOWNTIME,
                    Kind::OverBudget,
                    "downtime",
                    format!(
                        "users waited {:.1} s; the budget is {:.1} s",
                        clock.as_secs_f64(),
                        budget.as_secs_f64()
                    ),
                )
                .next("look at the longest steps of phase 3")
            });
        }
        let compared = if self.resumed { results.len() as u64 } else { watched };
        let note = if self.resumed {
            "phase clock only: the run was resumed, and the probes saw a part of it".to_owned()
        } else {
            format!("{watched} probes against the clock of the phases")
        };
        CheckResult { check: checks::DOWNTIME, compared, findings, note, millis: 0 }
    }

    /// What the phases promise about users' writes.
    fn writes(&self, closed_ms: u64, opened_ms: u64) -> Writes {
        let workload = &self.config.scenario.workload;
        // After a way back, or where nothing is switched, users do not write from the opening on.
        let at_once =
            self.config.scenario.rollback.is_none() && self.config.plan.id_of(Action::Switch).is_some();
        Writes {
            closed_ms,
            stopped_ms: self.stopped_ms.unwrap_or(closed_ms).max(closed_ms),
            opened_ms,
            every: at_once.then(|| Duration::from_secs(1) / workload.writes_per_second.max(1)),
        }
    }

    /// Stops the source stores, as the clean-up of the old installation does.
    pub(super) async fn stop_source(&mut self) -> Stepped<()> {
        let Some(environment) = self.environment.as_mut() else { return Ok(()) };
        environment
            .signal(Side::Source, Store::Postgres, StoreSignal::Interrupt)
            .await
            .map_err(of_environment)?;
        environment
            .signal(Side::Source, Store::Elasticsearch, StoreSignal::Terminate)
            .await
            .map_err(of_environment)?;
        let deadline = tokio::time::Instant::now() + STOP_LIMIT;
        for store in [Store::Postgres, Store::Elasticsearch] {
            while tokio::time::Instant::now() < deadline
                && environment.is_running(Side::Source, store).await.map_err(of_environment)?
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(())
    }

    pub(super) async fn tear_down(&mut self) -> Stepped<Facts> {
        self.pins = None;
        match self.config.keep {
            Keep::Running if self.config.stores == Ownership::Own => {
                if let Some(keycloak) = self.keycloak.take() {
                    self.note(NoteLevel::Info, format!("kept running: Keycloak {}", keycloak.endpoint().url));
                    keycloak.detach();
                }
            }
            // The stores are to be stopped whatever becomes of it.
            Keep::Running | Keep::Nothing => {
                if let Err(error) = self.stop_identity().await {
                    self.note(NoteLevel::Warning, error.message);
                }
            }
        }
        if self.config.stores == Ownership::Lent {
            return Ok(Facts::new());
        }
        let Some(environment) = self.environment.take() else { return Ok(Facts::new()) };
        let keep = match self.config.keep {
            Keep::Nothing => drydock_environments::Keep::Nothing,
            Keep::Running => {
                let among_others = environment.kind().and_then(|cluster| cluster.namespaces_among_others());
                if let Some([source, target]) = among_others {
                    // Their ways end with this process.
                    let text = format!(
                        "kept running: the namespaces {source} and {target}; `drydock clean` removes them"
                    );
                    self.note(NoteLevel::Info, text);
                }
                for side in [Side::Source, Side::Target] {
                    let (postgres, elasticsearch) =
                        (environment.postgres(side), environment.elasticsearch(side));
                    if let (None, Some(p), Some(e)) = (among_others, postgres, elasticsearch) {
                        self.note(
                            NoteLevel::Info,
                            format!("kept running: {side} PostgreSQL 127.0.0.1:{}, Elasticsearch {}; `drydock clean` stops them", p.port, e.url),
                        );
                    }
                }
                if let Some(file) = environment.kubeconfig() {
                    let text = format!("the cluster is kept: KUBECONFIG={}", file.display());
                    self.note(NoteLevel::Info, text);
                }
                drydock_environments::Keep::Running
            }
        };
        environment.stop(keep).await.map_err(of_environment)?;
        Ok(Facts::new())
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a run are far below 2^53")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

/// Tells the record what a probe saw.
pub(crate) fn tell_probe(recorder: &Recorder, result: &ProbeResult) {
    let began = recorder.ms_at(result.began);
    let millis = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
    let at = |d: Duration| began.saturating_add(millis(d));
    for Outage { from, until, failed, error, resolution } in result.outages() {
        recorder.emit(Event::ProbeOutage {
            probe: result.name.clone(),
            from_ms: at(from),
            until_ms: until.map(at),
            failed,
            error,
            resolution_ms: Some(millis(resolution)),
        });
    }
    recorder.emit(Event::ProbeSummary(ProbeSummary {
        probe: result.name.clone(),
        interval_ms: millis(result.rhythm.close),
        far_interval_ms: Some(millis(result.rhythm.far)),
        sent: result.sent,
        failed: result.failed(),
        p50_us: result.latency_us(0.5),
        p99_us: result.latency_us(0.99),
        max_us: result.latency_us(1.0),
    }));
}
