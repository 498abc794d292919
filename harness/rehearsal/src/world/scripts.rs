//! The official scripts in the place of the built-in driver: each phase is run as it is, watched from the cluster meanwhile, and held
//! to what it says of itself. Users have left when the cutover's script begins, as in an announced maintenance; that it stops the
//! pods, and waits until none is left before it dumps, is what is looked at.

mod stopped;

use super::at_rest::AtRest;
use super::{RealWorld, Stepped, environment, internal, of_environment};
use crate::flow::{Attempt, Facts, StepError};
use drydock_core::event::NoteLevel;
use drydock_core::finding::{Finding, Kind, Sample};
use drydock_core::names::checks;
use drydock_core::plan::ScriptPhase;
use drydock_core::{Class, Component, Redactor, Step};
use drydock_environments::{Kind as Cluster, Moment, Side};
use drydock_migration::Reporter;
use drydock_migration::freeze::Session;
use drydock_scripts::{
    Address, Checkout, Ended, How, Level, PhaseRun, ScriptsError, Settings, State, Told, Tree, judge_claims,
    judge_phase, pg_secret,
};
use drydock_stores::compare::CheckResult;
use drydock_stores::endpoint::ElasticsearchAuth;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::time::Duration;
use stopped::{look, never_ran, stopped};

/// Warnings of one phase that are told; its log has all.
const WARNINGS: usize = 20;

/// What is known of the scripts in this life of the run.
#[derive(Debug, Default)]
pub(super) struct Scripts {
    checkout: Option<Checkout>,
    /// Digest of the scripts as they were named on the command line.
    digest: Option<String>,
    /// Addresses of the pods that moved data.
    movers: BTreeSet<String>,
    /// What the comparison found, by component: check and subject.
    objections: BTreeMap<Component, Vec<String>>,
}

impl Scripts {
    /// Remembers a finding that objects, for the component that it is about.
    pub(super) fn note(&mut self, finding: &Finding) {
        if let Some(component) = component_of(finding) {
            let told = format!("{} {}", finding.check, finding.subject);
            self.objections.entry(component).or_default().push(told);
        }
    }

    /// Whether a session on the source is one of the scripts' own Jobs that only reads.
    pub(super) fn is_own(&self, session: &Session) -> bool {
        !session.writes && self.movers.contains(&session.address)
    }
}

/// The component whose contents a finding is about.
fn component_of(finding: &Finding) -> Option<Component> {
    let (family, _) = finding.check.as_str().split_once('/')?;
    match family {
        "elasticsearch" => Some(Component::Elasticsearch),
        "keycloak" => Some(Component::Keycloak),
        "postgres" => {
            let database = finding.subject.split(['.', '/', ' ']).next()?;
            Component::ALL.into_iter().find(|c| c.database() == Some(database))
        }
        _ => None,
    }
}

impl RealWorld {
    /// Runs one phase.
    pub(super) async fn run_script(
        &mut self,
        step: &Step,
        phase: ScriptPhase,
        attempt: Attempt,
    ) -> Stepped<Facts> {
        if attempt == Attempt::Again {
            self.end_left_scripts(phase).await?;
        }
        let checkout = self.checkout(phase)?;
        self.provide_target_secrets().await?;
        let mut rest = if phase == ScriptPhase::Cutover { self.wait_for_rest()? } else { None };
        let (ended, moments) = self.run_and_look((step, phase), &checkout, &mut rest).await?;
        self.scripts.movers.extend(moments.iter().flat_map(|m| m.movers.values().flatten().cloned()));
        let redactor = self.redactor()?;
        checkout.keep_state(&self.config.folder.join("logs/scripts-state"), &redactor).map_err(of_scripts)?;
        let mut facts = self.facts_of(&ended);
        self.take_rest(rest, &mut facts).await?;
        let digest = checkout.digest().map_err(of_scripts)?;
        facts.insert("tree_blake3".into(), json!(digest));
        let judged = judge_phase(&ended);
        let mut findings = judged.findings;
        findings.extend(self.edited(&digest));
        if phase == ScriptPhase::Validate && ended.how != How::Code(0) && !ended.is_the_surroundings() {
            // What it found wrong is told, and the comparison tells what of it is true.
            findings.push(validation_failed(&ended));
        }
        self.conclude(vec![CheckResult {
            check: checks::SC_PHASES,
            compared: judged.compared,
            findings,
            note: "exit code, state, hooks and log of each phase".into(),
            millis: 0,
        }]);
        if phase == ScriptPhase::Cutover {
            self.conclude(vec![stopped(&moments)]);
        }
        match ended.how {
            How::Code(0) => Ok(facts),
            How::Code(_) if phase == ScriptPhase::Validate && !ended.is_the_surroundings() => Ok(facts),
            _ => Err(failed(&ended, &never_ran(&moments))),
        }
    }

