//! Harm to rows, sequences, indexes, rights and large objects of the target.

use super::{Choice, PlantedItem, databases, is_volatile};
use crate::context::MigrationContext;
use crate::error::MigrationError;
use crate::postgres::{identifier, literal};
use drydock_core::scenario::FaultKind;
use drydock_stores::postgres::{APPLICATION_NAME, Connection, connect};
use tokio_postgres::Row;

/// Tables with a primary key: schema, name, key columns, whether other tables refer to it. Partitions are left out, because
/// their rows are told under the table they are part of.
const TABLES: &str = "SELECT n.nspname::text, c.relname::text, \
       (SELECT array_agg(a.attname::text ORDER BY k.place) FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(number, place) \
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number), \
       EXISTS (SELECT 1 FROM pg_constraint f WHERE f.contype = 'f' AND f.confrelid = c.oid) \
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary \
     WHERE c.relkind = 'r' AND NOT c.relispartition AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
       AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')";

const SEQUENCES: &str = "SELECT schemaname::text, sequencename::text FROM pg_sequences \
     WHERE last_value IS NOT NULL AND last_value <> start_value";

const INDEXES: &str = "SELECT n.nspname::text, c.relname::text, t.relname::text FROM pg_index i \
     JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE c.relkind = 'i' AND NOT c.relispartition AND NOT i.indisunique AND NOT i.indisreplident \
       AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
       AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('e', 'i'))";

const GRANTS: &str = "SELECT n.nspname::text, c.relname::text, r.rolname::text, a.privilege_type, c.relkind = 'S' \
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, LATERAL aclexplode(c.relacl) a \
     JOIN pg_roles r ON r.oid = a.grantee \
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND a.grantee <> c.relowner AND a.grantor = c.relowner \
       AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

/// Columns that can take another value without breaking the table's own rules most of the time: texts first.
const COLUMNS: &str = "SELECT a.attname::text, a.atttypid IN ('text'::regtype, 'varchar'::regtype), a.atttypid = 'bool'::regtype \
     FROM pg_attribute a WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' \
       AND a.atttypid IN ('text'::regtype, 'varchar'::regtype, 'int4'::regtype, 'int8'::regtype, 'bool'::regtype) \
       AND NOT EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisunique AND a.attnum = ANY(i.indkey::int2[])) \
     ORDER BY 2 DESC, 1";

/// Harms one item of one of the target's databases.
pub(super) async fn plant(
    cx: &MigrationContext,
    choice: &Choice<'_>,
) -> Result<Option<PlantedItem>, MigrationError> {
    for database in choice.order(databases(cx), |d| (*d).to_owned()) {
        let session = connect(&cx.target.postgres, database, APPLICATION_NAME).await?;
        let planted = match choice.kind {
            FaultKind::LoseRow | FaultKind::ChangeRow => row(&session, database, choice).await?,
            FaultKind::LoseSequence => sequence(&session, database, choice).await?,
            FaultKind::LoseTableIndex => index(&session, database, choice).await?,
            FaultKind::LoseGrant => grant(&session, database, choice).await?,
            FaultKind::ChangeLargeObject => large_object(&session, database, choice).await?,
            FaultKind::ResetSequences => sequences(&session, database, choice).await?,
            FaultKind::LoseExtension => extension(&session, database, choice).await?,
            FaultKind::StaleLock => lock(&session, database).await?,
            _ => None,
        };
        if planted.is_some() {
            return Ok(planted);
        }
    }
    Ok(None)
}

pub(super) async fn query(
    session: &Connection,
    choice: &Choice<'_>,
    sql: &str,
) -> Result<Vec<Row>, MigrationError> {
    session.query(sql, &[]).await.map_err(|e| {
        MigrationError::environment(
            format!("plant {}", choice.kind.as_str()),
            MigrationError::statement("choose a victim", &e).to_string(),
            "see the log of PostgreSQL",
        )
    })
}

/// A table that rows are taken from.
#[derive(Debug)]
pub(super) struct Table {
    /// `database.schema.table`.
    pub(super) subject: String,
    /// Quoted, with schema.
    pub(super) quoted: String,
    /// Columns of the primary key.
    pub(super) key: Vec<String>,
    referenced: bool,
}

impl Table {
    /// Whether other tables refer to it.
    pub(super) fn is_referenced(&self) -> bool {
        self.referenced
    }

    /// The key's values as text, in key order.
    pub(super) fn key_as_text(&self) -> String {
        let parts: Vec<String> = self.key.iter().map(|c| format!("{}::text", identifier(c))).collect();
        parts.join(", ")
    }

    pub(super) fn key_order(&self) -> String {
        let parts: Vec<String> = self.key.iter().map(|c| identifier(c)).collect();
        parts.join(", ")
    }

    /// The planted item of a row whose key's values stand in `row` from column `from` on.
    pub(super) fn item(&self, row: &Row, from: usize) -> PlantedItem {
        let label: Vec<String> = self
            .key
            .iter()
            .enumerate()
            .map(|(at, column)| {
                format!("{column}={}", row.get::<_, Option<String>>(from + at).unwrap_or_default())
            })
            .collect();
        PlantedItem { item: format!("{} {}", self.subject, label.join(", ")), subject: self.subject.clone() }
    }
}

