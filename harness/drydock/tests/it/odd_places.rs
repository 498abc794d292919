//! Places that a program is not made for: terminals of a few columns or none, no colours, no home, folders that nobody may write
//! to, a run that somebody else reads or writes, files that would steer the terminal.

use crate::support::{
    assert_nothing_left, cannot_run, drydock, folder, root, run_folder, scenario, skip, small_scenario, text,
    turn,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A run folder with the record of a finished run that found differences, as this version writes it.
pub(crate) fn finished_run(folder: &Path) -> PathBuf {
    let run = folder.join("reports/runs/made-by-hand");
    fs::create_dir_all(&run).expect("a folder");
    fs::copy(root().join("fixtures/records/v3-different.jsonl"), run.join("record.jsonl")).expect("a record");
    run
}

/// What the command prints on a terminal of so many columns, with its exit code; `None` where no terminal can be had.
fn on_terminal(folder: &Path, columns: usize, line: &str) -> Option<(Option<i32>, String)> {
    let program = env!("CARGO_BIN_EXE_drydock");
    let inside = format!("stty cols {columns} rows 24; exec '{program}' {line}");
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command", &inside, "/dev/null"])
        .current_dir(folder)
        .env("TERM", "xterm-256color")
        .env_remove("NO_COLOR")
        .env_remove("COLUMNS")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    Some((output.status.code(), text(&output)))
}

/// The text without the colours that a terminal is given. Anything else that steers one stays.
fn without_colors(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find("\u{1b}[") {
        let code = &rest[at + 2..];
        let end = code.find(|c: char| !(c.is_ascii_digit() || c == ';')).unwrap_or(code.len());
        out.push_str(&rest[..at]);
        if !code[end..].starts_with('m') {
            out.push_str("\u{1b}[");
            rest = code;
            continue;
        }
        rest = &code[end + 1..];
    }
    out.push_str(rest);
    out
}

fn steers(text: &str) -> Option<char> {
    text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t') || matches!(c, '\u{202a}'..='\u{202e}'))
}

#[test]
fn a_terminal_of_any_width_shows_a_report() {
    let folder = folder();
    let run = finished_run(folder.path());
    if Command::new("script").arg("--version").output().is_err() {
        return skip("there is no `script` to make a terminal with");
    }
    for columns in [0, 1, 5, 19, 20, 39, 40, 61, 80, 500] {
        let (code, shown) =
            on_terminal(folder.path(), columns, &format!("report {}", run.display())).expect("a terminal");
        assert_eq!(code, Some(1), "{columns} columns: {shown}");
        let plain = without_colors(&shown).replace("\r\n", "\n");
        assert_ne!(plain, shown.replace("\r\n", "\n"), "a terminal gets colours");
        assert_eq!(steers(&plain), None, "{columns} columns: {plain:?}");
        // The path of the folder is never cut.
        let lines = plain.lines().filter(|l| !l.starts_with("folder"));
        let widest = lines.map(|l| l.chars().count()).max().unwrap_or(0);
        // A name and three figures of a check take more than the narrowest has.
        let most = if columns == 0 { 100 } else { columns.clamp(48, 120) };
        assert!(widest <= most, "{widest} of {columns} columns: {plain}");
        for line in ["explain documents", "explain", "help exit-codes", "--help", "rehearse --help"] {
            let (code, shown) = on_terminal(folder.path(), columns, line).expect("a terminal");
            assert_eq!(code, Some(0), "{line} on {columns} columns: {shown}");
        }
    }
}

#[test]
fn without_a_terminal_or_colours_nothing_steers_one() {
    let folder = folder();
    let run = finished_run(folder.path());
    let plan = scenario("tiny.yaml");
    for variable in [None, Some(("NO_COLOR", "1")), Some(("TERM", "dumb"))] {
        let lines: [&[&str]; 4] = [
            &["report", run.to_str().expect("a path")],
            &["--verbose", "rehearse", "--plan", plan.to_str().expect("a path")],
            &["rehearse", "absent.yaml"],
            &["explain", "documents"],
        ];
        for line in lines {
            let mut command = drydock(folder.path());
            command.args(line).env_remove("NO_COLOR").env_remove("TERM").stdin(Stdio::null());
            command.envs(variable);
            let output = command.output().expect("it runs");
            let told = text(&output);
            assert!(!told.is_empty() && steers(&told).is_none(), "{line:?} with {variable:?}: {told:?}");
        }
    }
    // It does log what it was asked, so that there is something to colour.
    let verbose = drydock(folder.path())
        .args(["--verbose", "rehearse", "--plan"])
        .arg(&plan)
        .output()
        .expect("it runs");
    assert!(String::from_utf8_lossy(&verbose.stderr).contains("DEBUG"), "{}", text(&verbose));
    if let Some((_, shown)) = on_terminal(folder.path(), 80, &format!("report {}", run.display())) {
        assert!(shown.contains("\u{1b}["), "on a terminal there are colours");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = folder();
    let run = finished_run(folder.path());
    let line = format!(
        "'{}' report {} --format json | head -c 1 >/dev/null; echo ${{PIPESTATUS[0]}}",
        env!("CARGO_BIN_EXE_drydock"),
        run.display()
    );
    let output =
        Command::new("bash").args(["-c", &line]).current_dir(folder.path()).output().expect("bash runs");
    assert_eq!(text(&output).trim(), "1", "the verdict's exit code, and nothing else");
}

#[test]
fn without_a_home_what_needs_none_works_and_the_rest_says_so() {
    let folder = folder();
    let run = finished_run(folder.path());
    let bare = |line: &[&str]| -> Output {
        let mut command = drydock(folder.path());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).args(line);
        command.output().expect("it runs")
    };
    let tiny = scenario("tiny.yaml");
    for (line, code) in [
        (vec!["report", run.to_str().expect("a path")], 1),
        (vec!["explain", "freeze"], 0),
        (vec!["rehearse", "--plan", tiny.to_str().expect("a path")], 0),
        (vec!["completions", "bash"], 0),
        (vec!["clean", "--dry-run"], 0),
    ] {
        let output = bare(&line);
        assert_eq!(output.status.code(), Some(code), "{line:?}: {}", text(&output));
    }
    let doctor = bare(&["doctor", tiny.to_str().expect("a path")]);
    assert!(matches!(doctor.status.code(), Some(0 | 5)), "{}", text(&doctor));
    assert!(!text(&doctor).contains("panicked"), "{}", text(&doctor));
}

/// A folder in which this user can make nothing. Whoever is root may write everywhere but where the kernel lets nobody.
fn closed(folder: &Path) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let closed = folder.join("closed");
    fs::create_dir(&closed).expect("a folder");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).expect("a mode");
    [closed, PathBuf::from("/sys")].into_iter().find(|place| {
        let tried = place.join("drydock-tries");
        let made = fs::create_dir(&tried).is_ok();
        if made {
            let _ = fs::remove_dir(&tried);
        }
        !made && place.is_dir()
    })
}

