//! PostgreSQL prints some expressions differently once they have been dumped and parsed again, though they mean the same.
//! Both sides are brought into the form that a restored one has.

use regex::{Captures, Regex};
use std::sync::LazyLock;

/// `(ARRAY['A'::character varying, …])::text[]`: how `x IN ('A', …)` over a varchar column is printed when it was first
/// written. After a dump and a restore the cast stands at each element.
static CAST_ARRAY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\(ARRAY\[((?:'(?:[^']|'')*'::[a-z ]+(?:\(\d+\))?(?:, )?)+)\]\)::([a-z ]+)\[\]").ok()
});
static ELEMENT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"'(?:[^']|'')*'::[a-z ]+(?:\(\d+\))?").ok());

/// The text as it is printed after a dump and a restore.
pub(super) fn as_restored(text: &str) -> String {
    let (Some(array), Some(element)) = (CAST_ARRAY.as_ref(), ELEMENT.as_ref()) else {
        return text.to_owned();
    };
    array
        .replace_all(text, |found: &Captures<'_>| {
            let elements: Vec<String> =
                element.find_iter(&found[1]).map(|e| format!("({})::{}", e.as_str(), &found[2])).collect();
            format!("ARRAY[{}]", elements.join(", "))
        })
        .into_owned()
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
    fn what_differs_in_meaning_stays_different() {
        let a = "CHECK ((op = ANY ((ARRAY['A'::character varying])::text[])))";
        let b = "CHECK ((op = ANY ((ARRAY['B'::character varying])::text[])))";
        assert_ne!(as_restored(a), as_restored(b));
        assert_eq!(as_restored("CHECK ((length(name) > 3))"), "CHECK ((length(name) > 3))");
    }
}
