//! Why people no longer see something: what was found in the store, tied to what the application shows.

use crate::capability::{Capability, family_of};
use crate::compare::{Difference, How};
use drydock_core::Finding;
use drydock_core::finding::{Kind, Outcome};
use drydock_core::names::checks;
use std::collections::BTreeSet;

/// What importers note their progress in.
const POSITIONS: [&str; 2] = ["operate-import-position", "tasklist-import-position"];

/// A difference with what explains it, the likeliest first.
#[derive(Debug, Clone)]
pub struct Explained<'f> {
    /// What people see.
    pub difference: Difference,
    /// Findings about the store; none where nothing there explains it.
    pub causes: Vec<&'f Finding>,
}

impl Explained<'_> {
    /// What people no longer see, and why, in one line.
    pub fn text(&self) -> String {
        format!("{}{}", self.difference.text(), because(self.causes.first().copied()))
    }
}

/// The cause, for the end of a message.
pub(crate) fn because(cause: Option<&Finding>) -> String {
    match cause {
        Some(cause) => format!("; because {}: {}", cause.check, cause.message),
        None => "; nothing that was found in the stores explains it".to_owned(),
    }
}

/// What to do about a cause.
pub(crate) fn mend(cause: &Finding) -> String {
    format!("mend what {} tells of {}", cause.check, cause.subject)
}

/// What a comparison of the applications and one of the stores say together.
#[derive(Debug, Clone, Default)]
pub struct Causes<'f> {
    /// What people see, and why.
    pub explained: Vec<Explained<'f>>,
    /// What differs in the store and nobody sees.
    pub unseen: Vec<&'f Finding>,
}

/// Ties differences to findings.
pub fn causes<'f>(differences: &[Difference], findings: &'f [Finding]) -> Causes<'f> {
    let mut different: Vec<&Finding> = findings.iter().filter(|f| f.outcome == Outcome::Different).collect();
    different.sort_by_key(|f| rank(f));
    let mut used = BTreeSet::new();
    let explained: Vec<Explained<'f>> = differences
        .iter()
        .map(|difference| {
            let causes: Vec<&Finding> =
                different.iter().copied().filter(|f| explains(f, difference)).collect();
            used.extend(causes.iter().map(|f| std::ptr::from_ref::<Finding>(f)));
            Explained { difference: difference.clone(), causes }
        })
        .collect();
    let unseen =
        different.into_iter().filter(|f| !used.contains(&std::ptr::from_ref::<Finding>(f))).collect();
    Causes { explained, unseen }
}

/// What decides over whether anything is found at all comes before what is only seen when it is.
fn rank(finding: &Finding) -> usize {
    const ORDER: [&str; 9] = [
        checks::ES_INDICES,
        checks::ES_ALIASES,
        checks::ES_MAPPINGS,
        checks::ES_COUNTS,
        checks::ES_DOCUMENTS,
        checks::ES_IMPORTS,
        checks::ES_SETTINGS,
        checks::ES_TEMPLATES,
        checks::ES_FUTURE,
    ];
    // An alias that is there leads to its index, whatever else it says.
    if finding.check.as_str() == checks::ES_ALIASES && finding.kind == Kind::Changed {
        return ORDER.len();
    }
    ORDER.iter().position(|check| *check == finding.check.as_str()).unwrap_or(ORDER.len())
}

fn explains(finding: &Finding, difference: &Difference) -> bool {
    let reads = |capability: Capability| names(finding).any(|name| capability.reads(name));
    if reads(difference.capability) {
        return true;
    }
    // What is read anew from the records comes back into the lists that it was deleted from.
    let came_back = match &difference.how {
        How::Refused(_) => false,
        How::Shown { appeared, changed, .. } => !appeared.is_empty() || !changed.is_empty(),
    };
    let about_positions = finding.check.as_str() == checks::ES_IMPORTS
        || names(finding).any(|name| family_of(name).is_some_and(|family| POSITIONS.contains(&family)));
    came_back && about_positions
}

/// Why what happens now is not shown in this list: the positions of whoever imports into it, or an index that it is read from.
pub fn behind(capability: Capability, findings: &[Finding]) -> Option<&Finding> {
    let application = capability.families().first().and_then(|family| family.split('-').next());
    let positions = |finding: &Finding| {
        names(finding).any(|name| {
            family_of(name).is_some_and(|family| {
                POSITIONS.contains(&family) && application.is_some_and(|of| family.starts_with(of))
            })
        })
    };
    let reads = |finding: &Finding| names(finding).any(|name| capability.reads(name));
    let different = findings.iter().filter(|f| f.outcome == Outcome::Different);
    let candidates = different.filter(|f| positions(f) || reads(f));
    // Whoever holds positions against records says more than who finds a document changed.
    candidates.min_by_key(|f| (!positions(f), f.check.as_str() != checks::ES_IMPORTS, rank(f)))
}

