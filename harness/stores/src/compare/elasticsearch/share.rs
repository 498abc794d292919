//! The indices of one share, read by themselves, and taken up by whoever puts the shares together.

use super::super::result::Options;
use super::super::share::{Part, Parts, Share};
use super::documents::{Outcome, candidates, read_all};
use crate::elasticsearch::{Client, PinnedEs, PinnedState, Scope, Timeouts};
use crate::endpoint::ElasticsearchEndpoint;
use serde::{Deserialize, Serialize};

/// What came of one index, and what was looked at.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct IndexPart {
    name: String,
    /// Its state on the source and on the target.
    seen: [PinnedState; 2],
    outcome: Outcome,
}

impl IndexPart {
    pub(in super::super) fn name(&self) -> &str {
        &self.name
    }

    /// Documents of the source that were compared.
    pub(in super::super) fn documents(&self) -> u64 {
        self.outcome.documents
    }
}

/// Pins both clusters, compares the documents of the indices of one share, and lets go. Nothing else is compared: definitions and
/// counts are cheap, and whoever puts the parts together looks at them.
///
/// # Errors
/// A cluster cannot be pinned, in words.
pub async fn part_of_elasticsearch(
    source: &ElasticsearchEndpoint,
    target: &ElasticsearchEndpoint,
    scope: &Scope,
    options: &Options,
    share: Share,
) -> Result<Part, String> {
    let pin = |side: &'static str, endpoint: &ElasticsearchEndpoint| {
        let (endpoint, scope) = (endpoint.clone(), scope.clone());
        async move {
            let failed = |e| format!("could not read {side} {}: {e}", endpoint.url);
            let client = Client::new(&endpoint, Timeouts::default()).map_err(failed)?;
            PinnedEs::pin(&client, &scope).await.map_err(failed)
        }
    };
    let (a, b) = match tokio::join!(pin("source", source), pin("target", target)) {
        (Ok(a), Ok(b)) => (a, b),
        (a, b) => {
            let mut reasons = Vec::new();
            for pinned in [a, b] {
                match pinned {
                    Ok(pinned) => pinned.close().await,
                    Err(reason) => reasons.push(reason),
                }
            }
            return Err(reasons.join("; "));
        }
    };
    let names = own(&a, &b, share);
    let outcomes = read_all(&a, &b, names, options).await;
    let mut indices: Vec<IndexPart> = outcomes
        .into_iter()
        .filter_map(|(name, outcome)| {
            let seen = [a.indices().get(&name)?.pinned_state(), b.indices().get(&name)?.pinned_state()];
            Some(IndexPart { name, seen, outcome })
        })
        .collect();
    indices.sort_by(|a, b| a.name.cmp(&b.name));
    tokio::join!(a.close(), b.close());
    Ok(Part { indices, ..Part::default() })
}

/// Indices of a share, by how many documents they hold on the side that has more.
fn own(source: &PinnedEs, target: &PinnedEs, share: Share) -> Vec<String> {
    let names = candidates(source, target).names;
    let count = |side: &PinnedEs, name: &String| {
        side.indices().get(name).and_then(|i| i.documents.as_ref().ok().copied()).unwrap_or_default()
    };
    let weighed: Vec<(&str, u64)> =
        names.iter().map(|name| (name.as_str(), count(source, name).max(count(target, name)))).collect();
    share.pick(&weighed).into_iter().map(ToOwned::to_owned).collect()
}

/// What the parts tell of indices, instead of reading them. An index that no part compared, or of which a part saw
/// another state, is not compared; nor is one that a part compared and that is no more.
pub(super) fn taken(
    parts: &Parts,
    source: &PinnedEs,
    target: &PinnedEs,
    names: Vec<String>,
) -> Vec<(String, Outcome)> {
    let state = |side: &PinnedEs, name: &str| side.indices().get(name).map(|index| index.pinned_state());
    let gone = parts.indices.keys().filter(|name| !names.contains(name)).cloned().collect::<Vec<_>>();
    let mut outcomes: Vec<(String, Outcome)> = gone
        .into_iter()
        .map(|name| {
            let reason = "a part compared it, and now it is not open on both sides";
            let outcome = Outcome::unknown(&name, reason);
            (name, outcome)
        })
        .collect();
    for name in names {
        let outcome = match parts.indices.get(&name) {
            None => Outcome::unknown(&name, "no part compared it"),
            Some(part) => {
                let now = [state(source, &name), state(target, &name)];
                match moved(&part.seen, &now) {
                    None => part.outcome.clone(),
                    Some(why) => Outcome::unknown(&name, &why),
                }
            }
        };
        outcomes.push((name, outcome));
    }
    outcomes
}

