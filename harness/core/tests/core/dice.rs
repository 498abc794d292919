//! A small generator, so that a failure comes again.

/// Xorshift, with a seed for each copy; not 0.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// The next number below `end`; 0 where that is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end.max(1) as u64).unwrap()
    }
}
