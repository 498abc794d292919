//! What the checks of a migration as a whole, of trials, of ways back and of preflight mean.

use super::{Explanation, text};
use crate::names::checks;

/// One explanation for each of them.
pub(super) const TEXTS: &[(&str, Explanation)] = &[
    (
        checks::FREEZE,
        text(
            "After the declared freeze no index, table or sequence of the source moved, and no session was open on it. \
             Whoever wrote in between and left again is named with role, address and time. A copy of something that \
             moves is a copy of no moment at all.",
            "A pod outside of the release writes: a reporting job, a connector, a backup, an operator who scaled \
             something up. A scale to zero was asked for and not waited for.",
            "Find the writer by the address and role in the finding, stop it before the next rehearsal, and add it to \
             what the freeze stops. What it wrote may be on one side only.",
        ),
    ),
    (
        checks::TARGETS,
        text(
            "Each application's role logs in on the target, reads its tables and may insert into them. A copy of one row is \
             inserted into each table that has one, and taken back; one that a key or another rule of the data refuses \
             counts as let in. No index is red or blocked, and no lock of a schema migration is left closed. Whether \
             sequences lie ahead of their tables is asked by `postgres/sequences`.",
            "The password in the Secret is not the one of the database. The disk passed its flood stage during the copy \
             and indices became read-only. A migration of the schema was killed and its lock stays closed for ever.",
            "Mend what is named before the service is opened: it is the difference between data that arrived and an \
             application that starts.",
        ),
    ),
    (
        checks::ACKNOWLEDGED,
        text(
            "Every write that a client was told is stored, before the freeze, is on the target. The list is kept outside \
             of both stores, so that a loss on the source is noticed as well.",
            "A store answered before it had written to disk (`translog.durability: async`) and was killed. A write \
             reached an index made after the copy had listed them.",
            "Each lost write is listed in the report with its store and item. Compare with the source while it exists; \
             after the clean-up nobody can.",
        ),
    ),
    (
        checks::DOWNTIME,
        text(
            "Probes from outside, the clock of the phases and the gap between acknowledged writes measured one and the \
             same outage, and they agree. Where they do not, the shortest of them must not be told to anybody.",
            "The service was opened and did not answer yet. Somebody wrote past the closed service. A probe asked \
             something that a cache answered.",
            "Look at the timeline in `report.html`: it shows phases, service and probes on one axis. With a budget, exit \
             code 4 says that it was missed.",
        ),
    ),
    (
        checks::HARMLESS_SOURCE,
        text(
            "A trial or a dry run left the source as it was: every index, definition, database, table, role and setting \
             was described before and after.",
            "A trial took a setting back to its default rather than to its value, or left a snapshot repository \
             registered.",
            "Undo what the finding names by hand. Until then a dry run on production is no dry run.",
        ),
    ),
    (
        checks::HARMLESS_TARGET,
        text(
            "A trial or a dry run left the target as it was.",
            "A trial index or database was not removed, because its step failed after making it; or a setting was \
             changed for speed and not changed back.",
            "Remove what the finding names before the migration: preflight refuses targets that are not empty.",
        ),
    ),
    (
        checks::HARMLESS_SERVICE,
        text(
            "No user noticed the trial or dry run: every probe was served throughout.",
            "The load of a trial copy on a small source makes requests time out.",
            "Run the trial with less parallelism (`migration.reindex_parallelism`) or at another hour.",
        ),
    ),
    (
        checks::SAME_DATA,
        text(
            "After an upgrade of the chart alone, the stores hold what they held before: the new images found the \
             volumes they had.",
            "A StatefulSet was renamed and got new, empty volumes, while the old ones are still there. An image writes \
             to another path within the volume.",
            "Go back before users write. Then compare claims and mounts with `drydock verify objects`.",
        ),
    ),
    (
        checks::RB_RESTORED,
        text(
            "After going back, the source holds what it held when it was frozen. It is described at the freeze and again \
             before users return.",
            "The source's volumes were cleaned up too early, something wrote to it while users were on the target, or \
             stores were restarted on other volumes.",
            "Do not let users in. Restore from the dumps and snapshots of the freeze; exit code 6 means exactly this.",
        ),
    ),
    (
        checks::RB_WRITES,
        text(
            "Every acknowledged write is accounted for after going back: kept, lost, or there twice. The official way \
             back carries no data, so what users wrote on the target after the switch is lost.",
            "Going back late: each minute on the target adds writes that exist nowhere else. A client repeats requests \
             it was not sure about, and they are there twice.",
            "Decide how much may be lost with `budgets: {rpo: 15min, rpo_items: 500}`, or go back earlier. The report \
             names each lost write, so that they can be entered again.",
        ),
    ),
    (
        checks::RB_ACCESS,
        text(
            "After going back, applications log in to the source and may write there.",
            "The values that were saved do not hold a Secret which was replaced meanwhile. Roles were locked so that \
             nothing could write to the frozen source, and nobody unlocked them.",
            "Restore Secrets and roles as they were at the freeze; then restart the applications.",
        ),
    ),
    (
        checks::RB_SERVICE,
        text(
            "How long users waited for the way back, by probes and by clock, which must agree. It is the RTO, from the \
             decision until users work on the source again.",
            "Stores that were stopped need minutes to start. Images of the old version are no longer at hand.",
            "Keep the source running until the soak time has passed; hold the time with `budgets: {rto: 10min}`.",
        ),
    ),
    (
        checks::RB_ARTEFACTS,
        text(
            "What a way back needs was looked at before it is needed: the saved description of the source and each dump by \
             their hash, dumps of the official scripts also by restoring them into a database of their own, and the \
             source's volumes. After the clean-up there are no dumps any more, and none is looked at.",
            "A dump is cut short behind a table of contents that is whole. Somebody removed the volumes of the source \
             because the target was up.",
            "Make the artefact named again while users still work on the source. A way back that cannot work is refused.",
        ),
    ),
    (
        checks::CLEANUP_GUARD,
        text(
            "Nothing forbids removing the source: nobody is connected to it, counts agree, no finding objects, and the \
             soak time has passed.",
            "Somebody reads reports from the old store. The clean-up was run the same evening, and with it the only way \
             back was deleted.",
            "Wait, or remove what is named. `migration.soak: 48h` in the scenario says how long users must have worked \
             on the target first.",
        ),
    ),
];
