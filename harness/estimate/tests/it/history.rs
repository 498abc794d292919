//! Files of histories.

use crate::synthetic::{Maker, PLANTED};
use drydock_estimate::{History, HistoryError};

fn text() -> String {
    let mut maker = Maker::new(PLANTED, 1);
    [10_000, 20_000].map(|n| maker.run(n, 115).line().expect("a line")).concat()
}

#[test]
fn a_history_is_read_as_it_was_written() {
    let history = History::read(&text()).expect("a history");
    assert_eq!((history.runs.len(), history.torn), (2, false));
    let again: String = history.runs.iter().map(|r| r.line().expect("a line")).collect();
    assert_eq!(again, text());
}

#[test]
fn a_kill_tears_the_last_line_at_most() {
    let text = text();
    for cut in 1..text.len() {
        let history = History::read(&text[..text.len() - cut]).expect("it can be read");
        let whole = text[..text.len() - cut].matches('\n').count();
        let rest = !text[..text.len() - cut].ends_with('\n') && cut < text.len();
        assert_eq!((history.runs.len(), history.torn), (whole, rest), "{cut} bytes cut off");
    }
}

#[test]
fn damage_before_the_end_is_told_with_its_line() {
    let text = text();
    let (first, second) = text.split_once('\n').expect("two lines");
    let damaged = format!("{}\n{second}", &first[..40]);
    assert!(matches!(History::read(&damaged), Err(HistoryError::Damaged { line: 1, .. })));
    let newer = text.replacen("\"format\":1", "\"format\":99", 1);
    assert_eq!(History::read(&newer), Err(HistoryError::TooNew { line: 1, found: 99 }));
}
