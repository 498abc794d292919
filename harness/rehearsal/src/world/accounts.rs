//! The way back of a real Keycloak: accounts are changed on the target, it is started on the source again, and everybody is asked
//! there whether they may log in.

use super::kept::{Readers, keep};
use super::{RealWorld, Stepped};
use crate::flow::{Facts, StepError};
use drydock_core::Class;
use drydock_core::names::checks;
use drydock_environments::Side;
use drydock_stores::compare::{AccountChange, AccountDeed, CheckResult, keycloak_way_back, name_of_account};
use drydock_stores::keycloak::{
    Admin, KeycloakEndpoint, KeycloakError, LoginOutcome, LoginRequest, log_in_as,
};
use drydock_workload::realm::REALM;
use serde_json::json;
use std::fs;
use std::path::PathBuf;

/// What was done to accounts on the target, in the run's folder: names, and no secret.
const DEEDS: &str = "accounts-on-target.json";

impl RealWorld {
    fn account_deeds(&self) -> PathBuf {
        self.config.folder.join(DEEDS)
    }

    /// The administrator makes accounts on the target and locks one out. Nothing where no real Keycloak runs there.
    pub(super) async fn work_on_accounts(&mut self) -> Stepped<Facts> {
        let Some(endpoint) = self.keycloak_on(Side::Target) else { return Ok(Facts::new()) };
        let realm = self.realm();
        let failed = |e: &KeycloakError| StepError {
            class: Class::Access,
            message: format!("accounts cannot be changed on the target: {e}"),
            next: "look at target-keycloak.log in the run folder".into(),
        };
        let admin = Admin::open(&endpoint).await.map_err(|e| failed(&e))?;
        let mut deeds = Vec::new();
        for (login, user) in realm.newcomers() {
            admin.make_user(REALM, &user).await.map_err(|e| failed(&e))?;
            deeds.push(self.done(&endpoint, &login, AccountChange::Made).await.map_err(|e| failed(&e))?);
        }
        if let Some(login) = realm.leaver() {
            admin.lock_out(REALM, login.who()).await.map_err(|e| failed(&e))?;
            deeds.push(self.done(&endpoint, &login, AccountChange::LockedOut).await.map_err(|e| failed(&e))?);
        }
        admin.close().await;
        let deeds: Vec<AccountDeed> = deeds.into_iter().flatten().collect();
        keep(&self.account_deeds(), &deeds, Readers::Anybody)?;
        Ok(Facts::from([("changes_of_accounts".to_owned(), json!(deeds.len()))]))
    }

    /// The change, if the server on the target acts by it.
    async fn done(
        &self,
        endpoint: &KeycloakEndpoint,
        login: &LoginRequest,
        what: AccountChange,
    ) -> Result<Option<AccountDeed>, KeycloakError> {
        let granted = matches!(log_in_as(endpoint, login).await?, LoginOutcome::Granted(_));
        let as_meant = granted == (what == AccountChange::Made);
        let ms = self.recorder.now_ms();
        Ok(as_meant.then(|| AccountDeed { account: name_of_account(login), what, ms }))
    }

    /// Starts it on the source again, with what it knew there.
    pub(super) async fn take_identity_back(&mut self) -> Stepped<Facts> {
        let mut facts = Facts::new();
        if self.has_real_keycloak() {
            self.stop_identity().await?;
            self.start_keycloak(Side::Source, None, "rollback/switch", &mut facts).await?;
        }
        Ok(facts)
    }

    /// Who may log in on the source now?
    pub(super) async fn check_accounts_back(&mut self) -> Stepped<()> {
        let Some(source) = self.keycloak_on(Side::Source) else { return Ok(()) };
        let mut requests = self.logins()?;
        requests.extend(self.realm().newcomers().into_iter().map(|(login, _)| login));
        let closed = self.way_back.closed_ms.unwrap_or_default();
        let result = match (self.recall_known(), self.recall_deeds()) {
            (Ok(known), Ok(deeds)) => {
                keycloak_way_back(&known, &source, &requests, &deeds, &self.config.scenario.budgets, closed)
                    .await
            }
            (Err(why), _) | (_, Err(why)) => CheckResult::not_compared(
                checks::KC_WAY_BACK,
                "source",
                &why,
                "rehearse again from the beginning",
            ),
        };
        self.conclude(vec![result]);
        Ok(())
    }

    /// What was done to accounts on the target; nothing where nobody did.
    fn recall_deeds(&self) -> Result<Vec<AccountDeed>, String> {
        match fs::read(self.account_deeds()) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            read => read
                .map_err(|e| e.to_string())
                .and_then(|text| serde_json::from_slice(&text).map_err(|e| e.to_string()))
                .map_err(|e| format!("what was done to accounts on the target cannot be read: {e}")),
        }
    }
}
