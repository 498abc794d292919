//! The clock of a simulated run: it goes with virtual time, from the same date in every run.

use drydock_core::Clock;
use jiff::{SignedDuration, Timestamp};
use std::time::Instant as StdInstant;
use tokio::time::Instant;

/// Seconds from 1970 to the day on which every simulation begins: 2026-01-01.
const DAY: i64 = 1_767_225_600;

/// Virtual time since a simulation began. It goes on between the lives of a run, as the clocks of stores and users do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VirtualClock {
    begun: Instant,
}

impl VirtualClock {
    pub(crate) fn new(begun: Instant) -> Self {
        Self { begun }
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let begun = Timestamp::from_second(DAY).unwrap_or_default();
        let since = SignedDuration::try_from(self.begun.elapsed()).unwrap_or_default();
        begun.checked_add(since).unwrap_or(begun)
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn ms_at(&self, instant: StdInstant) -> u64 {
        let since = Instant::from_std(instant).saturating_duration_since(self.begun);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}
