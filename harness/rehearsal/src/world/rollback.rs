//! The way back: what it relies on, whether the source is what it was, and the application's return.

use super::clocks::clocks_agree;
use super::kept::{Readers, keep};
use super::usable::Look;
use super::{RealWorld, Stepped, environment, internal, of_environment, of_migration, store_failed};
use crate::flow::{Facts, StepError};
use drydock_core::finding::{Class, Finding, Kind, Outcome, Sample};
use drydock_core::names::checks;
use drydock_core::scenario::{Mover, Volumes};
use drydock_core::{Action, Step};
use drydock_environments::{Side, Store};
use drydock_migration::artefacts::{Captured, DESCRIPTION, captured_by, examine};
use drydock_migration::freeze;
use drydock_stores::compare::{CheckResult, Fingerprint, unchanged};
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Hashes of what was captured for a way back, for a resumed run.
pub(super) const CAPTURED: &str = "captured.json";
/// What the source is held against.
const BASELINE: &str = "frozen-source.json";
/// The source as it was held against that, for a run that is resumed before users return.
const HELD: &str = "held-source.json";
const STORES: [Store; 2] = [Store::Postgres, Store::Elasticsearch];

/// How far a way back has come.
#[derive(Debug, Default)]
pub(super) struct WayBack {
    /// When users could write to the target no more, on the run's clock.
    pub(super) closed_ms: Option<u64>,
    /// When they could work on the source again.
    pub(super) opened_ms: Option<u64>,
    /// What each step between decision and return took, in milliseconds.
    pub(super) took: Vec<(String, u64)>,
    /// The source as it was held against its description: nothing may move until users return.
    pub(super) still: Option<freeze::Marks>,
}

impl WayBack {
    /// From the decision to go back until users work on the source again, in milliseconds.
    pub(super) fn rto_ms(&self) -> Option<u64> {
        self.opened_ms.map(|_| self.took.iter().map(|(_, ms)| ms).sum())
    }
}

impl RealWorld {
    fn baseline_file(&self) -> PathBuf {
        self.config.folder.join(BASELINE)
    }

    /// Remembers the hash of what a step captured for a way back, if it did.
    pub(super) fn note_captured(&mut self, step: &Step, facts: &Facts) -> Stepped<()> {
        let (Some(name), Some(hash)) =
            (captured_by(step.action), facts.get("blake3").and_then(|v| v.as_str()))
        else {
            return Ok(());
        };
        let mut captured = self.captured()?;
        captured.insert(name, hash.to_owned());
        keep(&self.config.folder.join(CAPTURED), &captured, Readers::Anybody)
    }

