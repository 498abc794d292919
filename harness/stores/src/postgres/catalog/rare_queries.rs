//! Queries over the rarer kinds of objects and over labels. Each answers (schema, object, part, attribute, value), all
//! text. Objects made by the server itself have identifiers below 16384; members of extensions are left out.

/// Definitions of what `more_queries` only lists, subscriptions, security labels, inheritance of columns.
pub(super) const QUERIES: [&str; 6] = [
    "SELECT NULL, i.type || '/' || i.identity, NULL, 'details', o.d
     FROM (SELECT 'pg_opclass'::regclass::oid AS c, o.oid, concat_ws(' ', 'for', format_type(opcintype, NULL), 'stored',
            format_type(nullif(opckeytype, 0), NULL), CASE WHEN opcdefault THEN 'default' END, 'family', f.opfname) AS d
            FROM pg_opclass o JOIN pg_opfamily f ON f.oid = o.opcfamily
        UNION ALL SELECT 'pg_conversion'::regclass, oid, concat_ws(' ', pg_encoding_to_char(conforencoding),
            pg_encoding_to_char(contoencoding), conproc::text, CASE WHEN condefault THEN 'default' END) FROM pg_conversion
        UNION ALL SELECT 'pg_language'::regclass, oid, concat_ws(' ', CASE WHEN lanpltrusted THEN 'trusted' END,
            nullif(lanplcallfoid, 0)::regprocedure, nullif(laninline, 0)::regprocedure,
            nullif(lanvalidator, 0)::regprocedure) FROM pg_language
        UNION ALL SELECT 'pg_am'::regclass, oid, concat_ws(' ', amtype, amhandler::text) FROM pg_am
        UNION ALL SELECT 'pg_transform'::regclass, oid, concat_ws(' ', 'from', nullif(trffromsql::oid, 0)::regprocedure, 'to',
            nullif(trftosql::oid, 0)::regprocedure) FROM pg_transform
        UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, oid, concat_ws(' ', 'handler',
            nullif(fdwhandler, 0)::regprocedure, 'validator', nullif(fdwvalidator, 0)::regprocedure)
            FROM pg_foreign_data_wrapper
        UNION ALL SELECT 'pg_foreign_server'::regclass, s.oid, 'wrapper ' || f.fdwname FROM pg_foreign_server s
            JOIN pg_foreign_data_wrapper f ON f.oid = s.srvfdw
        UNION ALL SELECT 'pg_ts_config'::regclass, oid, 'parser ' || (SELECT p.prsname FROM pg_ts_parser p
            WHERE p.oid = cfgparser) FROM pg_ts_config
        UNION ALL SELECT 'pg_ts_dict'::regclass, oid, 'template ' || (SELECT t.tmplname FROM pg_ts_template t
            WHERE t.oid = dicttemplate) FROM pg_ts_dict
        UNION ALL SELECT 'pg_ts_parser'::regclass, oid, concat_ws(' ', prsstart::text, prstoken::text, prsend::text,
            prsheadline::text, prslextype::text) FROM pg_ts_parser
        UNION ALL SELECT 'pg_ts_template'::regclass, oid, concat_ws(' ', tmplinit::text, tmpllexize::text)
            FROM pg_ts_template) o, LATERAL pg_identify_object(o.c, o.oid, 0) i
     WHERE o.d IS NOT NULL AND o.oid >= 16384 AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = o.c
        AND e.objid = o.oid AND e.deptype = 'e')",
    // Where a subscription gets its rows from may hold a password, and only a superuser may read it: left out.
    "SELECT NULL, 'subscription/' || quote_ident(s.subname), NULL, v.a, v.b FROM pg_subscription s, LATERAL (VALUES
        ('kind', 'subscription'), ('enabled', s.subenabled::text), ('publications', array_to_string(s.subpublications, ', ')),
        ('slot', s.subslotname::text), ('synchronous commit', s.subsynccommit), ('binary', s.subbinary::text),
        ('comment', obj_description(s.oid, 'pg_subscription'))) v(a, b)
     WHERE s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND v.b IS NOT NULL",
    "SELECT NULL, 'security label/' || l.objtype || '/' || CASE l.objtype WHEN 'database' THEN 'this database'
        ELSE l.objname END, NULL, v.a, v.b FROM pg_seclabels l, LATERAL (VALUES
        ('kind', 'security label'), ('label by ' || l.provider, l.label)) v(a, b)
     WHERE l.objtype <> 'database' OR l.objname = quote_ident(current_database())",
    // A column or check that is inherited alone goes with its parent; one that is also the table's own stays.
    "SELECT n.nspname::text, c.relname::text, 'column/' || a.attname, 'inherited', a.attinhcount || ' times' ||
        CASE WHEN a.attislocal THEN ', and of its own' ELSE '' END
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attinhcount > 0 AND NOT c.relispartition
        AND c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'
        AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid
            AND e.objsubid = 0 AND e.deptype = 'e')
     UNION ALL SELECT n.nspname::text, c.relname::text, 'constraint/' || o.conname, 'inherited', o.coninhcount || ' times'
        || CASE WHEN o.conislocal THEN ', and of its own' ELSE '' END
     FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE o.contype = 'c' AND o.coninhcount > 0 AND NOT c.relispartition AND n.nspname !~ '^pg_'
        AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid
            AND e.deptype = 'e')",
    "SELECT n.nspname::text, t.typname::text, NULL, v.a, v.b
     FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_range r ON r.rngtypid = t.oid,
        LATERAL (VALUES ('multirange', (SELECT m.typname::text FROM pg_type m WHERE m.oid = r.rngmultitypid)),
        ('representation', CASE WHEN t.typtype = 'b' THEN concat_ws(' ', t.typlen, t.typalign, t.typstorage, t.typbyval,
            t.typcategory, t.typispreferred, t.typdelim, t.typreceive::text, t.typsend::text, t.typmodin::text,
            t.typmodout::text, t.typanalyze::text, t.typsubscript::text) END)) v(a, b)
     WHERE t.typtype IN ('r', 'b') AND v.b IS NOT NULL AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND NOT EXISTS (SELECT FROM pg_type y WHERE y.typarray = t.oid)
        AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_type'::regclass AND e.objid = t.oid
            AND e.deptype = 'e')",
    // Functions, triggers and the like that ALTER … DEPENDS ON EXTENSION ties to an extension go with it.
    "SELECT NULL, i.type || '/' || i.identity, NULL, 'depends on extension ' || x.extname, 'yes'
     FROM pg_depend d JOIN pg_extension x ON x.oid = d.refobjid, LATERAL pg_identify_object(d.classid, d.objid, 0) i
     WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'x'",
];

