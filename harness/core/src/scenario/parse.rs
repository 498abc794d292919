//! Reading scenario and ledger files: every mistake is told with file, line and column, and misspelt words with the word
//! that was probably meant.

use super::place::{locate, offset_of};
use super::{CreateIndices, Delta, Mover, Reindex, Scenario};
use crate::ledger::Ledger;
use crate::names::Component;
use crate::plan::Plan;
use crate::printable::{in_place, printable};
use miette::{Diagnostic, NamedSource, SourceSpan};
use serde::de::DeserializeOwned;
use thiserror::Error;

/// A mistake in a scenario or ledger file.
#[derive(Debug, Error, Diagnostic)]
#[error("{}:{line}:{column}: {message}", printable(.file))]
#[diagnostic(code(drydock::scenario))]
pub struct ScenarioError {
    /// File as it was named.
    pub file: String,
    /// Line, from 1; 0 where no place can be named.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    #[help]
    pub help: Option<String>,
    #[source_code]
    source_code: NamedSource<String>,
    #[label("here")]
    span: SourceSpan,
}

impl Scenario {
    /// Reads a scenario from YAML text. `file` is used in messages only.
    ///
    /// # Errors
    /// The text is no YAML, has unknown or misspelt keys, or asks for something that cannot be.
    pub fn from_yaml(file: &str, text: &str) -> Result<Self, Box<ScenarioError>> {
        let scenario: Self = read(file, text)?;
        scenario.validate(file, text)?;
        Ok(scenario)
    }

