//! The namespaces of a run in a cluster of others: made once, known again by a mark that nobody else has, and removed by that mark
//! alone.

use super::super::place::Namespaces;
use crate::containers::Marks;
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::random::{hex, random_bytes};
use k8s_openapi::api::core::v1::Namespace;
use kube::Client;
use kube::api::{Api, DeleteParams, PostParams, Preconditions};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::future::Future;
use std::time::{Duration, Instant};

/// Label: a random text of the run that made the namespace.
const MARK: &str = "drydock.mark";
/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(20);
/// How long everything in a namespace may take to go: pods have half a minute.
const GOING: Duration = Duration::from_secs(240);
const LOOK: Duration = Duration::from_millis(500);

/// What a run has in a cluster of others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Claim {
    /// Their names.
    pub(in super::super) namespaces: Namespaces,
    mark: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

impl Claim {
    /// Chooses names and mark for a new run. Nothing is asked yet.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(super) fn choose(marks: &Marks, namespaces: Namespaces) -> Result<Self> {
        let mark = hex(&random_bytes::<16>()?);
        let annotations: BTreeMap<String, String> = marks.labels().into_iter().collect();
        let told = annotations.iter().map(|(name, value)| (name.clone(), as_label(value)));
        let mut labels: BTreeMap<String, String> = told.collect();
        labels.insert("app.kubernetes.io/managed-by".to_owned(), "drydock".to_owned());
        labels.insert(MARK.to_owned(), mark.clone());
        Ok(Self { namespaces, mark, labels, annotations })
    }

    /// Makes the namespaces. One that is there already is somebody else's, as long as it does not carry this mark.
    ///
    /// # Errors
    /// One is there, or the server refuses. What was made before stays, to be removed by its mark.
    pub(super) async fn make(&self, client: &Client) -> Result<()> {
        let api: Api<Namespace> = Api::all(client.clone());
        for name in self.namespaces.both() {
            if let Some(there) = look(&api, name).await? {
                return Err(taken(name, &there));
            }
        }
        for name in self.namespaces.both() {
            let wanted: Namespace = serde_json::from_value(json!({
                "metadata": {"name": name, "labels": self.labels, "annotations": self.annotations},
            }))
            .unwrap_or_default();
            let made = ask("make", name, async {
                match api.create(&PostParams::default(), &wanted).await {
                    Err(kube::Error::Api(status)) if status.code == 409 => Ok(None),
                    other => other.map(Some),
                }
            });
            if made.await?.is_none() {
                return Err(taken(name, &Namespace::default()));
            }
        }
        Ok(())
    }

    /// Names of those that are there and are the run's.
    ///
    /// # Errors
    /// The server does not tell.
    pub(super) async fn standing(&self, client: &Client) -> Result<Vec<String>> {
        let api: Api<Namespace> = Api::all(client.clone());
        let mut standing = Vec::new();
        for name in self.namespaces.both() {
            if look(&api, name).await?.is_some_and(|found| self.is_ours(&found)) {
                standing.push(name.to_owned());
            }
        }
        Ok(standing)
    }

    /// Removes those that are the run's, with everything in them, and waits until they are gone. One that carries another mark is
    /// somebody else's and stays.
    ///
    /// # Errors
    /// The server refuses, or something in one of them does not go.
    pub(in super::super) async fn remove(&self, client: Client) -> Result<()> {
        let api: Api<Namespace> = Api::all(client);
        let mut going = Vec::new();
        for name in self.namespaces.both() {
            let Some(found) = look(&api, name).await?.filter(|found| self.is_ours(found)) else { continue };
            let uid = found.metadata.uid.clone();
            // Another one of this name may be there by the time that the server hears of it.
            let parameters = DeleteParams {
                preconditions: Some(Preconditions { uid: uid.clone(), resource_version: None }),
                ..DeleteParams::default()
            };
            let removed = ask("remove", name, async {
                match api.delete(name, &parameters).await {
                    Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
                    other => other.map(drop),
                }
            });
            removed.await?;
            going.push((name, uid));
        }
        let began = Instant::now();
        for (name, uid) in going {
            while let Some(left) = look(&api, name).await?.filter(|found| found.metadata.uid == uid) {
                if began.elapsed() > GOING {
                    return Err(stuck(name, &left));
                }
                tokio::time::sleep(LOOK).await;
            }
        }
        Ok(())
    }

    fn is_ours(&self, found: &Namespace) -> bool {
        found.metadata.labels.as_ref().and_then(|labels| labels.get(MARK)) == Some(&self.mark)
    }
}

/// A text as the value of a label: itself where it may be one, else its digest.
fn as_label(text: &str) -> String {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let fits = text.len() <= 63
        && ends(text.chars().next())
        && ends(text.chars().last())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if fits { text.to_owned() } else { hex(&Sha256::digest(text)[..16]) }
}

async fn look(api: &Api<Namespace>, name: &str) -> Result<Option<Namespace>> {
    ask("look at", name, api.get_opt(name)).await
}

async fn ask<T>(doing: &str, name: &str, request: impl Future<Output = kube::Result<T>>) -> Result<T> {
    let failed = |why: &dyn Display| {
        EnvironmentError::new(
            EnvironmentProblem::Cluster,
            format!("the API server of the context does not {doing} the namespace {name}: {why}"),
            "look whether the cluster can be reached with this context, then run again; `drydock clean` removes what is left",
        )
    };
    match tokio::time::timeout(REQUEST, request).await {
        Ok(answer) => answer.map_err(|e| failed(&super::words(&e))),
        Err(_) => Err(failed(&format!("no answer within {} s", REQUEST.as_secs()))),
    }
}

fn taken(name: &str, there: &Namespace) -> EnvironmentError {
    let since = there.metadata.creation_timestamp.as_ref().map(|t| format!(" since {}", t.0));
    EnvironmentError::new(
        EnvironmentProblem::Configuration,
        format!(
            "the namespace {name} is there{} and is not this run's: nothing in it was looked at or changed",
            since.unwrap_or_default()
        ),
        "remove it if nobody needs it, or rehearse again: every run has a name of its own",
    )
}

fn stuck(name: &str, left: &Namespace) -> EnvironmentError {
    let conditions = left.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let why = conditions.filter(|c| c.status == "True").filter_map(|c| c.message.clone()).next_back();
    EnvironmentError::new(
        EnvironmentProblem::Cluster,
        format!(
            "the namespace {name} is still there after {} s: {}",
            GOING.as_secs(),
            why.unwrap_or_else(|| "the cluster does not say why".to_owned())
        ),
        "find out what holds its objects, then run `drydock clean`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_label_is_told_by_its_digest() {
        for fine in ["tiny-20261122T211718Z-1", "a", "host.example"] {
            assert_eq!(as_label(fine), fine);
        }
        let long = "x".repeat(64);
        for not in ["/var/tmp/drydock", "", "-a", "a_", long.as_str(), "ä"] {
            let label = as_label(not);
            assert_eq!(label.len(), 32, "{not}: {label}");
            assert_ne!(label, as_label(&format!("{not}.")));
        }
    }
}
