//! What the cluster of a run is made from.

use super::place::Place;
use crate::containers::Image;
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::machine::Machine;
use crate::random::hex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The file that every cluster is made from, as it is kept for people to read and to change.
const BASE: &str = include_str!("../../../../fixtures/kind/cluster.yaml");
/// The image of the node; without it the one that `kind` brings.
pub(crate) const NODE_VARIABLE: &str = "DRYDOCK_IMAGE_NODE";
/// Whose the network between pods is: `kind` (usual) or `image`, for images of nodes that bring one of their own.
pub(crate) const CNI_VARIABLE: &str = "DRYDOCK_KIND_CNI";
/// Where the clusters of both sides keep snapshots: a folder of the node, mounted at the same path.
pub(super) const SNAPSHOTS: &str = "/drydock/snapshots";

/// Who makes the network between pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cni {
    /// `kind` itself.
    Kind,
    /// The image of the node.
    Image,
}

/// What this machine says about its nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NodeChoice {
    pub(super) image: Option<Image>,
    pub(super) cni: Cni,
}

impl NodeChoice {
    /// Reads the variables.
    ///
    /// # Errors
    /// One of them holds what it cannot.
    pub(super) fn of(machine: &Machine) -> Result<Self> {
        let wrong =
            |what: String, help: &str| EnvironmentError::new(EnvironmentProblem::Configuration, what, help);
        let told = |name| machine.variable(name).map(|v| v.to_string_lossy().into_owned());
        let image = match told(NODE_VARIABLE) {
            None => None,
            Some(text) => Some(Image::parse(&text).ok_or_else(|| {
                wrong(
                    format!("{NODE_VARIABLE} names the image {text:?}, which is no name of an image"),
                    "write it as name:tag, or unset it to use the one that kind brings",
                )
            })?),
        };
        let cni = match told(CNI_VARIABLE).as_deref() {
            None | Some("kind") => Cni::Kind,
            Some("image") => Cni::Image,
            Some(other) => {
                return Err(wrong(
                    format!("{CNI_VARIABLE} is {other:?}"),
                    "set it to `image` where the node's image brings its own network, else unset it",
                ));
            }
        };
        Ok(Self { image, cni })
    }
}

/// Name of a run's cluster: lower-case letters, short enough for the name of a host, and no other run's, of whichever
/// folder of work directories.
pub(super) fn cluster_name(run: &str, root: &str) -> String {
    let digest = Sha256::new().chain_update(run).chain_update([0]).chain_update(root).finalize();
    let plain: String =
        run.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let begin: String = plain.trim_matches('-').chars().take(22).collect();
    format!("drydock-{}-{}", begin.trim_end_matches('-'), hex(&digest[..4]))
}

/// Ports of this machine's loopback interface: the API server's, and one for each store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ports {
    pub(super) api: u16,
    pub(super) stores: Vec<(Place, u16)>,
}

impl Ports {
    pub(super) fn of(&self, place: Place) -> Option<u16> {
        self.stores.iter().find(|(p, _)| *p == place).map(|(_, port)| *port)
    }
}

/// The configuration of a cluster, as JSON, which `kind` reads as YAML.
///
/// # Errors
/// The file that it is made from is no configuration: a mistake of this program.
pub(super) fn cluster(name: &str, ports: &Ports, cni: Cni) -> Result<Value> {
    let broken = |why: String| {
        EnvironmentError::new(
            EnvironmentProblem::Configuration,
            format!("fixtures/kind/cluster.yaml is no configuration of a cluster: {why}"),
            "please report it",
        )
    };
    let mut config: Value = serde_saphyr::from_str(BASE).map_err(|e| broken(e.to_string()))?;
    config["name"] = json!(name);
    config["networking"]["apiServerPort"] = json!(ports.api);
    if cni == Cni::Image {
        config["networking"]["disableDefaultCNI"] = json!(true);
    }
    let first = config["nodes"].get_mut(0).ok_or_else(|| broken("it has no node".into()))?;
    let mappings = ports.stores.iter().map(|(place, port)| {
        json!({
            "containerPort": place.node_port(), "hostPort": port, "listenAddress": "127.0.0.1", "protocol": "TCP",
        })
    });
    first["extraPortMappings"] = mappings.collect();
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::place::Namespaces;
    use std::collections::BTreeSet;
    use std::ffi::OsStr;

    fn ports() -> Ports {
        Ports { api: 20_000, stores: Namespaces::usual().places().into_iter().zip(20_001..).collect() }
    }

    #[test]
    fn names_of_clusters_fit_hosts_and_no_two_runs_share_one() {
        let long = "a-very-long-name-of-a-scenario_with.everything-20261121T200528Z-11444";
        let runs = ["tiny-20261121T200528Z-11444", "tiny-20261121T200528Z-11445", "X", long, &long[..60]];
        let mut names = BTreeSet::new();
        for root in ["/var/tmp/a", "/var/tmp/b"] {
            for run in runs {
                let name = cluster_name(run, root);
                assert_eq!(name, cluster_name(run, root));
                // With `-control-plane` behind it, it is the name of a host.
                assert!(name.len() <= 48, "{name}");
                assert!(
                    name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
                    "{name}"
                );
                assert!(!name.contains("--"), "{name}");
                names.insert(name);
            }
        }
        assert_eq!(names.len(), 10);
    }

    #[test]
    fn every_store_has_a_port_of_the_loopback_interface() {
        let config = cluster("one", &ports(), Cni::Kind).unwrap();
        assert_eq!(
            (&config["name"], &config["networking"]["apiServerPort"]),
            (&json!("one"), &json!(20_000))
        );
        assert_eq!(config["networking"]["apiServerAddress"], "127.0.0.1");
        assert_eq!(config["networking"].get("disableDefaultCNI"), None);
        let mappings = config["nodes"][0]["extraPortMappings"].as_array().unwrap();
        let inside: BTreeSet<u64> = mappings.iter().filter_map(|m| m["containerPort"].as_u64()).collect();
        assert_eq!((mappings.len(), inside.len()), (4, 4));
        assert!(inside.iter().all(|p| (30_000..32_768).contains(p)), "{inside:?}");
        assert!(mappings.iter().all(|m| m["listenAddress"] == "127.0.0.1"), "{mappings:?}");
        let own = cluster("one", &ports(), Cni::Image).unwrap();
        assert_eq!(own["networking"]["disableDefaultCNI"], true);
    }

    #[test]
    fn what_the_machine_says_about_nodes_is_read_or_refused() {
        let bare =
            Machine::from_process().with_variable(NODE_VARIABLE, None).with_variable(CNI_VARIABLE, None);
        assert_eq!(NodeChoice::of(&bare).unwrap(), NodeChoice { image: None, cni: Cni::Kind });
        let set = |name, value: &str| bare.clone().with_variable(name, Some(OsStr::new(value)));
        let named = NodeChoice::of(&set(NODE_VARIABLE, "mirror.example/node:v1.34.0")).unwrap();
        assert_eq!(named.image.unwrap().to_string(), "mirror.example/node:v1.34.0");
        assert_eq!(NodeChoice::of(&set(CNI_VARIABLE, "image")).unwrap().cni, Cni::Image);
        for (name, value) in [(NODE_VARIABLE, "no image"), (CNI_VARIABLE, "calico")] {
            let error = NodeChoice::of(&set(name, value)).unwrap_err();
            assert_eq!(error.code, EnvironmentProblem::Configuration);
            assert!(error.what.contains(value) && error.what.contains(name), "{}", error.what);
        }
    }
}
