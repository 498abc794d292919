//! Whatever stands in a values file: a clear error or values, never a panic, and never for long. With cargo-fuzz and a nightly
//! toolchain, in `harness/helm`: `cargo +nightly fuzz run values`.
#![no_main]

use drydock_helm::values::{Road, Supplied, propose};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let files = [("values.yaml".to_owned(), text.to_owned())];
    match Supplied::read(&files, &[]) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(_) => {
            if let Ok(road) = Road::between("12.x", "13.x") {
                // What can be read is written, or refused with a reason.
                let _ = propose(&files, &road, None, None);
            }
        }
    }
});
