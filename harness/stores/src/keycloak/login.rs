//! One login of one account, as an application makes it. It writes a session and an event on the server: never made
//! unless somebody asked for it.

use super::api::{FORM, KeycloakEndpoint, KeycloakError, encode, http};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Client, StatusCode};
use secrecy::{ExposeSecret, SecretString};
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
#[derive(Debug, Clone, PartialEq)]
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
    match attempt(&http, &endpoint.url, request).await? {
        // A server whose paths begin with `/auth` is found without it being said.
        (StatusCode::NOT_FOUND, outcome) if !endpoint.url.ends_with("/auth") => {
            let (status, below) = attempt(&http, &format!("{}/auth", endpoint.url), request).await?;
            Ok(if status == StatusCode::NOT_FOUND { outcome } else { below })
        }
        (_, outcome) => Ok(outcome),
    }
}

async fn attempt(
    http: &Client,
    url: &str,
    request: &LoginRequest,
) -> Result<(StatusCode, LoginOutcome), KeycloakError> {
    let what = format!("logging in to realm {} as {}", request.realm, request.who());
    let failed =
        |reason: String| KeycloakError::Transport { what: what.clone(), url: url.to_owned(), reason };
    let path = format!("{url}/realms/{}/protocol/openid-connect", super::api::escape(&request.realm));
    let client_secret = request.client_secret.as_ref().map(ExposeSecret::expose_secret);
    let mut form = vec![("client_id", request.client.as_str())];
    form.extend(client_secret.map(|secret| ("client_secret", secret)));
    let mut login = form.clone();
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
        return Ok((status, LoginOutcome::Refused(reason(status, &body))));
    }
    let Some(token) = body["access_token"].as_str() else {
        return Err(failed("the answer holds no access token".to_owned()));
    };
    if let Some(refresh) = body["refresh_token"].as_str() {
        form.push(("refresh_token", refresh));
        let _ended =
            http.post(format!("{path}/logout")).header(FORM.0, FORM.1).body(encode(&form)).send().await;
    }
    Ok((status, LoginOutcome::Granted(claims(token))))
}

/// The server's words, short and on one line.
fn reason(status: StatusCode, body: &Json) -> String {
    let told: Vec<&str> =
        ["error", "error_description"].iter().filter_map(|part| body[part].as_str()).collect();
    let plain = told.join(": ").replace(char::is_control, " ");
    match plain.chars().take(LONGEST_REASON).collect::<String>() {
        empty if empty.is_empty() => format!("status {}", status.as_u16()),
        told => told,
    }
}

/// The claims of a signed token; the signature is not checked, for the server that gave it is the one that is asked.
fn claims(token: &str) -> Option<Json> {
    let mut parts = token.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    // A token of five parts is encrypted.
    if parts.next().is_some() {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(claims).ok()?;
    serde_json::from_slice(&bytes).ok().filter(Json::is_object)
}
