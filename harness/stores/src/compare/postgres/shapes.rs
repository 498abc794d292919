//! Definitions of one database: schema, sequences, access.

use super::super::result::CheckResult;
use super::{DatabasePair, empty, majors};
use crate::postgres::{Access, Passwords, PinnedDatabase, Section};
use drydock_core::names::checks;
use drydock_core::{Class, Finding};
use drydock_parity::shape::{Attributes, Difference, Nesting, Shape, compare_attributes, finding};
use std::collections::{BTreeMap, BTreeSet};

/// Separates column names in the attribute `column order`.
const SEPARATOR: char = '\u{1f}';
const COLUMN_ORDER: &str = "column order";

pub(super) struct ShapeResults {
    pub(super) schema: CheckResult,
    pub(super) sequences: CheckResult,
    pub(super) access: CheckResult,
}

/// Compares the definitions of one database. `lonely` holds the rows of tables that one side lacks.
pub(super) fn compare(
    source: &PinnedDatabase,
    target: &PinnedDatabase,
    pair: &DatabasePair,
    lonely: &BTreeMap<String, u64>,
    roles: &mut Roles,
) -> ShapeResults {
    let name = &pair.source;
    let mut results = ShapeResults {
        schema: empty(checks::PG_SCHEMA),
        sequences: empty(checks::PG_SEQUENCES),
        access: empty(checks::PG_ACCESS),
    };
    if let Some((mut a, b)) = both(&source.catalog.schema, &target.catalog.schema, pair, &mut results.schema)
    {
        majors::even_out_schema((&mut a, source.catalog.major), (&b, target.catalog.major));
        compare_schema(a, b, lonely, &mut results.schema);
    }
    if let Some((a, b)) =
        both(&source.catalog.sequences, &target.catalog.sequences, pair, &mut results.sequences)
    {
        compare_sequences(source, target, pair, &a, &b, &mut results.sequences);
    }
    match (&source.catalog.access, &target.catalog.access) {
        (Ok(a), Ok(b)) => {
            compare_access(
                name,
                pair,
                (a, source.catalog.major),
                (b, target.catalog.major),
                &mut results.access,
            );
            roles.add(a, b);
        }
        (a, b) => {
            for (side, access) in [("source", a), ("target", b)] {
                if let Err(reason) = access {
                    results.access.findings.push(unreadable(checks::PG_ACCESS, name, side, reason));
                }
            }
        }
    }
    results
}

fn unreadable(check: &str, name: &str, side: &str, reason: &str) -> Finding {
    let message = format!("the definitions of {name} could not be read on the {side}: {reason}");
    Finding::not_compared(check, name, message).next("compare again with a role that may read the catalogue")
}

/// Both sides under the source's name, or findings that say why not.
fn both(
    source: &Section,
    target: &Section,
    pair: &DatabasePair,
    result: &mut CheckResult,
) -> Option<(Shape, Shape)> {
    for (side, section) in [("source", source), ("target", target)] {
        if let Err(reason) = section {
            result.findings.push(unreadable(result.check, &pair.source, side, reason));
        }
    }
    let (Ok(a), Ok(b)) = (source, target) else { return None };
    Some((a.clone(), under_source_name(b, pair)))
}

fn under_source_name(shape: &Shape, pair: &DatabasePair) -> Shape {
    let renamed = |(path, attributes): (&String, &Attributes)| {
        (renamed(path, &pair.target, &pair.source), attributes.clone())
    };
    Shape(shape.0.iter().map(renamed).collect())
}

/// A path under another database name.
pub(super) fn renamed(path: &str, from: &str, to: &str) -> String {
    if from == to {
        return path.to_owned();
    }
    let quoted = |name: &str| {
        if name.contains(['.', '/', '"']) {
            format!("\"{}\"", name.replace('"', "\"\""))
        } else {
            name.to_owned()
        }
    };
    match path.strip_prefix(&quoted(from)) {
        Some(rest) => format!("{}{rest}", quoted(to)),
        None => path.to_owned(),
    }
}

