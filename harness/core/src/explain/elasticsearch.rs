//! What the checks of two clusters mean.

use super::{Explanation, text};
use crate::names::checks;

/// One explanation for each check of two clusters.
pub(super) const TEXTS: &[(&str, Explanation)] = &[
    (
        checks::ES_INDICES,
        text(
            "Every index of the source that was asked for must exist on the target under its name and in its state \
             (open, closed, hidden), and the target must hold no other. An index that is missing takes all of its \
             documents with it; one too many is seen by every search over a wildcard.",
            "An index prefix was changed by an application's settings and the copy asks for the usual ones. Dated \
             indices were made between listing and copying. A closed index was passed over. A template or an \
             application that was started too early made an index on the target.",
            "Compare the names in the finding with `migration.index_prefixes`, add what is missing, and copy again. \
             Remove an index that is too much only after its documents have been looked at.",
        ),
    ),
    (
        checks::ES_COUNTS,
        text(
            "Both sides were refreshed and count the same documents in every index. Counts alone never make a run \
             green: they are there because they are cheap, exact and understood by everybody.",
            "A copy stopped early, or carried deletes of the source not at all. A count that was read without a \
             refresh, as the list of indices shows it, is no evidence in either direction.",
            "Read `elasticsearch/documents`, which names the documents behind the number. If that check could not be \
             made, make it: a count says how many, not which.",
        ),
    ),
    (
        checks::ES_DOCUMENTS,
        text(
            "Every document, by index, routing and id, was read on both sides and compared by its content, in both \
             directions; numbers are compared as they are written, also beyond 2^53. Findings name documents that \
             are missing, extra, changed, moved to another index, rerouted, or there in an older version.",
            "A timeout cut a copy and the error was passed over. A delta copied what is new and kept what had been \
             deleted (ghosts), or refused documents that were made again with a lower version. A tool that reads \
             numbers as JavaScript does rounded keys of process instances. Routing was dropped, so that joins no \
             longer find their parents.",
            "Look at the samples: they stand with both contents. Copy the indices named again, into an index made \
             anew, and compare again. Ghosts are removed only by comparing, never by copying again.",
        ),
    ),
    (
        checks::ES_MAPPINGS,
        text(
            "Fields, types, analysers and runtime fields of every index are the same. Documents can be equal and still \
             not be found: a keyword that became a text is searched differently, sorted never.",
            "The target made an index by itself when the first document arrived and guessed its types. A template of \
             another version was applied first. A restore left the mapping of dynamic fields behind.",
            "Make the index again with the source's mapping and copy it anew: types of existing fields cannot be \
             changed in place.",
        ),
    ),
    (
        checks::ES_SETTINGS,
        text(
            "Settings that decide what an index stores, answers and bears are the same: shards, analysis, limits, \
             codecs, sorting, lifecycle, blocks. What a store sets by itself (identities, creation dates, places) is \
             left out.",
            "The official scripts carry analysis and a few limits only. A result window that was raised for lists of \
             instances falls back to 10,000, and the application fails on its later pages. A read-only block from a \
             full disk stays on.",
            "Set what is dynamic with `PUT INDEX/_settings`; for the rest make the index again. Decide for replicas on \
             purpose and write the difference into a ledger with its reason.",
        ),
    ),
    (
        checks::ES_ALIASES,
        text(
            "Every alias points at the same indices with the same filter, routing, hidden and write flags. Applications \
             read and write through aliases: without them the data is there and nobody sees it.",
            "Aliases were made again by name and lost their filter or routing. An index was left out of its alias. Two \
             indices carry the write flag, or none, and the next write fails.",
            "Repeat the alias actions with all of their attributes (`POST _aliases` changes several at once), then \
             look at `elasticsearch/access`.",
        ),
    ),
    (
        checks::ES_TEMPLATES,
        text(
            "Index templates, component templates and legacy templates are the same. They decide what indices of \
             tomorrow look like; nothing is wrong today if they are missing.",
            "Templates were not copied because no document is in them. An application wrote its own at start, in \
             another version, with the same name.",
            "Copy the templates named in the finding before the applications start on the target, and look at \
             `elasticsearch/future-indices` for what it means.",
        ),
    ),
    (
        checks::ES_CLUSTER,
        text(
            "What belongs to the cluster and not to an index is there and defined alike: ingest pipelines, lifecycle and snapshot \
             policies, stored scripts, data streams, persistent settings, and users, roles and names of API keys where \
             the role may read them.",
            "Copies by index carry none of it. A managed service refuses some settings. A lifecycle policy is missing, \
             and old data is never removed until the disk is full. A snapshot policy is missing, and nobody notices \
             until a backup is needed.",
            "Create what is missing from the source's definition. Secrets are never carried: passwords and keys are \
             made anew on the target and given to those who use them.",
        ),
    ),
    (
        checks::ES_FUTURE,
        text(
            "What the target's templates would make of tomorrow's name of each family of dated indices is what the \
             source's would make. It is computed or simulated; no index is made.",
            "A template with a higher priority on the target, or a component template that is missing, changes the \
             next index and none that exists. It breaks days after the migration, when nobody thinks of it any more.",
            "Correct the template that the finding names, before midnight UTC if you can: the first index made by the \
             wrong one has to be made again.",
        ),
    ),
    (
        checks::ES_ACCESS,
        text(
            "What Operate, Tasklist and Optimize ask was asked on both sides through the aliases that they use: lists, \
             their next pages, joins, groupings and searches. The answers must be alike. Where they are not, the \
             finding names the cause: mapping, alias, routing, limit or document.",
            "Every document arrived, and a filter of an alias, a result window or a field that was mapped after its \
             documents hides some of them. Users see lists that end early.",
            "Mend the cause that is named, which usually stands in a check of its own, and ask again with `drydock \
             verify elasticsearch`.",
        ),
    ),
    (
        checks::ES_IMPORTS,
        text(
            "Importers write down up to which record they have read, for each partition. A position beyond the newest \
             record means that records were lost, or will be passed over; one that was set back means that they are \
             read twice. Work that was not finished when the source was frozen is told as well.",
            "The index with positions was copied earlier or later than the records. Records were exported while the \
             copy ran. An old exporter left records out and counted them, which is told as old dirt.",
            "Let the importers finish before the freeze and compare again. Never set a position by hand without \
             knowing which records lie between.",
        ),
    ),
];
