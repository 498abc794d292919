//! The shortest schedule that still breaks a promise: events are left out, halves first, then ever fewer.

use crate::play::{Played, play};
use crate::promises::Promise;
use crate::schedule::{Event, Schedule};
use crate::script::Tracing;
use crate::setup::Setup;

/// Schedules tried at most.
const TRIES: u32 = 400;

/// What is left of a schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct Shortest {
    /// The schedule.
    pub schedule: Schedule,
    /// Events before.
    pub from: usize,
    /// What it comes to.
    pub played: Played,
}

/// Leaves out events as long as the same promise stays broken. Nothing if the whole schedule does not break it.
pub fn shorten(setup: &Setup, schedule: &Schedule, promise: Promise) -> Option<Shortest> {
    let breaks = |schedule: &Schedule| {
        let played = play(setup, schedule, Tracing::Off);
        played.broken.iter().any(|(p, _)| *p == promise).then_some(played)
    };
    let mut shortest =
        Shortest { schedule: schedule.clone(), from: schedule.events.len(), played: breaks(schedule)? };
    let mut size = shortest.schedule.events.len();
    let mut tries = 0;
    while size > 0 {
        let mut at = 0;
        let mut shorter = false;
        while at < shortest.schedule.events.len() && tries < TRIES {
            tries += 1;
            let kept = (0..).zip(&shortest.schedule.events).filter(|(n, _)| !(at..at + size).contains(n));
            let events: Vec<Event> = kept.map(|(_, event)| event.clone()).collect();
            let part = Schedule { events, ..shortest.schedule.clone() };
            match breaks(&part) {
                Some(played) => {
                    shorter = true;
                    (shortest.schedule, shortest.played) = (part, played);
                }
                None => at += size,
            }
        }
        // Once more with single events: what the last of them needed may be gone.
        size = if size == 1 && shorter && tries < TRIES { 1 } else { size / 2 };
    }
    Some(shortest)
}
