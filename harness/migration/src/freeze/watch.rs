//! Looking at the frozen source from the freeze to the end of the cutover. Marks alone tell that somebody wrote; who it was, and
//! when, is only seen by somebody who looks at that time.

use super::{FreezeWitness, Marks, Session, compare, postgres, still_active};
use drydock_core::finding::{Finding, Kind, Sample};
use drydock_stores::StorePair;
use drydock_stores::postgres::{APPLICATION_NAME, Connection, connect};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Between two looks at the sessions.
const SESSIONS: Duration = Duration::from_millis(100);
/// Between two looks at the marks.
const MARKS: Duration = Duration::from_secs(1);

/// Everything that was seen.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Sessions, by process and database, with the time from the freeze at which each was seen first and last.
    sessions: BTreeMap<(i32, String), (Session, Duration, Duration)>,
    /// When a subject moved first: between these two times from the freeze.
    moved: BTreeMap<String, (Duration, Duration)>,
    /// Looks at the marks that succeeded.
    pub looks: u64,
}

/// A watch that runs until it is ended or dropped.
#[derive(Debug)]
pub struct Watch {
    seen: Arc<Mutex<Seen>>,
    tasks: [JoinHandle<()>; 2],
}

impl Watch {
    /// Begins to watch a source whose marks at the freeze are `marks`.
    pub fn start(source: &StorePair, databases: &[String], prefixes: &[String], marks: &Marks) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let began = Instant::now();
        let sessions = {
            let (seen, source, databases) = (Arc::clone(&seen), source.clone(), databases.to_vec());
            tokio::spawn(async move { watch_sessions(&source, &databases, &seen, began).await })
        };
        let movements = {
            let (seen, source, marks) = (Arc::clone(&seen), source.clone(), marks.clone());
            let (databases, prefixes) = (databases.to_vec(), prefixes.to_vec());
            tokio::spawn(
                async move { watch_marks(&source, &databases, &prefixes, marks, &seen, began).await },
            )
        };
        Self { seen, tasks: [sessions, movements] }
    }

    /// Ends the watch, and tells what it saw.
    pub fn finish(self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn watch_sessions(source: &StorePair, databases: &[String], seen: &Mutex<Seen>, began: Instant) {
    let Some(first) = databases.first() else { return };
    let mut session: Option<Connection> = None;
    loop {
        // A source that does not answer is told by the steps that read it; the watch goes on when it is back.
        if session.is_none() {
            session = connect(&source.postgres, first, APPLICATION_NAME).await.ok();
        }
        if let Some(open) = &session {
            match postgres::read_sessions(open, databases).await {
                Ok(found) => note_sessions(seen, found, began.elapsed()),
                Err(_) => session = None,
            }
        }
        tokio::time::sleep(SESSIONS).await;
    }
}

fn note_sessions(seen: &Mutex<Seen>, found: Vec<Session>, now: Duration) {
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    for session in found {
        let key = (session.pid, session.database.clone());
        let entry = seen.sessions.entry(key).or_insert_with(|| (session.clone(), now, now));
        entry.2 = now;
        let writes = entry.0.writes || session.writes;
        entry.0 = Session { writes, ..session };
    }
}

async fn watch_marks(
    source: &StorePair,
    databases: &[String],
    prefixes: &[String],
    marks: Marks,
    seen: &Mutex<Seen>,
    began: Instant,
) {
    let (mut last, mut last_at) = (marks, Duration::ZERO);
    loop {
        tokio::time::sleep(MARKS).await;
        let Ok(now) = FreezeWitness::capture(source, databases, prefixes).await else { continue };
        let at = began.elapsed();
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.looks += 1;
        for finding in compare(&last, &now).into_iter().filter(|f| f.kind == Kind::LateWrite) {
            seen.moved.entry(finding.subject).or_insert((last_at, at));
        }
        drop(seen);
        (last, last_at) = (now, at);
    }
}

impl Seen {
    /// Adds times and suspects to what the marks tell, and tells sessions that came and left between the marks. `known`: those
    /// that were told at the freeze already.
    pub fn complete(&self, mut findings: Vec<Finding>, known: &[Session]) -> Vec<Finding> {
        for finding in findings.iter_mut().filter(|f| f.kind == Kind::LateWrite) {
            let Some((from, to)) = self.moved.get(&finding.subject) else { continue };
            finding.message.push_str(&format!(", {} to {} after it", seconds(*from), seconds(*to)));
            let suspects: Vec<String> = self.suspects(&finding.subject, *from, *to).map(words).collect();
            if !suspects.is_empty() {
                finding.message.push_str(&format!("; then on that database: {}", suspects.join(", ")));
                finding.samples.extend(suspects.into_iter().map(Sample::named));
                finding.samples.truncate(drydock_core::finding::MAX_SAMPLES);
            }
        }
        for ((pid, database), (session, from, to)) in &self.sessions {
            let sample = format!("pid {pid} ");
            let told = |f: &Finding| {
                f.kind == Kind::StillActive
                    && f.subject.starts_with(&format!("{database}/"))
                    && f.samples.iter().any(|s| s.item.starts_with(&sample))
            };
            let known = known.iter().any(|k| k.pid == *pid && k.database == *database);
            if known || findings.iter().any(told) {
                continue;
            }
            let mut finding = still_active(session);
            finding.message = format!(
                "{} was on database {database} of the source {} to {} after the freeze, {}",
                words(session),
                seconds(*from),
                seconds(*to),
                if session.writes { "and wrote" } else { "and may have written" }
            );
            findings.push(finding);
        }
        findings
    }

    /// Forgets sessions that are known to be the migration's own.
    pub fn leave_out(&mut self, own: impl Fn(&Session) -> bool) {
        self.sessions.retain(|_, (session, ..)| !own(session));
    }

    fn suspects(&self, subject: &str, from: Duration, to: Duration) -> impl Iterator<Item = &Session> {
        let database = subject.split('.').next().unwrap_or_default().to_owned();
        self.sessions.values().filter_map(move |(session, first, last)| {
            (session.database == database && *first <= to && *last + SESSIONS >= from).then_some(session)
        })
    }
}

fn words(session: &Session) -> String {
    let name = if session.application.is_empty() { "(no application name)" } else { &session.application };
    format!("session {} of {name} as {} from {}", session.pid, session.role, session.address)
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use drydock_core::names::checks::FREEZE;

    fn session(pid: i32, database: &str) -> Session {
        Session {
            pid,
            application: "camunda-job".into(),
            database: database.into(),
            role: "keycloak".into(),
            state: "idle".into(),
            address: "10.0.0.7".into(),
            writes: true,
        }
    }

    #[test]
    fn whoever_wrote_and_left_is_named_with_the_time() {
        let seen = Mutex::new(Seen::default());
        let second = Duration::from_secs(1);
        note_sessions(&seen, vec![session(7, "keycloak")], second);
        note_sessions(&seen, vec![session(7, "keycloak"), session(8, "identity")], 2 * second);
        let mut seen = seen.into_inner().unwrap();
        seen.moved.insert("keycloak.public.realm".into(), (second, 2 * second));
        let late = Finding::data(FREEZE, Kind::LateWrite, "keycloak.public.realm", "1 row was written");
        let told = seen.complete(vec![late], &[session(8, "identity")]);
        assert_eq!(told.len(), 2, "{told:#?}");
        for words in ["session 7 of camunda-job as keycloak from 10.0.0.7", "1.0 s to 2.0 s"] {
            assert!(told[0].message.contains(words), "{}", told[0].message);
            assert!(told[1].message.contains(words), "{}", told[1].message);
        }
        assert_eq!(told[1].kind, Kind::StillActive);
        // What the marks tell already is not told twice.
        assert_eq!(
            seen.complete(vec![still_active(&session(7, "keycloak"))], &[session(8, "identity")]).len(),
            1
        );
        assert!(Seen::default().complete(Vec::new(), &[]).is_empty());
        seen.leave_out(|s| s.pid == 7 && !s.writes);
        assert_eq!(seen.complete(Vec::new(), &[]).len(), 2, "one that wrote is nobody's own");
        seen.leave_out(|s| s.pid == 7);
        assert_eq!(seen.complete(Vec::new(), &[]).len(), 1);
    }
}
