//! Queries over what does not belong to a table. Each answers (schema, object, part, attribute, value), all text.

/// Extensions, types, functions, event triggers and the rarer kinds.
pub(super) const QUERIES: [&str; 14] = [
    "SELECT NULL, 'extension/' || x.extname, NULL, v.a, v.b
     FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace, LATERAL (VALUES
        ('version', x.extversion), ('schema', n.nspname::text),
        ('comment', obj_description(x.oid, 'pg_extension'))) v(a, b) WHERE v.b IS NOT NULL",
    "SELECT n.nspname::text, t.typname::text, NULL, v.a, v.b
     FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_range r ON r.rngtypid = t.oid,
        LATERAL (VALUES
        ('kind', CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range'
            WHEN 'c' THEN 'composite type' ELSE 'base type' END),
        ('labels', (SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder) FROM pg_enum
            WHERE enumtypid = t.oid)),
        ('attributes', CASE WHEN t.typtype = 'c' THEN (SELECT string_agg(quote_ident(attname) || ' ' ||
            format_type(atttypid, atttypmod) || CASE WHEN attcollation <> 0 AND attcollation <> 100
            THEN ' ' || attcollation::regcollation::text ELSE '' END, ', ' ORDER BY attnum) FROM pg_attribute
            WHERE attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped) END),
        ('base type', CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END),
        ('not null', CASE WHEN t.typtype = 'd' THEN t.typnotnull::text END),
        ('default', t.typdefault),
        ('collation', CASE WHEN t.typtype = 'd' AND t.typcollation <> 0 THEN t.typcollation::regcollation::text END),
        ('subtype', CASE WHEN r.rngsubtype IS NOT NULL THEN format_type(r.rngsubtype, NULL) || ' ' ||
            (SELECT opcname FROM pg_opclass WHERE oid = r.rngsubopc) || ' ' || r.rngcanonical::text || ' ' ||
            r.rngsubdiff::text END),
        ('input', CASE WHEN t.typtype = 'b' THEN t.typinput::text || ' ' || t.typoutput::text END),
        ('comment', obj_description(t.oid, 'pg_type'))) v(a, b)
     WHERE t.typtype IN ('e', 'd', 'r', 'c', 'b') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND NOT EXISTS (SELECT FROM pg_type y WHERE y.typarray = t.oid)
        AND (t.typrelid = 0 OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
        AND v.b IS NOT NULL
        AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_type'::regclass AND e.objid = t.oid
            AND e.deptype = 'e')",
    "SELECT n.nspname::text, t.typname::text, 'constraint/' || o.conname, v.a, v.b
     FROM pg_constraint o JOIN pg_type t ON t.oid = o.contypid JOIN pg_namespace n ON n.oid = t.typnamespace,
        LATERAL (VALUES ('definition', pg_get_constraintdef(o.oid)), ('validated', o.convalidated::text),
        ('comment', obj_description(o.oid, 'pg_constraint'))) v(a, b)
     WHERE o.contype <> 'n' AND v.b IS NOT NULL AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_type'::regclass AND e.objid = t.oid
            AND e.deptype = 'e')",
    // An aggregate has no definition text of its own.
    "SELECT n.nspname::text, p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', NULL, v.a, v.b
     FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace LEFT JOIN pg_aggregate g ON g.aggfnoid = p.oid,
        LATERAL (VALUES
        ('kind', CASE p.prokind WHEN 'f' THEN 'function' WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate'
            ELSE 'window function' END),
        ('definition', CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END),
        ('aggregate', CASE WHEN p.prokind = 'a' THEN concat_ws(' ', g.aggtransfn::text,
            format_type(g.aggtranstype, NULL), g.aggfinalfn::text, g.aggcombinefn::text, g.aggserialfn::text,
            g.aggmtransfn::text, g.aggminvtransfn::text, g.aggmfinalfn::text, g.aggkind, g.aggnumdirectargs,
            g.aggfinalextra, g.aggfinalmodify, quote_nullable(g.agginitval), quote_nullable(g.aggminitval),
            nullif(g.aggsortop, 0)::regoperator, p.proparallel, pg_get_function_result(p.oid)) END),
        ('comment', obj_description(p.oid, 'pg_proc'))) v(a, b)
     WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND v.b IS NOT NULL
        AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid
            AND e.deptype = 'e')",
    "SELECT NULL, 'event-trigger/' || t.evtname, NULL, v.a, v.b FROM pg_event_trigger t, LATERAL (VALUES
        ('event', t.evtevent::text), ('function', t.evtfoid::regproc::text), ('enabled', t.evtenabled::text),
        ('tags', t.evttags::text), ('comment', obj_description(t.oid, 'pg_event_trigger'))) v(a, b)
     WHERE v.b IS NOT NULL",
    // The rarer kinds: that they exist, under the name the server itself gives them.
    "SELECT NULL, i.type || '/' || i.identity, NULL, 'kind', i.type
     FROM (SELECT 'pg_operator'::regclass::oid AS c, oid FROM pg_operator
        UNION ALL SELECT 'pg_opclass'::regclass, oid FROM pg_opclass
        UNION ALL SELECT 'pg_opfamily'::regclass, oid FROM pg_opfamily
        UNION ALL SELECT 'pg_cast'::regclass, oid FROM pg_cast
        UNION ALL SELECT 'pg_conversion'::regclass, oid FROM pg_conversion
        UNION ALL SELECT 'pg_collation'::regclass, oid FROM pg_collation
        UNION ALL SELECT 'pg_ts_config'::regclass, oid FROM pg_ts_config
        UNION ALL SELECT 'pg_ts_dict'::regclass, oid FROM pg_ts_dict
        UNION ALL SELECT 'pg_ts_parser'::regclass, oid FROM pg_ts_parser
        UNION ALL SELECT 'pg_ts_template'::regclass, oid FROM pg_ts_template
        UNION ALL SELECT 'pg_language'::regclass, oid FROM pg_language
        UNION ALL SELECT 'pg_am'::regclass, oid FROM pg_am
        UNION ALL SELECT 'pg_transform'::regclass, oid FROM pg_transform
        UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, oid FROM pg_foreign_data_wrapper
        UNION ALL SELECT 'pg_foreign_server'::regclass, oid FROM pg_foreign_server
        UNION ALL SELECT 'pg_publication'::regclass, oid FROM pg_publication
        UNION ALL SELECT 'pg_publication_rel'::regclass, oid FROM pg_publication_rel) o,
        LATERAL pg_identify_object(o.c, o.oid, 0) i
     WHERE o.oid >= 16384 AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = o.c AND e.objid = o.oid
        AND e.deptype = 'e')",
    // What those of them do that carry settings. Column names differ between majors: read as JSON, object identifiers
    // left out.
    "SELECT NULL, i.type || '/' || i.identity, NULL, 'definition', o.d
     FROM (SELECT 'pg_operator'::regclass::oid AS c, oid, concat_ws(' ', oprcode::text, oprcanmerge, oprcanhash,
            nullif(oprcom, 0)::regoperator, nullif(oprnegate, 0)::regoperator, oprrest::text, oprjoin::text) AS d
            FROM pg_operator
        UNION ALL SELECT 'pg_cast'::regclass, oid, concat_ws(' ', nullif(castfunc, 0)::regprocedure, castcontext,
            castmethod) FROM pg_cast
        UNION ALL SELECT 'pg_collation'::regclass, c.oid, concat_ws(' ', collprovider, collisdeterministic, collcollate,
            collctype, coalesce(to_jsonb(c)->>'colllocale', to_jsonb(c)->>'colliculocale'), to_jsonb(c)->>'collicurules')
            FROM pg_collation c
        UNION ALL SELECT 'pg_ts_config'::regclass, c.oid, (SELECT string_agg(m.maptokentype || ':' ||
            m.mapdict::regdictionary::text, ', ' ORDER BY m.maptokentype, m.mapseqno) FROM pg_ts_config_map m
            WHERE m.mapcfg = c.oid) FROM pg_ts_config c
        UNION ALL SELECT 'pg_ts_dict'::regclass, oid, dictinitoption FROM pg_ts_dict
        UNION ALL SELECT 'pg_publication'::regclass, p.oid, concat_ws(' ', puballtables, pubinsert, pubupdate, pubdelete,
            pubtruncate, CASE WHEN pubviaroot THEN 'via partition root' END) FROM pg_publication p
        UNION ALL SELECT 'pg_publication_rel'::regclass, r.oid, concat_ws(' ', 'columns ' || (SELECT
            string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = r.prrelid
            AND to_jsonb(r)->'prattrs' @> to_jsonb(a.attnum)),
            'where ' || (SELECT to_jsonb(t)->>'rowfilter' FROM pg_publication_tables t, pg_publication u, pg_class c,
            pg_namespace n WHERE u.oid = r.prpubid AND c.oid = r.prrelid AND n.oid = c.relnamespace AND t.pubname = u.pubname AND t.tablename = c.relname
            AND t.schemaname = n.nspname)) FROM pg_publication_rel r
        UNION ALL SELECT 'pg_foreign_server'::regclass, oid, concat_ws(' ', srvtype, srvversion) FROM pg_foreign_server
        ) o, LATERAL pg_identify_object(o.c, o.oid, 0) i
     WHERE o.d IS NOT NULL AND o.oid >= 16384 AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = o.c
        AND e.objid = o.oid AND e.deptype = 'e')",
    // Schemas of publications are known from PostgreSQL 15 on.
    "SELECT DISTINCT NULL, i.type || '/' || i.identity, NULL, 'kind', i.type
     FROM pg_depend d JOIN pg_class c ON c.oid = d.classid, LATERAL pg_identify_object(d.classid, d.objid, 0) i
     WHERE c.relname = 'pg_publication_namespace' AND c.relnamespace = 'pg_catalog'::regnamespace",
    // Options one by one: those whose names say so are masked where they are shown.
    "SELECT NULL, i.type || '/' || i.identity, NULL, 'option ' || x.option_name, x.option_value
     FROM (SELECT 'pg_foreign_data_wrapper'::regclass::oid AS c, oid, fdwoptions AS options FROM pg_foreign_data_wrapper
        UNION ALL SELECT 'pg_foreign_server'::regclass, oid, srvoptions FROM pg_foreign_server) o,
        LATERAL pg_identify_object(o.c, o.oid, 0) i, LATERAL pg_options_to_table(o.options) x",
    "SELECT NULL, 'user mapping/' || s.srvname || '/' || coalesce(r.rolname, 'PUBLIC'), NULL, 'option ' || x.option_name,
        x.option_value FROM pg_user_mappings m JOIN pg_foreign_server s ON s.oid = m.srvid
        LEFT JOIN pg_roles r ON r.oid = m.umuser, LATERAL pg_options_to_table(m.umoptions) x",
    "SELECT NULL, i.type || '/' || i.identity, NULL, 'comment', d.description
     FROM pg_description d, LATERAL pg_identify_object(d.classoid, d.objoid, 0) i
     WHERE d.objoid >= 16384 AND d.objsubid = 0 AND d.classoid IN ('pg_operator'::regclass, 'pg_opclass'::regclass,
        'pg_opfamily'::regclass, 'pg_cast'::regclass, 'pg_conversion'::regclass, 'pg_collation'::regclass,
        'pg_ts_config'::regclass, 'pg_ts_dict'::regclass, 'pg_ts_parser'::regclass, 'pg_ts_template'::regclass,
        'pg_language'::regclass, 'pg_am'::regclass, 'pg_transform'::regclass, 'pg_foreign_data_wrapper'::regclass,
        'pg_foreign_server'::regclass, 'pg_publication'::regclass) AND NOT EXISTS (SELECT FROM pg_depend e
        WHERE e.classid = d.classoid AND e.objid = d.objoid AND e.deptype = 'e')",
    "SELECT n.nspname::text, c.relname::text, NULL, 'comment on ' || a.attname, d.description
     FROM pg_description d JOIN pg_class c ON c.oid = d.objoid JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid
     WHERE d.classoid = 'pg_class'::regclass AND d.objsubid > 0 AND c.relkind = 'c' AND n.nspname !~ '^pg_'
        AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_type'::regclass AND e.objid = c.reltype
            AND e.deptype = 'e')",
    // What belongs to an operator family: strategies and support functions.
    "SELECT NULL, i.type || '/' || i.identity, NULL, m.what, 'member' FROM (
        SELECT amopfamily AS family, 'operator ' || amopstrategy || ' ' || amopopr::regoperator ||
            CASE amoppurpose WHEN 'o' THEN ' for ordering' ELSE '' END AS what FROM pg_amop
        UNION ALL SELECT amprocfamily, 'function ' || amprocnum || ' (' || format_type(amproclefttype, NULL) || ', ' ||
            format_type(amprocrighttype, NULL) || ') ' || amproc::regprocedure FROM pg_amproc) m,
        LATERAL pg_identify_object('pg_opfamily'::regclass, m.family, 0) i
     WHERE m.family >= 16384 AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_opfamily'::regclass
        AND e.objid = m.family AND e.deptype = 'e')",
    "SELECT NULL, 'user mapping/' || s.srvname || '/' || coalesce(r.rolname, 'PUBLIC'), NULL, 'kind', 'user mapping'
     FROM pg_user_mappings m JOIN pg_foreign_server s ON s.oid = m.srvid LEFT JOIN pg_roles r ON r.oid = m.umuser",
];
