//! What of a value may be shown.

use super::path::Path;
use serde_json::Value;

/// Longest text that is shown.
const MOST_TEXT: usize = 80;

/// Whether what stands at a path may be a password, a key or a token. On older charts a text under `existingSecret` is the
/// password itself.
pub(crate) fn is_credential(path: &Path) -> bool {
    let last = path.last().to_ascii_lowercase();
    if ["name", "url", "scope"].iter().any(|end| last.ends_with(end))
        || last.ends_with("secretkey")
        || last.ends_with("passwordkey")
    {
        return false;
    }
    ["password", "secret", "token", "credential", "license", "apikey", "accesskey", "privatekey"]
        .iter()
        .any(|word| last.contains(word))
        || (last == "key" && path.keys().iter().any(|k| k == "license"))
}

/// How a value is told: never a credential, never the inside of lists and texts that may hold one.
pub(crate) fn shown(path: &Path, value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Array(items) => match items.iter().filter_map(|i| i["name"].as_str()).collect::<Vec<_>>() {
            names if !names.is_empty() && names.len() == items.len() => {
                format!("list of {}", names.join(", "))
            }
            _ => format!("list of {}", items.len()),
        },
        Value::Object(map) => format!("map of {}", map.keys().cloned().collect::<Vec<_>>().join(", ")),
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        _ if is_credential(path) => "[not shown]".to_owned(),
        Value::Number(n) => n.to_string(),
        Value::String(text) if text.contains('\n') => format!("text of {} lines", text.lines().count()),
        Value::String(text) if text.chars().count() > MOST_TEXT => {
            format!("{}…", text.chars().take(MOST_TEXT).collect::<String>())
        }
        Value::String(text) => text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::shown;
    use crate::values::Path;
    use serde_json::json;

    #[test]
    fn nothing_that_may_be_a_secret_is_shown() {
        for path in [
            "identity.firstUser.password",
            "global.identity.auth.zeebe.existingSecret",
            "global.license.key",
            "a.secret.inlineSecret",
            "a.smtpPassword",
            "a.apiToken",
        ] {
            assert_eq!(shown(&Path::parse(path), &json!("hunter2")), "[not shown]", "{path}");
        }
        assert!(
            !shown(&Path::parse("zeebe.env"), &json!([{"name": "P", "value": "hunter2"}]))
                .contains("hunter2")
        );
        assert_eq!(shown(&Path::parse("a.existingSecretKey"), &json!("admin-password")), "admin-password");
    }
}