/// Collations that an index relies on and whose version is another one now than when it was recorded:
/// (name, recorded, actual, number of indexes).
pub(super) const COLLATIONS: &str = "SELECT x.name, x.recorded, x.actual, count(*)::text
     FROM (SELECT c.oid, c.oid::regcollation::text AS name, c.collversion AS recorded,
            pg_collation_actual_version(c.oid) AS actual FROM pg_collation c WHERE c.collversion IS NOT NULL) x
        JOIN pg_index i ON x.oid = ANY (i.indcollation::oid[])
     WHERE x.recorded <> x.actual GROUP BY 1, 2, 3";

/// The same for the database's own collation, whose version is recorded from PostgreSQL 15 on.
pub(super) const DATABASE_COLLATION: &str =
    "SELECT 'of the database', d.datcollversion, pg_database_collation_actual_version(d.oid), count(*)::text
     FROM pg_database d CROSS JOIN pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE d.datname = current_database() AND 100 = ANY (i.indcollation::oid[]) AND i.indexrelid >= 16384
        AND d.datcollversion <> pg_database_collation_actual_version(d.oid) GROUP BY 1, 2, 3";

/// Tables with rows that the planner has statistics of: (schema, table, whether it has, whether this role may know).
pub(super) const STATISTICS: &str =
    "SELECT n.nspname::text, c.relname::text, (s.tablename IS NOT NULL)::text,
        (has_table_privilege(c.oid, 'SELECT') AND NOT row_security_active(c.oid))::text
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN (SELECT DISTINCT schemaname, tablename FROM pg_stats) s
            ON s.schemaname = n.nspname AND s.tablename = c.relname
     WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'
        AND n.nspname <> 'information_schema' AND has_schema_privilege(n.oid, 'USAGE')";
