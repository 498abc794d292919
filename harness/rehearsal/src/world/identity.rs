//! A real Keycloak in a rehearsal: filled on the source, ended at the freeze, started on the target after the restore, and asked
//! there what it was asked before.

use super::kept::{Readers, keep};
use super::{RealWorld, Stepped, environment, internal, of_environment};
use crate::flow::{Facts, StepError};
use drydock_core::names::checks;
use drydock_core::scenario::Profile;
use drydock_core::{Class, Component};
use drydock_environments::{
    EnvironmentProblem, KEYCLOAK_ADMINISTRATOR, Keycloak, KeycloakAccount, KeycloakConfig, Side,
    administrator_password,
};
use drydock_stores::compare::{CheckResult, KnownAccounts, ask_accounts, keycloak_accounts};
use drydock_stores::keycloak::{KeycloakEndpoint, KeycloakError, LoginRequest};
use drydock_workload::realm::{REALM, Realm};
use secrecy::ExposeSecret;
use serde_json::json;
use std::fs;
use std::path::PathBuf;

/// Where a run keeps what the source answered, tokens included: in the work directory, which nobody else may read and which goes
/// with the run.
const KNOWN: &str = "accounts.json";

impl RealWorld {
    /// Whether the application is the pods of a real chart.
    pub(super) fn has_chart(&self) -> bool {
        self.config.scenario.chart.is_some()
    }

    pub(super) fn has_real_keycloak(&self) -> bool {
        self.config.scenario.has_real_keycloak()
    }

    /// The databases that hold generated rows and that users write to directly.
    pub(super) fn generated_databases(&self) -> Vec<String> {
        let real = self.has_real_keycloak().then(|| Component::Keycloak.database()).flatten();
        self.databases().into_iter().filter(|name| Some(name.as_str()) != real).collect()
    }

    pub(super) fn realm(&self) -> Realm {
        let scenario = &self.config.scenario;
        let users = match scenario.data.profile {
            Profile::Tiny => 16,
            Profile::Small => 60,
            Profile::Medium => 200,
            Profile::Large => 500,
        };
        Realm::new(users, scenario.seed)
    }

    /// Every account that is asked: the realm's, and the administrator.
    pub(super) fn logins(&self) -> Stepped<Vec<LoginRequest>> {
        let mut logins = self.realm().logins();
        let account = self.keycloak_account()?;
        logins.push(LoginRequest {
            realm: "master".into(),
            user: Some((account.administrator, account.administrator_password)),
            client: "admin-cli".into(),
            client_secret: None,
        });
        Ok(logins)
    }

    /// Follows from what the environment keeps, as the passwords of roles do.
    fn keycloak_account(&self) -> Stepped<KeycloakAccount> {
        let database = Component::Keycloak.database().unwrap_or_default().to_owned();
        let roles = self.roles()?;
        let password = roles.get(&database).ok_or_else(|| internal("Keycloak's database is not migrated"))?;
        let administrator_password = administrator_password(password);
        self.recorder.add_secret(administrator_password.expose_secret());
        Ok(KeycloakAccount {
            role: database.clone(),
            database,
            password: password.clone(),
            administrator: KEYCLOAK_ADMINISTRATOR.to_owned(),
            administrator_password,
        })
    }

    /// Fills the source: an empty database becomes that of a Keycloak in use, and everybody logs in once and stays.
    pub(super) async fn fill_identity(&mut self, facts: &mut Facts) -> Stepped<()> {
        if !self.has_real_keycloak() {
            return Ok(());
        }
        let realm = self.realm();
        let representation = realm.representation();
        self.start_keycloak(Side::Source, Some(&representation), "prepare/seed", facts).await?;
        let known = self.ask_everybody().await?;
        let (granted, refused) = known.outcomes();
        // Whoever cannot log in now proves nothing later.
        let meant: Vec<&str> = realm.locked_out().collect();
        let is_meant = |account: &str| meant.iter().any(|user| account.starts_with(&format!("{user} ")));
        if let Some((account, why)) = refused.iter().find(|(account, _)| !is_meant(account)) {
            return Err(internal(&format!("{account} was seeded and is refused by the source: {why}")));
        }
        if let Some(account) = granted.iter().find(|account| is_meant(account)) {
            return Err(internal(&format!("{account} was seeded as disabled and is let in by the source")));
        }
        facts.insert("keycloak_users".into(), json!(known.users()));
        facts.insert("keycloak_logins".into(), json!(granted.len()));
        self.keep(&known)
    }

    async fn ask_everybody(&self) -> Stepped<KnownAccounts> {
        let endpoint = self.keycloak_endpoint()?;
        ask_accounts(&endpoint, REALM, &self.logins()?).await.map_err(|e| not_answered(&e))
    }

