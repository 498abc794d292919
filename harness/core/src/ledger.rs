//! The ledger: differences that are expected, each with a reason, a source and an expiry.

use crate::finding::{Finding, Kind};
use crate::glob;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A list of expected differences (`fixtures/expected/*.yaml`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// The lines, in file order.
    #[serde(default)]
    pub expected: Vec<LedgerLine>,
}

/// One expected difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LedgerLine {
    /// Check the line applies to, `*` allowed.
    pub check: String,
    /// Subject the line applies to, `*` allowed.
    pub subject: String,
    /// Kind of difference; any kind if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Why the difference is harmless.
    pub reason: String,
    /// Where that is written.
    pub source: String,
    /// Version of Drydock from which the line no longer counts, so that no expectation outlives its reason unseen.
    pub expires: String,
    /// Whether the difference is seen in every run. A line that is always expected and matched nothing is reported;
    /// one that depends on the installation is not.
    #[serde(default)]
    pub seen: Seen,
}

/// How regularly an expected difference shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// In every run of a scenario that names the ledger.
    #[default]
    Always,
    /// Only with some data or versions.
    Sometimes,
}

impl LedgerLine {
    /// Whether the line has expired at `version` (both as `major.minor.patch`; missing parts count as 0). An expiry that
    /// cannot be read counts as expired: better a finding too many than one hidden for ever.
    pub fn is_expired(&self, version: &str) -> bool {
        match (parse(&self.expires), parse(version)) {
            (Some(expires), Some(version)) => version >= expires,
            _ => true,
        }
    }

    /// The first of `lines` that speaks of `finding` and has not expired at `version`.
    pub fn expecting(lines: &[Self], finding: &Finding, version: &str) -> Option<usize> {
        lines.iter().position(|line| !line.is_expired(version) && line.covers(finding))
    }

    /// Whether the line speaks of `finding`.
    pub fn covers(&self, finding: &Finding) -> bool {
        self.kind.is_none_or(|k| k == finding.kind)
            && glob::matches(&self.check, finding.check.as_str())
            && glob::matches(&self.subject, &finding.subject)
    }
}

fn parse(version: &str) -> Option<[u64; 3]> {
    let mut parts = [0; 3];
    for (i, part) in version.trim().split('.').enumerate() {
        *parts.get_mut(i)? = part.parse().ok()?;
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(expires: &str) -> LedgerLine {
        LedgerLine {
            check: "postgres/*".into(),
            subject: "keycloak.public.jgroups_ping*".into(),
            kind: None,
            reason: "cluster discovery rows are rewritten by every start".into(),
            source: "test".into(),
            expires: expires.into(),
            seen: Seen::Always,
        }
    }

    #[test]
    fn expiry_compares_numbers_not_text() {
        assert!(!line("0.10.0").is_expired("0.9.9"));
        assert!(line("0.10").is_expired("0.10.0"));
        assert!(line("soon").is_expired("0.1.0"));
    }

    #[test]
    fn a_line_covers_its_subject_only() {
        let finding = |subject: &str| Finding::data("postgres/rows", Kind::Missing, subject, "");
        assert!(line("9").covers(&finding("keycloak.public.jgroups_ping")));
        assert!(!line("9").covers(&finding("keycloak.public.user_entity")));
    }
}
