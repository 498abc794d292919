//! What changes although nobody wrote it: defaults, keys that must be written now, and combinations that are refused.

use super::chart::ChartKeys;
use super::condition::Effective;
use super::engine::{Migration, onward};
use super::judge::{KeyVerdict, Subject};
use super::path::Path;
use super::report::{finding, place};
use super::rules::{Rule, RuleKind, Severity};
use super::schema::Offence;
use super::supplied::{Leaf, Supplied};
use crate::check::Check;
use drydock_core::finding::{Finding, Kind, Outcome, Sample};
use drydock_core::names::checks;
use serde_json::Value;

/// A default that changed and that nothing in the values holds fast.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Drift<'r> {
    /// The rule.
    pub(crate) rule: &'r Rule,
    /// The key at the end of the road.
    pub(crate) path: Path,
    /// What to write to keep what was.
    pub(crate) pin: Option<Value>,
}

/// Every default of the road that changes what the new values mean, and every key that must be written now.
pub(crate) fn drifts<'r>(
    subject: &Subject<'r>,
    migration: &Migration<'_>,
    stages: &[Supplied],
) -> Vec<Drift<'r>> {
    let new = subject.new.unwrap_or(subject.old);
    let mut found: Vec<Drift<'r>> = Vec::new();
    for (number, step) in subject.road.steps.iter().enumerate() {
        let old_side = Effective {
            supplied: number.checked_sub(1).and_then(|n| stages.get(n)).unwrap_or(subject.old),
            renamed: stages.get(number),
            chart: if number == 0 { subject.chart_from } else { None },
        };
        let new_side = Effective { supplied: new, renamed: None, chart: subject.chart_to };
        for rule in step.rules.iter().filter(|r| matches!(r.kind, RuleKind::Default | RuleKind::Require)) {
            if !rule.when.iter().all(|c| c.holds(old_side, new_side)) {
                continue;
            }
            let Some(target) = rule.target() else { continue };
            let value = rule.pin.clone().unwrap_or(Value::Null);
            // A later step may have taken the key further, or away.
            for (path, pin) in onward(&target, &value, subject.road, number) {
                let written = new.sets(&path) || (subject.new.is_some() && new.sets(&target));
                let mut from_here = migration.arrivals.range(path.clone()..);
                let arrives = from_here.next().is_some_and(|(p, _)| p.is_within(&path));
                if written
                    || arrives
                    || found.iter().any(|d| d.path == path && d.rule.severity <= rule.severity)
                {
                    continue;
                }
                found.retain(|d| d.path != path);
                found.push(Drift { rule, path, pin: rule.pin.as_ref().map(|_| pin) });
            }
        }
    }
    found
}

/// The check of defaults, and a line for each in the list of keys.
pub(crate) fn changed(
    subject: &Subject<'_>,
    migration: &Migration<'_>,
    stages: &[Supplied],
) -> (Check, Vec<KeyVerdict>) {
    let mut check = Check::new(checks::HELM_DEFAULTS);
    let mut keys = Vec::new();
    let of_defaults = |r: &&Rule| matches!(r.kind, RuleKind::Default | RuleKind::Require);
    // A road without changed defaults was looked at all the same.
    check.compared = (subject.road.rules().filter(of_defaults).count() as u64).max(1);
    for drift in drifts(subject, migration, stages) {
        let rule = drift.rule;
        let required = rule.kind == RuleKind::Require;
        let outcome = match rule.severity {
            Severity::A => Outcome::Different,
            Severity::B => Outcome::Expected,
            Severity::C => Outcome::Equal,
        };
        keys.push(KeyVerdict {
            key: drift.path.to_string(),
            place: String::new(),
            fate: if required { "required" } else { "new default" },
            to: Vec::new(),
            outcome,
            rules: vec![rule.id.clone()],
        });
        if outcome == Outcome::Equal {
            continue;
        }
        let told = |value: &Option<Value>| value.as_ref().map(Value::to_string);
        let message = if required {
            format!("{} must be written now: {}", drift.path, rule.note)
        } else {
            let now = told(&rule.now)
                .map(|now| format!(" is {now} now"))
                .unwrap_or_else(|| " has another default now".into());
            format!("{}{now}, and nothing is written there: {}", drift.path, rule.note)
        };
        let next = match &drift.pin {
            Some(pin) => {
                format!("write `{}: {pin}` to keep what was, or the new value to accept it", drift.path)
            }
            None => format!("write `{}` as it shall be", drift.path),
        };
        let sample = Sample::both(drift.path.to_string(), told(&rule.was), told(&rule.now));
        check.findings.push(
            finding(check.check, outcome, Kind::Changed, &drift.path, message).items(1, [sample]).next(next),
        );
    }
    check.note = "defaults that changed and that the new values do not hold fast".to_owned();
    (check, keys)
}

