//! The driver against a fake of the scripts that keeps their documented contract (`fixtures/scripts/fake`).

use drydock_core::finding::{Finding, Kind, Outcome};
use drydock_core::plan::ScriptPhase;
use drydock_core::{Component, Redactor};
use drydock_scripts::{Checkout, Ended, How, Level, PhaseRun, State, Told, Tree, judge_claims, judge_phase};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const SECRET: &str = "hunter22-of-the-source";

/// A copy of the fake, and what it is run with.
struct Stage {
    folder: tempfile::TempDir,
    checkout: Checkout,
    variables: BTreeMap<OsString, OsString>,
    deadline: Duration,
    cancel: CancellationToken,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fake = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/scripts/fake");
        let checkout = Tree::examine(&fake).unwrap().copy_to(&folder.path().join("scripts")).unwrap();
        checkout.watch_hooks().unwrap();
        let path = std::env::var_os("PATH").unwrap();
        let variables = [("PATH".into(), path), ("FAKE_SECRET".into(), SECRET.into())].into();
        let (deadline, cancel) = (Duration::from_secs(60), CancellationToken::new());
        Self { folder, checkout, variables, deadline, cancel }
    }

    /// Something goes wrong in a phase.
    fn with(mut self, does: &str, phase: ScriptPhase) -> Self {
        self.variables.insert("FAKE_DOES".into(), does.into());
        let place = phase.number().map_or_else(|| phase.label().to_owned(), |n| n.to_string());
        self.variables.insert("FAKE_PHASE".into(), place.into());
        self
    }

    fn log(&self, phase: ScriptPhase) -> PathBuf {
        self.folder.path().join(format!("logs/scripts-{}.log", phase.label()))
    }

    async fn run(&self, phase: ScriptPhase) -> (Ended, Vec<Told>) {
        let mut redactor = Redactor::default();
        redactor.add(SECRET);
        let mut told = Vec::new();
        let run = PhaseRun {
            checkout: &self.checkout,
            phase,
            variables: &self.variables,
            deadline: self.deadline,
            log: &self.log(phase),
            redactor: &redactor,
            cancel: &self.cancel,
        };
        let ended = run.run(&mut |t| told.push(t)).await.unwrap();
        (ended, told)
    }

    /// Runs every phase up to one, and returns how that one ended.
    async fn run_to(&self, last: ScriptPhase) -> (Ended, Vec<Told>) {
        for phase in ScriptPhase::ALL.into_iter().filter(|p| *p < last) {
            let (ended, _) = self.run(phase).await;
            assert_eq!(judge_phase(&ended).findings, Vec::<Finding>::new());
        }
        self.run(last).await
    }
}

#[tokio::test]
async fn phases_that_succeed_are_complete_by_every_account() {
    let stage = Stage::new();
    for phase in ScriptPhase::ALL {
        let (ended, told) = stage.run(phase).await;
        assert_eq!(ended.how, How::Code(0), "{ended:?}");
        let points = ["pre", "post"].map(|p| format!("{p}-{}", phase.label()));
        assert_eq!(ended.hooks, points);
        assert_eq!(told.iter().filter(|t| matches!(t, Told::Hook(_))).count(), 2, "{told:?}");
        assert!(told.contains(&Told::Section(format!("Phase {}", phase.number().unwrap()))), "{told:?}");
        let judged = judge_phase(&ended);
        assert!(judged.compared > 0 && judged.findings.is_empty(), "{judged:?}");
        assert!(fs::read_to_string(stage.log(phase)).unwrap().contains(phase.script()));
    }
    let state = State::of(&stage.checkout).unwrap();
    assert!(ScriptPhase::ALL.into_iter().all(|p| state.is_complete(p)));
    assert_eq!(stage.checkout.summary_of(Component::Identity).as_deref(), Some("Total rows: 5"));
    assert_eq!(stage.checkout.summary_of(Component::Webmodeler), None);
    let documents = stage.checkout.summary_of(Component::Elasticsearch).unwrap();
    assert!(documents.contains("Created: 1"), "{documents}");
}

#[tokio::test]
async fn the_way_back_is_done_by_its_exit_code_and_called_its_hooks() {
    let stage = Stage::new();
    let (early, _) = stage.run(ScriptPhase::WayBack).await;
    assert_eq!((early.how, early.lines_of(Level::Error).count()), (How::Code(1), 1), "{early:?}");
    let _ = stage.run_to(ScriptPhase::Validate).await;
    let (ended, _) = stage.run(ScriptPhase::WayBack).await;
    assert_eq!(
        (ended.how, &ended.hooks[..]),
        (How::Code(0), &["pre-rollback".to_owned(), "post-rollback".to_owned()][..])
    );
    assert_eq!(judge_phase(&ended).findings, Vec::<Finding>::new());
    assert!(stage.log(ScriptPhase::WayBack).ends_with("logs/scripts-rollback.log"));
    for (does, words) in [("claim", "its log tells of 1 errors"), ("skip-hooks", "did not call every hook")] {
        let stage = Stage::new().with(does, ScriptPhase::WayBack);
        let _ = stage.run_to(ScriptPhase::Validate).await;
        let (ended, _) = stage.run(ScriptPhase::WayBack).await;
        let found = judge_phase(&ended).findings;
        assert!(found.len() == 1 && found[0].message.contains(words), "{does}: {found:#?}");
    }
}

