//! A real Camunda beside the stores: broker, gateway, Operate and Tasklist in one process of this machine, on the
//! Elasticsearch of one side.
//!
//! Its broker's data belong to the run, not to a side: whoever ends it on the source and starts it on the target has done
//! what a cutover does. It is a process of the run like the stores are, so [`crate::clean`] ends it where nobody else did.

pub(crate) mod homes;
pub(crate) mod lifecycle;
mod pods;
mod settings;

use crate::beside;
use crate::config::Side;
use crate::environment::Environment;
use crate::error::{EnvironmentError, EnvironmentProblem, Progress, Result};
use crate::homes::Obtained;
use crate::machine::Machine;
use crate::ports::{HeldPort, PortChoice};
use crate::postgres::make_owned;
use crate::server::{Recipe, Server};
use crate::supervised::Launch;
use crate::user::StoreUser;
use crate::workdir::WorkDir;
use drydock_stores::ElasticsearchEndpoint;
use drydock_stores::elasticsearch::{Client, Timeouts};
use drydock_stores::endpoint::ElasticsearchAuth;
use homes::Distribution;
use pods::Pods;
use settings::{Ports, Settings};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Name of its directory, its process and its logs.
const NAME: &str = "camunda";
/// Most partitions of one broker here: each has its own log and database.
const MAX_PARTITIONS: u16 = 8;
/// What the process takes in all, in tenths of its heap: measured 0.6 to 0.9 GB at 512 MiB.
const MEMORY_TENTHS: u64 = 18;

/// What is asked of a Camunda.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CamundaConfig {
    /// An unpacked distribution (with `lib` and `config`), instead of the fetched one.
    pub home: Option<PathBuf>,
    /// Heap in MiB, 256 to 1024.
    pub heap_mib: u32,
    /// Partitions of the broker, 1 to 8. The broker keeps the number it first started with.
    pub partitions: u16,
    /// How long after its end an instance is moved into a dated index; an hour if absent, as Camunda itself has it.
    pub archive_after: Option<Duration>,
}

impl Default for CamundaConfig {
    fn default() -> Self {
        Self { home: None, heap_mib: 512, partitions: 2, archive_after: None }
    }
}

impl CamundaConfig {
    pub(crate) fn validate(&self) -> Result<()> {
        beside::heap("Camunda", self.heap_mib)?;
        if (1..=MAX_PARTITIONS).contains(&self.partitions) {
            return Ok(());
        }
        Err(EnvironmentError::new(
            EnvironmentProblem::Configuration,
            format!("{} partitions are outside 1 to {MAX_PARTITIONS}", self.partitions),
            "set it to 2",
        ))
    }

    /// MiB of memory that the process takes.
    pub(crate) fn memory_mib(&self) -> u64 {
        u64::from(self.heap_mib) * MEMORY_TENTHS / 10
    }
}

/// A running Camunda. Dropping it kills it, as a crash would.
#[derive(Debug)]
pub struct Camunda {
    life: Life,
}

/// What it runs as.
#[derive(Debug)]
enum Life {
    Process(Box<Server<CamundaRecipe>>),
    /// Pods of the release, which the release starts and stops.
    Pods(Box<Pods>),
}

/// Base addresses of its REST interfaces, without a final slash. One process has one for all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CamundaAddresses {
    /// `/v2`.
    pub gateway: String,
    /// `/api` and most of `/v1`.
    pub operate: String,
    /// `/v1/tasks` and `/v1/forms`.
    pub tasklist: String,
}

