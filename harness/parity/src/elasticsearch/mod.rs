//! Definitions of an Elasticsearch cluster as shapes: normalised, so that only what has an effect is compared.

mod flatten;
mod mapping;
mod settings;
mod template;

pub use flatten::flatten;
pub use mapping::mapping;
pub use settings::{Leftover, keep_real, leftovers, settings, show_defaults};
pub use template::{alias, component_template, index_template, legacy_template};
