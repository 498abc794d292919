//! Upstream's published figures, and where they contradict each other.

use drydock_estimate::upstream::{self, by_rate, contradictions};
use drydock_estimate::{Asked, History, Question, Volumes, Way, estimate};

fn minutes(documents: u64, bytes: u64) -> f64 {
    let history = History { runs: upstream::runs(&[0, 6_500_000]), torn: false };
    let asked = Asked {
        documents: Some(documents),
        bytes: Some(bytes),
        row_bytes: Some(31_000_000),
        ..Asked::default()
    };
    let told = estimate(&history, &Question { asked, ..Question::default() });
    assert_eq!(told.estimates[0].way, Way::Standard);
    assert!(told.estimates[0].interval.is_none(), "two published figures carry no interval");
    told.estimates[0].seconds.unwrap_or_default() / 60.0
}

#[test]
fn the_published_pair_is_reproduced_from_the_published_rates() {
    let (empty, heavy) = (minutes(0, 0), minutes(6_500_000, 8_900_000_000));
    assert!((empty - 4.0).abs() < 0.05, "{empty} min instead of about 4");
    assert!((heavy - 40.0).abs() / 40.0 < 0.05, "{heavy} min instead of about 40");
}

#[test]
fn the_copy_is_what_the_guide_says_it_is() {
    let runs = upstream::runs(&[6_500_000]);
    let copy = runs[0].steps.iter().find(|s| s.step.as_str() == "phase-3/restore/elasticsearch");
    let share = copy.map(|s| s.seconds).unwrap_or_default() / runs[0].downtime_seconds.unwrap_or(1.0);
    assert!((0.92..0.97).contains(&share), "about 95 %, not {share}");
    assert_eq!(runs[0].volumes, Volumes { documents: 6_500_000, ..runs[0].volumes });
}

#[test]
fn the_table_contradicts_the_rate_and_where_it_does_not_nothing_is_said() {
    let told = contradictions(0.25);
    let volumes: Vec<u64> = told.iter().map(|c| c.bytes).collect();
    // The line up to 10 GB fits the rate well enough.
    assert_eq!(volumes, [1_000_000_000, 50_000_000_000], "{told:?}");
    assert!((told[1].table_seconds - 7_200.0).abs() < 1e-9);
    assert!(told[1].rate_seconds > 3.5 * 3_600.0, "{told:?}");
    // Early in the first line of the table both agree.
    assert!(by_rate(200_000_000) < 300.0);
}
