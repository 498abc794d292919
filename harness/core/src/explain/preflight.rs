//! What is asked before anything is moved. Whatever it finds is of class `environment`: it says nothing about data.

use super::{Explanation, text};
use crate::names::checks;

/// One explanation for each check before the migration.
pub(super) const TEXTS: &[(&str, Explanation)] = &[
    (
        checks::PRE_REACHABLE,
        text(
            "Every store answers at its address, shows a certificate that is trusted for that name, and accepts the login.",
            "A network policy lets the workstation through and not the pods. The authority of a managed service is not \
             the system's. A password holds a character that is not escaped in the address.",
            "Follow the error: name, port, authority (`--source-ca`, `--target-ca`) or login, in this order.",
        ),
    ),
    (
        checks::PRE_VERSIONS,
        text(
            "No target is older than its source, and `pg_dump` not older than the server that it reads.",
            "The managed service offers an older major version than the chart's. The image of a job brings an older \
             `pg_dump` than the server.",
            "Choose a newer target, or install the client programs of the newer of both versions.",
        ),
    ),
    (
        checks::PRE_EMPTY,
        text(
            "The targets hold nothing where the migration is going to write.",
            "An earlier attempt left indices or tables. An application was started on the target and set up its schema, \
             as Camunda's components do at their first start.",
            "Remove what is named after looking at it, or take a new target. Keep applications stopped until the switch.",
        ),
    ),
    (
        checks::PRE_BLOCKS,
        text(
            "Nothing forbids writes to the targets: no read-only block, no disk beyond its watermark, no server that only \
             reads.",
            "The address names a replica. The disk was full once, and the block was never lifted.",
            "Lift the block when its cause is gone; name the primary's address.",
        ),
    ),
    (
        checks::PRE_PRIVILEGES,
        text(
            "The roles may do on either side what the migration does: read everything, create databases, indices, roles \
             and templates.",
            "A managed service has no superuser. A role may read its own tables only, and a dump stops at the first \
             other one.",
            "Grant what the finding names, or use the administrator's role for the migration alone.",
        ),
    ),
    (
        checks::PRE_SPACE,
        text(
            "The targets have room for the source and what comes to it during the copy, below the watermarks of the disk. \
             Room that cannot be asked for, as of most PostgreSQL services, is told as not looked at.",
            "Volumes were sized by what the source holds, not by what merging segments need on top.",
            "Enlarge the volume: when it is full in the middle, the target becomes read-only and the outage begins anew.",
        ),
    ),
    (
        checks::PRE_SHARDS,
        text(
            "The target cluster may hold as many shards as it is going to get (`cluster.max_shards_per_node`).",
            "One target node stands in for three, and dated indices add a shard a day.",
            "Raise the limit on purpose, add nodes, or remove indices that retention should have removed.",
        ),
    ),
    (
        checks::PRE_EXTENSIONS,
        text(
            "Every extension that the source's databases use can be installed on the target.",
            "The managed service allows a list of extensions, and the one in use is not on it or must be switched on.",
            "Switch it on in the service's settings, or have its administrator create it before the restore.",
        ),
    ),
    (
        checks::PRE_WHITELIST,
        text(
            "The target cluster may read from the source: its host and port stand in `reindex.remote.whitelist`, and its \
             authority is trusted where it speaks TLS.",
            "The list names another service name or leaves the port out. Managed services often allow no such setting.",
            "Add `HOST:PORT` as the copy uses it to the target's configuration and restart its nodes, or use `mover: \
             stream`, which needs no such right.",
        ),
    ),
    (
        checks::PRE_DOCUMENT_SIZES,
        text(
            "In no index are documents on average bigger, as they are stored, than what carries them: the buffer of \
             `_reindex` from remote (100 MB), or the longest request that the target takes. Single documents are not \
             measured. Where the source takes bigger ones than can be carried, that is told.",
            "Variables hold whole files. One document that is bigger than the buffer stops the copy of its index.",
            "Use `mover: stream` with a larger `http.max_content_length` on the target, or `mover: snapshot`, which knows no \
             documents.",
        ),
    ),
    (
        checks::PRE_TIMEOUTS,
        text(
            "No step is predicted to take longer than `budgets.step` allows, nor the whole cutover longer than \
             `budgets.downtime`. By sizes, predictions are what the fastest machines need; before the freeze the first \
             dumps have been measured.",
            "The official limit of 30 minutes holds for any volume; above some millions of documents a copy takes longer.",
            "Copy while users work (`reindex: warm`), or set a longer limit.",
        ),
    ),
    (
        checks::PRE_DUMP,
        text(
            "The first dump of each database can be read again to its end, before anything is frozen.",
            "The volume for backups was full, and the file is cut short behind a whole table of contents.",
            "Make room and dump again. A dump that nobody has read is a hope.",
        ),
    ),
];
