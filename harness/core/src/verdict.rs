//! The verdict: findings and an outcome, as a pure function of the record.

use crate::event::{Ending, Entry, Event, StepOutcome};
use crate::exit::ExitCode;
use crate::finding::{Class, Finding, Kind, Outcome, Sample};
use crate::ledger::LedgerLine;
use crate::names::{CheckId, checks};
use crate::plan::is_way_back;
use crate::record::Record;
use crate::scenario::FaultKind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Note of a check that was asked for and not made.
pub const NOT_MADE: &str = "was not made";

/// Name under which a proof that failed is told.
pub const PROOF: &str = "proof-of-checks";

/// The judgement of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// Worst outcome over all checks.
    pub outcome: Outcome,
    /// Exit code of the command.
    pub exit_code: u8,
    /// One line for people.
    pub headline: String,
    /// Every check, in report order.
    pub checks: Vec<CheckVerdict>,
    /// Every finding with the ledger applied, worst first.
    pub findings: Vec<Judged>,
}

/// The judgement of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckVerdict {
    /// The check.
    pub check: CheckId,
    /// Its outcome after the ledger.
    pub outcome: Outcome,
    /// Items really compared.
    pub compared: u64,
    /// Findings that are not expected.
    pub findings: u64,
    /// What was compared and what not.
    pub note: String,
    /// Duration in milliseconds.
    pub millis: u64,
}

/// A finding after the ledger was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Judged {
    /// The finding, with its outcome after the ledger.
    #[serde(flatten)]
    pub finding: Finding,
    /// Reason and source of the ledger line that covers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_because: Option<String>,
}

impl Verdict {
    /// Judges a record.
    pub fn of(record: &Record) -> Self {
        // Once: of a record with a million findings, what counts is not looked for in every place that asks.
        let entries = record.effective();
        let (mut findings, unused) = apply_ledger(record, &entries);
        let mut checks = check_verdicts(record, &entries, &findings);
        findings.extend(unused);
        findings.extend(unnoticed_losses(record, &entries, &findings));
        findings.extend(failed_proof(record));
        findings.extend(unproven_checks(&checks, &findings));
        let mut told: BTreeMap<&CheckId, u64> = BTreeMap::new();
        for judged in findings.iter().filter(|j| j.finding.outcome > Outcome::Expected) {
            *told.entry(&judged.finding.check).or_default() += 1;
        }
        for check in &mut checks {
            check.findings = told.get(&check.check).copied().unwrap_or(0);
        }
        // Worst first; of equal weight, loss of data before anything else; then as found.
        findings.sort_by_key(|j| (std::cmp::Reverse(j.finding.outcome), j.finding.class));
        let outcome = checks
            .iter()
            .map(|c| c.outcome)
            .chain(findings.iter().map(|j| j.finding.outcome))
            .max()
            .unwrap_or(Outcome::NotProven);
        let exit = exit_code(record, &entries, &checks, &findings);
        let headline = headline(exit, &checks, &findings);
        Self { outcome, exit_code: exit.code(), headline, checks, findings }
    }

    /// Whether nothing is missing, nothing unproven and no budget missed.
    pub fn is_green(&self) -> bool {
        self.exit_code == ExitCode::Equal.code()
    }
}

/// A loss planted on purpose that no check tells of means that the checks cannot be trusted.
fn unnoticed_losses(record: &Record, entries: &[&Entry], findings: &[Judged]) -> Option<Judged> {
    if !record.is_finished() || findings.iter().any(|j| j.finding.outcome == Outcome::Different) {
        return None;
    }
    let planted: Vec<Sample> = entries
        .iter()
        .filter_map(|e| match &e.event {
            // What a run bears, or was stopped by and resumed, is no loss.
            Event::FaultPlanted { fault, item, .. }
                if FaultKind::of_name(fault).is_none_or(FaultKind::must_be_told) =>
            {
                Some(Sample::named(format!("{fault}: {item}")))
            }
            _ => None,
        })
        .collect();
    if planted.is_empty() {
        return None;
    }
    let count = planted.len() as u64;
    let finding = Finding::not_compared(
        "planted-losses",
        "planted-losses",
        format!("{count} losses were planted on purpose and no check noticed any of them"),
    )
    .items(count, planted)
    .next("trust no verdict of these checks; look at the ledger, then report it with the record");
    Some(Judged { finding, expected_because: None })
}

/// Checks that miss a corruption planted in a copy, or cry without one, prove nothing about the stores either.
fn failed_proof(record: &Record) -> Option<Judged> {
    let proof = record.worst_proof().filter(|proof| !proof.holds())?;
    let missed = proof.variants().saturating_sub(proof.named()) + proof.false_alarms();
    let samples = proof.misses.iter().map(|miss| {
        let told = Some(miss.why.clone());
        Sample::both(format!("{}: {}", miss.family, miss.variant), None, told)
    });
    let finding = Finding::not_compared(
        PROOF,
        PROOF,
        format!("the checks of this build do not hold what they promise: {}", proof.score()),
    )
    .items(missed.max(1), samples)
    .next(format!(
        "trust no verdict of this build; `drydock prove --in-memory --seed {}` repeats it: report it with its output",
        proof.seed
    ));
    Some(Judged { finding, expected_because: None })
}

