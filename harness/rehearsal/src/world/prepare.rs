//! Before the migration: stores, data, workload and probes.

use super::application::Application;
use super::{Ownership, RealWorld, Stepped, Until, environment, internal, of_environment, store_failed};
use crate::flow::{Attempt, Facts, Progress, Whereabouts};
use crate::start::RehearsalOptions;
use drydock_core::event::{NoteLevel, ServiceState};
use drydock_core::scenario::{self, Managed, Misconfiguration, Procedure, Profile, SideSpec};
use drydock_core::{Action, Event, Scenario, StepId};
use drydock_environments::{
    Access, EmbeddedConfig, Environment, KeycloakConfig, Obtained, OperatorsConfig, ReindexWhitelist, Side,
    SideConfig, StoreVersion, end_orphans,
};
use drydock_stores::elasticsearch::{Client, Timeouts};
use drydock_stores::endpoint::ElasticsearchAuth;
use drydock_workload::elasticsearch::{self as documents, Dataset};
use drydock_workload::postgres::{self as rows, Databases, PostgresProfile, RoleSecrets};
use drydock_workload::service::{Service, ServiceConfig};
use drydock_workload::writer::{Churn, Presence, Writer, WriterConfig};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

impl RealWorld {
    pub(super) fn stores_config(&self) -> EmbeddedConfig {
        let mut config = stores_of(&self.config.scenario, self.config.run.as_str(), &self.config.folder);
        config.postgres_home.clone_from(&self.config.postgres_home);
        config.elasticsearch_home.clone_from(&self.config.elasticsearch_home);
        config.chart.clone_from(&self.config.chart);
        config.target.operators.clone_from(&self.config.operators);
        config
    }

    pub(super) fn dataset(&self) -> Dataset {
        dataset(&self.config.scenario)
    }

    pub(super) fn seeded_databases(&self) -> Databases {
        let names = self.generated_databases();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        seeded_databases(&self.config.scenario).only(&names)
    }

    pub(super) fn role_secrets(&self) -> Stepped<RoleSecrets> {
        let roles = self.roles()?;
        Ok(roles.into_iter().fold(RoleSecrets::default(), |s, (role, password)| s.with(&role, password)))
    }

    pub(super) async fn provision(&mut self, attempt: Attempt) -> Stepped<Facts> {
        if self.config.stores == Ownership::Lent {
            self.renew_release().await?;
            return self.announce();
        }
        let config = self.stores_config();
        if let Some((what, mend)) = config.unused_images(&self.config.scenario.environment) {
            self.note(NoteLevel::Warning, format!("{what}; {mend}"));
        }
        if attempt == Attempt::Again || self.resumed {
            // An earlier life may have left processes and half a data directory under this run's name.
            let run = self.config.run.to_string();
            tokio::task::spawn_blocking(move || drydock_environments::clean::remove_run(None, &run))
                .await
                .map_err(|e| internal(&e.to_string()))?
                .map_err(of_environment)?;
        }
        let (name, progress) = (self.config.scenario.environment.clone(), self.progress("prepare/provision"));
        let environment = Environment::start(name, config, progress).await.map_err(of_environment)?;
        self.environment = Some(environment);
        self.announce()
    }

    /// Tells which stores run, and makes their secrets known to the redactor.
    fn announce(&self) -> Stepped<Facts> {
        let environment = self.environment()?;
        for side in [Side::Source, self.serving()] {
            let stores = self.side(side)?;
            self.recorder.add_secret(stores.postgres.password_for_client());
            if let ElasticsearchAuth::Basic { password, .. } = &stores.elasticsearch.auth {
                self.recorder.add_secret(password.expose_secret());
            }
        }
        self.roles()?;
        let mut facts = Facts::new();
        for StoreVersion { side, store, version, obtained, deviations, start_time, .. } in
            environment.versions()
        {
            let obtained = match obtained {
                Obtained::Image(_) => obtained.to_string(),
                Obtained::Given | Obtained::Machine | Obtained::Fetched(_) => {
                    let told = serde_json::to_value(obtained).unwrap_or_default();
                    told.as_str().map_or_else(|| told.to_string(), ToOwned::to_owned)
                }
            };
            self.recorder.emit(Event::StoreReady {
                side: *side,
                store: *store,
                version: version.clone(),
                disclosed: format!("{obtained}; {deviations}"),
            });
            facts.insert(format!("{side}_{store}_start_seconds"), json!(round(start_time.as_secs_f64())));
        }
        Ok(facts)
    }

