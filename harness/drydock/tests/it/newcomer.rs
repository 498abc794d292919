//! The way of a newcomer, with a stand-in for cargo: which commands are typed, from which folder, with which caches.

use crate::support::{folder, root, skip, text};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

/// Commands of the README's section, as a reader sees them.
fn shown() -> Vec<String> {
    let text = fs::read_to_string(root().join("README.md")).expect("a README");
    let section = text.split_once("\n## Two commands\n").expect("a section").1;
    let section = section.split("\n## ").next().expect("a section");
    let block = section.split_once("```sh\n").expect("a block").1.split("```").next().expect("a block");
    block.lines().filter(|l| !l.trim().is_empty()).map(ToOwned::to_owned).collect()
}

fn newcomer(folder: &Path, more: &[&str], fails: u8) -> Output {
    let stand_in = folder.join("bin/cargo");
    fs::create_dir_all(folder.join("bin")).expect("a folder");
    let script = format!(
        "#!/bin/sh\necho \"cargo $* in $PWD home $HOME cargo $CARGO_HOME cache ${{XDG_CACHE_HOME:-none}}\" >>'{}'\n\
         [ -f README.md ] && [ ! -e target ] || exit 9\nexit {fails}\n",
        folder.join("typed").display()
    );
    fs::write(&stand_in, script).expect("a stand-in");
    fs::set_permissions(&stand_in, fs::Permissions::from_mode(0o755)).expect("a mode");
    let path = format!("{}:{}", folder.join("bin").display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new(root().join("ci/newcomer"));
    command.arg(folder.join("new")).args(more).env("PATH", path).env("XDG_CACHE_HOME", "/caches");
    command.output().expect("it runs")
}

#[test]
fn what_is_typed_is_what_the_readme_says_and_nothing_else() {
    if !root().join(".git").exists() {
        return skip("not in a repository");
    }
    assert!(shown().len() >= 2 && shown()[0].contains("rehearse scenarios/standard.yaml"), "{:?}", shown());
    for (more, count) in [(&[][..], shown().len()), (&["--first"][..], 1)] {
        let folder = folder();
        let output = newcomer(folder.path(), more, 0);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        let typed = fs::read_to_string(folder.path().join("typed")).expect("something was typed");
        let commands: Vec<&str> = typed.lines().map(|l| l.split(" in ").next().unwrap_or_default()).collect();
        assert_eq!(commands, shown()[..count], "{typed}");
        let new = folder.path().join("new").canonicalize().expect("made");
        for line in typed.lines() {
            let place =
                format!("in {0}/drydock home {0}/home cargo {0}/home/.cargo cache none", new.display());
            assert!(line.ends_with(&place), "{line}\n{place}");
        }
        for line in &shown()[..count] {
            assert!(text(&output).contains(&format!("{line}: exit code 0 after ")), "{}", text(&output));
        }
    }
}

#[test]
fn the_first_failure_ends_it_and_nothing_that_is_there_is_used() {
    if !root().join(".git").exists() {
        return skip("not in a repository");
    }
    let folder = folder();
    let output = newcomer(folder.path(), &[], 3);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert_eq!(fs::read_to_string(folder.path().join("typed")).expect("typed").lines().count(), 1);
    let again = newcomer(folder.path(), &[], 0);
    assert_eq!(again.status.code(), Some(2), "{}", text(&again));
    assert!(text(&again).contains("is there already"), "{}", text(&again));
    let wrong = newcomer(&folder.path().join("other"), &["--second"], 0);
    assert_eq!(wrong.status.code(), Some(2), "{}", text(&wrong));
}