#[test]
fn in_a_folder_that_cannot_be_written_to_it_is_told_where_else_to_write() {
    let folder = folder();
    let Some(closed) = closed(folder.path()) else { return skip("every folder can be written to here") };
    let output = drydock(&closed).arg("rehearse").arg(scenario("tiny.yaml")).output().expect("it runs");
    assert_eq!(output.status.code(), Some(5), "{}", text(&output));
    assert!(
        text(&output).contains("cannot make the run folder") && text(&output).contains("--runs"),
        "{}",
        text(&output)
    );
    assert_eq!(text(&output).lines().count(), 1, "{}", text(&output));
    let init = drydock(&closed).args(["init", "--yes"]).output().expect("it runs");
    assert!(
        matches!(init.status.code(), Some(2 | 5)) && text(&init).contains("drydock.yaml"),
        "{}",
        text(&init)
    );
    // What only reads works there.
    let run = finished_run(folder.path());
    let report = drydock(&closed).arg("report").arg(&run).output().expect("it runs");
    assert_eq!(report.status.code(), Some(1), "{}", text(&report));
    for line in [["explain", "freeze"], ["help", "exit-codes"]] {
        assert_eq!(drydock(&closed).args(line).output().expect("it runs").status.code(), Some(0));
    }
}

#[test]
fn a_file_that_would_steer_the_terminal_does_not() {
    let folder = folder();
    let hostile = folder.path().join("hostile.yaml");
    for text_of_file in [
        "name: x\n# \u{1b}]0;owned\u{7}\u{202e}\n\"\\e[2J\\u202e\": 1\n",
        "name: x\nseed: \"\\e[31m\\nEQUAL (exit code 0)\"\n",
        "name: \"\\e[2J\"\n",
        "name: x\nexpected: [\"\\e[2J\\r.yaml\"]\n",
    ] {
        fs::write(&hostile, text_of_file).expect("a scenario");
        let output = drydock(folder.path()).args(["rehearse", "hostile.yaml"]).output().expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        assert_eq!(steers(&text(&output)), None, "{:?}", text(&output));
        assert!(!text(&output).lines().any(|l| l.starts_with("EQUAL")), "{}", text(&output));
    }
    let output = drydock(folder.path()).args(["report", "\u{1b}[2Jabsent"]).output().expect("it runs");
    assert_eq!((output.status.code(), steers(&text(&output))), (Some(2), None), "{:?}", text(&output));
}

