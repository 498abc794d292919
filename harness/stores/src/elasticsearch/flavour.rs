//! Which product answers, and in which version: the two families share most of their API, but not all of it.

use serde_json::Value;
use std::fmt;

/// A version as far as the API depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoreVersion {
    /// Major version.
    pub major: u32,
    /// Minor version.
    pub minor: u32,
}

/// The product behind an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// Elasticsearch.
    Elasticsearch(StoreVersion),
    /// OpenSearch.
    OpenSearch(StoreVersion),
    /// It does not tell, or the role may not ask. Treated like a current Elasticsearch.
    Unknown,
}

/// How points in time are opened and closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PitApi {
    /// `POST /INDEX/_pit`, `DELETE /_pit`.
    Elasticsearch,
    /// `POST /INDEX/_search/point_in_time`, `DELETE /_search/point_in_time`.
    OpenSearch,
}

impl StoreVersion {
    const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(['.', '-']);
        Some(Self { major: parts.next()?.parse().ok()?, minor: parts.next()?.parse().ok()? })
    }
}

impl Flavour {
    /// Reads the answer to `GET /`.
    pub fn from_banner(banner: &Value) -> Self {
        let version = &banner["version"];
        match (version["distribution"].as_str(), version["number"].as_str().and_then(StoreVersion::parse)) {
            (Some("opensearch"), Some(number)) => Self::OpenSearch(number),
            (_, Some(number)) => Self::Elasticsearch(number),
            _ => Self::Unknown,
        }
    }

    /// How points in time work here.
    ///
    /// # Errors
    /// The version has none, with what to do about it.
    pub(super) fn pit_api(self) -> Result<PitApi, String> {
        let too_old = |from: &str| {
            Err(format!(
                "{self} has no points in time, so its documents cannot be held still: upgrade it to {from} or later, or \
                 restore a snapshot of it into such a cluster and compare that"
            ))
        };
        match self {
            Self::Elasticsearch(version) if version < StoreVersion::new(7, 10) => too_old("7.10"),
            Self::OpenSearch(version) if version < StoreVersion::new(2, 4) => too_old("2.4"),
            Self::OpenSearch(_) => Ok(PitApi::OpenSearch),
            Self::Elasticsearch(_) | Self::Unknown => Ok(PitApi::Elasticsearch),
        }
    }

    /// Whether `_shard_doc` can be sorted by: Elasticsearch 7.12, OpenSearch 3.3.
    pub(super) fn sorts_by_shard_doc(self) -> bool {
        match self {
            Self::Elasticsearch(version) => version >= StoreVersion::new(7, 12),
            Self::OpenSearch(version) => version >= StoreVersion::new(3, 3),
            Self::Unknown => true,
        }
    }
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elasticsearch(v) => write!(f, "Elasticsearch {}.{}", v.major, v.minor),
            Self::OpenSearch(v) => write!(f, "OpenSearch {}.{}", v.major, v.minor),
            Self::Unknown => write!(f, "a store of unknown version"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn banner(number: &str, distribution: Option<&str>) -> Flavour {
        let mut banner = json!({"version": {"number": number}});
        if let Some(distribution) = distribution {
            banner["version"]["distribution"] = distribution.into();
        }
        Flavour::from_banner(&banner)
    }

    #[test]
    fn products_and_versions_decide_the_api() {
        let open = Some("opensearch");
        for (number, distribution, api, shard_doc) in [
            ("8.16.6", None, Some(PitApi::Elasticsearch), true),
            ("9.0.0-SNAPSHOT", None, Some(PitApi::Elasticsearch), true),
            ("7.17.15", None, Some(PitApi::Elasticsearch), true),
            ("7.11.2", None, Some(PitApi::Elasticsearch), false),
            ("7.9.3", None, None, false),
            ("6.8.23", None, None, false),
            ("3.3.0", open, Some(PitApi::OpenSearch), true),
            ("3.2.0", open, Some(PitApi::OpenSearch), false),
            ("2.19.1", open, Some(PitApi::OpenSearch), false),
            ("2.4.0", open, Some(PitApi::OpenSearch), false),
            ("2.3.0", open, None, false),
            ("1.3.20", open, None, false),
        ] {
            let flavour = banner(number, distribution);
            assert_eq!(flavour.pit_api().ok(), api, "{number}");
            assert_eq!(flavour.sorts_by_shard_doc(), shard_doc, "{number}");
        }
        assert_eq!(Flavour::from_banner(&json!({})), Flavour::Unknown);
        let refusal = banner("1.3.20", open).pit_api().unwrap_err();
        assert!(refusal.contains("OpenSearch 1.3") && refusal.contains("2.4"), "{refusal}");
    }
}
