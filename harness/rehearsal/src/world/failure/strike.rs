//! What each failure does while a step runs, and how it is mended afterwards, as whoever looks after the stores would before the
//! run is resumed.

use drydock_core::Action;
use drydock_core::Component;
use drydock_core::scenario::{FaultKind, component_of};
use drydock_environments::{ClusterFaults, Side, Store, StoreProcess, client_programs_of};
use drydock_migration::fault::{self, Ground};
use drydock_stores::StorePair;
use drydock_stores::elasticsearch::{Client, Timeouts};
use drydock_stores::postgres::{APPLICATION_NAME, connect};
use drydock_workload::clock::ApplicationClock;
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Between two looks for something that comes and goes within fractions of a second.
const LOOK: Duration = Duration::from_millis(2);
/// How long something that is to be struck may take to appear.
const LIMIT: Duration = Duration::from_secs(600);
/// How long a straggler stays with what it wrote.
const STAY: Duration = Duration::from_millis(400);
/// How far the application's clock jumps: so that what is archived by day goes into indices of another day.
const JUMP: SignedDuration = SignedDuration::from_hours(26);
/// How long a store stands still: less than a client waits for a hand-shake.
const STANDSTILL: Duration = Duration::from_secs(4);
/// How long an API server is away: as long as a new one takes to be elected or started.
const AWAY: Duration = Duration::from_secs(20);
/// Who has not waited so long for an API server that is away has not asked it.
const NOTICED: Duration = Duration::from_secs(2);
/// What the password of a role is changed to.
const OTHER_PASSWORD: &str = "changed on purpose";

/// Where a failure happens, owned by itself so that it can happen while the step runs.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    pub(super) kind: FaultKind,
    pub(super) action: Action,
    /// How many indices are done before.
    pub(super) at: Option<u32>,
    pub(super) seed: u64,
    pub(super) source: StorePair,
    pub(super) target: StorePair,
    pub(super) roles: BTreeMap<String, SecretString>,
    pub(super) prefixes: Vec<String>,
    pub(super) dumps: PathBuf,
    pub(super) clients: PathBuf,
    /// The store that is killed.
    pub(super) process: Option<StoreProcess>,
    /// The cluster, where the stores are in one.
    pub(super) cluster: Option<ClusterFaults>,
    /// What users' data are dated by; none while nobody can work.
    pub(super) clock: Option<ApplicationClock>,
    /// Items that the step has finished.
    pub(super) items: watch::Receiver<u64>,
    /// Its occasion has come: from then on it strikes, however long a busy store takes to let it.
    pub(super) begun: Arc<AtomicBool>,
}

