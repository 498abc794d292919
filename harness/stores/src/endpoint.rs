//! Where a store is and how to get in. Secrets are wrapped, so that no `Debug` output shows them.

use crate::elasticsearch::transport::Transport;
use crate::postgres::transport::Transport as PostgresTransport;
use secrecy::{ExposeSecret, SecretString};

/// An Elasticsearch (or OpenSearch) HTTP endpoint.
#[derive(Debug, Clone)]
pub struct ElasticsearchEndpoint {
    /// Base URL without a trailing slash, without credentials: `http://127.0.0.1:9200`.
    pub url: String,
    /// How requests authenticate.
    pub auth: ElasticsearchAuth,
    /// PEM bundle of an extra certification authority to trust for `https`.
    pub ca_pem: Option<String>,
    /// Where requests go.
    pub transport: Transport,
    /// Base URL under which other clusters reach it, where that is not [`url`](Self::url): between containers, for one.
    pub peer_url: Option<String>,
}

/// Authentication towards Elasticsearch.
#[derive(Debug, Clone, Default)]
pub enum ElasticsearchAuth {
    /// Security is off, or the cluster allows anonymous access.
    #[default]
    None,
    /// `Authorization: Basic`.
    Basic {
        /// User name.
        user: String,
        /// Password.
        password: SecretString,
    },
    /// `Authorization: ApiKey`, the encoded form Elasticsearch prints.
    ApiKey(SecretString),
}

impl ElasticsearchEndpoint {
    /// The address that another cluster is told, to read from this one.
    pub fn url_for_peers(&self) -> &str {
        self.peer_url.as_deref().unwrap_or(&self.url)
    }

    /// An endpoint without authentication.
    pub fn plain(url: impl Into<String>) -> Self {
        let url: String = url.into();
        Self {
            url: url.trim_end_matches('/').to_owned(),
            auth: ElasticsearchAuth::None,
            ca_pem: None,
            transport: Transport::Network,
            peer_url: None,
        }
    }
}

/// A PostgreSQL server and a role on it. The database is chosen per connection.
#[derive(Debug, Clone)]
pub struct PostgresEndpoint {
    /// Host name or address, or the folder of a Unix socket.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Role to log in with.
    pub user: String,
    /// Its password, where one is needed.
    pub password: Option<SecretString>,
    /// Transport security.
    pub tls: PostgresTls,
    /// Where sessions are opened.
    pub transport: PostgresTransport,
}

/// Transport security of a PostgreSQL connection, in libpq's steps (`sslmode`). A Unix socket is never encrypted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PostgresTls {
    /// `disable`: clear text.
    #[default]
    Off,
    /// `allow`: clear text; TLS without verification where the server refuses that.
    Allow,
    /// `prefer`: TLS without verification; clear text where the server refuses that.
    Prefer,
    /// `require` without an authority: TLS without verification, nothing else.
    Require,
    /// `verify-ca`, and `require` with an authority: the chain is verified, the host name is not.
    VerifyCa {
        /// PEM bundle of the certification authority.
        ca_pem: String,
    },
    /// `verify-full`: chain and host name are verified; `ca_pem` is trusted instead of the system's authorities.
    VerifyFull {
        /// PEM bundle of the certification authority, or the system's store if absent.
        ca_pem: Option<String>,
    },
}

impl PostgresTls {
    /// The word that libpq and its programs use.
    pub fn sslmode(&self) -> &'static str {
        match self {
            Self::Off => "disable",
            Self::Allow => "allow",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa { .. } => "verify-ca",
            Self::VerifyFull { .. } => "verify-full",
        }
    }

    fn from_sslmode(mode: &str, ca_pem: Option<String>) -> Result<Self, AddressError> {
        Ok(match (mode, ca_pem) {
            ("disable", _) => Self::Off,
            ("allow", _) => Self::Allow,
            ("prefer", _) => Self::Prefer,
            ("require", None) => Self::Require,
            ("require" | "verify-ca", Some(ca_pem)) => Self::VerifyCa { ca_pem },
            // Any certificate that some public authority gave to anybody would pass.
            ("verify-ca", None) => {
                return Err(AddressError(
                    "sslmode=verify-ca needs sslrootcert=FILE, the authority that signed the server's certificate".into(),
                ));
            }
            ("verify-full", ca_pem) => Self::VerifyFull { ca_pem },
            (other, _) => {
                return Err(AddressError(format!(
                    "sslmode {other:?} is none of disable, allow, prefer, require, verify-ca, verify-full"
                )));
            }
        })
    }
}

impl PostgresEndpoint {
    /// The same server, another role.
    pub fn with_role(&self, user: &str, password: Option<SecretString>) -> Self {
        Self { user: user.to_owned(), password, ..self.clone() }
    }

    /// Password for handing to a client program's environment; never for printing.
    pub fn password_for_client(&self) -> &str {
        self.password.as_ref().map_or("", |p| p.expose_secret())
    }
}

/// One side of a migration: both stores.
#[derive(Debug, Clone)]
pub struct StorePair {
    /// The PostgreSQL server that holds the component databases.
    pub postgres: PostgresEndpoint,
    /// The Elasticsearch cluster.
    pub elasticsearch: ElasticsearchEndpoint,
}

/// A connection address that cannot be used. Never repeats the address, which may hold a password.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct AddressError(String);

