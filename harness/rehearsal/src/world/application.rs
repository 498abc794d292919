//! A real Camunda in the run: people work in it until the freeze and again after the switch, and what it shows them on either
//! side is held against each other. Its broker's data belong to the run, so that ending it on the source and starting it on the
//! target is what a cutover does.

use super::{RealWorld, Stepped, environment, of_environment};
use crate::flow::{Facts, StepError};
use drydock_core::finding::{Class, Finding, Kind, Outcome};
use drydock_core::scenario::CamundaSpec;
use drydock_engine::deeds::{Deed, Deeds, More, promises, read};
use drydock_engine::going_on::{Relay, Stuck};
use drydock_engine::judge::{judge, not_asked};
use drydock_engine::worker::{Done, WorkError};
use drydock_engine::{Answers, Doors, Pace, Questions, Session, Worker};
use drydock_environments::{Camunda, CamundaConfig, EnvironmentProblem, Side};
use drydock_stores::compare::CheckResult;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The log of what was acknowledged to people, in the run's folder.
pub(super) const DEEDS: &str = "deeds.jsonl";
/// Longest wait for an application that calls itself ready until a login is accepted and a search answered.
const WORKS: Duration = Duration::from_secs(180);
/// Longest wait until it has read everything that its broker has written.
const SETTLE: Duration = Duration::from_secs(180);
/// How long people and job workers go on after the last instance was started for the beginning, so that much of it ends.
const GO_ON: Duration = Duration::from_secs(8);
/// An archive that is slower than this has not reached anything of the run, and is not waited for.
const MOST_ARCHIVING: Duration = Duration::from_secs(60);
/// What moving everything takes that is due.
const ARCHIVING: Duration = Duration::from_secs(6);
/// Between two looks at work that comes to its end by itself.
const LOOK: Duration = Duration::from_millis(200);
/// Numbers that one worker has for its instances.
const NUMBERS: u64 = 1_000_000;

/// The application of a run.
#[derive(Debug)]
pub(super) struct Application {
    pub(super) spec: CamundaSpec,
    pub(super) camunda: Option<Camunda>,
    pub(super) session: Option<Arc<Session>>,
    worker: Option<Worker>,
    /// How often people have begun to work.
    begun: u64,
    /// Logs of the pods that worked on the source, where the application is pods; empty until the freeze.
    source_logs: BTreeSet<PathBuf>,
    /// Bytes of the log on the source that tell of a life in which an importer stood still.
    log_from: usize,
    /// What was left under way for the target.
    pub(super) relay: Relay,
    /// What was shown before the freeze, the questions that were put, and when, on the run's clock.
    pub(super) before: Option<(Answers, Questions, u64)>,
    /// What was shown after the switch, or why nobody knows.
    after: Option<Result<Answers, String>>,
    /// What the comparison of the clusters found.
    pub(super) stores: Vec<Finding>,
}

impl Application {
    /// One that does not run yet.
    pub(super) fn new(spec: CamundaSpec) -> Self {
        Self {
            spec,
            camunda: None,
            session: None,
            worker: None,
            begun: 0,
            source_logs: BTreeSet::new(),
            log_from: 0,
            relay: Relay::default(),
            before: None,
            after: None,
            stores: Vec::new(),
        }
    }

    /// What is asked of the machine for it.
    pub(super) fn config(spec: &CamundaSpec) -> CamundaConfig {
        CamundaConfig {
            home: None,
            heap_mib: spec.heap_mib,
            partitions: spec.partitions,
            archive_after: Some(spec.archive_after()),
        }
    }

    /// Whether people work in it.
    pub(super) fn is_worked_in(&self) -> bool {
        self.worker.is_some()
    }

    /// Keeps what was found in the clusters: it explains what people see.
    pub(super) fn note_stores(&mut self, results: &[CheckResult]) {
        let found = results.iter().flat_map(|result| &result.findings);
        self.stores.extend(found.filter(|finding| finding.outcome == Outcome::Different).cloned());
    }
}

