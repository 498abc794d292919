//! Watching a migration that somebody else carries out: when is the source at rest, when is the copy complete, when may the two
//! be compared, and does what was compared still stand at the end. A pure state machine of one store: it is fed with looks at
//! both sides and never asks anybody.
//!
//! Looks come at intervals, so everything is known to lie in a [`Window`] and nothing at a moment. Each doubt makes the
//! answer weaker: what was not seen at rest is not frozen, and what was not seen again after it was compared does not stand.

mod file;
mod side;
#[cfg(test)]
mod tests;

pub use file::{Address, Kubernetes, LATE_MS, Observation, ObservedSide, Pace, Secret};
pub use side::{Sight, Window};

use side::SideWatch;

/// One look at a store on both sides. `P` are positions that change with every write, and with nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look<P> {
    /// When it began, in milliseconds of the run's clock.
    pub began_ms: u64,
    /// When it had ended.
    pub ended_ms: u64,
    /// The source.
    pub source: Sight<P>,
    /// The target.
    pub target: Sight<P>,
    /// What is known of the application's workloads, where somebody can see them.
    pub workloads: Workloads,
}

/// Whether the application runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Workloads {
    /// Nobody can see it.
    #[default]
    Unseen,
    /// No pod is left, not even one that is ending.
    Stopped,
    /// There are pods.
    Running,
}

/// How long a side has to stand still before that counts, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rest {
    /// The source, where nobody sees that the application is stopped.
    pub source_ms: u64,
    /// The target.
    pub target_ms: u64,
    /// Figures of a write may reach the positions so late. Only a store whose [`Sight::Seen::pulse`] tells at once is trusted
    /// before.
    pub late_ms: u64,
}

/// Something that was seen for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// The source does not answer any more: why not.
    SourceAway(Window, String),
    /// It answers again.
    SourceBack(Window),
    /// The source has been at rest for long enough; the window is that of its last movement.
    SourceRests(Window),
    /// The source moved after it had been seen at rest.
    SourceMoved(Window),
    /// The target does not answer any more: why not.
    TargetAway(Window, String),
    /// It answers again.
    TargetBack(Window),
    /// The target moved after it had stood still, or for the first time.
    TargetGrows(Window),
    /// The target has stood still for long enough; the window is that of its last movement.
    TargetRests(Window),
    /// The application's pods are gone.
    Stopped(Window),
    /// The application runs again.
    Started(Window),
}

/// What a comparison came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// Nothing objects.
    Equal,
    /// Something differs, or could not be compared.
    NotEqual,
}

/// A comparison that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Made<P> {
    source: P,
    pulse: Option<u64>,
    target: P,
    came: Came,
    ended_ms: u64,
    /// The source was seen unmoved after it.
    confirmed: bool,
    /// What took its meaning away.
    spoilt: Option<Spoilt>,
    /// The target moved since.
    target_moved: Option<Window>,
}

/// Why a comparison says nothing about the end of the migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoilt {
    /// The source was written to since.
    SourceMoved(Window),
    /// The source went away before it was seen unmoved after the comparison.
    SourceAway(Window),
}

/// What can be said of a store when the watch is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    /// It was compared at rest, and the source was seen unmoved afterwards, as long as it was there. `target_moved`: when the
    /// target was written to since.
    Stands {
        /// When the target moved after it was compared.
        target_moved: Option<Window>,
    },
    /// It was compared, and that says nothing any more.
    Spoilt(Spoilt),
    /// The source went away before it was compared; `frozen`: whether it had been seen at rest.
    GoneBefore {
        /// When it went.
        away: Window,
        /// Whether it had been at rest.
        frozen: bool,
    },
    /// The source was never at rest; the window is that of its last movement, if one was seen.
    NeverFrozen {
        /// When it moved last.
        moved: Option<Window>,
    },
    /// The source was at rest, and nothing was there to compare it with.
    NoTarget,
    /// The source never answered.
    NeverSeen,
    /// The watch was left before anything could be said.
    LeftEarly,
}

/// The watch over one store.
#[derive(Debug, Clone)]
pub struct Watching<P> {
    rest: Rest,
    source: SideWatch<P>,
    target: SideWatch<P>,
    workloads: Workloads,
    /// Since when [`Watching::workloads`] is so: end of the first look.
    workloads_since_ms: u64,
    ever_stopped: bool,
    last_look_ms: u64,
    under_way: Option<(P, Option<u64>, P)>,
    made: Option<Made<P>>,
    end_ms: Option<u64>,
    moved_since_end: bool,
    released: bool,
}

