//! Watching a migration that somebody else carries out: looks at both sides, compares when the state machine of `core::observe` says
//! so, and judges with the same record, ledger, verdict and reports as a rehearsal has. Reads only.

mod conclude;
mod endpoints;
mod look;
mod outage;
mod pods;
mod store;
mod tell;

use crate::clock::run_id;
use crate::flow::Interrupt;
use crate::folder::RunFolder;
use crate::recorder::{Observer, Recorder};
use crate::start::{Beginning, Begun, RehearsalError, Rehearsed, begin, file_error, ledger_lines, summarize};
use crate::verify::STANDARD_LEDGER;
use crate::witness::Witness;
use crate::world::{cluster_dirt, database_dirt};
use conclude::{checks_of, freeze_findings, open_sessions};
use drydock_core::event::{Ending, NoteLevel, Side};
use drydock_core::names::checks;
use drydock_core::observe::{Came, Conclusion, LATE_MS, Observation, Rest, Seen, Workloads};
use drydock_core::scenario::ledger_from_yaml;
use drydock_core::{CheckId, Event, Finding, Plan, Scenario, StepId, StepOutcome, Store};
use drydock_stores::compare::CheckResult;
use drydock_stores::elasticsearch::{Client, Timeouts};
use drydock_stores::endpoint::ElasticsearchAuth;
use endpoints::Endpoints;
use outage::Probes;
use pods::Pods;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::Watched;
use tell::Times;
use tokio::task::JoinSet;

/// How soon a sign of the end is noticed.
const SIGNS: Duration = Duration::from_millis(200);
/// What is written into the run folder once the source may go.
pub const COMPARED: &str = "compared.json";

/// What the command line adds to an observation.
#[derive(Debug, Clone, Default)]
pub struct ObserveOptions {
    /// Where run folders go; [`crate::folder::RUNS`] if absent.
    pub runs: Option<PathBuf>,
    /// The watch ends when this file is there.
    pub until: Option<PathBuf>,
    /// What proves the checks before anything else happens.
    pub witness: Witness,
}

/// Watches until the end is told, compares as soon as it may, and judges.
///
/// # Errors
/// Nothing could be begun: the file is wrong, or a secret is not there. What cannot be seen later is in the summary.
pub async fn observe(
    file: &Path,
    options: &ObserveOptions,
    observer: Arc<dyn Observer>,
    interrupt: &Interrupt,
) -> Result<Rehearsed, RehearsalError> {
    let text = std::fs::read_to_string(file)
        .map_err(file_error(format!("cannot read the observation {}", file.display())))?;
    let observation = Observation::from_yaml(&file.display().to_string(), &text)?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let endpoints = Endpoints::of(&observation, folder, &|name| std::env::var(name).ok())
        .map_err(|(message, help)| RehearsalError::Together { message, help })?;
    let pods = match &observation.kubernetes {
        None => None,
        Some(about) => Some(Pods::of(about).await.map_err(|error| RehearsalError::Together {
            message: error.to_string(),
            help: "name a context of the kubeconfig under `kubernetes:`, or leave it out".into(),
        })?),
    };
    let mut ledger = ledger_from_yaml("the built-in ledger", STANDARD_LEDGER)?.expected;
    ledger.extend(ledger_lines(observation.expected.iter().map(|name| folder.join(name)))?);
    let stores = endpoints.stores();
    let asked = stores.iter().flat_map(|store| checks_of(*store)).chain([&checks::FREEZE]);
    let plan = Plan { steps: Vec::new(), checks: asked.map(|check| CheckId::from(*check)).collect() };
    let scenario = Scenario::from_yaml(&observation.name, &format!("name: '{}'", observation.name))?;
    let beginning = Beginning {
        run: run_id(&observation.name, jiff::Timestamp::now()),
        runs: options.runs.clone().unwrap_or_else(|| crate::folder::RUNS.into()),
        scenario_file: file.display().to_string(),
        scenario,
        plan,
        ledger,
    };
    let Begun { started, folder, recorder } = begin(beginning, observer)?;
    add_secrets(&recorder, &endpoints);
    let (witness, seed, asked) = (options.witness.0, started.scenario.seed, started.plan.checks.clone());
    let proof = tokio::task::spawn_blocking(move || witness(seed, &asked)).await;
    recorder.emit(Event::Proof(proof.map_err(|e| file_error("the witness cannot prove itself")(e.into()))?));
    let times = Times::new(jiff::Timestamp::now(), recorder.now_ms());
    let rest = Rest {
        source_ms: millis(observation.pace.source_rests),
        target_ms: millis(observation.pace.target_rests),
        late_ms: LATE_MS,
    };
    let watched = stores.iter().map(|store| Watched::new(*store, &endpoints, rest)).collect();
    let mut watch = Observing {
        observation,
        endpoints,
        options,
        recorder: recorder.clone(),
        folder: folder.clone(),
        ledger: started.ledger,
        times,
        watched,
        pods,
        sightings: Vec::new(),
        told_of: BTreeSet::new(),
        began_ms: recorder.now_ms(),
        may_go: false,
    };
    let probes = watch.probes();
    watch.baseline().await;
    watch.watch(interrupt).await;
    if let Some(probes) = probes {
        probes.finish(&recorder).await;
    }
    watch.conclude();
    recorder.emit(Event::RunFinished { ending: Ending::Complete });
    recorder.check().map_err(file_error(format!("cannot write {}", folder.record().display())))?;
    summarize(&folder)
}

