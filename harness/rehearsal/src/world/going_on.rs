//! Whether people can go on in a real Camunda on the target: what was left under way before the freeze is brought to its end
//! there and looked for in what it shows.

use super::application::work_failed;
use super::{RealWorld, Stepped};
use crate::flow::Facts;
use drydock_core::Action;
use drydock_engine::deeds::{Deed, Promise, Thing, ThingKind, promises};
use drydock_engine::going_on::{Grounds, Hands, Left, Moved, Relay, Said, Way, finished, judge, not_gone_on};
use drydock_engine::{Answers, EngineError, Session};
use drydock_environments::Side;
use drydock_stores::compare::CheckResult;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Relays for each partition: their instances are shared out in turns, and one may have been somebody else's turn.
const EACH_PARTITION: u32 = 2;
/// Longest wait until each relay has stumbled.
const SET_OFF: Duration = Duration::from_secs(60);
/// Longest wait until everything is shown that was done. Importers look again after five seconds at most.
const SHOWN: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK: Duration = Duration::from_secs(2);
const STEP: &str = "phase-4/go-on";

impl RealWorld {
    /// Leaves something of every kind under way in Camunda on the source, where the plan goes on with it.
    pub(super) async fn leave_under_way(&mut self) -> Stepped<()> {
        if self.config.plan.id_of(Action::GoOn).is_none() {
            return Ok(());
        }
        let (deeds, epoch) = (self.deeds()?, self.epoch());
        let Some(application) = &mut self.application else { return Ok(()) };
        let Some(session) = &application.session else { return Err(super::internal("Camunda does not run")) };
        let count = EACH_PARTITION * u32::from(application.spec.partitions);
        let relay = Relay::set_off(session, &deeds, epoch, count, SET_OFF).await;
        application.relay = relay.map_err(|e| work_failed(&e))?;
        Ok(())
    }

    /// Goes on with it on the target. That something cannot go on is for the checks to tell. Then people work again.
    pub(super) async fn go_on(&mut self) -> Stepped<Facts> {
        let began = Instant::now();
        let unheard = match self.rest().await {
            Ok(done) => done.map_or(0, |done| done.unheard),
            Err(error) => {
                self.cannot_go_on(STEP, error);
                0
            }
        };
        let (deeds, epoch) = (self.deeds()?, self.epoch());
        let since = self.since_the_switch(self.deeds_until(u64::MAX)?);
        let Some(application) = &self.application else { return Ok(Facts::new()) };
        let (Some(session), Some(camunda)) = (application.session.clone(), &application.camunda) else {
            return self.nobody_goes_on("Camunda does not run on the target");
        };
        let Some((before, _, asked_ms)) = &application.before else {
            return self.nobody_goes_on("what was under way before the freeze is not known");
        };
        let left = Left::of(before, &application.relay).but(&promises(&self.deeds_until(*asked_ms)?));
        let management = camunda.management_url();
        let hands = Hands { session: &session, management: &management, deeds: &deeds, epoch };
        let Moved { legs, ended } = hands.go_on(&left, &since, unheard).await.map_err(|e| work_failed(&e))?;
        let moved = began.elapsed();
        let owed = self.owed_since_the_switch(&ended)?;
        let done = |shown: &Answers| finished(&legs, &owed, shown);
        let mut shown = self.look_until(&session, done).await?;
        if shown.as_ref().is_ok_and(done) {
            // What is shown before it is archived must be shown afterwards as well.
            self.archiving().await?;
            shown = self.look_until(&session, done).await?;
        }
        let shown = match shown {
            Ok(shown) => shown,
            Err(error) => return self.nobody_goes_on(&error.to_string()),
        };
        let stores = self.application.as_ref().map(|a| a.stores.clone()).unwrap_or_default();
        let (stood, stuck) = (self.stuck(Side::Source), self.stuck(Side::Target));
        let grounds = Grounds { stores: &stores, stuck: stuck.as_ref(), stood: stood.as_ref() };
        let results = judge(&legs, &owed, &shown, grounds);
        let millis = super::compare::millis(began);
        self.conclude(results.into_iter().map(|result| CheckResult { millis, ..result }).collect());
        let gone = |way: Way| legs.iter().filter(|leg| leg.way == way && leg.said == Said::Done).count();
        let figures = Way::ALL.into_iter().map(|way| (way.name().to_owned(), json!(gone(way))));
        let facts = Facts::from([
            ("gone_on".to_owned(), figures.collect::<serde_json::Map<_, _>>().into()),
            ("relays_ended".to_owned(), json!(ended.len())),
            ("seconds_of_going_on".to_owned(), json!(super::prepare::round(moved.as_secs_f64()))),
        ]);
        if let Err(error) = self.begin_work(None).await {
            self.cannot_go_on(STEP, error);
        }
        Ok(facts)
    }

    fn since_the_switch(&self, mut deeds: Vec<Deed>) -> Vec<Deed> {
        let switched = self.opened_ms.unwrap_or_default();
        deeds.retain(|deed| deed.ms >= switched);
        deeds
    }

    /// What Camunda owes by everything that was acknowledged since the switch, and by the relays that have run to their end.
    fn owed_since_the_switch(&self, ended: &[i64]) -> Stepped<BTreeMap<Thing, Promise>> {
        let all = self.deeds_until(u64::MAX)?;
        let mut owed = promises(&all);
        let touched = promises(&self.since_the_switch(all));
        owed.retain(|thing, _| touched.contains_key(thing));
        for relay in ended {
            owed.insert(Thing { kind: ThingKind::Instance, key: *relay }, Promise::Completed);
        }
        Ok(owed)
    }

    /// Looks at the lists until everything is there, or for so long that it does not come any more.
    async fn look_until(
        &self,
        session: &Session,
        done: impl Fn(&Answers) -> bool,
    ) -> Stepped<Result<Answers, EngineError>> {
        let began = Instant::now();
        loop {
            match Answers::lists(session).await {
                Ok(shown) if done(&shown) || began.elapsed() > SHOWN => return Ok(Ok(shown)),
                Err(error) if began.elapsed() > SHOWN => return Ok(Err(error)),
                Ok(_) | Err(_) => self.pause(LOOK).await?,
            }
        }
    }

    fn nobody_goes_on(&mut self, why: &str) -> Stepped<Facts> {
        self.conclude(not_gone_on(why, "look at target-camunda.log in the run folder"));
        Ok(Facts::new())
    }
}
