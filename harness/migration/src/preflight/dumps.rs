//! Whether a dump that was made can be restored from, as far as reading it whole tells.

use super::tell::refuse;
use drydock_core::Component;
use drydock_core::finding::Finding;
use drydock_core::names::checks;

/// What keeps users safe only if it can be read. `unreadable`: why it cannot, from the facts of the backup.
pub fn judge(component: Component, unreadable: Option<&str>) -> Vec<Finding> {
    let finding = |why: &str| {
        refuse(
            checks::PRE_DUMP,
            component.as_str(),
            format!("the dump of {component} cannot be read to its end: {why}"),
            "make room where the dumps lie, look whether pg_dump and pg_restore are of one version, and dump again",
        )
    };
    unreadable.map(finding).into_iter().collect()
}
