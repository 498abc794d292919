//! Definitions as named attributes of named objects, and their comparison.

use crate::text::{MASK, is_sensitive, shorten, shorten_pair};
use drydock_core::{Class, Finding, Kind, Outcome, Sample};
use std::collections::BTreeMap;

/// Attributes of one object: `refresh_interval` to `2s`, `properties.state.type` to `keyword`.
pub type Attributes = BTreeMap<String, String>;

/// Objects by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape(pub BTreeMap<String, Attributes>);

/// Which characters of a path lead from an object to its parts. Parts of a missing object are counted, not listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nesting {
    /// `object/part`. Dots belong to names, as in Elasticsearch.
    Slash,
    /// `schema.object/part`, as in PostgreSQL.
    DotAndSlash,
}

/// One attribute that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeDifference {
    /// Name.
    pub name: String,
    /// Value on the source; `None` if unset.
    pub source: Option<String>,
    /// Value on the target.
    pub target: Option<String>,
}

/// How an object differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// On the source only, with so many parts below it.
    Missing {
        /// Number of parts.
        parts: u64,
    },
    /// On the target only.
    Extra {
        /// Number of parts.
        parts: u64,
    },
    /// On both sides, with other attributes.
    Changed(Vec<AttributeDifference>),
}

impl Shape {
    /// Sets one attribute.
    pub fn set(&mut self, object: impl Into<String>, attribute: impl Into<String>, value: impl Into<String>) {
        self.0.entry(object.into()).or_default().insert(attribute.into(), value.into());
    }

    /// Adds an object; its attributes replace those of an object of the same name.
    pub fn insert(&mut self, object: impl Into<String>, attributes: Attributes) {
        self.0.insert(object.into(), attributes);
    }

    /// Whether there is such an object.
    pub fn contains(&self, object: &str) -> bool {
        self.0.contains_key(object)
    }

    /// Everything that differs, by object.
    pub fn compare(source: &Self, target: &Self, nesting: Nesting) -> BTreeMap<String, Difference> {
        let mut found = BTreeMap::new();
        for (object, attributes) in &source.0 {
            match target.0.get(object) {
                Some(other) => {
                    let changed = compare_attributes(attributes, other);
                    if !changed.is_empty() {
                        found.insert(object.clone(), Difference::Changed(changed));
                    }
                }
                None => one_sided(&source.0, &target.0, object, nesting, &mut found, |parts| {
                    Difference::Missing { parts }
                }),
            }
        }
        for object in target.0.keys().filter(|object| !source.0.contains_key(*object)) {
            one_sided(&target.0, &source.0, object, nesting, &mut found, |parts| Difference::Extra { parts });
        }
        found
    }
}

/// Adds an object that one side lacks, or counts it under the topmost object around it that is lacking as well.
fn one_sided(
    here: &BTreeMap<String, Attributes>,
    there: &BTreeMap<String, Attributes>,
    object: &str,
    nesting: Nesting,
    found: &mut BTreeMap<String, Difference>,
    make: impl Fn(u64) -> Difference,
) {
    let top = object
        .char_indices()
        .filter(|(_, c)| *c == '/' || (*c == '.' && nesting == Nesting::DotAndSlash))
        .map(|(at, _)| &object[..at])
        .find(|parent| here.contains_key(*parent) && !there.contains_key(*parent));
    match top {
        None => {
            found.entry(object.to_owned()).or_insert_with(|| make(0));
        }
        Some(top) => match found.entry(top.to_owned()).or_insert_with(|| make(0)) {
            Difference::Missing { parts } | Difference::Extra { parts } => *parts += 1,
            Difference::Changed(_) => {}
        },
    }
}

