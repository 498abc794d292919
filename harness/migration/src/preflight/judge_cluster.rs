//! Whether the Elasticsearch clusters fit, as pure functions of what was seen.

use super::cluster::{Cluster, Clusters, Disk};
use super::judge_server::with_growth;
use super::tell::{refuse, size, tell};
use crate::elasticsearch::State;
use drydock_core::finding::{Finding, Sample};
use drydock_core::names::checks;
use drydock_core::scenario::Mover;
use drydock_stores::elasticsearch::Flavour;
use serde_json::Value;

const TARGET: &str = "target Elasticsearch";
/// `_reindex` buffers what a remote cluster answers, and takes no more at once; the store has no setting for it.
const REMOTE_BUFFER: u64 = 100 << 20;
/// Shards that a node may hold where nobody set it.
const SHARDS_PER_NODE: u64 = 1000;

/// The target is no older than the source.
pub(super) fn versions(clusters: &Clusters) -> Vec<Finding> {
    let (source, target) = (&clusters.source, &clusters.target);
    let (from, to) = match (source.flavour, target.flavour) {
        (Flavour::Elasticsearch(from), Flavour::Elasticsearch(to))
        | (Flavour::OpenSearch(from), Flavour::OpenSearch(to)) => (from, to),
        (Flavour::Unknown, _) | (_, Flavour::Unknown) => {
            return vec![tell(
                checks::PRE_VERSIONS,
                TARGET,
                "a cluster does not tell its version, so the two were not compared",
                "compare them by hand",
            )];
        }
        // Their numbers have nothing to do with each other.
        _ => {
            return vec![tell(
                checks::PRE_VERSIONS,
                TARGET,
                format!(
                    "the source is {:?} and the target {:?}: their versions do not compare",
                    source.flavour, target.flavour
                ),
                "look at what the target product supports",
            )];
        }
    };
    if to >= from {
        return Vec::new();
    }
    vec![refuse(
        checks::PRE_VERSIONS,
        TARGET,
        format!(
            "the target Elasticsearch is version {}, older than the source's {}",
            target.version, source.version
        ),
        format!("use a target of version {}.{} or newer", from.major, from.minor),
    )]
}

/// The target holds no index of the wanted names.
pub(super) fn empty(clusters: &Clusters) -> Vec<Finding> {
    let Some(first) = clusters.there.first() else { return Vec::new() };
    vec![
        refuse(
            checks::PRE_EMPTY,
            TARGET,
            format!(
                "the target Elasticsearch holds {} indices with the wanted prefixes already, {first} among them",
                clusters.there.len()
            ),
            "remove them or name another target; nothing was changed in them",
        )
        .items(clusters.there.len() as u64, clusters.there.iter().map(Sample::named)),
    ]
}

/// The target is healthy enough, takes writes and gives new indices a node.
pub(super) fn blocks(clusters: &Clusters) -> Vec<Finding> {
    let target = &clusters.target;
    let mut findings = Vec::new();
    let refusal = |message: String, mend: &str| refuse(checks::PRE_BLOCKS, TARGET, message, mend);
    let set: Vec<&str> = ["cluster.blocks.read_only", "cluster.blocks.read_only_allow_delete"]
        .into_iter()
        .filter(|name| text(target, name).as_deref() == Some("true"))
        .collect();
    if !set.is_empty() {
        findings.push(refusal(
            format!("the target Elasticsearch is blocked against writes: {} is true", set.join(" and ")),
            &format!("PUT _cluster/settings on the target with {} set to null", set.join(" and ")),
        ));
    } else if let Some(block) = target.blocks.first() {
        findings.push(refusal(
            format!("the target Elasticsearch is blocked against writes: {block}"),
            "see _cluster/state/blocks of the target and take the block away",
        ));
    }
    if text(target, "cluster.routing.allocation.enable").as_deref() == Some("none") {
        findings.push(refusal(
            "the target Elasticsearch gives no shard a node: cluster.routing.allocation.enable is none"
                .into(),
            "PUT _cluster/settings on the target with cluster.routing.allocation.enable set to null",
        ));
    }
    if target.status == "red" {
        findings.push(refusal(
            "the target Elasticsearch is red: primary shards are missing".into(),
            "see _cluster/allocation/explain on the target",
        ));
    }
    findings
}

/// The logins may do what the migration does.
pub(super) fn privileges(clusters: &Clusters) -> Vec<Finding> {
    let sides = [("source", &clusters.source), ("target", &clusters.target)];
    let lacking = sides.into_iter().filter_map(|(side, cluster)| {
        let lacking = cluster.lacking.as_deref().filter(|l| !l.is_empty())?;
        Some(
            refuse(
                checks::PRE_PRIVILEGES,
                &format!("{side} Elasticsearch"),
                format!("the login of the {side} Elasticsearch lacks {}", lacking.join(", ")),
                format!("grant its role the {}", lacking.join(", ")),
            )
            .items(lacking.len() as u64, lacking.iter().map(Sample::named)),
        )
    });
    lacking.collect()
}

