//! A JSON Schema as a page: one table for each mapping, one list for each closed list.

use super::MADE;
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// Longest default that is shown, in characters.
const MOST_DEFAULT: usize = 48;

/// The page of a schema.
pub(super) fn page(title: &str, about: &str, file: &str, schema: &Value) -> String {
    let mut text = format!("{MADE}# {title}\n\n{about} The JSON Schema is `{file}`.\n");
    section(&mut text, title, schema);
    let nothing = Map::new();
    for (name, definition) in schema["$defs"].as_object().unwrap_or(&nothing) {
        section(&mut text, name, definition);
    }
    text
}

fn section(text: &mut String, name: &str, schema: &Value) {
    let _ = write!(text, "\n## {name}\n\n{}\n", words(schema));
    if let Some(properties) = schema["properties"].as_object() {
        text.push_str("\n| key | takes | usual | what |\n|---|---|---|---|\n");
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (key, property) in properties {
            let usual = match property.get("default") {
                _ if required.contains(&key.as_str()) => "must be there".to_owned(),
                Some(value) => usual(value),
                None => "absent".to_owned(),
            };
            let _ =
                writeln!(text, "| `{key}` | {} | {usual} | {} |", takes(property), cell(&words(property)));
        }
    } else if let Some(variants) = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array()) {
        text.push_str("\n| one of | what |\n|---|---|\n");
        for variant in variants {
            let _ = writeln!(text, "| {} | {} |", takes(variant), cell(&words(variant)));
        }
    } else {
        let _ = write!(text, "\nTakes: {}.\n", takes(schema));
    }
}

/// What a value may be, in words, with a link to what has a section of its own.
fn takes(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|r| r.strip_prefix("#/$defs/")) {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(word) = schema.get("const") {
        return format!("`{}`", word.as_str().map_or_else(|| word.to_string(), str::to_owned));
    }
    if let Some(several) = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array()) {
        let several: Vec<String> = several.iter().filter(|s| s["type"] != "null").map(takes).collect();
        return several.join(" or ");
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words.iter().filter_map(Value::as_str).map(|w| format!("`{w}`")).collect();
        return words.join(", ");
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind.as_str()],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).filter(|k| *k != "null").collect(),
        _ => Vec::new(),
    };
    let shown: Vec<String> = kinds.into_iter().map(|kind| kind_words(kind, schema)).collect();
    if shown.is_empty() { "anything".to_owned() } else { shown.join(" or ") }
}

fn kind_words(kind: &str, schema: &Value) -> String {
    match kind {
        "array" => format!("list of {}", takes(&schema["items"])),
        "object" => match &schema["additionalProperties"] {
            Value::Object(_) => format!("mapping of names to {}", takes(&schema["additionalProperties"])),
            _ if schema["properties"].is_object() => {
                let keys = schema["properties"].as_object().into_iter().flatten();
                format!("mapping with {}", keys.map(|(k, _)| format!("`{k}`")).collect::<Vec<_>>().join(", "))
            }
            _ => "mapping".to_owned(),
        },
        "string" if schema["format"] == "duration" => "duration, as `90s` or `10min`".to_owned(),
        "string" => "text".to_owned(),
        "boolean" => "`true` or `false`".to_owned(),
        "number" => "number".to_owned(),
        "integer" => match (&schema["minimum"], &schema["maximum"]) {
            (Value::Number(least), Value::Number(most)) => format!("{least} to {most}"),
            _ => "whole number".to_owned(),
        },
        other => other.to_owned(),
    }
}

fn usual(value: &Value) -> String {
    let shown = value.to_string();
    match value {
        Value::Object(_) => "its own".to_owned(),
        Value::String(text) if text.is_empty() => "empty".to_owned(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        _ if shown.chars().count() <= MOST_DEFAULT => format!("`{}`", value.as_str().unwrap_or(&shown)),
        Value::Array(items) => {
            let items: Vec<String> =
                items.iter().filter_map(Value::as_str).map(|i| format!("`{i}`")).collect();
            items.join(", ")
        }
        _ => "long".to_owned(),
    }
}

fn words(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
