//! What became of acknowledged writes once the service went back to a side that never saw them. Pure: the log and what the
//! side shows go in, a judgement of every write comes out.

use crate::acknowledged::{Acknowledged, Item, Now};
use drydock_core::rollback::{FatedWrite, WriteFates};
use std::collections::{BTreeMap, BTreeSet};

/// What a side shows of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Nothing.
    Absent,
    /// It is there.
    There {
        /// Digest of a document, or `column=value` of a row, where the log knows such.
        content: Option<String>,
        /// How often: documents under other routing values, the same document under a sibling index, rows of one key.
        copies: u64,
    },
}

impl Seen {
    /// Whether this is what a client was told.
    fn agrees(&self, write: &Acknowledged) -> bool {
        match (self, write.now) {
            (Self::Absent, Now::Gone) => true,
            (Self::There { content, .. }, Now::Stored) => {
                write.content.is_none() || *content == write.content
            }
            _ => false,
        }
    }

    fn is_twice(&self) -> bool {
        matches!(self, Self::There { copies, .. } if *copies > 1)
    }
}

/// Judges every write of `log`, in the order of the log, by what the side shows. Of the writes to one item those up to the
/// last one that the side agrees with are kept, and those after it are lost. An item of which nothing was seen counts as
/// absent. `closed_ms` is when users could write no more, on the log's clock.
pub fn fates(log: &[Acknowledged], seen: &BTreeMap<Item, Seen>, closed_ms: u64) -> WriteFates {
    let mut of_item: BTreeMap<&Item, Vec<usize>> = BTreeMap::new();
    for (at, write) in log.iter().enumerate() {
        of_item.entry(&write.item).or_default().push(at);
    }
    let absent = Seen::Absent;
    let mut lost: BTreeSet<usize> = BTreeSet::new();
    for (item, writes) in &of_item {
        let shown = seen.get(*item).unwrap_or(&absent);
        let kept = writes.iter().rposition(|at| shown.agrees(&log[*at])).map_or(0, |last| last + 1);
        lost.extend(&writes[kept..]);
    }
    let twice = seen.iter().filter(|(_, s)| s.is_twice());
    let last_of = |item: &Item| of_item.get(item).and_then(|writes| writes.last()).map(|at| &log[*at]);
    let mut documents = BTreeSet::new();
    let mut rows = BTreeSet::new();
    for at in &lost {
        match &log[*at].item {
            item @ Item::Elasticsearch { .. } => documents.insert(item),
            item @ Item::Postgres { .. } => rows.insert(item),
        };
    }
    WriteFates {
        before: 0,
        acknowledged: log.len() as u64,
        kept: (log.len() - lost.len()) as u64,
        lost_documents: documents.len() as u64,
        lost_rows: rows.len() as u64,
        window_ms: lost.iter().map(|at| log[*at].ms).min().map(|oldest| closed_ms.saturating_sub(oldest)),
        lost: lost.iter().map(|at| told(&log[*at])).collect(),
        duplicated: twice
            .map(|(item, _)| FatedWrite {
                item: item.to_string(),
                told: "stored".into(),
                ms: last_of(item).map_or(0, |w| w.ms),
            })
            .collect(),
    }
}

fn told(write: &Acknowledged) -> FatedWrite {
    let told = match write.now {
        Now::Stored => "stored",
        Now::Gone => "gone",
    };
    FatedWrite { item: write.item.to_string(), told: told.into(), ms: write.ms }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn item(id: u8) -> Item {
        match id % 2 {
            0 => Item::Elasticsearch { index: "i".into(), id: id.to_string(), routing: None },
            _ => Item::Postgres {
                database: "d".into(),
                table: "t".into(),
                column: "id".into(),
                key: id.to_string(),
            },
        }
    }

    fn stored(id: u8, content: &str, ms: u64) -> Acknowledged {
        Acknowledged { item: item(id), now: Now::Stored, content: Some(content.into()), ms }
    }

    fn gone(id: u8, ms: u64) -> Acknowledged {
        Acknowledged { item: item(id), now: Now::Gone, content: None, ms }
    }

    fn there(content: &str) -> Seen {
        Seen::There { content: Some(content.into()), copies: 1 }
    }

    #[test]
    fn what_the_side_shows_decides_up_to_where_writes_are_kept() {
        let log = [stored(2, "a", 10), stored(2, "b", 20), stored(2, "c", 30), stored(3, "x", 40)];
        let lost = |seen: &[(u8, Seen)]| {
            let seen = seen.iter().map(|(id, s)| (item(*id), s.clone())).collect();
            let judged = fates(&log, &seen, 100);
            assert_eq!(judged.acknowledged, 4);
            (judged.kept, judged.lost.iter().map(|w| w.ms).collect::<Vec<_>>(), judged.window_ms)
        };
        assert_eq!(lost(&[]), (0, vec![10, 20, 30, 40], Some(90)));
        assert_eq!(lost(&[(2, there("b"))]), (2, vec![30, 40], Some(70)));
        assert_eq!(lost(&[(2, there("old")), (3, there("x"))]), (1, vec![10, 20, 30], Some(90)));
        assert_eq!(lost(&[(2, there("c")), (3, there("x"))]), (4, vec![], None));
    }

    #[test]
    fn a_removal_is_lost_where_the_item_is_there_again_and_kept_where_it_is_not() {
        let judge = |shown: Seen| fates(&[gone(2, 5)], &BTreeMap::from([(item(2), shown)]), 9).lost.len();
        assert_eq!(judge(Seen::Absent), 0);
        assert_eq!(judge(there("a")), 1);
        // Made and removed again: nobody misses it.
        assert_eq!(fates(&[stored(2, "a", 1), gone(2, 2)], &BTreeMap::new(), 9).lost.len(), 0);
    }

    #[test]
    fn copies_are_told_whatever_their_contents() {
        let twice = Seen::There { content: Some("a".into()), copies: 2 };
        let judged = fates(&[stored(2, "a", 5)], &BTreeMap::from([(item(2), twice)]), 9);
        assert_eq!((judged.kept, judged.duplicated.len()), (1, 1));
        assert_eq!(judged.duplicated[0].item, "i/2");
    }

    fn any_write() -> impl Strategy<Value = Acknowledged> {
        (0_u8..6, 0_u8..4, 0_u64..1000).prop_map(|(id, content, ms)| match content {
            0 => gone(id, ms),
            n => stored(id, &n.to_string(), ms),
        })
    }

    proptest! {
        /// Every write is judged once, and a side that replays the log keeps all of it.
        #[test]
        fn nothing_is_counted_twice_or_left_out(log in prop::collection::vec(any_write(), 0..40)) {
            let nothing = fates(&log, &BTreeMap::new(), 2000);
            prop_assert_eq!(nothing.kept + nothing.lost.len() as u64, log.len() as u64);
            let mut replayed = BTreeMap::new();
            for write in &log {
                let shown = match (&write.now, &write.content) {
                    (Now::Gone, _) => Seen::Absent,
                    (Now::Stored, content) => Seen::There { content: content.clone(), copies: 1 },
                };
                replayed.insert(write.item.clone(), shown);
            }
            let all = fates(&log, &replayed, 2000);
            prop_assert_eq!((all.kept, all.lost.len(), all.window_ms), (log.len() as u64, 0, None));
        }
    }
}
