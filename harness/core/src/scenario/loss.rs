//! What going back loses, held against what the budgets allow to be lost.

use super::Budgets;
use crate::finding::{Class, Finding, Outcome};
use std::time::Duration;

/// What it is worth that work is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loss {
    /// Nobody has said how much may be.
    Unsaid,
    /// So much may be.
    Allowed,
    /// Not so much: the budgets that it does not keep, at least one of them.
    TooMuch {
        /// The oldest that is lost is older than this.
        window: Option<Duration>,
        /// More than so many are lost.
        items: Option<u64>,
    },
}

impl Budgets {
    /// So many things are lost, the oldest of them as old as `window` when users could write no more.
    pub fn loss(&self, items: u64, window: Duration) -> Loss {
        if self.rpo.is_none() && self.rpo_items.is_none() {
            return Loss::Unsaid;
        }
        let too_old = self.rpo.map(|most| most.unsigned_abs()).filter(|most| window > *most);
        let too_many = self.rpo_items.filter(|most| items > *most);
        if too_old.is_none() && too_many.is_none() {
            return Loss::Allowed;
        }
        Loss::TooMuch { window: too_old, items: too_many }
    }
}

impl Loss {
    /// The finding of such a loss: different unless a budget allows it. `again` says how it is done again.
    pub fn weigh(&self, finding: Finding, again: &str) -> Finding {
        match self {
            Self::Unsaid => finding.next(format!("{again}; or state in `budgets` how much may be lost")),
            Self::Allowed => {
                let message = format!("{}, which the budget allows", finding.message);
                Finding { outcome: Outcome::Expected, message, ..finding }.next(again)
            }
            Self::TooMuch { window, items } => {
                let mut limits = Vec::new();
                limits.extend(window.map(|most| format!("what is older than {:.0} s", most.as_secs_f64())));
                limits.extend(items.map(|most| format!("more than {most}")));
                let limits = limits.join(" and ");
                let message = format!("{}; the budget does not allow to lose {limits}", finding.message);
                let finding = Finding { class: Class::Budget, message, ..finding };
                finding.next("decide earlier whether to go back, or raise the budget")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Kind;
    use crate::names::checks;

    #[test]
    fn a_loss_is_a_difference_an_allowed_one_or_a_missed_budget() {
        let budgets = |rpo: Option<i64>, rpo_items| Budgets {
            rpo: rpo.map(jiff::SignedDuration::from_secs),
            rpo_items,
            ..Budgets::default()
        };
        let minute = Duration::from_secs(60);
        for (budgets, outcome, class) in [
            (budgets(None, None), Outcome::Different, Class::Access),
            (budgets(None, Some(5)), Outcome::Expected, Class::Access),
            (budgets(None, Some(4)), Outcome::Different, Class::Budget),
            (budgets(Some(60), None), Outcome::Expected, Class::Access),
            (budgets(Some(59), None), Outcome::Different, Class::Budget),
            (budgets(Some(59), Some(4)), Outcome::Different, Class::Budget),
        ] {
            let finding = Finding::access(checks::APP_WAY_BACK, Kind::LostWrite, "x", "5 are lost");
            let weighed = budgets.loss(5, minute).weigh(finding, "again");
            assert_eq!((weighed.outcome, weighed.class), (outcome, class), "{budgets:?}");
            assert!(weighed.message.starts_with("5 are lost") && !weighed.next.is_empty());
        }
        let too_much = budgets(Some(59), Some(4)).loss(5, minute);
        assert_eq!(too_much, Loss::TooMuch { window: Some(Duration::from_secs(59)), items: Some(4) });
        let finding = Finding::access(checks::APP_WAY_BACK, Kind::LostWrite, "x", "5 are lost");
        let told = too_much.weigh(finding, "again").message;
        assert!(told.ends_with("what is older than 59 s and more than 4"), "{told}");
    }
}