    fn captured(&self) -> Stepped<Captured> {
        let path = self.config.folder.join(CAPTURED);
        match fs::read(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Captured::new()),
            read => read
                .map_err(|e| e.to_string())
                .and_then(|t| serde_json::from_slice(&t).map_err(|e| e.to_string()))
                .map_err(|e| {
                    environment(
                        format!("the hashes in {} cannot be read: {e}", path.display()),
                        "rehearse again from the beginning",
                    )
                }),
        }
    }

    /// Describes the frozen source.
    pub(super) async fn describe_frozen(&mut self) -> Stepped<Facts> {
        let mut facts = Facts::new();
        let now = self.describe(Side::Source, "before", &mut facts).await?;
        keep(&self.baseline_file(), &now, Readers::Anybody)?;
        Ok(facts)
    }

    /// Looks whether what the way back needs is there and can be used.
    pub(super) async fn check_artefacts(&mut self, step: &Step) -> Stepped<Facts> {
        let began = Instant::now();
        let mut captured = self.captured()?;
        let cleaned = self.cleaned;
        if cleaned {
            // The clean-up removes the dumps: from then on the source's volumes are the way back.
            captured.retain(|name, _| name == DESCRIPTION);
        }
        let reporter = self.reporter(step.id.clone());
        let examined = match captured.is_empty() {
            true => Vec::new(),
            false => examine(&self.migration()?, &captured, &reporter).await.map_err(of_migration)?,
        };
        let mut findings = Vec::new();
        let mut looked_at = examined.len() as u64;
        let mut usable = Vec::new();
        let useless = |name: &str, why: &str| {
            Finding::data(checks::RB_ARTEFACTS, Kind::Unusable, name, format!("the {name} {why}"))
        };
        for artefact in examined {
            match artefact.state {
                Ok(what) => usable.push(format!("{} {what}", artefact.name)),
                Err(why) => findings.push(
                    useless(&artefact.name, &why)
                        .next("capture it again before the cutover goes on: the way back relies on it"),
                ),
            }
        }
        for store in STORES.into_iter().filter(|s| self.uses(*s)) {
            looked_at += 1;
            let environment = self.environment()?;
            let name = format!("volume of the source {store}");
            match environment.has_data(Side::Source, store) {
                true => usable.push(format!("{name} is there")),
                false => findings.push(
                    useless(&name, "is gone")
                        .next("keep the volumes of the source until nobody can want to go back"),
                ),
            }
        }
        let result = CheckResult {
            check: checks::RB_ARTEFACTS,
            compared: looked_at,
            findings,
            note: if cleaned {
                "the saved description and the source's volumes; the clean-up has removed the dumps".into()
            } else {
                "what was captured so far, by hash and by using it, and the source's volumes".into()
            },
            millis: millis(began),
        };
        self.conclude(vec![result]);
        Ok(Facts::from([("usable".to_owned(), json!(usable))]))
    }

    /// Whether the scenario has anything in a kind of store.
    fn uses(&self, store: Store) -> bool {
        match store {
            Store::Postgres => !self.databases().is_empty(),
            Store::Elasticsearch => self.has_elasticsearch(),
        }
    }

    /// Users make an exact number of writes on the target.
    pub(super) async fn work_on_target(&mut self) -> Stepped<Facts> {
        let wanted = u64::from(self.config.scenario.rollback.as_ref().map_or(0, |r| r.after_writes));
        self.work_before_the_return().await?;
        let changes = self.work_on_accounts().await?;
        let Some(writer) = self.writer.as_mut() else { return Err(internal("nobody writes")) };
        // Each write of a loaded machine may take a second; longer is an application that does not work.
        let longest = Duration::from_secs(wanted + 60);
        let waited =
            self.cancel.run_until_cancelled(tokio::time::timeout(longest, writer.wait_for_end())).await;
        match waited {
            None => Err(environment("interrupted", "run `drydock rehearse --resume` with this run")),
            Some(Err(_)) => Err(environment(
                format!("fewer than {wanted} writes were acknowledged within {} s", longest.as_secs()),
                "look at the logs of the target stores in the run folder",
            )),
            Some(Ok(())) => {
                Ok(Facts::from([("writes".to_owned(), json!(wanted))]).into_iter().chain(changes).collect())
            }
        }
    }

    /// After the clean-up: the volumes go as well where the scenario says so.
    pub(super) async fn remove_volumes(&mut self) -> Stepped<()> {
        let gone = self.config.scenario.rollback.as_ref().is_some_and(|r| r.volumes == Volumes::Gone);
        let Some(environment) = self.environment.as_mut().filter(|_| gone) else { return Ok(()) };
        for store in STORES {
            environment.remove_data(Side::Source, store).await.map_err(of_environment)?;
        }
        Ok(())
    }

    /// Starts the stores of the source where the clean-up stopped them.
    pub(super) async fn start_source(&mut self, step: &Step) -> Stepped<Facts> {
        let began = Instant::now();
        let mut facts = Facts::new();
        let Some(environment) = self.environment.as_mut() else {
            return Err(internal("the environment is not up"));
        };
        let mut started = Vec::new();
        for store in STORES {
            if environment.is_running(Side::Source, store).await.map_err(of_environment)? {
                continue;
            }
            if !environment.has_data(Side::Source, store) {
                return Err(StepError {
                    class: Class::Data,
                    message: format!(
                        "there is nothing to go back to: the volume of the source {store} is gone"
                    ),
                    next: "users stay on the target; keep the volumes until nobody can want to go back"
                        .into(),
                });
            }
            environment.restart(Side::Source, store).await.map_err(of_environment)?;
            started.push(format!("the source {store}"));
        }
        if !started.is_empty() {
            facts.insert("takes".into(), json!([format!("start {}", started.join(" and "))]));
            self.way_back.took.push((step.id.to_string(), millis(began)));
        }
        Ok(facts)
    }

    /// Holds the source against what it was when it was frozen, and looks whether applications may work there, all of it
    /// before anybody is sent back.
    pub(super) async fn hold_against_baseline(&mut self) -> Stepped<Facts> {
        let began = Instant::now();
        let mut facts = Facts::new();
        if self.marks.is_some() {
            self.check_freeze().await?;
        }
        let path = self.baseline_file();
        let before = fs::read(&path)
            .map_err(|e| e.to_string())
            .and_then(|text| serde_json::from_slice::<Fingerprint>(&text).map_err(|e| e.to_string()))
            .map_err(|e| {
                environment(
                    format!(
                        "what the source was when it was frozen, in {}, cannot be read: {e}",
                        path.display()
                    ),
                    "rehearse again from the beginning",
                )
            })?;
        let after = self.describe(Side::Source, "after", &mut facts).await?;
        let result = unchanged(checks::RB_RESTORED, "source", "the freeze", &before, &after);
        let findings = result.findings.into_iter().map(|f| self.judged(f)).collect();
        self.conclude(vec![CheckResult { findings, millis: millis(began), ..result }]);
        let still = self.marks_now().await?;
        keep(&self.config.folder.join(HELD), &still, Readers::Anybody)?;
        self.way_back.still = Some(still);
        // Rights are read here: an insert, even one that is taken back, would move the source.
        let objections = self.check_usable(Side::Source, checks::RB_ACCESS, Look::Rights).await?;
        if objections > 0 && self.opened_ms.is_some() {
            return Err(StepError {
                class: Class::Access,
                message: "the way back is refused: applications could not work on the source".into(),
                next: "users stay on the target; mend the source's access, then go back".into(),
            });
        }
        Ok(facts)
    }

    /// Takes up what an earlier life of the run held the source against: nothing may have moved since.
    pub(super) async fn recall_still(&mut self) -> Stepped<()> {
        let now = self.marks_now().await?;
        self.way_back.still = Some(self.recalled(HELD, &now)?);
        Ok(())
    }

    /// What the mover needs on the source stays there, and harms nobody.
    fn judged(&self, finding: Finding) -> Finding {
        let next = "bring it back from the final dump or a snapshot before users return".to_owned();
        let ours = self.config.scenario.migration.mover == Mover::Snapshot
            && finding.kind == Kind::Extra
            && finding.subject.starts_with("snapshot-repository/");
        match (ours, finding.outcome) {
            (true, Outcome::Different) => Finding {
                outcome: Outcome::Expected,
                next: "remove the repository from the source".into(),
                message: format!("{}: the mover put its snapshots there", finding.message),
                ..finding
            },
            (_, Outcome::Different) => Finding { next, ..finding },
            _ => finding,
        }
    }

    /// What users find after going back, and what of their writes is lost.
    pub(super) async fn compare_back(&mut self) -> Stepped<Facts> {
        // Users who cannot write have not come back.
        if self.writer.is_some() {
            let wrote = self.acknowledged(1).await;
            let findings: Vec<Finding> = wrote
                .err()
                .into_iter()
                .map(|e| {
                    Finding::access(checks::RB_ACCESS, Kind::Unusable, "source", e.message)
                        .next("look for write blocks and read-only settings on the source")
                })
                .collect();
            let note = "each application role logs in on the source, may use its tables, and writes".into();
            let check = checks::RB_ACCESS;
            self.conclude(vec![CheckResult { check, compared: 1, findings, note, millis: 0 }]);
        }
        self.check_usable(Side::Source, checks::RB_ACCESS, Look::Inserts).await?;
        if self.config.scenario.has_writing_users() {
            self.check_fates().await?;
        }
        if self.config.plan.id_of(Action::SwitchBack).is_some() {
            self.check_application_back().await?;
            self.check_accounts_back().await?;
            self.check_pods(Side::Source).await?;
        }
        Ok(Facts::from([("left_behind".to_owned(), json!(self.left_behind().await?))]))
    }

    /// What stays on the target, in words.
    async fn left_behind(&self) -> Stepped<Vec<String>> {
        use drydock_stores::elasticsearch::{Client, Timeouts};
        use drydock_stores::postgres::{APPLICATION_NAME, connect};
        let target = self.side(Side::Target)?;
        let mut left = Vec::new();
        let databases = self.databases();
        if !databases.is_empty() {
            let failed = |e: &dyn std::fmt::Display| store_failed("list the databases of the target", e);
            let session =
                connect(&target.postgres, "postgres", APPLICATION_NAME).await.map_err(|e| failed(&e))?;
            let sql = "SELECT datname::text FROM pg_database WHERE datname = ANY($1) ORDER BY 1";
            let rows = session.query(sql, &[&databases]).await.map_err(|e| failed(&e))?;
            left.extend(rows.iter().map(|r| format!("database {}", r.get::<_, String>(0))));
        }
        if self.has_elasticsearch() {
            let failed = |e: &dyn std::fmt::Display| store_failed("list the indices of the target", e);
            let client = Client::new(&target.elasticsearch, Timeouts::default()).map_err(|e| failed(&e))?;
            let all = client.get("/_all/_settings/index.uuid?expand_wildcards=all").await;
            let all = all.map_err(|e| failed(&e))?;
            let prefixes = self.scope().prefixes;
            let names = all.as_object().into_iter().flatten().map(|(name, _)| name);
            let ours = names.filter(|n| prefixes.iter().any(|p| n.starts_with(p.as_str()))).count();
            if ours > 0 {
                left.push(format!("{ours} indices"));
            }
        }
        Ok(left)
    }

    /// How long users waited for the way back, by probes and clock, and whether that keeps the budget.
    pub(super) fn check_return(
        &mut self,
        results: &[drydock_workload::probe::ProbeResult],
    ) -> Option<CheckResult> {
        let asked = self.config.plan.checks.iter().any(|c| c.as_str() == checks::RB_SERVICE);
        let budget = self.config.scenario.budgets.rto;
        let mut findings: Vec<Finding> = self
            .way_back
            .rto_ms()
            .zip(budget)
            .and_then(|(rto, b)| over_rto(&self.way_back.took, rto, b))
            .into_iter()
            .collect();
        if !asked {
            for finding in findings {
                self.found(finding);
            }
            return None;
        }
        let (compared, note) = match (self.way_back.closed_ms, self.way_back.opened_ms) {
            (Some(closed), Some(opened)) => {
                let windows = match (self.closed_ms, self.opened_ms) {
                    (Some(from), Some(until)) => vec![(from, until), (closed, opened)],
                    _ => vec![(closed, opened)],
                };
                let judged = windows.len() - 1;
                let seen = self.watched(results, judged);
                let (watched, disagreeing) = clocks_agree(checks::RB_SERVICE, &seen, &windows, judged);
                findings.extend(disagreeing);
                match watched {
                    0 if self.resumed => {
                        let note = "clock of the way back only: the run was resumed while users waited, and the probes saw a part of it";
                        (results.len() as u64, note.to_owned())
                    }
                    _ => (watched, format!("{watched} probes against the clock of the way back")),
                }
            }
            // Users never left the source.
            _ if self.closed_ms.is_none() => {
                let unnoticed = self.unnoticed_by(checks::RB_SERVICE, results)?;
                findings.extend(unnoticed.findings);
                (unnoticed.compared, unnoticed.note)
            }
            _ => return None,
        };
        Some(CheckResult { check: checks::RB_SERVICE, compared, findings, note, millis: 0 })
    }
}

