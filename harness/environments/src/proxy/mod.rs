//! A proxy between a migration and a store, for everything that a network and what stands in it can do to a request.
//! Without a [`Rule`] it passes on what comes, byte by byte.

mod connection;
mod http;

use http::Head;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// What is spoken through a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 without TLS: requests are told apart.
    Http,
    /// Anything: only bytes are counted.
    Bytes,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disturbance {
    /// The connection is reset before the request reaches the store. Where bytes are counted: after so many of the client's.
    Reset {
        /// Bytes of the client that still pass; for [`Protocol::Bytes`].
        after_bytes: u64,
    },
    /// As [`Disturbance::Reset`], and every other connection with it: for a while nobody gets through.
    Cut {
        /// Bytes of the client that still pass; for [`Protocol::Bytes`].
        after_bytes: u64,
        /// How long.
        lasts: Duration,
    },
    /// The answer comes so much later.
    Slow(Duration),
    /// The store answers, and the answer never arrives.
    Stuck,
    /// The store never sees the request; this answer is given in its name.
    Answer(Reply),
    /// The store gets the request and works on it, and a gateway in between answers 504.
    GatewayTimeout,
    /// The connection is cut as soon as the answer takes longer than this, while the store works on.
    CutAfter(Duration),
}

/// Answers that a proxy gives by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// 429, as a store whose queues are full.
    TooManyRequests,
    /// 503, as a gateway without a store behind it.
    Unavailable,
    /// 401, as a store whose password was changed.
    Unauthorized,
    /// 404, as a store that has forgotten a scroll or a point in time.
    SearchContextMissing,
    /// 400, as a store that refuses a mapping.
    MappingRefused,
}

impl Reply {
    fn status(self) -> (u16, &'static str) {
        match self {
            Self::TooManyRequests => (429, "Too Many Requests"),
            Self::Unavailable => (503, "Service Unavailable"),
            Self::Unauthorized => (401, "Unauthorized"),
            Self::SearchContextMissing => (404, "Not Found"),
            Self::MappingRefused => (400, "Bad Request"),
        }
    }

    fn error(self) -> (&'static str, &'static str) {
        match self {
            Self::TooManyRequests => ("es_rejected_execution_exception", "rejected execution on purpose"),
            Self::Unavailable => ("unavailable", "no store behind this gateway, on purpose"),
            Self::Unauthorized => ("security_exception", "unable to authenticate, on purpose"),
            Self::SearchContextMissing => ("search_context_missing_exception", "No search context found"),
            Self::MappingRefused => ("mapper_parsing_exception", "this mapping is refused on purpose"),
        }
    }

    /// The whole answer.
    fn message(self) -> String {
        let (status, words) = self.status();
        let (kind, reason) = self.error();
        let cause = format!("{{\"type\":\"{kind}\",\"reason\":\"{reason}\"}}");
        let body = format!(
            "{{\"error\":{{\"root_cause\":[{cause}],\"type\":\"{kind}\",\"reason\":\"{reason}\"}},\"status\":{status}}}"
        );
        answer(status, words, "application/json", &body)
    }
}

fn answer(status: u16, words: &str, kind: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} {words}\r\nContent-Type: {kind}\r\nX-Elastic-Product: Elasticsearch\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Which requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those that copy documents: `_reindex` and `_bulk`.
    Copying,
    /// Those that make an index.
    Creating,
    /// Those that read the next page of a search.
    Paging,
    /// Any.
    Every,
}

impl Which {
    fn counts(self, head: &Head) -> bool {
        let (method, path) = (head.method(), head.path());
        match self {
            Self::Copying => method == "POST" && (path.ends_with("/_reindex") || path.ends_with("/_bulk")),
            Self::Creating => method == "PUT" && !path.starts_with("/_") && path.matches('/').count() == 1,
            Self::Paging => method != "DELETE" && (path == "/_search/scroll" || path == "/_search"),
            Self::Every => true,
        }
    }
}

/// What a proxy does to which requests, or connections where requests cannot be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// What becomes of them.
    pub disturbance: Disturbance,
    /// Which are counted.
    pub which: Which,
    /// The first one disturbed, from 1.
    pub first: u32,
    /// How many are; all from the first on if absent.
    pub count: Option<u32>,
}

#[derive(Debug)]
struct Active {
    rule: Rule,
    seen: u32,
}

#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    protocol: Protocol,
    active: Mutex<Option<Active>>,
    struck: AtomicU32,
    /// Until when nobody gets through.
    cut: watch::Sender<Option<Instant>>,
}

impl Shared {
    /// Cuts every connection off, and each new one for so long.
    fn cut(&self, lasts: Duration) {
        self.cut.send_replace(Some(Instant::now() + lasts));
    }

    /// Whether nobody gets through at the moment.
    fn is_cut(until: Option<Instant>) -> bool {
        until.is_some_and(|until| Instant::now() < until)
    }

    /// What becomes of one more request (`head`) or connection.
    fn decide(&self, head: Option<&Head>) -> Option<Disturbance> {
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        let Active { rule, seen } = active.as_mut()?;
        if head.is_some_and(|head| !rule.which.counts(head)) {
            return None;
        }
        if head.is_none() && matches!(rule.disturbance, Disturbance::Reset { .. } | Disturbance::Cut { .. }) {
            // Only a connection that sends enough is reset, and counts.
            return Some(rule.disturbance);
        }
        *seen += 1;
        let after = seen.checked_sub(rule.first)?;
        if rule.count.is_some_and(|count| after >= count) {
            return None;
        }
        self.struck.fetch_add(1, Ordering::SeqCst);
        Some(rule.disturbance)
    }
}

impl Shared {
    /// Whether a connection that has sent enough is one of those to be reset.
    fn claims_reset(&self) -> bool {
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Active { rule, seen }) = active.as_mut() else { return false };
        if rule.count.is_some_and(|count| *seen >= count) {
            return false;
        }
        *seen += 1;
        self.struck.fetch_add(1, Ordering::SeqCst);
        true
    }
}

/// A proxy in front of one store of this machine. Dropping it ends it and every connection through it.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port of this machine, in front of `upstream_port`. Needs a runtime.
    ///
    /// # Errors
    /// No port can be had.
    pub fn start(upstream_port: u16, protocol: Protocol) -> std::io::Result<Self> {
        let listener = drydock_ports::listen()?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let listener = TcpListener::from_std(listener)?;
        let shared = Arc::new(Shared {
            upstream: SocketAddr::from((Ipv4Addr::LOCALHOST, upstream_port)),
            protocol,
            active: Mutex::new(None),
            struck: AtomicU32::new(0),
            cut: watch::Sender::new(None),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { port, shared, accepting })
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Disturbs from now on.
    pub fn disturb(&self, rule: Rule) {
        *self.shared.active.lock().unwrap_or_else(PoisonError::into_inner) = Some(Active { rule, seen: 0 });
    }

    /// Passes everything on again.
    pub fn calm(&self) {
        *self.shared.active.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// How many requests or connections were disturbed so far.
    pub fn struck(&self) -> u32 {
        self.shared.struck.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Owns the connections, so that they end with it.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => {
                    connections.spawn(connection::serve(client, Arc::clone(&shared)));
                }
                // Out of descriptors, most likely: the next one may be luckier.
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

#[cfg(test)]
mod tests;
