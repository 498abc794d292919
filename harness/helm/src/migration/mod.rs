//! The data migration of 8.8: what the job counted, whether jobs and importers have finished, whether the indices
//! of the common model are there, and whether every region is exported as before.

mod importers;
mod indices;
mod jobs;
mod regions;
mod scrape;

pub use importers::importers;
pub use indices::{documents, harmonised};
pub use jobs::jobs;
pub use regions::regions;
pub use scrape::{migrated, read_scrape};

use crate::check::Check;
use drydock_core::names::checks;

/// Several looks at one migration as one check.
pub fn together(parts: Vec<Check>) -> Check {
    let mut whole = Check::new(checks::MIGRATION_DATA);
    let notes: Vec<String> = parts.iter().map(|p| p.note.clone()).filter(|n| !n.is_empty()).collect();
    whole.note = notes.join("; ");
    for part in parts {
        whole.compared += part.compared;
        whole.findings.extend(part.findings);
    }
    whole
}
