//! A reproducible random order.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// The numbers below `count` in an order that follows from the seed alone.
pub fn shuffled(count: usize, seed: u64) -> Vec<usize> {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let mut order: Vec<usize> = (0..count).collect();
    for at in (1..count).rev() {
        order.swap(at, dice.random_range(0..=at));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::shuffled;

    #[test]
    fn the_same_seed_gives_the_same_order_of_everything() {
        let mut once = shuffled(20, 7);
        assert_eq!(once, shuffled(20, 7));
        assert_ne!(once, shuffled(20, 8));
        once.sort_unstable();
        assert_eq!(once, (0..20).collect::<Vec<_>>());
    }
}
