//! Metrics of a run in Prometheus' text format, for the textfile collector of the node exporter: verdict, downtime, findings.

use crate::choice::expectation;
use crate::text::printable;
use drydock_core::scenario::Expectation;
use drydock_core::{Outcome, Summary};
use std::fmt::Write as _;

/// Every outcome, so that a series does not vanish when its number falls to nought.
const OUTCOMES: [(Outcome, &str); 5] = [
    (Outcome::Equal, "equal"),
    (Outcome::Expected, "expected"),
    (Outcome::NotAsked, "not_asked"),
    (Outcome::NotProven, "not_proven"),
    (Outcome::Different, "different"),
];

/// The metrics of one run. What was not measured is left out: a gap is not zero.
pub fn render(summary: &Summary) -> String {
    let mut page = Page { text: String::new(), scenario: escaped(&summary.scenario) };
    let outcome = word(summary.verdict.outcome);
    page.family("drydock_run_info", "The latest run: its name, version and verdict; always 1.");
    page.sample(
        "drydock_run_info",
        &[("run", summary.run.as_str()), ("version", &summary.drydock), ("verdict", outcome)],
        1.0,
    );
    page.family("drydock_run_exit_code", "Exit code of the run; 0 means equal or different as expected.");
    page.sample("drydock_run_exit_code", &[], f64::from(summary.verdict.exit_code));
    page.family("drydock_run_as_expected", "Whether the run ended as its scenario is meant to: 1 or 0.");
    let met = expectation(summary) == Expectation::Met;
    page.sample("drydock_run_as_expected", &[], f64::from(u8::from(met)));
    if let Ok(started) = summary.started.parse::<jiff::Timestamp>() {
        page.family("drydock_run_start_timestamp_seconds", "When the run began, in seconds since 1970.");
        // Seconds of this age are far below the whole numbers that a float can hold.
        page.sample("drydock_run_start_timestamp_seconds", &[], started.as_second() as f64);
    }
    page.family("drydock_run_duration_seconds", "How long the run took.");
    page.sample("drydock_run_duration_seconds", &[], summary.seconds);
    let downtime = &summary.downtime;
    let measured = [("phases", downtime.phase_clock_seconds), ("probes", downtime.probe_seconds)];
    if measured.iter().any(|(_, seconds)| seconds.is_some()) {
        page.family("drydock_downtime_seconds", "Outage of the migration, by the clock that measured it.");
        for (clock, seconds) in measured {
            if let Some(seconds) = seconds {
                page.sample("drydock_downtime_seconds", &[("clock", clock)], seconds);
            }
        }
    }
    if let Some(budget) = downtime.budget_seconds {
        page.family("drydock_downtime_budget_seconds", "Longest outage that the scenario accepts.");
        page.sample("drydock_downtime_budget_seconds", &[], budget);
    }
    page.family("drydock_findings", "Findings by outcome, after the ledgers.");
    for (outcome, name) in OUTCOMES {
        let findings = summary.verdict.findings.iter().filter(|j| j.finding.outcome == outcome).count();
        page.sample("drydock_findings", &[("outcome", name)], findings as f64);
    }
    page.family("drydock_checks", "Checks by outcome.");
    for (outcome, name) in OUTCOMES {
        let checks = summary.verdict.checks.iter().filter(|c| c.outcome == outcome).count();
        page.sample("drydock_checks", &[("outcome", name)], checks as f64);
    }
    page.text
}

struct Page {
    text: String,
    /// Escaped already.
    scenario: String,
}

impl Page {
    fn family(&mut self, name: &str, help: &str) {
        // Writing to a String cannot fail.
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} gauge\n");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let _ = write!(self.text, "{name}{{scenario=\"{}\"", self.scenario);
        for (label, text) in labels {
            let _ = write!(self.text, ",{label}=\"{}\"", escaped(text));
        }
        let _ = writeln!(self.text, "}} {value}");
    }
}

fn word(outcome: Outcome) -> &'static str {
    OUTCOMES.into_iter().find(|(known, _)| *known == outcome).map_or("not_proven", |(_, name)| name)
}

/// A label's value: hidden characters made visible, then what the format gives a meaning.
fn escaped(text: &str) -> String {
    printable(text).replace('\\', "\\\\").replace('"', "\\\"")
}
