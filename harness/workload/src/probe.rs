//! Probes: what users would notice. Open loop: a request is due every interval whether or not the one before has been
//! answered, and its latency counts from the moment it was due, so that an outage cannot hide behind a slow answer.

use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Requests of one probe that may be under way at once; a further one counts as failed.
const MOST_UNDER_WAY: usize = 64;
/// A request unanswered for so long has failed, as far as a user is concerned.
const PATIENCE: Duration = Duration::from_secs(5);

/// What became of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Time from the intended start to the answer.
    pub latency: Duration,
    /// The error, if it failed.
    pub error: Option<String>,
}

/// Answers of one probe, by number of the intended start. Those still under way are absent.
type Answers = Arc<Mutex<BTreeMap<u64, Answer>>>;

/// A running probe.
#[derive(Debug)]
pub struct Probe {
    name: String,
    interval: Duration,
    began: Instant,
    answers: Answers,
    ticking: JoinHandle<u64>,
    stop: stop_signal::Stop,
}

/// A one-shot stop signal.
mod stop_signal {
    use tokio::sync::watch;

    /// Sender half; dropping it stops as well.
    pub(super) type Stop = watch::Sender<bool>;
    /// Receiver half.
    pub(super) type Stopped = watch::Receiver<bool>;

    pub(super) fn pair() -> (Stop, Stopped) {
        watch::channel(false)
    }
}

impl Probe {
    /// Starts sending `request` every `interval`. The request gets its number.
    pub fn start<F, R>(name: &str, interval: Duration, request: F) -> Self
    where
        F: Fn(u64) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), String>> + Send + 'static,
    {
        let answers: Answers = Arc::default();
        let (stop, stopped) = stop_signal::pair();
        let began = Instant::now();
        let ticking = tokio::spawn(tick(began, interval, Arc::clone(&answers), stopped, request));
        Self { name: name.to_owned(), interval, began, answers, ticking, stop }
    }

    /// Ends the probe and waits for the requests under way.
    pub async fn finish(self) -> ProbeResult {
        // Fails only if the task has ended already.
        let _ = self.stop.send(true);
        let sent = self.ticking.await.unwrap_or_default();
        let answers =
            std::mem::take(&mut *self.answers.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        ProbeResult { name: self.name, interval: self.interval, began: self.began, sent, answers }
    }
}

async fn tick<F, R>(
    began: Instant,
    interval: Duration,
    answers: Answers,
    mut stopped: stop_signal::Stopped,
    request: F,
) -> u64
where
    F: Fn(u64) -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), String>> + Send + 'static,
{
    let mut under_way = tokio::task::JoinSet::new();
    let mut number = 0_u64;
    loop {
        let due = began + interval.saturating_mul(u32::try_from(number).unwrap_or(u32::MAX));
        tokio::select! {
            () = tokio::time::sleep_until(due.into()) => {}
            _ = stopped.changed() => break,
        }
        while under_way.try_join_next().is_some() {}
        if under_way.len() >= MOST_UNDER_WAY {
            let error = Some(format!("{MOST_UNDER_WAY} requests unanswered"));
            note(&answers, number, Answer { latency: due.elapsed(), error });
        } else {
            let (answers, answer) = (Arc::clone(&answers), request(number));
            under_way.spawn(async move {
                let error = match tokio::time::timeout_at((due + PATIENCE).into(), answer).await {
                    Ok(Ok(())) => None,
                    Ok(Err(error)) => Some(error),
                    Err(_) => Some(format!("no answer within {} s", PATIENCE.as_secs())),
                };
                note(&answers, number, Answer { latency: due.elapsed(), error });
            });
        }
        number += 1;
    }
    while under_way.join_next().await.is_some() {}
    number
}

fn note(answers: &Answers, number: u64, answer: Answer) {
    answers.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(number, answer);
}

/// Everything one probe saw.
#[derive(Debug)]
pub struct ProbeResult {
    /// Name of the probe.
    pub name: String,
    /// Time between two intended starts: the resolution.
    pub interval: Duration,
    /// Intended start of request 0.
    pub began: Instant,
    /// Requests sent.
    pub sent: u64,
    /// Their answers by number.
    pub answers: BTreeMap<u64, Answer>,
}

