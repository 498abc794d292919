//! Which keys a chart knows: from the list that comes with Drydock, or from the chart itself.

use super::path::Path;
use super::schema::{Offence, Schema};
use super::supplied::{Supplied, insert};
use crate::yaml::{Kind, Node, read_one};
use regex::Regex;
use semver::Version;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use thiserror::Error;

/// Lists of keys that come with the program, by chart version, oldest first. `drydock-helm`'s tests write them anew from the
/// charts (`DRYDOCK_TEST_CHARTS`, `DRYDOCK_BLESS=1`).
const LISTS: [(&str, &str); 10] = [
    ("8.0.13", include_str!("../../../../fixtures/helm/keys/8.0.13.txt")),
    ("8.1.27", include_str!("../../../../fixtures/helm/keys/8.1.27.txt")),
    ("8.2.9", include_str!("../../../../fixtures/helm/keys/8.2.9.txt")),
    ("8.3.1", include_str!("../../../../fixtures/helm/keys/8.3.1.txt")),
    ("9.3.7", include_str!("../../../../fixtures/helm/keys/9.3.7.txt")),
    ("10.0.1", include_str!("../../../../fixtures/helm/keys/10.0.1.txt")),
    ("11.12.3", include_str!("../../../../fixtures/helm/keys/11.12.3.txt")),
    ("12.13.3", include_str!("../../../../fixtures/helm/keys/12.13.3.txt")),
    ("13.12.7", include_str!("../../../../fixtures/helm/keys/13.12.7.txt")),
    ("14.8.4", include_str!("../../../../fixtures/helm/keys/14.8.4.txt")),
];

/// Keys below which a chart passes on whatever it is given, to Kubernetes or to an application.
const PASSED_ON: [&str; 26] = [
    "annotations",
    "labels",
    "podAnnotations",
    "podLabels",
    "nodeSelector",
    "matchLabels",
    "level",
    "affinity",
    "tolerations",
    "podSecurityContext",
    "containerSecurityContext",
    "seccompProfile",
    "resources",
    "dnsConfig",
    "extraConfiguration",
    "commonLabels",
    "commonAnnotations",
    "env",
    "envFrom",
    "extraEnvVars",
    "pvcAnnotations",
    "pvcSelector",
    "strategy",
    "updateStrategy",
    "headless",
    "args",
];

/// Keys below `global` that Bitnami's charts read; Helm hands them `global` of the chart around them.
const SUBCHART_GLOBALS: [&str; 10] = [
    "global.imageRegistry",
    "global.imagePullSecrets",
    "global.storageClass",
    "global.defaultStorageClass",
    "global.kibanaEnabled",
    "global.postgresql",
    "global.elasticsearch.service",
    "global.security.allowInsecureImages",
    "global.compatibility.openshift",
    "global.namespaceOverride",
];

/// Longest default that is kept in a list, in characters.
const MOST_DEFAULT: usize = 120;

/// What a chart knows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChartKeys {
    /// Version of the chart the keys were read from.
    pub version: String,
    /// Keys with a default; `None` where the default is too long to matter.
    leaves: BTreeMap<Path, Option<Value>>,
    /// Keys without a default that the chart documents or reads.
    mentioned: BTreeSet<Path>,
    /// Maps that take anything.
    open: BTreeSet<Path>,
    /// What the chart's schema takes at a key: `string`, `boolean`, `integer`, `array`.
    types: BTreeMap<Path, String>,
    /// Keys that are handed to a chart within the chart, whose own keys are not known here.
    subcharts: BTreeSet<String>,
    /// The chart's schema, where the chart itself was read.
    schema: Option<Schema>,
}

/// Whether a chart knows a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It does.
    Yes,
    /// It lies below a map that takes anything.
    Open,
    /// It is handed to a chart within the chart, which was not looked into.
    Subchart,
    /// It does not.
    No,
}

/// Why the keys of a chart cannot be read.
#[derive(Debug, Error)]
pub enum ChartError {
    /// A file of it cannot be read.
    #[error("cannot read {path} of the chart: {reason}")]
    Io {
        /// The file.
        path: String,
        /// What the system says.
        reason: std::io::Error,
    },
    /// A file of it makes no sense.
    #[error("cannot use {path} of the chart: {reason}")]
    Content {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
}

impl ChartKeys {
    /// The list that comes with the program for a chart version: that of the same line, whose keys are those of a late chart of
    /// it. A line is a major version; before 9, a minor one.
    pub fn shipped(version: &Version) -> Option<Self> {
        LISTS
            .iter()
            .find(|(known, _)| {
                Version::parse(known).is_ok_and(|k| {
                    k.major == version.major && (version.major > 8 || k.minor == version.minor)
                })
            })
            .map(|(known, text)| Self::from_list(known, text))
    }

