//! What the checks of a real application on the stores mean. They are asked where a scenario says `engine: camunda`.

use super::{Explanation, text};
use crate::names::checks;

/// One explanation for each of them.
pub(super) const TEXTS: &[(&str, Explanation)] = &[
    (
        checks::APP_DEFINITIONS,
        text(
            "Every process definition that Camunda showed before the freeze is shown on the target, in its version and with \
             the same diagram.",
            "The index of definitions was made with a guessed mapping, so that the list sorts by a field that it does not \
             know and comes out empty. Its alias is gone. Camunda starts all the same, calls itself ready and logs no error.",
            "Mend the mapping or the alias that the finding names as the cause, then restart Operate: it keeps definitions \
             in memory.",
        ),
    ),
    (
        checks::APP_DECISIONS,
        text(
            "Every decision definition that Camunda showed before the freeze is shown on the target, with the same diagram.",
            "The same as with process definitions: an index that was made by the first document which arrived in it.",
            "Mend what the finding names as the cause. Nobody has to deploy anything again: the broker knows the decision.",
        ),
    ),
    (
        checks::APP_INSTANCES,
        text(
            "Every process instance that was listed before the freeze is listed on the target, in the same state, and no \
             other one.",
            "An alias that led to several indices leads to fewer: finished instances lie in dated indices, and each of them \
             must be in the alias. A dated index was not copied because a list of names did not have it.",
            "Put the index back into the alias, or copy it, as the finding says. Instances that are missing here still \
             exist in the broker if they were running.",
        ),
    ),
    (
        checks::APP_SEARCH,
        text(
            "Instances are found as before: by state, by flow node, by process, by the value of a variable. The same \
             questions are put to both sides, and the answers must hold the same instances.",
            "Text that was a keyword is analysed, the join between instances and their variables is a plain object, \
             children lie in another shard than their parents. Lists look complete, and searches find nothing.",
            "Make the index anew with the source's mapping and routing, copy it again, and look at `elasticsearch/mappings` \
             and `elasticsearch/documents`.",
        ),
    ),
    (
        checks::APP_VARIABLES,
        text(
            "Every variable is shown with the value it had, long ones whole. Values are held as digests: none of them \
             reaches a report.",
            "A tool that reads numbers as JavaScript does has rounded them. A field that was kept without being indexed is \
             cut, or refused because it is too long for an index that was made by guess.",
            "Look at `elasticsearch/documents` for the same index: it names document and field. Copy them again by another \
             way.",
        ),
    ),
    (
        checks::APP_HISTORY,
        text(
            "What each instance went through is shown: every flow node instance with its state and type, and no other one.",
            "Records that importers had read already are read again, because their positions did not come along: what a \
             person had deleted comes back in parts. Or the index of flow nodes lacks documents.",
            "Copy the import positions together with the indices, from one moment. What has come back must be deleted again \
             by hand.",
        ),
    ),
    (
        checks::APP_INCIDENTS,
        text(
            "Every incident is listed with its type and state: those that are open, so that somebody mends them, and \
             no others.",
            "An index that was not copied, or an alias that does not lead to it. Incidents that nobody sees stop their \
             instances for good.",
            "Mend the cause that the finding names. The broker still has the incident: as long as its key is known it can \
             be resolved.",
        ),
    ),
    (
        checks::APP_DECISION_INSTANCES,
        text(
            "How each decision came about is shown: what went in, what came out, by which rules.",
            "Dated indices of decision instances were left out of a copy by name. They are what auditors ask for, and \
             nobody looks at them on the first day.",
            "Copy the missing indices with their aliases while the source still exists.",
        ),
    ),
    (
        checks::APP_TASKS,
        text(
            "Every user task is listed in Tasklist, in its state and with the person who has it.",
            "Tasklist reads through its own aliases, which a migration that looks after Operate alone forgets. A task whose \
             completion was not imported yet appears as open again.",
            "Mend the cause that the finding names. Let nobody complete a task twice: hold it against the log of what was \
             acknowledged.",
        ),
    ),
    (
        checks::APP_TASKS_BY_USER,
        text(
            "Tasks are found by person, group and state, as people filter their lists every morning.",
            "Candidate groups are lists of keywords. Where a guessed mapping analyses them, a group with a hyphen is found \
             by none of its names.",
            "Make the index anew with the source's mapping and copy it again.",
        ),
    ),
    (
        checks::APP_FORMS,
        text(
            "The form of each task that has one opens, in its version and with the same fields.",
            "Forms lie in an index of their own, which holds few documents and is missed by nobody who counts. Without it a \
             task can be claimed and not completed.",
            "Copy the index of forms and that of Tasklist's processes, with their aliases.",
        ),
    ),
    (
        checks::APP_STATISTICS,
        text(
            "The figures of the dashboard are what they were: instances running, incidents by process, instances by process.",
            "They are made by grouping. A field that is analysed text cannot be grouped by, and the dashboard answers with \
             an error while every list works.",
            "Look at `elasticsearch/mappings` of the index that the finding names.",
        ),
    ),
    (
        checks::APP_ACKNOWLEDGED,
        text(
            "Everything that Camunda acknowledged to somebody who worked in it before the freeze is shown on the target as \
             it was acknowledged: definitions, instances, jobs, tasks, incidents, each by its key. Each line of the log was \
             written before the next request.",
            "What was lost in a store is lost to people under a name that they know. Something that had ended and is open \
             again was imported from records of an earlier moment.",
            "Each thing is named with its key, and the store's finding that explains it is named as the cause. Mend that one.",
        ),
    ),
];
