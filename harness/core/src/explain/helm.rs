//! What the checks of values files, objects and brokers mean.

use super::{Explanation, text};
use crate::names::checks;

/// One explanation for each of them.
pub(super) const TEXTS: &[(&str, Explanation)] = &[
    (
        checks::HELM_YAML,
        text(
            "Nothing in the values files is read as something else than what stands there, or lost within the file.",
            "A key stands twice and the last one wins. `yes` is a boolean, a version 8.10 is the number 8.1. A merge key \
             hides what it is merged with.",
            "Quote texts, and remove one of two equal keys, at the line and column named.",
        ),
    ),
    (
        checks::HELM_KEYS,
        text(
            "Every key of the old values has its place in the new ones, with the same meaning. Charts do not forbid unknown \
             keys: one that stays in its old place is not read, and nobody is told.",
            "Keys moved between major versions of the chart, and only those that break the start were noticed.",
            "Let `drydock verify values --write PATH` move the keys, then read what it says cannot be moved by rule.",
        ),
    ),
    (
        checks::HELM_DEFAULTS,
        text(
            "Defaults that changed between the charts and that the values leave to the chart are told, one by one.",
            "Somebody relied on a default: the number of replicas, a retention time, a size of a volume, a port.",
            "Write those that matter into the values, so that the next chart cannot change them.",
        ),
    ),
    (
        checks::HELM_CONSTRAINTS,
        text(
            "Combinations that the chart refuses or misreads are told before it is used.",
            "Each key is right for itself, and two of them contradict each other: an external database beside an embedded \
             one, a login of its own beside an issuer.",
            "Keep one of the two, as the finding says.",
        ),
    ),
    (
        checks::HELM_BITNAMI,
        text(
            "What in the values still points at a Bitnami chart, image, path or host is told; with `--bitnami leaves` each \
             is a difference.",
            "A subchart was switched off, and an address in some application's settings still names its service.",
            "Point the key at the new store, or remove it.",
        ),
    ),
    (
        checks::HELM_RENDERED,
        text(
            "What `helm template` makes of both sides was compared as objects. It is the last word on what the values mean.",
            "A value is right by every rule, and a template of the chart uses it otherwise.",
            "Read the object and field named. Give both charts as folders or archives, so that they can be rendered.",
        ),
    ),
    (
        checks::OBJECTS,
        text(
            "Every object before is there after, and says the same, by meaning rather than by text.",
            "A patch that was made by hand in the cluster is not in the values and goes with the next upgrade.",
            "Carry the field over into the values, or write the difference into a ledger with its reason.",
        ),
    ),
    (
        checks::OBJECTS_IMMUTABLE,
        text(
            "No field changes that Kubernetes refuses to change: selectors, claims of a StatefulSet, the address of a \
             Service.",
            "The chart renamed labels. `helm upgrade` then stops in the middle, with one half upgraded.",
            "Delete and create the object on purpose, keeping its pods or volumes, before the upgrade; rehearse it.",
        ),
    ),
    (
        checks::OBJECTS_REACH,
        text(
            "Services select pods that exist, on ports that these open, and ingresses lead to services that exist.",
            "A port or label was renamed on one side only. An ingress of its own still names a service of the old chart.",
            "Correct selector, port or host as the finding says; a service that selects nothing answers nobody.",
        ),
    ),
    (
        checks::OBJECTS_STORAGE,
        text(
            "Claims, volumes and what is bound to what stay: no workload starts on a new, empty volume.",
            "A StatefulSet or its claim template got another name, and new claims are made beside the old ones.",
            "Keep the name by an override, or bind the old volume to the new claim before the first start.",
        ),
    ),
    (
        checks::OBJECTS_SECRETS,
        text(
            "Secrets and everything that reads them: each key that is read exists, and values are compared by digests. No \
             value is ever written down. With `--login` it is asked whether a Secret still opens its door.",
            "A chart makes a password anew when it finds no Secret of that name, and the database keeps the old one.",
            "Create the Secret with the value that the store knows, under the name that the finding gives.",
        ),
    ),
    (
        checks::OBJECTS_CLUSTER,
        text(
            "What the namespace depends on outside of it is there: storage classes, ingress classes, priority classes, \
             custom resources.",
            "Staging has a class that production lacks, or a default that is another one.",
            "Create what is missing, or name one that exists.",
        ),
    ),
    (
        checks::OBJECTS_CONTROLLERS,
        text(
            "Every pod belongs to a controller that starts it again, and every controller has the pods that it asks for.",
            "A pod that was started by hand serves since then. A controller cannot start pods because a quota, a webhook or \
             an image is in the way.",
            "Read the events of the controller named.",
        ),
    ),
    (
        checks::OBJECTS_BITNAMI,
        text(
            "What in the namespace still is, or points at, a Bitnami part is told.",
            "A subchart was switched off and its StatefulSet stayed, or an environment variable still names its service.",
            "Remove it after the soak time, and only when nothing points at it.",
        ),
    ),
    (
        checks::REPRESENTATIVE,
        text(
            "What a green rehearsal on staging does not prove about production: sizes, replicas, versions, classes, limits \
             and features that differ.",
            "Staging has one broker and production three; staging has no backup schedule, no second role, no mirror.",
            "Make staging alike in what is named, or write down that it was not rehearsed.",
        ),
    ),
    (
        checks::TOPOLOGY,
        text(
            "Each partition has one leader, every broker knows the same cluster, and all replicas are there.",
            "After a restart two halves of a cluster each elect leaders. A broker runs with another cluster size.",
            "Ask every broker by its own address. Do not let clients in while two leaders answer for one partition.",
        ),
    ),
    (
        checks::MIGRATION_DATA,
        text(
            "The data migration of 8.8 has ended: its jobs completed, importers finished on every partition, counts agree, \
             and the indices of 8.8 are there.",
            "The importers of 8.7 were switched off before they had read everything. A job was restarted, and its metric \
             counts from zero.",
            "Leave the importers on until every partition says that it is done. The finding names those that are not.",
        ),
    ),
];