#[tokio::test]
async fn only_the_lines_of_a_phase_are_its_own() {
    let stage = Stage::new();
    let (ended, _) = stage.run_to(ScriptPhase::Cutover).await;
    assert_eq!(ended.lines_of(Level::Warning).count(), 0, "{ended:?}");
    let sections: Vec<&str> = ended.lines_of(Level::Section).collect();
    assert_eq!(sections, ["Phase 3", "Step 1/2: Freeze", "Step 2/2: Restore"]);
}

#[tokio::test]
async fn a_phase_that_fails_says_so_by_every_account_and_the_next_one_does_not_begin() {
    let stage = Stage::new().with("fail", ScriptPhase::Backup);
    let (ended, _) = stage.run_to(ScriptPhase::Backup).await;
    assert_eq!((ended.how, ended.words().as_str()), (How::Code(1), "exit code 1"));
    assert_eq!(ended.lines_of(Level::Error).collect::<Vec<_>>(), ["the fake fails"]);
    assert!(ended.last_words.iter().any(|l| l.contains("the fake fails")), "{:?}", ended.last_words);
    assert!(judge_phase(&ended).findings.is_empty(), "it hid nothing");
    let (next, _) = stage.run(ScriptPhase::Cutover).await;
    assert_eq!(next.how, How::Code(1), "{next:?}");
}

#[tokio::test]
async fn a_phase_that_hangs_is_ended_at_its_deadline_with_everything_it_started() {
    let mut stage = Stage::new().with("hang", ScriptPhase::Deploy);
    stage.deadline = Duration::from_secs(1);
    stage.variables.insert("MARK".into(), stage.folder.path().as_os_str().to_owned());
    let began = Instant::now();
    let (ended, _) = stage.run(ScriptPhase::Deploy).await;
    assert_eq!(ended.how, How::Overdue);
    assert!(ended.words().contains("deadline"), "{}", ended.words());
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert_eq!(ended.hooks, ["pre-phase-1"]);
    assert!(!ended.after.unwrap().is_complete(ScriptPhase::Deploy));
    assert_eq!(marked(stage.folder.path()), Vec::<String>::new(), "a child outlived its phase");
}

#[tokio::test]
async fn a_run_that_is_cancelled_ends_its_phase() {
    let mut stage = Stage::new().with("hang", ScriptPhase::Deploy);
    stage.variables.insert("MARK".into(), stage.folder.path().as_os_str().to_owned());
    let cancel = stage.cancel.clone();
    let (ended, ()) = tokio::join!(stage.run(ScriptPhase::Deploy), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        cancel.cancel();
    });
    assert_eq!(ended.0.how, How::Cancelled);
    assert_eq!(marked(stage.folder.path()), Vec::<String>::new());
}

