//! Field lists and the mappings made from them.

use super::catalogue::Product;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A field list as the data files spell it: a type with modifiers, then names; or a group of sub-lists.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(super) struct RawFields(BTreeMap<String, RawEntry>);

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum RawEntry {
    Names(String),
    Groups(BTreeMap<String, RawFields>),
}

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldType {
    Keyword,
    Long,
    Integer,
    Double,
    Boolean,
    Date,
    Text,
    /// An object without declared members.
    Object,
    Join,
    /// A keyword with subfields that read it as ngrams, lower case, date, integer and number.
    Variable,
    /// One object with declared members.
    One,
    /// An array of objects with declared members.
    Many,
    /// An array of nested documents.
    Nested,
}

/// What a field adds to its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Modifier {
    Unindexed,
    IgnoreAbove(u32),
    Eager,
    Lowercase,
    LowercaseName,
    Path,
    Raw,
    Disabled,
    Open,
}

/// One field.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) field_type: FieldType,
    pub(super) modifiers: Vec<Modifier>,
    pub(super) members: Vec<Field>,
}

impl Field {
    pub(super) fn has(&self, modifier: Modifier) -> bool {
        self.modifiers.contains(&modifier)
    }
}

impl RawFields {
    /// The fields in the order of the types' names, then of the file.
    ///
    /// # Errors
    /// An unknown type or modifier.
    pub(super) fn resolve(self) -> Result<Vec<Field>, String> {
        let mut fields = Vec::new();
        for (head, entry) in self.0 {
            match entry {
                RawEntry::Names(names) => {
                    let mut words = head.split_whitespace();
                    let field_type = field_type(words.next().unwrap_or_default())?;
                    let modifiers: Vec<Modifier> = words.map(modifier).collect::<Result<_, _>>()?;
                    fields.extend(names.split_whitespace().map(|name| Field {
                        name: name.to_owned(),
                        field_type,
                        modifiers: modifiers.clone(),
                        members: Vec::new(),
                    }));
                }
                RawEntry::Groups(groups) => {
                    let field_type = match head.as_str() {
                        "objects" => FieldType::One,
                        "lists" => FieldType::Many,
                        "nested" => FieldType::Nested,
                        other => return Err(format!("unknown group {other:?}")),
                    };
                    for (name, members) in groups {
                        let members = members.resolve()?;
                        fields.push(Field { name, field_type, modifiers: Vec::new(), members });
                    }
                }
            }
        }
        Ok(fields)
    }
}

fn field_type(word: &str) -> Result<FieldType, String> {
    Ok(match word {
        "keyword" => FieldType::Keyword,
        "long" => FieldType::Long,
        "integer" => FieldType::Integer,
        "double" => FieldType::Double,
        "boolean" => FieldType::Boolean,
        "date" => FieldType::Date,
        "text" => FieldType::Text,
        "object" => FieldType::Object,
        "join" => FieldType::Join,
        "variable" => FieldType::Variable,
        other => return Err(format!("unknown field type {other:?}")),
    })
}

fn modifier(word: &str) -> Result<Modifier, String> {
    Ok(match word {
        "unindexed" => Modifier::Unindexed,
        "eager" => Modifier::Eager,
        "lowercase" => Modifier::Lowercase,
        "lowercase_name" => Modifier::LowercaseName,
        "path" => Modifier::Path,
        "raw" => Modifier::Raw,
        "disabled" => Modifier::Disabled,
        "open" => Modifier::Open,
        other => match other.strip_prefix("ignore_above=").and_then(|n| n.parse().ok()) {
            Some(limit) => Modifier::IgnoreAbove(limit),
            None => return Err(format!("unknown modifier {other:?}")),
        },
    })
}

/// The `properties` of a mapping.
pub(super) fn properties(fields: &[Field], product: Product) -> Value {
    Value::Object(fields.iter().map(|f| (f.name.clone(), property(f, product))).collect())
}

fn property(field: &Field, product: Product) -> Value {
    let mut body = match field.field_type {
        FieldType::Keyword => json!({"type": "keyword"}),
        FieldType::Long => json!({"type": "long"}),
        FieldType::Integer => json!({"type": "integer"}),
        FieldType::Double => json!({"type": "double"}),
        FieldType::Boolean => json!({"type": "boolean"}),
        FieldType::Text => json!({"type": "text"}),
        FieldType::Object => json!({"type": "object"}),
        FieldType::Date => match product {
            Product::Operate | Product::Tasklist => {
                json!({"type": "date", "format": "date_time || epoch_millis"})
            }
            Product::Optimize => json!({"type": "date", "format": "yyyy-MM-dd'T'HH:mm:ss.SSSZ"}),
            Product::Zeebe => json!({"type": "date"}),
        },
        FieldType::Join => json!({
            "type": "join", "eager_global_ordinals": true,
            "relations": if field.name == "joinRelation" {
                json!({"processInstance": ["activity", "variable"]})
            } else {
                json!({"process": ["processVariable", "task"], "task": ["taskVariable"]})
            },
        }),
        FieldType::Variable => json!({
            "type": "keyword",
            "fields": {
                "nGramField": {"type": "text", "analyzer": "lowercase_ngram"},
                "lowercase": {"type": "keyword", "normalizer": "lowercase_normalizer"},
                "date": {"type": "date", "format": "yyyy-MM-dd'T'HH:mm:ss.SSSZ", "ignore_malformed": true},
                "long": {"type": "long", "ignore_malformed": true},
                "double": {"type": "double", "ignore_malformed": true},
            },
        }),
        FieldType::One | FieldType::Many => json!({"properties": properties(&field.members, product)}),
        FieldType::Nested => json!({"type": "nested", "properties": properties(&field.members, product)}),
    };
    if let Value::Object(map) = &mut body {
        for modifier in &field.modifiers {
            apply(map, *modifier);
        }
    }
    body
}

fn apply(body: &mut Map<String, Value>, modifier: Modifier) {
    let mut set = |name: &str, value: Value| {
        body.insert(name.to_owned(), value);
    };
    match modifier {
        Modifier::Unindexed => set("index", json!(false)),
        Modifier::IgnoreAbove(limit) => set("ignore_above", json!(limit)),
        Modifier::Eager => set("eager_global_ordinals", json!(true)),
        Modifier::Lowercase => set("normalizer", json!("case_insensitive")),
        Modifier::LowercaseName => {
            set("fields", json!({"lowercase": {"type": "keyword", "normalizer": "lowercase_normalizer"}}));
        }
        Modifier::Path => {
            set("analyzer", json!("ca_path_tree"));
            set("fielddata", json!(true));
        }
        Modifier::Raw => set("fields", json!({"keyword": {"type": "keyword", "ignore_above": 256}})),
        Modifier::Disabled => set("enabled", json!(false)),
        Modifier::Open => set("dynamic", json!("true")),
    }
}
