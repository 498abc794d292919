//! What applications ask of their databases: a login with its credentials and roles, clients, and every row together with
//! the one it refers to. Rows and definitions can be alike and the answers not, where an index has been built by other rules.

use super::super::result::CheckResult;
use super::{DatabasePair, empty};
use crate::postgres::{Connection, PinnedDatabase, quote};
use drydock_core::names::checks;
use drydock_core::{Finding, Kind, Sample};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const CHECK: &str = checks::PG_QUERIES;
/// References that are followed in one database; Keycloak has some 90.
const REFERENCES: i64 = 400;

/// A query whose first column names something and whose second counts it. `{name}` stands for a table.
struct Asked {
    what: &'static str,
    /// Tables with the columns that are read.
    needs: &'static [(&'static str, &'static [&'static str])],
    sql: &'static str,
}

/// Keycloak's, from the tables it has had since version 4. No name of a user and no secret is selected.
const KEYCLOAK: [Asked; 6] = [
    Asked {
        what: "Keycloak: users who may log in, by realm and kind of credential",
        needs: &[
            ("user_entity", &["id", "realm_id", "enabled"]),
            ("credential", &["user_id", "type"]),
            ("realm", &["id", "name"]),
        ],
        sql: "SELECT concat_ws(' / ', coalesce(r.name, 'no realm'), coalesce(c.type, 'no credential'), \
              CASE WHEN u.enabled THEN 'enabled' ELSE 'disabled' END), count(*)::text FROM {user_entity} u \
              LEFT JOIN {realm} r ON r.id = u.realm_id LEFT JOIN {credential} c ON c.user_id = u.id GROUP BY 1",
    },
    Asked {
        what: "Keycloak: a login finds its user by name",
        needs: &[("user_entity", &["id", "realm_id", "username"])],
        sql: "SELECT 'user ' || u.id, (SELECT count(*)::text FROM {user_entity} x WHERE x.realm_id = u.realm_id \
              AND x.username = u.username) FROM {user_entity} u WHERE u.username IS NOT NULL ORDER BY u.id COLLATE \"C\" LIMIT 200",
    },
    Asked {
        what: "Keycloak: roles of users",
        needs: &[
            ("user_role_mapping", &["user_id", "role_id"]),
            ("keycloak_role", &["id", "name"]),
            ("user_entity", &["id"]),
        ],
        sql: "SELECT 'role ' || o.name, count(*)::text FROM {user_role_mapping} m JOIN {keycloak_role} o ON o.id = m.role_id \
              JOIN {user_entity} u ON u.id = m.user_id GROUP BY 1",
    },
    Asked {
        what: "Keycloak: members of groups",
        needs: &[("user_group_membership", &["user_id", "group_id"]), ("keycloak_group", &["id", "name"])],
        sql: "SELECT 'group ' || g.name, count(*)::text FROM {user_group_membership} m \
              JOIN {keycloak_group} g ON g.id = m.group_id GROUP BY 1",
    },
    Asked {
        what: "Keycloak: clients, and whether they have a secret",
        needs: &[
            ("client", &["id", "client_id", "realm_id", "enabled", "secret"]),
            ("realm", &["id", "name"]),
        ],
        sql: "SELECT concat_ws(' / ', coalesce(r.name, 'no realm'), c.client_id, \
              CASE WHEN c.enabled THEN 'enabled' ELSE 'disabled' END, \
              CASE WHEN c.secret IS NULL THEN 'without secret' ELSE 'with secret' END), count(*)::text \
              FROM {client} c LEFT JOIN {realm} r ON r.id = c.realm_id GROUP BY 1",
    },
    Asked {
        what: "Keycloak: addresses that a client may be sent back to",
        needs: &[("redirect_uris", &["client_id", "value"]), ("client", &["id", "client_id"])],
        sql: "SELECT 'client ' || c.client_id, count(*)::text FROM {redirect_uris} u JOIN {client} c ON c.id = u.client_id \
              GROUP BY 1",
    },
];

/// A table of one side: its name, ready for a query.
type Tables = BTreeMap<String, (String, BTreeSet<String>)>;

/// Rows that refer to others, and how they are joined.
struct Reference {
    child: String,
    parent: String,
    sql: String,
}

