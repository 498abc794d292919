//! Regressions are told, noise is not.

use crate::synthetic::{Maker, PLANTED, Planted};
use drydock_core::ExitCode;
use drydock_estimate::MeasuredRun;
use drydock_estimate::regress::{Comparison, Trend, compare};

fn against(before: &[MeasuredRun], after: &[MeasuredRun]) -> Comparison {
    compare(&before.iter().collect::<Vec<_>>(), &after.iter().collect::<Vec<_>>())
}

fn runs(planted: Planted, seed: u64, count: usize) -> Vec<MeasuredRun> {
    Maker::new(planted, seed).history(&[50_000], count).runs
}

#[test]
fn noise_is_no_regression_and_a_slower_copy_is() {
    for seed in 0..40 {
        let (before, after) = (runs(PLANTED, seed, 6), runs(PLANTED, seed + 1000, 3));
        let told = against(&before, &after);
        assert_eq!(told.exit(), ExitCode::Equal, "seed {seed}: {told:?}");
        assert!(told.groups[0].noise_known);
        let slow = Planted { per_document: PLANTED.per_document * 2.0, ..PLANTED };
        let told = against(&before, &runs(slow, seed, 3));
        assert_eq!(told.groups[0].downtime.trend, Trend::Slower, "seed {seed}: {told:?}");
        assert_eq!(told.exit(), ExitCode::BudgetMissed);
        assert!(told.groups[0].steps.iter().any(|s| s.what.contains("elasticsearch")), "{told:?}");
        assert_eq!(told.groups[0].downtime.before.len(), 6, "every run is kept");
    }
}

#[test]
fn one_run_a_side_needs_a_clear_difference() {
    let told = against(&runs(PLANTED, 1, 1), &runs(PLANTED, 2, 1));
    assert_eq!((told.groups[0].downtime.trend, told.groups[0].noise_known), (Trend::Alike, false));
}

#[test]
fn lost_checks_and_new_findings_are_told() {
    let before = runs(PLANTED, 1, 3);
    let mut after = runs(PLANTED, 2, 1);
    after[0].checks.clear();
    let told = against(&before, &after);
    assert_eq!((told.lost_checks.len(), told.exit()), (1, ExitCode::NotProven), "{told:?}");
    after[0].checks.insert("postgres/rows".into(), 4_000);
    assert!(against(&before, &after).lost_checks[0].contains("now 4000"));
    after[0].checks.insert("postgres/rows".into(), 9_999);
    assert!(against(&before, &after).lost_checks.is_empty());
    // How much users did meanwhile is the machine's affair; that nobody did anything is not.
    for (acknowledged, lost) in [(20, 0), (0, 1)] {
        let mut before = before.clone();
        before.iter_mut().for_each(|run| {
            run.checks.insert("acknowledged-writes".into(), 400);
        });
        after[0].checks.insert("acknowledged-writes".into(), acknowledged);
        assert_eq!(against(&before, &after).lost_checks.len(), lost, "{acknowledged}");
    }
    after[0].checks.remove("acknowledged-writes");
    after[0].findings.push("postgres/rows: missing identity".into());
    let told = against(&before, &after);
    assert_eq!((told.new_findings.len(), told.exit()), (1, ExitCode::Different));
    let back = against(&after, &before);
    assert_eq!((back.gone_findings.len(), back.exit()), (1, ExitCode::Equal));
}

#[test]
fn what_was_never_measured_is_not_compared() {
    let after = Maker::new(PLANTED, 1).history(&[900_000], 1).runs;
    let told = against(&runs(PLANTED, 1, 3), &after);
    assert!(told.groups.is_empty() && told.not_compared.len() == 1);
    assert_eq!(told.exit(), ExitCode::NotProven);
}