impl Camunda {
    /// Starts a Camunda on the Elasticsearch of one side, on the data that an earlier one of this run left, and waits until it
    /// calls itself ready. What is missing is fetched.
    ///
    /// # Errors
    /// The machine lacks something, the side has no Elasticsearch or one that asks for TLS, or Camunda does not come up.
    pub async fn start(
        environment: &Environment,
        side: Side,
        config: &CamundaConfig,
        progress: &dyn Progress,
    ) -> Result<Self> {
        config.validate()?;
        if let Some(kind) = environment.kind().filter(|kind| kind.has_chart()) {
            let pods = Pods::find(kind, side).await?;
            let seconds = pods.waited.as_secs_f64();
            progress.note(&format!("the pods of Camunda on the {side} are ready after {seconds:.1} s"));
            return Ok(Self { life: Life::Pods(Box::new(pods)) });
        }
        let machine = Machine::from_process();
        let work = environment.work();
        let logs = beside::logs_of(work)?;
        let endpoint = environment.elasticsearch(side).ok_or_else(|| {
            EnvironmentError::new(
                EnvironmentProblem::Configuration,
                format!("there is no {side} Elasticsearch for Camunda"),
                "ask for it in the configuration of the environment",
            )
        })?;
        if endpoint.ca_pem.is_some() || !matches!(endpoint.auth, ElasticsearchAuth::None) {
            return Err(EnvironmentError::new(
                EnvironmentProblem::Configuration,
                format!("the {side} Elasticsearch asks for TLS and a login, which Camunda is not given here"),
                "leave `managed: elsewhere` out where a Camunda runs",
            ));
        }
        beside::room("Camunda", config.memory_mib(), &machine)?;
        let distribution = homes::provide(config, &machine, &logs, progress).await?;
        let user = StoreUser::resolve(&machine)?;
        user.can_reach(&distribution.home.path.join("lib"))?;
        user.can_reach(&distribution.java.home.join("bin/java"))?;
        let recipe = CamundaRecipe::prepare(side, &endpoint, distribution, config, user, work, &logs)?;
        let choice = PortChoice::Any;
        let held = HeldPort::take_for(choice, &recipe.name())?;
        let server = Server::start(recipe, held, choice, work).await?;
        progress
            .note(&format!("Camunda on the {side} answers after {:.1} s", server.start_time().as_secs_f64()));
        Ok(Self { life: Life::Process(Box::new(server)) })
    }

    /// Where its REST interfaces are.
    pub fn addresses(&self) -> CamundaAddresses {
        match &self.life {
            Life::Process(server) => {
                let url = format!("http://127.0.0.1:{}", server.port());
                CamundaAddresses { gateway: url.clone(), operate: url.clone(), tasklist: url }
            }
            Life::Pods(pods) => pods.addresses.clone(),
        }
    }

    /// Base address of its management interface, without a final slash.
    pub fn management_url(&self) -> String {
        match &self.life {
            Life::Process(server) => format!("http://127.0.0.1:{}", server.recipe().ports().management),
            Life::Pods(pods) => pods.management.clone(),
        }
    }

    /// Side whose Elasticsearch it works on.
    pub fn side(&self) -> Side {
        match &self.life {
            Life::Process(server) => server.recipe().side,
            Life::Pods(pods) => pods.side,
        }
    }

    /// Version of the distribution, or tag of the image; empty for one that was given.
    pub fn version(&self) -> &str {
        match &self.life {
            Life::Process(server) => &server.recipe().distribution.home.version,
            Life::Pods(pods) => &pods.version,
        }
    }

    /// How the distribution was obtained.
    pub fn obtained(&self) -> Obtained {
        match &self.life {
            Life::Process(server) => server.recipe().distribution.home.obtained.clone(),
            Life::Pods(pods) => Obtained::Image(pods.image.clone()),
        }
    }

    /// What a reader of a report must know about it.
    pub fn deviations(&self) -> String {
        match &self.life {
            Life::Process(server) => server.recipe().deviations(),
            Life::Pods(_) => {
                "pods of the release, as its chart sets them up, with a clock that can be moved on".to_owned()
            }
        }
    }

    /// From its start until it called itself ready.
    pub fn start_time(&self) -> Duration {
        match &self.life {
            Life::Process(server) => server.start_time(),
            Life::Pods(pods) => pods.waited,
        }
    }

    /// Its log; those of pods lie side by side in the run folder.
    pub fn log(&self) -> Option<PathBuf> {
        match &self.life {
            Life::Process(server) => Some(server.recipe().log.clone()),
            Life::Pods(_) => None,
        }
    }

    /// Its process, which leads a group; `None` also for pods.
    pub fn pid(&self) -> Option<u32> {
        match &self.life {
            Life::Process(server) => server.leader(),
            Life::Pods(_) => None,
        }
    }

    /// Ends it in good order, by force where that takes too long. The broker's data stay. Pods end with the release.
    ///
    /// # Errors
    /// The process does not end even when killed.
    pub async fn stop(self) -> Result<()> {
        match self.life {
            Life::Process(mut server) => server.terminate().await,
            Life::Pods(_) => Ok(()),
        }
    }
}

