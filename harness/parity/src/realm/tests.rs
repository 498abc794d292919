//! Realms made up in memory: clean variants stay silent, and whatever is changed is told by its check.

use super::*;
use crate::buckets::BucketTable;
use crate::digest::DigestKey;
use drydock_core::names::checks::{KC_CLIENTS, KC_REALMS, KC_USERS};
use drydock_core::{Finding, Kind, Outcome};
use std::collections::BTreeSet;

fn object(kind: ObjectKind, id: &str, parent: Option<(ObjectKind, &str)>, name: &str) -> Object {
    let parent = parent.map(|(kind, id)| (kind, id.to_owned()));
    Object { kind, id: id.to_owned(), parent, name: name.to_owned(), facts: Facts::default() }
}

/// Two realms with a role, groups inside each other, a client with a secret and a role of its own, and two equal steps.
/// `prefix` is what identifiers begin with.
fn realms(prefix: &str) -> Realms {
    let id = |name: &str| format!("{prefix}{name}");
    let mut objects = Vec::new();
    for realm in ["master", "platform"] {
        let own = |name: &str| id(&format!("{realm}-{name}"));
        let root = own("realm");
        let inside = Some((ObjectKind::Realm, root.as_str()));
        objects.push(object(ObjectKind::Realm, &root, None, realm));
        objects.push(object(ObjectKind::Role, &own("role"), inside, "operator"));
        objects.push(object(ObjectKind::Group, &own("group"), inside, "ops"));
        objects.push(object(
            ObjectKind::Group,
            &own("team"),
            Some((ObjectKind::Group, &own("group"))),
            "team",
        ));
        let mut client = object(ObjectKind::Client, &own("client"), inside, "operate");
        client.facts.add(Aspect::Secret, "secret", sealer().secret("s3cret"));
        client.facts.text(Aspect::RedirectUris, "", "https://a");
        client.facts.text(Aspect::RedirectUris, "", "https://b");
        client.facts.add(Aspect::Roles, "scope", Value::Reference(own("role")));
        objects.push(client);
        objects.push(object(
            ObjectKind::Role,
            &own("client-role"),
            Some((ObjectKind::Client, &own("client"))),
            "write",
        ));
        let mut key = object(ObjectKind::Key, &own("key"), inside, "rsa");
        key.facts.add(Aspect::KeyMaterial, "privateKey", sealer().secret("pem s3cret"));
        objects.push(key);
        for priority in ["10", "20"] {
            let mut step = object(ObjectKind::Execution, &own(priority), inside, "otp");
            step.facts.text(Aspect::Setting, "priority", priority);
            objects.push(step);
        }
    }
    Realms { objects }
}

fn sealer() -> Sealer {
    Sealer::new(DigestKey::derived("test"))
}

