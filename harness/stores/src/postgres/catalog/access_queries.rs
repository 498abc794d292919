//! Queries over owners, grants, row security and roles. Each answers (schema, object, part, attribute, value), all text.
//!
//! A null access list stands for the built-in defaults: it is expanded, so that both ways of saying the same are equal.
//! The owner's own privileges are listed under the word `owner`, so that another owner is one difference, not eight.

/// Expands objects (schema, object, part, owner, acl) into owner and grants.
pub(super) fn expand(objects: &str) -> String {
    format!(
        "WITH o(schema, object, part, owner, acl) AS ({objects})
         SELECT schema, object, part, 'owner', pg_get_userbyid(owner)::text FROM o
         UNION ALL
         SELECT schema, object, part, 'grant ' || CASE x.grantee WHEN 0 THEN 'PUBLIC' WHEN o.owner THEN 'owner'
                ELSE pg_get_userbyid(x.grantee)::text END || ' ' || x.privilege_type,
            CASE WHEN bool_or(x.is_grantable) AND x.grantee <> o.owner THEN 'with grant option' ELSE 'granted' END
         FROM o, LATERAL aclexplode(o.acl) x GROUP BY schema, object, part, o.owner, x.grantee, x.privilege_type"
    )
}

/// Objects with an owner and an access list. Members of extensions count only where somebody changed what the extension
/// set: see `server_queries`.
pub(super) const OBJECTS: [&str; 9] = [
    "SELECT NULL::text, NULL::text, NULL::text, datdba, coalesce(datacl, acldefault('d', datdba)) FROM pg_database
     WHERE datname = current_database()",
    "SELECT nspname::text, NULL::text, NULL::text, nspowner, coalesce(nspacl, acldefault('n', nspowner))
     FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'",
    "SELECT n.nspname::text, c.relname::text, NULL::text, c.relowner,
        coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::\"char\", c.relowner))
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'
        AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid =
            'pg_class'::regclass AND e.objid = c.oid AND e.objsubid = 0 AND e.deptype = 'e')",
    "SELECT n.nspname::text, p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', NULL::text,
        p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
     FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT FROM pg_depend e
        WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')",
    "SELECT n.nspname::text, t.typname::text, NULL::text, t.typowner, coalesce(t.typacl, acldefault('T', t.typowner))
     FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
     WHERE t.typtype IN ('e', 'd', 'r', 'c', 'b') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND NOT EXISTS (SELECT FROM pg_type y WHERE y.typarray = t.oid)
        AND (t.typrelid = 0 OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
        AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_type'::regclass AND e.objid = t.oid
            AND e.deptype = 'e')",
    "SELECT NULL::text, 'language/' || lanname, NULL::text, lanowner, coalesce(lanacl, acldefault('l', lanowner))
     FROM pg_language WHERE lanpltrusted",
    "SELECT NULL::text, 'foreign-data wrapper/' || quote_ident(fdwname), NULL::text, fdwowner,
        coalesce(fdwacl, acldefault('F', fdwowner)) FROM pg_foreign_data_wrapper f
     WHERE NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_foreign_data_wrapper'::regclass
        AND e.objid = f.oid AND e.deptype = 'e')
     UNION ALL SELECT NULL, 'server/' || quote_ident(srvname), NULL, srvowner,
        coalesce(srvacl, acldefault('S', srvowner)) FROM pg_foreign_server",
    "SELECT NULL::text, i.type || '/' || i.identity, NULL::text, o.owner, NULL::aclitem[]
     FROM (SELECT 'pg_operator'::regclass::oid AS c, oid, oprowner AS owner FROM pg_operator
        UNION ALL SELECT 'pg_opclass'::regclass, oid, opcowner FROM pg_opclass
        UNION ALL SELECT 'pg_opfamily'::regclass, oid, opfowner FROM pg_opfamily
        UNION ALL SELECT 'pg_conversion'::regclass, oid, conowner FROM pg_conversion
        UNION ALL SELECT 'pg_collation'::regclass, oid, collowner FROM pg_collation
        UNION ALL SELECT 'pg_ts_config'::regclass, oid, cfgowner FROM pg_ts_config
        UNION ALL SELECT 'pg_ts_dict'::regclass, oid, dictowner FROM pg_ts_dict
        UNION ALL SELECT 'pg_statistic_ext'::regclass, oid, stxowner FROM pg_statistic_ext) o,
        LATERAL pg_identify_object(o.c, o.oid, 0) i
     WHERE o.oid >= 16384 AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = o.c AND e.objid = o.oid
        AND e.deptype = 'e')",
    "SELECT NULL::text, 'event-trigger/' || evtname, NULL::text, evtowner, NULL::aclitem[] FROM pg_event_trigger
     UNION ALL SELECT NULL, 'publication/' || quote_ident(pubname), NULL, pubowner, NULL FROM pg_publication
     UNION ALL SELECT NULL, 'subscription/' || quote_ident(subname), NULL, subowner, NULL FROM pg_subscription
        WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
];

