//! JSON as a tree that can be written in many ways, all of which mean the same.

use crate::dice::Dice;
use std::fmt::Write;

/// A value. Objects keep the order of their members and may hold a key twice, as documents may.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number without fraction and exponent, of any size.
    Integer(i128),
    /// A number with a fraction or an exponent.
    Double(f64),
    /// A text.
    Text(String),
    /// A list.
    Array(Vec<Json>),
    /// An object.
    Object(Vec<(String, Json)>),
}

/// A text value.
pub fn text(value: impl Into<String>) -> Json {
    Json::Text(value.into())
}

/// An object of some members.
pub fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    Json::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

impl Json {
    /// The value at a path such as `value.a.b` or `tags[1]`.
    pub fn at(&mut self, path: &str) -> Option<&mut Json> {
        let mut here = self;
        for step in steps(path) {
            here = match (here, step) {
                (Json::Object(members), Step::Key(key)) => {
                    &mut members.iter_mut().find(|(name, _)| *name == key)?.1
                }
                (Json::Array(items), Step::At(at)) => items.get_mut(at)?,
                _ => return None,
            };
        }
        Some(here)
    }

    /// The members of an object.
    pub fn members(&mut self) -> Option<&mut Vec<(String, Json)>> {
        match self {
            Json::Object(members) => Some(members),
            _ => None,
        }
    }

    /// Takes a member out of the object at `path` (empty: the value itself).
    pub fn take(&mut self, path: &str, key: &str) -> Option<Json> {
        let members = self.at(path)?.members()?;
        let at = members.iter().position(|(name, _)| name == key)?;
        Some(members.remove(at).1)
    }

    /// The text in one of the ways in which a store, a client or a dump may write it: other key order, white space,
    /// escapes, spellings of doubles.
    pub fn written(&self, dice: &mut Dice) -> String {
        let mut out = String::with_capacity(1024);
        let style = Style { spaced: dice.below(4) == 0, escapes: dice.below(6), shuffled: dice.flip() };
        self.write(style, dice, &mut out);
        out
    }

    fn write(&self, style: Style, dice: &mut Dice, out: &mut String) {
        match self {
            Json::Null => out.push_str("null"),
            Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Json::Integer(value) => out.push_str(&value.to_string()),
            Json::Double(value) => out.push_str(&match dice.below(3) {
                0 => format!("{value:?}"),
                1 => format!("{value:E}"),
                _ => decimal(*value),
            }),
            Json::Text(value) => quoted(value, style.escapes, out),
            Json::Array(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    style.space(out);
                    item.write(style, dice, out);
                }
                out.push(']');
            }
            Json::Object(members) => {
                out.push('{');
                // The order of equal keys counts, so an object that holds a key twice keeps its order.
                let twice = (1..members.len()).any(|i| members[..i].iter().any(|(k, _)| *k == members[i].0));
                let shift = if style.shuffled && !twice { dice.below(members.len()) } else { 0 };
                for at in 0..members.len() {
                    let (key, value) = &members[(at + shift) % members.len()];
                    out.push_str(if at > 0 { "," } else { "" });
                    style.space(out);
                    quoted(key, style.escapes, out);
                    out.push(':');
                    style.space(out);
                    value.write(style, dice, out);
                }
                style.space(out);
                out.push('}');
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Style {
    spaced: bool,
    escapes: usize,
    shuffled: bool,
}

impl Style {
    fn space(self, out: &mut String) {
        out.push_str(if self.spaced { "\n  " } else { "" });
    }
}

enum Step {
    Key(String),
    At(usize),
}

fn steps(path: &str) -> Vec<Step> {
    let mut all = Vec::new();
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let (key, rest) = part.split_once('[').unwrap_or((part, ""));
        if !key.is_empty() {
            all.push(Step::Key(key.to_owned()));
        }
        let places = rest.split(['[', ']']).filter_map(|at| at.parse().ok());
        all.extend(places.map(Step::At));
    }
    all
}

fn quoted(value: &str, escapes: usize, out: &mut String) {
    out.push('"');
    for c in value.chars() {
        match (escapes, c) {
            (_, '"') => out.push_str("\\\""),
            (_, '\\') => out.push_str("\\\\"),
            (2, '\n') => out.push_str("\\n"),
            (1, '/') => out.push_str("\\/"),
            (3, c) if !c.is_ascii() => escaped(c, out),
            (4, c) => escaped(c, out),
            (_, c) if c < ' ' => escaped(c, out),
            (_, c) => out.push(c),
        }
    }
    out.push('"');
}

fn escaped(c: char, out: &mut String) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        // Writing to a String cannot fail.
        let _ = write!(out, "\\u{unit:04x}");
    }
}

/// A double that is read as one: without a fraction or an exponent it would be a whole number.
fn decimal(value: f64) -> String {
    let text = format!("{value}");
    if text.contains('.') { text } else { format!("{text}.0") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_values() {
        let mut json = object([("a", object([("b", Json::Array(vec![Json::Null, text("x")]))]))]);
        assert_eq!(json.at("a.b[1]"), Some(&mut text("x")));
        assert_eq!(json.at("a.c"), None);
        assert_eq!(json.take("a", "b"), Some(Json::Array(vec![Json::Null, text("x")])));
    }
}
