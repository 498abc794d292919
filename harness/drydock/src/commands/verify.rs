//! `drydock verify`: parity alone, on anything that can be reached, read-only.

use super::login;
use crate::cli::{
    AllStores, Depth, ElasticsearchPair, Grant, IndexScope, KeycloakArguments, Output, PostgresPair, Sharing,
    VerifyStores,
};
use drydock_core::ExitCode;
use drydock_rehearsal::verify::{KeycloakPair, VerifyOptions, WrittenPart, verify, verify_share};
use drydock_stores::compare::{DatabasePair, Options, ProbeWrites, Share, Tier, Versions};
use drydock_stores::endpoint::{AddressError, ElasticsearchAuth};
use drydock_stores::keycloak::{KeycloakEndpoint, KeycloakGrant};
use drydock_stores::{ElasticsearchEndpoint, PostgresEndpoint};
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where a pod of an Indexed Job finds its number.
const INDEX: &str = "JOB_COMPLETION_INDEX";

/// Compares two live stores, or both kinds.
pub(crate) async fn run(command: &VerifyStores) -> ExitCode {
    let usage = |error: AddressError| {
        super::tell(&format!("error: {error}"));
        ExitCode::Usage
    };
    let (mut options, output) = match options_of(command) {
        Ok(found) => found,
        Err(error) => return usage(error),
    };
    if let Some(Sharing { shard, parts, merge }) = sharing_of(command) {
        options.merge.clone_from(merge);
        if let (Some(shard), Some(parts)) = (shard, parts) {
            return match share(shard) {
                Ok(share) => compare_share(&options, share, parts).await,
                Err(error) => usage(error),
            };
        }
    }
    match verify(&options, &output.expected, output.report.as_deref()).await {
        Ok(summary) => {
            if output.json {
                super::print_json(&summary);
            } else {
                super::print_screen(&summary, output.report.as_deref());
            }
            super::exit_of(&summary)
        }
        Err(error) => super::rehearse::fail(error),
    }
}

/// Compares one share. That something differs is for whoever merges the parts to tell.
async fn compare_share(options: &VerifyOptions, share: Share, parts: &Path) -> ExitCode {
    match verify_share(options, share, parts).await {
        Ok(written) => {
            let WrittenPart { path, indices, tables, items, took } = written;
            super::tell(&format!(
                "share {share}: {items} documents and rows of {indices} indices and {tables} tables compared in {:.1} s: {}",
                took.as_secs_f64(),
                path.display()
            ));
            ExitCode::Equal
        }
        Err(error) => super::rehearse::fail(error),
    }
}

fn sharing_of(command: &VerifyStores) -> Option<&Sharing> {
    match command {
        VerifyStores::Elasticsearch { sharing, .. }
        | VerifyStores::Postgres { sharing, .. }
        | VerifyStores::All { sharing, .. } => Some(sharing),
        VerifyStores::Keycloak { .. } => None,
    }
}

/// Number and count of a share; the number of the pod where there is a count alone.
fn share(text: &str) -> Result<Share, AddressError> {
    let whole = if text.contains('/') {
        text.to_owned()
    } else {
        let index = std::env::var(INDEX).map_err(|_| {
            AddressError::new(format!("--shard {text} names no share: write I/{text}, or set {INDEX}"))
        })?;
        format!("{index}/{text}")
    };
    whole.parse().map_err(AddressError::new)
}

fn options_of(command: &VerifyStores) -> Result<(VerifyOptions, &Output), AddressError> {
    match command {
        VerifyStores::Elasticsearch { elasticsearch, depth, output, .. } => {
            let ElasticsearchPair { source, target, scope } = elasticsearch;
            let options = VerifyOptions {
                elasticsearch: Some(clusters(source, target, scope)?),
                prefixes: scope.prefixes.clone(),
                tuning: Options { versions: versions(scope), exported: exported(scope)?, ..tuning(depth) },
                ..VerifyOptions::default()
            };
            Ok((options, output))
        }
        VerifyStores::Postgres { postgres, depth, output, .. } => {
            let PostgresPair { source, target, databases, probe_writes } = postgres;
            let (servers, databases) = servers(source, target, databases)?;
            let tuning = Options { probes: probes(*probe_writes), ..tuning(depth) };
            let options =
                VerifyOptions { postgres: Some(servers), databases, tuning, ..VerifyOptions::default() };
            Ok((options, output))
        }
        VerifyStores::Keycloak { keycloak, output } => {
            let options = VerifyOptions {
                keycloak: Some(keycloaks(keycloak)?),
                realms: keycloak.realms.clone(),
                ..VerifyOptions::default()
            };
            Ok((options, output))
        }
        VerifyStores::All { stores, depth, output, .. } => {
            let AllStores {
                source_elasticsearch,
                target_elasticsearch,
                source_postgres,
                target_postgres,
                databases,
                probe_writes,
                scope,
            } = stores;
            let (servers, databases) = servers(source_postgres, target_postgres, databases)?;
            let options = VerifyOptions {
                elasticsearch: Some(clusters(source_elasticsearch, target_elasticsearch, scope)?),
                prefixes: scope.prefixes.clone(),
                postgres: Some(servers),
                databases,
                tuning: Options {
                    versions: versions(scope),
                    probes: probes(*probe_writes),
                    exported: exported(scope)?,
                    ..tuning(depth)
                },
                ..VerifyOptions::default()
            };
            Ok((options, output))
        }
    }
}

