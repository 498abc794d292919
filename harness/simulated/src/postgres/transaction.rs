//! Reading and writing rows: each statement sees what was committed when it began, and what its own transaction wrote.

use super::server::{Refusal, Server, Tally, Transaction};
use std::sync::Arc;

/// One statement about one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// A new row; refused where its key is there.
    Insert(Arc<str>),
    /// Another value for a row that is there.
    Update(Arc<str>),
    /// A row is removed.
    Delete,
}

impl Server {
    /// Begins a transaction; one that is open goes on.
    ///
    /// # Errors
    /// The session was ended, or its transaction failed before (25P02).
    pub fn begin(&mut self, session: i32) -> Result<(), Refusal> {
        let backend = self.backends.get_mut(&session).ok_or_else(Refusal::gone)?;
        if backend.transaction.get_or_insert_default().failed { Err(Refusal::aborted()) } else { Ok(()) }
    }

    /// Commits. A transaction of which a statement failed is undone instead; returns whether it was committed.
    ///
    /// # Errors
    /// The session was ended.
    pub fn commit(&mut self, session: i32) -> Result<bool, Refusal> {
        let backend = self.backends.get_mut(&session).ok_or_else(Refusal::gone)?;
        let Some(transaction) = backend.transaction.take() else { return Ok(true) };
        let Transaction { writes, tallies, failed, .. } = transaction;
        self.count(session, tallies)?;
        if failed {
            return Ok(false);
        }
        let bytes = 32 * i64::try_from(writes.len()).unwrap_or(0);
        let database = self.database_of(session)?;
        for ((table, key), value) in writes {
            let Some(table) = database.tables.get_mut(&table) else { continue };
            match value {
                Some(value) => table.rows.insert(key, vec![value]),
                None => table.rows.remove(&key),
            };
        }
        self.log(bytes);
        Ok(true)
    }

    /// Undoes the open transaction of a session.
    pub fn undo(&mut self, session: i32) {
        let taken = self.backends.get_mut(&session).and_then(|b| b.transaction.take());
        if let Some(transaction) = taken {
            // Where the database is gone, so are its figures.
            let _ = self.count(session, transaction.tallies);
        }
    }

    fn count(
        &mut self,
        session: i32,
        tallies: std::collections::BTreeMap<String, Tally>,
    ) -> Result<(), Refusal> {
        let database = self.database_of(session)?;
        for (table, tally) in tallies {
            if let Some(table) = database.tables.get_mut(&table) {
                table.tally.add(tally);
            }
        }
        Ok(())
    }

    /// Carries out one statement: in the open transaction, or by itself. Returns how many rows it concerned.
    ///
    /// # Errors
    /// Its key is there (23505), another transaction holds the row (55P03: nobody waits here), there is no such table (42P01), or the
    /// transaction failed before (25P02).
    pub fn write(&mut self, session: i32, table: &str, key: &str, write: &Write) -> Result<u64, Refusal> {
        let alone = self.backend(session)?.transaction.is_none();
        self.begin(session)?;
        let done = self.carry_out(session, table, key, write);
        if let Err(refusal) = &done
            && let Some(transaction) = self.transaction(session)
        {
            transaction.failed = true;
            // It is undone at once, and holds no row any more, though it stays open until it is ended.
            transaction.writes.clear();
            let inserts = matches!(write, Write::Insert(_));
            if inserts && ["23505", "55P03"].contains(&refusal.code) {
                // The row was written before its key was looked for, and counts.
                transaction.tallies.entry(table.to_owned()).or_default().inserted += 1;
            }
        }
        if alone {
            self.commit(session)?;
        }
        done
    }

    fn transaction(&mut self, session: i32) -> Option<&mut Transaction> {
        self.backends.get_mut(&session)?.transaction.as_mut()
    }

