//! Comparison alone, of stores that somebody else runs: read-only, judged and reported as a rehearsal is.

use crate::judge::Docket;
use crate::parts;
use crate::start::{RehearsalError, file_error, ledger_lines};
use crate::witness::Witness;
use drydock_core::event::{RECORD_VERSION, RunStarted};
use drydock_core::names::checks;
use drydock_core::scenario::ledger_from_yaml;
use drydock_core::{CheckId, Clock, Event, Plan, Redactor, Scenario, Summary, SystemClock};
use drydock_stores::compare::{self, CheckResult, DatabasePair, Options, Part, ProbeWrites, Share};
use drydock_stores::elasticsearch::Scope;
use drydock_stores::endpoint::ElasticsearchAuth;
use drydock_stores::keycloak::{KeycloakEndpoint, LoginRequest};
use drydock_stores::postgres::{APPLICATION_NAME, connect};
use drydock_stores::{ElasticsearchEndpoint, PostgresEndpoint};
use secrecy::ExposeSecret;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What every migration by dump and reindex shows although nothing is lost.
pub(crate) const STANDARD_LEDGER: &str = include_str!("../../../fixtures/expected/standard.yaml");

/// What to compare.
#[derive(Debug, Clone, Default)]
pub struct VerifyOptions {
    /// Two clusters.
    pub elasticsearch: Option<(ElasticsearchEndpoint, ElasticsearchEndpoint)>,
    /// Index name prefixes; empty for all but system indices.
    pub prefixes: Vec<String>,
    /// Two servers.
    pub postgres: Option<(PostgresEndpoint, PostgresEndpoint)>,
    /// Databases; empty for every database of the source.
    pub databases: Vec<DatabasePair>,
    /// What proves the checks before they are made.
    pub witness: Witness,
    /// How the comparison is run.
    pub tuning: Options,
    /// Two Keycloaks.
    pub keycloak: Option<KeycloakPair>,
    /// Keycloak realms; empty for all.
    pub realms: Vec<String>,
    /// Folder with what shares of this comparison have found of documents and rows, where they have: it is taken instead of
    /// reading them.
    pub merge: Option<PathBuf>,
}

/// Where two Keycloaks are read.
#[derive(Debug, Clone)]
pub enum KeycloakPair {
    /// In their databases.
    Databases {
        /// The source's server.
        source: PostgresEndpoint,
        /// The target's server.
        target: PostgresEndpoint,
        /// The database on each.
        database: DatabasePair,
    },
    /// Through the admin API.
    Servers {
        /// The source.
        source: KeycloakEndpoint,
        /// The target.
        target: KeycloakEndpoint,
        /// An account to log in with on both.
        login: Option<LoginRequest>,
    },
}

/// Compares, judges, and writes reports into `folder` if there is one.
///
/// # Errors
/// A ledger is wrong, or the folder cannot be written. What cannot be compared is in the summary.
pub async fn verify(
    options: &VerifyOptions,
    ledgers: &[PathBuf],
    folder: Option<&Path>,
) -> Result<Summary, RehearsalError> {
    let started = started(options, ledgers)?;
    let (seed, asked) = (started.scenario.seed, started.plan.checks.clone());
    let all: Vec<CheckId> = started.plan.checks.clone();
    let mut docket = Docket::open(SystemClock::start(), started, redactor(options))?;
    // Beside the comparison, which mostly waits for the stores.
    let witness = options.witness.0;
    let proof = tokio::task::spawn_blocking(move || witness(seed, &asked));
    let parts = options.merge.as_deref().map(|folder| parts::read_all(folder, options)).transpose();
    let results = match parts {
        Ok(parts) => {
            let tuning = Options { parts: parts.map(Arc::new), ..options.tuning.clone() };
            compared(options, &tuning).await
        }
        // What some of the shares found may have to be told otherwise once all are there.
        Err(why) => not_merged(&all, &why),
    };
    let proof = proof.await.map_err(|e| file_error("the witness cannot prove itself")(e.into()))?;
    docket.append(Event::Proof(proof))?;
    for result in results {
        docket.enter(result)?;
    }
    docket.close(folder)
}

