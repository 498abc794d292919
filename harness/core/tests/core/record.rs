//! The record survives a kill at any byte, and nothing else.

use crate::support::{Run, Still, written};
use drydock_core::event::{Ending, NoteLevel, RECORD_VERSION};
use drydock_core::record::RecordError;
use drydock_core::{Event, Finding, Kind, Record, RecordWriter, Redactor, StepOutcome};

fn sample() -> Record {
    Run::asking(&["postgres/rows"])
        .step("prepare/provision", StepOutcome::Done)
        .finding(Finding::data("postgres/rows", Kind::Missing, "identity.public.ä\n𝄞", "a row is missing"))
        .check("postgres/rows", 7)
        .ends(Ending::Complete)
}

#[test]
fn what_is_written_reads_back() {
    let record = sample();
    let bytes = written(&record);
    let read = Record::read(bytes.as_slice()).unwrap();
    assert_eq!(read.entries, record.entries);
    assert_eq!(read.started, record.started);
    assert_eq!(read.torn, None);
    assert_eq!(read.whole_bytes, bytes.len() as u64);
    assert!(read.is_finished());
}

#[test]
fn one_event_is_one_write_and_one_line() {
    struct Counting(usize);
    impl std::io::Write for Counting {
        fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
            self.0 += 1;
            assert_eq!(buffer.iter().filter(|b| **b == b'\n').count(), 1);
            assert_eq!(buffer.last(), Some(&b'\n'));
            Ok(buffer.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut writer = RecordWriter::new(Counting(0), 0, Redactor::default());
    for entry in sample().entries {
        writer.append(&Still(0), entry.event).unwrap();
    }
    assert_eq!(writer.get_ref().0, sample().entries.len());
}

#[test]
fn a_last_line_torn_at_any_byte_is_left_out() {
    let record = sample();
    let bytes = written(&record);
    let last = bytes[..bytes.len() - 1].iter().rposition(|b| *b == b'\n').unwrap() + 1;
    for end in last + 1..bytes.len() {
        let read = Record::read(&bytes[..end]).unwrap_or_else(|e| panic!("torn at {end}: {e}"));
        assert_eq!(read.entries.len(), record.entries.len() - 1, "torn at {end}");
        let torn = read.torn.as_ref().unwrap();
        assert_eq!((torn.line, torn.bytes), (record.entries.len() as u64, (end - last) as u64));
        assert_eq!(read.whole_bytes, last as u64);
        assert!(!read.is_finished());
    }
}

#[test]
fn a_record_cut_at_any_byte_behind_its_first_line_reads() {
    let bytes = written(&sample());
    let first = bytes.iter().position(|b| *b == b'\n').unwrap() + 1;
    for end in first..bytes.len() {
        let read = Record::read(&bytes[..end]).unwrap_or_else(|e| panic!("cut at {end}: {e}"));
        assert!(read.whole_bytes <= end as u64);
        // Going on where the whole lines end gives a whole record again.
        let whole = usize::try_from(read.whole_bytes).unwrap();
        let mut writer =
            RecordWriter::new(bytes[..whole].to_vec(), read.entries.len() as u64, Redactor::default());
        writer.append(&Still(9), Event::RunResumed { steps_kept: 0, starts_over: None }).unwrap();
        let again = Record::read(writer.get_ref().as_slice()).unwrap();
        assert_eq!(again.entries.len(), read.entries.len() + 1);
    }
}

#[test]
fn a_torn_line_may_end_within_a_character() {
    let record = sample();
    let bytes = written(&record);
    let at = bytes.iter().position(|b| !b.is_ascii()).unwrap() + 1;
    let read = Record::read(&bytes[..at]).unwrap();
    assert!(read.torn.is_some());
}

#[test]
fn damage_before_the_end_is_an_error_with_its_place() {
    let text = String::from_utf8(written(&sample())).unwrap();
    let damaged = text.replacen("\"seq\":2", "\"seq\":x", 1);
    let error = Record::read(damaged.as_bytes()).unwrap_err();
    match &error {
        RecordError::Damaged { line: 3, column: 8, .. } => {}
        other => panic!("{other:?}"),
    }
    assert!(error.to_string().starts_with("record line 3, column 8: "), "{error}");
    assert!(!error.to_string().contains("at line 1"), "the parser's own line number would mislead: {error}");
}

#[test]
fn a_missing_line_is_found() {
    let text = String::from_utf8(written(&sample())).unwrap();
    let without: String =
        text.split_inclusive('\n').enumerate().filter(|(i, _)| *i != 2).map(|(_, line)| line).collect();
    let error = Record::read(without.as_bytes()).unwrap_err().to_string();
    assert_eq!(error, "record line 3, column 1: entry 3 where 2 should be: lines are missing");
}

#[test]
fn newer_and_foreign_files_are_refused() {
    let mut run = Run::asking(&[]);
    run.started.record_version = RECORD_VERSION + 1;
    let bytes = written(&run.killed());
    assert!(
        matches!(Record::read(bytes.as_slice()), Err(RecordError::TooNew { found }) if found == RECORD_VERSION + 1)
    );
    // A newer format need not even look like ours.
    let strange =
        br#"{"seq":0,"at":"2030-01-01T00:00:00Z","ms":0,"event":{"type":"run_started","record_version":9}}
"#;
    assert!(matches!(Record::read(&strange[..]), Err(RecordError::TooNew { found: 9 })));
    for text in ["", "\n", "hello\n", "{}\n", "{\"seq\":0"] {
        assert!(matches!(Record::read(text.as_bytes()), Err(RecordError::NotARecord(_))), "{text:?}");
    }
}

#[test]
fn no_secret_reaches_a_line() {
    let mut writer = RecordWriter::new(Vec::new(), 0, Redactor::default());
    let note = |text: &str| Event::Note { level: NoteLevel::Info, text: text.into() };
    writer.add_secret("pa\"ss\\wörd");
    writer.append(&Still(0), note("refused pa\"ss\\wörd for http://elastic:changeme@host:9200/")).unwrap();
    writer.add_secret("token-2");
    writer.append(&Still(0), note("token-2")).unwrap();
    let text = String::from_utf8(writer.get_ref().clone()).unwrap();
    for secret in ["wörd", "changeme", "token-2"] {
        assert!(!text.contains(secret), "{text}");
    }
    assert_eq!(text.matches("[redacted]").count(), 3, "{text}");
    for line in text.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

#[test]
fn a_failed_write_does_not_count() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut writer = RecordWriter::new(Full, 3, Redactor::default());
    let event = Event::RunFinished { ending: Ending::Complete };
    let error = writer.append(&Still(0), event).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
}

#[test]
fn what_was_redone_after_a_kill_is_told_once() {
    let found = || Finding::data("postgres/rows", Kind::Missing, "identity.public.t", "");
    let run = Run::asking(&["postgres/rows"])
        .event(Event::StepStarted { step: "phase-4/compare".into() })
        .finding(found())
        .event(Event::RunResumed { steps_kept: 3, starts_over: None })
        .event(Event::StepStarted { step: "phase-4/compare".into() })
        .finding(found())
        .ends(Ending::Complete);
    let findings = run.effective().iter().filter(|e| matches!(e.event, Event::Finding(_))).count();
    assert_eq!(findings, 1);
}
