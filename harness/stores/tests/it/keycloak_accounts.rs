//! Every account before and after a move: a small Keycloak that remembers what it gave, copied as a database is, and one thing after
//! the other taken from the copy.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use drydock_core::{Kind, Outcome};
use drydock_stores::compare::{CheckResult, KnownAccounts, ask_accounts, keycloak_accounts};
use drydock_stores::keycloak::{KeycloakEndpoint, LoginRequest};
use secrecy::SecretString;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

const REALM: &str = "camunda-platform";
const LOGINS: &str = "keycloak/logins";
const TOKENS: &str = "keycloak/tokens";

/// What the database of a Keycloak holds, as far as it is asked.
#[derive(Clone)]
struct Realm {
    users: BTreeMap<&'static str, User>,
    clients: BTreeMap<&'static str, &'static str>,
    key: &'static str,
    sessions: BTreeSet<String>,
    /// Seconds from 1970 at which tokens end.
    expires: u64,
    takes_any_secret: bool,
    down: bool,
}

#[derive(Clone)]
struct User {
    password: Option<&'static str>,
    enabled: bool,
    roles: Vec<&'static str>,
    sees_users: bool,
}

fn realm() -> Realm {
    let user = |password, enabled, roles: &[&'static str], sees_users| User {
        password: Some(password),
        enabled,
        roles: roles.to_vec(),
        sees_users,
    };
    Realm {
        users: [
            ("anna", user("anna-s3cret", true, &["Operate"], false)),
            ("bernd", user("bernd-s3cret", true, &["Operate", "Tasklist"], true)),
            ("chris", user("chris-s3cret", false, &["Operate"], false)),
        ]
        .into(),
        clients: [("operate", "operate-s3cret"), ("zeebe", "zeebe-s3cret")].into(),
        key: "key-1",
        sessions: BTreeSet::new(),
        expires: 4_000_000_000,
        takes_any_secret: false,
        down: false,
    }
}

fn requests() -> Vec<LoginRequest> {
    let secret = |text: &str| Some(SecretString::from(text.to_owned()));
    let people = [("anna", "operate"), ("bernd", "zeebe"), ("chris", "operate")];
    let of_people = people.map(|(user, client)| LoginRequest {
        realm: REALM.into(),
        user: Some((user.into(), SecretString::from(format!("{user}-s3cret")))),
        client: client.into(),
        client_secret: secret(&format!("{client}-s3cret")),
    });
    let of_clients = ["operate", "zeebe"].map(|client| LoginRequest {
        realm: REALM.into(),
        user: None,
        client: client.into(),
        client_secret: secret(&format!("{client}-s3cret")),
    });
    of_people.into_iter().chain(of_clients).collect()
}

/// A server on a realm of its own.
struct Server {
    realm: Arc<Mutex<Realm>>,
    endpoint: KeycloakEndpoint,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn start(realm: Realm) -> Self {
        let realm = Arc::new(Mutex::new(realm));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://admin:admin-s3cret@{}/auth", listener.local_addr().expect("an address"));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&realm));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("serving") });
        Self { realm, endpoint: KeycloakEndpoint::from_url(&url).expect("an address"), task }
    }
}

