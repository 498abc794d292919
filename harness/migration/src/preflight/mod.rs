//! Everything that can be seen before anything is moved: whether the stores are reached, fit, empty, writable and big
//! enough. Reads only, but for one `_reindex` of no document, which writes nothing. What is refused here has cost nobody
//! anything: users work on, and neither side was changed.

mod cluster;
mod dumps;
mod judge_cluster;
mod judge_server;
mod reach;
mod server;
mod tell;
mod timeouts;

pub use dumps::judge as judge_dump;
pub(crate) use tell::refuses;
pub use timeouts::{TimeLimits, judge as judge_times};

use crate::context::{Facts, MigrationContext};
use crate::elasticsearch::{RemoteRead, remote_read};
use crate::error::MigrationError;
use cluster::Clusters;
use drydock_core::Component;
use drydock_core::finding::Finding;
use drydock_core::names::checks;
use drydock_stores::compare::CheckResult;
use serde_json::json;
use server::Servers;
use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;
use tell::{Check, refuse};

/// A client program that does not even tell its version within this time is not to be relied on.
const PATIENCE: Duration = Duration::from_secs(30);

/// What preflight cannot ask the stores.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known {
    /// Limits that steps have to keep.
    pub limits: TimeLimits,
    /// Bytes that the target PostgreSQL has left, where the environment can tell.
    pub postgres_free: Option<u64>,
}

/// What preflight found.
#[derive(Debug)]
pub struct Preflight {
    /// One result a check.
    pub checks: Vec<CheckResult>,
    /// Sizes and versions.
    pub facts: Facts,
}

impl Preflight {
    /// What keeps the migration from being begun, as found.
    pub fn refusals(&self) -> Vec<&Finding> {
        self.checks.iter().flat_map(|c| &c.findings).filter(|f| refuses(f)).collect()
    }
}

/// Looks at both sides. Where a store cannot be reached, only that is told: nothing else could be looked at.
pub async fn preflight(cx: &MigrationContext, known: &Known) -> Preflight {
    let databases: Vec<&str> = cx.spec.components().into_iter().filter_map(Component::database).collect();
    let indices = cx.spec.components().contains(&Component::Elasticsearch);
    let reached = reach::all(cx, !databases.is_empty(), indices).await;
    let unreached = reached.findings.iter().any(refuses);
    let mut checks = vec![reached];
    if unreached {
        return Preflight { checks, facts: Facts::new() };
    }
    if indices && let Some(poor) = poor_logins(cx).await {
        checks.push(poor);
        return Preflight { checks, facts: Facts::new() };
    }
    let mut facts = Facts::new();
    let looked = async {
        let servers = match databases.is_empty() {
            true => None,
            false => Some(server::look(cx, &databases).await?),
        };
        let clusters = if indices { Some(cluster::look(cx).await?) } else { None };
        Ok::<_, MigrationError>((servers, clusters))
    };
    match looked.await {
        Ok((servers, clusters)) => {
            gather(&mut facts, servers.as_ref(), clusters.as_ref());
            judge(cx, known, servers.as_ref(), clusters.as_ref(), &mut checks).await;
        }
        Err(error) => {
            let (what, mend) = error.parts();
            checks[0].findings.push(refuse(checks::PRE_REACHABLE, "stores", what, mend));
        }
    }
    Preflight { checks, facts }
}

/// Logins that lack a right: most of the other checks would only stumble over it.
async fn poor_logins(cx: &MigrationContext) -> Option<CheckResult> {
    let [source, target] = cluster::lacking_rights(cx).await.ok()?;
    let mut check = Check::begin(checks::PRE_PRIVILEGES);
    check.judged(2, judge_cluster::rights([&source, &target]));
    (!check.findings.is_empty()).then(|| check.end())
}

