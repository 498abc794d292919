//! Whatever stands in the place of a record. With cargo-fuzz and a nightly toolchain, in `harness/core`:
//! `cargo +nightly fuzz run record`. `tests/core/fuzzed.rs` asks the same of a seeded corpus.
#![no_main]

#[path = "../judge.rs"]
#[expect(dead_code, reason = "each target asks one question of it")]
mod judge;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| judge::any_record(bytes));
