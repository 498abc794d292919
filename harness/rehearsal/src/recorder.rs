//! The one way into the record: every event is redacted, written and flushed before anybody else hears of it.

use drydock_core::{Clock, Entry, Event, RecordWriter, StepId};
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Somebody who watches a run: the terminal.
pub trait Observer: Send + Sync {
    /// An event was written to the record.
    fn event(&self, entry: &Entry);
    /// A long step moves on; not in the record.
    fn progress(&self, step: &StepId, done: u64, total: Option<u64>, unit: &str);
    /// Something to tell people meanwhile; not in the record.
    fn say(&self, text: &str);
}

/// An observer that looks away, for tests.
#[derive(Debug, Clone, Copy)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn event(&self, _: &Entry) {}
    fn progress(&self, _: &StepId, _: u64, _: Option<u64>, _: &str) {}
    fn say(&self, _: &str) {}
}

/// Writes the record of one run. Cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    writer: Arc<Mutex<RecordWriter<File>>>,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    failed: Arc<Mutex<Option<io::Error>>>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recorder")
    }
}

impl Recorder {
    /// A recorder on an open file. The clock is the machine's, or that of a simulation.
    pub fn new(writer: RecordWriter<File>, clock: impl Clock + 'static, observer: Arc<dyn Observer>) -> Self {
        Self {
            writer: Arc::new(Mutex::new(writer)),
            clock: Arc::new(clock),
            observer,
            failed: Arc::default(),
        }
    }

    /// What the run's clock showed, or will show, at `instant`, in milliseconds.
    pub fn ms_at(&self, instant: Instant) -> u64 {
        self.clock.ms_at(instant)
    }

    /// Milliseconds of the run's clock.
    pub fn now_ms(&self) -> u64 {
        self.clock.elapsed_ms()
    }

    /// Who watches.
    pub fn observer(&self) -> &Arc<dyn Observer> {
        &self.observer
    }

    /// Masks a secret from now on.
    pub fn add_secret(&self, secret: &str) {
        lock(&self.writer).add_secret(secret);
    }

    /// Writes one event. A failure is kept and ends the run at the next [`Recorder::check`]: a run whose record cannot
    /// be written proves nothing.
    pub fn emit(&self, event: Event) {
        let end_of_step = matches!(event, Event::StepFinished { .. } | Event::RunFinished { .. });
        let written = {
            let mut writer = lock(&self.writer);
            writer.append(self.clock.as_ref(), event).and_then(|entry| {
                if end_of_step {
                    writer.get_ref().sync_data()?;
                }
                Ok(entry)
            })
        };
        match written {
            Ok(entry) => self.observer.event(&entry),
            Err(error) => {
                lock(&self.failed).get_or_insert(error);
            }
        }
    }

    /// Whether everything so far was written.
    ///
    /// # Errors
    /// The first failure to write the record.
    pub fn check(&self) -> io::Result<()> {
        match lock(&self.failed).as_ref() {
            Some(error) => Err(io::Error::new(error.kind(), error.to_string())),
            None => Ok(()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