fn millis(duration: jiff::SignedDuration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn add_secrets(recorder: &Recorder, endpoints: &Endpoints) {
    for endpoint in endpoints.elasticsearch.iter().flat_map(|both| [&both.source, &both.target]) {
        match &endpoint.auth {
            ElasticsearchAuth::None => {}
            ElasticsearchAuth::Basic { password, .. } => recorder.add_secret(password.expose_secret()),
            ElasticsearchAuth::ApiKey(key) => recorder.add_secret(key.expose_secret()),
        }
    }
    for endpoint in endpoints.postgres.iter().flat_map(|both| [&both.source, &both.target]) {
        recorder.add_secret(endpoint.password_for_client());
    }
}

/// What a comparison came to, and how long it took.
type Ended = (Store, Vec<CheckResult>, u64);

struct Observing<'o> {
    observation: Observation,
    endpoints: Endpoints,
    options: &'o ObserveOptions,
    recorder: Recorder,
    folder: RunFolder,
    ledger: Vec<drydock_core::LedgerLine>,
    times: Times,
    watched: Vec<Watched>,
    /// The application's pods, where somebody said whose they are.
    pods: Option<Pods>,
    /// Everything that was seen, as data.
    sightings: Vec<Value>,
    /// Sides of stores of which the record knows version and address.
    told_of: BTreeSet<(Side, Store)>,
    began_ms: u64,
    /// It was told that the source may be removed.
    may_go: bool,
}

