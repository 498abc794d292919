//! What Helm makes of a plain word: the rules of YAML 1.1, in which `yes` is a boolean and `0777` an octal number.

use serde_json::{Number, Value};

/// The value of a plain scalar. Numbers beyond 64 bits become floats, as they do in Helm.
pub fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Value::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    match text.as_bytes()[0] {
        b'0'..=b'9' | b'+' | b'-' | b'.' => number(text).unwrap_or_else(|| Value::from(text)),
        _ => Value::from(text),
    }
}

fn number(text: &str) -> Option<Value> {
    let plain: String = text.chars().filter(|c| *c != '_').collect();
    let (negative, digits) = match plain.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let radix = |digits: &str, radix| {
        let size = i64::from_str_radix(digits, radix).ok().filter(|_| !digits.starts_with(['+', '-']))?;
        Some(Value::from(if negative { -size } else { size }))
    };
    let lower = digits.get(..2).unwrap_or_default().to_ascii_lowercase();
    match lower.as_str() {
        "0x" => return radix(&digits[2..], 16),
        "0b" => return radix(&digits[2..], 2),
        "0o" => return radix(&digits[2..], 8),
        _ => {}
    }
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        if digits.len() > 1 && digits.starts_with('0') {
            // `089` is no octal number, and so a float.
            return radix(&digits[1..], 8).or_else(|| float(&plain));
        }
        return plain.trim_start_matches('+').parse::<i64>().ok().map(Value::from).or_else(|| float(&plain));
    }
    let starts = digits.trim_start_matches('.');
    let exponent = |c: char| matches!(c, 'e' | 'E' | '.' | '+' | '-') || c.is_ascii_digit();
    if starts.starts_with(|c: char| c.is_ascii_digit()) && digits.chars().all(exponent) {
        return float(&plain);
    }
    None
}

fn float(text: &str) -> Option<Value> {
    text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number)
}

/// Why the spelling of a plain word and its value differ in a way that surprises people.
pub(super) fn surprise(text: &str, value: &Value) -> Option<String> {
    match value {
        Value::Bool(b) if !matches!(text.to_ascii_lowercase().as_str(), "true" | "false") => {
            Some(format!("`{text}` is read as the boolean {b}; put it in quotes if a word is meant"))
        }
        Value::Number(n) if n.as_i64().is_some_and(|i| i.unsigned_abs() > 1 << 53) => Some(format!(
            "`{text}` is more than a number in Helm can hold exactly; put it in quotes to keep every digit"
        )),
        Value::Number(n) if n.is_f64() && text.contains('.') && text.ends_with('0') => {
            Some(format!("`{text}` is read as the number {n}; put it in quotes if a version is meant"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::resolve;
    use serde_json::json;

    #[test]
    fn words_are_read_as_helm_reads_them() {
        for (text, value) in [
            ("yes", json!(true)),
            ("Off", json!(false)),
            ("0777", json!(511)),
            ("0o777", json!(511)),
            ("0x1F", json!(31)),
            ("1_000", json!(1000)),
            ("8.10", json!(8.1)),
            ("-7", json!(-7)),
            ("+7", json!(7)),
            ("1:30:00", json!("1:30:00")),
            ("8.7.1", json!("8.7.1")),
            ("-", json!("-")),
            ("1Gi", json!("1Gi")),
            ("1e3", json!(1000.0)),
            (".5", json!(0.5)),
            ("089", json!(89.0)),
            ("~", json!(null)),
            ("2024-01-01", json!("2024-01-01")),
        ] {
            assert_eq!(resolve(text), value, "{text}");
        }
    }
}
