//! The leaves of a mapping that a query can ask for.

use serde_json::Value;

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Dotted path.
    pub path: String,
    /// Type as mapped.
    pub kind: String,
    /// Path of the nested object around it.
    pub nested: Option<String>,
    /// Whether it can be sorted and counted by: it has doc values, or field data.
    pub counted: bool,
    /// For a join: each parent with its children.
    pub relations: Vec<(String, Vec<String>)>,
}

/// Every field that is indexed, by path. What is not indexed cannot be asked for.
pub fn leaves(mapping: &Value) -> Vec<Leaf> {
    let mut into = Vec::new();
    walk(&mapping["properties"], "", None, &mut into);
    into
}

fn walk(properties: &Value, prefix: &str, nested: Option<&str>, into: &mut Vec<Leaf>) {
    for (name, field) in properties.as_object().into_iter().flatten() {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        let says = |parameter: &str, wanted: bool| {
            let value = &field[parameter];
            value.as_bool().or_else(|| value.as_str()?.parse().ok()) == Some(wanted)
        };
        if says("enabled", false) {
            continue;
        }
        let kind = field["type"].as_str().unwrap_or("object");
        if field.get("properties").is_some() || matches!(kind, "object" | "nested") {
            let inner = if kind == "nested" { Some(path.as_str()) } else { nested };
            walk(&field["properties"], &path, inner, into);
            continue;
        }
        if says("index", false) || matches!(kind, "alias" | "binary" | "percolator") {
            continue;
        }
        let text = matches!(kind, "text" | "match_only_text" | "search_as_you_type");
        let counted = if text { says("fielddata", true) } else { !says("doc_values", false) };
        into.push(Leaf {
            path,
            kind: kind.to_owned(),
            nested: nested.map(ToOwned::to_owned),
            counted,
            relations: relations(&field["relations"]),
        });
    }
}

fn relations(relations: &Value) -> Vec<(String, Vec<String>)> {
    let names = |children: &Value| {
        let one = children.as_str().map(|c| vec![c.to_owned()]);
        let many = || children.as_array().into_iter().flatten().filter_map(Value::as_str);
        // Stores give them in an order of their own.
        let mut names: Vec<String> = one.unwrap_or_else(|| many().map(ToOwned::to_owned).collect());
        names.sort();
        names
    };
    let entries = relations.as_object().into_iter().flatten();
    entries.map(|(parent, children)| (parent.clone(), names(children))).collect()
}
