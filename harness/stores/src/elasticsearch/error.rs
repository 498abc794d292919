//! What can go wrong when talking to Elasticsearch, sorted by what the caller can do about it.

use thiserror::Error;

/// A failed request. Never contains credentials: the URL carries none.
#[derive(Debug, Error)]
#[error("{method} {path}: {kind}{}", advice(kind))]
pub struct ElasticsearchError {
    /// HTTP method.
    pub method: String,
    /// Path and query below the base URL.
    pub path: String,
    /// What happened.
    pub kind: ErrorKind,
}

/// Kinds of failure.
#[derive(Debug, Error)]
pub enum ErrorKind {
    /// No answer: refused, reset, timed out, TLS failure.
    #[error("no answer: {0}")]
    Transport(String),
    /// An answer with an error status.
    #[error("HTTP {status}: {reason}")]
    Status {
        /// HTTP status code.
        status: u16,
        /// `error.type` of the answer, or empty.
        error_type: String,
        /// `error.reason` of the answer, or the start of its body.
        reason: String,
    },
    /// An answer that is not what the API promises.
    #[error("unexpected answer: {0}")]
    Malformed(String),
    /// The store's version cannot do what is asked for.
    #[error("{0}")]
    Unsupported(String),
}

impl ElasticsearchError {
    /// An answer that is not what the API promises.
    pub fn malformed(method: &str, path: impl Into<String>, what: impl Into<String>) -> Self {
        Self { method: method.to_owned(), path: path.into(), kind: ErrorKind::Malformed(what.into()) }
    }

    /// Something that the store's version cannot do.
    pub fn unsupported(method: &str, path: impl Into<String>, what: impl Into<String>) -> Self {
        Self { method: method.to_owned(), path: path.into(), kind: ErrorKind::Unsupported(what.into()) }
    }

    /// HTTP status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        match &self.kind {
            ErrorKind::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The store does not have what was asked for.
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }

    /// The store is overloaded or briefly away: worth trying again with a smaller request.
    pub fn is_pressure(&self) -> bool {
        matches!(self.status(), Some(429 | 502 | 503 | 504))
            || matches!(&self.kind, ErrorKind::Status { error_type, .. } if error_type == "circuit_breaking_exception")
    }

    /// No answer at all.
    pub fn is_transport(&self) -> bool {
        matches!(self.kind, ErrorKind::Transport(_))
    }
}

/// What to do about it, where the failure itself says so: the end of a message, or nothing.
fn advice(kind: &ErrorKind) -> String {
    let what = match kind {
        ErrorKind::Transport(reason) => transport_advice(reason),
        ErrorKind::Status { status: 401, .. } => Some(
            "check user and password in the address, or the API key; in an address they are percent-encoded",
        ),
        ErrorKind::Status { status: 403, reason, .. } => {
            return needed_privilege(reason)
                .map_or_else(String::new, |p| format!("; grant the role the {p}"));
        }
        ErrorKind::Status { status: 301 | 302 | 307 | 308, .. } => Some("write that address instead"),
        _ => None,
    };
    what.map_or_else(String::new, |what| format!("; {what}"))
}

/// The same for a connection that did not come about. `reason` is the network's or the TLS library's own text.
pub(crate) fn transport_advice(reason: &str) -> Option<&'static str> {
    const ADVICE: [(&[&str], &str); 9] = [
        (
            &["UnknownIssuer", "BadSignature", "unknown CA"],
            "its certificate is not signed by an authority trusted here: give the authority's PEM file (--source-ca, \
             --target-ca; sslrootcert for PostgreSQL)",
        ),
        (
            &["NotValidForName", "not valid for name"],
            "its certificate is made out to another name: write the host name of the certificate in the address",
        ),
        (
            &["NotValidYet", "not valid yet"],
            "its certificate is not valid yet: check the clocks, or renew it",
        ),
        (&["Expired", "expired"], "its certificate has expired: renew it on the server"),
        (
            &["InvalidContentType", "corrupt message", "record overflow", "InvalidMessage"],
            "the server does not speak TLS there: write http:// or another port",
        ),
        (
            &["CertificateRequired", "certificate required", "HandshakeFailure"],
            "the server refuses the TLS connection: it may want a client certificate or another version of TLS",
        ),
        (
            &["invalid HTTP version", "before message completed", "connection closed", "invalid HTTP"],
            "the server ended the connection: if it speaks TLS, write https://",
        ),
        (&["lookup address", "Name or service not known"], "check the host name: it is not known here"),
        (&["refused"], "nothing listens there: check host and port, and that the store runs"),
    ];
    ADVICE.iter().find(|(texts, _)| texts.iter().any(|t| reason.contains(t))).map(|(_, advice)| *advice)
}

/// The privilege that a refusal says is missing, in words: `cluster privilege read_pipeline`. Of several that would do,
/// the one that allows least.
pub fn needed_privilege(refusal: &str) -> Option<String> {
    /// Privileges that allow reading and little else.
    const READING: [&str; 12] = [
        "read",
        "view_index_metadata",
        "read_pipeline",
        "read_ilm",
        "read_slm",
        "monitor_snapshot",
        "monitor_enrich",
        "monitor_watcher",
        "read_security",
        "monitor",
        "maintenance",
        "manage_index_templates",
    ];
    let (before, after) = refusal.split_once(" privileges [")?;
    let kind = before.rsplit(' ').next()?;
    let (list, _) = after.split_once(']')?;
    let names: Vec<&str> = list.split(',').map(str::trim).collect();
    let least = READING.iter().find(|known| names.contains(known)).or(names.first())?;
    Some(format!("{kind} privilege {least}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_least_privilege() {
        let refusal = |kind: &str, list: &str| {
            format!(
                "HTTP 403: action [x] is unauthorized for user [u], this action is granted by the {kind} privileges [{list}]"
            )
        };
        for (kind, list, least) in [
            ("cluster", "read_pipeline,manage_pipeline,manage,all", "cluster privilege read_pipeline"),
            ("index", "monitor,view_index_metadata,manage,all", "index privilege view_index_metadata"),
            ("cluster", "manage_own_thing,all", "cluster privilege manage_own_thing"),
        ] {
            assert_eq!(needed_privilege(&refusal(kind, list)).as_deref(), Some(least));
        }
        assert_eq!(needed_privilege("HTTP 503: busy"), None);
    }
}
