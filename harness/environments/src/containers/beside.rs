//! What runs beside the stores of a side in a container of its own: in their network, on a port of the loopback interface, bounded
//! in its memory, without a volume. Its data are in the stores.

use super::Containers;
use super::engine::{Engine, refused};
use super::images::{Image, Wanted, not_pulled, variable_of};
use super::recipe::{Frame, inside};
use super::starting::start_on_a_port;
use super::store::{LAST_LINES, finish_following, last_words, not_started, until_it_answers};
use crate::config::{EmbeddedConfig, Side, Store};
use crate::error::{EnvironmentError, EnvironmentProblem, Progress, Result, size};
use crate::machine::Machine;
use crate::ports::PortChoice;
use drydock_stores::PostgresEndpoint;
use drydock_stores::endpoint::PostgresTls;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use testcontainers::core::client::ClientError;
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, ContainerRequest, GenericImage, TestcontainersError};
use tokio::task::JoinHandle;

/// Longest part of a name that is asked of the name service of a network.
const LONGEST_LABEL: usize = 63;
/// Digits of a container's identifier by which it is found in its network.
const SHORT_ID: usize = 12;
/// Between two looks at a log.
const LOOK: Duration = Duration::from_millis(100);

/// What is started, and for whom.
#[derive(Debug)]
pub(crate) struct Wish<'a> {
    /// Side whose store it works on.
    pub(crate) side: Side,
    /// What it is: chooses image and name.
    pub(crate) wanted: Wanted,
    /// What people call it.
    pub(crate) whom: &'a str,
    /// Port that it listens on inside of its container.
    pub(crate) inside: u16,
    /// Most memory that it may take.
    pub(crate) memory_bytes: u64,
    /// Exit code by which its entrypoint says that the image is of something else.
    pub(crate) misfit: i64,
    /// Longest time from its start to its first answer.
    pub(crate) limit: Duration,
    /// Where its log goes.
    pub(crate) log: &'a Path,
}

/// It runs and has answered. Dropping it removes the container, as a crash would.
pub(crate) struct Beside {
    engine: Engine,
    container: ContainerAsync<GenericImage>,
    image: Image,
    port: u16,
    start_time: Duration,
    log: PathBuf,
    follower: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Beside {
    // The container would show what it was made of.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "container of {} on port {}", self.image, self.port)
    }
}

impl Containers {
    /// Starts something beside the stores, and waits for an answer at the port it was given. `furnish` adds what is its own to
    /// a container that has name, labels, network and port.
    ///
    /// # Errors
    /// The image is not here and cannot be pulled, the engine refuses, or it does not come up; then its container is gone.
    pub(crate) async fn start_beside<A: Future<Output = bool>>(
        &self,
        wish: &Wish<'_>,
        entrypoint: &str,
        furnish: impl Fn(ContainerRequest<GenericImage>) -> ContainerRequest<GenericImage>,
        answers: impl Fn(u16) -> A,
    ) -> Result<Beside> {
        let image = Image::of(self.config.side(wish.side), wish.wanted, &Machine::from_process())?;
        let memory_bytes = i64::try_from(wish.memory_bytes).ok();
        let name = self.marks.beside(wish.side, &wish.wanted.to_string());
        let request = |port| {
            let bare = GenericImage::new(image.name.clone(), image.tag.clone()).with_entrypoint(entrypoint);
            let frame = Frame { name: name.clone(), inside: wish.inside, port, memory_bytes };
            Ok(furnish(frame.around(bare, &self.marks)))
        };
        let of = (&self.engine, &self.marks);
        let (container, port, began) =
            start_on_a_port(of, (wish.wanted, wish.whom), PortChoice::Any, request).await?;
        let follower = Some(self.engine.follow(container.id(), wish.log, 0)?);
        let (engine, log) = (self.engine.clone(), wish.log.to_owned());
        let mut started =
            Beside { engine, container, image, port, start_time: Duration::ZERO, log, follower };
        match started.wait(wish, began, || answers(port)).await {
            Ok(()) => Ok(started),
            Err(error) => {
                if let Err(left) = started.remove().await {
                    tracing::warn!(%left, "a container is left; `drydock clean` removes it");
                }
                Err(error)
            }
        }
    }

    /// The PostgreSQL of a side as it is reached from other containers of the run, with its superuser. Its certificate names this
    /// machine's loopback interface, so that the authority alone is looked at.
    pub(crate) fn postgres_inside(&self, side: Side) -> Option<PostgresEndpoint> {
        let running = self.store(side, Store::Postgres)?;
        let (outside, id) = (running.postgres()?, running.id()?);
        let tls = match outside.tls {
            PostgresTls::VerifyFull { ca_pem: Some(ca_pem) } => PostgresTls::VerifyCa { ca_pem },
            other => other,
        };
        let host = name_inside(&self.marks.store(side, Store::Postgres), id);
        Some(PostgresEndpoint { host, port: inside(Store::Postgres), tls, ..outside })
    }
}

/// What kept it from answering: the machine, the image, or what it says itself.
fn why_not(wish: &Wish<'_>, ending: (bool, Option<i64>), image: &Image, how: &str) -> EnvironmentError {
    match ending {
        (true, _) => EnvironmentError::new(
            EnvironmentProblem::Memory,
            format!("{} took more than its {} of memory", wish.whom, size(wish.memory_bytes)),
            format!(
                "name an image that was built for what it is started with; its log is {}",
                wish.log.display()
            ),
        ),
        (false, Some(code)) if code == wish.misfit => EnvironmentError::new(
            EnvironmentProblem::Configuration,
            format!("the image {image} is no image of {}: {}", wish.wanted, last_words(wish.log)),
            format!("name another one, in the scenario or in {}", variable_of(wish.wanted)),
        ),
        _ => not_started(wish.whom, how, wish.log),
    }
}

