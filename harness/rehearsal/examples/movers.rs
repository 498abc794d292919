//! `mover: stream` against `mover: reindex` on one pair of clusters, in turns, and the ratio of their medians. Both copy the
//! same indices completely; see `ci/peers/README.md`.
//!
//! `movers [--documents N] [--repeat N] [--parallelism N]`

mod flags;

use drydock_core::scenario::{MigrationSpec, Mover};
use drydock_core::{Action, Component};
use drydock_environments::{Embedded, EmbeddedConfig, Keep, Silent};
use drydock_migration::{Attempt, BuiltinDriver, MigrationContext, Reporter};
use drydock_stores::StorePair;
use drydock_stores::elasticsearch::{Client, Timeouts};
use drydock_workload::elasticsearch::{self as documents, Dataset};
use flags::number;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

const PREFIXES: [&str; 7] =
    ["zeebe-", "operate-", "tasklist-", "optimize-", "connectors-", "camunda-", "acme-"];

/// As the guide has it for people: one index after another.
const BY_HAND: &str = "_reindex from remote, one index after another";
/// As the official scripts have it.
const AS_SCRIPTS: &str = "_reindex from remote, several indices at once";

struct Quiet;

impl Reporter for Quiet {
    fn item(&self, _: &str, _: u64) {}
    fn progress(&self, _: u64, _: Option<u64>, _: &str) {}
    fn note(&self, text: &str) {
        eprintln!("{text}");
    }
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or_default()
}

async fn remove_all(client: &Client) -> Result<(), Box<dyn Error>> {
    let all = client.get("/_all?expand_wildcards=all&filter_path=*.settings.index.uuid").await?;
    let names: Vec<&str> = all
        .as_object()
        .into_iter()
        .flatten()
        .map(|(n, _)| n.as_str())
        .filter(|n| !n.starts_with('.'))
        .collect();
    for names in names.chunks(50) {
        client.delete(&format!("/{}", names.join(","))).await?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (count, repeat) = (number("--documents", 500_000)?, number("--repeat", 3)?);
    let parallelism = u32::try_from(number("--parallelism", 4)?)?;
    let folder = std::env::temp_dir().join(format!("drydock-movers-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("logs"))?;
    let mut config = EmbeddedConfig::new(format!("movers-{}", std::process::id()), &folder);
    let dataset = Dataset::new(&documents::Profile::large().with_documents(count), 7);
    config.estimated_data_bytes = dataset.estimated_bytes();
    let environment = Embedded::start(config, Arc::new(Silent)).await?;
    let (Some(source), Some(target)) = (environment.source(), environment.target()) else {
        return Err("a side of the environment lacks a store".into());
    };
    let outcome = race(&environment, (source, target), &dataset, (repeat, parallelism), &folder).await;
    environment.stop(Keep::Nothing).await?;
    std::fs::remove_dir_all(&folder)?;
    outcome
}

async fn race(
    environment: &Embedded,
    (source, target): (StorePair, StorePair),
    dataset: &Dataset,
    (repeat, parallelism): (u64, u32),
    folder: &std::path::Path,
) -> Result<(), Box<dyn Error>> {
    let from = Client::new(&source.elasticsearch, Timeouts::default())?;
    let to = Client::new(&target.elasticsearch, Timeouts::default())?;
    eprintln!("filling the source");
    let seeded = documents::seed(&from, dataset, &|_, _| {}).await?;
    from.post_empty("/_all/_forcemerge?max_num_segments=1&wait_for_completion=true").await?;
    let mut context = MigrationContext {
        source,
        target,
        spec: MigrationSpec {
            components: Some(vec![Component::Elasticsearch]),
            index_prefixes: PREFIXES.map(Into::into).to_vec(),
            ..MigrationSpec::default()
        },
        programs: Default::default(),
        clients: environment.postgres_clients().map(ToOwned::to_owned).unwrap_or_default(),
        dumps: folder.join("dumps"),
        roles: BTreeMap::new(),
        run_dir: folder.to_owned(),
        cancel: tokio_util::sync::CancellationToken::new(),
    };
    let mut seconds: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for _ in 0..repeat {
        // In turns, so that whatever else the machine does falls on all.
        for (name, mover, at_once) in [
            (BY_HAND, Mover::Reindex, 1),
            (AS_SCRIPTS, Mover::Reindex, parallelism),
            ("stream", Mover::Stream, parallelism),
        ] {
            (context.spec.mover, context.spec.reindex_parallelism) = (mover, at_once);
            remove_all(&to).await?;
            let began = Instant::now();
            let facts = BuiltinDriver
                .perform(&context, Action::CopyIndices, &BTreeSet::new(), Attempt::First, &Quiet)
                .await?;
            let took = began.elapsed().as_secs_f64();
            eprintln!("{name}: {took:.1} s, {} documents", facts["documents"]);
            seconds.entry(name).or_default().push(took);
        }
    }
    let medians: BTreeMap<&str, f64> = seconds.into_iter().map(|(name, all)| (name, median(all))).collect();
    println!(
        "| mover | {} documents, {} indices | to by hand | to the scripts |",
        seeded.documents, seeded.indices
    );
    println!("|---|--:|--:|--:|");
    for (name, median) in &medians {
        println!(
            "| {name} | {median:.1} s | {:.2} | {:.2} |",
            medians[BY_HAND] / median,
            medians[AS_SCRIPTS] / median
        );
    }
    Ok(())
}