/// Applies the ledger of the record to its findings; the second list speaks of ledger lines that covered nothing.
fn apply_ledger(record: &Record, entries: &[&Entry]) -> (Vec<Judged>, Vec<Judged>) {
    let version = &record.started.drydock;
    let ledger = &record.started.ledger;
    let mut used = vec![false; ledger.len()];
    let mut judged = Vec::new();
    for entry in entries {
        let Event::Finding(finding) = &entry.event else { continue };
        let mut finding = finding.clone();
        let mut because = None;
        if finding.outcome == Outcome::Different {
            let line = LedgerLine::expecting(ledger, &finding, version);
            if let Some(index) = line {
                used[index] = true;
                finding.outcome = Outcome::Expected;
                because = Some(format!("{} ({})", ledger[index].reason, ledger[index].source));
            }
        }
        judged.push(Judged { finding, expected_because: because });
    }
    // A run that was cut short may have left out the check that a line is waiting for.
    let complete = matches!(
        record.entries.last().map(|e| &e.event),
        Some(Event::RunFinished { ending: Ending::Complete })
    );
    let unused = ledger
        .iter()
        .zip(&used)
        .filter(|(line, used)| {
            !**used && complete && (line.seen == crate::ledger::Seen::Always || line.is_expired(version))
        })
        .map(|(line, _)| {
            let why = if line.is_expired(version) {
                format!("expired with version {}", line.expires)
            } else {
                "matched nothing".to_owned()
            };
            let mut finding = Finding::data(
                "ledger",
                Kind::LedgerUnused,
                format!("{} {}", line.check, line.subject),
                format!(
                    "the ledger expects a difference in {} at {}, but the line {why}",
                    line.check, line.subject
                ),
            )
            .next("take the line out of the ledger, or mend its check and subject");
            finding.outcome = Outcome::Expected;
            Judged { finding, expected_because: None }
        })
        .collect();
    (judged, unused)
}

fn check_verdicts(record: &Record, entries: &[&Entry], findings: &[Judged]) -> Vec<CheckVerdict> {
    let after = worst(findings.iter().map(|j| &j.finding));
    // Before the ledger is applied.
    let before = worst(entries.iter().filter_map(|entry| match &entry.event {
        Event::Finding(finding) => Some(finding),
        _ => None,
    }));
    let of = |worst: &BTreeMap<&CheckId, Outcome>, check: &CheckId| {
        worst.get(check).copied().unwrap_or(Outcome::Equal)
    };
    let mut checks: Vec<CheckVerdict> = Vec::new();
    for entry in entries {
        let Event::CheckFinished { check, outcome: told, compared, note, millis } = &entry.event else {
            continue;
        };
        let worst = of(&after, check);
        // Nothing compared is never a pass, and neither is a check that tells of something the record does not name.
        let proves = *compared > 0 && *told <= of(&before, check);
        let outcome = if proves { worst } else { worst.max(Outcome::NotProven) };
        let verdict = CheckVerdict {
            check: check.clone(),
            outcome,
            compared: *compared,
            findings: 0,
            note: note.clone(),
            millis: *millis,
        };
        match checks.iter_mut().find(|c| c.check == *check) {
            // The same check made for several databases, or again after a resume: all of it counts.
            Some(known) => {
                known.outcome = known.outcome.max(verdict.outcome);
                known.compared = known.compared.saturating_add(verdict.compared);
                known.millis = known.millis.saturating_add(verdict.millis);
                known.note = verdict.note;
            }
            None => checks.push(verdict),
        }
    }
    for asked in &record.started.plan.checks {
        if !checks.iter().any(|c| c.check == *asked) {
            checks.push(CheckVerdict {
                check: asked.clone(),
                outcome: Outcome::NotProven,
                compared: 0,
                findings: 0,
                note: NOT_MADE.into(),
                millis: 0,
            });
        }
    }
    let position = |check: &CheckId| record.started.plan.checks.iter().position(|c| c == check);
    checks.sort_by_key(|c| position(&c.check).unwrap_or(usize::MAX));
    checks
}

/// Worst outcome of the findings of each check that has any.
fn worst<'f>(findings: impl Iterator<Item = &'f Finding>) -> BTreeMap<&'f CheckId, Outcome> {
    let mut worst = BTreeMap::new();
    for finding in findings {
        let known = worst.entry(&finding.check).or_insert(finding.outcome);
        *known = finding.outcome.max(*known);
    }
    worst
}

/// A check that proves nothing and has no finding that says why gets one.
fn unproven_checks(checks: &[CheckVerdict], findings: &[Judged]) -> Vec<Judged> {
    checks
        .iter()
        .filter(|c| c.outcome == Outcome::NotProven)
        .filter(|c| {
            !findings.iter().any(|j| j.finding.check == c.check && j.finding.outcome >= Outcome::NotProven)
        })
        .map(|c| {
            let why = match (c.note.as_str(), c.compared) {
                (NOT_MADE, _) => NOT_MADE,
                (_, 0) => "compared nothing",
                _ => "tells of differences that the record does not name, or compared nothing of a part",
            };
            let finding = Finding::not_compared(
                c.check.as_str(),
                c.check.as_str(),
                format!("the check {} {why}, so it proves nothing", c.check),
            )
            .next("look at the step that failed before it, then run again or go on with `drydock rehearse --resume`");
            Judged { finding, expected_because: None }
        })
        .collect()
}

