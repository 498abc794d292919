//! Targets that operators keep: CloudNativePG the PostgreSQL, ECK the Elasticsearch.

use super::rollback::{Mistake, mistake};
use super::{DriverName, EnvironmentName, FaultKind, Managed, Procedure, Scenario};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The operators that keep the target, and what their stores are made from. Files stand beside the scenario file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OperatorsSpec {
    /// Manifests that install them, for a cluster of the run's own; `--operator` adds more. In a cluster that is there they are
    /// there as well, and nobody installs them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub manifests: Vec<String>,
    /// A file with a `Cluster` of CloudNativePG, whose `spec` the target's PostgreSQL gets. Names, passwords, certificates and the
    /// first database are the run's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postgres: Option<String>,
    /// A file with an `Elasticsearch` of ECK, with one set of nodes, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elasticsearch: Option<String>,
    /// A file with a `Keycloak` of the Keycloak operator, likewise. Without that operator a Keycloak of the target is a process of this
    /// machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keycloak: Option<String>,
}

impl OperatorsSpec {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Scenario {
    /// Whether operators keep the target's stores. A procedure that moves nothing has no target.
    pub fn is_operated(&self) -> bool {
        self.target.managed == Managed::Operator && self.procedure != Procedure::ChartOnly
    }

    /// What cannot go together with operators.
    pub(super) fn operators_mistake(&self) -> Option<Mistake> {
        if !self.source.operators.is_default() {
            return mistake(
                &["source", "operators"],
                "the source is the release with stores of its own, and no operator keeps them",
                "move `operators` to the target",
            );
        }
        if self.target.managed != Managed::Operator {
            if let Some(stuck) = self.faults.iter().find(|f| f.fault == FaultKind::OperatorStuck) {
                return mistake(
                    &["faults", stuck.fault.as_str()],
                    "no operator keeps the target",
                    "add `managed: operator` to the target, or leave the fault out",
                );
            }
            return match self.target.operators.is_default() {
                true => None,
                false => mistake(
                    &["target", "operators"],
                    "no operator keeps the target",
                    "add `managed: operator` to the target, or leave `operators` out",
                ),
            };
        }
        if self.driver == DriverName::Scripts {
            return mistake(
                &["target", "managed"],
                "the official scripts install operators and make their stores by themselves, one PostgreSQL for each component",
                "leave `managed: operator` out: stores that are there are external ones to the scripts",
            );
        }
        let astray = self.faults.iter().find(|f| f.fault == FaultKind::ServiceAstray)?;
        mistake(
            &["faults", astray.fault.as_str()],
            "an operator puts the Services of its stores right at once",
            "leave the fault out, or `managed: operator`",
        )
    }

    /// Operators where there is no cluster.
    pub(super) fn operators_out_of_place(&self) -> Option<(Vec<String>, String, String)> {
        let without = matches!(self.environment, EnvironmentName::Embedded | EnvironmentName::Containers);
        (without && self.is_operated()).then(|| {
            (
                vec!["target".into(), "managed".into()],
                format!("operators keep stores in a cluster, and `{}` has none", self.environment),
                "rehearse it with `--on kind` (or `environment: kind`), or use `managed: elsewhere`".into(),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Scenario, String> {
        Scenario::from_yaml("test", &format!("name: test\n{text}")).map_err(|e| e.to_string())
    }

    #[test]
    fn operators_are_asked_for_by_the_target_alone() {
        let one = read(
            "environment: kind\ntarget: {managed: operator, operators: {manifests: [a.yaml], postgres: pg.yaml}}\n",
        )
        .unwrap();
        assert!(one.is_operated());
        assert_eq!(one.target.operators.manifests, ["a.yaml"]);
        assert!(!read("target: {managed: elsewhere}\n").unwrap().is_operated());
        let chart = "environment: kind\nprocedure: chart-only\ntarget: {managed: operator}\n";
        assert!(!read(chart).unwrap().is_operated(), "nothing is moved");
        for (text, words) in [
            ("target: {operators: {manifests: [a.yaml]}}\n", "no operator keeps the target"),
            ("source: {operators: {postgres: a.yaml}}\n", "stores of its own"),
            ("source: {managed: operator}\n", "only the target"),
            ("target: {managed: operator, operators: {manifest: a}}\n", "manifest"),
            (
                "environment: kind\ndriver: scripts\ntarget: {managed: operator}\n",
                "install operators and make their stores",
            ),
            ("environment: kind\nfaults: [{fault: operator-stuck}]\n", "no operator keeps the target"),
            (
                "environment: kind\ntarget: {managed: operator}\nfaults: [{fault: service-astray}]\n",
                "puts the Services",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn where_there_is_no_cluster_no_operator_keeps_anything() {
        let read = |environment: &str| {
            let scenario = read("environment: kind\ntarget: {managed: operator}\n").unwrap();
            Scenario { environment: environment.parse().unwrap(), ..scenario }.mistake_of_place()
        };
        for environment in ["embedded", "containers"] {
            let (path, what, help) = read(environment).unwrap();
            assert_eq!(path, ["target", "managed"]);
            assert!(what.contains(environment) && help.contains("--on kind"), "{what}; {help}");
        }
        for environment in ["kind", "context:staging"] {
            assert_eq!(read(environment), None);
        }
    }
}
