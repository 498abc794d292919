//! Failures caused on purpose while a step runs: each once in a run, told in the record when it strikes, and mended when the step
//! has ended, so that a resumed run meets what it would meet after somebody has repaired the cause.

mod network;
mod strike;

pub(super) use network::Proxies;

use super::{RealWorld, Stepped, environment, internal};
use crate::flow::{Attempt, Facts, StepError};
use drydock_core::event::NoteLevel;
use drydock_core::scenario::{Fault, FaultKind, Moment, component_of};
use drydock_core::{Action, Class, Event, Step, StepId};
use drydock_environments::{Side, Store, kill_this_process};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use strike::Scene;
use tokio::task::JoinHandle;

/// How long a failure may take to notice that its occasion has come.
const A_MOMENT: Duration = Duration::from_millis(200);
/// How long one whose occasion has come may take beyond its step.
const LINGERS: Duration = Duration::from_secs(30);

/// A failure that is due in the running step.
struct Armed {
    fault: Fault,
    /// What is disturbed, where the network has the part.
    network: Option<String>,
    scene: Option<Scene>,
    striking: Option<JoinHandle<Result<String, String>>>,
}

impl RealWorld {
    /// Carries out a step, and lets happen in it what the scenario asks for.
    pub(super) async fn perform_disturbed(
        &mut self,
        step: &Step,
        attempt: Attempt,
        items: &BTreeSet<String>,
    ) -> Stepped<Facts> {
        let due: Vec<Fault> = self
            .config
            .scenario
            .faults
            .iter()
            .filter(|f| f.fault.moment() == Moment::During)
            .filter(|f| f.step(&self.config.plan).is_some_and(|s| s.id == step.id))
            .filter(|f| !self.struck.contains(&(f.fault.as_str().to_owned(), step.id.clone())))
            .cloned()
            .collect();
        if due.is_empty() {
            return self.carry_out(step, attempt, items).await;
        }
        if due.iter().filter(|f| is_network(f.fault)).count() > 1 {
            return Err(environment(
                format!("{} is to suffer two failures of the network at once", step.id),
                "give each a step of its own with `during`",
            ));
        }
        let _ = self.items_done.send_replace(0);
        let mut armed = Vec::new();
        for (number, fault) in (0_u64..).zip(due) {
            armed.push(self.arm(step, fault, number).await?);
        }
        let outcome = self.carry_out(step, attempt, items).await;
        let struck_before_end = self.disarm(step, armed).await;
        self.proxies = None;
        // A step that fails is worth more words than a failure that came too late.
        outcome.and_then(|facts| struck_before_end.map(|()| facts))
    }

    async fn arm(&mut self, step: &Step, fault: Fault, number: u64) -> Stepped<Armed> {
        let kind = fault.fault;
        let component = component_of(step.action);
        if is_network(kind) {
            if self.proxies.is_none() {
                let (source, target) = (self.side(Side::Source)?, self.side(Side::Target)?);
                let started = Proxies::start(&source, &target);
                self.proxies = Some(started.map_err(|e| {
                    environment(
                        format!("cannot start a proxy: {e}"),
                        "check that the loopback interface is up",
                    )
                })?);
            }
            let network = self.proxies.as_ref().and_then(|p| p.disturb(kind, component, fault.number()));
            return Ok(Armed { fault, network, scene: None, striking: None });
        }
        if kind.needs_cluster() && self.environment()?.cluster_faults().is_none() {
            return Err(environment(
                format!("{} happens to a cluster, and these stores are in none", kind.as_str()),
                "rehearse with `--on kind`, or leave it out",
            ));
        }
        let mut scene = self.scene(step, &fault, number)?;
        if scene.comes_first() {
            let struck = scene.strike().await;
            if struck.is_err() {
                // What is half done must not outlive it.
                let _ = scene.mend().await;
            }
            let item = struck.map_err(|why| no_occasion(kind, &step.id, &why))?;
            self.tell_struck(kind, &step.id, item);
            return Ok(Armed { fault, network: None, scene: Some(scene), striking: None });
        }
        if let Err(why) = scene.prepare().await {
            let _ = scene.mend().await;
            return Err(no_occasion(kind, &step.id, &why));
        }
        let (mut acting, recorder, id) = (scene.clone(), self.recorder.clone(), step.id.clone());
        let striking = tokio::spawn(async move {
            let struck = acting.strike().await;
            if let Ok(item) = &struck {
                recorder.emit(planted(kind, &id, item.clone()));
                if kind == FaultKind::DrydockKilled {
                    kill_this_process();
                }
            }
            struck
        });
        Ok(Armed { fault, network: None, scene: Some(scene), striking: Some(striking) })
    }

