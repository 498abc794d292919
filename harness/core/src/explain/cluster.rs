//! What the checks of a cluster mean: the application's pods, and what they live on.

use super::{Explanation, text};
use crate::names::checks;

/// One explanation for each of them.
pub(super) const TEXTS: &[(&str, Explanation)] = &[
    (
        checks::CL_STOPPED,
        text(
            "After the freeze no pod of the application is left, not even one that is ending: whoever ends still writes. Until it is \
             started on purpose none comes back and no workload is touched, not even for a moment between two looks.",
            "A scale to zero was asked for and not waited for. A pod ignores its signal until its grace is over. A \
             controller or an autoscaler scales up again.",
            "Find out who keeps the pod, stop that first, and rehearse again: what it wrote after the freeze may be on one \
             side only.",
        ),
    ),
    (
        checks::CL_REPLICAS,
        text(
            "Each part of the application has as many replicas as it had before it was stopped.",
            "The counts were saved a second time, when they were zero already. An upgrade of the chart brought back its own \
             counts, not those that somebody had set by hand.",
            "Scale the named part to the number that it had.",
        ),
    ),
    (
        checks::CL_PODS,
        text(
            "Every pod of the application is ready, runs the images and the configuration that its workload asks for now, and is \
             configured for the side that users are on.",
            "A rollout waits for a node, or was paused. A pod was started before the upgrade and survived it. A value that \
             names a host was forgotten.",
            "Remove the named pod so that its controller makes it anew, or mend the value and upgrade again, before users \
             write.",
        ),
    ),
    (
        checks::CL_ANSWERS,
        text(
            "Each store that the application is configured with answers, asked from inside the cluster through the Service by whose \
             name pods know it. That pods are ready says nothing about it.",
            "A Service chooses pods by a label that they do not have, or none is left behind it. A network policy lets nobody \
             through. The store accepts connections and stands still.",
            "Look at the Service's endpoints and at the policies of its namespace, mend them, and restart what could not connect.",
        ),
    ),
    (
        checks::CL_OPERATORS,
        text(
            "The operators that keep the target's stores (CloudNativePG, ECK, the Keycloak operator) take up a small change, and say that \
             what they keep is in order and as its resource asks for. They are waited for a minute. That a store answers and holds \
             everything says nothing about it.",
            "No node has room for a pod that the resource asks for, a volume cannot be widened, or a version is not to be had. \
             The operator is away, or was told to leave the store alone: what it said last stays, and the next change will not happen.",
            "Read the status and the events of the named resource, and look whether the operator runs, before users write: one that is \
             stuck neither replaces a node nor renews a certificate.",
        ),
    ),
    (
        checks::CL_CLAIMS,
        text(
            "Every claim is bound to the volume that it was bound to before.",
            "A StatefulSet was renamed or made anew, and its pods started on new, empty volumes, while the old ones are still there.",
            "Go back before users write, and compare claims and mounts with `drydock verify objects`.",
        ),
    ),
    (
        checks::CL_SECRETS,
        text(
            "Every Secret that was there before is there with the same keys and values. Values are compared by digests.",
            "An upgrade that leaves a subchart out removes the Secret with its generated passwords; one that brings it back makes \
             new passwords, which the old data do not know.",
            "Bring the Secret back from the release's history (`helm rollback`) before anybody needs its passwords.",
        ),
    ),
];
