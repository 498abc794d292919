//! Into which parts an index is cut: ranges of its sequence numbers. Unlike the slices that a store makes of a point in time
//! they are the same after a restart of anybody, so that a part that is done need not be done again.

use super::{Job, SLICE_BYTES, SLICE_DOCUMENTS};
use crate::elasticsearch::encode;
use drydock_stores::elasticsearch::{Client, read_maxima};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Parts of one index at most.
const MOST_PARTS: i64 = 512;

/// Operations from the first number on and below the second; without it, all from the first on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Part {
    pub(crate) from: i64,
    pub(crate) until: Option<i64>,
}

impl Part {
    /// All of an index.
    pub(crate) const ALL: Self = Self { from: 0, until: None };

    /// The item under which it is noted as done: no index name holds a `#`.
    pub(crate) fn item(self, index: &str) -> String {
        let until = self.until.map(|u| u.to_string()).unwrap_or_default();
        format!("{index}#{}-{until}", self.from)
    }

    /// Index and part of a noted item; nothing for the name of a whole index.
    pub(crate) fn of_item(item: &str) -> Option<(&str, Self)> {
        let (index, range) = item.rsplit_once('#')?;
        let (from, until) = range.split_once('-')?;
        let until = if until.is_empty() { None } else { Some(until.parse().ok()?) };
        Some((index, Self { from: from.parse().ok()?, until }))
    }

    /// The query that selects it; nothing where it is all there is.
    pub(super) fn query(self) -> Option<Value> {
        match self.until {
            None if self.from == 0 => None,
            None => Some(json!({"range": {"_seq_no": {"gte": self.from}}})),
            Some(until) => Some(json!({"range": {"_seq_no": {"gte": self.from, "lt": until}}})),
        }
    }
}

/// What is left of an index once some parts are done, in parts of at most `step` operations.
fn left(done: &BTreeSet<Part>, highest: i64, step: i64) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut from = 0;
    let cut = |parts: &mut Vec<Part>, mut from: i64, until: i64| {
        while from < until {
            let end = (from + step).min(until);
            parts.push(Part { from, until: Some(end) });
            from = end;
        }
    };
    for part in done {
        if part.from > from {
            cut(&mut parts, from, part.from);
        }
        match part.until {
            None => return parts,
            Some(until) => from = from.max(until),
        }
    }
    cut(&mut parts, from, highest + 1);
    // Whatever is written after the numbers were read belongs to the last one.
    match parts.last_mut() {
        Some(last) if last.until == Some(highest + 1) => last.until = None,
        _ => parts.push(Part { from: from.max(highest + 1), until: None }),
    }
    parts
}

/// What one reader reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) part: Part,
    /// Number of the store's own slice, and of all of them.
    pub(super) slice: (u32, u32),
}

impl Cut {
    const WHOLE: Self = Self { part: Part::ALL, slice: (0, 1) };

    /// Whether it is the same after a restart.
    pub(super) fn lasts(self) -> bool {
        self.slice == (0, 1)
    }
}

/// Cuts an index into what is worth reading side by side, without what is done.
pub(super) async fn cut(source: &Client, job: &Job, readers: u32) -> Vec<Cut> {
    if job.query.is_some() {
        return vec![Cut::WHOLE];
    }
    let worth = (job.documents / SLICE_DOCUMENTS).max(job.store_bytes / SLICE_BYTES);
    let worth = i64::try_from(worth).unwrap_or(MOST_PARTS).clamp(1, MOST_PARTS);
    if worth == 1 && job.done.is_empty() {
        return vec![Cut::WHOLE];
    }
    let maxima = read_maxima(source, Some(&encode(&job.index))).await;
    let highest = maxima.and_then(|all| all.get(&job.index)?.iter().copied().max());
    match highest {
        Some(highest) if highest >= 0 => {
            let parts = left(&job.done, highest, (highest / worth + 1).max(1));
            parts.into_iter().map(|part| Cut { part, slice: (0, 1) }).collect()
        }
        // The store cuts its point in time as it likes. Nothing of that can be kept for a later one.
        _ => {
            let slices = u32::try_from(worth).unwrap_or(readers).min(readers);
            (0..slices).map(|number| Cut { part: Part::ALL, slice: (number, slices) }).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(from: i64, until: impl Into<Option<i64>>) -> Part {
        Part { from, until: until.into() }
    }

    #[test]
    fn parts_cover_everything_once() {
        assert_eq!(left(&BTreeSet::new(), 9, 100), [part(0, None)]);
        assert_eq!(left(&BTreeSet::new(), 9, 4), [part(0, 4), part(4, 8), part(8, None)]);
        for highest in 0..40 {
            for step in 1..20 {
                let all = left(&BTreeSet::new(), highest, step);
                let ends: Vec<i64> = all.iter().filter_map(|p| p.until).collect();
                let begins: Vec<i64> = all.iter().skip(1).map(|p| p.from).collect();
                assert_eq!((all[0].from, ends), (0, begins), "{highest} {step}");
                assert_eq!(all.last().and_then(|p| p.until), None);
            }
        }
    }

    #[test]
    fn what_is_done_is_left_out_whatever_the_step_was() {
        let done: BTreeSet<Part> = [part(0, 4), part(8, 12)].into();
        assert_eq!(left(&done, 19, 5), [part(4, 8), part(12, 17), part(17, None)]);
        let end: BTreeSet<Part> = [part(15, None), part(0, 4)].into();
        assert_eq!(left(&end, 19, 6), [part(4, 10), part(10, 15)]);
        let all: BTreeSet<Part> = [part(0, 10), part(10, None)].into();
        assert!(left(&all, 19, 6).is_empty());
        let but_the_end: BTreeSet<Part> = [part(0, 20)].into();
        assert_eq!(left(&but_the_end, 19, 6), [part(20, None)]);
    }

    #[test]
    fn items_are_read_as_they_are_written() {
        for one in [part(0, 4), part(7, None), Part::ALL] {
            assert_eq!(Part::of_item(&one.item("operate-x-8.3.0_")), Some(("operate-x-8.3.0_", one)));
        }
        for whole in ["operate-x", "operate-x-8.3.0_2026-01-02", "x#1", "x#a-b"] {
            assert_eq!(Part::of_item(whole), None);
        }
        assert_eq!(Part::ALL.query(), None);
    }
}
