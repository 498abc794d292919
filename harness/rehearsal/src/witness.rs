//! The proof that every run begins with: the checks of this very build against corruptions planted in copies.

use drydock_core::{CheckId, Proof};

/// Makes the proof from a seed, for the checks that the run asks for. Tests bring one that fails.
#[derive(Clone, Copy)]
pub struct Witness(pub fn(u64, &[CheckId]) -> Proof);

impl Default for Witness {
    /// The proof in memory, in a quarter of a second.
    fn default() -> Self {
        Self(drydock_prove::of_checks)
    }
}

impl std::fmt::Debug for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Witness")
    }
}
