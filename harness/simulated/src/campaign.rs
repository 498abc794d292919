//! Many seeds, on every core, and what they came to.

use crate::play::{Ended, play};
use crate::promises::Promise;
use crate::schedule::Schedule;
use crate::script::Tracing;
use crate::setup::Setup;
use crate::shrink::{Shortest, shorten};
use drydock_core::finding::Finding;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

/// One broken promise.
#[derive(Debug, Clone, PartialEq)]
pub struct Broken {
    /// Which.
    pub promise: Promise,
    /// In how many seeds.
    pub seeds: u64,
    /// The first of them.
    pub first: u64,
    /// What was found there.
    pub finding: Finding,
    /// Its schedule.
    pub schedule: Schedule,
    /// Its shortest schedule.
    pub shortest: Option<Shortest>,
}

/// What all seeds came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Campaign {
    /// Seeds played.
    pub seeds: u64,
    /// Virtual milliseconds of all of them.
    pub millis: u64,
    /// Requests of the migrations.
    pub requests: u64,
    /// Faults and kills that happened.
    pub struck: u64,
    /// Seeds that prove something: users came to the target, wrote, and what they wrote was judged there.
    pub proven: u64,
    /// Writes of users that were refused, each try of them.
    pub refused: u64,
    /// Migrations that stopped by themselves, with users on the source.
    pub stopped: u64,
    /// The first of these, and what it said.
    pub first_stopped: Option<(u64, String)>,
    /// By promise.
    pub broken: Vec<Broken>,
    /// Each broken promise with each seed that broke it.
    pub breaks: BTreeSet<(Promise, u64)>,
    /// Requests that the simulator does not know, and what broke in it: of these seeds nothing is proven.
    pub gaps: BTreeSet<String>,
}

#[derive(Default)]
struct Part {
    campaign: Campaign,
    broken: BTreeMap<Promise, (u64, u64, Finding, Schedule)>,
}

impl Part {
    fn add(&mut self, other: Self) {
        let (mine, theirs) = (&mut self.campaign, other.campaign);
        mine.seeds += theirs.seeds;
        mine.millis += theirs.millis;
        mine.requests += theirs.requests;
        mine.struck += theirs.struck;
        mine.stopped += theirs.stopped;
        mine.proven += theirs.proven;
        mine.refused += theirs.refused;
        mine.breaks.extend(theirs.breaks);
        mine.gaps.extend(theirs.gaps);
        let stopped = [mine.first_stopped.take(), theirs.first_stopped];
        mine.first_stopped = stopped.into_iter().flatten().min();
        for (promise, (seeds, first, finding, schedule)) in other.broken {
            let known =
                self.broken.entry(promise).or_insert_with(|| (0, first, finding.clone(), schedule.clone()));
            known.0 += seeds;
            if first < known.1 {
                (known.1, known.2, known.3) = (first, finding, schedule);
            }
        }
    }

    fn play(&mut self, setup: &Setup, seed: u64, schedule: &Schedule) {
        let played = play(setup, schedule, Tracing::Off);
        let campaign = &mut self.campaign;
        campaign.seeds += 1;
        campaign.millis += played.millis;
        campaign.requests += played.requests;
        campaign.struck += played.struck;
        campaign.refused += played.refused;
        campaign.proven += u64::from(played.proves());
        campaign.gaps.extend(played.gaps);
        match played.ended {
            Ended::Complete => {}
            Ended::Stopped(why) => {
                campaign.stopped += 1;
                campaign.first_stopped.get_or_insert((seed, why));
            }
            Ended::Broken(why) => {
                campaign.gaps.insert(why);
            }
        }
        let mut told = BTreeSet::new();
        for (promise, finding) in played.broken {
            if told.insert(promise) {
                self.campaign.breaks.insert((promise, seed));
                let new = || (0, seed, finding, schedule.clone());
                self.broken.entry(promise).or_insert_with(new).0 += 1;
            }
        }
    }
}

impl Campaign {
    /// Whether it says anything: most seeds must prove something, and nothing in them may be unknown.
    pub fn proves(&self) -> bool {
        self.gaps.is_empty() && self.proven * 2 > self.seeds
    }

    /// Shortens the first schedule of each broken promise.
    pub(crate) fn shorten(&mut self, setup: &Setup) {
        for broken in &mut self.broken {
            broken.shortest = shorten(setup, &broken.schedule, broken.promise);
        }
    }

    /// Promises that broke here and not in the same seed of another campaign, with the number of seeds and the first.
    pub fn beyond(&self, other: &Self) -> BTreeMap<Promise, (u64, u64)> {
        let mut found = BTreeMap::new();
        for (promise, seed) in self.breaks.difference(&other.breaks) {
            let (seeds, _) = found.entry(*promise).or_insert((0, *seed));
            *seeds += 1;
        }
        found
    }
}

/// What the absence of a safeguard comes to, beside the same seeds with it.
#[derive(Debug, Clone, PartialEq)]
pub enum Absence {
    /// Promises that broke for want of it alone, with the number of seeds and the first.
    Missed(BTreeMap<Promise, (u64, u64)>),
    /// Nothing more broke than with it.
    NotMissed,
    /// It proves nothing; why.
    NotProven(String),
}

/// Plays the seeds of a baseline again without a safeguard.
pub fn absence(setup: &Setup, baseline: &Campaign, first: u64) -> Absence {
    let without = run_without_shortening(setup, first, baseline.seeds);
    if let Some(gap) = baseline.gaps.iter().chain(&without.gaps).next() {
        return Absence::NotProven(format!("the simulator does not know {gap}"));
    }
    if !baseline.proves() {
        return Absence::NotProven("with it, most seeds prove nothing".into());
    }
    let missed = without.beyond(baseline);
    if missed.is_empty() { Absence::NotMissed } else { Absence::Missed(missed) }
}

/// Plays so many seeds from the first one on. The result does not depend on the number of cores.
pub fn run(setup: &Setup, first: u64, seeds: u64) -> Campaign {
    let mut campaign = run_without_shortening(setup, first, seeds);
    campaign.shorten(setup);
    campaign
}

/// The same, and no schedule is shortened.
pub fn run_without_shortening(setup: &Setup, first: u64, seeds: u64) -> Campaign {
    run_cases(setup, seeds, &|at| {
        let seed = first.wrapping_add(at);
        (seed, setup.schedule(seed))
    })
}

/// Plays so many cases, each of which has a number and a schedule.
pub(crate) fn run_cases(
    setup: &Setup,
    cases: u64,
    case: &(dyn Fn(u64) -> (u64, Schedule) + Sync),
) -> Campaign {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let next = AtomicU64::new(0);
    let mut whole = Part::default();
    std::thread::scope(|scope| {
        let work = || {
            let mut part = Part::default();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= cases {
                    return part;
                }
                let (number, schedule) = case(at);
                part.play(setup, number, &schedule);
            }
        };
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            match thread.join() {
                Ok(part) => whole.add(part),
                Err(_) => {
                    whole.campaign.gaps.insert("a simulation panicked; its seeds are missing".into());
                }
            }
        }
    });
    let mut campaign = whole.campaign;
    for (promise, (seeds, first, finding, schedule)) in whole.broken {
        campaign.broken.push(Broken { promise, seeds, first, finding, schedule, shortest: None });
    }
    campaign
}
