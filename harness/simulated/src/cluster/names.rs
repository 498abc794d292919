//! Index expressions: names, wildcards, lists of them.

use super::{Cluster, Refusal};

/// Whether a name matches an expression with stars.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, rest)) => {
            let Some(tail) = name.strip_prefix(head) else { return false };
            rest.is_empty()
                || tail.char_indices().any(|(at, _)| matches(rest, &tail[at..]))
                || matches(rest, "")
        }
    }
}

/// What becomes of a name that nothing has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absent {
    Refused,
    PassedOver,
}

impl Cluster {
    /// Indices that an expression (parts separated by commas) names, by name or alias, in order and each once.
    pub(crate) fn resolve(&self, expression: &str, absent: Absent) -> Result<Vec<String>, Refusal> {
        let mut found: Vec<String> = Vec::new();
        for part in expression.split(',') {
            if part.contains('*') || part == "_all" {
                let pattern = if part == "_all" { "*" } else { part };
                found.extend(self.indices.keys().filter(|name| matches(pattern, name)).cloned());
                continue;
            }
            let mut named = if self.indices.contains_key(part) {
                vec![part.to_owned()]
            } else {
                let having = self.indices.iter().filter(|(_, index)| index.aliases.contains_key(part));
                having.map(|(name, _)| name.clone()).collect()
            };
            if named.is_empty() && absent == Absent::Refused {
                return Err(Refusal::no_index(part));
            }
            found.append(&mut named);
        }
        found.sort();
        found.dedup();
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stand_for_anything() {
        assert!(matches("operate-*", "operate-a") && matches("*", "") && matches("*-a_*", "x-a_1"));
        assert!(matches("a*", "a") && matches("a*b*c", "a1b2c"));
        assert!(!matches("operate-*", "tasklist-a") && !matches("a*b", "a") && !matches("a", "ab"));
    }
}
