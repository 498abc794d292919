//! What is told where one door answers differently on the two sides, and why.

use super::answers::{Answer, Page};
use super::doors::Door;
use crate::text::shorten;
use drydock_core::names::checks;
use drydock_core::{Finding, Kind, Outcome, Sample};
use std::collections::{BTreeMap, BTreeSet};

const CHECK: &str = checks::ES_ACCESS;

/// One question with both answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// What was asked, for people.
    pub name: String,
    /// The source's answer.
    pub source: Answer,
    /// The target's answer.
    pub target: Answer,
}

/// What is known about the indices behind a door, to tell the cause.
#[derive(Debug, Default)]
pub struct Behind<'a> {
    /// Documents of each index of the source.
    pub documents: BTreeMap<&'a str, u64>,
    /// Indices that exist and are open on the target.
    pub on_target: BTreeSet<&'a str>,
    /// Indices whose documents another check found to differ.
    pub differing: BTreeSet<&'a str>,
    /// Fields that are mapped otherwise on the target, each with its index and both types.
    pub mapped: Vec<(String, String)>,
}

/// Findings about one door; none where it answers alike. `target` is the same name on the target, if it leads anywhere there.
pub fn judge(source: &Door, target: Option<&Door>, asked: &[Asked], behind: &Behind<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let unknown: Vec<&Asked> = asked.iter().filter(|a| a.is_unknown()).collect();
    if let Some(first) = unknown.first() {
        let why = [("source", &first.source), ("target", &first.target)]
            .into_iter()
            .find_map(|(side, a)| match a {
                Answer::Unknown(why) => Some(format!("{side}: {why}")),
                _ => None,
            })
            .unwrap_or_default();
        findings.push(unreadable(source, &first.name, &why, unknown.len() as u64));
    }
    let refused_before: Vec<&Asked> =
        asked.iter().filter(|a| matches!(a.source, Answer::Refused(_)) && !a.is_unknown()).collect();
    if let Some(first) = refused_before.first() {
        findings.push(old_dirt(source, first, &refused_before));
    }
    let differing: Vec<(&Asked, Vec<Sample>)> = asked
        .iter()
        .filter(|a| !a.is_unknown() && !matches!(a.source, Answer::Refused(_)))
        .map(|a| (a, a.samples()))
        .filter(|(_, samples)| !samples.is_empty())
        .collect();
    if !differing.is_empty() {
        findings.extend(different(source, target, &differing, asked, behind));
    }
    findings
}

/// A door of which something could not be asked.
pub fn unreadable(door: &Door, question: &str, why: &str, count: u64) -> Finding {
    let message = format!("{} ({question}) could not be asked through {}: {why}", door.what(), door.name);
    let mut finding = Finding::not_compared(CHECK, &door.name, message)
        .next("make the store answer this role (read on the indices and their aliases), then compare again");
    finding.count = count;
    finding
}

impl Asked {
    fn is_unknown(&self) -> bool {
        [&self.source, &self.target].iter().any(|a| matches!(a, Answer::Unknown(_)))
    }

    /// Where the answers differ; empty where they are alike.
    fn samples(&self) -> Vec<Sample> {
        match (&self.source, &self.target) {
            (Answer::Figures(a), Answer::Figures(b)) => {
                let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
                let side = |of: &BTreeMap<String, String>, name: &String| {
                    of.get(name).cloned().or_else(|| Some("0".to_owned()))
                };
                names
                    .into_iter()
                    .map(|name| (name, side(a, name), side(b, name)))
                    .filter(|(_, a, b)| a != b)
                    .map(|(name, a, b)| Sample::both(self.named(name), a, b))
                    .collect()
            }
            (Answer::List(a), Answer::List(b)) => self.pages(a, b),
            (a, Answer::Refused(why)) => {
                vec![Sample::both(&self.name, Some(a.brief()), Some(shorten(&format!("refused: {why}"))))]
            }
            _ => Vec::new(),
        }
    }

    fn named(&self, part: &str) -> String {
        if part == "documents" { self.name.clone() } else { format!("{}: {part}", self.name) }
    }

