//! One login of one account, as an application makes it. It writes a session and an event on the server: never made
//! unless somebody asked for it.

use super::api::{FORM, KeycloakEndpoint, KeycloakError, encode, http};
use super::session::Tokens;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Client, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Longest part of a server's own words that is repeated, in characters.
const LONGEST_REASON: usize = 160;

/// Who logs in, and where.
#[derive(Debug, Clone)]
pub struct LoginRequest {
    /// Realm to log in to.
    pub realm: String,
    /// User and password; without them the client itself logs in.
    pub user: Option<(String, SecretString)>,
    /// Client the login goes through.
    pub client: String,
    /// Its secret; none for a public client.
    pub client_secret: Option<SecretString>,
}

impl LoginRequest {
    /// User or client, for messages.
    pub fn who(&self) -> &str {
        self.user.as_ref().map_or(&self.client, |(user, _)| user)
    }
}

/// How a login ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum LoginOutcome {
    /// With a token; its claims, unless it is one that only the server can read.
    Granted(Option<Json>),
    /// Refused, in the server's words.
    Refused(String),
}

/// Logs in once and ends the session again. Neither password nor token leaves this function.
///
/// # Errors
/// No answer, or one that says nothing about the account.
pub async fn log_in_as(
    endpoint: &KeycloakEndpoint,
    request: &LoginRequest,
) -> Result<LoginOutcome, KeycloakError> {
    let http = http(endpoint)?;
    match attempt_and_leave(&http, &endpoint.url, request).await? {
        // A server whose paths begin with `/auth` is found without it being said.
        (StatusCode::NOT_FOUND, outcome) if !endpoint.url.ends_with("/auth") => {
            let below = format!("{}/auth", endpoint.url);
            let (status, below) = attempt_and_leave(&http, &below, request).await?;
            Ok(if status == StatusCode::NOT_FOUND { outcome } else { below })
        }
        (_, outcome) => Ok(outcome),
    }
}

/// Logs in, and ends the session again.
async fn attempt_and_leave(
    http: &Client,
    url: &str,
    request: &LoginRequest,
) -> Result<(StatusCode, LoginOutcome), KeycloakError> {
    let (status, outcome, tokens) = attempt(http, url, request).await?;
    if let Some(tokens) = &tokens {
        leave(http, url, request, tokens).await;
    }
    Ok((status, outcome))
}

/// Ends the session behind tokens. One that has ended already is none to end.
pub(super) async fn leave(http: &Client, url: &str, request: &LoginRequest, tokens: &Tokens) {
    let Some(refresh) = tokens.refresh() else { return };
    let path = format!("{url}/realms/{}/protocol/openid-connect/logout", super::api::escape(&request.realm));
    let mut form = client_of(request);
    form.push(("refresh_token", refresh));
    let _ended = http.post(path).header(FORM.0, FORM.1).body(encode(&form)).send().await;
}

/// How the client of a request names itself.
pub(super) fn client_of(request: &LoginRequest) -> Vec<(&str, &str)> {
    let secret = request.client_secret.as_ref().map(ExposeSecret::expose_secret);
    std::iter::once(("client_id", request.client.as_str()))
        .chain(secret.map(|s| ("client_secret", s)))
        .collect()
}

/// Logs in once. Whoever asks sees to the session that it leaves.
pub(super) async fn attempt(
    http: &Client,
    url: &str,
    request: &LoginRequest,
) -> Result<(StatusCode, LoginOutcome, Option<Tokens>), KeycloakError> {
    let what = format!("logging in to realm {} as {}", request.realm, request.who());
    let failed =
        |reason: String| KeycloakError::Transport { what: what.clone(), url: url.to_owned(), reason };
    let path = format!("{url}/realms/{}/protocol/openid-connect", super::api::escape(&request.realm));
    let mut login = client_of(request);
    match &request.user {
        Some((user, password)) => login.extend([
            ("grant_type", "password"),
            ("scope", "openid"),
            ("username", user.as_str()),
            ("password", password.expose_secret()),
        ]),
        None => login.push(("grant_type", "client_credentials")),
    }
    let send = http.post(format!("{path}/token")).header(FORM.0, FORM.1).body(encode(&login)).send();
    let answer = send.await.map_err(|e| failed(e.without_url().to_string()))?;
    let status = answer.status();
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(KeycloakError::Refused { what, url: url.to_owned(), status: status.as_u16() });
    }
    let text = answer.text().await.map_err(|e| failed(e.without_url().to_string()))?;
    let body: Json = serde_json::from_str(&text).unwrap_or_default();
    if !status.is_success() {
        return Ok((status, LoginOutcome::Refused(reason(status, &body)), None));
    }
    let Some(token) = body["access_token"].as_str() else {
        return Err(failed("the answer holds no access token".to_owned()));
    };
    let tokens = Tokens::new(token, body["refresh_token"].as_str());
    Ok((status, LoginOutcome::Granted(claims(token)), Some(tokens)))
}

/// The server's words, short and on one line.
pub(super) fn reason(status: StatusCode, body: &Json) -> String {
    let told: Vec<&str> =
        ["error", "error_description"].iter().filter_map(|part| body[part].as_str()).collect();
    let plain = told.join(": ").replace(char::is_control, " ");
    match plain.chars().take(LONGEST_REASON).collect::<String>() {
        empty if empty.is_empty() => format!("status {}", status.as_u16()),
        told => told,
    }
}

/// The claims of a signed token; the signature is not checked, for the server that gave it is the one that is asked.
pub(super) fn claims(token: &str) -> Option<Json> {
    let mut parts = token.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    // A token of five parts is encrypted.
    if parts.next().is_some() {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(claims).ok()?;
    serde_json::from_slice(&bytes).ok().filter(Json::is_object)
}
