//! Index, component and legacy templates.

use super::super::result::CheckResult;
use super::section::Sum;
use crate::elasticsearch::{Definitions, PinnedEs, Section};
use drydock_core::names::checks;
use drydock_parity::elasticsearch as parity;
use drydock_parity::shape::{AttributeDifference, Shape};

/// Index, component and legacy templates.
pub(super) fn compare_templates(source: &PinnedEs, target: &PinnedEs) -> CheckResult {
    let (a, b) = (source.definitions(), target.definitions());
    // What a template's spelt-out default can override: index and component templates add up with components, legacy
    // templates with each other.
    let of =
        |pick: fn(&Definitions) -> &Section| -> Vec<&Shape> { [a, b].into_iter().flat_map(pick).collect() };
    let (components, legacy) = (of(|d| &d.component_templates), of(|d| &d.legacy_templates));
    let real = |beneath: &[&Shape], changed: &mut Vec<AttributeDifference>| {
        parity::keep_real("setting ", changed);
        parity::drop_idle_defaults(changed, beneath);
    };
    let composed = |changed: &mut Vec<AttributeDifference>| real(&components, changed);
    let mut sum =
        Sum::new(checks::ES_TEMPLATES, "put the source's template: the next dated index is made from it");
    sum.add("index template", &a.index_templates, &b.index_templates, composed);
    sum.add("component template", &a.component_templates, &b.component_templates, composed);
    sum.add("legacy template", &a.legacy_templates, &b.legacy_templates, |c| real(&legacy, c));
    sum.outside(source, target, &["template/", "component-template/", "legacy-template/"]);
    sum.finish("templates compared with patterns, priority, components, settings, mappings and aliases")
}
