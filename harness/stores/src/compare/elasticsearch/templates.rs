//! Index, component and legacy templates.

use super::super::result::CheckResult;
use super::section::Sum;
use crate::elasticsearch::PinnedEs;
use drydock_core::names::checks;
use drydock_parity::elasticsearch as parity;
use drydock_parity::shape::{AttributeDifference, Shape};

/// Index, component and legacy templates.
pub(super) fn compare_templates(source: &PinnedEs, target: &PinnedEs) -> CheckResult {
    let (a, b) = (source.definitions(), target.definitions());
    let all: Vec<&Shape> = [a, b]
        .into_iter()
        .flat_map(|d| [&d.index_templates, &d.component_templates, &d.legacy_templates])
        .flatten()
        .collect();
    let real = |changed: &mut Vec<AttributeDifference>| {
        parity::keep_real("setting ", changed);
        parity::drop_idle_defaults(changed, &all);
    };
    let mut sum =
        Sum::new(checks::ES_TEMPLATES, "put the source's template: the next dated index is made from it");
    sum.add("index template", &a.index_templates, &b.index_templates, real);
    sum.add("component template", &a.component_templates, &b.component_templates, real);
    sum.add("legacy template", &a.legacy_templates, &b.legacy_templates, real);
    sum.outside(source, target, &["template/", "component-template/", "legacy-template/"]);
    sum.finish("templates compared with patterns, priority, components, settings, mappings and aliases")
}
