//! What is worth telling first, and what was not looked at.

use drydock_core::event::StepOutcome;
use drydock_core::finding::Precision;
use drydock_core::names::checks;
use drydock_core::rollback::{Restored, RollbackReport, Stage};
use drydock_core::scenario::{Expect, Expectation};
use drydock_core::summary::{CapabilityOutage, StepReport};
use drydock_core::verdict::Judged;
use drydock_core::{Class, ExitCode, Finding, Kind, Outcome, Summary};
use std::collections::BTreeMap;

/// The exit code of a summary; a number that is none of ours counts as a run that could not be judged.
pub(crate) fn exit_code(summary: &Summary) -> ExitCode {
    let code = summary.verdict.exit_code;
    ExitCode::ALL.into_iter().find(|e| e.code() == code).unwrap_or(ExitCode::CouldNotRun)
}

/// The exit code in a word or two.
pub(crate) fn word(exit: ExitCode) -> &'static str {
    match exit {
        ExitCode::Equal => "EQUAL",
        ExitCode::Different => "DIFFERENT",
        ExitCode::Usage => "WRONG USAGE",
        ExitCode::NotProven => "NOT PROVEN",
        ExitCode::BudgetMissed => "BUDGET MISSED",
        ExitCode::CouldNotRun => "COULD NOT RUN",
        ExitCode::RollbackFailed => "ROLLBACK FAILED",
        ExitCode::Interrupted => "INTERRUPTED",
    }
}

/// The headline without the word that stands before it already.
pub(crate) fn headline(summary: &Summary) -> &str {
    let headline = summary.verdict.headline.as_str();
    match headline.split_once(": ") {
        Some((first, rest)) if first.eq_ignore_ascii_case(word(exit_code(summary))) => rest,
        _ => headline,
    }
}

/// Findings that somebody has to act on, the most telling first: worst outcome and class first, and among equals one of
/// every check and of every subject before a second one.
pub(crate) fn most_telling(summary: &Summary, most: usize) -> Vec<&Judged> {
    let mut left: Vec<&Judged> = actionable(summary).collect();
    let (mut by_check, mut by_subject) = (BTreeMap::<&str, u32>::new(), BTreeMap::<&str, u32>::new());
    let mut chosen = Vec::new();
    while chosen.len() < most && !left.is_empty() {
        let best = left.iter().enumerate().min_by_key(|(i, judged)| {
            let finding = &judged.finding;
            (
                std::cmp::Reverse(finding.outcome),
                is_echo(finding),
                // What keeps the rest from being proven explains it, and so comes before it.
                finding.outcome == Outcome::NotProven && finding.class != Class::Environment,
                finding.class,
                by_subject.get(finding.subject.as_str()).copied().unwrap_or(0),
                by_check.get(finding.check.as_str()).copied().unwrap_or(0),
                *i,
            )
        });
        let Some((at, _)) = best else { break };
        let judged = left.remove(at);
        *by_check.entry(judged.finding.check.as_str()).or_default() += 1;
        *by_subject.entry(judged.finding.subject.as_str()).or_default() += 1;
        chosen.push(judged);
    }
    chosen
}

/// Findings that are neither expected nor outside of what was asked for.
pub(crate) fn actionable(summary: &Summary) -> impl Iterator<Item = &Judged> {
    summary.verdict.findings.iter().filter(|j| j.finding.outcome >= Outcome::NotProven)
}

/// Whether a finding says no more than that its check proves nothing.
pub(crate) fn is_echo(finding: &Finding) -> bool {
    finding.kind == Kind::NotCompared && finding.subject == finding.check.as_str()
}

/// `missing 1`, `changed at least 3`.
pub(crate) fn what(finding: &Finding) -> String {
    let least = if finding.precision == Precision::AtLeast { "at least " } else { "" };
    format!("{} {least}{}", finding.kind, crate::text::count(finding.count))
}

/// What was not looked at, in phrases.
pub(crate) fn not_checked(summary: &Summary) -> Vec<String> {
    let judged = &summary.verdict.checks;
    let mut phrases = Vec::new();
    let unproven = judged.iter().filter(|c| c.outcome == Outcome::NotProven).count() as u64;
    if unproven > 0 {
        let verb = if unproven == 1 { "proves" } else { "prove" };
        phrases.push(format!(
            "{} of {} {verb} nothing",
            crate::text::counted(unproven, "check"),
            judged.len()
        ));
    }
    let mut absent: Vec<&str> = Vec::new();
    for check in checks::all() {
        if judged.iter().any(|c| c.check.as_str() == check) {
            continue;
        }
        let group = check.split_once('/').map_or(check, |(group, _)| group);
        let whole = !judged.iter().any(|c| c.check.as_str().starts_with(group));
        let name = if whole { group } else { check };
        if absent.last() != Some(&name) {
            absent.push(name);
        }
    }
    if !absent.is_empty() {
        phrases.push(format!("{} (not part of this scenario)", absent.join(", ")));
    }
    phrases.extend(
        judged
            .iter()
            .filter(|c| c.outcome == Outcome::NotAsked && c.compared == 0)
            .map(|c| format!("{} (not asked for)", c.check)),
    );
    phrases.extend(
        summary
            .verdict
            .findings
            .iter()
            .filter(|j| j.finding.outcome == Outcome::NotAsked)
            .map(|j| format!("{}: {}", j.finding.subject, j.finding.message)),
    );
    phrases
}

