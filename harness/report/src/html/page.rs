//! The shell of every page: one stylesheet, nothing that is loaded, no script; and the one gate through which pages leave.
//!
//! Data reaches a page as text of `maud`, which escapes what has a meaning in HTML. What is left then, controls and
//! characters that hide or reorder others, is made visible here, in the whole page at once.

use crate::text::printable;
use base64::Engine as _;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

/// Most bytes of a page: small enough for mail and for every viewer.
pub const MAX_BYTES: usize = 1_000_000;
/// Characters of one text of a page.
pub(super) const MOST_CHARACTERS: usize = 400;

/// A part of a page with a heading, named in the list of contents.
pub(super) struct Section {
    id: &'static str,
    title: &'static str,
    body: Markup,
}

impl Section {
    pub(super) fn new(id: &'static str, title: &'static str, body: Markup) -> Self {
        Self { id, title, body }
    }
}

/// What stands around the sections.
pub(super) struct Page<'a> {
    /// Kind of the report, for title and header.
    pub(super) kind: &'a str,
    /// What it is about: a run, a scenario.
    pub(super) subject: &'a str,
    /// Facts below the title.
    pub(super) facts: Vec<String>,
    /// The verdict, before everything else.
    pub(super) lead: Markup,
    /// Version that the page speaks of.
    pub(super) drydock: &'a str,
}

impl Page<'_> {
    /// The whole page as text.
    pub(super) fn with(&self, sections: &[Section]) -> String {
        let style = style();
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
            base64::engine::general_purpose::STANDARD.encode(Sha256::digest(style.as_bytes()))
        );
        finish(&html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(policy);
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="referrer" content="no-referrer";
                    title { (data(self.subject)) " · " (self.kind) }
                    style { (PreEscaped(style)) }
                }
                body {
                    a.skip href="#verdict" { "Skip to the verdict" }
                    header {
                        p.kind { (self.kind) }
                        h1 { bdi { (data(self.subject)) } }
                        p.facts { @for fact in &self.facts { span { (data(fact)) } " " } }
                    }
                    main {
                        (self.lead)
                        nav aria-label="Contents" {
                            ul { @for s in sections { li { a href={ "#" (s.id) } { (s.title) } } } }
                        }
                        @for s in sections {
                            section id=(s.id) aria-labelledby={ (s.id) "-title" } {
                                h2 id={ (s.id) "-title" } { (s.title) }
                                (s.body)
                            }
                        }
                    }
                    footer {
                        p {
                            "Made by Drydock " (data(self.drydock)) " from what was recorded, and from nothing else. This page loads nothing and runs no script."
                        }
                    }
                }
            }
        })
    }
}

/// Data as it is shown: nothing hidden in it, and no longer than fits.
pub(super) fn data(text: &str) -> String {
    data_within(text, MOST_CHARACTERS)
}

/// Data in at most so many characters, its end cut off and marked.
pub(super) fn data_within(text: &str, most: usize) -> String {
    // By characters, for the combining ones take no column. A few more are read than shown, for each may become several.
    let beginning: String = text.chars().take(most + 1).collect();
    let shown = printable(&beginning);
    if shown.chars().count() <= most {
        return shown.into_owned();
    }
    shown.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// Data as a name or a value, apart from the sentence around it.
pub(super) fn code(text: &str) -> Markup {
    html! { code { @if text.is_empty() { i { "(empty)" } } @else { (data(text)) } } }
}

/// The gate: no page leaves but through here. Lines are broken behind tags, so that changes can be read.
fn finish(page: &Markup) -> String {
    let mut text = printable(&page.0).into_owned();
    // A `<` of data is written `&lt;` by now: these are tags.
    for tag in
        ["</head>", "</header>", "</tr>", "</li>", "</section>", "</details>", "</p>", "</svg>", "</g>"]
    {
        text = text.replace(tag, &format!("{tag}\n"));
    }
    text.push('\n');
    text
}

/// The stylesheet on one line: its digest stands in the page's policy, so that no other style applies.
fn style() -> String {
    include_str!("style.css").lines().map(str::trim).filter(|l| !l.starts_with("/*")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_cut_by_characters_whatever_they_are() {
        assert_eq!(data_within("abcdef", 6), "abcdef");
        assert_eq!(data_within("abcdef", 5), "abcd…");
        let stacked = "e\u{301}".repeat(10_000);
        assert_eq!(data(&stacked).chars().count(), MOST_CHARACTERS);
        let hidden = "\u{200b}".repeat(10_000);
        assert_eq!(data(&hidden).chars().count(), MOST_CHARACTERS);
        assert!(data("a\u{202e}b").contains("\\u{202e}"));
    }

    #[test]
    fn what_slips_past_the_escaping_is_still_made_visible() {
        let page = html! { p { "a\u{202e}<b>\u{0}" } };
        assert_eq!(finish(&page), "<p>a\\u{202e}&lt;b&gt;\\u{0}</p>\n\n");
    }
}