    fn scene(&self, step: &Step, fault: &Fault, number: u64) -> Stepped<Scene> {
        let context = self.migration()?;
        let on_source = matches!(fault.fault, FaultKind::SourceKilled | FaultKind::SourcePaused);
        let side = if on_source { Side::Source } else { Side::Target };
        let store = match component_of(step.action).database() {
            Some(_) => Store::Postgres,
            None => Store::Elasticsearch,
        };
        Ok(Scene {
            kind: fault.fault,
            action: step.action,
            at: fault.number(),
            seed: self.config.scenario.seed.wrapping_add(number),
            source: self.side(Side::Source)?,
            target: self.side(Side::Target)?,
            roles: context.roles,
            prefixes: context.spec.index_prefixes,
            dumps: context.dumps,
            clients: context.clients,
            process: self.environment()?.process(side, store),
            cluster: self.environment()?.cluster_faults(),
            clock: self.service.as_ref().map(|s| s.clock().clone()),
            items: self.items_done.subscribe(),
            begun: Arc::default(),
        })
    }

    /// Ends what is still to come, mends what was broken, and says whether everything happened.
    async fn disarm(&mut self, step: &Step, armed: Vec<Armed>) -> Stepped<()> {
        let mut missed = Ok(());
        for Armed { fault, network, scene, striking } in armed {
            let kind = fault.fault;
            if let Some(mut striking) = striking {
                // What has begun comes to its end: a request of it that was cut off here would do its work after the mend. What has had
                // no occasion has none any more.
                let mut struck = tokio::time::timeout(A_MOMENT, &mut striking).await;
                if struck.is_err() && scene.as_ref().is_some_and(Scene::has_begun) {
                    struck = tokio::time::timeout(LINGERS, &mut striking).await;
                }
                let noticed = scene.as_ref().map_or(Ok(()), Scene::was_noticed);
                match struck {
                    Ok(Ok(Ok(_))) if noticed.is_err() => {
                        missed = noticed.map_err(|why| no_occasion(kind, &step.id, &why));
                    }
                    Ok(Ok(Ok(_))) => {
                        self.struck.insert((kind.as_str().to_owned(), step.id.clone()));
                    }
                    Ok(Ok(Err(why))) => missed = Err(no_occasion(kind, &step.id, &why)),
                    Ok(Err(_)) => missed = Err(internal("a failure caused on purpose broke off")),
                    Err(_) => {
                        striking.abort();
                        missed = Err(no_occasion(kind, &step.id, "its moment never came"));
                    }
                }
            }
            if is_network(kind) {
                let disturbed = self.proxies.as_ref().map_or(0, Proxies::struck);
                match network.filter(|_| disturbed > 0) {
                    Some(what) => self.tell_struck(kind, &step.id, format!("{what} ({disturbed} times)")),
                    None => missed = Err(no_occasion(kind, &step.id, "no request was one to disturb")),
                }
            }
            if let Some(scene) = scene
                && let Err(why) = scene.mend().await
            {
                self.note(
                    NoteLevel::Warning,
                    format!("{}: what {} broke could not be mended: {why}", step.id, kind.as_str()),
                );
            }
        }
        missed
    }

    fn tell_struck(&mut self, kind: FaultKind, step: &StepId, item: String) {
        self.struck.insert((kind.as_str().to_owned(), step.clone()));
        self.recorder.emit(planted(kind, step, item));
    }

    /// Remembers that a run which its surroundings stopped in the middle is worth going on with.
    pub(super) fn note_stop(&mut self, step: &Step, error: &StepError) {
        let position = |wanted| self.config.plan.steps.iter().position(|s| s.action == wanted);
        let here = self.config.plan.steps.iter().position(|s| s.id == step.id);
        let begun = here > position(Action::ValidateTargets) && position(Action::ValidateTargets).is_some();
        let before_the_end = position(Action::Switch).is_none_or(|switch| here <= Some(switch));
        if error.class == Class::Environment && begun && before_the_end {
            self.worth_resuming = true;
        }
    }

    /// Stops the stores and keeps their data, for a resume.
    pub(super) async fn keep_for_resume(&mut self) -> Stepped<Facts> {
        self.pins = None;
        self.stop_identity().await?;
        let Some(environment) = self.environment.take() else { return Ok(Facts::new()) };
        self.note(
            NoteLevel::Info,
            format!(
                "`drydock rehearse --resume {}` goes on: the data of the stores are kept, until `drydock clean`",
                self.config.run
            ),
        );
        environment.stop(drydock_environments::Keep::Data).await.map_err(super::of_environment)?;
        Ok(Facts::from([("kept_for_resume".into(), true.into())]))
    }
}

fn planted(kind: FaultKind, step: &StepId, item: String) -> Event {
    Event::FaultPlanted { fault: kind.as_str().to_owned(), after: step.clone(), item }
}

fn is_network(kind: FaultKind) -> bool {
    kind.reads_requests()
        || matches!(kind, FaultKind::ConnectionReset | FaultKind::SlowAnswers | FaultKind::NetworkCut)
}

fn no_occasion(kind: FaultKind, step: &StepId, why: &str) -> StepError {
    environment(
        format!("{} was to happen in {step} and did not: {why}", kind.as_str()),
        "name another step with `during`, or more data",
    )
}
