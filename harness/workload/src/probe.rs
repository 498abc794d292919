//! Probes: what users would notice. Open loop: a request is due every interval whether or not the one before has been
//! answered, and its latency counts from the moment it was due, so that an outage cannot hide behind a slow answer.
//!
//! They must not cost what they measure. While users work and nothing happens, they ask from far; they come close when they are
//! told to, before an outage that is planned, and by themselves as soon as a request fails or waits, until all has been well
//! for a while.

mod result;

pub use result::{Outage, ProbeResult};

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Requests of one probe that may be under way at once; a further one counts as failed.
const MOST_UNDER_WAY: usize = 64;
/// A request unanswered for so long has failed, as far as a user is concerned.
const PATIENCE: Duration = Duration::from_secs(5);
/// A probe stays close for so long after the last request that failed or waited.
const CALM: Duration = Duration::from_secs(3);

/// Times between two intended starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rhythm {
    /// While an outage is expected or under way.
    pub close: Duration,
    /// While users work.
    pub far: Duration,
}

impl Rhythm {
    /// One that asks as often from far; never more often than close.
    pub fn new(close: Duration, far: Duration) -> Self {
        Self { close, far: far.max(close) }
    }

    /// One that never changes.
    pub fn steady(interval: Duration) -> Self {
        Self::new(interval, interval)
    }
}

/// From where probes ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distance {
    /// Seldom, beside the work of users.
    Far,
    /// As often as they can.
    Close,
}

/// Tells all probes of a run from where to ask. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pace(Arc<watch::Sender<Distance>>);

impl Pace {
    /// One that begins at a distance.
    pub fn new(distance: Distance) -> Self {
        Self(Arc::new(watch::channel(distance).0))
    }

    /// Whoever comes closer asks at once.
    pub fn set(&self, distance: Distance) {
        self.0.send_replace(distance);
    }
}

/// What became of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Intended start, since the probe began.
    pub due: Duration,
    /// Time from the intended start to the answer.
    pub latency: Duration,
    /// The error, if it failed.
    pub error: Option<String>,
}

/// What requests tell while they are under way.
#[derive(Debug, Default)]
struct Told {
    /// Answers by number of the request. Those still under way are absent.
    answers: Mutex<BTreeMap<u64, Answer>>,
    /// When those under way were due.
    waiting: Mutex<BTreeMap<u64, Instant>>,
    /// A request failed.
    failed: Notify,
}

impl Told {
    fn begin(&self, number: u64, due: Instant) {
        locked(&self.waiting).insert(number, due);
    }

    fn note(&self, number: u64, answer: Answer) {
        let failed = answer.error.is_some();
        locked(&self.waiting).remove(&number);
        locked(&self.answers).insert(number, answer);
        if failed {
            self.failed.notify_one();
        }
    }

