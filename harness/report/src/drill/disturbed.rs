//! A cell that suffers a fault, judged: what the fault must come to, and the way back all the same. A cell that ends as it is
//! meant to is never silent about a loss, red for nothing, or without an end.

use drydock_core::finding::{Class, Finding, Kind, Outcome};
use drydock_core::names::{CheckId, checks};
use drydock_core::rollback::Restored;
use drydock_core::scenario::{Course, FaultKind};
use drydock_core::{ExitCode, StepId, Summary};
use serde::{Deserialize, Serialize};

/// Name under which a verdict tells of planted losses that no check noticed.
const UNNOTICED: &str = "planted-losses";

/// What goes wrong in a cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disturbance {
    /// The fault.
    pub fault: FaultKind,
    /// The step in which it happens, or after which it is planted.
    pub step: StepId,
    /// Checks that the cell makes and that must tell of it.
    pub must_tell: Vec<CheckId>,
}

/// Whether a cell with a fault ended as it is meant to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AsMeant {
    /// It did.
    Yes,
    /// Going back did not bring everything back, or users did not come back.
    Lost,
    /// A check that must tell of the fault does not.
    Untold,
    /// Something is red that the fault does not explain, or the run went on where it must stop.
    Unexpected,
    /// The fault never happened, or the surroundings failed for another reason.
    Environment,
}

impl AsMeant {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Lost => "NO: lost",
            Self::Untold => "NO: untold",
            Self::Unexpected => "NO: unexpected",
            Self::Environment => "NO: environment",
        }
    }
}

/// Whether it ended as meant, what it adds to the exit code of the drill, and why in one line.
pub(super) fn judge(disturbed: &Disturbance, summary: &Summary) -> (AsMeant, ExitCode, String) {
    let own = ExitCode::ALL.into_iter().find(|e| e.code() == summary.verdict.exit_code);
    let own = own.unwrap_or(ExitCode::NotProven);
    if own == ExitCode::Interrupted {
        return (AsMeant::Environment, own, summary.verdict.headline.clone());
    }
    let not =
        |how, least, why: Vec<String>| (how, own.worst(least), format!("NOT as meant: {}", why.join("; ")));
    let red: Vec<&Finding> = summary
        .verdict
        .findings
        .iter()
        .map(|j| &j.finding)
        .filter(|f| f.outcome >= Outcome::NotProven)
        .collect();
    let lost = not_restored(disturbed, summary);
    if !lost.is_empty() {
        return not(AsMeant::Lost, ExitCode::RollbackFailed, lost);
    }
    let untold: Vec<String> = disturbed
        .must_tell
        .iter()
        .filter(|check| !tells(summary, check))
        .map(|check| format!("{check} does not tell of {}", disturbed.fault.as_str()))
        .collect();
    // Of a run that its surroundings stopped nobody can expect to tell.
    let stopped = red.iter().find(|f| f.class == Class::Environment);
    if let Some(stopped) = stopped {
        return not(AsMeant::Environment, ExitCode::CouldNotRun, vec![stopped.message.clone()]);
    }
    if !untold.is_empty() {
        return not(AsMeant::Untold, ExitCode::Different, untold);
    }
    let unexplained: Vec<String> = red
        .iter()
        .filter(|f| !explains(disturbed, f) && !of_writes(f))
        .map(|f| format!("{} is red: {}", f.check, f.message))
        .collect();
    if !unexplained.is_empty() {
        return not(AsMeant::Unexpected, ExitCode::NotProven, unexplained);
    }
    if let Some((how, why)) = happened_otherwise(disturbed, summary) {
        let least = match how {
            AsMeant::Lost => ExitCode::RollbackFailed,
            AsMeant::Environment => ExitCode::CouldNotRun,
            AsMeant::Yes | AsMeant::Untold | AsMeant::Unexpected => ExitCode::NotProven,
        };
        return not(how, least, vec![why]);
    }
    // What going back costs users it costs with a fault as without.
    let writes = red.iter().filter(|f| of_writes(f)).fold(ExitCode::Equal, |worst, finding| {
        worst.worst(match (finding.outcome, finding.class) {
            (Outcome::Different, Class::Budget) => ExitCode::BudgetMissed,
            (Outcome::Different, _) => ExitCode::Different,
            _ => ExitCode::NotProven,
        })
    });
    let mut headline = format!("as meant: {}", came_to(disturbed));
    for finding in red.iter().filter(|f| of_writes(f) || f.class == Class::Budget) {
        headline.push_str(&format!("; {}", finding.message));
    }
    (AsMeant::Yes, writes, headline)
}

