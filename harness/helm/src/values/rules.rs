//! Rules as data: what a chart version did to the keys of the one before.

use super::condition::Condition;
use super::path::{Captures, Path, Pattern, Template};
use semver::Version;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use thiserror::Error;

/// A file of rules: `fixtures/helm/rules/12-to-13.yaml`.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleSet {
    /// Name of the file without its ending.
    pub name: String,
    /// Application versions on both ends, for people.
    pub about: String,
    /// The rules, in file order.
    pub rules: Vec<Rule>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Identifier, unique over all files: `12-13/R03`.
    pub id: String,
    /// First chart version that needs it.
    pub at: Version,
    /// What happened.
    pub kind: RuleKind,
    /// Keys it speaks of; empty for defaults, constraints and requirements.
    pub old: Vec<Pattern>,
    /// Where they go.
    pub new: Vec<Template>,
    /// What the value becomes on the way.
    pub transform: Transform,
    /// Which kind of value it speaks of.
    pub form: Option<Form>,
    /// What the new chart does with a key that was left where it was.
    pub left: Left,
    /// When the new chart still reads the key in its old place, whatever `left` says: its own translation of old keys.
    pub read_when: Vec<Condition>,
    /// How much it matters, for changed defaults.
    pub severity: Severity,
    /// The default before.
    pub was: Option<Value>,
    /// The default now.
    pub now: Option<Value>,
    /// What to write to keep what the old chart did.
    pub pin: Option<Value>,
    /// Key of the old chart whose value is to be written, for requirements.
    pub copy: Option<Path>,
    /// When it applies.
    pub when: Vec<Condition>,
    /// What a user should know, and do.
    pub note: String,
    /// Where that is written, in full.
    pub source: String,
}

/// What happened to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleKind {
    /// The same key under another name.
    Rename,
    /// The same setting in another place.
    Relocate,
    /// One of several that are put together into one.
    Merge,
    /// The key is gone, and nothing needs to take its place.
    Remove,
    /// The key is gone, and somebody has to decide what takes its place.
    Decide,
    /// The key is the same, its default is not.
    Default,
    /// The key is the same, what it means is not.
    Transform,
    /// A combination that the new chart refuses or misreads.
    Constraint,
    /// A key that must be written now to keep what went without saying before.
    Require,
}

/// What the new chart does with a key that was left in its old place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Left {
    /// It is not read, and nobody is told.
    #[default]
    Ignored,
    /// Rendering fails.
    Fails,
    /// It is still read.
    Accepted,
    /// It is read as something else.
    Misread,
}

/// How much a changed default matters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum Severity {
    /// Size or looks.
    C,
    /// Different behaviour.
    B,
    /// A function is lost, or data is at risk.
    #[default]
    A,
}

/// What a value becomes on its way.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transform {
    /// Itself.
    None,
    /// A list of this one value.
    Item,
    /// A list of its words.
    Words,
    /// Paths of the old image become those of the new one.
    CamundaPaths,
    /// Names of environment variables of the stand-alone gateway become those of the gateway within the broker.
    GatewayEnv,
    /// Another word for the same.
    #[serde(untagged)]
    Table(BTreeMap<String, Value>),
}

/// Kind of value a rule speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// Text.
    Text,
    /// A number.
    Number,
    /// A map.
    Map,
    /// A list.
    List,
}

impl Form {
    /// Whether a value has this form.
    pub fn fits(self, value: &Value) -> bool {
        match self {
            Self::Text => value.as_str().is_some_and(|t| !t.is_empty()),
            Self::Number => value.is_number(),
            Self::Map => value.is_object(),
            Self::List => value.is_array(),
        }
    }
}