    /// Reads a list: `path = default`, `path {}` for an open map, `path` alone, `@subchart key`.
    pub fn from_list(version: &str, text: &str) -> Self {
        let mut keys = Self { version: version.to_owned(), ..Self::default() };
        for line in text.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
            if let Some(subchart) = line.strip_prefix("@subchart ") {
                keys.subcharts.insert(subchart.to_owned());
            } else if let Some(path) = line.strip_suffix(" {}") {
                keys.open.insert(Path::parse(path));
            } else if let Some((path, default)) = line.split_once(" = ") {
                keys.leaves.insert(Path::parse(path), serde_json::from_str(default).ok());
            } else if let Some((path, of)) = line.split_once(" : ") {
                keys.types.insert(Path::parse(path), of.to_owned());
            } else if let Some(path) = line.strip_suffix(" ?") {
                keys.mentioned.insert(Path::parse(path));
            } else {
                keys.leaves.insert(Path::parse(line), None);
            }
        }
        keys
    }

    /// Writes the list.
    pub fn to_list(&self) -> String {
        let mut lines: Vec<String> = self.subcharts.iter().map(|s| format!("@subchart {s}")).collect();
        lines.extend(self.leaves.iter().map(|(path, default)| match default {
            Some(value) if value.to_string().chars().count() <= MOST_DEFAULT => format!("{path} = {value}"),
            _ => path.to_string(),
        }));
        lines.extend(self.mentioned.iter().map(|path| format!("{path} ?")));
        lines.extend(self.types.iter().map(|(path, of)| format!("{path} : {of}")));
        lines.extend(self.open.iter().map(|path| format!("{path} {{}}")));
        lines.join("\n") + "\n"
    }

    /// Reads a chart: a folder, or a packed chart (`.tgz`).
    ///
    /// # Errors
    /// There is no chart, or its `values.yaml`, `values.schema.json` or `Chart.yaml` cannot be read.
    pub fn read(path: &std::path::Path) -> Result<Self, ChartError> {
        Self::from_files(&super::files::read(path)?)
    }

    /// Reads a chart from its files by path within the chart.
    ///
    /// # Errors
    /// `values.yaml`, `values.schema.json` or `Chart.yaml` is missing or wrong.
    pub fn from_files(files: &BTreeMap<String, String>) -> Result<Self, ChartError> {
        let content = |path: &str, reason: String| ChartError::Content { path: path.to_owned(), reason };
        let read = |path: &str| -> Result<Node, ChartError> {
            let text = files.get(path).ok_or_else(|| content(path, "it is not there".into()))?;
            read_one(text).map(|(node, _)| node).map_err(|e| content(path, e.to_string()))
        };
        let about = read("Chart.yaml")?;
        let version = about.get("version").and_then(Node::as_str).unwrap_or_default().to_owned();
        let mut keys = Self { version, ..Self::default() };
        keys.add_values(&read("values.yaml")?, &Path::default());
        keys.add_documented(&files["values.yaml"]);
        let mut rules = None;
        if let Some(schema) = files.get("values.schema.json") {
            let schema: Value =
                serde_json::from_str(schema).map_err(|e| content("values.schema.json", e.to_string()))?;
            keys.add_schema(&schema, &Path::default());
            rules = Some(schema);
        }
        for (_, text) in files.iter().filter(|(p, _)| p.starts_with("templates/")) {
            keys.add_templates(text);
        }
        let dependencies = about.get("dependencies").map(Node::items).unwrap_or_default();
        for dependency in dependencies {
            let name = dependency.get("name").and_then(Node::as_str).unwrap_or_default();
            let alias = dependency.get("alias").and_then(Node::as_str).unwrap_or(name);
            keys.add_subchart(files, name, alias);
        }
        if !dependencies.is_empty() {
            keys.open.extend(SUBCHART_GLOBALS.map(Path::parse));
        }
        keys.schema = rules.map(|rules| Schema::new(rules, keys.defaults()));
        Ok(keys)
    }

