//! Keyed 128-bit digests and additive multisets of them.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{AddAssign, SubAssign};

/// The key of every digest of a comparison. Both sides use the same one; digests under different keys do not compare.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DigestKey([u8; 32]);

impl DigestKey {
    /// A key derived from any text.
    pub fn derived(context: &str) -> Self {
        Self(blake3::derive_key("drydock parity digest v1", context.as_bytes()))
    }

    /// Digest of plain bytes.
    pub fn digest(&self, bytes: &[u8]) -> Digest {
        Digest::truncated(&blake3::keyed_hash(&self.0, bytes))
    }

    /// The fast digests that belong to this key.
    pub fn fast(&self) -> FastKey {
        let mut secret = Box::new([0; FAST_SECRET]);
        blake3::Hasher::new_keyed(&self.0).update(b"fast").finalize_xof().fill(secret.as_mut_slice());
        FastKey { secret }
    }
}

impl Default for DigestKey {
    /// The fixed key: digests of equal data are equal between runs and machines.
    fn default() -> Self {
        Self::derived("fixed")
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestKey(..)")
    }
}

/// Bytes of key material of a [`FastKey`]: as many as XXH3 mixes in.
const FAST_SECRET: usize = 192;

/// A key of fast 128-bit digests (XXH3 with a secret of its own): several times the speed of [`DigestKey`], against
/// accidents and not against an adversary who knows the key. They are compared within one run and never published.
#[derive(Clone)]
pub struct FastKey {
    secret: Box<[u8; FAST_SECRET]>,
}

impl FastKey {
    /// Digest of plain bytes.
    pub fn digest(&self, bytes: &[u8]) -> Digest {
        let hash = twox_hash::XxHash3_128::oneshot_with_secret(self.secret.as_slice(), bytes);
        // Only a secret shorter than 136 bytes is refused.
        Digest(hash.unwrap_or_default())
    }
}

impl fmt::Debug for FastKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FastKey(..)")
    }
}

/// A 128-bit digest. Kept as two numbers, the higher half first: text may be masked where it is kept.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "(u64, u64)", into = "(u64, u64)")]
pub struct Digest(pub u128);

impl Digest {
    pub(crate) fn truncated(hash: &blake3::Hash) -> Self {
        let [a, ..] = hash.as_bytes().as_chunks::<16>().0 else { return Self(0) };
        Self(u128::from_le_bytes(*a))
    }
}

impl From<(u64, u64)> for Digest {
    fn from((high, low): (u64, u64)) -> Self {
        Self(u128::from(high) << 64 | u128::from(low))
    }
}

impl From<Digest> for (u64, u64) {
    #[expect(clippy::cast_possible_truncation, reason = "halves of a number are what is asked for")]
    fn from(Digest(number): Digest) -> Self {
        ((number >> 64) as u64, number as u64)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An order-free digest of a multiset: how many items, and the sum of their digests modulo 2^128. A sum, not an exclusive
/// or: an item that occurs twice must not cancel itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Multiset {
    /// Number of items.
    pub count: u64,
    /// Sum of their digests, wrapping.
    pub sum: u128,
}

impl Multiset {
    /// Adds one item.
    pub fn insert(&mut self, item: Digest) {
        self.count = self.count.wrapping_add(1);
        self.sum = self.sum.wrapping_add(item.0);
    }

    /// Takes one item out.
    pub fn remove(&mut self, item: Digest) {
        self.count = self.count.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(item.0);
    }

    /// One digest for count and sum together.
    pub fn digest(&self, key: &DigestKey) -> Digest {
        let mut bytes = [0_u8; 24];
        bytes[..8].copy_from_slice(&self.count.to_le_bytes());
        bytes[8..].copy_from_slice(&self.sum.to_le_bytes());
        key.digest(&bytes)
    }
}

impl AddAssign for Multiset {
    fn add_assign(&mut self, other: Self) {
        self.count = self.count.wrapping_add(other.count);
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

impl SubAssign for Multiset {
    fn sub_assign(&mut self, other: Self) {
        self.count = self.count.wrapping_sub(other.count);
        self.sum = self.sum.wrapping_sub(other.sum);
    }
}
