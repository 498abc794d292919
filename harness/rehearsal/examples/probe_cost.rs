//! What the probes cost: writes a second that the live writer gets acknowledged with and without them, in neighbouring
//! windows, on one pair of stores, and the median of their ratios with its noise.
//!
//! `probe_cost [--documents N] [--repeat N] [--seconds N] [--probes-per-second N] [--close 1]`: from far as while users work, or from
//! close as around an outage.

mod flags;

use drydock_environments::{Embedded, EmbeddedConfig, Keep, Silent};
use drydock_stores::elasticsearch::{Client, Timeouts};
use drydock_workload::acknowledged::Acknowledgements;
use drydock_workload::elasticsearch::{self as documents, Dataset};
use drydock_workload::postgres::{self as rows, Databases, PostgresProfile, RoleSecrets};
use drydock_workload::probe::{Distance, Pace, Probe};
use drydock_workload::probes::{Asker, Capability};
use drydock_workload::service::{Service, ServiceConfig};
use drydock_workload::writer::{Churn, Presence, Until, Writer, WriterConfig};
use flags::number;
use secrecy::SecretString;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// So many turns of the writer a second that no store keeps up: what counts is how many it acknowledges.
const WITHOUT_PAUSE: u32 = 1_000_000;
/// Time that is not counted after the probes have begun or ended.
const SETTLING: Duration = Duration::from_millis(300);
/// The same after the writer has begun: caches are cold, and indices do not exist yet.
const WARM_UP: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Probing {
    With,
    Without,
}

/// Writes a second to each store.
#[derive(Debug, Clone, Copy)]
struct Rate {
    elasticsearch: f64,
    postgres: f64,
}

struct Bench {
    service: Service,
    databases: Databases,
    measured: Duration,
    probes_per_second: u32,
    pace: Pace,
}

impl Bench {
    /// Writes a second while the writer writes on, with probes or without them.
    async fn window(&self, number: u64, writer: &Writer, probing: Probing) -> Result<Rate, Box<dyn Error>> {
        let probes = match probing {
            Probing::With => self.probes(number),
            Probing::Without => Vec::new(),
        };
        tokio::time::sleep(SETTLING).await;
        let (first, since) = (writer.written(), Instant::now());
        tokio::time::sleep(self.measured).await;
        let (last, took) = (writer.written(), since.elapsed().as_secs_f64());
        for probe in probes {
            let result = probe.finish().await;
            if result.failed() > 0 {
                return Err(format!(
                    "{} of {} requests of the probe {} failed",
                    result.failed(),
                    result.sent,
                    result.name
                )
                .into());
            }
        }
        let rate = |before: Option<u64>, after: Option<u64>| {
            let writes = after.zip(before).map_or(0, |(after, before)| after - before);
            f64::from(u32::try_from(writes).unwrap_or(u32::MAX)) / took
        };
        Ok(Rate {
            elasticsearch: rate(first.elasticsearch, last.elasticsearch),
            postgres: rate(first.postgres, last.postgres),
        })
    }

    /// Every capability, as often as a rehearsal asks for it.
    fn probes(&self, window: u64) -> Vec<Probe> {
        let asker = Asker::new(self.service.clone(), self.databases.clone(), (window + 1) * 1_000_000);
        let start = |capability: Capability| {
            let rhythm = capability.rhythm(self.probes_per_second);
            let asker = asker.clone();
            Probe::start(capability.as_str(), rhythm, &self.pace, move |number| {
                let asker = asker.clone();
                async move { asker.ask(capability, number).await.map_err(|e| e.to_string()) }
            })
        };
        Capability::ALL.map(start).into()
    }
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

fn median(values: &[f64]) -> f64 {
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[n / 2],
        n => (values[n / 2 - 1] + values[n / 2]) / 2.0,
    }
}