    /// The scripts' own way back, and the wait for every pod: theirs is for some of them.
    pub(super) async fn go_back_by_scripts(&mut self, step: &Step, attempt: Attempt) -> Stepped<Facts> {
        let mut facts = self.run_script(step, ScriptPhase::WayBack, attempt).await?;
        let started = self.cluster()?.await_applications().await.map_err(of_environment)?;
        facts.insert("replicas".into(), json!(started.replicas));
        facts.insert("pods_ready_seconds".into(), json!(super::prepare::round(started.took.as_secs_f64())));
        Ok(facts)
    }

    /// Runs a phase, and looks at the cluster from its start to its end.
    async fn run_and_look(
        &self,
        (step, phase): (&Step, ScriptPhase),
        checkout: &Checkout,
        rest: &mut Option<AtRest>,
    ) -> Stepped<(Ended, Vec<Moment>)> {
        let (variables, redactor) = (self.script_variables()?, self.redactor()?);
        let spec = self.config.scenario.scripts().unwrap_or_default();
        let deadline = Duration::try_from(spec.deadline).map_err(|e| internal(&e.to_string()))?;
        let log = self.config.folder.join(format!("logs/scripts-{}.log", phase.label()));
        let run = PhaseRun {
            checkout,
            phase,
            variables: &variables,
            deadline,
            log: &log,
            redactor: &redactor,
            cancel: &self.cancel,
        };
        let reporter = self.reporter(step.id.clone());
        let mut tell = |told: Told| match told {
            Told::Hook(point) => reporter.item(&format!("hook {point}"), 0),
            Told::Section(title) => reporter.item(&format!("section {title}"), 0),
        };
        let cluster = self.cluster()?;
        let mut moments = Vec::new();
        let ended = tokio::select! {
            ended = run.run(&mut tell) => ended,
            never = look(cluster, &mut moments, rest) => never,
        };
        let ended = ended.map_err(of_scripts)?;
        moments.push(cluster.moment().await.map_err(of_environment)?);
        Ok((ended, moments))
    }

    /// The run's own copy. The first phase makes it.
    fn checkout(&mut self, phase: ScriptPhase) -> Stepped<Checkout> {
        if let Some(checkout) = &self.scripts.checkout {
            return Ok(checkout.clone());
        }
        let folder = self.environment()?.work_dir().join("scripts");
        let left = Checkout::left_at(&folder).filter(|_| phase != ScriptPhase::Deploy);
        let checkout = match (left, &self.config.scripts) {
            (Some(left), _) => left,
            (None, Some(named)) => {
                let tree = Tree::examine(named).map_err(of_scripts)?;
                self.scripts.digest = Some(tree.digest().map_err(of_scripts)?);
                tree.copy_to(&folder).map_err(of_scripts)?
            }
            (None, None) => {
                return Err(environment(
                    "nobody said where the migration scripts are",
                    "name their checkout with --scripts, also when a run is resumed before its first phase",
                ));
            }
        };
        checkout.watch_hooks().map_err(of_scripts)?;
        checkout.provide_chart(&self.cluster()?.outside().chart).map_err(of_scripts)?;
        self.scripts.checkout = Some(checkout.clone());
        Ok(checkout)
    }

    /// Whether the copy is still what was named. `None` also where an earlier life of the run made the copy.
    fn edited(&self, digest: &str) -> Option<Finding> {
        let named = self.scripts.digest.as_deref().filter(|named| *named != digest)?;
        let message = format!(
            "the scripts were changed while they ran: {} before, {} now",
            &named[..12],
            &digest[..12]
        );
        let finding = Finding::data(checks::SC_PHASES, Kind::Changed, "scripts", message);
        let next = "rehearse with scripts that leave themselves alone: what ran is not what was named";
        Some(Finding { class: Class::Access, ..finding.next(next) })
    }

    /// Ends what a killed life of the run left running. The cutover's script is not made to be run a second time.
    async fn end_left_scripts(&self, phase: ScriptPhase) -> Stepped<()> {
        let ended = self.cluster()?.end_left_programs().await.map_err(of_environment)?;
        if !ended.is_empty() {
            let text = format!("ended {}, which the killed life of this run left behind", ended.join(", "));
            self.note(NoteLevel::Warning, text);
        }
        if phase == ScriptPhase::Cutover {
            return Err(environment(
                format!(
                    "the run was stopped while {} ran, which is not made to be run a second time",
                    phase.script()
                ),
                "rehearse again from the beginning",
            ));
        }
        Ok(())
    }

