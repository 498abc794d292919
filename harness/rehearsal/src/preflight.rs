//! Preflight of a scenario on stores that can be reached: nothing is started, nothing is written.

use drydock_core::{Component, Redactor, Scenario};
use drydock_environments::EmbeddedConfig;
use drydock_migration::MigrationContext;
use drydock_migration::preflight::{Known, Preflight, TimeLimits, preflight};
use drydock_stores::endpoint::{ElasticsearchAuth, PostgresTls};
use drydock_stores::{ElasticsearchEndpoint, PostgresEndpoint, StorePair};
use secrecy::ExposeSecret;
use std::collections::BTreeMap;
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

/// Source and target of each kind of store; an absent kind is not looked at.
#[derive(Debug, Clone, Default)]
pub struct Stores {
    /// Both PostgreSQL servers.
    pub postgres: Option<(PostgresEndpoint, PostgresEndpoint)>,
    /// Both Elasticsearch clusters.
    pub elasticsearch: Option<(ElasticsearchEndpoint, ElasticsearchEndpoint)>,
}

impl Stores {
    /// Masks every password.
    fn redactor(&self) -> Redactor {
        let mut redactor = Redactor::default();
        for endpoint in self.postgres.iter().flat_map(|(a, b)| [a, b]) {
            redactor.add(endpoint.password_for_client());
        }
        for endpoint in self.elasticsearch.iter().flat_map(|(a, b)| [a, b]) {
            match &endpoint.auth {
                ElasticsearchAuth::None => {}
                ElasticsearchAuth::Basic { password, .. } => redactor.add(password.expose_secret()),
                ElasticsearchAuth::ApiKey(key) => redactor.add(key.expose_secret()),
            }
        }
        redactor
    }
}

/// Looks whether `scenario` could be begun on these stores. `machine` says where client programs may be.
pub async fn on_stores(scenario: &Scenario, stores: Stores, machine: &EmbeddedConfig) -> Preflight {
    let redactor = stores.redactor();
    let mut spec = scenario.migration.clone();
    let given = |c: &Component| match c {
        Component::Elasticsearch => stores.elasticsearch.is_some(),
        _ => stores.postgres.is_some(),
    };
    spec.components = Some(spec.components().into_iter().filter(given).collect());
    // Nobody asks a store whose components are left out.
    let nobody = || PostgresEndpoint {
        host: String::new(),
        port: 0,
        user: String::new(),
        password: None,
        tls: PostgresTls::Off,
        transport: Default::default(),
    };
    let no_server = || (nobody(), nobody());
    let no_cluster = || (ElasticsearchEndpoint::plain(""), ElasticsearchEndpoint::plain(""));
    let servers = stores.postgres.unwrap_or_else(no_server);
    let clusters = stores.elasticsearch.unwrap_or_else(no_cluster);
    let context = MigrationContext {
        source: StorePair { postgres: servers.0, elasticsearch: clusters.0 },
        target: StorePair { postgres: servers.1, elasticsearch: clusters.1 },
        spec,
        clients: drydock_environments::client_programs(machine).await.unwrap_or_default(),
        dumps: PathBuf::new(),
        roles: BTreeMap::new(),
        run_dir: PathBuf::new(),
        cancel: CancellationToken::new(),
        programs: Default::default(),
    };
    let positive = |budget: Option<jiff::SignedDuration>| budget.and_then(|b| b.try_into().ok());
    let limits =
        TimeLimits { step: positive(scenario.budgets.step), downtime: positive(scenario.budgets.downtime) };
    let mut found = preflight(&context, &Known { limits, postgres_free: None }).await;
    for finding in found.checks.iter_mut().flat_map(|c| &mut c.findings) {
        finding.message = redactor.apply(&finding.message);
        finding.next = redactor.apply(&finding.next);
    }
    found
}
