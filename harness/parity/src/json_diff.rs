//! Which fields of two JSON texts differ, for samples.

use crate::json::Canonical;
use crate::text::{MASK, is_sensitive, shorten_pair};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// One place where two texts differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldDifference {
    /// Path of the field: `value.variables[3].name`; empty for the whole text.
    pub path: String,
    /// The source's value as JSON, shortened; `None` if the field is not there.
    pub source: Option<String>,
    /// The target's value.
    pub target: Option<String>,
}

/// Paths deeper than this are shown as a whole.
const MAX_DEPTH: usize = 40;

/// At most `limit` differing fields. Empty only if the texts are equal in canonical form. Values under sensitive names
/// are masked.
pub fn json_diff(source: &str, target: &str, limit: usize) -> Vec<FieldDifference> {
    let mut diff = Diff { found: Vec::new(), limit };
    diff.compare("", source, target, Shown::Plain, 0);
    diff.found
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Plain,
    Masked,
}

struct Diff {
    found: Vec<FieldDifference>,
    limit: usize,
}

impl Diff {
    fn compare(&mut self, path: &str, source: &str, target: &str, shown: Shown, depth: usize) {
        if self.found.len() >= self.limit || same(source, target) {
            return;
        }
        if depth < MAX_DEPTH {
            if let (Some(a), Some(b)) = (members(source), members(target)) {
                return self.objects(path, &a, &b, shown, depth);
            }
            if let (Some(a), Some(b)) = (elements(source), elements(target)) {
                return self.arrays(path, &a, &b, shown, depth);
            }
        }
        self.add(path, Some(source), Some(target), shown);
    }

    fn objects(
        &mut self,
        path: &str,
        source: &[(String, &RawValue)],
        target: &[(String, &RawValue)],
        shown: Shown,
        depth: usize,
    ) {
        let before = self.found.len();
        // `{"name": "password", "value": …}`: variables and settings often come as such pairs.
        let named = |side: &[(String, &RawValue)]| {
            side.iter().any(|(key, value)| {
                matches!(key.as_str(), "name" | "key" | "variableName" | "varName")
                    && is_sensitive(value.get())
            })
        };
        let pair_is_secret = named(source) || named(target);
        for (key, value) in source {
            let here = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let masked = shown == Shown::Masked
                || is_sensitive(key)
                || (pair_is_secret && key.to_lowercase().contains("val"));
            let shown = if masked { Shown::Masked } else { Shown::Plain };
            match find(target, key) {
                Some(other) => self.compare(&here, value.get(), other, shown, depth + 1),
                None => self.add(&here, Some(value.get()), None, shown),
            }
        }
        for (key, value) in target.iter().filter(|(key, _)| find(source, key).is_none()) {
            let here = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let masked = shown == Shown::Masked
                || is_sensitive(key)
                || (pair_is_secret && key.to_lowercase().contains("val"));
            self.add(&here, None, Some(value.get()), if masked { Shown::Masked } else { Shown::Plain });
        }
        if self.found.len() == before {
            let text = |n: usize| format!("{n} members, duplicate keys among them");
            self.push(path, Some(text(source.len())), Some(text(target.len())));
        }
    }

    fn arrays(&mut self, path: &str, source: &[&RawValue], target: &[&RawValue], shown: Shown, depth: usize) {
        for at in 0..source.len().max(target.len()) {
            let here = format!("{path}[{at}]");
            match (source.get(at), target.get(at)) {
                (Some(a), Some(b)) => self.compare(&here, a.get(), b.get(), shown, depth + 1),
                (a, b) => self.add(&here, a.map(|v| v.get()), b.map(|v| v.get()), shown),
            }
        }
    }

    fn add(&mut self, path: &str, source: Option<&str>, target: Option<&str>, shown: Shown) {
        let (source, target) = match (shown, source, target) {
            (Shown::Masked, a, b) => (a.map(|_| MASK.to_owned()), b.map(|_| MASK.to_owned())),
            (Shown::Plain, Some(a), Some(b)) => {
                let (a, b) = shorten_pair(&masked_text(a), &masked_text(b));
                (Some(a), Some(b))
            }
            (Shown::Plain, a, b) => (
                a.map(|a| crate::text::shorten(&masked_text(a))),
                b.map(|b| crate::text::shorten(&masked_text(b))),
            ),
        };
        self.push(path, source, target);
    }

