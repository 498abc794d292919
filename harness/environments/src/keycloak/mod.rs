//! A real Keycloak beside the stores, on the PostgreSQL of one side: a container where they are containers, else a process of
//! this machine.
//!
//! Its data are its database, so whoever ends it on the source and starts it on the target has done what a cutover does. It is
//! a process or a container of the run like the stores are, so [`crate::clean`] ends it where nobody else did.

mod container;
pub(crate) mod homes;
mod operated;
mod pod;
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
use container::Contained;
use drydock_stores::PostgresEndpoint;
use drydock_stores::keycloak::{Connections, KeycloakEndpoint, KeycloakGrant, LoginRequest, log_in_as};
use homes::Distribution;
use operated::Operated;
use pod::Podded;
use secrecy::SecretString;
pub(crate) use settings::ISSUER;
use settings::Settings;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Name of its directory, its process and its logs, after the side.
const NAME: &str = "keycloak";
/// What the process takes beside its heap, MiB: classes, code, threads and native buffers.
const BESIDE_HEAP_MIB: u64 = 300;
/// How long one in a cluster may take to answer a login once it is called ready.
const ANSWERING: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(500);
/// Administrator of every realm.
pub const ADMINISTRATOR: &str = "admin";
/// Realm and client through which administrators log in.
const ADMINISTRATION: (&str, &str) = ("master", "admin-cli");

/// What is asked of a Keycloak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeycloakConfig {
    /// Heap in MiB, 256 to 1024.
    pub heap_mib: u32,
}

impl Default for KeycloakConfig {
    fn default() -> Self {
        Self { heap_mib: 512 }
    }
}

impl KeycloakConfig {
    pub(crate) fn validate(&self) -> Result<()> {
        beside::heap("Keycloak", self.heap_mib)
    }

    /// MiB of memory that the process takes.
    pub(crate) fn memory_mib(&self) -> u64 {
        u64::from(self.heap_mib) + BESIDE_HEAP_MIB
    }
}

/// The database that a Keycloak works on, and who administers it. `Debug` shows no password.
#[derive(Debug, Clone)]
pub struct KeycloakAccount {
    /// The database, which exists and belongs to `role`.
    pub database: String,
    /// Role that it logs in with.
    pub role: String,
    /// Password of the role.
    pub password: SecretString,
    /// Administrator of the realm `master`, made at the first start on an empty database.
    pub administrator: String,
    /// Its password; means nothing where the database has that administrator.
    pub administrator_password: SecretString,
}

/// A running Keycloak. Dropping it kills it, as a crash would.
#[derive(Debug)]
pub struct Keycloak {
    side: Side,
    heap_mib: u32,
    account: KeycloakAccount,
    log: PathBuf,
    life: Life,
}

/// What it runs as.
#[derive(Debug)]
enum Life {
    Process(Box<Server<KeycloakRecipe>>),
    Container(Box<Contained>),
    /// A pod of the release, which the release starts and stops.
    Pod(Podded),
    /// What an operator runs on the target.
    Operated(Box<Operated>),
}

impl Keycloak {
    /// Starts a Keycloak on the PostgreSQL of one side and waits until it answers a login, with a token or with a refusal.
    /// What is missing is fetched, or pulled. An empty database gets its schema; where a `realm` is given and the database does not
    /// have it, it is imported as `kc.sh import` would, with users and their passwords.
    ///
    /// # Errors
    /// The machine or the engine lacks something, the side has no PostgreSQL, or Keycloak does not come up.
    pub async fn start(
        environment: &Environment,
        side: Side,
        config: &KeycloakConfig,
        account: &KeycloakAccount,
        realm: Option<&serde_json::Value>,
        progress: &dyn Progress,
    ) -> Result<Self> {
        config.validate()?;
        let machine = Machine::from_process();
        let work = environment.work();
        let logs = beside::logs_of(work)?;
        let log = logs.join(format!("{side}-{NAME}.log"));
        let database = match environment {
            Environment::Containers(containers) => containers.postgres_inside(side),
            Environment::Embedded(_) | Environment::Kind(_) => environment.postgres(side),
        };
        let database = database.ok_or_else(|| {
            EnvironmentError::new(
                EnvironmentProblem::Configuration,
                format!("there is no {side} PostgreSQL for Keycloak"),
                "ask for it in the configuration of the environment",
            )
        })?;
        let of_release = environment.kind().filter(|kind| kind.has_chart());
        let operated = match environment.kind() {
            Some(kind) => kind.has_keycloak_operator(side).await?,
            None => false,
        };
        if of_release.is_none() && !operated {
            beside::room("Keycloak", config.memory_mib(), &machine)?;
        }
        let life = match environment {
            Environment::Kind(kind) if operated => {
                Life::Operated(Box::new(Box::pin(Operated::start(kind, account)).await?))
            }
            Environment::Kind(kind) if of_release.is_some() => {
                Life::Pod(Box::pin(Podded::find(kind, account, realm)).await?)
            }
            Environment::Containers(containers) => {
                let wanted = (config, account);
                let on = (side, &database);
                let contained = container::start(containers, on, wanted, realm, &log, progress).await?;
                Life::Container(Box::new(contained))
            }
            Environment::Embedded(_) | Environment::Kind(_) => {
                let distribution = homes::provide(&machine, &logs, progress).await?;
                let wanted = (config, account);
                let recipe = KeycloakRecipe::prepare(side, database, distribution, wanted, (work, &log))?;
                Life::Process(Box::new(recipe.start(realm, work).await?))
            }
        };
        let (heap_mib, account) = (config.heap_mib, account.clone());
        let started = Self { side, heap_mib, account, log, life };
        let seconds = started.start_time().as_secs_f64();
        progress.note(&format!("{} answers after {seconds:.1} s", name_of(side)));
        Ok(started)
    }