/// Tables in the order in which they are tried: those that nothing refers to first.
pub(super) async fn tables(
    session: &Connection,
    database: &str,
    choice: &Choice<'_>,
) -> Result<Vec<Table>, MigrationError> {
    let tables = query(session, choice, TABLES)
        .await?
        .iter()
        .map(|row| {
            let (schema, table): (String, String) = (row.get(0), row.get(1));
            (
                table.clone(),
                Table {
                    subject: format!("{database}.{schema}.{table}"),
                    quoted: format!("{}.{}", identifier(&schema), identifier(&table)),
                    key: row.get(2),
                    referenced: row.get(3),
                },
            )
        })
        .filter(|(name, table)| !is_volatile(name) && choice.allows(&table.subject))
        .map(|(_, table)| table)
        .collect();
    let mut tables = choice.order(tables, |t| t.subject.clone());
    tables.sort_by_key(|t| t.referenced);
    Ok(tables)
}

async fn row(
    session: &Connection,
    database: &str,
    choice: &Choice<'_>,
) -> Result<Option<PlantedItem>, MigrationError> {
    // Exactly one row is to be harmed: no cascade, no trigger. Where this is not allowed, foreign keys refuse some rows and
    // the next candidate is tried.
    let _ = session.batch_execute("SET session_replication_role = replica").await;
    for table in tables(session, database, choice).await? {
        let counted = query(session, choice, &format!("SELECT count(*) FROM {}", table.quoted)).await?;
        let count: i64 = counted.first().map_or(0, |r| r.get(0));
        let Ok(count @ 1..) = u64::try_from(count) else { continue };
        let offset = choice.number(&format!("{}/row", table.subject)) % count;
        let select = format!(
            "SELECT ctid::text, {} FROM {} ORDER BY {} OFFSET {offset} LIMIT 1",
            table.key_as_text(),
            table.quoted,
            table.key_order()
        );
        let rows = query(session, choice, &select).await?;
        let Some(row) = rows.first() else { continue };
        let place: String = row.get(0);
        let place = format!("ctid = {}::tid", literal(&place));
        let statements = match choice.kind {
            FaultKind::LoseRow => vec![format!("DELETE FROM {} WHERE {place}", table.quoted)],
            _ => changes(session, &table, &place).await?,
        };
        for statement in statements {
            // A check of the table's own may refuse it: the next candidate is tried.
            if matches!(session.execute(statement.as_str(), &[]).await, Ok(1)) {
                return Ok(Some(table.item(row, 1)));
            }
        }
    }
    Ok(None)
}

/// Updates of the row at `place`, any of which changes one value of it.
async fn changes(session: &Connection, table: &Table, place: &str) -> Result<Vec<String>, MigrationError> {
    let columns = session
        .query(COLUMNS, &[&table.quoted])
        .await
        .map_err(|e| MigrationError::statement(format!("list the columns of {}", table.subject), &e))?;
    Ok(columns
        .iter()
        .map(|row| {
            let (name, text, truth): (String, bool, bool) = (row.get(0), row.get(1), row.get(2));
            let column = identifier(&name);
            let value = if text {
                // As long as before, because the column may have a limit.
                format!(
                    "CASE WHEN coalesce({column}, '') = '' THEN '~' ELSE overlay({column} PLACING \
                     CASE WHEN right({column}, 1) = '~' THEN '!' ELSE '~' END FROM length({column})) END"
                )
            } else if truth {
                format!("NOT coalesce({column}, false)")
            } else {
                format!(
                    "CASE WHEN coalesce({column}, 0) > 0 THEN {column} - 1 ELSE coalesce({column}, 0) + 1 END"
                )
            };
            format!("UPDATE {} SET {column} = {value} WHERE {place}", table.quoted)
        })
        .collect())
}

/// A victim that has a schema and a name.
struct Named {
    subject: String,
    item: String,
    statement: String,
}

/// Carries out the first statement that succeeds.
async fn first_possible(
    session: &Connection,
    choice: &Choice<'_>,
    candidates: Vec<Named>,
) -> Result<Option<PlantedItem>, MigrationError> {
    for candidate in choice.order(candidates, |c| c.item.clone()) {
        if session.batch_execute(&candidate.statement).await.is_ok() {
            return Ok(Some(PlantedItem { item: candidate.item, subject: candidate.subject }));
        }
    }
    Ok(None)
}

async fn sequence(
    session: &Connection,
    database: &str,
    choice: &Choice<'_>,
) -> Result<Option<PlantedItem>, MigrationError> {
    let rows = query(session, choice, SEQUENCES).await?;
    let candidates = rows
        .iter()
        .map(|row| {
            let (schema, name): (String, String) = (row.get(0), row.get(1));
            let subject = format!("{database}.{schema}.{name}");
            Named {
                item: subject.clone(),
                subject,
                statement: format!("ALTER SEQUENCE {}.{} RESTART", identifier(&schema), identifier(&name)),
            }
        })
        .filter(|c| choice.allows(&c.subject))
        .collect();
    first_possible(session, choice, candidates).await
}