    /// Passwords of the targets, where the scripts look for them.
    async fn provide_target_secrets(&self) -> Stepped<()> {
        let roles = self.roles()?;
        let mut secrets: BTreeMap<String, BTreeMap<String, SecretString>> = BTreeMap::new();
        for component in self.components() {
            if let Some(password) = component.database().and_then(|role| roles.get(role)) {
                secrets.insert(pg_secret(component), [("password".to_owned(), password.clone())].into());
            }
        }
        // Without its key nobody is to log in.
        let login = match &self.side(Side::Target)?.elasticsearch.auth {
            ElasticsearchAuth::Basic { password, .. } => Some(("elastic".to_owned(), password.clone())),
            ElasticsearchAuth::None | ElasticsearchAuth::ApiKey(_) => None,
        };
        secrets.insert(Settings::es_secret().to_owned(), login.into_iter().collect());
        self.cluster()?.provide_secrets(&secrets).await.map_err(of_environment)
    }

    fn script_variables(&self) -> Stepped<BTreeMap<OsString, OsString>> {
        let outside = self.cluster()?.outside();
        let address = |(host, port): (String, u16)| Address { host, port };
        let settings = Settings {
            namespace: outside.namespace,
            release: outside.release,
            chart_version: outside.chart_version,
            source_user: self.source_user()?,
            postgres: address(outside.postgres),
            elasticsearch: address(outside.elasticsearch),
            backup_storage: self.config.scenario.scripts().unwrap_or_default().backup_storage,
        };
        let told = settings.variables(&self.config.scenario.migration);
        let mut variables = outside.variables;
        variables.extend(told.into_iter().map(|(name, value)| (name.into(), value.into())));
        Ok(variables)
    }

    /// Whoever the Secret of the source's PostgreSQL has the password of.
    fn source_user(&self) -> Stepped<String> {
        match Component::Keycloak.database().filter(|_| self.has_chart()) {
            Some(role) => Ok(role.to_owned()),
            None => Ok(self.side(Side::Source)?.postgres.user),
        }
    }

    fn redactor(&self) -> Stepped<Redactor> {
        let mut redactor = Redactor::default();
        for password in self.roles()?.values() {
            redactor.add(password.expose_secret());
        }
        for side in [Side::Source, Side::Target] {
            let stores = self.side(side)?;
            redactor.add(stores.postgres.password_for_client());
            if let ElasticsearchAuth::Basic { password, .. } = &stores.elasticsearch.auth {
                redactor.add(password.expose_secret());
            }
        }
        Ok(redactor)
    }

    /// Figures of a phase, and its warnings as notes.
    fn facts_of(&self, ended: &Ended) -> Facts {
        let warnings: BTreeSet<&str> = ended.lines_of(Level::Warning).collect();
        for warning in warnings.iter().take(WARNINGS) {
            self.note(NoteLevel::Warning, format!("{} warns: {warning}", ended.phase.script()));
        }
        let mut facts = Facts::from([
            ("ended".to_owned(), json!(ended.words())),
            ("seconds".to_owned(), json!(super::prepare::round(ended.took.as_secs_f64()))),
            ("hooks".to_owned(), json!(ended.hooks)),
            ("warnings".to_owned(), json!(warnings.len())),
            ("errors".to_owned(), json!(ended.lines_of(Level::Error).count())),
        ]);
        if let Ok(state) = &ended.after {
            facts.insert("recorded_as_completed".into(), json!(state.is_complete(ended.phase)));
            facts.extend(state.figures().map(|(key, value)| (key.to_lowercase(), json!(value))));
        }
        facts
    }

    /// Holds what the scripts call migrated against what the comparison found.
    pub(super) fn check_claims(&mut self) -> Stepped<()> {
        if self.config.scenario.scripts().is_none() {
            return Ok(());
        }
        let Some(checkout) = self.scripts.checkout.clone().or_else(|| self.left_checkout()) else {
            self.conclude(vec![CheckResult::not_compared(
                checks::SC_CLAIMS,
                "state",
                "the run's copy of the scripts, with their state, is gone",
                "rehearse again from the beginning",
            )]);
            return Ok(());
        };
        let state = State::of(&checkout).map_err(of_scripts)?;
        let components = self.components();
        let redactor = self.redactor()?;
        let said =
            components.iter().filter_map(|c| Some((*c, redactor.apply(&checkout.summary_of(*c)?)))).collect();
        let judged = judge_claims(&state, &components, &said, &self.scripts.objections);
        self.conclude(vec![CheckResult {
            check: checks::SC_CLAIMS,
            compared: judged.compared,
            findings: judged.findings,
            note: "components that the scripts call migrated, against what the comparison found".into(),
            millis: 0,
        }]);
        Ok(())
    }

