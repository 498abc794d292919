//! Documents that left one index and turned up in another.

use crate::digest::Digest;
use crate::item::Traits;
use crate::locate::{Item, Located};
use std::collections::{BTreeMap, HashMap};

/// Documents that are in `from` on the source and in `to` on the target, with id, routing and content unchanged.
#[derive(Debug, Clone)]
pub struct Moved {
    /// Index on the source.
    pub from: String,
    /// Index on the target.
    pub to: String,
    /// The documents.
    pub items: Vec<Item>,
}

/// What stays the same when a document moves. Its version does not: a move writes it anew.
type Whole = (Digest, Traits);

fn whole(item: &Item) -> Whole {
    (item.id, item.traits)
}

/// Takes moved documents out of the missing and the extra ones of a set of indices. Exact as long as each index holds at
/// most a hundred thousand of either; beyond that the remaining moves stay missing here and extra there.
pub fn take_moved(located: &mut BTreeMap<String, Located>) -> Vec<Moved> {
    let mut extras: HashMap<Whole, Vec<String>> = HashMap::new();
    for (index, found) in located.iter() {
        for item in &found.extra.items {
            extras.entry(whole(item)).or_default().push(index.clone());
        }
    }
    let mut moves: BTreeMap<(String, String), Vec<Item>> = BTreeMap::new();
    if extras.is_empty() {
        return Vec::new();
    }
    let mut arrived: HashMap<(String, Whole), u64> = HashMap::new();
    for (index, found) in located.iter_mut() {
        let missing = &mut found.missing;
        let mut kept = Vec::with_capacity(missing.items.len());
        for item in missing.items.drain(..) {
            let to = extras.get_mut(&whole(&item)).and_then(|at| {
                let position = at.iter().position(|name| name != index)?;
                Some(at.swap_remove(position))
            });
            match to {
                Some(to) => {
                    missing.count -= item.copies;
                    *arrived.entry((to.clone(), whole(&item))).or_default() += item.copies;
                    moves.entry((index.clone(), to)).or_default().push(item);
                }
                None => kept.push(item),
            }
        }
        missing.items = kept;
    }
    for (index, found) in located.iter_mut() {
        let extra = &mut found.extra;
        let count = &mut extra.count;
        extra.items.retain(|item| {
            if arrived.remove(&(index.clone(), whole(item))).is_some() {
                *count -= item.copies;
                return false;
            }
            true
        });
    }
    moves.into_iter().map(|((from, to), items)| Moved { from, to, items }).collect()
}
