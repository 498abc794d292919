//! Paths of values, and the patterns in which rules speak of them.

use std::fmt;

/// Path of a value: the keys from the root down.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(pub Vec<String>);

impl Path {
    /// Reads `a.b.c`; a dot within a key is written `\.`.
    pub fn parse(text: &str) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        let mut keys = vec![String::new()];
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match (c, chars.peek()) {
                ('\\', Some('.' | '\\')) => {
                    let next = chars.next().unwrap_or('\\');
                    push(&mut keys, next);
                }
                ('.', _) => keys.push(String::new()),
                _ => push(&mut keys, c),
            }
        }
        Self(keys)
    }

    /// The path one key further down.
    pub fn child(&self, key: &str) -> Self {
        let mut keys = Vec::with_capacity(self.0.len() + 1);
        keys.extend_from_slice(&self.0);
        keys.push(key.to_owned());
        Self(keys)
    }

    /// Whether the path is `above` or lies below it.
    pub fn is_within(&self, above: &Self) -> bool {
        self.0.starts_with(&above.0)
    }

    /// The keys.
    pub fn keys(&self) -> &[String] {
        &self.0
    }

    /// The last key; empty for the root.
    pub fn last(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }
}

fn push(keys: &mut [String], c: char) {
    if let Some(last) = keys.last_mut() {
        last.push(c);
    }
}

/// Maps by path can be asked for a part of a path without making one.
impl std::borrow::Borrow<[String]> for Path {
    fn borrow(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, key) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(".")?;
            }
            if !key.contains(['\\', '.']) {
                f.write_str(key)?;
                continue;
            }
            write!(f, "{}", key.replace('\\', "\\\\").replace('.', "\\."))?;
        }
        Ok(())
    }
}

/// A pattern for paths: `{a,b}` is one of several keys, `*` any one key, and `**` at the end the rest, which may be nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<Part>,
    rest: Rest,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Key(String),
    OneOf(Vec<String>),
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Nothing,
    Whatever,
}

/// What the variable parts of a pattern stood for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captures {
    groups: Vec<String>,
    rest: Vec<String>,
}

impl Pattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Self {
        let mut keys = split(text);
        let rest = if keys.last().is_some_and(|k| k == "**") {
            keys.pop();
            Rest::Whatever
        } else {
            Rest::Nothing
        };
        let parts = keys
            .into_iter()
            .map(|key| match key.strip_prefix('{').and_then(|k| k.strip_suffix('}')) {
                Some(list) => Part::OneOf(list.split(',').map(|k| k.trim().to_owned()).collect()),
                None if key == "*" => Part::Any,
                None => Part::Key(key),
            })
            .collect();
        Self { parts, rest }
    }

    /// Whether a path fits.
    pub fn fits(&self, path: &Path) -> bool {
        let keys = path.keys();
        let long_enough = match self.rest {
            Rest::Nothing => keys.len() == self.parts.len(),
            Rest::Whatever => keys.len() >= self.parts.len(),
        };
        long_enough
            && self.parts.iter().zip(keys).all(|(part, key)| match part {
                Part::Key(known) => known == key,
                Part::OneOf(list) => list.contains(key),
                Part::Any => true,
            })
    }

    /// What the variable parts stand for, if the path fits.
    pub fn matches(&self, path: &Path) -> Option<Captures> {
        if !self.fits(path) {
            return None;
        }
        let keys = path.keys();
        let variable = self.parts.iter().zip(keys).filter(|(part, _)| !matches!(part, Part::Key(_)));
        Some(Captures {
            groups: variable.map(|(_, key)| key.clone()).collect(),
            rest: keys[self.parts.len()..].to_vec(),
        })
    }

    /// How closely the pattern describes a path; of several that fit, the one that says most speaks.
    pub fn weight(&self) -> (usize, usize) {
        let named: usize = self
            .parts
            .iter()
            .map(|p| match p {
                Part::Key(_) => 3,
                Part::OneOf(_) => 2,
                Part::Any => 1,
            })
            .sum();
        (named, usize::from(self.rest == Rest::Nothing))
    }

    /// First keys a fitting path can begin with; `None` for any.
    pub fn first_keys(&self) -> Option<Vec<String>> {
        match self.parts.first() {
            Some(Part::Key(key)) => Some(vec![key.clone()]),
            Some(Part::OneOf(keys)) => Some(keys.clone()),
            _ => None,
        }
    }

    /// Every path the pattern stands for, up to its rest; nothing if it holds `*`.
    pub fn expand(&self) -> Vec<Path> {
        let mut paths = vec![Path::default()];
        for part in &self.parts {
            let keys = match part {
                Part::Key(key) => std::slice::from_ref(key),
                Part::OneOf(keys) => keys.as_slice(),
                Part::Any => return Vec::new(),
            };
            paths = paths.iter().flat_map(|p| keys.iter().map(|k| p.child(k))).collect();
        }
        paths
    }
}

