//! The proof of the checks by itself: a table by family, then every miss.

use crate::terminal::{Color, Paint};
use crate::text::{count, counted, printable, seconds, wrapped};
use drydock_core::{ExitCode, Ground, Proof};
use serde_json::json;

/// Columns of the names of families.
const NAMES: usize = 22;

/// Whether all proofs hold. None at all proves nothing.
pub fn hold(proofs: &[Proof]) -> bool {
    !proofs.is_empty() && proofs.iter().all(Proof::holds)
}

/// One screen for people.
pub fn render(proofs: &[Proof], width: usize, color: Color) -> String {
    let paint = Paint(color);
    let sum = |pick: fn(&Proof) -> u64| proofs.iter().map(pick).sum::<u64>();
    let (word, exit) =
        if hold(proofs) { ("PROVEN", ExitCode::Equal) } else { ("NOT PROVEN", ExitCode::Different) };
    let score = format!(
        "{} of {} planted corruptions caught, {} named exactly, {} in {} clean pairs",
        count(sum(Proof::caught)),
        count(sum(Proof::variants)),
        count(sum(Proof::named)),
        counted(sum(Proof::false_alarms), "false alarm"),
        count(sum(Proof::clean_pairs)),
    );
    let mut told = wrapped(&score, width.saturating_sub(word.len() + 2)).into_iter();
    let first = told.next().unwrap_or_default();
    let mut lines = vec![format!("{}  {first}", paint.verdict(exit, word))];
    lines.extend(told.map(|line| format!("{:indent$}{line}", "", indent = word.len() + 2)));
    let took = proofs.iter().map(|p| format!("{} {}", ground(p.ground), duration(p.millis)));
    let seed = proofs.first().map(|p| format!("seed {} · ", p.seed)).unwrap_or_default();
    lines.push(paint.faint(&format!("{seed}{}", took.collect::<Vec<_>>().join(" · "))));
    for proof in proofs {
        lines.push(String::new());
        lines.push(paint.strong(&format!(
            "{:<NAMES$} {:>8} {:>8} {:>8} {:>12} {:>13}",
            ground(proof.ground),
            "planted",
            "caught",
            "named",
            "clean pairs",
            "false alarms"
        )));
        for family in &proof.families {
            let row = format!(
                "{:<NAMES$} {:>8} {:>8} {:>8} {:>12} {:>13}",
                printable(&family.family),
                count(family.variants),
                count(family.caught),
                count(family.named),
                count(family.clean_pairs),
                count(family.false_alarms)
            );
            let whole = family.named == family.variants && family.false_alarms == 0;
            lines.push(if whole { row } else { paint.warning(&row) });
        }
    }
    for proof in proofs.iter().filter(|p| !p.misses.is_empty()) {
        lines.push(String::new());
        for miss in &proof.misses {
            let told = format!("{}: {}: {}", miss.family, miss.variant, miss.why);
            for (at, line) in wrapped(&printable(&told), width.saturating_sub(8)).into_iter().enumerate() {
                let label = if at == 0 { "missed" } else { "" };
                lines.push(format!("{}  {line}", paint.warning(&format!("{label:<6}"))));
            }
        }
        let only = if proof.ground == Ground::InMemory { " --in-memory" } else { "" };
        lines.push(format!("again   drydock prove{only} --seed {}", proof.seed));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// The same for programs.
pub fn json(proofs: &[Proof]) -> String {
    let told = json!({"holds": hold(proofs), "proofs": proofs});
    // Numbers, texts and lists: nothing that JSON cannot hold.
    serde_json::to_string_pretty(&told).unwrap_or_default()
}

fn ground(ground: Ground) -> &'static str {
    match ground {
        Ground::InMemory => "in memory",
        Ground::RealStores => "real stores",
    }
}

#[expect(clippy::cast_precision_loss, reason = "durations of a proof are far below 2^53")]
fn duration(millis: u64) -> String {
    seconds(millis as f64 / 1000.0)
}