/// Every sequence of the database, as after a restore that left their positions behind.
async fn sequences(
    session: &Connection,
    database: &str,
    choice: &Choice<'_>,
) -> Result<Option<PlantedItem>, MigrationError> {
    let mut items = Vec::new();
    for row in query(session, choice, SEQUENCES).await? {
        let (schema, name): (String, String) = (row.get(0), row.get(1));
        let statement = format!("ALTER SEQUENCE {}.{} RESTART", identifier(&schema), identifier(&name));
        if session.batch_execute(&statement).await.is_ok() {
            items.push(format!("{database}.{schema}.{name}"));
        }
    }
    let first = items.first().cloned();
    Ok(first.map(|subject| PlantedItem { item: items.join("; "), subject }))
}

async fn extension(
    session: &Connection,
    database: &str,
    choice: &Choice<'_>,
) -> Result<Option<PlantedItem>, MigrationError> {
    let rows =
        query(session, choice, "SELECT extname::text FROM pg_extension WHERE extname <> 'plpgsql'").await?;
    let candidates = rows
        .iter()
        .map(|row| {
            let name: String = row.get(0);
            Named {
                item: format!("{database} extension {name}"),
                subject: format!("{database}.{name}"),
                statement: format!("DROP EXTENSION {} CASCADE", identifier(&name)),
            }
        })
        .filter(|c| choice.allows(&c.subject))
        .collect();
    first_possible(session, choice, candidates).await
}

/// Closes the lock of Liquibase, as a pod does that is ended while it changes the schema.
async fn lock(session: &Connection, database: &str) -> Result<Option<PlantedItem>, MigrationError> {
    const TABLE: &str = "public.databasechangeloglock";
    let statement = format!(
        "UPDATE {TABLE} SET locked = true, lockgranted = now(), lockedby = 'keycloak-0 (10.0.0.7)' WHERE id = 1"
    );
    // A database without this table is none of Keycloak's.
    let closed = matches!(session.execute(statement.as_str(), &[]).await, Ok(1));
    let subject = format!("{database}.{TABLE}");
    Ok(closed.then(|| PlantedItem { item: format!("{subject} id=1"), subject }))
}

async fn index(
    session: &Connection,
    database: &str,
    choice: &Choice<'_>,
) -> Result<Option<PlantedItem>, MigrationError> {
    let rows = query(session, choice, INDEXES).await?;
    let candidates = rows
        .iter()
        .filter_map(|row| {
            let (schema, name, table): (String, String, String) = (row.get(0), row.get(1), row.get(2));
            let subject = format!("{database}.{schema}.{name}");
            let allowed = choice.allows(&subject) || choice.allows(&format!("{database}.{schema}.{table}"));
            (allowed && !is_volatile(&table)).then(|| Named {
                item: subject.clone(),
                subject,
                statement: format!("DROP INDEX {}.{}", identifier(&schema), identifier(&name)),
            })
        })
        .collect();
    first_possible(session, choice, candidates).await
}

async fn grant(
    session: &Connection,
    database: &str,
    choice: &Choice<'_>,
) -> Result<Option<PlantedItem>, MigrationError> {
    let rows = query(session, choice, GRANTS).await?;
    let candidates = rows
        .iter()
        .map(|row| {
            let (schema, name, role): (String, String, String) = (row.get(0), row.get(1), row.get(2));
            let (right, is_sequence): (String, bool) = (row.get(3), row.get(4));
            let kind = if is_sequence { "SEQUENCE" } else { "TABLE" };
            let subject = format!("{database}.{schema}.{name}");
            Named {
                item: format!("{subject} {right} to {role}"),
                subject,
                statement: format!(
                    "REVOKE {right} ON {kind} {}.{} FROM {} CASCADE",
                    identifier(&schema),
                    identifier(&name),
                    identifier(&role)
                ),
            }
        })
        .filter(|c| choice.allows(&c.subject))
        .collect();
    first_possible(session, choice, candidates).await
}

async fn large_object(
    session: &Connection,
    database: &str,
    choice: &Choice<'_>,
) -> Result<Option<PlantedItem>, MigrationError> {
    let rows =
        query(session, choice, "SELECT oid FROM pg_largeobject_metadata WHERE length(lo_get(oid, 0, 1)) = 1")
            .await?;
    let candidates = rows
        .iter()
        .map(|row| {
            let object: u32 = row.get(0);
            Named {
                item: format!("{database} large object {object}"),
                subject: format!("{database}.large-object.{object}"),
                statement: format!(
                    "SELECT lo_put({object}, 0, set_byte(lo_get({object}, 0, 1), 0, get_byte(lo_get({object}, 0, 1), 0) # 255))"
                ),
            }
        })
        .filter(|c| choice.allows(&c.subject))
        .collect();
    first_possible(session, choice, candidates).await
}
