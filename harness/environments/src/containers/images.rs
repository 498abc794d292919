//! Which images stores and a Keycloak run from, and how their names are read.

use crate::artifacts::Pins;
use crate::config::{EmbeddedConfig, SideConfig, Store};
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::machine::Machine;
use std::fmt;

/// Instead of every image of PostgreSQL; `{version}` in it stands for the major version.
pub(crate) const POSTGRES_VARIABLE: &str = "DRYDOCK_IMAGE_POSTGRES";
/// Instead of every image of Elasticsearch; `{version}` in it stands for the tag of the image that the scenario names, else for
/// the pinned version.
pub(crate) const ELASTICSEARCH_VARIABLE: &str = "DRYDOCK_IMAGE_ELASTICSEARCH";
/// Instead of every image of Keycloak, likewise.
pub(crate) const KEYCLOAK_VARIABLE: &str = "DRYDOCK_IMAGE_KEYCLOAK";

/// Instead of every image of a PostgreSQL that CloudNativePG keeps: one that the operator can use.
pub(crate) const CLOUD_NATIVE_PG_VARIABLE: &str = "DRYDOCK_IMAGE_CNPG";
/// Instead of every image of an Elasticsearch that ECK keeps; its tag is the version that ECK is told.
pub(crate) const ECK_VARIABLE: &str = "DRYDOCK_IMAGE_ECK";

/// Instead of every image of a Keycloak that the Keycloak operator runs: one that the operator can use.
pub(crate) const KEYCLOAK_OPERATOR_VARIABLE: &str = "DRYDOCK_IMAGE_KEYCLOAK_OPERATOR";

/// What an image is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Store(Store),
    Keycloak,
}

impl From<Store> for Wanted {
    fn from(store: Store) -> Self {
        Self::Store(store)
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(store) => store.fmt(f),
            Self::Keycloak => f.write_str("keycloak"),
        }
    }
}

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

    /// The version that its name tells, `8.16.6` of `mirror/elasticsearch:8.16.6-ours@sha256:…`; none where it tells none.
    pub(crate) fn version(&self) -> Option<String> {
        let whole = self.to_string();
        let last = whole.rsplit('/').next()?;
        let mut words = last.split(|c: char| !(c.is_ascii_digit() || c == '.'));
        let is_version =
            |word: &&str| word.split('.').count() == 3 && word.split('.').all(|part| !part.is_empty());
        words.find(is_version).map(ToOwned::to_owned)
    }

    /// The image of a side's store, or of its Keycloak: what the variable names, else what the scenario names, else the default.
    pub(crate) fn of(side: &SideConfig, wanted: impl Into<Wanted>, machine: &Machine) -> Result<Self> {
        let wanted = wanted.into();
        let named = machine.variable(variable_of(wanted)).map(|v| v.to_string_lossy().into_owned());
        let (text, place) = match (named, configured(side, wanted)) {
            (Some(text), _) => (text, variable_of(wanted)),
            (None, Some(text)) => (text.clone(), IN_SCENARIO),
            (None, None) => (default_of(wanted), "the default"),
        };
        filled(side, wanted, &text, place)
    }

    /// The image of a side's store that an operator keeps: what the variable names, else what the scenario names. None where nobody
    /// names one: operators know their own.
    pub(crate) fn of_operator(
        side: &SideConfig,
        wanted: impl Into<Wanted>,
        machine: &Machine,
    ) -> Result<Option<Self>> {
        let wanted = wanted.into();
        let variable = match wanted {
            Wanted::Store(Store::Postgres) => CLOUD_NATIVE_PG_VARIABLE,
            Wanted::Store(Store::Elasticsearch) => ECK_VARIABLE,
            Wanted::Keycloak => KEYCLOAK_OPERATOR_VARIABLE,
        };
        let named = machine.variable(variable).map(|v| v.to_string_lossy().into_owned());
        let (text, place) = match (named, configured(side, wanted)) {
            (Some(text), _) => (text, variable),
            (None, Some(text)) => (text.clone(), IN_SCENARIO),
            (None, None) => return Ok(None),
        };
        filled(side, wanted, &text, place).map(Some)
    }
}

const IN_SCENARIO: &str = "`image` of the scenario";

