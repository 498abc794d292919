//! Queries over tables and what belongs to them. Each answers (schema, object, part, attribute, value), all text.
//!
//! Members of extensions are left out: the extension's version stands for them. Objects of the system and temporary ones
//! are left out as well. Constraint kind `n` (NOT NULL as a constraint, new in PostgreSQL 18) is the column's attribute.

/// Database, schemas, relations, columns, constraints, indexes, triggers, rules, statistics.
pub(super) const QUERIES: [&str; 9] = [
    // Locale names are spelt differently by different systems. Which version of a collation the system has says nothing
    // about the data: a logical copy builds its indexes anew.
    "SELECT NULL, NULL, NULL, v.a, v.b FROM pg_database d, LATERAL (VALUES
        ('encoding', pg_encoding_to_char(d.encoding)::text),
        ('collation', replace(lower(d.datcollate), 'utf-8', 'utf8')),
        ('character classes', replace(lower(d.datctype), 'utf-8', 'utf8')),
        ('locale provider', coalesce(to_jsonb(d)->>'datlocprovider', 'c')),
        ('locale', coalesce(to_jsonb(d)->>'datlocale', to_jsonb(d)->>'daticulocale')),
        ('locale rules', to_jsonb(d)->>'daticurules'),
        ('tablespace', (SELECT spcname::text FROM pg_tablespace WHERE oid = d.dattablespace)),
        ('comment', shobj_description(d.oid, 'pg_database'))) v(a, b)
     WHERE d.datname = current_database() AND v.b IS NOT NULL",
    "SELECT n.nspname::text, NULL, NULL, v.a, v.b FROM pg_namespace n, LATERAL (VALUES
        ('kind', 'schema'), ('comment', obj_description(n.oid, 'pg_namespace'))) v(a, b)
     WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND v.b IS NOT NULL",
    // A dump puts columns that were added to a parent later before the child's own: only those have an order of their own.
    "SELECT n.nspname::text, c.relname::text, NULL, v.a, v.b
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, LATERAL (VALUES
        ('kind', CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view'
            WHEN 'm' THEN 'materialised view' ELSE 'foreign table' END),
        ('persistence', CASE c.relpersistence WHEN 'u' THEN 'unlogged' ELSE 'permanent' END),
        ('partition key', CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END),
        ('partition bound', pg_get_expr(c.relpartbound, c.oid)),
        ('parents', (SELECT string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno)
            FROM pg_inherits i WHERE i.inhrelid = c.oid)),
        ('options', (SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(c.reloptions) o)),
        ('toast options', (SELECT string_agg(o, ', ' ORDER BY o) FROM pg_class t, unnest(t.reloptions) o
            WHERE t.oid = c.reltoastrelid)),
        ('access method', (SELECT amname::text FROM pg_am WHERE oid = c.relam)),
        ('tablespace', (SELECT spcname::text FROM pg_tablespace WHERE oid = c.reltablespace)),
        ('replica identity', CASE WHEN c.relkind IN ('r', 'p') THEN c.relreplident::text END),
        ('populated', CASE WHEN c.relkind = 'm' THEN c.relispopulated::text END),
        ('of type', CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) END),
        ('definition', CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END),
        ('foreign server', (SELECT s.srvname || ' ' || coalesce(f.ftoptions::text, '') FROM pg_foreign_table f
            JOIN pg_foreign_server s ON s.oid = f.ftserver WHERE f.ftrelid = c.oid)),
        ('column order', (SELECT string_agg(attname, E'\\x1f' ORDER BY attnum) FROM pg_attribute
            WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
                AND (attinhcount = 0 OR c.relispartition))),
        ('comment', obj_description(c.oid, 'pg_class'))) v(a, b)
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'
        AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND v.b IS NOT NULL
        AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid
            AND e.deptype = 'e')",
    // The default of the statistics target is -1 up to PostgreSQL 16 and null from 17 on. Minor releases from November
    // 2026 on keep a number of their own among the options of a column, under the reserved name pg_attver.
    "SELECT n.nspname::text, c.relname::text, 'column/' || a.attname, v.a, v.b
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_type t ON t.oid = a.atttypid
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum, LATERAL (VALUES
        ('type', format_type(a.atttypid, a.atttypmod)),
        ('not null', a.attnotnull::text),
        ('default', CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END),
        ('generated', CASE WHEN a.attgenerated <> '' THEN a.attgenerated::text || ' ' || pg_get_expr(d.adbin, d.adrelid) END),
        ('identity', nullif(a.attidentity::text, '')),
        ('collation', CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END),
        ('storage', CASE WHEN a.attstorage <> t.typstorage THEN a.attstorage::text END),
        ('compression', nullif(to_jsonb(a)->>'attcompression', '')),
        ('statistics target', nullif(to_jsonb(a)->>'attstattarget', '-1')),
        ('options', (SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(a.attoptions) o WHERE o !~ '^pg_attver=')),
        ('foreign options', a.attfdwoptions::text),
        ('comment', col_description(a.attrelid, a.attnum))) v(a, b)
     WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND v.b IS NOT NULL
        AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid
            AND e.objsubid = 0 AND e.deptype = 'e')",
    // Foreign keys that partitions inherit follow their parent's, under names of the server's own. A foreign key whose internal triggers are off is not
    // enforced, though its definition looks whole.
    "SELECT n.nspname::text, c.relname::text, 'constraint/' || o.conname, v.a, v.b
     FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace,
        LATERAL (VALUES
        ('definition', pg_get_constraintdef(o.oid)),
        ('validated', o.convalidated::text),
        ('deferrable', o.condeferrable::text), ('deferred', o.condeferred::text),
        ('enforced by triggers', (SELECT string_agg(DISTINCT g.tgenabled::text, ', ') FROM pg_trigger g
            WHERE g.tgconstraint = o.oid AND g.tgisinternal)),
        ('comment', obj_description(o.oid, 'pg_constraint'))) v(a, b)
     WHERE o.contype NOT IN ('t', 'n') AND (o.conparentid = 0 OR o.contype IN ('p', 'u', 'x')) AND n.nspname !~ '^pg_'
        AND n.nspname <> 'information_schema' AND v.b IS NOT NULL
        AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid
            AND e.deptype = 'e')",
    // The index behind a constraint is a part of it, so that a missing constraint is told once.
    "SELECT n.nspname::text, c.relname::text,
        coalesce((SELECT 'constraint/' || o.conname || '/index' FROM pg_constraint o
            WHERE o.conindid = i.indexrelid AND o.conrelid = i.indrelid AND o.contype IN ('p', 'u', 'x')),
            'index/' || x.relname), v.a, v.b
     FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class c ON c.oid = i.indrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace, LATERAL (VALUES
        ('definition', pg_get_indexdef(i.indexrelid)),
        ('statistics targets', (SELECT string_agg(a.attnum || ': ' || (to_jsonb(a)->>'attstattarget'), ', '
            ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = x.oid AND to_jsonb(a)->>'attstattarget' <> '-1')),
        ('attached to', (SELECT h.inhparent::regclass::text FROM pg_inherits h WHERE h.inhrelid = x.oid
            AND NOT EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = x.oid AND o.conrelid = c.oid))),
        ('valid', i.indisvalid::text), ('ready', i.indisready::text), ('live', i.indislive::text),
        ('clustered', i.indisclustered::text), ('replica identity', i.indisreplident::text),
        ('tablespace', (SELECT spcname::text FROM pg_tablespace WHERE oid = x.reltablespace)),
        ('comment', obj_description(x.oid, 'pg_class'))) v(a, b)
     WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'
        AND n.nspname <> 'information_schema' AND v.b IS NOT NULL
        AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid
            AND e.deptype = 'e')",
    "SELECT n.nspname::text, c.relname::text, 'trigger/' || g.tgname, v.a, v.b
     FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace,
        LATERAL (VALUES
        ('definition', pg_get_triggerdef(g.oid)), ('enabled', g.tgenabled::text),
        ('comment', obj_description(g.oid, 'pg_trigger'))) v(a, b)
     WHERE NOT g.tgisinternal AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND v.b IS NOT NULL",
    // A view's own rule is its definition.
    "SELECT n.nspname::text, c.relname::text, 'rule/' || r.rulename, v.a, v.b
     FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace,
        LATERAL (VALUES
        ('definition', pg_get_ruledef(r.oid)), ('enabled', r.ev_enabled::text),
        ('comment', obj_description(r.oid, 'pg_rewrite'))) v(a, b)
     WHERE r.rulename <> '_RETURN' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND v.b IS NOT NULL
        AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid
            AND e.deptype = 'e')",
    "SELECT n.nspname::text, c.relname::text, 'statistics/' || s.stxname, v.a, v.b
     FROM pg_statistic_ext s JOIN pg_class c ON c.oid = s.stxrelid JOIN pg_namespace n ON n.oid = c.relnamespace,
        LATERAL (VALUES
        ('definition', pg_get_statisticsobjdef(s.oid)),
        ('target', nullif(to_jsonb(s)->>'stxstattarget', '-1')),
        ('comment', obj_description(s.oid, 'pg_statistic_ext'))) v(a, b)
     WHERE n.nspname !~ '^pg_' AND v.b IS NOT NULL",
];
