//! `drydock verify values --render` with a stand-in for helm: a script of this test that prints what lies in the chart's folder
//! and refuses values that hold the word `refuse`. The real helm and charts: see the last test.

use crate::support::{drydock, folder, text};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

const HELM: &str = r#"#!/bin/sh
if grep -q refuse "$7"; then
  echo "Error: values don't meet the specifications of the schema(s) in the following chart(s):" >&2
  echo "test:" >&2
  echo "- at '/web/port': got string, want integer (hunter2-secret)" >&2
  exit 1
fi
cat "$3/manifest.yaml"
printf -- '---\napiVersion: v1\nkind: Secret\nmetadata: {name: made}\nstringData: {password: "%s"}\n' "$(od -An -N8 -tx1 /dev/urandom)"
"#;

const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n";
const SETTINGS: &str = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {a: b}\n";

fn chart(at: &Path, manifest: &str) {
    fs::create_dir_all(at).expect("folder");
    fs::write(at.join("Chart.yaml"), "name: test\nversion: 13.12.7\n").expect("chart");
    fs::write(at.join("values.yaml"), "web: {port: 80, mode: fast, password: \"\"}\n").expect("values");
    let schema = r#"{"properties": {"web": {"properties": {"mode": {"enum": ["fast", "safe"]}}}}}"#;
    fs::write(at.join("values.schema.json"), schema).expect("schema");
    fs::write(at.join("manifest.yaml"), manifest).expect("manifest");
}

fn run(folder: &Path, new: &str, values: &str, more: &[&str]) -> Output {
    let helm = folder.join("helm");
    fs::write(&helm, HELM).expect("helm");
    fs::set_permissions(&helm, fs::Permissions::from_mode(0o755)).expect("mode");
    chart(&folder.join("old"), &format!("{SERVICE}{SETTINGS}"));
    chart(&folder.join("new"), new);
    fs::write(folder.join("v.yaml"), "web: {mode: safe}\n").expect("values");
    fs::write(folder.join("w.yaml"), values).expect("values");
    drydock(folder)
        .args([
            "verify",
            "values",
            "--from",
            "v.yaml",
            "--to",
            "w.yaml",
            "--chart-from",
            "old",
            "--chart-to",
            "new",
        ])
        .args(["--helm", "./helm", "--json"])
        .args(more)
        .output()
        .expect("it runs")
}

#[test]
fn both_sides_are_rendered_and_compared() {
    let folder = folder();
    let both = format!("{SERVICE}{SETTINGS}");
    let same = run(folder.path(), &both, "web: {mode: safe}\n", &[]);
    assert_eq!(same.status.code(), Some(0), "passwords made anew are no difference: {}", text(&same));
    assert!(text(&same).contains("made anew on every render"), "{}", text(&same));
    let lacking = run(folder.path(), SERVICE, "web: {mode: safe}\n", &[]);
    assert_eq!(lacking.status.code(), Some(1), "{}", text(&lacking));
    assert!(text(&lacking).contains("ConfigMap/web"), "{}", text(&lacking));
    let never = run(folder.path(), SERVICE, "web: {mode: safe}\n", &["--render", "never"]);
    assert_eq!(never.status.code(), Some(0), "{}", text(&never));
}

#[test]
fn what_helm_refuses_is_told_with_key_and_line_and_without_secrets() {
    let folder = folder();
    let values = "# refuse\nweb:\n  mode: safe\n  password: hunter2-secret\n  port: many\n";
    let output = run(folder.path(), SERVICE, values, &["--render", "always"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(
        text(&output).contains("web.port (w.yaml:5:3): helm refuses the new values"),
        "{}",
        text(&output)
    );
    assert!(!text(&output).contains("hunter2"), "{}", text(&output));
}

#[test]
fn the_schema_of_the_chart_is_applied_in_full() {
    let folder = folder();
    let both = format!("{SERVICE}{SETTINGS}");
    let output = run(folder.path(), &both, "web:\n  mode: slow\n", &[]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(
        text(&output).contains("web.mode (w.yaml:2:3): the chart's schema takes one of"),
        "{}",
        text(&output)
    );
}

#[test]
fn without_helm_or_charts_nothing_is_claimed() {
    let folder = folder();
    let both = format!("{SERVICE}{SETTINGS}");
    run(folder.path(), &both, "web: {mode: safe}\n", &[]);
    let with = |arguments: &[&str]| {
        drydock(folder.path())
            .args(["verify", "values", "--from", "v.yaml", "--to", "w.yaml"])
            .args(arguments)
            .output()
            .expect("it runs")
    };
    let versions = ["--chart-from", "13.12.7", "--chart-to", "13.12.7"];
    let asked = with(&[&versions[..], &["--render"]].concat());
    assert_eq!(asked.status.code(), Some(3), "{}", text(&asked));
    assert!(text(&asked).contains("nothing was rendered"), "{}", text(&asked));
    let charts = ["--chart-from", "old", "--chart-to", "new", "--helm", "./no-helm-here"];
    let absent = with(&charts);
    assert_eq!(absent.status.code(), Some(3), "{}", text(&absent));
}

/// With the real helm (`DRYDOCK_TEST_HELM`) and charts that hold the charts within them (`DRYDOCK_TEST_CHARTS_RENDER`): what is
/// written for values of 12.x is rendered by 13.x.
#[test]
fn the_real_chart_renders_what_is_written() {
    let (Some(helm), Some(charts)) =
        (std::env::var_os("DRYDOCK_TEST_HELM"), std::env::var_os("DRYDOCK_TEST_CHARTS_RENDER"))
    else {
        println!("SKIP DRYDOCK_TEST_HELM and DRYDOCK_TEST_CHARTS_RENDER name no helm and no charts");
        return;
    };
    let folder = folder();
    let values = "identity: {firstUser: {password: geheim}}\nzeebe: {clusterSize: \"3\", podLabels: {team: a}}\nzeebeGateway:\n  service: {restPort: 8080}\n";
    fs::write(folder.path().join("v.yaml"), values).expect("values");
    let charts = Path::new(&charts);
    let run = |more: &[&str]| {
        let output = drydock(folder.path())
            .args(["verify", "values", "--from", "v.yaml", "--render", "always", "--json", "--helm"])
            .arg(&helm)
            .arg("--chart-from")
            .arg(charts.join("12.13.3"))
            .arg("--chart-to")
            .arg(charts.join("13.12.7"))
            .args(more)
            .output()
            .expect("it runs");
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert!(!text(&output).contains("geheim"));
        report.to_string()
    };
    let written = run(&["--write", "new.yaml"]);
    assert!(!written.contains("helm refuses") && written.contains("objects before"), "{written}");
    // Used unchanged, the old values leave keys that the new chart has no place for.
    fs::write(folder.path().join("v.yaml"), "orchestration: {ingress: {rest: {enabled: true}}}\n")
        .expect("values");
    let refused = run(&[]);
    assert!(refused.contains("orchestration.ingress.rest (v.yaml:1:34): helm refuses"), "{refused}");
}
