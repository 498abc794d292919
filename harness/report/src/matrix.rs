//! Several rehearsals in one table: what each came to, how long users waited, what was moved, how much there is to tell.

use crate::choice::{actionable, exit_code, expectation, stopped_at, word};
use crate::text::{count, printable, seconds, shortened_within, width as columns};
use drydock_core::scenario::Expectation;
use drydock_core::{ExitCode, Summary};

const HEAD: [&str; 7] = ["scenario", "verdict", "downtime", "moved", "findings", "took", "as meant"];
/// Columns of the longest cell: more is cut.
const WIDEST: usize = 44;
/// Steps that move data, by their beginnings, with the figure that tells how much.
const MOVED: [(&str, &[&str]); 3] = [
    ("phase-2/warm/elasticsearch", &["bytes_copied", "bytes"]),
    ("phase-3/restore/elasticsearch", &["bytes_copied", "bytes"]),
    ("phase-3/backup/", &["bytes"]),
];

/// One line a rehearsal, in their order, below a head.
pub fn render(summaries: &[Summary]) -> String {
    let mut rows: Vec<[String; 7]> = vec![HEAD.map(Into::into)];
    rows.extend(summaries.iter().map(row));
    let widths: Vec<usize> =
        (0..HEAD.len()).map(|c| rows.iter().map(|r| columns(&r[c])).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, wide)| {
            let padding = " ".repeat(wide.saturating_sub(columns(cell)));
            format!("{cell}{padding}")
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    let met = summaries.iter().filter(|s| expectation(s) == Expectation::Met).count();
    text.push_str(&format!("{met} of {} ended as they are meant to\n", summaries.len()));
    text
}

/// The exit code of several rehearsals: whether each ended as its scenario is meant to.
pub fn exit(summaries: &[Summary]) -> ExitCode {
    summaries.iter().fold(ExitCode::Equal, |worst, s| {
        worst.worst(s.expect.exit(&s.verdict, stopped_at(s).map(|step| &step.step)))
    })
}

fn row(summary: &Summary) -> [String; 7] {
    let downtime = &summary.downtime;
    let lasted = downtime.probe_seconds.into_iter().chain(downtime.phase_clock_seconds).reduce(f64::max);
    let lasted = match (lasted, downtime.still_closed_seconds) {
        (_, Some(least)) => format!("more than {}", seconds(least)),
        (Some(lasted), None) => seconds(lasted),
        (None, None) => "none".into(),
    };
    let verdict = format!("{} ({})", word(exit_code(summary)), summary.verdict.exit_code);
    [
        shortened_within(&printable(&summary.scenario), WIDEST).into_owned(),
        verdict,
        lasted,
        mebibytes(moved_bytes(summary)),
        count(actionable(summary).count() as u64),
        seconds(summary.seconds),
        match expectation(summary) {
            Expectation::Met => "yes".into(),
            Expectation::Missed { why } => format!("NO: {}", shortened_within(&printable(&why), 2 * WIDEST)),
        },
    ]
}

/// Bytes of dumps and indices that the steps of a run tell they moved.
pub fn moved_bytes(summary: &Summary) -> u64 {
    let steps = summary.steps.iter();
    let moved = steps.filter_map(|step| {
        let (_, names) = MOVED.iter().find(|(begin, _)| step.step.as_str().starts_with(begin))?;
        names.iter().find_map(|name| step.facts.get(*name)?.as_u64())
    });
    moved.sum()
}

fn mebibytes(bytes: u64) -> String {
    // One decimal: the loss of precision is wanted.
    format!("{:.1} MiB", bytes as f64 / f64::from(1_u32 << 20))
}