impl<P: Clone + PartialEq> Watching<P> {
    /// A watch that has seen nothing yet.
    pub fn new(rest: Rest) -> Self {
        Self {
            rest,
            source: SideWatch::new(),
            target: SideWatch::new(),
            workloads: Workloads::Unseen,
            workloads_since_ms: 0,
            ever_stopped: false,
            last_look_ms: 0,
            under_way: None,
            made: None,
            end_ms: None,
            moved_since_end: false,
            released: false,
        }
    }

    /// Takes in a look, and tells what it shows for the first time. Looks come in order of time.
    pub fn look(&mut self, look: Look<P>) -> Vec<Seen> {
        let mut seen = Vec::new();
        let before = self.last_look_ms;
        let (began, ended) = (look.began_ms, look.ended_ms);
        if look.workloads != self.workloads {
            let window = Window { after_ms: before, by_ms: ended };
            match (self.workloads, look.workloads) {
                (Workloads::Running, Workloads::Stopped) => seen.push(Seen::Stopped(window)),
                (Workloads::Stopped, Workloads::Running) => seen.push(Seen::Started(window)),
                _ => {}
            }
            self.workloads = look.workloads;
            self.workloads_since_ms = ended;
            self.ever_stopped |= look.workloads == Workloads::Stopped;
        }
        let source = self.source.look(began, ended, look.source);
        if let Some((window, why)) = source.away {
            seen.push(Seen::SourceAway(window, why));
        }
        if let Some(window) = source.back {
            seen.push(Seen::SourceBack(window));
        }
        if let Some(window) = source.moved {
            self.moved_since_end |= self.end_ms.is_some();
            if source.had_rested {
                seen.push(Seen::SourceMoved(window));
            }
        }
        let needed = self.source_rest_ms();
        if self.frozen_for(needed)
            && let Some(window) = self.source.note_rest()
        {
            seen.push(Seen::SourceRests(window));
        }
        let target = self.target.look(began, ended, look.target);
        if let Some((window, why)) = target.away {
            seen.push(Seen::TargetAway(window, why));
        }
        if let Some(window) = target.back {
            seen.push(Seen::TargetBack(window));
        }
        if let Some(window) = target.moved
            && (target.had_rested || target.first_movement)
        {
            seen.push(Seen::TargetGrows(window));
        }
        if self.target.rests_for(self.rest.target_ms)
            && !self.target.is_empty()
            && let Some(window) = self.target.note_rest()
        {
            seen.push(Seen::TargetRests(window));
        }
        self.last_look_ms = ended;
        self.hold_against(began);
        seen
    }

    /// Whether what was compared still stands after the latest look.
    fn hold_against(&mut self, began_ms: u64) {
        let late_ms = self.rest.late_ms;
        let Some(made) = &mut self.made else { return };
        if made.target_moved.is_none() && self.target.positions().is_some_and(|now| *now != made.target) {
            made.target_moved = Some(self.target.moved_at());
        }
        // Who moved once has moved, whatever the positions say later.
        if matches!(made.spoilt, Some(Spoilt::SourceMoved(_))) {
            return;
        }
        if let Some(away) = self.source.away() {
            if !made.confirmed {
                made.spoilt = Some(Spoilt::SourceAway(away));
            }
            return;
        }
        let Some(now) = self.source.positions() else { return };
        if *now != made.source {
            made.spoilt = Some(Spoilt::SourceMoved(self.source.moved_at()));
            return;
        }
        let told_at_once = made.pulse.is_some() && made.pulse == self.source.pulse();
        if began_ms >= made.ended_ms && (told_at_once || began_ms >= made.ended_ms.saturating_add(late_ms)) {
            made.confirmed = true;
            // It was away for a while and is back as it was.
            made.spoilt = None;
        }
    }

    /// How long the source has to rest: seen without its application, no longer than figures take to arrive.
    fn source_rest_ms(&self) -> u64 {
        match self.workloads {
            Workloads::Stopped => self.rest.source_ms.min(self.rest.late_ms),
            _ => self.rest.source_ms,
        }
    }

    fn frozen_for(&self, needed_ms: u64) -> bool {
        match self.workloads {
            // Once it was stopped, it may well run on the target.
            Workloads::Running => self.ever_stopped && self.source.rests_for(needed_ms),
            Workloads::Unseen => self.source.rests_for(needed_ms),
            // What was still there until then may have written until then.
            Workloads::Stopped => {
                self.source.rests_for(needed_ms)
                    && self.source.seen_ms().saturating_sub(self.workloads_since_ms) >= needed_ms
            }
        }
    }

    /// Whether the source is there and has been at rest for long enough.
    pub fn is_frozen(&self) -> bool {
        self.frozen_for(self.source_rest_ms())
    }

