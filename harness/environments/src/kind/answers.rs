//! Whether what the application is configured with answers, asked from inside the cluster by the names that pods know. A pod is
//! ready while the store behind its Service is gone: most readiness probes ask the application, and it asks nobody until it has to.

use super::Kind;
use super::applications::applications;
use super::cluster::Cluster;
use super::node::Node;
use super::place::{Namespaces, RELEASE};
use super::state::ReleaseState;
use crate::config::{Side, Store};
use crate::error::Result;
use k8s_openapi::api::core::v1::Service;
use kube::api::Api;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long an answer may take, in seconds.
const ANSWER: u32 = 5;
/// How often one that does not come is asked for again, and after how long: a Service learns of its pods a moment after they are ready.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_secs(2);
/// What the node prints where somebody answered.
const YES: &str = "somebody-answered";

/// An address of a store, and whether anybody answers there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// As pods are configured with it: `postgresql://target-pg.targets.svc.cluster.local:5432`.
    pub address: String,
    /// Applications that are configured with it; none for a store that none of them names.
    pub applications: Vec<String>,
    /// Why nobody answers, if so.
    pub silent: Option<String>,
}

/// Where a store is, as a configuration says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Address {
    scheme: String,
    host: String,
    port: u16,
}

impl Kind {
    /// Asks every store of a side, and every database and store that applications are configured with, from the cluster's node by
    /// the names that pods know, through their Services.
    ///
    /// # Errors
    /// The API server or the node does not tell.
    pub async fn answers(&self, side: Side) -> Result<Option<Vec<Answer>>> {
        // In the cluster of others there is no node to ask from.
        let Some(node) = self.up.footing.node() else { return Ok(None) };
        let cluster = &self.up.cluster;
        let mut wanted: BTreeMap<Address, BTreeSet<String>> = BTreeMap::new();
        for kept in self.up.stores.iter().filter(|kept| kept.place.side == side) {
            let scheme = match self.elasticsearch(side).and_then(|e| e.peer_url) {
                Some(url) if kept.place.store == Store::Elasticsearch && url.starts_with("https") => "https",
                _ if kept.place.store == Store::Elasticsearch => "http",
                _ => "postgresql",
            };
            let address = Address {
                scheme: scheme.into(),
                host: kept.place.host(cluster.namespaces()),
                port: kept.place.port(),
            };
            wanted.entry(address).or_default();
        }
        for one in applications(cluster).await? {
            let note = format!("{}-configuration", one.workload.name);
            let texts = cluster.noted(cluster.release(), &note).await?.unwrap_or_default();
            for address in texts.values().flat_map(|text| addresses(text)).filter(is_store) {
                // The same store under its longer name counts as one.
                let known = wanted.keys().find(|known| same(known, &address)).cloned();
                wanted.entry(known.unwrap_or(address)).or_default().insert(one.workload.to_string());
            }
        }
        let mut answers = Vec::new();
        for (address, applications) in wanted {
            // One that cannot be asked is no answer, and none that was compared.
            let Told::Asked(silent) = ask(cluster, node, &address).await? else { continue };
            let told = format!("{}://{}:{}", address.scheme, address.host, address.port);
            answers.push(Answer { address: told, applications: applications.into_iter().collect(), silent });
        }
        Ok(Some(answers))
    }
}

/// What asking came to.
enum Told {
    /// Why nobody answers; nothing where somebody does.
    Asked(Option<String>),
    /// Its pods are found by the names of a network that the node is not part of.
    CannotAsk,
}

