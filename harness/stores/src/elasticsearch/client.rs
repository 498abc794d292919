//! The HTTP client: one connection pool a cluster, errors with method and path, answers as bytes or JSON.

use super::error::{ElasticsearchError, ErrorKind};
use super::flavour::Flavour;
use super::repeat::{self, Retries};
use super::transport::{InProcess, Request, Transport};
use crate::endpoint::{ElasticsearchAuth, ElasticsearchEndpoint};
use reqwest::Method;
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Most memory set aside for an answer before it comes.
const LARGEST_RESERVE: usize = 4 << 20;

/// Time limits of a client.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For the TCP and TLS hand-shake.
    pub connect: Duration,
    /// For silence on an open connection. A long-running request (`_reindex`) needs a generous one.
    pub read: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), read: Duration::from_secs(120) }
    }
}

/// A client of one cluster. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    way: Way,
    endpoint: ElasticsearchEndpoint,
    flavour: Arc<OnceLock<Flavour>>,
    retries: Retries,
}

/// How requests of one client travel.
#[derive(Clone)]
enum Way {
    Network(reqwest::Client),
    /// With the longest silence that is borne.
    InProcess(Arc<dyn InProcess>, Duration),
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Network(_) => "Network",
            Self::InProcess(..) => "InProcess",
        })
    }
}

type Result<T> = std::result::Result<T, ElasticsearchError>;

impl Client {
    /// Builds a client; no request is made.
    ///
    /// # Errors
    /// The certification authority's PEM cannot be read.
    pub fn new(endpoint: &ElasticsearchEndpoint, timeouts: Timeouts) -> Result<Self> {
        let way = match &endpoint.transport {
            Transport::Network => Way::Network(Self::network(endpoint, timeouts)?),
            Transport::InProcess(peer) => Way::InProcess(Arc::clone(peer), timeouts.read),
        };
        Ok(Self { way, endpoint: endpoint.clone(), flavour: Arc::default(), retries: Retries::None })
    }

    fn network(endpoint: &ElasticsearchEndpoint, timeouts: Timeouts) -> Result<reqwest::Client> {
        crate::net::init();
        let fail = |e: &dyn std::fmt::Display| ElasticsearchError {
            method: "CONNECT".into(),
            path: endpoint.url.clone(),
            kind: ErrorKind::Transport(e.to_string()),
        };
        let mut builder = reqwest::Client::builder()
            .connect_timeout(timeouts.connect)
            .read_timeout(timeouts.read)
            .pool_max_idle_per_host(16)
            // A followed redirect turns a POST into a GET, and carries credentials to where nobody sent them.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("drydock/", env!("CARGO_PKG_VERSION")));
        // A proxy between the witness and a store on the same machine only adds a way to fail.
        if ["//127.", "//localhost", "//[::1]"].iter().any(|host| endpoint.url.contains(host)) {
            builder = builder.no_proxy();
            // Nor does compression pay where no wire is in between.
            builder = builder.gzip(false);
        }
        if let Some(pem) = &endpoint.ca_pem {
            let certificates = reqwest::Certificate::from_pem_bundle(pem.as_bytes()).map_err(|e| fail(&e))?;
            if certificates.is_empty() {
                return Err(fail(&"the authority's file holds no certificate in PEM form"));
            }
            builder = builder.tls_certs_merge(certificates);
        }
        builder.build().map_err(|e| fail(&e))
    }

    /// The same client, more patient: what can be asked for a second time without doing harm is.
    #[must_use]
    pub fn retrying(mut self, retries: Retries) -> Self {
        self.retries = retries;
        self
    }

    /// Base URL, for messages.
    pub fn url(&self) -> &str {
        &self.endpoint.url
    }

    /// The endpoint this client was built from.
    pub fn endpoint(&self) -> &ElasticsearchEndpoint {
        &self.endpoint
    }

    /// The product and version behind the address. Asked for once; an answer that did not come is asked for again.
    pub async fn flavour(&self) -> Flavour {
        if let Some(known) = self.flavour.get() {
            return *known;
        }
        let flavour = match self.get("/").await {
            Ok(banner) => Flavour::from_banner(&banner),
            Err(error) if error.is_transport() || error.is_pressure() => return Flavour::Unknown,
            Err(_) => Flavour::Unknown,
        };
        *self.flavour.get_or_init(|| flavour)
    }

