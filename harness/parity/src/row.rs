//! Rows in the text form of PostgreSQL's `COPY`: tab-separated, `\N` for null, backslash escapes.

use crate::json_diff::{FieldDifference, json_diff};
use crate::text::{MASK, is_sensitive, shorten, shorten_pair};

/// Names of the columns of a row, in the order they are read; the first `key` of them identify it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// Names.
    pub names: Vec<String>,
    /// How many of them, from the start, are the key. Zero: the whole row is its own identity.
    pub key: usize,
    /// The table's name, which may say that its values are secrets.
    pub table: String,
}

impl Columns {
    /// The part of a row that identifies it; the whole row where there is no key.
    pub fn key_of<'a>(&self, row: &'a [u8]) -> &'a [u8] {
        if self.key == 0 {
            return row;
        }
        let mut tabs = 0;
        for (at, byte) in row.iter().enumerate() {
            if *byte == b'\t' {
                tabs += 1;
                if tabs == self.key {
                    return &row[..at];
                }
            }
        }
        row
    }

    /// The row's name in samples: `id=42, realm=master`; the whole row where there is no key.
    pub fn label(&self, row: &str) -> String {
        let shown = if self.key == 0 { self.names.len() } else { self.key };
        let secret = self.row_is_secret(row);
        let text: Vec<String> = self
            .names
            .iter()
            .zip(row.split('\t'))
            .take(shown)
            .map(|(name, value)| match self.is_masked(name, secret) {
                true if value != "\\N" => format!("{name}={MASK}"),
                _ => format!("{name}={}", shorten(&display(value))),
            })
            .collect();
        shorten_label(&text.join(", "))
    }

    /// A row as text with its column names, values of sensitive columns masked, shortened.
    pub fn masked(&self, row: &str) -> String {
        let secret = self.row_is_secret(row);
        let shown = self.names.iter().zip(row.split('\t')).map(|(name, value)| {
            // PostgreSQL's arrays begin with a brace as well.
            let json = value.starts_with("{\"") || value.starts_with('[');
            match value {
                "\\N" => format!("{name}=NULL"),
                _ if self.is_masked(name, secret) => format!("{name}={MASK}"),
                _ if json => format!("{name}={}", shorten(&crate::json_diff::masked_text(&unescape(value)))),
                _ => format!("{name}={}", shorten(&display(value))),
            }
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    /// Which columns of two rows differ, at most `limit` of them. Values of sensitive columns are masked.
    pub fn diff(&self, source: &str, target: &str, limit: usize) -> Vec<FieldDifference> {
        let secret = self.row_is_secret(source) || self.row_is_secret(target);
        let mut found = Vec::new();
        for (name, (a, b)) in self.names.iter().zip(source.split('\t').zip(target.split('\t'))) {
            if a == b || found.len() >= limit {
                continue;
            }
            if self.is_masked(name, secret) {
                let mask = |v: &str| Some(if v == "\\N" { "NULL".to_owned() } else { MASK.to_owned() });
                found.push(FieldDifference { path: name.clone(), source: mask(a), target: mask(b) });
                continue;
            }
            let (json_a, json_b) = (unescape(a), unescape(b));
            if json_a.starts_with(['{', '[']) && json_b.starts_with(['{', '[']) {
                let inner = json_diff(&json_a, &json_b, limit - found.len());
                let parsed = inner.iter().all(|d| !d.path.is_empty());
                if parsed && !inner.is_empty() {
                    found.extend(inner.into_iter().map(|d| {
                        let dot = if d.path.starts_with('[') { "" } else { "." };
                        FieldDifference { path: format!("{name}{dot}{}", d.path), ..d }
                    }));
                    continue;
                }
            }
            let (a, b) = shorten_pair(&display(a), &display(b));
            found.push(FieldDifference { path: name.clone(), source: Some(a), target: Some(b) });
        }
        found
    }

    fn is_masked(&self, name: &str, row_is_secret: bool) -> bool {
        is_sensitive(name) || (row_is_secret && matches!(name, "value" | "data" | "content" | "values"))
    }

    /// Generic name-and-value tables (Keycloak's configurations) say in the row itself that a value is a secret.
    fn row_is_secret(&self, row: &str) -> bool {
        is_sensitive(&self.table)
            || self.names.iter().zip(row.split('\t')).any(|(name, value)| {
                matches!(name.as_str(), "name" | "key" | "type" | "provider_id") && is_sensitive(value)
            })
    }
}

/// A value as people read it: `NULL`, `''`, or its escaped text.
fn display(value: &str) -> String {
    match value {
        "\\N" => "NULL".to_owned(),
        "" => "''".to_owned(),
        text => text.to_owned(),
    }
}

fn shorten_label(text: &str) -> String {
    match text.char_indices().nth(300) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Undoes the escapes of `COPY`'s text form.
pub fn unescape(value: &str) -> String {
    if !value.contains('\\') {
        return value.to_owned();
    }
    let mut text = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match if c == '\\' { chars.next() } else { None } {
            None => text.push(c),
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('v') => text.push('\u{b}'),
            Some(other) => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(names: &[&str], key: usize, table: &str) -> Columns {
        Columns { names: names.iter().map(|n| (*n).to_owned()).collect(), key, table: table.to_owned() }
    }

    #[test]
    fn keys_and_labels() {
        let columns = columns(&["a", "b", "c"], 2, "t");
        assert_eq!(columns.key_of(b"1\t2\t3"), b"1\t2");
        assert_eq!(columns.label("1\t\\N\t3"), "a=1, b=NULL");
    }

    #[test]
    fn differing_columns_are_named() {
        let columns = columns(&["id", "note", "doc", "salt"], 1, "t");
        let found = columns.diff("1\t\\N\t{\"a\": {\"b\": 1}}\tx", "1\t\t{\"a\": {\"b\": 2}}\ty", 10);
        let shown: Vec<_> = found
            .iter()
            .map(|d| (d.path.as_str(), d.source.as_deref().unwrap(), d.target.as_deref().unwrap()))
            .collect();
        assert_eq!(shown, [("note", "NULL", "''"), ("doc.a.b", "1", "2"), ("salt", MASK, MASK)]);
    }

    #[test]
    fn named_secrets_are_masked() {
        let columns = columns(&["id", "name", "value"], 1, "component_config");
        let found = columns.diff("1\tprivateKey\tone", "1\tprivateKey\ttwo", 10);
        assert_eq!(found[0].source.as_deref(), Some(MASK));
        assert_eq!(unescape("a\\tb\\\\c\\n"), "a\tb\\c\n");
    }
}