/// Processes with this mark in their environment, after those that die had their moment.
fn marked(mark: &Path) -> Vec<String> {
    let wanted = format!("MARK={}", mark.display());
    let alive = || -> Vec<String> {
        let all = fs::read_dir("/proc").unwrap().flatten();
        let ours = |e: &fs::DirEntry| {
            fs::read(e.path().join("environ")).is_ok_and(|b| String::from_utf8_lossy(&b).contains(&wanted))
        };
        all.filter(ours).map(|e| e.file_name().to_string_lossy().into_owned()).collect()
    };
    for _ in 0..200 {
        if alive().is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    alive()
}

/// What one fault makes of a phase.
async fn told_of(does: &str, phase: ScriptPhase) -> Vec<Finding> {
    let stage = Stage::new().with(does, phase);
    let (ended, _) = stage.run_to(phase).await;
    judge_phase(&ended).findings
}

#[tokio::test]
async fn accounts_that_contradict_each_other_are_told() {
    for (does, phase, words) in [
        ("claim", ScriptPhase::Cutover, "its log tells of 1 errors"),
        ("claim-and-fail", ScriptPhase::Cutover, "and failed: exit code 3"),
        ("forget", ScriptPhase::Validate, "did not record its phase"),
        ("skip-hooks", ScriptPhase::Backup, "did not call every hook"),
    ] {
        let found = told_of(does, phase).await;
        assert_eq!(found.len(), 1, "{does}: {found:#?}");
        assert_eq!((found[0].kind, found[0].outcome), (Kind::Disagreement, Outcome::Different), "{does}");
        assert_eq!(found[0].subject, phase.label());
        assert!(found[0].message.contains(words), "{does}: {}", found[0].message);
    }
    let found = told_of("garble", ScriptPhase::Backup).await;
    assert!(
        found.iter().any(|f| f.outcome == Outcome::NotProven && f.message.contains("migration.env")),
        "{found:#?}"
    );
}

#[tokio::test]
async fn a_prompt_that_is_declined_is_no_completed_phase() {
    // `--yes` is what keeps the scripts from asking; where they ask all the same, they end with exit code 0.
    let stage = Stage::new();
    let lib = stage.checkout.migration().join("lib.sh");
    let text = fs::read_to_string(&lib).unwrap().replace("--yes", "--no-such-flag");
    fs::write(&lib, text).unwrap();
    let (ended, _) = stage.run(ScriptPhase::Deploy).await;
    assert_eq!(ended.how, How::Code(0));
    assert_eq!(judge_phase(&ended).findings.len(), 1);
}

#[tokio::test]
async fn a_phase_that_is_run_again_must_be_recorded_again() {
    let stage = Stage::new().with("forget", ScriptPhase::Backup);
    let mut once = Stage { variables: stage.variables.clone(), ..stage };
    once.variables.remove(&OsString::from("FAKE_DOES"));
    assert!(judge_phase(&once.run_to(ScriptPhase::Backup).await.0).findings.is_empty());
    assert!(judge_phase(&once.run(ScriptPhase::Backup).await.0).findings.is_empty());
    let again = once.with("forget", ScriptPhase::Backup);
    assert_eq!(judge_phase(&again.run(ScriptPhase::Backup).await.0).findings.len(), 1);
}

#[tokio::test]
async fn an_edited_script_is_noticed() {
    let stage = Stage::new().with("edit", ScriptPhase::Deploy);
    let before = stage.checkout.digest().unwrap();
    stage.run(ScriptPhase::Deploy).await;
    assert_ne!(stage.checkout.digest().unwrap(), before);
}

#[tokio::test]
async fn secrets_reach_no_log_and_no_kept_state() {
    let stage = Stage::new().with("tell", ScriptPhase::Cutover);
    let (ended, _) = stage.run_to(ScriptPhase::Cutover).await;
    let mut redactor = Redactor::default();
    redactor.add(SECRET);
    let kept = stage.folder.path().join("logs/scripts-state");
    stage.checkout.keep_state(&kept, &redactor).unwrap();
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(&kept).unwrap().flatten() {
        assert!(!fs::read_to_string(entry.path()).unwrap().contains(SECRET), "{:?}", entry.path());
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    assert!(
        names.iter().any(|n| n == "migration.env") && names.iter().any(|n| n.contains("pg-restore")),
        "{names:?}"
    );
    // Values of a release hold passwords that nobody here knows.
    assert!(!names.iter().any(|n| n.contains("helm-values")), "{names:?}");
    let log = fs::read_to_string(stage.log(ScriptPhase::Cutover)).unwrap();
    assert!(log.contains("password [redacted]") && !log.contains(SECRET), "{log}");
    assert!(!format!("{ended:?}").contains(SECRET), "{ended:?}");
}

#[tokio::test]
async fn nothing_of_this_process_but_what_is_meant_reaches_the_scripts() {
    let stage = Stage::new();
    // A variable of the right name would be taken for a completed phase.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let probe = stage.checkout.migration().join("hooks/pre-phase-1.own.sh");
    fs::write(&probe, "echo \"manifest ${CARGO_MANIFEST_DIR:-none}\"\n").unwrap();
    stage.checkout.watch_hooks().unwrap();
    stage.run(ScriptPhase::Deploy).await;
    let log = fs::read_to_string(stage.log(ScriptPhase::Deploy)).unwrap();
    assert!(log.contains("manifest none"), "{log}");
}

#[tokio::test]
async fn what_is_called_migrated_and_was_not_found_is_told_by_component() {
    let stage = Stage::new();
    stage.run_to(ScriptPhase::Validate).await;
    let state = State::of(&stage.checkout).unwrap();
    let asked = [Component::Identity, Component::Webmodeler, Component::Elasticsearch];
    let said: BTreeMap<Component, String> =
        asked.into_iter().filter_map(|c| Some((c, stage.checkout.summary_of(c)?))).collect();
    let none = judge_claims(&state, &asked, &said, &BTreeMap::new());
    assert_eq!((none.compared, none.findings.len()), (3, 0));
    let objections = BTreeMap::from([
        (Component::Identity, vec!["postgres/rows identity.public.users".to_owned()]),
        (
            Component::Webmodeler,
            vec!["postgres/counts webmodeler".to_owned(), "postgres/schema webmodeler".to_owned()],
        ),
    ]);
    let judged = judge_claims(&state, &asked, &said, &objections);
    let found: Vec<(&str, u64)> = judged.findings.iter().map(|f| (f.subject.as_str(), f.count)).collect();
    assert_eq!(found, [("identity", 1), ("webmodeler", 2)]);
    assert!(judged.findings[0].message.contains("Total rows: 5"), "{}", judged.findings[0].message);
    assert!(judged.findings[1].message.contains("no Job of theirs"), "{}", judged.findings[1].message);
    // Scripts that claim nothing cannot be wrong about it, and nothing was compared then.
    assert_eq!(judge_claims(&State::default(), &asked, &said, &objections).compared, 0);
}