/// One Camunda on one side.
#[derive(Debug)]
struct CamundaRecipe {
    side: Side,
    settings: Settings,
    distribution: Distribution,
    user: StoreUser,
    log: PathBuf,
    /// Those of the latest start.
    ports: Mutex<Ports>,
}

impl CamundaRecipe {
    fn prepare(
        side: Side,
        endpoint: &ElasticsearchEndpoint,
        distribution: Distribution,
        config: &CamundaConfig,
        user: StoreUser,
        work: &WorkDir,
        logs: &std::path::Path,
    ) -> Result<Self> {
        let directory = work.path().join(NAME);
        make_owned(&directory, &user, 0o700)?;
        for part in ["data", "logs", "tmp", "config"] {
            make_owned(&directory.join(part), &user, 0o700)?;
        }
        let settings = Settings { directory, url: endpoint.url.clone(), config: config.clone() };
        let file = settings.log_configuration();
        std::fs::write(&file, settings::LOG_CONFIGURATION)
            .map_err(|e| EnvironmentError::io("write", &file, &e))?;
        user.own(&file)?;
        let log = logs.join(format!("{side}-{NAME}.log"));
        Ok(Self { side, settings, distribution, user, log, ports: Mutex::default() })
    }

    fn ports(&self) -> Ports {
        *self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn deviations(&self) -> String {
        let config = &self.settings.config;
        let archive = config.archive_after.map_or_else(
            || "archived after an hour".to_owned(),
            |after| format!("archived after {} s", after.as_secs()),
        );
        format!(
            "heap {} MiB, {} partitions, one process for all, {archive}, a clock that can be moved on, Java {}",
            config.heap_mib, config.partitions, self.distribution.java.major
        )
    }
}

impl Recipe for CamundaRecipe {
    fn name(&self) -> String {
        format!("Camunda on the {}", self.side)
    }

    fn launch(&self, port: u16) -> Result<Launch> {
        let ports = Ports::free(port, &self.name())?;
        *self.ports.lock().unwrap_or_else(PoisonError::into_inner) = ports;
        Ok(Launch {
            name: NAME.to_owned(),
            store: None,
            program: self.distribution.java.home.join("bin/java"),
            arguments: self.settings.arguments(&self.distribution.home.path),
            environment: self.settings.environment(&ports),
            directory: self.settings.directory.clone(),
            log: self.log.clone(),
            user: self.user.clone(),
        })
    }

    async fn answers(&self, _port: u16) -> bool {
        // `/ready` is a redirection, which is no answer.
        let management =
            ElasticsearchEndpoint::plain(format!("http://127.0.0.1:{}", self.ports().management));
        let timeouts = Timeouts { connect: Duration::from_secs(1), read: Duration::from_secs(5) };
        let Ok(client) = Client::new(&management, timeouts) else { return false };
        client
            .get("/actuator/health/readiness")
            .await
            .is_ok_and(|answer| answer["status"].as_str() == Some("UP"))
    }

    fn start_limit(&self) -> Duration {
        beside::START_LIMIT
    }

    fn stop_limit(&self) -> Duration {
        beside::STOP_LIMIT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heap_above_one_gib_and_no_partition_are_refused() {
        assert!(CamundaConfig::default().validate().is_ok());
        let heap = CamundaConfig { heap_mib: 2048, ..CamundaConfig::default() };
        assert!(heap.validate().unwrap_err().what.contains("2048 MiB"));
        let partitions = CamundaConfig { partitions: 0, ..CamundaConfig::default() };
        assert!(partitions.validate().unwrap_err().what.contains("0 partitions"));
    }

    #[test]
    fn too_little_memory_is_told_before_anything_is_fetched() {
        let machine = Machine::from_process().with_memory_available(500 << 20);
        let error = beside::room("Camunda", CamundaConfig::default().memory_mib(), &machine).unwrap_err();
        assert_eq!(error.code, EnvironmentProblem::Memory);
        assert!(
            beside::room(
                "Camunda",
                CamundaConfig::default().memory_mib(),
                &machine.with_memory_available(2 << 30)
            )
            .is_ok()
        );
    }
}
