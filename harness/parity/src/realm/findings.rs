//! Findings: one for each realm, kind of object and aspect, with how many are concerned and the first of them.

use super::difference::Difference;
use super::model::{Aspect, ObjectKind, Value};
use super::pairing::{Lonely, Pairing, Place};
use super::users::UserComparison;
use super::wording::{How, lonely, slug, words};
use drydock_core::finding::Precision;
use drydock_core::{Finding, Kind, Outcome, Sample};
use std::collections::{BTreeMap, BTreeSet};

/// Everything a comparison found, before it is told.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// First part of every subject: the database, or a name for the server.
    pub label: String,
    /// Objects, put together.
    pub pairing: Pairing,
    /// What differs about objects.
    pub differences: Vec<Difference>,
    /// Users.
    pub users: UserComparison,
    /// Users under other identifiers, and groups.
    pub other_ids: Vec<(ObjectKind, Place)>,
    /// How many differing facts about users were not looked at one by one, at least.
    pub unexamined: u64,
}

/// Differences of objects in the same realm that mean the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Topic {
    check: &'static str,
    realm: String,
    kind: ObjectKind,
    aspect: Aspect,
    /// Type of credential; empty for every other aspect.
    name: String,
    how: How,
    /// Whether nothing of the sort is left on the target.
    none_left: bool,
}

/// Tells what was found.
pub fn describe(report: &Report) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (list, how) in [(&report.pairing.missing, How::Lost), (&report.pairing.extra, How::Gained)] {
        findings.extend(describe_lonely(&report.label, list.iter().map(entry), how));
    }
    for (list, how) in [(&report.users.missing, How::Lost), (&report.users.extra, How::Gained)] {
        let users = list.iter().map(|place| (ObjectKind::User, place.clone(), 0));
        findings.extend(describe_lonely(&report.label, users, how));
    }
    let (rehashed, differences) = set_aside_rehashed(report);
    findings.extend(describe_differences(&report.label, &differences));
    findings.extend(describe_rehashed(&report.label, &rehashed));
    findings.extend(describe_ids(&report.label, &report.other_ids));
    if report.unexamined > 0 {
        findings.push(unexamined(&report.label, report.unexamined));
    }
    findings
}

fn entry(lonely: &Lonely) -> (ObjectKind, Place, u64) {
    (lonely.kind, lonely.place.clone(), lonely.parts)
}

