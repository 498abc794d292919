//! What one side is, as names with digests: taken before and after something that promises to change nothing, and held
//! against each other. Unlike a comparison of two sides it covers everything a side holds, whatever the migration asks
//! for, and it can be kept in a file.

mod elasticsearch;
mod postgres;

pub use elasticsearch::fingerprint_elasticsearch;
pub use postgres::fingerprint_postgres;

use super::CheckResult;
use drydock_core::{Finding, Kind, Sample};
use drydock_parity::DigestKey;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Objects told one by one; the rest is counted.
const MOST_TOLD: usize = 40;
/// Attributes of one object shown as samples.
const MOST_SAMPLES: usize = 8;

/// Everything one side holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Attributes of every object by its name: `index/operate-x`, `rows of identity.public.user`. A value is a digest where it
    /// is long or might be confidential.
    pub objects: BTreeMap<String, BTreeMap<String, String>>,
    /// What could not be read, with the reason.
    pub unread: BTreeMap<String, String>,
    /// Documents digested.
    pub documents: u64,
    /// Rows digested.
    pub rows: u64,
}

impl Fingerprint {
    /// One digest of everything, 128 bits in hexadecimal.
    pub fn digest(&self) -> String {
        let mut text = String::new();
        for (object, attributes) in &self.objects {
            text.push_str(&format!("{object}\0"));
            for (name, value) in attributes {
                text.push_str(&format!("{object}\0{name}\0{value}\0"));
            }
        }
        sealed(&text)
    }

    /// Takes up what another part of the same side holds.
    pub fn extend(&mut self, other: Self) {
        self.objects.extend(other.objects);
        self.unread.extend(other.unread);
        self.documents += other.documents;
        self.rows += other.rows;
    }

    /// An object that may have no attribute at all, such as a pipeline without processors.
    fn present(&mut self, object: &str) {
        self.objects.entry(object.to_owned()).or_default();
    }

    /// A value that may be shown.
    fn keep(&mut self, object: &str, attribute: &str, value: &str) {
        let value = if value.len() > 80 { sealed(value) } else { value.to_owned() };
        self.objects.entry(object.to_owned()).or_default().insert(attribute.to_owned(), value);
    }

    /// A value of which a digest is kept.
    fn seal(&mut self, object: &str, attribute: &str, value: &str) {
        self.objects.entry(object.to_owned()).or_default().insert(attribute.to_owned(), sealed(value));
    }

    fn unread(&mut self, object: &str, why: impl Into<String>) {
        self.unread.insert(object.to_owned(), why.into());
    }
}

fn sealed(value: &str) -> String {
    DigestKey::default().digest(value.as_bytes()).to_string()
}

/// Holds a side against what it was before. `doing` names what promised to change nothing: "the trial".
pub fn unchanged(
    check: &'static str,
    side: &str,
    doing: &str,
    before: &Fingerprint,
    after: &Fingerprint,
) -> CheckResult {
    let mut findings = Vec::new();
    for (object, why) in before.unread.iter().chain(&after.unread) {
        if findings.iter().any(|f: &Finding| f.subject == *object) {
            continue;
        }
        findings.push(
            Finding::not_compared(check, object, format!("{object} of the {side} could not be read: {why}"))
                .next("give the role the right to read it"),
        );
    }
    let databases = |side: &Fingerprint| -> BTreeSet<String> {
        side.objects.keys().filter_map(|o| o.strip_prefix("database/")).map(ToOwned::to_owned).collect()
    };
    let (had, has) = (databases(before), databases(after));
    let whole: Vec<&String> = had.symmetric_difference(&has).collect();
    let names =
        before.objects.keys().chain(after.objects.keys().filter(|n| !before.objects.contains_key(*n)));
    let mut changed: Vec<Finding> = Vec::new();
    for name in names {
        // A database that came or went as a whole is one thing to tell, not a thousand.
        if postgres::within_a_database(name).is_some_and(|path| whole.iter().any(|db| holds(db, path))) {
            continue;
        }
        let (kind, what, samples) = match (before.objects.get(name), after.objects.get(name)) {
            (Some(a), Some(b)) if a == b => continue,
            (Some(a), Some(b)) => (Kind::Changed, "is another one", samples(a, b)),
            (Some(_), None) => (Kind::Missing, "is gone", vec![Sample::named(name)]),
            (None, _) => (Kind::Extra, "is there now and was not before", vec![Sample::named(name)]),
        };
        let message = format!("since {doing}, {name} of the {side} {what}");
        let count = samples.len().max(1) as u64;
        changed.push(Finding::data(check, kind, name, message).items(count, samples).next(format!(
            "put the {side} right before the cutover; trust no {doing} that leaves something behind"
        )));
    }
    if changed.len() > MOST_TOLD {
        let rest = changed.split_off(MOST_TOLD);
        let names: Vec<Sample> = rest.iter().map(|f| Sample::named(&f.subject)).collect();
        let message = format!("since {doing}, {} more objects of the {side} differ", rest.len());
        changed.push(Finding::data(check, Kind::Changed, side, message).items(rest.len() as u64, names));
    }
    findings.extend(changed);
    let compared = after.objects.values().map(|a| a.len() as u64).sum::<u64>();
    CheckResult {
        check,
        compared: if before.objects.is_empty() { 0 } else { compared },
        findings,
        note: format!(
            "{} objects, {} documents and {} rows before and after; not indices whose names begin with a dot, nor what \
             the store brings along and manages itself",
            after.objects.len(),
            after.documents,
            after.rows
        ),
        millis: 0,
    }
}