    /// Keys of a chart within the chart, if its files are there; else whatever stands below its name is handed on unseen.
    fn add_subchart(&mut self, files: &BTreeMap<String, String>, name: &str, alias: &str) {
        let own = files.iter().find(|(path, text)| {
            path.starts_with("charts/")
                && path.matches('/').count() == 2
                && path.ends_with("/Chart.yaml")
                && text.lines().any(|l| l.strip_prefix("name:").is_some_and(|n| n.trim() == name))
        });
        let values = own.and_then(|(path, _)| files.get(&path.replace("Chart.yaml", "values.yaml")));
        match values.and_then(|text| read_one(text).ok()) {
            Some((node, _)) => self.add_values(&node, &Path(vec![alias.to_owned()])),
            None => {
                self.subcharts.insert(alias.to_owned());
            }
        }
    }

    fn add_values(&mut self, node: &Node, path: &Path) {
        for entry in node.entries() {
            let path = path.child(&entry.key.text);
            match &entry.value.kind {
                Kind::Map(entries) if entries.is_empty() => {
                    self.open.insert(path);
                }
                Kind::Map(_) => self.add_values(&entry.value, &path),
                // The chart's own default stands before that of a chart within it.
                _ => {
                    self.leaves.entry(path).or_insert_with(|| Some(entry.value.to_value()));
                }
            }
        }
    }

    /// Keys that are only documented: `## @param global.ingress.external ...`, `@extra`, `@skip`.
    fn add_documented(&mut self, text: &str) {
        for line in text.lines() {
            let Some(rest) = line.trim_start().strip_prefix('#') else { continue };
            let rest = rest.trim_start_matches(['#', ' ']);
            for tag in ["@param ", "@extra ", "@skip "] {
                if let Some(rest) = rest.strip_prefix(tag) {
                    let path = rest.split_whitespace().next().unwrap_or_default();
                    if !path.is_empty() && !path.contains('[') {
                        self.mention(Path::parse(path));
                    }
                }
            }
        }
    }

    fn add_schema(&mut self, schema: &Value, path: &Path) {
        if let Some(properties) = schema["properties"].as_object() {
            for (key, below) in properties {
                let path = path.child(key);
                self.mention(path.clone());
                if let Some(of) = below["type"].as_str().filter(|t| *t != "object") {
                    self.types.insert(path.clone(), of.to_owned());
                }
                self.add_schema(below, &path);
            }
        }
        let anything = matches!(&schema["additionalProperties"], Value::Object(_) | Value::Bool(true));
        if anything && !path.0.is_empty() {
            self.open.insert(path.clone());
        }
    }

    fn add_templates(&mut self, text: &str) {
        // A field of the values that a template reads.
        let Ok(read) = Regex::new(r"\.Values((?:\.[A-Za-z][A-Za-z0-9_]*)+)") else { return };
        for found in read.captures_iter(text) {
            self.mention(Path::parse(&found[1][1..]));
        }
    }

    fn mention(&mut self, path: Path) {
        if !self.leaves.contains_key(&path) && !self.has_below(path.keys()) {
            self.mentioned.insert(path);
        }
    }

    fn has_below(&self, keys: &[String]) -> bool {
        let after = (Bound::Excluded(keys), Bound::Unbounded);
        self.leaves.range::<[String], _>(after).next().is_some_and(|(p, _)| p.keys().starts_with(keys))
    }

    /// Whether the chart knows a key.
    pub fn knows(&self, path: &Path) -> Known {
        let keys = path.keys();
        let exists = |keys: &[String]| self.leaves.contains_key(keys) || self.mentioned.contains(keys);
        if exists(keys) || self.has_below(keys) {
            return Known::Yes;
        }
        // Helpers of the chart read these of any part, under a name that is put together.
        let named = matches!(path.last(), "fullnameOverride" | "nameOverride");
        if named && keys.len() == 2 && self.has_below(&keys[..1]) {
            return Known::Yes;
        }
        for depth in (1..=keys.len()).rev() {
            let above = &keys[..depth];
            let passed_on = PASSED_ON.contains(&keys[depth - 1].as_str())
                && (exists(above) || self.has_below(above) || self.open.contains(above));
            let empty = depth < keys.len() && matches!(self.leaves.get(above), Some(Some(Value::Null)));
            if self.open.contains(above) || passed_on || empty {
                return Known::Open;
            }
        }
        match keys.first() {
            Some(first) if self.subcharts.contains(first) => Known::Subchart,
            _ => Known::No,
        }
    }

