//! Queries over what belongs to the server as a whole, and over privileges that somebody changed on what the server or
//! an extension made. Each answers (schema, object, part, attribute, value), all text.

/// Grants added to or taken from objects of the system and of extensions, compared with what they were made with. Only
/// the change is listed: the defaults differ between majors and versions of extensions.
pub(super) const CHANGED_GRANTS: &str = "WITH o(name, owner, acl, base) AS (
        SELECT 'relation ' || c.oid::regclass::text, c.relowner, coalesce(c.relacl, acldefault(k.kind, c.relowner)),
            coalesce(p.initprivs, acldefault(k.kind, c.relowner))
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            LEFT JOIN pg_init_privs p ON p.classoid = 'pg_class'::regclass AND p.objoid = c.oid AND p.objsubid = 0,
            LATERAL (SELECT CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::\"char\" AS kind) k
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relacl IS DISTINCT FROM p.initprivs
            AND (c.oid < 16384 OR EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass
                AND e.objid = c.oid AND e.objsubid = 0 AND e.deptype = 'e'))
        UNION ALL SELECT 'column ' || c.oid::regclass::text || '.' || quote_ident(a.attname), c.relowner,
            coalesce(a.attacl, acldefault('c', c.relowner)), coalesce(p.initprivs, acldefault('c', c.relowner))
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
            LEFT JOIN pg_init_privs p ON p.classoid = 'pg_class'::regclass AND p.objoid = c.oid AND p.objsubid = a.attnum
        WHERE a.attacl IS DISTINCT FROM p.initprivs
            AND (c.oid < 16384 OR EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass
                AND e.objid = c.oid AND e.objsubid = 0 AND e.deptype = 'e'))
        UNION ALL SELECT 'function ' || f.oid::regprocedure::text, f.proowner,
            coalesce(f.proacl, acldefault('f', f.proowner)), coalesce(p.initprivs, acldefault('f', f.proowner))
        FROM pg_proc f LEFT JOIN pg_init_privs p ON p.classoid = 'pg_proc'::regclass AND p.objoid = f.oid
        WHERE f.proacl IS DISTINCT FROM p.initprivs AND (f.oid < 16384 OR EXISTS (SELECT FROM pg_depend e
            WHERE e.classid = 'pg_proc'::regclass AND e.objid = f.oid AND e.deptype = 'e'))
        UNION ALL SELECT 'type ' || format_type(t.oid, NULL), t.typowner, coalesce(t.typacl, acldefault('T', t.typowner)),
            coalesce(p.initprivs, acldefault('T', t.typowner))
        FROM pg_type t LEFT JOIN pg_init_privs p ON p.classoid = 'pg_type'::regclass AND p.objoid = t.oid
        WHERE t.typacl IS DISTINCT FROM p.initprivs AND (t.oid < 16384 OR EXISTS (SELECT FROM pg_depend e
            WHERE e.classid = 'pg_type'::regclass AND e.objid = t.oid AND e.deptype = 'e'))
        UNION ALL SELECT 'schema ' || n.nspname, n.nspowner, coalesce(n.nspacl, acldefault('n', n.nspowner)),
            coalesce(p.initprivs, acldefault('n', n.nspowner))
        FROM pg_namespace n LEFT JOIN pg_init_privs p ON p.classoid = 'pg_namespace'::regclass AND p.objoid = n.oid
        WHERE n.nspacl IS DISTINCT FROM p.initprivs AND n.nspname IN ('pg_catalog', 'information_schema')
        UNION ALL SELECT 'language ' || l.lanname, l.lanowner, coalesce(l.lanacl, acldefault('l', l.lanowner)),
            coalesce(p.initprivs, acldefault('l', l.lanowner))
        FROM pg_language l LEFT JOIN pg_init_privs p ON p.classoid = 'pg_language'::regclass AND p.objoid = l.oid
        WHERE l.lanacl IS DISTINCT FROM p.initprivs AND NOT l.lanpltrusted
        UNION ALL SELECT 'foreign-data wrapper ' || w.fdwname, w.fdwowner, coalesce(w.fdwacl, acldefault('F', w.fdwowner)),
            coalesce(p.initprivs, acldefault('F', w.fdwowner))
        FROM pg_foreign_data_wrapper w LEFT JOIN pg_init_privs p
            ON p.classoid = 'pg_foreign_data_wrapper'::regclass AND p.objoid = w.oid
        WHERE w.fdwacl IS DISTINCT FROM p.initprivs AND EXISTS (SELECT FROM pg_depend e
            WHERE e.classid = 'pg_foreign_data_wrapper'::regclass AND e.objid = w.oid AND e.deptype = 'e')),
     g(name, grantee, privilege, grantable, change) AS (
        SELECT * FROM (SELECT o.name, x.grantee, x.privilege_type, x.is_grantable, 'added' FROM o, aclexplode(o.acl) x
            EXCEPT SELECT o.name, x.grantee, x.privilege_type, x.is_grantable, 'added' FROM o, aclexplode(o.base) x) a
        UNION ALL SELECT * FROM (
            SELECT o.name, x.grantee, x.privilege_type, x.is_grantable, 'removed' FROM o, aclexplode(o.base) x
            EXCEPT SELECT o.name, x.grantee, x.privilege_type, x.is_grantable, 'removed' FROM o, aclexplode(o.acl) x) r)
     SELECT NULL, 'changed grants/' || g.name, NULL, 'grant ' || CASE g.grantee WHEN 0 THEN 'PUBLIC'
        ELSE pg_get_userbyid(g.grantee)::text END || ' ' || g.privilege || CASE WHEN g.grantable THEN
        ' with grant option' ELSE '' END, g.change FROM g";