    /// How long the request that was due first of those under way has waited.
    fn longest_wait(&self) -> Duration {
        locked(&self.waiting).first_key_value().map_or(Duration::ZERO, |(_, due)| due.elapsed())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the ticking told at its end.
#[derive(Debug, Default)]
struct Ticked {
    sent: u64,
    until: Duration,
}

/// A running probe.
#[derive(Debug)]
pub struct Probe {
    name: String,
    rhythm: Rhythm,
    began: Instant,
    told: Arc<Told>,
    ticking: JoinHandle<Ticked>,
    /// Dropping it stops as well.
    stop: watch::Sender<bool>,
}

impl Probe {
    /// Starts sending `request` in a rhythm, from where `pace` says. The request gets its number.
    pub fn start<F, R>(name: &str, rhythm: Rhythm, pace: &Pace, request: F) -> Self
    where
        F: Fn(u64) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), String>> + Send + 'static,
    {
        let told: Arc<Told> = Arc::default();
        let (stop, stopped) = watch::channel(false);
        let began = Instant::now();
        let ticker = Ticker {
            began,
            rhythm,
            told: Arc::clone(&told),
            stopped,
            pace: pace.0.subscribe(),
            uneasy_until: None,
        };
        let ticking = tokio::spawn(ticker.run(request));
        Self { name: name.to_owned(), rhythm, began, told, ticking, stop }
    }

    /// Ends the probe and waits for the requests under way.
    pub async fn finish(self) -> ProbeResult {
        // Fails only if the task has ended already.
        let _ = self.stop.send(true);
        let Ticked { sent, until } = self.ticking.await.unwrap_or_default();
        let answers = std::mem::take(&mut *locked(&self.told.answers));
        let Self { name, rhythm, began, .. } = self;
        ProbeResult { name, rhythm, began: began.into_std(), until, sent, answers }
    }
}

struct Ticker {
    began: Instant,
    rhythm: Rhythm,
    told: Arc<Told>,
    stopped: watch::Receiver<bool>,
    pace: watch::Receiver<Distance>,
    /// Something failed or waits: it stays close until then.
    uneasy_until: Option<Instant>,
}

impl Ticker {
    async fn run<F, R>(mut self, request: F) -> Ticked
    where
        F: Fn(u64) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), String>> + Send + 'static,
    {
        let mut under_way = tokio::task::JoinSet::new();
        let (mut number, mut due, mut last) = (0_u64, self.began, self.began);
        loop {
            if !self.wait_until(&mut due, last).await {
                break;
            }
            while under_way.try_join_next().is_some() {}
            // Only what users would call slow: a probe that took every answer which is later than the next request from close for
            // trouble would never leave a slow store again, and make it slower.
            if self.told.longest_wait() >= self.rhythm.far {
                self.be_uneasy();
            }
            let since_began = due - self.began;
            if under_way.len() >= MOST_UNDER_WAY {
                let error = Some(format!("{MOST_UNDER_WAY} requests unanswered"));
                self.told.note(number, Answer { due: since_began, latency: due.elapsed(), error });
            } else {
                let (told, answer) = (Arc::clone(&self.told), request(number));
                told.begin(number, due);
                under_way.spawn(async move {
                    let error = match tokio::time::timeout_at(due + PATIENCE, answer).await {
                        Ok(Ok(())) => None,
                        Ok(Err(error)) => Some(error),
                        Err(_) => Some(format!("no answer within {} s", PATIENCE.as_secs())),
                    };
                    told.note(number, Answer { due: since_began, latency: due.elapsed(), error });
                });
            }
            number += 1;
            last = due;
            due = last + self.interval();
        }
        while under_way.join_next().await.is_some() {}
        Ticked { sent: number, until: due - self.began }
    }

