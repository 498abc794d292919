//! Whether steps can keep their limits, predicted from sizes before anything is moved, and from measured dumps before the
//! freeze.

use super::tell::refuse;
use drydock_core::finding::Finding;
use drydock_core::names::checks;
use std::collections::BTreeMap;
use std::time::Duration;

/// Bytes of a database that one `pg_dump` reads in a second where nothing holds it up.
const DUMP_RATE: u64 = 200 << 20;
/// Bytes of a database that one `pg_restore` writes in a second.
const RESTORE_RATE: u64 = 100 << 20;
/// Bytes of stored documents that all streams together carry in a second.
const COPY_RATE: u64 = 200 << 20;
/// A client program connects and reads the catalog.
const PROGRAM: Duration = Duration::from_millis(40);
/// An index is made and given its settings.
const INDEX: Duration = Duration::from_millis(4);

/// Limits of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeLimits {
    /// Of any one step of the cutover.
    pub step: Option<Duration>,
    /// Of the outage as a whole.
    pub downtime: Option<Duration>,
}

/// The least that each step of the cutover takes, by its id. The rates are those of fast machines, so that a limit which is
/// below the prediction cannot be kept on any other.
pub(super) fn predict(
    databases: &BTreeMap<String, u64>,
    indices: Option<(u64, u64)>,
) -> BTreeMap<String, Duration> {
    let mut steps = BTreeMap::new();
    for (database, bytes) in databases {
        steps.insert(format!("phase-3/backup/{database}"), PROGRAM + at(*bytes, DUMP_RATE));
        steps.insert(format!("phase-3/restore/{database}"), PROGRAM + at(*bytes, RESTORE_RATE));
    }
    if let Some((count, bytes)) = indices {
        let creating = INDEX * u32::try_from(count).unwrap_or(u32::MAX);
        steps.insert("phase-3/restore/elasticsearch".into(), creating + at(bytes, COPY_RATE));
    }
    steps
}

fn at(bytes: u64, rate: u64) -> Duration {
    Duration::from_micros(bytes.saturating_mul(1_000_000) / rate)
}

/// What cannot be kept. `basis`: from what the times follow, `by the size of the source`.
pub fn judge(predicted: &BTreeMap<String, Duration>, limits: TimeLimits, basis: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let over = predicted.iter().filter_map(|(step, time)| {
        let limit = limits.step.filter(|limit| limit < time)?;
        Some((step, time, limit))
    });
    // One refusal for all steps: the mend is the same.
    if let Some((step, time, limit)) = over.max_by_key(|(_, time, _)| **time) {
        findings.push(refuse(
            checks::PRE_TIMEOUTS,
            step,
            format!(
                "{step} takes at least {}, {basis}, and budgets.step allows {}",
                seconds(*time),
                seconds(limit)
            ),
            format!("set budgets.step to {} or more", rounded_up(*time)),
        ));
    }
    let whole: Duration = predicted.values().sum();
    if let Some(limit) = limits.downtime.filter(|limit| *limit < whole) {
        findings.push(refuse(
            checks::PRE_TIMEOUTS,
            "downtime",
            format!(
                "the cutover takes at least {}, {basis}, and budgets.downtime allows {}",
                seconds(whole),
                seconds(limit)
            ),
            format!("set budgets.downtime to {} or more, or use `reindex: warm`", rounded_up(whole)),
        ));
    }
    findings
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// Whole seconds, as a budget is written.
fn rounded_up(time: Duration) -> String {
    format!("{}s", time.as_secs() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASIS: &str = "by the size of the source";

    #[test]
    fn a_limit_below_the_prediction_is_refused_once_and_one_above_it_is_let_pass() {
        let predicted = predict(&[("keycloak".to_owned(), 2 << 30)].into(), Some((1000, 40 << 30)));
        assert_eq!(predicted.len(), 3);
        let limits = |step, downtime| TimeLimits {
            step: Some(Duration::from_secs(step)),
            downtime: Some(Duration::from_secs(downtime)),
        };
        assert_eq!(judge(&predicted, limits(1800, 600), BASIS), []);
        assert_eq!(judge(&predicted, TimeLimits::default(), BASIS), []);
        let step = judge(&predicted, limits(15, 600), BASIS);
        assert!(step.len() == 1 && step[0].subject == "phase-3/restore/elasticsearch", "{step:?}");
        assert!(step[0].next.contains("budgets.step to 2"), "{step:?}");
        let whole = judge(&predicted, limits(1800, 200), BASIS);
        assert!(whole.len() == 1 && whole[0].subject == "downtime", "{whole:?}");
    }

    #[test]
    fn an_empty_source_keeps_any_sensible_limit() {
        let limits =
            TimeLimits { step: Some(Duration::from_secs(1)), downtime: Some(Duration::from_secs(1)) };
        assert_eq!(judge(&predict(&BTreeMap::new(), None), limits, BASIS), []);
        assert_eq!(
            judge(&predict(&[("identity".to_owned(), 9 << 20)].into(), Some((0, 0))), limits, BASIS),
            []
        );
    }
}
