//! How values are shown: shortened, and without what nobody may read in a report.

/// What stands in the place of a secret value.
pub const MASK: &str = drydock_core::redact::MASK;
/// Longest text of one value in a sample, in characters.
const MAX_VALUE: usize = 160;
/// Text shown around the first difference of two long values, in characters.
const WINDOW: usize = 60;

/// Whether values under this name are never shown.
pub fn is_sensitive(name: &str) -> bool {
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    const WORDS: [&str; 16] = [
        "password",
        "passwd",
        "passphrase",
        "secret",
        "credential",
        "token",
        "hash",
        "salt",
        "privatekey",
        "apikey",
        "accesskey",
        "otp",
        "clientkey",
        "cookie",
        "bearer",
        "signature",
    ];
    WORDS.iter().any(|word| plain.contains(word)) || plain == "pwd" || plain == "pin"
}

/// Shortens one value.
pub fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_VALUE) {
        Some((at, _)) => format!("{}… ({} bytes)", &text[..at], text.len()),
        None => text.to_owned(),
    }
}

/// Shortens two values that differ so that the first difference stays visible.
pub fn shorten_pair(source: &str, target: &str) -> (String, String) {
    let long = |text: &str| text.chars().nth(MAX_VALUE).is_some();
    if !long(source) && !long(target) {
        return (source.to_owned(), target.to_owned());
    }
    let common = source.chars().zip(target.chars()).take_while(|(a, b)| a == b).count();
    let window = |text: &str| {
        let start = common.saturating_sub(WINDOW / 2);
        let mut rest = text.chars().skip(start);
        let shown: String = rest.by_ref().take(WINDOW * 2).collect();
        let before = if start > 0 { "…" } else { "" };
        let after = if rest.next().is_some() { "…" } else { "" };
        format!("{before}{shown}{after}")
    };
    (window(source), window(target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_recognised() {
        for name in
            ["password", "clientSecret", "api_key", "API-KEY", "secret_data", "privateKey", "SALT", "otp"]
        {
            assert!(is_sensitive(name), "{name}");
        }
        for name in ["id", "bpmnProcessId", "state", "email", "key"] {
            assert!(!is_sensitive(name), "{name}");
        }
    }

    #[test]
    fn the_difference_stays_visible() {
        let a = format!("{}X{}", "a".repeat(500), "b".repeat(500));
        let b = format!("{}Y{}", "a".repeat(500), "b".repeat(500));
        let (a, b) = shorten_pair(&a, &b);
        assert!(a.contains('X') && b.contains('Y') && a.len() < 200);
        assert_eq!(shorten_pair("é", ""), ("é".to_owned(), String::new()));
    }
}