/// Puts the version into the name of an image.
fn filled(side: &SideConfig, wanted: Wanted, text: &str, place: &str) -> Result<Image> {
    let filled = text.replace("{version}", &version_of(side, wanted)?);
    Image::parse(&filled).ok_or_else(|| {
        EnvironmentError::new(
            EnvironmentProblem::Configuration,
            format!("{place} names the image {text:?}, which is no name of an image"),
            "write it as name:tag, for example postgres:15",
        )
    })
}

pub(super) fn variable_of(wanted: Wanted) -> &'static str {
    match wanted {
        Wanted::Store(Store::Postgres) => POSTGRES_VARIABLE,
        Wanted::Store(Store::Elasticsearch) => ELASTICSEARCH_VARIABLE,
        Wanted::Keycloak => KEYCLOAK_VARIABLE,
    }
}

fn configured(side: &SideConfig, wanted: Wanted) -> Option<&String> {
    match wanted {
        Wanted::Store(Store::Postgres) => side.postgres_image.as_ref(),
        Wanted::Store(Store::Elasticsearch) => side.elasticsearch_image.as_ref(),
        Wanted::Keycloak => side.keycloak_image.as_ref(),
    }
}

fn default_of(wanted: Wanted) -> String {
    match wanted {
        Wanted::Store(store) => format!("{store}:{{version}}"),
        Wanted::Keycloak => "keycloak/keycloak:{version}".to_owned(),
    }
}

/// What `{version}` stands for: the major version that the scenario asks for, and for those of which it asks for none, the tag of
/// the image that it names, else the pinned version.
fn version_of(side: &SideConfig, wanted: Wanted) -> Result<String> {
    if wanted == Wanted::Store(Store::Postgres) {
        return Ok(side.postgres_version.to_string());
    }
    let named = configured(side, wanted).filter(|text| !text.contains("{version}"));
    let tag = named.and_then(|text| {
        let name = text.split('@').next()?;
        Some(name.rsplit('/').next()?.split_once(':')?.1.to_owned())
    });
    if let Some(tag) = tag {
        return Ok(tag);
    }
    let pins = Pins::load()?;
    Ok(if wanted == Wanted::Keycloak { pins.keycloak.version } else { pins.elasticsearch.version })
}

/// In words, each store, and a Keycloak, that runs from one image on both sides because of a variable, though the scenario asks
/// for two.
pub(crate) fn overridden(config: &EmbeddedConfig, machine: &Machine) -> Vec<String> {
    let databases = config.source.postgres && config.target.postgres;
    let both = [
        (Wanted::Store(Store::Postgres), databases),
        (Wanted::Store(Store::Elasticsearch), config.source.elasticsearch && config.target.elasticsearch),
        (Wanted::Keycloak, databases && config.keycloak.is_some()),
    ];
    let told = both.into_iter().filter(|(_, both)| *both).filter_map(|(wanted, _)| {
        let bare = machine.clone().with_variable(variable_of(wanted), None);
        // What is no name of an image is told where it is used.
        let of = |machine| {
            Some((
                Image::of(&config.source, wanted, machine).ok()?,
                Image::of(&config.target, wanted, machine).ok()?,
            ))
        };
        let ((source, target), (one, other)) = (of(&bare)?, of(machine)?);
        (source != target && one == other).then(|| {
            format!(
                "{} makes both sides run {wanted} from {one}, where the scenario asks for {source} and {target}",
                variable_of(wanted)
            )
        })
    });
    told.collect()
}

