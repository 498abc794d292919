//! Text from outside made fit to be shown: nothing in a document or a table may steer a terminal, hide or pose as a report.

pub use drydock_core::printable::printable;
use std::borrow::Cow;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns that a text takes on a terminal.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text within `most` columns: its end cut off and marked if it is longer.
pub fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    if width(text) <= most {
        return Cow::Borrowed(text);
    }
    let mut used = 1;
    let kept = text.chars().take_while(|c| {
        used += c.width().unwrap_or(0);
        used <= most
    });
    Cow::Owned(kept.chain(['…']).collect())
}

/// The text within `most` columns with its middle cut out: names tell most at their ends.
pub fn shortened_within(text: &str, most: usize) -> Cow<'_, str> {
    if width(text) <= most {
        return Cow::Borrowed(text);
    }
    let tail_columns = most.saturating_sub(1) / 2;
    let mut used = 0;
    let tail: Vec<char> = text
        .chars()
        .rev()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= tail_columns
        })
        .collect();
    let head = shortened(text, most.saturating_sub(tail_columns));
    Cow::Owned(head.chars().chain(tail.into_iter().rev()).collect())
}

/// Lines of at most `most` columns, broken at spaces where there are any.
pub fn wrapped(text: &str, most: usize) -> Vec<String> {
    let most = most.max(8);
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split(' ') {
        let gap = usize::from(!line.is_empty());
        if width(&line) + gap + width(word) <= most {
            if gap == 1 {
                line.push(' ');
            }
            line.push_str(word);
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for c in word.chars() {
            if width(&line) + c.width().unwrap_or(0) > most {
                lines.push(std::mem::take(&mut line));
            }
            line.push(c);
        }
    }
    lines.push(line);
    lines
}

/// A count with its thousands apart: `1,234,567`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(c);
    }
    shown
}

/// A count with its noun: `1 finding`, `2,000 findings`.
pub fn counted(n: u64, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{} {noun}s", count(n)) }
}

/// A length of time in seconds: `0.042 s`, `32.4 s`, `5 min 3 s`, `1 h 2 min`.
pub fn seconds(s: f64) -> String {
    let whole = s.round();
    match s {
        s if s < 0.0995 => format!("{s:.3} s"),
        s if s < 9.995 => format!("{s:.2} s"),
        s if s < 119.95 => format!("{s:.1} s"),
        _ if whole < 3600.0 && whole % 60.0 == 0.0 => format!("{} min", whole / 60.0),
        _ if whole < 3600.0 => format!("{} min {} s", (whole / 60.0).floor(), whole % 60.0),
        _ => format!("{} h {} min", (whole / 3600.0).floor(), ((whole % 3600.0) / 60.0).floor()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_by_columns_not_bytes() {
        assert_eq!(shortened("漢字漢字", 5), "漢字…");
        assert_eq!(shortened("abcdef", 6), "abcdef");
        assert_eq!(shortened("abcdef", 5), "abcd…");
        assert_eq!(shortened_within("operate-list-view-8.3.0_", 11), "opera…3.0_".replace("3.0_", ".3.0_"));
        assert!((1..30).all(|n| width(&shortened_within("ä漢operate-list-view字", n)) <= n));
    }

    #[test]
    fn words_wrap_and_long_ones_break() {
        assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
        assert_eq!(wrapped("abcdefghijkl", 8), ["abcdefgh", "ijkl"]);
        assert_eq!(wrapped("", 8), [""]);
        assert_eq!(wrapped("a 漢字漢字漢 b", 8), ["a", "漢字漢字", "漢 b"]);
    }

    #[test]
    fn figures_read_well() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!((counted(1, "row"), counted(0, "row")), ("1 row".into(), "0 rows".into()));
        assert_eq!(
            [0.0, 0.0417, 0.5, 32.44, 119.96, 303.0, 3725.0].map(seconds),
            ["0.000 s", "0.042 s", "0.50 s", "32.4 s", "2 min", "5 min 3 s", "1 h 2 min"]
        );
    }
}