    /// Where it is, with its administrator.
    pub fn endpoint(&self) -> KeycloakEndpoint {
        let port = match &self.life {
            Life::Process(server) => server.port(),
            Life::Container(contained) => contained.beside.port(),
            Life::Pod(pod) => pod.port,
            Life::Operated(operated) => operated.kept.port,
        };
        endpoint(&self.account, port)
    }

    /// Side whose PostgreSQL it works on.
    pub fn side(&self) -> Side {
        self.side
    }

    /// Version of the distribution, or what a container's Keycloak says about itself.
    pub fn version(&self) -> &str {
        match &self.life {
            Life::Process(server) => &server.recipe().distribution.home.version,
            Life::Container(contained) => &contained.version,
            Life::Pod(pod) => &pod.version,
            Life::Operated(operated) => &operated.kept.version,
        }
    }

    /// How the distribution was obtained.
    pub fn obtained(&self) -> Obtained {
        match &self.life {
            Life::Process(server) => server.recipe().distribution.home.obtained.clone(),
            Life::Container(contained) => Obtained::Image(contained.beside.image().to_string()),
            Life::Pod(pod) => Obtained::Image(pod.image.clone()),
            Life::Operated(operated) => Obtained::Image(operated.kept.image.clone()),
        }
    }

    /// What a reader of a report must know about it.
    pub fn deviations(&self) -> String {
        let place = match &self.life {
            Life::Process(server) => format!("Java {}", server.recipe().distribution.java.major),
            Life::Container(contained) => contained.deviations.clone(),
            Life::Pod(_) => return "a pod of the release, as its chart sets it up".to_owned(),
            Life::Operated(_) => {
                return format!("run by the Keycloak operator, clear text, issuer {}", settings::ISSUER);
            }
        };
        format!("heap {} MiB, local cache, clear text, issuer {}, {place}", self.heap_mib, settings::ISSUER)
    }

    /// From its start to its first answer to a login.
    pub fn start_time(&self) -> Duration {
        match &self.life {
            Life::Process(server) => server.start_time(),
            Life::Container(contained) => contained.beside.start_time(),
            Life::Pod(pod) => pod.waited,
            Life::Operated(operated) => operated.waited,
        }
    }

    /// Its log.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Whether it runs.
    ///
    /// # Errors
    /// The engine does not tell.
    pub async fn is_running(&mut self) -> Result<bool> {
        match &mut self.life {
            Life::Process(server) => Ok(server.is_running()),
            Life::Container(contained) => contained.beside.is_running().await,
            Life::Pod(pod) => Ok(answers(&self.account, pod.port).await),
            Life::Operated(operated) => Ok(answers(&self.account, operated.kept.port).await),
        }
    }

    /// Ends it in good order, by force where that takes too long. No session of it is left on the database.
    ///
    /// # Errors
    /// It does not end even when killed, or the engine refuses.
    pub async fn stop(self) -> Result<()> {
        match self.life {
            Life::Process(mut server) => server.terminate().await,
            Life::Container(contained) => contained.beside.stop().await,
            // It ends with the other pods.
            Life::Pod(_) => Ok(()),
            Life::Operated(operated) => Box::pin(operated.kept.stop()).await,
        }
    }

    /// Leaves it running.
    pub fn detach(self) {
        match self.life {
            Life::Process(server) => server.detach(),
            Life::Container(contained) => contained.beside.leave(),
            Life::Pod(_) | Life::Operated(_) => {}
        }
    }
}

/// What people call it.
fn name_of(side: Side) -> String {
    format!("Keycloak on the {side}")
}

fn endpoint(account: &KeycloakAccount, port: u16) -> KeycloakEndpoint {
    KeycloakEndpoint {
        url: format!("http://127.0.0.1:{port}/auth"),
        user: account.administrator.clone(),
        secret: account.administrator_password.clone(),
        grant: KeycloakGrant::Password,
        realm: ADMINISTRATION.0.to_owned(),
        ca_pem: None,
        connections: Connections::default(),
    }
}

