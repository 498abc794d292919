//! Which rules lie between two chart versions.

use super::rules::{Rule, RuleSet};
pub use semver::Version;
use std::sync::OnceLock;
use thiserror::Error;

/// The rule files, oldest first. They are part of the program, so that it needs no folder beside it.
const FILES: [(&str, &str); 8] = [
    ("8.1-to-8.2", include_str!("../../../../fixtures/helm/rules/8.1-to-8.2.yaml")),
    ("8.2-to-8.3", include_str!("../../../../fixtures/helm/rules/8.2-to-8.3.yaml")),
    ("8.3-to-9", include_str!("../../../../fixtures/helm/rules/8.3-to-9.yaml")),
    ("9-to-10", include_str!("../../../../fixtures/helm/rules/9-to-10.yaml")),
    ("10-to-11", include_str!("../../../../fixtures/helm/rules/10-to-11.yaml")),
    ("11-to-12", include_str!("../../../../fixtures/helm/rules/11-to-12.yaml")),
    ("12-to-13", include_str!("../../../../fixtures/helm/rules/12-to-13.yaml")),
    ("13-to-14", include_str!("../../../../fixtures/helm/rules/13-to-14.yaml")),
];

/// First chart the rules begin at.
const OLDEST: Version = Version::new(8, 0, 0);
/// First chart the rules say nothing of.
const TOO_NEW: Version = Version::new(15, 0, 0);

/// The rules between two chart versions, step by step.
#[derive(Debug, Clone)]
pub struct Road {
    /// The chart that is left.
    pub from: Version,
    /// The chart that is migrated to.
    pub to: Version,
    /// The steps, oldest first.
    pub steps: Vec<RuleSet>,
}

/// Why there is no road.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RoadError {
    /// A version cannot be read.
    #[error("`{0}` is no chart version; write 12.13.3, or 12.x for any of that line")]
    Version(String),
    /// The target is older than the source.
    #[error("chart {from} is not older than chart {to}; there are rules for upgrades only")]
    Backwards {
        /// As given.
        from: String,
        /// As given.
        to: String,
    },
    /// Outside of what the rules cover.
    #[error("there are no rules for chart {0}; they cover {OLDEST} up to, but not including, {TOO_NEW}")]
    Unknown(String),
}

/// All rule files.
///
/// # Panics
/// Never: the files are part of the program, and a test reads every one of them.
pub(crate) fn rule_sets() -> &'static [RuleSet] {
    static SETS: OnceLock<Vec<RuleSet>> = OnceLock::new();
    SETS.get_or_init(|| FILES.iter().filter_map(|(name, text)| RuleSet::from_yaml(name, text).ok()).collect())
}

impl Road {
    /// The road between two versions, each exact (`12.13.3`) or a line (`12.x`, which begins at its first and ends with its
    /// last chart).
    ///
    /// # Errors
    /// A version cannot be read, the road leads backwards, or no rules cover it.
    pub fn between(from: &str, to: &str) -> Result<Self, RoadError> {
        let (start, end) = (lowest(from)?, highest(to)?);
        if start > end || (start.major == end.major && from.trim() != to.trim() && lowest(to)? < start) {
            return Err(RoadError::Backwards { from: from.to_owned(), to: to.to_owned() });
        }
        if start < OLDEST {
            return Err(RoadError::Unknown(from.to_owned()));
        }
        if end >= TOO_NEW {
            return Err(RoadError::Unknown(to.to_owned()));
        }
        let steps = rule_sets()
            .iter()
            .map(|set| RuleSet {
                rules: set.rules.iter().filter(|r| start < r.at && r.at <= end).cloned().collect(),
                ..set.clone()
            })
            .filter(|set| !set.rules.is_empty())
            .collect();
        Ok(Self { from: start, to: end, steps })
    }

    /// Every rule of the road.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.steps.iter().flat_map(|s| &s.rules)
    }
}

fn lowest(text: &str) -> Result<Version, RoadError> {
    bound(text, 0)
}

fn highest(text: &str) -> Result<Version, RoadError> {
    bound(text, 999)
}

/// Reads a version; parts that are `x` or missing become `open`.
fn bound(text: &str, open: u64) -> Result<Version, RoadError> {
    let wrong = || RoadError::Version(text.to_owned());
    let trimmed = text.trim().trim_start_matches('v');
    if let Ok(version) = Version::parse(trimmed) {
        return Ok(version);
    }
    let mut parts = [open; 3];
    let given: Vec<&str> = trimmed.split('.').collect();
    if given.is_empty() || given.len() > 3 {
        return Err(wrong());
    }
    for (i, (part, given)) in parts.iter_mut().zip(given).enumerate() {
        match given {
            "x" | "X" | "*" if i > 0 => break,
            number => *part = number.parse().map_err(|_| wrong())?,
        }
    }
    Ok(Version::new(parts[0], parts[1], parts[2]))
}

#[cfg(test)]
mod tests {
    use super::{FILES, Road, RoadError, Version};
    use crate::values::RuleSet;

    #[test]
    fn every_rule_file_is_sound() {
        for (name, text) in FILES {
            let set = RuleSet::from_yaml(name, text).unwrap_or_else(|e| panic!("{e}"));
            assert!(!set.rules.is_empty(), "{name}");
        }
    }

    #[test]
    fn versions_and_lines() {
        let road = Road::between("12.x", "13.x").unwrap();
        assert_eq!((road.from.clone(), road.to.major), (Version::new(12, 0, 0), 13));
        assert!(road.steps.iter().any(|s| s.name == "12-to-13"));
        assert!(!Road::between("13.1.0", "13.12.7").unwrap().rules().any(|r| r.id.starts_with("12-to-13")));
        assert!(matches!(Road::between("13.x", "12.x"), Err(RoadError::Backwards { .. })));
        assert!(matches!(Road::between("7.1.0", "12.x"), Err(RoadError::Unknown(_))));
        assert!(matches!(Road::between("twelve", "12.x"), Err(RoadError::Version(_))));
    }
}