/// What a way back did not bring back that the fault did not change itself.
fn not_restored(disturbed: &Disturbance, summary: &Summary) -> Vec<String> {
    let Some(back) = &summary.rollback else { return Vec::new() };
    let mut lost = Vec::new();
    if back.restored == Restored::No && !writes_to_source(disturbed.fault) {
        lost.push("the source is not what it was".to_owned());
    }
    let failed = |f: &&drydock_core::verdict::Judged| {
        f.finding.outcome == Outcome::Different
            && [checks::RB_ACCESS, checks::RB_SERVICE].contains(&f.finding.check.as_str())
            && f.finding.class != Class::Budget
    };
    lost.extend(summary.verdict.findings.iter().filter(failed).map(|j| j.finding.message.clone()));
    lost
}

/// Whether a fault changes the source while it is frozen. No way back takes that away.
fn writes_to_source(fault: FaultKind) -> bool {
    matches!(fault, FaultKind::LateWrite | FaultKind::PassingSession)
}

/// Whether a check was made and is red.
fn tells(summary: &Summary, check: &CheckId) -> bool {
    let mut made = summary.verdict.checks.iter().filter(|c| c.check == *check && c.compared > 0);
    made.any(|c| c.outcome >= Outcome::NotProven)
}

/// What is lost of users' work on the target: going back costs that, whatever went wrong before.
fn of_writes(finding: &Finding) -> bool {
    finding.check.as_str() == checks::RB_WRITES
        && matches!(finding.kind, Kind::LostWrite | Kind::OverBudget)
        && finding.subject != "before the cutover"
}

/// Whether a fault is why something is red.
fn explains(disturbed: &Disturbance, finding: &Finding) -> bool {
    let effect = disturbed.fault.effect();
    let check = finding.check.as_str();
    let told = effect.course == Course::Told;
    disturbed.must_tell.contains(&finding.check)
        || effect.may.contains(&check)
        // A failure costs time, which is nobody's loss.
        || finding.kind == Kind::OverBudget
        // The target is left before anything was asked that could tell.
        || told && disturbed.must_tell.is_empty() && check == UNNOTICED
        // Users of a target that lacks something see more than the clock of the phases.
        || told && finding.kind == Kind::Disagreement
        || writes_to_source(disturbed.fault) && check == checks::RB_RESTORED
}

/// Why the fault did not come to what it must come to, apart from the data.
fn happened_otherwise(disturbed: &Disturbance, summary: &Summary) -> Option<(AsMeant, String)> {
    let Disturbance { fault, step, .. } = disturbed;
    let name = fault.as_str();
    if summary.rollback.as_ref().is_none_or(|back| back.rto_seconds.is_none()) {
        return Some((AsMeant::Lost, "users did not come back to the source".to_owned()));
    }
    let course = fault.effect().course;
    // What stopped it is held against it where it did.
    let course = if course == Course::Either && summary.lives.is_empty() { Course::Through } else { course };
    let class = match course {
        Course::Through | Course::Told => {
            // A summary tells of what makes nothing red among its notes.
            let note = format!("caused on purpose in {step}: {name} (");
            let happened = summary.planted.iter().any(|p| p.fault == name && p.after == *step)
                || summary.notes.iter().any(|n| n.starts_with(&note));
            return (!happened).then(|| (AsMeant::Environment, format!("{name} did not happen in {step}")));
        }
        Course::Stops | Course::Either => Class::Environment,
        Course::Fails => Class::Data,
    };
    match summary.lives.first() {
        None => Some((AsMeant::Unexpected, format!("{name} must stop the migration in {step} and did not"))),
        Some(life) if life.step.as_ref() == Some(step) && life.class == Some(class) => None,
        Some(life) => Some((
            AsMeant::Unexpected,
            format!("{name} must stop the migration in {step}, but {}", life.words()),
        )),
    }
}

fn came_to(disturbed: &Disturbance) -> String {
    let Disturbance { fault, step, must_tell } = disturbed;
    let name = fault.as_str();
    match fault.effect().course {
        Course::Through => format!("{name} in {step} was borne"),
        Course::Either => format!("{name} in {step} was borne, or stopped it and was gone on with"),
        Course::Stops | Course::Fails => format!("{name} stopped {step}, and it was gone on with"),
        Course::Told if must_tell.is_empty() => {
            format!("{name} in {step}, left before anything was compared")
        }
        Course::Told => {
            let told: Vec<&str> = must_tell.iter().map(CheckId::as_str).collect();
            format!("{name} in {step} was told by {}", told.join(", "))
        }
    }
}
