//! When a rule applies.

use super::chart::ChartKeys;
use super::path::Path;
use super::rules::Form;
use super::same::{is_empty, same};
use super::supplied::Supplied;
use serde::Deserialize;
use serde_json::Value;

/// One condition; all of a rule's must hold.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Path of the value it looks at.
    pub path: String,
    /// Which chart's values.
    #[serde(default)]
    pub side: Side,
    /// The value there must be this one.
    #[serde(default)]
    pub is: Option<Value>,
    /// The value there must not be this one.
    #[serde(default, rename = "is-not")]
    pub is_not: Option<Value>,
    /// Whether the user must have written something there. An empty value counts as nothing.
    #[serde(default)]
    pub set: Option<bool>,
    /// Whether the key must stand there, even empty.
    #[serde(default)]
    pub present: Option<bool>,
    /// The value must have this form.
    #[serde(default)]
    pub form: Option<Form>,
    /// What the chart takes where the user wrote nothing, if the key list of the chart does not say.
    #[serde(default)]
    pub default: Option<Value>,
}

/// One of the two charts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The one that is left.
    #[default]
    Old,
    /// The one that is migrated to.
    New,
}

/// Values of one side with the defaults behind them.
#[derive(Debug, Clone, Copy)]
pub struct Effective<'v> {
    /// What the user supplied.
    pub supplied: &'v Supplied,
    /// The same under newer names, for values that are written under older ones.
    pub renamed: Option<&'v Supplied>,
    /// What the chart knows, if its keys are known.
    pub chart: Option<&'v ChartKeys>,
}

impl Effective<'_> {
    /// The value the chart works with: the user's, else the chart's default, else `otherwise`.
    pub fn value(&self, path: &Path, otherwise: Option<&Value>) -> Option<Value> {
        self.supplied
            .value(path)
            .or_else(|| self.renamed.and_then(|r| r.value(path)))
            .filter(|v| !v.is_null())
            .or_else(|| otherwise.cloned())
            .or_else(|| self.chart.and_then(|c| c.default_of(path).cloned()))
    }
}

impl Condition {
    /// Whether the condition holds.
    pub fn holds(&self, old: Effective<'_>, new: Effective<'_>) -> bool {
        let side = match self.side {
            Side::Old => old,
            Side::New => new,
        };
        let path = Path::parse(&self.path);
        let written = side.supplied.value(&path);
        if self.set.is_some_and(|want| want != written.as_ref().is_some_and(|v| !is_empty(v))) {
            return false;
        }
        if self.present.is_some_and(|want| want != side.supplied.sets(&path)) {
            return false;
        }
        let value = side.value(&path, self.default.as_ref()).unwrap_or(Value::Null);
        self.is.as_ref().is_none_or(|want| same(&path, want, &value))
            && self.is_not.as_ref().is_none_or(|unwanted| !same(&path, unwanted, &value))
            && self.form.is_none_or(|form| form.fits(&value))
    }
}
