//! `ci/rbac.yaml` against the rights that the program asks for: neither more nor fewer.

use crate::support::{drydock, folder, root, scenario, text};
use drydock_cluster::{Right, Scope, rights_to_read};
use drydock_environments::{rights_beside_operators, rights_in_own_namespaces};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

/// `verb resource.group`.
type Rights = BTreeSet<String>;

fn named(group: &str, resource: &str, verb: &str) -> String {
    format!("{verb} {resource} of {}", if group.is_empty() { "core" } else { group })
}

fn asked(rights: impl IntoIterator<Item = Right>) -> Rights {
    rights.into_iter().map(|right| named(right.group, right.resource, right.verb)).collect()
}

fn objects(text: &str) -> Vec<Value> {
    text.split("\n---\n").map(|one| serde_saphyr::from_str(one).expect("it is YAML")).collect()
}

fn of<'o>(objects: &'o [Value], kind: &str, name: &str) -> &'o Value {
    let found = objects.iter().find(|o| o["kind"] == kind && o["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name}"))
}

fn strings(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// What a role gives.
fn given(role: &Value) -> Rights {
    let mut rights = Rights::new();
    for rule in role["rules"].as_array().expect("rules") {
        for group in strings(&rule["apiGroups"]) {
            for resource in strings(&rule["resources"]) {
                rights.extend(strings(&rule["verbs"]).iter().map(|verb| named(group, resource, verb)));
            }
        }
    }
    rights
}

/// How a file differs from what is asked for.
fn differences(text: &str) -> Vec<String> {
    let objects = objects(text);
    let reads = |scope: Scope| asked(rights_to_read().into_iter().filter(|right| right.scope == scope));
    let roles = [
        ("drydock-read-namespace", reads(Scope::Namespace)),
        ("drydock-read-cluster", reads(Scope::Cluster)),
        ("drydock-own-namespaces", asked(rights_in_own_namespaces())),
        ("drydock-beside-operators", asked(rights_beside_operators())),
    ];
    let mut told = Vec::new();
    for (name, asked) in roles {
        let given = given(of(&objects, "ClusterRole", name));
        told.extend(given.difference(&asked).map(|right| format!("{name} gives more: {right}")));
        told.extend(asked.difference(&given).map(|right| format!("{name} lacks: {right}")));
    }
    told
}

fn file() -> String {
    fs::read_to_string(root().join("ci/rbac.yaml")).expect("the file")
}

#[test]
fn the_file_gives_what_is_asked_for_and_nothing_else() {
    assert_eq!(differences(&file()), Vec::<String>::new());
    assert!(!file().contains("'*'"), "nothing is given for all");
}

#[test]
fn a_right_too_many_or_too_few_is_told() {
    let more = file().replace("verbs: [create, delete, get]", "verbs: [create, delete, get, list]");
    assert_eq!(differences(&more), ["drydock-own-namespaces gives more: list namespaces of core"]);
    let fewer = file().replace("resources: [nodes, persistentvolumes]", "resources: [nodes]");
    assert_eq!(differences(&fewer), ["drydock-read-cluster lacks: list persistentvolumes of core"]);
    let other = file().replace("resources: [events]", "resources: [endpoints]");
    assert_eq!(differences(&other).len(), 2);
}

#[test]
fn readers_read_and_each_account_is_bound_to_its_own_role() {
    let objects = objects(&file());
    let reading: Vec<Right> =
        rights_to_read().into_iter().filter(|r| !["get", "list"].contains(&r.verb)).collect();
    assert!(reading.is_empty(), "{reading:?}");
    for (kind, name, role, account) in [
        ("RoleBinding", "drydock-read", "drydock-read-namespace", "drydock-reader"),
        ("ClusterRoleBinding", "drydock-read", "drydock-read-cluster", "drydock-reader"),
        ("ClusterRoleBinding", "drydock-own-namespaces", "drydock-own-namespaces", "drydock-rehearser"),
    ] {
        let binding = of(&objects, kind, name);
        assert_eq!(binding["roleRef"]["name"], role);
        let subject = &binding["subjects"][0];
        let account = of(&objects, "ServiceAccount", account);
        assert_eq!(binding["subjects"].as_array().map(Vec::len), Some(1));
        for field in ["name", "namespace"] {
            assert_eq!(subject[field], account["metadata"][field], "{name}");
        }
        of(&objects, "Namespace", account["metadata"]["namespace"].as_str().expect("a namespace"));
    }
}

#[test]
fn the_job_runs_with_the_account_and_its_command_is_one() {
    let text_of = |name: &str| fs::read_to_string(root().join(name)).expect("the file");
    let job = &objects(&text_of("ci/in-cluster.yaml"))[0];
    let account = of(&objects(&file()), "ServiceAccount", "drydock-rehearser").clone();
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(pod["serviceAccountName"], account["metadata"]["name"]);
    assert_eq!(job["metadata"]["namespace"], account["metadata"]["namespace"]);
    assert_ne!(pod["automountServiceAccountToken"], false, "its account is what it comes in by");
    let container = &pod["containers"][0];
    assert_eq!(container["command"], serde_json::json!(["drydock"]));
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    let volumes: Vec<&str> =
        pod["volumes"].as_array().into_iter().flatten().filter_map(|v| v["name"].as_str()).collect();
    for mount in container["volumeMounts"].as_array().expect("mounts") {
        assert!(mount["name"].as_str().is_some_and(|n| volumes.contains(&n)), "{mount}");
    }
    let tiny = scenario("tiny.yaml").display().to_string();
    let words = strings(&container["args"])
        .into_iter()
        .map(|word| if word.starts_with("/etc/drydock/") { tiny.clone() } else { word.to_owned() });
    let folder = folder();
    let output = drydock(folder.path()).args(words).arg("--plan").output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("phase-3/freeze"), "{}", text(&output));
}

