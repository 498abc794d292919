//! Two Keycloak servers through their admin API.

use super::super::result::CheckResult;
use super::database::{Versions, compare_definitions, user_ids};
use super::{Found, results, sealer};
use crate::keycloak::{
    Admin, Kept, KeptPart, KeycloakEndpoint, KeycloakError, read_realm, read_served_users,
};
use drydock_core::Finding;
use drydock_core::names::checks;
use drydock_parity::BucketTable;
use drydock_parity::realm::{
    Aspect, Collected, Names, Object, ObjectKind, Realms, Report, Sealer, UserDigests, UserFact,
    UserIdentifiers, compare_users, describe,
};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// First part of every subject.
const LABEL: &str = "keycloak";
const RIGHTS: &str = "give the account the roles view-realm, view-users, view-clients, view-authorization, view-organizations, \
                      query-groups and view-identity-providers of the realm";
const NOT_TOLD: &str = "the admin API tells neither password hashes nor private keys nor secrets of identity providers: only \
                        that they are there, and how old a credential is; nor attributes of users that the realm's user \
                        profile does not know";

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
    /// What the server keeps from the account, by realm.
    kept: Vec<(String, Kept)>,
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
    let (mut a, mut b) = (a, b);
    leave_out_kept(&mut a, &mut b, &asked, &mut found);
    let report =
        compare_definitions(&a.definitions, &b.definitions, LABEL, &asked, Versions::Same, &mut found);
    let report = users(a.users, b.users, &sealer, report, &mut found);
    found.findings.extend(describe(&report));
    found
}

/// Tells what one side keeps from its account, and takes it out of what both sides told: it would look lost.
fn leave_out_kept(a: &mut Side, b: &mut Side, realms: &[String], found: &mut Found) {
    let mut parts = BTreeMap::<(KeptPart, String), Vec<(&str, String)>>::new();
    for (side, told) in [("source", &a.kept), ("target", &b.kept)] {
        for (realm, kept) in told.iter().filter(|(realm, _)| realms.contains(realm)) {
            parts.entry((kept.what, realm.clone())).or_default().push((side, kept.reason.clone()));
        }
    }
    for ((part, realm), sides) in parts {
        let (check, what) = match part {
            KeptPart::Organizations => (checks::KC_REALMS, "organizations"),
            KeptPart::Authorization => (checks::KC_CLIENTS, "authorization-objects"),
            KeptPart::MaskedSecrets => (checks::KC_CLIENTS, "clients/secrets"),
            // On one side alone they are lost.
            KeptPart::AbsentSecrets
                if !["source", "target"].iter().all(|s| sides.iter().any(|(t, _)| t == s)) =>
            {
                continue;
            }
            KeptPart::AbsentSecrets => (checks::KC_CLIENTS, "clients/secrets"),
        };
        take_out(&mut a.definitions, &realm, part);
        take_out(&mut b.definitions, &realm, part);
        let Some((side, reason)) = sides.first() else { continue };
        let message = format!(
            "realm {realm}: {} cannot be compared, on the {side}: {reason}",
            what.replace(['/', '-'], " ")
        );
        let finding = Finding::not_compared(check, format!("{LABEL}/{realm}/{what}"), message);
        found.findings.push(finding.next(RIGHTS));
    }
}

/// Takes one part of a realm out of what a side told.
fn take_out(side: &mut Realms, realm: &str, part: KeptPart) {
    let ids: BTreeSet<String> = side
        .objects
        .iter()
        .filter(|o| o.kind == ObjectKind::Realm && o.name == realm)
        .map(|o| o.id.clone())
        .collect();
    let clients: BTreeSet<String> = side
        .objects
        .iter()
        .filter(|o| o.kind == ObjectKind::Client && o.parent.as_ref().is_some_and(|(_, id)| ids.contains(id)))
        .map(|o| o.id.clone())
        .collect();
    let below = |object: &Object, parents: &BTreeSet<String>| {
        object.parent.as_ref().is_some_and(|(_, id)| parents.contains(id))
    };
    match part {
        KeptPart::Organizations => {
            side.objects.retain(|o| o.kind != ObjectKind::Organization || !below(o, &ids));
        }
        KeptPart::Authorization => {
            side.objects.retain(|o| o.kind != ObjectKind::Authorization || !below(o, &clients));
        }
        KeptPart::MaskedSecrets | KeptPart::AbsentSecrets => {
            for client in
                side.objects.iter_mut().filter(|o| o.kind == ObjectKind::Client && clients.contains(&o.id))
            {
                client.facts.0.retain(|(aspect, name), _| *aspect != Aspect::Secret || name != "secret");
            }
        }
    }
}

async fn read(admin: &Admin, realms: &[String], sealer: &Sealer) -> Result<Side, KeycloakError> {
    let mut side = Side::default();
    let told: Vec<Json> = match admin.get("").await? {
        Json::Array(list) => list,
        _ => Vec::new(),
    };
    for realm in told {
        let name = realm["realm"].as_str().unwrap_or_default().to_owned();
        if !realms.is_empty() && !realms.contains(&name) {
            continue;
        }
        match read_realm(admin, &realm, sealer).await {
            Ok(told) => {
                side.definitions.objects.extend(told.definitions.objects);
                side.kept.extend(told.kept.into_iter().map(|kept| (name.clone(), kept)));
            }
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
