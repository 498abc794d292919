//! What moved between two captures.

use super::{IndexMark, Marks, Session, TableMark};
use drydock_core::finding::{Finding, Kind, Sample};
use drydock_core::names::checks::FREEZE;
use std::collections::BTreeSet;

const NEXT: &str =
    "find the writer (a component that was not stopped, a job, a person), stop it and migrate again";

/// Everything that moved on the source from `before` to `after`, and every session that was open at either moment.
/// A write-ahead log that moved while no table did is told by nothing: background work writes there too.
pub fn compare(before: &Marks, after: &Marks) -> Vec<Finding> {
    let mut findings = Vec::new();
    let names: BTreeSet<&String> = before.indices.keys().chain(after.indices.keys()).collect();
    for name in names {
        findings.extend(index(name, before.indices.get(name), after.indices.get(name)));
    }
    findings.extend(passing(before, after));
    let restarted = match (&before.server, &after.server) {
        (Some(a), Some(b)) => a.started != b.started,
        _ => false,
    };
    if restarted {
        findings.push(
            Finding::not_compared(
                FREEZE,
                "postgres",
                "the source server was restarted after the freeze, so its write counters prove nothing",
            )
            .next("keep the source server running until the comparison is done"),
        );
    }
    let names: BTreeSet<&String> = before.tables.keys().chain(after.tables.keys()).collect();
    for name in names {
        findings.extend(table(name, before.tables.get(name), after.tables.get(name)));
    }
    let names: BTreeSet<&String> = before.sequences.keys().chain(after.sequences.keys()).collect();
    for name in names {
        let (a, b) = (before.sequences.get(name), after.sequences.get(name));
        if a != b {
            let text = |v: Option<&Option<i64>>| match v {
                None => "absent".to_owned(),
                Some(None) => "never used".to_owned(),
                Some(Some(value)) => value.to_string(),
            };
            findings.push(late(
                name,
                format!("sequence {name} moved on the source after the freeze: {} -> {}", text(a), text(b)),
                1,
            ));
        }
    }
    let open: BTreeSet<&Session> = {
        let mut seen = BTreeSet::new();
        // A session that is open at both moments may have changed its state; its process number tells it is one.
        after.sessions.iter().chain(&before.sessions).filter(|s| seen.insert((s.pid, &s.database))).collect()
    };
    findings.extend(open.into_iter().map(still_active));
    findings
}

/// Indices that neither capture holds: made after the first, and deleted before the second.
fn passing(before: &Marks, after: &Marks) -> Vec<Finding> {
    let known: BTreeSet<&str> = before.indices.values().map(|mark| mark.uuid.as_str()).collect();
    let new = after.deleted.iter().filter(|(uuid, _)| !before.deleted.contains_key(*uuid));
    new.filter(|(uuid, _)| !known.contains(uuid.as_str()))
        .map(|(uuid, stone)| {
            let message = format!(
                "index {} was made on the source after the freeze and deleted again{}",
                stone.index,
                clock(stone.at_ms)
            );
            let sample = Sample::named(format!("index {} uuid {uuid}", stone.index));
            Finding { samples: vec![sample], ..late(&stone.index, message, 1) }
        })
        .collect()
}

/// ` at 2026-01-01T10:00:00Z`, or nothing for no time at all.
fn clock(ms: i64) -> String {
    match jiff::Timestamp::from_millisecond(ms) {
        Ok(at) if ms > 0 => format!(" at {}", at.strftime("%Y-%m-%dT%H:%M:%SZ")),
        _ => String::new(),
    }
}

/// Whether the server worked while nothing of the user's moved: for a note, not for a finding.
pub fn background_work(before: &Marks, after: &Marks) -> Option<String> {
    let (a, b) = (before.server.as_ref()?, after.server.as_ref()?);
    let still = before.tables == after.tables && before.sequences == after.sequences;
    (still && a.wal != b.wal).then(|| {
        format!(
            "the source's write-ahead log grew by {} bytes and {} transactions while no table and no sequence moved: \
             background work",
            b.wal - a.wal,
            b.next_transaction - a.next_transaction
        )
    })
}

