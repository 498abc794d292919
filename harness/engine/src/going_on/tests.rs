//! What may keep people from going on, planted in what was said and shown: the check of its way tells it, and no other does.

use super::*;
use crate::answers::{Answer, Answers};
use crate::capability::Capability;
use crate::deeds::ThingKind;
use drydock_core::Finding;
use drydock_core::finding::{Kind, Outcome};
use drydock_core::names::checks::GOING_ON;
use drydock_stores::compare::CheckResult;
use std::collections::BTreeMap;

/// What shows that a way was gone.
fn thing_of(way: Way, key: i64) -> (Thing, Promise, &'static str) {
    let of = |kind, promise, told| (Thing { kind, key }, promise, told);
    match way {
        Way::Tasks => of(ThingKind::Task, Promise::Completed, "taskState=COMPLETED"),
        Way::Incidents => of(ThingKind::Incident, Promise::Over, "state=RESOLVED"),
        Way::Definitions => of(ThingKind::Process, Promise::Exists, "version=2"),
        Way::Jobs | Way::Timers | Way::Messages => {
            of(ThingKind::FlowNode, Promise::Completed, "state=COMPLETED")
        }
    }
}

/// Two things of each way, all of them done.
fn legs() -> Vec<Leg> {
    let keys = (10..).step_by(10);
    let each = Way::ALL.into_iter().zip(keys).flat_map(|(way, from)| [(way, from), (way, from + 1)]);
    each.map(|(way, key)| {
        let (thing, promise, _) = thing_of(way, key);
        Leg { way, thing: Some(thing), promise, said: Said::Done }
    })
    .collect()
}

fn shown(legs: &[Leg]) -> Answers {
    let mut answers = Answers::default();
    for leg in legs {
        let thing = leg.thing.unwrap();
        let told = thing_of(leg.way, thing.key).2.to_owned();
        let list = answers.by.entry(thing.kind.list()).or_insert_with(|| Answer::Shown(BTreeMap::new()));
        let Answer::Shown(items) = list else { unreachable!("it is shown") };
        items.insert(thing.key.to_string(), told);
    }
    answers
}

fn items<'a>(answers: &'a mut Answers, leg: &Leg) -> (&'a mut BTreeMap<String, String>, String) {
    let thing = leg.thing.unwrap();
    let Some(Answer::Shown(items)) = answers.by.get_mut(&thing.kind.list()) else { panic!("it is shown") };
    (items, thing.key.to_string())
}

fn owed() -> BTreeMap<Thing, Promise> {
    let task = Thing { kind: ThingKind::Task, key: 10 };
    BTreeMap::from([(task, Promise::Completed)])
}

/// Names of the checks that object, with their findings.
fn objecting(results: &[CheckResult]) -> BTreeMap<&'static str, Vec<Finding>> {
    let results = results.iter().filter(|result| !result.findings.is_empty());
    results.map(|result| (result.check, result.findings.clone())).collect()
}

#[test]
fn where_everything_went_on_and_is_shown_every_check_has_compared_something_and_nothing_objects() {
    let legs = legs();
    let shown = shown(&legs);
    let results = judge(&legs, &owed(), &shown, Grounds::default());
    assert_eq!(results.iter().map(|result| result.check).collect::<Vec<_>>(), GOING_ON);
    assert!(objecting(&results).is_empty(), "{:?}", objecting(&results));
    assert!(results.iter().all(|result| result.compared > 0 && !result.note.is_empty()));
    assert!(finished(&legs, &owed(), &shown));
}

#[test]
fn what_the_engine_refuses_is_told_by_its_own_check_with_its_words() {
    for way in Way::ALL {
        let mut legs = legs();
        let answers = shown(&legs);
        let leg = legs.iter_mut().find(|leg| leg.way == way).unwrap();
        let name = leg.thing.unwrap().to_string();
        leg.said = Said::Refused("status 404: no such thing".into());
        let told = objecting(&judge(&legs, &owed(), &answers, Grounds::default()));
        assert_eq!(told.keys().copied().collect::<Vec<_>>(), [way.check()]);
        let found = &told[way.check()][0];
        assert_eq!((found.kind, found.outcome, found.count), (Kind::Unusable, Outcome::Different, 1));
        assert!(
            found.message.starts_with("1 of 2 ") && found.message.ends_with("no such thing"),
            "{found:?}"
        );
        assert_eq!(found.samples[0].item, name);
    }
}

#[test]
fn what_is_done_and_not_shown_so_is_told_by_its_own_check_with_the_positions_as_the_cause() {
    let positions = |of: &str| {
        let subject = format!("{of}-import-position-8.3.0_");
        Finding::data(checks::ES_IMPORTS, Kind::Changed, subject, "ahead of every record")
    };
    let stores = [positions("operate"), positions("tasklist")];
    for way in Way::ALL {
        let legs = legs();
        let leg = legs.iter().rfind(|leg| leg.way == way).unwrap();
        let (mut gone, mut open) = (shown(&legs), shown(&legs));
        let (all, key) = items(&mut gone, leg);
        all.remove(&key);
        let (all, key) = items(&mut open, leg);
        all.insert(key, "state=ACTIVE taskState=CREATED".into());
        for (answers, kind) in [(gone, Kind::Missing), (open, Kind::Stale)] {
            let results = judge(&legs, &owed(), &answers, Grounds { stores: &stores, ..Grounds::default() });
            let told = objecting(&results);
            // An incident need not be listed once it is over, and a definition has no state.
            let fine =
                matches!((way, kind), (Way::Incidents, Kind::Missing) | (Way::Definitions, Kind::Stale));
            assert_eq!(finished(&legs, &owed(), &answers), fine, "{way:?} {kind:?}");
            if fine {
                assert!(told.is_empty(), "{told:?}");
                continue;
            }
            assert_eq!(told.keys().copied().collect::<Vec<_>>(), [way.check()], "{kind:?}");
            let found = &told[way.check()][0];
            assert_eq!((found.kind, found.outcome, found.count), (kind, Outcome::Different, 1));
            assert!(
                found.message.ends_with("because elasticsearch/import-positions: ahead of every record"),
                "{}",
                found.message
            );
            let of = if way == Way::Tasks { "tasklist" } else { "operate" };
            assert!(found.next.contains(of), "{}", found.next);
        }
    }
}

