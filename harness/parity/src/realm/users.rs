//! Users: facts that stream by, digested by bucket, and collected where a bucket differs.

use super::difference::{Difference, compare_facts};
use super::model::{Aspect, Facts, ObjectKind, Value};
use super::pairing::{Names, Place};
use crate::buckets::{BucketTable, Selection};
use crate::digest::{Digest, DigestKey, Multiset};
use crate::item::Fingerprint;
use std::collections::{BTreeMap, HashMap};

/// Realm of rows that belong to no user.
const NOWHERE: &str = "(no realm)";

/// One thing that is known about a user.
#[derive(Debug, Clone)]
pub struct UserFact {
    /// Identifier of the realm; empty for a row that belongs to no user.
    pub realm_id: String,
    /// User name, or whatever else tells users apart.
    pub user: String,
    /// Identifier of the user; empty where there is none of its own.
    pub id: String,
    /// What it is about; `None` says only that the user is there.
    pub about: Option<(Aspect, String, Value)>,
}

impl UserFact {
    /// Realm name and user name; `None` for users of realms that are not on both sides.
    fn place(&self, names: &Names) -> Option<Place> {
        let realm = if self.realm_id.is_empty() { NOWHERE } else { names.realm(&self.realm_id)? };
        let Value::Text(path) = names.resolve(Value::Text(self.user.clone())) else { return None };
        Some(Place { realm: realm.to_owned(), path, inside_client: false })
    }
}

fn identity(key: &DigestKey, place: &Place) -> Digest {
    key.digest(format!("{}\0{}", place.realm, place.path).as_bytes())
}

/// Digests of one side's users.
#[derive(Debug, Clone)]
pub struct UserDigests {
    /// Facts by user.
    pub buckets: BucketTable,
    /// Users with their identifiers.
    pub ids: Multiset,
    /// How many users there are.
    pub users: u64,
    key: DigestKey,
}

impl UserDigests {
    /// Empty digests.
    pub fn new(buckets: usize, key: DigestKey) -> Self {
        Self { buckets: BucketTable::new(buckets), ids: Multiset::default(), users: 0, key }
    }

    /// Adds a fact.
    pub fn add(&mut self, fact: UserFact, names: &Names) {
        let Some(place) = fact.place(names) else { return };
        let id = identity(&self.key, &place);
        let mut bytes = id.0.to_le_bytes().to_vec();
        match fact.about {
            None => {
                self.users += 1;
                let own = format!("{id}\0{}", fact.id);
                self.ids.insert(self.key.digest(own.as_bytes()));
            }
            Some((aspect, name, value)) => {
                // Lengths keep a name and a value apart whatever they hold.
                bytes.extend_from_slice(format!("{aspect:?}\0{}\0{name}", name.len()).as_bytes());
                match names.resolve(value) {
                    Value::Null => bytes.push(0),
                    Value::Text(text) | Value::Reference(text) => {
                        bytes.push(1);
                        bytes.extend_from_slice(text.as_bytes());
                    }
                    Value::Secret(digest) => {
                        bytes.push(2);
                        bytes.extend_from_slice(&digest.0.to_le_bytes());
                    }
                }
            }
        }
        self.buckets.insert(Fingerprint { id, record: self.key.digest(&bytes) });
    }
}

/// A user of a bucket that differs.
#[derive(Debug, Clone, Default)]
pub struct User {
    /// Identifiers under which the name is there: one, unless the name is there more than once.
    pub ids: Vec<String>,
    /// What is known.
    pub facts: Facts,
}

/// Users of one side that lie in differing buckets.
#[derive(Debug, Clone)]
pub struct Collected {
    users: BTreeMap<Place, User>,
    selection: Selection,
    key: DigestKey,
}

impl Collected {
    /// Nothing yet; `selection` says who will be looked at.
    pub fn new(selection: Selection, key: DigestKey) -> Self {
        Self { users: BTreeMap::new(), selection, key }
    }

    /// Adds a fact, if it is about somebody who is looked at.
    pub fn add(&mut self, fact: UserFact, names: &Names) {
        let Some(place) = fact.place(names) else { return };
        if !self.selection.contains(identity(&self.key, &place)) {
            return;
        }
        let user = self.users.entry(place).or_default();
        match fact.about {
            None => user.ids.push(fact.id),
            Some((aspect, name, value)) => user.facts.add(aspect, name, names.resolve(value)),
        }
    }
}

/// What comparing users gave.
#[derive(Debug, Clone, Default)]
pub struct UserComparison {
    /// Users on the source only.
    pub missing: Vec<Place>,
    /// Users on the target only.
    pub extra: Vec<Place>,
    /// What differs about users that are on both sides.
    pub differences: Vec<Difference>,
}

/// Compares the users that were collected.
pub fn compare_users(source: Collected, mut target: Collected) -> UserComparison {
    let mut out = UserComparison::default();
    let mut lonely = Vec::new();
    for (place, user) in source.users {
        match target.users.remove(&place) {
            Some(other) => both(&place, &user, &other, &mut out),
            None => lonely.push((place, user)),
        }
    }
    let mut by_id: HashMap<(String, String), (Place, User)> = HashMap::new();
    for (place, user) in target.users {
        match user.ids.first() {
            Some(id) if !id.is_empty() => {
                by_id.insert((place.realm.clone(), id.clone()), (place, user));
            }
            _ => out.extra.push(place),
        }
    }
    for (place, user) in lonely {
        let id = user.ids.first().cloned().unwrap_or_default();
        match by_id.remove(&(place.realm.clone(), id)) {
            Some((renamed, other)) => {
                out.differences.push(Difference {
                    kind: ObjectKind::User,
                    place: place.clone(),
                    aspect: Aspect::Setting,
                    name: "username".to_owned(),
                    lost: vec![Value::Text(place.path.clone())],
                    gained: vec![Value::Text(renamed.path)],
                    kept: 0,
                });
                both(&place, &user, &other, &mut out);
            }
            None => out.missing.push(place),
        }
    }
    out.extra.extend(by_id.into_values().map(|(place, _)| place));
    out.extra.sort();
    out
}

fn both(place: &Place, source: &User, target: &User, out: &mut UserComparison) {
    match (source.ids.len(), target.ids.len()) {
        (a, b) if a > b && b == 0 => return out.missing.push(place.clone()),
        (a, b) if b > a && a == 0 => return out.extra.push(place.clone()),
        (a, b) if a > b => out.missing.push(place.clone()),
        (a, b) if b > a => out.extra.push(place.clone()),
        _ => {}
    }
    compare_facts(ObjectKind::User, place, &source.facts, &target.facts, &mut out.differences);
}

/// Identifiers of users by name, for realms whose users carry others on the target.
#[derive(Debug, Clone, Default)]
pub struct UserIdentifiers {
    ids: BTreeMap<Place, String>,
}

impl UserIdentifiers {
    /// Adds a user.
    pub fn add(&mut self, fact: &UserFact, names: &Names) {
        if fact.about.is_none()
            && !fact.id.is_empty()
            && let Some(place) = fact.place(names)
        {
            self.ids.insert(place, fact.id.clone());
        }
    }

    /// Users that are on both sides under different identifiers.
    pub fn differing(&self, target: &Self) -> Vec<Place> {
        let differs = |(place, id): (&Place, &String)| {
            target.ids.get(place).filter(|other| *other != id).map(|_| place.clone())
        };
        self.ids.iter().filter_map(differs).collect()
    }
}