impl RealWorld {
    /// Starts Camunda on a side, and waits until somebody can work in it. Nothing where the scenario has none.
    pub(super) async fn start_application(&mut self, side: Side, step: &str) -> Stepped<Facts> {
        let progress = self.progress(step);
        let Some(spec) = self.application.as_ref().map(|application| application.spec.clone()) else {
            return Ok(Facts::new());
        };
        let config = Application::config(&spec);
        let began = Instant::now();
        let log = format!("look at {side}-camunda.log in the run folder");
        // It came up before, and the stores answer: that it does not now is what the migration, or the way back, has made.
        let has_run = self.closed_ms.is_some();
        let failed = |what: String| match has_run {
            false => environment(what, log.clone()),
            true => StepError { class: Class::Access, message: what, next: log.clone() },
        };
        let started = Camunda::start(self.environment()?, side, &config, progress.as_ref()).await;
        let camunda = started.map_err(|e| match e.code {
            EnvironmentProblem::StartFailed if has_run => failed(e.what),
            _ => of_environment(e),
        })?;
        let at = camunda.addresses();
        let doors = Doors { gateway: at.gateway, operate: at.operate, tasklist: at.tasklist };
        let session = Session::open(doors, WORKS).await.map_err(|e| {
            failed(format!("Camunda on the {side} calls itself ready, and nobody can work in it: {e}"))
        })?;
        let mut facts = Facts::new();
        facts.insert("camunda".into(), json!(camunda.version()));
        facts.insert("camunda_obtained".into(), json!(camunda.obtained().to_string()));
        facts.insert("camunda_settings".into(), json!(camunda.deviations()));
        let until = super::prepare::round(began.elapsed().as_secs_f64());
        facts.insert("seconds_until_camunda_works".into(), json!(until));
        if let Some(application) = &mut self.application {
            application.camunda = Some(camunda);
            application.session = Some(Arc::new(session));
        }
        Ok(facts)
    }

    /// Ends Camunda, broker and importers alike: returns when its process is no more.
    pub(super) async fn stop_application(&mut self) -> Stepped<Facts> {
        let Some(application) = &mut self.application else { return Ok(Facts::new()) };
        application.session = None;
        let Some(camunda) = application.camunda.take() else { return Ok(Facts::new()) };
        let began = Instant::now();
        camunda.stop().await.map_err(of_environment)?;
        let took = super::prepare::round(began.elapsed().as_secs_f64());
        Ok(Facts::from([("seconds_until_camunda_ended".into(), json!(took))]))
    }

    /// People begin to work, for ever or until so many instances are started.
    pub(super) async fn begin_work(&mut self, most: Option<u64>) -> Stepped<()> {
        let (deeds, epoch) = (self.deeds()?, self.epoch());
        let Some(application) = &mut self.application else { return Ok(()) };
        let Some(session) = &application.session else { return Err(super::internal("Camunda does not run")) };
        let pace = Pace {
            instances_per_second: application.spec.instances_per_second.into(),
            most,
            first: application.begun * NUMBERS,
        };
        let worker = Worker::begin(Arc::clone(session), Arc::new(deeds), epoch, pace);
        application.worker = Some(worker.await.map_err(|e| work_failed(&e))?);
        application.begun += 1;
        Ok(())
    }

    /// The log of what is acknowledged, open for more.
    pub(super) fn deeds(&self) -> Stepped<Deeds> {
        let path = self.config.folder.join(DEEDS);
        Deeds::open(&path)
            .map_err(|e| environment(format!("cannot write {}: {e}", path.display()), "free disk space"))
    }

    /// Everything that the log holds up to a moment.
    pub(super) fn deeds_until(&self, until_ms: u64) -> Stepped<Vec<Deed>> {
        let path = self.config.folder.join(DEEDS);
        read(&path, until_ms).map_err(|e| unreadable(&path, &e))
    }

    /// When the run's clock stood at nought: the clock of the log is that of the run.
    pub(super) fn epoch(&self) -> Instant {
        let now = self.recorder.now_ms();
        Instant::now().checked_sub(Duration::from_millis(now)).unwrap_or_else(Instant::now)
    }

    /// People rest: what they were doing comes to its end. Nothing where nobody worked.
    pub(super) async fn rest(&mut self) -> Stepped<Option<Done>> {
        let worker = self.application.as_mut().and_then(|application| application.worker.take());
        let Some(worker) = worker else { return Ok(None) };
        worker.stop().await.map(Some).map_err(|e| work_failed(&e))
    }

    /// As [`RealWorld::rest`], told in figures.
    pub(super) async fn end_work(&mut self) -> Stepped<Facts> {
        let Some(done) = self.rest().await? else { return Ok(Facts::new()) };
        Ok(Facts::from([
            ("instances_started".into(), json!(done.started)),
            ("requests_not_acknowledged".into(), json!(done.unheard)),
        ]))
    }