/// Settings of all roles, in all databases or in this one.
pub(super) const EVERY_ROLE: &str = "SELECT NULL, 'every role', NULL, 'setting ' || split_part(s, '=', 1),
        substr(s, strpos(s, '=') + 1) FROM pg_db_role_setting x, unnest(x.setconfig) s
     WHERE x.setdatabase = 0 AND x.setrole = 0";

/// Tablespaces; whether one is there is told by what lies in it.
pub(super) const TABLESPACES: &str = "WITH t AS (SELECT * FROM pg_tablespace WHERE oid >= 16384)
     SELECT NULL, 'tablespace/' || quote_ident(spcname), NULL, 'owner', pg_get_userbyid(spcowner)::text FROM t
     UNION ALL SELECT NULL, 'tablespace/' || quote_ident(spcname), NULL, 'options', array_to_string(spcoptions, ', ')
        FROM t WHERE spcoptions IS NOT NULL
     UNION ALL SELECT NULL, 'tablespace/' || quote_ident(spcname), NULL, 'comment',
        shobj_description(oid, 'pg_tablespace') FROM t WHERE shobj_description(oid, 'pg_tablespace') IS NOT NULL
     UNION ALL SELECT NULL, 'tablespace/' || quote_ident(spcname), NULL, 'grant ' || CASE x.grantee WHEN 0 THEN 'PUBLIC'
        ELSE pg_get_userbyid(x.grantee)::text END || ' ' || x.privilege_type, x.is_grantable::text
        FROM t, aclexplode(t.spcacl) x WHERE x.grantee <> t.spcowner";

/// Rights to set single parameters, from PostgreSQL 15 on.
pub(super) const PARAMETERS: &str = "SELECT NULL, 'parameter/' || p.parname, NULL, 'grant ' || CASE x.grantee WHEN 0
        THEN 'PUBLIC' ELSE pg_get_userbyid(x.grantee)::text END || ' ' || x.privilege_type,
        CASE WHEN bool_or(x.is_grantable) THEN 'with grant option' ELSE 'granted' END
     FROM pg_parameter_acl p, aclexplode(p.paracl) x WHERE x.grantee <> 10 GROUP BY p.parname, x.grantee, x.privilege_type";

/// Whether a role has a password, and how it is stored: (role, attribute, value). The password's hash is not read.
pub(super) const PASSWORDS: &str =
    "SELECT rolname::text, 'logs in with', CASE WHEN rolpassword IS NULL THEN 'nothing stored'
        WHEN rolpassword LIKE 'SCRAM-SHA-256$%' THEN 'scram-sha-256' WHEN rolpassword LIKE 'md5%' THEN 'md5'
        ELSE 'another method' END FROM pg_authid WHERE oid >= 16384";

/// How a membership is used, from PostgreSQL 16 on: (role, attribute, value).
pub(super) const MEMBERSHIPS: &str = "SELECT r.rolname::text, 'membership in ' || g.rolname, concat_ws(', ',
        CASE WHEN bool_or(m.inherit_option) THEN 'inherits its rights' END,
        CASE WHEN bool_or(m.set_option) THEN 'may become it' END)
     FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles r ON r.oid = m.member
     WHERE r.oid >= 16384 GROUP BY r.rolname, g.rolname";
