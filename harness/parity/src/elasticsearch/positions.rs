//! What importers have read, held against the records that are there.
//!
//! An importer keeps, for each record type and partition, the position of the last record it has read. Records beyond it
//! are still to come; a position beyond the newest record speaks of records that are gone.

use drydock_core::names::checks;
use drydock_core::{Finding, Kind, Outcome, Sample};
use std::collections::{BTreeMap, BTreeSet};

const CHECK: &str = checks::ES_IMPORTS;

/// Records of one type of one partition, as one exporter wrote them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stream {
    /// Prefix of the exporter's indices.
    pub exporter: String,
    /// Record type, as aliases and indices name it.
    pub record_type: String,
    /// Partition, from 1.
    pub partition: i64,
}

/// One stream as one importer reads it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reader {
    /// Index that holds the position.
    pub index: String,
    /// What is read.
    pub stream: Stream,
}

/// Where a reader stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Position of the last record that was read.
    pub position: i64,
    /// Index that the record was in, where the importer says so.
    pub record_index: Option<String>,
    /// Records beyond that position.
    pub waiting: u64,
}

/// One side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imports {
    /// Every position that an importer keeps.
    pub readers: BTreeMap<Reader, Standing>,
    /// Position of the newest record of each stream.
    pub newest: BTreeMap<Stream, i64>,
    /// Every index there is.
    pub indices: BTreeSet<String>,
}

impl Stream {
    fn words(&self) -> String {
        format!("{} of partition {}", self.record_type, self.partition)
    }
}

impl Imports {
    /// How far a reader is ahead of the records: the newest one there is, if its position is beyond. Records that retention
    /// has deleted, index and all, are not missed.
    fn ahead(&self, reader: &Reader, standing: &Standing) -> Option<i64> {
        match self.newest.get(&reader.stream) {
            Some(newest) => (standing.position > *newest).then_some(*newest),
            None => {
                let there = standing.record_index.as_ref().is_some_and(|index| self.indices.contains(index));
                (standing.position > 0 && there).then_some(0)
            }
        }
    }

    /// Position of the newest record of each partition, whatever its type.
    fn newest_of_partitions(&self) -> BTreeMap<i64, i64> {
        let mut newest: BTreeMap<i64, i64> = BTreeMap::new();
        for (stream, position) in &self.newest {
            let known = newest.entry(stream.partition).or_insert(*position);
            *known = (*known).max(*position);
        }
        newest
    }
}

/// What is told of one index of positions.
#[derive(Default)]
struct Told {
    forgotten: Vec<Sample>,
    ahead: Vec<Sample>,
    behind: Vec<Sample>,
    dropped: (u64, Vec<Sample>),
    unfinished: (u64, Vec<Sample>),
    lost_before: Vec<Sample>,
}

/// Compares both sides. `exported` holds the position up to which the broker counts each partition as exported, where that
/// is known.
pub fn compare(source: &Imports, target: &Imports, exported: &BTreeMap<i64, i64>) -> Vec<Finding> {
    let mut by_index: BTreeMap<&str, Told> = BTreeMap::new();
    for (reader, before) in &source.readers {
        let told = by_index.entry(&reader.index).or_default();
        let stream = &reader.stream;
        let newest = source.newest.get(stream).copied();
        let at = |standing: &Standing, newest: Option<i64>| {
            let newest = newest.map_or("no record".to_owned(), |n| format!("newest record {n}"));
            Some(format!("read up to {}, {newest}, {} to come", standing.position, standing.waiting))
        };
        let ahead_before = source.ahead(reader, before);
        if before.waiting > 0 {
            told.unfinished.0 += before.waiting;
            told.unfinished.1.push(Sample::both(stream.words(), at(before, newest), None));
        }
        if ahead_before.is_some() {
            told.lost_before.push(Sample::both(stream.words(), at(before, newest), None));
        }
        let Some(after) = target.readers.get(reader) else {
            told.forgotten.push(Sample::both(stream.words(), at(before, newest), None));
            continue;
        };
        let newest_after = target.newest.get(stream).copied();
        let sample = || Sample::both(stream.words(), at(before, newest), at(after, newest_after));
        if after.position < before.position {
            told.behind.push(sample());
        }
        if before.waiting > after.waiting && after.position <= before.position {
            told.dropped.0 += before.waiting - after.waiting;
            told.dropped.1.push(sample());
        } else if ahead_before.is_none() && target.ahead(reader, after).is_some() {
            told.ahead.push(sample());
        }
    }
    let mut findings: Vec<Finding> =
        by_index.into_iter().flat_map(|(index, told)| told.findings(index)).collect();
    findings.extend(exports(source, target, exported));
    findings
}

