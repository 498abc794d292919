//! Markdown: cut cleanly, and nothing from outside becomes markup.

use crate::samples;
use drydock_report::markdown::{MAX_BYTES, render};

#[test]
fn reports_as_people_see_them() {
    insta::assert_snapshot!("markdown-green", render(&samples::green(), MAX_BYTES));
    insta::assert_snapshot!("markdown-hostile", render(&samples::hostile(1), MAX_BYTES));
}

#[test]
fn it_is_cut_between_findings_and_says_so() {
    let summary = samples::hostile(5000);
    let text = render(&summary, MAX_BYTES);
    assert!(text.len() <= MAX_BYTES && text.len() > MAX_BYTES - 4096, "{}", text.len());
    let told = text.lines().filter(|l| l.starts_with("### ")).count();
    let line = text.lines().find(|l| l.contains("left out here to stay")).unwrap();
    assert!(
        line.starts_with(&format!(
            "**{} findings of 5,000 left out",
            drydock_report::text::count(5000 - told as u64)
        )),
        "{line}"
    );
    // What comes behind the findings is still there, whole.
    assert!(text.contains("## Steps") && text.contains("## Machine"));
    // Nothing is cut where everything fits.
    assert!(!render(&samples::hostile(20), MAX_BYTES).contains("left out here to stay"));
}

#[test]
fn it_is_never_longer_than_asked() {
    let summary = samples::hostile(30);
    for most in [300, 1000, 5000, 20_000] {
        let text = render(&summary, most);
        assert!(text.len() <= most, "{} of {most}", text.len());
        assert!(text.ends_with('\n') && text.contains("`report.json`"), "{text}");
    }
}

#[test]
fn data_stays_data() {
    let text = render(&samples::hostile(3), MAX_BYTES);
    for line in text.lines() {
        let outside = outside_of_code(line);
        assert!(!outside.contains("<img") && !outside.contains("!["), "{line}");
        assert!(!outside.contains("](http"), "{line}");
    }
    // Every row of a table has the cells of its head.
    let mut cells = None;
    for line in text.lines() {
        let now =
            line.starts_with('|').then(|| line.replace("\\\\", "").replace("\\|", "").matches('|').count());
        if let (Some(before), Some(now)) = (cells, now) {
            assert_eq!(before, now, "{line}");
        }
        cells = now;
    }
}

/// A line without its code spans, as CommonMark finds them, and without escaped characters.
fn outside_of_code(line: &str) -> String {
    let chars: Vec<char> = line.chars().collect();
    let run = |at: usize| chars[at..].iter().take_while(|c| **c == '`').count();
    let (mut out, mut at) = (String::new(), 0);
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '`' => {
                let fence = run(at);
                let mut end = at + fence;
                while end < chars.len() && !(chars[end] == '`' && run(end) == fence) {
                    end += if chars[end] == '`' { run(end) } else { 1 };
                }
                assert!(end < chars.len(), "a fence without an end: {line}");
                at = end + fence;
            }
            c => {
                out.push(c);
                at += 1;
            }
        }
    }
    out
}
