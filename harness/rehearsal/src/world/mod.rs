//! The real world: stores as local processes, containers or pods, the builtin driver, the live writer, the probes and the checks.

mod accounts;
mod application;
mod at_rest;
mod baseline;
mod cleanup;
mod clocks;
mod compare;
mod conclude;
mod config;
mod cutover;
mod errors;
mod failure;
mod fates;
mod going_back;
mod going_on;
mod harm;
mod identity;
mod kept;
mod operators;
mod pods;
mod preflight;
mod prepare;
mod probing;
mod reporter;
mod resting;
mod resume;
mod returned;
mod rollback;
mod scripts;
mod trial;
mod usable;

pub(crate) use baseline::{cluster_dirt, database_dirt};
pub(crate) use conclude::tell_probe;
pub use config::{Ownership, WorldConfig};
pub use prepare::environment_of;
pub(crate) use prepare::stores_of as environment_for;

use crate::flow::{AfterFailure, Attempt, Facts, Progress, StepError, World};
use crate::guard;
use crate::recorder::Recorder;
use crate::start::Keep;
use drydock_core::scenario::{Mover, Procedure, Repository, RepositoryKind};
use drydock_core::{Action, Component, Event, Finding, LedgerLine, Outcome, Step, StepId};
use drydock_environments::{Environment, Keycloak, Side, role_password};
use drydock_migration::freeze::{Marks, Session, Watch};
use drydock_migration::{BuiltinDriver, MigrationContext};
use drydock_stores::StorePair;
use drydock_stores::elasticsearch::PinnedEs;
use drydock_stores::postgres::{Connection, PinnedPg};
use drydock_workload::acknowledged::Acknowledgements;
use drydock_workload::probe::{Distance, Pace, Probe, ProbeResult};
use drydock_workload::service::Service;
use drydock_workload::writer::{Until, Writer};
use errors::{environment, internal, of_environment, of_migration, store_failed};
use reporter::StepReporter;
use secrecy::{ExposeSecret, SecretString};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The real world of one run.
pub struct RealWorld {
    config: WorldConfig,
    recorder: Recorder,
    cancel: CancellationToken,
    // Before the stores: it ends before they do.
    keycloak: Option<Keycloak>,
    environment: Option<Environment>,
    service: Option<Service>,
    writer: Option<Writer>,
    /// How often the writer was started in this run, resumes included.
    writer_starts: u64,
    pace: Pace,
    probes: Vec<Probe>,
    write_probes: Vec<Probe>,
    /// Probes that ended before the workload did.
    finished_probes: Vec<ProbeResult>,
    /// When something that promises to change nothing began and ended, on the run's clock.
    promised_from_ms: Option<u64>,
    promised_until_ms: Option<u64>,
    probe_numbers: Arc<AtomicU64>,
    marks: Option<Marks>,
    /// The source as the comparison saw it last.
    compared: Option<Marks>,
    /// When the service was closed and opened again, on the run's clock.
    closed_ms: Option<u64>,
    opened_ms: Option<u64>,
    /// When users were first let onto the target, on the run's clock, whichever life of the run let them in.
    met_ms: Option<u64>,
    /// When the last request of the closed service had ended.
    stopped_ms: Option<u64>,
    /// When the source had come to rest and was declared frozen.
    frozen_ms: Option<u64>,
    pins: Option<Pins>,
    /// How long the final dumps are going to take, by step, as the first ones took.
    dump_times: BTreeMap<String, std::time::Duration>,
    /// Findings so far that forbid the clean-up.
    objections: u64,
    /// Of these, counts that differ.
    counts_differ: u64,
    /// Why the guard refuses the clean-up.
    refusals: Vec<String>,
    /// Whether the source was cleaned up.
    cleaned: bool,
    way_back: rollback::WayBack,
    /// Steps done: id, beginning and end on the run's clock.
    step_times: Vec<(String, u64, u64)>,
    /// A session that is kept open on the source on purpose.
    straggler: Option<Connection>,
    resumed: bool,
    /// Looks at the frozen source until the end of the cutover.
    watch: Option<Watch>,
    /// Sessions that were told at the freeze.
    told_sessions: Vec<Session>,
    /// Stands between the migration and its stores while a step is disturbed.
    proxies: Option<failure::Proxies>,
    /// Items that the running step has finished.
    items_done: Arc<watch::Sender<u64>>,
    /// Failures that have happened, with their steps.
    struck: BTreeSet<(String, StepId)>,
    /// Whether the run was stopped where a resume can go on.
    worth_resuming: bool,
    /// What a step that fails is followed by.
    after_failure: AfterFailure,
    /// The real application, where the scenario has one.
    application: Option<application::Application>,
    /// The official scripts, where they migrate.
    scripts: scripts::Scripts,
}

