//! Proxies between the migration and its stores, and what each failure of the network does there. Checks, probes and users go
//! past them.

use drydock_core::Component;
use drydock_core::scenario::FaultKind;
use drydock_environments::{Disturbance, Protocol, Proxy, Reply, Rule, Which};
use drydock_stores::StorePair;
use drydock_stores::endpoint::{ElasticsearchEndpoint, PostgresEndpoint};
use std::time::Duration;

/// What a slow network adds to each answer: with some hundred requests, seconds.
const SLOW: Duration = Duration::from_millis(50);
/// A timeout that is shorter than any copy.
const SHORT: Duration = Duration::from_millis(20);
/// Bytes of a client that pass before its connection is reset: in the middle of a restore of any size.
const BEFORE_RESET: u64 = 16 << 10;
/// How long nobody reaches the target: less than a patient client asks again.
const CUT: Duration = Duration::from_secs(2);
/// Refusals in a row that a patient client outlasts.
const REFUSALS: u32 = 3;

/// The proxies of one step.
#[derive(Debug)]
pub(in crate::world) struct Proxies {
    source: (Proxy, Proxy),
    target: (Proxy, Proxy),
}

impl Proxies {
    /// Starts a proxy in front of each store.
    pub(super) fn start(source: &StorePair, target: &StorePair) -> std::io::Result<Self> {
        let pair = |side: &StorePair| {
            let plain = side.elasticsearch.url.starts_with("http://");
            let protocol = if plain { Protocol::Http } else { Protocol::Bytes };
            Ok::<_, std::io::Error>((
                Proxy::start(side.postgres.port, Protocol::Bytes)?,
                Proxy::start(port_of(&side.elasticsearch.url), protocol)?,
            ))
        };
        Ok(Self { source: pair(source)?, target: pair(target)? })
    }

    /// The source as the migration sees it.
    pub(in crate::world) fn source(&self, direct: StorePair) -> StorePair {
        through(&self.source, direct)
    }

    /// The target as the migration sees it.
    pub(in crate::world) fn target(&self, direct: StorePair) -> StorePair {
        through(&self.target, direct)
    }

    /// Disturbs as `kind` asks for, in a step that works on `component`; `at`: the number of the request. Returns what is
    /// disturbed, or nothing if the network has no part in it.
    pub(super) fn disturb(&self, kind: FaultKind, component: Component, at: Option<u32>) -> Option<String> {
        let database = component.database().is_some();
        let rule = |disturbance, which, count| Rule { disturbance, which, first: at.unwrap_or(1), count };
        let answer = Disturbance::Answer;
        let (proxy, rule, what) = match kind {
            FaultKind::ConnectionReset if database => (
                &self.target.0,
                rule(Disturbance::Reset { after_bytes: BEFORE_RESET }, Which::Every, Some(1)),
                "the connection of the restore",
            ),
            FaultKind::ConnectionReset => (
                &self.target.1,
                rule(Disturbance::Reset { after_bytes: 0 }, Which::Copying, Some(1)),
                "a request that copies documents",
            ),
            FaultKind::NetworkCut if database => (
                &self.target.0,
                rule(Disturbance::Cut { after_bytes: BEFORE_RESET, lasts: CUT }, Which::Every, Some(1)),
                "every connection to the target's PostgreSQL",
            ),
            FaultKind::NetworkCut => (
                &self.target.1,
                rule(Disturbance::Cut { after_bytes: 0, lasts: CUT }, Which::Copying, Some(1)),
                "every connection to the target's Elasticsearch",
            ),
            FaultKind::SlowAnswers if database => (
                &self.target.0,
                rule(Disturbance::Slow(SLOW), Which::Every, None),
                "every connection to the target",
            ),
            FaultKind::SlowAnswers => (
                &self.target.1,
                rule(Disturbance::Slow(SLOW), Which::Every, None),
                "every answer of the target",
            ),
            FaultKind::StuckAnswers => {
                (&self.target.1, rule(Disturbance::Stuck, Which::Copying, Some(1)), "the answer to a copy")
            }
            FaultKind::TooManyRequests => (
                &self.target.1,
                rule(answer(Reply::TooManyRequests), Which::Every, Some(REFUSALS)),
                "requests to the target",
            ),
            FaultKind::Unavailable => (
                &self.target.1,
                rule(answer(Reply::Unavailable), Which::Every, Some(REFUSALS)),
                "requests to the target",
            ),
            FaultKind::GatewayTimeout => (
                &self.target.1,
                rule(Disturbance::GatewayTimeout, Which::Copying, Some(1)),
                "the answer to a copy",
            ),
            FaultKind::ShortTimeout => (
                &self.target.1,
                rule(Disturbance::CutAfter(SHORT), Which::Copying, Some(1)),
                "the answer to a copy",
            ),
            FaultKind::WrongCredentials => (
                &self.target.1,
                rule(answer(Reply::Unauthorized), Which::Copying, None),
                "every request that copies documents from here on",
            ),
            FaultKind::MappingRefused => (
                &self.target.1,
                rule(answer(Reply::MappingRefused), Which::Creating, Some(1)),
                "a request that makes an index",
            ),
            FaultKind::ScrollExpires => (
                &self.source.1,
                rule(answer(Reply::SearchContextMissing), Which::Paging, Some(1)),
                "the next page of a search on the source",
            ),
            _ => return None,
        };
        proxy.disturb(rule);
        Some(what.to_owned())
    }

    /// How often anything was disturbed.
    pub(super) fn struck(&self) -> u32 {
        [&self.source.0, &self.source.1, &self.target.0, &self.target.1].into_iter().map(Proxy::struck).sum()
    }
}

fn through(proxies: &(Proxy, Proxy), direct: StorePair) -> StorePair {
    let url = &direct.elasticsearch.url;
    let host = url.rsplit_once(':').map_or(url.as_str(), |(host, _)| host);
    StorePair {
        postgres: PostgresEndpoint { port: proxies.0.port(), ..direct.postgres },
        elasticsearch: ElasticsearchEndpoint {
            url: format!("{host}:{}", proxies.1.port()),
            ..direct.elasticsearch
        },
    }
}

/// The port of an embedded store's address, which always carries one.
fn port_of(url: &str) -> u16 {
    url.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(9200)
}