async fn answer(
    State(realm): State<Arc<Mutex<Realm>>>,
    headers: HeaderMap,
    uri: Uri,
    body: Bytes,
) -> Response {
    let mut realm = realm.lock().expect("no test panicked here");
    if realm.down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let path = uri.path().strip_prefix("/auth").unwrap_or_default().to_owned();
    let query = form(uri.query().unwrap_or_default());
    let body = form(&String::from_utf8_lossy(&body));
    if path.ends_with("/certs") {
        let keys = json!({"keys": [{"kid": realm.key, "use": "sig"}, {"kid": "other", "use": "enc"}]});
        return axum::Json(keys).into_response();
    }
    if let Some(path) = path.strip_prefix("/admin/realms/camunda-platform") {
        let bearer = headers.get("authorization").and_then(|h| h.to_str().ok()).unwrap_or_default();
        return admin(&realm, path, &query, bearer);
    }
    match path.rsplit('/').next() {
        Some("token") => token(&mut realm, &path, &body),
        Some("introspect") => introspect(&realm, &body),
        Some("logout") => {
            realm.sessions.remove(body.get("refresh_token").map_or("", String::as_str));
            StatusCode::NO_CONTENT.into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn form(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn refused(words: &str) -> Response {
    (StatusCode::UNAUTHORIZED, axum::Json(json!({"error": words}))).into_response()
}

fn granted(realm: &mut Realm, who: &str, roles: &[&str], stays: bool) -> Response {
    let session = format!("session-id-{who}-{}", realm.sessions.len());
    let part = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
    let claims = json!({"who": who, "sid": session, "exp": realm.expires, "iat": realm.expires - 60,
                        "realm_access": {"roles": roles}});
    let access = format!("{}.{}.x", part(&json!({"kid": realm.key})), part(&claims));
    let mut body = json!({"access_token": access, "expires_in": 60});
    if stays {
        realm.sessions.insert(session.clone());
        body["refresh_token"] = session.into();
    }
    axum::Json(body).into_response()
}

fn client_is_good(realm: &Realm, body: &BTreeMap<String, String>) -> bool {
    let (Some(client), Some(secret)) = (body.get("client_id"), body.get("client_secret")) else {
        return false;
    };
    realm.clients.get(client.as_str()).is_some_and(|known| known == secret || realm.takes_any_secret)
}

fn token(realm: &mut Realm, path: &str, body: &BTreeMap<String, String>) -> Response {
    if path.starts_with("/realms/master/") {
        return granted(realm, "admin", &[], false);
    }
    if !client_is_good(realm, body) {
        return refused("unauthorized_client");
    }
    match body.get("grant_type").map(String::as_str) {
        Some("password") => {
            let name = body.get("username").cloned().unwrap_or_default();
            let found = realm.users.get(name.as_str()).cloned();
            let Some(user) = found.filter(|u| u.password == body.get("password").map(String::as_str)) else {
                return refused("invalid_grant");
            };
            if !user.enabled {
                return refused("Account disabled");
            }
            granted(realm, &name, &user.roles, true)
        }
        Some("refresh_token") => {
            let session = body.get("refresh_token").cloned().unwrap_or_default();
            let who = session.split('-').nth(2).unwrap_or_default().to_owned();
            if realm.sessions.contains(&session) {
                granted(realm, &who, &[], true)
            } else {
                refused("Session not active")
            }
        }
        _ => granted(realm, body.get("client_id").map_or("", String::as_str), &["service"], false),
    }
}

fn claims_of(token: &str) -> (String, Json) {
    let part = |nth: usize| -> Json {
        let bytes = token.split('.').nth(nth).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
        serde_json::from_slice(&bytes.unwrap_or_default()).unwrap_or_default()
    };
    (part(0)["kid"].as_str().unwrap_or_default().to_owned(), part(1))
}

fn introspect(realm: &Realm, body: &BTreeMap<String, String>) -> Response {
    if !client_is_good(realm, body) {
        return refused("unauthorized_client");
    }
    let (key, claims) = claims_of(body.get("token").map_or("", String::as_str));
    let (session, who) =
        (claims["sid"].as_str().unwrap_or_default(), claims["who"].as_str().unwrap_or_default());
    let of_client = realm.clients.contains_key(who);
    let active =
        key == realm.key && claims["exp"] != json!(60) && (of_client || realm.sessions.contains(session));
    axum::Json(json!({"active": active})).into_response()
}

fn admin(realm: &Realm, path: &str, query: &BTreeMap<String, String>, bearer: &str) -> Response {
    let who =
        claims_of(bearer.trim_start_matches("Bearer ")).1["who"].as_str().unwrap_or_default().to_owned();
    let allowed = who == "admin" || realm.users.get(who.as_str()).is_some_and(|u| u.sees_users);
    if !allowed {
        return StatusCode::FORBIDDEN.into_response();
    }
    let asked = |name: &str| query.get(name).map(String::as_str);
    let body = match path.split('/').collect::<Vec<_>>()[1..] {
        ["users", "count"] => json!(realm.users.len()),
        ["users"] => {
            let found = realm.users.iter().filter(|(name, _)| asked("username").is_none_or(|n| n == **name));
            found.map(|(name, u)| json!({"id": name, "enabled": u.enabled, "requiredActions": []})).collect()
        }
        ["users", name, "credentials"] => match realm.users.get(name).and_then(|u| u.password) {
            Some(_) => json!([{"type": "password"}]),
            None => json!([]),
        },
        ["clients"] => {
            let found = realm.clients.keys().filter(|name| asked("clientId") == Some(**name));
            let shown = found.map(|name| {
                json!({"id": name, "enabled": true, "serviceAccountsEnabled": true, "directAccessGrantsEnabled": true})
            });
            shown.collect()
        }
        ["clients", name, "client-secret"] => json!({"value": realm.clients.get(name)}),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    axum::Json(body).into_response()
}

/// Asks a source, copies it, and hands the copy to be harmed before it is asked.
async fn moved(before: Realm, harm: impl FnOnce(&mut Realm)) -> (KnownAccounts, Vec<CheckResult>) {
    let source = Server::start(before).await;
    let known = ask_accounts(&source.endpoint, REALM, &requests()).await.expect("the source answers");
    let mut copy = source.realm.lock().expect("no test panicked here").clone();
    harm(&mut copy);
    // Kept as a run keeps it.
    let kept = serde_json::to_string(&known).expect("JSON");
    let known: KnownAccounts = serde_json::from_str(&kept).expect("read back");
    let target = Server::start(copy).await;
    let results = keycloak_accounts(&known, &target.endpoint, &requests()).await;
    (known, results)
}

#[tokio::test]
async fn a_copy_is_equal_and_nobody_sees_a_secret() {
    let (known, results) = moved(realm(), |_| ()).await;
    assert_eq!(known.users(), 3);
    let (granted, refused) = known.outcomes();
    assert_eq!(granted.len(), 4);
    assert_eq!(refused, [("chris through operate", "Account disabled")]);
    let [logins, tokens] = results.as_slice() else { panic!("{results:#?}") };
    assert_eq!((logins.check, tokens.check), (LOGINS, TOKENS));
    assert!(logins.findings.is_empty() && tokens.findings.is_empty(), "{results:#?}");
    // Five accounts and the number of users; four tokens and the keys.
    assert_eq!((logins.compared, tokens.compared), (6, 5));
    let shown = format!("{known:?} {results:?}");
    assert!(!shown.contains("s3cret") && !shown.contains("eyJ"), "{shown}");
}

#[tokio::test]
async fn each_loss_is_told_by_its_check_with_its_cause() {
    type Harm = fn(&mut Realm);
    let table: [(&str, Harm, &str, Kind, &str); 14] = [
        (
            "secret",
            |r| {
                r.clients.insert("zeebe", "another");
            },
            LOGINS,
            Kind::Unusable,
            "the secret of the client is another",
        ),
        (
            "client",
            |r| {
                r.clients.remove("operate");
            },
            LOGINS,
            Kind::Unusable,
            "the client is not there",
        ),
        (
            "user",
            |r| {
                r.users.remove("anna");
            },
            LOGINS,
            Kind::Unusable,
            "the user is not there",
        ),
        (
            "count",
            |r| {
                r.users.remove("chris");
            },
            LOGINS,
            Kind::Missing,
            "counts 2 users",
        ),
        (
            "disabled",
            |r| r.users.get_mut("anna").unwrap().enabled = false,
            LOGINS,
            Kind::Unusable,
            "the user is disabled",
        ),
        (
            "no password",
            |r| r.users.get_mut("anna").unwrap().password = None,
            LOGINS,
            Kind::Unusable,
            "has no password",
        ),
        (
            "other password",
            |r| r.users.get_mut("anna").unwrap().password = Some("x"),
            LOGINS,
            Kind::Unusable,
            "its password is another",
        ),
        (
            "role lost",
            |r| {
                r.users.get_mut("bernd").unwrap().roles.pop();
            },
            LOGINS,
            Kind::Missing,
            "lacks roles",
        ),
        (
            "role gained",
            |r| r.users.get_mut("anna").unwrap().roles.push("admin"),
            LOGINS,
            Kind::Extra,
            "further roles",
        ),
        (
            "let in",
            |r| r.users.get_mut("chris").unwrap().enabled = true,
            LOGINS,
            Kind::Extra,
            "refused on the source",
        ),
        (
            "right gained",
            |r| r.users.get_mut("anna").unwrap().sees_users = true,
            LOGINS,
            Kind::Extra,
            "which the source denies",
        ),
        (
            "right lost",
            |r| r.users.get_mut("bernd").unwrap().sees_users = false,
            LOGINS,
            Kind::Missing,
            "which the source allows",
        ),
        ("any secret", |r| r.takes_any_secret = true, LOGINS, Kind::Extra, "with a wrong secret"),
        (
            "sessions",
            |r| r.sessions.clear(),
            TOKENS,
            Kind::Unusable,
            "has the key that signed it, and not the session",
        ),
    ];
    for (name, harm, check, kind, words) in table {
        let (_, results) = moved(realm(), harm).await;
        let all: Vec<_> = results.iter().flat_map(|r| &r.findings).collect();
        let told = all.iter().any(|f| {
            f.check.as_str() == check
                && f.kind == kind
                && f.outcome == Outcome::Different
                && f.message.contains(words)
        });
        assert!(told, "{name}: {all:#?}");
    }
}

#[tokio::test]
async fn other_keys_are_told_once_with_every_token_that_they_cost() {
    let (_, results) = moved(realm(), |r| r.key = "key-2").await;
    let [logins, tokens] = results.as_slice() else { panic!("{results:#?}") };
    assert!(logins.findings.is_empty(), "whoever logs in anew is let in: {logins:#?}");
    let keys = tokens.findings.iter().find(|f| f.subject.ends_with("/keys")).expect("the keys");
    assert_eq!((keys.kind, keys.count), (Kind::Changed, 2));
    let lost = tokens.findings.iter().find(|f| f.subject.ends_with("/tokens")).expect("the tokens");
    assert_eq!(lost.count, 4);
    assert!(lost.message.contains("not among the keys of the target"), "{}", lost.message);
}

#[tokio::test]
async fn what_cannot_be_told_is_not_told_to_be_equal() {
    let (_, results) = moved(realm(), |r| r.down = true).await;
    for result in &results {
        assert_eq!(result.compared, 0, "{result:#?}");
        assert!(!result.findings.is_empty());
        assert!(result.findings.iter().all(|f| f.outcome == Outcome::NotProven), "{result:#?}");
    }
    // A token that came to its own end says nothing about the target.
    let (_, results) = moved(Realm { expires: 100, ..realm() }, |r| r.sessions.clear()).await;
    let tokens = &results[1].findings;
    assert!(
        tokens.iter().any(|f| f.outcome == Outcome::NotProven && f.message.contains("own end")),
        "{tokens:#?}"
    );
}
