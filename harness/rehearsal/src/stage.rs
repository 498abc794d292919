//! Stores that serve several runs, one after the other: started once, emptied in between, and made anew where a run left
//! them in a state that emptying does not mend.

use crate::start::RehearsalOptions;
use crate::world::environment_for;
use drydock_core::Scenario;
use drydock_environments::{Environment, EnvironmentError, Keep, Side, Silent, Store};
use drydock_stores::StorePair;
use drydock_stores::compare::{Fingerprint, Options, fingerprint_elasticsearch, fingerprint_postgres};
use drydock_stores::elasticsearch::{Client, ElasticsearchError, Timeouts};
use drydock_stores::postgres::{APPLICATION_NAME, PostgresError, connect};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// Names in one request, so that its first line stays short.
const NAMES: usize = 20;
/// Definitions of a cluster: where they are listed, what is in the list, where one is removed.
const DEFINITIONS: [(&str, Listed, &str); 7] = [
    ("/_data_stream?expand_wildcards=all", Listed::Named("data_streams"), "/_data_stream/"),
    ("/_index_template", Listed::Named("index_templates"), "/_index_template/"),
    ("/_component_template", Listed::Named("component_templates"), "/_component_template/"),
    ("/_template", Listed::Keys, "/_template/"),
    ("/_ingest/pipeline", Listed::Keys, "/_ingest/pipeline/"),
    ("/_ilm/policy", Listed::Keys, "/_ilm/policy/"),
    ("/_snapshot", Listed::Keys, "/_snapshot/"),
];

#[derive(Clone, Copy)]
enum Listed {
    /// An array below this key, each entry with its `name`.
    Named(&'static str),
    /// An object whose keys are the names.
    Keys,
}

/// Why a store is not as empty as it was.
#[derive(Debug, Error)]
enum NotEmptied {
    #[error(transparent)]
    Elasticsearch(#[from] ElasticsearchError),
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    #[error("a side is not there")]
    Absent,
    #[error("cannot remove {0}: {1}")]
    File(PathBuf, std::io::Error),
    #[error("{0} is left of the run before")]
    Left(String),
}

/// What stores are like when they are empty.
pub(crate) type Blank = Vec<(Side, Fingerprint)>;

/// Whether stores have served a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    /// They have only just been started.
    New,
    /// They have, and were emptied.
    Used,
}

/// The stores, and what they are like when they are empty.
pub(crate) struct Stage {
    environment: Option<(Environment, Blank)>,
    run: String,
    folder: PathBuf,
}

impl Stage {
    /// Nothing runs yet. `run` is the name that processes and work directory carry.
    pub(crate) fn new(run: &str, folder: &Path) -> Self {
        Self { environment: None, run: run.to_owned(), folder: folder.to_owned() }
    }

    /// Lends empty stores: those that run if they can be emptied, else new ones. Tells why the old ones could not.
    pub(crate) async fn lend(
        &mut self,
        scenario: &Scenario,
        options: &RehearsalOptions,
        say: &dyn Fn(&str),
    ) -> Result<(Environment, Blank, Age), EnvironmentError> {
        if let Some((mut environment, blank)) = self.environment.take() {
            match emptied(&mut environment, &blank).await {
                Ok(()) => return Ok((environment, blank, Age::Used)),
                Err(why) => {
                    say(&format!("starting new stores: {why}"));
                    environment.stop(Keep::Nothing).await?;
                }
            }
        }
        let mut config = environment_for(scenario, &self.run, &self.folder);
        config.postgres_home.clone_from(&options.postgres_home);
        config.elasticsearch_home.clone_from(&options.elasticsearch_home);
        let environment = Environment::start(scenario.environment.clone(), config, Arc::new(Silent)).await?;
        let mut blank = Vec::new();
        for side in [Side::Source, Side::Target] {
            // Without a description of the empty store the next run gets a new one.
            if let Ok(described) = described(&environment.pair(side)).await {
                blank.push((side, described));
            }
        }
        Ok((environment, blank, Age::New))
    }

    /// Takes stores back after a run.
    pub(crate) fn take_back(&mut self, environment: Environment, blank: Blank) {
        self.environment = Some((environment, blank));
    }

