//! Carrying a history from the machine it was measured on to another one, by a short probe or by a few runs of its own.

use crate::history::MeasuredRun;
use crate::machine::Machine;
use crate::model::Model;
use crate::volumes::median;
use serde::{Deserialize, Serialize};

/// A factor between two machines. Everything that is carried is marked with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Carry {
    /// Seconds here for each second there.
    pub factor: f64,
    /// The least that any of the probes says.
    pub low: f64,
    /// The most that any of them says.
    pub high: f64,
    /// What it rests on.
    pub by: CarriedBy,
    /// The machine of the history, in words.
    pub from: String,
    /// This machine, in words.
    pub to: String,
}

/// What a factor rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CarriedBy {
    /// Short probes of processor and loopback.
    Probes,
    /// Runs on this machine, too few to stand alone.
    Runs(usize),
}

/// From the probes of both machines. `None` where one of them lacks a figure that the other has to be held against.
pub fn by_probes(there: &[&Machine], here: &Machine) -> Option<Carry> {
    let ratio = |figure: fn(&Machine) -> Option<f64>| {
        let measured: Vec<f64> = there.iter().filter_map(|m| figure(m)).filter(|f| *f > 0.0).collect();
        let here = figure(here).filter(|f| *f > 0.0)?;
        (!measured.is_empty()).then(|| median(measured) / here)
    };
    // A copy is bound by the processors of both stores and the connection between them. The stores of a rehearsal do not
    // wait for the disk, so its rate says nothing about their times.
    let compute = ratio(|m| m.compute_mib_per_second)?;
    let loopback = ratio(|m| m.loopback_mib_per_second).unwrap_or(compute);
    Some(Carry {
        factor: (compute * loopback).sqrt(),
        low: compute.min(loopback),
        high: compute.max(loopback),
        by: CarriedBy::Probes,
        from: there.first().map(|m| m.words()).unwrap_or_default(),
        to: here.words(),
    })
}

/// From runs on this machine, against a model of the other one's.
pub fn by_runs(model: &Model, from: &Machine, own: &[&MeasuredRun], level: f64) -> Option<Carry> {
    let ratios: Vec<f64> = own
        .iter()
        .filter_map(|run| Some(run.downtime_seconds? / model.predict(&run.volumes, level).seconds.max(1e-3)))
        .collect();
    let to = own.first()?.machine.words();
    Some(Carry {
        factor: median(ratios.clone()),
        low: ratios.iter().copied().fold(f64::INFINITY, f64::min),
        high: ratios.iter().copied().fold(0.0, f64::max),
        by: CarriedBy::Runs(ratios.len()),
        from: from.words(),
        to,
    })
}