    fn carry_out(&mut self, session: i32, table: &str, key: &str, write: &Write) -> Result<u64, Refusal> {
        let at = (table.to_owned(), key.to_owned());
        let committed = {
            let database = self.database_of(session)?;
            let Some(found) = database.tables.get(table) else {
                return Err(Refusal::new("42P01", format!("relation \"{table}\" does not exist")));
            };
            found.rows.get(key).and_then(|values| values.last()).cloned()
        };
        let inserts = matches!(write, Write::Insert(_));
        let held = self.held_by_others(session, &at);
        let own = self.transaction(session).and_then(|t| t.writes.get(&at).cloned());
        let there = own.unwrap_or_else(|| committed.clone());
        if !inserts && there.is_none() {
            return Ok(0);
        }
        // A number is given with the first row that is written, also to a transaction that fails on it.
        self.number(session);
        if held && (inserts || committed.is_some()) {
            return Err(Refusal::new("55P03", "canceling statement due to lock timeout"));
        }
        if inserts && there.is_some() {
            let message = format!("duplicate key value violates unique constraint \"{table}_pkey\"");
            return Err(Refusal::new("23505", message));
        }
        let Some(transaction) = self.transaction(session) else { return Err(Refusal::gone()) };
        let tally = transaction.tallies.entry(table.to_owned()).or_default();
        let value = match write {
            Write::Insert(value) => {
                tally.inserted += 1;
                Some(Arc::clone(value))
            }
            Write::Update(value) => {
                tally.updated += 1;
                Some(Arc::clone(value))
            }
            Write::Delete => {
                tally.deleted += 1;
                None
            }
        };
        transaction.writes.insert(at, value);
        Ok(1)
    }

    fn number(&mut self, session: i32) {
        let first = self.transaction(session).is_some_and(|t| !std::mem::replace(&mut t.numbered, true));
        self.transactions += i64::from(first);
    }

    fn held_by_others(&self, session: i32, at: &(String, String)) -> bool {
        let Some(own) = self.backends.get(&session) else { return false };
        self.backends
            .iter()
            .filter(|(pid, other)| **pid != session && other.database == own.database)
            .any(|(_, other)| other.transaction.as_ref().is_some_and(|t| t.writes.contains_key(at)))
    }

    /// The value of a row as a session sees it.
    ///
    /// # Errors
    /// The session was ended, or its transaction failed before.
    pub fn read(&mut self, session: i32, table: &str, key: &str) -> Result<Option<Arc<str>>, Refusal> {
        if self.transaction(session).is_some_and(|t| t.failed) {
            return Err(Refusal::aborted());
        }
        let own = self.transaction(session).and_then(|t| t.writes.get(&(table.to_owned(), key.to_owned())));
        if let Some(own) = own {
            return Ok(own.clone());
        }
        let rows = self.database_of(session)?.tables.get(table).map(|t| &t.rows);
        Ok(rows.and_then(|rows| rows.get(key)).and_then(|values| values.last()).cloned())
    }

    /// The next number of a sequence. It is given out for good, whatever becomes of the transaction.
    ///
    /// # Errors
    /// There is no such sequence (42P01).
    pub fn nextval(&mut self, session: i32, sequence: &str) -> Result<i64, Refusal> {
        if self.transaction(session).is_some_and(|t| t.failed) {
            return Err(Refusal::aborted());
        }
        let database = self.database_of(session)?;
        let Some(found) = database.sequences.get_mut(sequence) else {
            return Err(Refusal::new("42P01", format!("relation \"{sequence}\" does not exist")));
        };
        let (next, logs) = found.take();
        if logs {
            self.log(99);
            let alone = self.backend(session)?.transaction.is_none();
            self.begin(session)?;
            self.number(session);
            if alone {
                self.commit(session)?;
            }
        }
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_that_failed_holds_no_row_and_takes_no_statement() -> Result<(), Refusal> {
        let mut server = Server::new();
        server.make_role("a");
        server.make_database("a", "a")?;
        let [one, two] = [server.open("a", "a", "one")?, server.open("a", "a", "two")?];
        server.make_table(one, "t")?;
        server.write(one, "t", "there", &Write::Insert("1".into()))?;
        server.begin(one)?;
        server.begin(one)?;
        server.write(one, "t", "held", &Write::Insert("2".into()))?;
        let code = |done: Result<u64, Refusal>| done.err().map(|refusal| refusal.code);
        assert_eq!(code(server.write(two, "t", "held", &Write::Insert("3".into()))), Some("55P03"));
        assert_eq!(code(server.write(one, "t", "there", &Write::Insert("4".into()))), Some("23505"));
        assert_eq!(server.begin(one).err().map(|refusal| refusal.code), Some("25P02"));
        assert_eq!(code(server.write(one, "t", "else", &Write::Insert("5".into()))), Some("25P02"));
        assert_eq!(server.write(two, "t", "held", &Write::Insert("3".into())), Ok(1));
        assert_eq!(server.commit(one), Ok(false));
        assert_eq!(server.read(two, "t", "held")?.as_deref(), Some("3"));
        Ok(())
    }
}
