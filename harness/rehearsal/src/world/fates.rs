//! After going back: what became of every acknowledged write, held against the budget for losses.

use super::rollback::millis;
use super::{RealWorld, Stepped, store_failed};
use drydock_core::Event;
use drydock_core::finding::{Class, Finding, Kind, Outcome, Sample};
use drydock_core::names::checks;
use drydock_core::rollback::{FatedWrite, WriteFates};
use drydock_core::scenario::{Budgets, Loss};
use drydock_environments::Side;
use drydock_stores::compare::CheckResult;
use drydock_stores::elasticsearch::{Client, Retries, Timeouts};
use drydock_workload::acknowledged::{Acknowledged, last_states, writes_between};
use drydock_workload::fate::fates;
use drydock_workload::verify::observed;
use std::time::{Duration, Instant};

impl RealWorld {
    pub(super) async fn check_fates(&mut self) -> Stepped<()> {
        let began = Instant::now();
        let now = self.recorder.now_ms();
        let back = self.way_back.opened_ms.or(self.promised_until_ms).unwrap_or(now);
        let switched = self.met_ms.unwrap_or(back);
        let log = &self.config.acknowledged;
        let failed = |e: std::io::Error| store_failed("read the log of acknowledged writes", &e);
        let all = writes_between(log, 0, back).map_err(failed)?;
        let before = last_states(log, switched.saturating_sub(1)).map_err(failed)?.known;
        let after: Vec<Acknowledged> = all.iter().filter(|w| w.ms >= switched).cloned().collect();
        let mut result = CheckResult {
            check: checks::RB_WRITES,
            compared: all.len() as u64,
            findings: Vec::new(),
            note: format!(
                "{} documents and rows of before the cutover, and {} writes acknowledged after it; not what probes wrote",
                before.len(),
                after.len()
            ),
            millis: 0,
        };
        let source = self.side(Side::Source)?;
        let client = match self.has_elasticsearch() {
            true => Some(
                Client::new(&source.elasticsearch, Timeouts::default())
                    .map_err(|e| store_failed("set up a client of the source", &e))?
                    .retrying(Retries::Transient),
            ),
            false => None,
        };
        let seen = observed(client.as_ref(), &source.postgres, &all).await.map_err(|e| e.to_string());
        let contradicting = self.ask(Side::Source, &before).await;
        match (seen, contradicting) {
            (Ok(seen), Ok(contradicting)) => {
                let closed = self.way_back.closed_ms.unwrap_or(back);
                let mut told = fates(&after, &seen, closed);
                told.before = (before.len() - contradicting.len().min(before.len())) as u64;
                result.findings.extend(judge_lost(&told, &self.config.scenario.budgets, &self.on_target()));
                result.findings.extend(duplicated(&told));
                if !contradicting.is_empty() {
                    let message = format!(
                        "{} documents and rows acknowledged before the cutover are not on the source as clients were told",
                        contradicting.len()
                    );
                    result.findings.push(
                        Finding::data(checks::RB_WRITES, Kind::LostWrite, "before the cutover", message)
                            .items(
                                contradicting.len() as u64,
                                contradicting.keys().map(|i| Sample::named(i.to_string())),
                            )
                            .next("look what was done to the source since the freeze"),
                    );
                }
                self.recorder.emit(Event::WritesFated(Box::new(told)));
            }
            (Err(why), _) | (_, Err(why)) => {
                result.findings.push(Finding::not_compared(checks::RB_WRITES, "acknowledged writes", why))
            }
        }
        result.millis = millis(began);
        self.conclude(vec![result]);
        Ok(())
    }

    /// Steps during which users worked on the target, with their milliseconds.
    fn on_target(&self) -> Vec<(String, u64)> {
        let Some(switched) = self.opened_ms else { return Vec::new() };
        let until = self.way_back.closed_ms.unwrap_or(u64::MAX);
        let during = self.step_times.iter().filter(|(_, from, _)| (switched..until).contains(from));
        during.map(|(step, from, ended)| (step.clone(), ended.saturating_sub(*from))).collect()
    }
}

