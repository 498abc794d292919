//! What goes wrong on purpose, and where it goes wrong by itself. The match is exhaustive: a new fault needs its words.

use super::{Explanation, text};
use crate::scenario::FaultKind;

/// What a fault does, how the same happens in the wild, and what to do about it there.
pub(super) const fn of(fault: FaultKind) -> Explanation {
    use FaultKind as F;
    match fault {
        F::LoseDocument => text(
            "One document is deleted on the target.",
            "A batch was refused in part, and the copy went on.",
            "Copy the index named again and compare.",
        ),
        F::ChangeDocument => text(
            "One value in one document is changed on the target.",
            "A pipeline, a script or a tool that rounds numbers rewrote it on the way.",
            "Take the tool or pipeline off the way and copy the index anew.",
        ),
        F::RerouteDocument => text(
            "One document gets another routing value on the target.",
            "A copy passed the id on and not the routing, so that children no longer lie beside their parents.",
            "Copy with the routing kept; a document under a wrong routing has to be deleted there.",
        ),
        F::GhostDocument => text(
            "The target holds one document that the source does not.",
            "It was deleted on the source after a warm copy, and the delta carries no deletes.",
            "Use `delta: exact`, or delete what the finding names.",
        ),
        F::LoseIndex => text(
            "One index is deleted on the target.",
            "It was made between listing and copying, or its prefix was not asked for.",
            "Copy it, and look why it was left out.",
        ),
        F::LoseAlias => text(
            "One alias is taken off one index.",
            "Aliases were set by a list that somebody wrote by hand.",
            "Set it again with filter, routing and write flag.",
        ),
        F::LoseTemplate => text(
            "One index template is deleted.",
            "Templates hold no documents, and a copy by index passes them over.",
            "Create it from the source before midnight UTC, when the next dated index is made.",
        ),
        F::ChangeSetting => text(
            "One setting of one index is changed.",
            "Replicas or refresh were changed for the copy and not changed back.",
            "Set it to the source's value, or expect it in a ledger.",
        ),
        F::NarrowResultWindow => text(
            "One index answers with fewer documents at once than it did.",
            "`index.max_result_window` was raised on the source by hand and not carried.",
            "Set it on the target; users otherwise see an error on later pages.",
        ),
        F::AdvanceImportPosition => text(
            "One importer's position is set beyond the records that are there.",
            "Positions were copied later than records, while exporters ran.",
            "Freeze first, and copy both from one moment.",
        ),
        F::LoseRow => text(
            "One row is deleted on the target.",
            "A restore passed over an error, or somebody worked on the target early.",
            "Restore the database anew, with nobody connected.",
        ),
        F::ChangeRow => text(
            "One value in one row is changed on the target.",
            "A trigger, a default or a conversion of text changed it.",
            "Find out which side is right by the sample, then restore anew.",
        ),
        F::LoseSequence => text(
            "One sequence is set back to its start.",
            "Data was loaded without the statement that sets it.",
            "`setval` to the source's value before the application starts.",
        ),
        F::LoseTableIndex => text(
            "One secondary index of a table is dropped.",
            "It was dropped to load faster. Nothing fails; users wait.",
            "Create it from the source's definition.",
        ),
        F::LoseGrant => text(
            "One grant is revoked.",
            "`pg_restore --no-privileges`, as the official scripts call it.",
            "Grant it again, or carry grants (`grants: carry`).",
        ),
        F::ChangeLargeObject => text(
            "One large object is changed.",
            "Large objects were left out of a dump and loaded by another tool.",
            "Dump and restore them with the database.",
        ),
        F::LateWrite => text(
            "A writer that survived the freeze writes to the source.",
            "A job, a connector or a person outside of the release was not stopped.",
            "Find it by the finding's session or time, and freeze it as well.",
        ),
        F::LeaveIndex => text(
            "A trial leaves an index behind.",
            "A trial failed between making and removing it.",
            "Remove it; preflight refuses targets that are not empty.",
        ),
        F::LeaveDatabase => text(
            "A trial leaves a database behind.",
            "A session kept it from being dropped.",
            "End the session and drop it.",
        ),
        F::TouchSetting => text(
            "A trial changes a setting of the cluster and does not change it back.",
            "Recovery or allocation was tuned for the copy.",
            "Set it back to the value that the finding names.",
        ),
        F::DynamicMapping => text(
            "One index is made again without its mapping: types are guessed from the documents.",
            "A document arrived before the index or its template was there.",
            "Make the index with the source's mapping and copy it anew.",
        ),
        F::ResetSequences => text(
            "Every sequence of one database is set back to its start.",
            "A dump of data only, or logical replication, which does not carry sequences.",
            "Set all of them from the source before anybody inserts.",
        ),
        F::LoseExtension => text(
            "One extension is dropped, with what hangs on it.",
            "The role may not create it on a managed service, and the restore went on.",
            "Have it installed, then restore the database anew.",
        ),
        F::StaleLock => text(
            "The lock of a schema migration that never ended is left closed.",
            "A pod was killed while it migrated its schema; the next one waits for ever.",
            "Make sure that nobody migrates, then open the lock in `databasechangeloglock`.",
        ),
        F::RegenerateClientSecret => text(
            "The secret of one client is made anew on the target.",
            "An import masks secrets and makes others; an operator or a chart writes a Secret anew and nobody told the realm.",
            "Set the secret of the client in the realm to the one that the application has, or the other way round, and restart it.",
        ),
        F::RotateSigningKey => text(
            "The keys that a realm signs with are taken away on the target; a real Keycloak makes others when it starts.",
            "A realm was imported from an export, which holds no private keys, or keys were rotated for good measure.",
            "Carry the database rather than an export. Otherwise everybody logs in again, and what caches keys is restarted.",
        ),
        F::LoseUser => text(
            "One user is deleted on the target with credentials, roles and memberships.",
            "A partial export, or a limit of users a file that nobody noticed.",
            "Restore the rows of the user from the source; a user made anew has another identifier, and its tasks are nobody's.",
        ),
        F::LoseRoleMapping => text(
            "One user loses one role on the target.",
            "Roles were made anew by the chart, with other identifiers, and mappings to the old ones were left out.",
            "Give the user the role that the finding names.",
        ),
        F::ConnectionReset => text(
            "A connection is reset while documents are copied or a database is restored.",
            "Load balancers and network address translation forget connections.",
            "A run repeats what does no harm twice, and makes a restore anew. Nothing is to be done.",
        ),
        F::SlowAnswers => text(
            "Every answer comes late.",
            "A busy store, a long way, a proxy between two regions.",
            "The run bears it. Look at what it does to the downtime.",
        ),
        F::StuckAnswers => text(
            "A copy is made, and its answer never arrives.",
            "A firewall drops a connection that was silent for minutes.",
            "The run asks the target's tasks instead. By hand: look for the task before you copy again.",
        ),
        F::TooManyRequests => text(
            "Requests are refused with 429.",
            "The queue for writes is full, or a managed service limits its users.",
            "The run waits and repeats. If it lasts, lower `reindex_parallelism`.",
        ),
        F::Unavailable => text(
            "Requests are refused with 503.",
            "A node restarts, a master is elected, a proxy has no backend for a moment.",
            "The run waits and repeats.",
        ),
        F::GatewayTimeout => text(
            "A gateway answers 504 while the copy goes on behind it.",
            "An ingress waits 60 seconds for an answer; a big index takes longer.",
            "The run follows the task on the target. Never start the same copy beside it.",
        ),
        F::ShortTimeout => text(
            "A timeout shorter than the copy cuts the connection while the copy goes on.",
            "The client's own default, which nobody had set.",
            "As for gateway-timeout.",
        ),
        F::WrongCredentials => text(
            "From one request on, the password is no longer the right one.",
            "A password is rotated in the middle, a token expires.",
            "Put the new one in place and resume the run.",
        ),
        F::MappingRefused => text(
            "An index with its mapping is refused.",
            "The target lacks a plugin or knows a type no longer.",
            "Correct mapping or target and run again. It is the migration that fails: exit code 1.",
        ),
        F::ScrollExpires => text(
            "The source forgets the search that a copy reads.",
            "The target was slower than the time that the search is kept.",
            "The run begins the index anew. If it recurs, use smaller batches.",
        ),
        F::SourceKilled => text(
            "The source store that a step reads is killed.",
            "Out of memory under the load of the copy; a node is drained.",
            "Start it, then `drydock rehearse --resume RUN`.",
        ),
        F::TargetKilled => text(
            "The target store that a step writes is killed.",
            "Limits of memory that are too small for bulk writes.",
            "Start it and resume. What it had acknowledged and forgotten is copied anew.",
        ),
        F::SourcePaused => text(
            "The source store that a step reads stands still for four seconds, and then goes on.",
            "Garbage is collected for long, the machine is moved to another host, a disk stalls, a snapshot freezes it.",
            "Nothing: the run waits. Where it recurs, look at memory and disk of the source before the cutover.",
        ),
        F::TargetPaused => text(
            "The target store that a step writes stands still for four seconds, and then goes on.",
            "A managed service fails over or resizes, a node is throttled, a disk has used its burst credit.",
            "Nothing: the run waits. Give the target room, and keep time limits longer than a failover takes.",
        ),
        F::NetworkCut => text(
            "Nobody reaches the target for two seconds: what is under way is lost, and new connections are cut off.",
            "A network policy is rolled out, a firewall fails over, a node of the cluster network restarts.",
            "Nothing for seconds: the run asks again, counts what arrived and copies anew what did not. If it lasts, it stops; \
             mend the way and `drydock rehearse --resume RUN`.",
        ),
        F::ClientKilled => text(
            "The running `pg_dump` or `pg_restore` is killed.",
            "The deadline of a job, an evicted pod.",
            "Resume: the dump or restore is made anew.",
        ),
        F::DrydockKilled => text(
            "This program is killed.",
            "A laptop is closed, a runner is taken away.",
            "`drydock rehearse --resume RUN` goes on, `drydock clean` removes what is left.",
        ),
        F::DiskFull => text(
            "The disk of the target cluster passes its flood stage.",
            "Segments are merged while they are written, and need room twice.",
            "Make room, lift the block and resume.",
        ),
        F::ReadOnly => text(
            "The target cluster is made read-only.",
            "Maintenance by its administrator, or a flood stage that has passed.",
            "Lift the block and resume.",
        ),
        F::ShardLimit => text(
            "The target cluster may hold no more shards.",
            "Dated indices add up, and a small target has few nodes.",
            "Raise `cluster.max_shards_per_node` on purpose, or add a node; then resume.",
        ),
        F::CopyRefused => text(
            "The rows of one table are refused. `pg_restore` goes on and ends with exit code 1, which the official scripts pass over; \
             Drydock's restore fails.",
            "A constraint, a type or a disk that was full for a moment.",
            "Read the log of the restore for the table, mend the cause, and resume: the database is made anew.",
        ),
        F::SecretChanged => text(
            "The password of an application's role is changed between two phases.",
            "A rotation by schedule, or a chart that makes Secrets anew.",
            "Put the password in place that the store knows, and resume.",
        ),
        F::SecondRestore => text(
            "A second restore of the same dump runs beside the first.",
            "A job was started again because the first seemed to hang.",
            "End one of them, empty the database and resume.",
        ),
        F::TargetSession => text(
            "An application is alive on the target while its database is restored, and writes.",
            "An operator or an autoscaler started it before the switch.",
            "Stop it, empty the database and resume.",
        ),
        F::PassingSession => text(
            "A session writes to the frozen source and leaves again.",
            "A job by schedule that runs for seconds.",
            "The finding names role, address and time: suspend the job for the cutover.",
        ),
        F::PassingIndex => text(
            "An index is made, written and deleted on the frozen source.",
            "A tool that makes temporary indices still reaches the source.",
            "Take its access away at the freeze.",
        ),
        F::UnrefreshedIndex => text(
            "An index of the source is made just before the freeze and never refreshed.",
            "A day ends during the cutover, or `refresh_interval` is -1.",
            "The run refreshes what it reads. By hand: refresh before you count.",
        ),
        F::RecreatedDocuments => text(
            "Documents of the source are deleted and made again around the warm copy.",
            "Archiving and retries; versions begin at 1 again, and an external version refuses the newer state.",
            "Use `delta: exact`, which goes by sequence numbers.",
        ),
        F::ClockSkew => text(
            "The application's clock jumps by more than a day, ahead or back as the seed has it, and stays there: what users write \
             is dated by it until the end of the run.",
            "A node without time service, or one that was corrected by it; a machine that woke up.",
            "Nothing that is found may depend on dates in the data. By hand: do not select what to copy by time.",
        ),
        F::PodKilled => text(
            "In a cluster: the pod of the store that a step works on is killed and removed at once: of the target while it is written, of the \
             source's PostgreSQL while it is dumped. Its controller makes another one on the same volume.",
            "A node fails or is drained in haste, memory runs out, somebody deletes the pod that seems to hang.",
            "Wait until the new pod is ready, then `drydock rehearse --resume RUN`. What the old one had acknowledged and not yet \
             written is copied anew.",
        ),
        F::ApplicationPodKilled => text(
            "In a cluster: a pod of the application is removed at once while users work and the first dumps are made.",
            "An autoscaler takes a node away, or a pod is evicted for want of memory.",
            "Nothing: its controller makes another one, and nothing of the migration hangs on it.",
        ),
        F::NodeCordoned => text(
            "In a cluster: no node takes pods any more, just before the application is started on the target. The node is opened \
             again when the step has ended.",
            "A node is cordoned for maintenance, quotas are used up, no node has the memory that both sides need at once.",
            "Open the node or add one, then `drydock rehearse --resume RUN`: the application is started where it was to be.",
        ),
        F::VolumeFull => text(
            "In a cluster: the volume of the target's PostgreSQL has next to no room beside what it holds, when a database is restored. It \
             is given its room back when the step has ended.",
            "A claim asks for what the source's data take, and a restore needs more: indices are built, the log of changes grows.",
            "Give the claim more room, then `drydock rehearse --resume RUN`: the database is restored anew.",
        ),
        F::ApiServerAway => text(
            "In a cluster: the API server answers nobody for twenty seconds, and then goes on. Controllers lose their leadership by it.",
            "A control plane is upgraded or moved, a certificate is renewed, etcd elects a leader.",
            "Nothing: the run asks again, and the outage grows by that time. If it lasts for more than a minute and a half the run \
             stops, and can be resumed.",
        ),
        F::ScaledBackUp => text(
            "In a cluster: a workload of the application is scaled back to its replicas while the source is frozen.",
            "An autoscaler with a minimum, a GitOps controller that mends what differs from its repository, a colleague.",
            "Suspend autoscalers and reconciliation for the cutover, and rehearse again: what the pod wrote may be on the source only.",
        ),
        F::ServiceAstray => text(
            "In a cluster: the Service of the target's Elasticsearch chooses pods that there are not, when the application is \
             started. Pods stay ready, and every other way to the store works.",
            "Labels of the pods were changed and the Service's selector was not, or the other way round.",
            "Compare the selector with the labels, and look that the Service has endpoints.",
        ),
        F::JobUnschedulable => text(
            "In a cluster, with the official scripts: every node is closed to new pods when the second phase makes its first Jobs. It takes \
             pods again after the step.",
            "A node pool is full or drained, a quota is used up, or what the Jobs ask for fits no node.",
            "The phase ends with its own limit or the scenario's `deadline`, and the run with exit code 5, naming the pods and what \
             they waited for. Make room, then `drydock rehearse --resume RUN`.",
        ),
        F::OperatorStuck => text(
            "In a cluster, where operators keep the target: its Elasticsearch is asked for a node more, when the application is \
             started, and no node of the cluster takes it. The node that is there goes on, and answers.",
            "The target was asked for more than the cluster has room for, or for nodes with a label that none carries.",
            "Read the status of the resource and the events of the pod that is pending, and mend what the resource asks for.",
        ),
    }
}
