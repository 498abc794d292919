//! Which stores a release brings along, and which it finds elsewhere: read off its values, for whoever writes a scenario.

use super::chart::ChartKeys;
use super::condition::Effective;
use super::path::Path;
use super::supplied::Supplied;
use serde_json::Value;
use std::collections::BTreeSet;

/// Who provides a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// A Bitnami chart within the chart; the key that switches it on.
    Bitnami(&'static str),
    /// Somebody else; the key that says so.
    Elsewhere(&'static str),
    /// Nobody: the release does not use it.
    Nobody,
}

/// The stores of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreParts {
    /// Database of Management Identity.
    pub identity: Provider,
    /// Database of Keycloak.
    pub keycloak: Provider,
    /// Database of Web Modeler.
    pub webmodeler: Provider,
    /// Elasticsearch.
    pub elasticsearch: Provider,
    /// Major versions of the PostgreSQL images of Bitnami parts, where their tags tell.
    pub postgres_majors: BTreeSet<u16>,
    /// What names of indices begin with, as far as the values say so.
    pub index_prefixes: BTreeSet<String>,
}

/// Switches of Web Modeler's database, by the name it had in which chart.
const MODELER: [(&str, &str); 2] = [
    ("webModelerPostgresql.enabled", "webModelerPostgresql.image.tag"),
    ("postgresql.enabled", "postgresql.image.tag"),
];

/// Keys that hold what names of indices begin with.
const PREFIXES: [&str; 3] =
    ["global.elasticsearch.prefix", "global.opensearch.prefix", "orchestration.index.prefix"];

impl StoreParts {
    /// Reads values, with the chart's defaults behind them where it is known. Computed values (`helm get values --all`) need
    /// no chart.
    pub fn of(supplied: &Supplied, chart: Option<&ChartKeys>) -> Self {
        let values = Read(Effective { supplied, renamed: None, chart });
        let mut postgres_majors = BTreeSet::new();
        let mut tagged = |key: &str| postgres_majors.extend(values.text(key).as_deref().and_then(major));
        let identity = if values.on("identityPostgresql.enabled") {
            tagged("identityPostgresql.image.tag");
            Provider::Bitnami("identityPostgresql.enabled")
        } else if values.on("identity.externalDatabase.enabled") {
            Provider::Elsewhere("identity.externalDatabase.enabled")
        } else {
            Provider::Nobody
        };
        let keycloak = if values.on("identityKeycloak.enabled") {
            // The database within Keycloak's chart is on unless it is switched off.
            if values.of("identityKeycloak.postgresql.enabled") == Some(Value::Bool(false)) {
                Provider::Elsewhere("identityKeycloak.postgresql.enabled")
            } else {
                tagged("identityKeycloak.postgresql.image.tag");
                Provider::Bitnami("identityKeycloak.enabled")
            }
        } else if values.says("global.identity.keycloak.url.host") {
            Provider::Elsewhere("global.identity.keycloak.url.host")
        } else {
            Provider::Nobody
        };
        let modeler = MODELER.into_iter().find(|(switch, _)| values.on(switch));
        let webmodeler = match modeler {
            Some((switch, tag)) => {
                tagged(tag);
                Provider::Bitnami(switch)
            }
            None => ["webModeler.restapi.externalDatabase.host", "webModeler.restapi.externalDatabase.url"]
                .into_iter()
                .find(|key| values.on("webModeler.enabled") && values.says(key))
                .map_or(Provider::Nobody, Provider::Elsewhere),
        };
        let elsewhere = ["global.opensearch.enabled", "global.elasticsearch.external"];
        let elasticsearch = if values.on("elasticsearch.enabled") {
            Provider::Bitnami("elasticsearch.enabled")
        } else if let Some(key) = elsewhere.into_iter().find(|key| values.on(key)) {
            Provider::Elsewhere(key)
        } else if values.on("global.elasticsearch.enabled") {
            // Switched on without a chart of its own: its address is another one.
            Provider::Elsewhere("global.elasticsearch.enabled")
        } else {
            Provider::Nobody
        };
        let index_prefixes = PREFIXES.into_iter().filter_map(|key| values.text(key)).collect();
        Self { identity, keycloak, webmodeler, elasticsearch, postgres_majors, index_prefixes }
    }
}

