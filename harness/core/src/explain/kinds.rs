//! What findings and exit codes mean. Both matches are exhaustive.

use super::{Explanation, text};
use crate::exit::ExitCode;
use crate::finding::Kind;

/// What a kind of finding means.
pub(super) const fn of_kind(kind: Kind) -> Explanation {
    use Kind as K;
    match kind {
        K::Missing => text(
            "On the source, and not on the target.",
            "It was not copied, was refused, or was removed afterwards.",
            "Copy it again and compare; the samples name the items.",
        ),
        K::Extra => text(
            "On the target, and not on the source.",
            "It was deleted on the source after a first copy, or an application made it on the target.",
            "Find out who made it, then remove it there.",
        ),
        K::Changed => text(
            "On both sides, and not alike.",
            "Something rewrote it on the way, or one side was written to after the copy.",
            "The samples show both; decide which is right before anything is overwritten.",
        ),
        K::Moved => text(
            "The same document lies in another index.",
            "It was archived into a dated index between two copies.",
            "Carry the delta with `delta: exact`, or delete it where it does not belong.",
        ),
        K::Rerouted => text(
            "The same document has another routing value.",
            "A tool that knows ids only.",
            "Delete it under the wrong routing and copy it with the right one.",
        ),
        K::Stale => text(
            "The same document in another version: an older one, one that was made again, or a newer one.",
            "A copy with external versions refused a state whose version was lower.",
            "Copy the index anew, or carry it with `delta: exact`.",
        ),
        K::NotCompared => text(
            "It is there, and could not be read or compared. It is never counted as equal.",
            "A role may not read it, a store does not know the request, an index is closed.",
            "Do what the finding says next and compare again; exit code 3 stays until then.",
        ),
        K::NotAsked => text(
            "It is there, and outside of what was asked for.",
            "Another prefix, another database, a component that is left out.",
            "Ask for it if it is yours. It neither objects nor counts as compared.",
        ),
        K::LateWrite => text(
            "Written on the source after the declared freeze.",
            "A writer that nobody had on the list.",
            "Stop it, and repeat the copy of what it wrote.",
        ),
        K::LostWrite => text(
            "Acknowledged to a client, and not on the target.",
            "It was written between copy and freeze, or a store forgot it.",
            "Take it over by hand from the source or from the list in the report.",
        ),
        K::StillActive => text(
            "A session or a task that should have ended.",
            "A connection pool that reconnects, a copy that goes on behind its timeout.",
            "End it by what the finding names it by, then look at what it did meanwhile.",
        ),
        K::Unusable => text(
            "A store or a client does not answer as it should.",
            "A lock, a block, a right or a login that is missing.",
            "Mend what is named before users are let in.",
        ),
        K::OldDirt => text(
            "Wrong already before the migration began. It does not turn a run red.",
            "Constraints that were never validated, documents whose values were ignored, positions of old exporters.",
            "Nothing for the migration. Clean it up on the source at another time, if it matters.",
        ),
        K::Disagreement => text(
            "Two measurements of one thing disagree, so that neither may be relied on.",
            "Somebody got past the closed service, or the service was open and did not serve.",
            "Look at the timeline in the report before a figure is handed on.",
        ),
        K::OverBudget => text(
            "A limit of the scenario was missed: downtime, step, RTO or RPO.",
            "More data than last time, a slower target, a way back that was taken late.",
            "The finding names the step that took the time. Choose another way, or another limit.",
        ),
        K::LedgerUnused => text(
            "A line of a ledger matched nothing, or has expired.",
            "What it excused was mended, or is called otherwise now.",
            "Remove the line, or renew it with its reason.",
        ),
        K::Environment => text(
            "The surroundings of the rehearsal failed. It says nothing about the migration.",
            "A port, a disk, a process, a network, a tool.",
            "Do what the finding says next, then `drydock rehearse --resume RUN`.",
        ),
    }
}

/// What an exit code means.
pub(super) const fn of_exit(exit: ExitCode) -> Explanation {
    use ExitCode as E;
    match exit {
        E::Equal => text(
            "Everything that was asked for was compared, and is equal or differs as a ledger expects.",
            "The usual end of a good migration.",
            "Read what was not asked for, at the end of the screen, before you rely on it.",
        ),
        E::Different => text(
            "Data or access differs, and that is proven: something is missing, changed or too much.",
            "See `drydock explain CHECK` for the check that is red.",
            "Do not switch. Mend what the findings name, and rehearse again.",
        ),
        E::Usage => text(
            "The command line or an input file is wrong. Nothing was done.",
            "A misspelt key or name, a file that is not there.",
            "The message says where, and what was probably meant.",
        ),
        E::NotProven => text(
            "Something that was asked for could not be compared, and nothing is said of it. Never take it for green.",
            "A role may not read everything; a store went away; a run was killed after the switch.",
            "Make the comparison possible, as the findings say, and make it again.",
        ),
        E::BudgetMissed => text(
            "Data and access are right, and a budget was missed.",
            "Growth, or a slower machine.",
            "Look at the step that took longest; `drydock estimate` says what another way would take.",
        ),
        E::CouldNotRun => text(
            "The rehearsal could not run. There is no verdict on the migration.",
            "Tools, space, ports, processes, a target that preflight refuses.",
            "`drydock doctor` says all that is missing at once. A pipeline may repeat the job.",
        ),
        E::RollbackFailed => text(
            "The way back did not restore the state before the cutover.",
            "The source was written to, cleaned up or started on other volumes.",
            "Keep users out, and restore from the artefacts of the freeze.",
        ),
        E::Interrupted => text(
            "Interrupted before the end. The record says how far it came.",
            "Ctrl-C, or a pipeline's time limit.",
            "`drydock rehearse --resume RUN`, or `drydock clean`.",
        ),
    }
}