#[test]
fn a_run_that_is_going_on_is_neither_resumed_nor_torn_by_those_who_read_it() {
    let folder = folder();
    let run = finished_run(folder.path());
    let record = run.join("record.jsonl");
    let whole = fs::read_to_string(&record).expect("a record");
    // Somebody writes it: the last line is not there yet.
    let unfinished = &whole[..whole.trim_end().rfind('\n').expect("lines") + 1];
    fs::write(&record, unfinished).expect("a record");
    let writer = fs::File::options().append(true).open(&record).expect("a record");
    writer.try_lock().expect("nobody else has it");
    let resumed = drydock(folder.path()).args(["rehearse", "--resume"]).arg(&run).output().expect("it runs");
    assert_ne!(resumed.status.code(), Some(0), "{}", text(&resumed));
    assert!(text(&resumed).contains("still going on"), "{}", text(&resumed));
    assert_eq!(fs::read_to_string(&record).expect("a record"), unfinished, "it was touched");
    // Many read at once, and each sees whole files.
    let readers: Vec<_> = (0..6)
        .map(|_| {
            drydock(folder.path())
                .arg("report")
                .arg(&run)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("it starts")
        })
        .collect();
    let told: Vec<Output> = readers.into_iter().map(|r| r.wait_with_output().expect("it ends")).collect();
    for output in &told {
        assert_eq!(output.status.code(), Some(130), "{}", text(output));
        assert!(!text(output).contains("warning"), "{}", text(output));
        assert_eq!(output.stdout, told[0].stdout);
    }
    let report = crate::support::json(&run.join("report.json"));
    assert_eq!(report["verdict"]["exit_code"], 130);
    let left = fs::read_dir(&run)
        .expect("a folder")
        .flatten()
        .filter(|e| e.file_name().to_string_lossy().starts_with('.'));
    assert_eq!(left.count(), 0, "half a report is left");
}

/// Costs a minute, so that it is asked for: `DRYDOCK_TEST_SLOW`, as `ci/nightly` does.
#[test]
fn two_rehearsals_at_once_do_not_meet() {
    if std::env::var_os("DRYDOCK_TEST_SLOW").is_none() {
        return skip("two rehearsals at once: DRYDOCK_TEST_SLOW is not set");
    }
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path()) {
        return skip(&why);
    }
    let file = small_scenario(folder.path());
    let both: Vec<_> = (0..2)
        .map(|_| {
            drydock(folder.path())
                .arg("rehearse")
                .arg(&file)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("it starts")
        })
        .collect();
    for child in both {
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    }
    let runs = fs::read_dir(folder.path().join("reports/runs")).expect("runs").count();
    assert_eq!(runs, 2);
    assert_nothing_left(folder.path(), &run_folder(folder.path()));
}