    pub(super) async fn seed(&mut self) -> Stepped<Facts> {
        let source = self.side(Side::Source)?;
        let (dataset, databases, secrets) = (self.dataset(), self.seeded_databases(), self.role_secrets()?);
        let names = self.databases();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        rows::create_roles_and_databases(&source.postgres, &names, &secrets)
            .await
            .map_err(|e| store_failed("create roles and databases on the source", &e))?;
        rows::create_second_roles(&source.postgres, &names)
            .await
            .map_err(|e| store_failed("create second roles on the source", &e))?;
        let client = Client::new(&source.elasticsearch, Timeouts::default())
            .map_err(|e| store_failed("set up a client of the source", &e))?;
        let step = StepId::from("prepare/seed");
        let observer = Arc::clone(self.recorder.observer());
        let progress = |done, total| observer.progress(&step, done, Some(total), "documents");
        let quiet = |_: &str, _: u64| {};
        let wants = self.config.scenario.has_generated_documents();
        let (documents, rows) = tokio::join!(
            async {
                match wants {
                    true => documents::seed(&client, &dataset, &progress).await.map(Some),
                    false => Ok(None),
                }
            },
            rows::seed(&source.postgres, &databases, &secrets, &quiet),
        );
        let documents = documents.map_err(|e| store_failed("fill the source Elasticsearch", &e))?;
        let rows = rows.map_err(|e| store_failed("fill the source PostgreSQL", &e))?;
        let mut facts = Facts::new();
        if let Some(documents) = documents {
            facts.insert("indices".into(), json!(documents.indices));
            facts.insert("documents".into(), json!(documents.documents));
            facts.insert("document_bytes".into(), json!(documents.bytes));
        }
        facts.insert("rows".into(), json!(rows.rows()));
        facts.insert("row_bytes".into(), json!(rows.bytes()));
        facts.extend(self.fill_application("prepare/seed").await?);
        self.fill_identity(&mut facts).await?;
        Ok(facts)
    }

    pub(super) fn service_config(&self, side: Side) -> Stepped<ServiceConfig> {
        let stores = self.side(side)?;
        Ok(ServiceConfig {
            elasticsearch: self.config.scenario.has_generated_documents().then_some(stores.elasticsearch),
            postgres: stores.postgres,
            databases: self.application_roles()?,
            identity: self.login_door(side),
        })
    }

    /// The roles that applications log in with by themselves: a real Keycloak does so for its own.
    fn application_roles(&self) -> Stepped<BTreeMap<String, SecretString>> {
        let served = self.generated_databases();
        Ok(self.roles()?.into_iter().filter(|(role, _)| served.contains(role)).collect())
    }

    pub(super) async fn start_workload(&mut self) -> Stepped<Facts> {
        let service = Service::stopped(self.open_log()?);
        service
            .open(&self.service_config(Side::Source)?)
            .await
            .map_err(|e| store_failed("start the application", &e))?;
        self.recorder.emit(Event::Service { state: ServiceState::OnSource });
        self.service = Some(service);
        self.start_writer(Until::Stopped)?;
        self.start_probes();
        self.start_write_probes();
        self.begin_work(None).await?;
        // A run in which nobody was promised anything could not tell a broken promise.
        match &self.writer {
            Some(_) => self.acknowledged(1).await,
            None => Ok(Facts::new()),
        }
    }

    pub(super) fn start_writer(&mut self, until: Until) -> Stepped<()> {
        let per_second = self.config.scenario.workload.writes_per_second;
        let users = self.config.scenario.has_writing_users();
        let Some(service) = self.service.as_ref().filter(|_| users) else { return Ok(()) };
        let config = WriterConfig {
            per_second,
            epoch: self.writer_starts,
            databases: self.seeded_databases(),
            elasticsearch: match self.config.scenario.has_generated_documents() {
                true => Presence::Present,
                false => Presence::Absent,
            },
            churn: match self.config.scenario.workload.churn {
                scenario::Churn::Usual => Churn::Usual,
                scenario::Churn::Archiving => Churn::Archiving,
            },
            until,
        };
        let recorder = self.recorder.clone();
        self.writer = Some(Writer::start(service, &config, &(Arc::new(move || recorder.now_ms()) as _)));
        self.writer_starts += 1;
        Ok(())
    }

