//! The variables that the scripts document, from what a rehearsal knows.

use drydock_core::Component;
use drydock_core::scenario::{MigrationSpec, Reindex};
use std::collections::BTreeMap;

/// Secret with the Elasticsearch password of the target, as the scripts name it unless they are told otherwise.
const ES_SECRET: &str = "external-es";

/// Where pods find a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Host name within the cluster.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// Everything that the scripts are told. No password: those are Secrets of the cluster.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Namespace of the release.
    pub namespace: String,
    /// The release.
    pub release: String,
    /// Version of its chart.
    pub chart_version: String,
    /// Role that the dumps of the source are made as.
    pub source_user: String,
    /// The PostgreSQL to arrive at.
    pub postgres: Address,
    /// The Elasticsearch to arrive at.
    pub elasticsearch: Address,
    /// Size of the volume for the dumps.
    pub backup_storage: String,
}

/// Name of the Secret with the password of a component's role on the target.
pub fn pg_secret(component: Component) -> String {
    format!("external-pg-{component}")
}

impl Settings {
    /// Name of the Secret with the Elasticsearch password of the target.
    pub fn es_secret() -> &'static str {
        ES_SECRET
    }

    /// The variables, for targets that are managed outside of the release. The release is upgraded by whoever rehearses
    /// (`SKIP_HELM_UPGRADE`), because its values are his.
    pub fn variables(&self, migration: &MigrationSpec) -> BTreeMap<String, String> {
        let asked = migration.components();
        let truth = |yes: bool| if yes { "true" } else { "false" }.to_owned();
        let mut set: BTreeMap<String, String> = [
            ("NAMESPACE", self.namespace.clone()),
            ("CAMUNDA_RELEASE_NAME", self.release.clone()),
            ("CAMUNDA_HELM_CHART_VERSION", self.chart_version.clone()),
            ("PG_TARGET_MODE", "external".into()),
            ("ES_TARGET_MODE", "external".into()),
            ("KEYCLOAK_TARGET_MODE", "external".into()),
            // Told in messages; nobody connects to it.
            (
                "EXTERNAL_KEYCLOAK_HOST",
                format!("{}-keycloak.{}.svc.cluster.local", self.release, self.namespace),
            ),
            ("EXTERNAL_ES_HOST", self.elasticsearch.host.clone()),
            ("EXTERNAL_ES_PORT", self.elasticsearch.port.to_string()),
            ("EXTERNAL_ES_SECRET", ES_SECRET.into()),
            ("ES_WARM_REINDEX", truth(migration.reindex == Reindex::Warm)),
            ("ES_INDEX_PREFIXES", prefixes(&migration.index_prefixes)),
            ("SKIP_HELM_UPGRADE", truth(true)),
            ("BACKUP_STORAGE_SIZE", self.backup_storage.clone()),
            ("NO_COLOR", truth(true)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        for component in Component::ALL {
            let name = component.as_str().to_uppercase();
            set.insert(format!("MIGRATE_{name}"), truth(asked.contains(&component)));
            let Some(database) = component.database() else { continue };
            for (end, value) in [
                ("DB_NAME", database.to_owned()),
                ("DB_USER", database.to_owned()),
                ("SOURCE_DB_NAME", database.to_owned()),
                ("SOURCE_DB_USER", self.source_user.clone()),
            ] {
                set.insert(format!("{name}_{end}"), value);
            }
            for (end, value) in [
                ("HOST", self.postgres.host.clone()),
                ("PORT", self.postgres.port.to_string()),
                ("SECRET", pg_secret(component)),
            ] {
                set.insert(format!("EXTERNAL_PG_{name}_{end}"), value);
            }
        }
        set
    }
}

/// Prefixes as the scripts take them: separated by spaces, each with a star behind it.
fn prefixes(prefixes: &[String]) -> String {
    prefixes.iter().map(|p| format!("{p}*")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            namespace: "camunda".into(),
            release: "c8".into(),
            chart_version: "12.13.3".into(),
            source_user: "postgres".into(),
            postgres: Address { host: "pg.targets".into(), port: 5432 },
            elasticsearch: Address { host: "es.targets".into(), port: 9200 },
            backup_storage: "2Gi".into(),
        }
    }

    #[test]
    fn what_is_migrated_and_how_becomes_variables() {
        let migration = MigrationSpec {
            components: Some(vec![Component::Identity, Component::Elasticsearch]),
            index_prefixes: vec!["operate-".into(), "acme-".into()],
            reindex: Reindex::Warm,
            ..MigrationSpec::default()
        };
        let told = settings().variables(&migration);
        for (name, value) in [
            ("NAMESPACE", "camunda"),
            ("CAMUNDA_RELEASE_NAME", "c8"),
            ("CAMUNDA_HELM_CHART_VERSION", "12.13.3"),
            ("MIGRATE_IDENTITY", "true"),
            ("MIGRATE_KEYCLOAK", "false"),
            ("MIGRATE_WEBMODELER", "false"),
            ("MIGRATE_ELASTICSEARCH", "true"),
            ("PG_TARGET_MODE", "external"),
            ("EXTERNAL_PG_IDENTITY_HOST", "pg.targets"),
            ("EXTERNAL_PG_WEBMODELER_SECRET", "external-pg-webmodeler"),
            ("IDENTITY_DB_USER", "identity"),
            ("IDENTITY_SOURCE_DB_USER", "postgres"),
            ("EXTERNAL_ES_PORT", "9200"),
            ("ES_WARM_REINDEX", "true"),
            ("ES_INDEX_PREFIXES", "operate-* acme-*"),
            ("SKIP_HELM_UPGRADE", "true"),
            ("BACKUP_STORAGE_SIZE", "2Gi"),
            ("NO_COLOR", "true"),
        ] {
            assert_eq!(told.get(name).map(String::as_str), Some(value), "{name}");
        }
        let cold = settings().variables(&MigrationSpec::default());
        assert_eq!((cold["ES_WARM_REINDEX"].as_str(), cold["MIGRATE_KEYCLOAK"].as_str()), ("false", "true"));
        // Passwords are Secrets of the cluster, whatever they are called.
        assert!(told.keys().all(|name| !name.contains("PASSWORD")), "{told:?}");
    }
}