    /// The JSON Schema of scenario files, as published in `scenarios/schema.json`.
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }

    /// What of the real application and of the driver cannot go together with the rest: where it stands, what is wrong, what to
    /// write instead. To be asked again where a scenario was changed after it was read.
    pub fn mistake_of_parts(&self) -> Option<(Vec<String>, String, String)> {
        self.engine_mistake()
            .or_else(|| self.driver_mistake())
            .or_else(|| self.context_mistake())
            .or_else(|| self.chart_mistake())
            .or_else(|| self.operators_mistake())
    }

    fn validate(&self, file: &str, text: &str) -> Result<(), Box<ScenarioError>> {
        let wrong = |path: &[&str], message: String, help: String| {
            let (line, column) = locate(text, path).unwrap_or((1, 1));
            Err(at(file, text, line, column, &message, Some(help)))
        };
        if self.name.is_empty()
            || !self.name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
            || self.name.starts_with('.')
        {
            return wrong(
                &["name"],
                format!("the name {:?} cannot be part of a file name", self.name),
                "use letters, digits, - and _".into(),
            );
        }
        for (side, name) in [(&self.source, "source"), (&self.target, "target")] {
            if !matches!(side.postgres.version, 14 | 15 | 17) {
                return wrong(
                    &[name, "postgres", "version"],
                    format!(
                        "PostgreSQL {} is not among the versions this environment starts",
                        side.postgres.version
                    ),
                    "use 14, 15 or 17".into(),
                );
            }
            if !(256..=1024).contains(&side.elasticsearch.heap_mib) {
                return wrong(
                    &[name, "elasticsearch", "heap_mib"],
                    format!("a heap of {} MiB is outside of 256 to 1024", side.elasticsearch.heap_mib),
                    "use 512 or 1024".into(),
                );
            }
        }
        if self.source.postgres.version > self.target.postgres.version {
            return wrong(
                &["target", "postgres", "version"],
                format!(
                    "a dump of PostgreSQL {} cannot be restored into {}",
                    self.source.postgres.version, self.target.postgres.version
                ),
                "give the target the same major version or a newer one".into(),
            );
        }
        let ports: Vec<([&str; 3], u16)> = [("source", &self.source), ("target", &self.target)]
            .into_iter()
            .flat_map(|(name, side)| {
                [
                    ([name, "postgres", "port"], side.postgres.port),
                    ([name, "elasticsearch", "port"], side.elasticsearch.port),
                ]
            })
            .filter_map(|(path, port)| Some((path, port?)))
            .collect();
        if let Some((path, twice)) = ports
            .iter()
            .enumerate()
            .find(|(i, (_, port))| ports[..*i].iter().any(|(_, p)| p == port))
            .map(|(_, p)| p)
        {
            return wrong(
                path,
                format!("port {twice} is given to two stores"),
                "give each store its own port, or leave `port` out and a free one is taken".into(),
            );
        }
        let limits = [
            ("workload", "writes_per_second", self.workload.writes_per_second, 0, 1000),
            ("workload", "probes_per_second", self.workload.probes_per_second, 0, 200),
            ("workload", "writes_between", self.workload.writes_between, 0, 10_000),
            ("migration", "reindex_parallelism", self.migration.reindex_parallelism, 1, 16),
            ("migration", "reindex_batch", self.migration.reindex_batch, 1, 10_000),
        ];
        for (section, key, value, least, most) in limits {
            if !(least..=most).contains(&value) {
                return wrong(
                    &[section, key],
                    format!("{key} is {value}, outside of {least} to {most}"),
                    format!("use {least} to {most}"),
                );
            }
        }
        if let Some((path, message, help)) = self.copy_mistake() {
            return wrong(&path, message.into(), help.into());
        }
        if let Some((path, message, help)) = self.side_mistake() {
            return wrong(&path, message, help.into());
        }
        if self.migration.components().is_empty() {
            return wrong(
                &["migration", "components"],
                "no component is left to migrate".into(),
                "name at least one".into(),
            );
        }
        if self.migration.components().contains(&Component::Elasticsearch) {
            for prefix in &self.migration.index_prefixes {
                if let Some(mistake) = prefix_mistake(prefix) {
                    return wrong(
                        &["migration", "index_prefixes", prefix],
                        format!("{prefix:?} is no prefix of index names: {mistake}"),
                        "write the beginning of the names as it is, `operate-`".into(),
                    );
                }
            }
            if self.migration.index_prefixes.is_empty() {
                return wrong(
                    &["migration", "index_prefixes"],
                    "without an index prefix no index is migrated".into(),
                    "name prefixes, or leave `elasticsearch` out of `components`".into(),
                );
            }
        }
        if let Some((path, message, help)) = self.identity_mistake() {
            return wrong(&path, message, help.into());
        }
        for (key, budget) in [("downtime", self.budgets.downtime), ("step", self.budgets.step)] {
            if budget.is_some_and(|d| d.is_negative() || d.is_zero()) {
                return wrong(
                    &["budgets", key],
                    format!("the {key} budget is not positive"),
                    "write it as `90s` or `10min`".into(),
                );
            }
        }
        if self.data.documents == Some(0) {
            return wrong(
                &["data", "documents"],
                "a source without documents proves nothing".into(),
                "ask for at least 1".into(),
            );
        }
        if let Some((path, message, help)) = self.rollback_mistake().or_else(|| self.mistake_of_parts()) {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            return wrong(&path, message, help);
        }
        let plan = Plan::of(self);
        if let Some((word, message, help)) = self.expect.mistake(&plan) {
            return wrong(&["expect", &word], message, help);
        }
        for fault in &self.faults {
            if let Some((word, message, help)) = fault.mistake(self, &plan) {
                return wrong(&["faults", &word], message, help);
            }
            let Some(step) = fault.after.as_ref().or(fault.during.as_ref()) else { continue };
            if plan.step(step).is_none() {
                let known: Vec<&str> = plan.steps.iter().map(|s| s.id.as_str()).collect();
                let help = did_you_mean(step.as_str(), &known)
                    .unwrap_or_else(|| "`drydock rehearse --plan` lists the steps".into());
                let moment = if fault.after.is_some() { "be planted after" } else { "happen during" };
                return wrong(
                    &["faults", step.as_str()],
                    format!("{} is to {moment} {step}, which is no step of this plan", fault.fault.as_str()),
                    help,
                );
            }
        }
        Ok(())
    }

    /// Ways of copying that cannot be combined: where it stands, what is wrong, what to write instead.
    fn copy_mistake(&self) -> Option<([&'static str; 2], &'static str, &'static str)> {
        let migration = &self.migration;
        if let Some(mistake) = super::manual::mistake(migration) {
            return Some(mistake);
        }
        if migration.delta.is_some() && migration.reindex == Reindex::Cold {
            return Some((
                ["migration", "delta"],
                "a cold copy has no delta",
                "add `reindex: warm`, or leave `delta` out",
            ));
        }
        if migration.reindex == Reindex::Cold {
            return self.between_mistake();
        }
        if migration.delta() == Delta::Upstream && migration.mover == Mover::Stream {
            return Some((
                ["migration", "delta"],
                "the official scripts' delta is made by `_reindex`",
                "use `mover: reindex` with it, or `delta: exact`",
            ));
        }
        if migration.delta() == Delta::Exact && migration.create_indices == CreateIndices::Upstream {
            return Some((
                ["migration", "create_indices"],
                "an exact delta needs indices that were made completely",
                "use `create_indices: complete` with it, or `delta: upstream`",
            ));
        }
        self.between_mistake()
    }

    fn between_mistake(&self) -> Option<([&'static str; 2], &'static str, &'static str)> {
        let nobody = !self.has_writing_users() && self.camunda().is_none();
        (self.workload.writes_between > 0 && nobody).then_some((
            ["workload", "writes_between"],
            "writes are waited for, but nobody writes",
            "set `writes_per_second` and migrate a component that users write to, or leave `writes_between` out",
        ))
    }
}

/// Reads a ledger file.
///
/// # Errors
/// As [`Scenario::from_yaml`].
pub fn ledger_from_yaml(file: &str, text: &str) -> Result<Ledger, Box<ScenarioError>> {
    read(file, text)
}

pub(crate) fn read<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, Box<ScenarioError>> {
    serde_saphyr::from_str(text).map_err(|error| {
        let error = error.without_snippet();
        let (message, help) = explain(error);
        let (line, column) = error.location().map_or((0, 0), |l| (l.line(), l.column()));
        at(file, text, line, column, &message, help)
    })
}

/// Where a mistake of a file stands, as keys from the outside in, what is wrong, and what to write instead.
pub(crate) type Mistaken = (Vec<String>, String, String);

/// A mistake that only the whole file shows, told at the key that it belongs to or, where that is not written, at the one around it.
pub(crate) fn wrong_at(
    file: &str,
    text: &str,
    path: &[&str],
    message: &str,
    help: &str,
) -> Box<ScenarioError> {
    let (line, column) = locate(text, path).unwrap_or((1, 1));
    at(file, text, line, column, message, Some(help.to_owned()))
}

/// Our own words for the mistakes people make most, and the parser's for the rest.
fn explain(error: &serde_saphyr::Error) -> (String, Option<String>) {
    use serde_saphyr::Error as E;
    let listed = |word: &str, known: &[&'static str]| {
        did_you_mean(word, known).or_else(|| Some(format!("known here: {}", known.join(", "))))
    };
    match error {
        E::SerdeUnknownField { field, expected, .. } => {
            (format!("unknown key `{field}`"), listed(field, expected))
        }
        E::SerdeUnknownVariant { variant, expected, .. } => {
            (format!("unknown value `{variant}`"), listed(variant, expected))
        }
        E::SerdeMissingField { field, .. } => {
            (format!("the key `{field}` is missing"), Some(format!("add `{field}:`")))
        }
        E::InvalidScalar { ty, .. } => match *ty {
            "u64" | "u32" | "u16" => {
                let most = match *ty {
                    "u64" => u64::MAX,
                    "u32" => u64::from(u32::MAX),
                    _ => u64::from(u16::MAX),
                };
                (
                    format!("expected a whole number from 0 to {most}"),
                    Some("write it in digits, without a unit".into()),
                )
            }
            other => (format!("this is no {other}"), None),
        },
        E::Unexpected { expected: "mapping start", .. } => (
            "expected keys with values below this one".into(),
            Some("write `key: value` on indented lines, or {key: value}".into()),
        ),
        E::Unexpected { expected: "sequence start", .. } => {
            ("expected a list".into(), Some("write `- item` on indented lines, or [item, item]".into()))
        }
        E::Unexpected { expected: "string scalar", .. } => (
            "expected one text".into(),
            Some("put it in quotes if it contains brackets, braces or a colon".into()),
        ),
        E::DuplicateMappingKey { key, .. } => (
            key.as_ref().map_or_else(
                || "a key stands here twice".into(),
                |k| format!("the key `{k}` stands here twice"),
            ),
            Some("keep one of them".into()),
        ),
        E::MultipleDocuments { .. } => (
            "a second YAML document begins here".into(),
            Some("one file holds one document: take `---` out".into()),
        ),
        E::Eof { .. } => (
            "the file holds nothing".into(),
            Some("a scenario begins with `name:`, a ledger with `expected:`".into()),
        ),
        other => {
            let text = other.to_string();
            // The parser puts the place into its words as well; it is told once, in front.
            let text = text.lines().next().unwrap_or_default();
            let text = text.rsplit_once(" at line ").map_or(text, |(before, _)| before);
            let text = text.trim_end_matches(" (");
            if text.contains("\"friendly\" duration") {
                return (
                    "expected a duration".into(),
                    Some("write a number with its unit: `90s`, `10min`, `1h 30min`".into()),
                );
            }
            let help = if text.starts_with("tabs disallowed") {
                Some("indent with spaces")
            } else if text.starts_with("mapping values are not allowed") {
                Some("indent keys of one level alike, and put a text that contains `: ` in quotes")
            } else {
                None
            };
            (text.to_owned(), help.map(Into::into))
        }
    }
}

/// The known word nearest to a misspelt one, as a question.
pub fn did_you_mean(word: &str, known: &[&str]) -> Option<String> {
    let (distance, best) = known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(&word.to_lowercase(), &k.to_lowercase()), *k))
        .min_by_key(|(d, _)| *d)?;
    (distance <= 2.max(word.chars().count() / 3)).then(|| format!("did you mean `{best}`?"))
}

fn prefix_mistake(prefix: &str) -> Option<&'static str> {
    if prefix.is_empty() {
        Some("it would match every index")
    } else if prefix.contains('*') {
        Some("`*` is implied")
    } else if prefix.chars().any(|c| c.is_uppercase() || " \"\\<>|,/?#:".contains(c)) {
        Some("index names do not contain such characters")
    } else if prefix.starts_with(['-', '_', '+', '.']) {
        Some("index names of Camunda do not begin so")
    } else {
        None
    }
}

fn at(
    file: &str,
    text: &str,
    line: u64,
    column: u64,
    message: &str,
    help: Option<String>,
) -> Box<ScenarioError> {
    let offset = offset_of(text, line, column);
    // What stands in a file may steer a terminal as well as what stands in a document.
    let text = in_place(text);
    let length = text[offset..]
        .find(|c: char| c.is_whitespace() || c == ':')
        .unwrap_or(text.len() - offset)
        .max(usize::from(offset < text.len()));
    Box::new(ScenarioError {
        file: file.to_owned(),
        line,
        column,
        message: printable(message).into_owned(),
        help: help.map(|help| printable(&help).into_owned()),
        source_code: NamedSource::new(printable(file), text),
        span: (offset, length).into(),
    })
}
