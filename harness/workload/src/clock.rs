//! The clock that the application dates its data by. It need not be right.

use jiff::{SignedDuration, Timestamp, Unit};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// The clock of a running application. Clones are the same clock.
#[derive(Debug, Clone, Default)]
pub struct ApplicationClock {
    ahead_ms: Arc<AtomicI64>,
}

impl ApplicationClock {
    /// Its time, in whole milliseconds.
    pub fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_millis(self.ahead_ms.load(Ordering::SeqCst));
        let now = Timestamp::now();
        // Outside of what a timestamp can be it stands still.
        let told = now.checked_add(ahead).unwrap_or(now);
        told.round(Unit::Millisecond).unwrap_or(told)
    }

    /// Sets it so much ahead of this machine's clock, or behind it where that is negative.
    pub fn set_ahead(&self, by: SignedDuration) {
        let ms = i64::try_from(by.as_millis()).unwrap_or_default();
        self.ahead_ms.store(ms, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_as_much_ahead_or_behind_as_it_is_set() {
        let clock = ApplicationClock::default();
        let off = |clock: &ApplicationClock| clock.now().duration_since(Timestamp::now()).as_secs();
        assert!(off(&clock).abs() <= 1);
        for hours in [26, -26] {
            clock.clone().set_ahead(SignedDuration::from_hours(hours));
            assert!((off(&clock) - hours * 3600).abs() <= 1, "{hours}: {}", off(&clock));
        }
        assert_eq!(clock.now().subsec_nanosecond() % 1_000_000, 0, "importers work with milliseconds");
    }
}
