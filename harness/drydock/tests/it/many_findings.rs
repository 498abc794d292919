//! A run that found very much: its reports are made in bounded memory and time, and each has what its readers can take.

use crate::odd_places::finished_run;
use crate::support::{folder, json, text};
use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Address space for each finding and for everything else, in bytes: a million findings fit into less than four GiB.
const EACH: u64 = 3_500;
const REST: u64 = 512 << 20;

/// `DRYDOCK_TEST_FINDINGS` asks for another number, a million in `ci/nightly`.
fn wanted() -> u64 {
    std::env::var("DRYDOCK_TEST_FINDINGS").ok().and_then(|n| n.parse().ok()).unwrap_or(40_000)
}

/// Puts so many findings before the last line of a record.
fn fill(record: &Path, findings: u64) {
    let text = fs::read_to_string(record).expect("a record");
    let lines: Vec<&str> = text.lines().collect();
    let (last, first) = lines.split_last().expect("lines");
    let mut out = BufWriter::new(fs::File::create(record).expect("a record"));
    for line in first {
        writeln!(out, "{line}").expect("written");
    }
    let begin = first.len() as u64;
    let at = "2026-01-01T00:00:00Z";
    for number in 0..findings {
        let event = format!(
            "{{\"type\":\"finding\",\"check\":\"elasticsearch/documents\",\"class\":\"data\",\"kind\":\"missing\",\"outcome\":\"different\",\
             \"subject\":\"operate-list-view-{number}_\",\"message\":\"operate-list-view-{number}_: 3 documents of the source are missing on the \
             target\",\"count\":3,\"samples\":[{{\"item\":\"22517998136{number}\",\"source\":\"{{\\\"key\\\":{number}}}\"}}],\"next\":\"copy the \
             index anew\"}}"
        );
        writeln!(out, "{{\"seq\":{},\"at\":\"{at}\",\"ms\":9,\"event\":{event}}}", begin + number)
            .expect("written");
    }
    let seq = format!("\"seq\":{begin}");
    assert!(last.contains(&seq), "{last}");
    writeln!(out, "{}", last.replacen(&seq, &format!("\"seq\":{}", begin + findings), 1)).expect("written");
    out.flush().expect("written");
}

#[test]
fn reports_of_very_many_findings_stay_within_memory_and_time() {
    let folder = folder();
    let run = finished_run(folder.path());
    let findings = wanted();
    fill(&run.join("record.jsonl"), findings);
    let limit = (REST + EACH * findings) / 1024;
    let began = Instant::now();
    let told = |format: &str, limit: u64| {
        // Each thread that allocates takes address space for an arena of its own, whether it uses it or not.
        let line = format!(
            "ulimit -v {limit}; exec '{}' report '{}' --format {format}",
            env!("CARGO_BIN_EXE_drydock"),
            run.display()
        );
        let mut command = Command::new("sh");
        command.args(["-c", &line]).current_dir(folder.path()).env("MALLOC_ARENA_MAX", "2");
        command.output().expect("it runs")
    };
    let screen = told("terminal", limit);
    assert_eq!(screen.status.code(), Some(1), "{}", text(&screen));
    assert!(!text(&screen).contains("warning"), "{}", text(&screen));
    assert!(text(&screen).lines().count() <= 60, "{}", text(&screen));
    let report = json(&run.join("report.json"));
    let all = report["verdict"]["findings"].as_array().map_or(0, Vec::len) as u64;
    assert!(all >= findings, "{all} of {findings} findings are in report.json");
    drop(report);
    for (file, most) in [("report.html", 1 << 20), ("report.md", 1 << 20), ("junit.xml", 1 << 20)] {
        let bytes = fs::metadata(run.join(file)).expect(file).len();
        assert!(bytes > 1000 && bytes < most, "{file} has {bytes} bytes");
    }
    let sarif = told("sarif", limit);
    assert_eq!(sarif.status.code(), Some(1), "{}", String::from_utf8_lossy(&sarif.stderr));
    let sarif: serde_json::Value = serde_json::from_slice(&sarif.stdout).expect("it is JSON");
    assert_eq!(sarif["runs"][0]["results"].as_array().map_or(0, Vec::len) as u64, all.min(5000));
    let spent = began.elapsed();
    assert!(spent < Duration::from_secs(30 + findings / 2000), "{spent:?}");
    // The limit is one: far less is not enough, and the program dies rather than telling half.
    let short = told("json", limit / 20);
    assert!(short.status.code().is_none_or(|code| code != 1), "{:?}", short.status);
}
