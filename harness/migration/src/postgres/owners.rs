//! Objects that belong to others than the application's role.

use super::identifier;
use crate::error::MigrationError;
use drydock_stores::postgres::Connection;

/// Every object of a database that can be given to another owner, those of extensions and those that follow another
/// object left out.
const OWNED: &str = "WITH o(class, object, owner) AS ( \
       SELECT 'pg_namespace'::regclass, oid, nspowner FROM pg_namespace \
         WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND nspname <> 'public' \
       UNION ALL SELECT 'pg_class'::regclass, c.oid, relowner FROM pg_class c WHERE relkind IN ('r', 'p', 'v', 'm', 'f') \
         OR relkind = 'S' AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass \
            AND d.objid = c.oid AND d.deptype IN ('a', 'i') AND d.refclassid = 'pg_class'::regclass) \
       UNION ALL SELECT 'pg_type'::regclass, t.oid, typowner FROM pg_type t WHERE typtype IN ('d', 'e', 'r', 'b', 'c') \
         AND NOT EXISTS (SELECT 1 FROM pg_type e WHERE e.typarray = t.oid) \
         AND (typrelid = 0 OR (SELECT relkind FROM pg_class WHERE oid = typrelid) = 'c') \
       UNION ALL SELECT 'pg_proc'::regclass, oid, proowner FROM pg_proc \
       UNION ALL SELECT 'pg_operator'::regclass, oid, oprowner FROM pg_operator \
       UNION ALL SELECT 'pg_opclass'::regclass, oid, opcowner FROM pg_opclass \
       UNION ALL SELECT 'pg_opfamily'::regclass, oid, opfowner FROM pg_opfamily \
       UNION ALL SELECT 'pg_collation'::regclass, oid, collowner FROM pg_collation \
       UNION ALL SELECT 'pg_conversion'::regclass, oid, conowner FROM pg_conversion \
       UNION ALL SELECT 'pg_ts_dict'::regclass, oid, dictowner FROM pg_ts_dict \
       UNION ALL SELECT 'pg_ts_config'::regclass, oid, cfgowner FROM pg_ts_config \
       UNION ALL SELECT 'pg_statistic_ext'::regclass, oid, stxowner FROM pg_statistic_ext \
       UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, oid, fdwowner FROM pg_foreign_data_wrapper \
       UNION ALL SELECT 'pg_foreign_server'::regclass, oid, srvowner FROM pg_foreign_server \
       UNION ALL SELECT 'pg_event_trigger'::regclass, oid, evtowner FROM pg_event_trigger \
       UNION ALL SELECT 'pg_publication'::regclass, oid, pubowner FROM pg_publication \
       UNION ALL SELECT 'pg_largeobject'::regclass, oid, lomowner FROM pg_largeobject_metadata) \
     SELECT i.type, i.identity, r.rolname::text, r.oid = 10 FROM o JOIN pg_roles r ON r.oid = o.owner, \
       LATERAL pg_identify_object(o.class, o.object, 0) i \
     WHERE o.object >= 16384 AND r.rolname <> $1 AND NOT EXISTS (SELECT 1 FROM pg_depend d \
       WHERE d.classid = o.class AND d.objid = o.object AND d.deptype = 'e') \
     ORDER BY o.class <> 'pg_namespace'::regclass, o.class, o.object";

/// Statements that give every object of the source that does not belong to `role` to the owner it has there. The
/// source's first superuser is the target's first superuser, whatever they are called.
pub(super) async fn statements(
    source: &Connection,
    target: &Connection,
    role: &str,
) -> Result<Vec<String>, MigrationError> {
    let rows = source
        .query(OWNED, &[&role])
        .await
        .map_err(|e| MigrationError::statement("list the owners of the source's objects", &e))?;
    let first = target
        .query_one("SELECT rolname::text FROM pg_roles WHERE oid = 10", &[])
        .await
        .map_err(|e| MigrationError::statement("read the name of the target's first superuser", &e))?;
    let first: String = first.get(0);
    let mut statements: Vec<String> = rows
        .iter()
        .map(|row| {
            let (kind, identity, owner, bootstrap): (String, String, String, bool) =
                (row.get(0), row.get(1), row.get(2), row.get(3));
            alter(&kind, &identity, if bootstrap { &first } else { &owner })
        })
        .collect();
    let public = "SELECT r.rolname::text FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = 'public'";
    let failed = |e: &tokio_postgres::Error| MigrationError::statement("read the owner of schema public", e);
    let of = |row: Option<tokio_postgres::Row>| row.map(|r| r.get::<_, String>(0));
    let from = of(source.query_opt(public, &[]).await.map_err(|e| failed(&e))?);
    let to = of(target.query_opt(public, &[]).await.map_err(|e| failed(&e))?);
    if let (Some(from), Some(to)) = (from, to)
        && from != to
    {
        statements.push(alter("schema", "public", &from));
    }
    Ok(statements)
}

/// `kind` and `identity` as `pg_identify_object` words them.
fn alter(kind: &str, identity: &str, owner: &str) -> String {
    let kind = match kind {
        "statistics object" => "STATISTICS".to_owned(),
        "foreign-data wrapper" => "FOREIGN DATA WRAPPER".to_owned(),
        other => other.to_uppercase(),
    };
    format!("ALTER {kind} {identity} OWNER TO {}", identifier(owner))
}

#[cfg(test)]
mod tests {
    use super::alter;

    #[test]
    fn kinds_become_keywords() {
        assert_eq!(
            alter("materialized view", "audit.\"Daily\"", "reporting"),
            "ALTER MATERIALIZED VIEW audit.\"Daily\" OWNER TO \"reporting\""
        );
        assert_eq!(alter("statistics object", "public.s", "a"), "ALTER STATISTICS public.s OWNER TO \"a\"");
    }
}