    /// Ends everything, also what a run that was cut off left under the stage's name.
    pub(crate) async fn strike(&mut self) -> Result<(), EnvironmentError> {
        if let Some((environment, _)) = self.environment.take() {
            return environment.stop(Keep::Nothing).await;
        }
        let run = self.run.clone();
        // A panic in there is no reason to hide what the drill found.
        match tokio::task::spawn_blocking(move || drydock_environments::clean::remove_run(None, &run)).await {
            Ok(removed) => removed,
            Err(_) => Ok(()),
        }
    }
}

async fn described(stores: &Option<StorePair>) -> Result<Fingerprint, NotEmptied> {
    let stores = stores.as_ref().ok_or(NotEmptied::Absent)?;
    let mut all = fingerprint_elasticsearch(&stores.elasticsearch, &Options::default()).await?;
    all.extend(fingerprint_postgres(&stores.postgres).await?);
    Ok(all)
}

/// Empties both sides, and looks that they are as they were before the first run.
async fn emptied(environment: &mut Environment, blank: &[(Side, Fingerprint)]) -> Result<(), NotEmptied> {
    for (side, was) in blank {
        for store in [Store::Postgres, Store::Elasticsearch] {
            if !environment.is_running(*side, store).await.map_err(|e| NotEmptied::Left(e.what))? {
                if !environment.has_data(*side, store) {
                    return Err(NotEmptied::Left(format!("the empty volume of the {side} {store}")));
                }
                environment.restart(*side, store).await.map_err(|e| NotEmptied::Left(e.what))?;
            }
        }
        let stores = environment.pair(*side).ok_or(NotEmptied::Absent)?;
        empty_server(&stores).await?;
        empty_cluster(&stores).await?;
        let now = described(&Some(stores)).await?;
        let left = now.objects.keys().find(|k| !was.objects.contains_key(*k));
        if now != *was {
            let what = left.cloned().unwrap_or_else(|| "another setting".into());
            return Err(NotEmptied::Left(format!("{what} of the {side}")));
        }
    }
    if blank.len() < 2 {
        return Err(NotEmptied::Absent);
    }
    let dumps = environment.work_dir().join("dumps");
    for path in std::fs::read_dir(&dumps).into_iter().flatten().flatten().map(|e| e.path()) {
        let removed =
            if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        removed.map_err(|e| NotEmptied::File(path, e))?;
    }
    environment.remove_snapshots().await.map_err(|e| NotEmptied::Left(e.what))
}

async fn empty_server(stores: &StorePair) -> Result<(), NotEmptied> {
    let session = connect(&stores.postgres, "postgres", APPLICATION_NAME).await?;
    let failed = |e: &tokio_postgres::Error| PostgresError::statement("empty the server between two runs", e);
    let databases = "SELECT format('DROP DATABASE %I WITH (FORCE)', datname) FROM pg_database \
                     WHERE NOT datistemplate AND datname <> 'postgres'";
    let roles = "SELECT format('DROP OWNED BY %1$I; DROP ROLE %1$I', rolname) FROM pg_roles \
                 WHERE rolname !~ '^pg_' AND rolname <> current_user AND NOT rolsuper";
    for list in [databases, roles] {
        for row in session.query(list, &[]).await.map_err(|e| failed(&e))? {
            session.batch_execute(&row.get::<_, String>(0)).await.map_err(|e| failed(&e))?;
        }
    }
    Ok(())
}

async fn empty_cluster(stores: &StorePair) -> Result<(), NotEmptied> {
    let client = Client::new(&stores.elasticsearch, Timeouts::default())?;
    // Blocks, limits and the like come first: they would stand in the way of the rest.
    let set = client.get("/_cluster/settings?flat_settings=true").await?;
    let mut reset = json!({});
    for kind in ["persistent", "transient"] {
        for (name, _) in set[kind].as_object().into_iter().flatten() {
            reset[kind][name] = Value::Null;
        }
    }
    if reset != json!({}) {
        client.put("/_cluster/settings", &reset).await?;
    }
    for (list, listed, remove) in DEFINITIONS {
        // A build that does not know a kind has none of it. What it made by itself it keeps or makes again.
        let Ok(answer) = client.get(list).await else { continue };
        for name in names(&answer, listed) {
            let _ = client.delete(&format!("{remove}{name}")).await;
        }
    }
    let state = client.get("/_cluster/state/metadata?filter_path=metadata.stored_scripts").await?;
    for (name, _) in state["metadata"]["stored_scripts"].as_object().into_iter().flatten() {
        client.delete(&format!("/_scripts/{name}")).await?;
    }
    let all = client.get("/_all/_settings/index.uuid?expand_wildcards=all").await?;
    let indices: Vec<&String> =
        all.as_object().into_iter().flatten().map(|(n, _)| n).filter(|n| !n.starts_with('.')).collect();
    for some in indices.chunks(NAMES) {
        let list: Vec<&str> = some.iter().map(|n| n.as_str()).collect();
        client.delete(&format!("/{}?expand_wildcards=all", list.join(","))).await?;
    }
    Ok(())
}

/// Names that the store did not bring along.
fn names(answer: &Value, listed: Listed) -> Vec<String> {
    let managed = |body: &Value| {
        [
            "/_meta/managed",
            "/index_template/_meta/managed",
            "/component_template/_meta/managed",
            "/policy/_meta/managed",
        ]
        .iter()
        .any(|at| body.pointer(at) == Some(&Value::Bool(true)))
            || body.pointer("/component_template/template/_meta/managed") == Some(&Value::Bool(true))
    };
    match listed {
        Listed::Keys => answer
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(name, body)| !managed(body) && !name.starts_with('.'))
            .map(|(name, _)| name.clone())
            .collect(),
        Listed::Named(key) => answer[key]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|body| !managed(body))
            .filter_map(|body| body["name"].as_str().filter(|n| !n.starts_with('.')).map(ToOwned::to_owned))
            .collect(),
    }
}