impl std::fmt::Debug for RealWorld {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RealWorld({})", self.config.run)
    }
}

/// Both sides held still. Absent halves are not part of the scenario.
struct Pins {
    elasticsearch: Option<(PinnedEs, PinnedEs)>,
    postgres: Option<(PinnedPg, PinnedPg)>,
}

type Stepped<T> = Result<T, StepError>;

impl RealWorld {
    /// A world in which nothing runs yet.
    pub fn new(config: WorldConfig, recorder: Recorder) -> Self {
        Self {
            application: config.scenario.camunda().map(application::Application::new),
            config,
            recorder,
            cancel: CancellationToken::new(),
            keycloak: None,
            environment: None,
            service: None,
            writer: None,
            writer_starts: 0,
            pace: Pace::new(Distance::Far),
            probes: Vec::new(),
            write_probes: Vec::new(),
            finished_probes: Vec::new(),
            promised_from_ms: None,
            promised_until_ms: None,
            probe_numbers: Arc::new(AtomicU64::new(0)),
            marks: None,
            compared: None,
            closed_ms: None,
            opened_ms: None,
            met_ms: None,
            stopped_ms: None,
            frozen_ms: None,
            pins: None,
            dump_times: BTreeMap::new(),
            objections: 0,
            counts_differ: 0,
            refusals: Vec::new(),
            cleaned: false,
            way_back: rollback::WayBack::default(),
            step_times: Vec::new(),
            straggler: None,
            resumed: false,
            watch: None,
            told_sessions: Vec::new(),
            proxies: None,
            items_done: Arc::new(watch::Sender::new(0)),
            struck: BTreeSet::new(),
            worth_resuming: false,
            after_failure: AfterFailure::GoBack,
            scripts: scripts::Scripts::default(),
        }
    }

    /// The same world, in which a step that fails is followed by this.
    #[must_use]
    pub fn on_failure(mut self, after_failure: AfterFailure) -> Self {
        self.after_failure = after_failure;
        self
    }

    /// The same world on stores that run already.
    #[must_use]
    pub fn adopt(mut self, environment: impl Into<Environment>) -> Self {
        self.environment = Some(environment.into());
        self
    }

    /// Hands the stores on, for a world that adopts them.
    pub fn release(&mut self) -> Option<Environment> {
        self.environment.take()
    }

    /// Cancelled to cut a long step short.
    pub fn cancel_token(&self) -> CancellationToken {
        self.cancel.clone()
    }

    fn components(&self) -> Vec<Component> {
        self.config.scenario.migration.components()
    }

    fn databases(&self) -> Vec<String> {
        self.components().iter().filter_map(|c| c.database()).map(ToOwned::to_owned).collect()
    }

    fn has_elasticsearch(&self) -> bool {
        self.components().contains(&Component::Elasticsearch)
    }

    fn environment(&self) -> Stepped<&Environment> {
        self.environment.as_ref().ok_or_else(|| internal("the environment is not up"))
    }

    fn side(&self, side: Side) -> Stepped<StorePair> {
        self.environment()?.pair(side).ok_or_else(|| internal("a side of the environment lacks a store"))
    }

    /// Passwords of the application roles. They follow from the superuser's password, which the environment keeps, so that
    /// a resumed run knows them without any of them lying about.
    fn roles(&self) -> Stepped<BTreeMap<String, SecretString>> {
        let source = self.side(Side::Source)?.postgres;
        let base = source.password.as_ref().map(|p| p.expose_secret().to_owned()).unwrap_or_default();
        Ok(self
            .databases()
            .into_iter()
            .map(|role| {
                let password = role_password(self.config.run.as_str(), &role, &base);
                self.recorder.add_secret(password.expose_secret());
                (role, password)
            })
            .collect())
    }