    /// What the source holds before the migration is what people have done in it.
    pub(super) async fn fill_application(&mut self, step: &str) -> Stepped<Facts> {
        let Some(spec) = self.application.as_ref().map(|application| application.spec.clone()) else {
            return Ok(Facts::new());
        };
        let mut facts = self.start_application(Side::Source, step).await?;
        let most = u64::from(spec.instances);
        self.begin_work(Some(most)).await?;
        let longest = Duration::from_secs(120 + 4 * most / u64::from(spec.instances_per_second.max(1)));
        let began = Instant::now();
        while self.application.as_ref().and_then(|a| a.worker.as_ref()).is_some_and(|w| !w.has_started_all())
        {
            if began.elapsed() > longest {
                let what = format!("fewer than {most} instances were started within {} s", longest.as_secs());
                return Err(environment(
                    what,
                    "look at source-camunda.log in the run folder, or ask for fewer",
                ));
            }
            self.pause(LOOK).await?;
        }
        self.pause(GO_ON).await?;
        facts.extend(self.end_work().await?);
        Ok(facts)
    }

    /// People work on until so many more of their deeds are acknowledged.
    pub(super) async fn more_deeds(&self, more: u64) -> Stepped<Facts> {
        if !self.application.as_ref().is_some_and(Application::is_worked_in) {
            return Err(super::internal("nobody writes"));
        }
        // As long as users of databases are given, which is a second for each.
        let (longest, began) = (Duration::from_secs(more + 30), Instant::now());
        let path = self.config.folder.join(DEEDS);
        let mut log = More::than_now(&path).map_err(|e| unreadable(&path, &e))?;
        let mut deeds = 0;
        loop {
            deeds += log.since().map_err(|e| unreadable(&path, &e))?;
            if deeds >= more {
                return Ok(Facts::from([("deeds".to_owned(), json!(deeds))]));
            }
            if began.elapsed() > longest {
                let what =
                    format!("fewer than {more} deeds were acknowledged within {} s", longest.as_secs());
                return Err(environment(what, "look at source-camunda.log in the run folder"));
            }
            self.pause(LOOK).await?;
        }
    }

    pub(super) async fn pause(&self, time: Duration) -> Stepped<()> {
        let rested = self.cancel.run_until_cancelled(tokio::time::sleep(time)).await;
        rested.ok_or_else(|| environment("interrupted", "rehearse again from the beginning"))
    }

    /// People rest, and what Camunda shows them on the source is noted once it has read everything.
    pub(super) async fn ask_before(&mut self) -> Stepped<Facts> {
        let mut facts = self.end_work().await?;
        self.leave_under_way().await?;
        // What is being archived is listed twice for a moment, or not at all: everything that has ended is moved first.
        self.archiving().await?;
        let (mut answers, mut questions) = self.shown_on_source().await?;
        if let Some(stuck) = self.stuck(Side::Source) {
            let index = &stuck.index;
            let what =
                format!("an importer stood still at {index}: Camunda was started again before it was asked");
            self.note(drydock_core::event::NoteLevel::Warning, what);
            self.stop_application().await?;
            let told = self.log_of(Side::Source).len();
            if let Some(application) = &mut self.application {
                application.log_from = told;
            }
            if let Some(kind) = self.environment()?.kind().filter(|kind| kind.has_chart()) {
                kind.renew_importers().await.map_err(of_environment)?;
            }
            self.start_application(Side::Source, "phase-3/application").await?;
            (answers, questions) = self.shown_on_source().await?;
            facts.insert("started_again_for".into(), json!(index));
        }
        facts.extend(shown(&answers));
        facts.extend(self.keep_positions(Side::Source).await);
        let now = self.recorder.now_ms();
        let logs = importer_logs(&self.config.folder.join("logs"));
        if let Some(application) = &mut self.application {
            application.before = Some((answers, questions, now));
            application.source_logs = logs;
        }
        Ok(facts)
    }

    async fn shown_on_source(&self) -> Stepped<(Answers, Questions)> {
        let Some(session) = self.application.as_ref().and_then(|a| a.session.clone()) else {
            return Err(super::internal("Camunda does not run"));
        };
        let shown = Answers::settled(&session, None, SETTLE).await;
        shown.map_err(|e| {
            environment(format!("ask Camunda on the source what it shows: {e}"), "look at its log")
        })
    }

    /// Waits until everything is moved into dated indices that has ended by now, where that does not take too long.
    pub(super) async fn archiving(&self) -> Stepped<()> {
        let archive_after = self.application.as_ref().map(|a| a.spec.archive_after()).unwrap_or_default();
        if archive_after > MOST_ARCHIVING {
            return Ok(());
        }
        self.pause(archive_after + ARCHIVING).await
    }

