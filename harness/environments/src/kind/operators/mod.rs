//! What operators keep of the target: CloudNativePG the PostgreSQL, ECK the Elasticsearch, the Keycloak operator a Keycloak. The run describes them; pods,
//! Services and volumes are the operators' own. What an operator says of its store is waited for and held against the store's own
//! answer, and never taken for it.

mod describing;
mod installing;
mod keycloak;
mod standing;

pub(super) use describing::{Given, describe};
pub(super) use installing::Manifests;
pub(crate) use keycloak::OperatedKeycloak;
pub(super) use keycloak::Operators;
pub use standing::OperatorState;

use super::cluster::Cluster;
use super::place::Place;
use crate::config::{OperatorsConfig, Store};
use crate::error::Result;
use kube::api::{Api, DynamicObject};
use kube::core::{ApiResource, GroupVersionKind};

/// The resource by which an operator knows a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Resource {
    pub(super) group: &'static str,
    pub(super) version: &'static str,
    pub(super) kind: &'static str,
    pub(super) plural: &'static str,
    /// Whose it is.
    pub(super) operator: &'static str,
}

const CLOUD_NATIVE_PG: Resource = Resource {
    group: "postgresql.cnpg.io",
    version: "v1",
    kind: "Cluster",
    plural: "clusters",
    operator: "CloudNativePG",
};
const ECK: Resource = Resource {
    group: "elasticsearch.k8s.elastic.co",
    version: "v1",
    kind: "Elasticsearch",
    plural: "elasticsearches",
    operator: "ECK",
};

/// By this one an operator runs a Keycloak, which is no store.
const KEYCLOAK: Resource = Resource {
    group: "k8s.keycloak.org",
    version: "v2alpha1",
    kind: "Keycloak",
    plural: "keycloaks",
    operator: "the Keycloak operator",
};

impl Resource {
    /// Of an operator that keeps stores of this kind.
    pub(super) fn of(store: Store) -> Self {
        match store {
            Store::Postgres => CLOUD_NATIVE_PG,
            Store::Elasticsearch => ECK,
        }
    }

    /// Those of both stores.
    pub(super) fn of_stores() -> [Self; 2] {
        [CLOUD_NATIVE_PG, ECK]
    }

    fn api_version(self) -> String {
        format!("{}/{}", self.group, self.version)
    }

    fn api(self, cluster: &Cluster, namespace: &str) -> Api<DynamicObject> {
        let gvk = GroupVersionKind::gvk(self.group, self.version, self.kind);
        let resource = ApiResource::from_gvk_with_plural(&gvk, self.plural);
        Api::namespaced_with(cluster.client(), namespace, &resource)
    }
}

/// Looks whether files that are named for operators are what they are named for.
///
/// # Errors
/// One is not, or cannot be read.
pub fn examine(operators: &OperatorsConfig) -> Result<()> {
    Manifests::read(&operators.manifests)?;
    let own = [
        (&operators.postgres, CLOUD_NATIVE_PG),
        (&operators.elasticsearch, ECK),
        (&operators.keycloak, KEYCLOAK),
    ];
    for (file, resource) in own {
        if let Some(file) = file {
            describing::spec_in(file, resource)?;
        }
    }
    Ok(())
}

/// The resource of a store, if an operator keeps it.
fn kept(place: Place) -> Option<Resource> {
    place.operated.then(|| Resource::of(place.store))
}
