//! Camunda-shaped content of Elasticsearch: a pure function of profile and seed, and the loader that puts it in place.
//!
//! The facts (index names, fields, settings, aliases, templates) are data in `fixtures/camunda`; this module turns them
//! into definitions and documents. What makes a migration hard is on by default: strict mappings, joins with routing,
//! nested documents, dated twins, keys that do not fit a double, large documents, and dirt that healthy sources have.

mod allocation;
mod catalogue;
mod dataset;
mod definitions;
mod documents;
mod fields;
mod instance;
mod json;
mod layout;
mod live;
mod load;
mod profile;
mod records;
mod shapes;
#[cfg(test)]
mod tests;
mod text;
mod values;

pub use dataset::{Dataset, Document, IndexSpec};
pub use instance::InstanceState;
pub use live::{
    OperateIndex, archived_index, live_index, live_key, operate_instance, zeebe_index, zeebe_record,
};
pub use load::{SeedSummary, seed};
pub use profile::{Extent, Profile};
