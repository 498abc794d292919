//! Values, objects, staging, migration and the upgrade path on the command line.

use crate::support::{drydock, folder, root, text};
use std::fs;
use std::path::PathBuf;

fn case(name: &str) -> PathBuf {
    root().join("fixtures/helm/objects/case-study").join(format!("{name}.yaml"))
}

#[test]
fn values_are_judged_written_and_then_green() {
    let folder = folder();
    let old = "# production\nzeebe:\n  clusterSize: \"5\"\n  service:\n    httpPort: 9601\noperate: {enabled: false}\n";
    fs::write(folder.path().join("old.yaml"), old).expect("write");
    let versions = ["--chart-from", "12.13.3", "--chart-to", "13.12.7"];
    let red = drydock(folder.path())
        .args([
            "verify", "values", "--from", "old.yaml", "--write", "new.yaml", "--sarif", "s.json", "--junit",
            "j.xml",
        ])
        .args(versions)
        .output()
        .expect("it runs");
    let told = text(&red);
    assert_eq!(red.status.code(), Some(1), "{told}");
    assert!(
        told.contains("old.yaml:5:5  zeebe.service.httpPort -> orchestration.service.managementPort"),
        "{told}"
    );
    let sarif: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.path().join("s.json")).expect("sarif")).expect("JSON");
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    let place = results
        .iter()
        .find(|r| r["properties"]["subject"] == "zeebe.service.httpPort")
        .map(|r| r["locations"][0]["physicalLocation"].clone())
        .expect("the key is told");
    assert_eq!(place["artifactLocation"]["uri"], "old.yaml");
    assert_eq!(
        (place["region"]["startLine"].as_u64(), place["region"]["startColumn"].as_u64()),
        (Some(5), Some(5))
    );
    assert!(fs::read_to_string(folder.path().join("j.xml")).expect("junit").contains("values-keys"));
    let green = drydock(folder.path())
        .args(["verify", "values", "--from", "old.yaml", "--to", "new.yaml", "--json"])
        .args(versions)
        .output()
        .expect("it runs");
    assert_eq!(green.status.code(), Some(0), "{}", text(&green));
    let report: serde_json::Value =
        serde_json::from_slice(&green.stdout).expect("JSON on standard output alone");
    let keys = report["keys"].as_array().expect("keys");
    assert!(
        keys.iter().any(|k| k["key"] == "operate.enabled" && k["to"][0] == "orchestration.profiles.operate")
    );
}

#[test]
fn several_files_and_the_command_line_are_all_written() {
    let folder = folder();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("write");
    write("a.yaml", "zeebe:\n  clusterSize: \"3\"\n  env:\n    - {name: A, value: a}\n");
    write("b.yaml", "operate:\n  env:\n    - {name: B, value: b}\n");
    let versions = ["--chart-from", "12.13.3", "--chart-to", "13.12.7"];
    let old = ["--from", "a.yaml", "--from", "b.yaml", "--set", "zeebe.clusterSize=5"];
    let written = drydock(folder.path())
        .args(["verify", "values", "--write", "new"])
        .args(old)
        .args(versions)
        .output()
        .expect("it runs");
    assert_eq!(written.status.code(), Some(1), "{}", text(&written));
    let set = fs::read_to_string(folder.path().join("new/03-set.yaml")).expect("what was set is written");
    assert!(set.contains("clusterSize: ") && set.contains("orchestration"), "{set}");
    let green = drydock(folder.path())
        .args(["verify", "values"])
        .args(old)
        .args(["--to", "new/01-a.yaml", "--to", "new/02-b.yaml", "--to", "new/03-set.yaml"])
        .args(versions)
        .output()
        .expect("it runs");
    assert_eq!(green.status.code(), Some(0), "{}", text(&green));
}

#[test]
fn values_that_are_no_yaml_are_wrong_usage_with_a_place() {
    let folder = folder();
    fs::write(folder.path().join("bad.yaml"), "zeebe:\n  env: [{name: A\n").expect("write");
    let output = drydock(folder.path())
        .args(["verify", "values", "--from", "bad.yaml", "--chart-from", "12.x", "--chart-to", "13.x"])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("bad.yaml:2:"), "{}", text(&output));
}

