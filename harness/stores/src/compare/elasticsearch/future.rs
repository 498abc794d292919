//! What tomorrow's dated indices would become on each side.

use super::super::result::CheckResult;
use crate::elasticsearch::{PinnedEs, tomorrows_name};
use drydock_core::names::checks;
use drydock_core::{Finding, Kind, Outcome, Sample};
use drydock_parity::elasticsearch as parity;
use drydock_parity::elasticsearch::{FutureIndex, Origin};
use drydock_parity::shape::{AttributeDifference, Attributes, compare_attributes};
use serde_json::Value;
use std::collections::BTreeMap;

const CHECK: &str = checks::ES_FUTURE;
const NEXT: &str = "put the source's templates on the target before the application writes there: an index made from the \
                    wrong template has to be made again and its documents copied";

/// One family of dated indices on both sides.
struct Family<'a> {
    base: &'a str,
    /// The name tomorrow's index would have.
    name: String,
    source: FutureIndex,
    target: FutureIndex,
    /// The newest index there is, of the source if it has one.
    newest: Option<(String, &'a Value)>,
}

/// For every family of dated indices: what would be made tomorrow, on each side, and beside the newest one there is.
pub(super) fn compare_futures(source: &PinnedEs, target: &PinnedEs) -> CheckResult {
    let mut findings = Vec::new();
    let (before, after) = (&source.definitions().futures, &target.definitions().futures);
    let names = source.indices().keys().chain(target.indices().keys()).map(String::as_str);
    let families: BTreeMap<String, Option<String>> =
        parity::families(names, |base| before.is_templated(base) || after.is_templated(base));
    let mut compared = 1;
    for (base, newest) in &families {
        let name = tomorrows_name(base, newest.as_deref());
        let (a, b) = match (before.of(base, &name), after.of(base, &name)) {
            (Ok(a), Ok(b)) => (a, b),
            (a, b) => {
                let reason = a.err().map(|e| ("source", e)).or_else(|| b.err().map(|e| ("target", e)));
                let (side, reason) = reason.unwrap_or(("source", String::new()));
                let message = format!(
                    "what tomorrow's dated indices would become is not known: the {side}'s templates could not be read: {reason}"
                );
                findings.push(
                    Finding::not_compared(CHECK, "elasticsearch/templates", message)
                        .next("grant the role the monitor privilege on the cluster, then compare again"),
                );
                break;
            }
        };
        compared += 1;
        let newest = newest.as_ref().and_then(|date| {
            let name = format!("{base}{date}");
            let index = source.indices().get(&name).or_else(|| target.indices().get(&name))?;
            Some((name, &index.definition))
        });
        let refused = (!before.may_create(&name, &a), !after.may_create(&name, &b));
        let family = Family { base, name, source: a, target: b, newest };
        findings.extend(family.creation(refused));
        findings.extend(family.difference().or_else(|| family.old_dirt()));
    }
    let note = format!(
        "{} families of dated indices: what the templates would make of tomorrow's name; nothing was created",
        families.len()
    );
    CheckResult { check: CHECK, compared, findings, note, millis: 0 }
}

