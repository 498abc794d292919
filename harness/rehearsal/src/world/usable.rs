//! Whether applications can work on a side.

use super::compare::millis;
use super::{RealWorld, Stepped};
use drydock_core::Component;
use drydock_core::finding::{Finding, Kind, Outcome, Sample};
use drydock_environments::Side;
use drydock_stores::StorePair;
use drydock_stores::compare::{CheckResult, usable_by_role};
use drydock_stores::elasticsearch::{Client, Timeouts};
use drydock_stores::postgres::{APPLICATION_NAME, connect};
use std::time::Instant;

/// How closely it is looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Rights are read, and nothing moves.
    Rights,
    /// Rows are inserted as well, and taken back: sequences go on.
    Inserts,
}

impl RealWorld {
    /// Whether applications can work on a side: each role logs in, reads its tables and may write. Returns how many findings
    /// say that they cannot.
    pub(super) async fn check_usable(
        &mut self,
        side: Side,
        check: &'static str,
        look: Look,
    ) -> Stepped<usize> {
        let began = Instant::now();
        let stores = self.side(side)?;
        let roles = self.roles()?;
        let mut result = CheckResult {
            check,
            compared: 0,
            findings: Vec::new(),
            note: match look {
                Look::Rights => format!(
                    "each application role logs in on the {side} and may use its tables; no index is red or blocked"
                ),
                Look::Inserts => format!(
                    "each application role logs in on the {side}, reads its tables and inserts into them; no index is red or \
                     blocked"
                ),
            },
            millis: 0,
        };
        for (role, password) in roles {
            let endpoint = stores.postgres.with_role(&role, Some(password));
            let found = match look {
                Look::Rights => usable_database(&endpoint, &role).await,
                Look::Inserts => usable_by_role(&endpoint, &role).await.map(|u| (u.tables, u.refused)),
            };
            match found {
                Ok((tables, refused)) => {
                    result.compared += tables;
                    // On the source it is nobody's but the source's.
                    if side == Side::Target
                        && let Some(found) = closed_lock(&endpoint, &role, check).await
                    {
                        let source = self.side(Side::Source)?.postgres;
                        let before = closed_lock(&source, &role, check).await.is_some();
                        result.findings.push(if before { old_lock(found) } else { found });
                    }
                    if !refused.is_empty() {
                        let message = format!(
                            "the role {role} cannot work with {} tables of its database",
                            refused.len()
                        );
                        let count = refused.len() as u64;
                        result.findings.push(
                            Finding::access(check, Kind::Unusable, &role, message)
                                .items(count, refused.into_iter().map(Sample::named))
                                .next("restore owner, grants, functions and triggers of these tables"),
                        );
                    }
                }
                Err(why) => result.findings.push(
                    Finding::access(
                        check,
                        Kind::Unusable,
                        &role,
                        format!("the role {role} cannot work on the {side}: {why}"),
                    )
                    .next(format!("look at role, password and database on the {side}")),
                ),
            }
        }
        if self.components().contains(&Component::Elasticsearch) {
            let (asked, findings) = usable_cluster(&stores, side, check, &self.scope().prefixes).await;
            result.compared += asked;
            result.findings.extend(findings);
        }
        result.millis = millis(began);
        let findings = result.findings.iter().filter(|f| f.outcome >= Outcome::NotProven).count();
        self.conclude(vec![result]);
        Ok(findings)
    }
}

/// Tables looked at, and those that the role cannot both read and change.
async fn usable_database(
    endpoint: &drydock_stores::PostgresEndpoint,
    database: &str,
) -> Result<(u64, Vec<String>), String> {
    let session = connect(endpoint, database, APPLICATION_NAME).await.map_err(|e| e.to_string())?;
    let sql = "SELECT n.nspname || '.' || c.relname, \
               has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT') \
               AND has_table_privilege(c.oid, 'UPDATE') AND has_schema_privilege(n.oid, 'USAGE') \
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
               AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') ORDER BY 1";
    let rows = session.query(sql, &[]).await.map_err(|e| e.to_string())?;
    let refused = rows.iter().filter(|r| !r.get::<_, bool>(1)).map(|r| r.get::<_, String>(0)).collect();
    Ok((rows.len() as u64, refused))
}

/// A lock of Liquibase that nobody is going to open: the application waits for it at its next start until it gives up.
async fn closed_lock(
    endpoint: &drydock_stores::PostgresEndpoint,
    database: &str,
    check: &str,
) -> Option<Finding> {
    let session = connect(endpoint, database, APPLICATION_NAME).await.ok()?;
    let sql = "SELECT coalesce(lockedby, 'somebody') FROM public.databasechangeloglock WHERE locked";
    // Most databases have no such table, and then no such lock.
    let rows = session.query(sql, &[]).await.ok()?;
    let owners: Vec<Sample> = rows.iter().map(|r| Sample::named(r.get::<_, String>(0))).collect();
    let first = owners.first()?.item.clone();
    let message = format!(
        "the lock of Liquibase in {database} is closed by {first}: the application waits for it when it starts"
    );
    Some(
        Finding::access(check, Kind::Unusable, database, message).items(owners.len() as u64, owners).next(
            "see that no migration of the schema runs, then set locked to false in databasechangeloglock",
        ),
    )
}

/// The same lock, where the source had it already: it came along, and nobody's migration closed it.
fn old_lock(found: Finding) -> Finding {
    Finding { kind: Kind::OldDirt, outcome: Outcome::Expected, ..found }
}

/// Indices of a side that answer no search or take no writes.
async fn usable_cluster(
    stores: &StorePair,
    side: Side,
    check: &str,
    prefixes: &[String],
) -> (u64, Vec<Finding>) {
    let unusable = |subject: &str, message: String, next: &str| {
        Finding::access(check, Kind::Unusable, subject, message).next(next)
    };
    let asked = async {
        let client = Client::new(&stores.elasticsearch, Timeouts::default())?;
        let health = client.get("/_cluster/health?level=indices&filter_path=indices.*.status").await?;
        let blocks =
            client.get("/_all/_settings/index.blocks.*?flat_settings=true&expand_wildcards=all").await?;
        Ok::<_, drydock_stores::elasticsearch::ElasticsearchError>((health, blocks))
    }
    .await;
    let (health, blocks) = match asked {
        Ok(answers) => answers,
        Err(e) => {
            return (
                0,
                vec![unusable(
                    "elasticsearch",
                    format!("the {side} cluster does not answer: {e}"),
                    "start it",
                )],
            );
        }
    };
    let ours = |name: &str| prefixes.iter().any(|p| name.starts_with(p.as_str()));
    let mut findings = Vec::new();
    let indices = health["indices"].as_object();
    for (name, state) in indices.into_iter().flatten().filter(|(n, _)| ours(n)) {
        if state["status"] == "red" {
            findings.push(unusable(
                name,
                format!("the index {name} is red on the {side}"),
                "look at its shards",
            ));
        }
    }
    for (name, settings) in blocks.as_object().into_iter().flatten().filter(|(n, _)| ours(n)) {
        let blocked = settings["settings"].as_object().into_iter().flatten().find(|(_, v)| *v == "true");
        if let Some((block, _)) = blocked {
            findings.push(unusable(
                name,
                format!("the index {name} carries {block} on the {side}"),
                "take the block off",
            ));
        }
    }
    (indices.map_or(0, |i| i.keys().filter(|n| ours(n)).count() as u64), findings)
}
