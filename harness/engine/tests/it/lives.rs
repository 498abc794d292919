//! It starts, people work in it, it shows what it showed when it is started again, and nothing of it is left.

use crate::processes::processes_of;
use crate::support::{Notes, SETTLE, START, asked, config, open_directory};
use drydock_engine::compare::compare;
use drydock_engine::deeds::{Deeds, promises, read};
use drydock_engine::fate::fates;
use drydock_engine::{Answers, Capability, Doors, Pace, Session, Worker};
use drydock_environments::{Camunda, CamundaConfig, Embedded, Environment, Keep, Progress, Side, clean};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_work_in_it_and_find_everything_again_after_a_restart() {
    if !asked("work in a real Camunda") {
        return;
    }
    let dir = open_directory();
    let run_id = format!("test-camunda-{}", std::process::id());
    let wanted = CamundaConfig { archive_after: Some(Duration::from_secs(15)), ..CamundaConfig::default() };
    let notes = Notes(Instant::now());
    let embedded =
        Embedded::start(config(dir.path(), &run_id, &wanted), Arc::new(Notes(notes.0))).await.unwrap();
    let environment = Environment::from(embedded);

    let camunda = Camunda::start(&environment, Side::Source, &wanted, &notes).await.unwrap();
    println!("{} ({}), {}", camunda.version(), camunda.obtained(), camunda.deviations());
    let session = Arc::new(Session::open(Doors::one(&camunda.addresses().gateway), START).await.unwrap());
    notes.note("works");
    let log = dir.path().join("deeds.jsonl");
    let deeds = Arc::new(Deeds::open(&log).unwrap());
    let pace = Pace { instances_per_second: 4.0, most: Some(100), first: 0 };
    let worker = Worker::begin(Arc::clone(&session), deeds, notes.0, pace).await.unwrap();
    tokio::time::sleep(Duration::from_secs(45)).await;
    let done = worker.stop().await.unwrap();
    notes.note(&format!("{done:?}"));
    assert_eq!(done.unheard, 0, "nothing was disturbed");
    assert!(done.started > 50, "{done:?}");

    let (before, questions) = Answers::settled(&session, None, SETTLE).await.unwrap();
    notes.note("settled");
    for capability in Capability::ALL {
        let answer = &before.by[&capability];
        let items = answer.items().unwrap_or_else(|| panic!("{capability}: {answer:?}"));
        println!("{capability}: {} ({:?})", items.len(), items.iter().next());
        assert!(!items.is_empty(), "{capability} shows nothing");
    }
    let owed = promises(&read(&log, u64::MAX).unwrap());
    let found = fates(&owed, &before);
    assert!(found.broken.is_empty() && found.unknown.is_empty(), "{:?}", found.broken);
    assert!(found.kept > done.started, "{found:?}");

    camunda.stop().await.unwrap();
    let camunda = Camunda::start(&environment, Side::Source, &wanted, &notes).await.unwrap();
    let session = Session::open(Doors::one(&camunda.addresses().gateway), START).await.unwrap();
    let (now, _) = Answers::settled(&session, Some(questions.for_another()), SETTLE).await.unwrap();
    let same = compare(&before, &now);
    assert!(
        same.differences.is_empty(),
        "{:?}",
        same.differences.iter().map(|d| d.text()).collect::<Vec<_>>()
    );
    assert!(same.not_compared.is_empty(), "{:?}", same.not_compared);
    notes.note(&format!("{} items are the same", same.compared));

    camunda.stop().await.unwrap();
    environment.stop(Keep::Nothing).await.unwrap();
    assert_eq!(processes_of(&run_id), Vec::<u32>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_run_left_of_it_is_removed() {
    if !asked("clean up after a real Camunda") {
        return;
    }
    let dir = open_directory();
    let run_id = format!("test-camunda-dead-{}", std::process::id());
    let wanted = CamundaConfig { heap_mib: 256, partitions: 1, ..CamundaConfig::default() };
    let notes = Notes(Instant::now());
    let embedded =
        Embedded::start(config(dir.path(), &run_id, &wanted), Arc::new(Notes(notes.0))).await.unwrap();
    let environment = Environment::from(embedded);
    let camunda = Camunda::start(&environment, Side::Source, &wanted, &notes).await.unwrap();
    let pid = camunda.pid().unwrap();
    assert!(processes_of(&run_id).contains(&pid));
    // As a process that is killed leaves them: running, with nobody who holds the lock.
    std::mem::forget(camunda);
    environment.stop(Keep::Running).await.unwrap();
    let work = dir.path().join("work");
    let left = clean::leftovers(Some(&work)).unwrap();
    assert!(left.found[0].processes.iter().any(|(found, _)| *found == pid), "{left:?}");
    let cleaned = clean::clean(Some(&work)).unwrap();
    assert!(cleaned.failed.is_empty() && cleaned.removed.len() == 1, "{cleaned:?}");
    assert_eq!(processes_of(&run_id), Vec::<u32>::new());
    assert!(!work.join(&run_id).exists());
}