#[test]
fn what_was_acknowledged_since_the_switch_and_is_not_shown_is_told() {
    let instance = Thing { kind: ThingKind::Instance, key: 99 };
    let legs = legs();
    let mut shown = shown(&legs);
    let mut owed = owed();
    owed.insert(instance, Promise::Completed);
    shown.by.insert(Capability::Instances, Answer::Shown(BTreeMap::new()));
    let states = [(None, Kind::LostWrite), (Some("ACTIVE"), Kind::Extra), (Some("CANCELED"), Kind::Stale)];
    for (state, kind) in states {
        let told = state.map(|state| ("99".to_owned(), format!("state={state}")));
        shown.by.insert(Capability::Instances, Answer::Shown(told.into_iter().collect()));
        assert!(!finished(&legs, &owed, &shown));
        let told = objecting(&judge(&legs, &owed, &shown, Grounds::default()));
        assert_eq!(told.keys().copied().collect::<Vec<_>>(), [checks::GO_VISIBLE]);
        let found = &told[checks::GO_VISIBLE][0];
        assert_eq!((found.kind, found.count), (kind, 1));
        assert_eq!(found.samples[0].item, "instance 99");
        assert!(found.message.contains("nothing that was found in the stores explains it"));
    }
    shown.by.insert(Capability::Instances, Answer::Refused("status 500".into()));
    let told = objecting(&judge(&legs, &owed, &shown, Grounds::default()));
    assert_eq!(told[checks::GO_VISIBLE][0].outcome, Outcome::NotProven);
}

#[test]
fn what_nobody_knows_or_never_was_under_way_proves_nothing() {
    let answers = shown(&legs());
    let none = judge(&[], &BTreeMap::new(), &answers, Grounds::default());
    assert!(none.iter().all(|result| result.compared == 0));
    assert!(none.iter().all(|result| result.findings[0].outcome == Outcome::NotProven));
    let nobody = not_gone_on("it does not answer", "look");
    assert_eq!(nobody.iter().map(|result| result.check).collect::<Vec<_>>(), GOING_ON);
    let mut legs = legs();
    for leg in &mut legs {
        leg.said = Said::Unknown("status 404".into());
    }
    let results = judge(&legs, &owed(), &answers, Grounds::default());
    for way in Way::ALL {
        let result = results.iter().find(|result| result.check == way.check()).unwrap();
        assert_eq!((result.compared, result.findings[0].outcome), (0, Outcome::NotProven), "{way:?}");
    }
    // A list that is refused leaves nobody the wiser about what it would show.
    let mut hidden = shown(&super::tests::legs());
    hidden.by.insert(Capability::Tasks, Answer::Refused("status 500".into()));
    let told = objecting(&judge(&super::tests::legs(), &BTreeMap::new(), &hidden, Grounds::default()));
    assert_eq!(told[checks::GO_TASKS][0].outcome, Outcome::NotProven);
}

#[test]
fn what_the_application_does_to_itself_proves_nothing_and_excuses_nothing_else() {
    let stuck =
        Stuck { index: "tasklist-list-view-8.6.0_".into(), field: "creationTime of type date".into() };
    let legs = legs();
    let without = |way: Way| {
        let mut answers = shown(&legs);
        let (all, key) = items(&mut answers, legs.iter().rfind(|leg| leg.way == way).unwrap());
        all.remove(&key);
        answers
    };
    let positions =
        Finding::data(checks::ES_IMPORTS, Kind::Changed, "tasklist-import-position-8.2.0_", "ahead");
    let other = Stuck { index: "tasklist-task-8.5.0_".into(), ..stuck.clone() };
    for (way, stores, stuck, stood, outcome) in [
        (Way::Tasks, vec![], Some(&stuck), None, Outcome::NotProven),
        (Way::Tasks, vec![], None, Some(&stuck), Outcome::Different),
        (Way::Tasks, vec![positions.clone()], Some(&stuck), None, Outcome::Different),
        (Way::Tasks, vec![positions.clone()], Some(&stuck), Some(&other), Outcome::Different),
        (Way::Tasks, vec![positions], Some(&stuck), Some(&stuck), Outcome::NotProven),
        (Way::Jobs, vec![], Some(&stuck), Some(&stuck), Outcome::Different),
    ] {
        let results = judge(&legs, &owed(), &without(way), Grounds { stores: &stores, stuck, stood });
        let told = objecting(&results);
        assert_eq!(told.keys().copied().collect::<Vec<_>>(), [way.check()]);
        let found = &told[way.check()][0];
        assert_eq!((found.outcome, found.count), (outcome, 1), "{}", found.message);
        assert_eq!(
            found.message.contains("creationTime"),
            outcome == Outcome::NotProven,
            "{}",
            found.message
        );
    }
}
