//! Whatever a cluster answers. With cargo-fuzz and a nightly toolchain, in `harness/stores`: `cargo +nightly fuzz run answers`.
//! The first byte chooses the request, the second the status, the rest is the body. `tests/it/fuzzed.rs` asks the same of damaged
//! answers.
#![no_main]

#[path = "../judge.rs"]
#[expect(dead_code, reason = "the tests ask more of it")]
mod judge;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let [which, status, body @ ..] = bytes {
        let status = [200, 200, 200, 404, 429, 500][usize::from(*status) % 6];
        judge::any_answer(usize::from(*which), |_| (status, body.to_vec()));
    }
});
