//! What promises to change nothing, a trial, a dry run, an upgrade of the chart alone, held to its promise: both sides are
//! described before and after, while users read and their writes wait, so that every difference is of its making.

use super::clocks::Seen;
use super::kept::{Readers, keep};
use super::usable::Look;
use super::{RealWorld, Stepped, environment, internal, of_environment, store_failed};
use crate::flow::Facts;
use drydock_core::event::ServiceState;
use drydock_core::finding::{Finding, Kind, Sample};
use drydock_core::names::checks;
use drydock_core::scenario::Procedure;
use drydock_core::{Action, Event};
use drydock_environments::{Side, Store};
use drydock_stores::compare::{
    CheckResult, Fingerprint, Options, fingerprint_elasticsearch, fingerprint_postgres, unchanged,
};
use drydock_workload::probe::ProbeResult;
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Shorter ones may be a busy machine's.
const NOTICED: Duration = Duration::from_secs(1);

impl RealWorld {
    /// What made the promise, in words.
    fn promise(&self) -> &'static str {
        if self.config.scenario.rollback.is_some() {
            let frozen = self.config.plan.id_of(Action::Freeze).is_some();
            return if frozen { "the freeze" } else { "the beginning of the migration" };
        }
        match self.config.scenario.procedure {
            Procedure::DryRun => "the dry run",
            Procedure::ChartOnly => "the upgrade of the chart",
            Procedure::Cutover | Procedure::EstimateThenCutover => "the trial",
        }
    }

    /// The sides that are described. An upgrade of the chart knows one installation only.
    fn described(&self) -> &'static [(Side, &'static str)] {
        if self.config.scenario.rollback.is_some() {
            return &[(Side::Source, checks::RB_RESTORED)];
        }
        match self.config.scenario.procedure {
            Procedure::ChartOnly => &[(Side::Source, checks::SAME_DATA)],
            _ => &[(Side::Source, checks::HARMLESS_SOURCE), (Side::Target, checks::HARMLESS_TARGET)],
        }
    }

    /// The side that users work on at the end.
    pub(super) fn serving(&self) -> Side {
        match self.config.scenario.procedure {
            Procedure::ChartOnly => Side::Source,
            _ => Side::Target,
        }
    }

    fn description(&self, side: Side) -> PathBuf {
        self.config.folder.join(format!("before-{side}.json"))
    }

    fn description_after(&self, side: Side) -> PathBuf {
        self.config.folder.join(format!("after-{side}.json"))
    }

    /// What a side is afterwards. Users write again as soon as it was described: a run that is killed then and resumed would take what
    /// they wrote for harm, so what the earlier life saw counts.
    async fn described_after(&self, side: Side, facts: &mut Facts) -> Stepped<Fingerprint> {
        let path = self.description_after(side);
        // One that was not written to its end was written by a life in which nobody was let in yet.
        let seen = fs::read(&path).ok().and_then(|text| serde_json::from_slice::<Fingerprint>(&text).ok());
        if let Some(seen) = seen {
            self.tell_digest(side, "after", &seen);
            facts.insert(format!("{side}_objects"), json!(seen.objects.len()));
            facts.insert(format!("{side}_seen_by_an_earlier_life"), json!(true));
            return Ok(seen);
        }
        let after = self.describe(side, "after", facts).await?;
        keep(&path, &after, Readers::Anybody)?;
        Ok(after)
    }

    fn tell_digest(&self, side: Side, moment: &str, all: &Fingerprint) {
        self.recorder.emit(Event::DataDigest {
            moment: format!("{side} {moment} {}", self.promise()),
            digest: all.digest(),
            documents: all.documents,
            rows: all.rows,
        });
    }

    /// Lets users' writes wait, and describes the sides.
    pub(super) async fn measure_before(&mut self) -> Stepped<Facts> {
        let mut facts = Facts::new();
        if let Some(writer) = self.writer.take() {
            let summary = writer.finish().await;
            facts.insert("writes_acknowledged".into(), json!(summary.acknowledged));
            facts.insert("writes_failed".into(), json!(summary.failed));
        }
        for probe in std::mem::take(&mut self.write_probes) {
            self.finished_probes.push(probe.finish().await);
        }
        for (side, _) in self.described() {
            let now = self.describe(*side, "before", &mut facts).await?;
            keep(&self.description(*side), &now, Readers::Anybody)?;
            match fs::remove_file(self.description_after(*side)) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(environment(
                        format!("cannot remove {}: {e}", self.description_after(*side).display()),
                        "look at the permissions of the run folder",
                    ));
                }
                _ => {}
            }
        }
        self.watch_closely().await;
        self.promised_from_ms = Some(self.recorder.now_ms());
        Ok(facts)
    }

    /// Describes the sides again, judges, and lets users write.
    pub(super) async fn measure_after(&mut self) -> Stepped<Facts> {
        self.promised_until_ms = Some(self.recorder.now_ms());
        self.watch_from_far();
        let mut facts = Facts::new();
        for (side, check) in self.described() {
            let began = Instant::now();
            let path = self.description(*side);
            let before = fs::read(&path)
                .map_err(|e| e.to_string())
                .and_then(|text| serde_json::from_slice::<Fingerprint>(&text).map_err(|e| e.to_string()));
            let before = before.map_err(|e| {
                environment(
                    format!("what the {side} was before, in {}, cannot be read: {e}", path.display()),
                    "rehearse again from the beginning",
                )
            })?;
            let after = self.described_after(*side, &mut facts).await?;
            let result = unchanged(check, &side.to_string(), self.promise(), &before, &after);
            let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.conclude(vec![CheckResult { millis, ..result }]);
        }
        self.start_writer(super::Until::Stopped)?;
        self.start_write_probes();
        Ok(facts)
    }

    pub(super) async fn describe(&self, side: Side, moment: &str, facts: &mut Facts) -> Stepped<Fingerprint> {
        let began = Instant::now();
        let stores = self.side(side)?;
        let options = Options::default();
        let (documents, rows) = tokio::join!(
            async {
                match self.has_elasticsearch() {
                    true => fingerprint_elasticsearch(&stores.elasticsearch, &options).await,
                    false => Ok(Fingerprint::default()),
                }
            },
            async {
                match self.databases().is_empty() {
                    false => fingerprint_postgres(&stores.postgres).await,
                    true => Ok(Fingerprint::default()),
                }
            },
        );
        let mut all = documents.map_err(|e| store_failed(&format!("describe the {side} cluster"), &e))?;
        all.extend(rows.map_err(|e| store_failed(&format!("describe the {side} databases"), &e))?);
        self.tell_digest(side, moment, &all);
        let seconds = super::prepare::round(began.elapsed().as_secs_f64());
        facts.insert(format!("{side}_objects"), json!(all.objects.len()));
        facts.insert(format!("{side}_seconds"), json!(seconds));
        Ok(all)
    }

    /// Stops the stores in good order and starts them on the same data, as new images do.
    pub(super) async fn restart_stores(&mut self) -> Stepped<Facts> {
        let mut facts = Facts::new();
        let Some(environment) = self.environment.as_mut() else {
            return Err(internal("the environment is not up"));
        };
        for store in [Store::Postgres, Store::Elasticsearch] {
            let began = Instant::now();
            environment.restart(Side::Source, store).await.map_err(of_environment)?;
            let seconds = super::prepare::round(began.elapsed().as_secs_f64());
            facts.insert(format!("{store}_seconds"), json!(seconds));
        }
        Ok(facts)
    }

    /// Starts the application on the stores it had.
    pub(super) async fn reopen(&mut self) -> Stepped<Facts> {
        let mut facts = Facts::new();
        self.check_rest().await?;
        self.start_pods(Side::Source, &mut facts).await?;
        let config = self.service_config(Side::Source)?;
        if let Some(service) = &self.service {
            service
                .open(&config)
                .await
                .map_err(|e| store_failed("start the application again on the stores it had", &e))?;
        }
        self.recorder.emit(Event::Service { state: ServiceState::OnSource });
        self.watch_from_far();
        self.opened_ms = Some(self.recorder.now_ms());
        Ok(facts)
    }

    /// What users can do after an upgrade of the chart, and whether they find what they were promised.
    pub(super) async fn compare_same(&mut self) -> Stepped<Facts> {
        if self.config.scenario.has_writing_users() {
            self.check_acknowledged().await?;
        }
        self.check_usable(Side::Source, checks::TARGETS, Look::Inserts).await?;
        self.check_pods(Side::Source).await?;
        Ok(Facts::from([("objections".to_owned(), json!(self.objections))]))
    }

    /// No user may notice what promises to change nothing.
    pub(super) fn check_unnoticed(&self, results: &[ProbeResult]) -> Option<CheckResult> {
        if !self.config.plan.checks.iter().any(|c| c.as_str() == checks::HARMLESS_SERVICE) {
            return None;
        }
        self.unnoticed_by(checks::HARMLESS_SERVICE, results)
    }

    /// What probes saw while something promised to change nothing, for a check.
    pub(super) fn unnoticed_by(&self, check: &'static str, results: &[ProbeResult]) -> Option<CheckResult> {
        let window = (self.promised_from_ms?, self.promised_until_ms?);
        let seen: Vec<Seen<'_>> = results
            .iter()
            .map(|result| Seen { result, began_ms: self.recorder.ms_at(result.began) })
            .collect();
        Some(unnoticed(check, self.promise(), &seen, window))
    }
}

