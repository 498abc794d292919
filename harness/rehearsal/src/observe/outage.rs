//! Outages as somebody outside notices them: each store on both sides, and an address of the application.

use super::endpoints::{Both, Endpoints};
use crate::recorder::Recorder;
use crate::world::tell_probe;
use drydock_core::event::Side;
use drydock_stores::elasticsearch::{Client, Timeouts};
use drydock_stores::postgres::{APPLICATION_NAME, PostgresError, connect};
use drydock_stores::{ElasticsearchEndpoint, PostgresEndpoint};
use drydock_workload::probe::{Distance, Pace, Probe, Rhythm};
use std::time::Duration;

/// Between two requests of a probe while something fails.
const CLOSE: Duration = Duration::from_millis(250);
/// Between two requests while all is well.
const FAR: Duration = Duration::from_secs(1);
/// A store that has not answered a probe by then has failed it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Probes that run until they are finished.
#[derive(Debug)]
pub(super) struct Probes(Vec<Probe>);

impl Probes {
    /// Starts one for each store and side, and one for the application.
    ///
    /// # Errors
    /// A client cannot be set up: why not.
    pub(super) fn start(endpoints: &Endpoints, application: Option<&str>) -> Result<Self, String> {
        let (pace, rhythm) = (Pace::new(Distance::Far), Rhythm::new(CLOSE, FAR));
        let mut probes = Vec::new();
        if let Some(Both { source, target }) = &endpoints.postgres {
            for (side, endpoint) in [(Side::Source, source), (Side::Target, target)] {
                let database = endpoints.databases(side).into_iter().next().unwrap_or_default();
                let endpoint = endpoint.clone();
                let name = format!("{side}/postgres");
                probes.push(Probe::start(&name, rhythm, &pace, move |_| {
                    ask_server(endpoint.clone(), database.clone())
                }));
            }
        }
        if let Some(Both { source, target }) = &endpoints.elasticsearch {
            for (side, endpoint) in [(Side::Source, source), (Side::Target, target)] {
                let client = cluster(endpoint)?;
                let name = format!("{side}/elasticsearch");
                probes.push(Probe::start(&name, rhythm, &pace, move |_| ask_cluster(client.clone())));
            }
        }
        if let Some(url) = application {
            drydock_stores::net::init();
            let client = reqwest::Client::builder()
                .timeout(PATIENCE)
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .map_err(|e| e.without_url().to_string())?;
            let url = url.to_owned();
            probes.push(Probe::start("application", rhythm, &pace, move |_| {
                ask_application(client.clone(), url.clone())
            }));
        }
        Ok(Self(probes))
    }

    /// Ends them and tells the record what they saw.
    pub(super) async fn finish(self, recorder: &Recorder) {
        for probe in self.0 {
            tell_probe(recorder, &probe.finish().await);
        }
    }
}

fn cluster(endpoint: &ElasticsearchEndpoint) -> Result<Client, String> {
    Client::new(endpoint, Timeouts { connect: PATIENCE, read: PATIENCE }).map_err(|e| e.to_string())
}

async fn ask_cluster(client: Client) -> Result<(), String> {
    client.get("/").await.map(drop).map_err(|e| e.to_string())
}

async fn ask_server(endpoint: PostgresEndpoint, database: String) -> Result<(), String> {
    match connect(&endpoint, &database, APPLICATION_NAME).await {
        Ok(session) => session.simple_query("SELECT 1").await.map(drop).map_err(|e| e.to_string()),
        // The server answers; its databases come with the migration.
        Err(PostgresError::Connect { reason, .. }) if reason.contains("SQLSTATE 3D000") => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

async fn ask_application(client: reqwest::Client, url: String) -> Result<(), String> {
    // Its address may hold what is nobody's business.
    let answer = client.get(&url).send().await.map_err(|e| e.without_url().to_string())?;
    match answer.status() {
        status if status.is_server_error() => Err(format!("answered {status}")),
        _ => Ok(()),
    }
}