    /// The default of a key, if it has one that is known here.
    pub fn default_of(&self, path: &Path) -> Option<&Value> {
        self.leaves.get(path).and_then(Option::as_ref)
    }

    /// What the chart's schema takes at a key where a value is something else; rendering stops at it.
    pub fn refuses(&self, path: &Path, value: &Value) -> Option<&str> {
        let of = self.types.get(path)?.as_str();
        let fits = match (of, value) {
            // Helm drops a key that is null before it looks at the schema.
            (_, Value::Null) => true,
            ("string", Value::String(_)) | ("boolean", Value::Bool(_)) | ("array", Value::Array(_)) => true,
            ("number", Value::Number(_)) => true,
            ("integer", Value::Number(n)) => n.as_f64().is_some_and(|f| f.fract() == 0.0),
            ("string" | "boolean" | "array" | "number" | "integer", _) => false,
            _ => true,
        };
        (!fits).then_some(of)
    }

    /// What the chart's own schema does not take; `None` where only the list of keys is known.
    pub(super) fn offences(&self, supplied: &Supplied) -> Option<Result<Vec<Offence>, String>> {
        self.schema.as_ref().map(|schema| schema.offences(supplied))
    }

    /// The chart's defaults as one map.
    fn defaults(&self) -> Value {
        let mut all = Value::Object(serde_json::Map::new());
        for (path, default) in &self.leaves {
            insert(&mut all, path.keys(), default.clone().unwrap_or(Value::Null));
        }
        for path in self.open.iter().filter(|path| !self.has_below(path.keys())) {
            insert(&mut all, path.keys(), Value::Object(serde_json::Map::new()));
        }
        all
    }

    /// Every key that has a default, and every map that takes anything.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.leaves.keys().chain(&self.open)
    }
}

#[cfg(test)]
mod tests {
    use super::{ChartKeys, Known};
    use crate::values::Path;
    use std::collections::BTreeMap;

    fn chart() -> ChartKeys {
        let files = [
            ("Chart.yaml", "version: 1.2.3\ndependencies: [{name: pg, alias: database}, {name: es}]"),
            (
                "values.schema.json",
                r#"{"properties": {"web": {"properties": {"port": {"type": "integer"}, "tag": {"type": "string"}}}}}"#,
            ),
            (
                "values.yaml",
                "## @param web.extra only documented\nweb: {port: 80, annotations: {}, tls: null}\n",
            ),
            ("templates/a.yaml", "{{ .Values.web.read.only }}"),
            ("charts/pg-1/Chart.yaml", "name: pg\n"),
            ("charts/pg-1/values.yaml", "auth: {password: x}"),
        ];
        let files: BTreeMap<_, _> = files.map(|(p, t)| (p.to_owned(), t.to_owned())).into();
        ChartKeys::from_files(&files).unwrap()
    }

    #[test]
    fn a_chart_knows_what_it_has_documents_or_reads() {
        let chart = chart();
        let knows = |path: &str| chart.knows(&Path::parse(path));
        let refuses = |path: &str, value| chart.refuses(&Path::parse(path), &value).map(str::to_owned);
        assert_eq!(refuses("web.tag", serde_json::json!(8.1)).as_deref(), Some("string"));
        assert_eq!(refuses("web.port", serde_json::json!(80)), None);
        assert_eq!(knows("web.port"), Known::Yes);
        assert_eq!(knows("web"), Known::Yes);
        assert_eq!(knows("web.extra"), Known::Yes);
        assert_eq!(knows("web.read.only"), Known::Yes);
        assert_eq!(knows("web.annotations.x"), Known::Open);
        assert_eq!(knows("web.tls.secretName"), Known::Open);
        assert_eq!(knows("web.prot"), Known::No);
        assert_eq!(knows("database.auth.password"), Known::Yes);
        assert_eq!(knows("database.auth.pasword"), Known::No);
        assert_eq!(knows("es.anything"), Known::Subchart);
        assert_eq!(knows("global.imageRegistry"), Known::Open);
        assert_eq!(knows("other"), Known::No);
    }

    #[test]
    fn a_list_says_the_same_as_the_chart() {
        // The schema's rules are too much for a list; its types are in it.
        let chart = ChartKeys { schema: None, ..chart() };
        assert_eq!(ChartKeys::from_list("1.2.3", &chart.to_list()), chart);
    }
}