fn index(name: &str, before: Option<&IndexMark>, after: Option<&IndexMark>) -> Option<Finding> {
    match (before, after) {
        (Some(a), Some(b)) if a.uuid != b.uuid => Some(late(
            name,
            format!("index {name} was deleted and made again on the source after the freeze"),
            1,
        )),
        (Some(a), Some(b)) if a.sequence_numbers != b.sequence_numbers => {
            let shards: BTreeSet<&u32> = a.sequence_numbers.keys().chain(b.sequence_numbers.keys()).collect();
            let mut operations = 0;
            let mut samples = Vec::new();
            for shard in shards {
                let from = a.sequence_numbers.get(shard).copied();
                let to = b.sequence_numbers.get(shard).copied();
                if from == to {
                    continue;
                }
                match (from, to) {
                    (Some(from), Some(to)) => operations += to.abs_diff(from),
                    _ => operations += 1,
                }
                samples.push(Sample::both(
                    format!("shard {shard}, highest sequence number"),
                    from.map(|n| n.to_string()),
                    to.map(|n| n.to_string()),
                ));
            }
            let indexed = b.indexed.saturating_sub(a.indexed);
            let deleted = b.deleted.saturating_sub(a.deleted);
            let message = format!(
                "{operations} operations arrived in index {name} on the source after the freeze ({indexed} documents \
                 written, {deleted} deleted)"
            );
            Some(late(name, message, operations).items(operations, samples))
        }
        (Some(_), Some(_)) => None,
        (Some(_), None) => {
            Some(late(name, format!("index {name} was deleted or closed on the source after the freeze"), 1))
        }
        (None, Some(_)) => {
            Some(late(name, format!("index {name} appeared on the source after the freeze"), 1))
        }
        (None, None) => None,
    }
}

fn table(name: &str, before: Option<&TableMark>, after: Option<&TableMark>) -> Option<Finding> {
    let (a, b) = match (before, after) {
        (Some(a), Some(b)) if a == b => return None,
        (Some(a), Some(b)) => (a, b),
        (Some(_), None) => {
            return Some(late(name, format!("table {name} was dropped on the source after the freeze"), 1));
        }
        (None, Some(_)) => {
            return Some(late(name, format!("table {name} appeared on the source after the freeze"), 1));
        }
        (None, None) => return None,
    };
    if a.oid != b.oid {
        return Some(late(
            name,
            format!("table {name} was dropped and made again on the source after the freeze"),
            1,
        ));
    }
    let (inserted, updated, deleted) =
        (b.inserted - a.inserted, b.updated - a.updated, b.deleted - a.deleted);
    if inserted < 0 || updated < 0 || deleted < 0 {
        return Some(
            Finding::not_compared(
                FREEZE,
                name,
                format!(
                    "the write counters of table {name} were reset after the freeze, so they prove nothing"
                ),
            )
            .next("do not reset statistics on the source during a migration"),
        );
    }
    if inserted == 0 && updated == 0 && deleted == 0 {
        return Some(late(
            name,
            format!("table {name} was truncated or rewritten on the source after the freeze"),
            1,
        ));
    }
    // The sum of three numbers above zero.
    let count = inserted.unsigned_abs() + updated.unsigned_abs() + deleted.unsigned_abs();
    let message = format!(
        "{count} rows were written to {name} on the source after the freeze ({inserted} inserted, {updated} updated, {deleted} \
         deleted)"
    );
    Some(late(name, message, count))
}

fn late(subject: &str, message: String, count: u64) -> Finding {
    Finding::data(FREEZE, Kind::LateWrite, subject, message).items(count, Vec::new()).next(NEXT)
}

/// The finding for a session that should have ended.
pub fn still_active(session: &Session) -> Finding {
    let name = if session.application.is_empty() { "(no application name)" } else { &session.application };
    Finding::data(
        FREEZE,
        Kind::StillActive,
        format!("{}/session/{name}", session.database),
        format!(
            "session {} of {name} as {} from {} on database {} of the source is still open ({})",
            session.pid,
            session.role,
            if session.address.is_empty() { "an unknown address" } else { &session.address },
            session.database,
            session.state
        ),
    )
    .items(
        1,
        [Sample::named(format!("pid {} application {name} database {}", session.pid, session.database))],
    )
    .next("stop the application whose session it is; what is open can write")
}

