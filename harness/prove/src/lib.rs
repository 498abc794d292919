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
use drydock_core::{FamilyProof, Ground, Proof, ProofMiss};
use realms::Realms;
use rows::Rows;
use schemas::Schemas;
use std::time::Instant;
use usage::Usage;

/// Seed where nobody names one.
pub const DEFAULT_SEED: u64 = 20_260_101;

/// Every family in memory. The same seed gives the same proof.
pub fn in_memory(seed: u64) -> Proof {
    let began = Instant::now();
    let mut families: Vec<FamilyProof> = Vec::new();
    let mut misses: Vec<ProofMiss> = Vec::new();
    // One line a family, with the number of its clean pairs.
    prove_family::<Documents>(seed, 250, &mut families, &mut misses);
    prove_family::<Rows>(seed, 300, &mut families, &mut misses);
    prove_family::<Schemas>(seed, 200, &mut families, &mut misses);
    prove_family::<Access>(seed, 200, &mut families, &mut misses);
    prove_family::<Clusters>(seed, 150, &mut families, &mut misses);
    prove_family::<Usage>(seed, 50, &mut families, &mut misses);
    prove_family::<Realms>(seed, 50, &mut families, &mut misses);
    misses.truncate(drydock_core::proof::MAX_MISSES);
    let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Proof { ground: Ground::InMemory, seed, families, misses, millis }
}
