//! The catalogue of one database, as it is read.

use crate::dice::Dice;
use crate::shapes::put;
use drydock_parity::shape::Shape;

/// One side.
#[derive(Debug, Clone)]
pub struct World {
    /// Every object but sequences.
    pub schema: Shape,
    /// Sequences with their values.
    pub sequences: Shape,
}

impl World {
    /// A database with every kind of object, some tables and as many sequences.
    pub fn generated(dice: &mut Dice) -> Self {
        let (mut schema, mut sequences) = (Shape::default(), Shape::default());
        let database = [
            ("encoding", "UTF8"),
            ("collation", "en_us.utf8"),
            ("character classes", "en_us.utf8"),
            ("locale provider", "c"),
            ("comment", "the realm"),
        ];
        put(&mut schema, "keycloak", database);
        for name in ["public", "spi"] {
            put(&mut schema, &format!("keycloak.{name}"), [("kind", "schema"), ("comment", "holds tables")]);
        }
        for number in 0..dice.between(3, 5) {
            let name = match number {
                0 => "public.user_entity".to_owned(),
                // A name with a blank, capitals and letters outside ASCII.
                1 => "spi.Gro\u{df}e Export Jobs".to_owned(),
                n => format!("public.table_{n}_{}", dice.hex(3)),
            };
            table(&mut schema, &format!("keycloak.{name}"), dice);
            let sequence = format!("keycloak.{name}_id_seq");
            let last = dice.between(100, 1 << 52).to_string();
            let parameters = [
                ("type", "bigint"),
                ("start", "1"),
                ("increment", "1"),
                ("minimum", "1"),
                ("maximum", "9223372036854775807"),
                ("cache", "1"),
                ("cycle", "false"),
                ("is_called", "true"),
            ];
            put(&mut sequences, &sequence, parameters);
            sequences.set(&sequence, "last_value", last);
            sequences.set(&sequence, "owned by", format!("{name}.id"));
        }
        rest(&mut schema);
        Self { schema, sequences }
    }
}

fn table(shape: &mut Shape, path: &str, dice: &mut Dice) {
    let attributes = [
        ("kind", "table"),
        ("persistence", "permanent"),
        ("options", "fillfactor=90"),
        ("access method", "heap"),
        ("replica identity", "d"),
        ("column order", "id, name, state, made, size"),
        ("parents", "base"),
        ("partition bound", "FOR VALUES FROM (1) TO (9)"),
        ("comment", "who may log in"),
    ];
    put(shape, path, attributes);
    let column = |name: &str| format!("{path}/column/{name}");
    put(shape, &column("id"), [("type", "bigint"), ("not null", "true"), ("identity", "a")]);
    put(
        shape,
        &column("name"),
        [
            ("type", "character varying(255)"),
            ("not null", "true"),
            ("collation", "de_DE"),
            ("comment", "shown"),
        ],
    );
    put(
        shape,
        &column("state"),
        [
            ("type", "text"),
            ("not null", "false"),
            ("default", "'ACTIVE'::text"),
            ("storage", "x"),
            ("compression", "p"),
        ],
    );
    put(
        shape,
        &column("made"),
        [
            ("type", "timestamp with time zone"),
            ("not null", "false"),
            ("default", "now()"),
            ("statistics target", "500"),
        ],
    );
    put(
        shape,
        &column("size"),
        [
            ("type", "numeric(12,2)"),
            ("not null", "false"),
            ("generated", "s (length(name))"),
            ("options", "{n_distinct=5}"),
        ],
    );
    for number in 0..dice.between(0, 3) {
        put(shape, &column(&format!("extra_{number}")), [("type", "uuid"), ("not null", "false")]);
    }
    let valid = [("validated", "true"), ("deferrable", "false"), ("deferred", "false")];
    put(shape, &format!("{path}/constraint/pkey"), valid);
    shape.set(format!("{path}/constraint/pkey"), "definition", "PRIMARY KEY (id)");
    let index = [
        ("valid", "true"),
        ("ready", "true"),
        ("live", "true"),
        ("clustered", "false"),
        ("replica identity", "false"),
    ];
    put(shape, &format!("{path}/constraint/pkey/index"), index);
    put(shape, &format!("{path}/constraint/fk_realm"), valid);
    shape.set(format!("{path}/constraint/fk_realm"), "definition", "FOREIGN KEY (name) REFERENCES realm(id)");
    shape.set(format!("{path}/constraint/fk_realm"), "enforced by triggers", "O");
    put(shape, &format!("{path}/index/by_name"), index);
    put(
        shape,
        &format!("{path}/index/by_name"),
        [("definition", "CREATE INDEX by_name ON t USING btree (name)"), ("attached to", "parent_idx")],
    );
    put(
        shape,
        &format!("{path}/trigger/touch"),
        [("definition", "CREATE TRIGGER touch BEFORE UPDATE"), ("enabled", "O")],
    );
    put(shape, &format!("{path}/rule/protect"), [("definition", "CREATE RULE protect"), ("enabled", "O")]);
    put(shape, &format!("{path}/statistics/both"), [("definition", "CREATE STATISTICS both ON name, state")]);
}

fn rest(shape: &mut Shape) {
    put(
        shape,
        "keycloak.public.active_users",
        [("kind", "view"), ("definition", " SELECT id FROM user_entity;")],
    );
    put(
        shape,
        "keycloak.public.totals",
        [("kind", "materialised view"), ("definition", " SELECT count(*);"), ("populated", "true")],
    );
    put(shape, "keycloak.public.events", [("kind", "partitioned table"), ("partition key", "RANGE (at)")]);
    put(
        shape,
        "keycloak.public.touch()",
        [("kind", "function"), ("definition", "CREATE FUNCTION touch() AS 'SELECT 1'")],
    );
    put(shape, "keycloak.public.state", [("kind", "enum"), ("labels", "'DRAFT', 'FINAL'")]);
    put(shape, "keycloak.public.mail", [("kind", "domain"), ("base type", "text"), ("not null", "true")]);
    put(shape, "keycloak/extension/pg_trgm", [("version", "1.6"), ("schema", "public")]);
    put(shape, "keycloak/event-trigger/audit", [("event", "ddl_command_end"), ("enabled", "O")]);
    put(shape, "keycloak/publication/all", [("kind", "publication"), ("definition", "t t t t t")]);
}
