//! What the application showed at one moment, against what it shows at another.

use crate::answers::{Answer, Answers};
use crate::capability::Capability;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Items that are told by name.
const NAMED: usize = 5;

/// How the answers about one capability differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What people could do.
    pub capability: Capability,
    /// Items that were shown before, at least one.
    pub before: u64,
    /// How it differs.
    pub how: How,
}

/// Kinds of difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// The application refuses to answer, and did not before.
    Refused(String),
    /// It shows something else.
    Shown {
        /// Not shown any more.
        missing: Vec<String>,
        /// Shown now, and not before.
        appeared: Vec<String>,
        /// Told otherwise: the item, before, now.
        changed: Vec<(String, String, String)>,
    },
}

/// What a comparison came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comparison {
    /// Where something differs.
    pub differences: Vec<Difference>,
    /// Capabilities that could not be compared, and why.
    pub not_compared: BTreeMap<Capability, String>,
    /// Items that were compared.
    pub compared: u64,
}

impl Difference {
    /// One line for people: what people no longer see, and some of it by name.
    pub fn text(&self) -> String {
        let (what, item) = (self.capability, self.capability.item());
        match &self.how {
            How::Refused(words) => format!("{what}: refused now ({words})"),
            How::Shown { missing, appeared, changed } => {
                let mut parts = Vec::new();
                if !missing.is_empty() {
                    let (count, of) = (missing.len(), self.before);
                    parts.push(format!("{count} of {of} not shown any more ({item} {})", named(missing)));
                }
                if !appeared.is_empty() {
                    parts.push(format!(
                        "{} shown that were not there ({item} {})",
                        appeared.len(),
                        named(appeared)
                    ));
                }
                if let Some((first, before, now)) = changed.first() {
                    let count = changed.len();
                    parts.push(format!("{count} told otherwise ({item} {first}: {})", narrowed(before, now)));
                }
                format!("{what}: {}", parts.join(", "))
            }
        }
    }
}

fn named(items: &[String]) -> String {
    let some: Vec<&str> = items.iter().take(NAMED).map(String::as_str).collect();
    let more = items.len().saturating_sub(NAMED);
    if more == 0 { some.join(", ") } else { format!("{} and {more} more", some.join(", ")) }
}

/// Only the parts that differ: `state=ACTIVE` was, `state=COMPLETED` is.
fn narrowed(before: &str, now: &str) -> String {
    let only = |one: &str, other: &str| {
        let others: Vec<&str> = other.split(' ').collect();
        let parts: Vec<&str> = one.split(' ').filter(|part| !others.contains(part)).collect();
        if parts.is_empty() { "nothing".to_owned() } else { parts.join(" ") }
    };
    format!("{} before, {} now", only(before, now), only(now, before))
}

/// Compares two moments. A capability that was shown nothing of before proves nothing, and is named.
pub fn compare(before: &Answers, now: &Answers) -> Comparison {
    let mut comparison = Comparison::default();
    for capability in Capability::ALL {
        let (before, now) = (before.by.get(&capability), now.by.get(&capability));
        let mut unable = |why: &str| comparison.not_compared.insert(capability, why.to_owned());
        let (before, now) = match (before, now) {
            (Some(Answer::Shown(items)), Some(_)) if items.is_empty() => {
                unable("nothing was shown before");
                continue;
            }
            (Some(Answer::Shown(before)), Some(now)) => (before, now),
            (Some(Answer::Refused(words)), _) => {
                unable(&format!("refused before: {words}"));
                continue;
            }
            (None, _) | (_, None) => {
                unable("not asked");
                continue;
            }
        };
        comparison.compared += before.len() as u64;
        let how = match now {
            Answer::Refused(words) => How::Refused(words.clone()),
            Answer::Shown(now) => {
                let missing: Vec<_> = before.keys().filter(|k| !now.contains_key(*k)).cloned().collect();
                let appeared: Vec<_> = now.keys().filter(|k| !before.contains_key(*k)).cloned().collect();
                let changed: Vec<_> = before
                    .iter()
                    .filter_map(|(k, was)| Some((k, was, now.get(k)?)))
                    .filter(|(_, was, is)| was != is)
                    .map(|(k, was, is)| (k.clone(), was.clone(), is.clone()))
                    .collect();
                if missing.is_empty() && appeared.is_empty() && changed.is_empty() {
                    continue;
                }
                How::Shown { missing, appeared, changed }
            }
        };
        comparison.differences.push(Difference { capability, before: before.len() as u64, how });
    }
    comparison
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(items: &[(&str, &str)]) -> Answer {
        Answer::Shown(items.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    fn answers(by: &[(Capability, Answer)]) -> Answers {
        Answers { by: by.iter().cloned().collect() }
    }

    #[test]
    fn what_is_lost_what_came_back_and_what_is_told_otherwise_are_named() {
        let before = answers(&[(
            Capability::Instances,
            shown(&[("1", "state=COMPLETED v=1"), ("2", "state=ACTIVE")]),
        )]);
        let now = answers(&[(Capability::Instances, shown(&[("1", "state=ACTIVE v=1"), ("3", "x")]))]);
        let found = compare(&before, &now);
        assert_eq!(
            found.differences[0].text(),
            "instances: 1 of 2 not shown any more (instance 2), 1 shown that were not there (instance 3), \
             1 told otherwise (instance 1: state=COMPLETED before, state=ACTIVE now)"
        );
        assert!(compare(&before, &before).differences.is_empty());
        assert_eq!(compare(&before, &before).compared, 2);
    }

    #[test]
    fn a_refusal_is_a_difference_and_an_empty_or_absent_answer_proves_nothing() {
        let before = answers(&[
            (Capability::Statistics, shown(&[("running", "1")])),
            (Capability::Tasks, shown(&[])),
            (Capability::Forms, Answer::Refused("status 400".into())),
        ]);
        let now = answers(&[
            (Capability::Statistics, Answer::Refused("status 400: no mapping".into())),
            (Capability::Tasks, shown(&[("1", "x")])),
            (Capability::Forms, shown(&[("f", "x")])),
        ]);
        let found = compare(&before, &now);
        assert_eq!(found.differences.len(), 1);
        assert_eq!(found.differences[0].text(), "statistics: refused now (status 400: no mapping)");
        assert_eq!(found.not_compared.len(), Capability::ALL.len() - 1);
        assert_eq!(found.not_compared[&Capability::Tasks], "nothing was shown before");
    }

    #[test]
    fn of_many_lost_items_some_are_named_and_the_rest_counted() {
        let many: Vec<(String, String)> = (10..30).map(|n| (n.to_string(), "x".to_owned())).collect();
        let before = Answers {
            by: BTreeMap::from([(Capability::Variables, Answer::Shown(many.into_iter().collect()))]),
        };
        let now = answers(&[(Capability::Variables, shown(&[("29", "x")]))]);
        let text = compare(&before, &now).differences[0].text();
        assert_eq!(text, "variables: 19 of 20 not shown any more (variable 10, 11, 12, 13, 14 and 14 more)");
    }
}