    /// Waits for the next intended start, which comes nearer where there is reason to come close. Says whether to go on.
    async fn wait_until(&mut self, due: &mut Instant, last: Instant) -> bool {
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(*due) => return true,
                _ = self.stopped.changed() => return false,
                // Whoever set the pace may be gone: then it stays as it is, and is not asked for again.
                Ok(()) = self.pace.changed() => {}
                () = self.told.failed.notified() => self.be_uneasy(),
            }
            // Never earlier than now: what was not due yet cannot have been late.
            *due = (*due).min((last + self.interval()).max(Instant::now()));
        }
    }

    fn be_uneasy(&mut self) {
        self.uneasy_until = Some(Instant::now() + CALM);
    }

    fn interval(&self) -> Duration {
        let uneasy = self.uneasy_until.is_some_and(|until| Instant::now() < until);
        if uneasy || *self.pace.borrow() == Distance::Close { self.rhythm.close } else { self.rhythm.far }
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
        let pace = Pace::new(Distance::Far);
        let probe = Probe::start("test", Rhythm::steady(interval), &pace, move |_| {
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
        let pace = Pace::new(Distance::Far);
        let probe = Probe::start(
            "test",
            Rhythm::steady(Duration::from_millis(50)),
            &pace,
            move |number| async move {
                // One request hangs for 2 s; the others go on being sent and answered.
                if number == 10 {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                }
                Ok(())
            },
        );
        tokio::time::sleep(Duration::from_secs(3)).await;
        let result = probe.finish().await;
        assert!(result.sent >= 59, "{}", result.sent);
        assert!(result.outages().is_empty());
        assert!(result.latency_us(1.0) < 1_900_000 || result.answers[&10].latency.as_secs() >= 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_without_end_has_none() {
        let pace = Pace::new(Distance::Far);
        let probe = Probe::start("test", Rhythm::steady(Duration::from_millis(50)), &pace, |_| async {
            Err("down".to_owned())
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        let result = probe.finish().await;
        assert_eq!(result.outages().first().map(|o| o.until), Some(None));
        assert_eq!(result.failed(), result.sent);
    }

    const RHYTHM: Rhythm = Rhythm { close: Duration::from_millis(50), far: Duration::from_secs(1) };

    /// A probe of something that is up or not.
    fn of(up: &Arc<AtomicBool>, pace: &Pace) -> Probe {
        let seen = Arc::clone(up);
        Probe::start("test", RHYTHM, pace, move |_| {
            let up = seen.load(Ordering::SeqCst);
            async move { if up { Ok(()) } else { Err("refused".to_owned()) } }
        })
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_announced_is_seen_from_far_and_its_end_from_close() {
        let (up, pace) = (Arc::new(AtomicBool::new(true)), Pace::new(Distance::Far));
        let probe = of(&up, &pace);
        tokio::time::sleep(Duration::from_millis(10_300)).await;
        up.store(false, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(7_720)).await;
        up.store(true, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(20)).await;
        let result = probe.finish().await;
        let outages = result.outages();
        let [outage] = outages.as_slice() else { panic!("{outages:?}") };
        // It began at 10.3 s and was met by the request of 11 s; it ended at 18.02 s.
        assert_eq!((outage.from.as_millis(), outage.resolution), (11_000, RHYTHM.far));
        let until = outage.until.unwrap_or_default();
        assert!((18_020..=18_070).contains(&until.as_millis()), "{until:?}");
        // 11 requests before it, about 140 during it, 60 until it is calm again, 17 after that.
        assert!((200..=250).contains(&result.sent), "{}", result.sent);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_announced_is_seen_from_close_on_both_edges() {
        let (up, pace) = (Arc::new(AtomicBool::new(true)), Pace::new(Distance::Far));
        let probe = of(&up, &pace);
        tokio::time::sleep(Duration::from_millis(10_300)).await;
        pace.set(Distance::Close);
        tokio::time::sleep(Duration::from_millis(110)).await;
        up.store(false, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(2_000)).await;
        up.store(true, Ordering::SeqCst);
        pace.set(Distance::Far);
        tokio::time::sleep(Duration::from_secs(10)).await;
        let result = probe.finish().await;
        let outages = result.outages();
        let [outage] = outages.as_slice() else { panic!("{outages:?}") };
        // Who comes closer asks at once, at 10.3 s, and every 50 ms from then on.
        assert_eq!((outage.from.as_millis(), outage.resolution), (10_450, RHYTHM.close));
        assert_eq!(outage.until.map(|u| u.as_millis()), Some(12_450));
        assert_eq!(result.answers[&11].due.as_millis(), 10_300);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_an_answer_comes_closer_and_leaves_again() {
        let pace = Pace::new(Distance::Far);
        let probe = Probe::start("test", RHYTHM, &pace, |number| async move {
            if number == 3 {
                tokio::time::sleep(Duration::from_millis(2_500)).await;
            }
            Ok(())
        });
        tokio::time::sleep(Duration::from_secs(30)).await;
        let result = probe.finish().await;
        let near = result.answers.values().filter(|a| (4_100..8_500).contains(&a.due.as_millis())).count();
        assert!(near > 60, "{near} requests while one was unanswered and for some seconds more");
        let later = result.answers.values().filter(|a| a.due > Duration::from_secs(10)).count();
        assert!((19..=21).contains(&later), "{later} requests once all was calm");
        drop(pace);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_slow_all_the_time_is_not_asked_more_often_for_it() {
        let pace = Pace::new(Distance::Close);
        let probe = Probe::start("test", RHYTHM, &pace, |_| async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            Ok(())
        });
        tokio::time::sleep(Duration::from_secs(5)).await;
        pace.set(Distance::Far);
        tokio::time::sleep(Duration::from_secs(20)).await;
        let result = probe.finish().await;
        let later = result.answers.values().filter(|a| a.due > Duration::from_secs(6)).count();
        assert!((18..=20).contains(&later), "{later} requests from far");
    }
}
