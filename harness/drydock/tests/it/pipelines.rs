//! Files that pipelines are made of: read as what they are, and the script in them run with a stand-in for the program.

use crate::support::{folder, root, skip};
use drydock_core::ExitCode;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn yaml(name: &str) -> Value {
    let text = fs::read_to_string(root().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Every `${{ inputs.NAME }}` of a file.
fn used_inputs(text: &str) -> Vec<&str> {
    let ends = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_');
    text.split("inputs.").skip(1).map(|rest| rest.split(ends).next().unwrap_or_default()).collect()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect()
}

#[test]
fn the_action_uses_what_it_declares_and_fails_closed() {
    let action = yaml("ci/github/action.yml");
    let text = fs::read_to_string(root().join("ci/github/action.yml")).expect("the action");
    assert_eq!(action["runs"]["using"], "composite");
    let declared = keys(&action["inputs"]);
    let used = used_inputs(&text);
    assert!(used.iter().all(|name| declared.contains(name)), "{used:?} of {declared:?}");
    assert!(declared.iter().all(|name| used.contains(name)), "{declared:?} of {used:?}");
    let steps = action["runs"]["steps"].as_array().expect("steps");
    // GitHub refuses a step of a composite action that runs something without naming its shell.
    assert!(steps.iter().all(|s| s["run"].is_null() || s["shell"] == "bash"), "{steps:?}");
    let last = &steps[steps.len() - 1];
    assert!(
        last["if"] == "always()" && last["run"].as_str().is_some_and(|r| r.contains("${CODE:-5}")),
        "{last}"
    );
    for name in ["verdict", "exit-code", "downtime", "comment"] {
        assert!(keys(&action["outputs"]).contains(&name), "{name} is no output");
    }
    // One category for all files would make code scanning refuse the second; each brings its own.
    let upload = steps.iter().find(|s| s["uses"].as_str().is_some_and(|u| u.contains("upload-sarif")));
    assert_eq!(keys(&upload.expect("an upload")["with"]), ["sarif_file"]);
    let run = steps.iter().find(|s| s["id"] == "rehearse").and_then(|s| s["run"].as_str()).expect("a script");
    assert!(run.contains("mktemp -d"), "two uses in one job would share a folder: {run}");
    let install = steps[0]["run"].as_str().expect("an installation");
    assert!(install.starts_with("cd \"$GITHUB_ACTION_PATH") && install.contains("--locked"), "{install}");
}

#[test]
fn the_workflow_hands_on_what_the_action_takes() {
    let (workflow, action) = (yaml(".github/workflows/rehearse.yml"), yaml("ci/github/action.yml"));
    let text = fs::read_to_string(root().join(".github/workflows/rehearse.yml")).expect("the workflow");
    let call = &workflow["on"]["workflow_call"];
    let declared = keys(&call["inputs"]);
    let used = used_inputs(&text);
    assert!(declared.iter().all(|name| used.contains(name)), "{declared:?} of {used:?}");
    assert!(used.iter().all(|name| declared.contains(name)), "{used:?} of {declared:?}");
    let steps = workflow["jobs"]["rehearse"]["steps"].as_array().expect("steps");
    let step = steps.iter().find(|s| s["uses"] == "./.drydock/ci/github").expect("the action is used");
    let taken = keys(&action["inputs"]);
    assert!(keys(&step["with"]).iter().all(|name| taken.contains(name)), "{step}");
    let given = keys(&action["outputs"]);
    for (name, value) in workflow["jobs"]["rehearse"]["outputs"].as_object().expect("outputs") {
        let of = value.as_str().and_then(|v| v.split("outputs.").nth(1)).and_then(|v| v.split(' ').next());
        assert!(of.is_some_and(|of| given.contains(&of)), "{name}: {value}");
        assert!(call["outputs"].get(name).is_some(), "{name} does not leave the workflow");
    }
}

#[test]
fn actionlint_finds_nothing() {
    let program = std::env::var_os("DRYDOCK_TEST_ACTIONLINT").unwrap_or_else(|| "actionlint".into());
    let files = ["nightly.yml", "rehearse.yml", "release.yml"]
        .map(|name| root().join(".github/workflows").join(name));
    match Command::new(&program).args(files).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout)),
        Err(error) => skip(&format!("{} cannot be started: {error}", Path::new(&program).display())),
    }
}

