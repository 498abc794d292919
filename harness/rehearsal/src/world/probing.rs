//! The probes of a run: which capabilities are asked for, and how often.

use super::RealWorld;
use drydock_workload::probe::{Distance, Probe, Rhythm};
use drydock_workload::probes::{Asker, Capability, Effect};
use drydock_workload::writer::Presence;
use std::time::Duration;

/// Numbers that one start of the probes has for each millisecond that has passed since the one before.
const NUMBERS_A_MILLISECOND: u64 = 1_000;
/// Time to come close before an outage that is planned: every probe asks once more.
const COMING_CLOSE: Duration = Duration::from_millis(50);
/// Least time between two logins with a real Keycloak.
const REAL_LOGIN: Duration = Duration::from_millis(500);

impl RealWorld {
    /// Starts the probes that read.
    pub(super) fn start_probes(&mut self) {
        let started = self.probes_of(Effect::Reads);
        self.probes.extend(started);
    }

    /// Starts the probes that write. They rest while a trial must be the only one that could change anything.
    pub(super) fn start_write_probes(&mut self) {
        let started = self.probes_of(Effect::Writes);
        self.write_probes.extend(started);
    }

    /// Lets the probes come close before an outage that is planned, or while a promise holds that nobody is disturbed.
    pub(super) async fn watch_closely(&self) {
        self.pace.set(Distance::Close);
        if !(self.probes.is_empty() && self.write_probes.is_empty()) {
            tokio::time::sleep(COMING_CLOSE).await;
        }
    }

    /// Lets them leave again. They stay close by themselves until they have been served for a while.
    pub(super) fn watch_from_far(&self) {
        self.pace.set(Distance::Far);
    }

    fn probes_of(&self, effect: Effect) -> Vec<Probe> {
        let per_second = self.config.scenario.workload.probes_per_second;
        let Some(service) = self.service.clone().filter(|_| per_second > 0) else { return Vec::new() };
        // Each start probes with numbers of its own, so that no write meets the key of an earlier one.
        let first = (self.next_probe_number() + self.recorder.now_ms()) * NUMBERS_A_MILLISECOND;
        let asker = Asker::new(service, self.seeded_databases(), first);
        let databases = self.databases();
        let databases: Vec<&str> = databases.iter().map(String::as_str).collect();
        let generated = self.config.scenario.has_generated_documents();
        let cluster = if generated { Presence::Present } else { Presence::Absent };
        let real = self.config.scenario.has_real_keycloak();
        Capability::ALL
            .into_iter()
            // A real Keycloak notes logins itself.
            .filter(|c| !(real && *c == Capability::NoteLogin))
            .filter(|c| c.effect() == effect && c.is_served(&databases, cluster))
            .map(|capability| {
                let asker = asker.clone();
                // Each real login keeps a core busy with the hash of a password.
                let rhythm = capability.rhythm(per_second);
                let rhythm = match real && capability == Capability::LogIn {
                    true => Rhythm::new(rhythm.close.max(REAL_LOGIN), rhythm.far),
                    false => rhythm,
                };
                Probe::start(capability.as_str(), rhythm, &self.pace, move |number| {
                    let asker = asker.clone();
                    async move { asker.ask(capability, number).await.map_err(|e| e.to_string()) }
                })
            })
            .collect()
    }
}