/// Asks both sides of one database. `told` are subjects of rows that differ: what follows from them is told only where an
/// application is known to ask.
pub(super) async fn compare(
    source: &Arc<PinnedDatabase>,
    target: &Arc<PinnedDatabase>,
    pair: &DatabasePair,
    told: &BTreeSet<String>,
) -> CheckResult {
    let mut result = empty(CHECK);
    let (a, b) = tokio::join!(source.session(), target.session());
    let (a, b) = match (a, b) {
        (Ok(a), Ok(b)) => (a, b),
        (a, b) => {
            let why: Vec<String> = [a.err(), b.err()].into_iter().flatten().map(|e| e.to_string()).collect();
            result.findings.push(unproven(pair, "its applications' queries", &why.join("; ")));
            return result;
        }
    };
    let (tables, references) = match tokio::try_join!(tables(&a), references(&a)) {
        Ok(read) => read,
        Err(why) => {
            result.findings.push(unproven(pair, "its tables", &why));
            return result;
        }
    };
    for asked in &KEYCLOAK {
        let Some(sql) = asked.statement(&tables) else { continue };
        let because = asked.needs.iter().filter_map(|(table, _)| {
            let path = format!("{}.{}", pair.source, tables.get(*table)?.0.replace('"', ""));
            told.contains(&path).then_some(path)
        });
        let because: Vec<String> = because.collect();
        one(&a, &b, pair, asked.what, &sql, &because, &mut result).await;
    }
    for reference in references {
        let paths = [&reference.child, &reference.parent].map(|t| format!("{}.{t}", pair.source));
        if paths.iter().any(|path| told.contains(path)) {
            continue;
        }
        let what = format!("rows of {} with the {} they refer to", reference.child, reference.parent);
        one(&a, &b, pair, &what, &reference.sql, &[], &mut result).await;
    }
    result
}

async fn one(
    a: &Connection,
    b: &Connection,
    pair: &DatabasePair,
    what: &str,
    sql: &str,
    because: &[String],
    result: &mut CheckResult,
) {
    let (before, after) = tokio::join!(answer(a, sql), answer(b, sql));
    let subject = format!("{}/{what}", pair.source);
    match (before, after) {
        (Ok(before), Ok(after)) => {
            result.compared += 1;
            let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            let side = |of: &BTreeMap<String, String>, name: &String| of.get(name).cloned();
            let samples: Vec<Sample> = names
                .into_iter()
                .filter(|name| before.get(*name) != after.get(*name))
                .map(|name| Sample::both(name, side(&before, name), side(&after, name)))
                .collect();
            if samples.is_empty() {
                return;
            }
            let cause = match because {
                [] => "rows and definitions say nothing of it: an index may not find what the table holds"
                    .to_owned(),
                tables => format!("the rows of {} differ (see {})", tables.join(", "), checks::PG_ROWS),
            };
            let message = format!("{what}: {} answers differ: {cause}", samples.len());
            let next = match because {
                [] => "run REINDEX on the tables of the query, then compare again",
                _ => "repair the rows first, then compare again",
            };
            let finding = Finding::access(CHECK, Kind::Changed, subject, message);
            result.findings.push(finding.items(samples.len() as u64, samples).next(next));
        }
        // What the source refuses as well is no fault of the target.
        (Err(why), _) => result.findings.push(unproven(pair, what, &format!("source: {}", why.words()))),
        (Ok(_), Err(Refusal::Server(why))) => {
            result.compared += 1;
            let message = format!("{what}: the target refuses what the source answers: {why}");
            result.findings.push(
                Finding::access(CHECK, Kind::Unusable, subject, message)
                    .next("look at the tables and columns of the query on the target"),
            );
        }
        (Ok(_), Err(why)) => result.findings.push(unproven(pair, what, &format!("target: {}", why.words()))),
    }
}

fn unproven(pair: &DatabasePair, what: &str, why: &str) -> Finding {
    let message = format!("{what} could not be asked of {}: {why}", pair.source);
    Finding::not_compared(CHECK, format!("{}/{what}", pair.source), message)
        .next("let this role read every table of the database, then compare again")
}

/// Why there is no answer.
enum Refusal {
    /// The server understood, and something that the query needs is not there.
    Server(String),
    /// This role may not ask, or nobody answers.
    Other(String),
}

impl Refusal {
    fn words(&self) -> &str {
        match self {
            Self::Server(why) | Self::Other(why) => why,
        }
    }
}

