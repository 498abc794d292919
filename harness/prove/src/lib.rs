//! The witness proves itself: corruptions are planted in copies, and the comparison is held against each of them.
//!
//! A family makes a source, writes the same once more in another way (the clean twin) and knows named corruptions. Each
//! corruption is planted alone in a clean twin and compared with the source by the code that the checks use. It counts as
//! caught if the right check tells of it, and as named if the findings say exactly what was harmed and blame nothing else.

pub mod access;
pub mod clusters;
mod describe;
mod dice;
pub mod documents;
mod family;
pub mod json;
mod planted;
pub mod realms;
pub mod rows;
pub mod schemas;
mod shapes;
pub mod usage;

pub use dice::Dice;
pub use family::{Caught, Family, Plant, Variant, prove_family, told};
pub use planted::Planted;

use access::Access;
use clusters::Clusters;
use documents::Documents;
use drydock_core::{CheckId, FamilyProof, Ground, Proof, ProofMiss};
use realms::Realms;
use rows::Rows;
use schemas::Schemas;
use std::time::Instant;
use usage::Usage;

/// Seed where nobody names one.
pub const DEFAULT_SEED: u64 = 20_260_101;

/// Every family in memory. The same seed gives the same proof.
pub fn in_memory(seed: u64) -> Proof {
    prove(seed, |_| true, 1)
}

/// What a run begins with: every corruption of the families that its checks are about, and a tenth of their clean pairs.
/// A run without any such check proves every family.
pub fn of_checks(seed: u64, checks: &[CheckId]) -> Proof {
    let asked = |store: &str| checks.iter().any(|check| check.as_str().split('/').next() == Some(store));
    let any = STORES.into_iter().any(asked);
    prove(seed, |store| !any || asked(store), 10)
}

/// The first part of the names of checks that families belong to.
const STORES: [&str; 3] = ["elasticsearch", "postgres", "keycloak"];

/// The families of some stores, with one clean pair in `thinned`.
fn prove(seed: u64, asked: impl Fn(&str) -> bool, thinned: u64) -> Proof {
    let began = Instant::now();
    let mut families: Vec<FamilyProof> = Vec::new();
    let mut misses: Vec<ProofMiss> = Vec::new();
    let [elasticsearch, postgres, keycloak] = STORES.map(asked);
    // One line a family, with the number of its clean pairs.
    if elasticsearch {
        prove_family::<Documents>(seed, 250 / thinned, &mut families, &mut misses);
    }
    if postgres {
        prove_family::<Rows>(seed, 300 / thinned, &mut families, &mut misses);
        prove_family::<Schemas>(seed, 200 / thinned, &mut families, &mut misses);
        prove_family::<Access>(seed, 200 / thinned, &mut families, &mut misses);
    }
    if elasticsearch {
        prove_family::<Clusters>(seed, 150 / thinned, &mut families, &mut misses);
        prove_family::<Usage>(seed, 50 / thinned, &mut families, &mut misses);
    }
    if keycloak {
        prove_family::<Realms>(seed, 50 / thinned, &mut families, &mut misses);
    }
    misses.truncate(drydock_core::proof::MAX_MISSES);
    let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Proof { ground: Ground::InMemory, seed, families, misses, millis }
}
