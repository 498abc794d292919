//! Two Keycloak databases: layouts first, then what defines the realms, then the users.

use super::super::postgres::DatabasePair;
use super::super::result::{CheckResult, Options};
use super::users::compare_users_of;
use super::{Found, results, sealer};
use crate::endpoint::PostgresEndpoint;
use crate::keycloak::{
    Layout, RowError, find_schemas, is_compared_table, is_known_table, is_user_table, layout,
    read_definitions,
};
use crate::postgres::{Connection, PinnedDatabase, PinnedPg};
use drydock_core::names::checks;
use drydock_core::{Finding, Kind};
use drydock_parity::realm::{
    ObjectKind, Pairing, Place, Realms, Report, compare_objects, describe, take_added_by_upgrade,
    take_written_by_import,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

const READABLE: &str = "let the role read every table of the Keycloak schema, then compare again";

/// Compares every Keycloak that the pinned databases hold; `realms` names those asked for, all if empty. Databases that
/// hold no Keycloak on the source are left out, so that the answer is empty where none does. Never fails: what cannot be
/// read is a finding.
pub async fn compare_keycloak(
    source: &PinnedPg,
    target: &PinnedPg,
    databases: &[DatabasePair],
    realms: &[String],
    options: &Options,
) -> Vec<CheckResult> {
    let start = Instant::now();
    let mut found = Vec::new();
    for pair in databases {
        // A database that could not be pinned is told by the checks of the database itself.
        let (Ok(a), Ok(b)) = (source.database(&pair.source), target.database(&pair.target)) else { continue };
        match open(a, b).await {
            Ok(None) => {}
            Ok(Some(sides)) => {
                for (on_source, on_target) in &sides.schemas {
                    let label = match on_source.as_str() {
                        "public" => pair.source.clone(),
                        schema => format!("{}.{schema}", pair.source),
                    };
                    found.push(one(&sides, on_source, on_target.as_deref(), &label, realms, options).await);
                }
            }
            Err(reason) => found.push(Found::nothing(&pair.source, &reason, READABLE)),
        }
    }
    if found.is_empty() {
        return Vec::new();
    }
    let millis = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    results(found, millis)
}

/// Pins one database a side, compares the Keycloak in it, and lets go. A database without one is not compared.
pub async fn keycloak_databases(
    source: &PostgresEndpoint,
    target: &PostgresEndpoint,
    database: &DatabasePair,
    realms: &[String],
    options: &Options,
) -> Vec<CheckResult> {
    let (on_source, on_target) = ([database.source.clone()], [database.target.clone()]);
    let (a, b) = tokio::join!(PinnedPg::pin(source, &on_source), PinnedPg::pin(target, &on_target));
    let mut results = compare_keycloak(&a, &b, std::slice::from_ref(database), realms, options).await;
    if results.is_empty() {
        let pinned = [("source", a.database(&database.source)), ("target", b.database(&database.target))];
        let reason = pinned
            .into_iter()
            .find_map(|(side, database)| database.err().map(|e| format!("{side}: {e}")))
            .unwrap_or_else(|| "no schema of the source holds the tables of a Keycloak".to_owned());
        let next = "look at address, database and role of both sides";
        results = checks::KEYCLOAK
            .map(|check| CheckResult::not_compared(check, &database.source, &reason, next))
            .into();
    }
    tokio::join!(a.close(), b.close());
    results
}

/// A session a side, and the schemas to compare.
pub(super) struct Sides {
    pub(super) source: Connection,
    pub(super) target: Connection,
    schemas: Vec<(String, Option<String>)>,
}

/// Opens a session on each side if the source holds a Keycloak.
async fn open(a: &PinnedDatabase, b: &PinnedDatabase) -> Result<Option<Sides>, String> {
    let (source, target) = tokio::join!(a.session(), b.session());
    let source = source.map_err(|e| format!("source: {e}"))?;
    let ours = find_schemas(&source).await.map_err(|e| format!("source: {e}"))?;
    if ours.is_empty() {
        return Ok(None);
    }
    let target = target.map_err(|e| format!("target: {e}"))?;
    let theirs = find_schemas(&target).await.map_err(|e| format!("target: {e}"))?;
    let schemas = match (ours.as_slice(), theirs.as_slice()) {
        // The only one on each side, whatever it is called.
        ([one], [other]) => vec![(one.clone(), Some(other.clone()))],
        _ => ours.iter().map(|s| (s.clone(), theirs.contains(s).then(|| s.clone()))).collect(),
    };
    Ok(Some(Sides { source, target, schemas }))
}

async fn one(
    sides: &Sides,
    on_source: &str,
    on_target: Option<&str>,
    label: &str,
    realms: &[String],
    options: &Options,
) -> Found {
    let Some(on_target) = on_target else {
        let reason = format!(
            "schema {on_source} holds a Keycloak on the source, and no such schema does on the target"
        );
        return Found::nothing(label, &reason, "restore the schema with all its tables");
    };
    let sealer = match sealer() {
        Ok(sealer) => sealer,
        Err(reason) => {
            return Found::nothing(label, &reason, "run on a machine with a source of random numbers");
        }
    };
    let (a, b) = tokio::join!(layout(&sides.source, on_source), layout(&sides.target, on_target));
    let (a, b) = match both(a, b) {
        Ok(layouts) => layouts,
        Err(reason) => return Found::nothing(label, &reason, READABLE),
    };
    let mut found = Found::default();
    compare_layouts(&a, &b, label, &mut found);
    let (ours, theirs) = (a.common(&b), b.common(&a));
    let read = tokio::join!(
        read_definitions(&sides.source, &ours, &sealer),
        read_definitions(&sides.target, &theirs, &sealer)
    );
    let (source, target) = match both(read.0, read.1) {
        Ok(definitions) => definitions,
        Err(reason) => return Found::nothing(label, &reason, READABLE),
    };
    let report = compare_definitions(&source, &target, label, realms, upgraded(&a, &b), &mut found);
    let report = compare_users_of(sides, [&ours, &theirs], sealer, report, options, &mut found).await;
    found.findings.extend(describe(&report));
    found
}

/// Both sides, or which one failed and why.
pub(super) fn both<T>(a: Result<T, RowError>, b: Result<T, RowError>) -> Result<(T, T), String> {
    let a = a.map_err(|e| format!("source: {e}"))?;
    Ok((a, b.map_err(|e| format!("target: {e}"))?))
}

/// Whether the target was written by a later Keycloak.
fn upgraded(a: &Layout, b: &Layout) -> Versions {
    match (a.edition(), b.edition()) {
        (Some(a), Some(b)) if b > a => Versions::Upgraded,
        _ => Versions::Same,
    }
}

/// Whether a Keycloak was upgraded on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Versions {
    Same,
    Upgraded,
}

