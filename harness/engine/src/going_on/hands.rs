//! Bringing to its end on the target what was under way on the source.

use super::left::{Left, OpenIncident};
use super::relay::RINGS_AFTER;
use super::{Leg, Said, Way};
use crate::commands::DefinitionKind;
use crate::deeds::{Deed, Deeds, Promise, Thing, ThingKind, What};
use crate::error::EngineError;
use crate::processes::{CALLED, HEARD, JOBS, RELAY, RELAY_JOBS, RELAY_SECOND, RUNG, STUMBLE};
use crate::session::Session;
use crate::worker::WorkError;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How often something is asked for of an application that does not answer, and how long one waits in between.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_secs(1);
/// How long a message waits for its receiver.
const PATIENCE: Duration = Duration::from_secs(3600);
/// How long a request for jobs waits for some.
const JOB_WAIT: Duration = Duration::from_millis(150);
/// Jobs taken at once.
const JOBS_AT_ONCE: usize = 32;
/// Longest wait for jobs: one that an ended worker had taken is given to nobody for half a minute.
const LIMIT: Duration = Duration::from_secs(75);
/// Beyond the moment at which the last timer is due.
const BEYOND: Duration = Duration::from_secs(60);

/// Whoever goes on.
#[derive(Debug)]
pub struct Hands<'a> {
    /// The application on the target.
    pub session: &'a Session,
    /// Base address of its management interface, where its clock is moved on.
    pub management: &'a str,
    /// The log of what is acknowledged.
    pub deeds: &'a Deeds,
    /// When the run's clock stood at nought.
    pub epoch: Instant,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Moved {
    /// Everything that was to go on.
    pub legs: Vec<Leg>,
    /// Relays that must have come to their end: all they waited for has happened.
    pub ended: Vec<i64>,
}

/// What the engine said to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Heard {
    Done,
    /// It knows no such thing, or none in a state in which this can be done.
    Gone(String),
    Refused(String),
}

/// Asks until there is an answer. A request that nobody answered may have been carried out all the same, so that what is gone
/// afterwards counts as done.
async fn insist(ask: impl AsyncFnMut() -> Result<(), EngineError>) -> Heard {
    insist_every(PAUSE, ask).await
}

async fn insist_every(pause: Duration, mut ask: impl AsyncFnMut() -> Result<(), EngineError>) -> Heard {
    let mut unheard = None;
    for _ in 0..TRIES {
        match ask().await {
            Ok(()) => return Heard::Done,
            Err(error) if error.is_passing() => {
                unheard = Some(error.to_string());
                tokio::time::sleep(pause).await;
            }
            Err(error) if error.is_gone() || error.is_refused() => {
                return if unheard.is_some() { Heard::Done } else { Heard::Gone(error.to_string()) };
            }
            Err(error) => return Heard::Refused(error.to_string()),
        }
    }
    Heard::Refused(unheard.unwrap_or_default())
}

/// What others have ended since the switch.
struct Earlier {
    ended: BTreeSet<Thing>,
    /// Whether one of their requests was not answered, so that something may be gone without anybody who knows.
    unheard: bool,
}

impl Earlier {
    fn of(since: &[Deed], unheard: u64) -> Self {
        let ended = since.iter().filter_map(|deed| {
            let kind = match deed.what {
                What::TaskCompleted => ThingKind::Task,
                // One that has failed was given to a worker.
                What::JobCompleted | What::JobFailed => ThingKind::FlowNode,
                What::IncidentResolved => ThingKind::Incident,
                _ => return None,
            };
            Some(Thing { kind, key: deed.key })
        });
        Self { ended: ended.collect(), unheard: unheard > 0 }
    }

    fn has(&self, kind: ThingKind, key: i64) -> bool {
        self.ended.contains(&Thing { kind, key })
    }

    fn said(&self, heard: Heard) -> Said {
        match heard {
            Heard::Done => Said::Done,
            Heard::Gone(why) if self.unheard => Said::Unknown(why),
            Heard::Gone(why) | Heard::Refused(why) => Said::Refused(why),
        }
    }
}

