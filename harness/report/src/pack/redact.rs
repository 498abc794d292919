//! What must not leave with a record: credentials in addresses and parameters, and the folders of the machine it was made on.

use drydock_core::Record;
use drydock_core::redact::MASK;
use serde_json::Value;
use std::fmt::Write as _;

/// First folders of paths that say something of a machine or its user.
const MACHINE_ROOTS: [&str; 14] = [
    "home",
    "root",
    "Users",
    "tmp",
    "var",
    "private",
    "mnt",
    "media",
    "opt",
    "srv",
    "work",
    "workspace",
    "builds",
    "run",
];
/// Parameters whose values are secrets wherever they stand.
const SECRET_PARAMETERS: [&str; 9] = [
    "password",
    "passwd",
    "pwd",
    "sslpassword",
    "client_secret",
    "access_token",
    "api_key",
    "apikey",
    "secret",
];

/// The record as text without them, and how many texts were changed.
pub(super) fn record(record: &Record) -> (String, u64) {
    let (mut text, mut changed) = (String::new(), 0);
    for entry in &record.entries {
        // An entry was read from JSON, and is nothing that JSON cannot hold.
        let mut value = serde_json::to_value(entry).unwrap_or_default();
        walk(&mut value, Place::Text, &mut changed);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{value}");
    }
    if record.torn.is_some() {
        // That the last line was torn is part of the evidence; what is left of it cannot be redacted, and is not.
        text.push('{');
    }
    (text, changed)
}

/// Whether a value still holds something that redaction takes out.
pub(super) fn is_clean(value: &Value) -> bool {
    let (mut copy, mut changed) = (value.clone(), 0);
    walk(&mut copy, Place::Text, &mut changed);
    changed == 0
}

/// Where a text stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Among what Drydock tells.
    Text,
    /// Among what the stores hold: a path there is data, and says nothing of this machine.
    Data,
    /// The name of a file.
    File,
}

fn walk(value: &mut Value, place: Place, changed: &mut u64) {
    match value {
        Value::String(text) => {
            let scrubbed = match place {
                Place::Data => credentials(text),
                Place::Text => paths(&credentials(text)),
                Place::File => file(&credentials(text)),
            };
            if scrubbed != *text {
                *changed += 1;
                *text = scrubbed;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, place, changed)),
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                let place = match name.as_str() {
                    "samples" => Place::Data,
                    "scenario_file" | "file" => Place::File,
                    _ => place,
                };
                walk(field, place, changed);
            }
        }
        _ => {}
    }
}

/// The text with user and password of every address masked, and the values of secret parameters.
fn credentials(text: &str) -> String {
    parameters(&addresses(text))
}

fn addresses(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '\\' | '`');
        let whole = &after[..after.find(ends).unwrap_or(after.len())];
        let authority = &whole[..whole.find(['/', '?', '#']).unwrap_or(whole.len())];
        // A password that was not encoded may hold what ends an authority: then there is no port behind the colon.
        let no_port = authority.rsplit_once(':').is_some_and(|(_, port)| {
            !port.is_empty() && !port.ends_with(']') && !port.bytes().all(|b| b.is_ascii_digit())
        });
        let user = match (authority.rfind('@'), whole.rfind('@')) {
            (Some(sign), _) => Some(sign),
            (None, Some(sign)) if no_port => Some(sign),
            _ => None,
        };
        match user {
            Some(sign) => {
                out.push_str(MASK);
                rest = &after[sign..];
            }
            None => rest = after,
        }
    }
    out.push_str(rest);
    out
}

fn parameters(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (at, _) in lower.match_indices('=') {
        if at < from {
            continue;
        }
        let name = lower[..at]
            .rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .map_or(0, |n| n + lower[n..].chars().next().map_or(1, char::len_utf8));
        if !SECRET_PARAMETERS.contains(&&lower[name..at]) {
            continue;
        }
        let value = &text[at + 1..];
        let ends =
            |c: char| c.is_whitespace() || matches!(c, '&' | '"' | '\'' | ',' | ';' | ')' | '<' | '>' | '\\');
        let length = value.find(ends).unwrap_or(value.len());
        if length > 0 {
            out.push_str(&text[from..=at]);
            out.push_str(MASK);
            from = at + 1 + length;
        }
    }
    out.push_str(&text[from..]);
    out
}

/// The text with the folders of machine paths left out: `/home/ada/run/x.log` is `…/x.log`.
fn paths(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut before: Option<char> = None;
    while let Some(c) = rest.chars().next() {
        let length = path_at(rest).filter(|_| before.is_none_or(begins_after));
        let taken = length.unwrap_or(c.len_utf8());
        let (part, left) = rest.split_at(taken);
        if length.is_some() {
            let name = part.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or_default();
            out.push_str("…/");
            out.push_str(name);
        } else {
            out.push_str(part);
        }
        before = part.chars().next_back();
        rest = left;
    }
    out
}

