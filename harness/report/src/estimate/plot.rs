//! Downtime against volume as a few lines of text.

use super::units::{float, short, whole};
use crate::text::{count, width};
use drydock_estimate::{CurvePoint, Estimate};

/// Columns of the field that points are put into.
const COLUMNS: usize = 64;
/// Its rows; with axis, volumes and legend the plot has twelve lines.
const ROWS: usize = 9;

/// What stands at a place of the field; later ones hide earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Nothing,
    Interval,
    Curve,
    Measured,
    Asked,
}

impl Mark {
    const fn sign(self) -> char {
        match self {
            Self::Nothing => ' ',
            Self::Interval => ':',
            Self::Curve => '-',
            Self::Measured => 'o',
            Self::Asked => 'X',
        }
    }
}

/// The plot of one way, at most twelve lines; nothing where there is no curve to draw.
pub(super) fn lines(estimate: &Estimate) -> Vec<String> {
    let (Some(asked), Some(last)) = (estimate.seconds, estimate.curve.last()) else { return Vec::new() };
    let highest = |p: &CurvePoint| p.interval.map_or(p.seconds, |i| i.high);
    let all = || estimate.curve.iter().chain(&estimate.measured);
    let tallest = all().map(highest).chain([asked]).filter(|s| s.is_finite()).fold(0.0, f64::max);
    let widest = all().map(|p| p.documents).max().unwrap_or_default().max(estimate.volumes.documents);
    if tallest <= 0.0 || widest == 0 || !last.seconds.is_finite() {
        return Vec::new();
    }
    let mut field = [[Mark::Nothing; COLUMNS]; ROWS];
    let column = |documents: f64| place(documents / float(widest), COLUMNS);
    let row = |seconds: f64| ROWS - 1 - place(seconds / tallest, ROWS);
    let mut put = |documents: f64, seconds: f64, mark: Mark| {
        let at = &mut field[row(seconds)][column(documents)];
        *at = (*at).max(mark);
    };
    for pair in estimate.curve.windows(2) {
        let (from, to) = (&pair[0], &pair[1]);
        let (first, end) = (column(float(from.documents)), column(float(to.documents)));
        for at in first..=end {
            let share =
                if end == first { 1.0 } else { float((at - first) as u64) / float((end - first) as u64) };
            let between = |a: f64, b: f64| a + (b - a) * share;
            let documents = (float(at as u64) + 0.5) / float(COLUMNS as u64) * float(widest);
            put(documents, between(from.seconds, to.seconds), Mark::Curve);
            if let (Some(a), Some(b)) = (from.interval, to.interval) {
                put(documents, between(a.low, b.low), Mark::Interval);
                put(documents, between(a.high, b.high), Mark::Interval);
            }
        }
    }
    for point in &estimate.measured {
        put(float(point.documents), point.seconds, Mark::Measured);
    }
    put(float(estimate.volumes.documents), asked, Mark::Asked);
    drawn(&field, tallest, widest, estimate)
}

fn drawn(field: &[[Mark; COLUMNS]; ROWS], tallest: f64, widest: u64, estimate: &Estimate) -> Vec<String> {
    let (top, middle, bottom) = (short(tallest), short(tallest / 2.0), short(0.0));
    let room = [&top, &middle, &bottom].map(|l| width(l)).into_iter().max().unwrap_or_default();
    let mut lines: Vec<String> = field
        .iter()
        .enumerate()
        .map(|(n, row)| {
            let label = match n {
                0 => top.as_str(),
                n if n == ROWS / 2 => middle.as_str(),
                n if n == ROWS - 1 => bottom.as_str(),
                _ => "",
            };
            let signs: String = row.iter().map(|mark| mark.sign()).collect();
            format!("  {label:>room$} |{}", signs.trim_end())
        })
        .collect();
    lines.push(format!("  {:>room$} +{}", "", "-".repeat(COLUMNS)));
    let most = format!("{} documents", count(widest));
    let span = COLUMNS - 1;
    lines.push(format!("  {:>room$}  0{most:>span$}", ""));
    let interval = match estimate.interval {
        Some(i) => format!(", : {:.0} % interval", i.level * 100.0),
        None => String::new(),
    };
    lines.push(format!(
        "  {:>room$}  {}: o measured, - estimated{interval}, X asked",
        "",
        estimate.way.title()
    ));
    lines
}

/// Which of `of` places a share of the whole falls on.
fn place(share: f64, of: usize) -> usize {
    let at = whole((share.clamp(0.0, 1.0) * float(of as u64)).floor());
    usize::try_from(at).unwrap_or_default().min(of - 1)
}
