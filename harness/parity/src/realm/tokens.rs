//! What a login gave: the claims of two access tokens, without what every token has of its own.

use super::difference::{Difference, compare_facts};
use super::model::{Aspect, Facts, ObjectKind, Value};
use super::pairing::Place;
use super::secrecy::Sealer;
use drydock_core::{Finding, Kind, Sample};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// Claims that differ from one login to the next, or say from where it came.
const OF_THE_MOMENT: [&str; 13] = [
    "exp",
    "iat",
    "nbf",
    "auth_time",
    "jti",
    "sid",
    "session_state",
    "nonce",
    "at_hash",
    "c_hash",
    "s_hash",
    "clientHost",
    "clientAddress",
];

/// Who logged in, for subjects and messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginName {
    /// First part of every subject.
    pub label: String,
    /// Realm.
    pub realm: String,
    /// User or client.
    pub who: String,
}

impl LoginName {
    /// What findings about the login are about.
    pub fn subject(&self) -> String {
        format!("{}/{}/logins/{}", self.label, self.realm, self.who)
    }
}

/// Compares the claims of two access tokens that the same login gave on two sides. Lists are sets, and `scope` is a list.
pub fn compare_claims(source: &Json, target: &Json, name: &LoginName, sealer: &Sealer) -> Vec<Finding> {
    let place = Place { realm: name.realm.clone(), path: name.who.clone(), inside_client: false };
    let mut differences = Vec::new();
    let (before, now) = (lifetime(source), lifetime(target));
    // A server reads its clock once for the beginning and once for the end: a second may pass in between.
    let same = before.zip(now).is_some_and(|(before, now)| before.abs_diff(now) <= 1);
    let (a, b) = (facts(source, before, sealer), facts(target, if same { before } else { now }, sealer));
    compare_facts(ObjectKind::User, &place, &a, &b, &mut differences);
    let mut topics = BTreeMap::<(Aspect, Kind), Vec<&Difference>>::new();
    for difference in &differences {
        let kind = match (difference.lost.is_empty(), difference.gained.is_empty()) {
            (false, true) => Kind::Missing,
            (true, _) => Kind::Extra,
            _ => Kind::Changed,
        };
        topics.entry((difference.aspect, kind)).or_default().push(difference);
    }
    topics.into_iter().map(|((aspect, kind), list)| describe(name, aspect, kind, &list)).collect()
}

fn describe(name: &LoginName, aspect: Aspect, kind: Kind, list: &[&Difference]) -> Finding {
    let (slug, what, next) = match aspect {
        Aspect::Roles => (
            "roles",
            "roles",
            "restore the mappings of roles, groups and composites, or the mapper that writes them",
        ),
        Aspect::Groups => ("groups", "groups", "restore the memberships, or the mapper that writes them"),
        Aspect::Scopes => ("client-scopes", "scopes", "give the client its client scopes as on the source"),
        _ => {
            ("claims", "claims", "compare the client's mappers and client scopes, and the user's attributes")
        }
    };
    let verb = match kind {
        Kind::Missing => "lacks",
        Kind::Extra => "has further",
        _ => "has other",
    };
    let message = format!("realm {}: the token of {} on the target {verb} {what}", name.realm, name.who);
    let samples = list.iter().map(|d| {
        let side = |values: &[Value]| {
            let texts: Vec<String> = values.iter().map(Value::shown).collect();
            (!texts.is_empty()).then(|| texts.join(", "))
        };
        Sample::both(d.name.clone(), side(&d.lost), side(&d.gained))
    });
    let check = drydock_core::names::checks::KC_LOGINS;
    Finding::access(check, kind, format!("{}/{slug}", name.subject()), message)
        .items(list.len() as u64, samples)
        .next(next)
}

/// Seconds from a token's beginning to its end.
fn lifetime(claims: &Json) -> Option<i64> {
    claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(end, begin)| end.saturating_sub(begin))
}

/// Claims as facts.
fn facts(claims: &Json, lifetime: Option<i64>, sealer: &Sealer) -> Facts {
    let mut facts = Facts::default();
    for (name, value) in claims.as_object().into_iter().flatten() {
        match (name.as_str(), value) {
            (moment, _) if OF_THE_MOMENT.contains(&moment) => {}
            // Another address is what a migration is for; another realm is not.
            ("iss", Json::String(issuer)) => {
                let realm = issuer.rsplit_once("/realms/").map_or(issuer.as_str(), |(_, realm)| realm);
                facts.text(Aspect::Setting, "iss", realm);
            }
            ("scope", Json::String(scopes)) => {
                scopes.split_whitespace().for_each(|scope| facts.text(Aspect::Scopes, "scope", scope));
            }
            _ => add(name, value, aspect_of(name), &mut facts, sealer),
        }
    }
    if let Some(seconds) = lifetime {
        facts.text(Aspect::Setting, "seconds it lasts", seconds.to_string());
    }
    facts
}

