//! Opening a session: TLS, the witness's application name, and session settings under which two servers of different
//! major versions print equal values alike.

use super::tls::{self, Verify};
use super::transport::Transport;
use crate::elasticsearch::transport_advice;
use crate::endpoint::{PostgresEndpoint, PostgresTls};
use secrecy::ExposeSecret;
use thiserror::Error;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, NoTls, config::SslMode};

/// Sessions of the witness carry this application name, so that the freeze proof can tell them from the application's.
pub const APPLICATION_NAME: &str = "drydock";

/// A failure on a PostgreSQL session.
#[derive(Debug, Error)]
pub enum PostgresError {
    /// The session could not be opened.
    #[error("cannot connect to PostgreSQL at {host}:{port}, database {database}, as {user}: {reason}")]
    Connect {
        /// Host.
        host: String,
        /// Port.
        port: u16,
        /// Database.
        database: String,
        /// Role.
        user: String,
        /// The server's or the network's words.
        reason: String,
    },
    /// A statement failed.
    #[error("{doing}: {reason}")]
    Statement {
        /// What was attempted, in words.
        doing: String,
        /// The server's words, with SQLSTATE.
        reason: String,
        /// SQLSTATE, or empty if the connection broke.
        code: String,
    },
}

impl PostgresError {
    /// Wraps a driver error with what was attempted.
    pub fn statement(doing: impl Into<String>, error: &tokio_postgres::Error) -> Self {
        let code = error.code().map(|c| c.code().to_owned()).unwrap_or_default();
        Self::Statement { doing: doing.into(), reason: describe(error), code }
    }
}

/// One open session. Dropping it closes the connection.
#[derive(Debug)]
pub struct Connection {
    client: Client,
    driver: JoinHandle<()>,
}

impl std::ops::Deref for Connection {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.client
    }
}

impl std::ops::DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Opens a session on `database`, with `application_name` set to [`APPLICATION_NAME`] or a name of the caller's.
///
/// # Errors
/// [`PostgresError::Connect`] with host, database and role; never the password.
pub async fn connect(
    endpoint: &PostgresEndpoint,
    database: &str,
    application: &str,
) -> Result<Connection, PostgresError> {
    crate::net::init();
    let fail = |reason: String| PostgresError::Connect {
        host: endpoint.host.clone(),
        port: endpoint.port,
        database: database.to_owned(),
        user: endpoint.user.clone(),
        reason,
    };
    let mut config = Config::new();
    config
        .host(&endpoint.host)
        .port(endpoint.port)
        .user(&endpoint.user)
        .dbname(database)
        .application_name(application)
        .connect_timeout(std::time::Duration::from_secs(10));
    if let Some(password) = &endpoint.password {
        config.password(password.expose_secret());
    }
    let (client, driver) = open(&config, endpoint).await.map_err(fail)?;
    client
        .batch_execute(
            "SET timezone='UTC'; SET datestyle='ISO, YMD'; SET intervalstyle='postgres'; \
             SET extra_float_digits=1; SET bytea_output='hex'; SET search_path=pg_catalog; \
             SET client_min_messages=warning; SET xmlbinary='base64'; SET lc_monetary='C'; \
             SET standard_conforming_strings=on; SET quote_all_identifiers=off; \
             SELECT set_config(name, '0', false) FROM pg_settings \
             WHERE name IN ('transaction_timeout', 'idle_session_timeout')",
        )
        .await
        .map_err(|e| fail(describe(&e)))?;
    Ok(Connection { client, driver })
}

/// One way to open a session.
enum Line<'a> {
    Clear,
    Encrypted(Verify<'a>),
}

/// Opens a session the first way that the endpoint's transport security allows and the server accepts.
async fn open(config: &Config, endpoint: &PostgresEndpoint) -> Result<(Client, JoinHandle<()>), String> {
    use Line::{Clear, Encrypted};
    if let Transport::InProcess(server) = &endpoint.transport {
        let mut config = config.clone();
        config.ssl_mode(SslMode::Disable);
        let stream = server.open().map_err(|e| e.to_string())?;
        let (client, connection) = config.connect_raw(stream, NoTls).await.map_err(|e| describe(&e))?;
        return Ok((client, tokio::spawn(async move { drop(connection.await) })));
    }
    let unverified = || Encrypted(Verify::Nothing);
    let ways = match &endpoint.tls {
        // Nobody listens in on a socket of the file system; servers do not offer TLS there.
        _ if endpoint.host.starts_with('/') => vec![Clear],
        PostgresTls::Off => vec![Clear],
        PostgresTls::Allow => vec![Clear, unverified()],
        PostgresTls::Prefer => vec![unverified(), Clear],
        PostgresTls::Require => vec![unverified()],
        PostgresTls::VerifyCa { ca_pem } => vec![Encrypted(Verify::Chain(ca_pem))],
        PostgresTls::VerifyFull { ca_pem } => vec![Encrypted(Verify::Full(ca_pem.as_deref()))],
    };
    let mut config = config.clone();
    let mut first = None;
    for way in ways {
        let opened =
            match way {
                Clear => {
                    config.ssl_mode(SslMode::Disable);
                    config.connect(NoTls).await.map(|(client, connection)| {
                        (client, tokio::spawn(async move { drop(connection.await) }))
                    })
                }
                Encrypted(verify) => {
                    config.ssl_mode(SslMode::Require);
                    let tls = tls::connector(verify)?;
                    config.connect(tls).await.map(|(client, connection)| {
                        (client, tokio::spawn(async move { drop(connection.await) }))
                    })
                }
            };
        match opened {
            Ok(session) => return Ok(session),
            Err(error) => {
                // A wrong password is wrong on every line. Not let in this way (28000), or no TLS there: try the next.
                let final_word = error.code().is_some_and(|code| code.code() != "28000");
                // The first refusal is about the way that was wanted.
                let told = first.get_or_insert_with(|| describe(&error));
                if final_word {
                    return Err(std::mem::take(told));
                }
            }
        }
    }
    Err(first.unwrap_or_default())
}

/// The server's own words where there are any: the driver's `Display` alone says only "db error".
fn describe(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} (SQLSTATE {})", db.message(), db.code().code()),
        None => {
            let mut text = error.to_string();
            let mut source = std::error::Error::source(error);
            while let Some(inner) = source {
                text = format!("{text}: {inner}");
                source = inner.source();
            }
            if text.contains("server does not support TLS") {
                return format!("{text}; switch TLS on at the server, or write sslmode=prefer or disable");
            }
            match transport_advice(&text) {
                Some(advice) => format!("{text}; {advice}"),
                None => text,
            }
        }
    }
}
