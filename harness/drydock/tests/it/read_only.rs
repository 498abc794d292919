//! Whatever is given a context reads it: each option that takes one is tried against an API server that keeps every request, and
//! one that is not tried here fails, by the reference of the command line.

use crate::fake_api::{Account, FakeApi, TOKEN, is_review, writes};
use crate::support::{drydock, folder, root, scenario, skip, text};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A command with an option that takes a context, what it is called with, and its exit codes.
struct Tried {
    command: &'static str,
    options: &'static [&'static str],
    words: Vec<String>,
    exits: &'static [i32],
    /// Whether it has helm ask.
    helm: bool,
}

fn tried(
    command: &'static str,
    options: &'static [&'static str],
    words: &str,
    exits: &'static [i32],
) -> Tried {
    let words = words.split_whitespace().map(ToOwned::to_owned).collect();
    Tried { command, options, words, exits, helm: false }
}

fn all() -> Vec<Tried> {
    let tiny = scenario("tiny.yaml").display().to_string();
    let by_helm = |tried: Tried| Tried { helm: true, ..tried };
    vec![
        // An empty cluster is compared with itself: nothing was compared, or nothing differs.
        tried(
            "verify objects",
            &["--before-context", "--after-context"],
            "--before-context blue --after-context green",
            &[0, 1, 3],
        ),
        by_helm(tried(
            "verify objects",
            &["--before-context", "--after-context"],
            "--before-context blue --after-context green --source manifest",
            &[0, 1, 3],
        )),
        tried("upgrade-path", &["--context"], "--from 8.6 --to 8.7 --context blue", &[0, 1, 3]),
        tried("doctor", &["--against", "--staging"], "--staging blue --against green", &[0, 1, 3]),
        tried("doctor", &["--on"], "--on context:blue", &[5]),
        by_helm(tried("init", &["--context"], "--yes --from-release camunda --context blue", &[0])),
        tried("rehearse", &["--on"], &format!("--on context:blue {tiny}"), &[5]),
    ]
}

/// Options of the reference that take a context, or an environment, which may be one.
fn documented() -> BTreeSet<(String, String)> {
    let reference = std::fs::read_to_string(root().join("docs/reference/commands.md")).expect("a reference");
    let (mut found, mut command) = (BTreeSet::new(), String::new());
    for line in reference.lines() {
        if let Some(name) = line.strip_prefix("## drydock ") {
            name.clone_into(&mut command);
        }
        let option = line.trim_start();
        let takes = option.ends_with("<CONTEXT>") || option.ends_with("<ENV>");
        if let Some(name) = option.split_whitespace().next().filter(|name| takes && name.starts_with("--")) {
            found.insert((command.clone(), name.to_owned()));
        }
    }
    found
}

/// A folder with a `helm` that is there and must not be called, for what is refused before.
fn helm_that_is_not_called(folder: &Path) -> PathBuf {
    let bin = folder.join("bin");
    std::fs::create_dir_all(&bin).expect("a folder");
    let helm = bin.join("helm");
    let note = folder.join("helm-was-called");
    std::fs::write(&helm, format!("#!/bin/sh\necho \"$@\" >>{}\nexit 9\n", note.display()))
        .expect("a script");
    std::fs::set_permissions(&helm, std::fs::Permissions::from_mode(0o755)).expect("a program");
    bin
}

/// Runs one, and returns its exit code, what it said, and what it asked.
fn run(
    folder: &Path,
    api: &FakeApi,
    tried: &Tried,
) -> (Option<i32>, String, Vec<(axum::http::Method, String)>) {
    let mut command = drydock(folder);
    command.args(tried.command.split(' ')).args(&tried.words);
    command.env("KUBECONFIG", api.kubeconfig(folder)).env("DRYDOCK_WORK", folder.join("work"));
    if !tried.helm {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = [helm_that_is_not_called(folder)].into_iter().chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(folders).expect("a path"));
    }
    let output = command.output().expect("it runs");
    assert!(!folder.join("helm-was-called").exists(), "helm was called by {}", tried.command);
    (output.status.code(), text(&output), api.taken())
}

fn has_helm() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join("helm").is_file())
}

