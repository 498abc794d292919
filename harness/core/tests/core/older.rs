//! Records that earlier versions wrote, as they wrote them: they open, and say what they said.

use drydock_core::event::RECORD_VERSION;
use drydock_core::{ExitCode, Record, Summary};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// `vVERSION-VERDICT.jsonl`, written by the code of that version.
fn records() -> Vec<(u32, String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/records");
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let (version, verdict) = name.strip_prefix('v').unwrap().split_once('-').unwrap();
        (version.parse().unwrap(), verdict.to_owned(), path)
    };
    let mut found: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| read(e.unwrap().path())).collect();
    found.sort();
    found
}

#[test]
fn every_version_of_a_record_opens_with_its_verdict() {
    let records = records();
    let versions: BTreeSet<u32> = records.iter().map(|(version, ..)| *version).collect();
    assert_eq!(versions, (1..=RECORD_VERSION).collect(), "a version without a record that it wrote");
    for (version, verdict, path) in records {
        let bytes = std::fs::read(&path).unwrap();
        let record = Record::read(bytes.as_slice()).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(record.started.record_version, version);
        assert!(record.is_finished() && record.torn.is_none());
        let summary = Summary::of(&record);
        let code = match verdict.as_str() {
            "green" => ExitCode::Equal,
            "different" => ExitCode::Different,
            other => panic!("{other}"),
        };
        let told = &summary.verdict;
        assert_eq!(told.exit_code, code.code(), "{}: {} {:#?}", path.display(), told.headline, told.findings);
        assert!(summary.downtime.phase_clock_seconds.is_some() && summary.downtime.capabilities.len() == 1);
        assert_eq!(summary.honesty.proof.is_some(), version > 1, "proofs came with version 2");
        if code == ExitCode::Different {
            let finding = &told.findings[0].finding;
            assert_eq!((finding.subject.as_str(), finding.samples.len()), ("identity.public.users", 1));
            assert_eq!(summary.planted.len(), 1);
        }
        // A record that lacks its end is read as well, and is no verdict.
        let cut = &bytes[..bytes.len() - 10];
        let cut = Record::read(cut).unwrap_or_else(|e| panic!("cut {}: {e}", path.display()));
        assert!(cut.torn.is_some() && Summary::of(&cut).verdict.exit_code == ExitCode::Interrupted.code());
    }
}
