//! Definitions of an Elasticsearch cluster as shapes: normalised, so that only what has an effect is compared.

mod defaults;
mod flatten;
mod future;
mod mapping;
mod mapping_defaults;
mod policy;
pub mod positions;
mod settings;
mod template;
pub mod usage;
mod values;

pub use flatten::flatten;
pub use future::{
    FutureIndex, Origin, TemplateSet, families, guesses_fields, index_attributes, may_auto_create, split_date,
};
pub use mapping::{index_mapping, mapping};
pub use policy::{keep_real_policy, pipeline, policy, stored};
pub use settings::{Leftover, keep_real, leftovers, settings, show_defaults};
pub use template::{alias, component_template, drop_idle_defaults, index_template, legacy_template};