fn tuning(depth: &Depth) -> Options {
    let tier = if depth.fast { Tier::Fast } else { Tier::Strict };
    Options { tier, ..Options::default() }
}

fn versions(scope: &IndexScope) -> Versions {
    if scope.versions { Versions::Compared } else { Versions::Ignored }
}

fn exported(scope: &IndexScope) -> Result<BTreeMap<i64, i64>, AddressError> {
    super::exported::positions(&scope.exported_positions, scope.exported_from.as_deref())
        .map_err(AddressError::new)
}

fn probes(asked: bool) -> ProbeWrites {
    if asked { ProbeWrites::RolledBack } else { ProbeWrites::Never }
}

fn clusters(
    source: &str,
    target: &str,
    scope: &IndexScope,
) -> Result<(ElasticsearchEndpoint, ElasticsearchEndpoint), AddressError> {
    Ok((
        cluster(source, scope.source_ca.as_deref(), scope.source_api_key.as_deref())?,
        cluster(target, scope.target_ca.as_deref(), scope.target_api_key.as_deref())?,
    ))
}

/// A cluster by its address, the authority it is trusted by, and a key instead of the address's login.
pub(super) fn cluster(
    url: &str,
    ca: Option<&Path>,
    key: Option<&str>,
) -> Result<ElasticsearchEndpoint, AddressError> {
    let mut endpoint = ElasticsearchEndpoint::from_url(url)?;
    endpoint.ca_pem = ca.map(certificate).transpose()?;
    if let Some(key) = key {
        endpoint.auth = ElasticsearchAuth::ApiKey(SecretString::from(key.to_owned()));
    }
    Ok(endpoint)
}

/// Two databases or two servers; what one of each kind tells cannot be compared.
fn keycloaks(arguments: &KeycloakArguments) -> Result<KeycloakPair, AddressError> {
    let KeycloakArguments { source, target, .. } = arguments;
    let is_database = |url: &str| url.starts_with("postgres");
    if is_database(source) != is_database(target) {
        return Err(AddressError::new(
            "a Keycloak database and an admin API do not compare: give two postgres:// or two https:// addresses",
        ));
    }
    if is_database(source) {
        if login::is_asked(&arguments.login) {
            return Err(AddressError::new("a login needs two servers: give https:// addresses with --login"));
        }
        let (source, source_database) = PostgresEndpoint::from_url(source)?;
        let (target, target_database) = PostgresEndpoint::from_url(target)?;
        let Some(name) = source_database.clone().or(target_database.clone()) else {
            return Err(AddressError::new("neither address names the database of Keycloak"));
        };
        let database = DatabasePair {
            source: source_database.unwrap_or_else(|| name.clone()),
            target: target_database.unwrap_or(name),
        };
        return Ok(KeycloakPair::Databases { source, target, database });
    }
    let one = |url: &str, ca: &Option<PathBuf>| {
        let mut endpoint = KeycloakEndpoint::from_url(url)?;
        endpoint.realm.clone_from(&arguments.admin_realm);
        endpoint.grant = match arguments.grant {
            Grant::Password => KeycloakGrant::Password,
            Grant::ClientCredentials => KeycloakGrant::ClientCredentials,
        };
        endpoint.ca_pem = ca.as_deref().map(certificate).transpose()?;
        Ok::<_, AddressError>(endpoint)
    };
    Ok(KeycloakPair::Servers {
        source: one(source, &arguments.source_ca)?,
        target: one(target, &arguments.target_ca)?,
        login: login::request(&arguments.login)?,
    })
}

fn certificate(path: &Path) -> Result<String, AddressError> {
    std::fs::read_to_string(path)
        .map_err(|e| AddressError::new(format!("cannot read the certificate {}: {e}", path.display())))
}

type Servers = ((PostgresEndpoint, PostgresEndpoint), Vec<DatabasePair>);

fn servers(source: &str, target: &str, databases: &[String]) -> Result<Servers, AddressError> {
    let (source, source_database) = PostgresEndpoint::from_url(source)?;
    let (target, target_database) = PostgresEndpoint::from_url(target)?;
    let mut pairs: Vec<DatabasePair> = databases
        .iter()
        .map(|name| match name.split_once('=') {
            Some((source, target)) => DatabasePair { source: source.to_owned(), target: target.to_owned() },
            None => DatabasePair::same(name),
        })
        .collect();
    if pairs.is_empty() {
        match (source_database, target_database) {
            (Some(source), Some(target)) => pairs.push(DatabasePair { source, target }),
            (Some(one), None) | (None, Some(one)) => pairs.push(DatabasePair::same(one)),
            // None at all: every database of the source.
            (None, None) => {}
        }
    }
    Ok(((source, target), pairs))
}
