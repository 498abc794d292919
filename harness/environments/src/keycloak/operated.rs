//! A Keycloak on the target that the Keycloak operator runs: described to it, and waited for until it answers a login.

use super::{KeycloakAccount, until_answered};
use crate::error::Result;
use crate::kind::{Kind, OperatedKeycloak};
use std::time::{Duration, Instant};

/// One that answers.
#[derive(Debug)]
pub(super) struct Operated {
    pub(super) kept: OperatedKeycloak,
    /// Until it answered.
    pub(super) waited: Duration,
}

impl Operated {
    pub(super) async fn start(kind: &Kind, account: &KeycloakAccount) -> Result<Self> {
        let began = Instant::now();
        let kept = kind.start_operated_keycloak(account).await?;
        until_answered(account, kept.port, "its operator calls the Keycloak ready").await?;
        Ok(Self { kept, waited: began.elapsed() })
    }
}
