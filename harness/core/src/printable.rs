//! Text from outside made fit to be shown: nothing in a document, a table or a file may steer a terminal, hide or pose as
//! something of ours.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with everything escaped that moves, hides or reorders what is shown: control characters, ANSI escapes, line
/// breaks, bidirectional overrides, invisible characters.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c if is_hidden(c) => {
                // Writing to a String cannot fail.
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// A text of JSON with the same meaning, in which nothing hides: JSON itself escapes no more than the first control
/// characters, and files of JSON are looked at in terminals and in the views of pipelines. Line breaks stay: within a text of
/// JSON they stand between its parts only.
pub fn printable_json(text: &str) -> Cow<'_, str> {
    let hides = |c: char| c != '\n' && is_hidden(c);
    if !text.chars().any(hides) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 64);
    for c in text.chars() {
        if hides(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// The same as [`printable`] for a text of several lines: line breaks and tabs stay.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    let stays = |c: char| matches!(c, '\n' | '\t') || !is_hidden(c);
    if text.chars().all(stays) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 64);
    for part in text.split_inclusive(['\n', '\t']) {
        let end = part.strip_suffix(['\n', '\t']).map_or(part.len(), str::len);
        shown.push_str(&printable(&part[..end]));
        shown.push_str(&part[end..]);
    }
    Cow::Owned(shown)
}

/// The text with a question mark for each byte of what hides, so that every other byte stays in its place.
pub(crate) fn in_place(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let ends_a_line = c == '\n' || c == '\r' && text[at + 1..].starts_with('\n');
        if !ends_a_line && c != '\t' && is_hidden(c) {
            shown.extend(std::iter::repeat_n('?', c.len_utf8()));
        } else {
            shown.push(c);
        }
    }
    shown
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0xAD | 0x34F | 0x61C | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180F
            | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB
            | 0xE0000..=0xE0FFF)
        // Noncharacters: not allowed in XML, and never meant for people.
        || matches!(u32::from(c), 0xFDD0..=0xFDEF)
        || u32::from(c) & 0xFFFE == 0xFFFE
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_hidden_gets_through() {
        for (text, shown) in [
            ("plain äöü 漢字 🙂 \\n", "plain äöü 漢字 🙂 \\n"),
            ("a\u{1b}[31mb", "a\\u{1b}[31mb"),
            ("a\r\n\tb", "a\\r\\n\\tb"),
            ("\u{9b}31m\u{7f}\0", "\\u{9b}31m\\u{7f}\\u{0}"),
            ("evil\u{202e}txt.exe\u{2069}", "evil\\u{202e}txt.exe\\u{2069}"),
            ("zero\u{200b}width\u{feff}\u{2028}", "zero\\u{200b}width\\u{feff}\\u{2028}"),
            ("\u{fffe}\u{1ffff}\u{e0041}", "\\u{fffe}\\u{1ffff}\\u{e0041}"),
        ] {
            assert_eq!(printable(text), shown);
        }
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(printable_lines("a\n\tb\u{1b}[2J\r\n\nc\u{202e}"), "a\n\tb\\u{1b}[2J\\r\n\nc\\u{202e}");
        assert_eq!(printable_lines("plain\n"), "plain\n");
    }

    #[test]
    fn an_excerpt_keeps_its_columns() {
        let text = "name: \u{1b}[2J\u{202e}x\n\ty:\r ä\r\n";
        assert_eq!(in_place(text), "name: ?[2J???x\n\ty:? ä\r\n");
        assert_eq!(in_place(text).len(), text.len());
    }

    proptest! {
        #[test]
        fn json_means_the_same_and_hides_nothing(texts in proptest::collection::vec(any::<String>(), 0..4)) {
            let text = serde_json::to_string_pretty(&texts).unwrap();
            let shown = printable_json(&text);
            prop_assert!(shown.chars().all(|c| c == '\n' || !is_hidden(c)));
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&shown).unwrap(), texts);
        }
    }
}