#[test]
fn every_option_that_takes_a_context_is_tried_here() {
    let tried: BTreeSet<(String, String)> = all()
        .iter()
        .flat_map(|t| t.options.iter().map(|option| (t.command.to_owned(), (*option).to_owned())))
        .collect();
    assert_eq!(documented(), tried, "an option that takes a context has to be proven read-only");
    for tried in all() {
        for option in tried.options {
            assert!(tried.words.iter().any(|word| word == option), "{option} of {}", tried.command);
        }
    }
}

#[test]
fn whatever_is_given_a_context_reads_it_and_nothing_else() {
    for tried in all() {
        if tried.helm && !has_helm() {
            skip(&format!("{} has helm ask, and there is none", tried.command));
            continue;
        }
        // Of what may write, the one right that is missing is found before the first write.
        let (folder, api) = (folder(), FakeApi::start(Account::MayNot(&["list events"])));
        let before = std::fs::read(api.kubeconfig(folder.path())).expect("it is there");
        let (code, told, asked) = run(folder.path(), &api, &tried);
        let what = format!("{} {}: {told}", tried.command, tried.words.join(" "));
        assert!(code.is_some_and(|code| tried.exits.contains(&code)), "{code:?} {what}");
        assert!(!asked.is_empty(), "nothing was asked by {what}");
        assert_eq!(writes(&asked), Vec::<String>::new(), "{what}");
        assert!(!told.contains(TOKEN), "{what}");
        let after = std::fs::read(folder.path().join("kubeconfig-of-the-user")).expect("it is there");
        assert!(before == after, "the user's kubeconfig was written by {what}");
    }
}

#[test]
fn what_is_no_reading_is_told() {
    let api = FakeApi::start(Account::MayNot(&[]));
    for (method, path) in
        [("DELETE", "/api/v1/namespaces/camunda"), ("PATCH", "/x"), ("POST", "/api/v1/namespaces")]
    {
        api.send(method, path);
        assert_eq!(writes(&api.taken()), [format!("{method} {path}")]);
    }
}

/// What a rehearsal in a context says when it is refused, on one line with what to do.
fn refused(account: Account) -> (String, Vec<String>) {
    let (folder, api) = (folder(), FakeApi::start(account));
    let rehearse = all().into_iter().find(|t| t.command == "rehearse").expect("it is tried");
    let (code, told, asked) = run(folder.path(), &api, &rehearse);
    assert_eq!(code, Some(5), "{told}");
    assert!(asked.iter().any(|(_, target)| is_review(target)), "no right was asked for: {told}");
    let work = std::fs::read_dir(folder.path().join("work")).into_iter().flatten().flatten();
    let left: Vec<_> = work.filter(|entry| entry.path().is_dir()).collect();
    assert!(left.is_empty(), "a work directory is left: {left:?}");
    (told, writes(&asked))
}

#[test]
fn all_that_an_account_may_not_is_named_at_once_and_nothing_is_made() {
    let (told, written) =
        refused(Account::MayNot(&["create namespaces", "get pods/portforward", "patch statefulsets"]));
    for right in ["create namespaces", "get pods/portforward", "patch statefulsets.apps", "ci/rbac.yaml"] {
        assert!(told.contains(right), "{right}: {told}");
    }
    assert!(!told.contains("delete pods"), "{told}");
    assert_eq!(written, Vec::<String>::new());
}

#[test]
fn a_namespace_that_is_somebody_elses_stays_as_it_is() {
    let (told, written) = refused(Account::MayAllAndFindsThemTaken);
    assert!(told.contains("is not this run's") && told.contains("2026-01-01"), "{told}");
    assert_eq!(written, Vec::<String>::new());
}

#[test]
fn a_context_that_is_not_there_is_told_with_those_that_are() {
    let (folder, api) = (folder(), FakeApi::start(Account::MayNot(&[])));
    for command in ["rehearse", "doctor"] {
        let mut asked = drydock(folder.path());
        asked.arg(command).arg(scenario("tiny.yaml")).args(["--on", "context:blu"]);
        let output = asked.env("KUBECONFIG", api.kubeconfig(folder.path())).output().expect("it runs");
        let told = text(&output);
        assert_eq!(output.status.code(), Some(5), "{told}");
        assert!(told.contains("blu") && told.contains("blue, green"), "{told}");
    }
    assert!(api.taken().is_empty());
}
