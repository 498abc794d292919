//! Reports as files, and their rebuilding from the record alone.

use crate::samples;
use drydock_core::{Record, RecordWriter, Redactor, Summary};
use drydock_report::{RebuildError, rebuild, write_all};
use std::path::PathBuf;

/// A folder of its own that goes when the test does.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn write_record(folder: &Folder, record: &Record) {
    struct At(jiff::Timestamp, u64);
    impl drydock_core::Clock for At {
        fn now(&self) -> jiff::Timestamp {
            self.0
        }
        fn elapsed_ms(&self) -> u64 {
            self.1
        }
        fn ms_at(&self, _: std::time::Instant) -> u64 {
            self.1
        }
    }
    let file = std::fs::File::create(folder.0.join("record.jsonl")).unwrap();
    let mut writer = RecordWriter::new(file, 0, Redactor::default());
    for entry in &record.entries {
        writer.append(&At(entry.at, entry.ms), entry.event.clone()).unwrap();
    }
}

#[test]
fn reports_are_rebuilt_from_the_record_byte_by_byte() {
    let folder = Folder::new("rebuilt");
    write_record(&folder, &samples::green_record());
    let summary = rebuild(&folder.0).unwrap();
    assert_eq!(summary, samples::green());
    let paths = write_all(&folder.0, &summary).unwrap();
    let names: Vec<_> = paths.iter().map(|p| p.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["report.json", "report.md", "report.html", "junit.xml", "trace.json"]);
    let first: Vec<Vec<u8>> = paths.iter().map(|p| std::fs::read(p).unwrap()).collect();
    write_all(&folder.0, &rebuild(&folder.0).unwrap()).unwrap();
    let second: Vec<Vec<u8>> = paths.iter().map(|p| std::fs::read(p).unwrap()).collect();
    assert_eq!(first, second);
    // Nothing half-written is left behind.
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 6);
    let read: Summary = serde_json::from_slice(&first[0]).unwrap();
    assert_eq!(read, summary);
    assert!(String::from_utf8_lossy(&first[0]).contains("\"report_version\": 1"));
}

#[test]
fn an_old_report_survives_a_failed_write() {
    let folder = Folder::new("survives");
    // A folder where the temporary file would be stands for a disk that takes nothing.
    std::fs::write(folder.0.join("report.json"), "old").unwrap();
    std::fs::create_dir(folder.0.join(format!(".report.json.{}", std::process::id()))).unwrap();
    assert!(write_all(&folder.0, &samples::green()).is_err());
    assert_eq!(std::fs::read_to_string(folder.0.join("report.json")).unwrap(), "old");
}

#[test]
fn a_folder_without_a_usable_record_is_told() {
    let folder = Folder::new("unusable");
    let error = rebuild(&folder.0).unwrap_err();
    assert!(matches!(error, RebuildError::Open { .. }));
    assert!(error.to_string().contains("give the folder of a run"), "{error}");
    std::fs::write(folder.0.join("record.jsonl"), "nonsense\n").unwrap();
    let error = rebuild(&folder.0).unwrap_err();
    assert!(matches!(error, RebuildError::Record { .. }), "{error}");
}