/// Why a part did not see what is seen now, if so.
fn moved(seen: &[PinnedState; 2], now: &[Option<PinnedState>; 2]) -> Option<String> {
    let sides = ["source", "target"].into_iter().zip(seen).zip(now);
    sides.into_iter().find_map(|((side, seen), now)| match now {
        Some(now) if seen.is_known() && seen == now => None,
        Some(now) if !seen.is_known() || !now.is_known() => Some(format!(
            "whether its part saw what is on the {side} now is not known: the index was being written to, or the role may not ask for the statistics of indices (privilege monitor)"
        )),
        _ => Some(format!("its part saw another state of the {side}: it was written to since")),
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::result::Tier;
    use super::super::documents::{conclude, tell};
    use super::*;
    use drydock_core::Outcome as Weight;
    use drydock_parity::{BucketTable, Detail, DigestKey, Hasher, Header, Locator, Side};
    use proptest::prelude::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    /// Id, routing and content of the documents of one index.
    type Index = BTreeMap<String, (Option<String>, String)>;

    /// What reading an index on both sides comes to.
    fn read(name: &str, sides: [&Index; 2]) -> Outcome {
        let mut hasher = Hasher::new(DigestKey::default());
        let mut digested = |index: &Index| {
            let one = |(id, (routing, text)): (&String, &(Option<String>, String))| {
                let header = Header { id, routing: routing.as_deref(), version: None };
                let item = hasher.canonical(&header, text).unwrap();
                let traits = hasher.document_traits(routing.as_deref(), text).unwrap();
                (item, traits, Detail { label: format!("_id {id}"), text: text.clone() })
            };
            index.iter().map(one).collect::<Vec<_>>()
        };
        let digested = [digested(sides[0]), digested(sides[1])];
        let tables = digested.each_ref().map(|items| {
            let mut table = BucketTable::new(8);
            items.iter().for_each(|(item, ..)| table.insert(*item));
            table
        });
        let mut outcome = Outcome::default();
        outcome.documents = sides[0].len() as u64;
        let selection = BucketTable::differing(&tables[0], &tables[1], usize::MAX);
        if !selection.is_empty() {
            let mut locator = Locator::new(selection);
            for (side, items) in [Side::Source, Side::Target].into_iter().zip(digested) {
                for (item, traits, detail) in items {
                    if locator.wants(item.id) {
                        locator.insert(side, item, traits, || detail);
                    }
                }
            }
            outcome = outcome.with(tell(name, locator.finish()));
        }
        outcome
    }

    fn indices() -> impl Strategy<Value = BTreeMap<String, [Index; 2]>> {
        let document = (
            prop::option::of("[ab]"),
            prop_oneof!["[x-z]{1,2}", Just("long ".repeat(80))]
                .prop_map(|v| json!({"v": v, "secret": "s"}).to_string()),
        );
        let index = prop::collection::btree_map("[a-e]\\PC?", document, 0..6);
        // Small alphabets: documents go missing, change, lose their routing, and turn up in other indices.
        prop::collection::btree_map("[i-n]{1,2}", (index.clone(), index).prop_map(|(a, b)| [a, b]), 0..6)
    }

    proptest! {
        #[test]
        fn shares_put_together_tell_what_one_comparison_tells(
            indices in indices(),
            of in 1_u32..6,
        ) {
            let read_all = |names: Vec<&str>| -> Vec<(String, Outcome)> {
                names.into_iter().map(|name| (name.to_owned(), read(name, indices[name].each_ref()))).collect()
            };
            let alone = conclude(read_all(indices.keys().map(String::as_str).collect()), Vec::new(), 0, Tier::Strict);
            let weighed: Vec<(&str, u64)> =
                indices.iter().map(|(name, sides)| (name.as_str(), sides[0].len() as u64)).collect();
            let parts = (0..of).rev().map(|number| {
                let own = Share::new(number, of).unwrap().pick(&weighed);
                let indices = read_all(own.into_iter().collect()).into_iter().map(|(name, outcome)| {
                    IndexPart { name, seen: Default::default(), outcome }
                });
                let kept = serde_json::to_string(&Part { indices: indices.collect(), ..Part::default() }).unwrap();
                assert!(!kept.contains(r#""s\""#), "a secret value is kept: {kept}");
                serde_json::from_str::<Part>(&kept).unwrap()
            });
            let parts = Parts::of(parts).unwrap();
            let outcomes = parts.indices.into_values().map(|part| (part.name, part.outcome)).collect();
            let together = conclude(outcomes, Vec::new(), 0, Tier::Strict);
            prop_assert_eq!(&together.findings, &alone.findings);
            prop_assert_eq!((together.compared, together.note), (alone.compared, alone.note));
        }
    }

    #[test]
    fn what_two_parts_compared_and_what_moved_is_told() {
        let part = |name: &str| IndexPart {
            name: name.into(),
            seen: Default::default(),
            outcome: Outcome::default(),
        };
        let one =
            |names: &[&str]| Part { indices: names.iter().map(|n| part(n)).collect(), ..Part::default() };
        assert!(Parts::of([one(&["a"]), one(&["b"])]).is_ok());
        assert_eq!(Parts::of([one(&["a"]), one(&["b", "a"])]).unwrap_err(), "two parts compared the index a");
        let state = |uuid: &str, numbers: Option<&[i64]>| PinnedState {
            uuid: uuid.into(),
            sequence_numbers: numbers.map(<[i64]>::to_vec),
        };
        let at_rest = [state("u", Some(&[4, 7])), state("v", Some(&[11]))];
        let now = |source: PinnedState, target: PinnedState| [Some(source), Some(target)];
        assert_eq!(moved(&at_rest, &at_rest.clone().map(Some)), None);
        for other in [
            now(state("u", Some(&[4, 8])), at_rest[1].clone()),
            now(at_rest[0].clone(), state("w", Some(&[11]))),
            [Some(at_rest[0].clone()), None],
        ] {
            assert!(moved(&at_rest, &other).unwrap().contains("another state"), "{other:?}");
        }
        let unknown = [state("u", None), state("v", None)];
        assert!(moved(&unknown, &unknown.clone().map(Some)).unwrap().contains("privilege monitor"));
        let outcome = Outcome::unknown("a", "no part compared it");
        assert!(outcome.findings.iter().all(|f| f.outcome == Weight::NotProven));
    }
}
