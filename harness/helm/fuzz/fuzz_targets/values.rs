//! Whatever stands in a values file: a clear error or values, never a panic, and never for long. With cargo-fuzz and a nightly
//! toolchain, in `harness/helm`: `cargo +nightly fuzz run values`. `tests/helm/fuzzed.rs` asks the same of a seeded corpus.
#![no_main]

#[path = "../judge.rs"]
#[expect(dead_code, reason = "each target asks one question of it")]
mod judge;

libfuzzer_sys::fuzz_target!(|text: &str| judge::any_text(text));