type Struck = Result<String, String>;

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl Scene {
    fn component(&self) -> Component {
        component_of(self.action)
    }

    fn database(&self) -> Result<&'static str, String> {
        self.component().database().ok_or_else(|| format!("{} has no database", self.component()))
    }

    fn target_client(&self) -> Result<Client, String> {
        Client::new(&self.target.elasticsearch, Timeouts::default()).map_err(text)
    }

    fn patterns(&self) -> String {
        let patterns: Vec<String> = self.prefixes.iter().map(|p| format!("{p}*")).collect();
        patterns.join(",")
    }

    /// Whether its occasion has come.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::SeqCst)
    }

    fn begin(&self) {
        self.begun.store(true, Ordering::SeqCst);
    }

    /// Whether it must have happened before the step does anything.
    pub(super) fn comes_first(&self) -> bool {
        matches!(
            self.kind,
            FaultKind::ShardLimit
                | FaultKind::SecretChanged
                | FaultKind::UnrefreshedIndex
                | FaultKind::RecreatedDocuments
                | FaultKind::ClockSkew
                | FaultKind::ApplicationPodKilled
                | FaultKind::NodeCordoned
                | FaultKind::VolumeFull
                | FaultKind::ServiceAstray
                | FaultKind::OperatorStuck
                | FaultKind::JobUnschedulable
        )
    }

    /// What has to be so when the step begins, of a failure that goes on beside it.
    pub(super) async fn prepare(&self) -> Result<(), String> {
        if self.kind == FaultKind::ApiServerAway {
            self.begin();
            self.cluster()?.hold_api_server().await.map_err(text)?;
        }
        Ok(())
    }

    fn cluster(&self) -> Result<&ClusterFaults, String> {
        let name = self.kind.as_str();
        self.cluster
            .as_ref()
            .ok_or_else(|| format!("{name} happens to a cluster, and these stores are in none"))
    }

    /// The API server stands still already: lets it go on, and tells whether anybody missed it.
    async fn end_absence(&self) -> Struck {
        tokio::time::sleep(AWAY).await;
        let cluster = self.cluster()?;
        cluster.let_api_server_go_on().await.map_err(text)?;
        Ok(format!("the API server, for {} s", AWAY.as_secs()))
    }

    /// Whether what has happened was an occasion at all, told once the step is over.
    pub(super) fn was_noticed(&self) -> Result<(), String> {
        match &self.cluster {
            Some(cluster) if self.kind == FaultKind::ApiServerAway && cluster.longest_wait() < NOTICED => {
                Err("nobody asked the API server meanwhile".into())
            }
            _ => Ok(()),
        }
    }

    /// Kills and removes the pod of the store that the step reads or writes.
    async fn kill_pod(&mut self) -> Struck {
        self.in_the_middle().await?;
        let dumps = matches!(self.action, Action::InitialBackup(_) | Action::FinalBackup(_));
        let side = if dumps { Side::Source } else { Side::Target };
        let store = match self.component().database() {
            Some(_) => Store::Postgres,
            None => Store::Elasticsearch,
        };
        let pod = self.cluster()?.kill_store_pod(side, store).await.map_err(text)?;
        Ok(format!("the pod {pod}"))
    }

    /// Waits for its moment and strikes. Returns what was struck.
    pub(super) async fn strike(&mut self) -> Struck {
        match self.kind {
            FaultKind::SourceKilled | FaultKind::TargetKilled => {
                self.in_the_middle().await?;
                let process = self.process.clone().ok_or("the store does not run")?;
                process.kill().await.map_err(text)?;
                Ok(format!("the store of {}", self.component()))
            }
            FaultKind::SourcePaused | FaultKind::TargetPaused => {
                self.in_the_middle().await?;
                let process = self.process.clone().ok_or("the store does not run")?;
                process.pause().await.map_err(text)?;
                tokio::time::sleep(STANDSTILL).await;
                process.go_on().await.map_err(text)?;
                Ok(format!("the store of {}, for {} s", self.component(), STANDSTILL.as_secs()))
            }
            FaultKind::ClientKilled => {
                let program = self.client_program().await?;
                program.kill();
                Ok(program.name)
            }
            FaultKind::DrydockKilled => {
                self.after_items(self.at.unwrap_or(0)).await?;
                Ok(format!("process {}", std::process::id()))
            }
            FaultKind::DiskFull => self.fill_disk().await,
            FaultKind::ReadOnly => {
                self.after_items(self.at.unwrap_or(1)).await?;
                self.cluster_setting("cluster.blocks.read_only", json!(true)).await
            }
            FaultKind::ShardLimit => self.cluster_setting("cluster.max_shards_per_node", json!(1)).await,
            FaultKind::SecretChanged => {
                self.set_password(OTHER_PASSWORD).await?;
                Ok(format!("the password of role {} on the target", self.database()?))
            }
            FaultKind::SecondRestore => self.second_restore().await,
            FaultKind::TargetSession => self.session_on_target().await,
            FaultKind::CopyRefused => {
                self.client_program().await?;
                fault::refuse_rows(&self.source.postgres, &self.target.postgres, self.database()?, self.seed)
                    .await
                    .map_err(text)
            }
            FaultKind::PassingSession => {
                self.after_items(self.at.unwrap_or(0)).await?;
                fault::pass_by(&self.ground(), self.seed, STAY).await.map_err(text)
            }
            FaultKind::PassingIndex => self.passing_index().await,
            FaultKind::UnrefreshedIndex => fault::unrefreshed_index(&self.ground()).await.map_err(text),
            FaultKind::RecreatedDocuments => fault::recreate_documents(&self.ground()).await.map_err(text),
            FaultKind::ClockSkew => self.skew_clock(),
            FaultKind::PodKilled => self.kill_pod().await,
            FaultKind::ApplicationPodKilled => {
                let pod = self.cluster()?.kill_application_pod(self.seed).await.map_err(text)?;
                Ok(format!("the pod {pod}"))
            }
            FaultKind::NodeCordoned | FaultKind::JobUnschedulable => {
                self.cluster()?.cordon(true).await.map_err(text)?;
                Ok("every node".into())
            }
            FaultKind::VolumeFull => {
                self.cluster()?.fill_volume(Side::Target, Store::Postgres).await.map_err(text)
            }
            FaultKind::ApiServerAway => self.end_absence().await,
            FaultKind::ScaledBackUp => {
                self.after_items(self.at.unwrap_or(0)).await?;
                self.cluster()?.scale_back_up(self.seed).await.map_err(text)
            }
            FaultKind::ServiceAstray => {
                let cluster = self.cluster()?;
                cluster.lead_astray(Side::Target, Store::Elasticsearch).await.map_err(text)
            }
            FaultKind::OperatorStuck => self.cluster()?.ask_too_much().await.map_err(text),
            kind => Err(format!("{} is no failure of processes or stores", kind.as_str())),
        }
    }

    /// Puts right what a failure left behind. What it broke in the data stays.
    pub(super) async fn mend(&self) -> Result<(), String> {
        match self.kind {
            FaultKind::DiskFull => {
                self.cluster_setting("cluster.blocks.read_only_allow_delete", Value::Null).await?;
                let free = json!({"index.blocks.read_only_allow_delete": Value::Null});
                self.on_indices(&free).await
            }
            FaultKind::ReadOnly => {
                self.cluster_setting("cluster.blocks.read_only", Value::Null).await.map(drop)
            }
            FaultKind::ShardLimit => {
                self.cluster_setting("cluster.max_shards_per_node", Value::Null).await.map(drop)
            }
            // Whatever became of it meanwhile, it must not stand still for whoever comes next.
            FaultKind::SourcePaused | FaultKind::TargetPaused => match &self.process {
                Some(process) => process.go_on().await.map_err(text),
                None => Ok(()),
            },
            FaultKind::NodeCordoned
            | FaultKind::JobUnschedulable
            | FaultKind::VolumeFull
            | FaultKind::ApiServerAway => match &self.cluster {
                Some(cluster) => cluster.mend().await.map_err(text),
                None => Ok(()),
            },
            FaultKind::SecretChanged => {
                let password = self.roles.get(self.database()?).ok_or("no password is known")?;
                self.set_password(password.expose_secret()).await
            }
            FaultKind::CopyRefused => {
                fault::accept_rows(&self.target.postgres, self.database()?).await.map_err(text)
            }
            _ => Ok(()),
        }
    }

    fn ground(&self) -> Ground<'_> {
        Ground { source: &self.source, roles: &self.roles, prefixes: &self.prefixes }
    }

    async fn after_items(&mut self, count: u32) -> Result<(), String> {
        let reached = self.items.wait_for(|done| *done >= u64::from(count));
        match tokio::time::timeout(LIMIT, reached).await.map(|reached| reached.map(drop)) {
            Ok(Ok(())) => {
                self.begin();
                Ok(())
            }
            Ok(Err(_)) | Err(_) => Err(format!("{count} items were never done")),
        }
    }

    /// Until the step is under way: its client program runs, or its first index is done.
    async fn in_the_middle(&mut self) -> Result<(), String> {
        if self.component().database().is_some() {
            return self.client_program().await.map(drop);
        }
        self.after_items(self.at.unwrap_or(1)).await
    }

    async fn client_program(&self) -> Result<drydock_environments::ClientProgram, String> {
        let began = Instant::now();
        while began.elapsed() < LIMIT {
            if let Some(program) = client_programs_of(&self.dumps).into_iter().next() {
                self.begin();
                return Ok(program);
            }
            tokio::time::sleep(LOOK).await;
        }
        Err("no client program ran".into())
    }

    async fn cluster_setting(&self, name: &str, value: Value) -> Struck {
        let body = json!({"persistent": {name: value}});
        self.target_client()?.put("/_cluster/settings", &body).await.map_err(text)?;
        Ok(format!("{name} of the target cluster"))
    }

    async fn on_indices(&self, settings: &Value) -> Result<(), String> {
        let path = format!("/{}/_settings?expand_wildcards=all&ignore_unavailable=true", self.patterns());
        self.target_client()?.put(&path, settings).await.map(drop).map_err(text)
    }

    /// Sets the block that Elasticsearch sets on every index of a node whose disk passes the flood stage, and keeps it for
    /// those that are made later.
    async fn fill_disk(&mut self) -> Struck {
        self.after_items(self.at.unwrap_or(1)).await?;
        self.on_indices(&json!({"index.blocks.read_only_allow_delete": true})).await?;
        self.cluster_setting("cluster.blocks.read_only_allow_delete", json!(true)).await?;
        Ok("every index of the target".into())
    }

    async fn set_password(&self, password: &str) -> Result<(), String> {
        let session = connect(&self.target.postgres, "postgres", APPLICATION_NAME).await.map_err(text)?;
        let statement = fault::password_statement(self.database()?, password);
        session.batch_execute(&statement).await.map_err(text)
    }

    /// Runs the restore that is under way a second time, as an impatient operator or a job that was started twice.
    async fn second_restore(&self) -> Struck {
        self.client_program().await?;
        let database = self.database()?;
        let file = self.dumps.join(database).join(format!("{database}-db-final.dump"));
        let password = self.roles.get(database).ok_or("no password is known")?;
        let ended = tokio::process::Command::new(self.clients.join("pg_restore"))
            .args(["--clean", "--if-exists", "--no-owner", "--no-privileges", "--dbname", database])
            .arg(&file)
            .env("PGHOST", &self.target.postgres.host)
            .env("PGPORT", self.target.postgres.port.to_string())
            .env("PGUSER", database)
            .env("PGPASSWORD", password.expose_secret())
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .kill_on_drop(true)
            .status()
            .await
            .map_err(text)?;
        Ok(format!("a second pg_restore of {database}, which ended with {ended}"))
    }

    /// An application that was started too early: it holds a session and writes.
    async fn session_on_target(&self) -> Struck {
        self.client_program().await?;
        let database = self.database()?;
        let endpoint = self.target.postgres.with_role(database, self.roles.get(database).cloned());
        let session = connect(&endpoint, database, &format!("{database}-early")).await.map_err(text)?;
        session.batch_execute("BEGIN; SELECT pg_catalog.pg_current_xact_id()").await.map_err(text)?;
        tokio::time::sleep(STAY).await;
        session.batch_execute("COMMIT").await.map_err(text)?;
        Ok(format!("a session of {database}-early on {database} of the target"))
    }

    fn skew_clock(&self) -> Struck {
        let clock = self.clock.as_ref().ok_or("no application runs")?;
        let (by, way) = if self.seed.is_multiple_of(2) { (JUMP, "ahead") } else { (-JUMP, "behind") };
        clock.set_ahead(by);
        Ok(format!("the application's clock, {} hours {way} from now on", JUMP.as_hours()))
    }

    async fn passing_index(&mut self) -> Struck {
        self.after_items(self.at.unwrap_or(0)).await?;
        fault::passing_index(&self.ground()).await.map_err(text)
    }
}
