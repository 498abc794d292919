//! Keeping secrets out of everything that is written: the last gate before record, log and report.

/// What stands in the place of a secret.
pub const MASK: &str = "[redacted]";

/// Knows the secrets of a run and masks them in text, whatever path they took into it.
#[derive(Clone, Default)]
pub struct Redactor {
    secrets: Vec<String>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} secrets)", self.secrets.len())
    }
}

impl Redactor {
    /// Remembers a secret. Texts shorter than four characters are not remembered: masking them would hide ordinary words.
    pub fn add(&mut self, secret: &str) {
        if secret.len() < 4 {
            return;
        }
        let as_json = serde_json::Value::from(secret).to_string();
        for form in [secret, as_json.trim_matches('"')] {
            if !self.secrets.iter().any(|s| s == form) {
                self.secrets.push(form.to_owned());
            }
        }
        // Longest first, so that a secret that contains another one is masked whole.
        self.secrets.sort_by_key(|s| std::cmp::Reverse(s.len()));
    }

    /// The text with every known secret masked, and with the password of any `scheme://user:password@host` masked.
    pub fn apply(&self, text: &str) -> String {
        let mut text = mask_userinfo(text);
        for secret in &self.secrets {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), MASK);
            }
        }
        text
    }
}

fn mask_userinfo(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let authority = after
            .find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '\\' | '?' | '#' | '<' | '>'))
            .map_or(after, |end| &after[..end]);
        match (authority.find(':'), authority.rfind('@')) {
            (Some(colon), Some(sign)) if colon < sign => {
                out.push_str(&authority[..=colon]);
                out.push_str(MASK);
                out.push_str(&authority[sign..]);
            }
            _ => out.push_str(authority),
        }
        rest = &after[authority.len()..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::Redactor;

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        let mut redactor = Redactor::default();
        redactor.add("s3cr\"et");
        redactor.add("s3cr\"et-and-more");
        let line =
            serde_json::json!({"reason": "password s3cr\"et-and-more refused", "x": "s3cr\"et"}).to_string();
        let masked = redactor.apply(&line);
        assert_eq!(masked, r#"{"reason":"password [redacted] refused","x":"[redacted]"}"#);
    }

    #[test]
    fn passwords_in_addresses_are_masked_even_if_unknown() {
        let masked =
            Redactor::default().apply("postgres://a:b%40c@h/db and http://h:9200/x and https://u:p@q@h");
        assert_eq!(masked, "postgres://a:[redacted]@h/db and http://h:9200/x and https://u:[redacted]@h");
    }

    #[test]
    fn debug_output_shows_no_secret() {
        let mut redactor = Redactor::default();
        redactor.add("hunter22");
        assert!(!format!("{redactor:?}").contains("hunter22"));
    }
}
