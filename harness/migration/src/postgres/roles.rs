//! Roles beside the application's own: who they are on the source, and making them on the target.

use super::server::MAINTENANCE;
use super::{identifier, literal};
use crate::context::{MigrationContext, Reporter};
use crate::error::MigrationError;
use drydock_stores::postgres::{APPLICATION_NAME, Connection, connect};
use std::collections::BTreeSet;

/// A role of the source.
#[derive(Debug, Clone)]
pub(super) struct Role {
    pub(super) name: String,
    attributes: Attributes,
    password: Option<String>,
    comment: Option<String>,
}

#[derive(Debug, Clone)]
struct Attributes {
    superuser: bool,
    create_db: bool,
    create_role: bool,
    inherit: bool,
    login: bool,
    replication: bool,
    bypass_row_security: bool,
    connection_limit: i32,
    valid_until: Option<String>,
}

impl Attributes {
    /// As options of `CREATE ROLE`. The powerful ones can be given only by those who have them.
    fn options(&self, powerful: Powerful) -> String {
        let flag = |on: bool, name: &str| if on { name.to_owned() } else { format!("NO{name}") };
        let mut options = vec![
            flag(self.create_db, "CREATEDB"),
            flag(self.create_role, "CREATEROLE"),
            flag(self.inherit, "INHERIT"),
            flag(self.login, "LOGIN"),
            format!("CONNECTION LIMIT {}", self.connection_limit),
        ];
        if powerful == Powerful::Included {
            options.push(flag(self.superuser, "SUPERUSER"));
            options.push(flag(self.replication, "REPLICATION"));
            options.push(flag(self.bypass_row_security, "BYPASSRLS"));
        }
        if let Some(until) = &self.valid_until {
            options.push(format!("VALID UNTIL {}", literal(until)));
        }
        options.join(" ")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Powerful {
    Included,
    LeftOut,
}

/// Roles that one database of the source has to do with: owners, holders of rights, roles named in policies and
/// settings, and everybody connected to those by membership. The server's own roles are not among them.
const CONCERNED: &str = "WITH RECURSIVE this AS (SELECT oid, datdba, datacl FROM pg_database WHERE datname = current_database()), \
     named AS (SELECT d.refobjid AS oid FROM pg_shdepend d, this WHERE d.refclassid = 'pg_authid'::regclass \
                 AND (d.dbid = this.oid OR d.dbid = 0 AND d.classid = 'pg_database'::regclass AND d.objid = this.oid) \
               UNION SELECT datdba FROM this \
               UNION SELECT s.setrole FROM pg_db_role_setting s, this WHERE s.setdatabase = this.oid AND s.setrole <> 0), \
     concerned AS (SELECT oid FROM named \
               UNION SELECT CASE WHEN m.roleid = c.oid THEN m.member ELSE m.roleid END FROM concerned c \
                 JOIN pg_auth_members m ON c.oid IN (m.roleid, m.member) WHERE c.oid >= 16384) \
     SELECT r.rolname::text, r.rolsuper, r.rolcreatedb, r.rolcreaterole, r.rolinherit, r.rolcanlogin, r.rolreplication, \
            r.rolbypassrls, r.rolconnlimit, r.rolvaliduntil::text, shobj_description(r.oid, 'pg_authid') \
     FROM pg_roles r WHERE r.oid IN (SELECT oid FROM concerned) AND r.oid >= 16384 ORDER BY 1";

/// Roles that `database` of the source has to do with, its own included.
pub(super) async fn concerned(
    source: &Connection,
    reporter: &dyn Reporter,
) -> Result<Vec<Role>, MigrationError> {
    let rows = source
        .query(CONCERNED, &[])
        .await
        .map_err(|e| MigrationError::statement("list the roles that the source database concerns", &e))?;
    let mut roles = Vec::new();
    for row in rows {
        let name: String = row.get(0);
        let password = match source
            .query_opt("SELECT rolpassword FROM pg_authid WHERE rolname = $1", &[&name])
            .await
        {
            Ok(found) => found.and_then(|r| r.get::<_, Option<String>>(0)),
            Err(_) => {
                reporter.note(&format!(
                    "the source does not show the password of role {name}; it has to be set on the target by hand"
                ));
                None
            }
        };
        roles.push(Role {
            name,
            attributes: Attributes {
                superuser: row.get(1),
                create_db: row.get(2),
                create_role: row.get(3),
                inherit: row.get(4),
                login: row.get(5),
                replication: row.get(6),
                bypass_row_security: row.get(7),
                connection_limit: row.get(8),
                valid_until: row.get(9),
            },
            password,
            comment: row.get(10),
        });
    }
    Ok(roles)
}

/// Creates on the target every role that `database` of the source has to do with and the target lacks, with attributes,
/// password and memberships. Returns the names of those created.
pub(super) async fn ensure_second_roles(
    cx: &MigrationContext,
    database: &str,
    reporter: &dyn Reporter,
) -> Result<Vec<String>, MigrationError> {
    let source = connect(&cx.source.postgres, database, APPLICATION_NAME).await?;
    let target = connect(&cx.target.postgres, MAINTENANCE, APPLICATION_NAME).await?;
    // Password hashes must not reach the server's log. Roles that may not say so go on.
    let _ = target.batch_execute("SET log_statement='none'; SET log_min_error_statement='panic'").await;
    let there = names(&target).await?;
    let mut created = Vec::new();
    for role in concerned(&source, reporter).await? {
        if there.contains(&role.name) {
            continue;
        }
        create(&target, &role, reporter).await?;
        created.push(role.name);
    }
    memberships(&source, &target, reporter).await?;
    Ok(created)
}

/// Names of all roles of a server.
pub(super) async fn names(server: &Connection) -> Result<BTreeSet<String>, MigrationError> {
    let rows = server
        .query("SELECT rolname::text FROM pg_roles", &[])
        .await
        .map_err(|e| MigrationError::statement("list the roles of the target", &e))?;
    Ok(rows.iter().map(|r| r.get(0)).collect())
}

async fn create(target: &Connection, role: &Role, reporter: &dyn Reporter) -> Result<(), MigrationError> {
    let name = identifier(&role.name);
    let password = role.password.as_ref().map(|p| format!(" PASSWORD {}", literal(p))).unwrap_or_default();
    let full = format!("CREATE ROLE {name} {}{password}", role.attributes.options(Powerful::Included));
    if let Err(refused) = target.batch_execute(&full).await {
        if refused.code().is_none_or(|c| c.code() != "42501") {
            return Err(MigrationError::statement(
                format!("create role {} on the target", role.name),
                &refused,
            ));
        }
        reporter.note(&format!(
            "role {} was created on the target without SUPERUSER, REPLICATION and BYPASSRLS, which the target does not let us give",
            role.name
        ));
        let plain = format!("CREATE ROLE {name} {}{password}", role.attributes.options(Powerful::LeftOut));
        target
            .batch_execute(&plain)
            .await
            .map_err(|e| MigrationError::statement(format!("create role {} on the target", role.name), &e))?;
    }
    if let Some(comment) = &role.comment {
        target.batch_execute(&format!("COMMENT ON ROLE {name} IS {}", literal(comment))).await.map_err(
            |e| MigrationError::statement(format!("comment on role {} on the target", role.name), &e),
        )?;
    }
    Ok(())
}

/// Carries memberships among the roles concerned, those in the server's own roles (`pg_monitor`) included.
async fn memberships(
    source: &Connection,
    target: &Connection,
    reporter: &dyn Reporter,
) -> Result<(), MigrationError> {
    let major = |row: &tokio_postgres::Row| row.get::<_, i32>(0) / 10_000;
    let version = "SELECT current_setting('server_version_num')::int";
    let failed = |e: &tokio_postgres::Error| MigrationError::statement("read the memberships of roles", e);
    let from = major(&source.query_one(version, &[]).await.map_err(|e| failed(&e))?);
    let to = major(&target.query_one(version, &[]).await.map_err(|e| failed(&e))?);
    let options = if from >= 16 { "m.inherit_option, m.set_option" } else { "true, true" };
    let wanted: Vec<String> = {
        let rows = source.query(CONCERNED, &[]).await.map_err(|e| failed(&e))?;
        rows.iter().map(|r| r.get(0)).collect()
    };
    let rows = source
        .query(
            &format!(
                "SELECT g.rolname::text, u.rolname::text, m.admin_option, {options} FROM pg_auth_members m \
                 JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles u ON u.oid = m.member \
                 WHERE u.rolname = ANY($1) ORDER BY 1, 2"
            ),
            &[&wanted],
        )
        .await
        .map_err(|e| failed(&e))?;
    let there = names(target).await?;
    for row in rows {
        let (group, member): (String, String) = (row.get(0), row.get(1));
        let (admin, inherit, set): (bool, bool, bool) = (row.get(2), row.get(3), row.get(4));
        if !there.contains(&group) || !there.contains(&member) {
            reporter.note(&format!(
                "the membership of role {member} in {group} was left behind: one of them does not exist on the target"
            ));
            continue;
        }
        let with = match (from >= 16 && to >= 16, admin) {
            (true, _) => format!(" WITH ADMIN {admin}, INHERIT {inherit}, SET {set}"),
            (false, true) => " WITH ADMIN OPTION".to_owned(),
            (false, false) => String::new(),
        };
        let grant = format!("GRANT {} TO {}{with}", identifier(&group), identifier(&member));
        if let Err(e) = target.batch_execute(&grant).await {
            let e = MigrationError::statement(format!("make role {member} a member of {group}"), &e);
            reporter.note(&e.to_string());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_name_every_attribute_both_ways() {
        let attributes = Attributes {
            superuser: false,
            create_db: true,
            create_role: false,
            inherit: false,
            login: true,
            replication: false,
            bypass_row_security: true,
            connection_limit: 5,
            valid_until: Some("2030-01-01 00:00:00+00".into()),
        };
        assert_eq!(
            attributes.options(Powerful::Included),
            "CREATEDB NOCREATEROLE NOINHERIT LOGIN CONNECTION LIMIT 5 NOSUPERUSER NOREPLICATION BYPASSRLS VALID UNTIL \
             '2030-01-01 00:00:00+00'"
        );
        assert!(!attributes.options(Powerful::LeftOut).contains("SUPERUSER"));
    }
}
