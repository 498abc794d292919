//! The report for test dashboards, valid for the JUnit schema of Jenkins.

use crate::choice::{actionable, ended, exit_code, proof, what};
use crate::text::{counted, printable, shortened};
use drydock_core::event::StepOutcome;
use drydock_core::summary::StepReport;
use drydock_core::verdict::{CheckVerdict, Judged};
use drydock_core::{Class, ExitCode, Outcome, Summary};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::collections::BTreeSet;
use std::time::Duration;

/// Findings told in full below one test case; the rest is counted.
const MOST_FINDINGS: usize = 100;
/// Findings named in the message of a failure.
const MOST_NAMED: usize = 10;

/// One test suite for each group of checks, one for what is not a check's, one for the steps and one for the verdict.
pub fn render(summary: &Summary) -> String {
    let mut report = Report::new("drydock");
    report.set_time(duration(summary.seconds));
    let mut groups: Vec<&str> = Vec::new();
    for check in &summary.verdict.checks {
        if !groups.contains(&group(check)) {
            groups.push(group(check));
        }
    }
    for name in groups {
        let mut suite = TestSuite::new(printable(name));
        suite.add_test_cases(
            summary.verdict.checks.iter().filter(|c| group(c) == name).map(|c| check_case(summary, name, c)),
        );
        finish(&mut report, suite);
    }
    let mut steps = TestSuite::new("steps");
    steps.add_test_cases(summary.steps.iter().map(|s| step_case(summary, s)));
    steps.add_test_cases(other_cases(summary));
    finish(&mut report, steps);
    let mut verdict = TestSuite::new("verdict");
    verdict.add_property(("run", &*printable(summary.run.as_str())));
    verdict.add_property(("scenario", &*printable(&summary.scenario)));
    verdict.add_property(("seed", summary.seed.to_string().as_str()));
    verdict.add_property(("drydock", &*printable(&summary.drydock)));
    verdict.add_property(("exit code", summary.verdict.exit_code.to_string().as_str()));
    verdict.add_property(("proof of checks", proof(summary).join("; ").as_str()));
    verdict.add_test_case(verdict_case(summary));
    finish(&mut report, verdict);
    // Names and messages went through `printable`, and the writer is a string: nothing is left that could fail.
    let xml = report.to_string().unwrap_or_default();
    without_root_skipped(&xml, report.skipped)
}

/// The schema knows no `skipped` on the root element, which the writer gives to every report.
fn without_root_skipped(xml: &str, skipped: usize) -> String {
    xml.replacen(&format!(" skipped=\"{skipped}\""), "", 1)
}

fn finish(report: &mut Report, mut suite: TestSuite) {
    let time = suite.test_cases.iter().filter_map(|c| c.time).sum();
    suite.set_time(time);
    report.add_test_suite(suite);
}

fn group(check: &CheckVerdict) -> &str {
    check.check.as_str().split_once('/').map_or("rehearsal", |(group, _)| group)
}

fn check_case(summary: &Summary, group: &str, check: &CheckVerdict) -> TestCase {
    let of_check = || summary.verdict.findings.iter().filter(|j| j.finding.check == check.check);
    let telling: Vec<&Judged> = of_check().filter(|j| j.finding.outcome >= Outcome::NotProven).collect();
    let status = match check.outcome {
        Outcome::Equal | Outcome::Expected => TestCaseStatus::success(),
        // Something lay outside of what was asked for; what was asked for is equal.
        Outcome::NotAsked if check.compared > 0 => TestCaseStatus::success(),
        Outcome::NotAsked => {
            let mut status = TestCaseStatus::skipped();
            status.set_message("not asked for");
            status
        }
        Outcome::NotProven | Outcome::Different => non_success(&telling, &printable(&check.note)),
    };
    let name = check.check.as_str();
    let mut case = TestCase::new(printable(name.split_once('/').map_or(name, |(_, name)| name)), status);
    case.set_classname(format!("drydock.{}", printable(group)));
    case.set_time(Duration::from_millis(check.millis));
    let mut out = format!("compared: {}\n", check.compared);
    if !check.note.is_empty() {
        out.push_str(&format!("{}\n", printable(&check.note)));
    }
    for judged in of_check().filter(|j| j.finding.outcome < Outcome::NotProven).take(MOST_FINDINGS) {
        let because = judged.expected_because.as_deref().unwrap_or_default();
        let finding = &judged.finding;
        out.push_str(&format!(
            "{}: {} {}: {} {}\n",
            finding.outcome,
            what(finding),
            printable(&finding.subject),
            printable(&finding.message),
            printable(because)
        ));
    }
    case.set_system_out(out);
    case
}

