//! Whatever stands in manifests: a clear error or objects, never a panic, and never for long. With cargo-fuzz and a nightly
//! toolchain, in `harness/helm`: `cargo +nightly fuzz run objects`. `tests/helm/fuzzed.rs` asks the same of a seeded corpus.
#![no_main]

#[path = "../judge.rs"]
#[expect(dead_code, reason = "each target asks one question of it")]
mod judge;

libfuzzer_sys::fuzz_target!(|text: &str| judge::any_objects(text));
