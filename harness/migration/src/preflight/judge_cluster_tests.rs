use super::super::cluster::Index;
use super::super::tell::refuses;
use super::*;
use drydock_stores::elasticsearch::StoreVersion;
use serde_json::{Map, json};

const GIB: u64 = 1 << 30;

fn version(major: u32, minor: u32) -> Flavour {
    Flavour::Elasticsearch(StoreVersion { major, minor })
}

/// Two clusters that fit: one index of two primaries and a replica each, one that is closed.
fn fitting() -> Clusters {
    let cluster = Cluster {
        version: "8.16.6".into(),
        flavour: version(8, 16),
        settings: Map::new(),
        blocks: Vec::new(),
        status: "green".into(),
        data_nodes: 1,
        shards: 0,
        largest_request: Some(100 << 20),
        disks: vec![Disk { total: 100 * GIB, available: 50 * GIB }],
        lacking: Some(Vec::new()),
    };
    let index = |name: &str, state| Index {
        name: name.to_owned(),
        store_bytes: 10 * GIB,
        documents: 1_000_000,
        state,
        primaries: 2,
        replicas: 1,
    };
    Clusters {
        source: cluster.clone(),
        target: cluster,
        indices: vec![index("operate-a", State::Open), index("operate-b", State::Closed)],
        there: Vec::new(),
    }
}

fn all(clusters: &Clusters) -> Vec<Finding> {
    [
        versions(clusters),
        empty(clusters),
        blocks(clusters),
        privileges(clusters),
        space(clusters),
        shards(clusters),
        document_sizes(clusters, Mover::Reindex),
    ]
    .concat()
}

fn set(clusters: &mut Clusters, name: &str, value: &str) {
    clusters.target.settings.insert(name.to_owned(), json!(value));
}

#[test]
fn clusters_that_fit_are_let_pass() {
    assert_eq!(all(&fitting()), []);
    let variants: [fn(&mut Clusters); 9] = [
        |c| c.target.flavour = version(9, 1),
        |c| c.target.lacking = None,
        |c| c.target.status = "yellow".into(),
        |c| set(c, "cluster.blocks.read_only", "false"),
        |c| set(c, "cluster.routing.allocation.enable", "all"),
        // Exactly as many as there may be: closed indices do not count.
        |c| set(c, "cluster.max_shards_per_node", "4"),
        |c| set(c, "cluster.routing.allocation.disk.watermark.low", "20gb"),
        |c| set(c, "cluster.routing.allocation.disk.watermark.low", "0.8"),
        |c| c.indices.clear(),
    ];
    for (n, change) in variants.into_iter().enumerate() {
        let mut clusters = fitting();
        change(&mut clusters);
        assert_eq!(all(&clusters), [], "variant {n}");
    }
}

#[test]
fn each_misfit_is_one_refusal_with_its_mend() {
    type Harm = fn(&mut Clusters);
    let cases: [(&str, Harm, &str, &str); 13] = [
        (
            checks::PRE_VERSIONS,
            |c| c.target.flavour = version(8, 9),
            "older than the source's 8.16.6",
            "8.16 or newer",
        ),
        (
            checks::PRE_VERSIONS,
            |c| c.source.flavour = version(9, 0),
            "older than the source's",
            "9.0 or newer",
        ),
        (checks::PRE_EMPTY, |c| c.there.push("operate-x".into()), "operate-x", "remove them"),
        (
            checks::PRE_BLOCKS,
            |c| set(c, "cluster.blocks.read_only", "true"),
            "cluster.blocks.read_only is true",
            "cluster.blocks.read_only set to null",
        ),
        (
            checks::PRE_BLOCKS,
            |c| c.target.blocks.push("flood".into()),
            "writes: flood",
            "_cluster/state/blocks",
        ),
        (
            checks::PRE_BLOCKS,
            |c| set(c, "cluster.routing.allocation.enable", "none"),
            "gives no shard a node",
            "allocation.enable set to null",
        ),
        (checks::PRE_BLOCKS, |c| c.target.status = "red".into(), "is red", "_cluster/allocation/explain"),
        (
            checks::PRE_PRIVILEGES,
            |c| c.target.lacking = Some(vec!["cluster privilege manage_index_templates".into()]),
            "lacks cluster privilege manage_index_templates",
            "grant its role",
        ),
        (
            checks::PRE_PRIVILEGES,
            |c| c.source.lacking = Some(vec!["index privilege read on operate-*".into()]),
            "the login of the source Elasticsearch lacks",
            "index privilege read on operate-*",
        ),
        (
            checks::PRE_SPACE,
            |c| set(c, "cluster.routing.allocation.disk.watermark.low", "75%"),
            "below the low watermark",
            "make 1024 MiB more room",
        ),
        (
            checks::PRE_SPACE,
            |c| c.target.disks[0].available = 40 * GIB,
            "25 GiB left",
            "make 1024 MiB more room",
        ),
        (
            checks::PRE_SHARDS,
            |c| set(c, "cluster.max_shards_per_node", "3"),
            "may hold 3 shards (3 for each of 1 data nodes), has 0 and is to get 4",
            "set cluster.max_shards_per_node to 4 or more",
        ),
        (
            checks::PRE_DOCUMENT_SIZES,
            |c| c.indices[0].documents = 100,
            "a document of operate-a takes 102 MiB on average",
            "mover: stream",
        ),
    ];
    for (check, harm, words, mend) in cases {
        let mut clusters = fitting();
        harm(&mut clusters);
        let findings = all(&clusters);
        let [finding] = findings.as_slice() else { panic!("{check}: {findings:?}") };
        assert!(finding.check.as_str() == check && refuses(finding), "{finding:?}");
        assert!(finding.message.contains(words) && !finding.message.contains('\n'), "{finding:?}");
        assert!(finding.next.contains(mend), "{finding:?}");
    }
}

#[test]
fn what_cannot_be_known_is_told_and_stops_nobody() {
    type Change = fn(&mut Clusters);
    let variants: [(&str, Change); 4] = [
        (checks::PRE_VERSIONS, |c| c.target.flavour = Flavour::Unknown),
        (checks::PRE_VERSIONS, |c| {
            c.target.flavour = Flavour::OpenSearch(StoreVersion { major: 2, minor: 11 })
        }),
        (checks::PRE_SPACE, |c| c.target.disks.clear()),
        (checks::PRE_DOCUMENT_SIZES, |c| c.source.largest_request = Some(300 << 20)),
    ];
    for (check, change) in variants {
        let mut clusters = fitting();
        change(&mut clusters);
        let told = all(&clusters);
        assert!(told.len() == 1 && told[0].check.as_str() == check && !refuses(&told[0]), "{told:?}");
    }
}

#[test]
fn a_mover_that_writes_is_held_against_the_targets_limit() {
    let mut clusters = fitting();
    assert_eq!(document_sizes(&clusters, Mover::Stream), []);
    clusters.target.largest_request = Some(1024);
    let refused = document_sizes(&clusters, Mover::Stream);
    assert!(
        refused.len() == 2 && refused.iter().all(|f| f.message.contains("1024 B can be carried")),
        "{refused:?}"
    );
    assert_eq!(document_sizes(&clusters, Mover::Reindex), []);
}
