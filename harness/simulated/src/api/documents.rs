//! `_bulk`.

use crate::cluster::{Change, Cluster, Operation, Refusal, Versioning};
use serde_json::{Value, json};

/// A version type with its number.
fn external(kind: Option<&str>, version: Option<i64>) -> Result<Versioning, Refusal> {
    match (kind, version) {
        (None | Some("internal"), None) => Ok(Versioning::Internal),
        (Some("external" | "external_gt"), Some(version)) => Ok(Versioning::External(version)),
        (Some("external_gte"), Some(version)) => Ok(Versioning::ExternalGte(version)),
        other => {
            let reason = format!("the simulator knows no writes with {other:?}");
            Err(Refusal::new(400, "illegal_argument_exception", reason))
        }
    }
}

/// Carries out the lines of a body, one after the other, each by itself.
pub(super) fn bulk(cluster: &mut Cluster, index: &str, body: &[u8], now: u64) -> Result<Value, Refusal> {
    let malformed = |what: String| Refusal::new(400, "illegal_argument_exception", what);
    let text = std::str::from_utf8(body).map_err(|e| malformed(e.to_string()))?;
    let mut lines = text.lines();
    let mut items = Vec::new();
    let mut errors = false;
    while let Some(line) = lines.next() {
        let action: Value = serde_json::from_str(line).map_err(|e| malformed(e.to_string()))?;
        let Some((name, about)) = action.as_object().and_then(|a| a.iter().next()) else {
            return Err(malformed("an action without a name".into()));
        };
        let known = ["_id", "routing", "version", "version_type"];
        if let Some(other) = about.as_object().and_then(|a| a.keys().find(|k| !known.contains(&k.as_str()))) {
            return Err(malformed(format!("the simulator knows no bulk parameter [{other}]")));
        }
        let change = match name.as_str() {
            "delete" => Change::Delete,
            "index" | "create" => Change::Index {
                create: name == "create",
                source: lines
                    .next()
                    .ok_or_else(|| malformed("an action without its document".into()))?
                    .into(),
            },
            other => return Err(malformed(format!("the simulator knows no bulk action [{other}]"))),
        };
        let operation = Operation {
            id: about["_id"].as_str().ok_or_else(|| malformed("an action without _id".into()))?.to_owned(),
            routing: about["routing"].as_str().map(ToOwned::to_owned),
            versioning: external(about["version_type"].as_str(), about["version"].as_i64())?,
            change,
        };
        items.push(match cluster.write(index, &operation, now) {
            Ok(done) => json!({name: {"_index": index, "_id": operation.id, "status": done.status,
                "result": done.result, "_version": done.version, "_seq_no": done.seq}}),
            Err(refusal) => {
                errors = true;
                json!({name: {"_index": index, "_id": operation.id, "status": refusal.status,
                    "error": {"type": refusal.kind, "reason": refusal.reason}}})
            }
        });
    }
    Ok(json!({"took": 1, "errors": errors, "items": items}))
}
