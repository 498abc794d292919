//! Two servers through the admin API: every planted fault is told by kind and subject, and clean twins are not.

use crate::fake_keycloak::{Answers, FakeKeycloak, recorded};
use crate::keycloak_faults::{at, clients, realms, users};
use drydock_core::{Kind, Outcome};
use drydock_stores::compare::{CheckResult, keycloak_servers};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

const REALM: &str = "camunda-platform";

async fn compare(source: &FakeKeycloak, target: &FakeKeycloak) -> Vec<CheckResult> {
    keycloak_servers(&source.endpoint(), &target.endpoint(), &[REALM.to_owned()]).await
}

async fn pair(answers: Answers) -> (FakeKeycloak, FakeKeycloak) {
    (FakeKeycloak::start(recorded()).await, FakeKeycloak::start(answers).await)
}

/// Kind, subject below the realm, and outcome of everything told.
fn told(results: &[CheckResult]) -> BTreeSet<(String, String, Outcome)> {
    let below = |subject: &str| subject.trim_start_matches(&format!("keycloak/{REALM}/")).to_owned();
    let findings = results.iter().flat_map(|r| &r.findings);
    findings.map(|f| (f.kind.to_string(), below(&f.subject), f.outcome)).collect()
}

#[tokio::test]
async fn every_fault_is_told_by_kind_and_subject() {
    let (source, target) = pair(recorded()).await;
    let (mut wrong, mut planted) = (Vec::new(), 0);
    for fault in users().into_iter().chain(clients()).chain(realms()) {
        let mut answers = recorded();
        (fault.plant)(&mut answers);
        target.contents().answers = answers;
        let results = compare(&source, &target).await;
        let expected: BTreeSet<_> = fault
            .told
            .iter()
            .map(|(kind, subject)| (kind.to_string(), (*subject).to_owned(), Outcome::Different))
            .collect();
        let told = told(&results);
        if told != expected {
            wrong.push(format!("{}: expected {expected:?}, told {told:?}", fault.name));
        }
        assert!(!format!("{results:?}").contains("s3cret"), "{} shows a secret", fault.name);
        planted += 1;
    }
    assert!(wrong.is_empty(), "{} of {planted}:\n{}", wrong.len(), wrong.join("\n"));
    // Nothing was written but the sessions of the comparison, which end with it.
    for side in [&source, &target] {
        let contents = side.contents();
        let of = |what: &str| contents.written.iter().filter(|(_, path, _)| path.ends_with(what)).count();
        assert_eq!((of("/token"), of("/logout"), contents.written.len()), (planted, planted, 2 * planted));
    }
}

#[tokio::test]
async fn clean_twins_are_silent() {
    let twins: [(&str, fn(&mut Answers)); 5] = [
        ("the same answers", |_| {}),
        ("every list in another order", |a| a.values_mut().for_each(reverse)),
        ("other internal identifiers", renumber),
        ("other time stamps", |a| a.values_mut().for_each(age)),
        ("settings that are JSON, written otherwise", |a| a.values_mut().for_each(respell)),
    ];
    let (source, target) = pair(recorded()).await;
    for (name, rewrite) in twins {
        let mut answers = recorded();
        rewrite(&mut answers);
        assert!(name == "the same answers" || answers != recorded(), "{name} changes nothing");
        target.contents().answers = answers;
        let results = compare(&source, &target).await;
        for result in &results {
            assert!(result.compared > 0, "{name}: {} compared nothing", result.check);
            assert!(result.findings.is_empty(), "{name}: {:#?}", result.findings);
        }
    }
}

fn reverse(json: &mut Json) {
    match json {
        Json::Array(items) => {
            items.reverse();
            items.iter_mut().for_each(reverse);
        }
        Json::Object(parts) => parts.values_mut().for_each(reverse),
        _ => {}
    }
}

/// Gives another identifier to everything but users, groups (others store theirs) and keys (tokens name theirs).
fn renumber(answers: &mut Answers) {
    let text = serde_json::to_string(answers).expect("JSON");
    let mut kept: Vec<Json> = ["/users", "/groups"].iter().map(|path| at(answers, path).clone()).collect();
    kept.push(at(answers, "/keys")["active"].clone());
    let parts = answers
        .iter()
        .filter(|(path, _)| path.ends_with("/children") || path.ends_with("/service-account-user"));
    kept.extend(parts.map(|(_, answer)| answer.clone()));
    let kept = Json::from(kept).to_string();
    let mut renamed = text.clone();
    for (at, _) in text.match_indices('-').filter(|(at, _)| *at >= 8) {
        let Some(id) = text.get(at - 8..at + 28) else { continue };
        let is_uuid = id.char_indices().all(|(i, c)| match i {
            8 | 13 | 18 | 23 => c == '-',
            _ => c.is_ascii_hexdigit(),
        });
        // The realm is the parent that groups and users do not name.
        if is_uuid && !kept.contains(id) && !id.starts_with("ffffffff") {
            renamed = renamed.replace(id, &format!("ffffffff{}", &id[8..]));
        }
    }
    *answers = serde_json::from_str(&renamed).expect("JSON");
}

