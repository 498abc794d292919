//! `--set` as Helm reads it.

use super::path::Path;
use super::supplied::Supplied;
use crate::yaml::resolve;
use serde_json::Value;

/// One assignment of a `--set` argument.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Assignment {
    path: Path,
    /// Positions in a list and keys below it: `[0].name`.
    inside: Vec<Inside>,
    value: Value,
}

#[derive(Debug, Clone, PartialEq)]
enum Inside {
    Index(usize),
    Key(String),
}

/// Highest index that is taken; a larger one is a slip of the keyboard.
const MOST_INDEX: usize = 65_536;

/// Splits `a.b=1,c={x,y},d[0].e=z` into its assignments.
///
/// # Errors
/// The text is no list of assignments; the message says why.
pub(super) fn assignments(text: &str) -> Result<Vec<Assignment>, String> {
    let mut found = Vec::new();
    for part in split_outside_braces(text) {
        let (key, value) = split_key(&part).ok_or_else(|| format!("`{part}` has no `=`"))?;
        let (path, inside) = parse_key(&key)?;
        found.push(Assignment { path, inside, value: parse_value(&value) });
    }
    Ok(found)
}

impl Assignment {
    /// Path and value once put over what is supplied already.
    pub(super) fn over(self, supplied: &Supplied) -> Result<(Path, Value), String> {
        if self.inside.is_empty() {
            return Ok((self.path, self.value));
        }
        let mut whole = supplied.value(&self.path).unwrap_or(Value::Null);
        let mut at = &mut whole;
        for step in &self.inside {
            at = match step {
                Inside::Index(index) => {
                    if !at.is_array() {
                        *at = Value::Array(Vec::new());
                    }
                    let Value::Array(items) = at else { return Err("cannot make a list".into()) };
                    if items.len() <= *index {
                        items.resize(index + 1, Value::Null);
                    }
                    &mut items[*index]
                }
                Inside::Key(key) => {
                    if !at.is_object() {
                        *at = Value::Object(serde_json::Map::new());
                    }
                    let Value::Object(map) = at else { return Err("cannot make a map".into()) };
                    map.entry(key.clone()).or_insert(Value::Null)
                }
            };
        }
        *at = self.value;
        Ok((self.path, whole))
    }
}

/// Splits at commas that are neither escaped nor within braces.
fn split_outside_braces(text: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0_u32);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let last = parts.len() - 1;
        match c {
            '\\' => {
                parts[last].push('\\');
                parts[last].extend(chars.next());
            }
            ',' if depth == 0 => parts.push(String::new()),
            _ => {
                depth = match c {
                    '{' => depth + 1,
                    '}' => depth.saturating_sub(1),
                    _ => depth,
                };
                parts[last].push(c);
            }
        }
    }
    parts.retain(|p| !p.trim().is_empty());
    parts
}

fn split_key(part: &str) -> Option<(String, String)> {
    let mut escaped = false;
    for (i, c) in part.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '=' => return Some((part[..i].trim_start().to_owned(), part[i + 1..].to_owned())),
            _ => {}
        }
    }
    None
}

fn parse_key(key: &str) -> Result<(Path, Vec<Inside>), String> {
    let (mut path, mut inside) = (Vec::new(), Vec::new());
    for raw in Path::parse(key).0 {
        let (name, indices) = match raw.find('[') {
            Some(at) => (raw[..at].to_owned(), &raw[at..]),
            None => (raw.clone(), ""),
        };
        if name.is_empty() {
            return Err(format!("`{key}` has an empty key"));
        }
        if inside.is_empty() {
            path.push(name);
        } else {
            inside.push(Inside::Key(name));
        }
        for index in indices.split_terminator(']') {
            let number = index.strip_prefix('[').and_then(|n| n.parse().ok()).filter(|n| *n < MOST_INDEX);
            inside.push(Inside::Index(number.ok_or_else(|| format!("`{index}]` is no index"))?));
        }
    }
    Ok((Path(path), inside))
}

fn parse_value(text: &str) -> Value {
    if let Some(list) = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')) {
        return Value::Array(split_outside_braces(list).iter().map(|i| parse_value(i)).collect());
    }
    let plain: String = {
        let mut out = String::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if c == '\\' { out.extend(chars.next()) } else { out.push(c) }
        }
        out
    };
    // Helm types only these; `yes` and `0777` stay text here, other than in files.
    match plain.as_str() {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "null" => Value::Null,
        _ if plain == "0" || (!plain.starts_with('0') && plain.parse::<i64>().is_ok()) => resolve(&plain),
        _ => Value::from(plain),
    }
}

#[cfg(test)]
mod tests {
    use super::assignments;
    use crate::values::{Path, Supplied};
    use serde_json::json;

    #[test]
    fn lists_indices_and_escapes() {
        let set = ["a={x,y},b.c\\.d=1\\,2".to_owned(), "e[1].name=A,n=007,m=yes".to_owned()];
        let all = Supplied::read(&[("f".into(), "e: [{name: Z}]".into())], &set).unwrap();
        assert_eq!(all.value(&Path::parse("a")), Some(json!(["x", "y"])));
        assert_eq!(all.value(&Path::parse("b.c\\.d")), Some(json!("1,2")));
        assert_eq!(all.value(&Path::parse("e")), Some(json!([{"name": "Z"}, {"name": "A"}])));
        assert_eq!(all.value(&Path::parse("n")), Some(json!("007")));
        assert_eq!(all.value(&Path::parse("m")), Some(json!("yes")));
        assert!(assignments("a.b").is_err());
        assert!(Supplied::read(&[], &["a[99999999]=1".to_owned()]).is_err());
    }
}
