//! Migrated values that are written: faithful, complete, and the same when written again.

use drydock_helm::values::{ChartKeys, Road, Supplied, Version, propose};

fn written(texts: &[&str]) -> Vec<String> {
    let files: Vec<_> =
        texts.iter().enumerate().map(|(i, t)| (format!("{i}.yaml"), (*t).to_owned())).collect();
    let road = Road::between("12.13.3", "13.12.7").unwrap();
    let key = |v: &str| ChartKeys::shipped(&Version::parse(v).unwrap());
    let (from, to) = (key("12.13.3"), key("13.12.7"));
    let proposal = propose(&files, &road, from.as_ref(), to.as_ref()).unwrap_or_else(|e| panic!("{e}"));
    proposal.files.into_iter().map(|(_, text)| text).collect()
}

fn value(text: &str, path: &str) -> serde_json::Value {
    let all = Supplied::read(&[("x".into(), text.to_owned())], &[]).unwrap();
    all.value(&drydock_helm::values::Path::parse(path)).unwrap_or_default()
}

#[test]
fn comments_and_order_survive_and_blocks_move() {
    let text = "# production\nglobal:\n  ingress: {enabled: true, host: h}\n\n# brokers\nzeebe: # three of them\n  # odd is best\n  clusterSize: \"3\" # raft\n  service:\n    httpPort: 9601\n  env:\n    # noisy\n    - name: A\n      value: \"1\"\nzeebeGateway:\n  env:\n  - name: ZEEBE_GATEWAY_X\n    value: y\n  replicas: 3 # two are enough\noperate:\n  enabled: false\n";
    let out = &written(&[text])[0];
    println!("{out}");
    for kept in [
        "# production\n",
        "# brokers\norchestration: # three of them\n",
        "# odd is best\n",
        "clusterSize: \"3\" # raft",
        "# noisy\n",
        "replicas: 3 # two are enough",
    ] {
        assert!(out.contains(kept), "{kept} is lost in:\n{out}");
    }
    assert_eq!(value(out, "orchestration.service.managementPort"), 9601);
    assert_eq!(value(out, "orchestration.profiles.operate"), false);
    assert_eq!(value(out, "orchestration.env")[1]["name"], "ZEEBE_BROKER_GATEWAY_X");
    assert!(!out.contains("\nzeebe:") && !out.contains("\noperate:"));
}

#[test]
fn anchors_survive_and_are_resolved_where_they_must() {
    let text = "x-common: &c\n  podLabels: {team: a}\nzeebe:\n  env: &e\n    - {name: A, value: b}\n  podLabels: {x: y}\noptimize:\n  env: *e\noperate:\n  <<: *c\n  env: *e\n";
    let out = &written(&[text])[0];
    println!("{out}");
    assert_eq!(value(out, "optimize.env")[0]["name"], "A");
    assert_eq!(value(out, "orchestration.env")[0]["name"], "A");
    assert!(out.contains("operate.podLabels.team"), "a key without a place is kept as a comment");
}

#[test]
fn a_block_that_is_filled_and_one_that_stays_are_one() {
    for text in [
        "global:\n  multitenancy:\n    enabled: true\nidentity:\n  clients: [{name: a}] # ours\n",
        "postgresql:\n  enabled: true\nwebModelerPostgresql:\n  auth: {username: me}\n",
        "zeebe:\n  clusterSize: \"3\"\norchestration:\n  partitionCount: \"3\"\n",
    ] {
        let out = &written(&[text])[0];
        assert!(Supplied::read(&[("x".into(), out.clone())], &[]).unwrap().surprises.is_empty(), "{out}");
        assert_eq!(&written(&[out])[0], out);
        assert_eq!(text.contains("# ours"), out.contains("# ours"));
    }
}

#[test]
fn lists_of_several_files_are_joined() {
    let out = written(&[
        "zeebe:\n  env:\n  - {name: A, value: a}\n",
        "operate:\n  env:\n  - {name: B, value: b}\n",
    ]);
    let files: Vec<_> = out.iter().enumerate().map(|(i, t)| (i.to_string(), t.clone())).collect();
    let all = Supplied::read(&files, &[]).unwrap();
    let env = all.value(&drydock_helm::values::Path::parse("orchestration.env")).unwrap();
    assert_eq!(env.as_array().unwrap().len(), 2, "{out:?}");
}

#[test]
fn the_whole_old_chart_as_values_is_written_and_again() {
    let Some(folder) = std::env::var_os("DRYDOCK_TEST_CHARTS") else {
        println!("SKIP DRYDOCK_TEST_CHARTS names no folder of charts");
        return;
    };
    let text = std::fs::read_to_string(std::path::Path::new(&folder).join("12.13.3/values.yaml")).unwrap();
    let once = &written(&[&text])[0];
    let twice = &written(&[once])[0];
    assert_eq!(value(once, ""), value(twice, ""));
}
