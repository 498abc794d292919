//! Tells the program which commit it is built from. Without git, or outside of a repository, it tells none.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=DRYDOCK_COMMIT");
    // Images are built without the repository's history: whoever builds one hands the commit in.
    let given = std::env::var("DRYDOCK_COMMIT").ok().filter(|commit| !commit.trim().is_empty());
    let commit = given.or_else(|| git(&["rev-parse", "--short=12", "HEAD"])).unwrap_or_default();
    // Only what is there: cargo takes a file that is missing for one that has changed, each time anew.
    for name in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", name]).filter(|path| Path::new(path).exists()) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let commit = commit.trim();
    let version = if commit.chars().all(|c| c.is_ascii_alphanumeric()) && !commit.is_empty() {
        format!("{version} ({commit})")
    } else {
        version
    };
    println!("cargo::rustc-env=DRYDOCK_VERSION={version}");
}

/// What git answers, if it does.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}
