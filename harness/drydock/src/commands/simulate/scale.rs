//! `drydock simulate --scale`: installations too large to rehearse, on paper made runnable.

use super::usage;
use crate::cli::Simulate;
use drydock_core::ExitCode;
use drydock_estimate::parse_count;
use drydock_rehearsal::bench::read_history;
use drydock_simulated::scale::{Landscape, Outlook, Paper, Rates, Road, USUAL, paper};
use std::fmt::Write;

/// Installations that are drawn.
const DRAWS: u64 = 200;
/// Seed where nobody names one.
const SEED: u64 = 20_260_101;

/// Draws installations, and tells what each road comes to.
pub(super) fn run(asked: &str, arguments: &Simulate) -> ExitCode {
    let (landscape, faster) = match read(asked) {
        Ok(read) => read,
        Err(error) => return usage(&error),
    };
    let mut rates = match &arguments.history {
        None => Rates::published(),
        Some(path) => match read_history(path) {
            Err(error) => return usage(&error.to_string()),
            Ok(history) => match Rates::of(&history) {
                Some(rates) => rates,
                None => {
                    let lacking =
                        "holds no runs of the standard way in two volumes: `drydock bench` measures them";
                    crate::commands::tell(&format!("error: {} {lacking}", path.display()));
                    return ExitCode::NotProven;
                }
            },
        },
    };
    if let Some(factor) = faster {
        rates = rates.faster(factor);
    }
    let told = paper(&landscape, &rates, DRAWS, arguments.seed.unwrap_or(SEED));
    let text = match arguments.json {
        true => serde_json::to_string_pretty(&told).unwrap_or_default(),
        false => screen(&told),
    };
    crate::commands::print(&text);
    ExitCode::Equal
}

/// `documents=1B,partitions=40`, and how many times faster the stores are than what was measured.
fn read(text: &str) -> Result<(Landscape, Option<f64>), String> {
    let mut landscape = Landscape::default();
    let mut faster = None;
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let Some((name, value)) = part.split_once('=') else {
            return Err(format!("{part} is not of the form name=value"));
        };
        let count = || {
            parse_count(value)
                .ok()
                .filter(|n| *n > 0)
                .ok_or_else(|| format!("{name}={value} is no number above 0"))
        };
        let figure = || {
            let number = value.parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0);
            number.ok_or_else(|| format!("{name}={value} is no number"))
        };
        match name {
            "documents" => landscape.documents = count()?,
            "partitions" => landscape.partitions = count()?,
            "indices" => landscape.indices = count()?,
            "regions" => landscape.regions = count()?,
            "bytes" => landscape.bytes_per_document.median = figure()?,
            "writes" => landscape.writes_per_second.median = figure()?,
            "skew" => landscape.skew = figure()?,
            "faster" => faster = Some(figure()?).filter(|f| *f > 0.0),
            other => {
                let known = "documents, partitions, indices, regions, bytes (a document), writes (a second), skew, faster";
                return Err(format!("{other} is unknown; known are {known}"));
            }
        }
    }
    // Beyond this it is a mistake in the figures, and would be drawn for hours.
    if landscape.indices > 100_000 || landscape.regions > 1_000 {
        return Err("more than 100,000 indices or 1,000 regions are not drawn".into());
    }
    Ok((landscape, faster))
}

fn screen(paper: &Paper) -> String {
    let Landscape { documents, partitions, indices, regions, bytes_per_document, writes_per_second, .. } =
        &paper.landscape;
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{documents} documents of {:.0} bytes (× or ÷ {:.1}) in {regions} regions, {indices} indices each, {partitions} partitions; \
         {:.0} writes a second (× or ÷ {:.1}); {} draws",
        bytes_per_document.median,
        bytes_per_document.factor,
        writes_per_second.median,
        writes_per_second.factor,
        paper.draws
    );
    let _ = writeln!(
        text,
        "\noutage, {USUAL} copies at once    median     5 to 95 of 100 draws     regions in turn   before it"
    );
    for outlook in paper.outlooks.iter().filter(|o| o.parallelism == USUAL) {
        let (down, before) = (outlook.downtime, outlook.before.median);
        let _ = writeln!(
            text,
            "{:<28}{:>10}  {:>10} to {:<10}{:>16}{:>12}",
            outlook.road.as_str(),
            time(down.median),
            time(down.p5),
            time(down.p95),
            time(outlook.in_turn.median),
            if before > 0.0 { time(before) } else { "-".into() }
        );
    }
    let _ = writeln!(text, "\nwhat more copies at once buy (median outage)");
    for road in Road::ALL {
        let row: Vec<String> =
            of(paper, road).map(|o| format!("{}: {}", o.parallelism, time(o.downtime.median))).collect();
        let decides = of(paper, road).last().map_or(0, |o| o.largest_decides);
        let _ = writeln!(
            text,
            "{:<13}{}; at most the largest index decides in {decides} of 100",
            road.as_str(),
            row.join("  ")
        );
    }
    let _ = writeln!(text, "\nwhere the time goes, {USUAL} copies at once");
    for outlook in paper.outlooks.iter().filter(|o| o.parallelism == USUAL) {
        let whole: f64 = outlook.steps.values().sum();
        let mut steps: Vec<(&String, &f64)> = outlook.steps.iter().collect();
        steps.sort_by(|a, b| b.1.total_cmp(a.1));
        let told = steps
            .iter()
            .take(4)
            .map(|(step, s)| format!("{step} {:.0} %", *s * 100.0 / whole.max(f64::MIN_POSITIVE)));
        let _ = writeln!(text, "{:<13}{}", outlook.road.as_str(), told.collect::<Vec<_>>().join(", "));
    }
    let _ = match paper.warm_beats_standard_up_to {
        Some(writes) => {
            writeln!(text, "\nwarm keeps users waiting less than standard up to {writes:.0} writes a second")
        }
        None => writeln!(
            text,
            "\nwarm keeps users waiting less than standard at any rate of writes up to a hundred times this one"
        ),
    };
    for line in &paper.rates.told {
        let _ = writeln!(text, "{line}");
    }
    text
}

fn of(paper: &Paper, road: Road) -> impl Iterator<Item = &Outlook> {
    paper.outlooks.iter().filter(move |o| o.road == road)
}

/// Seconds for people.
fn time(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7_200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3_600.0),
        s => format!("{:.1} days", s / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_and_what_is_none_is_refused() {
        let (landscape, faster) =
            read("documents=2000000,regions=2,writes=50.5,faster=10").expect("they are right");
        assert_eq!((landscape.documents, landscape.regions, faster), (2_000_000, 2, Some(10.0)));
        assert_eq!(read("").expect("nothing is asked").0, Landscape::default());
        for wrong in ["documents", "documents=0", "documents=x", "colour=red", "writes=-1", "indices=200000"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let told = screen(&paper(&landscape, &Rates::published(), 20, 1));
        assert!(told.contains("standard") && told.contains("what more copies at once buy"), "{told}");
        assert_eq!(
            [time(12.0), time(600.0), time(36_000.0), time(864_000.0)],
            ["12 s", "10 min", "10.0 h", "10.0 days"]
        );
    }
}
