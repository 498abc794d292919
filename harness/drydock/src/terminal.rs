//! What people see while a run goes on: progress on a terminal, plain lines elsewhere. Everything here goes to standard
//! error; standard output is for results.

use drydock_core::event::RunStarted;
use drydock_core::{CheckId, Entry, Event, Finding, LedgerLine, Outcome, StepId, StepOutcome};
use drydock_rehearsal::Observer;
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two plain progress lines of one step, where there is no terminal.
const PLAIN_INTERVAL: Duration = Duration::from_secs(10);

/// Findings of one check that are told as they come; the report has all.
const MOST_OF_A_CHECK: u64 = 20;

/// Watches a run for a person.
pub(crate) struct Terminal {
    started: Mutex<Option<RunStarted>>,
    told: Mutex<BTreeMap<CheckId, u64>>,
    bar: ProgressBar,
    interactive: bool,
    last_plain: Mutex<Instant>,
}

impl Terminal {
    /// Draws on standard error if that is a terminal.
    pub(crate) fn new() -> Self {
        // One that cannot move its cursor gets lines.
        let moves = std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let interactive = std::io::stderr().is_terminal() && moves;
        let bar = if interactive { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        Self {
            started: Mutex::new(None),
            told: Mutex::default(),
            bar,
            interactive,
            last_plain: Mutex::new(Instant::now()),
        }
    }

    /// A lasting line.
    fn line(&self, text: &str) {
        let text = drydock_report::text::printable(text);
        if self.interactive {
            self.bar.suspend(|| anstream::eprintln!("{text}"));
        } else {
            anstream::eprintln!("{text}");
        }
    }

    fn about(&self, step: &StepId) -> String {
        let started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        started.as_ref().and_then(|s| s.plan.step(step)).map(|s| s.about.clone()).unwrap_or_default()
    }

    /// Whether the ledger expects a finding; it is then told in the report only.
    fn expects(&self, finding: &Finding) -> bool {
        let started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        started.as_ref().is_some_and(|s| LedgerLine::expecting(&s.ledger, finding, &s.drydock).is_some())
    }

    /// Tells of a finding, unless its check has filled the screen already.
    fn finding(&self, finding: &Finding) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let count = told.entry(finding.check.clone()).or_default();
        *count += 1;
        if *count <= MOST_OF_A_CHECK {
            self.line(&format!("          {}: {}", finding.outcome, finding.message));
        } else if *count == MOST_OF_A_CHECK + 1 {
            self.line(&format!("          more of {} are in the report", finding.check));
        }
    }

    /// Takes the moving line away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Terminal {
    fn event(&self, entry: &Entry) {
        match &entry.event {
            Event::RunStarted(started) => {
                self.line(&format!("run {}", started.run));
                *self.started.lock().unwrap_or_else(PoisonError::into_inner) = Some((**started).clone());
            }
            Event::Proof(proof) => {
                self.line(&format!("{:>8}  proof of the checks: {}", duration(proof.millis), proof.score()));
            }
            Event::StepStarted { step } => {
                self.bar.set_length(0);
                self.bar.set_style(spinner());
                let about = self.about(step);
                self.bar
                    .set_message(drydock_report::text::printable(&format!("{step}  {about}")).into_owned());
                self.bar.enable_steady_tick(Duration::from_millis(120));
            }
            Event::StepFinished { step, outcome, millis, facts } => {
                let mark = match outcome {
                    StepOutcome::Done => "ok",
                    StepOutcome::Skipped => "skipped",
                    StepOutcome::Failed => "FAILED",
                    StepOutcome::EnvironmentFailed => "ENVIRONMENT FAILED",
                    StepOutcome::Interrupted => "interrupted",
                };
                let why = facts
                    .get("refused")
                    .and_then(|v| v.as_str())
                    .map(|w| format!(": {w}"))
                    .unwrap_or_default();
                self.line(&format!("{:>8}  {step:<34} {mark}{why}", duration(*millis)));
            }
            Event::FaultPlanted { fault, item, .. } => {
                self.line(&format!("          planted {fault}: {item}"))
            }
            Event::Finding(finding) if finding.outcome >= Outcome::NotProven && !self.expects(finding) => {
                self.finding(finding);
            }
            _ => {}
        }
    }

    fn progress(&self, step: &StepId, done: u64, total: Option<u64>, unit: &str) {
        let rate = || format!("{step}  {done} {unit}");
        if self.interactive {
            match total {
                Some(total) => {
                    if self.bar.length() != Some(total) {
                        self.bar.set_length(total);
                        self.bar.set_style(counter());
                        self.bar.reset_eta();
                    }
                    self.bar.set_message(format!("{step} ({unit})"));
                    self.bar.set_position(done.min(total));
                }
                None => self.bar.set_message(rate()),
            }
        } else {
            let mut last = self.last_plain.lock().unwrap_or_else(PoisonError::into_inner);
            if last.elapsed() >= PLAIN_INTERVAL {
                *last = Instant::now();
                match total {
                    Some(total) => self.line(&format!("          {step}: {done} of {total} {unit}")),
                    None => self.line(&format!("          {}", rate())),
                }
            }
        }
    }

    fn say(&self, text: &str) {
        self.line(&format!("          {text}"));
    }
}

fn duration(millis: u64) -> String {
    let (seconds, tenths) = (millis / 1000, millis % 1000 / 100);
    if seconds < 60 {
        format!("{seconds}.{tenths} s")
    } else {
        format!("{}:{:02} min", seconds / 60, seconds % 60)
    }
}

fn spinner() -> ProgressStyle {
    // The template is constant and valid; the fallback only satisfies the type.
    ProgressStyle::with_template("{spinner} {elapsed:>4} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn counter() -> ProgressStyle {
    ProgressStyle::with_template(
        "{spinner} {elapsed:>4} {bar:24} {human_pos}/{human_len} {per_sec}, {eta} left  {msg}",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar())
}
