//! What a way back may do to each kind of thing, planted in what the source shows: told with its key and its exact number, and
//! blamed on whom it is due to.

use super::*;
use crate::capability::Capability;
use crate::deeds::{ThingKind, What};
use drydock_core::finding::{Class, Outcome};
use serde_json::json;

const SWITCHED: u64 = 1_000;
const CLOSED: u64 = 61_000;

fn deed(ms: u64, what: What, key: i64, instance: Option<i64>) -> Deed {
    Deed { what, key, instance, ms }
}

/// Instance 1 with the tasks 10 to 12, all of before the cutover; on the target task 10 is completed, 11 claimed, instance 2
/// cancelled, and instance 3 started, whose task 30 is completed.
fn deeds() -> Vec<Deed> {
    let claimed = || What::TaskClaimed { assignee: "ann".into() };
    vec![
        deed(10, What::InstanceStarted, 1, None),
        deed(20, What::TaskClaimed { assignee: "bob".into() }, 12, Some(1)),
        deed(30, What::InstanceStarted, 2, None),
        deed(1_000, What::InstanceStarted, 3, None),
        deed(2_000, claimed(), 10, Some(1)),
        deed(2_100, What::TaskCompleted, 10, Some(1)),
        deed(3_000, claimed(), 11, Some(1)),
        deed(4_000, What::InstanceCancelled, 2, None),
        deed(5_000, claimed(), 30, Some(3)),
        deed(5_100, What::TaskCompleted, 30, Some(3)),
    ]
}

fn answers(instances: &[(i64, &str)], tasks: &[(i64, &str)]) -> Answers {
    let of = |items: &[(i64, &str)]| {
        Answer::Shown(items.iter().map(|(key, told)| (key.to_string(), (*told).to_owned())).collect())
    };
    Answers { by: [(Capability::Instances, of(instances)), (Capability::Tasks, of(tasks))].into() }
}

/// What the source showed when it was frozen, and shows again where nothing was exported once more.
fn frozen() -> Answers {
    let open = "taskState=CREATED";
    answers(
        &[(1, "state=ACTIVE"), (2, "state=ACTIVE")],
        &[(10, open), (11, open), (12, "taskState=CREATED assignee=bob")],
    )
}

/// The same, and everything that was done on the target: all of it was exported once more.
fn sent_again() -> Answers {
    let done = "taskState=COMPLETED assignee=ann";
    answers(
        &[(1, "state=ACTIVE"), (2, "state=CANCELED"), (3, "state=COMPLETED")],
        &[
            (10, done),
            (11, "taskState=CREATED assignee=ann"),
            (12, "taskState=CREATED assignee=bob"),
            (30, done),
        ],
    )
}

fn returned(now: &Answers) -> Returned {
    Returned::of(&deeds(), SWITCHED, &frozen(), now)
}

fn judged(now: &Answers) -> CheckResult {
    judge(&returned(now), &Budgets::default(), CLOSED)
}

/// Kind, subject, outcome, number and items of each finding.
fn told(result: &CheckResult) -> Vec<(Kind, &str, Outcome, u64, Vec<&str>)> {
    let mut told = Vec::new();
    for finding in &result.findings {
        let items: Vec<&str> = finding.samples.iter().map(|sample| sample.item.as_str()).collect();
        assert_eq!(finding.count, items.len() as u64, "each of them is named");
        told.push((finding.kind, finding.subject.as_str(), finding.outcome, finding.count, items));
    }
    told
}

/// What is told where nothing was exported once more.
fn all_undone(outcome: Outcome) -> Vec<(Kind, &'static str, Outcome, u64, Vec<&'static str>)> {
    let of = |kind, items: Vec<&'static str>| (kind, "on the target", outcome, items.len() as u64, items);
    vec![
        of(Kind::LostWrite, vec!["instance 3", "task 30"]),
        of(Kind::Extra, vec!["instance 2", "task 10"]),
        of(Kind::Stale, vec!["task 11"]),
    ]
}

fn remove(answers: &mut Answers, list: Capability, key: i64) {
    let Some(Answer::Shown(items)) = answers.by.get_mut(&list) else { panic!("it is shown") };
    assert!(items.remove(&key.to_string()).is_some());
}

fn show(answers: &mut Answers, list: Capability, key: i64, told: &str) {
    let Some(Answer::Shown(items)) = answers.by.get_mut(&list) else { panic!("it is shown") };
    items.insert(key.to_string(), told.to_owned());
}

#[test]
fn what_was_exported_once_more_is_kept_and_nothing_objects() {
    let result = judged(&sent_again());
    assert!(result.findings.is_empty(), "{:?}", result.findings);
    // Instances 1 to 3 and the tasks 10, 11, 30; task 12 is of before alone.
    assert_eq!(result.compared, 7);
    assert!(
        result
            .note
            .starts_with("of 6 things acknowledged on the target 6 are kept, 0 lost, 0 open again and 0 as")
    );
    assert!(result.note.ends_with("; 1 of before the cutover alone"), "{}", result.note);
}

#[test]
fn where_nothing_is_exported_once_more_each_thing_is_lost_open_again_or_as_it_was() {
    let result = judged(&frozen());
    assert_eq!(told(&result), all_undone(Outcome::Different));
    assert!(result.findings.iter().all(|f| f.class == Class::Access && f.next.contains(LIST)));
    assert!(
        result
            .note
            .starts_with("of 6 things acknowledged on the target 1 are kept, 2 lost, 2 open again and 1 as"),
        "{}",
        result.note
    );
    let stale = &result.findings[2];
    assert_eq!(stale.samples[0].target.as_deref(), Some("claimed by ann, shown as of nobody"));
}

