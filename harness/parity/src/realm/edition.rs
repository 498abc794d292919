//! Which Keycloak wrote a database.

use std::fmt;

/// A version of Keycloak, `26.3.3`. Missing parts count as 0, words after the numbers do not count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edition(pub [u32; 3]);

impl Edition {
    /// Reads a version; `None` if it does not begin with a number.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = [0; 3];
        for (at, part) in text.trim().split(['.', '-']).take(3).enumerate() {
            match part.parse() {
                Ok(number) => parts[at] = number,
                Err(_) if at > 0 => break,
                Err(_) => return None,
            }
        }
        Some(Self(parts))
    }
}

impl fmt::Display for Edition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(Edition::parse("26.10.0") > Edition::parse("26.9.1"));
        assert_eq!(Edition::parse("16.1.1-legacy"), Some(Edition([16, 1, 1])));
        assert_eq!(Edition::parse("26"), Some(Edition([26, 0, 0])));
        assert_eq!(Edition::parse("nightly"), None);
    }
}