#[test]
fn objects_red_for_the_broken_move_and_green_for_the_right_one() {
    let folder = folder();
    for (after, code) in [("restored", 1), ("repaired", 0), ("production", 0)] {
        let output = drydock(folder.path())
            .args(["verify", "objects", "--before"])
            .arg(case("production"))
            .arg("--after")
            .arg(case(after))
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(code), "{after}: {}", text(&output));
    }
    let staging = drydock(folder.path())
        .args(["verify", "staging", "--staging"])
        .arg(case("staging"))
        .arg("--production")
        .arg(case("production"))
        .output()
        .expect("it runs");
    assert_eq!(staging.status.code(), Some(3), "{}", text(&staging));
}

#[test]
fn topologies_and_importers_are_judged_from_saved_answers() {
    let folder = folder();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("write");
    let topology = |role: &str| {
        format!(
            r#"{{"clusterSize": 2, "partitionsCount": 1, "replicationFactor": 2, "brokers": [
            {{"nodeId": 0, "partitions": [{{"partitionId": 1, "role": "leader", "health": "healthy"}}]}},
            {{"nodeId": 1, "partitions": [{{"partitionId": 1, "role": "{role}", "health": "healthy"}}]}}]}}"#
        )
    };
    write("whole.json", &topology("follower"));
    write("split.json", &topology("leader"));
    for (files, code) in [(["whole.json", "whole.json"], 0), (["whole.json", "split.json"], 1)] {
        let output = drydock(folder.path())
            .args(["verify", "topology", "--file", files[0], "--file", files[1]])
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(code), "{}", text(&output));
    }
    for (done, code) in [("true", 0), ("false", 1)] {
        write(
            "p.json",
            &format!(
                r#"{{"hits": {{"hits": [{{"_id": "1-job", "_source": {{"partitionId": 1, "completed": {done}}}}}]}}}}"#
            ),
        );
        let output = drydock(folder.path())
            .args(["verify", "migration", "--positions", "p.json", "--partitions", "1"])
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(code), "{}", text(&output));
    }
    let nobody = drydock(folder.path())
        .args(["verify", "topology", "--address", "http://user:hunter2@127.0.0.1:1"])
        .output()
        .expect("it runs");
    assert_eq!(nobody.status.code(), Some(5), "{}", text(&nobody));
    assert!(!text(&nobody).contains("hunter2"), "{}", text(&nobody));
}

#[test]
fn a_cluster_that_cannot_be_reached_is_no_finding() {
    let folder = folder();
    let output = drydock(folder.path())
        .args(["verify", "objects", "--before-context", "no-such-context", "--after"])
        .arg(case("production"))
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(5), "{}", text(&output));
    assert!(text(&output).contains("no-such-context"), "{}", text(&output));
}

#[test]
fn the_migration_metric_and_the_upgrade_path() {
    let folder = folder();
    fs::write(folder.path().join("m.txt"), "camunda_migration_processes_migrated_total 7\n").expect("write");
    for (documents, code) in [("7", 0), ("8", 1)] {
        let output = drydock(folder.path())
            .args(["verify", "migration", "--metrics", "m.txt", "--documents", documents])
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(code), "{}", text(&output));
    }
    let path = drydock(folder.path())
        .args(["upgrade-path", "--from", "8.4", "--to", "8.8"])
        .output()
        .expect("it runs");
    assert_eq!(path.status.code(), Some(0), "{}", text(&path));
    assert!(text(&path).contains("Chart 13.0.0 (Camunda 8.8)"), "{}", text(&path));
    fs::write(folder.path().join("v.yaml"), "zeebe: {clusterSize: \"3\"}\n").expect("write");
    let open = drydock(folder.path())
        .args(["upgrade-path", "--from", "8.7", "--to", "8.8", "--values", "v.yaml"])
        .output()
        .expect("it runs");
    assert_eq!(open.status.code(), Some(1), "{}", text(&open));
    let wrong = drydock(folder.path())
        .args(["upgrade-path", "--from", "8.8", "--to", "8.4"])
        .output()
        .expect("it runs");
    assert_eq!(wrong.status.code(), Some(2), "{}", text(&wrong));
}
