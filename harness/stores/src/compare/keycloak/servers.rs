//! Two Keycloak servers through their admin API.

use super::super::result::CheckResult;
use super::database::{Versions, compare_definitions, user_ids};
use super::{Found, results, sealer};
use crate::keycloak::{Admin, KeycloakEndpoint, KeycloakError, read_realm, read_served_users};
use drydock_core::Finding;
use drydock_core::names::checks;
use drydock_parity::BucketTable;
use drydock_parity::realm::{
    Collected, Names, Realms, Report, Sealer, UserDigests, UserFact, UserIdentifiers, compare_users, describe,
};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::time::Instant;

/// First part of every subject.
const LABEL: &str = "keycloak";
const RIGHTS: &str = "give the account the roles view-realm, view-users, view-clients, query-groups and view-identity-providers of the realm";
const NOT_TOLD: &str = "the admin API tells neither password hashes nor private keys nor secrets of identity providers: only \
                        that they are there, and how old a credential is";

/// Compares two servers; `realms` names those asked for, all if empty. Never fails: what cannot be read is a finding.
pub async fn keycloak_servers(
    source: &KeycloakEndpoint,
    target: &KeycloakEndpoint,
    realms: &[String],
) -> Vec<CheckResult> {
    let start = Instant::now();
    let found = match tokio::join!(Admin::open(source), Admin::open(target)) {
        (Ok(a), Ok(b)) => {
            let found = compare(&a, &b, realms).await;
            tokio::join!(a.close(), b.close());
            found
        }
        (a, b) => {
            let side = |side: &str, admin: Result<Admin, KeycloakError>| {
                admin.err().map(|error| format!("{side}: {error}"))
            };
            let reasons: Vec<String> = [side("source", a), side("target", b)].into_iter().flatten().collect();
            Found::nothing(LABEL, &reasons.join("; "), "look at address, account and password of both sides")
        }
    };
    results(vec![found], u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX))
}

/// What one side told.
#[derive(Default)]
struct Side {
    definitions: Realms,
    users: Vec<UserFact>,
    /// Realms that were read whole.
    whole: BTreeSet<String>,
    /// Realms whose users could not be read, and realms that could not be read at all, each with the reason.
    failed: Vec<(String, &'static [&'static str], String)>,
}

async fn compare(a: &Admin, b: &Admin, realms: &[String]) -> Found {
    let sealer = match sealer() {
        Ok(sealer) => sealer,
        Err(reason) => {
            return Found::nothing(LABEL, &reason, "run on a machine with a source of random numbers");
        }
    };
    let (a, b) = match tokio::join!(read(a, realms, &sealer), read(b, realms, &sealer)) {
        (Ok(a), Ok(b)) => (a, b),
        (Err(reason), _) => return Found::nothing(LABEL, &format!("source: {reason}"), RIGHTS),
        (_, Err(reason)) => return Found::nothing(LABEL, &format!("target: {reason}"), RIGHTS),
    };
    let notes = checks::KEYCLOAK.map(|check| (check, NOT_TOLD.to_owned())).into();
    let mut found = Found { notes, ..Found::default() };
    // A realm that one side does not tell whole is not compared by halves.
    let unreadable =
        |realm: &String| [&a, &b].iter().any(|side| side.failed.iter().any(|(failed, ..)| failed == realm));
    let mut asked: Vec<String> = realms.to_vec();
    if asked.is_empty() {
        asked = a.whole.union(&b.whole).cloned().collect();
    }
    asked.retain(|realm| !unreadable(realm));
    for (side, told) in [("source", &a), ("target", &b)] {
        for (realm, checks, reason) in &told.failed {
            found.findings.extend(checks.iter().map(|check| {
                Finding::not_compared(
                    check,
                    format!("{LABEL}/{realm}"),
                    format!("realm {realm} on the {side}: {reason}"),
                )
                .next(RIGHTS)
            }));
        }
    }
    if asked.is_empty() {
        return found;
    }
    let report =
        compare_definitions(&a.definitions, &b.definitions, LABEL, &asked, Versions::Same, &mut found);
    let report = users(a.users, b.users, &sealer, report, &mut found);
    found.findings.extend(describe(&report));
    found
}

async fn read(admin: &Admin, realms: &[String], sealer: &Sealer) -> Result<Side, KeycloakError> {
    let mut side = Side::default();
    let told: Vec<Json> = match admin.get("").await? {
        Some(Json::Array(list)) => list,
        _ => Vec::new(),
    };
    for realm in told {
        let name = realm["realm"].as_str().unwrap_or_default().to_owned();
        if !realms.is_empty() && !realms.contains(&name) {
            continue;
        }
        match read_realm(admin, &realm, sealer).await {
            Ok(definitions) => side.definitions.objects.extend(definitions.objects),
            Err(error) => {
                side.failed.push((name, &checks::KEYCLOAK, error.to_string()));
                continue;
            }
        }
        match read_served_users(admin, &realm, sealer).await {
            Ok(users) => side.users.extend(users),
            Err(error) => side.failed.push((name.clone(), &checks::KEYCLOAK, error.to_string())),
        }
        side.whole.insert(name);
    }
    Ok(side)
}

/// Compares users that are in memory already, in the same way as those that stream from a database.
fn users(
    source: Vec<UserFact>,
    target: Vec<UserFact>,
    sealer: &Sealer,
    mut report: Report,
    found: &mut Found,
) -> Report {
    let digest = |facts: &[UserFact], names: &Names| {
        // One bucket: whatever differs, all users are at hand.
        let mut digests = UserDigests::new(1, sealer.key());
        facts.iter().for_each(|fact| digests.add(fact.clone(), names));
        digests
    };
    let (a, b) = (digest(&source, &report.pairing.source), digest(&target, &report.pairing.target));
    found.count(checks::KC_USERS, a.users);
    if a.ids != b.ids {
        let ids = |facts: &[UserFact], names: &Names| {
            let mut ids = UserIdentifiers::default();
            facts.iter().for_each(|fact| ids.add(fact, names));
            ids
        };
        let (ours, theirs) = (ids(&source, &report.pairing.source), ids(&target, &report.pairing.target));
        report.other_ids.extend(user_ids(ours.differing(&theirs)));
    }
    let selection = BucketTable::differing(&a.buckets, &b.buckets, usize::MAX);
    if !selection.is_empty() {
        let collect = |facts: Vec<UserFact>, names: &Names| {
            let mut collected = Collected::new(selection.clone(), sealer.key());
            facts.into_iter().for_each(|fact| collected.add(fact, names));
            collected
        };
        let (ours, theirs) =
            (collect(source, &report.pairing.source), collect(target, &report.pairing.target));
        report.users = compare_users(ours, theirs);
    }
    report
}
