//! Rights that `pg_restore --no-owner --no-privileges` leaves behind: second roles, owners, grants, default rights, the
//! database's own rights and settings.

use super::dump::{self, DumpKind};
use super::roles::ensure_second_roles;
use super::{database_of, identifier, literal, owners, toc};
use crate::context::{Facts, MigrationContext, Reporter};
use crate::error::MigrationError;
use crate::program::{self, database_argument};
use drydock_core::Component;
use drydock_core::scenario::DatabaseMover;
use drydock_stores::postgres::{APPLICATION_NAME, Connection, connect};
use serde_json::json;

/// Settings whose value is a list that is quoted already.
const LISTS: [&str; 6] = [
    "search_path",
    "temp_tablespaces",
    "local_preload_libraries",
    "session_preload_libraries",
    "shared_preload_libraries",
    "unix_socket_directories",
];

/// Carries everything about access of one database. What the target refuses is told, and left to the comparison.
pub(crate) async fn carry_grants(
    cx: &MigrationContext,
    component: Component,
    reporter: &dyn Reporter,
) -> Result<Facts, MigrationError> {
    let name = database_of(component)?;
    let source = connect(&cx.source.postgres, name, APPLICATION_NAME).await?;
    let target = connect(&cx.target.postgres, name, APPLICATION_NAME).await?;
    let created = ensure_second_roles(cx, name, reporter).await?;
    let mut errors = Vec::new();

    // Owners before rights: a change of owner rewrites the rights.
    let owners = owners::statements(&source, &target, name).await?;
    carry_out(&target, &owners, &mut errors).await?;

    let rights = restore_rights(cx, component, &mut errors).await?;

    let mut database = database_rights(&source, &target, name).await?;
    database.extend(settings(&source, name).await?);
    database.extend(comment(&source, name).await?);
    carry_out(&target, &database, &mut errors).await?;

    let redactor = cx.redactor();
    let errors: Vec<String> = errors.iter().map(|e| redactor.apply(e)).collect();
    for error in &errors {
        reporter.note(&format!("rights of {name}: {error}"));
    }
    Ok(Facts::from([
        ("roles_created".into(), json!(created)),
        ("owners_changed".into(), json!(owners.len())),
        ("access_entries".into(), json!(rights)),
        ("database_statements".into(), json!(database.len())),
        ("errors".into(), json!(errors)),
    ]))
}

/// Restores the dump's access entries alone, as superuser, because rights of other owners are among them.
async fn restore_rights(
    cx: &MigrationContext,
    component: Component,
    errors: &mut Vec<String>,
) -> Result<usize, MigrationError> {
    if cx.spec.database_mover != DatabaseMover::Scripts {
        // Owners and rights came with the restore.
        return Ok(0);
    }
    let database = database_of(component)?;
    let file = dump::path(cx, component, DumpKind::Final);
    let log = format!("pg_restore-{component}-rights");
    let list = dump::list(cx, &file, &log).await?;
    let wanted = toc::access_entries(&list);
    if wanted.is_empty() {
        return Ok(0);
    }
    let list_file = file.with_extension("rights.list");
    std::fs::write(&list_file, format!("{}\n", wanted.join("\n")))
        .map_err(|e| MigrationError::io("write", &list_file, &e))?;
    let arguments = vec![
        format!("--use-list={}", list_file.display()),
        "--verbose".to_owned(),
        database_argument(database),
        file.display().to_string(),
    ];
    let output = program::run(cx, "pg_restore", arguments, Some(&cx.target.postgres), &log).await?;
    match output.code {
        0 => {}
        1 => errors.extend(output.stderr.lines().filter(|l| l.contains("error:")).map(ToOwned::to_owned)),
        _ => {
            return Err(MigrationError::from_words(
                format!("restore the access rights of database {database}"),
                program::last_words(&output),
                &format!("see logs/{log}.log"),
            ));
        }
    }
    Ok(wanted.len())
}

/// Carries statements out one by one; a refusal is kept and the rest goes on.
async fn carry_out(
    target: &Connection,
    statements: &[String],
    errors: &mut Vec<String>,
) -> Result<(), MigrationError> {
    for statement in statements {
        if let Err(e) = target.batch_execute(statement).await {
            let error = MigrationError::statement(statement.clone(), &e);
            if matches!(error, MigrationError::Environment { .. }) {
                return Err(error);
            }
            errors.push(error.to_string());
        }
    }
    Ok(())
}