impl Family<'_> {
    fn subject(&self) -> String {
        format!("{}<date>", self.base)
    }

    /// Whether the first document of tomorrow makes the index at all.
    fn creation(&self, refused: (bool, bool)) -> Option<Finding> {
        let word = |refused: bool| if refused { "refused" } else { "made" };
        let (a, b) = (word(refused.0), word(refused.1));
        if a == b {
            return None;
        }
        let message = format!(
            "tomorrow's index {} would be {a} on the source and {b} on the target when its first document is written",
            self.name
        );
        let sample = Sample::both("automatic creation", Some(a.to_owned()), Some(b.to_owned()));
        let finding = Finding::data(CHECK, Kind::Changed, format!("{}/auto-create", self.subject()), message);
        Some(finding.items(1, [sample]).next(
            "set action.auto_create_index of the cluster, or allow_auto_create of the template, as on the source",
        ))
    }

    fn difference(&self) -> Option<Finding> {
        let (a, b) = (attributes(&self.source), attributes(&self.target));
        let mut changed = compare_attributes(&a, &b);
        parity::keep_real("setting ", &mut changed);
        if changed.is_empty() {
            return None;
        }
        let samples = changed.iter().map(AttributeDifference::sample);
        let count = changed.len() as u64;
        let (kind, message) = match (&self.source.origin, &self.target.origin) {
            (from, Origin::None) if *from != Origin::None => {
                (Kind::Missing, self.without_template("target", &self.target, Some(from)))
            }
            (Origin::None, from) if *from != Origin::None => {
                (Kind::Extra, self.without_template("source", &self.source, Some(from)))
            }
            (from, to) => {
                let lost: Vec<&str> =
                    a.keys().filter(|n| is_alias(n) && !b.contains_key(*n)).map(|n| &n[6..]).collect();
                let aliases = match lost.as_slice() {
                    [] => String::new(),
                    names => format!(", without alias {}", names.join(", ")),
                };
                let guessing = parity::guesses_fields(&self.target.definition)
                    && !parity::guesses_fields(&self.source.definition);
                let guessing = if guessing { ", with dynamic mapping" } else { "" };
                let first = changed.first().map(AttributeDifference::line).unwrap_or_default();
                let told = format!(
                    "tomorrow's index {} would be another one on the target{aliases}{guessing}: {count} attributes differ, \
                     the first being {first} ({} on the source, {} on the target)",
                    self.name,
                    origin(from),
                    origin(to)
                );
                (Kind::Changed, told)
            }
        };
        Some(Finding::data(CHECK, kind, self.subject(), message).items(count, samples).next(NEXT))
    }

    /// What was wrong on both sides already: a family whose dated indices have what no template would give the next one.
    fn old_dirt(&self) -> Option<Finding> {
        let (newest, definition) = self.newest.as_ref()?;
        let future = attributes(&self.target);
        let lost: Vec<String> = definition["aliases"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(alias, _)| format!("alias {alias}"))
            .filter(|alias| !future.contains_key(alias))
            .collect();
        let guesses = parity::guesses_fields(&self.target.definition) && !parity::guesses_fields(definition);
        if lost.is_empty() && !guesses {
            return None;
        }
        let guessing = if guesses { "dynamic mapping" } else { "other aliases" };
        let message = format!(
            "on both sides tomorrow's index {} would be created with {guessing}, unlike {newest}{}: {}",
            self.name,
            if lost.is_empty() { String::new() } else { format!(" and without {}", lost.join(", ")) },
            origin(&self.target.origin)
        );
        let samples: Vec<Sample> = lost.iter().map(|alias| Sample::named(alias.as_str())).collect();
        let mut finding = Finding::data(CHECK, Kind::OldDirt, self.subject(), message)
            .items(samples.len().max(1) as u64, samples)
            .next("not the migration's doing; give the family a template if indices of it are still made");
        finding.outcome = Outcome::Expected;
        Some(finding)
    }

    fn without_template(&self, side: &str, future: &FutureIndex, other: Option<&Origin>) -> String {
        let aliases = future.definition["aliases"].as_object().is_none_or(serde_json::Map::is_empty);
        let alias = if aliases { " and no alias" } else { "" };
        let there = other.map(|o| format!(" (on the other side: {})", origin(o))).unwrap_or_default();
        format!(
            "tomorrow's index {} would be created with dynamic mapping{alias} on the {side}: {}{there}",
            self.name,
            origin(&future.origin)
        )
    }
}

fn is_alias(name: &str) -> bool {
    name.starts_with("alias ") && !name.contains(", ")
}

fn attributes(future: &FutureIndex) -> Attributes {
    let mut into = parity::index_attributes(&future.definition);
    if future.data_stream {
        into.insert("data stream".to_owned(), "made instead of an index".to_owned());
    }
    into
}

fn origin(origin: &Origin) -> String {
    match origin {
        Origin::Composable(name) => format!("made from template {name}"),
        Origin::Legacy(names) => format!("made from legacy template {}", names.join(", ")),
        Origin::None => "no template applies to the name".to_owned(),
    }
}
