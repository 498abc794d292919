//! Definitions of PostgreSQL: every kind of object, and sequences with where they stand.

mod world;

pub use world::World;

use crate::dice::Dice;
use crate::family::{Family, Variant};
use crate::shapes::{Place, Section, To, rebuilt};
use drydock_core::names::checks;
use drydock_core::{Class, Finding};
use drydock_parity::shape::{Nesting, Shape, finding};

/// The family of schemas and sequences.
#[derive(Debug, Clone, Copy)]
pub struct Schemas;

impl Family for Schemas {
    type World = World;
    const NAME: &'static str = "schemas";

    fn source(dice: &mut Dice) -> World {
        World::generated(dice)
    }

    fn rewritten(source: &World, dice: &mut Dice) -> World {
        World { schema: rebuilt(&source.schema, dice), sequences: rebuilt(&source.sequences, dice) }
    }

    fn variants() -> Vec<Variant<World>> {
        [columns(), tables(), parts(), code(), sequences()].into_iter().flatten().collect()
    }

    fn compare(source: &World, target: &World, _: &mut Dice) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (object, difference) in Shape::compare(&source.schema, &target.schema, Nesting::DotAndSlash) {
            findings.push(finding(checks::PG_SCHEMA, Class::Data, "object", &object, &difference));
        }
        for (object, difference) in Shape::compare(&source.sequences, &target.sequences, Nesting::DotAndSlash)
        {
            findings.push(finding(checks::PG_SEQUENCES, Class::Data, "sequence", &object, &difference));
        }
        findings
    }
}

const SCHEMA: Section<World> = Section { check: checks::PG_SCHEMA, shape: |world| &mut world.schema };
const SEQUENCES: Section<World> =
    Section { check: checks::PG_SEQUENCES, shape: |world| &mut world.sequences };

fn columns() -> Vec<Variant<World>> {
    const COLUMN: Place = Place::Part("/column/");
    let changed = |title: &str, attribute, to| SCHEMA.changed(title, COLUMN, attribute, to);
    vec![
        changed("column narrowed", "type", To::Value("character varying(36)")),
        changed("column of another type", "type", To::Value("json")),
        changed("time column without zone", "type", To::Value("timestamp without time zone")),
        changed("numeric with another scale", "type", To::Value("numeric(10,1)")),
        changed("NOT NULL lost", "not null", To::Value("false")),
        changed("NOT NULL added", "not null", To::Value("true")),
        changed("default lost", "default", To::Unset),
        changed("default changed", "default", To::Value("'CHANGED'::text")),
        changed("identity lost", "identity", To::Unset),
        changed("identity by default instead of always", "identity", To::Value("d")),
        changed("generated column made plain", "generated", To::Unset),
        changed("expression of a generated column changed", "generated", To::Value("s (upper(name))")),
        changed("collation of a column changed", "collation", To::Value("pg_catalog.\"C\"")),
        changed("storage of a column changed", "storage", To::Value("e")),
        changed("compression of a column changed", "compression", To::Value("l")),
        changed("statistics target of a column lost", "statistics target", To::Unset),
        changed("options of a column changed", "options", To::Value("{n_distinct=1}")),
        changed("comment of a column lost", "comment", To::Unset),
        SCHEMA.lost("column lost", COLUMN),
        SCHEMA.extra("column too much", "keycloak.public.user_entity/column/left_over"),
        SCHEMA.renamed("column renamed", COLUMN),
    ]
}

fn tables() -> Vec<Variant<World>> {
    const TABLE: Place = Place::Kind("table");
    let changed = |title: &str, attribute, to| SCHEMA.changed(title, TABLE, attribute, to);
    vec![
        SCHEMA.lost("table lost", TABLE),
        SCHEMA.extra("table too much", "keycloak.public.left_over"),
        SCHEMA.renamed("view renamed", Place::Kind("view")),
        changed("table unlogged", "persistence", To::Value("unlogged")),
        changed("options of a table lost", "options", To::Unset),
        changed("toast options of a table changed", "toast options", To::Value("autovacuum_enabled=false")),
        changed("access method of a table changed", "access method", To::Value("columnar")),
        changed("tablespace of a table changed", "tablespace", To::Value("fast")),
        changed("replica identity changed", "replica identity", To::Value("f")),
        changed("columns in another order", "column order", To::Value("name, id")),
        changed("comment of a table lost", "comment", To::Unset),
        changed("parents of a table lost", "parents", To::Unset),
        changed("partition bound changed", "partition bound", To::Value("DEFAULT")),
        changed("table become a partitioned one", "kind", To::Value("partitioned table")),
        SCHEMA.changed(
            "partition key changed",
            Place::Kind("partitioned table"),
            "partition key",
            To::Value("HASH (id)"),
        ),
        SCHEMA.lost("schema lost", Place::Kind("schema")),
        SCHEMA.extra("schema too much", "keycloak.scratch"),
        SCHEMA.changed("comment of a schema lost", Place::Kind("schema"), "comment", To::Unset),
        SCHEMA.changed(
            "encoding of the database changed",
            Place::Path("keycloak"),
            "encoding",
            To::Value("SQL_ASCII"),
        ),
        SCHEMA.changed(
            "collation of the database changed",
            Place::Path("keycloak"),
            "collation",
            To::Value("c"),
        ),
        SCHEMA.changed(
            "character classes of the database changed",
            Place::Path("keycloak"),
            "character classes",
            To::Value("c"),
        ),
        SCHEMA.changed("locale provider changed", Place::Path("keycloak"), "locale provider", To::Value("i")),
        SCHEMA.changed("comment of the database lost", Place::Path("keycloak"), "comment", To::Unset),
    ]
}

