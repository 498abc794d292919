//! An index that was made without its mapping, as when the target refuses the mapping and the first document makes the index.

use super::PlantedItem;
use super::elasticsearch::Planted;
use crate::elasticsearch::encode;
use drydock_stores::elasticsearch::{Client, ElasticsearchError};
use serde_json::{Value, json};

/// Settings that a new index is not given.
const OWN: [&str; 6] = ["uuid", "creation_date", "provided_name", "version", "resize", "routing"];

/// Makes the index again with its settings and aliases and without its mapping, and fills it with its own documents.
pub(super) async fn guess_mapping(client: &Client, index: &str) -> Planted {
    let path = format!("/{}", encode(index));
    let spare = format!("drydock-spare-{}", &blake3::hash(index.as_bytes()).to_hex()[..8]);
    let found = client.get(&path).await?;
    let mut settings = found[index]["settings"]["index"].clone();
    for name in OWN {
        if let Some(settings) = settings.as_object_mut() {
            settings.remove(name);
        }
    }
    let properties = found[index]["mappings"]["properties"].as_object().map_or(0, serde_json::Map::len);
    if properties == 0 {
        return Ok(None);
    }
    // Where a template would give the mapping back, nothing is guessed.
    let simulated = client.post_empty(&format!("/_index_template/_simulate_index/{}", encode(index))).await?;
    if simulated["template"]["mappings"]["properties"].as_object().is_some_and(|p| !p.is_empty()) {
        return Ok(None);
    }
    let plain = json!({"settings": {"number_of_replicas": 0}, "mappings": {"enabled": false}});
    client.put(&format!("/{spare}"), &plain).await?;
    move_all(client, index, &spare).await?;
    client.delete(&path).await?;
    let aliases = found[index]["aliases"].clone();
    let made = json!({"settings": settings, "aliases": aliases, "mappings": {"date_detection": false}});
    let created = client.put(&path, &made).await;
    let filled = match created {
        Ok(_) => move_all(client, &spare, index).await,
        Err(e) => Err(e),
    };
    client.delete(&format!("/{spare}")).await?;
    filled?;
    Ok(Some(PlantedItem { item: index.to_owned(), subject: index.to_owned() }))
}

async fn move_all(client: &Client, from: &str, into: &str) -> Result<(), ElasticsearchError> {
    let body = json!({"source": {"index": from}, "dest": {"index": into, "version_type": "external"}});
    let answer = client.post("/_reindex?refresh=true", &body).await?;
    match answer["failures"].as_array() {
        Some(failures) if failures.is_empty() => Ok(()),
        other => {
            let words = other.and_then(|f| f.first()).unwrap_or(&Value::Null).to_string();
            Err(ElasticsearchError::malformed("POST", "/_reindex", words))
        }
    }
}
