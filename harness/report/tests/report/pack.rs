//! The evidence pack: the same every time, without what must not leave, and telling when somebody changed it.

use crate::samples;
use drydock_core::{Event, Finding, Kind, Record, Sample, Summary};
use drydock_report::pack::{Pack, make, verify};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{Read, Write};

fn bytes_of(record: &Record) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in &record.entries {
        serde_json::to_writer(&mut bytes, entry).unwrap();
        bytes.push(b'\n');
    }
    if record.torn.is_some() {
        bytes.extend(b"{\"seq\":99,\"at\"");
    }
    bytes
}

fn packed(record: &Record) -> Pack {
    make(&bytes_of(record)).unwrap()
}

type Files = BTreeMap<String, Vec<u8>>;

fn files(archive: &[u8]) -> Files {
    let mut tar = tar::Archive::new(GzDecoder::new(archive));
    let entries = tar.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let header = entry.header().clone();
        assert_eq!((header.mtime().unwrap(), header.uid().unwrap(), header.gid().unwrap()), (0, 0, 0));
        assert!(header.username_bytes().is_none_or(<[u8]>::is_empty));
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (path.split_once('/').unwrap().1.to_owned(), content)
    });
    entries.collect()
}

fn archive(files: &Files) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, format!("run/{name}"), content.as_slice()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// Writes the list of digests anew, as somebody would who wants to hide a change.
fn with_new_sums(mut files: Files) -> Files {
    files.remove("SHA256SUMS");
    let line = |(name, content): (&String, &Vec<u8>)| {
        let digest: String = Sha256::digest(content).iter().map(|b| format!("{b:02x}")).collect();
        format!("{digest}  {name}\n")
    };
    let sums: String = files.iter().map(line).collect();
    files.insert("SHA256SUMS".into(), sums.into_bytes());
    files
}

fn replaced(files: &Files, name: &str, from: &str, to: &str) -> Files {
    let mut files = files.clone();
    let text = String::from_utf8(files[name].clone()).unwrap();
    assert!(text.contains(from), "{from} is not in {name}");
    files.insert(name.into(), text.replace(from, to).into_bytes());
    files
}

#[test]
fn a_pack_holds_everything_and_is_the_same_every_time() {
    let record = samples::planted_record();
    let pack = packed(&record);
    assert_eq!(pack, packed(&record));
    let names: Vec<String> = files(&pack.archive).into_keys().collect();
    let all = "READ-ME.txt SHA256SUMS junit.xml pack.json record.jsonl report.html report.json report.md trace.json";
    assert_eq!(names.join(" "), all);
    assert_eq!(pack.files, 9);
    let verification = verify(&pack.archive).unwrap();
    assert!(verification.holds(), "{}", verification.told());
    assert_eq!(verification.sha256, pack.sha256);
    assert_eq!(verification.summary.as_ref().unwrap().verdict, samples::planted().verdict);
    assert!(verification.told().contains("whole: 9 files"), "{}", verification.told());
}

#[test]
fn packs_of_every_kind_of_run_hold() {
    for record in [samples::green_record(), samples::hostile_record(3), samples::killed_record()] {
        let verification = verify(&packed(&record).archive).unwrap();
        assert!(verification.holds(), "{}", verification.told());
        let (before, after) = (Summary::of(&record), verification.summary.unwrap());
        assert_eq!(before.verdict.exit_code, after.verdict.exit_code);
        assert_eq!(before.torn, after.torn, "that a record is torn is part of the evidence");
    }
}

/// A record with what must not leave in several places.
fn talkative() -> Record {
    let mut record = samples::planted_record();
    record.started.scenario_file = "/home/ada/ci/scenarios/planted-loss.yaml".into();
    record.entries[0].event = Event::RunStarted(Box::new(record.started.clone()));
    let mut entry = record.entries[record.entries.len() - 2].clone();
    entry.event = Event::Finding(
        Finding::data(
            "elasticsearch/documents",
            Kind::Missing,
            "x",
            "cannot read /home/ada/ci/x.log from https://elastic:hunter22@es:9200/x?token=1&password=geheim22",
        )
        .items(1, [Sample::both("/home/data/kept", Some("postgres://kc:hunter/22@h/d".into()), None)])
        .next("psql postgres://ada@db/x"),
    );
    record.entries.insert(record.entries.len() - 1, entry);
    for (seq, entry) in (0_u64..).zip(record.entries.iter_mut()) {
        entry.seq = seq;
    }
    record
}

