//! What was seen, in words and as data: each with the window in which it happened, never with a moment.

use drydock_core::Store;
use drydock_core::observe::{Seen, Window};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// Turns the run's clock into that of the world.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// The run's zero.
    zero: Timestamp,
}

impl Times {
    /// `now_ms` is what the run's clock shows now.
    pub(super) fn new(now: Timestamp, now_ms: u64) -> Self {
        let since = SignedDuration::from_millis(i64::try_from(now_ms).unwrap_or(0));
        Self { zero: now.checked_sub(since).unwrap_or(now) }
    }

    fn at(self, ms: u64) -> Timestamp {
        let since = SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX / 2));
        self.zero.checked_add(since).unwrap_or(self.zero)
    }

    /// `2026-11-23T12:00:01Z`, the second that holds it.
    pub(super) fn moment(self, ms: u64) -> String {
        self.at(ms).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// `between 12:00:01 and 12:00:03 UTC`, whole seconds around the window; with the day where it was not today.
    pub(super) fn words(self, window: &Window) -> String {
        // Up to the next whole second, so that what happened lies within.
        let (from, to) = (self.at(window.after_ms), self.at(window.by_ms.saturating_add(999)));
        if window.after_ms == 0 {
            return format!("before {} UTC", to.strftime("%H:%M:%S"));
        }
        format!("between {} and {} UTC", from.strftime("%H:%M:%S"), to.strftime("%H:%M:%S"))
    }

    fn data(self, window: &Window) -> Value {
        let exact = |ms| self.at(ms).strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
        json!({"after": exact(window.after_ms), "by": exact(window.by_ms)})
    }
}

/// What was seen of a store: a line for people, and the same as data.
pub(super) fn sighting(times: Times, store: Store, seen: &Seen) -> (String, Value) {
    let (what, window, why) = match seen {
        Seen::SourceAway(window, why) => ("source-gone", window, Some(why)),
        Seen::SourceBack(window) => ("source-back", window, None),
        Seen::SourceRests(window) => ("writes-at-rest", window, None),
        Seen::SourceMoved(window) => ("source-changed-after-freeze", window, None),
        Seen::TargetAway(window, why) => ("target-gone", window, Some(why)),
        Seen::TargetBack(window) => ("target-back", window, None),
        Seen::TargetGrows(window) => ("target-changes", window, None),
        Seen::TargetRests(window) => ("target-at-rest", window, None),
        Seen::Stopped(window) => ("application-stopped", window, None),
        Seen::Started(window) => ("application-started", window, None),
    };
    let when = times.words(window);
    let because = why.map(|why| format!(": {why}")).unwrap_or_default();
    let line = match seen {
        Seen::SourceAway(..) => format!("the source's {store} went away {when}{because}"),
        Seen::SourceBack(_) => format!("the source's {store} came back {when}"),
        Seen::SourceRests(_) => format!("the source's {store} is at rest: it changed last {when}"),
        Seen::SourceMoved(_) => {
            format!("the source's {store} was written to {when}, after it had been at rest")
        }
        Seen::TargetAway(..) => format!("the target's {store} went away {when}{because}"),
        Seen::TargetBack(_) => format!("the target's {store} came back {when}"),
        Seen::TargetGrows(_) => format!("the target's {store} changes: the first change came {when}"),
        Seen::TargetRests(_) => format!("the target's {store} stands still: it changed last {when}"),
        Seen::Stopped(_) => format!("the last pod of the application went {when}"),
        Seen::Started(_) => format!("the application has pods again, since {when}"),
    };
    let mut data = json!({"seen": what, "store": store.to_string(), "when": times.data(window)});
    if let Some(why) = why {
        data["why"] = json!(why);
    }
    (line, data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_lies_within_what_is_told() {
        let times = Times::new("2026-11-23T12:00:05.500Z".parse().unwrap(), 5_500);
        let window = Window { after_ms: 1_900, by_ms: 2_100 };
        assert_eq!(times.words(&window), "between 12:00:01 and 12:00:03 UTC");
        assert_eq!(times.words(&Window { after_ms: 0, by_ms: 2_000 }), "before 12:00:02 UTC");
        let (line, data) = sighting(times, Store::Postgres, &Seen::SourceAway(window, "refused".into()));
        assert_eq!(line, "the source's postgres went away between 12:00:01 and 12:00:03 UTC: refused");
        assert_eq!(
            data["when"],
            json!({"after": "2026-11-23T12:00:01.900Z", "by": "2026-11-23T12:00:02.100Z"})
        );
        assert_eq!((&data["seen"], &data["why"]), (&json!("source-gone"), &json!("refused")));
    }
}