/// The check of combinations that the new chart refuses or misreads.
pub(crate) fn constraints(subject: &Subject<'_>, stages: &[Supplied]) -> Check {
    let mut check = Check::new(checks::HELM_CONSTRAINTS);
    // Used unchanged, the values are refused for their old keys already; whether the migrated ones hold is what helps.
    let new = subject.new.or_else(|| stages.last()).unwrap_or(subject.old);
    let new_side = Effective { supplied: new, renamed: None, chart: subject.chart_to };
    let old_side = Effective { supplied: subject.old, renamed: stages.last(), chart: subject.chart_from };
    check.compared = 1;
    for rule in subject.road.rules().filter(|r| r.kind == RuleKind::Constraint) {
        check.compared += 1;
        if !rule.when.iter().all(|c| c.holds(old_side, new_side)) {
            continue;
        }
        let path = rule.target().unwrap_or_default();
        let first = new
            .leaves
            .get(&path)
            .or_else(|| new.below(&path).next())
            .or_else(|| rule.when.iter().find_map(|c| new.leaves.get(&Path::parse(&c.path))));
        let at = first.map(|leaf| place(new, &leaf.place));
        let shown = at.as_ref().map(|at| format!(" ({at})")).unwrap_or_default();
        let message = format!("{path}{shown}: {}", rule.note);
        let mut told = finding(check.check, Outcome::Different, Kind::Unusable, &path, message);
        told.place = at;
        check.findings.push(told.next(
            "change one of the values that do not go together; `helm template` shows the chart's own words",
        ));
    }
    super::logins::check(subject.road, new, &mut check);
    let schema = refused(subject.chart_to, new, &mut check);
    check.note = format!("combinations that the chart's templates or schema refuse; {schema}");
    check
}

/// A value of the new side that does not go together with the new chart.
pub(super) fn finding_at(new: &Supplied, leaf: &Leaf, what: &str, next: &str) -> Finding {
    let at = place(new, &leaf.place);
    let message = format!("{} ({at}): {what}", leaf.path);
    finding(checks::HELM_CONSTRAINTS, Outcome::Different, Kind::Unusable, &leaf.path, message)
        .next(next)
        .at(at)
}

/// What the chart's schema refuses. Says how much of it could be applied.
fn refused(chart: Option<&ChartKeys>, new: &Supplied, check: &mut Check) -> &'static str {
    let Some(chart) = chart else { return "no schema is known" };
    for leaf in new.leaves.values() {
        let Some(wanted) = chart.refuses(&leaf.path, &leaf.value) else {
            continue;
        };
        check.compared += 1;
        let at = place(new, &leaf.place);
        let what = match &leaf.value {
            Value::Number(_) => "a number",
            Value::Bool(_) => "a boolean",
            Value::String(_) => "text",
            Value::Array(_) => "a list",
            Value::Object(_) => "a map",
            Value::Null => "nothing",
        };
        let message = format!(
            "{} ({at}) is {what}, and the chart's schema takes {wanted} there: rendering fails",
            leaf.path
        );
        let next = if wanted == "string" { "write it in quotes" } else { "write it as the schema wants it" };
        let told = finding(check.check, Outcome::Different, Kind::Unusable, &leaf.path, message);
        check.findings.push(told.next(next).at(at));
    }
    match chart.offences(new) {
        None => "of the schema, types alone: give the chart itself for the rest",
        Some(Err(reason)) => {
            let message = format!("the schema of chart {} cannot be used: {reason}", chart.version);
            check.findings.push(
                Finding::not_compared(check.check, "values.schema.json", message)
                    .next("look at the chart's values.schema.json"),
            );
            "the schema could not be applied"
        }
        Some(Ok(offences)) => {
            check.compared += new.leaves.len() as u64;
            for offence in offences {
                // A wrong type is told above.
                let subject = offence.path.to_string();
                if check.findings.iter().any(|f| f.subject == subject) {
                    continue;
                }
                let told = offence_told(&offence, new);
                check.findings.push(told);
            }
            "all of the schema"
        }
    }
}

/// An item of a list, or a key that is missing, is told where what holds it is written.
fn offence_told(offence: &Offence, new: &Supplied) -> Finding {
    let at = super::written_at(&offence.path, new);
    let shown = at.as_ref().map(|at| format!(" ({at})")).unwrap_or_default();
    let message = format!("{}{shown}: {}: rendering fails", offence.path, offence.reason);
    let mut told =
        finding(checks::HELM_CONSTRAINTS, Outcome::Different, Kind::Unusable, &offence.path, message);
    told.place = at;
    told.next("write it as the schema wants it")
}
