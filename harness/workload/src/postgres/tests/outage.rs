//! Probes against a server that is stopped for a known time: both edges of the outage within one interval of the truth.

use super::server::{Frozen, Server};
use super::{PostgresProfile, secrets, source};
use crate::acknowledged::Acknowledgements;
use crate::postgres::{Databases, KEYCLOAK};
use crate::probe::{Distance, Outage, Pace, Probe, ProbeResult, Rhythm};
use crate::probes::{Asker, Capability};
use crate::service::{Service, ServiceConfig};
use std::sync::Arc;
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_millis(50);
/// The same from far, as where nobody announces an outage.
const FAR: Duration = Duration::from_secs(1);
/// What a machine with other work may take on top of the slowest answer that was measured before the stop: to send a
/// request, or to notice that its time is over.
const ALLOWANCE: Duration = Duration::from_millis(400);
/// Longer than a probe waits for one answer, so that requests of the outage fail although the server only stands still.
const LONG: Duration = Duration::from_secs(8);
/// Shorter than that: a user waits, and is served.
const SHORT: Duration = Duration::from_secs(2);

/// When something happened: not before the first, not after the second.
type Bounds = (Instant, Instant);

/// What was done to the server.
struct Truth {
    stopped: Bounds,
    back: Bounds,
}

/// How far the edges of an outage may lie outside of the bounds of the truth.
fn resolution(result: &ProbeResult, outage: &Outage, before: Instant) -> Duration {
    // The last ones may have been under way when the server stopped, and tell of the stop, not of the machine.
    let usual = result.answers.values().filter(|a| result.began + a.due + a.latency < before);
    outage.resolution + usual.map(|a| a.latency).max().unwrap_or_default() + ALLOWANCE
}

/// Why an outage does not tell the truth, if it does not.
fn lie(result: &ProbeResult, outage: &Outage, truth: &Truth) -> Option<String> {
    let allowed = resolution(result, outage, truth.stopped.0);
    let Some(until) = outage.until else { return Some(format!("an outage without end: {outage:?}")) };
    let edges = [("began", outage.from, truth.stopped), ("ended", until, truth.back)];
    edges.into_iter().find_map(|(edge, told, (earliest, latest))| {
        let told = result.began + told;
        let early = earliest.saturating_duration_since(told);
        let late = told.saturating_duration_since(latest);
        (early.max(late) > allowed).then(|| {
            format!("the outage {edge} {early:?} too early or {late:?} too late; {allowed:?} are allowed: {outage:?}")
        })
    })
}

fn assert_true(result: &ProbeResult, truth: &Truth, within: Duration) {
    let outages = result.outages();
    let [outage] = outages.as_slice() else { panic!("{} told of {outages:?}", result.name) };
    assert!(
        outage.resolution <= within + ALLOWANCE,
        "{}: seen to within {:?}",
        result.name,
        outage.resolution
    );
    let off = |told: Option<Duration>, true_edge: Instant| {
        let told = result.began + told.unwrap_or_default();
        told.saturating_duration_since(true_edge).as_secs_f64()
            - true_edge.saturating_duration_since(told).as_secs_f64()
    };
    println!(
        "{}: began {:+.3} s and ended {:+.3} s beside the truth; {:?} are allowed",
        result.name,
        off(Some(outage.from), truth.stopped.1),
        off(outage.until, truth.back.1),
        resolution(result, outage, truth.stopped.0)
    );
    assert_eq!(lie(result, outage, truth), None, "{}", result.name);
    // The same rule finds an outage that lies beside the truth: neither edge could be told as it likes.
    let off = resolution(result, outage, truth.stopped.0) * 2
        + (truth.back.1 - truth.back.0)
        + (truth.stopped.1 - truth.stopped.0);
    for moved in [
        Outage { from: outage.from + off, ..outage.clone() },
        Outage { until: outage.until.map(|until| until + off), ..outage.clone() },
        Outage { until: outage.until.map(|until| until.saturating_sub(off)), ..outage.clone() },
        Outage { until: None, ..outage.clone() },
    ] {
        assert!(lie(result, &moved, truth).is_some(), "{moved:?}");
    }
}

/// An application on a server, with a probe that reads and one that writes.
struct Users {
    service: Service,
    config: ServiceConfig,
    log: std::path::PathBuf,
    databases: Databases,
    starts: u64,
}

