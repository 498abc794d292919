//! A comparison that several processes make together: what can be divided is compared in shares, by indices and tables, each by one of
//! them, and what each found is kept in a part. Whoever puts the parts together makes the comparison as it is made
//! alone, and takes what the parts tell instead of reading documents and rows again. So both come to the same end.
//!
//! Parts are read at several moments. Each notes the state that its side was in, and one that saw another state than
//! whoever puts the parts together proves nothing.

use super::elasticsearch::IndexPart;
use super::postgres::DatabasePart;
use drydock_parity::DigestKey;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// Most shares of one comparison.
const MOST: u32 = 10_000;

/// One of several shares of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Share {
    number: u32,
    of: u32,
}

impl Share {
    /// Share `number`, counted from 0, of so many; `None` where there is no such share.
    pub fn new(number: u32, of: u32) -> Option<Self> {
        (number < of && of <= MOST).then_some(Self { number, of })
    }

    /// Its number, from 0.
    pub fn number(self) -> u32 {
        self.number
    }

    /// How many shares there are.
    pub fn of(self) -> u32 {
        self.of
    }

    /// Whether something that is told by its name alone belongs to it. Each name belongs to one share of as many.
    pub(super) fn has_name(self, name: &str) -> bool {
        DigestKey::derived("shares").digest(name.as_bytes()).0 % u128::from(self.of)
            == u128::from(self.number)
    }

    /// What belongs to it of things that are as heavy as stated: the heaviest first, each to the share that has the least
    /// by then. Whoever knows the same names and weights comes to the same end.
    pub(super) fn pick<'a>(self, weighed: &[(&'a str, u64)]) -> BTreeSet<&'a str> {
        let mut weighed = weighed.to_vec();
        weighed.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        let mut loads: BTreeSet<(u64, u32)> = (0..self.of).map(|number| (0, number)).collect();
        let mut own = BTreeSet::new();
        for (name, weight) in weighed {
            let Some((load, number)) = loads.pop_first() else { break };
            // Of nothing at all there is some work as well.
            loads.insert((load.saturating_add(weight.max(1)), number));
            if number == self.number {
                own.insert(name);
            }
        }
        own
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(n, of)| Some((n.parse().ok()?, of.parse().ok()?)));
        numbers
            .and_then(|(number, of)| Self::new(number, of))
            .ok_or_else(|| format!("{text} is no share: write I/N, with I from 0 to N-1, and N up to {MOST}"))
    }
}

/// What one share found.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Part {
    /// Indices; empty where no clusters were compared.
    #[serde(default)]
    pub(super) indices: Vec<IndexPart>,
    /// Databases with the tables of the share; empty where no servers were compared.
    #[serde(default)]
    pub(super) databases: Vec<DatabasePart>,
}

impl Part {
    /// Joins what the same share found in the other kind of store.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.indices.extend(other.indices);
        self.databases.extend(other.databases);
        self
    }

    /// Indices, and tables with the rows they hold for the comparison, that were compared.
    pub fn compared(&self) -> (usize, usize) {
        (self.indices.len(), self.databases.iter().map(DatabasePart::tables).sum())
    }

    /// Documents and rows of the source that were compared.
    pub fn items(&self) -> u64 {
        let documents: u64 = self.indices.iter().map(IndexPart::documents).sum();
        documents + self.databases.iter().map(DatabasePart::rows).sum::<u64>()
    }
}

/// All parts of a comparison, ready to be taken instead of reading.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    pub(super) indices: BTreeMap<String, IndexPart>,
    pub(super) databases: BTreeMap<String, Vec<DatabasePart>>,
}

impl Parts {
    /// Puts the parts of all shares together.
    ///
    /// # Errors
    /// Two of them compared the same, in words.
    pub fn of(parts: impl IntoIterator<Item = Part>) -> Result<Self, String> {
        let mut all = Self::default();
        let mut tables = BTreeSet::new();
        for part in parts {
            for index in part.indices {
                let name = index.name().to_owned();
                if all.indices.insert(name.clone(), index).is_some() {
                    return Err(format!("two parts compared the index {name}"));
                }
            }
            for database in part.databases {
                for subject in database.subjects() {
                    if !tables.insert(subject.to_owned()) {
                        return Err(format!("two parts compared {subject}"));
                    }
                }
                all.databases.entry(database.name().to_owned()).or_default().push(database);
            }
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shares(of: u32) -> impl Iterator<Item = Share> {
        (0..of).filter_map(move |number| Share::new(number, of))
    }

    proptest! {
        #[test]
        fn everything_belongs_to_exactly_one_share(
            named in prop::collection::btree_map(".{0,12}", 0_u64..5_000, 0..40),
            of in 1_u32..12,
        ) {
            let weighed: Vec<(&str, u64)> = named.iter().map(|(name, weight)| (name.as_str(), *weight)).collect();
            let mut turned = weighed.clone();
            turned.reverse();
            let mut seen = BTreeSet::new();
            for share in shares(of) {
                let own = share.pick(&weighed);
                prop_assert_eq!(&own, &share.pick(&turned), "the order of the list matters");
                for name in own {
                    prop_assert!(seen.insert(name), "{name:?} belongs to two shares");
                }
            }
            prop_assert_eq!(seen.len(), named.len());
            for name in named.keys() {
                prop_assert_eq!(shares(of).filter(|share| share.has_name(name)).count(), 1, "{:?}", name);
            }
        }
    }

    #[test]
    fn the_heaviest_are_spread() {
        let weighed = [("a", 90), ("b", 50), ("c", 40), ("d", 5), ("e", 0)];
        let [first, second] = [0, 1].map(|n| Share::new(n, 2).unwrap().pick(&weighed));
        assert_eq!(first, ["a", "d"].into());
        assert_eq!(second, ["b", "c", "e"].into());
    }

    #[test]
    fn a_share_is_written_as_number_and_count() {
        assert_eq!("2/3".parse(), Ok(Share { number: 2, of: 3 }));
        assert_eq!(Share::new(2, 3).unwrap().to_string(), "2/3");
        for wrong in ["3/3", "0/0", "1", "a/b", "-1/3", "1/3/4", "0/4000000000", ""] {
            assert!(wrong.parse::<Share>().is_err(), "{wrong}");
        }
    }
}
