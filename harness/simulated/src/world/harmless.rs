//! What promises to change nothing: both sides are described before and after, while users' writes wait.

use super::{SimWorld, Stepped};
use crate::aftermath::judge_harmless;
use crate::promises::Promise;
use crate::schedule::Side;
use drydock_core::finding::Finding;
use drydock_core::names::checks;
use drydock_rehearsal::flow::Facts;
use drydock_stores::compare::{Fingerprint, unchanged};

impl SimWorld<'_> {
    /// The sides that are described, with the check and the promise that they serve.
    fn described(&self) -> &'static [(Side, &'static str, Promise)] {
        if self.stage.scenario.rollback.is_some() {
            &[(Side::Source, checks::RB_RESTORED, Promise::RollbackRestores)]
        } else {
            &[
                (Side::Source, checks::HARMLESS_SOURCE, Promise::EstimateHarmless),
                (Side::Target, checks::HARMLESS_TARGET, Promise::EstimateHarmless),
            ]
        }
    }

    fn file(side: Side) -> String {
        format!("before-{}.json", side.as_str())
    }

    pub(super) async fn measure_before(&mut self) -> Stepped<Facts> {
        let gate = &self.stage.application.gate;
        gate.close();
        gate.emptied().await;
        for (side, ..) in self.described() {
            let now = self.describe(*side).await?;
            self.keep(&Self::file(*side), &now)?;
        }
        self.stage.observe_before();
        Ok(Facts::new())
    }

    pub(super) async fn measure_after(&mut self) -> Stepped<Facts> {
        for (side, check, promise) in self.described() {
            let before: Fingerprint = self.kept(&Self::file(*side))?;
            let after = self.describe(*side).await?;
            let result = unchanged(check, side.as_str(), "the trial", &before, &after);
            let told: Option<Finding> = result.findings.first().cloned();
            if let Some((promise, finding)) = self
                .stage
                .changed_since_before(*side)
                .and_then(|(before, after)| judge_harmless(*promise, check, side.as_str(), &before, &after))
            {
                self.stage.broke(promise, told.unwrap_or(finding));
            }
            self.conclude(result);
        }
        self.stage.let_in(Side::Source);
        Ok(Facts::new())
    }
}