    fn pages(&self, a: &Page, b: &Page) -> Vec<Sample> {
        let mut samples = Vec::new();
        if a.total != b.total {
            let side = |page: &Page| Some(page.total.to_string());
            samples.push(Sample::both(format!("{}, in all", self.name), side(a), side(b)));
        }
        let width = a.hits.len().max(b.hits.len());
        let differs = |at: &usize| a.hits.get(*at) != b.hits.get(*at);
        if let Some(at) = (0..width).find(differs) {
            let side = |page: &Page| {
                Some(page.hits.get(at).map_or("nothing".to_owned(), |hit| match hit.shown.as_str() {
                    "" => hit.id.clone(),
                    shown => format!("{} showing {shown}", hit.id),
                }))
            };
            samples.push(Sample::both(format!("{}, place {}", self.name, at + 1), side(a), side(b)));
        }
        samples
    }
}

impl Answer {
    fn brief(&self) -> String {
        match self {
            Self::List(page) => format!("{} documents", page.total),
            Self::Figures(_) => "answered".to_owned(),
            Self::Refused(why) => format!("refused: {why}"),
            Self::Unknown(why) => why.clone(),
        }
    }
}

fn old_dirt(door: &Door, first: &Asked, all: &[&Asked]) -> Finding {
    let both =
        if matches!(first.target, Answer::Refused(_)) { "both sides refuse" } else { "the source refuses" };
    let message = format!(
        "{}: {both} {} queries through {}: {}: {}",
        door.what(),
        all.len(),
        door.name,
        first.name,
        first.source.brief()
    );
    let samples = all.iter().map(|a| Sample::both(&a.name, Some(a.source.brief()), Some(a.target.brief())));
    let mut finding = Finding::access(CHECK, Kind::OldDirt, &door.name, message)
        .items(all.len() as u64, samples)
        .next("not the migration's doing: the source's indices are not as the application makes them");
    finding.outcome = Outcome::Expected;
    finding
}

/// The total of the door's list on both sides, where both gave one: what users see of it.
fn seen(asked: &[Asked]) -> Option<(u64, u64)> {
    asked.iter().find_map(|a| match (&a.source, &a.target) {
        (Answer::List(a), Answer::List(b)) => Some((a.total, b.total)),
        _ => None,
    })
}

fn different(
    source: &Door,
    target: Option<&Door>,
    differing: &[(&Asked, Vec<Sample>)],
    asked: &[Asked],
    behind: &Behind<'_>,
) -> Option<Finding> {
    let what = source.what();
    let refused = differing.iter().any(|(a, _)| matches!(a.target, Answer::Refused(_)));
    let cause = Cause::of(source, target, refused, behind);
    // What is missing is told by the check of its kind. What follows is told where people would notice it.
    if cause.is_loss(source, behind) && !source.is_known() {
        return None;
    }
    let effect = match seen(asked) {
        Some((a, b)) if b < a => format!("{} of {a} documents of its list are invisible", a - b),
        Some((a, b)) if b > a => format!("its list shows {} documents too many", b - a),
        _ if refused => {
            let refusals = differing.iter().filter(|(a, _)| matches!(a.target, Answer::Refused(_)));
            let first = differing.iter().find(|(a, _)| matches!(a.target, Answer::Refused(_)));
            let first = first.map(|(a, _)| format!(" ({})", a.name)).unwrap_or_default();
            format!("the target refuses {} of {} queries{first}", refusals.count(), asked.len())
        }
        _ => {
            let first = differing.first().map(|(a, _)| a.name.as_str()).unwrap_or_default();
            format!(
                "{} of {} queries answer differently, the first being {first}",
                differing.len(),
                asked.len()
            )
        }
    };
    let kind = match cause {
        Cause::NoDoor | Cause::FewerIndices { .. } => Kind::Missing,
        _ if refused => Kind::Unusable,
        _ => Kind::Changed,
    };
    let message = format!("{what}: {effect} through {}: {}", source.name, cause.words(source, behind));
    let samples: Vec<Sample> = differing.iter().flat_map(|(_, samples)| samples.clone()).collect();
    let finding = Finding::access(CHECK, kind, &source.name, message);
    Some(finding.items(differing.len() as u64, samples).next(cause.next()))
}

/// Why a door answers differently.
enum Cause {
    NoDoor,
    FewerIndices { missing: Vec<String> },
    MoreIndices(Vec<String>),
    OtherBody(Vec<String>),
    Mapping(String),
    Window(u64, u64),
    Documents(Vec<String>),
    Unknown,
}

