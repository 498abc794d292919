//! A login on both sides: what is refused on one of them only is told, what is refused on both is nobody's loss.

use crate::fake_keycloak::{FakeKeycloak, Login};
use drydock_core::{Class, Kind, Outcome};
use drydock_stores::compare::{CheckResult, keycloak_logins};
use drydock_stores::keycloak::LoginRequest;
use secrecy::SecretString;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

const SUBJECT: &str = "keycloak/camunda-platform/logins/anna";

fn request() -> LoginRequest {
    LoginRequest {
        realm: "camunda-platform".to_owned(),
        user: Some(("anna".to_owned(), SecretString::from("anna-s3cret"))),
        client: "operate".to_owned(),
        client_secret: Some(SecretString::from("operate-s3cret")),
    }
}

fn token(roles: &Json) -> Login {
    Login::Token(
        json!({"iss": "https://id.example/realms/camunda-platform", "sub": "u1", "iat": 1, "exp": 301,
        "realm_access": {"roles": roles}, "preferred_username": "anna"}),
    )
}

fn refused() -> Login {
    Login::Refused("invalid_grant", "Account disabled")
}

async fn compare(source: Login, target: Login, request: &LoginRequest) -> (CheckResult, [FakeKeycloak; 2]) {
    let sides = [FakeKeycloak::start(BTreeMap::new()).await, FakeKeycloak::start(BTreeMap::new()).await];
    for (side, login) in sides.iter().zip([source, target]) {
        side.contents().logins.insert(request.who().to_owned(), login);
    }
    (keycloak_logins(&sides[0].endpoint(), &sides[1].endpoint(), request).await, sides)
}

#[tokio::test]
async fn equal_tokens_are_equal_and_the_session_ends() {
    let roles = |list| token(&list);
    let (result, sides) =
        compare(roles(json!(["Operate", "Tasklist"])), roles(json!(["Tasklist", "Operate"])), &request())
            .await;
    assert!(result.findings.is_empty() && result.compared == 1, "{result:#?}");
    for side in &sides {
        let written = side.contents().written.clone();
        let paths: Vec<&str> = written.iter().filter_map(|(_, path, _)| path.rsplit('/').next()).collect();
        assert_eq!(paths, ["token", "logout"]);
        assert!(written[0].2.contains("grant_type=password") && written[1].2.contains("refresh-s3cret"));
    }
}

#[tokio::test]
async fn each_way_a_login_can_differ_is_told_for_what_it_is() {
    let good = || token(&json!(["Operate"]));
    let table = [
        (good(), refused(), Kind::Unusable, Outcome::Different, ""),
        (refused(), good(), Kind::Extra, Outcome::Different, ""),
        (refused(), refused(), Kind::OldDirt, Outcome::NotProven, ""),
        (good(), Login::Broken(503), Kind::NotCompared, Outcome::NotProven, ""),
        (Login::Broken(500), refused(), Kind::NotCompared, Outcome::NotProven, ""),
        (good(), token(&json!([])), Kind::Missing, Outcome::Different, "/roles"),
        (good(), token(&json!(["Operate", "admin"])), Kind::Extra, Outcome::Different, "/roles"),
    ];
    for (source, target, kind, outcome, below) in table {
        let name = format!("{source:?} against {target:?}");
        let (result, _sides) = compare(source, target, &request()).await;
        let [finding] = result.findings.as_slice() else { panic!("{name}: {result:#?}") };
        assert_eq!(finding.subject, format!("{SUBJECT}{below}"), "{name}");
        assert_eq!((finding.kind, finding.outcome), (kind, outcome), "{name}");
        let access = outcome == Outcome::Different || kind == Kind::OldDirt;
        assert_eq!(finding.class == Class::Access, access, "{name}");
        let text = format!("{result:?}");
        assert!(!text.contains("s3cret") && !text.contains("eyJ"), "{name} shows a secret or a token");
    }
}

#[tokio::test]
async fn a_client_logs_in_by_itself() {
    let request = LoginRequest { user: None, ..request() };
    let (result, sides) = compare(token(&json!([])), refused(), &request).await;
    assert_eq!(result.findings.len(), 1, "{result:#?}");
    assert_eq!(result.findings[0].subject, "keycloak/camunda-platform/logins/operate");
    assert!(sides[0].contents().written[0].2.contains("grant_type=client_credentials"));
}
