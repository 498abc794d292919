//! The watch, held against a world of which everything is known.

use super::*;
use proptest::prelude::*;

const REST: Rest = Rest { source_ms: 20, target_ms: 10, late_ms: 11 };

/// A look that takes a moment, at a source and a target that stand at these positions; none: away.
fn at(ms: u64, source: Option<u64>, target: Option<u64>) -> Look<u64> {
    let sight = |positions: Option<u64>| match positions {
        Some(p) => Sight::Seen { positions: p, pulse: Some(p), empty: p == 0 },
        None => Sight::Away("gone".into()),
    };
    let (source, target) = (sight(source), sight(target));
    Look { began_ms: ms, ended_ms: ms, source, target, workloads: Workloads::Unseen }
}

/// Looks every millisecond, all alike.
fn keep(watch: &mut Watching<u64>, from: u64, to: u64, source: u64, target: u64) -> Vec<Seen> {
    (from..=to).flat_map(|ms| watch.look(at(ms, Some(source), Some(target)))).collect()
}

#[test]
fn a_clean_migration_is_compared_once_and_stands() {
    let mut watch = Watching::new(REST);
    keep(&mut watch, 0, 3, 1, 0);
    let seen = keep(&mut watch, 4, 24, 2, 0);
    assert_eq!(seen, [Seen::SourceRests(Window { after_ms: 3, by_ms: 4 })]);
    assert!(!watch.is_due(), "there is nothing on the target");
    let seen = keep(&mut watch, 25, 34, 2, 9);
    assert_eq!(seen, [Seen::TargetGrows(Window { after_ms: 24, by_ms: 25 })]);
    let seen = keep(&mut watch, 35, 36, 2, 9);
    assert_eq!(seen, [Seen::TargetRests(Window { after_ms: 24, by_ms: 25 })]);
    assert!(watch.begin() && !watch.is_due() && watch.is_comparing());
    watch.ended(40, Came::Equal);
    assert_eq!(watch.stands(), None, "nobody has looked since");
    keep(&mut watch, 41, 41, 2, 9);
    assert_eq!(watch.stands(), Some(Came::Equal));
    watch.release();
    // Users work on the target, and the source is removed.
    keep(&mut watch, 42, 60, 2, 10);
    assert!(!watch.is_due());
    let seen = watch.look(at(61, None, Some(10)));
    assert_eq!(seen, [Seen::SourceAway(Window { after_ms: 60, by_ms: 61 }, "gone".into())]);
    assert!(!watch.is_over());
    watch.tell_end(61);
    assert!(watch.is_over());
    assert_eq!(
        watch.conclusion(),
        Conclusion::Stands { target_moved: Some(Window { after_ms: 41, by_ms: 42 }) }
    );
}

/// A watch that has compared at 40, with looks until then.
fn compared(came: Came) -> Watching<u64> {
    let mut watch = Watching::new(REST);
    keep(&mut watch, 0, 36, 2, 9);
    assert!(watch.begin());
    watch.ended(40, came);
    watch
}

#[test]
fn a_source_that_is_gone_or_written_to_spoils_what_was_compared() {
    let mut gone = compared(Came::Equal);
    gone.look(at(41, None, Some(9)));
    assert!(matches!(gone.conclusion(), Conclusion::Spoilt(Spoilt::SourceAway(_))));
    // It comes back as it was.
    gone.look(at(42, Some(2), Some(9)));
    assert!(matches!(gone.conclusion(), Conclusion::Stands { .. }));
    let mut late = compared(Came::Equal);
    keep(&mut late, 41, 45, 2, 9);
    late.look(at(46, Some(3), Some(9)));
    let window = Window { after_ms: 45, by_ms: 46 };
    assert_eq!(late.conclusion(), Conclusion::Spoilt(Spoilt::SourceMoved(window)));
    // Whoever takes it back has written all the same.
    late.look(at(47, Some(2), Some(9)));
    assert_eq!(late.conclusion(), Conclusion::Spoilt(Spoilt::SourceMoved(window)));
    // It rests again, and is compared again.
    keep(&mut late, 48, 80, 2, 9);
    assert!(late.is_due());
}

