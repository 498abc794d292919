//! What a trial predicted, beside what the cutover took.

use super::escape::{cell, code};
use crate::text::seconds;
use drydock_core::Summary;
use drydock_core::prediction::Prediction;

/// A table of the predicted steps with their sum; nothing without predictions.
pub(super) fn section(summary: &Summary, text: &mut String) {
    if summary.predictions.is_empty() {
        return;
    }
    text.push_str("## Predicted and measured\n\n| step | predicted | took |\n|---|--:|--:|\n");
    for Prediction { step, predicted_seconds, measured_seconds } in &summary.predictions {
        let took = measured_seconds.map_or_else(|| "not carried out".to_owned(), seconds);
        text.push_str(&format!(
            "| {} | {} | {took} |\n",
            cell(&code(step.as_str())),
            seconds(*predicted_seconds)
        ));
    }
    let (predicted, took) = sums(summary);
    let took = took.map_or_else(|| "not carried out".to_owned(), seconds);
    text.push_str(&format!("| together | {} | {took} |\n\n", seconds(predicted)));
}

/// Seconds predicted and taken by all predicted steps; the latter only if all were carried out.
pub(crate) fn sums(summary: &Summary) -> (f64, Option<f64>) {
    let predicted = summary.predictions.iter().map(|p| p.predicted_seconds).sum();
    let took = summary.predictions.iter().map(|p| p.measured_seconds).sum();
    (predicted, took)
}
