//! Lists that never grow beyond their share of a page, and say what they leave out.

use crate::text::{counted, printable};
use maud::{Markup, html};

/// The share of a list: so many items, in so many bytes.
#[derive(Clone, Copy)]
pub(super) struct Share {
    pub(super) items: usize,
    pub(super) bytes: usize,
}

/// The share of an ordinary list.
pub(super) const LIST: Share = Share { items: 100, bytes: 24 * 1024 };

/// The beginning of a list.
pub(super) struct Capped {
    /// What fits.
    pub(super) shown: Vec<Markup>,
    /// How many items do not.
    pub(super) left_out: u64,
}

impl Share {
    /// Draws items, in order, until the share is used up.
    pub(super) fn of<T>(
        self,
        items: impl IntoIterator<Item = T>,
        mut draw: impl FnMut(T) -> Markup,
    ) -> Capped {
        let mut capped = Capped { shown: Vec::new(), left_out: 0 };
        let mut used = 0;
        for item in items {
            if capped.left_out > 0 || capped.shown.len() >= self.items {
                capped.left_out += 1;
                continue;
            }
            let drawn = draw(item);
            used += printable(&drawn.0).len();
            if used > self.bytes {
                capped.left_out += 1;
            } else {
                capped.shown.push(drawn);
            }
        }
        capped
    }
}

impl Capped {
    /// `12 more findings in report.json`, if there are any.
    pub(super) fn rest(&self, noun: &str) -> Markup {
        html! {
            @if self.left_out > 0 {
                p.rest { (counted(self.left_out, &format!("more {noun}"))) " in " code { "report.json" } "." }
            }
        }
    }
}

/// A list of phrases.
pub(super) fn list<T>(
    items: impl IntoIterator<Item = T>,
    noun: &str,
    mut draw: impl FnMut(T) -> Markup,
) -> Markup {
    let capped = LIST.of(items, |item| html! { li { (draw(item)) } });
    html! { ul { @for item in &capped.shown { (item) } } (capped.rest(noun)) }
}

/// A table whose rows come drawn, below its head; the flag of a column says whether it holds numbers.
pub(super) fn table<T>(
    caption: &str,
    columns: &[(&str, Column)],
    share: Share,
    items: impl IntoIterator<Item = T>,
    noun: &str,
    draw: impl FnMut(T) -> Markup,
) -> Markup {
    let capped = share.of(items, draw);
    html! {
        (scrolled(caption, &html! {
            table {
                caption { (caption) }
                (head(columns))
                tbody { @for row in &capped.shown { (row) } }
            }
        }))
        (capped.rest(noun))
    }
}

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Text,
    Number,
}

/// The head of a table.
pub(super) fn head(columns: &[(&str, Column)]) -> Markup {
    html! {
        thead { tr {
            @for (name, column) in columns {
                th scope="col" class=[(*column == Column::Number).then_some("number")] { (name) }
            }
        } }
    }
}

/// Something wide, which is scrolled by itself where the page is narrow, with the keyboard as well.
pub(super) fn scrolled(label: &str, wide: &Markup) -> Markup {
    html! { div.wide role="region" aria-label=(label) tabindex="0" { (wide) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_keeps_to_its_share_and_counts_the_rest() {
        let share = Share { items: 3, bytes: 1000 };
        let capped = share.of(0..10, |n| html! { (n) });
        assert_eq!((capped.shown.len(), capped.left_out), (3, 7));
        assert!(capped.rest("step").0.contains("7 more steps in"));
        let capped = Share { items: 100, bytes: 25 }.of(0..10, |_| html! { "0123456789" });
        assert_eq!((capped.shown.len(), capped.left_out), (2, 8));
        // What hidden characters become counts, not what they were.
        let capped = Share { items: 100, bytes: 25 }.of(0..10, |_| html! { "\u{202e}\u{202e}" });
        assert_eq!((capped.shown.len(), capped.left_out), (1, 9));
        assert!(Share { items: 3, bytes: 10 }.of(0..1, |n| html! { (n) }).rest("x").0.is_empty());
    }
}