/// The name of a container in its network. It stays when the container is started again, and with it perhaps another address.
fn name_inside(name: &str, id: &str) -> String {
    if name.len() <= LONGEST_LABEL { name.to_owned() } else { id.chars().take(SHORT_ID).collect() }
}

impl Beside {
    async fn wait<A: Future<Output = bool>>(
        &mut self,
        wish: &Wish<'_>,
        began: Instant,
        answers: impl Fn() -> A,
    ) -> Result<()> {
        let id = self.container.id().to_owned();
        let Some(how) = until_it_answers(&self.engine, &id, (began, wish.limit), answers).await? else {
            self.start_time = began.elapsed();
            return Ok(());
        };
        let ending = self.engine.ending(&id).await?;
        finish_following(&mut self.follower).await;
        Err(why_not(wish, ending, &self.image, &how))
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn image(&self) -> &Image {
        &self.image
    }

    pub(crate) fn start_time(&self) -> Duration {
        self.start_time
    }

    /// Looks for something in its log, which arrives a little later than it is written. `None` if it does not come.
    pub(crate) async fn in_log<T>(&self, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        let began = Instant::now();
        loop {
            let text = std::fs::read_to_string(&self.log).unwrap_or_default();
            match find(&text) {
                None if began.elapsed() < LAST_LINES => tokio::time::sleep(LOOK).await,
                found => return found,
            }
        }
    }

    /// Removes files of the container.
    ///
    /// # Errors
    /// The engine refuses, or they cannot be removed.
    pub(crate) async fn remove_files(&self, files: &[&str]) -> Result<()> {
        let command: Vec<&str> = ["rm", "-f"].iter().chain(files).copied().collect();
        self.engine.run_as_root(self.container.id(), &command).await.map(drop)
    }

    /// Whether it runs.
    ///
    /// # Errors
    /// The engine does not tell.
    pub(crate) async fn is_running(&self) -> Result<bool> {
        self.engine.is_running(self.container.id()).await
    }

    /// Ends it in good order, by force where that takes too long, and removes its container.
    ///
    /// # Errors
    /// The engine refuses.
    pub(crate) async fn stop(self) -> Result<()> {
        self.engine.end(self.container.id(), None).await?;
        self.remove().await
    }

    async fn remove(mut self) -> Result<()> {
        let id = self.container.id().to_owned();
        self.container.rm().await.map_err(|e| refused("remove the container", &id, &e))?;
        finish_following(&mut self.follower).await;
        Ok(())
    }

    /// Leaves it running.
    pub(crate) fn leave(self) {
        // Dropping the container would remove it. This happens at most once in a run.
        std::mem::forget(self.container);
    }
}

/// Fetches what is not here of the images that are going to run beside the stores. Later, a run would have been filled for nothing.
pub(super) async fn fetch_images(
    config: &EmbeddedConfig,
    machine: &Machine,
    engine: &Engine,
    progress: &dyn Progress,
) -> Result<()> {
    if config.keycloak.is_none() {
        return Ok(());
    }
    for (_, side) in config.sides().into_iter().filter(|(_, side)| side.postgres) {
        let image = Image::of(side, Wanted::Keycloak, machine)?;
        let name = image.to_string();
        if engine.has_image(&name).await? {
            continue;
        }
        progress.note(&format!("pulling {name}"));
        match GenericImage::new(image.name, image.tag).pull_image().await {
            Ok(_) => {}
            Err(TestcontainersError::Client(error @ ClientError::PullImage { .. })) => {
                return Err(not_pulled(&name, Wanted::Keycloak, &error));
            }
            Err(error) => return Err(refused("pull", &name, &error)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_and_the_machine_are_not_taken_for_what_runs() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        std::fs::write(&log, "its words\n").unwrap();
        let wish = Wish {
            side: Side::Target,
            wanted: Wanted::Keycloak,
            whom: "Keycloak on the target",
            inside: 1,
            memory_bytes: 1 << 30,
            misfit: 64,
            limit: LOOK,
            log: &log,
        };
        let image = Image::parse("mirror/kc:1").unwrap();
        let told = |ending| why_not(&wish, ending, &image, "ended while starting");
        for ending in [(false, Some(1)), (false, None)] {
            let error = told(ending);
            assert_eq!(error.code, EnvironmentProblem::StartFailed);
            assert!(error.what.ends_with("ended while starting: its words"), "{}", error.what);
        }
        let error = told((true, Some(137)));
        assert_eq!(error.code, EnvironmentProblem::Memory);
        assert!(error.what.contains("1.0 GiB"), "{}", error.what);
        let error = told((false, Some(64)));
        assert_eq!(error.code, EnvironmentProblem::Configuration);
        assert!(
            error.what.contains("mirror/kc:1") && error.help.contains("DRYDOCK_IMAGE_KEYCLOAK"),
            "{error:?}"
        );
    }

    #[test]
    fn a_name_too_long_for_a_name_service_gives_way_to_the_identifier() {
        let id = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
        assert_eq!(name_inside("drydock-run-1-source-postgres", id), "drydock-run-1-source-postgres");
        let longest = "x".repeat(LONGEST_LABEL);
        assert_eq!(name_inside(&longest, id), longest);
        assert_eq!(name_inside(&format!("{longest}x"), id), "0f1e2d3c4b5a");
    }
}