/// Attributes of objects that exist on their own account: their absence on one side is told by another check.
pub(super) const ATTRIBUTES: [&str; 3] = [
    "SELECT n.nspname::text, c.relname::text, NULL, 'grant ' || CASE x.grantee WHEN 0 THEN 'PUBLIC'
        WHEN c.relowner THEN 'owner' ELSE pg_get_userbyid(x.grantee)::text END || ' ' || x.privilege_type ||
        ' on column ' || a.attname, CASE WHEN bool_or(x.is_grantable) THEN 'with grant option' ELSE 'granted' END
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace,
        LATERAL aclexplode(a.attacl) x
     WHERE NOT a.attisdropped AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT FROM
        pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.objsubid = 0 AND e.deptype = 'e')
     GROUP BY 1, 2, x.grantee, c.relowner, x.privilege_type, a.attname",
    "SELECT n.nspname::text, c.relname::text, NULL, v.a, v.b
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, LATERAL (VALUES
        ('row security', CASE WHEN c.relrowsecurity THEN 'enabled' END),
        ('row security for the owner', CASE WHEN c.relforcerowsecurity THEN 'forced' END)) v(a, b)
     WHERE c.relkind IN ('r', 'p') AND v.b IS NOT NULL AND n.nspname !~ '^pg_'",
    "SELECT NULL, NULL, NULL, v.a, v.b FROM pg_database d, LATERAL (VALUES
        ('connections allowed', d.datallowconn::text), ('connection limit', d.datconnlimit::text),
        ('template', d.datistemplate::text)) v(a, b) WHERE d.datname = current_database()
     UNION ALL
     SELECT NULL, NULL, NULL, 'setting ' || split_part(s, '=', 1) || coalesce(' for ' || r.rolname, ''),
        substr(s, strpos(s, '=') + 1)
     FROM pg_db_role_setting x JOIN pg_database d ON d.oid = x.setdatabase AND d.datname = current_database()
        LEFT JOIN pg_roles r ON r.oid = x.setrole, unnest(x.setconfig) s",
];

/// Objects that exist for the sake of access alone: policies and default privileges.
pub(super) const OWN: [&str; 2] = [
    "SELECT n.nspname::text, c.relname::text, 'policy/' || p.polname, v.a, v.b
     FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace,
        LATERAL (VALUES
        ('command', p.polcmd::text), ('permissive', p.polpermissive::text),
        ('roles', (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(r)::text END, ', '
            ORDER BY CASE r WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(r)::text END) FROM unnest(p.polroles) r)),
        ('using', pg_get_expr(p.polqual, p.polrelid)), ('with check', pg_get_expr(p.polwithcheck, p.polrelid)),
        ('comment', obj_description(p.oid, 'pg_policy'))) v(a, b) WHERE v.b IS NOT NULL",
    "SELECT NULL, 'default-privileges/' || pg_get_userbyid(d.defaclrole) || coalesce('/' || n.nspname, '') || '/' ||
        CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
        WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE d.defaclobjtype::text END, NULL, v.a, v.b
     FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace, LATERAL (
        SELECT 'kind' AS a, 'default privileges' AS b
        UNION ALL SELECT 'grant ' || CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(x.grantee)::text END ||
            ' ' || x.privilege_type, CASE WHEN x.is_grantable THEN 'with grant option' ELSE 'granted' END
        FROM aclexplode(d.defaclacl) x) v",
];

/// Roles with attributes and memberships. The superuser made with the server and predefined roles are its own affair.
pub(super) const ROLES: &str = "SELECT NULL, r.rolname::text, NULL, v.a, v.b FROM pg_roles r, LATERAL (
        VALUES ('superuser', r.rolsuper::text), ('inherits', r.rolinherit::text),
        ('may create roles', r.rolcreaterole::text), ('may create databases', r.rolcreatedb::text),
        ('may log in', r.rolcanlogin::text), ('may replicate', r.rolreplication::text),
        ('bypasses row security', r.rolbypassrls::text), ('connection limit', r.rolconnlimit::text),
        ('valid until', r.rolvaliduntil::text), ('comment', shobj_description(r.oid, 'pg_authid'))
        UNION ALL SELECT 'member of ' || g.rolname,
            CASE WHEN bool_or(m.admin_option) THEN 'with admin option' ELSE 'member' END
        FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid GROUP BY g.rolname
        UNION ALL SELECT 'setting ' || split_part(s, '=', 1), substr(s, strpos(s, '=') + 1)
        FROM pg_db_role_setting x, unnest(x.setconfig) s WHERE x.setdatabase = 0 AND x.setrole = r.oid) v(a, b)
     WHERE r.oid >= 16384 AND v.b IS NOT NULL";

/// Roles that this database's owners, grants and policies name, with the roles they belong to and their members.
pub(super) const REFERENCED: &str = "WITH RECURSIVE named(oid) AS (
        SELECT refobjid FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND (dbid = (SELECT oid FROM
            pg_database WHERE datname = current_database()) OR (dbid = 0 AND classid = 'pg_database'::regclass
            AND objid = (SELECT oid FROM pg_database WHERE datname = current_database())))
        UNION SELECT setrole FROM pg_db_role_setting WHERE setrole <> 0 AND setdatabase = (SELECT oid FROM pg_database
            WHERE datname = current_database())),
     around(oid) AS (SELECT oid FROM named
        UNION SELECT CASE WHEN m.member = a.oid THEN m.roleid ELSE m.member END FROM around a
            JOIN pg_auth_members m ON (m.member = a.oid OR m.roleid = a.oid)
            WHERE m.member >= 16384 AND m.roleid >= 16384)
     SELECT r.rolname::text FROM pg_roles r JOIN around a ON a.oid = r.oid WHERE r.oid >= 16384";
