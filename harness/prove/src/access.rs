//! Access to PostgreSQL: owners, grants, row security, default privileges, roles.

use crate::dice::Dice;
use crate::family::{Family, Variant};
use crate::shapes::{Place, Section, To, put, rebuilt};
use drydock_core::names::checks;
use drydock_core::{Class, Finding};
use drydock_parity::shape::{Difference, Nesting, Shape, compare_attributes, finding};

/// The family of access.
#[derive(Debug, Clone, Copy)]
pub struct Access;

/// One side.
#[derive(Debug, Clone)]
pub struct World {
    /// Owner and grants of every object.
    pub objects: Shape,
    /// Policies, default privileges and roles.
    pub own: Shape,
}

impl Family for Access {
    type World = World;
    const NAME: &'static str = "access";

    fn source(dice: &mut Dice) -> World {
        let (mut objects, mut own) = (Shape::default(), Shape::default());
        let owner = [("owner", "keycloak"), ("grant owner CREATE", "granted")];
        put(&mut objects, "keycloak", owner);
        put(
            &mut objects,
            "keycloak",
            [
                ("grant PUBLIC CONNECT", "granted"),
                ("connection limit", "-1"),
                ("setting search_path", "public"),
                ("setting statement_timeout for reader", "5s"),
                ("connections allowed", "true"),
            ],
        );
        put(&mut objects, "keycloak.public", [("owner", "keycloak"), ("grant reader USAGE", "granted")]);
        for number in 0..dice.between(3, 6) {
            let path = format!("keycloak.public.table_{number}");
            put(
                &mut objects,
                &path,
                [
                    ("owner", "keycloak"),
                    ("grant owner SELECT", "granted"),
                    ("grant owner INSERT", "granted"),
                    ("grant reader SELECT", "granted"),
                    ("grant backup SELECT", "with grant option"),
                    ("grant reader UPDATE on column note", "granted"),
                    ("row security", "enabled"),
                    ("row security for the owner", "forced"),
                ],
            );
            put(
                &mut own,
                &format!("{path}/policy/tenant"),
                [
                    ("command", "*"),
                    ("permissive", "true"),
                    ("roles", "reader"),
                    ("using", "(tenant = CURRENT_USER)"),
                    ("with check", "(tenant = CURRENT_USER)"),
                ],
            );
        }
        put(
            &mut objects,
            "keycloak.public.touch()",
            [("owner", "keycloak"), ("grant PUBLIC EXECUTE", "granted")],
        );
        put(
            &mut own,
            "keycloak/default-privileges/keycloak/public/tables",
            [("kind", "default privileges"), ("grant reader SELECT", "granted")],
        );
        for role in ["keycloak", "reader", "backup"] {
            put(
                &mut own,
                &format!("role/{role}"),
                [
                    ("superuser", "false"),
                    ("inherits", "true"),
                    ("may create roles", "false"),
                    ("may create databases", "false"),
                    ("may log in", "true"),
                    ("may replicate", "false"),
                    ("bypasses row security", "false"),
                    ("connection limit", "-1"),
                    ("valid until", "infinity"),
                    ("member of team", "member"),
                    ("setting work_mem", "64MB"),
                ],
            );
        }
        World { objects, own }
    }

    fn rewritten(source: &World, dice: &mut Dice) -> World {
        World { objects: rebuilt(&source.objects, dice), own: rebuilt(&source.own, dice) }
    }

    fn variants() -> Vec<Variant<World>> {
        [objects(), own(), roles()].into_iter().flatten().collect()
    }

    fn compare(source: &World, target: &World, _: &mut Dice) -> Vec<Finding> {
        let check = checks::PG_ACCESS;
        let mut findings = Vec::new();
        for (object, attributes) in &source.objects.0 {
            // An object that is not there at all is told by the check of its kind.
            let Some(other) = target.objects.0.get(object) else { continue };
            let changed = compare_attributes(attributes, other);
            if !changed.is_empty() {
                findings.push(finding(
                    check,
                    Class::Access,
                    "access to",
                    object,
                    &Difference::Changed(changed),
                ));
            }
        }
        for (object, difference) in Shape::compare(&source.own, &target.own, Nesting::Slash) {
            findings.push(finding(check, Class::Access, "access", &object, &difference));
        }
        findings
    }
}