#[cfg(test)]
mod tests {
    use super::super::ServerMark;
    use super::*;
    use std::collections::BTreeMap;

    fn marks() -> Marks {
        let index = IndexMark {
            uuid: "u".into(),
            sequence_numbers: BTreeMap::from([(0, 9), (1, 4)]),
            indexed: 15,
            deleted: 0,
        };
        let table = TableMark { oid: 1, file: 2, inserted: 5, updated: 1, deleted: 0 };
        Marks {
            indices: BTreeMap::from([("operate-a_".into(), index)]),
            tables: BTreeMap::from([("keycloak.public.realm".into(), table)]),
            sequences: BTreeMap::from([("identity.public.s".into(), Some(4))]),
            server: Some(ServerMark { wal: 100, next_transaction: 7, started: 1 }),
            sessions: Vec::new(),
            deleted: BTreeMap::new(),
        }
    }

    fn told(change: impl FnOnce(&mut Marks)) -> Vec<Finding> {
        let mut after = marks();
        change(&mut after);
        compare(&marks(), &after)
    }

    #[test]
    fn every_movement_is_told_once_with_its_place_and_count() {
        assert_eq!(told(|_| {}), Vec::new());
        let found = told(|m| {
            if let Some(index) = m.indices.get_mut("operate-a_") {
                index.sequence_numbers.insert(1, 6);
                index.indexed += 2;
            }
        });
        assert_eq!((found.len(), found[0].kind, found[0].count), (1, Kind::LateWrite, 2));
        assert_eq!(found[0].subject, "operate-a_");
        let found = told(|m| {
            if let Some(table) = m.tables.get_mut("keycloak.public.realm") {
                table.inserted += 1;
                table.deleted += 2;
            }
        });
        assert_eq!((found[0].subject.as_str(), found[0].count), ("keycloak.public.realm", 3));
        let found = told(|m| {
            let stone =
                |index: &str| super::super::Tombstone { index: index.into(), at_ms: 1_700_000_000_000 };
            m.deleted.insert("new".into(), stone("operate-b_"));
            // One that was there at the freeze is told as deleted, not as passing.
            m.deleted.insert("u".into(), stone("operate-a_"));
        });
        assert_eq!((found.len(), found[0].subject.as_str()), (1, "operate-b_"));
        assert!(found[0].message.contains("2023-11-14T22:13:20Z"), "{}", found[0].message);
        assert_eq!(told(|m| m.indices.clear()).len(), 1);
        assert_eq!(told(|m| m.tables.clear())[0].kind, Kind::LateWrite);
        assert_eq!(
            told(|m| {
                m.sequences.insert("identity.public.s".into(), Some(5));
            })[0]
                .subject,
            "identity.public.s"
        );
    }

    #[test]
    fn a_reset_of_the_counters_is_no_proof_and_a_growing_log_no_finding() {
        let reset = told(|m| {
            if let Some(table) = m.tables.get_mut("keycloak.public.realm") {
                table.inserted = 0;
            }
        });
        assert_eq!(reset[0].kind, Kind::NotCompared);
        assert_eq!(
            told(|m| m.server = Some(ServerMark { wal: 100, next_transaction: 7, started: 2 }))[0].kind,
            Kind::NotCompared
        );
        let grown = |m: &mut Marks| m.server = Some(ServerMark { wal: 300, next_transaction: 8, started: 1 });
        assert_eq!(told(grown), Vec::new());
        let mut after = marks();
        grown(&mut after);
        assert!(background_work(&marks(), &after).is_some_and(|t| t.contains("200 bytes")));
    }

    #[test]
    fn one_session_is_one_finding_whatever_it_does() {
        let session = |state: &str| Session {
            pid: 12,
            application: "camunda-keycloak".into(),
            database: "keycloak".into(),
            role: "keycloak".into(),
            state: state.into(),
            address: "10.0.0.7".into(),
            writes: false,
        };
        let mut before = marks();
        before.sessions.push(session("idle"));
        let mut after = marks();
        after.sessions.push(session("active"));
        let found = compare(&before, &after);
        assert_eq!((found.len(), found[0].kind), (1, Kind::StillActive));
        assert!(
            found[0].message.contains("session 12 of camunda-keycloak")
                && found[0].message.contains("active")
        );
    }
}