/// A path with places to fill in: `$1` is the first variable part of the pattern, `**` its rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<String>);

impl Template {
    /// Reads a template.
    pub fn parse(text: &str) -> Self {
        Self(split(text))
    }

    /// The path for what a pattern captured.
    pub fn fill(&self, captures: &Captures) -> Path {
        let mut keys = Vec::with_capacity(self.0.len() + captures.rest.len());
        for key in &self.0 {
            if key == "**" {
                keys.extend(captures.rest.iter().cloned());
            } else if let Some(n) = key.strip_prefix('$').and_then(|n| n.parse::<usize>().ok()) {
                keys.extend(captures.groups.get(n.wrapping_sub(1)).cloned());
            } else {
                keys.push(key.clone());
            }
        }
        Path(keys)
    }

    /// Whether every `$n` names a variable part of the pattern.
    pub fn fits(&self, pattern: &Pattern) -> bool {
        let groups = pattern.parts.iter().filter(|p| !matches!(p, Part::Key(_))).count();
        self.0.iter().all(|key| {
            key.strip_prefix('$').is_none_or(|n| n.parse().is_ok_and(|n: usize| (1..=groups).contains(&n)))
        })
    }
}

/// Keys of a pattern; dots within braces do not split.
fn split(text: &str) -> Vec<String> {
    let (mut keys, mut depth) = (vec![String::new()], 0_u32);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek() == Some(&'.') => {
                chars.next();
                push(&mut keys, '.');
            }
            '.' if depth == 0 => keys.push(String::new()),
            _ => {
                depth = match c {
                    '{' => depth + 1,
                    '}' => depth.saturating_sub(1),
                    _ => depth,
                };
                push(&mut keys, c);
            }
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::{Path, Pattern, Template};

    #[test]
    fn a_dot_within_a_key_survives() {
        let path = Path(vec!["global".into(), "annotations".into(), "nginx.ingress/x".into()]);
        assert_eq!(path.to_string(), "global.annotations.nginx\\.ingress/x");
        assert_eq!(Path::parse(&path.to_string()), path);
    }

    #[test]
    fn patterns_capture_and_templates_fill() {
        let pattern = Pattern::parse("{operate,tasklist}.service.**");
        let template = Template::parse("orchestration.$1.**");
        assert!(template.fits(&pattern) && !Template::parse("a.$2").fits(&pattern));
        let captures = pattern.matches(&Path::parse("tasklist.service.port")).unwrap();
        assert_eq!(template.fill(&captures), Path::parse("orchestration.tasklist.port"));
        assert!(pattern.matches(&Path::parse("optimize.service.port")).is_none());
        assert!(pattern.matches(&Path::parse("operate")).is_none());
        assert!(Pattern::parse("a.b").weight() > Pattern::parse("a.**").weight());
        assert!(Pattern::parse("a.b").weight() > Pattern::parse("a.b.**").weight());
    }
}
