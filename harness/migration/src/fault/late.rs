//! A writer that survived the freeze: it writes to the source as the application does.

use super::elasticsearch::{copy_as, documents, failed};
use super::postgres::{Table, query, tables};
use super::{Choice, PlantedItem, databases};
use crate::context::MigrationContext;
use crate::elasticsearch::{Inventory, Prefixes, State, refresh};
use crate::error::MigrationError;
use crate::postgres::{identifier, literal};
use drydock_core::Component;
use drydock_stores::postgres::{APPLICATION_NAME, Connection, connect};

/// What the straggler calls itself towards PostgreSQL.
const STRAGGLER: &str = "camunda-straggler";

/// Writes one document into a live index and one row into a table, each an existing one under another identity.
pub(super) async fn plant(
    cx: &MigrationContext,
    choice: &Choice<'_>,
) -> Result<Vec<PlantedItem>, MigrationError> {
    let mut planted = Vec::new();
    if cx.spec.components().contains(&Component::Elasticsearch) {
        planted.extend(document(cx, choice).await?);
    }
    for database in choice.order(databases(cx), |d| (*d).to_owned()) {
        if let Some(item) = row(cx, database, choice).await? {
            planted.push(item);
            break;
        }
    }
    Ok(planted)
}

/// Whether a name ends in a day, `2026-11-20`: an archive, which nothing live writes to.
fn is_dated(index: &str) -> bool {
    let tail: Vec<char> = index.chars().rev().take(10).collect();
    tail.len() == 10
        && tail
            .iter()
            .enumerate()
            .all(|(at, c)| if at == 2 || at == 5 { *c == '-' } else { c.is_ascii_digit() })
}

async fn document(cx: &MigrationContext, choice: &Choice<'_>) -> Result<Option<PlantedItem>, MigrationError> {
    let client = cx.source_elasticsearch()?;
    let prefixes = Prefixes::new(&cx.spec.index_prefixes);
    let names: Vec<String> = Inventory::take(&client, &prefixes)
        .await?
        .indices
        .into_iter()
        .filter(|i| i.state == State::Open && i.documents > 0 && !is_dated(&i.name) && choice.allows(&i.name))
        .map(|i| i.name)
        .collect();
    for index in choice.order(names, Clone::clone) {
        let attempt = async {
            match documents(&client, choice, &index).await?.first() {
                Some(key) => copy_as(&client, &index, key, "-late").await,
                None => Ok(None),
            }
        };
        match attempt.await {
            Ok(None) => {}
            Ok(found) => {
                refresh(&client, &prefixes).await?;
                return Ok(found);
            }
            Err(e) if matches!(e.status(), Some(400 | 403 | 404 | 409)) => {}
            Err(e) => return Err(failed(choice, &e)),
        }
    }
    Ok(None)
}

/// Columns of a table that are written: name, type, limit of its length.
const COLUMNS: &str = "SELECT a.attname::text, a.atttypid::regtype::text, CASE WHEN a.atttypmod > 4 THEN a.atttypmod - 4 ELSE 1000 END \
     FROM pg_attribute a WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' \
     ORDER BY a.attnum";

async fn row(
    cx: &MigrationContext,
    database: &str,
    choice: &Choice<'_>,
) -> Result<Option<PlantedItem>, MigrationError> {
    let witness = connect(&cx.source.postgres, database, APPLICATION_NAME).await?;
    let straggler = connect(&cx.as_role(&cx.source, database)?, database, STRAGGLER).await?;
    // The application's triggers and defaults expect its own path.
    straggler
        .batch_execute("RESET search_path")
        .await
        .map_err(|e| MigrationError::statement("write to the source as a straggler", &e))?;
    row_by(&straggler, &witness, database, choice).await
}

/// Writes one row with the session of a straggler; `witness` looks for a table that takes one. Within a transaction too: what is
/// refused is taken back to a savepoint.
pub(super) async fn row_by(
    straggler: &Connection,
    witness: &Connection,
    database: &str,
    choice: &Choice<'_>,
) -> Result<Option<PlantedItem>, MigrationError> {
    for table in tables(witness, database, choice).await? {
        for statement in inserts(witness, choice, &table).await? {
            let within = straggler.batch_execute("SAVEPOINT straggler").await.is_ok();
            // Unique columns, checks and rights refuse some: the next candidate is tried.
            if let Ok(rows) = straggler.query(statement.as_str(), &[]).await
                && let Some(row) = rows.first()
            {
                return Ok(Some(table.item(row, 0)));
            }
            if within {
                straggler
                    .batch_execute("ROLLBACK TO SAVEPOINT straggler")
                    .await
                    .map_err(|e| MigrationError::statement("write to the source as a straggler", &e))?;
            }
        }
    }
    Ok(None)
}

/// Statements that write a table's first row again, with one column of its key changed; one for each such column.
async fn inserts(
    witness: &Connection,
    choice: &Choice<'_>,
    table: &Table,
) -> Result<Vec<String>, MigrationError> {
    let columns: Vec<(String, String, i32)> = witness
        .query(COLUMNS, &[&table.quoted])
        .await
        .map_err(|e| MigrationError::statement(format!("list the columns of {}", table.subject), &e))?
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect();
    let empty = query(witness, choice, &format!("SELECT 1 FROM {} LIMIT 1", table.quoted)).await?.is_empty();
    if empty {
        return Ok(Vec::new());
    }
    let names: Vec<String> = columns.iter().map(|(name, ..)| identifier(name)).collect();
    let mut statements = Vec::new();
    // The last column of a key is its own most often; those before it tend to refer to other tables.
    for key in table.key.iter().rev() {
        let Some((_, kind, limit)) = columns.iter().find(|(name, ..)| name == key) else { continue };
        let column = identifier(key);
        let number = choice.number(&table.subject);
        let value = match kind.as_str() {
            "uuid" => {
                literal(&format!("{:08x}-0000-4000-8000-{:012x}", number >> 32, number & 0xffff_ffff))
                    + "::uuid"
            }
            "text" | "character varying" => format!("left({column}, {}) || '-late'", (limit - 5).max(0)),
            "integer" | "bigint" | "smallint" => format!("(SELECT max({column}) + 1 FROM {})", table.quoted),
            _ => continue,
        };
        let values: Vec<String> =
            names.iter().map(|n| if *n == column { value.clone() } else { n.clone() }).collect();
        statements.push(format!(
            "INSERT INTO {table} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {table} ORDER BY {} LIMIT 1 RETURNING {}",
            names.join(", "),
            values.join(", "),
            table.key_order(),
            table.key_as_text(),
            table = table.quoted,
        ));
    }
    Ok(statements)
}

#[cfg(test)]
mod tests {
    use super::is_dated;

    #[test]
    fn archives_are_told_from_live_indices() {
        assert!(is_dated("operate-list-view-8.3.0_2026-11-20"));
        assert!(!is_dated("operate-list-view-8.3.0_"));
        assert!(!is_dated("2026-11"));
    }
}
