//! A Camunda whose parts are pods of the release: found, not started.

use super::CamundaAddresses;
use crate::config::Side;
use crate::error::Result;
use crate::kind::{Kind, Part};
use std::time::{Duration, Instant};

/// Where its parts are.
#[derive(Debug)]
pub(super) struct Pods {
    pub(super) side: Side,
    pub(super) addresses: CamundaAddresses,
    pub(super) management: String,
    pub(super) image: String,
    /// What the image is tagged with; empty where it has no tag.
    pub(super) version: String,
    /// Until all pods were ready.
    pub(super) waited: Duration,
}

impl Pods {
    /// Waits until all pods of the release are ready.
    pub(super) async fn find(kind: &Kind, side: Side) -> Result<Self> {
        let began = Instant::now();
        kind.await_applications().await?;
        let address = |part| kind.way_to(part).map(|port| format!("http://127.0.0.1:{port}"));
        let addresses = CamundaAddresses {
            gateway: address(Part::Gateway)?,
            operate: address(Part::Operate)?,
            tasklist: address(Part::Tasklist)?,
        };
        let management = address(Part::Broker)?;
        let (image, version) = kind.image_of(Part::Broker).await?;
        Ok(Self { side, addresses, management, image, version, waited: began.elapsed() })
    }
}
