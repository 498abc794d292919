//! The admin API: an address, a token that is renewed in time, and `GET` requests alone. What changes accounts stands in `changes`.

use crate::endpoint::{AddressError, ElasticsearchAuth, ElasticsearchEndpoint};
use reqwest::{Client, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value as Json;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// Objects asked for in one request.
const PAGE: usize = 100;

/// How an account logs in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KeycloakGrant {
    /// As a user, through the client `admin-cli`.
    #[default]
    Password,
    /// As a client with a service account.
    ClientCredentials,
}

/// A Keycloak server and an account that may look at realms.
#[derive(Debug, Clone)]
pub struct KeycloakEndpoint {
    /// Base URL without a trailing slash, with `/auth` where the server has it.
    pub url: String,
    /// User or client.
    pub user: String,
    /// Its password or secret.
    pub secret: SecretString,
    /// How it logs in.
    pub grant: KeycloakGrant,
    /// Realm it belongs to.
    pub realm: String,
    /// PEM bundle of an extra certification authority.
    pub ca_pem: Option<String>,
    /// What its requests go through.
    pub connections: Connections,
}

/// What sends the requests of an endpoint and of its clones: made at the first one, as certificates take long to load.
#[derive(Debug, Clone, Default)]
pub struct Connections(Arc<OnceLock<Client>>);

impl KeycloakEndpoint {
    /// Reads `http[s]://user:password@host[:port][/auth]`, for the realm `master`.
    ///
    /// # Errors
    /// It is no such address, or names nobody.
    pub fn from_url(url: &str) -> Result<Self, AddressError> {
        let endpoint = ElasticsearchEndpoint::from_url(url).map_err(|_| {
            AddressError::new("a Keycloak address is https://user:password@host[:port][/auth]")
        })?;
        let ElasticsearchAuth::Basic { user, password: secret } = endpoint.auth else {
            return Err(AddressError::new(
                "the Keycloak address names no account: write https://user:password@host",
            ));
        };
        Ok(Self {
            url: endpoint.url,
            user,
            secret,
            grant: KeycloakGrant::default(),
            realm: "master".to_owned(),
            ca_pem: None,
            connections: Connections::default(),
        })
    }
}

/// A request that gave no answer to work with.
#[derive(Debug, thiserror::Error)]
pub enum KeycloakError {
    /// Nothing came back.
    #[error("{what} at {url}: {reason}")]
    Transport {
        /// What was attempted.
        what: String,
        /// Base URL.
        url: String,
        /// The network's words.
        reason: String,
    },
    /// The server refused.
    #[error("{what} at {url}: refused with status {status}")]
    Refused {
        /// What was attempted.
        what: String,
        /// Base URL.
        url: String,
        /// HTTP status.
        status: u16,
    },
}

struct Token {
    access: String,
    refresh: Option<String>,
    renew: Instant,
}

/// An open session with one server. Logging in makes one session there, which [`Admin::close`] ends.
pub struct Admin {
    pub(super) http: Client,
    pub(super) endpoint: KeycloakEndpoint,
    token: Mutex<Token>,
}

impl Admin {
    /// Logs in. A server whose paths begin with `/auth` is found without it being said.
    ///
    /// # Errors
    /// No answer, or the account is refused.
    pub async fn open(endpoint: &KeycloakEndpoint) -> Result<Self, KeycloakError> {
        let mut endpoint = endpoint.clone();
        let http = http(&endpoint)?;
        let token = match log_in(&http, &endpoint, None).await {
            Err(KeycloakError::Refused { status: 404, .. }) if !endpoint.url.ends_with("/auth") => {
                endpoint.url.push_str("/auth");
                log_in(&http, &endpoint, None).await?
            }
            other => other?,
        };
        Ok(Self { http, endpoint, token: Mutex::new(token) })
    }

    /// Base URL, for messages.
    pub fn url(&self) -> &str {
        &self.endpoint.url
    }

    /// One answer below `/admin/realms`, of a path that every server has.
    ///
    /// # Errors
    /// No answer, the account may not ask, or there is no such path.
    pub async fn get(&self, path: &str) -> Result<Json, KeycloakError> {
        match self.find(path).await? {
            Some(answer) => Ok(answer),
            // What is not there is told by lists without it; a path of its own that is not there was hidden or taken away.
            None => {
                Err(KeycloakError::Refused { what: what(path), url: self.endpoint.url.clone(), status: 404 })
            }
        }
    }

    /// One answer below `/admin/realms`; `None` where the server does not know the path or has the feature switched off.
    ///
    /// # Errors
    /// No answer, or the account may not ask.
    pub async fn find(&self, path: &str) -> Result<Option<Json>, KeycloakError> {
        let url = format!("{}/admin/realms{path}", self.endpoint.url);
        let failed = |e: reqwest::Error| KeycloakError::Transport {
            what: what(path),
            url: self.endpoint.url.clone(),
            reason: e.without_url().to_string(),
        };
        let token = self.token().await?;
        let answer = self.http.get(url).bearer_auth(token).send().await.map_err(failed)?;
        match answer.status() {
            status if status.is_success() => Ok(Some(answer.json().await.map_err(failed)?)),
            StatusCode::NOT_FOUND | StatusCode::NOT_IMPLEMENTED => Ok(None),
            status => Err(KeycloakError::Refused {
                what: what(path),
                url: self.endpoint.url.clone(),
                status: status.as_u16(),
            }),
        }
    }