fn parts() -> Vec<Variant<World>> {
    const CONSTRAINT: Place = Place::Part("/constraint/");
    const INDEX: Place = Place::Part("/index/");
    const TRIGGER: Place = Place::Part("/trigger/");
    let constraint = |title: &str, attribute, to| SCHEMA.changed(title, CONSTRAINT, attribute, to);
    let index = |title: &str, attribute, to| SCHEMA.changed(title, INDEX, attribute, to);
    vec![
        SCHEMA.lost("constraint lost", CONSTRAINT),
        constraint("constraint defined otherwise", "definition", To::Value("CHECK (true)")),
        constraint("constraint not validated", "validated", To::Value("false")),
        constraint("constraint deferrable", "deferrable", To::Value("true")),
        constraint("constraint deferred", "deferred", To::Value("true")),
        constraint("foreign key not enforced", "enforced by triggers", To::Value("D")),
        constraint("comment of a constraint too much", "comment", To::Value("new")),
        SCHEMA.lost("index lost", INDEX),
        SCHEMA.extra("index too much", "keycloak.public.user_entity/index/left_over"),
        SCHEMA.renamed("index renamed", INDEX),
        index("index over other columns", "definition", To::Value("CREATE INDEX i ON t USING btree (other)")),
        index("index invalid", "valid", To::Value("false")),
        index("index not ready", "ready", To::Value("false")),
        index("index not live", "live", To::Value("false")),
        index("table clustered by an index", "clustered", To::Value("true")),
        index("index become the replica identity", "replica identity", To::Value("true")),
        index("index not attached to its parent", "attached to", To::Unset),
        index("tablespace of an index changed", "tablespace", To::Value("fast")),
        SCHEMA.lost("trigger lost", TRIGGER),
        SCHEMA.changed("trigger disabled", TRIGGER, "enabled", To::Value("D")),
        SCHEMA.changed(
            "trigger at another moment",
            TRIGGER,
            "definition",
            To::Value("CREATE TRIGGER t AFTER DELETE"),
        ),
        SCHEMA.lost("rule lost", Place::Part("/rule/")),
        SCHEMA.changed("rule disabled", Place::Part("/rule/"), "enabled", To::Value("D")),
        SCHEMA.lost("extended statistics lost", Place::Part("/statistics/")),
    ]
}

fn code() -> Vec<Variant<World>> {
    const FUNCTION: Place = Place::Kind("function");
    const ENUM: Place = Place::Kind("enum");
    const DOMAIN: Place = Place::Kind("domain");
    const EXTENSION: Place = Place::Part("/extension/");
    vec![
        SCHEMA.lost("view lost", Place::Kind("view")),
        SCHEMA.changed("view over other rows", Place::Kind("view"), "definition", To::Value(" SELECT 1;")),
        SCHEMA.changed(
            "materialised view without contents",
            Place::Kind("materialised view"),
            "populated",
            To::Value("false"),
        ),
        SCHEMA.lost("function lost", FUNCTION),
        SCHEMA.changed(
            "body of a function changed",
            FUNCTION,
            "definition",
            To::Value("CREATE FUNCTION f() AS 'SELECT 2'"),
        ),
        SCHEMA.changed("function become a procedure", FUNCTION, "kind", To::Value("procedure")),
        SCHEMA.lost("type lost", ENUM),
        SCHEMA.changed("label of an enum lost", ENUM, "labels", To::Value("'DRAFT'")),
        SCHEMA.changed("labels of an enum in another order", ENUM, "labels", To::Value("'FINAL', 'DRAFT'")),
        SCHEMA.changed("domain over another type", DOMAIN, "base type", To::Value("bytea")),
        SCHEMA.changed("domain takes null", DOMAIN, "not null", To::Value("false")),
        SCHEMA.lost("extension lost", EXTENSION),
        SCHEMA.changed("extension of another version", EXTENSION, "version", To::Value("0.9")),
        SCHEMA.changed("extension in another schema", EXTENSION, "schema", To::Value("elsewhere")),
        SCHEMA.lost("event trigger lost", Place::Part("/event-trigger/")),
        SCHEMA.changed("event trigger disabled", Place::Part("/event-trigger/"), "enabled", To::Value("D")),
        SCHEMA.lost("publication lost", Place::Part("/publication/")),
    ]
}

fn sequences() -> Vec<Variant<World>> {
    const ANY: Place = Place::Part("keycloak.");
    let changed = |title: &str, attribute, to| SEQUENCES.changed(title, ANY, attribute, to);
    vec![
        changed("sequence behind its table", "last_value", To::Value("7")),
        changed("sequence at its start", "last_value", To::Value("1")),
        changed("next value given twice", "is_called", To::Value("false")),
        changed("sequence with another step", "increment", To::Value("50")),
        changed("sequence counts down", "increment", To::Value("-1")),
        changed("sequence starts elsewhere", "start", To::Value("1000")),
        changed("sequence with another minimum", "minimum", To::Value("0")),
        changed("sequence ends sooner", "maximum", To::Value("2147483647")),
        changed("sequence of another type", "type", To::Value("integer")),
        changed("sequence with another cache", "cache", To::Value("20")),
        changed("sequence goes round", "cycle", To::Value("true")),
        changed("sequence without its column", "owned by", To::Unset),
        changed("sequence of another column", "owned by", To::Value("public.other.id")),
        changed("sequence unlogged", "persistence", To::Value("unlogged")),
        SEQUENCES.lost("sequence lost", ANY),
        SEQUENCES.extra("sequence too much", "keycloak.public.left_over_seq"),
        SEQUENCES.renamed("sequence renamed", ANY),
    ]
}