/// The attributes that differ between two objects.
pub fn compare_attributes(source: &Attributes, target: &Attributes) -> Vec<AttributeDifference> {
    let mut changed = Vec::new();
    for (name, value) in source {
        let other = target.get(name);
        if other != Some(value) {
            changed.push(AttributeDifference {
                name: name.clone(),
                source: Some(value.clone()),
                target: other.cloned(),
            });
        }
    }
    for (name, value) in target.iter().filter(|(name, _)| !source.contains_key(*name)) {
        changed.push(AttributeDifference { name: name.clone(), source: None, target: Some(value.clone()) });
    }
    changed
}

impl AttributeDifference {
    /// The attribute as a sample, shortened, sensitive values masked.
    pub fn sample(&self) -> Sample {
        if is_sensitive(&self.name) {
            let mask = |v: &Option<String>| v.as_ref().map(|_| MASK.to_owned());
            return Sample::both(self.name.clone(), mask(&self.source), mask(&self.target));
        }
        match (&self.source, &self.target) {
            (Some(a), Some(b)) => {
                let (a, b) = shorten_pair(a, b);
                Sample::both(self.name.clone(), Some(a), Some(b))
            }
            (a, b) => Sample::both(self.name.clone(), a.as_deref().map(shorten), b.as_deref().map(shorten)),
        }
    }

    /// `name: source -> target` in one line.
    pub fn line(&self) -> String {
        let sample = self.sample();
        let text = |v: Option<String>| v.unwrap_or_else(|| "unset".to_owned());
        format!("{}: {} -> {}", sample.item, text(sample.source), text(sample.target))
    }
}

/// The finding for one differing object. `what` names its kind: `mapping`, `table`.
pub fn finding(check: &str, class: Class, what: &str, object: &str, difference: &Difference) -> Finding {
    let with_parts = |parts: u64| match parts {
        0 => String::new(),
        1 => ", with 1 part".to_owned(),
        n => format!(", with {n} parts"),
    };
    let (kind, message, count, samples) = match difference {
        Difference::Missing { parts } => (
            Kind::Missing,
            format!("{what} {object} is missing on the target{}", with_parts(*parts)),
            1 + parts,
            Vec::new(),
        ),
        Difference::Extra { parts } => (
            Kind::Extra,
            format!("{what} {object} is on the target only{}", with_parts(*parts)),
            1 + parts,
            Vec::new(),
        ),
        Difference::Changed(attributes) => (
            Kind::Changed,
            match attributes.as_slice() {
                [one] => format!("{what} {object} differs in {}", one.line()),
                many => format!(
                    "{what} {object} differs in {} attributes, the first being {}",
                    many.len(),
                    many.first().map(AttributeDifference::line).unwrap_or_default()
                ),
            },
            attributes.len() as u64,
            attributes.iter().map(AttributeDifference::sample).collect(),
        ),
    };
    let mut finding = Finding::data(check, kind, object, message).items(count, samples);
    finding.class = class;
    finding.outcome = Outcome::Different;
    finding
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(objects: &[(&str, &[(&str, &str)])]) -> Shape {
        let mut shape = Shape::default();
        for (object, attributes) in objects {
            shape.insert(
                *object,
                attributes.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            );
        }
        shape
    }

    #[test]
    fn parts_of_a_missing_object_are_counted_once() {
        let a = shape(&[
            ("d", &[]),
            ("d.s", &[]),
            ("d.s.t", &[]),
            ("d.s.t/column/x", &[]),
            ("d.u", &[("k", "v")]),
        ]);
        let b = shape(&[("d", &[]), ("d.u", &[("k", "w")]), ("d.u/part", &[])]);
        let found = Shape::compare(&a, &b, Nesting::DotAndSlash);
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(found["d.s"], Difference::Missing { parts: 2 });
        assert_eq!(found["d.u/part"], Difference::Extra { parts: 0 });
        assert!(matches!(&found["d.u"], Difference::Changed(c) if c[0].line() == "k: v -> w"));
    }

    #[test]
    fn dots_are_part_of_names_where_they_are() {
        let a = shape(&[("list", &[]), ("list.8", &[])]);
        assert_eq!(Shape::compare(&a, &Shape::default(), Nesting::Slash).len(), 2);
    }
}