impl Told {
    fn findings(self, index: &str) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut add = |kind, samples: Vec<Sample>, message: String, next: &str| {
            if !samples.is_empty() {
                let finding = Finding::data(CHECK, kind, index, message);
                findings.push(finding.items(samples.len() as u64, samples).next(next));
            }
        };
        let n = self.forgotten.len();
        add(
            Kind::Missing,
            self.forgotten,
            format!(
                "{n} positions of {index} are not on the target: what they had read would be imported again"
            ),
            "copy the index again before the application starts: instances that were deleted would come back",
        );
        let n = self.ahead.len();
        add(
            Kind::LostWrite,
            self.ahead,
            format!(
                "{n} positions of {index} are ahead of the records on the target: the records up to them are gone"
            ),
            "copy the exporter's indices again; without them nothing can be imported a second time",
        );
        let n = self.behind.len();
        add(
            Kind::Stale,
            self.behind,
            format!("{n} positions of {index} are older on the target: records would be imported again"),
            "copy the index again, after the importers have stopped",
        );
        let (records, samples) = self.dropped;
        add(
            Kind::LostWrite,
            samples,
            format!(
                "{records} records that {index} has still to import are not on the target: they would never be imported"
            ),
            "copy the exporter's indices as well, or let the importers finish before the freeze",
        );
        let mut old = |samples: Vec<Sample>, message: String, next: &str| {
            if !samples.is_empty() {
                let mut finding = Finding::data(CHECK, Kind::OldDirt, index, message)
                    .items(samples.len() as u64, samples)
                    .next(next);
                finding.outcome = Outcome::Expected;
                findings.push(finding);
            }
        };
        let (records, samples) = self.unfinished;
        old(
            samples,
            format!(
                "the import is not finished on the source: {records} records that {index} has still to import"
            ),
            "not the migration's doing; the importers go on from there if the exporter's indices are moved as well",
        );
        let n = self.lost_before.len();
        old(
            self.lost_before,
            format!("{n} positions of {index} are ahead of the records already on the source"),
            "not the migration's doing: the source has lost records, or they were deleted by hand",
        );
        findings
    }
}

