//! What nobody may read, and what changes by itself.

use super::model::Value;
use crate::digest::DigestKey;
use crate::text::is_sensitive;
use serde_json::Value as Json;

/// Names that hold a sensitive word and say nothing worth hiding: lifetimes, switches and names of claims.
const HARMLESS: [&str; 15] = [
    "url",
    "uri",
    "uris",
    "lifespan",
    "timeout",
    "expiration",
    "enabled",
    "claim",
    "scope",
    "required",
    "algorithm",
    "signaturealg",
    "authenticator",
    "storetoken",
    "policy",
];

/// Seals values under the key of one comparison.
#[derive(Debug, Clone, Copy)]
pub struct Sealer {
    key: DigestKey,
}

impl Sealer {
    /// A sealer under a key that both sides of a comparison share, and no other comparison.
    pub fn new(key: DigestKey) -> Self {
        Self { key }
    }

    /// The key.
    pub fn key(&self) -> DigestKey {
        self.key
    }

    /// A value nobody may read.
    pub fn secret(&self, text: &str) -> Value {
        Value::Secret(self.key.digest(text.as_bytes()))
    }

    /// A value under a name: sealed if the name or the text itself suggests that it is secret.
    pub fn value(&self, name: &str, text: &str) -> Value {
        if hides(name, text) { self.secret(text) } else { Value::Text(text.to_owned()) }
    }

    /// What a credential is made of. Counters that grow with each login are left out.
    pub fn credential(&self, text: &str) -> Value {
        match serde_json::from_str::<Json>(text) {
            Ok(Json::Object(mut parts)) => {
                parts.remove("counter");
                self.secret(&Json::Object(parts).to_string())
            }
            _ => self.secret(text),
        }
    }
}

fn hides(name: &str, text: &str) -> bool {
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let harmless_value = matches!(text, "true" | "false" | "") || text.starts_with("${vault.");
    let harmless_name = HARMLESS.iter().any(|word| plain.ends_with(word));
    if text.contains("PRIVATE KEY") || carries_password(text) {
        return true;
    }
    (is_sensitive(name) || ["certificate", "jwks", "bindcredential"].iter().any(|w| plain.contains(w)))
        && !harmless_value
        && !harmless_name
}

/// An address with a password inside.
fn carries_password(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    })
}

/// Whether a column or field changes by itself, or says nothing about logins: time stamps, versions of rows, caches.
pub fn is_volatile(name: &str) -> bool {
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    plain.ends_with("timestamp")
        || matches!(
            plain.as_str(),
            "createddate"
                | "lastupdateddate"
                | "updateddate"
                | "lastsync"
                | "version"
                | "emailconstraint"
                | "clientsecretcreationtime"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_sealed_and_switches_are_not() {
        let sealer = Sealer::new(DigestKey::derived("test"));
        for (name, text) in [
            ("clientSecret", "x"),
            ("bindCredential", "x"),
            ("privateKey", "MIIE"),
            ("password", "12345"),
            ("anything", "-----BEGIN PRIVATE KEY-----"),
            ("connectionUrl", "ldap://cn=a:pw@host"),
            ("saml.signing.private.key", "MIIE"),
        ] {
            assert!(matches!(sealer.value(name, text), Value::Secret(_)), "{name}");
        }
        for (name, text) in [
            ("access_token_lifespan", "60"),
            ("access.token.claim", "true"),
            ("connectionUrl", "ldap://host:389"),
            ("password_policy", "length(12)"),
        ] {
            assert!(matches!(sealer.value(name, text), Value::Text(_)), "{name}");
        }
    }

    #[test]
    fn when_a_secret_was_made_is_no_secret_and_when_it_ends_counts() {
        assert!(is_volatile("client.secret.creation.time") && is_volatile("createdTimestamp"));
        assert!(!is_volatile("client.secret.expiration.time") && !is_volatile("secret"));
    }

    #[test]
    fn counters_of_credentials_do_not_count() {
        let sealer = Sealer::new(DigestKey::derived("test"));
        let one = sealer.credential(r#"{"subType":"hotp","counter":3}"#);
        assert_eq!(one, sealer.credential(r#"{"subType":"hotp","counter":4}"#));
        assert_ne!(one, sealer.credential(r#"{"subType":"totp","counter":3}"#));
    }
}