/// The target's disks have room for the source and a third more, below the low watermark.
pub(super) fn space(clusters: &Clusters) -> Vec<Finding> {
    let target = &clusters.target;
    let bytes: u64 = clusters.indices.iter().map(|i| i.store_bytes).sum();
    let needed = with_growth(bytes);
    if target.disks.is_empty() {
        return vec![tell(
            checks::PRE_SPACE,
            TARGET,
            format!("the target Elasticsearch does not tell its free space; {} are needed", size(needed)),
            "look at the limits of the managed service",
        )];
    }
    let watched =
        text(target, "cluster.routing.allocation.disk.threshold_enabled").as_deref() != Some("false");
    let watermark = text(target, "cluster.routing.allocation.disk.watermark.low");
    let room: u64 = target
        .disks
        .iter()
        .map(|disk| if watched { below_watermark(*disk, watermark.as_deref()) } else { disk.available })
        .sum();
    if room >= needed {
        return Vec::new();
    }
    let edge = if watched { " below the low watermark" } else { "" };
    vec![refuse(
        checks::PRE_SPACE,
        TARGET,
        format!(
            "the source's indices take {}, with growth {}, and the target's data nodes have {} left{edge}",
            size(bytes),
            size(needed),
            size(room)
        ),
        format!("make {} more room on the target's data nodes, or add one", size(needed - room)),
    )]
}

/// Bytes that may be written until the low watermark: `85%`, `0.85` of the disk used, or `100gb` left.
fn below_watermark(disk: Disk, watermark: Option<&str>) -> u64 {
    let watermark = watermark.unwrap_or("85%").trim().to_lowercase();
    let used = watermark.strip_suffix('%').and_then(|p| p.trim().parse::<f64>().ok()).map(|p| p / 100.0);
    let used = used.or_else(|| watermark.parse::<f64>().ok());
    let reserve = match used {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        Some(used) => (disk.total as f64 * (1.0 - used).clamp(0.0, 1.0)) as u64,
        None => bytes_of(&watermark).unwrap_or(0),
    };
    disk.available.saturating_sub(reserve)
}

/// `100gb` as bytes, with the store's units.
fn bytes_of(text: &str) -> Option<u64> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(unit);
    let factor: f64 = match unit.trim() {
        "b" => 1.0,
        "kb" | "k" => 1024.0,
        "mb" | "m" => 1024.0 * 1024.0,
        "gb" | "g" => 1024.0 * 1024.0 * 1024.0,
        "tb" | "t" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    number.trim().parse::<f64>().ok().map(|n| (n * factor) as u64)
}

/// The target may hold as many shards as it is going to get. Closed indices do not count.
pub(super) fn shards(clusters: &Clusters) -> Vec<Finding> {
    let target = &clusters.target;
    let of_node = text(target, "cluster.max_shards_per_node");
    let of_node = of_node.and_then(|n| n.parse().ok()).unwrap_or(SHARDS_PER_NODE);
    let budget = of_node.saturating_mul(target.data_nodes.max(1));
    let wanted: u64 = clusters
        .indices
        .iter()
        .filter(|i| i.state == State::Open)
        .map(|i| i.primaries * (1 + i.replicas))
        .sum();
    if target.shards + wanted <= budget {
        return Vec::new();
    }
    let least = (target.shards + wanted).div_ceil(target.data_nodes.max(1));
    vec![refuse(
        checks::PRE_SHARDS,
        TARGET,
        format!(
            "the target Elasticsearch may hold {budget} shards ({of_node} for each of {} data nodes), has {} and is to get {wanted}",
            target.data_nodes.max(1),
            target.shards
        ),
        format!("set cluster.max_shards_per_node to {least} or more on the target, or add data nodes"),
    )]
}

/// No document is bigger than what carries it. Both sides' figures are lower bounds: what is stored is compressed.
pub(super) fn document_sizes(clusters: &Clusters, mover: Mover) -> Vec<Finding> {
    let mut findings = Vec::new();
    let limit = match mover {
        Mover::Reindex | Mover::ReindexByHand => REMOTE_BUFFER,
        Mover::Stream | Mover::Dump => clusters.target.largest_request.unwrap_or(REMOTE_BUFFER),
        // What carries whole files knows no documents.
        Mover::Snapshot => return findings,
    };
    let heavy = clusters.indices.iter().filter(|i| i.documents > 0 && i.store_bytes / i.documents > limit);
    for index in heavy {
        findings.push(refuse(
            checks::PRE_DOCUMENT_SIZES,
            &index.name,
            format!(
                "a document of {} takes {} on average, and no more than {} can be carried at once",
                index.name,
                size(index.store_bytes / index.documents),
                size(limit)
            ),
            "use `mover: stream` with a larger http.max_content_length on the target, or a snapshot",
        ));
    }
    // What never came in through a request cannot be bigger than the source's own limit.
    if let Some(largest) = clusters.source.largest_request
        && largest > limit
        && findings.is_empty()
    {
        findings.push(tell(
            checks::PRE_DOCUMENT_SIZES,
            "source Elasticsearch",
            format!(
                "the source takes documents of up to {}, and {} can be carried at once; not every document was measured",
                size(largest),
                size(limit)
            ),
            "if there may be such documents, migrate with a snapshot",
        ));
    }
    findings
}

fn text(cluster: &Cluster, name: &str) -> Option<String> {
    match cluster.settings.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
#[path = "judge_cluster_tests.rs"]
mod tests;