/// Whether it answers a login. A refusal is an answer as well: whether the administrator came along is for checks to tell.
async fn answers(account: &KeycloakAccount, port: u16) -> bool {
    let endpoint = endpoint(account, port);
    let request = LoginRequest {
        realm: ADMINISTRATION.0.to_owned(),
        user: Some((endpoint.user.clone(), endpoint.secret.clone())),
        client: ADMINISTRATION.1.to_owned(),
        client_secret: None,
    };
    log_in_as(&endpoint, &request).await.is_ok()
}

/// Waits until one in a cluster answers a login that somebody calls ready.
async fn until_answered(account: &KeycloakAccount, port: u16, called: &str) -> Result<()> {
    let began = Instant::now();
    while !answers(account, port).await {
        if began.elapsed() > ANSWERING {
            return Err(EnvironmentError::new(
                EnvironmentProblem::StartFailed,
                format!("{called}, and it answers no login within {} s", ANSWERING.as_secs()),
                "look at the log of its pod in the run folder",
            ));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// One Keycloak on one side.
#[derive(Debug)]
struct KeycloakRecipe {
    side: Side,
    settings: Settings,
    distribution: Distribution,
    user: StoreUser,
    log: PathBuf,
}

impl KeycloakRecipe {
    fn prepare(
        side: Side,
        database: PostgresEndpoint,
        distribution: Distribution,
        (config, account): (&KeycloakConfig, &KeycloakAccount),
        (work, log): (&WorkDir, &Path),
    ) -> Result<Self> {
        let user = StoreUser::resolve(&Machine::from_process())?;
        user.can_reach(&homes::runner(&distribution.home.path))?;
        user.can_reach(&distribution.java.home.join("bin/java"))?;
        let directory = work.path().join(format!("{side}-{NAME}"));
        make_owned(&directory, &user, 0o700)?;
        for part in ["conf", "data", "data/tmp", "data/import", "providers", "themes"] {
            make_owned(&directory.join(part), &user, 0o700)?;
        }
        // What was built is looked for below the home, which is the run's own. An earlier life may have linked another.
        let built = directory.join("lib");
        let _ = std::fs::remove_file(&built);
        std::os::unix::fs::symlink(distribution.home.path.join("lib"), &built)
            .map_err(|e| EnvironmentError::io("link", &built, &e))?;
        let settings = Settings { directory, heap_mib: config.heap_mib, database, account: account.clone() };
        Ok(Self { side, settings, distribution, user, log: log.to_owned() })
    }

    /// Starts it, with a realm to fill its database with where that is new.
    async fn start(self, realm: Option<&serde_json::Value>, work: &WorkDir) -> Result<Server<Self>> {
        if let Some(realm) = realm {
            self.settings.place(realm, &self.user)?;
        }
        let choice = PortChoice::Any;
        let held = HeldPort::take_for(choice, &self.name())?;
        let import = self.settings.import();
        let started = Server::start(self, held, choice, work).await;
        // It holds passwords, and nobody reads it again.
        match std::fs::remove_file(&import) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(EnvironmentError::io("remove", &import, &e))
            }
            _ => started,
        }
    }
}

impl Recipe for KeycloakRecipe {
    fn name(&self) -> String {
        name_of(self.side)
    }

    fn launch(&self, port: u16) -> Result<Launch> {
        self.settings.write(port, &self.user)?;
        Ok(Launch {
            name: format!("{}-{NAME}", self.side),
            store: None,
            program: self.distribution.java.home.join("bin/java"),
            arguments: self.settings.arguments(&homes::runner(&self.distribution.home.path)),
            environment: self.settings.environment(),
            directory: self.settings.directory.clone(),
            log: self.log.clone(),
            user: self.user.clone(),
        })
    }

    async fn answers(&self, port: u16) -> bool {
        answers(&self.settings.account, port).await
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
    fn a_heap_beyond_its_bounds_is_refused() {
        assert!(KeycloakConfig::default().validate().is_ok());
        for heap_mib in [128, 2048] {
            let error = KeycloakConfig { heap_mib }.validate().unwrap_err();
            assert!(error.what.contains(&format!("{heap_mib} MiB")), "{}", error.what);
        }
    }

    #[test]
    fn too_little_memory_is_told_before_anything_is_fetched() {
        let machine = Machine::from_process().with_memory_available(500 << 20);
        let error = beside::room("Keycloak", KeycloakConfig::default().memory_mib(), &machine).unwrap_err();
        assert_eq!(error.code, EnvironmentProblem::Memory);
        assert!(
            beside::room(
                "Keycloak",
                KeycloakConfig::default().memory_mib(),
                &machine.with_memory_available(2 << 30)
            )
            .is_ok()
        );
    }
}
