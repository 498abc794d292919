//! Where the stores of a rehearsal run, and what cannot go together with a cluster that is somebody else's.

use super::rollback::{Mistake, mistake};
use super::{FaultKind, RepositoryKind, Scenario};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt::{Display, Formatter};
use std::str::FromStr;

/// What stands before the name of a context.
const CONTEXT: &str = "context:";

/// Where the stores run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum EnvironmentName {
    /// Real PostgreSQL and Elasticsearch as local processes.
    #[default]
    Embedded,
    /// The same as containers of a local engine, from the images that each side names.
    Containers,
    /// The same as pods of a cluster that `kind` makes for the run, with applications that are scaled down and up.
    Kind,
    /// The same as pods of the existing cluster that this context of the kubeconfig names, in namespaces of the run's own.
    Context(String),
}

impl EnvironmentName {
    /// How each is written.
    pub const WRITTEN: [&'static str; 4] = ["embedded", "containers", "kind", "context:NAME"];

    /// Whether the applications are pods, which a freeze stops and a switch starts.
    pub fn has_pods(&self) -> bool {
        matches!(self, Self::Kind | Self::Context(_))
    }
}

impl Display for EnvironmentName {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Embedded => f.write_str("embedded"),
            Self::Containers => f.write_str("containers"),
            Self::Kind => f.write_str("kind"),
            Self::Context(name) => write!(f, "{CONTEXT}{name}"),
        }
    }
}

impl FromStr for EnvironmentName {
    type Err = String;

    /// # Errors
    /// It is none: what there is.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "embedded" => Ok(Self::Embedded),
            "containers" => Ok(Self::Containers),
            "kind" => Ok(Self::Kind),
            _ => match text.strip_prefix(CONTEXT).map(str::trim) {
                Some("") => {
                    Err("the context has no name: write `context:NAME`, as `kubectl config get-contexts` lists it".into())
                }
                Some(name) => Ok(Self::Context(name.to_owned())),
                None => Err(format!("unknown environment `{text}`, expected one of {}", Self::WRITTEN.join(", "))),
            },
        }
    }
}

impl Serialize for EnvironmentName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EnvironmentName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for EnvironmentName {
    fn schema_name() -> Cow<'static, str> {
        "EnvironmentName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Where the stores run.",
            "oneOf": [
                {
                    "description": "Real PostgreSQL and Elasticsearch as local processes.",
                    "type": "string", "const": "embedded"
                },
                {
                    "description": "The same as containers of a local engine, from the images that each side names.",
                    "type": "string", "const": "containers"
                },
                {
                    "description": "The same as pods of a cluster that `kind` makes for the run, with applications that are scaled down and up.",
                    "type": "string", "const": "kind"
                },
                {
                    "description": "`context:NAME`: the same as pods of the existing cluster that this context of the kubeconfig names, in namespaces of the run's own.",
                    "type": "string", "pattern": "^context:.*\\S"
                }
            ]
        })
    }
}

impl Scenario {
    /// What cannot go together with an existing cluster, of which neither a node nor a folder is the run's.
    pub(super) fn context_mistake(&self) -> Option<Mistake> {
        if !matches!(self.environment, EnvironmentName::Context(_)) {
            return None;
        }
        let beside = [("engine", !self.engine.is_none()), ("identity", self.identity.is_some())];
        if let Some((key, _)) = beside.into_iter().find(|(_, asked)| *asked) {
            return mistake(
                &[key],
                "a real application is a process of this machine, and an existing cluster's stores are reached through its API server, which nobody works through",
                format!("leave `{key}` out, or use `--on kind`"),
            );
        }
        let folder = |kind| kind == RepositoryKind::Fs;
        if self.migration.mover == super::Mover::Snapshot
            && self.migration.repository.as_ref().is_none_or(|repository| folder(repository.kind))
        {
            return mistake(
                &["migration", "mover"],
                "snapshots in a folder need one that the clusters of both sides share, and a run has none in an existing cluster",
                "name a `repository` of type s3, choose another mover, or use `--on kind`",
            );
        }
        let still = [FaultKind::SourcePaused, FaultKind::TargetPaused];
        let fault = self.faults.iter().find(|fault| still.contains(&fault.fault))?;
        mistake(
            &["faults", fault.fault.as_str()],
            format!(
                "{} holds a store still on its node, and the nodes of an existing cluster are not the run's",
                fault.fault.as_str()
            ),
            "use `source-killed` or `target-killed` there, which delete the pod at once, or `--on kind`",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(more: &str) -> Result<Scenario, String> {
        let text = format!("name: test\nenvironment: context:staging\n{more}");
        Scenario::from_yaml("test", &text).map_err(|e| e.to_string())
    }

    #[test]
    fn every_environment_is_written_as_it_is_read() {
        let arn = "arn:aws:eks:eu-central-1:1:cluster/blue";
        for text in ["embedded", "containers", "kind", "context:kind-x", &format!("context:{arn}")] {
            let name: EnvironmentName = text.parse().unwrap();
            assert_eq!(name.to_string(), text);
            let json = serde_json::to_string(&name).unwrap();
            assert_eq!(serde_json::from_str::<EnvironmentName>(&json).unwrap(), name);
        }
        for (wrong, word) in [("context:", "no name"), ("context: ", "no name"), ("Kind", "expected one of")]
        {
            let error = wrong.parse::<EnvironmentName>().unwrap_err();
            assert!(error.contains(word), "{error}");
        }
        assert_eq!(read("").unwrap().environment, EnvironmentName::Context("staging".into()));
    }

    #[test]
    fn what_needs_a_node_or_a_shared_folder_is_refused_with_what_to_do() {
        for (more, word) in [
            ("migration: {mover: snapshot}\n", "share"),
            ("faults: [{fault: source-paused}]\n", "on its node"),
            ("faults: [{fault: target-killed}, {fault: target-paused}]\n", "target-paused"),
            ("driver: scripts\n", "more rights"),
            ("engine: camunda\n", "API server"),
            ("identity: keycloak\n", "API server"),
        ] {
            let error = read(more).unwrap_err();
            assert!(error.contains(word), "{more}: {error}");
            let on_kind = format!("name: test\nenvironment: kind\n{more}");
            let kind = Scenario::from_yaml("test", &on_kind);
            assert!(kind.is_ok(), "{more}: {kind:?}");
        }
        for fine in ["faults: [{fault: target-killed}]\n", "faults: [{fault: lose-document}]\n"] {
            read(fine).unwrap();
        }
    }
}