/// The broker's own count of what it has exported, which nobody exports a second time.
fn exports(source: &Imports, target: &Imports, exported: &BTreeMap<i64, i64>) -> Vec<Finding> {
    let (before, after) = (source.newest_of_partitions(), target.newest_of_partitions());
    let mut findings = Vec::new();
    for (partition, position) in exported {
        let subject = format!("exporter/partition-{partition}");
        let side = |of: &BTreeMap<i64, i64>| of.get(partition).copied();
        let words =
            |newest: Option<i64>| Some(newest.map_or("no record".into(), |n| format!("newest record {n}")));
        let sample = Sample::both(
            format!("partition {partition}, exported up to {position}"),
            words(side(&before)),
            words(side(&after)),
        );
        let (a, b) = (side(&before), side(&after));
        if b < a && b.is_none_or(|b| *position > b) {
            let message = format!(
                "the broker counts partition {partition} as exported up to {position}, and the target's newest record is {}: \
                 what lies between is never exported again",
                b.map_or("none".to_owned(), |b| b.to_string())
            );
            let finding = Finding::data(CHECK, Kind::LostWrite, subject, message).items(1, [sample]).next(
                "stop the exporters before the copy and copy the exporter's indices again, or restore the broker's data of the same moment",
            );
            findings.push(finding);
        } else if a.is_none_or(|a| *position > a) {
            // An exporter counts commands, and types it leaves out, as exported; the last records of a log often are such.
            let message = format!(
                "the broker counts partition {partition} as exported up to {position}, beyond the source's newest record ({}): \
                 either the exporter leaves the rest out, or the source has lost it",
                a.map_or("none".to_owned(), |a| a.to_string())
            );
            let mut finding = Finding::data(CHECK, Kind::OldDirt, subject, message).items(1, [sample]).next(
                "where the distance is more than a few records, look whether the source was restored or its records deleted",
            );
            finding.outcome = Outcome::Expected;
            findings.push(finding);
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(record_type: &str, partition: i64) -> Reader {
        let stream = Stream { exporter: "zeebe-record".into(), record_type: record_type.into(), partition };
        Reader { index: "operate-import-position-8.3.0_".into(), stream }
    }

    fn world() -> Imports {
        let mut world = Imports::default();
        for partition in 1..=3 {
            for (number, record_type) in ["job", "variable"].into_iter().enumerate() {
                let reader = reader(record_type, partition);
                let newest = 1_000 * partition + number as i64;
                let index = format!("zeebe-record_{record_type}_8.6.0_2026-11-20");
                world.indices.insert(index.clone());
                world.newest.insert(reader.stream.clone(), newest);
                world
                    .readers
                    .insert(reader, Standing { position: newest, record_index: Some(index), waiting: 0 });
            }
        }
        world
    }

    fn kinds(source: &Imports, target: &Imports, exported: &[(i64, i64)]) -> Vec<(Kind, Outcome)> {
        let exported = exported.iter().copied().collect();
        compare(source, target, &exported).into_iter().map(|f| (f.kind, f.outcome)).collect()
    }

    #[test]
    fn each_way_to_lose_the_thread_is_told() {
        let clean = world();
        assert!(kinds(&clean, &clean, &[(1, 1_001), (2, 900)]).is_empty());
        let changed = |change: &dyn Fn(&mut Imports)| {
            let mut copy = clean.clone();
            change(&mut copy);
            copy
        };
        let lost_records = changed(&|w| {
            w.newest.insert(reader("job", 2).stream, 1_990);
        });
        assert_eq!(kinds(&clean, &lost_records, &[]), [(Kind::LostWrite, Outcome::Different)]);
        let forgotten = changed(&|w| {
            w.readers.remove(&reader("job", 2));
        });
        assert_eq!(kinds(&clean, &forgotten, &[]), [(Kind::Missing, Outcome::Different)]);
        let set_back = changed(&|w| {
            let standing = w.readers.get_mut(&reader("job", 2)).expect("there");
            (standing.position, standing.waiting) = (5, 70);
        });
        assert_eq!(kinds(&clean, &set_back, &[]), [(Kind::Stale, Outcome::Different)]);
        let exported_beyond = changed(&|w| {
            w.newest.retain(|s, _| s.partition != 2);
            w.readers.retain(|r, _| r.stream.partition != 2);
        });
        let told = kinds(&changed(&|w| w.readers.clear()), &exported_beyond, &[(2, 2_001)]);
        assert_eq!(told, [(Kind::LostWrite, Outcome::Different)]);
    }

    #[test]
    fn what_was_so_before_is_old_dirt_and_what_goes_on_is_no_fault() {
        let mut behind = world();
        behind.readers.get_mut(&reader("job", 1)).expect("there").position = 900;
        behind.readers.get_mut(&reader("job", 1)).expect("there").waiting = 12;
        assert_eq!(kinds(&behind, &behind, &[]), [(Kind::OldDirt, Outcome::Expected)]);
        // The target's importer has gone on.
        assert_eq!(kinds(&behind, &world(), &[]), [(Kind::OldDirt, Outcome::Expected)]);
        let mut without_records = behind.clone();
        without_records.newest.insert(reader("job", 1).stream, 900);
        without_records.readers.get_mut(&reader("job", 1)).expect("there").waiting = 0;
        let told = kinds(&behind, &without_records, &[]);
        assert_eq!(told, [(Kind::LostWrite, Outcome::Different), (Kind::OldDirt, Outcome::Expected)]);
        let mut ahead = world();
        ahead.newest.insert(reader("job", 1).stream, 10);
        assert_eq!(kinds(&ahead, &ahead, &[]), [(Kind::OldDirt, Outcome::Expected)]);
        // Retention has deleted the records with their index.
        let mut deleted = world();
        deleted.newest.remove(&reader("job", 1).stream);
        deleted.indices.clear();
        assert!(kinds(&deleted, &deleted, &[]).is_empty());
        assert_eq!(kinds(&world(), &world(), &[(3, 3_050)]), [(Kind::OldDirt, Outcome::Expected)]);
    }
}
