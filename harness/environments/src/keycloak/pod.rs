//! A Keycloak that is a pod of the release: found, not started.

use super::{KeycloakAccount, endpoint, until_answered};
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::kind::{Kind, Part};
use drydock_stores::keycloak::{Admin, KeycloakError};
use serde_json::Value;
use std::time::{Duration, Instant};

/// Where it is.
#[derive(Debug)]
pub(super) struct Podded {
    pub(super) port: u16,
    pub(super) image: String,
    /// What its image is tagged with; empty where it has no tag.
    pub(super) version: String,
    /// Until it answered.
    pub(super) waited: Duration,
}

impl Podded {
    /// Waits until it answers a login, with a token or with a refusal. A `realm` that it does not have is made, as an import would.
    pub(super) async fn find(kind: &Kind, account: &KeycloakAccount, realm: Option<&Value>) -> Result<Self> {
        let began = Instant::now();
        kind.await_applications().await?;
        let port = kind.way_to(Part::Keycloak)?;
        until_answered(account, port, "the pod of Keycloak is ready").await?;
        if let Some(realm) = realm {
            make(account, port, realm).await.map_err(|e| {
                EnvironmentError::new(
                    EnvironmentProblem::StartFailed,
                    format!("cannot make the realm of the run in Keycloak: {e}"),
                    "look at the log of its pod in the run folder",
                )
            })?;
        }
        let (image, version) = kind.image_of(Part::Keycloak).await?;
        Ok(Self { port, image, version, waited: began.elapsed() })
    }
}

async fn make(account: &KeycloakAccount, port: u16, realm: &Value) -> std::result::Result<(), KeycloakError> {
    let admin = Admin::open(&endpoint(account, port)).await?;
    let name = realm["realm"].as_str().unwrap_or_default();
    if admin.find(&format!("/{name}")).await?.is_none() {
        admin.make_realm(realm).await?;
    }
    admin.close().await;
    Ok(())
}
