//! The proof of the checks: in memory, and on real stores with a migrated pair.

mod elasticsearch;
mod postgres;
mod score;
mod stage;

pub use drydock_prove::{DEFAULT_SEED, in_memory};

use crate::start::Keep;
use drydock_core::{Ground, Proof};
use drydock_environments::EnvironmentError;
use score::Score;
use stage::Stage;
use std::path::PathBuf;
use std::time::Instant;
use thiserror::Error;

/// How the proof on real stores is made.
#[derive(Debug, Clone)]
pub struct ProveOptions {
    /// Seed of the data and of what is harmed.
    pub seed: u64,
    /// Where the folder with the logs of the stores goes.
    pub runs: PathBuf,
    /// A PostgreSQL installation to use.
    pub postgres_home: Option<PathBuf>,
    /// An Elasticsearch installation to use.
    pub elasticsearch_home: Option<PathBuf>,
    /// Whether the stores stay up at the end.
    pub keep: Keep,
}

/// Why there is no proof on real stores.
#[derive(Debug, Error)]
pub enum ProveError {
    /// The stores could not be started or stopped.
    #[error("{}; {}", .0.what, .0.help)]
    Environment(EnvironmentError),
    /// The pair to plant corruptions in could not be made.
    #[error("{attempted}: {reason}; look at the logs in {folder}")]
    Stage {
        /// What was attempted.
        attempted: String,
        /// What happened.
        reason: String,
        /// The folder with the logs.
        folder: String,
    },
}

/// Makes a migrated pair of real stores, plants one corruption after the other in the target, compares each time, and
/// puts right again what was harmed. `say` is told how far it is, line by line.
///
/// # Errors
/// The stores could not be started or filled. What a check missed is in the proof.
pub async fn real_stores(options: &ProveOptions, say: &dyn Fn(&str)) -> Result<Proof, ProveError> {
    let began = Instant::now();
    let stage = Stage::set(options, say).await?;
    let mut families = Vec::new();
    let mut misses = Vec::new();
    for family in ["elasticsearch", "postgres"] {
        let mut score = Score::new(family);
        let done = if family == "postgres" {
            postgres::prove(&stage, &mut score, say).await
        } else {
            elasticsearch::prove(&stage, options.seed, &mut score, say).await
        };
        if let Err(reason) = done {
            // What could not be planted or put right again is a miss: the rest of the family was not tried.
            score.missed("the family as a whole", format!("ended early: {reason}"));
        }
        let (family, missed) = score.take();
        families.push(family);
        misses.extend(missed);
    }
    stage.strike(options.keep).await?;
    misses.truncate(drydock_core::proof::MAX_MISSES);
    let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Proof { ground: Ground::RealStores, seed: options.seed, families, misses, millis })
}