fn compare_schema(mut a: Shape, mut b: Shape, lonely: &BTreeMap<String, u64>, result: &mut CheckResult) {
    even_out_column_order(&mut a, &mut b);
    result.compared = a.0.len() as u64;
    for (object, difference) in Shape::compare(&a, &b, Nesting::DotAndSlash) {
        let attributes = a.0.get(&object).or_else(|| b.0.get(&object));
        let what = what(&object, attributes);
        let mut finding = finding(result.check, Class::Data, what, &object, &difference);
        if !matches!(difference, Difference::Changed(_)) {
            let below = |path: &str| {
                path.strip_prefix(object.as_str()).is_some_and(|r| r.is_empty() || r.starts_with('.'))
            };
            let tables: Vec<u64> = lonely.iter().filter(|(p, _)| below(p)).map(|(_, rows)| *rows).collect();
            if !tables.is_empty() {
                finding.message += &format!(" and {} rows", tables.iter().sum::<u64>());
            }
        }
        let next = match difference {
            Difference::Missing { .. } => {
                "restore this object from the dump; look for its error in the restore's log"
            }
            Difference::Extra { .. } => {
                "find out who made it; drop it if it is a leftover of an earlier attempt"
            }
            Difference::Changed(_) => "bring the target's definition in line with the source's",
        };
        result.findings.push(finding.next(next));
    }
}

/// What an object is called in a message.
fn what<'a>(object: &str, attributes: Option<&'a Attributes>) -> &'a str {
    const PARTS: [&str; 6] = ["column", "constraint", "index", "trigger", "rule", "statistics"];
    let parts: Vec<&str> = object.split('/').collect();
    if parts.last() == Some(&"index") {
        return "the index behind";
    }
    if let Some(part) = PARTS.iter().find(|part| parts[1..].contains(part)) {
        return part;
    }
    match attributes.and_then(|a| a.get("kind")) {
        Some(kind) => kind,
        None if object.contains("/extension/") => "extension",
        None if object.contains("/event-trigger/") => "event trigger",
        None if !object.contains(['.', '/']) => "database",
        None => "object",
    }
}

/// The order of the columns that both sides have; a missing column is told on its own.
fn even_out_column_order(a: &mut Shape, b: &mut Shape) {
    let shared: BTreeSet<String> =
        a.0.keys().filter(|path| path.contains("/column/") && b.contains(path)).cloned().collect();
    for shape in [a, b] {
        for (path, attributes) in &mut shape.0 {
            if let Some(order) = attributes.get_mut(COLUMN_ORDER) {
                let names =
                    order.split(SEPARATOR).filter(|name| shared.contains(&format!("{path}/column/{name}")));
                *order = names.collect::<Vec<_>>().join(", ");
            }
        }
    }
}

fn compare_sequences(
    source: &PinnedDatabase,
    target: &PinnedDatabase,
    pair: &DatabasePair,
    a: &Shape,
    b: &Shape,
    result: &mut CheckResult,
) {
    let mut unread = BTreeSet::new();
    for (side, database) in [("source", source), ("target", target)] {
        for path in &database.catalog.unreadable_sequences {
            let path = renamed(path, &database.name, &pair.source);
            let message = format!("where sequence {path} stands could not be read on the {side}");
            result.findings.push(
                Finding::not_compared(result.check, &path, message)
                    .next("grant the role SELECT on the sequence, then compare again"),
            );
            unread.insert(path);
        }
    }
    result.compared = a.0.len() as u64;
    for (object, mut difference) in Shape::compare(a, b, Nesting::DotAndSlash) {
        if let (Difference::Changed(changed), true) = (&mut difference, unread.contains(&object)) {
            changed.retain(|c| !["last_value", "is_called"].contains(&c.name.as_str()));
            if changed.is_empty() {
                continue;
            }
        }
        result.findings.push(finding(result.check, Class::Data, "sequence", &object, &difference).next(
            "set it with setval() to the source's value: a sequence behind its table gives keys twice",
        ));
    }
}

