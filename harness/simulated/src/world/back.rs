//! The way back: what it relies on, whether the source is what it was, users' return, and what is lost of their writes.

use super::{SimWorld, Stepped, environment};
use crate::aftermath::judge_told;
use crate::safeguard::Safeguard;
use crate::schedule::Side;
use drydock_core::event::ServiceState;
use drydock_core::finding::{Class, Finding, Kind, Sample};
use drydock_core::names::checks;
use drydock_core::{Event, Step};
use drydock_migration::artefacts::{Captured, captured_by, examine};
use drydock_migration::freeze;
use drydock_rehearsal::flow::{Facts, StepError};
use drydock_stores::compare::{CheckResult, Fingerprint, unchanged};
use drydock_stores::elasticsearch::{Client, Retries, Timeouts};
use drydock_workload::acknowledged::Acknowledged;
use drydock_workload::fate::fates;
use drydock_workload::verify::observed;
use serde_json::json;

/// Hashes of what was captured.
const CAPTURED: &str = "captured.json";
/// What the source is held against.
const BASELINE: &str = "frozen-source.json";
/// The source as it was held against that.
pub(super) const HELD: &str = "held-source.json";

/// How far a way back has come in this life.
#[derive(Debug, Default)]
pub(super) struct WayBack {
    closed_ms: Option<u64>,
    opened_ms: Option<u64>,
}

impl SimWorld<'_> {
    /// Remembers the hash of what a step captured for a way back, if it did.
    pub(super) fn note_captured(&mut self, step: &Step, facts: &Facts) -> Stepped<()> {
        let hash = facts.get("blake3").and_then(|v| v.as_str());
        let (Some(name), Some(hash)) = (captured_by(step.action), hash) else { return Ok(()) };
        let mut captured = self.captured()?;
        captured.insert(name, hash.to_owned());
        self.keep(CAPTURED, &captured)
    }

    fn captured(&self) -> Stepped<Captured> {
        if self.stage.folder.join(CAPTURED).exists() { self.kept(CAPTURED) } else { Ok(Captured::new()) }
    }

    pub(super) async fn describe_frozen(&mut self) -> Stepped<Facts> {
        let now = self.describe(Side::Source).await?;
        self.keep(BASELINE, &now)?;
        Ok(Facts::new())
    }

    /// Looks whether what the way back needs can be used.
    pub(super) async fn check_artefacts(&mut self, step: &Step) -> Stepped<Facts> {
        let captured = self.captured()?;
        let told = super::Told { stage: self.stage, recorder: self.recorder.clone(), step: step.id.clone() };
        let examined = examine(&self.stage.context, &captured, &told).await?;
        let compared = examined.len() as u64;
        let useless = |name: String, why: &str| {
            Finding::data(checks::RB_ARTEFACTS, Kind::Unusable, &name, format!("the {name} {why}"))
        };
        let findings =
            examined.into_iter().filter_map(|a| a.state.err().map(|why| useless(a.name, &why))).collect();
        let note = "the saved description".to_owned();
        self.conclude(CheckResult { check: checks::RB_ARTEFACTS, compared, findings, note, millis: 0 });
        Ok(Facts::new())
    }

    /// Starts the source where the clean-up stopped it.
    pub(super) fn start_source(&mut self) -> Stepped<Facts> {
        self.stage.application.start_source();
        Ok(Facts::new())
    }

    /// Holds the source against what it was when it was frozen, before anybody is sent back.
    pub(super) async fn hold(&mut self) -> Stepped<Facts> {
        if self.marks.is_some() {
            self.check_freeze().await?;
        }
        let before: Fingerprint = self.kept(BASELINE)?;
        let after = self.describe(Side::Source).await?;
        self.conclude(unchanged(checks::RB_RESTORED, "source", "the freeze", &before, &after));
        let still = self.look().await?;
        self.keep(HELD, &still)?;
        self.still = Some(still);
        Ok(Facts::new())
    }

    pub(super) async fn close_target(&mut self) -> Stepped<Facts> {
        self.recorder.emit(Event::Service { state: ServiceState::Closed });
        self.back.closed_ms.get_or_insert(self.recorder.now_ms());
        let gate = &self.stage.application.gate;
        gate.close();
        gate.emptied().await;
        Ok(Facts::new())
    }

    /// Lets users back onto the source.
    pub(super) async fn switch_back(&mut self) -> Stepped<Facts> {
        if self.stage.application.source.is_stopped() {
            return Err(StepError {
                class: Class::Data,
                message: "there is nothing to go back to: the source is stopped".into(),
                next: "start it".into(),
            });
        }
        if let Some(still) = self.still.take() {
            let now = self.look().await?;
            let moved = freeze::compare(&still.marks, &now.marks);
            self.witnessed(&still, &now, &moved);
            // A session that stays open is the guard's to tell.
            for finding in moved.into_iter().filter(|f| f.kind != Kind::StillActive) {
                self.found(Finding { check: checks::RB_RESTORED.into(), ..finding });
            }
        }
        self.stage.go_back();
        self.recorder.emit(Event::Service { state: ServiceState::OnSource });
        self.back.opened_ms = Some(self.recorder.now_ms());
        Ok(Facts::new())
    }

    /// What is lost of the writes that users made on the target.
    pub(super) async fn compare_back(&mut self) -> Stepped<Facts> {
        if self.lacks(Safeguard::Fates) {
            return Ok(Facts::new());
        }
        let back = self
            .back
            .opened_ms
            .or_else(|| self.stage.returned_ms())
            .unwrap_or_else(|| self.recorder.now_ms());
        let switched = self.opened_ms.unwrap_or(back);
        let (all, after): (Vec<Acknowledged>, Vec<Acknowledged>) = {
            let acks = self.stage.application.acks();
            let all = acks.noted.iter().filter(|w| w.ms < back).cloned().collect();
            (all, acks.noted.iter().filter(|w| (switched..back).contains(&w.ms)).cloned().collect())
        };
        let source = &self.stage.context.source;
        let client = Client::new(&source.elasticsearch, Timeouts::default())
            .map_err(|e| environment(format!("set up a client of the source: {e}")))?
            .retrying(Retries::Transient);
        let seen = observed(Some(&client), &source.postgres, &all)
            .await
            .map_err(|e| environment(format!("look for acknowledged writes on the source: {e}")))?;
        let told = fates(&after, &seen, self.back.closed_ms.unwrap_or(back));
        if let Some(returned) = self.stage.returned() {
            let broken = judge_told(&returned, &self.stage.moment(), &told);
            if let Some((promise, finding)) = broken {
                self.stage.broke(promise, finding);
            }
        }
        self.stage.note_told();
        let mut findings = Vec::new();
        if !told.lost.is_empty() {
            let message = format!("{} writes acknowledged on the target are lost", told.lost.len());
            let finding = Finding::data(checks::RB_WRITES, Kind::LostWrite, "after the switch", message);
            let items = told.lost.iter().map(|write| Sample::named(write.item.clone()));
            findings.push(finding.items(told.lost.len() as u64, items));
        }
        let note = format!("{} writes acknowledged after the switch", after.len());
        let lost = told.lost.len();
        self.recorder.emit(Event::WritesFated(Box::new(told)));
        let compared = all.len() as u64;
        self.conclude(CheckResult { check: checks::RB_WRITES, compared, findings, note, millis: 0 });
        Ok(Facts::from([("lost".to_owned(), json!(lost))]))
    }
}