    /// Sends one request and returns the body of a successful answer as it came.
    ///
    /// # Errors
    /// No answer, or an answer with a status of 400 or more.
    pub async fn bytes(
        &self,
        method: Method,
        path: &str,
        body: Option<(&'static str, Vec<u8>)>,
    ) -> Result<Vec<u8>> {
        self.bytes_within(method, path, body, usize::MAX).await
    }

    /// The same for an answer of at most `limit` bytes: the rest of a longer one is not taken in.
    ///
    /// # Errors
    /// As [`Client::bytes`], or the answer is longer.
    pub async fn bytes_within(
        &self,
        method: Method,
        path: &str,
        body: Option<(&'static str, Vec<u8>)>,
        limit: usize,
    ) -> Result<Vec<u8>> {
        if self.retries == Retries::None || !repeat::may_be_repeated(&method, path) {
            return self.once(method, path, body, limit).await;
        }
        let mut pauses = repeat::pauses();
        let mut repeated = false;
        loop {
            let error = match self.once(method.clone(), path, body.clone(), limit).await {
                Ok(bytes) => return Ok(bytes),
                // The request before went unanswered, and was carried out all the same.
                Err(e) if repeated && method == Method::DELETE && e.is_not_found() => {
                    return Ok(repeat::DELETED.into());
                }
                Err(error) => error,
            };
            match pauses.next().filter(|_| repeat::is_transient(&error)) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(error),
            }
            repeated = true;
        }
    }

    async fn once(
        &self,
        method: Method,
        path: &str,
        body: Option<(&'static str, Vec<u8>)>,
        limit: usize,
    ) -> Result<Vec<u8>> {
        let error = |kind| ElasticsearchError { method: method.to_string(), path: shorten(path), kind };
        let http = match &self.way {
            Way::Network(http) => http,
            Way::InProcess(peer, silence) => {
                let request = Request {
                    method: method.clone(),
                    path: path.to_owned(),
                    body: body.map(|(_, bytes)| bytes),
                };
                let answer = tokio::time::timeout(*silence, peer.answer(request))
                    .await
                    .unwrap_or_else(|_| Err(format!("timed out (nothing came for {} s)", silence.as_secs())));
                let answer = answer.map_err(|words| error(ErrorKind::Transport(words)))?;
                return match answer.status {
                    400.. => Err(error(status_kind(answer.status, &answer.body))),
                    _ if answer.body.len() > limit => Err(error(too_long(limit))),
                    _ => Ok(answer.body),
                };
            }
        };
        let mut request = http.request(method.clone(), format!("{}{path}", self.endpoint.url));
        request = match &self.endpoint.auth {
            ElasticsearchAuth::None => request,
            ElasticsearchAuth::Basic { user, password } => {
                request.basic_auth(user, Some(password.expose_secret()))
            }
            ElasticsearchAuth::ApiKey(key) => {
                request.header("authorization", format!("ApiKey {}", key.expose_secret()))
            }
        };
        if let Some((content_type, bytes)) = body {
            request = request.header("content-type", content_type).body(bytes);
        }
        let mut response = request.send().await.map_err(|e| error(ErrorKind::Transport(chain(&e))))?;
        let status = response.status().as_u16();
        if (300..400).contains(&status) {
            let location =
                response.headers().get("location").and_then(|l| l.to_str().ok()).unwrap_or("nowhere");
            let reason = format!("redirected to {}", without_credentials(location));
            return Err(error(ErrorKind::Status { status, error_type: String::new(), reason }));
        }
        // Growing by doubling would hold up to twice the memory. What is set aside and not used costs none.
        let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
        let expected = announced.unwrap_or(if limit == usize::MAX { 0 } else { limit });
        let mut bytes = Vec::with_capacity(expected.min(LARGEST_RESERVE));
        while let Some(part) = response.chunk().await.map_err(|e| error(ErrorKind::Transport(chain(&e))))? {
            if bytes.len() + part.len() > limit {
                return Err(error(too_long(limit)));
            }
            bytes.extend_from_slice(&part);
        }
        if status >= 400 {
            return Err(error(status_kind(status, &bytes)));
        }
        Ok(bytes)
    }

    /// Sends a JSON body (if any) and decodes the JSON answer.
    ///
    /// # Errors
    /// As [`Client::bytes`], or the answer does not decode.
    pub async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T> {
        let name = method.to_string();
        let body = body.map(|b| ("application/json", b.to_string().into_bytes()));
        let bytes = self.bytes(method, path, body).await?;
        serde_json::from_slice(&bytes).map_err(|e| ElasticsearchError {
            method: name,
            path: shorten(path),
            kind: ErrorKind::Malformed(e.to_string()),
        })
    }

    /// `GET` with a JSON answer.
    ///
    /// # Errors
    /// As [`Client::json`].
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.json(Method::GET, path, None).await
    }

    /// `POST` without a body, for calls that refuse one.
    ///
    /// # Errors
    /// As [`Client::json`].
    pub async fn post_empty(&self, path: &str) -> Result<Value> {
        self.json(Method::POST, path, None).await
    }

    /// `POST` with a JSON body and answer.
    ///
    /// # Errors
    /// As [`Client::json`].
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.json(Method::POST, path, Some(body)).await
    }