    fn migration(&self) -> Stepped<MigrationContext> {
        let environment = self.environment()?;
        let clients = environment.postgres_clients().map(ToOwned::to_owned);
        let mut spec = self.config.scenario.migration.clone();
        if spec.mover == Mover::Snapshot && spec.repository.is_none() {
            spec.repository = Some(shared_folder(environment));
        }
        let (mut source, mut target) = (self.side(Side::Source)?, self.target_as_written()?);
        if let Some(proxies) = &self.proxies {
            (source, target) = (proxies.source(source), proxies.target(target));
        }
        Ok(MigrationContext {
            source,
            target,
            spec,
            clients: clients.ok_or_else(|| internal("the environment has no PostgreSQL clients"))?,
            dumps: environment.work_dir().join("dumps"),
            roles: self.roles()?,
            run_dir: self.config.folder.clone(),
            cancel: self.cancel.clone(),
            programs: Default::default(),
        })
    }

    /// Emits a finding, and remembers whether it forbids the clean-up.
    fn found(&mut self, finding: Finding) {
        self.weigh(&finding);
        self.recorder.emit(Event::Finding(finding));
    }

    /// Remembers what forbids the clean-up.
    fn weigh(&mut self, finding: &Finding) {
        if !guard::objects(finding) || self.is_expected(finding) {
            return;
        }
        self.scripts.note(finding);
        self.objections += 1;
        self.counts_differ += u64::from(guard::says_counts_differ(finding));
    }

    /// The ledger decides in the verdict; here it only decides whether the clean-up may go on.
    fn is_expected(&self, finding: &Finding) -> bool {
        finding.outcome == Outcome::Different
            && LedgerLine::expecting(&self.config.ledger, finding, env!("CARGO_PKG_VERSION")).is_some()
    }

    fn note(&self, level: drydock_core::event::NoteLevel, text: impl Into<String>) {
        self.recorder.emit(Event::Note { level, text: text.into() });
    }
}

impl World for RealWorld {
    async fn reattach(&mut self, done: &Progress) -> Stepped<()> {
        self.bring_back(done).await
    }

    async fn perform(&mut self, step: &Step, attempt: Attempt, items: &BTreeSet<String>) -> Stepped<Facts> {
        // What a real application showed before the freeze is known to the life of the run alone that asked it.
        let own = self.config.stores == Ownership::Own
            && self.config.keep == Keep::Nothing
            && self.application.is_none();
        if step.action == Action::TearDown && self.worth_resuming && own {
            return self.keep_for_resume().await;
        }
        let from = self.recorder.now_ms();
        // On the heap: a step's future holds those of all it may do, and threads have small stacks.
        match Box::pin(self.perform_disturbed(step, attempt, items)).await {
            Ok(facts) => {
                self.step_times.push((step.id.to_string(), from, self.recorder.now_ms()));
                self.note_captured(step, &facts)?;
                Ok(facts)
            }
            Err(error) => {
                self.note_stop(step, &error);
                Err(error)
            }
        }
    }

    async fn plant(&mut self, after: &StepId) -> Stepped<()> {
        self.plant_after(after).await?;
        self.harm_after(after).await
    }

    fn allows(&self, action: Action) -> Result<(), String> {
        match action {
            Action::Announce => Err("a dry run tells it and does not do it".into()),
            Action::CleanupSource | Action::ValidateAlone if self.config.keep == Keep::Running => {
                Err("the stores are kept".into())
            }
            // A session that stays is told by the guard and objects from then on.
            Action::CleanupSource | Action::ValidateAlone => {
                guard::still_allowed(&self.refusals, self.objections)
            }
            _ => Ok(()),
        }
    }

    fn after_failure(&self) -> AfterFailure {
        self.after_failure
    }
}

