//! An importer of the application that stands still because its own index does not take what it writes. Operate and Tasklist try such a
//! document again for ever, and show nothing of its partition that comes after it. Tasklist 8.6.0 does so to itself with a task
//! made at a whole second: it leaves the fraction out, without which its index reads no date.

use crate::capability::Capability;
use drydock_core::Finding;
use drydock_core::finding::Outcome;

/// What the application says where a write fails, before the index that it went to.
const FAILED: &str = "failed for type [";
/// What the store says of a value that the mapping does not take, before the field.
const UNREADABLE: &str = "failed to parse field [";

/// An index that refuses what its application writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// The index.
    pub index: String,
    /// The field, with the type that it has.
    pub field: String,
}

impl Stuck {
    /// The last one that a log of the application tells of.
    pub fn in_log(log: &str) -> Option<Self> {
        log.lines().rev().find_map(|line| {
            let index = line.split_once(FAILED)?.1.split_once(']')?.0;
            // The value stays out: it is people's.
            let field = line.split_once(UNREADABLE)?.1.split_once(" in document")?.0;
            let (name, kind) = field.split_once("] of type [")?;
            Some(Self {
                index: index.to_owned(),
                field: format!("{name} of type {}", kind.trim_end_matches(']')),
            })
        })
    }

    /// Whether a list is read from indices of the same application.
    pub(crate) fn holds_up(&self, list: Capability) -> bool {
        let application = |name: &str| name.split('-').next().map(ToOwned::to_owned);
        list.families().iter().all(|family| application(family) == application(&self.index))
    }

    /// A difference to what was shown while it stood still: that proves nothing of what came after.
    pub(crate) fn excuses(&self, finding: Finding) -> Finding {
        let message = format!("{}; before the freeze already{}", finding.message, self.words());
        Finding { outcome: Outcome::NotProven, message, ..finding }.next("rehearse again")
    }

    pub(super) fn words(&self) -> String {
        format!(
            "; the application's own index {} does not take what it writes ({}), so that its importer stands still",
            self.index, self.field
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_that_refuses_its_own_application_is_told_without_the_value() {
        let line = "2026-11-22T15:29:24.119Z ERROR io.camunda.tasklist.util.ElasticsearchUtil - UPDATE failed for type \
                    [tasklist-list-view-8.6.0_] and id [77]: ElasticsearchException[Elasticsearch exception \
                    [type=document_parsing_exception, reason=[1:223] failed to parse field [creationTime] of type [date] in \
                    document with id '77'. Preview of field's value: '2026-11-22T15:29:19Z']]";
        let found =
            Stuck::in_log(&format!("a first line\n{line}\n\tat somewhere\n")).expect("it stands still");
        assert_eq!(
            (found.index.as_str(), found.field.as_str()),
            ("tasklist-list-view-8.6.0_", "creationTime of type date")
        );
        assert!(!found.words().contains("15:29:19"));
        assert!(found.holds_up(Capability::Tasks) && !found.holds_up(Capability::Incidents));
        assert_eq!(Stuck::in_log("UPDATE failed for type [tasklist-task-8.5.0_]: version conflict"), None);
        assert_eq!(Stuck::in_log(""), None);
    }
}