    fn keycloak_endpoint(&self) -> Stepped<KeycloakEndpoint> {
        self.keycloak.as_ref().map(Keycloak::endpoint).ok_or_else(|| internal("no Keycloak runs"))
    }

    fn known_file(&self) -> Stepped<PathBuf> {
        Ok(self.environment()?.work_dir().join(KNOWN))
    }

    fn keep(&self, known: &KnownAccounts) -> Stepped<()> {
        keep(&self.known_file()?, known, Readers::Owner)
    }

    pub(super) async fn start_keycloak(
        &mut self,
        side: Side,
        realm: Option<&serde_json::Value>,
        step: &str,
        facts: &mut Facts,
    ) -> Stepped<()> {
        for secret in self.realm().secrets() {
            self.recorder.add_secret(secret);
        }
        let (account, progress) = (self.keycloak_account()?, self.progress(step));
        let config = KeycloakConfig::default();
        let keycloak = Keycloak::start(self.environment()?, side, &config, &account, realm, &*progress)
            .await
            .map_err(|e| match e.code {
                // One came up before the freeze, and an image that holds none is told otherwise: what this one finds is what
                // the migration, or the way back, has made.
                EnvironmentProblem::StartFailed if self.closed_ms.is_some() => StepError {
                    class: Class::Access,
                    message: format!("Keycloak does not start on the {side}: {}", e.what),
                    next: e.help,
                },
                _ => of_environment(e),
            })?;
        facts.insert("keycloak".into(), json!(format!("{} {}", keycloak.version(), keycloak.obtained())));
        facts.insert("keycloak_deviations".into(), json!(keycloak.deviations()));
        let seconds = super::prepare::round(keycloak.start_time().as_secs_f64());
        facts.insert("keycloak_start_seconds".into(), json!(seconds));
        self.keycloak = Some(keycloak);
        Ok(())
    }

    /// Starts it on the target, on what was restored there.
    pub(super) async fn start_identity(&mut self) -> Stepped<Facts> {
        let mut facts = Facts::new();
        self.stop_identity().await?;
        if self.has_chart() {
            // The release has it, and starts all its pods at the switch.
            facts.insert("starts_with_the_other_pods".into(), json!(true));
            return Ok(facts);
        }
        self.start_keycloak(Side::Target, None, "phase-3/identity", &mut facts).await?;
        Ok(facts)
    }

    /// Starts it where users of a resumed run are.
    pub(super) async fn bring_identity_back(&mut self, side: Side) -> Stepped<()> {
        if !self.has_real_keycloak() {
            return Ok(());
        }
        self.start_keycloak(side, None, "prepare/provision", &mut Facts::new()).await
    }

    /// Ends it, whichever side it is on. Its sessions on the database end with it.
    pub(super) async fn stop_identity(&mut self) -> Stepped<()> {
        match self.keycloak.take() {
            Some(keycloak) => keycloak.stop().await.map_err(of_environment),
            None => Ok(()),
        }
    }

    /// The real Keycloak of a side, if one runs there.
    pub(super) fn keycloak_on(&self, side: Side) -> Option<KeycloakEndpoint> {
        self.keycloak.as_ref().filter(|keycloak| keycloak.side() == side).map(Keycloak::endpoint)
    }

    /// What users log in to on a side, if a real Keycloak runs there.
    pub(super) fn login_door(&self, side: Side) -> Option<(KeycloakEndpoint, LoginRequest)> {
        Some((self.keycloak_on(side)?, self.realm().somebody()?))
    }

    /// Asks the target what the source was asked.
    pub(super) async fn check_identity(&mut self) -> Stepped<()> {
        if !self.has_real_keycloak() {
            return Ok(());
        }
        let results = match self.recall_known() {
            Ok(known) => keycloak_accounts(&known, &self.keycloak_endpoint()?, &self.logins()?).await,
            Err(why) => {
                let lost = |check| {
                    CheckResult::not_compared(check, "source", &why, "rehearse again from the beginning")
                };
                checks::REAL_KEYCLOAK.map(lost).into()
            }
        };
        self.conclude(results);
        Ok(())
    }

    pub(super) fn recall_known(&self) -> Result<KnownAccounts, String> {
        let path = self.known_file().map_err(|e| e.message)?;
        let text = fs::read(&path).map_err(|e| format!("what the source answered cannot be read: {e}"))?;
        serde_json::from_slice(&text).map_err(|e| format!("what the source answered is damaged: {e}"))
    }
}

fn not_answered(error: &KeycloakError) -> StepError {
    environment(error.to_string(), "look at the log of Keycloak in the run folder")
}
