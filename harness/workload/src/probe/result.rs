//! What one probe saw, and the outages it tells of.

use super::{Answer, Rhythm};
use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Everything one probe saw.
#[derive(Debug)]
pub struct ProbeResult {
    /// Name of the probe.
    pub name: String,
    /// Times between two intended starts: what an outage is seen to within.
    pub rhythm: Rhythm,
    /// Intended start of request 0.
    pub began: Instant,
    /// When the request after the last one would have been due, since the probe began.
    pub until: Duration,
    /// Requests sent.
    pub sent: u64,
    /// Their answers by number.
    pub answers: BTreeMap<u64, Answer>,
}

/// A request that was served: its number, when it was due and when it was answered, since the probe began.
#[derive(Debug, Clone, Copy)]
struct Served {
    number: u64,
    due: Duration,
    answered: Duration,
}

/// A time during which every request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// Intended start of the first failed request, since the probe began.
    pub from: Duration,
    /// When users were served again: not before the last failed request was given up or the served one was due, and not after
    /// that was answered. Absent if none was.
    pub until: Option<Duration>,
    /// Failed requests.
    pub failed: u64,
    /// First error.
    pub error: String,
    /// How far either edge may lie from the truth: the time to the request before it.
    pub resolution: Duration,
}

impl ProbeResult {
    /// When a request was due, since the probe began.
    fn due(&self, number: u64) -> Duration {
        self.answers.get(&number).map_or(self.until, |a| a.due)
    }

    /// Time between a request and the one before it.
    fn gap_before(&self, number: u64) -> Duration {
        let before = number.checked_sub(1).map_or(Duration::ZERO, |n| self.due(n));
        self.due(number).saturating_sub(before).max(self.rhythm.close)
    }

    /// Outages in order of time. What failed before a later request was answered belongs to one outage: a service that stands
    /// still answers what it kept waiting all at once, and lets go of the rest.
    pub fn outages(&self) -> Vec<Outage> {
        let mut outages = Vec::new();
        let mut failures =
            self.answers.iter().filter_map(|(n, a)| Some((*n, a, a.error.as_ref()?))).peekable();
        while let Some((first, answer, error)) = failures.next() {
            let from = answer.due;
            let back = self.first_served_after(first);
            let (mut failed, mut given_up) = (1, answer.due + answer.latency);
            let same = |number: u64| back.is_none_or(|b| self.due(number) < b.answered);
            while let Some((_, answer, _)) = failures.next_if(|(number, ..)| same(*number)) {
                failed += 1;
                given_up = given_up.max(answer.due + answer.latency);
            }
            let until = back.map(|b| given_up.max(b.due).min(b.answered));
            let resolution =
                self.gap_before(first).max(back.map_or(Duration::ZERO, |b| self.gap_before(b.number)));
            outages.push(Outage { from, until, failed, error: error.clone(), resolution });
        }
        outages
    }

    /// Of the requests after a failed one, that which was answered first.
    fn first_served_after(&self, number: u64) -> Option<Served> {
        let mut first: Option<Served> = None;
        for (number, answer) in self.answers.range(number + 1..) {
            let (number, due) = (*number, answer.due);
            if first.is_some_and(|f| f.answered <= due) {
                break;
            }
            let answered = due + answer.latency;
            if answer.error.is_none() && first.is_none_or(|f| answered < f.answered) {
                first = Some(Served { number, due, answered });
            }
        }
        first
    }

    /// Latency of the successful requests at a quantile (0 to 1), microseconds from the intended start.
    pub fn latency_us(&self, quantile: f64) -> u64 {
        // Three significant digits up to an hour: bounds that are valid by construction.
        let Ok(mut histogram) = Histogram::<u64>::new_with_bounds(1, 3_600_000_000, 3) else { return 0 };
        for answer in self.answers.values().filter(|a| a.error.is_none()) {
            histogram.saturating_record(u64::try_from(answer.latency.as_micros()).unwrap_or(u64::MAX));
        }
        if histogram.is_empty() { 0 } else { histogram.value_at_quantile(quantile) }
    }

    /// Requests that failed.
    pub fn failed(&self) -> u64 {
        self.answers.values().filter(|a| a.error.is_some()).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A result of requests that were answered after so many milliseconds, or failed.
    fn answered(answers: &[(u64, Result<(), &str>)]) -> ProbeResult {
        let answer = |(n, (latency, result)): (u64, &(u64, Result<(), &str>))| Answer {
            due: Duration::from_millis(100 * n),
            latency: Duration::from_millis(*latency),
            error: result.err().map(str::to_owned),
        };
        ProbeResult {
            name: "test".into(),
            rhythm: Rhythm::steady(Duration::from_millis(100)),
            began: Instant::now(),
            until: Duration::from_millis(100 * answers.len() as u64),
            sent: answers.len() as u64,
            answers: (0..).zip(answers).map(|(n, a)| (n, answer((n, a)))).collect(),
        }
    }

    #[test]
    fn a_service_that_stood_still_was_away_until_it_answered() {
        // Stands still from 100 ms to 700 ms; a request is given up after 400 ms, and the sixth finds no room.
        let (given_up, refused, ok) = (Err("no answer"), Err("no room"), Ok(()));
        let result = answered(&[
            (1, ok),
            (400, given_up),
            (400, given_up),
            (400, ok),
            (0, refused),
            (201, ok),
            (101, ok),
            (1, ok),
        ]);
        let outages = result.outages();
        assert_eq!(outages.len(), 1, "{outages:?}");
        assert_eq!((outages[0].from.as_millis(), outages[0].failed), (100, 3));
        assert!(outages[0].until.is_some_and(|u| (600..=700).contains(&u.as_millis())), "{outages:?}");
        // One request lost its way, and the next ones were served: nobody waited for the first to be given up.
        let lost = answered(&[(1, ok), (400, given_up), (2, ok), (2, ok), (2, refused), (2, ok)]).outages();
        let edges: Vec<_> =
            lost.iter().map(|o| (o.from.as_millis(), o.until.map(|u| u.as_millis()))).collect();
        assert_eq!(edges, [(100, Some(202)), (400, Some(500))]);
        // What is refused at once is over when the first served request was due, however slow that one is.
        let slow = answered(&[(1, ok), (1, refused), (1, refused), (90, ok)]).outages();
        assert_eq!(slow[0].until.map(|u| u.as_millis()), Some(300));
    }
}
