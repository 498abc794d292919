//! Every single thing that can go wrong, in turn, and pairs of them: short bounds, and no chance left out within them.

use crate::campaign::{Campaign, run_cases};
use crate::play::play;
use crate::schedule::{Class, Event, Mishap, Schedule, Side, Trouble};
use crate::script::Tracing;
use crate::setup::Setup;

/// How many things go wrong at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// One.
    Single,
    /// Two: each pair of what befalls steps, and each of it with each request that is carried out without an answer or late.
    Pairs,
}

/// What can befall any step.
const MISHAPS: [Mishap; 6] = [
    Mishap::KilledBefore,
    Mishap::KilledWithin(3),
    Mishap::KilledWithin(60),
    Mishap::KilledAfter,
    Mishap::FailsBefore,
    Mishap::FailsAfter,
];

/// What can go wrong with any request.
const TROUBLES: [Trouble; 6] = [
    Trouble::Pressure,
    Trouble::Unavailable,
    Trouble::CutBefore,
    Trouble::CutAfter,
    Trouble::Gateway,
    Trouble::Slow(4_000),
];

fn troubles(class: Class) -> Vec<Trouble> {
    let own: &[Trouble] = match class {
        Class::Read => &[],
        Class::Change => &[Trouble::Late(700)],
        Class::Bulk => &[Trouble::Late(700), Trouble::ItemsRefused],
        Class::Copy => &[Trouble::Late(60), Trouble::Late(1_500), Trouble::ContextLost, Trouble::Silence],
        Class::Session => return Vec::new(),
        Class::Statement => return vec![Trouble::CutBefore, Trouble::CutAfter, Trouble::Slow(4_000)],
        Class::Program => {
            return vec![Trouble::CutBefore, Trouble::Killed, Trouble::TableFails, Trouble::Slow(4_000)];
        }
    };
    TROUBLES.iter().chain(own).copied().collect()
}

/// The schedule of a seed without anything that goes wrong: users' writes, pods that straggle, and whether it is gone back.
fn calm(setup: &Setup, seed: u64) -> Schedule {
    let mut schedule = setup.schedule(seed);
    schedule.events.retain(|event| {
        matches!(
            event,
            Event::Write { .. } | Event::GoBack { .. } | Event::Straggle { .. } | Event::Early { .. }
        )
    });
    schedule
}

/// Everything that can go wrong in one schedule, each by itself: what befalls steps first.
fn mishaps(setup: &Setup) -> Vec<Event> {
    let of = |step: String| MISHAPS.map(|mishap| Event::Mishap { step: step.clone(), mishap });
    setup.steps().into_iter().flat_map(of).collect()
}

/// Faults of every request that the undisturbed schedule makes.
fn faults(setup: &Setup, calm: &Schedule) -> Vec<Event> {
    let made = play(setup, calm, Tracing::Off).of_class;
    let mut all = Vec::new();
    for ((side, class), number) in made {
        for nth in 0..number {
            all.extend(troubles(class).into_iter().map(|trouble| Event::Fault { side, class, nth, trouble }));
        }
    }
    all
}

/// Whether a fault leaves something behind that goes on when its caller is gone.
fn goes_on(event: &Event) -> bool {
    matches!(
        event,
        Event::Fault {
            side: Side::Target,
            class: Class::Copy | Class::Bulk | Class::Change,
            trouble: Trouble::CutAfter | Trouble::Late(_),
            ..
        }
    )
}

/// Plays everything that can go wrong with the schedule of a seed. The numbers of the campaign's seeds are numbers of cases.
pub fn exhaust(setup: &Setup, seed: u64, depth: Depth) -> Campaign {
    let calm = calm(setup, seed);
    let (mishaps, faults) = (mishaps(setup), faults(setup, &calm));
    let cases: Vec<Vec<Event>> = match depth {
        Depth::Single => mishaps.into_iter().chain(faults).map(|event| vec![event]).collect(),
        Depth::Pairs => {
            let going_on: Vec<Event> = faults.into_iter().filter(goes_on).collect();
            let others = |at: usize| mishaps[at + 1..].iter().chain(&going_on);
            let pairs = mishaps.iter().enumerate();
            pairs.flat_map(|(at, one)| others(at).map(move |two| vec![one.clone(), two.clone()])).collect()
        }
    };
    let mut campaign = run_cases(setup, cases.len() as u64, &|at| {
        let mut schedule = calm.clone();
        let more = usize::try_from(at).ok().and_then(|at| cases.get(at));
        schedule.events.extend(more.into_iter().flatten().cloned());
        (at, schedule)
    });
    campaign.shorten(setup);
    campaign
}