/// Both Jobs of a comparison in shares name the same stores and the same folder, and their commands are ones.
#[test]
fn the_jobs_of_a_comparison_in_shares_fit_together() {
    let objects = objects(&fs::read_to_string(root().join("ci/verify-job.yaml")).expect("the file"));
    let claim = of(&objects, "PersistentVolumeClaim", "drydock-parts");
    let jobs = ["drydock-verify", "drydock-verify-merge"].map(|name| of(&objects, "Job", name));
    let [shares, merge] = jobs;
    assert_eq!(shares["spec"]["completionMode"], "Indexed");
    let pods = jobs.map(|job| &job["spec"]["template"]["spec"]);
    for pod in pods {
        assert_eq!(pod["volumes"][0]["persistentVolumeClaim"]["claimName"], claim["metadata"]["name"]);
        assert_eq!(pod["containers"][0]["volumeMounts"][0]["mountPath"], "/parts");
        assert_eq!(pod["containers"][0]["envFrom"], pods[0]["containers"][0]["envFrom"]);
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_eq!(pod["automountServiceAccountToken"], false, "no API server is asked");
    }
    let folder = folder();
    let parts = folder.path().join("parts");
    let run = |job: &Value, index: Option<u64>| {
        let words = strings(&job["spec"]["template"]["spec"]["containers"][0]["args"]).into_iter();
        let words = words.map(|word| word.replace("/parts", &parts.display().to_string()));
        let mut command = drydock(folder.path());
        for side in ["SOURCE", "TARGET"] {
            command.env(format!("DRYDOCK_{side}_ELASTICSEARCH"), "http://127.0.0.1:1");
            command.env(format!("DRYDOCK_{side}_POSTGRES"), "postgres://u:p@127.0.0.1:1/d");
        }
        command.args(words).env_remove("JOB_COMPLETION_INDEX");
        command.envs(index.map(|index| ("JOB_COMPLETION_INDEX", index.to_string())));
        let output = command.output().expect("it runs");
        (output.status.code(), text(&output))
    };
    let count = shares["spec"]["completions"].as_u64().expect("a count");
    let (code, told) = run(shares, Some(2));
    assert_eq!(code, Some(3), "{told}");
    assert!(told.contains(&format!("share 2/{count} was not compared")), "{told}");
    for index in [None, Some(count)] {
        let (code, told) = run(shares, index);
        assert_eq!(code, Some(2), "{told}");
    }
    fs::create_dir(&parts).expect("a folder");
    let (code, told) = run(merge, None);
    assert_eq!(code, Some(3), "{told}");
    assert!(told.contains("no part is in"), "{told}");
}