/// A request that was served: when it was due and when it was answered, since the probe began.
#[derive(Debug, Clone, Copy)]
struct Served {
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
}

impl ProbeResult {
    /// When a request was due, since the probe began.
    fn due(&self, number: u64) -> Duration {
        self.interval.saturating_mul(u32::try_from(number).unwrap_or(u32::MAX))
    }

    /// Outages in order of time. What failed before a later request was answered belongs to one outage: a service that stands
    /// still answers what it kept waiting all at once, and lets go of the rest.
    pub fn outages(&self) -> Vec<Outage> {
        let mut outages = Vec::new();
        let mut failures =
            self.answers.iter().filter_map(|(n, a)| Some((*n, a, a.error.as_ref()?))).peekable();
        while let Some((first, answer, error)) = failures.next() {
            let back = self.first_served_after(first);
            let (mut failed, mut given_up) = (1, self.due(first) + answer.latency);
            let same = |number: u64| back.is_none_or(|b| self.due(number) < b.answered);
            while let Some((number, answer, _)) = failures.next_if(|(number, ..)| same(*number)) {
                failed += 1;
                given_up = given_up.max(self.due(number) + answer.latency);
            }
            let until = back.map(|b| given_up.max(b.due).min(b.answered));
            outages.push(Outage { from: self.due(first), until, failed, error: error.clone() });
        }
        outages
    }

    /// Of the requests after a failed one, that which was answered first.
    fn first_served_after(&self, number: u64) -> Option<Served> {
        let mut first: Option<Served> = None;
        for (number, answer) in self.answers.range(number + 1..) {
            let due = self.due(*number);
            if first.is_some_and(|f| f.answered <= due) {
                break;
            }
            let answered = due + answer.latency;
            if answer.error.is_none() && first.is_none_or(|f| answered < f.answered) {
                first = Some(Served { due, answered });
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
    use std::sync::atomic::{AtomicBool, Ordering};

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_seen_within_one_interval_of_its_true_edges() {
        let up = Arc::new(AtomicBool::new(true));
        let seen = Arc::clone(&up);
        let interval = Duration::from_millis(50);
        let probe = Probe::start("test", interval, move |_| {
            let up = seen.load(Ordering::SeqCst);
            async move { if up { Ok(()) } else { Err("refused".to_owned()) } }
        });
        tokio::time::sleep(Duration::from_millis(1_010)).await;
        up.store(false, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(2_300)).await;
        up.store(true, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let result = probe.finish().await;
        let outages = result.outages();
        assert_eq!(outages.len(), 1);
        let length = outages[0].until.map(|until| until - outages[0].from).unwrap_or_default();
        assert!(length.abs_diff(Duration::from_millis(2_300)) <= interval, "{length:?}");
        assert_eq!(result.sent, result.answers.len() as u64);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_answer_does_not_stop_the_clock() {
        let probe = Probe::start("test", Duration::from_millis(50), move |number| async move {
            // One request hangs for 2 s; the others go on being sent and answered.
            if number == 10 {
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
            Ok(())
        });
        tokio::time::sleep(Duration::from_secs(3)).await;
        let result = probe.finish().await;
        assert!(result.sent >= 59, "{}", result.sent);
        assert!(result.outages().is_empty());
        assert!(result.latency_us(1.0) < 1_900_000 || result.answers[&10].latency.as_secs() >= 1);
    }

    /// A result of requests that were answered after so many milliseconds, or failed.
    fn answered(answers: &[(u64, Result<(), &str>)]) -> ProbeResult {
        let answer = |(latency, result): &(u64, Result<(), &str>)| Answer {
            latency: Duration::from_millis(*latency),
            error: result.err().map(str::to_owned),
        };
        ProbeResult {
            name: "test".into(),
            interval: Duration::from_millis(100),
            began: Instant::now(),
            sent: answers.len() as u64,
            answers: (0..).zip(answers.iter().map(answer)).collect(),
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

    #[tokio::test(start_paused = true)]
    async fn an_outage_without_end_has_none() {
        let probe = Probe::start("test", Duration::from_millis(50), |_| async { Err("down".to_owned()) });
        tokio::time::sleep(Duration::from_secs(1)).await;
        let result = probe.finish().await;
        assert_eq!(result.outages().first().map(|o| o.until), Some(None));
        assert_eq!(result.failed(), result.sent);
    }
}
