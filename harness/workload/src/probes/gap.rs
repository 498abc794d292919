//! The outage as the data tells it: the time in which no write was acknowledged.

use crate::acknowledged::{Acknowledged, Item};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

/// The time between two acknowledged writes to one store, on the run's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The write before, milliseconds.
    pub from_ms: u64,
    /// The write after, milliseconds.
    pub until_ms: u64,
}

impl Gap {
    /// Its length, milliseconds.
    pub const fn ms(self) -> u64 {
        self.until_ms.saturating_sub(self.from_ms)
    }
}

/// By store, the longest gap that touches the time from `closed_ms` to `opened_ms`. A store without a write on both sides
/// has none.
///
/// # Errors
/// The log cannot be read. A torn line is left out.
pub fn gaps(log: &Path, closed_ms: u64, opened_ms: u64) -> io::Result<BTreeMap<&'static str, Gap>> {
    let mut longest: BTreeMap<&'static str, Gap> = BTreeMap::new();
    if !log.exists() {
        return Ok(longest);
    }
    let mut last: BTreeMap<&'static str, u64> = BTreeMap::new();
    for line in BufReader::new(File::open(log)?).lines() {
        let Ok(write) = serde_json::from_str::<Acknowledged>(&line?) else { continue };
        let store = match write.item {
            Item::Elasticsearch { .. } => "elasticsearch",
            Item::Postgres { .. } => "postgres",
        };
        let Some(before) = last.insert(store, write.ms) else { continue };
        let gap = Gap { from_ms: before, until_ms: write.ms };
        if gap.from_ms <= opened_ms
            && gap.until_ms >= closed_ms
            && longest.get(store).is_none_or(|found| found.ms() < gap.ms())
        {
            longest.insert(store, gap);
        }
    }
    Ok(longest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acknowledged::{Acknowledgements, Now};

    #[test]
    fn the_longest_gap_of_the_outage_is_told_and_no_other() -> io::Result<()> {
        let path = std::env::temp_dir().join(format!("drydock-gap-{}.jsonl", std::process::id()));
        let log = Acknowledgements::open(&path)?;
        let document = Item::Elasticsearch { index: "i".into(), id: "a".into(), routing: None };
        let row =
            Item::Postgres { database: "d".into(), table: "t".into(), column: "c".into(), key: "1".into() };
        let write =
            |item: &Item, ms| Acknowledged { item: item.clone(), now: Now::Stored, content: None, ms };
        // A long pause before the outage, one write that was under way when the service closed, and the outage.
        let documents = [5, 5_000, 9_990, 10_005, 14_000, 14_050].map(|ms| write(&document, ms));
        log.note(&documents)?;
        log.note(&[write(&row, 9_000)])?;
        let found = gaps(&path, 10_000, 13_950)?;
        std::fs::remove_file(&path)?;
        // Nothing was written to PostgreSQL any more: there is no end to tell.
        assert_eq!(found, BTreeMap::from([("elasticsearch", Gap { from_ms: 10_005, until_ms: 14_000 })]));
        Ok(())
    }
}