/// Why a file of rules cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("rules {file}: {reason}")]
pub struct RulesError {
    /// The file.
    pub file: String,
    /// What is wrong.
    pub reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    about: String,
    sources: BTreeMap<String, String>,
    #[serde(default)]
    at: Option<String>,
    rules: Vec<Written>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    kind: RuleKind,
    #[serde(default)]
    at: Option<String>,
    #[serde(default)]
    old: OneOrMany,
    #[serde(default)]
    new: OneOrMany,
    #[serde(default)]
    transform: Option<Transform>,
    #[serde(default)]
    form: Option<Form>,
    #[serde(default)]
    left: Left,
    #[serde(default, rename = "read-when")]
    read_when: Vec<Condition>,
    #[serde(default)]
    severity: Severity,
    #[serde(default)]
    was: Option<Value>,
    #[serde(default)]
    now: Option<Value>,
    #[serde(default)]
    pin: Option<Value>,
    #[serde(default)]
    copy: Option<String>,
    #[serde(default)]
    when: Vec<Condition>,
    note: String,
    #[serde(default)]
    source: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    #[default]
    None,
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn list(self) -> Vec<String> {
        match self {
            Self::None => Vec::new(),
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

impl RuleSet {
    /// Reads a file of rules and checks that every rule can be applied.
    ///
    /// # Errors
    /// The text is no such file, or a rule lacks what its kind needs.
    pub fn from_yaml(name: &str, text: &str) -> Result<Self, RulesError> {
        let failed = |reason: String| RulesError { file: name.to_owned(), reason };
        let file: File = serde_saphyr::from_str(text).map_err(|e| failed(e.to_string()))?;
        let mut rules = Vec::with_capacity(file.rules.len());
        for written in file.rules {
            let id = format!("{name}/{}", written.id);
            if rules.iter().any(|r: &Rule| r.id == id) {
                return Err(failed(format!("{id} stands there twice")));
            }
            let at = written.at.as_ref().or(file.at.as_ref());
            let at = at.ok_or_else(|| failed(format!("{id} names no chart version")))?;
            let at = Version::parse(at).map_err(|e| failed(format!("{id}: {e}")))?;
            let source = written.source.as_deref().unwrap_or("charts");
            let source =
                file.sources.get(source).ok_or_else(|| failed(format!("{id}: no source `{source}`")))?;
            let rule = Rule {
                at,
                kind: written.kind,
                old: written.old.list().iter().map(|p| Pattern::parse(p)).collect(),
                new: written.new.list().iter().map(|p| Template::parse(p)).collect(),
                transform: written.transform.unwrap_or(Transform::None),
                form: written.form,
                left: written.left,
                read_when: written.read_when,
                severity: written.severity,
                was: written.was,
                now: written.now,
                pin: written.pin,
                copy: written.copy.as_deref().map(Path::parse),
                when: written.when,
                note: written.note,
                source: source.clone(),
                id,
            };
            rule.check().map_err(|reason| failed(format!("{}: {reason}", rule.id)))?;
            rules.push(rule);
        }
        Ok(Self { name: name.to_owned(), about: file.about, rules })
    }
}

impl Rule {
    fn check(&self) -> Result<(), String> {
        let moves = matches!(
            self.kind,
            RuleKind::Rename | RuleKind::Relocate | RuleKind::Merge | RuleKind::Transform
        );
        let needs_old = moves || matches!(self.kind, RuleKind::Remove | RuleKind::Decide);
        if needs_old && self.old.is_empty() {
            return Err("needs `old`".into());
        }
        if (moves || matches!(self.kind, RuleKind::Default | RuleKind::Require)) && self.new.is_empty() {
            return Err("needs `new`".into());
        }
        if matches!(self.kind, RuleKind::Constraint | RuleKind::Require) && self.when.is_empty() {
            return Err("needs `when`".into());
        }
        for new in &self.new {
            if needs_old && !self.old.iter().all(|old| new.fits(old)) {
                return Err("`new` names a part that `old` does not have".into());
            }
        }
        if self.note.is_empty() {
            return Err("needs a `note`".into());
        }
        Ok(())
    }

    /// Whether the rule says where a key goes.
    pub fn speaks_of_keys(&self) -> bool {
        !self.old.is_empty()
            && !matches!(self.kind, RuleKind::Default | RuleKind::Constraint | RuleKind::Require)
    }

    /// How closely the rule describes a path, if it speaks of it, and by which of its patterns.
    pub fn speaks_of(&self, path: &Path, value: &Value) -> Option<(&Pattern, (usize, usize))> {
        if self.form.is_some_and(|form| !form.fits(value)) {
            return None;
        }
        let fitting = self.old.iter().filter(|pattern| pattern.fits(path));
        fitting.map(|pattern| (pattern, pattern.weight())).max_by_key(|(_, weight)| *weight)
    }

    /// The path of a default, a requirement or a constraint.
    pub fn target(&self) -> Option<Path> {
        self.new.first().map(|t| t.fill(&Captures::default()))
    }
}

impl Transform {
    /// The value at its new place; `None` if nothing has to stand there.
    pub fn apply(&self, value: &Value) -> Option<Value> {
        match self {
            Self::None => Some(value.clone()),
            Self::Item => Some(Value::Array(vec![value.clone()])),
            Self::Words => Some(match value {
                Value::String(text) => {
                    Value::Array(text.split([' ', ',']).filter(|w| !w.is_empty()).map(Value::from).collect())
                }
                other => other.clone(),
            }),
            Self::CamundaPaths => Some(in_texts(value, &|text| {
                text.replace("/usr/local/zeebe", "/usr/local/camunda")
                    .replace("/usr/local/operate", "/usr/local/camunda")
                    .replace("/usr/local/tasklist", "/usr/local/camunda")
            })),
            Self::GatewayEnv => Some(in_texts(value, &|text| match text.strip_prefix("ZEEBE_GATEWAY_") {
                Some(rest) => format!("ZEEBE_BROKER_GATEWAY_{rest}"),
                None => text.to_owned(),
            })),
            Self::Table(table) => {
                let key = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                match table.get(&key) {
                    Some(Value::Null) => None,
                    Some(other) => Some(other.clone()),
                    None => Some(value.clone()),
                }
            }
        }
    }
}

fn in_texts(value: &Value, change: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::from(change(text)),
        Value::Array(items) => Value::Array(items.iter().map(|i| in_texts(i, change)).collect()),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(k, v)| (k.clone(), in_texts(v, change))).collect())
        }
        other => other.clone(),
    }
}
