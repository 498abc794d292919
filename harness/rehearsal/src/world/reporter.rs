//! What a step tells while it runs.

use crate::recorder::Recorder;
use drydock_core::{Event, StepId};
use drydock_migration::Reporter;
use std::sync::Arc;
use tokio::sync::watch;

/// Hands on what the driver and the environment tell of a step.
pub(super) struct StepReporter {
    pub(super) recorder: Recorder,
    pub(super) step: StepId,
    pub(super) items_done: Arc<watch::Sender<u64>>,
}

impl Reporter for StepReporter {
    fn item(&self, item: &str, moved: u64) {
        self.recorder.emit(Event::ItemFinished { step: self.step.clone(), item: item.to_owned(), moved });
        self.items_done.send_modify(|done| *done += 1);
    }
    fn progress(&self, done: u64, total: Option<u64>, unit: &str) {
        self.recorder.observer().progress(&self.step, done, total, unit);
    }
    fn note(&self, text: &str) {
        self.recorder.emit(Event::Note {
            level: drydock_core::event::NoteLevel::Info,
            text: format!("{}: {text}", self.step),
        });
    }
}

impl drydock_environments::Progress for StepReporter {
    fn note(&self, message: &str) {
        self.recorder.observer().say(message);
    }
    fn bytes(&self, what: &str, done: u64, total: Option<u64>) {
        const MIB: u64 = 1 << 20;
        let unit = format!("MiB of {what}");
        self.recorder.observer().progress(&self.step, done / MIB, total.map(|t| t / MIB), &unit);
    }
}