#[test]
fn the_gitlab_job_reports_what_the_script_writes() {
    let job = &yaml("ci/gitlab.yml")[".drydock"];
    // The image's own entrypoint would take GitLab's shell for a command of the program.
    let image = fs::read_to_string(root().join("Dockerfile")).expect("the Dockerfile");
    assert!(image.contains("ENTRYPOINT [\"drydock\"]"));
    assert_eq!(job["image"]["name"], "$DRYDOCK_IMAGE");
    assert_eq!(job["image"]["entrypoint"], serde_json::json!([""]));
    assert!(
        job["script"][0].as_str().is_some_and(|s| s.starts_with("drydock-rehearse drydock-report ")),
        "{job}"
    );
    assert_eq!(job["retry"]["exit_codes"], ExitCode::CouldNotRun.code());
    assert_eq!(job["artifacts"]["when"], "always");
    assert_eq!(job["artifacts"]["reports"]["junit"], "drydock-report/junit/*.xml");
    assert_eq!(job["artifacts"]["reports"]["dotenv"], "drydock-report/result.env");
    let script = fs::read_to_string(root().join("ci/rehearse")).expect("the script");
    for variable in keys(&job["variables"]).into_iter().filter(|v| v.starts_with("REHEARSE_")) {
        assert!(script.contains(&format!("${{{variable}:-}}")), "the script does not know {variable}");
    }
}

#[test]
fn the_cron_job_runs_without_rights_and_repeats_only_what_could_not_run() {
    let text = fs::read_to_string(root().join("ci/kubernetes.yaml")).expect("the file");
    let objects: Vec<Value> =
        text.split("\n---\n").map(|one| serde_saphyr::from_str(one).expect("it is YAML")).collect();
    let job = objects.iter().find(|o| o["kind"] == "CronJob").expect("a CronJob");
    assert_eq!(job["apiVersion"], "batch/v1");
    assert_eq!(job["spec"]["concurrencyPolicy"], "Forbid");
    let spec = &job["spec"]["jobTemplate"]["spec"];
    let rules = spec["podFailurePolicy"]["rules"].as_array().expect("rules");
    // First: a pod that is evicted ends with some exit code as well, and the first rule that fits decides.
    assert_eq!((&rules[0]["action"], rules.len()), (&"Ignore".into(), 2));
    assert_eq!(rules[0]["onPodConditions"][0]["type"], "DisruptionTarget");
    let rule = &rules[1]["onExitCodes"];
    assert_eq!(
        (&rule["operator"], &rule["values"][0]),
        (&"NotIn".into(), &ExitCode::CouldNotRun.code().into())
    );
    let pod = &spec["template"]["spec"];
    assert_eq!(
        (&pod["restartPolicy"], &pod["automountServiceAccountToken"]),
        (&"Never".into(), &false.into())
    );
    let container = &pod["containers"][0];
    assert_eq!(rule["containerName"], container["name"]);
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    assert_eq!(container["securityContext"]["allowPrivilegeEscalation"], false);
    let volumes: Vec<&str> =
        pod["volumes"].as_array().into_iter().flatten().filter_map(|v| v["name"].as_str()).collect();
    for mount in container["volumeMounts"].as_array().expect("mounts") {
        assert!(mount["name"].as_str().is_some_and(|n| volumes.contains(&n)), "{mount}");
    }
    let claim = objects.iter().find(|o| o["kind"] == "PersistentVolumeClaim").expect("a claim");
    // What is written into a folder of the pod is gone with it, so that no collector ever reads it.
    assert!(!container.to_string().contains("REHEARSE_TEXTFILE"), "{container}");
    let script = container["args"][0].as_str().expect("a script");
    assert!(script.contains("find /reports ") && script.contains("exec drydock-rehearse "), "{script}");
    let mut claimed = pod["volumes"].as_array().into_iter().flatten();
    assert!(claimed.any(|v| v["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]));
}

#[test]
fn the_image_is_built_in_stages_and_runs_as_nobody_in_particular() {
    let text = fs::read_to_string(root().join("Dockerfile")).expect("the Dockerfile");
    let lines: Vec<&str> = text.lines().collect();
    let stages: Vec<usize> = (0..lines.len()).filter(|&i| lines[i].starts_with("FROM ")).collect();
    assert_eq!(stages.len(), 3);
    for (number, begin) in stages.iter().enumerate().skip(1) {
        let end = stages.get(number + 1).copied().unwrap_or(lines.len());
        let user = lines[*begin..end].iter().rev().find_map(|l| l.strip_prefix("USER "));
        assert_eq!(user, Some("10001:10001"), "stage {number} ends as another user");
    }
    for line in lines.iter().filter(|l| l.starts_with("COPY ") && !l.contains("--from=")) {
        let from = line.split_whitespace().nth(1).expect("something is copied");
        assert!(root().join(from).exists(), "{line}");
    }
}

/// A program in the place of drydock: it makes one run folder a scenario and ends as it is told.
const STAND_IN: &str = r##"#!/usr/bin/env bash
echo "$@" >>"$ASKED"
if [ "$1" = rehearse ]; then
  shift
  while [ $# -gt 0 ]; do
    case $1 in
      --runs) runs=$2; shift 2 ;;
      --*) shift 2 ;;
      *) run="$runs/$(basename "$1" .yaml)-20260101T000000Z-1"; mkdir -p "$run"; echo '{}' >"$run/record.jsonl"; shift ;;
    esac
  done
  if [ -n "${HOLD:-}" ]; then
    sleep 600 &
    held=$!
    trap 'kill "$held"; echo stopped; exit 130' TERM INT
    echo ready >"$HOLD"
    wait
  fi
  [ -n "${SILENT:-}" ] || printf 'EQUAL ```\n'
  echo 'told apart' >&2
else
  case $4 in
    prometheus) printf 'drydock_downtime_seconds{scenario="%s",clock="phases"} %s\ndrydock_downtime_seconds{scenario="x",clock="probes"} 99\n' "$2" "${#2}.5" ;;
    *) echo "$4 of $2" ;;
  esac
