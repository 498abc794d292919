//! A Keycloak that gives the answers which a real one (26.7.3) gave for a small realm, or others where a test says so.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use drydock_stores::keycloak::KeycloakEndpoint;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

const RECORDED: &str = include_str!("../../../../fixtures/keycloak/admin-api-26.json");

/// What the admin API answers, by path below `/admin/realms`.
pub(crate) type Answers = BTreeMap<String, Json>;

/// What a real server answered.
pub(crate) fn recorded() -> Answers {
    serde_json::from_str(RECORDED).expect("the recording is JSON")
}

/// How a login ends.
#[derive(Debug, Clone)]
pub(crate) enum Login {
    /// With a token of these claims.
    Token(Json),
    /// With an error and its description.
    Refused(&'static str, &'static str),
    /// With a status that has nothing to do with the account.
    Broken(u16),
}

#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) answers: Answers,
    /// Paths that end in a status instead.
    pub(crate) statuses: BTreeMap<String, u16>,
    /// Logins to other realms than that of the administrator, by user or client.
    pub(crate) logins: BTreeMap<String, Login>,
    /// Every request that may change something, as method, path and form.
    pub(crate) written: Vec<(String, String, String)>,
}

pub(crate) struct FakeKeycloak {
    contents: Arc<Mutex<Contents>>,
    url: String,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for FakeKeycloak {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl FakeKeycloak {
    pub(crate) async fn start(answers: Answers) -> Self {
        let contents = Arc::new(Mutex::new(Contents { answers, ..Contents::default() }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new().fallback(answer).with_state(Arc::clone(&contents));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("serving") });
        Self { contents, url: format!("http://admin:admin-s3cret@{address}"), server }
    }

    pub(crate) fn endpoint(&self) -> KeycloakEndpoint {
        KeycloakEndpoint::from_url(&self.url).expect("an address")
    }

    pub(crate) fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().expect("no test panicked here")
    }
}

async fn answer(
    State(state): State<Arc<Mutex<Contents>>>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> Response {
    let mut state = state.lock().expect("no test panicked here");
    let path = uri.path().to_owned();
    if method != Method::GET {
        let form = String::from_utf8_lossy(&body).into_owned();
        state.written.push((method.to_string(), path.clone(), form.clone()));
        return match path.rsplit('/').next() {
            Some("token") if method == Method::POST => token(&state, &path, &form),
            Some("logout") if method == Method::POST => StatusCode::NO_CONTENT.into_response(),
            _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
        };
    }
    let Some(path) = path.strip_prefix("/admin/realms") else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if let Some(status) = state.statuses.get(path) {
        return StatusCode::from_u16(*status).expect("a status").into_response();
    }
    match state.answers.get(path) {
        Some(answer) => axum::Json(page(answer, uri.query().unwrap_or_default())).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The part of a list that a request asks for.
fn page(answer: &Json, query: &str) -> Json {
    let number = |name: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(n, _)| *n == name).find_map(|(_, value)| value.parse::<usize>().ok())
    };
    match (answer, number("max")) {
        (Json::Array(items), Some(max)) => {
            items.iter().skip(number("first").unwrap_or(0)).take(max).cloned().collect()
        }
        _ => answer.clone(),
    }
}

fn token(state: &Contents, path: &str, form: &str) -> Response {
    let field = |name: &str| form.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
    let given = |claims: &Json| {
        let part = |json: &Json| base64url(json.to_string().as_bytes());
        let token = format!("{}.{}.c2lnbmF0dXJl", part(&json!({"alg": "RS256", "typ": "JWT"})), part(claims));
        axum::Json(json!({"access_token": token, "expires_in": 300, "refresh_token": "refresh-s3cret"}))
            .into_response()
    };
    let refused = |status: StatusCode, error: &str, description: &str| {
        let told = json!({"error": error, "error_description": description});
        (status, axum::Json(told)).into_response()
    };
    if path.starts_with("/realms/master/") {
        return match (field("username"), field("password"), field("refresh_token")) {
            (Some("admin"), Some("admin-s3cret"), _) | (_, _, Some(_)) => given(&json!({})),
            _ => refused(StatusCode::UNAUTHORIZED, "invalid_grant", "Invalid user credentials"),
        };
    }
    match state.logins.get(field("username").or(field("client_id")).unwrap_or_default()) {
        Some(Login::Token(claims)) => given(claims),
        Some(Login::Refused(error, description)) => refused(StatusCode::BAD_REQUEST, error, description),
        Some(Login::Broken(status)) => StatusCode::from_u16(*status).expect("a status").into_response(),
        None => refused(StatusCode::UNAUTHORIZED, "invalid_grant", "Invalid user credentials"),
    }
}

/// Base64 for URLs, without padding.
fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for sextet in 0..=chunk.len() {
            out.push(char::from(LETTERS[(bits >> (18 - 6 * sextet) & 63) as usize]));
        }
    }
    out
}
