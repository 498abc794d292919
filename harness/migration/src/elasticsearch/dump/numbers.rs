//! Numbers as a program in JavaScript reads and writes them: all of them are floating point of 64 bits.

/// The same JSON text with every number as it comes out of `JSON.parse` and `JSON.stringify`: keys above 2^53 are rounded,
/// `1.10` becomes `1.1`, and what is beyond the range becomes `null`.
pub(in crate::elasticsearch) fn as_javascript(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = if rest.starts_with('"') { end_of_string(rest) } else { end_of_number(rest) };
        let (token, after) = rest.split_at(end);
        if token.starts_with('"') {
            out.push_str(token);
        } else {
            out.push_str(&number(token));
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Bytes of the string that `text` begins with, quotes included.
fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn end_of_number(text: &str) -> usize {
    text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E')))
        .unwrap_or(text.len())
}

fn number(token: &str) -> String {
    let Ok(value) = token.parse::<f64>() else { return token.to_owned() };
    if !value.is_finite() {
        return "null".into();
    }
    if value == 0.0 {
        // Minus nought loses its sign.
        return "0".into();
    }
    if (1e-6..1e21).contains(&value.abs()) {
        return format!("{value}");
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::as_javascript;

    #[test]
    fn numbers_are_rounded_and_texts_stay() {
        for (before, after) in [
            (
                "{\"k\":9007199254740993,\"t\":\"9007199254740993 \\\" 1.0\"}",
                "{\"k\":9007199254740992,\"t\":\"9007199254740993 \\\" 1.0\"}",
            ),
            ("[1.10, -0, 100, 1e2,1.0]", "[1.1, 0, 100, 100,1]"),
            ("[2251799813685249,6755399441055745]", "[2251799813685249,6755399441055745]"),
            ("[1e400,-1e21,1.5E-7,123456789012345680000]", "[null,-1e+21,1.5e-7,123456789012345680000]"),
            ("{\"a\":true,\"b\":null}", "{\"a\":true,\"b\":null}"),
            ("\"open\\", "\"open\\"),
        ] {
            assert_eq!(as_javascript(before), after);
        }
    }
}
