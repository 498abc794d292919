//! What the fuzz targets ask, asked of the corpus and of damaged copies of it: the same ones on every run.

#[path = "../../fuzz/judge.rs"]
mod judge;

use crate::dice::Dice;
use std::path::PathBuf;

/// Damaged copies of each file.
const COPIES: u64 = 6;

/// Pieces that mean something in YAML.
const PIECES: [&str; 14] =
    ["&a ", "*a", ": ", "- ", "\t", "{", "]", "|\n", "\"", "'", "<<: ", "#", "\u{feff}", "---\n"];

/// A few places put in, taken out or doubled.
fn damaged(text: &str, dice: &mut Dice) -> String {
    let mut all: Vec<char> = text.chars().collect();
    for _ in 0..1 + dice.below(4) {
        let at = dice.below(all.len() + 1);
        let end = (at + dice.below(40)).min(all.len());
        match dice.below(4) {
            0 => drop(all.splice(at..at, PIECES[dice.below(PIECES.len())].chars())),
            1 => drop(all.drain(at..end)),
            2 => {
                let again: Vec<char> = all[at..end].to_vec();
                drop(all.splice(at..at, again));
            }
            _ => all.truncate(at),
        }
    }
    all.into_iter().collect()
}

/// Asks of each file of a folder, and of damaged copies of it.
fn ask_of(folder: &str, least: usize, judge: impl Fn(&str) + std::panic::RefUnwindSafe) {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/helm").join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(fixtures)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "yaml"))
        .collect();
    files.sort();
    assert!(files.len() >= least);
    for (seed, file) in (1..).zip(&files) {
        let text = String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned();
        judge(&text);
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ seed);
        for copy in 0..COPIES {
            let text = damaged(&text, &mut dice);
            let failed = std::panic::catch_unwind(|| judge(&text)).is_err();
            assert!(!failed, "copy {copy} of {}:\n{text}", file.display());
        }
    }
}

#[test]
fn any_text_is_read_or_refused_with_its_place() {
    ask_of("values", 40, judge::any_text);
}

#[test]
fn any_manifests_are_compared_or_refused_with_their_place() {
    ask_of("objects/case-study", 4, judge::any_objects);
    for text in [
        "",
        "---\n---\n",
        "apiVersion: v1\nkind: List\nitems: [1, null, {}]\n",
        "a: &a [*a]\n",
        "kind: Secret\n",
    ] {
        judge::any_objects(text);
    }
}