/// Everything in a finding that may be the name of an index, an alias or a template.
fn names(finding: &Finding) -> impl Iterator<Item = &str> {
    let texts = [finding.subject.as_str(), finding.message.as_str()];
    let samples = finding.samples.iter().map(|sample| sample.item.as_str());
    texts
        .into_iter()
        .chain(samples)
        .flat_map(|text| text.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))))
        .filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(capability: Capability) -> Difference {
        let how = How::Shown { missing: vec!["1".into()], appeared: Vec::new(), changed: Vec::new() };
        Difference { capability, before: 505, how }
    }

    #[test]
    fn the_alias_explains_the_instances_and_another_index_does_not() {
        let alias = Finding::data(
            checks::ES_ALIASES,
            Kind::Missing,
            "operate-list-view-8.3.0_2026-11-21",
            "no alias",
        );
        let counts = Finding::data(checks::ES_COUNTS, Kind::Changed, "operate-list-view-8.3.0_", "fewer");
        let other = Finding::data(checks::ES_MAPPINGS, Kind::Changed, "tasklist-task-8.5.0_", "other");
        let findings = [counts, other, alias];
        let found = causes(&[lost(Capability::Instances)], &findings);
        let checks: Vec<&str> = found.explained[0].causes.iter().map(|f| f.check.as_str()).collect();
        assert_eq!(checks, ["elasticsearch/aliases", "elasticsearch/counts"]);
        assert!(found.explained[0].text().ends_with("because elasticsearch/aliases: no alias"));
        assert_eq!(found.unseen.len(), 1, "what nobody sees is told as such");
    }

    #[test]
    fn an_alias_that_says_something_else_hides_no_mapping() {
        let index = "operate-list-view-8.3.0_";
        let alias = Finding::data(checks::ES_ALIASES, Kind::Changed, index, "write flag");
        let mapping = Finding::data(checks::ES_MAPPINGS, Kind::Changed, index, "join is an object");
        let findings = [alias, mapping];
        let found = causes(&[lost(Capability::Search)], &findings);
        assert!(found.explained[0].text().ends_with("because elasticsearch/mappings: join is an object"));
    }

    #[test]
    fn positions_explain_what_comes_back_and_not_what_is_lost() {
        let finding =
            Finding::data(checks::ES_COUNTS, Kind::Missing, "operate-import-position-8.3.0_", "empty");
        let findings = [finding];
        let back = Difference {
            how: How::Shown { missing: Vec::new(), appeared: vec!["1".into()], changed: Vec::new() },
            ..lost(Capability::History)
        };
        assert_eq!(causes(&[back], &findings).explained[0].causes.len(), 1);
        let gone = causes(&[lost(Capability::History)], &findings);
        assert!(gone.explained[0].causes.is_empty());
        assert!(gone.explained[0].text().contains("nothing that was found in the stores explains it"));
    }

    #[test]
    fn a_list_that_stands_still_is_explained_by_its_own_importers() {
        let positions = |of: &str| {
            let subject = format!("{of}-import-position-8.3.0_");
            Finding::data(checks::ES_IMPORTS, Kind::Changed, subject, "ahead of every record")
        };
        let changed = Finding { check: checks::ES_DOCUMENTS.into(), ..positions("operate") };
        let findings = [changed, positions("operate")];
        let found = behind(Capability::History, &findings).expect("it is explained");
        assert_eq!(found.check.as_str(), checks::ES_IMPORTS);
        assert!(behind(Capability::Tasks, &findings).is_none(), "Tasklist has importers of its own");
        assert!(behind(Capability::Tasks, &[positions("tasklist")]).is_some());
        let block = Finding::data(checks::ES_SETTINGS, Kind::Changed, "tasklist-task-8.5.0_", "a block");
        assert_eq!(behind(Capability::Tasks, &[block]).map(|f| f.message.as_str()), Some("a block"));
    }

    #[test]
    fn what_was_there_before_or_is_expected_explains_nothing() {
        let old = Finding {
            outcome: Outcome::Expected,
            ..Finding::data(checks::ES_ALIASES, Kind::OldDirt, "operate-list-view-8.3.0_", "x")
        };
        assert!(causes(&[lost(Capability::Instances)], &[old]).explained[0].causes.is_empty());
    }
}