#[test]
fn credentials_and_folders_do_not_leave() {
    let pack = packed(&talkative());
    assert!(pack.redacted >= 4, "{}", pack.redacted);
    for (name, content) in files(&pack.archive) {
        let text = String::from_utf8(content).unwrap();
        for secret in ["hunter", "geheim22", "/home/ada", "ada@db"] {
            assert!(!text.contains(secret), "{secret} is in {name}");
        }
    }
    // The check of packs is not fooled into finding something in what was taken out.
    assert!(verify(&pack.archive).unwrap().holds());
    // What the stores hold stays, and so does the name of the scenario's file.
    let record = String::from_utf8(files(&pack.archive)["record.jsonl"].clone()).unwrap();
    assert!(record.contains("/home/data/kept") && record.contains("\"planted-loss.yaml\""));
}

#[test]
fn a_pack_with_a_credential_is_told() {
    let clean = files(&packed(&samples::planted_record()).archive);
    let leaky = replaced(&clean, "record.jsonl", "connection refused", "https://elastic:hunter22@es refused");
    let verification = verify(&archive(&with_new_sums(leaky))).unwrap();
    assert!(
        verification.problems.iter().any(|p| p.contains("looks like a credential")),
        "{}",
        verification.told()
    );
    assert!(!verification.told().contains("hunter22"));
}

#[test]
fn changes_are_told() {
    let clean = files(&packed(&samples::planted_record()).archive);
    assert!(verify(&archive(&clean)).unwrap().holds(), "only the archive was made anew");
    let problems = |files: &Files| verify(&archive(files)).unwrap().problems;
    let told = |files: &Files, what: &str| {
        let problems = problems(files);
        assert!(problems.iter().any(|p| p.contains(what)), "{what} is not told: {problems:?}");
    };
    // One file was changed.
    told(
        &replaced(&clean, "report.md", "DIFFERENT", "EQUAL"),
        "report.md was changed after the pack was made",
    );
    // The list of digests was made to fit.
    for (name, from, to) in
        [("report.md", "DIFFERENT", "EQUAL"), ("report.html", "verdict bad", "verdict good")]
    {
        told(
            &with_new_sums(replaced(&clean, name, from, to)),
            &format!("{name} is not what follows from the record"),
        );
    }
    let green = replaced(&clean, "report.json", "\"exit_code\": 1", "\"exit_code\": 0");
    told(
        &with_new_sums(green),
        "report and record disagree on the verdict: report.json says EQUAL (exit code 0), the record says DIFFERENT (exit code 1)",
    );
    // The record was changed instead: then the reports are not its own.
    let record = replaced(&clean, "record.jsonl", "\"outcome\":\"different\"", "\"outcome\":\"equal\"");
    told(&with_new_sums(record), "report and record disagree on");
    // Lines were taken out of the record.
    let text = String::from_utf8(clean["record.jsonl"].clone()).unwrap();
    let shorter: String =
        text.lines().filter(|l| !l.contains("operate-list-view")).map(|l| format!("{l}\n")).collect();
    let mut cut = clean.clone();
    cut.insert("record.jsonl".into(), shorter.into_bytes());
    told(&with_new_sums(cut), "lines are missing");
    for name in ["SHA256SUMS", "report.json", "report.html", "record.jsonl", "trace.json"] {
        let mut without = clean.clone();
        without.remove(name);
        told(&without, "missing");
    }
    let mut more = clean;
    more.insert("extra.html".into(), b"<p>EQUAL".to_vec());
    told(&more, "extra.html is in the pack and not listed");
}

#[test]
fn a_pack_of_another_version_is_held_against_its_record_all_the_same() {
    let clean = files(&packed(&samples::planted_record()).archive);
    let ours = format!("\"drydock\": \"{}\"", env!("CARGO_PKG_VERSION"));
    let other = replaced(&clean, "pack.json", &ours, "\"drydock\": \"9.9.9\"");
    let styled = with_new_sums(replaced(&other, "report.html", "verdict-title", "title-of-verdict"));
    let verification = verify(&archive(&styled)).unwrap();
    assert!(verification.holds(), "{}", verification.told());
    assert!(verification.told().contains("note     report.html was made by Drydock 9.9.9"));
    let green = replaced(&other, "report.json", "\"exit_code\": 1", "\"exit_code\": 0");
    assert!(!verify(&archive(&with_new_sums(green))).unwrap().holds());
}

#[test]
fn what_is_no_pack_is_refused() {
    let whole = packed(&samples::green_record()).archive;
    assert!(verify(b"nonsense").is_err());
    assert!(verify(&whole[..whole.len() / 2]).is_err());
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    tar.append_link(&mut header, "run/record.jsonl", "/etc/passwd").unwrap();
    let linked = tar.into_inner().unwrap().finish().unwrap();
    assert!(verify(&linked).unwrap_err().to_string().contains("not a regular file"));
    let mut beside = GzEncoder::new(Vec::new(), Compression::fast());
    beside.write_all(&[0; 1024]).unwrap();
    assert!(verify(&beside.finish().unwrap()).unwrap_err().to_string().contains("empty"));
    assert!(make(b"{}\n").is_err());
}