    /// Whether a comparison is to begin now.
    pub fn is_due(&self) -> bool {
        if self.under_way.is_some() || !self.is_frozen() || self.target.positions().is_none() {
            return false;
        }
        let rests = self.target.rests_for(self.rest.target_ms) && !self.target.is_empty();
        // Whoever tells the end says that the copy is complete.
        let complete = rests || self.end_ms.is_some();
        match &self.made {
            None => complete,
            Some(made) if made.spoilt.is_some() => complete,
            Some(made) if made.target_moved.is_none() => false,
            // Until users are let in, whatever moves on the target is the migration's.
            Some(made) => match made.came {
                Came::NotEqual => complete,
                Came::Equal => rests && !self.released,
            },
        }
    }

    /// A comparison begins. Says nothing if none is due.
    pub fn begin(&mut self) -> bool {
        if !self.is_due() {
            return false;
        }
        let (Some(source), Some(target)) = (self.source.positions(), self.target.positions()) else {
            return false;
        };
        self.under_way = Some((source.clone(), self.source.pulse(), target.clone()));
        true
    }

    /// The comparison under way has ended. It stands only after a look at a source that has not moved.
    pub fn ended(&mut self, at_ms: u64, came: Came) {
        let Some((source, pulse, target)) = self.under_way.take() else { return };
        let mut made = Made {
            source,
            pulse,
            target,
            came,
            ended_ms: at_ms,
            confirmed: false,
            spoilt: None,
            target_moved: None,
        };
        // What was seen while it was made counts as well.
        if let Some(away) = self.source.away() {
            made.spoilt = Some(Spoilt::SourceAway(away));
        } else if self.source.positions().is_some_and(|now| *now != made.source) {
            made.spoilt = Some(Spoilt::SourceMoved(self.source.moved_at()));
        }
        self.made = Some(made);
    }

    /// Whether a comparison is under way.
    pub fn is_comparing(&self) -> bool {
        self.under_way.is_some()
    }

    /// What the last comparison came to, if it was made at rest and the source was seen unmoved since. Until users were let in, the
    /// target must not have moved either.
    pub fn stands(&self) -> Option<Came> {
        let made =
            self.made.as_ref().filter(|m| m.confirmed && m.spoilt.is_none() && self.under_way.is_none())?;
        (self.released || made.target_moved.is_none()).then_some(made.came)
    }

    /// It was told that everything is compared: from now on users may write to the target.
    pub fn release(&mut self) {
        self.released = true;
    }

    /// Somebody says that the migration is over. The first time counts.
    pub fn tell_end(&mut self, at_ms: u64) {
        self.end_ms.get_or_insert(at_ms);
    }

    /// Whether somebody told the end.
    pub fn end_was_told(&self) -> bool {
        self.end_ms.is_some()
    }

    /// Whether there is nothing more to wait for. False until the end was told.
    pub fn is_over(&self) -> bool {
        let Some(end_ms) = self.end_ms else { return false };
        if self.is_comparing() || self.is_due() || self.last_look_ms < end_ms {
            return false;
        }
        if self.source.away().is_some() || self.source.positions().is_none() {
            return true;
        }
        if let Some(made) = &self.made
            && made.spoilt.is_none()
        {
            return made.confirmed;
        }
        // Not frozen, or with nothing to compare it with: it is given the time that a freeze takes to be seen.
        let waited = self.last_look_ms.saturating_sub(end_ms);
        let patience = self.rest.source_ms.max(self.rest.late_ms);
        self.moved_since_end || self.is_frozen() || waited > patience.saturating_mul(2)
    }

    /// What can be said, as things are.
    pub fn conclusion(&self) -> Conclusion {
        if let Some(made) = self.made.as_ref().filter(|_| self.under_way.is_none()) {
            return match (made.spoilt, made.confirmed) {
                (Some(spoilt), _) => Conclusion::Spoilt(spoilt),
                (None, true) => Conclusion::Stands { target_moved: made.target_moved },
                (None, false) => Conclusion::LeftEarly,
            };
        }
        if let Some(away) = self.source.away() {
            return match self.source.was_seen() {
                true => Conclusion::GoneBefore { away, frozen: self.source.ever_rested() },
                false => Conclusion::NeverSeen,
            };
        }
        match (self.under_way.is_some(), self.is_frozen()) {
            (true, _) => Conclusion::LeftEarly,
            (false, true) if self.target.positions().is_none() => Conclusion::NoTarget,
            (false, true) => Conclusion::LeftEarly,
            (false, false) => Conclusion::NeverFrozen { moved: self.source.last_movement() },
        }
    }
}