/// Puts objects together and compares them.
pub(super) fn compare_definitions(
    source: &Realms,
    target: &Realms,
    label: &str,
    realms: &[String],
    versions: Versions,
    found: &mut Found,
) -> Report {
    let mut pairing = Pairing::of(source, target);
    if !realms.is_empty() {
        pairing.only(realms);
        for realm in realms.iter().filter(|r| !pairing.knows(r)) {
            let message = format!("realm {realm} is on neither side");
            let next = "look at how the realm is called";
            found.findings.extend(
                checks::KEYCLOAK
                    .map(|c| Finding::not_compared(c, format!("{label}/{realm}"), &message).next(next)),
            );
        }
    }
    let mut differences = compare_objects(source, target, &pairing);
    if versions == Versions::Upgraded {
        let added = take_added_by_upgrade(&mut differences, &mut pairing);
        if added > 0 {
            found.note(format!(
                "{added} settings and definitions that the later Keycloak added are not compared"
            ));
        }
    }
    let imported: BTreeSet<String> = pairing
        .pairs
        .iter()
        .filter(|p| p.kind == ObjectKind::Realm && source.objects[p.source].id != target.objects[p.target].id)
        .map(|p| p.place.realm.clone())
        .collect();
    let written = take_written_by_import(&mut differences, &imported);
    if written > 0 {
        found.note(format!("{written} defaults that an import writes down are not compared"));
    }
    let mut other_ids = Vec::new();
    let mut renumbered = BTreeMap::<ObjectKind, u64>::new();
    for pair in &pairing.pairs {
        found.count(pair.kind.check(pair.place.inside_client), 1);
        let (a, b) = (&source.objects[pair.source], &target.objects[pair.target]);
        if a.id != b.id {
            match pair.kind {
                ObjectKind::Group => other_ids.push((pair.kind, pair.place.clone())),
                kind => *renumbered.entry(kind).or_default() += 1,
            }
        }
    }
    if !renumbered.is_empty() {
        let list: Vec<String> = renumbered
            .iter()
            .map(
                |(kind, n)| {
                    if *n == 1 { format!("1 {}", kind.one()) } else { format!("{n} {}", kind.many()) }
                },
            )
            .collect();
        found.note(format!(
            "compared by name, with other internal identifiers on the target: {}",
            list.join(", ")
        ));
    }
    Report { label: label.to_owned(), pairing, differences, other_ids, ..Report::default() }
}

