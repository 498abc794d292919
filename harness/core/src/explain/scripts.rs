//! What the checks of a migration that the official scripts carry out mean.

use super::{Explanation, text};
use crate::names::checks;

/// One explanation for each of them.
pub(super) const TEXTS: &[(&str, Explanation)] = &[
    (
        checks::SC_PHASES,
        text(
            "Each phase of the official scripts says one and the same by its exit code, its state, its hooks and its log: done by \
             all of them, or failed by all of them.",
            "A hook left early and the phase ended with exit code 0 without being recorded. A prompt was declined, which is \
             exit code 0 as well. An error was logged and gone on from.",
            "Read the named lines in `logs/scripts-phase-N.log` and in the copied state of the run folder, and do not begin the next \
             phase before the phase is done by every account.",
        ),
    ),
    (
        checks::SC_CLAIMS,
        text(
            "What the official scripts call migrated, component by component, was found on the target by the comparison.",
            "The scripts count what they sent and compare nothing: a component whose store was not recognised is skipped with a \
             warning, documents for an external Elasticsearch are left to the operator, and the phase is complete all the same.",
            "Take the findings of the comparison for what is there, and the scripts' report for what was tried; move what is missing \
             before users are let in.",
        ),
    ),
];
