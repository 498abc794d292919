//! Keycloak, side by side: two databases, or two servers through their admin API.

mod accounts;
mod database;
mod logins;
mod servers;
mod users;
mod way_back;

use super::result::CheckResult;
use drydock_core::Finding;
use drydock_core::names::checks;
use drydock_parity::DigestKey;
use drydock_parity::realm::Sealer;

pub use accounts::{KnownAccounts, ask_accounts, keycloak_accounts, name_of};
pub use database::{compare_keycloak, keycloak_databases};
pub use logins::keycloak_logins;
pub use servers::keycloak_servers;
pub use way_back::{AccountChange, AccountDeed, keycloak_way_back};

/// What was found about one Keycloak, before it is told check by check.
#[derive(Debug, Default)]
pub(super) struct Found {
    findings: Vec<Finding>,
    /// Objects or users compared, by check.
    compared: [u64; 3],
    /// What the checks add to their notes.
    notes: Vec<(&'static str, String)>,
}

impl Found {
    /// Why nothing could be compared.
    fn nothing(label: &str, reason: &str, next: &str) -> Self {
        let each = |check| Finding::not_compared(check, label, reason).next(next);
        Self { findings: checks::KEYCLOAK.map(each).into(), ..Self::default() }
    }

    /// Adds to the note of the first check, where what holds for all of them is told once.
    fn note(&mut self, text: String) {
        self.notes.push((checks::KC_REALMS, text));
    }

    fn count(&mut self, check: &str, compared: u64) {
        if let Some(at) = checks::KEYCLOAK.iter().position(|c| *c == check) {
            self.compared[at] += compared;
        }
    }
}

/// One result a check, from what was found in each Keycloak.
fn results(found: Vec<Found>, millis: u64) -> Vec<CheckResult> {
    let mut results: Vec<CheckResult> = checks::KEYCLOAK
        .iter()
        .map(|check| CheckResult { check, compared: 0, findings: Vec::new(), note: String::new(), millis })
        .collect();
    let mut notes = Vec::new();
    for one in found {
        for (result, compared) in results.iter_mut().zip(one.compared) {
            result.compared += compared;
        }
        for finding in one.findings {
            if let Some(result) = results.iter_mut().find(|r| r.check == finding.check.as_str()) {
                result.findings.push(finding);
            }
        }
        notes.extend(one.notes);
    }
    for result in &mut results {
        let n = result.compared;
        let what = match result.check {
            checks::KC_REALMS => format!("{n} realms, keys, roles, groups, flows and providers compared"),
            checks::KC_USERS => {
                format!("{n} users compared with credentials, roles and groups; sessions and events are not")
            }
            _ => format!("{n} clients, client roles, client scopes and mappers compared"),
        };
        let own = notes.iter().filter(|(check, _)| *check == result.check).map(|(_, text)| text.clone());
        result.note = std::iter::once(what).chain(own).collect::<Vec<_>>().join("; ");
    }
    results
}

/// Seals secrets under a key that this comparison alone knows.
fn sealer() -> Result<Sealer, String> {
    let mut bytes = [0_u8; 32];
    rustls::crypto::ring::default_provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| "the machine gives no random numbers for the key that seals secrets".to_owned())?;
    let text: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    Ok(Sealer::new(DigestKey::derived(&text)))
}
