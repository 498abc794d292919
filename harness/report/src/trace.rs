//! The run for trace viewers: the JSON of the Trace Event Format, which Perfetto and Chrome read. One track for the steps,
//! one for the service, one for each probe, and as many for the checks as overlap; what ended or was found at a moment is
//! an instant.

use crate::choice::ended_so;
use crate::text::{printable, shortened};
use drydock_core::event::ServiceState;
use drydock_core::{Event, Record};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The one process of a trace.
const PROCESS: u64 = 1;
/// Events of one kind; viewers grow slow with more.
const MOST_OF_A_KIND: usize = 20_000;
/// Characters of one text.
const MOST_CHARACTERS: usize = 400;

/// The trace as one JSON document. Times are microseconds since the run began.
pub fn render(record: &Record) -> String {
    let mut trace = Trace::default();
    trace.steps(record);
    trace.service(record);
    trace.outages(record);
    trace.checks(record);
    trace.instants(record);
    let document = json!({
        "displayTimeUnit": "ms",
        "otherData": {
            "run": text(record.started.run.as_str()),
            "scenario": text(&record.started.scenario.name),
            "drydock": record.started.drydock,
            "seed": record.started.scenario.seed,
            "left_out": trace.left_out,
        },
        "traceEvents": trace.finished(record),
    });
    format!("{document}\n")
}

#[derive(Default)]
struct Trace {
    events: Vec<Value>,
    /// Names of the tracks, by their numbers from 1.
    tracks: Vec<String>,
    left_out: u64,
}

impl Trace {
    fn track(&mut self, name: &str) -> u64 {
        let at = self.tracks.iter().position(|known| known == name).unwrap_or_else(|| {
            self.tracks.push(name.to_owned());
            self.tracks.len() - 1
        });
        at as u64 + 1
    }

    /// A span from one moment to another, both in milliseconds.
    fn span(&mut self, track: u64, category: &str, name: &str, (from, until): (u64, u64), args: &Value) {
        self.events.push(json!({
            "ph": "X", "pid": PROCESS, "tid": track, "cat": category, "name": text(name),
            "ts": micros(from), "dur": micros(until.saturating_sub(from)), "args": args,
        }));
    }

    fn instant(&mut self, track: u64, category: &str, name: &str, at: u64, args: &Value) {
        self.events.push(json!({
            "ph": "i", "s": "t", "pid": PROCESS, "tid": track, "cat": category, "name": text(name),
            "ts": micros(at), "args": args,
        }));
    }

    fn steps(&mut self, record: &Record) {
        let track = self.track("steps");
        let mut open: Option<(&str, u64)> = None;
        for entry in record.effective() {
            match &entry.event {
                Event::StepStarted { step } => {
                    if let Some((step, from)) = open.replace((step.as_str(), entry.ms)) {
                        self.span(track, "step", step, (from, entry.ms), &json!({"outcome": ended_so(None)}));
                    }
                }
                Event::StepFinished { step, outcome, millis, facts } => {
                    // The moment of its line rather than its own duration, which is rounded by itself: spans must not overlap.
                    let began =
                        open.take().filter(|(begun, _)| *begun == step.as_str()).map(|(_, from)| from);
                    let facts: BTreeMap<&str, &Value> =
                        facts.iter().filter(|(_, v)| v.is_number()).map(|(k, v)| (k.as_str(), v)).collect();
                    let args = json!({"outcome": ended_so(Some(*outcome)), "figures": facts});
                    let from = began.unwrap_or_else(|| entry.ms.saturating_sub(*millis));
                    self.span(track, "step", step.as_str(), (from, entry.ms), &args);
                }
                _ => {}
            }
        }
        if let Some((step, from)) = open {
            self.span(track, "step", step, (from, last(record)), &json!({"outcome": ended_so(None)}));
        }
    }

    fn service(&mut self, record: &Record) {
        let track = self.track("service");
        let mut state: Option<(&str, u64)> = None;
        for entry in record.effective() {
            let Event::Service { state: now } = &entry.event else { continue };
            let now = match now {
                ServiceState::OnSource => "open on the source",
                ServiceState::Closed => "closed",
                ServiceState::OnTarget => "open on the target",
            };
            // A resumed run closes a service that is closed already.
            if state.is_some_and(|(before, _)| before == now) {
                continue;
            }
            if let Some((before, from)) = state.replace((now, entry.ms)) {
                self.span(track, "service", before, (from, entry.ms), &json!({}));
            }
        }
        if let Some((state, from)) = state {
            self.span(track, "service", state, (from, last(record)), &json!({}));
        }
    }

