//! Corruptions of definitions that are already shapes: objects with attributes.

use crate::dice::Dice;
use crate::family::Variant;
use crate::planted::Planted;
use drydock_core::Kind;
use drydock_parity::shape::{Attributes, Shape};

/// Which objects a corruption may hit.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    /// Objects whose last part stands behind this: `/column/`.
    Part(&'static str),
    /// Objects whose attribute `kind` is this.
    Kind(&'static str),
    /// Objects whose path is this.
    Path(&'static str),
}

impl Place {
    fn holds(self, path: &str, attributes: &Attributes) -> bool {
        match self {
            Self::Part(part) => path.split_once(part).is_some_and(|(_, rest)| !rest.contains('/')),
            Self::Kind(kind) => attributes.get("kind").is_some_and(|k| k == kind),
            Self::Path(whole) => path == whole,
        }
    }
}

/// What happens to an attribute.
#[derive(Debug, Clone, Copy)]
pub(crate) enum To {
    /// It has another value.
    Value(&'static str),
    /// It is gone.
    Unset,
}

/// One shape of a world, and the check that compares it.
pub(crate) struct Section<W> {
    pub(crate) check: &'static str,
    pub(crate) shape: fn(&mut W) -> &mut Shape,
}

impl<W: 'static> Section<W> {
    /// One attribute of one object differs.
    pub(crate) fn changed(self, title: &str, place: Place, attribute: &'static str, to: To) -> Variant<W> {
        Variant::new(title, move |world: &mut W, dice: &mut Dice| {
            let shape = (self.shape)(world);
            let fits = |(path, attributes): &(&String, &Attributes)| {
                place.holds(path, attributes)
                    && match to {
                        To::Value(value) => attributes.get(attribute).is_none_or(|now| now != value),
                        To::Unset => attributes.contains_key(attribute),
                    }
            };
            let fitting: Vec<String> = shape.0.iter().filter(fits).map(|(path, _)| path.clone()).collect();
            let path = dice.pick(&fitting)?.clone();
            let attributes = shape.0.get_mut(&path)?;
            match to {
                To::Value(value) => drop(attributes.insert(attribute.to_owned(), value.to_owned())),
                To::Unset => drop(attributes.remove(attribute)),
            }
            Some(Planted::new(self.check, Kind::Changed, path).named(attribute).count(1))
        })
    }

    /// One object is gone, with its parts.
    pub(crate) fn lost(self, title: &str, place: Place) -> Variant<W> {
        Variant::new(title, move |world: &mut W, dice: &mut Dice| {
            let shape = (self.shape)(world);
            let fitting: Vec<String> =
                shape.0.iter().filter(|(p, a)| place.holds(p, a)).map(|(path, _)| path.clone()).collect();
            let path = dice.pick(&fitting)?.clone();
            let before = shape.0.len();
            shape.0.retain(|other, _| !is_below(other, &path));
            let gone = (before - shape.0.len()) as u64;
            Some(Planted::new(self.check, Kind::Missing, path).count(gone))
        })
    }

    /// One object too much, under a name of its own.
    pub(crate) fn extra(self, title: &str, path: &'static str) -> Variant<W> {
        Variant::new(title, move |world: &mut W, _: &mut Dice| {
            (self.shape)(world).set(path, "comment", "left behind");
            Some(Planted::new(self.check, Kind::Extra, path).count(1))
        })
    }

    /// One object under another name: missing under the one, too much under the other.
    pub(crate) fn renamed(self, title: &str, place: Place) -> Variant<W> {
        Variant::new(title, move |world: &mut W, dice: &mut Dice| {
            let shape = (self.shape)(world);
            let parts = |path: &String| shape.0.keys().any(|other| other != path && is_below(other, path));
            let fitting: Vec<String> = shape
                .0
                .iter()
                .filter(|(p, a)| place.holds(p, a) && !parts(p))
                .map(|(path, _)| path.clone())
                .collect();
            let path = dice.pick(&fitting)?.clone();
            let attributes = shape.0.remove(&path)?;
            let other = format!("{path}_renamed");
            shape.insert(other.clone(), attributes);
            Some(Planted::new(self.check, Kind::Missing, path).also(other).count(1))
        })
    }
}

fn is_below(path: &str, top: &str) -> bool {
    path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.']))
}

/// The same shape put together in another order, as queries answer their rows in any order.
pub(crate) fn rebuilt(shape: &Shape, dice: &mut Dice) -> Shape {
    let mut facts: Vec<(&String, &String, &String)> = shape
        .0
        .iter()
        .flat_map(|(path, attributes)| attributes.iter().map(move |(name, value)| (path, name, value)))
        .collect();
    dice.shuffle(&mut facts);
    let mut other = Shape::default();
    facts.into_iter().for_each(|(path, name, value)| other.set(path, name, value));
    // Objects without attributes come on their own.
    shape.0.keys().for_each(|path| {
        other.0.entry(path.clone()).or_default();
    });
    other
}

/// Sets attributes of one object.
pub(crate) fn put<const N: usize>(shape: &mut Shape, path: &str, attributes: [(&str, &str); N]) {
    for (name, value) in attributes {
        shape.set(path, name, value);
    }
}