/// An image that is not here and could not be fetched.
pub(super) fn not_pulled(image: &str, wanted: Wanted, why: &dyn fmt::Display) -> EnvironmentError {
    EnvironmentError::new(
        EnvironmentProblem::Fetch,
        format!("the image {image} is not here and cannot be pulled: {why}"),
        format!(
            "see what `docker pull {image}` says, or name an image that is here in {}",
            variable_of(wanted)
        ),
    )
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
    fn a_version_is_found_wherever_the_name_has_it() {
        for (text, version) in [
            ("elasticsearch:8.16.6", Some("8.16.6")),
            ("mirror.example:5000/team-1.2.3/es:8.16.6-ours", Some("8.16.6")),
            ("elasticsearch:8.16.6@sha256:0a1b", Some("8.16.6")),
            ("elasticsearch:latest", None),
            ("elasticsearch:8.16", None),
        ] {
            assert_eq!(Image::parse(text).unwrap().version().as_deref(), version, "{text}");
        }
    }

    fn with(variable: &str, value: &str) -> Machine {
        let bare = Machine::from_process()
            .with_variable(POSTGRES_VARIABLE, None)
            .with_variable(ELASTICSEARCH_VARIABLE, None)
            .with_variable(KEYCLOAK_VARIABLE, None);
        bare.with_variable(variable, Some(OsStr::new(value)))
    }

    #[test]
    fn a_mirror_keeps_the_version_of_each_side() {
        let mirror = with(ELASTICSEARCH_VARIABLE, "mirror.example:5000/es:{version}");
        for (named, tag) in [
            (Some("elasticsearch:8.15.0"), "8.15.0".to_owned()),
            (Some("host:5000/team/elasticsearch:8.18.0@sha256:abc"), "8.18.0".to_owned()),
            (Some("host:5000/elasticsearch"), Pins::load().unwrap().elasticsearch.version),
            (None, Pins::load().unwrap().elasticsearch.version),
        ] {
            let side =
                SideConfig { elasticsearch_image: named.map(ToOwned::to_owned), ..SideConfig::default() };
            let image = Image::of(&side, Store::Elasticsearch, &mirror).unwrap();
            assert_eq!(image.to_string(), format!("mirror.example:5000/es:{tag}"), "{named:?}");
        }
    }

    #[test]
    fn an_image_of_keycloak_is_chosen_as_the_others_are() {
        let of = |named: Option<&str>, variable: Option<&str>| {
            let side = SideConfig { keycloak_image: named.map(ToOwned::to_owned), ..SideConfig::default() };
            let machine = Machine::from_process().with_variable(KEYCLOAK_VARIABLE, variable.map(OsStr::new));
            Image::of(&side, Wanted::Keycloak, &machine).map(|image| image.to_string())
        };
        let pinned = Pins::load().unwrap().keycloak.version;
        assert_eq!(of(None, None).unwrap(), format!("keycloak/keycloak:{pinned}"));
        assert_eq!(of(Some("team/kc:26.3"), None).unwrap(), "team/kc:26.3");
        assert_eq!(of(Some("team/kc:26.3"), Some("mirror/kc:{version}")).unwrap(), "mirror/kc:26.3");
        assert_eq!(of(None, Some("mirror/kc:{version}")).unwrap(), format!("mirror/kc:{pinned}"));
        let error = of(None, Some("not an image")).unwrap_err();
        assert!(error.what.contains(KEYCLOAK_VARIABLE), "{}", error.what);
        let error = not_pulled("mirror/kc:1", Wanted::Keycloak, &"no such host");
        assert!(error.help.contains(KEYCLOAK_VARIABLE), "{}", error.help);
    }

    #[test]
    fn one_image_instead_of_two_is_told_and_nothing_else_is() {
        let mut config = EmbeddedConfig::new("r", "/r");
        (config.source.postgres_version, config.target.postgres_version) = (14, 17);
        let told = overridden(&config, &with(POSTGRES_VARIABLE, "mirror/postgres:15"));
        assert_eq!(told.len(), 1);
        assert!(
            told[0].contains("postgres:14 and postgres:17") && told[0].contains("mirror/postgres:15"),
            "{told:?}"
        );
        assert!(overridden(&config, &with(POSTGRES_VARIABLE, "mirror/postgres:{version}")).is_empty());
        assert!(
            overridden(&config, &with(ELASTICSEARCH_VARIABLE, "mirror/es:1")).is_empty(),
            "one was asked for"
        );
        config.source.keycloak_image = Some("keycloak/keycloak:25.0.6".into());
        let one = with(KEYCLOAK_VARIABLE, "mirror/kc:26");
        assert!(overridden(&config, &one).is_empty(), "none runs");
        config.keycloak = Some(crate::KeycloakConfig::default());
        let told = overridden(&config, &one);
        assert!(told[0].contains("25.0.6") && told[0].contains("both sides run keycloak"), "{told:?}");
        config.target.postgres = false;
        assert!(overridden(&config, &with(POSTGRES_VARIABLE, "mirror/postgres:15")).is_empty());
        assert!(overridden(&config, &one).is_empty(), "there is one side alone");
    }

    #[test]
    fn an_image_that_cannot_be_pulled_is_told_with_what_to_do() {
        let error = not_pulled("mirror/es:1", Store::Elasticsearch.into(), &"no such host");
        assert_eq!(error.code, EnvironmentProblem::Fetch);
        assert!(error.help.contains("docker pull mirror/es:1"), "{}", error.help);
        assert!(error.help.contains(ELASTICSEARCH_VARIABLE), "{}", error.help);
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