    fn outages(&mut self, record: &Record) {
        let mut told = 0;
        for entry in record.effective() {
            let Event::ProbeOutage { probe, from_ms, until_ms, failed, error, .. } = &entry.event else {
                continue;
            };
            told += 1;
            if told > MOST_OF_A_KIND {
                self.left_out += 1;
                continue;
            }
            let track = self.track(&format!("probe {}", text(probe)));
            let until = until_ms.unwrap_or_else(|| last(record));
            let args = json!({"failed": failed, "error": text(error), "ended": until_ms.is_some()});
            self.span(track, "probe", "no answer", (*from_ms, until), &args);
        }
    }

    /// Checks overlap, and spans of one track must not: each goes to the first track that is free.
    fn checks(&mut self, record: &Record) {
        let mut made: Vec<(u64, u64, &str, Value)> = Vec::new();
        for entry in record.effective() {
            let Event::CheckFinished { check, outcome, compared, note, millis } = &entry.event else {
                continue;
            };
            let args = json!({"outcome": outcome, "compared": compared, "note": text(note)});
            made.push((entry.ms.saturating_sub(*millis), entry.ms, check.as_str(), args));
        }
        made.sort_by_key(|(from, until, ..)| (*from, std::cmp::Reverse(*until)));
        let mut free: Vec<u64> = Vec::new();
        for (from, until, check, args) in made {
            let lane = free.iter().position(|end| *end <= from).unwrap_or_else(|| {
                free.push(0);
                free.len() - 1
            });
            free[lane] = until.max(from + 1);
            let track = self.track(&format!("checks {}", lane + 1));
            self.span(track, "check", check, (from, until), &args);
        }
    }

    /// What happened at a moment: items done, findings, planted losses.
    fn instants(&mut self, record: &Record) {
        let mut told: BTreeMap<&str, usize> = BTreeMap::new();
        for entry in record.effective() {
            let (track, name, args) = match &entry.event {
                Event::ItemFinished { step, item, moved } => {
                    ("items", item.clone(), json!({"step": text(step.as_str()), "moved": moved}))
                }
                Event::Finding(f) => (
                    "findings",
                    format!("{} {}", f.kind, f.subject),
                    json!({"check": text(f.check.as_str()), "count": f.count, "message": text(&f.message)}),
                ),
                Event::FaultPlanted { fault, after, item } => (
                    "planted losses",
                    fault.clone(),
                    json!({"after": text(after.as_str()), "item": text(item)}),
                ),
                _ => continue,
            };
            let so_far = told.entry(track).or_default();
            *so_far += 1;
            if *so_far > MOST_OF_A_KIND {
                self.left_out += 1;
                continue;
            }
            let number = self.track(track);
            self.instant(number, track, &name, entry.ms, &args);
        }
    }

    /// The names of process and tracks, then all events by time.
    fn finished(mut self, record: &Record) -> Vec<Value> {
        self.events
            .sort_by_key(|e| (e["tid"].as_u64(), e["ts"].as_u64(), std::cmp::Reverse(e["dur"].as_u64())));
        let name = |kind: &str, track: u64, args: Value| json!({"ph": "M", "pid": PROCESS, "tid": track, "name": kind, "args": args});
        let run = text(record.started.run.as_str());
        let mut all = vec![name("process_name", 0, json!({"name": format!("drydock {run}")}))];
        for (track, called) in (1_u64..).zip(&self.tracks) {
            all.push(name("thread_name", track, json!({"name": called})));
            all.push(name("thread_sort_index", track, json!({"sort_index": track})));
        }
        all.extend(self.events);
        all
    }
}

fn text(text: &str) -> String {
    let beginning: String = text.chars().take(MOST_CHARACTERS).collect();
    shortened(&printable(&beginning), MOST_CHARACTERS).into_owned()
}

fn micros(ms: u64) -> u64 {
    ms.saturating_mul(1000)
}

fn last(record: &Record) -> u64 {
    record.entries.iter().map(|e| e.ms).max().unwrap_or(0)
}
