//! Sequences that would hand out a value which exists already. A sequence can be equal on both sides and wrong all the
//! same, if the rows are not; and one that differs matters most where it is behind.

use super::super::result::CheckResult;
use super::shapes::renamed;
use crate::postgres::{Connection, PinnedDatabase, Place, SequenceUse, quote};
use drydock_core::{Finding, Kind, Outcome, Sample};
use std::sync::Arc;

/// Where a sequence stands in relation to a column.
struct Standing {
    /// The value that comes next.
    next: i128,
    /// The column's value that lies furthest in the sequence's direction.
    furthest: Option<i128>,
    increment: i64,
}

impl Standing {
    fn is_behind(&self) -> bool {
        self.furthest.is_some_and(|furthest| {
            if self.increment > 0 { self.next <= furthest } else { self.next >= furthest }
        })
    }
}

/// Looks at every sequence of the target that numbers a column, and at the same one of the source where it is behind.
pub(super) async fn compare(
    source: &Arc<PinnedDatabase>,
    target: &Arc<PinnedDatabase>,
    result: &mut CheckResult,
) {
    let uses = match &target.catalog.sequence_uses {
        Ok(uses) => uses,
        Err(reason) => {
            let message =
                format!("which columns of {} sequences number could not be read: {reason}", source.name);
            let finding = Finding::not_compared(result.check, &source.name, message);
            result.findings.push(finding.next("compare again with a role that may read the catalogue"));
            return;
        }
    };
    if uses.is_empty() {
        return;
    }
    let (a, b) = tokio::join!(source.session(), target.session());
    let (on_source, on_target) = match (a, b) {
        (Ok(a), Ok(b)) => (a, b),
        (a, b) => {
            for (side, error) in [("source", a.err()), ("target", b.err())] {
                if let Some(error) = error {
                    let message =
                        format!("the sequences of {} could not be read on the {side}: {error}", source.name);
                    let finding = Finding::not_compared(result.check, &source.name, message);
                    result.findings.push(finding.next("compare again once the server answers steadily"));
                }
            }
            return;
        }
    };
    for place in uses.iter().filter(|u| u.place != Place::Partitions) {
        let path = renamed(&place.path, &target.name, &source.name);
        match standing(&on_target, place).await {
            Ok(there) if there.is_behind() => {
                // The same table and sequence on the source; if they are not there, nothing excuses the target.
                let here = standing(&on_source, place).await.ok();
                let table = renamed(&place.table_path, &target.name, &source.name);
                let column = format!("{table}.{}", place.column);
                result.findings.push(finding(result.check, &path, column, &there, here.as_ref()));
            }
            Ok(_) => {}
            Err(reason) => {
                let message =
                    format!("whether sequence {path} is ahead of its column could not be read: {reason}");
                let next = "grant the role SELECT on the table and the sequence, then compare again";
                result.findings.push(Finding::not_compared(result.check, &path, message).next(next));
            }
        }
    }
}

async fn standing(session: &Connection, place: &SequenceUse) -> Result<Standing, String> {
    let column = quote(&place.column);
    let furthest = if place.increment > 0 { "max" } else { "min" };
    let query = format!(
        "SELECT last_value::text, is_called::text, (SELECT {furthest}({column})::text FROM ONLY {}) FROM {}",
        place.table, place.sequence
    );
    session.batch_execute("SAVEPOINT standing").await.map_err(|e| e.to_string())?;
    let row = match session.query_one(&query, &[]).await {
        Ok(row) => row,
        Err(error) => {
            // If this fails too, the next sequence says so.
            let _later = session.batch_execute("ROLLBACK TO SAVEPOINT standing").await;
            return Err(error.as_db_error().map_or_else(|| error.to_string(), |e| e.message().to_owned()));
        }
    };
    let number = |text: &str| text.parse::<i128>().map_err(|e| format!("{text}: {e}"));
    let last = number(row.get(0))?;
    let step = if row.get::<_, &str>(1) == "true" { i128::from(place.increment) } else { 0 };
    let furthest = row.get::<_, Option<&str>>(2).map(number).transpose()?;
    Ok(Standing { next: last + step, furthest, increment: place.increment })
}

fn finding(check: &str, path: &str, column: String, there: &Standing, here: Option<&Standing>) -> Finding {
    let words = |s: &Standing| {
        let furthest = s.furthest.map(|f| f.to_string()).unwrap_or_default();
        format!("next {}, column at {furthest}", s.next)
    };
    let furthest = there.furthest.map(|f| f.to_string()).unwrap_or_default();
    let message = format!(
        "sequence {path} would hand out {} next on the target, but {column} holds values up to {furthest}",
        there.next
    );
    let sample = Sample::both(column, here.map(words), Some(words(there)));
    let finding = Finding::data(check, Kind::Unusable, path, message).items(1, [sample]);
    match here.filter(|here| here.is_behind()) {
        None => finding.next("set it behind the highest value with setval() before anything is written to the target"),
        Some(_) => Finding {
            outcome: Outcome::Expected,
            kind: Kind::OldDirt,
            ..finding.next("it is so on the source as well: set it with setval() on both sides if rows are to be inserted")
        },
    }
}