fn describe_lonely(
    label: &str,
    list: impl Iterator<Item = (ObjectKind, Place, u64)>,
    how: How,
) -> Vec<Finding> {
    let mut topics = BTreeMap::<(&'static str, String, ObjectKind), (u64, Vec<String>)>::new();
    for (kind, place, parts) in list {
        let check = kind.check(place.inside_client);
        let topic = topics.entry((check, place.realm.clone(), kind)).or_default();
        topic.0 += parts;
        topic.1.push(shown(&place));
    }
    let make =
        |((check, realm, kind), (parts, items)): ((&'static str, String, ObjectKind), (u64, Vec<String>))| {
            let count = items.len() as u64;
            let (kind_of_difference, verb) = match (how, count) {
                (How::Gained, 1) => (Kind::Extra, "is on the target only"),
                (How::Gained, _) => (Kind::Extra, "are on the target only"),
                (_, 1) => (Kind::Missing, "is missing on the target"),
                (_, _) => (Kind::Missing, "are missing on the target"),
            };
            let (means, next) = lonely(kind, how);
            let with = if parts > 0 {
                format!(", with {parts} more things that belong to it")
            } else {
                String::new()
            };
            let message = format!("realm {realm}: {} {verb}{with}: {means}", counted(kind, count));
            Finding::access(check, kind_of_difference, format!("{label}/{realm}/{}", slug_of(kind)), message)
                .items(count, items.into_iter().map(Sample::named))
                .next(next)
        };
    topics.into_iter().map(make).collect()
}

fn describe_differences(label: &str, differences: &[Difference]) -> Vec<Finding> {
    let mut topics = BTreeMap::<Topic, Vec<&Difference>>::new();
    for difference in differences {
        let how = match (difference.lost.is_empty(), difference.gained.is_empty()) {
            (false, true) => How::Lost,
            (true, _) => How::Gained,
            _ => How::Changed,
        };
        let credential = difference.aspect == Aspect::Credential;
        let topic = Topic {
            check: difference.kind.check(difference.place.inside_client),
            realm: difference.place.realm.clone(),
            kind: difference.kind,
            aspect: difference.aspect,
            name: if credential { credential_type(&difference.name).to_owned() } else { String::new() },
            how,
            none_left: credential && how == How::Lost && difference.kept == 0,
        };
        topics.entry(topic).or_default().push(difference);
    }
    topics.into_iter().map(|(topic, list)| describe_topic(label, &topic, &list)).collect()
}

fn describe_topic(label: &str, topic: &Topic, list: &[&Difference]) -> Finding {
    let objects: BTreeSet<&Place> = list.iter().map(|d| &d.place).collect();
    let count = objects.len() as u64;
    let words = words(topic.kind, topic.aspect, &topic.name, topic.how, count == 1);
    let what = if topic.none_left {
        let have = if count == 1 { "has" } else { "have" };
        format!("{have} no {} credential on the target", topic.name)
    } else {
        words.what
    };
    let realm = &topic.realm;
    // A realm differs in itself: naming it once is enough.
    let who = match topic.kind {
        ObjectKind::Realm => format!("realm {realm}"),
        kind => format!("realm {realm}: {}", counted(kind, count)),
    };
    let kind = match topic.how {
        How::Lost => Kind::Missing,
        How::Gained => Kind::Extra,
        How::Changed => Kind::Changed,
    };
    let first = list.first().map(|d| sample(d).item).unwrap_or_default();
    let message = format!("{who} {what}, the first being {first}: {}", words.means);
    let subject = match topic.kind {
        ObjectKind::Realm => format!("{label}/{realm}/{}", slug(topic.aspect)),
        kind => format!("{label}/{realm}/{}/{}", slug_of(kind), slug(topic.aspect)),
    };
    Finding::access(topic.check, kind, subject, message)
        .items(count, list.iter().map(|d| sample(d)))
        .next(words.next)
}

/// Splits `password parameters` from `password`.
fn credential_type(name: &str) -> &str {
    name.split(' ').next().unwrap_or(name)
}

fn sample(difference: &Difference) -> Sample {
    let path = shown(&difference.place);
    let item = match (difference.name.is_empty(), difference.kind) {
        (true, _) => path,
        (false, ObjectKind::Realm) => difference.name.clone(),
        (false, _) => format!("{path}: {}", difference.name),
    };
    let side = |values: &[Value]| {
        let texts: Vec<String> = values.iter().map(Value::shown).collect();
        (!texts.is_empty()).then(|| texts.join(", "))
    };
    let (mut source, mut target) = (side(&difference.lost), side(&difference.gained));
    // The difference of two long values must stay visible.
    if let ([Value::Text(a)], [Value::Text(b)]) = (difference.lost.as_slice(), difference.gained.as_slice()) {
        let (a, b) = crate::text::shorten_pair(a, b);
        (source, target) = (Some(a), Some(b));
    }
    Sample::both(item, source, target)
}

/// Takes passwords out that were hashed anew with other parameters, as Keycloak does at a login after its defaults or the
/// password policy changed: nobody can tell from the hashes whether it is still the same password.
fn set_aside_rehashed(report: &Report) -> (Vec<&Place>, Vec<Difference>) {
    type Seen<'a> = BTreeMap<&'a Place, BTreeSet<(&'a str, bool)>>;
    let mut seen = Seen::new();
    for d in report.users.differences.iter().filter(|d| d.aspect == Aspect::Credential) {
        let one_for_one = d.lost.len() == 1 && d.gained.len() == 1;
        seen.entry(&d.place).or_default().insert((d.name.as_str(), one_for_one));
    }
    let wanted = BTreeSet::from([("password", true), ("password parameters", true)]);
    let rehashed: Vec<&Place> = seen.into_iter().filter(|(_, s)| *s == wanted).map(|(p, _)| p).collect();
    let all = report.differences.iter().chain(&report.users.differences);
    let kept = all.filter(|d| {
        let credential = d.aspect == Aspect::Credential;
        // When a credential was made says nothing about logins; it only tells a new password from a new hash.
        let only_since = credential && d.name.ends_with(" since");
        !(only_since || credential && rehashed.binary_search(&&d.place).is_ok())
    });
    let mut kept: Vec<Difference> = kept.cloned().collect();
    // A lost credential loses its parameters with it: told once.
    let lost: BTreeSet<(Place, String)> = kept
        .iter()
        .filter(|d| d.aspect == Aspect::Credential && !d.name.contains(' '))
        .map(|d| (d.place.clone(), d.name.clone()))
        .collect();
    kept.retain(|d| {
        let part = d.aspect == Aspect::Credential && d.name.contains(' ');
        !(part && lost.contains(&(d.place.clone(), credential_type(&d.name).to_owned())))
    });
    (rehashed, kept)
}

fn describe_rehashed(label: &str, rehashed: &[&Place]) -> Vec<Finding> {
    let mut realms = BTreeMap::<&str, Vec<&Place>>::new();
    for place in rehashed {
        realms.entry(&place.realm).or_default().push(place);
    }
    let make = |(realm, users): (&str, Vec<&Place>)| {
        let count = users.len() as u64;
        let message = format!(
            "realm {realm}: the password of {} was hashed anew with other parameters, as after a login on the target: \
             whether it is the same password cannot be told",
            counted(ObjectKind::User, count)
        );
        let check = ObjectKind::User.check(false);
        let mut finding =
            Finding::access(check, Kind::NotCompared, format!("{label}/{realm}/users/credentials"), message)
                .items(count, users.iter().map(|p| Sample::named(p.path.clone())))
                .next("compare before anybody logs in on the target, or let these users log in once more");
        finding.outcome = Outcome::NotProven;
        finding
    };
    realms.into_iter().map(make).collect()
}

/// Identifiers that others store: the subject of tokens, and the groups that Management Identity assigns.
fn describe_ids(label: &str, other: &[(ObjectKind, Place)]) -> Vec<Finding> {
    let mut topics = BTreeMap::<(&str, ObjectKind), Vec<&Place>>::new();
    for (kind, place) in other {
        topics.entry((&place.realm, *kind)).or_default().push(place);
    }
    let make = |((realm, kind), places): ((&str, ObjectKind), Vec<&Place>)| {
        let count = places.len() as u64;
        let (carries, means) = match kind {
            ObjectKind::User => (
                "another identifier (the claim sub of their tokens)",
                "whatever applications stored under it, such as the projects of Web Modeler, is no longer theirs",
            ),
            _ => (
                "another identifier",
                "what Management Identity assigned to it by identifier is no longer assigned",
            ),
        };
        let verb = if count == 1 { "has" } else { "have" };
        let message =
            format!("realm {realm}: {} {verb} {carries} on the target: {means}", counted(kind, count));
        Finding::access(
            kind.check(false),
            Kind::Changed,
            format!("{label}/{realm}/{}/ids", slug_of(kind)),
            message,
        )
        .items(count, places.iter().map(|p| Sample::named(shown(p))))
        .next("move the database, or import with the identifiers of an export, rather than making users anew")
    };
    topics.into_iter().map(make).collect()
}

/// Differences beyond those that were looked at one by one.
fn unexamined(label: &str, at_least: u64) -> Finding {
    let message = format!("at least {at_least} facts about users differ beyond those examined one by one");
    let subject = format!("{label}/users");
    let mut finding = Finding::access(ObjectKind::User.check(false), Kind::Changed, subject, message)
        .items(at_least, [])
        .next("repair what is named above, then compare again");
    finding.precision = Precision::AtLeast;
    finding
}

fn shown(place: &Place) -> String {
    if place.path.is_empty() { place.realm.clone() } else { place.path.clone() }
}

fn counted(kind: ObjectKind, count: u64) -> String {
    if count == 1 { format!("1 {}", kind.one()) } else { format!("{count} {}", kind.many()) }
}

fn slug_of(kind: ObjectKind) -> String {
    kind.many().replace(' ', "-")
}