    /// A list, page by page. `query` is what else the request says, without `first` and `max`.
    ///
    /// # Errors
    /// As [`Admin::get`].
    pub async fn list(&self, path: &str, query: &str) -> Result<Vec<Json>, KeycloakError> {
        let mut all: Vec<Json> = Vec::new();
        loop {
            let page = format!("{path}?first={}&max={PAGE}{query}", all.len());
            let Json::Array(page) = self.get(&page).await? else { return Ok(all) };
            let full = page.len() >= PAGE;
            // A server that knows no paging gives everything at once, and again when asked for more.
            let again = page.first().is_some_and(|first| all.first() == Some(first));
            if !again {
                all.extend(page);
            }
            if !full || again {
                return Ok(all);
            }
        }
    }

    /// Ends the session. One that has ended already is none to end.
    pub async fn close(&self) {
        let Some(refresh) = self.token.lock().await.refresh.take() else { return };
        let url =
            format!("{}/realms/{}/protocol/openid-connect/logout", self.endpoint.url, self.endpoint.realm);
        let form = [("client_id", "admin-cli"), ("refresh_token", refresh.as_str())];
        let _ended = self.http.post(url).header(FORM.0, FORM.1).body(encode(&form)).send().await;
    }

    pub(super) async fn token(&self) -> Result<String, KeycloakError> {
        let mut token = self.token.lock().await;
        if Instant::now() >= token.renew {
            let refreshed = match token.refresh.take() {
                Some(refresh) => log_in(&self.http, &self.endpoint, Some(&refresh)).await.ok(),
                None => None,
            };
            *token = match refreshed {
                Some(fresh) => fresh,
                None => log_in(&self.http, &self.endpoint, None).await?,
            };
        }
        Ok(token.access.clone())
    }
}

/// What a request to the admin API is called in messages.
fn what(path: &str) -> String {
    format!("GET /admin/realms{}", path.split('?').next().unwrap_or_default())
}

/// What sends requests to a server.
pub(super) fn http(endpoint: &KeycloakEndpoint) -> Result<Client, KeycloakError> {
    if let Some(made) = endpoint.connections.0.get() {
        return Ok(made.clone());
    }
    let made = client(endpoint)?;
    Ok(endpoint.connections.0.get_or_init(|| made).clone())
}

fn client(endpoint: &KeycloakEndpoint) -> Result<Client, KeycloakError> {
    crate::net::init();
    let failed = |reason: reqwest::Error| KeycloakError::Transport {
        what: "preparing requests".to_owned(),
        url: endpoint.url.clone(),
        reason: reason.to_string(),
    };
    let mut builder = Client::builder()
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(Duration::from_secs(60))
        .user_agent(concat!("drydock/", env!("CARGO_PKG_VERSION")));
    if endpoint.url.contains("//127.") || endpoint.url.contains("//localhost") {
        builder = builder.no_proxy();
    }
    if let Some(pem) = &endpoint.ca_pem {
        let certificates = reqwest::Certificate::from_pem_bundle(pem.as_bytes());
        builder = builder.tls_certs_merge(certificates.map_err(failed)?);
    }
    builder.build().map_err(failed)
}

pub(super) const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// Gets a token: anew, or for a refresh token.
async fn log_in(
    http: &Client,
    endpoint: &KeycloakEndpoint,
    refresh: Option<&str>,
) -> Result<Token, KeycloakError> {
    let what = format!("logging in to realm {} as {}", endpoint.realm, endpoint.user);
    let url = format!("{}/realms/{}/protocol/openid-connect/token", endpoint.url, endpoint.realm);
    let secret = endpoint.secret.expose_secret();
    let form: Vec<(&str, &str)> = match (endpoint.grant, refresh) {
        (KeycloakGrant::Password, Some(refresh)) => {
            vec![("grant_type", "refresh_token"), ("client_id", "admin-cli"), ("refresh_token", refresh)]
        }
        (KeycloakGrant::Password, None) => vec![
            ("grant_type", "password"),
            ("client_id", "admin-cli"),
            ("username", &endpoint.user),
            ("password", secret),
        ],
        (KeycloakGrant::ClientCredentials, _) => vec![
            ("grant_type", "client_credentials"),
            ("client_id", &endpoint.user),
            ("client_secret", secret),
        ],
    };
    let failed = |e: reqwest::Error| KeycloakError::Transport {
        what: what.clone(),
        url: endpoint.url.clone(),
        reason: e.without_url().to_string(),
    };
    let answer = http.post(url).header(FORM.0, FORM.1).body(encode(&form)).send().await.map_err(failed)?;
    let status = answer.status();
    if !status.is_success() {
        return Err(KeycloakError::Refused { what, url: endpoint.url.clone(), status: status.as_u16() });
    }
    let body: Json = answer.json().await.map_err(failed)?;
    let lifetime = body["expires_in"].as_u64().unwrap_or(60);
    Ok(Token {
        access: body["access_token"].as_str().unwrap_or_default().to_owned(),
        refresh: body["refresh_token"].as_str().map(ToOwned::to_owned),
        renew: Instant::now() + Duration::from_secs(lifetime / 2),
    })
}

/// A form as its content type wants it.
pub(super) fn encode(form: &[(&str, &str)]) -> String {
    let pairs: Vec<String> =
        form.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    pairs.join("&")
}

/// Percent-encoding of everything that is not plain.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_an_account() {
        let endpoint = KeycloakEndpoint::from_url("https://admin:p%40ss@id.example/auth/").unwrap();
        assert_eq!((endpoint.url.as_str(), endpoint.user.as_str()), ("https://id.example/auth", "admin"));
        assert!(!format!("{endpoint:?}").contains("p@ss"));
        assert!(KeycloakEndpoint::from_url("https://id.example").is_err());
    }

    #[test]
    fn forms_are_escaped() {
        assert_eq!(encode(&[("a", "x y&ü")]), "a=x%20y%26%C3%BC");
    }
}