impl RealWorld {
    /// Carries out one step.
    async fn carry_out(&mut self, step: &Step, attempt: Attempt, items: &BTreeSet<String>) -> Stepped<Facts> {
        match step.action {
            Action::Provision => self.provision(attempt).await,
            Action::Seed => self.seed().await,
            Action::Baseline => self.baseline().await,
            Action::StartWorkload => self.start_workload().await,
            Action::AwaitWrites => self.await_writes().await,
            Action::ValidateTargets => self.validate_targets().await,
            Action::InitialBackup(component) => {
                let facts = self.drive(step, attempt, items).await?;
                self.dump_made(component, &facts)?;
                Ok(facts)
            }
            Action::SaveConfiguration => {
                self.foresee_cutover()?;
                // Before users wait: it takes a look at everything.
                self.remember_release().await?;
                self.drive(step, attempt, items).await
            }
            Action::AskBefore => self.ask_before().await,
            Action::Freeze => self.freeze().await,
            Action::Pin => self.pin().await,
            Action::StartIdentity => self.start_identity().await,
            Action::Switch => self.switch().await,
            Action::AskAfter => self.ask_after().await,
            Action::MeasureBefore => self.measure_before().await,
            Action::MeasureAfter => self.measure_after().await,
            Action::Announce => Err(internal("a step of a dry run was to be carried out")),
            Action::RestartStores => self.restart_stores().await,
            Action::Reopen => self.reopen().await,
            Action::Compare if self.config.scenario.procedure == Procedure::ChartOnly => {
                self.compare_same().await
            }
            Action::Compare => self.compare().await,
            Action::GoOn => self.go_on().await,
            Action::CleanupGuard => self.guard().await,
            Action::CleanupSource => {
                self.look_before_clean_up().await?;
                let facts = self.drive(step, attempt, items).await?;
                self.stop_source().await?;
                self.cleaned = true;
                self.remove_volumes().await?;
                Ok(facts)
            }
            Action::DescribeFrozen => self.describe_frozen().await,
            Action::CheckArtefacts => self.check_artefacts(step).await,
            Action::WorkOnTarget => self.work_on_target().await,
            Action::StartSource => self.start_source(step).await,
            Action::HoldAgainstBaseline => self.hold_against_baseline().await,
            Action::CloseTarget => self.close_target(step).await,
            Action::SwitchBack => self.switch_back(step, attempt).await,
            Action::CompareBack => self.compare_back().await,
            Action::RunScript(phase) => self.run_script(step, phase, attempt).await,
            Action::StopWorkload => self.stop_workload().await,
            Action::TearDown => self.tear_down().await,
            _ => self.drive(step, attempt, items).await,
        }
    }

    /// Lets the driver do a step.
    async fn drive(&mut self, step: &Step, attempt: Attempt, items: &BTreeSet<String>) -> Stepped<Facts> {
        let context = self.migration()?;
        let attempt = match attempt {
            Attempt::First => drydock_migration::Attempt::First,
            Attempt::Again => drydock_migration::Attempt::Again,
        };
        let reporter = self.reporter(step.id.clone());
        let performed = BuiltinDriver.perform(&context, step.action, items, attempt, &reporter);
        Box::pin(performed).await.map_err(of_migration)
    }

    fn next_probe_number(&self) -> u64 {
        self.probe_numbers.fetch_add(1, Ordering::SeqCst)
    }

    fn open_log(&self) -> Stepped<Arc<Acknowledgements>> {
        Acknowledgements::open(&self.config.acknowledged).map(Arc::new).map_err(|e| {
            environment(
                format!("cannot write {}: {e}", self.config.acknowledged.display()),
                "free disk space, or choose another folder with --runs",
            )
        })
    }

    fn progress(&self, step: &str) -> Arc<dyn drydock_environments::Progress> {
        Arc::new(self.reporter(step.into()))
    }

    fn reporter(&self, step: StepId) -> StepReporter {
        StepReporter { recorder: self.recorder.clone(), step, items_done: Arc::clone(&self.items_done) }
    }
}

/// The repository of a scenario that names none: a folder that both clusters of the run list in `path.repo`.
fn shared_folder(environment: &Environment) -> Repository {
    let location = environment.snapshot_folder().to_string_lossy().into_owned();
    let settings = BTreeMap::from([("location".to_owned(), serde_json::Value::from(location))]);
    Repository { kind: RepositoryKind::Fs, settings }
}
