//! Where a store is and how to get in. Secrets are wrapped, so that no `Debug` output shows them.

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
    /// An endpoint without authentication.
    pub fn plain(url: impl Into<String>) -> Self {
        let url: String = url.into();
        Self { url: url.trim_end_matches('/').to_owned(), auth: ElasticsearchAuth::None, ca_pem: None }
    }
}

/// A PostgreSQL server and a role on it. The database is chosen per connection.
#[derive(Debug, Clone)]
pub struct PostgresEndpoint {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Role to log in with.
    pub user: String,
    /// Its password, where one is needed.
    pub password: Option<SecretString>,
    /// Transport security.
    pub tls: PostgresTls,
}

/// Transport security of a PostgreSQL connection.
#[derive(Debug, Clone, Default)]
pub enum PostgresTls {
    /// Clear text.
    #[default]
    Off,
    /// TLS with full verification of chain and host name; `ca_pem` is trusted instead of the system's authorities.
    VerifyFull {
        /// PEM bundle of the certification authority, or the system's store if absent.
        ca_pem: Option<String>,
    },
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

impl ElasticsearchEndpoint {
    /// Reads `http[s]://[user:password@]host[:port]`. Credentials move out of the URL.
    ///
    /// # Errors
    /// It is no such address.
    pub fn from_url(url: &str) -> Result<Self, AddressError> {
        let mut parsed = reqwest::Url::parse(url).map_err(|e| {
            AddressError(format!("the Elasticsearch address is no URL ({e}); write http://host:9200"))
        })?;
        if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
            return Err(AddressError("an Elasticsearch address begins with http:// or https://".into()));
        }
        let auth = match (decode(parsed.username())?, parsed.password().map(decode).transpose()?) {
            (user, _) if user.is_empty() => ElasticsearchAuth::None,
            (user, password) => {
                ElasticsearchAuth::Basic { user, password: SecretString::from(password.unwrap_or_default()) }
            }
        };
        // Both fail only for addresses without a host, which are refused above.
        let _ = parsed.set_username("");
        let _ = parsed.set_password(None);
        Ok(Self { auth, ..Self::plain(parsed.as_str()) })
    }
}

impl PostgresEndpoint {
    /// Reads `postgres://user[:password]@host[:port][/database][?sslmode=…&sslrootcert=FILE]`, and returns the database
    /// beside the endpoint. `sslmode` `require`, `verify-ca` and `verify-full` all mean full verification here; without
    /// one the connection is clear text.
    ///
    /// # Errors
    /// It is no such address, or the certificate file cannot be read.
    pub fn from_url(url: &str) -> Result<(Self, Option<String>), AddressError> {
        let parsed = reqwest::Url::parse(url).map_err(|e| {
            AddressError(format!(
                "the PostgreSQL address is no URL ({e}); write postgres://user@host:5432/database"
            ))
        })?;
        if !matches!(parsed.scheme(), "postgres" | "postgresql") {
            return Err(AddressError("a PostgreSQL address begins with postgres://".into()));
        }
        let host = parsed.host_str().filter(|h| !h.is_empty());
        let host = host.ok_or_else(|| AddressError("the PostgreSQL address names no host".into()))?;
        let user = match decode(parsed.username())? {
            user if user.is_empty() => "postgres".to_owned(),
            user => user,
        };
        let (mut mode, mut root) = ("disable".to_owned(), None);
        for (key, value) in parsed.query_pairs() {
            match key.as_ref() {
                "sslmode" => mode = value.into_owned(),
                "sslrootcert" => root = Some(value.into_owned()),
                other => {
                    return Err(AddressError(format!(
                        "the PostgreSQL address has the option {other:?}, which is not known here; known are sslmode and sslrootcert"
                    )));
                }
            }
        }
        let tls = match mode.as_str() {
            "disable" | "allow" | "prefer" => PostgresTls::Off,
            "require" | "verify-ca" | "verify-full" => {
                let ca_pem = root.map(|path| {
                    std::fs::read_to_string(&path)
                        .map_err(|e| AddressError(format!("cannot read sslrootcert {path}: {e}")))
                });
                PostgresTls::VerifyFull { ca_pem: ca_pem.transpose()? }
            }
            other => return Err(AddressError(format!("sslmode {other:?} is none of PostgreSQL's"))),
        };
        let database = decode(parsed.path().trim_start_matches('/'))?;
        let endpoint = Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: parsed.port().unwrap_or(5432),
            user,
            password: parsed.password().map(decode).transpose()?.map(SecretString::from),
            tls,
        };
        Ok((endpoint, Some(database).filter(|d| !d.is_empty())))
    }
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
mod tests {
    use super::*;

    #[test]
    fn credentials_leave_the_url() {
        let endpoint = ElasticsearchEndpoint::from_url("https://elastic:p%40ss@es.example:9243/").unwrap();
        assert_eq!(endpoint.url, "https://es.example:9243");
        let ElasticsearchAuth::Basic { user, password } = &endpoint.auth else { panic!("no basic auth") };
        assert_eq!((user.as_str(), password.expose_secret()), ("elastic", "p@ss"));
        assert!(!format!("{endpoint:?}").contains("p@ss"));
    }

    #[test]
    fn postgres_addresses_are_read_whole() {
        let (endpoint, database) =
            PostgresEndpoint::from_url("postgresql://me:a%2Fb@db.example/web-modeler").unwrap();
        assert_eq!(
            (endpoint.host.as_str(), endpoint.port, endpoint.user.as_str()),
            ("db.example", 5432, "me")
        );
        assert_eq!(endpoint.password_for_client(), "a/b");
        assert_eq!(database.as_deref(), Some("web-modeler"));
        let (endpoint, database) =
            PostgresEndpoint::from_url("postgres://[::1]:5433?sslmode=verify-full").unwrap();
        assert_eq!((endpoint.host.as_str(), endpoint.port, database), ("::1", 5433, None));
        assert!(matches!(endpoint.tls, PostgresTls::VerifyFull { ca_pem: None }));
    }

    #[test]
    fn mistakes_are_told_without_the_address() {
        for url in
            ["mysql://u:secret@h/d", "postgres://u:secret@h/d?ssl=1", "postgres://u:secret@h/d?sslmode=yes"]
        {
            let error = PostgresEndpoint::from_url(url).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
