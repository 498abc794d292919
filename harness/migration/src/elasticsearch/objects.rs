//! What a cluster keeps beside indices and templates: ingest pipelines, stored scripts, lifecycle policies.

use super::encode;
use crate::context::{Facts, Reporter};
use crate::error::MigrationError;
use crate::without::Without;
use drydock_stores::elasticsearch::{Client, ElasticsearchError};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A kind of object.
struct Family {
    what: &'static str,
    fact: &'static str,
    path: &'static str,
}

const PIPELINES: Family =
    Family { what: "ingest pipeline", fact: "ingest_pipelines", path: "/_ingest/pipeline" };
const SCRIPTS: Family = Family { what: "stored script", fact: "stored_scripts", path: "/_scripts" };
const POLICIES: Family =
    Family { what: "lifecycle policy", fact: "lifecycle_policies", path: "/_ilm/policy" };

/// Carries all of them that the store did not make itself. One that the target has already, with other contents, is left
/// alone and told.
pub(crate) async fn carry(
    source: &Client,
    target: &Client,
    reporter: &dyn Reporter,
) -> Result<Facts, MigrationError> {
    let mut facts = Facts::new();
    if Without::Objects.is_gone() {
        return Ok(facts);
    }
    for family in [PIPELINES, SCRIPTS, POLICIES] {
        let (Some(from), Some(to)) = (read(source, &family).await?, read(target, &family).await?) else {
            reporter.note(&format!("{}: one of the clusters does not know them", family.what));
            continue;
        };
        let mut carried = 0_u64;
        for (name, body) in from {
            match to.get(&name) {
                Some(same) if *same == body => continue,
                Some(_) => {
                    reporter.note(&format!(
                        "{} {name} exists on the target with other contents and was left alone",
                        family.what
                    ));
                    continue;
                }
                None => {}
            }
            target.put(&format!("{}/{}", family.path, encode(&name)), &body).await.map_err(|e| {
                MigrationError::elasticsearch(format!("write {} {name} to the target", family.what), &e)
            })?;
            carried += 1;
        }
        facts.insert(family.fact.into(), json!(carried));
    }
    Ok(facts)
}

/// Objects of a family by name, in the form in which they are written; nothing if the store does not know the family.
async fn read(client: &Client, family: &Family) -> Result<Option<BTreeMap<String, Value>>, MigrationError> {
    let path = match family.path {
        // There is no list of stored scripts but in the cluster's state.
        "/_scripts" => "/_cluster/state/metadata?filter_path=metadata.stored_scripts",
        path => path,
    };
    match client.get(path).await {
        Ok(answer) => Ok(Some(parse(family, &answer))),
        // Asked for all of none, some families say so.
        Err(e) if e.is_not_found() => Ok(Some(BTreeMap::new())),
        Err(e) if unknown(&e) => Ok(None),
        Err(e) => Err(MigrationError::elasticsearch(format!("read {path} of {}", client.url()), &e)),
    }
}

/// Small builds answer so for what they lack, and managed services for what they forbid.
fn unknown(error: &ElasticsearchError) -> bool {
    matches!(error.status(), Some(400 | 401 | 403 | 405 | 410))
}

fn parse(family: &Family, answer: &Value) -> BTreeMap<String, Value> {
    let objects = match family.path {
        "/_scripts" => &answer["metadata"]["stored_scripts"],
        _ => answer,
    };
    objects
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, body)| {
            let managed = body["_meta"]["managed"] == true || body["policy"]["_meta"]["managed"] == true;
            !name.starts_with('.') && !managed
        })
        .map(|(name, body)| {
            let body = match family.path {
                "/_scripts" => json!({"script": body}),
                "/_ilm/policy" => json!({"policy": body["policy"]}),
                _ => {
                    let mut body = body.clone();
                    if let Some(object) = body.as_object_mut() {
                        object.retain(|key, _| {
                            !key.starts_with("created_date") && !key.starts_with("modified_date")
                        });
                    }
                    body
                }
            };
            (name.clone(), body)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stores_own_objects_stay_the_stores() {
        let answer = json!({
            "mine": {"version": 1, "modified_date": "x", "policy": {"phases": {}}},
            "theirs": {"policy": {"_meta": {"managed": true}, "phases": {}}},
            ".hidden": {"policy": {"phases": {}}}
        });
        assert_eq!(
            parse(&POLICIES, &answer),
            BTreeMap::from([("mine".into(), json!({"policy": {"phases": {}}}))])
        );
        let scripts = json!({"metadata": {"stored_scripts": {"s": {"lang": "painless", "source": "1"}}}});
        assert_eq!(parse(&SCRIPTS, &scripts)["s"], json!({"script": {"lang": "painless", "source": "1"}}));
        let pipelines = json!({"p": {"processors": [], "_meta": {"managed": true}}, "q": {"processors": []}});
        assert_eq!(parse(&PIPELINES, &pipelines).len(), 1);
    }
}
