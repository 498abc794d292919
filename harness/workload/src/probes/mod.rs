//! What users do, one probe a capability: not whether a port answers, but whether the work gets done.

mod cluster;
mod databases;
mod gap;

pub use gap::{Gap, gaps};

use crate::postgres::Databases;
use crate::probe::Rhythm;
use crate::service::{Service, ServiceError};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Time between two requests of a probe that reads while users work and no outage is expected: so long that all probes together
/// take less than a hundredth of what the stores can do.
const FAR: Duration = Duration::from_secs(1);

/// Something that users do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// A process instance is written and read back.
    StartProcess,
    /// The first page of instances is searched for, through the alias.
    ListInstances,
    /// A task is written as open and, unless somebody else was faster, as completed.
    CompleteTask,
    /// Somebody logs in: the platform's realm is read and a user of it, or a real Keycloak is asked.
    LogIn,
    /// The event of a login is written.
    NoteLogin,
    /// A diagram is saved as a new version.
    SaveDiagram,
    /// Somebody looks at Identity.
    OpenIdentity,
}

/// Whether a capability changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It reads only, and goes on while nothing may be changed.
    Reads,
    /// It writes.
    Writes,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::StartProcess,
        Self::ListInstances,
        Self::CompleteTask,
        Self::LogIn,
        Self::NoteLogin,
        Self::SaveDiagram,
        Self::OpenIdentity,
    ];

    /// Name of its probe.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StartProcess => "process/start",
            Self::ListInstances => "instances/list",
            Self::CompleteTask => "task/complete",
            Self::LogIn => "login",
            Self::NoteLogin => "login/event",
            Self::SaveDiagram => "diagram/save",
            Self::OpenIdentity => "identity/open",
        }
    }

    /// Whether it changes anything.
    pub const fn effect(self) -> Effect {
        match self {
            Self::ListInstances | Self::LogIn | Self::OpenIdentity => Effect::Reads,
            Self::StartProcess | Self::CompleteTask | Self::NoteLogin | Self::SaveDiagram => Effect::Writes,
        }
    }

    /// How often its probe asks, where one that reads asks `per_second` (at least 1) times a second from close.
    pub fn rhythm(self, per_second: u32) -> Rhythm {
        let close = Duration::from_secs(1) / per_second.max(1);
        match self.effect() {
            Effect::Reads => Rhythm::new(close, FAR),
            // Each of them makes several requests and leaves something behind.
            Effect::Writes => Rhythm::new(close * 2, FAR * 2),
        }
    }

    /// The database it needs; the cluster if none.
    const fn database(self) -> Option<&'static str> {
        match self {
            Self::StartProcess | Self::ListInstances | Self::CompleteTask => None,
            Self::LogIn | Self::NoteLogin => Some("keycloak"),
            Self::SaveDiagram => Some("webmodeler"),
            Self::OpenIdentity => Some("identity"),
        }
    }

    /// Whether it can be asked of an installation with these databases, and a cluster or not.
    pub fn is_served(self, databases: &[&str], cluster: crate::writer::Presence) -> bool {
        match self.database() {
            None => cluster == crate::writer::Presence::Present,
            Some(database) => databases.contains(&database),
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Asks for capabilities through the service's gate. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Asker {
    service: Service,
    databases: Arc<Databases>,
    /// Number of the first request: what is written twice would be refused.
    first: u64,
}

impl Asker {
    /// One that writes with numbers from `first` on.
    pub fn new(service: Service, databases: Databases, first: u64) -> Self {
        Self { service, databases: Arc::new(databases), first }
    }

    /// Asks once; `number` is the number of the request since the probe began.
    ///
    /// # Errors
    /// What a user would see: closed, refused, or not what was written.
    pub async fn ask(&self, capability: Capability, number: u64) -> Result<(), ServiceError> {
        let (databases, number) = (Arc::clone(&self.databases), self.first + number);
        self.service
            .serve(async |backend, _| match capability {
                Capability::StartProcess => cluster::start_process(backend, number).await,
                Capability::ListInstances => cluster::list_instances(backend).await,
                Capability::CompleteTask => cluster::complete_task(backend, number).await,
                Capability::LogIn => databases::log_in(backend).await,
                Capability::NoteLogin => databases::note_login(backend, number).await,
                Capability::SaveDiagram => databases::save(backend, &databases, number).await,
                Capability::OpenIdentity => databases::open_identity(backend).await,
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::writer::Presence;

    #[test]
    fn each_capability_is_asked_of_what_serves_it() {
        let served = |databases: &[&str], cluster| {
            Capability::ALL.into_iter().filter(|c| c.is_served(databases, cluster)).count()
        };
        assert_eq!(served(&["identity", "keycloak", "webmodeler"], Presence::Present), 7);
        assert_eq!(served(&["keycloak"], Presence::Absent), 2);
        assert_eq!(served(&[], Presence::Present), 3);
        assert_eq!(served(&[], Presence::Absent), 0);
    }

    #[test]
    fn names_are_told_apart() {
        let names: std::collections::BTreeSet<&str> = Capability::ALL.map(Capability::as_str).into();
        assert_eq!(names.len(), Capability::ALL.len());
    }
}