impl Cause {
    fn of(source: &Door, target: Option<&Door>, refused: bool, behind: &Behind<'_>) -> Self {
        let Some(target) = target else { return Self::NoDoor };
        let names = |a: &Door, b: &Door| -> Vec<String> {
            a.members.keys().filter(|m| !b.members.contains_key(*m)).cloned().collect()
        };
        let missing = names(source, target);
        if !missing.is_empty() {
            return Self::FewerIndices { missing };
        }
        let more = names(target, source);
        if !more.is_empty() {
            return Self::MoreIndices(more);
        }
        let reading = |body: &serde_json::Value| (body["filter"].clone(), body["search_routing"].clone());
        let other = source.members.iter().filter(|(index, body)| {
            target.members.get(*index).is_some_and(|there| reading(there) != reading(body))
        });
        let other: Vec<String> = other.map(|(index, _)| index.clone()).collect();
        if !other.is_empty() {
            return Self::OtherBody(other);
        }
        let mapping = || {
            let (field, types) = behind.mapped.first()?;
            Some(Self::Mapping(format!("{field} is {types}")))
        };
        let documents = || {
            let differ = source.members.keys().filter(|m| behind.differing.contains(m.as_str()));
            let differ: Vec<String> = differ.cloned().collect();
            (!differ.is_empty()).then_some(Self::Documents(differ))
        };
        let window = || {
            (target.window < source.window && refused).then_some(Self::Window(source.window, target.window))
        };
        mapping().or_else(window).or_else(documents).unwrap_or(Self::Unknown)
    }

    /// Whether documents or whole indices differ, rather than the way to them.
    fn is_loss(&self, door: &Door, behind: &Behind<'_>) -> bool {
        let gone = |index: &String| !behind.on_target.contains(index.as_str());
        match self {
            Self::NoDoor => door.members.keys().all(gone),
            Self::FewerIndices { missing } => missing.iter().all(gone),
            Self::Documents(_) => true,
            _ => false,
        }
    }

    fn words(&self, door: &Door, behind: &Behind<'_>) -> String {
        let behind_door = door.members.len();
        let list = |names: &[String]| {
            let shown: Vec<&str> = names.iter().take(3).map(String::as_str).collect();
            let more = if names.len() > 3 { format!(" and {} more", names.len() - 3) } else { String::new() };
            format!("{}{more}", shown.join(", "))
        };
        match self {
            Self::NoDoor => {
                format!("it leads to {behind_door} indices on the source, and to none on the target")
            }
            Self::FewerIndices { missing } => {
                let documents: u64 = missing.iter().filter_map(|m| behind.documents.get(m.as_str())).sum();
                let gone = missing.iter().filter(|m| !behind.on_target.contains(m.as_str())).count();
                let gone = if gone > 0 {
                    format!("; {gone} of them are absent or closed there")
                } else {
                    String::new()
                };
                format!(
                    "it covers {} of {behind_door} indices on the target, without {} ({documents} documents){gone}",
                    behind_door - missing.len(),
                    list(missing)
                )
            }
            Self::MoreIndices(more) => format!("on the target it leads to {} as well", list(more)),
            Self::OtherBody(indices) => {
                format!("its filter or its search routing is another one in {}", list(indices))
            }
            Self::Mapping(what) => what.clone(),
            Self::Window(a, b) => {
                format!("index.max_result_window is {a} on the source and {b} on the target")
            }
            Self::Documents(indices) => {
                format!("the documents of {} differ (see {})", list(indices), checks::ES_DOCUMENTS)
            }
            Self::Unknown => {
                "definitions and documents are alike, so documents were indexed before a field was mapped, \
                              or by other rules"
                    .to_owned()
            }
        }
    }

    fn next(&self) -> &'static str {
        match self {
            Self::NoDoor => "put the alias back on every index that has it on the source",
            Self::FewerIndices { .. } => {
                "put the alias, or the index itself, on the target: the application notices nothing and shows less"
            }
            Self::MoreIndices(_) => "take the alias off, or remove the index, if it came with the migration",
            Self::OtherBody(_) => "give the alias the body it has on the source",
            Self::Mapping(_) => {
                "make the index again with the source's mapping and copy its documents: a field's type cannot be changed"
            }
            Self::Window(..) => "set index.max_result_window as on the source",
            Self::Documents(_) => "repair the documents first, then compare again",
            Self::Unknown => {
                "run _update_by_query on the indices behind it, or copy them again into indices made with the mapping"
            }
        }
    }
}
