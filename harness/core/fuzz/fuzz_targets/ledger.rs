//! Whatever stands in the place of a ledger. With cargo-fuzz and a nightly toolchain, in `harness/core`:
//! `cargo +nightly fuzz run ledger`. `tests/core/fuzzed.rs` asks the same of a seeded corpus.
#![no_main]

#[path = "../judge.rs"]
#[expect(dead_code, reason = "each target asks one question of it")]
mod judge;

libfuzzer_sys::fuzz_target!(|text: &str| judge::any_ledger(text));