/// What the checks of the build were held against, in phrases; the first one is the score.
pub(crate) fn proof(summary: &Summary) -> Vec<String> {
    use crate::text::{count, counted, seconds};
    let Some(proof) = &summary.honesty.proof else {
        return vec!["the checks were not held against planted corruptions in this run".to_owned()];
    };
    let caught = match (proof.caught(), proof.named()) {
        (caught, named) if caught == named => format!("{} caught and named", count(caught)),
        (caught, named) => format!("{} caught, {} named", count(caught), count(named)),
    };
    vec![
        format!("{caught} of {} planted corruptions", count(proof.variants())),
        format!(
            "{} in {} clean pairs",
            counted(proof.false_alarms(), "false alarm"),
            count(proof.clean_pairs())
        ),
        seconds_of(proof.millis, seconds),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "durations of a proof are far below 2^53")]
fn seconds_of(millis: u64, seconds: fn(f64) -> String) -> String {
    seconds(millis as f64 / 1000.0)
}

/// How many losses were planted, in words.
pub(crate) fn losses(summary: &Summary) -> String {
    match summary.planted.len() {
        1 => "1 loss".to_owned(),
        n => format!("{n} losses"),
    }
}

/// The step at which a run ended early, if it did.
pub(crate) fn stopped_at(summary: &Summary) -> Option<&StepReport> {
    summary.steps.iter().find(|s| !matches!(s.outcome, Some(StepOutcome::Done | StepOutcome::Skipped)))
}

/// How a step ended, in words.
pub(crate) fn ended(step: &StepReport) -> &'static str {
    ended_so(step.outcome)
}

/// The same for an outcome by itself.
pub(crate) fn ended_so(outcome: Option<StepOutcome>) -> &'static str {
    match outcome {
        Some(StepOutcome::Done) => "done",
        Some(StepOutcome::Skipped) => "skipped",
        Some(StepOutcome::Failed) => "failed",
        Some(StepOutcome::EnvironmentFailed) => "environment failed",
        Some(StepOutcome::Interrupted) => "interrupted",
        None => "was running when the record ended",
    }
}

/// Whether a run ended as its scenario is meant to.
pub(crate) fn expectation(summary: &Summary) -> Expectation {
    summary.expect.hold(&summary.verdict, stopped_at(summary).map(|step| &step.step))
}

/// What the scenario was meant to end with and whether it did, where that is worth telling.
pub(crate) fn meant(summary: &Summary) -> Option<String> {
    let wanted = word(summary.expect.verdict.exit());
    match expectation(summary) {
        Expectation::Met if summary.expect == Expect::default() => None,
        Expectation::Met => Some(format!("to end {wanted}, and it did")),
        // A plain scenario that objects says so in its verdict.
        Expectation::Missed { .. } if summary.expect == Expect::default() => None,
        Expectation::Missed { why } => Some(format!("to end {wanted}: {why}")),
    }
}

/// What a trial predicted, in phrases: the sum, then the longest steps.
pub(crate) fn predictions(summary: &Summary) -> Vec<String> {
    use crate::text::seconds;
    let (predicted, all_took) = crate::markdown::predictions::sums(summary);
    let took =
        |took: Option<f64>| took.map_or_else(|| "not carried out".into(), |s| format!("took {}", seconds(s)));
    let mut all: Vec<_> = summary.predictions.iter().collect();
    all.sort_by(|a, b| b.predicted_seconds.total_cmp(&a.predicted_seconds));
    let steps = all
        .iter()
        .take(2)
        .map(|p| format!("{} {}, {}", p.step, seconds(p.predicted_seconds), took(p.measured_seconds)));
    let total = format!("{} for the predicted steps, {}", seconds(predicted), took(all_took));
    std::iter::once(total).chain(steps).collect()
}

