//! Something of every kind that is left under way on the source: relays, which wait in every way at once.

use crate::commands::DefinitionKind;
use crate::deeds::{Deeds, What};
use crate::error::{EngineError, ErrorKind};
use crate::processes::{RELAY, RELAY_FIRST, STUMBLE};
use crate::session::Session;
use crate::worker::WorkError;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How long a relay's timer waits: longer than a migration of a rehearsal takes, shorter than messages are kept.
pub const RINGS_AFTER: Duration = Duration::from_secs(30 * 60);
/// How long a request for jobs waits for some.
const JOB_WAIT: Duration = Duration::from_millis(300);
/// Relays of one batch of jobs.
const JOBS_AT_ONCE: usize = 32;

/// One relay under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runner {
    /// Its instance.
    pub instance: i64,
    /// The name that its message is correlated by.
    pub name: String,
}

/// Relays under way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Relay {
    /// All of them.
    pub runners: Vec<Runner>,
    /// Version of their definition.
    pub version: i64,
}

impl Relay {
    /// Deploys the relay, starts `count` of them, and lets the job of each fail that is to be an incident. With twice as many
    /// as there are partitions, each partition has some. `epoch` is when the run's clock stood at nought.
    ///
    /// # Errors
    /// Something of it is refused, nobody answers, not all of them get that far within `limit`, or the log cannot be written.
    pub async fn set_off(
        session: &Session,
        deeds: &Deeds,
        epoch: Instant,
        count: u32,
        limit: Duration,
    ) -> Result<Self, WorkError> {
        let note = |what: What, key: i64, instance: Option<i64>| deeds.note_now(epoch, what, key, instance);
        let began = Instant::now();
        let mut relay = Self::default();
        for definition in session.deploy(&RELAY_FIRST).await? {
            if definition.kind == DefinitionKind::Process {
                relay.version = definition.version;
                note(What::ProcessDeployed, definition.key, None)?;
            }
        }
        let wait = format!("PT{}S", RINGS_AFTER.as_secs());
        for nth in 0..count {
            let name = format!("{RELAY}-{nth}");
            let instance = session.start_instance(RELAY, json!({"relay": name, "wait": wait})).await?;
            note(What::InstanceStarted, instance, None)?;
            relay.runners.push(Runner { instance, name });
        }
        let mut waiting: BTreeSet<i64> = relay.runners.iter().map(|runner| runner.instance).collect();
        while !waiting.is_empty() {
            if began.elapsed() > limit {
                let kind = ErrorKind::Malformed(format!("jobs of {} relays", waiting.len()));
                return Err(EngineError::new("POST", "/v2/jobs/activation", kind).into());
            }
            for job in session.activate_jobs(STUMBLE, JOBS_AT_ONCE, JOB_WAIT).await? {
                session.fail_job(job.key, "stumbled, on purpose").await?;
                note(What::JobFailed, job.element, Some(job.instance))?;
                waiting.remove(&job.instance);
            }
        }
        Ok(relay)
    }
}