/// `CONNECT`, `CREATE` and `TEMPORARY` on the database itself, where the source departs from the default.
async fn database_rights(
    source: &Connection,
    target: &Connection,
    name: &str,
) -> Result<Vec<String>, MigrationError> {
    let acl = "SELECT datacl::text FROM pg_database WHERE datname = current_database()";
    let failed = |e: &tokio_postgres::Error| MigrationError::statement("read the rights on the database", e);
    let of = |row: tokio_postgres::Row| row.get::<_, Option<String>>(0);
    let from = of(source.query_one(acl, &[]).await.map_err(|e| failed(&e))?);
    let to = of(target.query_one(acl, &[]).await.map_err(|e| failed(&e))?);
    if from == to {
        return Ok(Vec::new());
    }
    let rows = source
        .query(
            "SELECT coalesce(r.rolname::text, ''), a.privilege_type, a.is_grantable, o.rolname::text \
             FROM pg_database d JOIN pg_roles o ON o.oid = d.datdba, \
               LATERAL aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a LEFT JOIN pg_roles r ON r.oid = a.grantee \
             WHERE d.datname = current_database()",
            &[],
        )
        .await
        .map_err(|e| failed(&e))?;
    let database = identifier(name);
    let mut statements = vec![
        format!("REVOKE ALL ON DATABASE {database} FROM PUBLIC"),
        format!("REVOKE ALL ON DATABASE {database} FROM {database}"),
    ];
    for row in rows {
        let (grantee, right, grantable): (String, String, bool) = (row.get(0), row.get(1), row.get(2));
        let owner: String = row.get(3);
        let to = match grantee.as_str() {
            "" => "PUBLIC".to_owned(),
            // The owner's rights are the owner's, whoever that is on the target.
            own if own == owner => database.clone(),
            other => identifier(other),
        };
        let option = if grantable { " WITH GRANT OPTION" } else { "" };
        statements.push(format!("GRANT {right} ON DATABASE {database} TO {to}{option}"));
    }
    Ok(statements)
}

/// `ALTER DATABASE … SET`, `ALTER ROLE … IN DATABASE … SET`, and `ALTER ROLE … SET` of the roles concerned.
async fn settings(source: &Connection, name: &str) -> Result<Vec<String>, MigrationError> {
    let rows = source
        .query(
            "SELECT s.setdatabase <> 0, r.rolname::text, unnest(s.setconfig) FROM pg_db_role_setting s \
             LEFT JOIN pg_roles r ON r.oid = s.setrole \
             WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()) \
                OR s.setdatabase = 0 AND s.setrole IN (SELECT oid FROM pg_roles WHERE oid >= 16384 AND (rolname = current_database() \
                   OR oid IN (SELECT refobjid FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass \
                      AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database()))))",
            &[],
        )
        .await
        .map_err(|e| MigrationError::statement("read the settings of database and roles", &e))?;
    Ok(rows
        .iter()
        .filter_map(|row| {
            let (in_database, role, entry): (bool, Option<String>, String) =
                (row.get(0), row.get(1), row.get(2));
            let (setting, value) = entry.split_once('=')?;
            let subject = match (role, in_database) {
                (None, _) => format!("DATABASE {}", identifier(name)),
                (Some(role), true) => format!("ROLE {} IN DATABASE {}", identifier(&role), identifier(name)),
                (Some(role), false) => format!("ROLE {}", identifier(&role)),
            };
            Some(set(&subject, setting, value))
        })
        .collect())
}

fn set(subject: &str, setting: &str, value: &str) -> String {
    let quoted: Vec<String> = setting.split('.').map(identifier).collect();
    let value = if LISTS.contains(&setting) && !value.is_empty() { value.to_owned() } else { literal(value) };
    format!("ALTER {subject} SET {} TO {value}", quoted.join("."))
}

/// The database's comment, which a dump of one database does not hold.
async fn comment(source: &Connection, name: &str) -> Result<Option<String>, MigrationError> {
    let row = source
        .query_one(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()",
            &[],
        )
        .await
        .map_err(|e| MigrationError::statement("read the comment of the database", &e))?;
    Ok(row
        .get::<_, Option<String>>(0)
        .map(|text| format!("COMMENT ON DATABASE {} IS {}", identifier(name), literal(&text))))
}

#[cfg(test)]
mod tests {
    use super::set;

    #[test]
    fn lists_are_not_quoted_twice() {
        assert_eq!(
            set("DATABASE \"d\"", "search_path", "\"$user\", public"),
            "ALTER DATABASE \"d\" SET \"search_path\" TO \"$user\", public"
        );
        assert_eq!(
            set("ROLE \"r\"", "statement_timeout", "30s"),
            "ALTER ROLE \"r\" SET \"statement_timeout\" TO '30s'"
        );
        assert_eq!(set("ROLE \"r\"", "app.mode", "x"), "ALTER ROLE \"r\" SET \"app\".\"mode\" TO 'x'");
        assert_eq!(set("ROLE \"r\"", "search_path", ""), "ALTER ROLE \"r\" SET \"search_path\" TO ''");
    }
}
