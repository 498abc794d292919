//! An exact number of writes, shared by everything that writes: what is asked for beforehand is taken, and what was not
//! acknowledged is given back.

use std::sync::Mutex;
use std::sync::PoisonError;

/// What is left of the writes that may be made.
#[derive(Debug)]
pub(super) struct Allowance {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Neither acknowledged nor under way.
    left: u64,
    /// Asked for and not answered yet.
    under_way: u64,
}

impl Allowance {
    /// So many writes, and no more.
    pub(super) fn of(writes: u64) -> Self {
        Self { state: Mutex::new(State { left: writes, under_way: 0 }) }
    }

    /// Takes so many, or none.
    pub(super) fn take(&self, writes: u64) -> bool {
        let mut state = self.lock();
        let enough = state.left >= writes;
        if enough {
            state.left -= writes;
            state.under_way += writes;
        }
        enough
    }

    /// Of so many taken so many were acknowledged.
    pub(super) fn settle(&self, taken: u64, acknowledged: u64) {
        let mut state = self.lock();
        state.under_way -= taken;
        state.left += taken.saturating_sub(acknowledged);
    }

    /// Whether every one of them has been acknowledged.
    pub(super) fn is_used_up(&self) -> bool {
        let state = self.lock();
        state.left == 0 && state.under_way == 0
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Allowance;
    use proptest::prelude::*;

    proptest! {
        /// However requests are answered, the acknowledged ones come to exactly what was allowed.
        #[test]
        fn exactly_so_many_are_acknowledged(
            writes in 1_u64..200,
            requests in prop::collection::vec((1_u64..9, 0_u64..10), 0..80),
        ) {
            let allowance = Allowance::of(writes);
            let mut acknowledged = 0;
            // What is left at the end is made one by one, as the writer does.
            let singly = std::iter::repeat_n((1, 1), 200);
            for (wanted, answered) in requests.into_iter().chain(singly) {
                if allowance.take(wanted) {
                    let answered = answered.min(wanted);
                    allowance.settle(wanted, answered);
                    acknowledged += answered;
                }
            }
            prop_assert!(allowance.is_used_up());
            prop_assert_eq!(acknowledged, writes);
            prop_assert!(!allowance.take(1));
        }
    }
}
