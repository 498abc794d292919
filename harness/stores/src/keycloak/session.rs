//! What people and applications hold while they are logged in: tokens, and the session behind them. Asked whether it is still
//! good, wherever it was given.

use super::api::{FORM, KeycloakEndpoint, KeycloakError, encode, escape, http};
use super::login::{LoginOutcome, LoginRequest, attempt, client_of, leave};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::fmt;

/// Tokens of one login that was not ended. `Debug` shows none of them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    access: String,
    refresh: Option<String>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens")
    }
}

impl Tokens {
    pub(super) fn refresh(&self) -> Option<&str> {
        self.refresh.as_deref()
    }

    pub(super) fn new(access: &str, refresh: Option<&str>) -> Self {
        Self { access: access.to_owned(), refresh: refresh.map(ToOwned::to_owned) }
    }

    /// Identifier of the key that signed the access token, if it tells one.
    pub fn key(&self) -> Option<String> {
        let header = self.access.split('.').next()?;
        let json: Json = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
        json["kid"].as_str().map(ToOwned::to_owned)
    }

    /// When the access token ends by itself, in seconds since 1970; 0 if it does not tell.
    pub fn expires(&self) -> u64 {
        super::login::claims(&self.access).and_then(|claims| claims["exp"].as_u64()).unwrap_or_default()
    }

    /// Whether a session stands behind them that can be renewed.
    pub fn has_session(&self) -> bool {
        self.refresh.is_some()
    }
}

/// Logs in and stays logged in, as people and applications are when a cutover begins.
///
/// # Errors
/// No answer, or one that says nothing about the account.
pub async fn log_in_and_stay(
    endpoint: &KeycloakEndpoint,
    request: &LoginRequest,
) -> Result<(LoginOutcome, Option<Tokens>), KeycloakError> {
    let (_, outcome, tokens) = attempt(&http(endpoint)?, &endpoint.url, request).await?;
    Ok((outcome, tokens))
}

/// Ends the session behind tokens. Where it has ended already, or nobody answers, nothing is to be done.
pub async fn log_out(endpoint: &KeycloakEndpoint, request: &LoginRequest, tokens: &Tokens) {
    if let Ok(http) = http(endpoint) {
        leave(&http, &endpoint.url, request, tokens).await;
    }
}

/// Whether a server takes an access token for good that it, or the one before it, gave to this client.
///
/// # Errors
/// No answer, or the client may not ask.
pub async fn is_active(
    endpoint: &KeycloakEndpoint,
    request: &LoginRequest,
    tokens: &Tokens,
) -> Result<bool, KeycloakError> {
    let form = [("token", tokens.access.as_str())];
    let (status, body) = post(endpoint, request, "token/introspect", &form).await?;
    if !status.is_success() {
        return Err(KeycloakError::Refused {
            what: format!("asking about a token of {}", request.who()),
            url: endpoint.url.clone(),
            status: status.as_u16(),
        });
    }
    Ok(body["active"] == true)
}

/// Renews a session: the new tokens, or the server's words of refusal.
///
/// # Errors
/// No answer, or one that says nothing about the session.
pub async fn renew(
    endpoint: &KeycloakEndpoint,
    request: &LoginRequest,
    tokens: &Tokens,
) -> Result<Result<Tokens, String>, KeycloakError> {
    let refresh = tokens.refresh.as_deref().unwrap_or_default();
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    let (status, body) = post(endpoint, request, "token", &form).await?;
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(KeycloakError::Refused {
            what: format!("renewing a session of {}", request.who()),
            url: endpoint.url.clone(),
            status: status.as_u16(),
        });
    }
    match body["access_token"].as_str() {
        Some(access) => Ok(Ok(Tokens::new(access, body["refresh_token"].as_str()))),
        None => Ok(Err(super::login::reason(status, &body))),
    }
}

/// Identifiers of the keys that a realm's tokens can be verified with.
///
/// # Errors
/// No answer, or there is no such realm.
pub async fn signing_keys(
    endpoint: &KeycloakEndpoint,
    realm: &str,
) -> Result<BTreeSet<String>, KeycloakError> {
    let what = format!("asking for the keys of realm {realm}");
    let url = format!("{}/realms/{}/protocol/openid-connect/certs", endpoint.url, escape(realm));
    let failed = |e: reqwest::Error| KeycloakError::Transport {
        what: what.clone(),
        url: endpoint.url.clone(),
        reason: e.without_url().to_string(),
    };
    let answer = http(endpoint)?.get(url).send().await.map_err(failed)?;
    if !answer.status().is_success() {
        let status = answer.status().as_u16();
        return Err(KeycloakError::Refused { what, url: endpoint.url.clone(), status });
    }
    let body: Json = answer.json().await.map_err(failed)?;
    let keys = body["keys"].as_array().into_iter().flatten();
    let signing = keys.filter(|key| key["use"] != "enc");
    Ok(signing.filter_map(|key| key["kid"].as_str().map(ToOwned::to_owned)).collect())
}

/// What the server answers to an account that asks to see the users of its realm: the HTTP status, 200 where its roles allow
/// it and 403 where they do not.
///
/// # Errors
/// No answer.
pub async fn asks_for_users(
    endpoint: &KeycloakEndpoint,
    realm: &str,
    tokens: &Tokens,
) -> Result<u16, KeycloakError> {
    let url = format!("{}/admin/realms/{}/users?max=1", endpoint.url, escape(realm));
    let sent = http(endpoint)?.get(url).bearer_auth(&tokens.access).send().await;
    let answer = sent.map_err(|e| KeycloakError::Transport {
        what: "asking for users".to_owned(),
        url: endpoint.url.clone(),
        reason: e.without_url().to_string(),
    })?;
    Ok(answer.status().as_u16())
}

/// Asks something of a realm's protocol as the client of a request.
async fn post(
    endpoint: &KeycloakEndpoint,
    request: &LoginRequest,
    path: &str,
    form: &[(&str, &str)],
) -> Result<(StatusCode, Json), KeycloakError> {
    let url = format!("{}/realms/{}/protocol/openid-connect/{path}", endpoint.url, escape(&request.realm));
    let mut all = client_of(request);
    all.extend_from_slice(form);
    let failed = |e: reqwest::Error| KeycloakError::Transport {
        what: format!("asking about a session of {}", request.who()),
        url: endpoint.url.clone(),
        reason: e.without_url().to_string(),
    };
    let sent = http(endpoint)?.post(url).header(FORM.0, FORM.1).body(encode(&all)).send().await;
    let answer = sent.map_err(failed)?;
    let status = answer.status();
    let text = answer.text().await.map_err(failed)?;
    Ok((status, serde_json::from_str(&text).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, claims: &str) -> String {
        format!("{}.{}.x", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_token_tells_its_key_and_its_end_and_nothing_tells_the_token() {
        let tokens = Tokens::new(&token(r#"{"alg":"RS256","kid":"k1"}"#, r#"{"exp":12}"#), Some("s3cret"));
        assert_eq!((tokens.key().as_deref(), tokens.expires(), tokens.has_session()), (Some("k1"), 12, true));
        assert_eq!(format!("{tokens:?}"), "Tokens");
        let opaque = Tokens::new("opaque", None);
        assert_eq!((opaque.key(), opaque.expires(), opaque.has_session()), (None, 0, false));
    }
}
