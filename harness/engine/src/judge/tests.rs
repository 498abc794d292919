//! What may be lost, planted in answers, one after the other: the check of its capability tells it, and no other does.

use super::*;
use crate::answers::Answer;
use crate::deeds::ThingKind;
use drydock_core::finding::Outcome;

fn healthy() -> Answers {
    let of = |capability: Capability| {
        let items = (1..=3).map(|key| (key.to_string(), format!("state=ACTIVE name={capability}-{key}")));
        (capability, Answer::Shown(items.collect()))
    };
    Answers { by: Capability::ALL.into_iter().map(of).collect() }
}

fn owed() -> BTreeMap<Thing, Promise> {
    let kinds = [
        ThingKind::Process,
        ThingKind::Decision,
        ThingKind::Instance,
        ThingKind::FlowNode,
        ThingKind::Task,
        ThingKind::Incident,
    ];
    kinds.into_iter().map(|kind| (Thing { kind, key: 2 }, Promise::Exists)).collect()
}

/// Names of the checks that object, with their findings.
fn objecting(judged: &Judged) -> BTreeMap<&'static str, Vec<Finding>> {
    let results = judged.results.iter().filter(|result| !result.findings.is_empty());
    results.map(|result| (result.check, result.findings.clone())).collect()
}

type Damage = (&'static str, Kind, fn(&mut BTreeMap<String, String>));

const DAMAGES: [Damage; 3] = [
    ("lost", Kind::Missing, |items| {
        items.remove("1");
    }),
    ("came back", Kind::Extra, |items| {
        items.insert("9".into(), "state=ACTIVE".into());
    }),
    ("otherwise", Kind::Changed, |items| {
        items.insert("1".into(), "state=COMPLETED name=else".into());
    }),
];

#[test]
fn a_good_copy_is_equal_and_every_check_has_compared_something() {
    let judged = judge(&healthy(), &healthy(), &owed(), &[], None);
    let checks: Vec<&str> = judged.results.iter().map(|result| result.check).collect();
    assert_eq!(checks, checks::APPLICATION);
    assert!(objecting(&judged).is_empty() && judged.unseen.is_empty());
    assert!(judged.results.iter().all(|result| result.compared > 0 && !result.note.is_empty()));
}

#[test]
fn each_damage_to_each_capability_is_told_by_its_own_check_with_the_item() {
    for capability in Capability::ALL {
        for (name, kind, damage) in DAMAGES {
            let mut now = healthy();
            let Some(Answer::Shown(items)) = now.by.get_mut(&capability) else { panic!("it is shown") };
            damage(items);
            let judged = judge(&healthy(), &now, &owed(), &[], None);
            let told = objecting(&judged);
            assert_eq!(told.keys().copied().collect::<Vec<_>>(), [capability.check()], "{capability} {name}");
            let found = &told[capability.check()];
            assert_eq!((found.len(), found[0].kind, found[0].count), (1, kind, 1), "{capability} {name}");
            assert_eq!(found[0].outcome, Outcome::Different);
            let item = if kind == Kind::Extra { "9" } else { "1" };
            assert_eq!(found[0].samples[0].item, item);
            assert_eq!(found[0].samples[0].source.is_some(), kind != Kind::Extra);
            assert_eq!(found[0].samples[0].target.is_some(), kind != Kind::Missing);
            assert!(found[0].message.contains("nothing that was found in the stores explains it"));
        }
        let mut now = healthy();
        now.by.insert(capability, Answer::Refused("status 400: no such field".into()));
        let judged = judge(&healthy(), &now, &BTreeMap::new(), &[], None);
        let told = objecting(&judged);
        assert_eq!(told[capability.check()][0].kind, Kind::Unusable, "{capability}");
        assert!(told[capability.check()][0].message.contains("status 400"), "{capability}");
    }
}

#[test]
fn what_was_never_shown_proves_nothing() {
    let mut before = healthy();
    before.by.insert(Capability::Forms, Answer::Shown(BTreeMap::new()));
    let judged = judge(&before, &healthy(), &owed(), &[], None);
    let told = objecting(&judged);
    assert_eq!(told[checks::APP_FORMS][0].outcome, Outcome::NotProven);
    let result = judged.results.iter().find(|result| result.check == checks::APP_FORMS);
    assert_eq!(result.map(|result| result.compared), Some(0));
    let none = not_asked("it does not answer", "look");
    assert!(none.iter().all(|result| result.findings[0].outcome == Outcome::NotProven));
    assert_eq!(none.len(), checks::APPLICATION.len());
}

#[test]
fn the_stores_finding_is_the_cause_and_one_that_nobody_sees_is_told_as_such() {
    let index = "operate-list-view-8.3.0_2026-11-21";
    let alias = Finding::data(checks::ES_ALIASES, Kind::Missing, index, "the alias is gone");
    let template = Finding::data(checks::ES_TEMPLATES, Kind::Missing, "tasklist-task-8.5.0_template", "gone");
    let mut now = healthy();
    let Some(Answer::Shown(items)) = now.by.get_mut(&Capability::Instances) else { panic!("it is shown") };
    items.remove("2");
    let judged = judge(&healthy(), &now, &owed(), &[template, alias], None);
    let told = objecting(&judged);
    assert_eq!(told.keys().copied().collect::<Vec<_>>(), [checks::APP_ACKNOWLEDGED, checks::APP_INSTANCES]);
    for finding in [&told[checks::APP_INSTANCES][0], &told[checks::APP_ACKNOWLEDGED][0]] {
        assert!(finding.message.ends_with("because elasticsearch/aliases: the alias is gone"), "{finding:?}");
        assert_eq!(finding.next, format!("mend what elasticsearch/aliases tells of {index}"));
    }
    let lost = &told[checks::APP_ACKNOWLEDGED][0];
    assert_eq!((lost.kind, lost.samples[0].item.as_str()), (Kind::LostWrite, "instance 2"));
    assert_eq!(judged.unseen.len(), 1);
    assert!(
        judged.unseen[0].starts_with("elasticsearch/templates of tasklist-task-8.5.0_template: people see")
    );
}

#[test]
fn what_ended_and_is_open_again_is_named_and_what_the_source_had_lost_is_not_blamed_on_the_migration() {
    let task = Thing { kind: ThingKind::Task, key: 2 };
    let owed = BTreeMap::from([(task, Promise::Completed)]);
    let completed = |answers: &mut Answers| {
        let Some(Answer::Shown(items)) = answers.by.get_mut(&Capability::Tasks) else {
            panic!("it is shown")
        };
        items.insert("2".into(), "taskState=COMPLETED".into());
    };
    let mut before = healthy();
    completed(&mut before);
    let told = objecting(&judge(&before, &healthy(), &owed, &[], None));
    let back = &told[checks::APP_ACKNOWLEDGED][0];
    assert_eq!((back.kind, back.samples[0].item.as_str()), (Kind::Extra, "task 2"));
    let told = objecting(&judge(&healthy(), &healthy(), &owed, &[], None));
    let old = &told[checks::APP_ACKNOWLEDGED];
    assert_eq!((old.len(), old[0].kind, old[0].outcome), (1, Kind::OldDirt, Outcome::NotProven));
    // A list that is refused leaves nobody the wiser.
    let mut now = healthy();
    now.by.insert(Capability::Tasks, Answer::Refused("status 500".into()));
    let told = objecting(&judge(&before, &now, &owed, &[], None));
    assert_eq!(told[checks::APP_ACKNOWLEDGED][0].outcome, Outcome::NotProven);
}

#[test]
fn what_an_importer_had_not_read_before_the_freeze_proves_nothing_and_what_is_gone_is_told_all_the_same() {
    let stuck =
        Stuck { index: "tasklist-list-view-8.6.0_".into(), field: "completionTime of type date".into() };
    let task = |key: &str| (key.to_owned(), "taskState=COMPLETED".to_owned());
    let with = |change: &dyn Fn(&mut BTreeMap<String, String>), list: Capability| {
        let mut now = healthy();
        let Some(Answer::Shown(items)) = now.by.get_mut(&list) else { panic!("it is shown") };
        change(items);
        objecting(&judge(&healthy(), &now, &BTreeMap::new(), &[], Some(&stuck)))[list.check()].clone()
    };
    let more = with(&|items| items.extend([task("7"), task("8")]), Capability::Tasks);
    assert_eq!((more[0].kind, more[0].count, more[0].outcome), (Kind::Extra, 2, Outcome::NotProven));
    assert!(more[0].message.contains("tasklist-list-view-8.6.0_"), "{}", more[0].message);
    let less = with(&|items| drop(items.remove("2")), Capability::Tasks);
    assert_eq!((less[0].kind, less[0].outcome), (Kind::Missing, Outcome::Different));
    // Another application's lists have nothing to do with it.
    let other = with(&|items| items.extend([task("7")]), Capability::Instances);
    assert_eq!(other[0].outcome, Outcome::Different);
}