/// The outage in phrases: both clocks, their resolution, the budget.
pub(crate) fn downtime(summary: &Summary) -> Vec<String> {
    use crate::text::seconds;
    let downtime = &summary.downtime;
    let mut phrases = Vec::new();
    phrases.push(match downtime.phase_clock_seconds {
        Some(s) => format!("{} by the phase clock", seconds(s)),
        None => match downtime.still_closed_seconds {
            Some(s) => format!("at least {}: still closed when the record ended", seconds(s)),
            None => "none by the phase clock: the service was not closed".to_owned(),
        },
    });
    let resolution =
        downtime.probe_resolution_seconds.map(|r| format!(" (± {})", seconds(r))).unwrap_or_default();
    phrases.push(match (downtime.probe_seconds, downtime.probe_resolution_seconds) {
        (Some(s), _) => format!("{} by the probes{resolution}", seconds(s)),
        (None, Some(_)) if downtime.outages.is_empty() => format!("no outage seen by the probes{resolution}"),
        (None, Some(_)) => format!("no end of the outage seen by the probes{resolution}"),
        (None, None) => "not seen by probes".to_owned(),
    });
    // Several capabilities may be away one after the other: then the longest outage is not all that users waited.
    if let (Some(total), Some(longest)) = (downtime.probe_total_seconds, downtime.probe_seconds)
        && total > longest * 1.05
    {
        phrases.push(format!("{} in all with something away", seconds(total)));
    }
    let never = downtime.outages.iter().filter(|o| o.seconds.is_none()).count() as u64;
    if never > 0 {
        phrases.push(format!("{} never ended", crate::text::counted(never, "outage")));
    }
    phrases.push(match downtime.budget_seconds {
        None => "no budget set".to_owned(),
        Some(budget) => {
            let longest =
                downtime.phase_clock_seconds.into_iter().chain(downtime.probe_seconds).reduce(f64::max);
            let judged = match longest {
                _ if never > 0 => "MISSED",
                Some(longest) if longest > budget => "MISSED",
                Some(_) if downtime.still_closed_seconds.is_some() => "not judged",
                Some(_) => "kept",
                None => "not judged",
            };
            format!("budget {} {judged}", seconds(budget))
        }
    });
    phrases
}

/// What users could not do and for how long, in phrases, the longest first.
pub(crate) fn capabilities(summary: &Summary) -> Vec<String> {
    use crate::text::{counted, seconds};
    let mut all: Vec<&CapabilityOutage> = summary.downtime.capabilities.iter().collect();
    all.sort_by(|a, b| {
        b.without_end.cmp(&a.without_end).then(b.longest_seconds.total_cmp(&a.longest_seconds))
    });
    let (away, kept): (Vec<_>, Vec<_>) = all.into_iter().partition(|c| c.outages > 0);
    let mut phrases: Vec<String> = away
        .into_iter()
        .map(|c| match (c.without_end, c.outages) {
            (1.., _) => format!("{} NOT BACK", c.probe),
            (_, 1) => format!("{} {}", c.probe, seconds(c.longest_seconds)),
            (_, n) => format!(
                "{} {}, {} in {}",
                c.probe,
                seconds(c.longest_seconds),
                seconds(c.total_seconds),
                counted(n, "outage")
            ),
        })
        .collect();
    if !phrases.is_empty() && !kept.is_empty() {
        phrases.push(format!("{} without an outage", kept.len()));
    }
    phrases
}

/// The outage as the data tells it: by store, the longest time in it in which nobody was told that something is stored.
pub(crate) fn without_writes(summary: &Summary) -> Vec<String> {
    let told = |(store, s): (&String, &f64)| {
        format!("{} without an acknowledged write to {store}", crate::text::seconds(*s))
    };
    summary.downtime.without_writes_seconds.iter().map(told).collect()
}

/// What going back came to, in phrases.
pub(crate) fn way_back(back: &RollbackReport) -> Vec<String> {
    use crate::text::{counted, seconds};
    let service = match (back.stage, back.rto_seconds) {
        (Stage::OnSource, Some(_)) => "users never left the source".to_owned(),
        (_, Some(rto)) => format!("service back after {}", seconds(rto)),
        (_, None) => "SERVICE NOT BACK".to_owned(),
    };
    let data = match back.restored {
        Restored::Yes => "data as before",
        Restored::No => "DATA NOT AS BEFORE",
        Restored::NotProven => "data not proven",
    };
    let mut phrases = vec![format!("{} from {}", back.kind, back.from), service, data.to_owned()];
    match &back.writes {
        Some(writes) => {
            phrases.push(format!(
                "of {} on the target {} kept, {} lost, {} twice",
                counted(writes.acknowledged, "write"),
                crate::text::count(writes.kept),
                crate::text::count(writes.lost.len() as u64),
                crate::text::count(writes.duplicated.len() as u64)
            ));
            if let Some(minutes) = back.rpo_minutes.filter(|m| *m > 0.0) {
                phrases.push(format!("{minutes:.2} min of work lost"));
            }
        }
        None => phrases.push("users' writes not judged".to_owned()),
    }
    phrases
}
