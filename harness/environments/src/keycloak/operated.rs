//! A Keycloak on the target that the Keycloak operator runs: described to it, and waited for until it answers a login.

use super::{ANSWERING, KeycloakAccount, answers};
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::kind::{Kind, OperatedKeycloak};
use std::time::{Duration, Instant};

const LOOK: Duration = Duration::from_millis(500);

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
        let ready = Instant::now();
        while !answers(account, kept.port).await {
            if ready.elapsed() > ANSWERING {
                return Err(EnvironmentError::new(
                    EnvironmentProblem::StartFailed,
                    format!(
                        "its operator calls the Keycloak ready, and it answers no login within {} s",
                        ANSWERING.as_secs()
                    ),
                    "look at the log of its pod in the run folder",
                ));
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(Self { kept, waited: began.elapsed() })
    }
}