    /// Lets users work on until so many more of their writes are acknowledged: of the application's, where nobody else writes.
    pub(super) async fn await_writes(&mut self) -> Stepped<Facts> {
        let more = self.config.scenario.workload.writes_between.into();
        match &self.writer {
            Some(_) => self.acknowledged(more).await,
            None => self.more_deeds(more).await,
        }
    }

    pub(super) async fn acknowledged(&self, more: u64) -> Stepped<Facts> {
        let Some(writer) = &self.writer else { return Err(internal("nobody writes")) };
        // Each write of a loaded machine may take a second; longer is an application that does not work.
        let longest = Duration::from_secs(more + 30);
        let waited =
            self.cancel.run_until_cancelled(tokio::time::timeout(longest, writer.wait_for_more(more))).await;
        let written = writer.written();
        match waited {
            None => Err(environment("interrupted", "run `drydock rehearse --resume` with this run")),
            Some(Err(_)) => Err(environment(
                format!("fewer than {more} writes were acknowledged within {} s", longest.as_secs()),
                "look at the logs of the source stores in the run folder",
            )),
            Some(Ok(())) => Ok(Facts::from([
                ("elasticsearch_writes".to_owned(), json!(written.elasticsearch)),
                ("postgres_writes".to_owned(), json!(written.postgres)),
            ])),
        }
    }

    async fn end_orphans(&self) -> Stepped<()> {
        let dumps = self.environment()?.work_dir().join("dumps");
        let ended = end_orphans(&dumps).await.map_err(of_environment)?;
        if !ended.is_empty() {
            let text =
                format!("ended {}, which the killed life of this run left behind", ended.join(" and "));
            self.recorder.emit(Event::Note { level: NoteLevel::Warning, text });
        }
        Ok(())
    }

    /// Brings back what finished steps had made before the run was killed.
    pub(super) async fn bring_back(&mut self, progress: &Progress) -> Stepped<()> {
        self.announce()?;
        self.end_orphans().await?;
        let plan = &self.config.plan;
        let did = |action| progress.did(plan, action);
        let whereabouts = progress.whereabouts(plan);
        // A plan that is left before the switch asks for the freeze as well.
        let asked = plan.id_of(Action::Switch).is_some() || self.config.scenario.rollback.is_some();
        // Once the source was held against its description, or users are back on it, the freeze is over.
        let over = did(Action::Compare) || did(Action::HoldAgainstBaseline);
        let recall = did(Action::Freeze) && asked && !over && whereabouts != Whereabouts::OnSource;
        let held = did(Action::HoldAgainstBaseline);
        let returning = progress.began(plan, Action::SwitchBack);
        let cleaned = did(Action::CleanupSource);
        let guarded = did(Action::CleanupGuard);
        let waiting = progress.writes_wait(plan);
        let identity_on_target = did(Action::StartIdentity);
        // Each life of the run starts the writer at most twice.
        self.writer_starts = self.recorder.now_ms() / 1000 + 2;
        let service = Service::stopped(self.open_log()?);
        let works_on = match whereabouts {
            Whereabouts::OnTarget => Some((Side::Target, ServiceState::OnTarget)),
            Whereabouts::OnSource => Some((Side::Source, ServiceState::OnSource)),
            Whereabouts::Waiting => None,
        };
        let known = works_on.map(|(side, _)| side).or(identity_on_target.then_some(Side::Target));
        if let Some(side) = known.filter(|_| !self.has_chart()) {
            self.bring_identity_back(side).await?;
        }
        if let Some((side, state)) = works_on {
            // An earlier life may have died while it stopped them.
            self.start_pods(side, &mut Facts::new()).await?;
            if self.has_chart() {
                self.bring_identity_back(side).await?;
            }
            service
                .open(&self.service_config(side)?)
                .await
                .map_err(|e| store_failed("start the application", &e))?;
            self.recorder.emit(Event::Service { state });
        }
        self.service = Some(service);
        self.start_probes();
        if waiting {
            // What an earlier life of the run disturbed, or what stopped it, cannot be told apart any more.
            self.promised_from_ms = Some(self.recorder.now_ms());
        } else {
            self.start_write_probes();
        }
        if works_on.is_some() && !waiting {
            self.start_writer(Until::Stopped)?;
        }
        (self.closed_ms, self.opened_ms) = (progress.closed_ms, progress.opened_ms);
        self.met_ms = progress.opened_ms;
        if recall {
            self.recall_freeze().await?;
        }
        if held && whereabouts != Whereabouts::OnSource && !returning {
            self.recall_still().await?;
        }
        for finding in &progress.found {
            self.weigh(finding);
        }
        if guarded && !cleaned && whereabouts == Whereabouts::OnTarget {
            // What it found belongs to the life of the run that asked it.
            self.guard().await?;
        }
        if cleaned {
            return Err(environment(
                "the source was already cleaned up when the run was killed",
                "rehearse again from the beginning",
            ));
        }
        Ok(())
    }
}

