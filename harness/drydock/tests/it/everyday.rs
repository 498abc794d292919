//! Words, completions, manual pages, versions and first scenarios, as users meet them.

use crate::support::{drydock, folder, root, text};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn run(folder: &Path, line: &str) -> (Option<i32>, String) {
    let output = drydock(folder).args(line.split_whitespace()).output().expect("it runs");
    (output.status.code(), text(&output))
}

#[test]
fn a_check_is_explained_by_its_name_or_the_end_of_it() {
    let folder = folder();
    for name in ["elasticsearch/documents", "documents"] {
        let (code, text) = run(folder.path(), &format!("explain {name}"));
        assert_eq!(code, Some(0), "{text}");
        for words in [
            "elasticsearch/documents (check)",
            "what it means",
            "how it happens",
            "what to do",
            "lose-document",
        ] {
            assert!(text.contains(words), "{words} is missing in\n{text}");
        }
        assert!(text.lines().all(|l| l.chars().count() <= 100), "{text}");
    }
    let (code, text) = run(folder.path(), "explain documnets");
    assert_eq!(code, Some(2));
    assert!(text.contains("did you mean `documents`?"), "{text}");
}

#[test]
fn everything_that_can_be_explained_is_listed() {
    let folder = folder();
    let (code, list) = run(folder.path(), "explain");
    assert_eq!(code, Some(0));
    for name in ["preflight/space", "freeze", "gateway-timeout", "old-dirt", "130 interrupted"] {
        assert!(list.contains(name), "{name} is missing in\n{list}");
    }
    let (_, json) = run(folder.path(), "explain --json");
    let topics: Vec<serde_json::Value> = serde_json::from_str(&json).expect("it is JSON");
    assert!(topics.len() > 130, "{}", topics.len());
    let (_, both) = run(folder.path(), "explain late-write --json");
    let both: Vec<serde_json::Value> = serde_json::from_str(&both).expect("it is JSON");
    assert_eq!(both.len(), 2, "a fault and a finding");
}

#[test]
fn shells_complete_every_command() {
    let folder = folder();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, script) = run(folder.path(), &format!("completions {shell}"));
        assert_eq!(code, Some(0), "{script}");
        for command in ["rehearse", "explain", "upgrade-path", "--resume"] {
            let command = if shell == "fish" { command.trim_start_matches('-') } else { command };
            assert!(script.contains(command), "{shell} does not complete {command}");
        }
    }
    let (code, text) = run(folder.path(), "completions tcsh");
    assert_eq!(code, Some(2), "{text}");
}

#[test]
fn a_manual_page_for_the_program_and_for_each_command() {
    let folder = folder();
    let (code, page) = run(folder.path(), "man");
    assert_eq!(code, Some(0), "{page}");
    assert!(page.contains(".TH") && page.contains("rehearse") && page.contains("explain"), "{page}");
    let (code, text) = run(folder.path(), "man --directory pages/man1");
    assert_eq!(code, Some(0), "{text}");
    for name in ["drydock.1", "drydock-rehearse.1", "drydock-verify-postgres.1"] {
        let page = fs::read_to_string(folder.path().join("pages/man1").join(name)).expect(name);
        assert!(page.contains(".TH"), "{name}");
    }
    fs::write(folder.path().join("file"), "").expect("write");
    let (code, text) = run(folder.path(), "man --directory file/pages");
    assert_eq!(code, Some(5), "{text}");
}

#[test]
fn the_version_names_the_commit_where_there_is_one() {
    let folder = folder();
    let (code, text) = run(folder.path(), "--version");
    assert_eq!(code, Some(0));
    let words: Vec<&str> = text.split_whitespace().collect();
    assert_eq!(words[..2], ["drydock", env!("CARGO_PKG_VERSION")], "{text}");
    if let Some(commit) = words.get(2) {
        let commit = commit.trim_matches(['(', ')']);
        assert!(commit.len() >= 7 && commit.chars().all(|c| c.is_ascii_alphanumeric()), "{text}");
    }
    let git = std::process::Command::new("git").args(["rev-parse", "HEAD"]).current_dir(root()).output();
    let in_git = git.is_ok_and(|o| o.status.success());
    assert!(!in_git || words.len() == 3, "built in a repository, and no commit: {text}");
}

