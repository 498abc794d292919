//! One side of a store, as looks show it.

/// A time in which something happened: after the look that did not show it yet had begun, and before the one that did had ended.
/// Milliseconds of the run's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Not before.
    pub after_ms: u64,
    /// Not after.
    pub by_ms: u64,
}

/// What a look showed of one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight<P> {
    /// It answered.
    Seen {
        /// Its positions.
        positions: P,
        /// A figure that moves with the first write, at once, and perhaps with other things; absent where there is none.
        pulse: Option<u64>,
        /// Whether it holds nothing of what is watched.
        empty: bool,
    },
    /// It did not: why.
    Away(String),
}

/// What was the same over several looks.
#[derive(Debug, Clone)]
struct Still<P> {
    positions: P,
    pulse: Option<u64>,
    empty: bool,
    /// End of the first look that showed these positions.
    since_ms: u64,
    /// Begin of the last one.
    seen_ms: u64,
    /// When they came about.
    moved: Window,
    /// It was told that it rests.
    rested: bool,
}

#[derive(Debug, Clone)]
pub(super) struct SideWatch<P> {
    still: Option<Still<P>>,
    away: Option<Window>,
    last_movement: Option<Window>,
    ever_rested: bool,
    last_began_ms: u64,
}

/// What one look showed for the first time.
pub(super) struct New {
    pub(super) away: Option<(Window, String)>,
    pub(super) back: Option<Window>,
    pub(super) moved: Option<Window>,
    pub(super) had_rested: bool,
    pub(super) first_movement: bool,
}

impl<P: Clone + PartialEq> SideWatch<P> {
    pub(super) fn new() -> Self {
        Self { still: None, away: None, last_movement: None, ever_rested: false, last_began_ms: 0 }
    }

    pub(super) fn look(&mut self, began_ms: u64, ended_ms: u64, sight: Sight<P>) -> New {
        let window = Window { after_ms: self.last_began_ms, by_ms: ended_ms };
        let mut new = New { away: None, back: None, moved: None, had_rested: false, first_movement: false };
        self.last_began_ms = began_ms;
        match sight {
            Sight::Away(why) => {
                if self.away.is_none() {
                    self.away = Some(window);
                    new.away = Some((window, why));
                }
            }
            Sight::Seen { positions, pulse, empty } => {
                let was_away = self.away.take();
                new.back = was_away.filter(|_| self.still.is_some()).map(|_| window);
                match &mut self.still {
                    Some(still) if still.positions == positions => {
                        // Nobody looked while it was away: what does not keep its count may have moved and come back.
                        if was_away.is_some() {
                            still.since_ms = ended_ms;
                        }
                        still.seen_ms = began_ms;
                        still.pulse = pulse;
                        still.empty = empty;
                    }
                    known => {
                        let moved = known.as_ref().map(|still| Window {
                            after_ms: still.seen_ms.min(window.after_ms),
                            by_ms: ended_ms,
                        });
                        new.had_rested = known.as_ref().is_some_and(|still| still.rested);
                        new.first_movement = moved.is_some() && self.last_movement.is_none();
                        new.moved = moved;
                        self.last_movement = moved.or(self.last_movement);
                        *known = Some(Still {
                            positions,
                            pulse,
                            empty,
                            since_ms: ended_ms,
                            seen_ms: began_ms,
                            moved: moved.unwrap_or(Window { after_ms: 0, by_ms: ended_ms }),
                            rested: false,
                        });
                    }
                }
            }
        }
        new
    }

    /// Whether it is there and its positions have been the same for so long, between looks that showed it.
    pub(super) fn rests_for(&self, ms: u64) -> bool {
        let still = self.still.as_ref().filter(|_| self.away.is_none());
        still.is_some_and(|s| s.seen_ms > s.since_ms && s.seen_ms - s.since_ms >= ms)
    }

    /// Notes that it rests; tells when it moved last, the first time.
    pub(super) fn note_rest(&mut self) -> Option<Window> {
        let still = self.still.as_mut().filter(|still| !still.rested)?;
        still.rested = true;
        self.ever_rested = true;
        Some(still.moved)
    }

    /// Its positions, if it is there.
    pub(super) fn positions(&self) -> Option<&P> {
        self.still.as_ref().filter(|_| self.away.is_none()).map(|s| &s.positions)
    }

    pub(super) fn pulse(&self) -> Option<u64> {
        self.still.as_ref().and_then(|s| s.pulse)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.still.as_ref().is_none_or(|s| s.empty)
    }

    /// When it went away, if it is.
    pub(super) fn away(&self) -> Option<Window> {
        self.away
    }

    /// When the positions that it has came about.
    pub(super) fn moved_at(&self) -> Window {
        self.still.as_ref().map_or(Window { after_ms: 0, by_ms: 0 }, |s| s.moved)
    }

    /// When it moved last, if it was seen to.
    pub(super) fn last_movement(&self) -> Option<Window> {
        self.last_movement
    }

    pub(super) fn was_seen(&self) -> bool {
        self.still.is_some()
    }

    pub(super) fn ever_rested(&self) -> bool {
        self.ever_rested
    }

    /// Begin of the last look that showed it.
    pub(super) fn seen_ms(&self) -> u64 {
        self.still.as_ref().map_or(0, |s| s.seen_ms)
    }
}