/// Tables and columns that only one side has: told as a note where the versions differ, as not compared where not.
fn compare_layouts(a: &Layout, b: &Layout, label: &str, found: &mut Found) {
    if a.version != b.version {
        let version = |layout: &Layout| layout.version.clone().unwrap_or_else(|| "unknown".to_owned());
        found.note(format!("written by Keycloak {} on the source, {} on the target", version(a), version(b)));
    }
    if let (Some(ours), Some(theirs)) = (a.edition(), b.edition())
        && theirs < ours
    {
        let message = format!("the target was written by Keycloak {theirs}, older than {ours} on the source");
        found.findings.push(
            Finding::access(checks::KC_REALMS, Kind::Changed, format!("{label}/version"), message)
                .next("run the target on the source's version or a later one"),
        );
    }
    let mut lonely = Vec::new();
    let names: BTreeSet<&String> =
        a.tables.keys().chain(b.tables.keys()).filter(|t| is_compared_table(t)).collect();
    for name in names {
        match (a.tables.get(name), b.tables.get(name)) {
            (Some(ours), Some(theirs)) => {
                for column in ours.symmetric_difference(theirs) {
                    let side = if ours.contains(column) { "source" } else { "target" };
                    lonely.push((name, format!("{name}.{column}"), side));
                }
            }
            (ours, _) => lonely.push((name, name.clone(), if ours.is_some() { "source" } else { "target" })),
        }
    }
    if a.version == b.version {
        for (table, what, side) in lonely {
            let check = if is_user_table(table) { checks::KC_USERS } else { checks::KC_REALMS };
            let message =
                format!("{what} is on the {side} only, though both sides were written by the same Keycloak");
            found.findings.push(
                Finding::not_compared(check, format!("{label}/{what}"), message)
                    .next("restore the schema with all its tables and columns"),
            );
        }
    } else if !lonely.is_empty() {
        let list: Vec<String> = lonely.into_iter().map(|(_, what, _)| what).collect();
        found.note(format!("on one side only, for another version: {}", list.join(", ")));
    }
    let unknown: Vec<&str> = a.tables.keys().map(String::as_str).filter(|t| !is_known_table(t)).collect();
    if !unknown.is_empty() {
        found.note(format!("tables that say nothing known about logins: {}", unknown.join(", ")));
    }
}

/// Where a user is, for the words of a finding.
pub(super) fn user_ids(places: Vec<Place>) -> Vec<(ObjectKind, Place)> {
    places.into_iter().map(|place| (ObjectKind::User, place)).collect()
}

/// A finding for users that could not be read.
pub(super) fn users_not_compared(label: &str, table: &str, reason: &str) -> Finding {
    Finding::not_compared(checks::KC_USERS, format!("{label}/{table}"), reason).next(READABLE)
}
