//! The clocks of an outage against each other: the phases, the probes, and users' acknowledged writes.

use drydock_core::finding::{Class, Finding, Kind, Outcome, Sample};
use drydock_core::names::checks;
use drydock_workload::probe::ProbeResult;
use drydock_workload::probes::Gap;
use std::collections::BTreeMap;
use std::time::Duration;

/// How far two clocks may disagree beyond the probes' resolution: the time a request may take on a busy machine.
const TOLERANCE: Duration = Duration::from_secs(2);
/// How long after the opening the first write to a store may be acknowledged: twice what a user waits for one answer.
const LATE: Duration = Duration::from_secs(10);
/// Turns of the writer of which one writes to each store, whichever databases a scenario has.
const TURNS: u32 = 8;

/// What a probe saw, on the run's clock.
pub(super) struct Seen<'a> {
    pub(super) result: &'a ProbeResult,
    pub(super) began_ms: u64,
}

impl Seen<'_> {
    pub(super) fn ms(&self, since: Duration) -> u64 {
        self.began_ms.saturating_add(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    /// When the request after the last one would have been due.
    pub(super) fn ended_ms(&self) -> u64 {
        self.ms(self.result.until)
    }
}

/// What the phases promise about users' writes.
pub(super) struct Writes {
    pub(super) closed_ms: u64,
    /// When the last request that was under way had ended.
    pub(super) stopped_ms: u64,
    pub(super) opened_ms: u64,
    /// How often users write from the opening on; absent where they do not begin at once.
    pub(super) every: Option<Duration>,
}

/// For each probe: both clocks must tell of one and the same outage in the window that is judged. An outage outside of all
/// windows is told with the first of them. Returns how many probes watched.
pub(super) fn clocks_agree(
    check: &str,
    probes: &[Seen<'_>],
    windows: &[(u64, u64)],
    judged: usize,
) -> (u64, Vec<Finding>) {
    let mut findings = Vec::new();
    let Some((closed, opened)) = windows.get(judged).copied() else { return (0, findings) };
    let clock = Duration::from_millis(opened.saturating_sub(closed));
    let mut watched = 0_u64;
    for probe in probes {
        let result = probe.result;
        let tolerance = |resolution: Duration| resolution * 2 + TOLERANCE;
        let mut seen = None;
        for outage in result.outages() {
            let (from, until) = (probe.ms(outage.from), outage.until.map_or(u64::MAX, |u| probe.ms(u)));
            let within = |(begin, end): &(u64, u64)| until > *begin && from < *end;
            if within(&(closed, opened)) {
                seen = Some((outage.until.map(|until| until - outage.from), outage.resolution));
            } else if judged == 0
                && !windows.iter().any(within)
                && outage.until.is_none_or(|until| until - outage.from > TOLERANCE)
            {
                let length = outage
                    .until
                    .map_or("without end".into(), |u| format!("of {:.1} s", (u - outage.from).as_secs_f64()));
                let sample = Sample::named(format!("{:.1} s into the run: {}", seconds(from), outage.error));
                let message =
                    format!("the probe {} saw an outage {length} outside of the cutover", result.name);
                findings.push(disagreement(check, &result.name, message, sample));
            }
        }
        // One that rested meanwhile cannot tell.
        if probe.began_ms > closed || probe.ended_ms() < opened {
            continue;
        }
        watched += 1;
        // An outage shorter than the probe's interval may fall between two requests.
        let unseen = seen.is_none() && clock <= tolerance(result.rhythm.close);
        let agree = seen.is_some_and(|(seen, resolution)| {
            seen.is_some_and(|seen| seen.abs_diff(clock) <= tolerance(resolution))
        });
        if !(agree || unseen && judged > 0) {
            let seen = match seen.map(|(seen, _)| seen) {
                Some(Some(seen)) => format!("{:.2} s", seen.as_secs_f64()),
                Some(None) => "one without end".into(),
                None => "none".into(),
            };
            let message = format!(
                "by the clock of the phases the outage took {:.2} s; the probe {} saw {seen}",
                clock.as_secs_f64(),
                result.name
            );
            findings.push(disagreement(check, &result.name, message, Sample::named(result.name.clone())));
        }
    }
    (watched, findings)
}

/// Users' acknowledged writes must tell of the outage that the phases tell of: none while the service was closed, and again
/// soon after it was opened.
pub(super) fn writes_agree(gaps: &BTreeMap<&'static str, Gap>, writes: &Writes) -> Vec<Finding> {
    let clock = Duration::from_millis(writes.opened_ms.saturating_sub(writes.closed_ms));
    // Requests that were under way when the service closed may still be answered until the last of them has ended.
    let shut = Duration::from_millis(writes.opened_ms.saturating_sub(writes.stopped_ms));
    let latest = writes.every.map(|every| LATE + every * TURNS);
    let mut findings = Vec::new();
    for (store, gap) in gaps {
        let late = Duration::from_millis(gap.until_ms.saturating_sub(writes.opened_ms));
        let told = if Duration::from_millis(gap.ms()) + TOLERANCE < shut {
            // Who was told that something is stored while the service was closed wrote past the gate.
            format!(
                "the longest time in it without an acknowledged write to {store} is {:.2} s",
                seconds(gap.ms())
            )
        } else if latest.is_some_and(|latest| late > latest) {
            format!("after it no write to {store} was acknowledged for {:.2} s more", late.as_secs_f64())
        } else {
            continue;
        };
        let message =
            format!("by the clock of the phases the outage took {:.2} s; {told}", clock.as_secs_f64());
        findings.push(disagreement(checks::DOWNTIME, store, message, Sample::named((*store).to_owned())));
    }
    findings
}

/// Two clocks tell of different outages.
fn disagreement(check: &str, subject: &str, message: String, sample: Sample) -> Finding {
    Finding {
        class: Class::Budget,
        outcome: Outcome::NotProven,
        ..Finding::data(check, Kind::Disagreement, subject, message)
            .items(1, [sample])
            .next("trust neither figure; look at the stores' logs at that time")
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a run are far below 2^53")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use drydock_workload::probe::{Answer, Rhythm};
    use std::time::Instant;

    const CLOSED: u64 = 10_000;
    const OPENED: u64 = 20_000;

    /// A probe of which the requests due from `from` to `until` (ms of the run) failed.
    fn probe(from: u64, until: u64) -> ProbeResult {
        let answer = |n: u64| Answer {
            due: Duration::from_millis(50 * n),
            latency: Duration::from_millis(1),
            error: (from..until).contains(&(n * 50)).then(|| "refused".to_owned()),
        };
        ProbeResult {
            name: "login".into(),
            rhythm: Rhythm::steady(Duration::from_millis(50)),
            began: Instant::now(),
            until: Duration::from_secs(50),
            sent: 1000,
            answers: (0..1000).map(|n| (n, answer(n))).collect(),
        }
    }

    fn by_probes(from: u64, until: u64) -> (u64, Vec<Finding>) {
        let result = probe(from, until);
        let seen = Seen { result: &result, began_ms: 0 };
        clocks_agree(checks::DOWNTIME, &[seen], &[(CLOSED, OPENED)], 0)
    }

    fn by_writes(from_ms: u64, until_ms: u64, every: Option<Duration>) -> Vec<Finding> {
        let gaps = BTreeMap::from([("postgres", Gap { from_ms, until_ms })]);
        let (closed_ms, stopped_ms, opened_ms) = (CLOSED, CLOSED + 200, OPENED);
        writes_agree(&gaps, &Writes { closed_ms, stopped_ms, opened_ms, every })
    }

    fn assert_red(findings: &[Finding], words: &str) {
        let [finding] = findings else { panic!("{findings:?}") };
        assert_eq!(finding.check.as_str(), checks::DOWNTIME);
        assert_eq!((finding.kind, finding.outcome), (Kind::Disagreement, Outcome::NotProven));
        assert!(finding.message.contains(words), "{}", finding.message);
    }

    #[test]
    fn probes_that_tell_of_another_outage_make_the_downtime_red() {
        let (watched, findings) = by_probes(CLOSED, OPENED);
        assert_eq!((watched, findings), (1, Vec::new()), "the clean twin");
        assert_red(&by_probes(CLOSED, CLOSED + 5_000).1, "saw 5.00 s");
        assert_red(&by_probes(0, 0).1, "saw none");
        assert_red(&by_probes(CLOSED, u64::MAX).1, "one without end");
        let beside = by_probes(30_000, 33_000).1;
        assert_eq!(beside.len(), 2, "an outage beside the cutover, and none in it: {beside:?}");
        assert!(beside[0].message.contains("outside of the cutover"), "{beside:?}");
    }

    #[test]
    fn writes_that_tell_of_another_outage_make_the_downtime_red() {
        let every = Some(Duration::from_millis(50));
        // Clean twins: the last write just before the closing, or answered until the last request ended; the first one soon
        // after the opening, or as late as a loaded machine may be.
        for (from, until) in
            [(CLOSED - 40, OPENED + 60), (CLOSED + 190, OPENED + 10), (CLOSED - 900, OPENED + 9_000)]
        {
            assert_eq!(by_writes(from, until, every), [], "{from} to {until}");
        }
        // The probes saw ten seconds; users could not write for forty.
        assert_eq!(by_probes(CLOSED, OPENED).1, []);
        assert_red(&by_writes(CLOSED - 40, OPENED + 30_000, every), "acknowledged for 30.00 s more");
        assert_red(
            &by_writes(CLOSED + 4_000, OPENED + 10, every),
            "without an acknowledged write to postgres is 6.01 s",
        );
        // Who writes seldom, or not from the opening on, is not late.
        assert_eq!(by_writes(CLOSED - 40, OPENED + 30_000, Some(Duration::from_secs(3))), []);
        assert_eq!(by_writes(CLOSED - 40, OPENED + 30_000, None), []);
    }
}
