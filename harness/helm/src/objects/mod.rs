//! Objects of a release compared by meaning: what is lost, what cannot be changed in place, what selects nothing, which
//! volumes are left behind, which secrets are not the same, and what outside of the namespace is missing.

mod bitnami;
mod cluster;
mod contents;
mod controllers;
mod credentials;
mod hosts;
mod immutable;
mod meaning;
mod model;
mod reach;
mod secrets;
mod staging;
mod storage;

pub use model::{Inventory, Key, Nature, Object, ObjectsError};
pub use secrets::secret_value;
pub use staging::against as staging_against;

use crate::check::Check;
use crate::values::Bitnami;

/// What is judged.
#[derive(Debug, Clone, Copy)]
pub struct Objects<'o> {
    /// The objects before.
    pub before: &'o Inventory,
    /// The objects after.
    pub after: &'o Inventory,
    /// Name of the release, for the hosts of its services.
    pub release: &'o str,
    /// Whether parts built by Bitnami may stay.
    pub bitnami: Bitnami,
    /// Key of the digests by which secrets are compared; a new one for every run, so that digests of two runs say nothing.
    pub digest_key: &'o [u8; 32],
}

/// Whether something was wrong before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    /// It is wrong now.
    Now,
    /// It was wrong already.
    Before,
}

impl Since {
    fn of(already: bool) -> Self {
        if already { Self::Before } else { Self::Now }
    }
}

/// Compares two sets of objects.
pub fn judge(objects: &Objects<'_>) -> Vec<Check> {
    vec![
        contents::check(objects),
        immutable::check(objects),
        reach::check(objects),
        storage::check(objects),
        secrets::check(objects),
        cluster::check(objects),
        controllers::check(objects),
        bitnami::check(objects),
    ]
}