/// Jobs that were given out.
#[derive(Debug, Default)]
struct Worked {
    /// By flow node instance: what the engine said to their completion.
    elements: BTreeMap<i64, Heard>,
    /// Types with instances.
    followed: BTreeSet<(String, i64)>,
}

impl Worked {
    fn followed(&self, kind: &str, instance: i64) -> bool {
        self.followed.contains(&(kind.to_owned(), instance))
    }
}

impl Hands<'_> {
    /// Goes on with everything that was left. `since` is what was acknowledged since the switch, `unheard` how many requests of
    /// whoever works on the target were not answered; nobody else works while this runs.
    ///
    /// # Errors
    /// The log cannot be written. What the application refuses is told in the legs.
    pub async fn go_on(&self, left: &Left, since: &[Deed], unheard: u64) -> Result<Moved, WorkError> {
        let earlier = Earlier::of(since, unheard);
        let mut legs = Vec::new();
        for task in &left.tasks {
            let thing = Thing { kind: ThingKind::Task, key: task.key };
            let said = match earlier.has(thing.kind, thing.key) {
                true => Said::Done,
                false => {
                    let heard = insist(async || {
                        self.session.complete_task(task.key, json!({"approved": true})).await
                    });
                    let heard = heard.await;
                    self.noted(&heard, What::TaskCompleted, task.key, task.instance)?;
                    earlier.said(heard)
                }
            };
            legs.push(Leg { way: Way::Tasks, thing: Some(thing), promise: Promise::Completed, said });
        }
        for incident in &left.incidents {
            let thing = Thing { kind: ThingKind::Incident, key: incident.key };
            let said = match earlier.has(thing.kind, thing.key) {
                true => Said::Done,
                false => earlier.said(self.mend(incident).await?),
            };
            legs.push(Leg { way: Way::Incidents, thing: Some(thing), promise: Promise::Over, said });
        }
        let called = self.call(left).await?;
        let mut worked = Worked::default();
        let is_open = |element: &&i64| !earlier.has(ThingKind::FlowNode, **element);
        let all = |worked: &Worked| {
            let done = left.jobs.iter().filter(is_open).all(|job| worked.elements.contains_key(job));
            let heard = left.messages.iter().all(|m| worked.followed(HEARD, m.instance));
            done && heard && left.relays.keys().all(|relay| worked.followed(STUMBLE, *relay))
        };
        self.work(&mut worked, all).await?;
        for element in &left.jobs {
            let thing = Thing { kind: ThingKind::FlowNode, key: *element };
            let said = match worked.elements.get(element) {
                _ if earlier.has(thing.kind, thing.key) => Said::Done,
                Some(heard) => earlier.said(heard.clone()),
                None if earlier.unheard => Said::Unknown("it is given to nobody".into()),
                None => Said::Refused(format!("it is given to nobody within {} s", LIMIT.as_secs())),
            };
            // Somebody may have let it fail since, for an incident: then it was worked on.
            let failed = since.iter().any(|deed| deed.what == What::JobFailed && deed.key == *element);
            let promise = if failed { Promise::Exists } else { Promise::Completed };
            legs.push(Leg { way: Way::Jobs, thing: Some(thing), promise, said });
        }
        for message in &left.messages {
            let said = match called.get(&message.instance) {
                Some(Heard::Done) if worked.followed(HEARD, message.instance) => Said::Done,
                Some(Heard::Done) => Said::Refused("it is accepted, and no job follows it".into()),
                Some(Heard::Gone(why) | Heard::Refused(why)) => Said::Refused(why.clone()),
                None => Said::Unknown("the name of its message is not known".into()),
            };
            legs.push(passed(Way::Messages, message.element, said));
        }
        legs.extend(self.renew(left).await?);
        legs.extend(self.ring(left, &mut worked).await?);
        let signed = |relay: i64| {
            let mut tasks = left.tasks.iter().filter(|task| task.instance == relay).peekable();
            let done = |key: i64| {
                legs.iter().any(|leg| {
                    leg.thing == Some(Thing { kind: ThingKind::Task, key }) && leg.said == Said::Done
                })
            };
            tasks.peek().is_some() && tasks.all(|task| done(task.key))
        };
        let ended =
            left.relays.keys().copied().filter(|relay| {
                signed(*relay) && RELAY_JOBS.iter().all(|kind| worked.followed(kind, *relay))
            });
        let ended = ended.collect();
        Ok(Moved { legs, ended })
    }

    fn note(&self, what: What, key: i64, instance: Option<i64>) -> Result<(), WorkError> {
        Ok(self.deeds.note_now(self.epoch, what, key, instance)?)
    }

    fn noted(&self, heard: &Heard, what: What, key: i64, instance: i64) -> Result<(), WorkError> {
        if *heard == Heard::Done { self.note(what, key, Some(instance)) } else { Ok(()) }
    }

    async fn mend(&self, incident: &OpenIncident) -> Result<Heard, WorkError> {
        let OpenIncident { key, instance, job } = *incident;
        let heard = insist(async || {
            self.session.set_variable(instance, json!({"mended": true})).await?;
            self.session.retry_job(job).await?;
            self.session.resolve_incident(key).await
        });
        let heard = heard.await;
        self.noted(&heard, What::IncidentResolved, key, instance)?;
        Ok(heard)
    }

    /// Sends each relay that waits its message.
    async fn call(&self, left: &Left) -> Result<BTreeMap<i64, Heard>, WorkError> {
        let mut called = BTreeMap::new();
        for message in &left.messages {
            let Some(name) = left.relays.get(&message.instance) else { continue };
            let mut key = None;
            let heard = insist(async || {
                key = Some(self.session.publish(CALLED, name, PATIENCE).await?);
                Ok(())
            });
            let heard = heard.await;
            if let Some(key) = key {
                self.note(What::MessagePublished, key, Some(message.instance))?;
            }
            called.insert(message.instance, heard);
        }
        Ok(called)
    }

    /// Does the jobs that there are, until `all` have been given out that are waited for.
    async fn work(&self, worked: &mut Worked, all: impl Fn(&Worked) -> bool) -> Result<(), WorkError> {
        let began = Instant::now();
        while !all(worked) && began.elapsed() < LIMIT {
            for kind in RELAY_JOBS.into_iter().chain(JOBS) {
                let jobs = match self.session.activate_jobs(kind, JOBS_AT_ONCE, JOB_WAIT).await {
                    Ok(jobs) => jobs,
                    Err(error) => {
                        tracing::debug!(%error, kind, "no jobs");
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                };
                for job in jobs {
                    let variables = json!({"worked": job.kind});
                    let heard = insist(async || self.session.complete_job(job.key, variables.clone()).await);
                    let heard = heard.await;
                    self.noted(&heard, What::JobCompleted, job.element, job.instance)?;
                    if heard == Heard::Done {
                        worked.followed.insert((job.kind.clone(), job.instance));
                    }
                    worked.elements.insert(job.element, heard);
                }
            }
        }
        Ok(())
    }

    /// Deploys the relay's second version and starts an instance of it.
    async fn renew(&self, left: &Left) -> Result<Vec<Leg>, WorkError> {
        let Some(first) = left.version else { return Ok(Vec::new()) };
        let refused = |why: String| Leg {
            way: Way::Definitions,
            thing: None,
            promise: Promise::Exists,
            said: Said::Refused(why),
        };
        let mut deployed = Vec::new();
        let heard = insist(async || {
            deployed = self.session.deploy(&RELAY_SECOND).await?;
            Ok(())
        });
        if let Heard::Gone(why) | Heard::Refused(why) = heard.await {
            return Ok(vec![refused(why)]);
        }
        let Some(made) = deployed.iter().find(|d| d.kind == DefinitionKind::Process && d.id == RELAY) else {
            return Ok(vec![refused("the deployment made no process".into())]);
        };
        self.note(What::ProcessDeployed, made.key, None)?;
        let said = match made.version == first + 1 {
            true => Said::Done,
            false => Said::Refused(format!("it got version {} after {first}", made.version)),
        };
        let thing = Some(Thing { kind: ThingKind::Process, key: made.key });
        let mut legs = vec![Leg { way: Way::Definitions, thing, promise: Promise::Exists, said }];
        let mut started = None;
        let heard = insist(async || {
            started = Some(self.session.start_instance(RELAY, json!({"relay": RELAY})).await?);
            Ok(())
        });
        legs.push(match (heard.await, started) {
            (Heard::Done, Some(key)) => {
                self.note(What::InstanceStarted, key, None)?;
                let thing = Some(Thing { kind: ThingKind::Instance, key });
                Leg { way: Way::Definitions, thing, promise: Promise::Completed, said: Said::Done }
            }
            (Heard::Gone(why) | Heard::Refused(why), _) => refused(why),
            (Heard::Done, None) => refused("no instance was started".into()),
        });
        Ok(legs)
    }

    /// Moves the clock on until every timer is due, and does the jobs that follow them.
    async fn ring(&self, left: &Left, worked: &mut Worked) -> Result<Vec<Leg>, WorkError> {
        if left.timers.is_empty() {
            return Ok(Vec::new());
        }
        let moved = insist(async || crate::clock::forward(self.management, RINGS_AFTER + BEYOND).await).await;
        if moved == Heard::Done {
            self.work(worked, |worked| left.timers.iter().all(|t| worked.followed(RUNG, t.instance))).await?;
        }
        let said = |instance: i64| match &moved {
            _ if worked.followed(RUNG, instance) => Said::Done,
            Heard::Done => Said::Refused("it is due, and no job follows it".into()),
            // Whether it fires when its time comes is not known.
            Heard::Gone(why) | Heard::Refused(why) => Said::Unknown(why.clone()),
        };
        Ok(left.timers.iter().map(|t| passed(Way::Timers, t.element, said(t.instance))).collect())
    }
}