fn users(prefix: &str) -> Vec<UserFact> {
    let mut facts = Vec::new();
    for n in 0..40 {
        let who = UserFact {
            realm_id: format!("{prefix}platform-realm"),
            user: format!("user{n}"),
            id: format!("{prefix}u{n}"),
            about: None,
        };
        let mut tell = |aspect, name: &str, value| {
            facts.push(UserFact { about: Some((aspect, name.to_owned(), value)), ..who.clone() });
        };
        tell(Aspect::Credential, "password", sealer().secret(&format!("hash s3cret {n}")));
        tell(Aspect::Credential, "password parameters", sealer().credential(r#"{"hashIterations":5}"#));
        tell(Aspect::Credential, "password since", Value::Text(n.to_string()));
        tell(Aspect::Roles, "", Value::Reference(format!("{prefix}platform-role")));
        tell(Aspect::Groups, "", Value::Reference(format!("{prefix}platform-team")));
        facts.push(who);
    }
    facts
}

fn compare(source: &Realms, target: &Realms, ours: &[UserFact], theirs: &[UserFact]) -> Vec<Finding> {
    let pairing = Pairing::of(source, target);
    let differences = compare_objects(source, target, &pairing);
    let digest = |facts: &[UserFact], names: &Names| {
        let mut digests = UserDigests::new(64, sealer().key());
        facts.iter().for_each(|fact| digests.add(fact.clone(), names));
        digests
    };
    let (a, b) = (digest(ours, &pairing.source), digest(theirs, &pairing.target));
    let selection = BucketTable::differing(&a.buckets, &b.buckets, 10_000);
    let collect = |facts: &[UserFact], names: &Names| {
        let mut collected = Collected::new(selection.clone(), sealer().key());
        facts.iter().for_each(|fact| collected.add(fact.clone(), names));
        collected
    };
    let users = compare_users(collect(ours, &pairing.source), collect(theirs, &pairing.target));
    describe(&Report { label: "kc".into(), pairing, differences, users, ..Report::default() })
}

#[test]
fn other_identifiers_and_another_order_are_no_difference() {
    let (source, mut target) = (realms("a-"), realms("b-"));
    target.objects.reverse();
    let mut theirs = users("b-");
    theirs.reverse();
    assert_eq!(compare(&source, &target, &users("a-"), &theirs), []);
    let (mut ours, mut others) = (UserIdentifiers::default(), UserIdentifiers::default());
    let pairing = Pairing::of(&source, &target);
    users("a-").iter().for_each(|fact| ours.add(fact, &pairing.source));
    theirs.iter().for_each(|fact| others.add(fact, &pairing.target));
    assert_eq!(ours.differing(&others).len(), 40);
    assert_eq!(ours.differing(&ours.clone()), []);
}

#[test]
fn a_renamed_group_is_told_once_and_not_by_its_members() {
    let (source, mut target) = (realms("a-"), realms("a-"));
    for group in target.objects.iter_mut().filter(|o| o.id == "a-platform-group") {
        group.name = "operations".to_owned();
    }
    let found = compare(&source, &target, &users("a-"), &users("a-"));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(
        (found[0].subject.as_str(), found[0].check.as_str()),
        ("kc/platform/groups/settings", KC_REALMS)
    );
    assert_eq!(found[0].samples[0].target.as_deref(), Some("operations"));
}

#[test]
fn every_fact_of_every_object_counts() {
    let source = realms("a-");
    for at in 0..source.objects.len() {
        let mut target = source.clone();
        let gone = target.objects.remove(at);
        let found = compare(&source, &target, &[], &[]);
        assert!(found.iter().any(|f| f.kind == Kind::Missing), "{gone:?} is not missed");
        for (key, values) in &source.objects[at].facts.0 {
            for (change, altered) in [("lost", vec![]), ("changed", vec![Value::Text("other".into())])] {
                let mut target = source.clone();
                target.objects[at].facts.0.insert(key.clone(), altered);
                let found = compare(&source, &target, &[], &[]);
                assert!(!found.is_empty(), "{key:?} of {:?} {change}", source.objects[at].name);
                assert!(!format!("{found:?}").contains("s3cret"));
            }
            let mut target = source.clone();
            target.objects[at].facts.0.insert(key.clone(), [values.as_slice(), &values[..1]].concat());
            assert!(!compare(&source, &target, &[], &[]).is_empty(), "{key:?} doubled");
        }
    }
}

#[test]
fn every_fact_of_every_user_counts() {
    let (source, ours) = (realms("a-"), users("a-"));
    for at in 0..ours.len() {
        // How old a credential is matters only together with a new hash.
        if matches!(&ours[at].about, Some((_, name, _)) if name.ends_with("since")) {
            continue;
        }
        let mut theirs = ours.clone();
        theirs.remove(at);
        let found = compare(&source, &source, &ours, &theirs);
        assert!(found.iter().any(|f| f.check.as_str() == KC_USERS), "{:?} is not missed", ours[at]);
        let mut theirs = ours.clone();
        theirs.push(ours[at].clone());
        assert!(!compare(&source, &source, &ours, &theirs).is_empty(), "{:?} doubled", ours[at]);
    }
}

#[test]
fn what_it_means_is_said() {
    let (source, ours) = (realms("a-"), users("a-"));
    let without: Vec<UserFact> = ours
        .iter()
        .filter(|f| {
            let credential = matches!(&f.about, Some((Aspect::Credential, ..)));
            !(credential && ["user3", "user4", "user5"].contains(&f.user.as_str()))
        })
        .cloned()
        .collect();
    let found = compare(&source, &source, &ours, &without);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].message.contains("3 users have no password credential on the target"),
        "{}",
        found[0].message
    );
    assert_eq!((found[0].count, found[0].samples.len()), (3, 3));

    let mut target = source.clone();
    target.objects.retain(|o| o.id != "a-platform-client");
    let found = compare(&source, &target, &[], &[]);
    assert!(
        found.iter().any(|f| f.check.as_str() == KC_CLIENTS && f.message.contains("1 client is missing"))
    );
}

#[test]
fn a_hash_made_anew_proves_nothing_and_a_new_password_differs() {
    let (source, ours) = (realms("a-"), users("a-"));
    let change = |names: &[&str]| -> Vec<UserFact> {
        let changed = |fact: &UserFact| match &fact.about {
            Some((aspect, name, _)) if fact.user == "user7" && names.contains(&name.as_str()) => {
                let about = Some((*aspect, name.clone(), sealer().secret("anew")));
                UserFact { about, ..fact.clone() }
            }
            _ => fact.clone(),
        };
        ours.iter().map(changed).collect()
    };
    let outcome = |names: &[&str]| -> BTreeSet<Outcome> {
        compare(&source, &source, &ours, &change(names)).iter().map(|f| f.outcome).collect()
    };
    assert_eq!(outcome(&["password", "password parameters"]), BTreeSet::from([Outcome::NotProven]));
    assert_eq!(outcome(&["password"]), BTreeSet::from([Outcome::Different]));
    assert_eq!(outcome(&["password parameters"]), BTreeSet::from([Outcome::Different]));
    let reset = ["password", "password parameters", "password since"];
    assert_eq!(outcome(&reset), BTreeSet::from([Outcome::Different]));
    assert_eq!(outcome(&["password since"]), BTreeSet::new());
}

#[test]
fn an_upgrade_may_add_definitions_and_nothing_that_opens_a_door() {
    let source = realms("a-");
    let mut target = source.clone();
    target.objects.push(object(
        ObjectKind::ClientScope,
        "n",
        Some((ObjectKind::Realm, "a-platform-realm")),
        "basic",
    ));
    target.objects.push(object(
        ObjectKind::Client,
        "m",
        Some((ObjectKind::Realm, "a-platform-realm")),
        "intruder",
    ));
    for client in target.objects.iter_mut().filter(|o| o.id == "a-platform-client") {
        client.facts.text(Aspect::RedirectUris, "", "https://evil");
        client.facts.text(Aspect::Attribute, "new.default", "true");
    }
    let mut pairing = Pairing::of(&source, &target);
    let mut differences = compare_objects(&source, &target, &pairing);
    assert_eq!(take_added_by_upgrade(&mut differences, &mut pairing), 2);
    assert_eq!(differences.len(), 1);
    assert_eq!(differences[0].aspect, Aspect::RedirectUris);
    assert_eq!(pairing.extra.len(), 1);
}