#[test]
fn figures_that_arrive_late_confirm_nothing_before() {
    let mut watch = Watching::new(REST);
    let late = |ms| {
        let sight = Sight::Seen { positions: 1, pulse: Some(ms), empty: false };
        Look {
            began_ms: ms,
            ended_ms: ms,
            source: sight.clone(),
            target: sight,
            workloads: Workloads::Unseen,
        }
    };
    (0..30).for_each(|ms| drop(watch.look(late(ms))));
    assert!(watch.begin());
    watch.ended(30, Came::Equal);
    (30..41).for_each(|ms| drop(watch.look(late(ms))));
    assert_eq!(watch.stands(), None);
    watch.look(late(41));
    assert_eq!(watch.stands(), Some(Came::Equal));
}

#[test]
fn a_source_that_never_rests_is_not_compared_and_said_so() {
    let mut watch = Watching::new(REST);
    (0..100).for_each(|ms| drop(watch.look(at(ms, Some(ms / 9), Some(7)))));
    watch.tell_end(100);
    assert!(!watch.is_due() && !watch.is_over());
    (100..110).for_each(|ms| drop(watch.look(at(ms, Some(ms / 9), Some(7)))));
    assert!(watch.is_over());
    assert!(matches!(watch.conclusion(), Conclusion::NeverFrozen { moved: Some(_) }));
}

#[test]
fn pods_that_run_are_no_freeze_and_pods_that_are_gone_are_an_early_one() {
    let mut watch = Watching::new(REST);
    let mut with = |workloads, from, to| {
        let looks = from..=to;
        let all: Vec<Seen> =
            looks.flat_map(|ms| watch.look(Look { workloads, ..at(ms, Some(5), Some(7)) })).collect();
        (all, watch.is_due())
    };
    let (_, due) = with(Workloads::Running, 0, 50);
    assert!(!due, "what runs may write");
    let (seen, due) = with(Workloads::Stopped, 51, 62);
    assert!(due && seen.contains(&Seen::Stopped(Window { after_ms: 50, by_ms: 51 })), "{seen:?}");
    let (seen, due) = with(Workloads::Running, 63, 63);
    assert!(due && seen == [Seen::Started(Window { after_ms: 62, by_ms: 63 })], "{seen:?}");
}

#[test]
fn what_differed_is_compared_again_once_the_target_has_moved_and_rests() {
    let mut watch = compared(Came::NotEqual);
    keep(&mut watch, 41, 60, 2, 9);
    assert!(!watch.is_due());
    keep(&mut watch, 61, 70, 2, 10);
    assert!(!watch.is_due());
    keep(&mut watch, 71, 72, 2, 10);
    assert!(watch.is_due());
}

#[test]
fn what_moves_on_the_target_before_users_are_let_in_is_compared_again() {
    let mut watch = compared(Came::Equal);
    keep(&mut watch, 41, 42, 2, 9);
    keep(&mut watch, 43, 44, 2, 10);
    assert_eq!((watch.stands(), watch.is_due()), (None, false));
    let mut released = watch.clone();
    released.release();
    keep(&mut watch, 45, 55, 2, 10);
    keep(&mut released, 45, 55, 2, 10);
    assert_eq!((watch.is_due(), released.is_due(), released.stands()), (true, false, Some(Came::Equal)));
}

#[test]
fn whoever_tells_the_end_has_what_is_there_compared() {
    let mut watch = Watching::new(REST);
    keep(&mut watch, 0, 5, 2, 0);
    watch.tell_end(6);
    keep(&mut watch, 6, 19, 2, 0);
    assert!(!watch.is_over() && !watch.is_due());
    keep(&mut watch, 20, 21, 2, 0);
    assert!(watch.is_due(), "an empty target is a loss of everything");
}