/// A flow node instance that has been passed if the engine says so.
fn passed(way: Way, element: i64, said: Said) -> Leg {
    let thing = Some(Thing { kind: ThingKind::FlowNode, key: element });
    Leg { way, thing, promise: Promise::Completed, said }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn answer(status: u16) -> EngineError {
        EngineError::new("POST", "/x", ErrorKind::Status { status, detail: "so".into() })
    }

    async fn heard(mut answers: Vec<Result<(), EngineError>>) -> Heard {
        answers.reverse();
        insist_every(Duration::from_millis(1), async || answers.pop().unwrap_or(Ok(()))).await
    }

    #[tokio::test]
    async fn what_is_gone_after_a_request_that_nobody_answered_may_have_been_done_by_it() {
        assert_eq!(heard(vec![Err(answer(503)), Ok(())]).await, Heard::Done);
        assert_eq!(heard(vec![Err(answer(503)), Err(answer(404))]).await, Heard::Done);
        assert_eq!(heard(vec![Err(answer(404))]).await, Heard::Gone("POST /x: status 404: so".into()));
        assert_eq!(heard(vec![Err(answer(400))]).await, Heard::Refused("POST /x: status 400: so".into()));
        let never = (0..TRIES).map(|_| Err(answer(503))).collect();
        assert_eq!(heard(never).await, Heard::Refused("POST /x: status 503: so".into()));
    }

    #[test]
    fn what_others_have_ended_is_not_missed_and_what_they_do_not_know_is_not_known() {
        let deed = |what, key| Deed { what, key, instance: Some(1), ms: 1 };
        let since = [deed(What::TaskCompleted, 7), deed(What::JobFailed, 8), deed(What::InstanceStarted, 9)];
        let quiet = Earlier::of(&since, 0);
        assert!(quiet.has(ThingKind::Task, 7) && quiet.has(ThingKind::FlowNode, 8));
        assert!(!quiet.has(ThingKind::Incident, 7) && !quiet.has(ThingKind::Instance, 9));
        let gone = || Heard::Gone("404".into());
        assert_eq!(quiet.said(gone()), Said::Refused("404".into()));
        assert_eq!(Earlier::of(&since, 1).said(gone()), Said::Unknown("404".into()));
        assert_eq!(Earlier::of(&since, 1).said(Heard::Refused("400".into())), Said::Refused("400".into()));
    }
}
