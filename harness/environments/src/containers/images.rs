//! Which images stores run from, and how their names are read.

use crate::artifacts::Pins;
use crate::config::{SideConfig, Store};
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::machine::Machine;
use std::fmt;

/// Instead of every image of PostgreSQL; `{version}` in it stands for the major version.
pub(crate) const POSTGRES_VARIABLE: &str = "DRYDOCK_IMAGE_POSTGRES";
/// Instead of every image of Elasticsearch.
pub(crate) const ELASTICSEARCH_VARIABLE: &str = "DRYDOCK_IMAGE_ELASTICSEARCH";

/// Name and tag of an image, or name and digest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Image {
    /// With a digest it ends in `@sha256`.
    pub(crate) name: String,
    pub(crate) tag: String,
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.tag)
    }
}

impl Image {
    /// Reads `[host[:port]/]name[:tag][@digest]`; without a tag it is `latest`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        let fits = text.chars().all(|c| c.is_ascii_alphanumeric() || "._-/:@".contains(c));
        let last = text.rfind('/').map_or(0, |at| at + 1);
        let (name, tag) = match text[last..].rfind(':') {
            Some(colon) => (&text[..last + colon], &text[last + colon + 1..]),
            None => (text, "latest"),
        };
        let whole = !tag.is_empty() && name.len() > last && !text.contains("//");
        (begins && fits && whole).then(|| Self { name: name.to_owned(), tag: tag.to_owned() })
    }

    /// The image of a side's store: what the variable names, else what the scenario names, else the default.
    pub(crate) fn of(side: &SideConfig, store: Store, machine: &Machine) -> Result<Self> {
        let (variable, configured) = match store {
            Store::Postgres => (POSTGRES_VARIABLE, &side.postgres_image),
            Store::Elasticsearch => (ELASTICSEARCH_VARIABLE, &side.elasticsearch_image),
        };
        let named = machine.variable(variable).map(|v| v.to_string_lossy().into_owned());
        let (text, place) = match (named, configured, store) {
            (Some(text), _, _) => (text, variable),
            (None, Some(text), _) => (text.clone(), "`image` of the scenario"),
            (None, None, Store::Postgres) => ("postgres:{version}".to_owned(), "the default"),
            (None, None, Store::Elasticsearch) => {
                (format!("elasticsearch:{}", Pins::load()?.elasticsearch.version), "the default")
            }
        };
        let filled = match store {
            Store::Postgres => text.replace("{version}", &side.postgres_version.to_string()),
            Store::Elasticsearch => text.clone(),
        };
        Self::parse(&filled).ok_or_else(|| {
            EnvironmentError::new(
                EnvironmentProblem::Configuration,
                format!("{place} names the image {text:?}, which is no name of an image"),
                "write it as name:tag, for example postgres:15",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    #[test]
    fn names_tags_ports_and_digests_are_told_apart() {
        let cases = [
            ("postgres:15", "postgres", "15"),
            ("postgres", "postgres", "latest"),
            ("mirror.example:5000/team/postgres", "mirror.example:5000/team/postgres", "latest"),
            ("mirror.example:5000/postgres:15-alpine", "mirror.example:5000/postgres", "15-alpine"),
            ("elasticsearch@sha256:abc", "elasticsearch@sha256", "abc"),
            ("elasticsearch:8.16.6@sha256:abc", "elasticsearch:8.16.6@sha256", "abc"),
        ];
        for (text, name, tag) in cases {
            let image = Image::parse(text).unwrap();
            assert_eq!((image.name.as_str(), image.tag.as_str()), (name, tag), "{text}");
            assert!(image.to_string().starts_with(text), "{text}");
        }
        for text in ["", " ", "post gres:15", ":15", "postgres:", "a//b", "$(x)", "/postgres", "a/:1"] {
            assert_eq!(Image::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_variable_comes_before_the_scenario_and_both_before_the_default() {
        let bare = Machine::from_process()
            .with_variable(POSTGRES_VARIABLE, None)
            .with_variable(ELASTICSEARCH_VARIABLE, None);
        let mut side = SideConfig { postgres_version: 17, ..SideConfig::default() };
        assert_eq!(Image::of(&side, Store::Postgres, &bare).unwrap().to_string(), "postgres:17");
        let elastic = Image::of(&side, Store::Elasticsearch, &bare).unwrap().to_string();
        assert_eq!(elastic, format!("elasticsearch:{}", Pins::load().unwrap().elasticsearch.version));
        side.postgres_image = Some("team/postgres:{version}-ours".into());
        assert_eq!(Image::of(&side, Store::Postgres, &bare).unwrap().to_string(), "team/postgres:17-ours");
        let set = bare.with_variable(POSTGRES_VARIABLE, Some(OsStr::new("mirror/postgres:{version}")));
        assert_eq!(Image::of(&side, Store::Postgres, &set).unwrap().to_string(), "mirror/postgres:17");
        side.elasticsearch_image = Some("not an image".into());
        let error = Image::of(&side, Store::Elasticsearch, &set).unwrap_err();
        assert_eq!(error.code, EnvironmentProblem::Configuration);
        assert!(error.what.contains("`image` of the scenario"), "{}", error.what);
    }
}