    fn left_checkout(&self) -> Option<Checkout> {
        Checkout::left_at(&self.environment().ok()?.work_dir().join("scripts"))
    }

    fn cluster(&self) -> Stepped<&Cluster> {
        self.environment()?.kind().ok_or_else(|| internal("the official scripts run in a cluster only"))
    }

    /// In the place of stopping the pods, which the scripts do: notes how many there are.
    pub(super) async fn note_pods(&mut self, facts: &mut Facts) -> Stepped<()> {
        self.remember_release().await?;
        let replicas = self.cluster()?.note_applications().await.map_err(of_environment)?;
        facts.insert("replicas".into(), json!(replicas));
        Ok(())
    }
}

fn of_scripts(error: ScriptsError) -> StepError {
    environment(error.what, error.help)
}

/// A phase that did not end well: whose failure it is.
fn failed(ended: &Ended, never_ran: &BTreeMap<&str, &str>) -> StepError {
    let said: Vec<&str> = ended.lines_of(Level::Error).take(3).collect();
    let said = match said.is_empty() {
        true => ended.last_words.last().cloned().unwrap_or_else(|| "it said nothing".to_owned()),
        false => said.join("; "),
    };
    let message = format!("{}: {}: {said}", ended.phase.script(), ended.words());
    let label = ended.phase.label();
    match ended.how {
        How::Cancelled => environment("interrupted", "run `drydock rehearse --resume` with this run"),
        How::Signal(_) => environment(message, "see who ends processes there, then rehearse again"),
        _ if !never_ran.is_empty() => {
            let which: Vec<String> = never_ran
                .iter()
                .take(3)
                .map(|(pod, why)| format!("the pod {pod} never ran: {why}"))
                .collect();
            environment(
                format!("{message}; {}", which.join("; ")),
                "give the Jobs a node with room, a volume and their image; `drydock rehearse --resume` goes on from here",
            )
        }
        _ if ended.is_the_surroundings() => environment(
            message,
            format!("read logs/scripts-{label}.log; `drydock doctor` tells what is missing"),
        ),
        _ => StepError {
            class: Class::Data,
            message,
            next: format!("read logs/scripts-{label}.log and logs/scripts-state in the run folder"),
        },
    }
}

fn validation_failed(ended: &Ended) -> Finding {
    let samples: Vec<Sample> = ended.lines_of(Level::Error).map(Sample::named).collect();
    let message = format!("{} failed: {}", ended.phase.script(), ended.words());
    Finding::access(checks::SC_PHASES, Kind::Unusable, "phase-4", message)
        .items(samples.len().max(1) as u64, samples)
        .next("hold it against what the comparison found; read logs/scripts-phase-4.log in the run folder")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_noted_for_the_component_that_they_are_about() {
        let finding = |check: &str, subject: &str| Finding::data(check, Kind::Missing, subject, "");
        let mut scripts = Scripts::default();
        for (check, subject) in [
            (checks::ES_DOCUMENTS, "operate-x"),
            (checks::PG_ROWS, "identity.public.users"),
            (checks::PG_COUNTS, "webmodeler"),
            (checks::KC_USERS, "camunda-platform"),
            (checks::PG_ACCESS, "roles"),
            (checks::DOWNTIME, "clocks"),
        ] {
            scripts.note(&finding(check, subject));
        }
        let told: Vec<(Component, usize)> = scripts.objections.iter().map(|(c, f)| (*c, f.len())).collect();
        let each = Component::ALL.map(|c| (c, 1));
        assert_eq!(told, each);
    }

    #[test]
    fn only_a_mover_that_reads_is_the_migrations_own() {
        let scripts = Scripts { movers: ["10.0.0.9".to_owned()].into(), ..Scripts::default() };
        let session = |address: &str, writes| Session {
            pid: 1,
            application: "pg_dump".into(),
            database: "identity".into(),
            role: "postgres".into(),
            state: "active".into(),
            address: address.into(),
            writes,
        };
        assert!(scripts.is_own(&session("10.0.0.9", false)));
        assert!(!scripts.is_own(&session("10.0.0.9", true)));
        assert!(!scripts.is_own(&session("10.0.0.8", false)));
    }
}