/// Lost writes: expected within the budget, a missed budget beyond it, and a difference where there is none.
fn judge_lost(fates: &WriteFates, budgets: &Budgets, steps: &[(String, u64)]) -> Option<Finding> {
    let lost = fates.lost.len() as u64;
    if lost == 0 {
        return None;
    }
    let window = fates.window_ms.unwrap_or_default();
    let minutes = |ms: u64| format!("{:.2} min", Duration::from_millis(ms).as_secs_f64() / 60.0);
    let what = format!(
        "{lost} writes acknowledged on the target are lost ({} documents and {} rows, {} of work)",
        fates.lost_documents,
        fates.lost_rows,
        minutes(window)
    );
    let finding = |message: String| {
        Finding::data(checks::RB_WRITES, Kind::LostWrite, "after the switch", message)
            .items(lost, fates.lost.iter().map(sample))
    };
    let (too_old, too_many) = match budgets.loss(lost, Duration::from_millis(window)) {
        Loss::Unsaid => {
            return Some(
                finding(format!("{what}: going back carries no data with it"))
                    .next("have them made again (report.json lists all of them), or state in `budgets` how much may be lost"),
            );
        }
        Loss::Allowed => {
            let within = finding(format!("{what}, which the budget allows"));
            let next = "have them made again: report.json lists all of them";
            return Some(Finding { outcome: Outcome::Expected, ..within.next(next) });
        }
        Loss::TooMuch { window, items } => (window, items),
    };
    let mut limits = Vec::new();
    limits.extend(too_old.map(|b| format!("{:.2} min", b.as_secs_f64() / 60.0)));
    limits.extend(too_many.map(|most| format!("{most} writes")));
    let ate = steps.iter().max_by_key(|(_, ms)| *ms);
    let ate = ate.map_or_else(String::new, |(step, _)| format!("; most of the time passed in {step}"));
    let over = finding(format!("{what}; the budget is {}{ate}", limits.join(" and ")));
    Some(Finding {
        class: Class::Budget,
        kind: Kind::OverBudget,
        ..over.next("decide earlier whether to go back, or raise the budget")
    })
}

fn duplicated(fates: &WriteFates) -> Option<Finding> {
    let count = fates.duplicated.len() as u64;
    (count > 0).then(|| {
        Finding::data(
            checks::RB_WRITES,
            Kind::Extra,
            "acknowledged writes",
            format!("{count} acknowledged writes are on the source twice"),
        )
        .items(count, fates.duplicated.iter().map(sample))
        .next("remove the copy that clients were not told of")
    })
}

fn sample(write: &FatedWrite) -> Sample {
    Sample::named(match write.told.as_str() {
        "gone" => format!("{} (acknowledged as removed)", write.item),
        _ => write.item.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    fn lost(n: u64) -> WriteFates {
        let write = |ms| FatedWrite { item: format!("i/{ms}"), told: "stored".into(), ms };
        WriteFates {
            acknowledged: n,
            lost: (0..n).map(write).collect(),
            window_ms: (n > 0).then_some(90_000),
            ..WriteFates::default()
        }
    }

    fn judged(n: u64, rpo: Option<i64>, rpo_items: Option<u64>) -> Option<(Outcome, Class, u64, usize)> {
        let budgets = Budgets { rpo: rpo.map(SignedDuration::from_secs), rpo_items, ..Budgets::default() };
        let steps = [("phase-4/validate".to_owned(), 5), ("phase-4/compare".to_owned(), 80)];
        let finding = judge_lost(&lost(n), &budgets, &steps)?;
        if finding.class == Class::Budget {
            assert!(finding.message.contains("phase-4/compare"), "{}", finding.message);
        }
        Some((finding.outcome, finding.class, finding.count, finding.samples.len()))
    }

    #[test]
    fn lost_writes_are_a_difference_unless_a_budget_allows_them() {
        assert_eq!(judged(0, None, None), None);
        assert_eq!(judged(137, None, None), Some((Outcome::Different, Class::Data, 137, 10)));
        assert_eq!(judged(137, Some(90), None), Some((Outcome::Expected, Class::Data, 137, 10)));
        assert_eq!(judged(137, Some(89), None), Some((Outcome::Different, Class::Budget, 137, 10)));
        assert_eq!(judged(137, Some(90), Some(136)), Some((Outcome::Different, Class::Budget, 137, 10)));
        assert_eq!(judged(137, None, Some(137)), Some((Outcome::Expected, Class::Data, 137, 10)));
        assert_eq!(judged(1, Some(0), None), Some((Outcome::Different, Class::Budget, 1, 1)));
    }
}
