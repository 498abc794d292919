//! Which names are asked for.

use serde_json::Value;

/// Which indices, aliases and templates are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Names beginning with one of these are compared; empty means every name that does not begin with a dot.
    pub prefixes: Vec<String>,
}

impl Scope {
    /// Whether an index, data stream or component template of this name is asked for.
    pub fn contains(&self, name: &str) -> bool {
        if self.prefixes.is_empty() {
            return !name.starts_with('.');
        }
        self.prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()))
    }

    /// Whether a template with these patterns can shape an index that is asked for.
    pub(super) fn touches(&self, name: &str, patterns: &Value) -> bool {
        if self.contains(name) {
            return true;
        }
        let one = patterns.as_str().map(|p| vec![p]);
        let many = || patterns.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        one.unwrap_or_else(many).into_iter().any(|pattern| {
            let fixed = pattern.split('*').next().unwrap_or_default();
            if self.prefixes.is_empty() {
                return !pattern.starts_with('.');
            }
            self.prefixes.iter().any(|p| p.starts_with(fixed) || fixed.starts_with(p.as_str()))
        })
    }
}

/// Objects that the store or one of its plugins brings along and keeps up to date itself.
pub(super) fn is_managed(name: &str, body: &Value) -> bool {
    name.starts_with('.') || body["_meta"]["managed"].as_bool() == Some(true)
}

/// A name as one segment of a URL path.
pub fn path_segment(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn templates_are_asked_for_by_what_they_match() {
        let scope = Scope { prefixes: vec!["operate-".into(), "zeebe-record".into()] };
        assert!(scope.touches("x", &json!(["operate-list*"])));
        assert!(scope.touches("x", &json!(["*"])));
        assert!(scope.touches("x", &json!("op*")));
        assert!(!scope.touches("x", &json!(["logs-*"])));
        assert!(!scope.contains(".operate"));
        assert_eq!(path_segment("a+b/é"), "a%2Bb%2F%C3%A9");
    }
}