fn aspect_of(claim: &str) -> Aspect {
    match claim {
        "groups" => Aspect::Groups,
        roles if roles.contains("role") || roles.ends_with("_access") => Aspect::Roles,
        _ => Aspect::Setting,
    }
}

fn add(name: &str, value: &Json, aspect: Aspect, facts: &mut Facts, sealer: &Sealer) {
    match value {
        Json::Object(parts) => {
            for (part, value) in parts {
                add(&format!("{name}.{part}"), value, aspect, facts, sealer);
            }
        }
        Json::Array(items) => items.iter().for_each(|item| add(name, item, aspect, facts, sealer)),
        Json::String(text) => facts.add(aspect, name, sealer.value(name, text)),
        other => facts.text(aspect, name, other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::DigestKey;
    use serde_json::json;

    fn told(target: &Json) -> Vec<(Kind, String)> {
        let name = LoginName { label: "kc".into(), realm: "r".into(), who: "anna".into() };
        let sealer = Sealer::new(DigestKey::derived("test"));
        let found = compare_claims(&token(), target, &name, &sealer);
        found.into_iter().map(|f| (f.kind, f.subject.replace("kc/r/logins/anna/", ""))).collect()
    }

    fn token() -> Json {
        json!({
            "exp": 1000, "iat": 700, "jti": "a", "sid": "s", "iss": "https://old.example/auth/realms/r", "sub": "u1",
            "aud": ["operate-api", "account"], "azp": "operate", "scope": "email profile", "groups": ["ops", "dev"],
            "realm_access": {"roles": ["Operate", "Tasklist"]}, "resource_access": {"operate": {"roles": ["write:*"]}},
            "preferred_username": "anna",
        })
    }

    #[test]
    fn another_moment_another_address_and_another_order_are_no_difference() {
        let mut target = token();
        (target["exp"], target["iat"], target["jti"], target["sid"]) =
            (json!(5300), json!(5000), json!("b"), json!("t"));
        target["iss"] = json!("https://new.example/realms/r");
        (target["aud"], target["scope"]) = (json!(["account", "operate-api"]), json!("profile email"));
        (target["groups"], target["realm_access"]["roles"]) =
            (json!(["dev", "ops"]), json!(["Tasklist", "Operate"]));
        assert_eq!(told(&target), []);
        for end in [999, 1001] {
            let mut late = token();
            late["exp"] = json!(end);
            assert_eq!(told(&late), [], "a second passed between two looks at the clock");
        }
        let mut one = token();
        one["aud"] = json!(["x"]);
        let mut plain = token();
        plain["aud"] = json!("x");
        let name = LoginName { label: "kc".into(), realm: "r".into(), who: "anna".into() };
        assert_eq!(compare_claims(&one, &plain, &name, &Sealer::new(DigestKey::derived("test"))), []);
    }

    #[test]
    fn every_claim_that_decides_something_counts() {
        type Change = fn(&mut Json);
        let table: [(Kind, &str, Change); 10] = [
            (Kind::Missing, "roles", |t| t["realm_access"]["roles"] = json!(["Operate"])),
            (Kind::Missing, "roles", |t| t["resource_access"] = json!({})),
            (Kind::Extra, "roles", |t| t["realm_access"]["roles"] = json!(["Operate", "Tasklist", "admin"])),
            (Kind::Changed, "groups", |t| t["groups"] = json!(["/ops", "/dev"])),
            (Kind::Missing, "client-scopes", |t| t["scope"] = json!("email")),
            (Kind::Changed, "claims", |t| t["sub"] = json!("u2")),
            (Kind::Missing, "claims", |t| t["aud"] = json!("account")),
            (Kind::Changed, "claims", |t| t["exp"] = json!(760)),
            (Kind::Changed, "claims", |t| t["exp"] = json!(1002)),
            (Kind::Changed, "claims", |t| t["iss"] = json!("https://old.example/auth/realms/other")),
        ];
        for (kind, subject, change) in table {
            let mut target = token();
            change(&mut target);
            assert_eq!(told(&target), [(kind, subject.to_owned())], "{target}");
        }
    }
}