const OBJECTS: Section<World> = Section { check: checks::PG_ACCESS, shape: |world| &mut world.objects };
const OWN: Section<World> = Section { check: checks::PG_ACCESS, shape: |world| &mut world.own };

fn objects() -> Vec<Variant<World>> {
    const TABLE: Place = Place::Part("keycloak.public.table_");
    const DATABASE: Place = Place::Path("keycloak");
    let table = |title: &str, attribute, to| OBJECTS.changed(title, TABLE, attribute, to);
    let database = |title: &str, attribute, to| OBJECTS.changed(title, DATABASE, attribute, to);
    vec![
        table("owner of a table changed", "owner", To::Value("postgres")),
        table("grant on a table lost", "grant reader SELECT", To::Unset),
        table("grant on a table too much", "grant reader DELETE", To::Value("granted")),
        table("table open to everybody", "grant PUBLIC SELECT", To::Value("granted")),
        table("grant option lost", "grant backup SELECT", To::Value("granted")),
        table("grant option too much", "grant reader SELECT", To::Value("with grant option")),
        table("owner's own privilege revoked", "grant owner INSERT", To::Unset),
        table("grant on a column lost", "grant reader UPDATE on column note", To::Unset),
        table("grant on a column too much", "grant reader UPDATE on column salary", To::Value("granted")),
        table("row security off", "row security", To::Unset),
        table("row security not forced", "row security for the owner", To::Unset),
        database("owner of the database changed", "owner", To::Value("postgres")),
        database("nobody may connect", "grant PUBLIC CONNECT", To::Unset),
        database("connections limited", "connection limit", To::Value("0")),
        database("connections not allowed", "connections allowed", To::Value("false")),
        database("setting of the database lost", "setting search_path", To::Unset),
        database(
            "setting of a role in the database changed",
            "setting statement_timeout for reader",
            To::Value("0"),
        ),
        OBJECTS.changed(
            "owner of a schema changed",
            Place::Path("keycloak.public"),
            "owner",
            To::Value("postgres"),
        ),
        OBJECTS.changed(
            "use of a schema revoked",
            Place::Path("keycloak.public"),
            "grant reader USAGE",
            To::Unset,
        ),
        OBJECTS.changed(
            "function not executable",
            Place::Path("keycloak.public.touch()"),
            "grant PUBLIC EXECUTE",
            To::Unset,
        ),
    ]
}

fn own() -> Vec<Variant<World>> {
    const POLICY: Place = Place::Part("/policy/");
    const DEFAULTS: Place = Place::Kind("default privileges");
    let policy = |title: &str, attribute, to| OWN.changed(title, POLICY, attribute, to);
    vec![
        OWN.lost("policy lost", POLICY),
        OWN.extra("policy too much", "keycloak.public.table_0/policy/everybody"),
        policy("policy for another command", "command", To::Value("r")),
        policy("policy become restrictive", "permissive", To::Value("false")),
        policy("policy for everybody", "roles", To::Value("PUBLIC")),
        policy("policy lets all rows through", "using", To::Value("true")),
        policy("policy checks no write", "with check", To::Unset),
        OWN.lost("default privileges lost", DEFAULTS),
        OWN.changed("default privilege lost", DEFAULTS, "grant reader SELECT", To::Unset),
    ]
}

fn roles() -> Vec<Variant<World>> {
    const ROLE: Place = Place::Part("role/");
    let role = |title: &str, attribute, to| OWN.changed(title, ROLE, attribute, to);
    vec![
        OWN.lost("role lost", ROLE),
        role("role become superuser", "superuser", To::Value("true")),
        role("role inherits nothing", "inherits", To::Value("false")),
        role("role may create roles", "may create roles", To::Value("true")),
        role("role may create databases", "may create databases", To::Value("true")),
        role("role may not log in", "may log in", To::Value("false")),
        role("role may replicate", "may replicate", To::Value("true")),
        role("role passes row security", "bypasses row security", To::Value("true")),
        role("connections of a role limited", "connection limit", To::Value("1")),
        role("role expires", "valid until", To::Value("2026-01-01 00:00:00+00")),
        role("membership lost", "member of team", To::Unset),
        role("membership too much", "member of admins", To::Value("member")),
        role("membership with admin option", "member of team", To::Value("with admin option")),
        role("setting of a role lost", "setting work_mem", To::Unset),
    ]
}
