//! The real chart in the place of the one of this repository: its own pods are the application then.

use super::rollback::{Mistake, mistake};
use super::{EngineName, EnvironmentName, Scenario};
use crate::names::Component;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The official chart as the release of the source. `--chart` names a folder instead of what `name` and `version` say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChartSpec {
    /// The chart as `helm pull` takes it.
    #[serde(default = "default_name")]
    pub name: String,
    /// Its version; the newest if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Files of values, relative to the scenario file; `--chart-values` adds more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

fn default_name() -> String {
    "camunda/camunda-platform".to_owned()
}

impl Default for ChartSpec {
    fn default() -> Self {
        Self { name: default_name(), version: None, values: Vec::new() }
    }
}

/// What one server of each kind holds on a side: the chart has a PostgreSQL of its own for each of the others.
const MOVED: [Component; 2] = [Component::Keycloak, Component::Elasticsearch];

impl Scenario {
    /// What cannot go together with the real chart.
    pub(super) fn chart_mistake(&self) -> Option<Mistake> {
        self.chart.as_ref()?;
        if self.environment != EnvironmentName::Kind {
            return mistake(
                &["chart"],
                "a chart is installed in a cluster of the run's own only",
                "use `environment: kind` with it (or `--on kind`), or leave `chart` out",
            );
        }
        if self.engine != EngineName::Camunda || !self.has_real_keycloak() {
            return mistake(
                &["chart"],
                "the pods of the chart are a real Camunda and a real Keycloak, which nobody works in here",
                "add `engine: camunda` and `identity: keycloak`, or leave `chart` out",
            );
        }
        if let Some(other) = self.migration.components().into_iter().find(|c| !MOVED.contains(c)) {
            return mistake(
                &["migration"],
                format!("the chart has a PostgreSQL for {other} alone, and a side has one PostgreSQL here"),
                "write `components: [keycloak, elasticsearch]`",
            );
        }
        let set = self.camunda.as_ref()?;
        let usual = super::CamundaSpec::default();
        let said = [
            ("heap_mib", set.heap_mib != usual.heap_mib),
            ("partitions", set.partitions != usual.partitions),
        ];
        let (key, _) = said.into_iter().find(|(_, said)| *said)?;
        mistake(
            &["camunda", key],
            format!("{key} of the chart's pods stands in its values"),
            format!("leave `{key}` out of `camunda`, and set it in a file of values"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: &str =
        "name: test\nenvironment: kind\nengine: camunda\nidentity: keycloak\nchart: {version: 12.13.3}\n";
    const MIGRATION: &str =
        "migration: {components: [keycloak, elasticsearch], index_prefixes: [zeebe-, operate-, tasklist-]}\n";

    fn read(text: &str) -> Result<Scenario, String> {
        Scenario::from_yaml("test", text).map_err(|e| e.to_string())
    }

    #[test]
    fn the_official_chart_is_named_unless_another_one_is() {
        let chart = read(&format!("{REAL}{MIGRATION}")).unwrap().chart.unwrap();
        assert_eq!(
            (chart.name.as_str(), chart.version.as_deref()),
            ("camunda/camunda-platform", Some("12.13.3"))
        );
        assert!(read("name: test\n").unwrap().chart.is_none());
        assert!(read(&format!("{REAL}{MIGRATION}").replace("version", "vresion")).is_err());
    }

    #[test]
    fn what_the_charts_pods_cannot_do_is_refused_where_it_stands() {
        let whole = format!("{REAL}{MIGRATION}");
        for (from, to, words) in [
            ("environment: kind\n", "environment: containers\n", "cluster of the run's own"),
            ("engine: camunda\n", "", "nobody works in"),
            ("identity: keycloak\n", "", "nobody works in"),
            ("[keycloak, elasticsearch]", "[identity, keycloak, elasticsearch]", "one PostgreSQL here"),
        ] {
            let error = read(&whole.replacen(from, to, 1)).unwrap_err();
            assert!(error.contains(words), "{to}: {error}");
        }
        let error = read(&format!("{whole}camunda: {{partitions: 3}}\n")).unwrap_err();
        assert!(error.contains("in its values"), "{error}");
        read(&format!("{whole}camunda: {{instances: 30}}\n")).unwrap();
    }
}
