//! What the scripts say of themselves, held against each other and against what was found.

use crate::hooks::points;
use crate::log::Level;
use crate::run::{Ended, How};
use crate::state::State;
use drydock_core::finding::{Finding, Kind, Sample};
use drydock_core::names::checks;
use drydock_core::plan::ScriptPhase;
use drydock_core::{Class, Component};
use std::collections::BTreeMap;

/// What a check came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judged {
    /// What disagrees.
    pub findings: Vec<Finding>,
    /// How many statements were held against another one.
    pub compared: u64,
}

impl Ended {
    /// Whether the phase is done by its exit code.
    fn succeeded(&self) -> bool {
        self.how == How::Code(0)
    }

    /// Lines of a weight.
    pub fn lines_of(&self, level: Level) -> impl Iterator<Item = &str> {
        self.lines.iter().filter(move |l| l.level == level).map(|l| l.text.as_str())
    }

    /// How it ended, for people.
    pub fn words(&self) -> String {
        match self.how {
            How::Code(code) => format!("exit code {code}"),
            How::Signal(signal) => format!("ended by signal {signal}"),
            How::Overdue => format!("ended after {:.0} s, at its deadline", self.took.as_secs_f64()),
            How::Cancelled => "ended because the run was cancelled".to_owned(),
        }
    }
}

/// Holds exit code, state, hooks and log of one phase against each other.
pub fn judge_phase(ended: &Ended) -> Judged {
    let (phase, script) = (ended.phase, ended.phase.script());
    let subject = phase.label();
    let mut judged = Judged { findings: Vec::new(), compared: 1 };
    let state = match &ended.after {
        Ok(state) => state,
        Err(error) => {
            let finding = Finding::not_compared(checks::SC_PHASES, subject, &error.what).next(&error.help);
            judged.findings.push(finding);
            return judged;
        }
    };
    let mut object = |message: String, samples: Vec<Sample>, next: &str| {
        let count = samples.len().max(1) as u64;
        let finding = Finding::data(checks::SC_PHASES, Kind::Disagreement, subject, message);
        judged.findings.push(Finding { class: Class::Access, ..finding.items(count, samples).next(next) });
    };
    // The way back records nothing: that it is done is what its exit code says.
    let complete = match phase {
        ScriptPhase::WayBack => ended.succeeded(),
        _ => state.completed_since(&ended.before, phase),
    };
    let says = match phase {
        ScriptPhase::WayBack => "ended with exit code 0",
        _ => "recorded its phase as completed",
    };
    let read = "read logs/scripts-phase-N.log and logs/scripts-state in the run folder before anything is built on it";
    match (ended.succeeded(), complete) {
        (true, false) => {
            object(
                format!("{script} ended with exit code 0 and did not record its phase as completed"),
                vec![],
                read,
            );
        }
        (false, true) => {
            let message = format!("{script} recorded its phase as completed, and failed: {}", ended.words());
            object(message, vec![], read);
        }
        (true, true) | (false, false) => {}
    }
    let errors: Vec<Sample> = ended.lines_of(Level::Error).map(Sample::named).collect();
    if complete && !errors.is_empty() {
        let message = format!("{script} {says}, and its log tells of {} errors", errors.len());
        object(message, errors, read);
    }
    if complete {
        let missed: Vec<Sample> =
            points(phase).into_iter().filter(|p| !ended.hooks.contains(p)).map(Sample::named).collect();
        if !missed.is_empty() {
            let message = format!("{script} {says}, and did not call every hook of it");
            object(message, missed, "see whether this checkout keeps the documented hooks");
        }
    }
    judged
}

/// Holds what the scripts call migrated against what was found of each component. `objections`: what was found, by component,
/// each with the check and the subject. `said`: the last figure that a Job told of it.
pub fn judge_claims(
    state: &State,
    components: &[Component],
    said: &BTreeMap<Component, String>,
    objections: &BTreeMap<Component, Vec<String>>,
) -> Judged {
    let mut judged = Judged::default();
    if !state.is_complete(ScriptPhase::Cutover) {
        return judged;
    }
    let claim = match state.is_complete(ScriptPhase::Validate) {
        true => "the scripts call the cutover completed and validated",
        false => "the scripts call the cutover completed",
    };
    for component in components {
        judged.compared += 1;
        let Some(found) = objections.get(component).filter(|found| !found.is_empty()) else { continue };
        let tell = match said.get(component) {
            Some(figure) => format!("of {component} they say \"{figure}\""),
            None => format!("no Job of theirs told that it filled {component}"),
        };
        let count = found.len() as u64;
        let message = format!("{claim}; {tell}; {count} findings of the comparison object");
        let finding = Finding::data(checks::SC_CLAIMS, Kind::Disagreement, component.as_str(), message)
            .items(count, found.iter().map(Sample::named))
            .next("take the findings for what is there, and move what is missing before users are let in");
        judged.findings.push(finding);
    }
    judged
}

/// Words by which `kubectl`, `helm` and the shell tell that they had nobody or nothing to ask.
const SURROUNDINGS: [&str; 7] = [
    "required tool not found",
    "command not found",
    "connection refused",
    "unable to connect to the server",
    "kubernetes cluster unreachable",
    "no space left on device",
    "tls handshake timeout",
];

impl Ended {
    /// Whether a phase failed because of what it ran in: a program that is missing, or an API server that was away. That says
    /// nothing about the migration.
    pub fn is_the_surroundings(&self) -> bool {
        let told = |text: &str| {
            let lower = text.to_lowercase();
            SURROUNDINGS.iter().any(|words| lower.contains(words))
        };
        match self.how {
            How::Code(0) | How::Overdue => false,
            How::Code(126 | 127) | How::Signal(_) | How::Cancelled => true,
            // Other errors come first where a Job failed and said why.
            How::Code(_) => {
                let mut errors = self.lines_of(Level::Error).peekable();
                match errors.peek() {
                    Some(_) => errors.any(told),
                    None => self.last_words.iter().any(|line| told(line)),
                }
            }
        }
    }
}