fn begins_after(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '(' | '[' | '{' | '=' | ':' | ',' | '`' | '<' | '>')
}

/// Bytes of the machine path that the text begins with, if it does.
fn path_at(text: &str) -> Option<usize> {
    let windows =
        text.get(1..3).is_some_and(|s| s == ":\\") && text.starts_with(|c: char| c.is_ascii_alphabetic());
    let ends = |c: char| {
        c.is_whitespace() || matches!(c, '"' | '\'' | ')' | ']' | '}' | ',' | ';' | '`' | '<' | '>')
    };
    if windows {
        return Some(text.find(ends).unwrap_or(text.len()));
    }
    let below = text.strip_prefix("file://").unwrap_or(text).strip_prefix('/')?;
    let root = below.split_once('/').filter(|(root, rest)| {
        MACHINE_ROOTS.contains(root) && rest.starts_with(|c: char| !c.is_whitespace() && c != '/')
    })?;
    // A colon may follow a path in a message, with a line or a reason.
    let end = text.len() - root.1.len();
    Some(end + root.1.find(|c: char| ends(c) || c == ':').unwrap_or(root.1.len()))
}

/// The name of a file without its folders where its path is absolute.
fn file(path: &str) -> String {
    let absolute = path.starts_with('/') || path.get(1..3).is_some_and(|s| s == ":\\");
    if !absolute {
        return path.to_owned();
    }
    path.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_addresses_are_masked_even_if_they_were_not_encoded() {
        for (text, masked) in [
            ("postgres://ada:pw@h:5432/d", "postgres://[redacted]@h:5432/d"),
            ("https://ada@h/x refused", "https://[redacted]@h/x refused"),
            (
                "\"https://a:p/w?x#y@h/d\" and http://h:9200/x",
                "\"https://[redacted]@h/d\" and http://h:9200/x",
            ),
            ("postgres://a:[redacted]@h", "postgres://[redacted]@h"),
            ("http://h:9200/a/_doc/x@y", "http://h:9200/a/_doc/x@y"),
            ("http://[::1]:9200/x@y http://[::1]/x@y", "http://[::1]:9200/x@y http://[::1]/x@y"),
            ("host=h password=geheim user=x", "host=h password=[redacted] user=x"),
            ("http://h/?a=1&Password=x%20y&b=2", "http://h/?a=1&Password=[redacted]&b=2"),
            ("äöü=1, no_password=x and secret=", "äöü=1, no_password=x and secret="),
        ] {
            assert_eq!(credentials(text), masked);
            assert_eq!(credentials(masked), masked, "twice is as once");
        }
    }

    #[test]
    fn machine_paths_lose_their_folders_and_others_stay() {
        for (text, scrubbed) in [
            ("cannot open /home/ada/runs/x.yaml: no such file", "cannot open …/x.yaml: no such file"),
            ("log=/tmp/a/b.log, /var/lib/pg/", "log=…/b.log, …/pg"),
            ("C:\\Users\\ada\\x.yaml", "…/x.yaml"),
            ("GET /auth/realms/home/x and a/home/b/c", "GET /auth/realms/home/x and a/home/b/c"),
            ("and /home alone, 1/2, …/x.yaml", "and /home alone, 1/2, …/x.yaml"),
            ("file:///root/x/y ok", "…/y ok"),
        ] {
            assert_eq!(paths(text), scrubbed);
            assert_eq!(paths(scrubbed), scrubbed, "twice is as once");
        }
        assert_eq!(file("/srv/ci/scenarios/standard.yaml"), "standard.yaml");
        assert_eq!(file("/elsewhere/standard.yaml"), "standard.yaml");
        assert_eq!(file("scenarios/standard.yaml"), "scenarios/standard.yaml");
    }

    #[test]
    fn data_keeps_its_paths_but_not_its_credentials() {
        let mut value = serde_json::json!({
            "message": "see /tmp/x/y.log",
            "samples": [{"item": "/home/ada/x", "source": "https://a:b@h"}],
        });
        assert!(!is_clean(&value));
        let mut changed = 0;
        walk(&mut value, Place::Text, &mut changed);
        assert_eq!(changed, 2);
        assert!(is_clean(&value));
        assert_eq!(value["samples"][0]["item"], "/home/ada/x");
        assert_eq!(value["samples"][0]["source"], "https://[redacted]@h");
    }
}