/// What happens in the world between two looks.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Nothing,
    WriteSource,
    WriteTarget,
    RemoveSource,
    ReturnSource,
    TellEnd,
}

fn deeds() -> impl Strategy<Value = Vec<(u64, Deed, bool)>> {
    let deed = prop_oneof![
        30 => Just(Deed::Nothing),
        2 => Just(Deed::WriteSource),
        3 => Just(Deed::WriteTarget),
        1 => Just(Deed::RemoveSource),
        1 => Just(Deed::ReturnSource),
        1 => Just(Deed::TellEnd),
    ];
    prop::collection::vec((1_u64..6, deed, any::<bool>()), 10..160)
}

proptest! {
    /// Whatever happens: what stands was compared with a source that nobody wrote to from before it was compared to the last look
    /// that saw it, and that had been at rest for as long as it has to.
    #[test]
    fn what_stands_was_not_written_to(deeds in deeds()) {
        let mut watch = Watching::new(REST);
        let (mut ms, mut source, mut target, mut there) = (0, 1_u64, 1_u64, true);
        // When the source was written to, what each comparison read, and when looks saw the source.
        let (mut writes, mut looked) = (vec![0_u64], Vec::new());
        let mut reading: Option<(u64, u64, bool)> = None;
        let mut read: Option<(u64, u64)> = None;
        for (pass, deed, finish) in deeds {
            ms += pass;
            match deed {
                Deed::Nothing => {}
                Deed::WriteSource if there => { source += 1; writes.push(ms); }
                Deed::WriteTarget => target += 1,
                Deed::RemoveSource => there = false,
                Deed::ReturnSource => there = true,
                Deed::TellEnd => watch.tell_end(ms),
                Deed::WriteSource => {}
            }
            // A reader notices a source that goes away while it reads.
            if let Some((_, _, whole)) = &mut reading { *whole &= there; }
            if finish && let Some((began, state, whole)) = reading.take() {
                watch.ended(ms, if whole { Came::Equal } else { Came::NotEqual });
                read = Some((began, state));
            }
            ms += 1;
            watch.look(at(ms, there.then_some(source), Some(target)));
            if there { looked.push((ms, source)); }
            if watch.is_due() && finish {
                prop_assert!(watch.begin());
                let calm = writes.last().copied().unwrap_or(0) + REST.source_ms <= ms;
                prop_assert!(calm, "compared {} after a write", ms - writes.last().copied().unwrap_or(0));
                reading = Some((ms, source, true));
            }
            if let Conclusion::Stands { .. } = watch.conclusion() {
                let (began, state) = read.expect("nothing was compared");
                let after: Vec<u64> = looked.iter().filter(|(at, _)| *at > began).map(|(_, s)| *s).collect();
                prop_assert!(!after.is_empty() && after.iter().all(|s| *s == state));
            }
        }
    }

    /// Once the end was told, it comes, whatever the source does.
    #[test]
    fn an_end_that_was_told_comes(deeds in deeds()) {
        let mut watch = Watching::new(REST);
        let (mut ms, mut source, mut there) = (0, 1_u64, true);
        for (pass, deed, _) in deeds {
            ms += pass;
            match deed {
                Deed::WriteSource => source += 1,
                Deed::RemoveSource => there = false,
                Deed::ReturnSource => there = true,
                _ => {}
            }
            watch.look(at(ms, there.then_some(source), Some(1)));
        }
        watch.tell_end(ms);
        let end = ms + 3 * (REST.source_ms + REST.late_ms);
        while !watch.is_over() {
            ms += 1;
            prop_assert!(ms <= end, "{:?}", watch.conclusion());
            watch.look(at(ms, there.then_some(source), Some(1)));
            if watch.begin() { watch.ended(ms, Came::Equal); }
        }
    }
}
