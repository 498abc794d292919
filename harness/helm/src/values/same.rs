//! When two values mean the same to the chart.

use super::path::Path;
use serde_json::{Map, Value};

/// Whether two values at `path` mean the same: quantities by amount, durations by length, booleans and numbers also as
/// text, lists of named things by name, addresses without their default port.
pub fn same(path: &Path, a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => same_maps(path, a, b),
        (Value::Array(a), Value::Array(b)) => same_lists(path, a, b),
        _ if is_empty(a) || is_empty(b) => is_empty(a) && is_empty(b),
        (Value::Array(_) | Value::Object(_), _) | (_, Value::Array(_) | Value::Object(_)) => false,
        _ => same_scalars(path, a, b),
    }
}

/// Whether a value says nothing: null, an empty text, an empty list or an empty map.
pub fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn same_maps(path: &Path, a: &Map<String, Value>, b: &Map<String, Value>) -> bool {
    let one_way = |a: &Map<String, Value>, b: &Map<String, Value>| {
        a.iter().all(|(key, value)| match b.get(key) {
            Some(other) => same(&path.child(key), value, other),
            None => is_empty(value),
        })
    };
    one_way(a, b) && one_way(b, a)
}

fn same_lists(path: &Path, a: &[Value], b: &[Value]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let Some(key) = identity_key(a).filter(|k| identity_key(b) == Some(k)) else {
        return a.iter().zip(b).all(|(a, b)| same(path, a, b));
    };
    a.iter().all(|item| {
        b.iter().find(|other| other.get(key) == item.get(key)).is_some_and(|other| same(path, item, other))
    })
}

/// The key by which the items of a list are told apart, if each has it and no two share its value. The order of `command`
/// and `args` matters; that of environment variables, volumes and containers does not to the chart.
pub(super) fn identity_key(items: &[Value]) -> Option<&'static str> {
    ["mountPath", "name"].into_iter().find(|key| {
        !items.is_empty()
            && items.iter().enumerate().all(|(i, item)| {
                item.get(*key).is_some_and(|v| !items[..i].iter().any(|other| other.get(*key) == Some(v)))
            })
    })
}

fn same_scalars(path: &Path, a: &Value, b: &Value) -> bool {
    if a == b {
        return true;
    }
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Bool(b), Value::String(text)) | (Value::String(text), Value::Bool(b)) => {
            text.parse() == Ok(*b)
        }
        (Value::Number(n), Value::String(text)) | (Value::String(text), Value::Number(n)) => {
            number_is_text(path, n, text)
        }
        (Value::String(a), Value::String(b)) => same_texts(path, a, b),
        _ => false,
    }
}

fn number_is_text(path: &Path, n: &serde_json::Number, text: &str) -> bool {
    // `8.10` in quotes is a version; as a number it is 8.1.
    if n.to_string() == text.trim() {
        return true;
    }
    if is_mode(path) && text.starts_with('0') {
        return i64::from_str_radix(text, 8).ok() == n.as_i64();
    }
    is_amount(path) && quantity(text).is_some_and(|(q, _)| Some(q) == n.as_f64())
}

fn same_texts(path: &Path, a: &str, b: &str) -> bool {
    if address(a) == address(b) {
        return true;
    }
    if let (Some((x, first)), Some((y, second))) = (quantity(a), quantity(b))
        && close(x, y)
        && (is_amount(path) || (first == Unit::Given && second == Unit::Given))
    {
        return true;
    }
    duration(a).zip(duration(b)).is_some_and(|(a, b)| close(a, b))
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= a.abs().max(b.abs()) * 1e-12
}

fn is_mode(path: &Path) -> bool {
    path.last().to_ascii_lowercase().ends_with("mode")
}

/// Whether the value at a path is an amount of something, so that `1` and `1000m` are equal there.
fn is_amount(path: &Path) -> bool {
    path.keys().iter().any(|k| k == "resources")
        || matches!(path.last(), "cpu" | "memory" | "storage" | "size" | "pvcSize" | "ephemeral-storage")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Given,
    Absent,
}