    /// The same questions, put to Camunda on the target. Then people go on. That it does not answer is for the checks to tell.
    pub(super) async fn ask_after(&mut self) -> Stepped<Facts> {
        let Some(application) = &self.application else { return Ok(Facts::new()) };
        let (Some(session), Some((_, questions, _))) = (application.session.clone(), &application.before)
        else {
            return Err(super::internal("Camunda was not asked on the source"));
        };
        let asked = Answers::settled(&session, Some(questions.for_another()), SETTLE).await;
        let after = asked.map(|(answers, _)| answers).map_err(|e| e.to_string());
        let facts = after.as_ref().map(shown).unwrap_or_default();
        let answered = after.is_ok();
        if let Some(application) = &mut self.application {
            application.after = Some(after);
        }
        if answered && let Err(error) = self.begin_work(None).await {
            self.cannot_go_on("phase-4/application", error);
        }
        Ok(facts)
    }

    /// People cannot go on where they were let in: that is told, and everything else is looked at all the same.
    pub(super) fn cannot_go_on(&mut self, step: &str, error: StepError) {
        let since = if self.way_back.opened_ms.is_some() { "way back" } else { "switch" };
        let message = format!("after the {since} {}", error.message);
        self.found(Finding::access(step, Kind::Unusable, step, message).next(error.next));
    }

    /// An importer of the application that its own index has stopped on a side, and that no start since has brought on.
    pub(super) fn stuck(&self, side: Side) -> Option<Stuck> {
        let from = match side {
            Side::Source => self.application.as_ref().map_or(0, |application| application.log_from),
            Side::Target => 0,
        };
        let log = self.log_of(side);
        Stuck::in_log(&String::from_utf8_lossy(log.get(from..).unwrap_or(&log)))
    }

    fn log_of(&self, side: Side) -> Vec<u8> {
        let logs = self.config.folder.join("logs");
        if !self.has_chart() {
            return std::fs::read(logs.join(format!("{side}-camunda.log"))).unwrap_or_default();
        }
        let ours = self.application.as_ref().map(|application| &application.source_logs);
        let files = importer_logs(&logs).into_iter().filter(|file| {
            let on_source = ours.is_none_or(|ours| ours.is_empty() || ours.contains(file));
            on_source == (side == Side::Source)
        });
        files.flat_map(|file| std::fs::read(file).unwrap_or_default()).collect()
    }

    /// The checks `application/*`. What was found in the clusters is known by now.
    pub(super) fn compare_application(&mut self) -> Stepped<()> {
        let began = Instant::now();
        let Some(application) = &mut self.application else { return Ok(()) };
        let (stores, after) = (application.stores.clone(), application.after.take());
        let results = match (application.before.clone(), after) {
            (Some((before, _, asked_ms)), Some(Ok(after))) => {
                let owed = promises(&self.deeds_until(asked_ms)?);
                let stuck = self.stuck(Side::Source);
                let judged = judge(&before, &after, &owed, &stores, stuck.as_ref());
                for line in judged.unseen {
                    self.note(drydock_core::event::NoteLevel::Info, line);
                }
                judged.results
            }
            (_, Some(Err(why))) => not_asked(
                &format!("Camunda on the target does not say what it shows: {why}"),
                "look at target-camunda.log in the run folder",
            ),
            _ => not_asked("Camunda was not asked on both sides", "rehearse again from the beginning"),
        };
        let millis = super::compare::millis(began);
        self.conclude(results.into_iter().map(|result| CheckResult { millis, ..result }).collect());
        Ok(())
    }
}

/// What the pods have said that import for people, one file for each of their lives.
fn importer_logs(logs: &Path) -> BTreeSet<PathBuf> {
    let files = std::fs::read_dir(logs).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_one = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        [".operate.log", ".tasklist.log"].iter().any(|end| name.ends_with(end))
    };
    files.filter(is_one).collect()
}

/// How much is shown, by capability.
fn shown(answers: &Answers) -> Facts {
    let counted = answers.by.keys().map(|capability| {
        let count = answers.items(*capability).len();
        (capability.name().to_owned(), json!(count))
    });
    Facts::from([("shown".to_owned(), counted.collect::<serde_json::Map<_, _>>().into())])
}

fn unreadable(path: &Path, error: &std::io::Error) -> StepError {
    environment(format!("cannot read {}: {error}", path.display()), "rehearse again from the beginning")
}

pub(super) fn work_failed(error: &WorkError) -> StepError {
    environment(format!("people cannot work in Camunda: {error}"), "look at Camunda's log in the run folder")
}
