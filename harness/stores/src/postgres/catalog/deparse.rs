//! PostgreSQL prints some expressions differently once they have been dumped and parsed again, though they mean the same.
//! Both sides are brought into the form that a restored one has.

use super::boolean::flattened;
use std::borrow::Cow;

const ARRAY: &str = "(ARRAY[";

/// Attributes that hold expressions or statements as the server prints them. Everything else is kept to the letter.
const PRINTED: [&str; 7] =
    ["definition", "default", "generated", "using", "with check", "partition key", "partition bound"];

/// The value of an attribute, evened out if it is something that the server prints.
pub(super) fn evened_out(attribute: &str, value: String) -> String {
    if PRINTED.contains(&attribute) { as_restored(&value) } else { value }
}

/// The text as it is printed after a dump and a restore. Three spellings are known to change:
///
/// - `(ARRAY['A'::character varying, …])::text[]`, how `x IN ('A', …)` over a varchar column is printed when it was first
///   written. After a restore the cast stands at each element.
/// - An AND inside of an AND, or an OR inside of an OR, loses its bracket ([`flattened`]).
/// - `(VALUES …` in a view gets a space after the bracket. Function bodies keep their own text.
fn as_restored(text: &str) -> String {
    let text: Cow<'_, str> = if text.starts_with("CREATE ") {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.replace("FROM ( VALUES (", "FROM (VALUES ("))
    };
    flattened(&casts_at_elements(&text))
}

fn casts_at_elements(text: &str) -> String {
    let mut done = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(ARRAY) {
        let (before, from) = rest.split_at(at);
        done.push_str(before);
        let inside = &from[ARRAY.len()..];
        match elements(inside).and_then(|(parts, end)| Some((parts, cast(&inside[end..])?, end))) {
            Some((parts, (kind, length), end)) => {
                let cast = |part: &&str| format!("({})::{kind}", casts_at_elements(part));
                let parts: Vec<String> = parts.iter().map(cast).collect();
                done.push_str(&format!("ARRAY[{}]", parts.join(", ")));
                rest = &inside[end + length..];
            }
            None => {
                done.push_str(ARRAY);
                rest = inside;
            }
        }
    }
    done.push_str(rest);
    done
}

/// The elements of an array's text up to its closing bracket, and where that stands. Brackets and commas inside of
/// literals, quoted names and nested brackets do not count.
fn elements(text: &str) -> Option<(Vec<&str>, usize)> {
    let mut parts = Vec::new();
    let (mut start, mut depth, mut quote) = (0, 0_u32, None);
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            // A doubled quote closes and opens again.
            (Some(open), _) => quote = if byte == open { None } else { quote },
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'(' | b'[') => depth += 1,
            (None, b']') if depth == 0 => {
                parts.push(text[start..at].trim_start());
                return Some((parts, at));
            }
            (None, b')' | b']') => depth = depth.checked_sub(1)?,
            (None, b',') if depth == 0 => {
                parts.push(text[start..at].trim_start());
                start = at + 1;
            }
            _ => {}
        }
    }
    None
}

/// The element type of `])::type[]` at the start of the text, and the length of all of it.
fn cast(text: &str) -> Option<(&str, usize)> {
    const OPEN: &str = "])::";
    let kind = text.strip_prefix(OPEN)?;
    let length = kind.find("[]")?;
    let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '_' | '.' | '"');
    let kind = &kind[..length];
    (!kind.is_empty() && kind.chars().all(plain)).then_some((kind, OPEN.len() + length + "[]".len()))
}

#[cfg(test)]
mod tests {
    use super::as_restored;

    #[test]
    fn a_cast_of_a_whole_array_becomes_a_cast_of_each_element() {
        let written = "CHECK (((op)::text = ANY ((ARRAY['A''x'::character varying, 'B, C'::character varying])::text[])))";
        let restored = "CHECK (((op)::text = ANY (ARRAY[('A''x'::character varying)::text, ('B, C'::character varying)::text])))";
        assert_eq!(as_restored(written), restored);
        assert_eq!(as_restored(restored), restored);
    }

    #[test]
    fn elements_may_be_any_expression() {
        for (written, restored) in [
            (
                "(ARRAY['a]'::character varying, NULL::character varying])::text[]",
                "ARRAY[('a]'::character varying)::text, (NULL::character varying)::text]",
            ),
            (
                "x = ANY ((ARRAY[(lower('B'::text))::character varying, f(a, b[1])])::text[]) OR y",
                "x = ANY (ARRAY[((lower('B'::text))::character varying)::text, (f(a, b[1]))::text]) OR y",
            ),
        ] {
            assert_eq!(as_restored(written), restored);
            assert_eq!(as_restored(restored), restored);
        }
        for untouched in ["(ARRAY[1, 2])", "(ARRAY['a'", "(ARRAY['a'])::character varying(3)[]"] {
            assert_eq!(as_restored(untouched), untouched);
        }
    }

    #[test]
    fn rows_of_values_in_a_view() {
        let restored = as_restored(" SELECT column1\n   FROM ( VALUES (1), (2)) \"*VALUES*\";");
        assert_eq!(restored, as_restored(" SELECT column1\n   FROM (VALUES (1), (2)) \"*VALUES*\";"));
        let body = "CREATE OR REPLACE FUNCTION f() AS $$SELECT 1 FROM ( VALUES (1)) v$$";
        assert_eq!(as_restored(body), body);
    }

    #[test]
    fn what_differs_in_meaning_stays_different() {
        let a = "CHECK ((op = ANY ((ARRAY['A'::character varying])::text[])))";
        let b = "CHECK ((op = ANY ((ARRAY['B'::character varying])::text[])))";
        assert_ne!(as_restored(a), as_restored(b));
        assert_eq!(as_restored("CHECK ((length(name) > 3))"), "CHECK ((length(name) > 3))");
    }
}