/// Every check that was asked for, with why the shares could not be put together.
fn not_merged(asked: &[CheckId], why: &str) -> Vec<CheckResult> {
    let next =
        "let every share write its part into this folder, with the options of this command, then merge again";
    let known = checks::ELASTICSEARCH.iter().chain(&checks::POSTGRES).chain(&checks::KEYCLOAK);
    let known = known.chain(&[checks::PG_WRITES, checks::KC_LOGINS]);
    known
        .filter(|check| asked.iter().any(|id| id.as_str() == **check))
        .map(|check| CheckResult::not_compared(check, "parts", why, next))
        .collect()
}

/// Compares the documents and rows of one share, and writes what it found into a folder. Definitions and everything else that is
/// cheap is left to whoever merges the parts.
///
/// # Errors
/// A store cannot be read, in words; or the folder cannot be written.
pub async fn verify_share(
    options: &VerifyOptions,
    share: Share,
    folder: &Path,
) -> Result<WrittenPart, RehearsalError> {
    let unread = |why: String| RehearsalError::Unread { share: share.to_string(), why };
    let began = Instant::now();
    let (witness, asked) = (options.witness.0, started(options, &[])?);
    let proof = tokio::task::spawn_blocking(move || witness(asked.scenario.seed, &asked.plan.checks));
    let mut part = Part::default();
    if let Some((source, target)) = &options.elasticsearch {
        let scope = Scope { prefixes: options.prefixes.clone() };
        let found = compare::part_of_elasticsearch(source, target, &scope, &options.tuning, share).await;
        part = part.with(found.map_err(unread)?);
    }
    if let Some((source, target)) = &options.postgres {
        let pairs = databases(source, &options.databases).await.map_err(unread)?;
        let found = compare::part_of_postgres(source, target, &pairs, &options.tuning, share).await;
        part = part.with(found.map_err(unread)?);
    }
    let proof = proof.await.map_err(|e| file_error("the witness cannot prove itself")(e.into()))?;
    if !proof.holds() {
        return Err(unread("this build does not see what it has to see: `drydock prove` tells what".into()));
    }
    let ((indices, tables), items) = (part.compared(), part.items());
    let failed = || format!("cannot write the part into {}", folder.display());
    let path =
        parts::write(folder, share, options, part, &redactor(options)).map_err(file_error(failed()))?;
    Ok(WrittenPart { path, indices, tables, items, took: began.elapsed() })
}

/// What a share wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenPart {
    /// Its file.
    pub path: PathBuf,
    /// Indices that belong to the share.
    pub indices: usize,
    /// Tables that belong to it, the large objects of a database among them as one.
    pub tables: usize,
    /// Documents and rows of the source that were compared.
    pub items: u64,
    /// How long it took.
    pub took: Duration,
}

async fn compared(options: &VerifyOptions, tuning: &Options) -> Vec<CheckResult> {
    let mut results = Vec::new();
    if let Some((source, target)) = &options.elasticsearch {
        let scope = Scope { prefixes: options.prefixes.clone() };
        results.extend(compare::elasticsearch(source, target, &scope, tuning).await);
    }
    if let Some((source, target)) = &options.postgres {
        match databases(source, &options.databases).await {
            Ok(pairs) => results.extend(compare::postgres(source, target, &pairs, tuning).await),
            Err(why) => results.extend(checks::POSTGRES.map(|check| {
                CheckResult::not_compared(
                    check,
                    "source",
                    &why,
                    "look at address, role and password of the source",
                )
            })),
        }
    }
    if let Some(pair) = &options.keycloak {
        results.extend(keycloak(pair, &options.realms, tuning).await);
    }
    results
}

