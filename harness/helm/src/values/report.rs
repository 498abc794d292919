//! Words and shapes in which values are told.

use super::path::Path;
use super::secrecy::shown;
use super::supplied::{Place, Supplied};
use drydock_core::finding::{Class, Finding, Kind, Outcome, Sample};
use serde_json::Value;

/// Where something is written, for reports.
pub(crate) fn place(supplied: &Supplied, place: &Place) -> drydock_core::finding::Place {
    drydock_core::finding::Place {
        file: supplied.source_of(place).to_owned(),
        line: place.at.line,
        column: place.at.column,
    }
}

/// A finding about one key.
pub(crate) fn finding(check: &str, outcome: Outcome, kind: Kind, path: &Path, message: String) -> Finding {
    Finding { outcome, class: Class::Data, ..Finding::data(check, kind, path.to_string(), message) }
}

/// One key with its value on both sides.
pub(crate) fn sample(path: &Path, old: Option<&Value>, new: Option<&Value>) -> Sample {
    Sample::both(path.to_string(), old.map(|v| shown(path, v)), new.map(|v| shown(path, v)))
}

/// A value as one line of YAML, for a mend. Credentials are not repeated.
pub(crate) fn written(path: &Path, value: &Value) -> String {
    if super::secrecy::is_credential(path) && value.is_string() {
        return "<as before>".to_owned();
    }
    match value {
        Value::String(text) if text.contains('\n') || text.len() > 60 => "<as before>".to_owned(),
        Value::Array(items) if items.iter().any(Value::is_object) => "<as before>".to_owned(),
        other => other.to_string(),
    }
}
