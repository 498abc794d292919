//! `pg_restore --clean --if-exists`: each object by itself, rows table by table, keys last. What fails is told and passed over, and
//! the program ends with 1.

use super::archive::{Archive, CUT_SHORT, Entry, PART};
use super::programs::{Asked, Stop, Work};
use super::server::Sequence;
use crate::schedule::Trouble;

pub(super) async fn restore(work: &mut Work, asked: &Asked) -> Result<i32, Stop> {
    let archive = Archive::read(&asked.file).map_err(Stop::Failed)?;
    let mut errors = 0_u32;
    let half = archive.contents.len() / 2;
    // The one table that is refused, where one is: the last of them, so that others precede it.
    let last = archive.contents.iter().rposition(|e| matches!(e, Entry::TableData(_)));
    let fails = last.filter(|_| work.trouble == Some(Trouble::TableFails));
    for (at, entry) in archive.contents.iter().enumerate() {
        if at == half {
            work.half_way()?;
        }
        work.part().await?;
        let told = match entry {
            Entry::TableData(table) => {
                let Some(rows) = archive.rows(table) else {
                    return Err(Stop::Failed(CUT_SHORT.into()));
                };
                copy(work, table, &rows, fails == Some(at)).await?
            }
            other => define(work, other),
        };
        if let Err(words) = told {
            errors += 1;
            work.stderr.push_str(&format!("pg_restore: error: {words}\n"));
        }
    }
    if errors > 0 {
        work.stderr.push_str(&format!("pg_restore: warning: errors ignored on restore: {errors}\n"));
    }
    Ok(i32::from(errors > 0))
}

/// Makes an object, or gives a table its key.
fn define(work: &Work, entry: &Entry) -> Result<(), String> {
    let session = work.session;
    let mut server = work.peer.server();
    let failed = |words: String| format!("could not execute query: ERROR:  {words}");
    match entry {
        Entry::Table(name) => server.make_table(session, name).map_err(|r| failed(r.message)),
        Entry::Sequence(name) => {
            let database = server.database_of(session).map_err(|r| failed(r.message))?;
            database.sequences.insert(name.clone(), Sequence::default());
            Ok(())
        }
        Entry::SequenceSet { name, last, called } => {
            let database = server.database_of(session).map_err(|r| failed(r.message))?;
            match database.sequences.get_mut(name) {
                Some(sequence) => {
                    *sequence = Sequence::set(*last, *called);
                    Ok(())
                }
                None => Err(failed(format!("relation \"public.{name}\" does not exist"))),
            }
        }
        Entry::Constraint(name) => {
            let database = server.database_of(session).map_err(|r| failed(r.message))?;
            let Some(table) = database.tables.get_mut(name) else {
                return Err(failed(format!("relation \"public.{name}\" does not exist")));
            };
            if table.rows.values().any(|values| values.len() > 1) {
                return Err(failed(format!("could not create unique index \"{name}_pkey\"")));
            }
            table.keyed = true;
            Ok(())
        }
        Entry::TableData(_) => Ok(()),
    }
}

/// `COPY` of one table: one transaction, which others see when all of it is there.
async fn copy(
    work: &Work,
    table: &str,
    rows: &[(String, String)],
    fails: bool,
) -> Result<Result<(), String>, Stop> {
    for _ in rows.chunks(PART) {
        work.part().await?;
    }
    let failed = |words: &str| Ok(Err(format!("COPY failed for table \"{table}\": ERROR:  {words}")));
    if fails {
        return failed("canceling statement due to statement timeout");
    }
    let mut server = work.peer.server();
    let Ok(database) = server.database_of(work.session) else { return failed("the session was ended") };
    let Some(found) = database.tables.get_mut(table) else {
        return failed(&format!("relation \"public.{table}\" does not exist"));
    };
    if let Some((key, _)) = rows.iter().find(|(key, _)| found.keyed && found.rows.contains_key(key)) {
        return failed(&format!("duplicate key value violates unique constraint: {key}"));
    }
    for (key, value) in rows {
        found.rows.entry(key.clone()).or_default().push(value.as_str().into());
        found.tally.inserted += 1;
    }
    Ok(Ok(()))
}
