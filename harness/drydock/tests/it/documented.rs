//! Commands of the documentation, run as they stand there. Those that need stores are run by tests of their own.

use crate::shown;
use crate::support::{drydock, folder, root, text};
use std::fs;
use std::os::unix::fs::symlink;

/// Whether a command starts no store and asks no address.
fn runs_anywhere(words: &[String]) -> bool {
    let has = |flag: &str| words.iter().any(|w| w == flag);
    match words.get(1).map(String::as_str) {
        Some("explain" | "help" | "completions" | "man") => true,
        Some("rehearse" | "drill") => has("--plan"),
        Some("init") => has("--yes") && !has("--from-release") && !has("--values"),
        Some("verify") => has("--help"),
        Some("upgrade-path") => !has("--context") && !has("--values") && !has("--objects"),
        Some("--version") => true,
        _ => false,
    }
}

#[test]
fn what_needs_no_store_runs_as_it_is_written() {
    let mut pages = shown::files(&root().join("docs"), &["md"]);
    pages.extend(["README.md", "ci/README.md"].map(|name| root().join(name)));
    let (mut ran, mut failed) = (0, Vec::new());
    for page in pages {
        // Each page from an empty folder, its commands one after another: a file that one writes the next may use.
        let folder = folder();
        for part in ["scenarios", "fixtures"] {
            symlink(root().canonicalize().expect("the root").join(part), folder.path().join(part))
                .expect("link");
        }
        let page_text = fs::read_to_string(&page).expect("a page");
        for command in shown::in_page(&page_text).into_iter().filter(|c| runs_anywhere(&c.words)) {
            let output = drydock(folder.path()).args(&command.words[1..]).output().expect("it runs");
            ran += 1;
            if !output.status.success() {
                failed.push(format!(
                    "{}:{}: {:?}\n{}",
                    page.display(),
                    command.line,
                    command.words,
                    text(&output)
                ));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(ran >= 12, "only {ran} commands were run");
}