/// A Kubernetes quantity, and whether it has a unit.
fn quantity(text: &str) -> Option<(f64, Unit)> {
    let text = text.trim();
    let end =
        text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-'))).unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    let factor = match &text[end..] {
        "" => return Some((number, Unit::Absent)),
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "Ki" => 1024.0,
        "Mi" => 1024_f64.powi(2),
        "Gi" => 1024_f64.powi(3),
        "Ti" => 1024_f64.powi(4),
        "Pi" => 1024_f64.powi(5),
        // What the applications write.
        "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        _ => return None,
    };
    Some((number * factor, Unit::Given))
}

/// Amount of a quantity, written as number or text: cores, bytes.
pub fn amount(value: &Value) -> Option<f64> {
    match value {
        Value::Number(n) => n.as_f64(),
        Value::String(text) => quantity(text).map(|(amount, _)| amount),
        _ => None,
    }
}

/// Seconds of `90s`, `1m30s`, `1h`, `2d` or `PT1M30S`.
fn duration(text: &str) -> Option<f64> {
    let mut rest = text.trim().to_ascii_lowercase();
    if let Some(iso) = rest.strip_prefix('p') {
        rest = iso.replace('t', "");
    }
    let mut total = 0.0;
    let mut left = rest.as_str();
    if left.is_empty() {
        return None;
    }
    while !left.is_empty() {
        let end = left.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let number: f64 = left[..end].parse().ok()?;
        let unit_end = left[end..].find(|c: char| c.is_ascii_digit()).map_or(left.len(), |n| end + n);
        total += number
            * match &left[end..unit_end] {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                "w" => 604_800.0,
                _ => return None,
            };
        left = &left[unit_end..];
    }
    Some(total)
}

/// An address without the port that its scheme implies anyway.
fn address(text: &str) -> String {
    for (scheme, port) in [("http://", ":80"), ("https://", ":443")] {
        if let Some(rest) = text.strip_prefix(scheme) {
            let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let path = if path == "/" { "" } else { path };
            return format!("{scheme}{}{path}", host.strip_suffix(port).unwrap_or(host));
        }
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::same;
    use crate::values::Path;
    use serde_json::{Value, json};

    fn at(path: &str, a: &Value, b: &Value) -> bool {
        let path = Path::parse(path);
        let result = same(&path, a, b);
        assert_eq!(result, same(&path, b, a), "not symmetric: {a} {b}");
        result
    }

    #[test]
    fn what_means_the_same_is_the_same() {
        assert!(at("zeebe.pvcSize", &json!("1Gi"), &json!("1024Mi")));
        assert!(at("x.resources.limits.cpu", &json!(1), &json!("1000m")));
        assert!(at("x.resources.limits.cpu", &json!("1"), &json!("1000m")));
        assert!(at("x.resources.limits.cpu", &json!(0.5), &json!("500m")));
        assert!(at("zeebe.clusterSize", &json!("3"), &json!(3)));
        assert!(at("a.enabled", &json!("true"), &json!(true)));
        assert!(at("a.period", &json!("60s"), &json!("1m")));
        assert!(at("a.period", &json!("PT90S"), &json!("1m30s")));
        assert!(at("a.x", &json!(null), &json!("")));
        assert!(at("a.configMap.defaultMode", &json!(492), &json!("0754")));
        assert!(at("a.url", &json!("http://k:80/auth"), &json!("http://k/auth")));
        assert!(at(
            "a.env",
            &json!([{"name": "A", "value": "1"}, {"name": "B"}]),
            &json!([{"name": "B"}, {"name": "A", "value": "1"}])
        ));
    }

    #[test]
    fn what_differs_is_not_smoothed_over() {
        assert!(!at("a.image.tag", &json!("8.10"), &json!(8.1)));
        assert!(!at("a.image.tag", &json!("8.1"), &json!("8.10")));
        assert!(!at("a.enabled", &json!("yes"), &json!(true)));
        assert!(!at("a.command", &json!(["a", "b"]), &json!(["b", "a"])));
        assert!(!at("a.env", &json!([{"name": "A", "value": "1"}]), &json!([{"name": "A", "value": "2"}])));
        assert!(!at("zeebe.pvcSize", &json!("1G"), &json!("1Gi")));
        assert!(!at("a.x", &json!(0), &json!("")));
        assert!(!at("a.x", &json!(false), &json!(null)));
        assert!(!at("a.url", &json!("http://k:81/auth"), &json!("http://k/auth")));
        assert!(!at("a.list", &json!([]), &json!(["x"])));
    }
}