    /// `PUT` with a JSON body and answer.
    ///
    /// # Errors
    /// As [`Client::json`].
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value> {
        self.json(Method::PUT, path, Some(body)).await
    }

    /// `DELETE`.
    ///
    /// # Errors
    /// As [`Client::json`].
    pub async fn delete(&self, path: &str) -> Result<Value> {
        self.json(Method::DELETE, path, None).await
    }

    /// `POST /_bulk` with a prepared newline-delimited body.
    ///
    /// # Errors
    /// As [`Client::json`]; also when the answer says `errors: true`, with the first item's reason.
    pub async fn bulk(&self, ndjson: Vec<u8>) -> Result<Value> {
        let path = "/_bulk?filter_path=errors,took,items.*.error,items.*.status,items.*._id";
        let bytes = self.bytes(Method::POST, path, Some(("application/x-ndjson", ndjson))).await?;
        let malformed = |m: String| ElasticsearchError {
            method: "POST".into(),
            path: "/_bulk".into(),
            kind: ErrorKind::Malformed(m),
        };
        let answer: Value = serde_json::from_slice(&bytes).map_err(|e| malformed(e.to_string()))?;
        if answer["errors"].as_bool() == Some(false) {
            return Ok(answer);
        }
        let first = answer["items"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|item| item.as_object()?.values().next())
            .find(|op| op.get("error").is_some());
        Err(ElasticsearchError {
            method: "POST".into(),
            path: "/_bulk".into(),
            kind: ErrorKind::Status {
                status: first
                    .and_then(|op| op["status"].as_u64())
                    .and_then(|s| u16::try_from(s).ok())
                    .unwrap_or(400),
                error_type: first
                    .and_then(|op| op["error"]["type"].as_str())
                    .unwrap_or("bulk_item_failed")
                    .to_owned(),
                reason: first.map_or_else(
                    || "the answer lists errors but no failed item".into(),
                    |op| format!("{}: {}", op["_id"].as_str().unwrap_or("?"), op["error"]["reason"]),
                ),
            },
        })
    }
}

fn too_long(limit: usize) -> ErrorKind {
    ErrorKind::Malformed(format!("the answer is longer than {limit} bytes"))
}

/// What a search answers when its shards refuse it.
const SHARDS: [&str; 2] = ["all shards failed", "Partial shards failure"];

fn status_kind(status: u16, body: &[u8]) -> ErrorKind {
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    let error = parsed.as_ref().map(|v| &v["error"]);
    let cause = error.and_then(|e| e["root_cause"][0]["reason"].as_str());
    let reason = error.and_then(|e| e["reason"].as_str().or_else(|| e.as_str()));
    ErrorKind::Status {
        status,
        error_type: error.and_then(|e| e["type"].as_str()).unwrap_or_default().to_owned(),
        reason: match (reason, cause) {
            // A search says only that shards refused; why stands with the shard.
            (Some(outer), Some(cause)) if SHARDS.contains(&outer) => format!("{outer}: {cause}"),
            (Some(reason), _) | (None, Some(reason)) => reason.to_owned(),
            (None, None) => String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned(),
        },
    }
}

/// An address as it may be shown.
fn without_credentials(address: &str) -> String {
    match reqwest::Url::parse(address) {
        Ok(mut url) => {
            // Both fail only for addresses that cannot hold any.
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url.set_query(None);
            url.to_string()
        }
        Err(_) => address.split(['?', '@']).next().unwrap_or_default().to_owned(),
    }
}

/// Long paths (hundreds of index names) are cut in messages.
fn shorten(path: &str) -> String {
    match path.char_indices().nth(200) {
        Some((cut, _)) => format!("{}…", &path[..cut]),
        None => path.to_owned(),
    }
}

fn chain(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut source: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(inner) = source {
        text = inner.to_string();
        source = inner.source();
    }
    if error.is_timeout() {
        text = format!("timed out ({text})");
    }
    if text.is_empty() { error.to_string() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_that_failed_on_all_shards_says_why() {
        let reason = |body: Value| match status_kind(400, body.to_string().as_bytes()) {
            ErrorKind::Status { reason, .. } => reason,
            other => panic!("{other:?}"),
        };
        let cause = serde_json::json!([{"type": "illegal_argument_exception", "reason": "Result window is too large"}]);
        let outer = |words: &str| serde_json::json!({"error": {"reason": words, "root_cause": cause}});
        assert_eq!(reason(outer("all shards failed")), "all shards failed: Result window is too large");
        assert_eq!(reason(outer("something else")), "something else");
        let without = serde_json::json!({"error": {"reason": "all shards failed", "root_cause": []}});
        assert_eq!(reason(without), "all shards failed");
        assert_eq!(reason(serde_json::json!({"error": "plain"})), "plain");
    }
}
