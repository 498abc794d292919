//! One real insert into every table of the target that a sequence numbers, rolled back. Asked for by the caller alone: it
//! takes locks as any insert does, fires triggers, and the sequences go on, which no rollback takes back.

use super::super::result::CheckResult;
use super::shapes::renamed;
use super::{DatabasePair, empty};
use crate::postgres::{Connection, PinnedDatabase, Place, SequenceUse, quote};
use drydock_core::names::checks;
use drydock_core::{Finding, Kind};
use std::collections::BTreeMap;

/// What one insert showed.
enum Probed {
    Inserted,
    /// There is no row to copy.
    Empty,
    /// The sequence hands out a value that exists.
    Taken(String),
    /// The server refused; its words without values, and SQLSTATE.
    Refused(String, String),
}

/// Probes one database of the target. Adds to `result`.
pub(super) async fn probe(target: &PinnedDatabase, pair: &DatabasePair, result: &mut CheckResult) {
    let unproven = |reason: &str| {
        let message = format!("inserting into the tables of {} could not be tried: {reason}", pair.source);
        Finding::not_compared(checks::PG_WRITES, &pair.source, message)
            .next("make the target writable for this role, then compare again")
    };
    let uses = match &target.catalog.sequence_uses {
        Ok(uses) => uses,
        Err(reason) => return result.findings.push(unproven(reason)),
    };
    let session = match target.plain_session().await {
        Ok(session) => session,
        Err(error) => return result.findings.push(unproven(&error.to_string())),
    };
    let mut tables: BTreeMap<&str, Vec<&SequenceUse>> = BTreeMap::new();
    for place in uses.iter().filter(|u| u.place != Place::Partition) {
        tables.entry(&place.table).or_default().push(place);
    }
    for places in tables.into_values() {
        let Some(first) = places.first() else { continue };
        let path = renamed(&first.table_path, &pair.target, &pair.source);
        match attempt(&session, first, &places).await {
            Ok(Probed::Inserted) => result.compared += 1,
            Ok(Probed::Empty) => {}
            Ok(Probed::Taken(column)) => {
                result.compared += 1;
                let message = format!(
                    "inserting into {path} fails: the sequence behind {column} hands out a value that exists"
                );
                let next = "set the sequence behind the highest value with setval()";
                result.findings.push(Finding::data(result.check, Kind::Unusable, &path, message).next(next));
            }
            Ok(Probed::Refused(words, code)) => {
                result.compared += 1;
                let message =
                    format!("inserting a copy of a row into {path} fails: {words} (SQLSTATE {code})");
                let next = "look at the table's rights, triggers and constraints on the target";
                let finding =
                    if code == "42501" || code == "25006" { Finding::access } else { Finding::data };
                result.findings.push(finding(result.check, Kind::Unusable, path, message).next(next));
            }
            Err(reason) => {
                result.findings.push(unproven(&reason));
                return;
            }
        }
    }
}

/// The result to add to.
pub(super) fn begin() -> CheckResult {
    empty(checks::PG_WRITES)
}

/// What was done, for people.
pub(super) fn note(result: &CheckResult, databases: usize) -> String {
    format!(
        "one row inserted into each of {} tables of the target and rolled back, in {databases} databases; their sequences went \
         on by one value, which a rollback does not take back; tables without rows were left out",
        result.compared
    )
}

async fn attempt(
    session: &Connection,
    place: &SequenceUse,
    places: &[&SequenceUse],
) -> Result<Probed, String> {
    let words =
        |e: &tokio_postgres::Error| e.as_db_error().map_or_else(|| e.to_string(), |d| d.message().to_owned());
    let begin = "BEGIN; SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '30s'";
    session.batch_execute(begin).await.map_err(|e| words(&e))?;
    let probed = inserted(session, place, places).await;
    session.batch_execute("ROLLBACK").await.map_err(|e| words(&e))?;
    probed.map_err(|e| words(&e))
}

async fn inserted(
    session: &Connection,
    place: &SequenceUse,
    places: &[&SequenceUse],
) -> Result<Probed, tokio_postgres::Error> {
    // As the application would: by the table's owner, if this role may become it.
    let member = session
        .query_one(
            "SELECT pg_has_role(current_user, $1::text::name, 'MEMBER') AND current_user <> $1::text",
            &[&place.owner],
        )
        .await?;
    if member.get(0) {
        session.batch_execute(&format!("SET LOCAL ROLE {}", quote(&place.owner))).await?;
    }
    let columns = session
        .query(
            "SELECT attname::text FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped
                AND attgenerated = '' AND attidentity <> 'a' AND attname <> ALL ($2) ORDER BY attnum",
            &[&place.table, &places.iter().map(|p| p.column.clone()).collect::<Vec<_>>()],
        )
        .await?;
    let columns: Vec<String> = columns.iter().map(|row| quote(row.get(0))).collect();
    let list = columns.join(", ");
    session.batch_execute("SAVEPOINT probe").await?;
    let insert = if columns.is_empty() {
        format!("INSERT INTO {0} SELECT FROM {0} LIMIT 1", place.table)
    } else {
        format!("INSERT INTO {0} ({list}) SELECT {list} FROM {0} LIMIT 1", place.table)
    };
    let done = match session.execute(&insert, &[]).await {
        Ok(0) => return Ok(Probed::Empty),
        // Constraints and triggers that wait for the end of the transaction would never be asked.
        Ok(_) => session.batch_execute("SET CONSTRAINTS ALL IMMEDIATE").await,
        Err(error) => Err(error),
    };
    let Err(error) = done else { return Ok(Probed::Inserted) };
    let Some(refused) = error.as_db_error() else { return Err(error) };
    let code = refused.code().code().to_owned();
    if code == "23505" || code == "23P01" {
        session.batch_execute("ROLLBACK TO SAVEPOINT probe").await?;
        for place in places {
            let taken = format!(
                "SELECT EXISTS (SELECT FROM {} WHERE {} = currval($1::text::regclass))",
                place.table,
                quote(&place.column)
            );
            if session.query_one(&taken, &[&place.sequence]).await?.get(0) {
                return Ok(Probed::Taken(place.column.clone()));
            }
        }
        // The copy is a duplicate by another key, as a copy must be; the sequence's own value was free.
        return Ok(Probed::Inserted);
    }
    // What a trigger says is the application's own text and may hold anything.
    let said = if code.starts_with("P0") {
        "a trigger or function raised an error".to_owned()
    } else {
        refused.message().to_owned()
    };
    Ok(Probed::Refused(said, code))
}