/// Tells what probes cost one store: the median of the ratios of neighbouring windows, and between which two of them the true one
/// lies with 90 %, whatever their distribution.
fn tell(store: &str, pairs: &[(f64, f64)]) {
    let (without, with): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let ratios = sorted(pairs.iter().map(|(without, with)| with / without).collect());
    // The ranks of a binomial of so many throws of a coin, 1.645 standard deviations of which lie on either side.
    let count = f64::from(u32::try_from(ratios.len()).unwrap_or(u32::MAX));
    let rank = (count - 1.645 * count.sqrt()) / 2.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank below the number of pairs"
    )]
    let low = rank.max(0.0) as usize;
    let high = ratios.len().saturating_sub(low + 1);
    let cost = |ratio: Option<&f64>| 100.0 * (1.0 - ratio.copied().unwrap_or_default());
    println!(
        "{store}: {:.0} writes/s without probes, {:.0} with them; they cost {:.2} %, with 90 % between {:.2} and {:.2} %",
        median(&sorted(without)),
        median(&sorted(with)),
        100.0 * (1.0 - median(&ratios)),
        cost(ratios.get(high)),
        cost(ratios.get(low)),
    );
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let repeat = number("--repeat", 60)?;
    let folder = std::env::temp_dir().join(format!("drydock-probe-cost-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let mut config = EmbeddedConfig::new(format!("probe-cost-{}", std::process::id()), &folder);
    (config.target.postgres, config.target.elasticsearch) = (false, false);
    let environment = Embedded::start(config, Arc::new(Silent)).await?;
    let measured = measure(&environment, &folder, repeat).await;
    environment.stop(Keep::Nothing).await?;
    std::fs::remove_dir_all(&folder)?;
    let measured = measured?;
    tell(
        "elasticsearch",
        &measured.iter().map(|(a, b)| (a.elasticsearch, b.elasticsearch)).collect::<Vec<_>>(),
    );
    tell("postgres", &measured.iter().map(|(a, b)| (a.postgres, b.postgres)).collect::<Vec<_>>());
    let both = |rate: &Rate| rate.elasticsearch + rate.postgres;
    tell("both together", &measured.iter().map(|(a, b)| (both(a), both(b))).collect::<Vec<_>>());
    Ok(())
}

/// Pairs of neighbouring windows of one writer, without and with probes; which of them is first changes, so that a store that
/// grows or a machine that warms up favours neither.
async fn measure(
    environment: &Embedded,
    folder: &std::path::Path,
    repeat: u64,
) -> Result<Vec<(Rate, Rate)>, Box<dyn Error>> {
    let pair = environment.source().ok_or("no source")?;
    let databases = Databases::new(&PostgresProfile::TINY, 1);
    let passwords = databases.names().iter().map(|n| (*n, SecretString::from(format!("password-of-{n}"))));
    let secrets: RoleSecrets = passwords.clone().collect();
    rows::create_roles_and_databases(&pair.postgres, databases.names(), &secrets).await?;
    rows::create_second_roles(&pair.postgres, databases.names()).await?;
    rows::seed(&pair.postgres, &databases, &secrets, &|_, _| ()).await?;
    let client = Client::new(&pair.elasticsearch, Timeouts::default())?;
    let profile = documents::Profile::tiny().with_documents(number("--documents", 20_000)?);
    documents::seed(&client, &Dataset::new(&profile, 1), &|_, _| ()).await?;
    let service = Service::stopped(Arc::new(Acknowledgements::open(&folder.join("acknowledged.jsonl"))?));
    let config = ServiceConfig {
        elasticsearch: Some(pair.elasticsearch),
        postgres: pair.postgres,
        databases: passwords.map(|(name, password)| (name.to_owned(), password)).collect(),
        identity: None,
    };
    service.open(&config).await?;
    let bench = Bench {
        service,
        databases,
        measured: Duration::from_secs(number("--seconds", 2)?.max(1)),
        probes_per_second: u32::try_from(number("--probes-per-second", 20)?)?.max(1),
        pace: Pace::new(if number("--close", 0)? == 0 { Distance::Far } else { Distance::Close }),
    };
    let began = Instant::now();
    let config = WriterConfig {
        per_second: WITHOUT_PAUSE,
        epoch: 0,
        databases: bench.databases.clone(),
        elasticsearch: Presence::Present,
        churn: Churn::Usual,
        until: Until::Stopped,
    };
    let clock = Arc::new(move || u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
    let writer = Writer::start(&bench.service, &config, &(clock as _));
    tokio::time::sleep(WARM_UP).await;
    let mut pairs = Vec::new();
    for n in 0..repeat {
        let mut order = [Probing::Without, Probing::With];
        if n % 2 == 1 {
            order.reverse();
        }
        let mut rates = [None, None];
        for (turn, probing) in (0..).zip(order) {
            let rate = bench.window(2 * n + turn, &writer, probing).await?;
            rates[usize::from(probing == Probing::With)] = Some(rate);
        }
        if let [Some(without), Some(with)] = rates {
            pairs.push((without, with));
        }
    }
    let summary = writer.finish().await;
    if summary.failed > 0 {
        return Err(
            format!("{} of {} writes failed", summary.failed, summary.acknowledged + summary.failed).into()
        );
    }
    bench.service.close().await;
    Ok(pairs)
}