/// What an environment is asked for by a scenario.
pub(crate) fn stores_of(scenario: &Scenario, run: &str, folder: &Path) -> EmbeddedConfig {
    let side = |spec: &SideSpec| SideConfig {
        postgres_version: spec.postgres.version,
        postgres_port: spec.postgres.port,
        elasticsearch_port: spec.elasticsearch.port,
        elasticsearch_heap_mib: spec.elasticsearch.heap_mib,
        elasticsearch: true,
        postgres: true,
        access: match spec.managed {
            Managed::Here => Access::Open,
            Managed::Elsewhere | Managed::Operator => Access::Secured,
        },
        reindex_whitelist: match spec.misconfigured {
            Some(Misconfiguration::WhitelistMissing) => ReindexWhitelist::Nobody,
            _ => ReindexWhitelist::ThisMachine,
        },
        postgres_image: spec.postgres.image.clone(),
        elasticsearch_image: spec.elasticsearch.image.clone(),
        keycloak_image: spec.keycloak.image.clone(),
        operators: (spec.managed == Managed::Operator).then(OperatorsConfig::default),
    };
    let mut config = EmbeddedConfig::new(run, folder);
    config.source = side(&scenario.source);
    config.target = side(&scenario.target);
    // Nothing is moved: there is one installation only.
    if scenario.procedure == Procedure::ChartOnly {
        (config.target.postgres, config.target.elasticsearch) = (false, false);
        config.target.operators = None;
    }
    config.camunda = scenario.camunda().as_ref().map(Application::config);
    config.keycloak = scenario.has_real_keycloak().then(KeycloakConfig::default);
    config.estimated_data_bytes =
        dataset(scenario).estimated_bytes() + seeded_databases(scenario).estimated_bytes();
    config
}

/// The environment that a scenario asks for, for an examination of the machine.
pub fn environment_of(scenario: &Scenario, options: &RehearsalOptions) -> EmbeddedConfig {
    let mut config = stores_of(scenario, "doctor", Path::new("."));
    config.postgres_home.clone_from(&options.postgres_home);
    config.elasticsearch_home.clone_from(&options.elasticsearch_home);
    if scenario.chart.is_some() {
        // Its pods are both, and come from images.
        (config.camunda, config.keycloak) = (None, None);
    }
    config
}

fn dataset(scenario: &Scenario) -> Dataset {
    let profile = match scenario.data.profile {
        Profile::Tiny => documents::Profile::tiny(),
        Profile::Small => documents::Profile::small(),
        Profile::Medium => documents::Profile::medium(),
        Profile::Large => documents::Profile::large(),
    };
    let profile = match scenario.data.documents {
        Some(n) => profile.with_documents(n),
        None => profile,
    };
    Dataset::new(&profile, scenario.seed)
}

fn seeded_databases(scenario: &Scenario) -> Databases {
    let profile = match scenario.data.profile {
        Profile::Tiny => PostgresProfile::TINY,
        Profile::Small => PostgresProfile::SMALL,
        Profile::Medium => PostgresProfile::MEDIUM,
        Profile::Large => PostgresProfile::LARGE,
    };
    let components = scenario.migration.components();
    let names: Vec<&str> = components.iter().filter_map(|c| c.database()).collect();
    Databases::new(&profile, scenario.seed).only(&names)
}

pub(super) fn round(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_real_chart_the_machine_is_asked_for_no_camunda_and_no_keycloak_of_its_own() {
        let text = "name: test\nenvironment: kind\nengine: camunda\nidentity: keycloak\nmigration:\n  \
                    components: [keycloak, elasticsearch]\n  index_prefixes: [zeebe-, operate-, tasklist-]\n";
        let asked = |more: &str| {
            let scenario = Scenario::from_yaml("test", &format!("{text}{more}")).unwrap();
            let config = environment_of(&scenario, &RehearsalOptions::default());
            (config.camunda.is_some(), config.keycloak.is_some())
        };
        assert_eq!(asked(""), (true, true));
        assert_eq!(asked("chart: {}\n"), (false, false));
    }
}