impl AddressError {
    /// A mistake told in words that hold no secret.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// An address as URL. Most mistakes are passwords with characters that mean something in a URL.
fn parse(what: &str, url: &str, example: &str) -> Result<reqwest::Url, AddressError> {
    reqwest::Url::parse(url.trim()).map_err(|e| {
        AddressError(format!(
            "the {what} address is no URL ({e}); write {example}, and the characters @ / : ? # % of a password \
             percent-encoded (%40 %2F %3A %3F %23 %25)"
        ))
    })
}

impl ElasticsearchEndpoint {
    /// Reads `http[s]://[user:password@]host[:port][/prefix]`. Credentials move out of the URL. OpenSearch and
    /// Elasticsearch are told apart later, by asking.
    ///
    /// # Errors
    /// It is no such address.
    pub fn from_url(url: &str) -> Result<Self, AddressError> {
        let mut parsed = parse("Elasticsearch", url, "http://host:9200")?;
        if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
            return Err(AddressError("an Elasticsearch address begins with http:// or https://".into()));
        }
        // In `http://user:pa?ss@host` everything from the question mark on is a query, and the host is "user".
        if parsed.query().is_some() || parsed.fragment().is_some() {
            return Err(AddressError(
                "an Elasticsearch address has no ? and no #; in a password write %3F and %23".into(),
            ));
        }
        let auth = match (decode(parsed.username())?, parsed.password().map(decode).transpose()?) {
            (user, None) if user.is_empty() => ElasticsearchAuth::None,
            (user, Some(_)) if user.is_empty() => {
                return Err(AddressError("the Elasticsearch address holds a password without a user".into()));
            }
            (user, password) => {
                ElasticsearchAuth::Basic { user, password: SecretString::from(password.unwrap_or_default()) }
            }
        };
        // Both fail only for addresses without a host, which are refused above.
        let _ = parsed.set_username("");
        let _ = parsed.set_password(None);
        if parsed.path().contains('@') {
            return Err(AddressError(
                "the Elasticsearch address has an @ behind the host; write %2F for a / in the password"
                    .into(),
            ));
        }
        Ok(Self { auth, ..Self::plain(parsed.as_str()) })
    }
}

impl PostgresEndpoint {
    /// Reads `postgres://user[:password]@host[:port][/database][?sslmode=…&sslrootcert=FILE]`, and returns the database
    /// beside the endpoint. `sslmode` means what it means to libpq, `prefer` where there is none; `sslrootcert` may be
    /// `system`, which is also what verification uses without one. `host=/folder` names a Unix socket.
    ///
    /// # Errors
    /// It is no such address, or the certificate file cannot be read.
    pub fn from_url(url: &str) -> Result<(Self, Option<String>), AddressError> {
        let parsed = parse("PostgreSQL", url, "postgres://user@host:5432/database")?;
        if !matches!(parsed.scheme(), "postgres" | "postgresql") {
            return Err(AddressError("a PostgreSQL address begins with postgres://".into()));
        }
        if parsed.fragment().is_some() {
            return Err(AddressError("a PostgreSQL address has no #; in a password write %23".into()));
        }
        let user = match decode(parsed.username())? {
            user if user.is_empty() => "postgres".to_owned(),
            user => user,
        };
        let (mut mode, mut root, mut socket) = (None, None, None);
        for (key, value) in parsed.query_pairs() {
            match key.as_ref() {
                "sslmode" => mode = Some(value.into_owned()),
                "sslrootcert" => root = Some(value.into_owned()),
                "host" if value.starts_with('/') => socket = Some(value.into_owned()),
                // A stray ? of a password ends up here: nothing of it is repeated.
                _ => {
                    return Err(AddressError(
                        "the PostgreSQL address has an option that is not known here; known are sslmode, sslrootcert \
                         and host=/folder; a ? in a password is written %3F"
                            .into(),
                    ));
                }
            }
        }
        let host = match socket {
            Some(folder) => folder,
            None => {
                let host = parsed.host_str().filter(|h| !h.is_empty());
                decode(host.ok_or_else(|| AddressError("the PostgreSQL address names no host".into()))?)?
            }
        };
        let ca_pem = match root.as_deref() {
            None | Some("system") => None,
            Some(path) => Some(read_authority(path)?),
        };
        // As in libpq, the system's authorities are only asked for whole verification.
        if root.as_deref() == Some("system") && !matches!(mode.as_deref(), None | Some("verify-full")) {
            return Err(AddressError("sslrootcert=system goes with sslmode=verify-full only".into()));
        }
        let default = if root.as_deref() == Some("system") { "verify-full" } else { "prefer" };
        let tls = PostgresTls::from_sslmode(mode.as_deref().unwrap_or(default), ca_pem)?;
        let database = decode(parsed.path().trim_start_matches('/'))?;
        if database.contains('@') {
            return Err(AddressError(
                "the PostgreSQL address has an @ behind the host; write %2F for a / in the password".into(),
            ));
        }
        let endpoint = Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: parsed.port().unwrap_or(5432),
            user,
            password: parsed.password().map(decode).transpose()?.map(SecretString::from),
            tls,
            transport: PostgresTransport::Network,
        };
        Ok((endpoint, Some(database).filter(|d| !d.is_empty())))
    }
}

fn read_authority(path: &str) -> Result<String, AddressError> {
    let pem = std::fs::read_to_string(path)
        .map_err(|e| AddressError(format!("cannot read sslrootcert {path}: {e}")))?;
    if !pem.contains("-----BEGIN CERTIFICATE-----") {
        return Err(AddressError(format!("sslrootcert {path} holds no certificate in PEM form")));
    }
    Ok(pem)
}

/// Percent-decoding, as addresses need it for `@` and `/` in passwords.
fn decode(text: &str) -> Result<String, AddressError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
        match (first, tail) {
            (b'%', [high, low, after @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                bytes.push(hex(*high).unwrap_or_default() * 16 + hex(*low).unwrap_or_default());
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes)
        .map_err(|_| AddressError("the address holds percent-escapes that are no UTF-8".into()))
}

#[cfg(test)]
#[path = "endpoint_tests.rs"]
mod tests;