impl Users {
    async fn on(server: &Server, databases: &Databases) -> Self {
        let secrets = secrets();
        let password = secrets.get(KEYCLOAK).unwrap().clone();
        let log = server.folder().join("acknowledged.jsonl");
        let service = Service::stopped(Arc::new(Acknowledgements::open(&log).unwrap()));
        let config = ServiceConfig {
            elasticsearch: None,
            postgres: server.admin(),
            databases: [(KEYCLOAK.to_owned(), password)].into(),
            identity: None,
        };
        service.open(&config).await.unwrap();
        Self { service, config, log, databases: databases.clone(), starts: 0 }
    }

    /// Starts both probes and waits until users are served: what is usual on this machine must be known.
    async fn probe(&mut self, distance: Distance) -> Vec<Probe> {
        self.starts += 1;
        let asker = Asker::new(self.service.clone(), self.databases.clone(), self.starts * 1_000_000);
        let pace = Pace::new(distance);
        let start = |capability: Capability| {
            let asker = asker.clone();
            Probe::start(capability.as_str(), Rhythm::new(INTERVAL, FAR), &pace, move |number| {
                let asker = asker.clone();
                async move { asker.ask(capability, number).await.map_err(|e| e.to_string()) }
            })
        };
        let probes = [Capability::LogIn, Capability::NoteLogin].map(start).into();
        wait(INTERVAL * 20).await;
        probes
    }
}

/// Lets the probes work for a known time: the time itself is what is measured here.
async fn wait(time: Duration) {
    tokio::time::sleep(time).await;
}

async fn finish(probes: Vec<Probe>) -> Vec<ProbeResult> {
    let mut results = Vec::new();
    for probe in probes {
        results.push(probe.finish().await);
    }
    results
}

/// Stops the server's processes where they stand, for a known time.
async fn stand_still(server: &Server, time: Duration) -> Truth {
    let before = Instant::now();
    let frozen = Frozen::all_of(server);
    let stopped = (before, Instant::now());
    wait(time).await;
    let before = Instant::now();
    drop(frozen);
    Truth { stopped, back: (before, Instant::now()) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edges_of_an_outage_lie_within_one_interval_of_the_truth() {
    let Some((mut server, databases, _)) = source(&PostgresProfile::TINY, 11).await else { return };
    let mut users = Users::on(&server, &databases).await;

    let probes = users.probe(Distance::Close).await;
    let truth = stand_still(&server, LONG).await;
    wait(INTERVAL * 20).await;
    for result in finish(probes).await {
        assert_true(&result, &truth, INTERVAL);
    }

    // Nobody said that it would stop: the probes come close by themselves.
    let probes = users.probe(Distance::Far).await;
    wait(FAR * 3).await;
    let truth = stand_still(&server, LONG).await;
    wait(INTERVAL * 20).await;
    for result in finish(probes).await {
        assert_true(&result, &truth, FAR);
        let asked = result.answers.values().filter(|a| result.began + a.due < truth.stopped.0).count();
        assert!(asked <= 6, "{} asked {asked} times while all was well", result.name);
    }

    // Who waits less than his patience is served: no outage, but nobody calls that fast.
    let probes = users.probe(Distance::Close).await;
    let truth = stand_still(&server, SHORT).await;
    wait(INTERVAL * 20).await;
    for result in finish(probes).await {
        let stood = truth.back.0 - truth.stopped.1;
        let longest = Duration::from_micros(result.latency_us(1.0));
        assert_eq!(result.outages(), [], "{}", result.name);
        assert!(
            longest + INTERVAL + ALLOWANCE >= stood,
            "{} took at most {longest:?} of {stood:?}",
            result.name
        );
    }

    // A server that was shut down and started: who was connected has to connect again.
    let probes = users.probe(Distance::Close).await;
    let before = Instant::now();
    server.stop();
    let stopped = (before, Instant::now());
    wait(SHORT).await;
    let before = Instant::now();
    server.restart();
    users.service.close().await;
    users.service.open(&users.config).await.unwrap();
    let truth = Truth { stopped, back: (before, Instant::now()) };
    wait(INTERVAL * 20).await;
    for result in finish(probes).await {
        assert_true(&result, &truth, INTERVAL);
    }
    assert!(users.log.exists());
    users.service.close().await;
}
