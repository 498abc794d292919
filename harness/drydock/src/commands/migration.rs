//! `drydock verify migration` and `topology`: what a migration to 8.8 and its brokers tell of themselves, live or saved.

use super::live::Unread;
use super::objects::tell;
use crate::cli::{Migration, Topology};
use drydock_cluster::{fetch, without_login};
use drydock_core::ExitCode;
use drydock_core::names::checks;
use drydock_helm::{Check, migration, topology};
use std::path::Path;
use std::time::Instant;

/// Path of the topology below a gateway's or broker's address.
const TOPOLOGY: &str = "/v2/topology";

/// Judges the data migration.
pub(crate) async fn run(arguments: &Migration) -> ExitCode {
    let began = Instant::now();
    match parts(arguments).await {
        Ok(parts) => {
            let made = vec![migration::together(parts)];
            tell("migration", &[checks::MIGRATION_DATA], made, began, &arguments.files, &arguments.output)
        }
        Err(unread) => unread.tell(),
    }
}

async fn parts(arguments: &Migration) -> Result<Vec<Check>, Unread> {
    let mut parts = Vec::new();
    let scrape = match (&arguments.metrics, &arguments.metrics_url) {
        (Some(file), _) => Some(text(file)?),
        (None, Some(url)) => Some(fetch(url).await.map_err(|e| Unread::Surroundings(e.to_string()))?),
        (None, None) => None,
    };
    let mut documents = arguments.documents;
    if let Some(url) = &arguments.store.source {
        let (count, looks) = super::migrated_store::look(url, arguments).await?;
        parts.extend(looks);
        documents = documents.or(count);
    }
    if let Some(scrape) = scrape {
        parts.push(migration::migrated(&scrape, documents));
    }
    if !arguments.objects.is_empty() {
        let objects = super::objects::read(&arguments.objects).map_err(Unread::Usage)?;
        parts.push(migration::jobs(&objects));
        parts.push(migration::regions(&objects));
    }
    for file in &arguments.positions {
        parts.push(migration::importers(&file.display().to_string(), &text(file)?, arguments.partitions));
    }
    if let Some(file) = &arguments.indices {
        let asked = file.display().to_string();
        parts.push(migration::harmonised(&asked, &text(file)?, &arguments.store.index_prefix));
    }
    Ok(parts)
}

/// Judges the topology as each of those who were asked tells it.
pub(crate) async fn topology(arguments: &Topology) -> ExitCode {
    let began = Instant::now();
    let answers = match answers(arguments).await {
        Ok(answers) => answers,
        Err(unread) => return unread.tell(),
    };
    let made = vec![topology::judge(&answers)];
    tell("topology", &[checks::TOPOLOGY], made, began, &arguments.files, &arguments.output)
}

async fn answers(arguments: &Topology) -> Result<Vec<topology::Answer>, Unread> {
    let mut answers = Vec::new();
    for file in &arguments.file {
        answers.push(topology::read(&file.display().to_string(), &text(file)?).map_err(Unread::Usage)?);
    }
    for address in &arguments.address {
        let whole = format!("{}{TOPOLOGY}", address.trim_end_matches('/').trim_end_matches(TOPOLOGY));
        let answer = fetch(&whole).await.map_err(|e| Unread::Surroundings(e.to_string()))?;
        answers.push(topology::read(&without_login(address), &answer).map_err(Unread::Surroundings)?);
    }
    Ok(answers)
}

fn text(file: &Path) -> Result<String, Unread> {
    std::fs::read_to_string(file).map_err(|e| Unread::Usage(format!("cannot read {}: {e}", file.display())))
}
