//! What the checks mean that ask whether people can go on in a real application after the cutover, and after a way back.

use super::{Explanation, text};
use crate::names::checks;

/// One explanation for each of them.
pub(super) const TEXTS: &[(&str, Explanation)] = &[
    (
        checks::GO_TASKS,
        text(
            "Every user task that was open before the freeze is completed on the target, by its key, and Tasklist shows it \
             as completed.",
            "The broker's data did not come along, or come from an earlier moment: then it does not know the task. Or it \
             completes the task, and Tasklist goes on showing it as open, because its importer believes to have read the record.",
            "Where the broker refuses, hold its volume against the one it had on the source. Where only the list is behind, \
             mend the import position that the finding names as the cause.",
        ),
    ),
    (
        checks::GO_JOBS,
        text(
            "Every job that was open before the freeze is given to a worker on the target and completed, and Operate shows \
             its flow node as completed.",
            "Partitions of the broker were lost or started empty: their jobs are given to nobody, and nobody misses them. \
             Or importers stand still, so that instances seem to be stuck.",
            "Look whether each partition has a leader and its data. A job that is done is not to be done twice because a \
             list does not say so.",
        ),
    ),
    (
        checks::GO_TIMERS,
        text(
            "Timers that were set before the freeze fire on the target: the broker's clock is moved on until they are due, a \
             job follows each of them, and Operate shows the timer as passed.",
            "A broker that starts without its data has no timers, and raises no error about them. What should have happened \
             at night does not happen.",
            "Look whether the broker's volume is the one of the source, whole. A timer that is lost is nowhere but in that \
             volume.",
        ),
    ),
    (
        checks::GO_MESSAGES,
        text(
            "A message that is published on the target reaches the instance that waited for it since before the freeze: a \
             job follows it, and Operate shows the event as passed.",
            "Subscriptions lie in one partition and the waiting instance in another. Where one of them is lost, or their \
             number was changed, messages are accepted and reach nobody.",
            "Let the broker keep its number of partitions and all of their data. Messages that reached nobody expire: their \
             senders must send them again.",
        ),
    ),
    (
        checks::GO_INCIDENTS,
        text(
            "Every incident about a job that was open before the freeze is resolved on the target, and Operate shows it as \
             resolved or no more.",
            "The incident that Operate lists is one that the broker does not know: index and broker come from different \
             moments. Or it is resolved, and the list does not learn of it.",
            "Cut the broker's data and the indices at one point: stop the application before the last copy, and start it on \
             the target with the data it stopped with.",
        ),
    ),
    (
        checks::GO_DEFINITIONS,
        text(
            "A changed definition is deployed on the target, gets the version after the one that the source had, an instance \
             of it is started, and Operate shows both.",
            "The broker began to count anew, or its deployments are gone, so that people start an old version. Or the index \
             of definitions takes no new documents: a mapping was guessed and refuses the first real one.",
            "Look at the broker's volume where the version is wrong, and at the mapping or block of the index that the \
             finding names where the version is not shown.",
        ),
    ),
    (
        checks::GO_VISIBLE,
        text(
            "Everything that Camunda acknowledged since the switch is shown as it was acknowledged, each by its key: what \
             people and workers went on doing, and what was brought to its end for the checks before this one.",
            "The importers' positions on the target are ahead of the records, so that they wait for what has passed long ago. \
             An index takes no writes. On the first day everything old is there and nothing new appears, while health \
             checks are green.",
            "Mend what the finding names as the cause. Records that were not imported are kept as the exporter wrote them: \
             with the positions set back they are read again.",
        ),
    ),
    (
        checks::APP_WAY_BACK,
        text(
            "After a way back Camunda on the source is asked for everything that it ever acknowledged, by key. What was shown at \
             the freeze must be shown again. Of what was acknowledged on the target is told how much is kept, lost, open \
             again, or shown as it was before.",
            "The broker keeps its data and has gone on, and the source's indices stand where they stood at the freeze. Its \
             exporter sends once more what came after its last snapshot, and nothing older. So tasks come back that somebody \
             completed, and instances run that nobody sees.",
            "Decide early whether to go back. Have done again what is lost, by `way-back-camunda.json` in the run folder; what \
             is open again and unknown to the broker can be completed by nobody. `budgets: {rpo: 15min, rpo_items: 500}` \
             says how much may be lost; what was shown at the freeze may not.",
        ),
    ),
];