/// Whether a path begins with the name of a database, which is in quotes where it holds what separates.
fn holds(database: &str, path: &str) -> bool {
    let quoted = format!("\"{}\"", database.replace('"', "\"\""));
    [database, quoted.as_str()].into_iter().any(|name| {
        path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/']))
    })
}

fn samples(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<Sample> {
    let names = before.keys().chain(after.keys().filter(|n| !before.contains_key(*n)));
    names
        .filter(|n| before.get(*n) != after.get(*n))
        .take(MOST_SAMPLES)
        .map(|n| Sample::both(n.clone(), before.get(n).cloned(), after.get(n).cloned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use drydock_core::Outcome;
    use drydock_core::names::checks;

    fn side(objects: &[(&str, &str, &str)]) -> Fingerprint {
        let mut side = Fingerprint::default();
        for (object, attribute, value) in objects {
            side.keep(object, attribute, value);
        }
        side
    }

    fn told(before: &Fingerprint, after: &Fingerprint) -> Vec<(Kind, String)> {
        let result = unchanged(checks::HARMLESS_TARGET, "target", "the trial", before, after);
        result.findings.into_iter().map(|f| (f.kind, f.subject)).collect()
    }

    #[test]
    fn what_appears_goes_or_changes_is_named_and_nothing_else() {
        let before = side(&[("index/a", "documents", "1"), ("role/r", "login", "true"), ("b", "x", "1")]);
        assert!(told(&before, &before).is_empty());
        let again = side(&[("b", "x", "1"), ("index/a", "documents", "1"), ("role/r", "login", "true")]);
        assert_eq!(before.digest(), again.digest());
        let after = side(&[("index/a", "documents", "2"), ("index/c", "documents", "0"), ("b", "x", "1")]);
        assert_eq!(
            told(&before, &after),
            [
                (Kind::Changed, "index/a".to_owned()),
                (Kind::Missing, "role/r".to_owned()),
                (Kind::Extra, "index/c".to_owned())
            ]
        );
        assert_ne!(before.digest(), after.digest());
    }

    #[test]
    fn what_cannot_be_read_is_not_proven_and_nothing_is_no_pass() {
        let mut before = side(&[("b", "x", "1")]);
        before.unread("role", "permission denied");
        let result = unchanged(checks::HARMLESS_SOURCE, "source", "the trial", &before, &before);
        assert_eq!(result.findings.iter().map(|f| f.outcome).collect::<Vec<_>>(), [Outcome::NotProven]);
        let empty = Fingerprint::default();
        assert_eq!(unchanged(checks::HARMLESS_SOURCE, "source", "the trial", &empty, &empty).compared, 0);
    }

    #[test]
    fn a_database_that_came_or_went_is_told_once() {
        let own =
            [("database/a", "x", "1"), ("object a.public.t", "x", "1"), ("object ab.public.t", "x", "1")];
        let (with, without) = (side(&own), side(&own[2..]));
        assert_eq!(told(&without, &with), [(Kind::Extra, "database/a".to_owned())]);
        assert_eq!(told(&with, &without), [(Kind::Missing, "database/a".to_owned())]);
        // An index is no part of a database of the same name.
        let odd = side(&[("database/index", "x", "1"), ("index/x", "documents", "1")]);
        assert_eq!(told(&without, &odd).len(), 3);
    }

    #[test]
    fn a_flood_is_counted() {
        let before = side(&[("b", "x", "1")]);
        let mut after = before.clone();
        for n in 0..100 {
            after.keep(&format!("index/{n}"), "documents", "0");
        }
        let result = unchanged(checks::HARMLESS_TARGET, "target", "the trial", &before, &after);
        assert_eq!(result.findings.len(), MOST_TOLD + 1);
        assert_eq!(result.findings.last().map(|f| f.count), Some(60));
    }
}