async fn answer(session: &Connection, sql: &str) -> Result<BTreeMap<String, String>, Refusal> {
    // A failed statement ends the transaction that shares the snapshot, unless it is taken back.
    let other = |e: tokio_postgres::Error| Refusal::Other(e.to_string());
    session.batch_execute("SAVEPOINT asked").await.map_err(other)?;
    match session.query(sql, &[]).await {
        Ok(rows) => {
            session.batch_execute("RELEASE SAVEPOINT asked").await.map_err(other)?;
            let text = |row: &tokio_postgres::Row, at: usize| {
                row.get::<_, Option<String>>(at).unwrap_or_else(|| "nothing".to_owned())
            };
            Ok(rows.iter().map(|row| (text(row, 0), text(row, 1))).collect())
        }
        Err(error) => {
            session.batch_execute("ROLLBACK TO SAVEPOINT asked").await.map_err(other)?;
            let state = error.code().map(|c| c.code().to_owned()).unwrap_or_default();
            let words = error.as_db_error().map_or_else(|| error.to_string(), |d| d.message().to_owned());
            // Class 42 without 42501: an unknown table, column or operator. Class XX: a broken file.
            let server = (state.starts_with("42") && state != "42501") || state.starts_with("XX");
            Err(if server { Refusal::Server(words) } else { Refusal::Other(words) })
        }
    }
}

impl Asked {
    /// The statement for tables that are there; `None` where the application is not.
    fn statement(&self, tables: &Tables) -> Option<String> {
        let mut sql = self.sql.to_owned();
        for (name, columns) in self.needs {
            let (path, known) = tables.get(*name)?;
            if !columns.iter().all(|column| known.contains(*column)) {
                return None;
            }
            sql = sql.replace(&format!("{{{name}}}"), path);
        }
        Some(sql)
    }
}

/// Every table with its columns, in the schema that comes first by name where there are several.
async fn tables(session: &Connection) -> Result<Tables, String> {
    let sql = "SELECT n.nspname::text, c.relname::text, array_agg(a.attname::text) FROM pg_class c \
               JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 \
               AND NOT a.attisdropped WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' \
               AND n.nspname <> 'information_schema' GROUP BY 1, 2 ORDER BY 1, 2";
    let rows = session.query(sql, &[]).await.map_err(|e| e.to_string())?;
    let mut tables = Tables::new();
    for row in rows {
        let (schema, name): (String, String) = (row.get(0), row.get(1));
        let columns: Vec<String> = row.get(2);
        let path = format!("{}.{}", quote(&schema), quote(&name));
        tables.entry(name).or_insert((path, columns.into_iter().collect()));
    }
    Ok(tables)
}

/// Every foreign key, as a count of the rows whose other end is found.
async fn references(session: &Connection) -> Result<Vec<Reference>, String> {
    let sql = "SELECT cn.nspname::text, c.relname::text, pn.nspname::text, p.relname::text, \
               (SELECT array_agg(a.attname::text ORDER BY k.n) FROM unnest(f.conkey) WITH ORDINALITY k(num, n) \
                JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.num), \
               (SELECT array_agg(a.attname::text ORDER BY k.n) FROM unnest(f.confkey) WITH ORDINALITY k(num, n) \
                JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.num) \
               FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace cn ON cn.oid = c.relnamespace \
               JOIN pg_class p ON p.oid = f.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace \
               WHERE f.contype = 'f' AND f.conparentid = 0 ORDER BY 1, 2, f.conname LIMIT $1";
    let rows = session.query(sql, &[&REFERENCES]).await.map_err(|e| e.to_string())?;
    let mut references = Vec::new();
    for row in rows {
        let text = |at: usize| row.get::<_, String>(at);
        let (from, to): (Vec<String>, Vec<String>) = (row.get(4), row.get(5));
        let path = |schema: usize, table: usize| format!("{}.{}", quote(&text(schema)), quote(&text(table)));
        let equal = from.iter().zip(&to).map(|(a, b)| format!("p.{} = c.{}", quote(b), quote(a)));
        let equal: Vec<String> = equal.collect();
        references.push(Reference {
            child: format!("{}.{}", text(0), text(1)),
            parent: format!("{}.{}", text(2), text(3)),
            sql: format!(
                "SELECT 'found', count(*)::text FROM {} c JOIN {} p ON {}",
                path(0, 1),
                path(2, 3),
                equal.join(" AND ")
            ),
        });
    }
    Ok(references)
}