/// The finding for a way back that took longer than it may, with the step that took most of it.
fn over_rto(took: &[(String, u64)], rto_ms: u64, budget: jiff::SignedDuration) -> Option<Finding> {
    if Duration::from_millis(rto_ms) <= budget.unsigned_abs() {
        return None;
    }
    let longest = took.iter().max_by_key(|(_, ms)| *ms);
    let sample = longest.map(|(step, ms)| Sample::named(format!("{step} took {:.1} s", seconds(*ms))));
    let ate = longest.map_or_else(String::new, |(step, _)| format!(", most of it in {step}"));
    let finding = Finding::data(
        checks::RB_SERVICE,
        Kind::OverBudget,
        "rto",
        format!(
            "users could work again after {:.1} s{ate}; the budget is {:.1} s",
            seconds(rto_ms),
            budget.as_secs_f64()
        ),
    );
    Some(Finding {
        class: Class::Budget,
        ..finding.items(1, sample).next("shorten that step, or raise the budget")
    })
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a run are far below 2^53")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

pub(super) fn millis(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_that_ate_the_budget_is_named() {
        let took = [("rollback/close".to_owned(), 100), ("rollback/switch".to_owned(), 2_400)];
        assert_eq!(over_rto(&took, 2_500, jiff::SignedDuration::from_secs(3)), None);
        let told = over_rto(&took, 2_500, jiff::SignedDuration::from_secs(2)).expect("it is over");
        assert_eq!((told.class, told.kind), (Class::Budget, Kind::OverBudget));
        assert!(told.message.contains("rollback/switch"), "{}", told.message);
    }
}