fn started(options: &VerifyOptions, ledgers: &[PathBuf]) -> Result<RunStarted, RehearsalError> {
    let mut asked: Vec<CheckId> = Vec::new();
    if options.elasticsearch.is_some() {
        asked.extend(checks::ELASTICSEARCH.map(CheckId::from));
    }
    if options.postgres.is_some() {
        asked.extend(checks::POSTGRES.map(CheckId::from));
    }
    if options.keycloak.is_some() {
        asked.extend(checks::KEYCLOAK.map(CheckId::from));
    }
    if let Some(KeycloakPair::Servers { login: Some(_), .. }) = &options.keycloak {
        asked.push(checks::KC_LOGINS.into());
    }
    if options.postgres.is_some() && options.tuning.probes == ProbeWrites::RolledBack {
        asked.push(checks::PG_WRITES.into());
    }
    let mut ledger = ledger_from_yaml("the built-in ledger", STANDARD_LEDGER)?.expected;
    ledger.extend(ledger_lines(ledgers.iter().cloned())?);
    let clock = SystemClock::start();
    Ok(RunStarted {
        record_version: RECORD_VERSION,
        drydock: env!("CARGO_PKG_VERSION").to_owned(),
        run: crate::clock::run_id("verify", clock.now()),
        scenario_file: String::new(),
        scenario: Scenario::from_yaml("verify", "name: verify")?,
        plan: Plan { steps: Vec::new(), checks: asked },
        ledger,
        machine: BTreeMap::new(),
    })
}

fn redactor(options: &VerifyOptions) -> Redactor {
    let mut redactor = Redactor::default();
    for endpoint in options.elasticsearch.iter().flat_map(|(a, b)| [a, b]) {
        match &endpoint.auth {
            ElasticsearchAuth::None => {}
            ElasticsearchAuth::Basic { password, .. } => redactor.add(password.expose_secret()),
            ElasticsearchAuth::ApiKey(key) => redactor.add(key.expose_secret()),
        }
    }
    for endpoint in options.postgres.iter().flat_map(|(a, b)| [a, b]) {
        redactor.add(endpoint.password_for_client());
    }
    match &options.keycloak {
        None => {}
        Some(KeycloakPair::Databases { source, target, .. }) => {
            redactor.add(source.password_for_client());
            redactor.add(target.password_for_client());
        }
        Some(KeycloakPair::Servers { source, target, login }) => {
            redactor.add(source.secret.expose_secret());
            redactor.add(target.secret.expose_secret());
            if let Some(LoginRequest { user, client_secret, .. }) = login {
                let secrets = user.iter().map(|(_, password)| password).chain(client_secret);
                secrets.for_each(|secret| redactor.add(secret.expose_secret()));
            }
        }
    }
    redactor
}

async fn keycloak(pair: &KeycloakPair, realms: &[String], tuning: &Options) -> Vec<CheckResult> {
    match pair {
        KeycloakPair::Servers { source, target, login } => {
            let mut results = compare::keycloak_servers(source, target, realms).await;
            if let Some(login) = login {
                results.push(compare::keycloak_logins(source, target, login).await);
            }
            results
        }
        KeycloakPair::Databases { source, target, database } => {
            compare::keycloak_databases(source, target, database, realms, tuning).await
        }
    }
}

/// The databases asked for, or every one of the source that holds user data.
async fn databases(source: &PostgresEndpoint, asked: &[DatabasePair]) -> Result<Vec<DatabasePair>, String> {
    if !asked.is_empty() {
        return Ok(asked.to_vec());
    }
    let session = connect(source, "postgres", APPLICATION_NAME).await.map_err(|e| e.to_string())?;
    let rows = session
        .query(
            "SELECT datname::text FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY 1",
            &[],
        )
        .await
        .map_err(|e| e.to_string())?;
    let names: Vec<String> = rows.iter().map(|r| r.get(0)).collect();
    // The maintenance database is compared only where it is the only one.
    let others: Vec<DatabasePair> =
        names.iter().filter(|n| *n != "postgres").map(DatabasePair::same).collect();
    Ok(if others.is_empty() { names.iter().map(DatabasePair::same).collect() } else { others })
}
