//! What a way back needs: a description of the source as it was before the freeze, and the dumps until the clean-up.

use crate::context::{Facts, MigrationContext};
use crate::elasticsearch::{Inventory, Prefixes, State};
use crate::error::MigrationError;
use drydock_core::Component;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

/// Where the description lies.
pub(crate) fn file(cx: &MigrationContext) -> PathBuf {
    cx.run_dir.join("way-back.json")
}

/// Writes `way-back.json` once. A second attempt keeps the first file: what it would describe now may be harmed already.
pub(crate) async fn save(cx: &MigrationContext) -> Result<Facts, MigrationError> {
    let path = file(cx);
    let (text, state) = match std::fs::read(&path) {
        Ok(text) => (text, "kept"),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let text = describe(cx).await?.to_string().into_bytes();
            // Whole or not at all: a killed run must not leave half a description.
            let partial = path.with_extension("partial");
            let written = std::fs::File::create(&partial)
                .and_then(|mut f| f.write_all(&text).and_then(|()| f.sync_all()))
                .and_then(|()| std::fs::rename(&partial, &path));
            written.map_err(|e| MigrationError::io("write", &path, &e))?;
            (text, "written")
        }
        Err(e) => return Err(MigrationError::io("read", &path, &e)),
    };
    Ok(Facts::from([
        ("file".into(), json!("way-back.json")),
        ("state".into(), json!(state)),
        ("blake3".into(), json!(blake3::hash(&text).to_hex().to_string())),
    ]))
}

async fn describe(cx: &MigrationContext) -> Result<Value, MigrationError> {
    let side = |pair: &drydock_stores::StorePair| {
        json!({
            "postgres": {"host": pair.postgres.host, "port": pair.postgres.port},
            "elasticsearch": cx.redactor().apply(&pair.elasticsearch.url),
        })
    };
    let components = cx.spec.components();
    let databases: Vec<&str> = components.iter().filter_map(|c| c.database()).collect();
    let indices = if components.contains(&Component::Elasticsearch) { indices(cx).await? } else { json!({}) };
    Ok(json!({
        "version": 1,
        "source": side(&cx.source),
        "target": side(&cx.target),
        "databases": databases,
        "indices": indices,
    }))
}

async fn indices(cx: &MigrationContext) -> Result<Value, MigrationError> {
    let client = cx.source_elasticsearch()?;
    let prefixes = Prefixes::new(&cx.spec.index_prefixes);
    let inventory = Inventory::take(&client, &prefixes).await?;
    let path = format!(
        "/{}?expand_wildcards=all&flat_settings=true&filter_path=*.aliases,*.settings.index%2Enumber_of_replicas",
        prefixes.pattern()
    );
    let bodies = client.get(&path).await.map_err(|e| {
        MigrationError::elasticsearch("read the aliases and replicas of the source's indices", &e)
    })?;
    let described: BTreeMap<&str, Value> = inventory
        .indices
        .iter()
        .map(|index| {
            let body = &bodies[&index.name];
            let state = if index.state == State::Open { "open" } else { "closed" };
            let value = json!({
                "state": state,
                "documents": index.documents,
                "replicas": body["settings"]["index.number_of_replicas"],
                "aliases": body["aliases"],
            });
            (index.name.as_str(), value)
        })
        .collect();
    Ok(json!(described))
}

/// Removes the dumps. The way back by dump ends here.
pub(crate) fn remove_dumps(cx: &MigrationContext) -> Result<Facts, MigrationError> {
    let mut bytes = 0;
    let mut files = 0_u64;
    for component in Component::ALL {
        let Ok(list) = std::fs::read_dir(cx.dumps.join(component.as_str())) else { continue };
        for entry in list.flatten() {
            bytes += entry.metadata().map_or(0, |m| m.len());
            files += 1;
        }
    }
    match std::fs::remove_dir_all(&cx.dumps) {
        Ok(()) => {}
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        Err(e) => return Err(MigrationError::io("remove the dumps in", &cx.dumps, &e)),
    }
    Ok(Facts::from([("dumps_removed".into(), json!(files)), ("bytes".into(), json!(bytes))]))
}
