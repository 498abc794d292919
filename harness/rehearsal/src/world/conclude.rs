//! The end: probes are read, the two clocks of the downtime are compared, everything is stopped.

use super::{Ownership, RealWorld, Stepped, of_environment};
use crate::flow::Facts;
use crate::start::Keep;
use drydock_core::Event;
use drydock_core::event::{NoteLevel, ProbeSummary};
use drydock_core::finding::{Class, Finding, Kind, Outcome, Sample};
use drydock_core::names::checks;
use drydock_core::summary::NO_WRITE_SECONDS;
use drydock_environments::{Side, Store, StoreSignal};
use drydock_stores::compare::CheckResult;
use drydock_workload::probe::{Outage, ProbeResult};
use drydock_workload::probes::{Gap, gaps};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

/// How far the two clocks may disagree beyond the probes' resolution: the time a request may take on a busy machine.
const TOLERANCE: Duration = Duration::from_secs(1);
/// A store that is to stop gets so long.
const STOP_LIMIT: Duration = Duration::from_secs(30);

impl RealWorld {
    pub(super) async fn stop_workload(&mut self) -> Stepped<Facts> {
        let mut facts = Facts::new();
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
            self.tell_probe(result);
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

    fn tell_probe(&self, result: &ProbeResult) {
        let began = self.recorder.clock().at(result.began);
        let at = |d: Duration| began + u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
        for Outage { from, until, failed, error } in result.outages() {
            self.recorder.emit(Event::ProbeOutage {
                probe: result.name.clone(),
                from_ms: at(from),
                until_ms: until.map(at),
                failed,
                error,
            });
        }
        self.recorder.emit(Event::ProbeSummary(ProbeSummary {
            probe: result.name.clone(),
            interval_ms: u64::try_from(result.interval.as_millis()).unwrap_or(u64::MAX),
            sent: result.sent,
            failed: result.failed(),
            p50_us: result.latency_us(0.5),
            p99_us: result.latency_us(0.99),
            max_us: result.latency_us(1.0),
        }));
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

    /// For each probe: both clocks must tell of one and the same outage in the window that is judged. An outage outside of
    /// all windows is told with the first of them. Returns how many probes watched.
    pub(super) fn clocks_agree(
        &self,
        check: &str,
        results: &[ProbeResult],
        windows: &[(u64, u64)],
        judged: usize,
    ) -> (u64, Vec<Finding>) {
        let mut findings = Vec::new();
        let Some((closed, opened)) = windows.get(judged).copied() else { return (0, findings) };
        let clock = Duration::from_millis(opened.saturating_sub(closed));
        let disagree =
            |probe: &str, message: String, sample: Sample| disagreement(check, probe, message, sample);
        let mut watched = 0_u64;
        // Of a run that was resumed the probes saw a part of the cutover, but all of a way back that began since.
        for result in results.iter().filter(|_| !self.resumed || judged > 0) {
            let began = self.recorder.clock().at(result.began);
            let ms = |d: Duration| began + u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
            let tolerance = result.interval * 2 + TOLERANCE;
            let mut seen = None;
            for outage in result.outages() {
                let until = outage.until.map_or(u64::MAX, ms);
                let within = |(from, to): &(u64, u64)| until > *from && ms(outage.from) < *to;
                if within(&(closed, opened)) {
                    seen = Some(outage.until.map(|until| until - outage.from));
                } else if judged == 0
                    && !windows.iter().any(within)
                    && outage.until.is_none_or(|until| until - outage.from > TOLERANCE)
                {
                    let length = outage.until.map_or("without end".into(), |u| {
                        format!("of {:.1} s", (u - outage.from).as_secs_f64())
                    });
                    let sample = Sample::named(format!(
                        "{:.1} s into the run: {}",
                        seconds(ms(outage.from)),
                        outage.error
                    ));
                    findings.push(disagree(
                        &result.name,
                        format!("the probe {} saw an outage {length} outside of the cutover", result.name),
                        sample,
                    ));
                }
            }
            // One that rested meanwhile cannot tell.
            let ended = ms(result.interval.saturating_mul(u32::try_from(result.sent).unwrap_or(u32::MAX)));
            if began > closed || ended < opened {
                continue;
            }
            watched += 1;
            // An outage shorter than the probe's interval may fall between two requests.
            let unseen = seen.is_none() && clock <= tolerance;
            let agree = seen.flatten().is_some_and(|seen| seen.abs_diff(clock) <= tolerance);
            if !(agree || unseen && judged > 0) {
                let seen = match seen {
                    Some(Some(seen)) => format!("{:.2} s", seen.as_secs_f64()),
                    Some(None) => "one without end".into(),
                    None => "none".into(),
                };
                findings.push(disagree(
                    &result.name,
                    format!(
                        "by the clock of the phases the outage took {:.2} s; the probe {} saw {seen}",
                        clock.as_secs_f64(),
                        result.name
                    ),
                    Sample::named(result.name.clone()),
                ));
            }
        }
        (watched, findings)
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
        let (watched, mut findings) = self.clocks_agree(checks::DOWNTIME, results, &windows, 0);
        // Who was told that something is stored while the service was closed wrote past the gate. Requests that were under
        // way when it closed may still be answered until the last of them has ended.
        let shut =
            Duration::from_millis(opened.saturating_sub(self.stopped_ms.unwrap_or(closed).max(closed)));
        for (store, gap) in gaps.iter().filter(|_| !self.resumed) {
            if Duration::from_millis(gap.ms()) + TOLERANCE < shut {
                findings.push(disagreement(
                    checks::DOWNTIME,
                    store,
                    format!(
                        "by the clock of the phases the outage took {:.2} s; the longest time in it without an acknowledged write to {store} is {:.2} s",
                        clock.as_secs_f64(),
                        seconds(gap.ms())
                    ),
                    Sample::named((*store).to_owned()),
                ));
            }
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

    /// Stops the source stores, as the clean-up of the old installation does.
    pub(super) async fn stop_source(&mut self) -> Stepped<()> {
        let Some(environment) = self.environment.as_mut() else { return Ok(()) };
        environment.signal(Side::Source, Store::Postgres, StoreSignal::Interrupt).map_err(of_environment)?;
        environment
            .signal(Side::Source, Store::Elasticsearch, StoreSignal::Terminate)
            .map_err(of_environment)?;
        let deadline = tokio::time::Instant::now() + STOP_LIMIT;
        for store in [Store::Postgres, Store::Elasticsearch] {
            while environment.is_running(Side::Source, store) && tokio::time::Instant::now() < deadline {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(())
    }

    pub(super) async fn tear_down(&mut self) -> Stepped<Facts> {
        self.pins = None;
        if self.config.stores == Ownership::Lent {
            return Ok(Facts::new());
        }
        let Some(environment) = self.environment.take() else { return Ok(Facts::new()) };
        let keep = match self.config.keep {
            Keep::Nothing => drydock_environments::Keep::Nothing,
            Keep::Running => {
                for side in [Side::Source, Side::Target] {
                    if let (Some(p), Some(e)) = (environment.postgres(side), environment.elasticsearch(side))
                    {
                        self.note(
                            NoteLevel::Info,
                            format!("kept running: {side} PostgreSQL 127.0.0.1:{}, Elasticsearch {}; `drydock clean` stops them", p.port, e.url),
                        );
                    }
                }
                drydock_environments::Keep::Running
            }
        };
        environment.stop(keep).await.map_err(of_environment)?;
        Ok(Facts::new())
    }
}

/// Two clocks tell of different outages.
fn disagreement(check: &str, probe: &str, message: String, sample: Sample) -> Finding {
    Finding {
        class: Class::Budget,
        outcome: Outcome::NotProven,
        ..Finding::data(check, Kind::Disagreement, probe, message)
            .items(1, [sample])
            .next("trust neither figure; look at the stores' logs at that time")
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a run are far below 2^53")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}
