//! The environment of a cluster against a real one. Whole rehearsals are in the tests of the command; here is what they do not
//! meet: faults, other lives, and what the application's pods are seen to be. It takes minutes, so it waits for
//! `DRYDOCK_TEST_KIND=1`.

#[path = "support/at_engine.rs"]
mod at_engine;

use at_engine::{cleaned_away, obstacle, select, skip};
use drydock_core::scenario::EnvironmentName;
use drydock_environments::{Access, EmbeddedConfig, Keep, Kind, Side, Silent, Store, StoreSignal};
use drydock_stores::PostgresEndpoint;
use drydock_stores::endpoint::PostgresTls;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

fn config(dir: &Path, run_id: &str) -> EmbeddedConfig {
    let mut config = EmbeddedConfig::new(run_id, dir.join("run"));
    config.work_root = Some(dir.join("work"));
    // An Elasticsearch takes longer to start than all of this; the release cannot do without its own.
    config.target.elasticsearch = false;
    config.target.access = Access::Secured;
    config
}

/// What somebody does to the cluster by hand.
fn kubectl(kubeconfig: &Path, words: &[&str]) {
    let output = Command::new("kubectl")
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .args(["--namespace", "camunda"])
        .args(words)
        .output()
        .unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_keeps_its_data_through_faults_and_lives_and_leaves_nothing() {
    drydock_stores::net::init();
    let dir = tempfile::tempdir().unwrap();
    let run_id = format!("test-kind-{}", std::process::id());
    let config = config(dir.path(), &run_id);
    if std::env::var_os("DRYDOCK_TEST_KIND").is_none() {
        return skip("a cluster", "DRYDOCK_TEST_KIND is not set");
    }
    if let Some(why) = obstacle(EnvironmentName::Kind, &config).await {
        return skip("a cluster", &why);
    }
    let mut environment = Kind::start(config.clone(), Arc::new(Silent)).await.unwrap();
    let (source, target) =
        (environment.postgres(Side::Source).unwrap(), environment.postgres(Side::Target).unwrap());
    let session = drydock_stores::postgres::connect(&source, "postgres", "drydock-test").await.unwrap();
    session.batch_execute("CREATE TABLE public.kept AS SELECT 42 AS answer").await.unwrap();
    // Nobody comes in unencrypted, with the right password or not.
    assert_eq!(select(&target, "SELECT 1").await, Ok(1));
    let bare = PostgresEndpoint { tls: PostgresTls::Off, ..target.clone() };
    assert!(select(&bare, "SELECT 1").await.is_err());

    pods_stop_and_come_back(&environment).await;
    what_goes_wrong_is_seen_and_mended(&environment).await;

    // A store that stands still is silent and then goes on; a killed one is started again on its data and its port.
    environment.signal(Side::Source, Store::Postgres, StoreSignal::Stop).await.unwrap();
    let waited = tokio::time::timeout(Duration::from_secs(1), session.query_one("SELECT 1", &[])).await;
    assert!(waited.is_err(), "a store that stands still answered");
    environment.signal(Side::Source, Store::Postgres, StoreSignal::Continue).await.unwrap();
    assert_eq!(select(&source, "SELECT answer FROM public.kept").await, Ok(42));
    environment.process(Side::Source, Store::Postgres).unwrap().kill().await.unwrap();
    assert!(session.query_one("SELECT 1", &[]).await.is_err(), "a killed store goes on");
    environment.restart(Side::Source, Store::Postgres).await.unwrap();
    assert_eq!(select(&source, "SELECT answer FROM public.kept").await, Ok(42));

    // Another life finds the data where they were, behind the same doors.
    environment.stop(Keep::Data).await.unwrap();
    let mut environment = Kind::reattach(config.clone(), Arc::new(Silent)).await.unwrap().unwrap();
    let again = environment.postgres(Side::Source).unwrap();
    assert_eq!(again.port, source.port);
    assert_eq!(select(&again, "SELECT answer FROM public.kept").await, Ok(42));
    assert_eq!(select(&environment.postgres(Side::Target).unwrap(), "SELECT 1").await, Ok(1));
    assert!(select(&bare, "SELECT 1").await.is_err());

    // A store that is ended in good order stays ended, and only then its volume can go.
    assert!(environment.remove_data(Side::Target, Store::Postgres).await.is_err());
    environment.signal(Side::Target, Store::Postgres, StoreSignal::Interrupt).await.unwrap();
    for _ in 0..300 {
        if !environment.is_running(Side::Target, Store::Postgres).await.unwrap() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    environment.remove_data(Side::Target, Store::Postgres).await.unwrap();
    assert!(!environment.has_data(Side::Target, Store::Postgres));

    // Kept running, it is what a killed run leaves: the lock goes with the owner.
    environment.stop(Keep::Running).await.unwrap();
    let names = cleaned_away(&config).await;
    assert!(names.contains("-control-plane") && names.contains("network drydock-test-kind"), "{names}");
    assert!(select(&source, "SELECT 1").await.is_err(), "the cluster is left");
    assert!(Kind::reattach(config, Arc::new(Silent)).await.unwrap().is_none());
}

/// Each fault of a cluster, by what it changes, and that nothing of it is left once it was mended.
async fn what_goes_wrong_is_seen_and_mended(environment: &Kind) {
    let (kubeconfig, faults) = (environment.kubeconfig().to_owned(), environment.faults().unwrap());
    let silent = async |side| -> Vec<String> {
        let answers = environment.answers(side).await.unwrap().unwrap();
        assert!(!answers.is_empty(), "nobody was asked");
        answers.into_iter().filter(|a| a.silent.is_some()).map(|a| a.address).collect()
    };
    environment.start_applications(Side::Source).await.unwrap();
    let answers = environment.answers(Side::Source).await.unwrap().unwrap();
    assert!(answers.iter().all(|a| a.silent.is_none()) && answers.len() >= 2, "{answers:?}");
    assert!(answers.iter().any(|a| a.applications.iter().any(|w| w.contains("operate"))), "{answers:?}");
    assert_eq!(silent(Side::Target).await, Vec::<String>::new(), "behind TLS as well");
    // A store that stands still goes on accepting connections.
    environment.signal(Side::Source, Store::Postgres, StoreSignal::Stop).await.unwrap();
    let postgres = silent(Side::Source).await;
    environment.signal(Side::Source, Store::Postgres, StoreSignal::Continue).await.unwrap();
    assert!(!postgres.is_empty() && postgres.iter().all(|a| a.starts_with("postgresql://")), "{postgres:?}");
    faults.lead_astray(Side::Target, Store::Postgres).await.unwrap();
    assert_eq!(silent(Side::Target).await, ["postgresql://target-pg.targets.svc.cluster.local:5432"]);
    assert_eq!(
        select(&environment.postgres(Side::Target).unwrap(), "SELECT 1").await,
        Ok(1),
        "pods are as they were"
    );

    // A controller that brings an application back is seen as long as it lasts, and afterwards.
    environment.stop_applications().await.unwrap();
    let then = environment.resting().await.unwrap();
    assert!(then.pods.is_empty() && then.workloads.values().all(|w| w.replicas == 0), "{then:?}");
    assert_eq!(environment.resting().await.unwrap(), then);
    let told = faults.scale_back_up(3).await.unwrap();
    let name = told.split(',').next().unwrap().to_owned();
    let during = environment.resting().await.unwrap();
    assert!(during.workloads[&name].replicas > 0 && !during.pods.is_empty(), "{told}: {during:?}");
    kubectl(&kubeconfig, &["scale", &name, "--replicas=0"]);
    let after = environment.resting().await.unwrap();
    assert_ne!(after.workloads[&name].mark, then.workloads[&name].mark, "{told}");

    // An API server that is away is waited for by everybody, also by helm; a node that takes no pods is the surroundings'.
    faults.hold_api_server().await.unwrap();
    let away = async {
        tokio::time::sleep(Duration::from_secs(15)).await;
        faults.let_api_server_go_on().await.unwrap();
    };
    let (started, ()) = tokio::join!(environment.start_applications(Side::Source), away);
    assert!(started.unwrap().replicas.values().all(|replicas| *replicas > 0));
    assert!(faults.longest_wait() >= Duration::from_secs(10));
    faults.cordon(true).await.unwrap();
    let pod = faults.kill_application_pod(5).await.unwrap();
    let pending = environment.start_applications(Side::Source).await.unwrap_err();
    assert!(pending.what.contains("no node takes it"), "{pod}: {pending:?}");
    faults.mend().await.unwrap();
    environment.start_applications(Side::Source).await.unwrap();
}

/// A freeze, a switch, and a way back, with what somebody does by hand in between.
async fn pods_stop_and_come_back(environment: &Kind) {
    let kubeconfig = environment.kubeconfig().to_owned();
    let before = environment.describe().await.unwrap();
    assert!(before.pods.values().all(|p| p.ready && p.outdated.is_empty()), "{before:?}");
    assert!(before.secrets.contains_key("camunda-identity-postgresql"), "{before:?}");
    assert!(before.claims["data-camunda-zeebe-0"].phase == "Bound", "{before:?}");
    // A count that is not the chart's has to come back as well.
    kubectl(&kubeconfig, &["scale", "deployment/camunda-tasklist", "--replicas=2"]);
    let stopped = environment.stop_applications().await.unwrap();
    assert_eq!(stopped.left, Vec::<String>::new());
    assert_eq!(stopped.replicas["deployment/camunda-tasklist"], 2);
    assert!(environment.describe().await.unwrap().pods.is_empty());
    // Stopped a second time, they are not noted as none.
    assert_eq!(environment.stop_applications().await.unwrap().replicas, stopped.replicas);
    let started = environment.start_applications(Side::Target).await.unwrap();
    assert_eq!(started.replicas, stopped.replicas);
    let on_target = environment.describe().await.unwrap();
    assert_eq!((&on_target.claims, &on_target.secrets), (&before.claims, &before.secrets));
    assert!(on_target.hosts["deployment/camunda-operate"][0] == "target-es", "{on_target:?}");
    assert_eq!(before.hosts["deployment/camunda-operate"], ["camunda-elasticsearch"]);

    // A pod that is ending counts, for as long as it is there.
    let held = on_target.pods.iter().find(|(_, p)| p.workload == "deployment/camunda-operate").unwrap().0;
    let hold = |on: bool| {
        let patch = if on {
            r#"{"metadata":{"finalizers":["drydock.test/hold"]}}"#
        } else {
            r#"{"metadata":{"finalizers":null}}"#
        };
        kubectl(&kubeconfig, &["patch", "pod", held.as_str(), "--type=merge", "--patch", patch]);
    };
    hold(true);
    let stopped = environment.stop_applications().await.unwrap();
    assert!(stopped.left.len() == 1 && stopped.left[0].contains("ending since"), "{stopped:?}");
    hold(false);
    let back = environment.start_applications(Side::Source).await.unwrap();
    assert_eq!(back.replicas, stopped.replicas);
    let now = environment.describe().await.unwrap();
    assert_eq!(now.hosts, before.hosts);

    // What the checks have to tell is seen.
    kubectl(&kubeconfig, &["scale", "deployment/camunda-operate", "--replicas=0"]);
    kubectl(&kubeconfig, &["delete", "secret", "camunda-postgresql-web-modeler"]);
    let changed = environment.describe().await.unwrap();
    assert_eq!(changed.replicas["deployment/camunda-operate"], 0);
    assert!(!changed.secrets.contains_key("camunda-postgresql-web-modeler"));
}