    fn push(&mut self, path: &str, source: Option<String>, target: Option<String>) {
        if self.found.len() < self.limit {
            self.found.push(FieldDifference { path: path.to_owned(), source, target });
        }
    }
}

/// A whole object or array shown as text loses the values under sensitive names.
pub fn masked_text(json: &str) -> String {
    if !json.starts_with(['{', '[']) {
        return json.to_owned();
    }
    fn mask(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(map) => {
                let secret = map.iter().any(|(k, v)| k == "name" && v.as_str().is_some_and(is_sensitive));
                for (key, value) in map {
                    if is_sensitive(key) || (secret && key.to_lowercase().contains("val")) {
                        *value = MASK.into();
                    } else {
                        mask(value);
                    }
                }
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(mask),
            _ => {}
        }
    }
    match serde_json::from_str::<serde_json::Value>(json) {
        Ok(mut value) => {
            let before = value.clone();
            mask(&mut value);
            // The text as it came shows big numbers exactly: it is kept where nothing was masked.
            if value == before { json.to_owned() } else { value.to_string() }
        }
        Err(_) => MASK.to_owned(),
    }
}

fn same(a: &str, b: &str) -> bool {
    let mut canonical = Canonical::default();
    let (mut left, mut right) = (Vec::new(), Vec::new());
    match (canonical.write(a, &mut left), canonical.write(b, &mut right)) {
        (Ok(()), Ok(())) => left == right,
        _ => a == b,
    }
}

/// The members of an object in their order, unless keys repeat within what is looked up by name.
fn members(json: &str) -> Option<Vec<(String, &RawValue)>> {
    struct Members;
    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(String, &'de RawValue)>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(member) = map.next_entry()? {
                members.push(member);
            }
            Ok(members)
        }
    }
    if !json.trim_start().starts_with('{') {
        return None;
    }
    serde_json::Deserializer::from_str(json).deserialize_map(Members).ok()
}

fn elements(json: &str) -> Option<Vec<&RawValue>> {
    if json.trim_start().starts_with('[') { serde_json::from_str(json).ok() } else { None }
}

fn find<'a>(members: &[(String, &'a RawValue)], key: &str) -> Option<&'a str> {
    members.iter().find(|(name, _)| name == key).map(|(_, value)| value.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_named() {
        let found = json_diff(
            r#"{"a":{"b":[1,2,{"c":"x"}]},"gone":1,"password":"p1","n":9007199254740993}"#,
            r#"{"a":{"b":[1,2,{"c":"y"}]},"new":null,"password":"p2","n":9007199254740992}"#,
            10,
        );
        let lines: Vec<String> =
            found.iter().map(|d| format!("{}: {:?} -> {:?}", d.path, d.source, d.target)).collect();
        assert_eq!(
            lines,
            [
                r#"a.b[2].c: Some("\"x\"") -> Some("\"y\"")"#,
                "gone: Some(\"1\") -> None",
                r#"password: Some("[redacted]") -> Some("[redacted]")"#,
                r#"n: Some("9007199254740993") -> Some("9007199254740992")"#,
                r#"new: None -> Some("null")"#,
            ]
        );
    }

    #[test]
    fn secrets_in_pairs_and_in_whole_objects_are_masked() {
        let found =
            json_diff(r#"{"name":"dbPassword","value":"one"}"#, r#"{"name":"dbPassword","value":"two"}"#, 5);
        assert_eq!(found[0].source.as_deref(), Some(MASK));
        let found = json_diff(r#"{"x":{"secret":"one","big":18446744073709551617}}"#, "{}", 5);
        assert!(!found[0].source.as_deref().unwrap().contains("one"));
    }

    #[test]
    fn duplicate_keys_in_another_order_are_told() {
        assert_eq!(json_diff(r#"{"a":1,"a":2}"#, r#"{"a":1,"a":3}"#, 5).len(), 1);
        assert!(json_diff(r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#, 5).is_empty());
    }
}
