//! Corruptions on a real Elasticsearch. Each is planted in the target, compared, and put right again from the source.

mod cluster;
mod documents;
mod hands;

use super::score::Score;
use super::stage::Stage;
use drydock_prove::{Dice, Planted};
use drydock_stores::compare::{self, CheckResult, Options};
use drydock_stores::elasticsearch::Scope;
use hands::Hands;

/// After so many corruptions everything is compared, with nothing planted.
const CLEAN_EVERY: usize = 10;

/// What is put right again after a corruption.
enum Undo {
    /// The whole index, from the source.
    Index(String),
    /// One document of an index, from the source.
    Document(String, Key),
    /// Several requests: method, path, body.
    Requests(Vec<Request>),
}

/// A request to the target. What is posted has no body.
enum Request {
    Put(String, serde_json::Value),
    Post(String),
    Delete(String),
}

/// Identity of a document.
#[derive(Debug, Clone)]
struct Key {
    id: String,
    routing: Option<String>,
}

/// A corruption that is in place.
struct InPlace {
    planted: Planted,
    /// Names beginning so are compared.
    scope: Vec<String>,
    undo: Vec<Undo>,
}

/// Plants each corruption, compares what it touches, and puts it right again.
///
/// # Errors
/// Something could not be put right again: what follows would be blamed for it.
pub(super) async fn prove(
    stage: &Stage,
    seed: u64,
    score: &mut Score,
    say: &dyn Fn(&str),
) -> Result<(), String> {
    let hands = Hands::new(stage).await?;
    let mut dice = Dice::new(seed, "real stores/elasticsearch");
    let documents = documents::CORRUPTIONS.len();
    let all = documents + cluster::CORRUPTIONS.len();
    for number in 0..all {
        if number % CLEAN_EVERY == 0 {
            say(&format!("elasticsearch: {number} of {all} corruptions planted"));
            score.clean(&compare(stage, stage.prefixes.clone()).await);
        }
        let (name, placed) = match documents::CORRUPTIONS.get(number) {
            Some(corruption) => (corruption.name, documents::plant(&hands, corruption, &mut dice).await),
            None => {
                let (name, what) = cluster::CORRUPTIONS[number - documents];
                (name, cluster::plant(&hands, what, &mut dice).await)
            }
        };
        match placed {
            Ok(placed) => {
                let results = compare(stage, placed.scope).await;
                score.planted(name, &placed.planted, &results);
                hands.undo(placed.undo).await.map_err(|e| format!("{name} could not be put right: {e}"))?;
            }
            Err(reason) => score.missed(name, format!("could not be planted: {reason}")),
        }
    }
    score.clean(&compare(stage, stage.prefixes.clone()).await);
    Ok(())
}

async fn compare(stage: &Stage, prefixes: Vec<String>) -> Vec<CheckResult> {
    let (source, target) = (&stage.source.elasticsearch, &stage.target.elasticsearch);
    compare::elasticsearch(source, target, &Scope { prefixes }, &Options::default()).await
}