fn exit_code(record: &Record, entries: &[&Entry], checks: &[CheckVerdict], findings: &[Judged]) -> ExitCode {
    let mut exit = ExitCode::Equal;
    for Judged { finding, .. } in findings {
        exit = exit.worst(match (finding.outcome, finding.class) {
            // What is too much can be removed; what is missing or shut is not restored.
            (Outcome::Different, Class::Data | Class::Access)
                if crate::rollback::fails(finding.check.as_str()) && finding.kind != Kind::Extra =>
            {
                ExitCode::RollbackFailed
            }
            (Outcome::Different, Class::Data | Class::Access) => ExitCode::Different,
            (Outcome::Different, Class::Budget) => ExitCode::BudgetMissed,
            (Outcome::Different | Outcome::NotProven, Class::Environment) => ExitCode::CouldNotRun,
            (Outcome::NotProven, _) => ExitCode::NotProven,
            _ => ExitCode::Equal,
        });
    }
    if checks.is_empty() || checks.iter().any(|c| c.outcome == Outcome::NotProven) {
        exit = exit.worst(ExitCode::NotProven);
    }
    for entry in entries {
        exit = exit.worst(match &entry.event {
            // Whatever else the check found: of this part it proves nothing.
            Event::CheckFinished { compared: 0, .. } => ExitCode::NotProven,
            Event::StepFinished { step, outcome, .. } => match outcome {
                StepOutcome::Done | StepOutcome::Skipped => ExitCode::Equal,
                StepOutcome::Failed if is_way_back(step) => ExitCode::RollbackFailed,
                StepOutcome::Failed => ExitCode::Different,
                StepOutcome::EnvironmentFailed => ExitCode::CouldNotRun,
                StepOutcome::Interrupted => ExitCode::Interrupted,
            },
            _ => ExitCode::Equal,
        });
    }
    match record.entries.last().map(|e| &e.event) {
        Some(Event::RunFinished { ending: Ending::Complete }) => exit,
        Some(Event::RunFinished { ending: Ending::Stopped }) => {
            exit.worst(if exit == ExitCode::Equal { ExitCode::CouldNotRun } else { exit })
        }
        // No end at all: the run was killed.
        _ => exit.worst(ExitCode::Interrupted),
    }
}

/// Preflight findings that forbid the migration.
fn refused(findings: &[Judged]) -> usize {
    let refuses = |f: &Finding| {
        f.class == Class::Environment
            && f.outcome >= Outcome::NotProven
            && checks::PREFLIGHT.contains(&f.check.as_str())
    };
    findings.iter().filter(|j| refuses(&j.finding)).count()
}

fn headline(exit: ExitCode, checks: &[CheckVerdict], findings: &[Judged]) -> String {
    let count = |outcome: Outcome| findings.iter().filter(|j| j.finding.outcome == outcome).count();
    let plural = |n: usize, what: &str| if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") };
    match exit {
        ExitCode::Equal => match count(Outcome::Expected) {
            0 => format!(
                "equal: {} made, nothing is missing, changed or too much",
                plural(checks.len(), "check")
            ),
            n => format!(
                "equal: {} made; {} as expected",
                plural(checks.len(), "check"),
                plural(n, "difference")
            ),
        },
        ExitCode::Different => {
            let different = count(Outcome::Different);
            if different == 0 {
                "failed: a step of the migration failed".into()
            } else {
                format!("different: {}", plural(different, "finding"))
            }
        }
        ExitCode::NotProven if findings.iter().any(|j| j.finding.check.as_str() == PROOF) => {
            "not proven: the checks of this build failed their own proof".into()
        }
        ExitCode::NotProven if checks.is_empty() => "not proven: no check was made".into(),
        ExitCode::NotProven => {
            let nothing = checks.iter().filter(|c| c.compared == 0).count();
            format!(
                "not proven: {} could not be compared",
                plural(count(Outcome::NotProven).max(nothing), "item")
            )
        }
        ExitCode::BudgetMissed => "budget missed: data and access are right, but it took too long".into(),
        ExitCode::CouldNotRun if refused(findings) > 0 => {
            let refusals = plural(refused(findings), "preflight finding");
            format!("could not run: {refusals} before the freeze; nothing was moved and users did not wait")
        }
        ExitCode::CouldNotRun => {
            "could not run: the environment failed, which says nothing about the migration".into()
        }
        ExitCode::Interrupted => "interrupted: the run did not come to its end".into(),
        ExitCode::RollbackFailed => {
            let findings = plural(count(Outcome::Different), "finding");
            format!("rollback failed: the way back did not restore what was there before; {findings}")
        }
        ExitCode::Usage => "wrong usage".into(),
    }
}