/// Asks until somebody answers.
async fn ask(cluster: &Cluster, node: &Node, address: &Address) -> Result<Told> {
    let mut left = TRIES;
    loop {
        left -= 1;
        let why = match reached(cluster, &address.host).await? {
            Reached::Nowhere(why) => why,
            Reached::Headless => return Ok(Told::CannotAsk),
            Reached::At(ip) => match node.bash(&question(&address.scheme, &ip, address.port)).await? {
                told if told.contains(YES) => return Ok(Told::Asked(None)),
                told if told.trim().is_empty() => "nobody answers".to_owned(),
                told => format!("nobody answers: {}", told.trim()),
            },
        };
        if left == 0 {
            return Ok(Told::Asked(Some(why)));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Where a name leads.
enum Reached {
    At(String),
    Headless,
    Nowhere(String),
}

async fn reached(cluster: &Cluster, host: &str) -> Result<Reached> {
    let Some((name, namespace)) = service_of(host) else { return Ok(Reached::At(host.to_owned())) };
    let services: Api<Service> = Api::namespaced(cluster.client(), namespace);
    let found = cluster.ask("look at the Service", name, || services.get_opt(name)).await?;
    let Some(service) = found else {
        return Ok(Reached::Nowhere(format!("there is no Service {name} in {namespace}")));
    };
    Ok(match service.spec.and_then(|s| s.cluster_ip).as_deref() {
        Some("None") | None => Reached::Headless,
        Some(ip) => Reached::At(ip.to_owned()),
    })
}

/// Service and namespace of a name within the cluster; nothing for names of the world outside.
fn service_of(host: &str) -> Option<(&str, &str)> {
    let mut parts = host.split('.');
    let name = parts.next().filter(|name| !name.is_empty())?;
    match (parts.next(), parts.next()) {
        (None, _) => Some((name, RELEASE)),
        (Some(namespace), None | Some("svc")) => Some((name, namespace)),
        (Some(_), Some(_)) => None,
    }
}

/// What is asked on the node: the least to which only the store itself has an answer. That a connection is accepted says nothing:
/// the kernel does that for a process that stands still.
fn question(scheme: &str, host: &str, port: u16) -> String {
    match scheme {
        "postgresql" => {
            // Whether it speaks TLS: one letter, before any login.
            let asked = format!(
                "exec 3<>/dev/tcp/{host}/{port} && printf \"\\x00\\x00\\x00\\x08\\x04\\xd2\\x16\\x2f\" >&3 && head -c 1 <&3"
            );
            format!(
                "a=$(timeout {ANSWER} bash -c '{asked}' 2>/dev/null); case \"$a\" in S|N) echo {YES};; *) echo \"$a\";; esac"
            )
        }
        // A refusal of a stranger is an answer, an error of the server is none.
        scheme => format!(
            "a=$(curl --silent --insecure --noproxy '*' --max-time {ANSWER} --output /dev/null --write-out '%{{http_code}}' \
             {scheme}://{host}:{port}/); case \"$a\" in [234]??) echo {YES};; 000) ;; *) echo \"status $a\";; esac"
        ),
    }
}

/// Whether an address is a store's, and not that of another application, which may speak whatever it likes.
fn is_store(address: &Address) -> bool {
    let known = |side| ReleaseState::names_of(side).contains(&address.host);
    match address.scheme.as_str() {
        "postgresql" => true,
        "http" | "https" => known(Side::Source) || known(Side::Target) || by_whole_name(&address.host),
        _ => false,
    }
}

/// Whether it is a store's whole name in a cluster of the run's own, whoever keeps the store.
fn by_whole_name(host: &str) -> bool {
    let plain = Namespaces::usual();
    let operated = plain.clone().operated(true);
    [plain, operated].iter().any(|all| all.places().iter().any(|p| p.host(all) == host))
}

/// Whether two addresses are one, whichever name they go by.
fn same(one: &Address, other: &Address) -> bool {
    let at = |a: &Address| service_of(&a.host).map(|(name, space)| (name.to_owned(), space.to_owned()));
    one.port == other.port && one.scheme == other.scheme && at(one).is_some() && at(one) == at(other)
}

/// All addresses of a text whose ports can be known.
fn addresses(text: &str) -> Vec<Address> {
    let parts: Vec<&str> = text.split("://").collect();
    let pairs = parts.windows(2);
    pairs
        .filter_map(|pair| {
            let before = pair[0].rsplit(|c: char| !c.is_ascii_alphanumeric()).next()?.to_lowercase();
            let end = |c: char| !(c.is_ascii_alphanumeric() || "-.:".contains(c));
            let (host, port) = match pair[1].split(end).next()?.split_once(':') {
                Some((host, port)) => (host, port.parse().ok()?),
                None => (pair[1].split(end).next()?, usual_port(&before)?),
            };
            (!host.is_empty()).then(|| Address { scheme: before, host: host.to_owned(), port })
        })
        .collect()
}

fn usual_port(scheme: &str) -> Option<u16> {
    match scheme {
        "postgresql" => Some(5432),
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(scheme: &str, host: &str, port: u16) -> Address {
        Address { scheme: scheme.into(), host: host.into(), port }
    }

    #[test]
    fn addresses_are_read_with_scheme_host_and_port() {
        let text = "elasticsearch: http://camunda-elasticsearch:9200\nidentity: \"jdbc:postgresql://target-pg.targets.svc:5432/identity\"\n\
                    keycloak: https://kc.example.org/auth\nself: grpc://camunda-zeebe-gateway";
        let found = addresses(text);
        assert_eq!(
            found,
            [
                address("http", "camunda-elasticsearch", 9200),
                address("postgresql", "target-pg.targets.svc", 5432),
                address("https", "kc.example.org", 443),
            ]
        );
        let stores: Vec<bool> = found.iter().map(is_store).collect();
        assert_eq!(stores, [true, true, false]);
        assert_eq!(addresses("{}"), []);
    }

    #[test]
    fn a_store_is_one_whichever_name_it_goes_by() {
        let full = address("postgresql", "target-pg.targets.svc.cluster.local", 5432);
        assert!(same(&full, &address("postgresql", "target-pg.targets", 5432)));
        assert!(
            !same(&full, &address("postgresql", "target-pg", 5432)),
            "that is one of the release's namespace"
        );
        assert!(!same(&full, &address("postgresql", "target-pg.targets.svc", 5433)));
        let outside = address("postgresql", "db.example.org", 5432);
        assert!(!same(&outside, &outside), "names of the world outside are left as they are");
        assert_eq!(service_of("db.eu.example.org"), None);
        assert_eq!(service_of("camunda-postgresql"), Some(("camunda-postgresql", RELEASE)));
    }
}