#[test]
fn one_thing_more_or_less_changes_its_number_by_one() {
    for (list, key, as_done, kind) in [
        (Capability::Instances, 3, "state=ACTIVE", Kind::LostWrite),
        (Capability::Tasks, 30, "taskState=COMPLETED", Kind::LostWrite),
        (Capability::Instances, 2, "state=CANCELED", Kind::Extra),
        (Capability::Tasks, 10, "taskState=COMPLETED", Kind::Extra),
        (Capability::Tasks, 11, "taskState=CREATED assignee=ann", Kind::Stale),
    ] {
        let mut now = frozen();
        show(&mut now, list, key, as_done);
        let number =
            |result: &CheckResult| result.findings.iter().find(|f| f.kind == kind).map_or(0, |f| f.count);
        assert_eq!(number(&judged(&now)) + 1, number(&judged(&frozen())), "{kind:?} {key}");
        assert_eq!(returned(&now).kept, 2, "{kind:?} {key}");
    }
    // One lost that was completed: it is lost, not open again.
    let mut now = sent_again();
    remove(&mut now, Capability::Tasks, 30);
    assert_eq!(
        told(&judged(&now)),
        [(Kind::LostWrite, "on the target", Outcome::Different, 1, vec!["task 30"])]
    );
}

#[test]
fn what_the_source_showed_at_the_freeze_has_to_be_there_whatever_the_budget_allows() {
    let all = Budgets { rpo_items: Some(1_000), ..Budgets::default() };
    for (list, key, item) in [
        (Capability::Instances, 1, "instance 1"),
        // Of before the cutover alone.
        (Capability::Tasks, 12, "task 12"),
        // Acted on on the target only, and shown at the freeze: the way back explains that it is open, not that it is gone.
        (Capability::Tasks, 10, "task 10"),
    ] {
        let mut now = frozen();
        remove(&mut now, list, key);
        let result = judge(&returned(&now), &all, CLOSED);
        let gone = (Kind::LostWrite, "before the cutover", Outcome::Different, 1, vec![item]);
        let told = told(&result);
        let red: Vec<_> = told.iter().filter(|t| t.2 == Outcome::Different).collect();
        assert_eq!(red, [&gone]);
    }
    // A claim of before that is undone is no work of the target either.
    let mut now = frozen();
    show(&mut now, Capability::Tasks, 12, "taskState=CREATED");
    let result = judge(&returned(&now), &all, CLOSED);
    assert!(told(&result).contains(&(
        Kind::Stale,
        "before the cutover",
        Outcome::Different,
        1,
        vec!["task 12"]
    )));
}

#[test]
fn what_the_source_did_not_show_at_the_freeze_either_is_nobodys_loss_and_proves_nothing() {
    let (mut before, mut now) = (frozen(), sent_again());
    remove(&mut before, Capability::Tasks, 12);
    remove(&mut now, Capability::Tasks, 12);
    let returned = Returned::of(&deeds(), SWITCHED, &before, &now);
    let result = judge(&returned, &Budgets::default(), CLOSED);
    assert_eq!(told(&result), [(Kind::OldDirt, "source", Outcome::NotProven, 1, vec!["task 12"])]);
}

#[test]
fn a_budget_says_what_the_targets_work_is_worth_by_number_and_by_age() {
    let budget = |allowed: serde_json::Value| serde_json::from_value::<Budgets>(allowed).unwrap();
    // Five things, the oldest of them a minute before the target was closed.
    for (budgets, outcome, class) in [
        (budget(json!({"rpo_items": 5})), Outcome::Expected, Class::Access),
        (budget(json!({"rpo_items": 4})), Outcome::Different, Class::Budget),
        (budget(json!({"rpo": "60s"})), Outcome::Expected, Class::Access),
        (budget(json!({"rpo": "59s"})), Outcome::Different, Class::Budget),
        (budget(json!({"rpo_items": 5, "rpo": "59s"})), Outcome::Different, Class::Budget),
    ] {
        let result = judge(&returned(&frozen()), &budgets, CLOSED);
        assert_eq!(told(&result), all_undone(outcome), "{budgets:?}");
        assert!(result.findings.iter().all(|f| f.class == class), "{budgets:?}");
    }
}

#[test]
fn a_list_that_is_refused_and_a_run_without_people_prove_nothing() {
    let mut refused = sent_again();
    refused.by.insert(Capability::Tasks, Answer::Refused("status 500".into()));
    let result = judged(&refused);
    assert_eq!(result.findings[0].outcome, Outcome::NotProven);
    assert_eq!((result.findings[0].count, result.compared), (4, 3));
    let nobody = judge(&Returned::default(), &Budgets::default(), CLOSED);
    assert_eq!((nobody.compared, nobody.findings[0].outcome), (0, Outcome::NotProven));
}

#[test]
fn a_way_back_before_the_switch_loses_nothing_of_the_target() {
    let closed = Returned::of(&deeds()[..3], u64::MAX, &frozen(), &frozen());
    assert_eq!((closed.on_target, closed.on_source, closed.broken.len()), (0, 3, 0));
}

#[test]
fn the_list_names_each_by_kind_and_key_and_tells_to_whom_it_is_due() {
    let list = returned(&frozen()).broken;
    let line = |key| {
        let broken = list.iter().find(|b: &&Broken| b.thing.key == key).unwrap();
        serde_json::to_string(broken).unwrap()
    };
    assert_eq!(line(3), r#"{"kind":"instance","key":3,"fate":"lost","due":"way_back","ms":1000}"#);
    assert_eq!(
        line(11),
        r#"{"kind":"task","key":11,"fate":{"behind":"claimed by ann, shown as of nobody"},"due":"way_back","ms":3000}"#
    );
    assert_eq!(list.iter().find(|b| b.thing.key == 10).unwrap().thing.kind, ThingKind::Task);
}