fn age(json: &mut Json) {
    match json {
        Json::Array(items) => items.iter_mut().for_each(age),
        Json::Object(parts) => {
            if let Some(created) = parts.get_mut("createdTimestamp") {
                *created = json!(1);
            }
            parts.values_mut().for_each(age);
        }
        _ => {}
    }
}

/// Writes JSON inside of texts with spaces.
fn respell(json: &mut Json) {
    match json {
        Json::Array(items) => items.iter_mut().for_each(respell),
        Json::Object(parts) => parts.values_mut().for_each(respell),
        Json::String(text) if text.starts_with('{') => {
            if let Ok(inner) = serde_json::from_str::<BTreeMap<String, Json>>(text) {
                let parts: Vec<String> = inner.iter().rev().map(|(k, v)| format!("\"{k}\" : {v}")).collect();
                *text = format!("{{ {} }}", parts.join(", "));
            }
        }
        _ => {}
    }
}

/// A path with `*` in the place of identifiers: one of each sort is enough.
fn sort_of(path: &str) -> String {
    let part = |part: &str| if part.len() == 36 { "*".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn what_both_servers_hide_is_never_green_and_what_one_cannot_tell_is_never_red() {
    // A server may have none of these: what is not there on both sides is no difference.
    const OPTIONAL: [&str; 3] = ["/localization", "/service-account-user", "/authentication/config/"];
    let (source, target) = pair(recorded()).await;
    let sorts: BTreeMap<String, String> = recorded().into_keys().map(|path| (sort_of(&path), path)).collect();
    for (sort, path) in sorts {
        let optional = OPTIONAL.iter().any(|part| sort.contains(part)) || sort.ends_with("/settings");
        for side in [&source, &target] {
            side.contents().statuses = BTreeMap::from([(path.clone(), 404)]);
        }
        let both = told(&compare(&source, &target).await);
        let silent = both.iter().all(|(.., outcome)| *outcome != Outcome::NotProven);
        assert!(!silent || optional, "{path} hidden by both sides: {both:?}");
        target.contents().statuses.clear();
        // Of the account's rights, or of the server's health: it is the same for what may be said.
        let status = if path.len().is_multiple_of(2) { 403 } else { 500 };
        source.contents().statuses = BTreeMap::from([(path.clone(), status)]);
        let one = told(&compare(&source, &target).await);
        let red = one.iter().any(|(.., outcome)| *outcome == Outcome::Different);
        assert!(!red && !one.is_empty(), "{path} with status {status} on the source: {one:?}");
    }
}

#[tokio::test]
async fn what_needs_rights_of_its_own_leaves_the_rest_compared() {
    let mut faulty = recorded();
    for fault in users().iter().filter(|f| f.name == "user disabled") {
        (fault.plant)(&mut faulty);
    }
    let (source, target) = pair(faulty).await;
    let kept =
        |path: &&String| path.ends_with("/organizations") || path.ends_with("authz/resource-server/settings");
    let kept: Vec<String> = recorded().keys().filter(kept).cloned().collect();
    for path in &kept {
        target.contents().statuses.insert(path.clone(), 403);
    }
    for client in at(&mut target.contents().answers, "/clients").as_array_mut().expect("a list") {
        if client["secret"].is_string() {
            client["secret"] = json!("**********");
        }
    }
    let not_compared =
        |subject: &str| (Kind::NotCompared.to_string(), subject.to_owned(), Outcome::NotProven);
    let expected = BTreeSet::from([
        (Kind::Changed.to_string(), "users/enabled".to_owned(), Outcome::Different),
        not_compared("organizations"),
        not_compared("authorization-objects"),
        not_compared("clients/secrets"),
    ]);
    let results = compare(&source, &target).await;
    assert_eq!((told(&results), kept.len()), (expected, 2), "{results:#?}");
}

#[tokio::test]
async fn a_refused_account_and_a_server_that_is_not_there_are_not_compared() {
    let (source, target) = pair(recorded()).await;
    let mut stranger = target.endpoint();
    stranger.user = "stranger".to_owned();
    let mut gone = target.endpoint();
    gone.url = "http://127.0.0.1:1".to_owned();
    for endpoint in [stranger, gone] {
        for results in [
            keycloak_servers(&source.endpoint(), &endpoint, &[]).await,
            keycloak_servers(&endpoint, &source.endpoint(), &[]).await,
        ] {
            assert_eq!(results.len(), 3);
            assert!(results.iter().flat_map(|r| &r.findings).all(|f| f.outcome == Outcome::NotProven));
            assert!(results.iter().all(|r| r.findings.len() == 1 && r.compared == 0), "{results:#?}");
        }
    }
}