impl Observing<'_> {
    fn note(&self, level: NoteLevel, text: impl Into<String>) {
        let text = text.into();
        self.recorder.observer().say(&text);
        self.recorder.emit(Event::Note { level, text });
    }

    fn probes(&self) -> Option<Probes> {
        match Probes::start(&self.endpoints, self.observation.application.as_deref()) {
            Ok(probes) => Some(probes),
            Err(why) => {
                self.note(NoteLevel::Warning, format!("outages are not measured: {why}"));
                None
            }
        }
    }

    /// What is wrong with the source before anybody migrates, so that nobody blames the migration.
    async fn baseline(&self) {
        let step: StepId = "observe/baseline".into();
        self.recorder.emit(Event::StepStarted { step: step.clone() });
        let began = self.recorder.now_ms();
        let (mut dirt, mut unread) = (Vec::new(), Vec::new());
        if let Some(both) = &self.endpoints.elasticsearch {
            match Client::new(&both.source, Timeouts::default()) {
                Ok(client) => match cluster_dirt(&client).await {
                    Ok(found) => dirt.extend(found),
                    Err(error) => unread.push(error.to_string()),
                },
                Err(error) => unread.push(error.to_string()),
            }
        }
        if let Some(both) = &self.endpoints.postgres {
            for database in self.endpoints.databases(Side::Source) {
                match database_dirt(&both.source, &database).await {
                    Ok(found) => dirt.extend(found),
                    Err(error) => unread.push(error.to_string()),
                }
            }
        }
        let facts = BTreeMap::from([("old_dirt".to_owned(), json!(dirt.len()))]);
        dirt.into_iter().for_each(|finding| self.recorder.emit(Event::Finding(finding)));
        for why in unread {
            self.note(
                NoteLevel::Warning,
                format!("what is wrong with the source already was not measured: {why}"),
            );
        }
        let millis = self.recorder.now_ms().saturating_sub(began);
        self.recorder.emit(Event::StepFinished { step, outcome: StepOutcome::Done, millis, facts });
    }

    /// Looks and compares until the end was told and nothing more is to be waited for.
    async fn watch(&mut self, interrupt: &Interrupt) {
        self.note(
            NoteLevel::Info,
            "watching; do not remove the source before the line \"compared\" is shown; Ctrl-C once when the migration is over",
        );
        let every = Duration::from_millis(millis(self.observation.pace.every));
        let mut comparing: JoinSet<Ended> = JoinSet::new();
        let mut next = tokio::time::Instant::now();
        loop {
            tokio::select! {
                biased;
                Some(ended) = comparing.join_next() => self.ended(ended),
                () = tokio::time::sleep_until(next) => {
                    let started = self.look().await;
                    next = tokio::time::Instant::now() + every;
                    self.compare_what_is_due(&mut comparing);
                    self.tell_what_stands();
                    if started {
                        self.tell_end("the application runs again");
                    }
                }
                () = tokio::time::sleep(SIGNS) => {}
            }
            self.signs_of_the_end(interrupt);
            let over = self.watched.iter().all(|w| w.watch.is_over());
            // A record that cannot be written proves nothing.
            if comparing.is_empty() && over || self.recorder.check().is_err() {
                return;
            }
        }
    }

    fn signs_of_the_end(&mut self, interrupt: &Interrupt) {
        if self.watched.iter().all(|w| w.watch.end_was_told()) {
            return;
        }
        let waited = self.recorder.now_ms().saturating_sub(self.began_ms);
        if interrupt.requested() {
            self.tell_end("somebody interrupted");
        } else if self.options.until.as_ref().is_some_and(|file| file.exists()) {
            self.tell_end("the file that tells the end is there");
        } else if waited >= millis(self.observation.pace.deadline) {
            self.tell_end("the deadline has passed");
        }
    }

    fn tell_end(&mut self, how: &str) {
        if self.watched.iter().all(|w| w.watch.end_was_told()) {
            return;
        }
        let now = self.recorder.now_ms();
        self.watched.iter_mut().for_each(|w| w.watch.tell_end(now));
        self.note(NoteLevel::Info, format!("the end was told at {}: {how}", self.times.moment(now)));
    }

    /// One look at everything. Says whether the application came back.
    async fn look(&mut self) -> bool {
        let recorder = self.recorder.clone();
        // Before the stores: what they show was written when these pods were there, or later.
        let (workloads, why) = match &mut self.pods {
            None => (Workloads::Unseen, None),
            Some(pods) => pods.look().await,
        };
        if let Some(why) = why {
            self.note(NoteLevel::Warning, why);
        }
        let looks = self.watched.iter_mut().map(|w| w.look(&recorder, workloads));
        let seen: Vec<(Store, Vec<Seen>)> = futures_util::future::join_all(looks).await;
        let mut started = false;
        let first = seen.first().map(|(store, _)| *store);
        for (store, seen) in seen {
            for one in seen {
                let of_pods = matches!(one, Seen::Started(_) | Seen::Stopped(_));
                started |= matches!(one, Seen::Started(_));
                // Every store was told of the same pods.
                if of_pods && Some(store) != first {
                    continue;
                }
                let (line, data) = tell::sighting(self.times, store, &one);
                self.sightings.push(data);
                self.note(NoteLevel::Info, line);
            }
        }
        self.introduce();
        started
    }

    /// Tells the record of each store that answered for the first time.
    fn introduce(&mut self) {
        for watched in &self.watched {
            for (side, identity) in &watched.looker.identities {
                if self.told_of.insert((*side, watched.store)) {
                    self.recorder.emit(Event::StoreReady {
                        side: *side,
                        store: watched.store,
                        version: identity.version.clone(),
                        disclosed: format!(
                            "somebody else's, at {}",
                            self.endpoints.address(*side, watched.store)
                        ),
                    });
                }
            }
        }
    }

    fn compare_what_is_due(&mut self, comparing: &mut JoinSet<Ended>) {
        let mut begun = Vec::new();
        for watched in &mut self.watched {
            if watched.begin() {
                begun.push(watched.store);
                let (store, endpoints) = (watched.store, self.endpoints.clone());
                let runtime = tokio::runtime::Handle::current();
                // On a thread of its own: looks go on meanwhile, whatever it waits for.
                comparing.spawn_blocking(move || {
                    let began = std::time::Instant::now();
                    let results = runtime.block_on(store::compare(store, &endpoints));
                    (store, results, u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX))
                });
            }
        }
        for store in begun {
            self.note(NoteLevel::Info, format!("comparing {store}: both sides are at rest; keep the source"));
        }
    }

    /// Takes in a comparison. All of it is told at once, so that a later one replaces it whole.
    fn ended(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        let now = self.recorder.now_ms();
        let Ok((store, results, took)) = ended else {
            // A bug in the comparison: it proves nothing, and is not tried for ever.
            for watched in self.watched.iter_mut().filter(|w| w.watch.is_comparing()) {
                watched.watch.ended(now, Came::NotEqual);
                watched.broken = true;
            }
            return;
        };
        let came = match conclude::nothing_objects(&results, &self.ledger) {
            true => Came::Equal,
            false => Came::NotEqual,
        };
        let words = conclude::came_to(&results, &self.ledger);
        let Some(watched) = self.watched.iter_mut().find(|w| w.store == store) else { return };
        watched.watch.ended(now, came);
        watched.attempts += 1;
        watched.came_to.clone_from(&words);
        watched.checks = results.iter().map(|r| r.check).collect();
        let step: StepId = format!("observe/compare/{store}").as_str().into();
        let facts = BTreeMap::from([
            ("comparison".to_owned(), json!(watched.attempts)),
            ("seconds".to_owned(), json!(took as f64 / 1000.0)),
            ("ended".to_owned(), json!(self.times.moment(now))),
        ]);
        self.recorder.emit(Event::StepStarted { step: step.clone() });
        for result in results {
            let (findings, finished) = result.told();
            findings.into_iter().for_each(|finding| self.recorder.emit(Event::Finding(finding)));
            self.recorder.emit(finished);
        }
        self.recorder.emit(Event::StepFinished { step, outcome: StepOutcome::Done, millis: 0, facts });
        self.note(NoteLevel::Info, format!("{store} was compared in {:.1} s: {words}", took as f64 / 1000.0));
    }

    /// Tells, once, that every store was compared and its source seen unmoved since.
    fn tell_what_stands(&mut self) {
        let stands: Option<Vec<Came>> = self.watched.iter().map(|w| w.watch.stands()).collect();
        let Some(stands) = stands else {
            let spoilt = self.watched.iter().any(|w| matches!(w.conclusion(), Conclusion::Spoilt(_)));
            if self.may_go && spoilt {
                self.may_go = false;
                self.note(
                    NoteLevel::Warning,
                    "the source was written to after it was compared: what was compared is not what it holds",
                );
                let _gone = std::fs::remove_file(self.folder.path().join(COMPARED));
            }
            return;
        };
        if self.may_go {
            return;
        }
        self.may_go = true;
        self.watched.iter_mut().for_each(|w| w.watch.release());
        let equal = stands.iter().all(|came| *came == Came::Equal);
        let words: Vec<String> = self.watched.iter().map(|w| format!("{}: {}", w.store, w.came_to)).collect();
        let line = format!("compared at {}: {}", self.times.moment(self.recorder.now_ms()), words.join("; "));
        self.note(if equal { NoteLevel::Info } else { NoteLevel::Warning }, line);
        let told = json!({"equal": equal, "stores": words});
        let path = self.folder.path().join(COMPARED);
        if let Err(error) = std::fs::write(&path, format!("{told}\n")) {
            self.note(NoteLevel::Warning, format!("cannot write {}: {error}", path.display()));
        }
    }

    /// Says what everything that was seen comes to.
    fn conclude(&self) {
        let step: StepId = "observe/conclude".into();
        self.recorder.emit(Event::StepStarted { step: step.clone() });
        let (mut freeze, mut compared) = (Vec::new(), 0);
        for watched in &self.watched {
            let store = watched.store;
            let conclusion = watched.conclusion();
            freeze.extend(freeze_findings(
                store,
                &conclusion,
                watched.at_comparison.as_ref(),
                watched.last_source.as_ref(),
                self.times,
            ));
            if watched.source_is_there {
                let sessions = watched.last_source.as_ref().map_or(&[][..], |p| &p.marks.sessions);
                freeze.extend(open_sessions(sessions, &self.observation.harmless_sessions));
            }
            match conclude::doubt(store, &conclusion, self.times) {
                None => compared += watched.last_source.as_ref().map_or(0, look::Positions::count),
                Some((why, next)) => self.doubt(watched, &why, &next),
            }
            if let Conclusion::Stands { target_moved: Some(window) } = conclusion {
                self.note(
                    NoteLevel::Info,
                    format!(
                        "the target's {store} was written to {}, after it was compared: by users, if they work there; what was done \
                         to it since is not judged",
                        self.times.words(&window)
                    ),
                );
            }
        }
        let note = format!(
            "nothing moved on the source from its freeze to the last look that saw it, in {compared} tables, sequences and indices"
        );
        let result = CheckResult {
            check: checks::FREEZE,
            compared,
            note: if freeze.is_empty() { note } else { String::new() },
            findings: freeze,
            millis: 0,
        };
        let (findings, finished) = result.told();
        findings.into_iter().for_each(|finding| self.recorder.emit(Event::Finding(finding)));
        self.recorder.emit(finished);
        let facts = BTreeMap::from([("sightings".to_owned(), json!(self.sightings))]);
        self.recorder.emit(Event::StepFinished { step, outcome: StepOutcome::Done, millis: 0, facts });
    }

    /// Takes the proof from every check of a store.
    fn doubt(&self, watched: &Watched, why: &str, next: &str) {
        if watched.checks.is_empty() {
            for check in checks_of(watched.store) {
                let result = CheckResult::not_compared(check, &watched.store.to_string(), why, next);
                let (findings, finished) = result.told();
                findings.into_iter().for_each(|finding| self.recorder.emit(Event::Finding(finding)));
                self.recorder.emit(finished);
            }
            return;
        }
        for check in &watched.checks {
            let finding = Finding::not_compared(check, watched.store.to_string(), why).next(next);
            self.recorder.emit(Event::Finding(finding));
        }
    }
}