#[test]
fn a_first_scenario_can_be_planned_at_once_and_is_never_written_over() {
    let folder = folder();
    let (code, text) =
        run(folder.path(), "init --yes --way warm --components keycloak,elasticsearch --downtime 2min");
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("drydock.yaml and drydock.expected.yaml"), "{text}");
    let (code, plan) = run(folder.path(), "rehearse --plan drydock.yaml");
    assert_eq!(code, Some(0), "{plan}");
    assert!(plan.contains("phase-3/restore/keycloak") && !plan.contains("restore/identity"), "{plan}");

    fs::write(folder.path().join("drydock.yaml"), "mine\n").expect("write");
    let (code, text) = run(folder.path(), "init --yes");
    assert_eq!(code, Some(2));
    assert!(text.contains("is there already") && text.contains("--force"), "{text}");
    assert_eq!(fs::read_to_string(folder.path().join("drydock.yaml")).expect("read"), "mine\n");
    fs::remove_file(folder.path().join("drydock.yaml")).expect("remove");
    let (code, _) = run(folder.path(), "init --yes");
    assert_eq!(code, Some(2), "the ledger is there still");
    assert!(!folder.path().join("drydock.yaml").exists(), "half of it was written");
    // Replaced as a whole: another name of the old file keeps what was in it.
    let (ledger, kept) = (folder.path().join("drydock.expected.yaml"), folder.path().join("kept"));
    fs::write(&ledger, "old\n").expect("write");
    fs::hard_link(&ledger, &kept).expect("link");
    let (code, text) = run(folder.path(), "init --yes --force");
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(fs::read_to_string(&kept).expect("read"), "old\n");
    assert_ne!(fs::read_to_string(&ledger).expect("read"), "old\n");
    let names = fs::read_dir(folder.path()).expect("a folder").flatten();
    let left: Vec<_> =
        names.map(|e| e.file_name()).filter(|n| n.to_string_lossy().contains(".new")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn answers_that_cannot_be_are_refused_before_anything_is_written() {
    let folder = folder();
    for (line, words) in [
        ("init --yes --prefixes Acme-", "no prefix of index names"),
        ("init --yes --downtime soon", "duration"),
        ("init --yes --name a/b", "cannot be part of a file name"),
        ("init --yes --way dry-run --rollback-after 5", "only a plain cutover"),
        ("init --yes --postgres-source 17 --postgres-target 15", "cannot be restored"),
        ("init --yes --components keyclaok", "keyclaok"),
    ] {
        let (code, text) = run(folder.path(), line);
        assert_eq!(code, Some(2), "{line}: {text}");
        assert!(text.contains(words), "{line}: {text}");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0, "{line}");
    }
}

const VALUES: &str = "
global: {elasticsearch: {prefix: acme, auth: {password: hunter22}}}
elasticsearch: {enabled: true}
identityKeycloak: {enabled: true, auth: {adminPassword: hunter22}}
identity: {externalDatabase: {enabled: true, host: pg.example, password: hunter22}}
postgresql: {enabled: true, image: {tag: 17.2.0}}
";

fn assert_of_release(folder: &Path, text: &str) {
    let scenario = fs::read_to_string(folder.join("drydock.yaml")).unwrap_or_else(|_| panic!("{text}"));
    for words in [
        "components: [keycloak, webmodeler, elasticsearch]",
        "identity: provided elsewhere, by identity.externalDatabase.enabled",
        "acme]",
        "postgres: {version: 17}",
    ] {
        assert!(scenario.contains(words), "{words} is missing in\n{scenario}");
    }
    assert!(!scenario.contains("hunter22") && !text.contains("hunter22"), "{scenario}{text}");
    let (code, plan) = run(folder, "rehearse --plan drydock.yaml");
    assert_eq!(code, Some(0), "{plan}");
}

#[test]
fn values_tell_which_parts_there_are_and_nothing_else_of_them_is_kept() {
    let folder = folder();
    fs::write(folder.path().join("values.yaml"), VALUES).expect("write");
    let (code, text) = run(folder.path(), "init --yes --values values.yaml --chart 12.x");
    assert_eq!(code, Some(0), "{text}");
    assert_of_release(folder.path(), &text);
    fs::write(
        folder.path().join("none.yaml"),
        "elasticsearch: {enabled: false}\nidentityKeycloak: {enabled: false}\n",
    )
    .expect("write");
    let (code, text) = run(folder.path(), "init --yes --force --values none.yaml --chart 12.x");
    assert_eq!(code, Some(2));
    assert!(text.contains("no Bitnami part") && text.contains("--components"), "{text}");
    let (code, text) = run(folder.path(), "init --yes --values values.yaml");
    assert_eq!(code, Some(2), "{text}");
}

#[test]
fn a_live_release_is_only_asked() {
    let folder = folder();
    let helm = folder.path().join("helm");
    fs::write(&helm, format!("#!/bin/sh\necho \"$@\" >> asked\ncat <<'END'\n{VALUES}\nEND\n"))
        .expect("write");
    fs::set_permissions(&helm, fs::Permissions::from_mode(0o755)).expect("mode");
    let (code, text) = run(folder.path(), "init --yes --from-release camunda --namespace prod --helm ./helm");
    assert_eq!(code, Some(0), "{text}");
    assert_of_release(folder.path(), &text);
    let asked = fs::read_to_string(folder.path().join("asked")).expect("it was asked");
    assert_eq!(asked, "get values camunda --all --output yaml --namespace prod\n");

    fs::write(&helm, "#!/bin/sh\necho 'Error: release: not found' >&2\nexit 1\n").expect("write");
    let (code, text) = run(folder.path(), "init --yes --force --from-release camunda --helm ./helm");
    assert_eq!(code, Some(5), "{text}");
    assert!(text.contains("release: not found") && text.contains("helm get values camunda"), "{text}");
}

#[test]
fn a_run_is_told_as_metrics_and_for_code_scanning() {
    let folder = folder();
    let (code, text) = run(folder.path(), "report absent --format prometheus");
    assert_eq!(code, Some(2), "{text}");
    let (code, text) = run(folder.path(), "report absent --format sarf");
    assert_eq!(code, Some(2));
    assert!(text.contains("sarif"), "{text}");
}
