//! What the fuzz targets ask, asked of the repository's own files, of damaged copies of them, and of chance: the same ones on
//! every run of the seeded part.

#[path = "../../fuzz/judge.rs"]
mod judge;

use crate::dice::Dice;
use crate::support::{Run, written};
use drydock_core::event::Ending;
use drydock_core::{Finding, Kind, StepOutcome};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

/// Damaged copies of each file.
const COPIES: u64 = 8;

/// Pieces that mean something in YAML or JSON, or to a terminal.
const PIECES: [&str; 24] = [
    "&a ",
    "*a",
    ": ",
    "- ",
    "\t",
    "{",
    "]",
    "|\n",
    "\"",
    "'",
    "<<: ",
    "#",
    "\u{feff}",
    "---\n",
    "\u{202e}",
    "\u{1b}[2J",
    "\r",
    "\\u001b",
    "null",
    "-1",
    "1e999",
    "18446744073709551616",
    "\n",
    "\"seq\":0,",
];

/// A few places put in, taken out or doubled.
fn damaged(text: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut all = text.to_vec();
    for _ in 0..1 + dice.below(4) {
        let at = dice.below(all.len() + 1);
        let end = (at + dice.below(40)).min(all.len());
        match dice.below(5) {
            0 | 1 => drop(all.splice(at..at, PIECES[dice.below(PIECES.len())].bytes())),
            2 => drop(all.drain(at..end)),
            3 => {
                let again = all[at..end].to_vec();
                drop(all.splice(at..at, again));
            }
            _ => all.truncate(at.max(all.len() / 2)),
        }
    }
    all
}

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
    let all = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = all.filter(|p| p.extension().is_some_and(|e| e == ending)).collect();
    files.sort();
    files
}

/// Asks of a text, and of its damaged copies; says which one failed.
fn ask(name: &str, text: &[u8], seed: u64, judge: impl Fn(&[u8])) {
    judge(text);
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (seed + 1));
    for copy in 0..COPIES {
        let text = damaged(text, &mut dice);
        let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| judge(&text))).is_err();
        assert!(!failed, "copy {copy} of {name}:\n{}", String::from_utf8_lossy(&text));
    }
}

fn as_text(judge: impl Fn(&str)) -> impl Fn(&[u8]) {
    move |bytes| judge(&String::from_utf8_lossy(bytes))
}

#[test]
fn any_scenario_has_a_plan_or_a_place() {
    let scenarios = files("scenarios", "yaml");
    assert!(scenarios.len() >= 15);
    for (seed, file) in (0..).zip(&scenarios) {
        let text = std::fs::read(file).unwrap();
        ask(&file.display().to_string(), &text, seed, as_text(judge::any_scenario));
    }
}

#[test]
fn any_ledger_is_asked_or_told() {
    for (seed, file) in (0..).zip(files("fixtures/expected", "yaml")) {
        let text = std::fs::read(&file).unwrap();
        ask(&file.display().to_string(), &text, seed, as_text(judge::any_ledger));
    }
}

#[test]
fn any_record_has_a_verdict_or_a_reason() {
    let records = files("fixtures/records", "jsonl");
    assert!(!records.is_empty());
    for (seed, file) in (0..).zip(&records) {
        let text = std::fs::read(file).unwrap();
        ask(&file.display().to_string(), &text, seed, judge::any_record);
    }
    let run = || {
        Run::asking(&["postgres/rows"])
            .step("prepare/provision", StepOutcome::Done)
            .finding(Finding::data(
                "postgres/rows",
                Kind::Missing,
                "identity.public.ä\n𝄞",
                "a row is missing",
            ))
            .check("postgres/rows", 7)
    };
    for (seed, record) in (100..).zip([run().ends(Ending::Complete), run().killed()]) {
        ask("a run made by hand", &written(&record), seed, judge::any_record);
    }
}

#[test]
fn what_steers_a_terminal_is_seen_by_these_tests() {
    for text in
        ["\"\\e[2J\": 1\n", "name: x\n\"a\\u202eb\": 1\n", "name: x\n# \u{1b}]0;owned\u{7}\nseed: many\n"]
    {
        judge::any_scenario(text);
        judge::any_ledger(text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn chance_breaks_nothing(text in any::<String>(), bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        judge::any_scenario(&text);
        judge::any_ledger(&text);
        judge::any_record(&bytes);
        judge::any_record(text.as_bytes());
    }

    #[test]
    fn words_of_yaml_in_any_order_break_nothing(
        words in proptest::collection::vec(
            proptest::sample::select(vec![
                "name", "seed", "source", "target", "postgres", "elasticsearch", "version", "migration", "faults", "fault",
                "expected", "check", "subject", "reason", "expires", "lose-row", "rollback", "from", "budgets", "downtime", ": ",
                ":", "\n", "\n  ", "- ", "{", "}", "[", "]", "x", "15", "90s", "*", "&a", "~", "\u{202e}",
            ]),
            0..40,
        )
    ) {
        let text = format!("name: x\n{}", words.concat());
        judge::any_scenario(&text);
        judge::any_ledger(&text);
    }
}