struct Read<'v>(Effective<'v>);

impl Read<'_> {
    fn of(&self, key: &str) -> Option<Value> {
        self.0.value(&Path::parse(key), None)
    }

    fn on(&self, key: &str) -> bool {
        self.of(key) == Some(Value::Bool(true))
    }

    /// A text that is not empty and no template.
    fn text(&self, key: &str) -> Option<String> {
        let text = self.of(key)?.as_str()?.to_owned();
        (!text.is_empty() && !text.contains("{{")).then_some(text)
    }

    /// Whether something stands there, be it a template.
    fn says(&self, key: &str) -> bool {
        self.of(key).is_some_and(|v| v.as_str().is_some_and(|t| !t.is_empty()))
    }
}

/// The major version that a tag begins with.
fn major(tag: &str) -> Option<u16> {
    tag.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Provider, StoreParts};
    use crate::values::{ChartKeys, Supplied};

    fn parts(text: &str, chart: Option<&ChartKeys>) -> StoreParts {
        let supplied = Supplied::read(&[("values.yaml".to_owned(), text.to_owned())], &[]).unwrap();
        StoreParts::of(&supplied, chart)
    }

    #[test]
    fn defaults_of_the_chart_count_where_nothing_is_written() {
        let chart = ChartKeys::shipped(&crate::values::Version::new(12, 0, 0)).unwrap();
        let found = parts("{}", Some(&chart));
        assert_eq!(found.elasticsearch, Provider::Bitnami("elasticsearch.enabled"));
        assert_eq!(found.keycloak, Provider::Bitnami("identityKeycloak.enabled"));
        assert_eq!((found.identity, found.webmodeler), (Provider::Nobody, Provider::Nobody));
        assert_eq!(found.postgres_majors.into_iter().collect::<Vec<_>>(), [15]);
        assert_eq!(found.index_prefixes.into_iter().collect::<Vec<_>>(), ["zeebe-record"]);
    }

    #[test]
    fn what_is_switched_off_is_not_there() {
        let chart = ChartKeys::shipped(&crate::values::Version::new(12, 0, 0)).unwrap();
        let text = "
elasticsearch: {enabled: false}
global: {elasticsearch: {external: true, prefix: acme}, identity: {keycloak: {url: {host: kc.example}}}}
identityKeycloak: {enabled: false}
identity: {externalDatabase: {enabled: true, host: pg.example}}
webModeler: {enabled: true, restapi: {externalDatabase: {host: pg.example}}}
";
        let found = parts(text, Some(&chart));
        assert_eq!(found.elasticsearch, Provider::Elsewhere("global.elasticsearch.external"));
        assert_eq!(found.keycloak, Provider::Elsewhere("global.identity.keycloak.url.host"));
        assert_eq!(found.identity, Provider::Elsewhere("identity.externalDatabase.enabled"));
        assert_eq!(found.webmodeler, Provider::Elsewhere("webModeler.restapi.externalDatabase.host"));
        assert!(found.postgres_majors.is_empty());
        assert!(found.index_prefixes.contains("acme"));
    }

    #[test]
    fn computed_values_need_no_chart() {
        let text = "
elasticsearch: {enabled: true}
identityKeycloak: {enabled: true, postgresql: {enabled: false}}
identityPostgresql: {enabled: true, image: {tag: 15.10.0-debian-12-r2}}
postgresql: {enabled: true, image: {tag: '14.18.0'}}
";
        let found = parts(text, None);
        assert_eq!(found.elasticsearch, Provider::Bitnami("elasticsearch.enabled"));
        assert_eq!(found.keycloak, Provider::Elsewhere("identityKeycloak.postgresql.enabled"));
        assert_eq!(found.identity, Provider::Bitnami("identityPostgresql.enabled"));
        assert_eq!(found.webmodeler, Provider::Bitnami("postgresql.enabled"));
        assert_eq!(found.postgres_majors.into_iter().collect::<Vec<_>>(), [14, 15]);
    }
}