fn compare_access(
    name: &str,
    pair: &DatabasePair,
    source: (&Access, u32),
    target: (&Access, u32),
    result: &mut CheckResult,
) {
    let mut a = source.0.objects.clone();
    let mut b = under_source_name(&target.0.objects, pair);
    majors::even_out_access(name, (&mut a, source.1), (&mut b, target.1));
    let next =
        "set the source's owner and grants again; a restore without owners and privileges leaves them out";
    for (object, attributes) in &a.0 {
        // An object that is not there at all is told by the check of its kind.
        let Some(other) = b.0.get(object) else { continue };
        result.compared += 1;
        let changed = compare_attributes(attributes, other);
        if !changed.is_empty() {
            let difference = Difference::Changed(changed);
            let finding = finding(result.check, Class::Access, "access to", object, &difference);
            result.findings.push(finding.next(next));
        }
    }
    let mut own = (source.0.own.clone(), under_source_name(&target.0.own, pair));
    majors::even_out_defaults((source.1, target.1), &mut own.0, &mut own.1);
    result.compared += own.0.0.len() as u64;
    for (object, difference) in Shape::compare(&own.0, &own.1, Nesting::Slash) {
        let table = object.split("/policy/").next().filter(|_| object.contains("/policy/"));
        // The policies of a table that is not there are missing with it.
        if table.is_some_and(|table| a.contains(table) != b.contains(table)) {
            continue;
        }
        let what = match table {
            Some(_) => "policy",
            None if object.contains("/changed grants/") => "privileges on",
            None => "default privileges",
        };
        let finding = finding(result.check, Class::Access, what, &object, &difference);
        result.findings.push(finding.next("set it as on the source"));
    }
}

/// Roles of both servers, as far as the compared databases depend on them. They belong to the server: compared once.
#[derive(Debug, Default)]
pub(super) struct Roles {
    source: Shape,
    target: Shape,
    referenced: BTreeSet<String>,
    /// What belongs to the servers besides roles.
    shared: (Shape, Shape),
    passwords: Passwords,
}

impl Roles {
    fn add(&mut self, source: &Access, target: &Access) {
        self.source.0.extend(source.roles.0.clone());
        self.target.0.extend(target.roles.0.clone());
        self.referenced.extend(source.referenced.iter().chain(&target.referenced).cloned());
        self.shared.0.0.extend(source.server.0.clone());
        self.shared.1.0.extend(target.server.0.clone());
        self.passwords = match (source.passwords, target.passwords) {
            (Passwords::Seen, Passwords::Seen) => Passwords::Seen,
            _ => Passwords::Hidden,
        };
    }

    /// Every role that one of the databases names exists on both sides with the same attributes and memberships.
    pub(super) fn compare(&self) -> CheckResult {
        let mut result = empty(checks::PG_ACCESS);
        let pick = |shape: &Shape| {
            let roles = self.referenced.iter().filter_map(|role| {
                shape.0.get(role).map(|attributes| (format!("role/{role}"), attributes.clone()))
            });
            Shape(roles.collect())
        };
        let (mut a, mut b) = (pick(&self.source), pick(&self.target));
        self.even_out(&mut a, &mut b);
        result.compared = a.0.len() as u64;
        for (object, difference) in Shape::compare(&a, &b, Nesting::Slash) {
            let finding = finding(result.check, Class::Access, "role", &object, &difference);
            result
                .findings
                .push(finding.next("create or alter the role as on the source (pg_dumpall --roles-only)"));
        }
        for (object, difference) in Shape::compare(&self.shared.0, &self.shared.1, Nesting::Slash) {
            // A tablespace is a place on one server; what lies in it says which one it is in.
            if object.contains("/tablespace/") && !matches!(difference, Difference::Changed(_)) {
                continue;
            }
            let finding = finding(result.check, Class::Access, "what is set for", &object, &difference);
            result.findings.push(
                finding.next("set it on the target's server as on the source's (pg_dumpall --globals-only)"),
            );
        }
        result
    }

    /// Leaves out what only one of the servers can tell: whether there is a password, and how a membership is used.
    fn even_out(&self, a: &mut Shape, b: &mut Shape) {
        let tells = |shape: &Shape| {
            shape
                .0
                .values()
                .any(|attributes| attributes.keys().any(|name| name.starts_with("membership in ")))
        };
        let memberships = tells(&self.source) && tells(&self.target);
        for attributes in a.0.values_mut().chain(b.0.values_mut()) {
            attributes.retain(|name, _| {
                (name != "logs in with" || self.passwords == Passwords::Seen)
                    && (memberships || !name.starts_with("membership in "))
            });
        }
    }
}