fi
exit "$ENDS"
"##;

fn rehearse(folder: &Path, ends: u8, scenarios: &[&str]) -> (Output, PathBuf) {
    let (mut command, out) = prepared(folder, ends, scenarios);
    (command.output().expect("the script runs"), out)
}

/// The script with the stand-in on its path, and the folder that it is to fill.
fn prepared(folder: &Path, ends: u8, scenarios: &[&str]) -> (Command, PathBuf) {
    let program = folder.join("drydock");
    fs::write(&program, STAND_IN).expect("write");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("mode");
    let out = folder.join("out put");
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
    fs::create_dir_all(folder.join("textfile")).expect("folder");
    let mut command = Command::new(root().join("ci/rehearse"));
    command
        .current_dir(folder)
        .arg(&out)
        .args(scenarios)
        .env("PATH", path)
        .env("ASKED", folder.join("asked"))
        .env("ENDS", ends.to_string())
        .env("REHEARSE_DOWNTIME", "5min")
        .env("REHEARSE_TEXTFILE", folder.join("textfile"))
        .env_remove("REHEARSE_ON");
    (command, out)
}

#[test]
fn the_script_tells_every_exit_code_by_its_name_and_hands_it_on() {
    for exit in ExitCode::ALL {
        let folder = folder();
        let (output, out) = rehearse(folder.path(), exit.code(), &["a.yaml"]);
        assert_eq!(
            output.status.code(),
            Some(exit.code().into()),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let result = fs::read_to_string(out.join("result.env")).expect("a result");
        assert!(
            result.starts_with(&format!("verdict={}\nexit_code={}\n", exit.as_str(), exit.code())),
            "{result}"
        );
    }
}

#[test]
fn the_script_collects_what_each_run_leaves() {
    let folder = folder();
    let (output, out) = rehearse(folder.path(), 1, &["a.yaml", "long-name.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    let asked = fs::read_to_string(folder.path().join("asked")).expect("it was asked");
    assert!(
        asked.lines().next().is_some_and(|l| l.ends_with("--downtime 5min a.yaml long-name.yaml")),
        "{asked}"
    );
    for name in ["a", "long-name"] {
        for file in [
            format!("junit/{name}-20260101T000000Z-1.xml"),
            format!("sarif/{name}-20260101T000000Z-1.sarif"),
            format!("metrics/drydock-{name}.prom"),
        ] {
            assert!(out.join(&file).metadata().is_ok_and(|m| m.len() > 0), "{file}");
        }
        assert!(folder.path().join(format!("textfile/drydock-{name}.prom")).exists());
    }
    assert_eq!(
        fs::read_dir(folder.path().join("textfile")).expect("a folder").count(),
        2,
        "half files are left"
    );
    let summary = fs::read_to_string(out.join("summary.md")).expect("a summary");
    assert_eq!(summary.matches("markdown of ").count(), 2, "{summary}");
    // The longest outage of all runs by the phase clock, not that of the probes.
    let longest =
        fs::read_dir(out.join("runs")).expect("runs").flatten().map(|e| e.path().as_os_str().len()).max();
    let result = fs::read_to_string(out.join("result.env")).expect("a result");
    assert!(result.contains(&format!("downtime_seconds={}.5\n", longest.expect("a run"))), "{result}");
    let comment = fs::read_to_string(out.join("comment.md")).expect("a comment");
    assert_eq!(comment.matches("```").count(), 2, "what was printed ends the block:\n{comment}");
}

#[test]
fn the_script_without_scenarios_is_wrong_usage() {
    let folder = folder();
    let stale = folder.path().join("out put/result.env");
    fs::create_dir_all(folder.path().join("out put")).expect("folder");
    fs::write(&stale, "verdict=equal\n").expect("write");
    let (output, _) = rehearse(folder.path(), 0, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!stale.exists(), "a job would read an earlier verdict");
}

#[test]
fn several_scenarios_are_as_expected_and_one_is_what_it_is() {
    for (ends, scenarios, verdict) in [
        (0, &["a.yaml", "red.yaml"][..], "as-expected"),
        (0, &["a.yaml"], "equal"),
        (3, &["a.yaml", "red.yaml"], "not-proven"),
    ] {
        let folder = folder();
        let (_, out) = rehearse(folder.path(), ends, scenarios);
        let result = fs::read_to_string(out.join("result.env")).expect("a result");
        assert!(result.starts_with(&format!("verdict={verdict}\n")), "{result}");
    }
}

#[test]
fn what_stands_on_standard_error_alone_is_shown() {
    let folder = folder();
    let (mut command, out) = prepared(folder.path(), 2, &["a.yaml"]);
    let output = command.env("SILENT", "yes").output().expect("the script runs");
    assert!(String::from_utf8_lossy(&output.stderr).contains("told apart"), "the log lacks it");
    let comment = fs::read_to_string(out.join("comment.md")).expect("a comment");
    assert!(comment.contains("told apart"), "{comment}");
    assert!(!rehearsed_comment().contains("told apart"), "beside a screen it is noise");
}

fn rehearsed_comment() -> String {
    let folder = folder();
    let (_, out) = rehearse(folder.path(), 0, &["a.yaml"]);
    fs::read_to_string(out.join("comment.md")).expect("a comment")
}

#[test]
fn a_signal_reaches_the_program_and_its_end_is_waited_for() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = folder();
        let hold = folder.path().join("hold");
        assert!(Command::new("mkfifo").arg(&hold).status().expect("mkfifo runs").success());
        let (mut command, out) = prepared(folder.path(), 0, &["a.yaml"]);
        let child = command.env("HOLD", &hold).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.expect("the script starts");
        // Read once the program listens.
        assert_eq!(fs::read_to_string(&hold).expect("it is ready"), "ready\n");
        kill_process(Pid::from_child(&child), signal).expect("it is told");
        let output = child.wait_with_output().expect("the script ends");
        assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
        let read = |name: &str| fs::read_to_string(out.join(name)).unwrap_or_default();
        assert!(
            read("result.env").starts_with("verdict=interrupted\nexit_code=130\n"),
            "{}",
            read("result.env")
        );
        assert_eq!(read("screen.txt"), "stopped\n");
        assert!(read("summary.md").contains("markdown of "), "what there is was not collected");
    }
}

#[test]
fn a_comment_is_written_anew_and_no_other_is_overwritten() {
    let workflow = yaml(".github/workflows/rehearse.yml");
    let steps = workflow["jobs"]["rehearse"]["steps"].as_array().expect("steps");
    let step = steps.iter().find(|s| s["name"] == "Comment").expect("a step that comments");
    // The token of a fork's pull request may not write.
    assert_eq!(step["continue-on-error"], true);
    let run = step["run"].as_str().expect("a script");
    let comment = rehearsed_comment();
    let marker = comment.lines().next().expect("a first line");
    assert!(marker.starts_with("<!--") && run.contains(&format!("startswith(\"{marker}\")")), "{run}");
    for (known, wanted) in
        [("7\\n9\\n", "PATCH repos/o/r/issues/comments/7"), ("", "POST repos/o/r/issues/3/comments")]
    {
        let folder = folder();
        let asked = folder.path().join("asked");
        let gh = folder.path().join("gh");
        let text = format!(
            "#!/usr/bin/env bash\ncase \"$*\" in\n  *--method*) echo \"$@\" >>\"$ASKED\" ;;\n  *) printf '{known}' ;;\nesac\n"
        );
        fs::write(&gh, text).expect("write");
        fs::set_permissions(&gh, fs::Permissions::from_mode(0o755)).expect("mode");
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap_or_default());
        let done = Command::new("bash")
            .args(["-e", "-c", run])
            .env("PATH", path)
            .env("ASKED", &asked)
            .env("REPOSITORY", "o/r")
            .env("NUMBER", "3")
            .env("BODY", "comment.md")
            .output()
            .expect("bash runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let asked = fs::read_to_string(&asked).expect("it was asked");
        assert_eq!(asked, format!("api --silent --method {wanted} --field body=@comment.md\n"));
    }
}
