//! What promises to change nothing: both sides are described before and after, while users' writes wait.

use super::{SimWorld, Stepped};
use crate::aftermath::judge_harmless;
use crate::promises::Promise;
use crate::safeguard::Safeguard;
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

    fn file_after(side: Side) -> String {
        format!("after-{}.json", side.as_str())
    }

    /// What a side is afterwards. An earlier life that saw it may have let users in since: what it saw counts.
    async fn described_after(&self, side: Side) -> Stepped<Fingerprint> {
        let file = Self::file_after(side);
        if !self.lacks(Safeguard::SeenBefore)
            && let Ok(seen) = self.kept(&file)
        {
            return Ok(seen);
        }
        let after = self.describe(side).await?;
        self.keep(&file, &after)?;
        Ok(after)
    }

    pub(super) async fn measure_before(&mut self) -> Stepped<Facts> {
        let gate = &self.stage.application.gate;
        gate.close();
        gate.emptied().await;
        for (side, ..) in self.described() {
            let now = self.describe(*side).await?;
            self.keep(&Self::file(*side), &now)?;
            let _ = std::fs::remove_file(self.stage.folder.join(Self::file_after(*side)));
        }
        self.stage.observe_before();
        Ok(Facts::new())
    }

    pub(super) async fn measure_after(&mut self) -> Stepped<Facts> {
        for (side, check, promise) in self.described() {
            let before: Fingerprint = self.kept(&Self::file(*side))?;
            let after = self.described_after(*side).await?;
            let result = unchanged(check, side.as_str(), "the trial", &before, &after);
            let told: Option<Finding> = result.findings.first().cloned();
            let judged = match self.stage.changed_since_before(*side) {
                Some((before, after)) => judge_harmless(*promise, check, side.as_str(), &before, &after)
                    .map(|(promise, finding)| (promise, told.unwrap_or(finding))),
                // Users were let in since: what they wrote is nobody's harm, and who tells of it is mistaken.
                None => told.map(|finding| (*promise, finding)),
            };
            if let Some((promise, finding)) = judged {
                self.stage.broke(promise, finding);
            }
            self.conclude(result);
        }
        self.stage.let_in(Side::Source);
        Ok(Facts::new())
    }
}
