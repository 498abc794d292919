//! `drydock estimate`: how long users are going to wait, and how sure that is.

use super::bench;
use crate::cli::{Estimate as Arguments, LiveVolumes, Where};
use drydock_core::ExitCode;
use drydock_core::scenario::MigrationSpec;
use drydock_estimate::{Asked, Estimates, History, Meets, Question, estimate, upstream};
use drydock_rehearsal::bench::{measure_machine, read_history};
use drydock_report::estimate::{Subject, page};
use drydock_stores::PostgresEndpoint;
use drydock_stores::elasticsearch::{Client, Scope, Timeouts};
use drydock_stores::endpoint::AddressError;
use drydock_stores::volumes::{cluster_volumes, server_volumes};
use std::path::Path;

/// What stands for the published rates instead of a file.
const UPSTREAM: &str = "upstream";
/// Documents of the two published migrations.
const PUBLISHED: [u64; 2] = [0, 6_500_000];

/// Estimates every way, and prints.
pub(crate) async fn run(arguments: &Arguments) -> ExitCode {
    let budget_seconds = match arguments.budget.as_deref().map(budget).transpose() {
        Ok(budget) => budget,
        Err(error) => return usage(&error),
    };
    let published = arguments.history == Path::new(UPSTREAM);
    let history = match published {
        true => History { runs: upstream::runs(&PUBLISHED), torn: false },
        false => match read_history(&arguments.history) {
            Ok(history) => history,
            Err(error) => {
                let code = bench::fail(error);
                super::tell("measure one with `drydock bench`, or name another with --history");
                return code;
            }
        },
    };
    let asked = match asked(arguments).await {
        Ok(asked) => asked,
        Err(Unread::Address(error)) => return usage(&error.to_string()),
        Err(Unread::Store(error)) => {
            super::tell(&format!("error: {error}"));
            return ExitCode::NotProven;
        }
    };
    if asked.documents.is_none() && asked.bytes.is_none() && asked.row_bytes.is_none() {
        return usage("nothing to estimate: give --documents or --bytes, or the address of a --source");
    }
    let here = match arguments.on {
        // What was published was measured on nobody's machine here.
        Where::Here if !published => {
            let folder = arguments.history.parent().map(Path::to_owned).unwrap_or_default();
            tokio::task::spawn_blocking(move || measure_machine(&folder)).await.ok()
        }
        _ => None,
    };
    let question = Question {
        asked,
        ways: arguments.movers.clone(),
        scenario: arguments.scenario.clone(),
        level: f64::from(arguments.level) / 100.0,
        budget_seconds,
        here,
        ..Question::default()
    };
    let estimates = estimate(&history, &question);
    if arguments.json {
        super::print_value(&estimates);
    } else {
        super::print(&drydock_report::estimate::render(&estimates));
    }
    let page = |path: &Path| write_page(path, &estimates, &history, Subject::Estimate);
    match arguments.html.as_deref().map(page) {
        Some(Err(code)) => code,
        _ => exit(&estimates),
    }
}

/// Writes the page of estimates and tells where it is.
pub(super) fn write_page(
    path: &Path,
    estimates: &Estimates,
    history: &History,
    subject: Subject,
) -> Result<(), ExitCode> {
    match drydock_report::write_page(path, &page(estimates, history, subject)) {
        Ok(()) => {
            super::tell(&format!("page: {}", path.display()));
            Ok(())
        }
        Err(error) => {
            super::tell(&format!(
                "error: cannot write the page {}: {error}; give another place with --html",
                path.display()
            ));
            Err(ExitCode::Usage)
        }
    }
}

/// 3 without any figure; 4 if there is a budget and no way meets it by its estimate.
fn exit(estimates: &Estimates) -> ExitCode {
    if estimates.estimates.iter().all(|e| e.seconds.is_none()) {
        return ExitCode::NotProven;
    }
    let meets = |m: Meets| matches!(m, Meets::Surely | Meets::Perhaps);
    let met = estimates.estimates.iter().any(|e| e.meets.is_some_and(|b| meets(b.meets)));
    if estimates.budget_seconds.is_some() && !met { ExitCode::BudgetMissed } else { ExitCode::Equal }
}

fn usage(error: &str) -> ExitCode {
    super::tell(&format!("error: {error}"));
    ExitCode::Usage
}

fn budget(text: &str) -> Result<f64, String> {
    let duration: jiff::SignedDuration =
        text.parse().map_err(|_| format!("{text} is no duration: write 30min, 90s or 1h 30min"))?;
    match duration.as_secs_f64() {
        seconds if seconds > 0.0 => Ok(seconds),
        _ => Err(format!("a budget of {text} leaves no time at all")),
    }
}

enum Unread {
    Address(AddressError),
    Store(String),
}

impl From<AddressError> for Unread {
    fn from(error: AddressError) -> Self {
        Self::Address(error)
    }
}

/// The volumes: what was named counts before what a store tells.
async fn asked(arguments: &Arguments) -> Result<Asked, Unread> {
    let mut asked = live(&arguments.live).await?;
    let named = |named: Option<u64>, told: &mut Option<u64>| *told = named.or(*told);
    named(arguments.documents, &mut asked.documents);
    named(arguments.bytes, &mut asked.bytes);
    named(arguments.postgres, &mut asked.row_bytes);
    named(arguments.indices, &mut asked.indices);
    named(arguments.largest_index, &mut asked.largest_index_bytes);
    named(arguments.changed, &mut asked.changed);
    Ok(asked)
}

async fn live(live: &LiveVolumes) -> Result<Asked, Unread> {
    let mut asked = Asked::default();
    if let Some(url) = &live.source {
        let endpoint =
            super::verify::cluster(url, live.source_ca.as_deref(), live.source_api_key.as_deref())?;
        let prefixes = match live.prefixes.as_slice() {
            [] => MigrationSpec::default().index_prefixes,
            given => given.to_vec(),
        };
        let failed = |e: drydock_stores::elasticsearch::ElasticsearchError| {
            Unread::Store(format!(
                "cannot read the volumes of the source cluster: {e}; the privileges monitor and read are enough"
            ))
        };
        let client = Client::new(&endpoint, Timeouts::default()).map_err(failed)?;
        let volumes =
            cluster_volumes(&client, &Scope { prefixes: prefixes.clone() }).await.map_err(failed)?;
        if volumes.indices == 0 {
            return Err(Unread::Store(format!(
                "the source cluster has no index that begins with {}: name others with --prefix",
                prefixes.join(", ")
            )));
        }
        if volumes.closed > 0 {
            super::tell(&format!(
                "warning: {} closed indices of the source were neither counted nor measured",
                volumes.closed
            ));
        }
        asked.documents = Some(volumes.documents);
        asked.bytes = Some(volumes.bytes);
        asked.indices = Some(volumes.indices);
        asked.largest_index_bytes = Some(volumes.largest_index_bytes);
    }
    if let Some(url) = &live.postgres_source {
        let (endpoint, database) = PostgresEndpoint::from_url(url)?;
        let mut names = live.databases.clone();
        if names.is_empty() {
            names.extend(database.clone());
        }
        let volumes = server_volumes(&endpoint, database.as_deref(), &names)
            .await
            .map_err(|e| Unread::Store(format!("cannot read the volumes of the source server: {e}")))?;
        if let Some(absent) = names.iter().find(|name| !volumes.databases.contains(name)) {
            return Err(Unread::Store(format!("the source server has no database {absent}")));
        }
        asked.row_bytes = Some(volumes.bytes);
        asked.tables = Some(volumes.tables);
    }
    Ok(asked)
}