/// A failure if data, access or a budget is concerned, an error if the surroundings are or nothing could be said.
fn non_success(findings: &[&Judged], otherwise: &str) -> TestCaseStatus {
    let proven = findings
        .iter()
        .find(|j| j.finding.outcome == Outcome::Different && j.finding.class != Class::Environment);
    let (kind, of_type) = match proven {
        Some(judged) => (NonSuccessKind::Failure, format!("different.{}", judged.finding.class)),
        None if findings.iter().any(|j| j.finding.class == Class::Environment) => {
            (NonSuccessKind::Error, "environment".to_owned())
        }
        None => (NonSuccessKind::Error, "not-proven".to_owned()),
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(of_type);
    if findings.is_empty() {
        status.set_message(otherwise);
    } else {
        status.set_message(message(findings));
        status.set_description(description(findings));
    }
    status
}

/// The items by name, as many as fit into one line of a dashboard.
fn message(findings: &[&Judged]) -> String {
    let mut names: Vec<String> = findings
        .iter()
        .take(MOST_NAMED)
        .map(|j| {
            let item = j.finding.samples.first().map(|s| format!(" › {}", s.item)).unwrap_or_default();
            let named = format!("{} {}{item}", what(&j.finding), j.finding.subject);
            shortened(&printable(&named), 300).into_owned()
        })
        .collect();
    if findings.len() > MOST_NAMED {
        names.push(format!("{} more", findings.len() - MOST_NAMED));
    }
    names.join("; ")
}

fn description(findings: &[&Judged]) -> String {
    let mut text = String::from("\n");
    for Judged { finding, .. } in findings.iter().take(MOST_FINDINGS) {
        text.push_str(&format!(
            "{} ({}), {}: {}\n",
            what(finding),
            finding.class,
            printable(&finding.subject),
            printable(&finding.message)
        ));
        for sample in &finding.samples {
            text.push_str(&format!("  {}", printable(&sample.item)));
            for (side, value) in [("source", &sample.source), ("target", &sample.target)] {
                if let Some(value) = value {
                    text.push_str(&format!("\n    {side}: {}", printable(value)));
                }
            }
            text.push('\n');
        }
        if !finding.next.is_empty() {
            text.push_str(&format!("  next: {}\n", printable(&finding.next)));
        }
    }
    if findings.len() > MOST_FINDINGS {
        let more = counted((findings.len() - MOST_FINDINGS) as u64, "more finding");
        text.push_str(&format!("{more}: see report.json\n"));
    }
    text
}

fn step_case(summary: &Summary, step: &StepReport) -> TestCase {
    let telling: Vec<&Judged> =
        actionable(summary).filter(|j| j.finding.check.as_str() == step.step.as_str()).collect();
    let status = match step.outcome {
        Some(StepOutcome::Done) if telling.is_empty() => TestCaseStatus::success(),
        Some(StepOutcome::Done) => non_success(&telling, ""),
        Some(StepOutcome::Skipped) => {
            let mut status = TestCaseStatus::skipped();
            let why = step.facts.get("refused").and_then(|v| v.as_str()).unwrap_or("not needed");
            status.set_message(printable(why));
            status
        }
        Some(StepOutcome::Failed) => {
            let mut status = non_success(&telling, "");
            if let TestCaseStatus::NonSuccess { kind, .. } = &mut status {
                *kind = NonSuccessKind::Failure;
            }
            if telling.is_empty() {
                status.set_type("different.data").set_message("the step failed");
            }
            status
        }
        Some(StepOutcome::EnvironmentFailed | StepOutcome::Interrupted) | None => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_type(if step.outcome == Some(StepOutcome::EnvironmentFailed) {
                "environment"
            } else {
                "interrupted"
            });
            if telling.is_empty() {
                status.set_message(ended(step));
            } else {
                status.set_message(message(&telling)).set_description(description(&telling));
            }
            status
        }
    };
    let mut case = TestCase::new(printable(step.step.as_str()), status);
    case.set_classname("drydock.steps");
    case.set_time(duration(step.seconds));
    case
}

/// Findings that belong to no check and no step must not get lost: each of their origins is a test case of its own.
fn other_cases(summary: &Summary) -> Vec<TestCase> {
    let known = |origin: &str| {
        summary.verdict.checks.iter().any(|c| c.check.as_str() == origin)
            || summary.steps.iter().any(|s| s.step.as_str() == origin)
    };
    let origins: BTreeSet<&str> =
        actionable(summary).map(|j| j.finding.check.as_str()).filter(|origin| !known(origin)).collect();
    let case = |origin: &str| {
        let telling: Vec<&Judged> =
            actionable(summary).filter(|j| j.finding.check.as_str() == origin).collect();
        let mut case = TestCase::new(printable(origin), non_success(&telling, ""));
        case.set_classname("drydock.steps");
        case.set_time(Duration::ZERO);
        case
    };
    origins.into_iter().map(case).collect()
}

/// The verdict itself, so that a run that ended early is red even where every check it made was green.
fn verdict_case(summary: &Summary) -> TestCase {
    let exit = exit_code(summary);
    let kind = match exit {
        ExitCode::Equal => None,
        ExitCode::Different | ExitCode::BudgetMissed | ExitCode::RollbackFailed => {
            Some(NonSuccessKind::Failure)
        }
        ExitCode::Usage | ExitCode::NotProven | ExitCode::CouldNotRun | ExitCode::Interrupted => {
            Some(NonSuccessKind::Error)
        }
    };
    let status = match kind {
        None => TestCaseStatus::success(),
        Some(kind) => {
            let mut status = TestCaseStatus::non_success(kind);
            status.set_type(format!("exit-code-{}", summary.verdict.exit_code));
            status.set_message(format!(
                "{} (exit code {})",
                printable(&summary.verdict.headline),
                summary.verdict.exit_code
            ));
            status.set_description(exit.meaning());
            status
        }
    };
    let mut case = TestCase::new("verdict", status);
    case.set_classname("drydock.verdict");
    case.set_time(Duration::ZERO);
    if !summary.planted.is_empty() {
        let planted: Vec<String> = summary
            .planted
            .iter()
            .map(|p| printable(&format!("planted {}: {}", p.fault, p.item)).into_owned())
            .collect();
        case.set_system_out(planted.join("\n"));
    }
    case
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
