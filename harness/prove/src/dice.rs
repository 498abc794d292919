//! Everything random of a proof, from one seed.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// A stream of random choices with a name of its own: what one variant draws does not change what another one meets.
#[derive(Debug)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream of `name` under `seed`.
    pub fn new(seed: u64, name: &str) -> Self {
        // FNV-1a: the name only has to lead to another stream, not to a secret.
        let hash = name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        Self(ChaCha8Rng::seed_from_u64(seed ^ hash))
    }

    /// A number below `n`; 0 where `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        if n == 0 { 0 } else { self.0.random_range(0..n) }
    }

    /// A number from `low` to `high`, both possible.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        self.0.random_range(low..=high.max(low))
    }

    /// One of two, evenly.
    pub fn flip(&mut self) -> bool {
        self.0.random_bool(0.5)
    }

    /// Two different numbers below `n`, the smaller one first; `n` is 2 or more.
    pub fn two_below(&mut self, n: usize) -> (usize, usize) {
        let a = self.below(n);
        let b = self.below(n.saturating_sub(1));
        let b = if b >= a { b + 1 } else { b };
        (a.min(b), a.max(b))
    }

    /// One of some things; `None` of none.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        all.get(self.below(all.len()))
    }

    /// Any order.
    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for at in (1..all.len()).rev() {
            all.swap(at, self.below(at + 1));
        }
    }

    /// So many hexadecimal digits.
    pub fn hex(&mut self, digits: usize) -> String {
        (0..digits).filter_map(|_| char::from_digit(u32::try_from(self.below(16)).unwrap_or(0), 16)).collect()
    }
}