/// Probes that watched while the promise held, and the outages they saw meanwhile.
fn unnoticed(
    check: &'static str,
    promise: &str,
    seen: &[Seen<'_>],
    (from, until): (u64, u64),
) -> CheckResult {
    let mut findings = Vec::new();
    let mut compared = 0;
    for probe in seen {
        let ended = probe.ended_ms();
        if probe.began_ms > from || ended < until {
            continue;
        }
        let asked = probe.result.answers.values().filter(|a| (from..until).contains(&probe.ms(a.due)));
        compared += asked.count() as u64;
        for outage in probe.result.outages() {
            let (began, ended) = (probe.ms(outage.from), outage.until.map(|u| probe.ms(u)));
            let long = outage.until.is_none_or(|u| u - outage.from > NOTICED);
            if !long || began > until || ended.is_some_and(|e| e < from) {
                continue;
            }
            let lasted = outage.until.map_or("and never ended".to_owned(), |u| {
                format!("and lasted {:.1} s", (u - outage.from).as_secs_f64())
            });
            let message = format!(
                "the probe {} failed while {promise} promised to disturb nobody, {lasted}",
                probe.result.name
            );
            findings.push(
                Finding::access(check, Kind::Unusable, &probe.result.name, message)
                    .items(outage.failed, [Sample::named(outage.error)])
                    .next(format!("look what {promise} stopped or locked; start it again")),
            );
        }
    }
    CheckResult {
        check,
        compared,
        findings,
        note: format!("requests of probes during {promise}; users' writes waited meanwhile"),
        millis: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use drydock_workload::probe::{Answer, Rhythm};

    fn probe(failing: std::ops::Range<u64>) -> ProbeResult {
        let answer = |n: u64| Answer {
            due: Duration::from_millis(50 * n),
            latency: Duration::from_millis(1),
            error: failing.contains(&n).then(|| "refused".to_owned()),
        };
        ProbeResult {
            name: "postgres/read".into(),
            rhythm: Rhythm::steady(Duration::from_millis(50)),
            began: Instant::now(),
            until: Duration::from_secs(50),
            sent: 1000,
            answers: (0..1000).map(|n| (n, answer(n))).collect(),
        }
    }

    fn told(failing: std::ops::Range<u64>, window: (u64, u64)) -> (u64, usize) {
        let result = probe(failing);
        let checked = unnoticed(
            checks::HARMLESS_SERVICE,
            "the trial",
            &[Seen { result: &result, began_ms: 1000 }],
            window,
        );
        (checked.compared, checked.findings.len())
    }

    #[test]
    fn an_outage_during_the_promise_is_told_and_no_other() {
        // Request n is due at 1000 + 50 n ms.
        assert_eq!(told(0..0, (11_000, 21_000)), (200, 0));
        assert_eq!(told(300..340, (11_000, 21_000)), (200, 1));
        assert_eq!(told(390..1000, (11_000, 21_000)), (200, 1), "begun within, never ended");
        assert_eq!(told(300..305, (11_000, 21_000)), (200, 0), "a hiccup");
        assert_eq!(told(500..600, (11_000, 21_000)), (200, 0), "the cutover");
        assert_eq!(told(0..0, (500, 21_000)), (0, 0), "a probe that began later proves nothing");
        assert_eq!(told(0..0, (11_000, 99_000)), (0, 0), "nor one that ended earlier");
    }
}