async fn judge(
    cx: &MigrationContext,
    known: &Known,
    servers: Option<&Servers>,
    clusters: Option<&Clusters>,
    done: &mut Vec<CheckResult>,
) {
    type OfServers = fn(&Servers) -> Vec<Finding>;
    type OfClusters = fn(&Clusters) -> Vec<Finding>;
    let mut versions = Check::begin(checks::PRE_VERSIONS);
    if let Some(servers) = servers {
        let client = client_major(cx).await;
        versions.note(format!(
            "PostgreSQL {} to {}{}",
            servers.source.version / 10_000,
            servers.target.version / 10_000,
            client.map_or_else(String::new, |v| format!(", pg_dump {v}"))
        ));
        if client.is_none() {
            let findings = vec![tell::tell(
                checks::PRE_VERSIONS,
                "pg_dump",
                "pg_dump does not tell its version, so it was not compared with the source's",
                "install PostgreSQL's client programs, or point to them with --postgres-home",
            )];
            versions.judged(0, findings);
        }
        versions.judged(2 + u64::from(client.is_some()), judge_server::versions(servers, client));
    }
    if let Some(clusters) = clusters {
        versions.note(format!("Elasticsearch {} to {}", clusters.source.version, clusters.target.version));
        versions.judged(2, judge_cluster::versions(clusters));
    }
    done.push(versions.end());
    let both: [(&str, OfServers, OfClusters); 3] = [
        (checks::PRE_EMPTY, judge_server::empty, judge_cluster::empty),
        (checks::PRE_BLOCKS, judge_server::blocks, judge_cluster::blocks),
        (checks::PRE_PRIVILEGES, judge_server::privileges, judge_cluster::privileges),
    ];
    for (id, of_servers, of_clusters) in both {
        let mut check = Check::begin(id);
        if let Some(servers) = servers {
            check.judged(1 + servers.databases.len() as u64, of_servers(servers));
        }
        if let Some(clusters) = clusters {
            check.judged(1, of_clusters(clusters));
        }
        if id == checks::PRE_PRIVILEGES && clusters.is_some_and(|c| c.target.lacking.is_none()) {
            check.note("the target Elasticsearch knows no privileges");
        }
        done.push(check.end());
    }
    let mut space = Check::begin(checks::PRE_SPACE);
    if let Some(servers) = servers {
        space.judged(servers.databases.len() as u64, judge_server::space(servers, known.postgres_free));
    }
    if let Some(clusters) = clusters {
        // A source without an index needs no room: that too was looked at.
        space.judged(1 + clusters.indices.len() as u64, judge_cluster::space(clusters));
    }
    done.push(space.end());
    if let Some(clusters) = clusters {
        let mut shards = Check::begin(checks::PRE_SHARDS);
        shards.judged(1 + clusters.indices.len() as u64, judge_cluster::shards(clusters));
        done.push(shards.end());
    }
    if let Some(servers) = servers {
        let mut extensions = Check::begin(checks::PRE_EXTENSIONS);
        extensions.judged(servers.databases.len() as u64, judge_server::extensions(servers));
        done.push(extensions.end());
    }
    if let Some(clusters) = clusters {
        if cx.spec.mover.reads_from_remote() {
            done.push(whitelist(cx).await);
        }
        let mut sizes = Check::begin(checks::PRE_DOCUMENT_SIZES);
        let judged = judge_cluster::document_sizes(clusters, cx.spec.mover);
        sizes.judged(1 + clusters.indices.len() as u64, judged);
        done.push(sizes.end());
    }
    let predicted = predicted(cx, servers, clusters);
    // Where no step's time follows from sizes there is nothing to judge: a check that compared nothing proves nothing.
    if !predicted.is_empty() {
        let mut timeouts = Check::begin(checks::PRE_TIMEOUTS);
        let judged = judge_times(&predicted, known.limits, "by the size of the source");
        timeouts.judged(predicted.len() as u64, judged);
        let whole = predicted.values().sum::<Duration>().as_secs_f64();
        timeouts.note(format!("the cutover takes {whole:.1} s or more"));
        done.push(timeouts.end());
    }
}

/// The least that the steps of the cutover take.
fn predicted(
    cx: &MigrationContext,
    servers: Option<&Servers>,
    clusters: Option<&Clusters>,
) -> BTreeMap<String, Duration> {
    let databases = servers.map(|s| s.databases.iter().map(|(name, d)| (name.clone(), d.bytes)).collect());
    let whole = cx.spec.mover.is_foreseen(cx.spec.reindex);
    let indices = clusters
        .filter(|_| whole)
        .map(|c| (c.indices.len() as u64, c.indices.iter().map(|i| i.store_bytes).sum()));
    timeouts::predict(&databases.unwrap_or_default(), indices)
}

async fn whitelist(cx: &MigrationContext) -> CheckResult {
    let mut check = Check::begin(checks::PRE_WHITELIST);
    let refused = |error: &MigrationError| {
        let (what, mend) = error.parts();
        vec![refuse(checks::PRE_WHITELIST, "target Elasticsearch", what, mend)]
    };
    match remote_read(cx).await {
        Ok(RemoteRead::Allowed) => check.judged(1, Vec::new()),
        Ok(RemoteRead::NothingToRead) => {
            check.note("the source has no index, so nothing was read");
            check.judged(1, Vec::new());
        }
        // Told by the check of blocks; this one proves nothing.
        Ok(RemoteRead::Blocked(_)) => check.note("not tried: the target takes no writes"),
        Ok(RemoteRead::Refused(error)) | Err(error) => check.judged(1, refused(&error)),
    }
    check.end()
}

/// Major version of `pg_dump`. Nothing is logged: preflight leaves no trace.
async fn client_major(cx: &MigrationContext) -> Option<u32> {
    let mut command = tokio::process::Command::new(cx.clients.join("pg_dump"));
    let output = command.arg("--version").stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(PATIENCE, output).await.ok()?.ok()?;
    major_of(&String::from_utf8_lossy(&output.stdout))
}

/// `pg_dump (PostgreSQL) 15.18 (Debian …)`.
fn major_of(told: &str) -> Option<u32> {
    let number = told.split_whitespace().find(|w| w.starts_with(|c: char| c.is_ascii_digit()))?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn gather(facts: &mut Facts, servers: Option<&Servers>, clusters: Option<&Clusters>) {
    if let Some(servers) = servers {
        facts.insert("postgres_source".into(), json!(servers.source.version));
        facts.insert("postgres_target".into(), json!(servers.target.version));
        let bytes: u64 = servers.databases.values().map(|d| d.bytes).sum();
        facts.insert("postgres_source_bytes".into(), json!(bytes));
    }
    if let Some(clusters) = clusters {
        facts.insert("elasticsearch_source".into(), json!(clusters.source.version));
        facts.insert("elasticsearch_target".into(), json!(clusters.target.version));
        let bytes: u64 = clusters.indices.iter().map(|i| i.store_bytes).sum();
        facts.insert("elasticsearch_source_bytes".into(), json!(bytes));
        let free: u64 = clusters.target.disks.iter().map(|d| d.available).sum();
        facts.insert("elasticsearch_target_free_bytes".into(), json!((free > 0).then_some(free)));
    }
}

#[cfg(test)]
mod tests {
    use super::major_of;

    #[test]
    fn the_version_of_a_client_program_is_read() {
        assert_eq!(major_of("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(major_of("pg_dump (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major_of("no such thing"), None);
    }
}
