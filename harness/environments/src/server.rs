//! Starting a store and waiting until it answers, whatever its kind; another port when the chosen one was snatched away.

use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::ports::{HeldPort, PortChoice};
use crate::supervised::{Launch, StoreSignal, Supervised, last_lines};
use crate::workdir::WorkDir;
use std::time::{Duration, Instant};

/// How long a port may take to be free again after its store has ended.
const PORT_LIMIT: Duration = Duration::from_secs(75);
const PORT_PAUSE: Duration = Duration::from_millis(250);

/// Between two looks at a starting store.
const LOOK: Duration = Duration::from_millis(50);
const ATTEMPTS: usize = 4;

/// What a kind of store does its own way.
pub(crate) trait Recipe {
    /// What people call it: `source elasticsearch`.
    fn name(&self) -> String;
    /// Writes what depends on the port, and says what to start.
    fn launch(&self, port: u16) -> Result<Launch>;
    /// Whether the store answers on `port`, with all data it has.
    async fn answers(&self, port: u16) -> bool;
    /// Longest time from the start to the first answer.
    fn start_limit(&self) -> Duration;
    /// Time the store gets for an orderly end.
    fn stop_limit(&self) -> Duration;
}

/// A store of this environment.
#[derive(Debug)]
pub(crate) struct Server<R> {
    recipe: R,
    port: u16,
    process: Option<Supervised>,
    /// From the start of the process to the first answer.
    start_time: Duration,
}

impl<R: Recipe> Server<R> {
    /// Starts the store. `held` was taken for it under `choice`.
    pub(crate) async fn start(recipe: R, held: HeldPort, choice: PortChoice, work: &WorkDir) -> Result<Self> {
        let mut server = Self { recipe, port: 0, process: None, start_time: Duration::ZERO };
        let mut held = held;
        for _ in 1..ATTEMPTS {
            let port = held.port();
            match server.start_once(held, work).await {
                Err(Failure::PortSnatched) => {
                    let again = match choice {
                        PortChoice::Fixed(_) => choice,
                        PortChoice::Preferred(_) | PortChoice::Any => PortChoice::Any,
                    };
                    tracing::info!(port, "the port was taken between choice and start");
                    held = HeldPort::take_for(again, &server.recipe.name())?;
                }
                Err(Failure::Other(error)) => return Err(error),
                Ok(()) => return Ok(server),
            }
        }
        server.start_once(held, work).await.map_err(|failure| failure.into_error(&server.recipe))?;
        Ok(server)
    }

    async fn start_once(&mut self, held: HeldPort, work: &WorkDir) -> std::result::Result<(), Failure> {
        let launch = self.recipe.launch(held.port())?;
        let port = held.release();
        let begin = Instant::now();
        let mut process = Supervised::start(&launch, work)?;
        loop {
            if !process.is_running() {
                let tail = process.log_tail();
                if tail.contains("ddress already in use") {
                    return Err(Failure::PortSnatched);
                }
                return Err(self.died(&process, &tail).into());
            }
            if self.recipe.answers(port).await {
                break;
            }
            if begin.elapsed() > self.recipe.start_limit() {
                return Err(self.silent(&process).into());
            }
            tokio::time::sleep(LOOK).await;
        }
        self.port = port;
        self.start_time = begin.elapsed();
        self.process = Some(process);
        Ok(())
    }

    fn died(&self, process: &Supervised, tail: &str) -> EnvironmentError {
        EnvironmentError::new(
            EnvironmentProblem::StartFailed,
            format!("the {} ended while starting: {}", self.recipe.name(), last_lines(tail, 3)),
            format!("read its log: {}", process.log().display()),
        )
    }

    fn silent(&self, process: &Supervised) -> EnvironmentError {
        EnvironmentError::new(
            EnvironmentProblem::StartFailed,
            format!(
                "the {} did not come up within {} s: {}",
                self.recipe.name(),
                self.recipe.start_limit().as_secs(),
                last_lines(&process.log_tail(), 3)
            ),
            format!("read its log ({}); run again when the machine is less busy", process.log().display()),
        )
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn recipe(&self) -> &R {
        &self.recipe
    }

    pub(crate) fn start_time(&self) -> Duration {
        self.start_time
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(Supervised::is_running)
    }

    pub(crate) fn leader(&self) -> Option<u32> {
        self.process.as_ref().map(Supervised::leader)
    }

    pub(crate) fn signal(&self, signal: StoreSignal) {
        if let Some(process) = &self.process {
            process.signal(signal);
        }
    }

    /// Ends the store if it runs, and starts it again on its data and its port.
    pub(crate) async fn restart(&mut self, work: &WorkDir) -> Result<()> {
        self.terminate().await?;
        // Its clients know the port: another one would be no restart.
        let held = self.port_again().await?;
        self.start_once(held, work).await.map_err(|failure| failure.into_error(&self.recipe))
    }

    /// A client that goes on trying while nobody listens can be given the port as its own end by the kernel, which keeps it
    /// from others for a minute after it is closed.
    async fn port_again(&self) -> Result<HeldPort> {
        let began = Instant::now();
        loop {
            let choice = PortChoice::Fixed(self.port);
            match HeldPort::take_for(choice, &self.recipe.name()) {
                Err(_) if began.elapsed() < PORT_LIMIT => tokio::time::sleep(PORT_PAUSE).await,
                taken => return taken,
            }
        }
    }

    pub(crate) async fn terminate(&mut self) -> Result<()> {
        if let Some(process) = &mut self.process {
            process.terminate(self.recipe.stop_limit()).await?;
        }
        self.process = None;
        Ok(())
    }

    /// Leaves the store running.
    pub(crate) fn detach(self) {
        if let Some(process) = self.process {
            process.detach();
        }
    }
}

enum Failure {
    PortSnatched,
    Other(EnvironmentError),
}

impl From<EnvironmentError> for Failure {
    fn from(error: EnvironmentError) -> Self {
        Self::Other(error)
    }
}

impl Failure {
    fn into_error(self, recipe: &impl Recipe) -> EnvironmentError {
        match self {
            Self::Other(error) => error,
            Self::PortSnatched => EnvironmentError::new(
                EnvironmentProblem::PortTaken,
                format!("every port chosen for the {} was taken before it started", recipe.name()),
                "run again; if it happens often, another program on this machine uses up the free ports",
            ),
        }
    }
}
