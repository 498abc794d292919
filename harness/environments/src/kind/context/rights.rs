//! What a run in namespaces of its own has to be allowed, and asking for all of it before the first write.

use super::super::place::Namespaces;
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use drydock_cluster::{Right, Scope};
use futures_util::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::Client;
use kube::api::{Api, PostParams};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long one answer may take.
const LIMIT: Duration = Duration::from_secs(20);
/// Questions asked at once.
const AT_ONCE: usize = 8;

type Row = (Scope, &'static str, &'static str, &'static [&'static str]);

/// By group and resource, with why.
const OWN: [Row; 14] = [
    // The run's own, made and removed by it. Of one that is there it is asked whose it is.
    (Scope::Cluster, "", "namespaces", &["create"]),
    (Scope::Namespace, "", "namespaces", &["delete", "get"]),
    // Waited for, killed by faults, followed, and reached.
    (Scope::Namespace, "", "pods", &["delete", "get", "list"]),
    (Scope::Namespace, "", "pods/log", &["get"]),
    // Servers before 1.35 ask for the one, later ones for the other.
    (Scope::Namespace, "", "pods/portforward", &["create", "get"]),
    (Scope::Namespace, "", "events", &["list"]),
    // The clean-up of the source removes claims.
    (Scope::Namespace, "", "persistentvolumeclaims", &["delete", "get", "list"]),
    // Notes of the run; the rest are what `helm` installs, upgrades and keeps its releases in.
    (Scope::Namespace, "", "configmaps", &["create", "delete", "get", "patch"]),
    (Scope::Namespace, "", "secrets", &["create", "get", "list", "patch", "update"]),
    (Scope::Namespace, "", "services", &["create", "get", "patch"]),
    (Scope::Namespace, "", "serviceaccounts", &["create", "get", "patch"]),
    (Scope::Namespace, "apps", "deployments", &["create", "get", "list", "patch"]),
    (Scope::Namespace, "apps", "statefulsets", &["create", "get", "list", "patch"]),
    (Scope::Namespace, "apps", "statefulsets/scale", &["patch"]),
];
/// The same where operators keep the targets.
const OPERATED: [Row; 2] = [
    (Scope::Namespace, "postgresql.cnpg.io", "clusters", &["create", "get", "patch"]),
    (Scope::Namespace, "elasticsearch.k8s.elastic.co", "elasticsearches", &["create", "get", "patch"]),
];
/// Beside them, because applications are scaled by it.
const SCALE: Row = (Scope::Namespace, "apps", "deployments/scale", &["patch"]);

/// Everything that a rehearsal in namespaces of its own asks an existing cluster for.
pub fn rights_in_own_namespaces() -> Vec<Right> {
    each(OWN.into_iter().chain([SCALE]))
}

/// What it asks for beside that where operators keep the targets.
pub fn rights_beside_operators() -> Vec<Right> {
    each(OPERATED)
}

fn each(rows: impl IntoIterator<Item = Row>) -> Vec<Right> {
    rows.into_iter()
        .flat_map(|(scope, group, resource, verbs)| Right::each(scope, group, resource, verbs))
        .collect()
}

/// Asks the server for each right.
///
/// # Errors
/// Some are missing: all of them; or the server does not tell.
pub(super) async fn ask(client: &Client, namespaces: &Namespaces) -> Result<usize> {
    let mut wanted = rights_in_own_namespaces();
    if namespaces.is_operated() {
        wanted.extend(rights_beside_operators());
    }
    let count = wanted.len();
    let questions: Vec<(Right, Option<&str>)> = wanted
        .into_iter()
        .flat_map(|right| match right.scope {
            Scope::Cluster => vec![(right, None)],
            Scope::Namespace => namespaces.both().map(|name| (right, Some(name))).to_vec(),
        })
        .collect();
    let answers = stream::iter(questions)
        .map(|(right, namespace)| async move { Ok((right, allowed(client, right, namespace).await?)) });
    let answers: Vec<(Right, bool)> = answers.buffer_unordered(AT_ONCE).try_collect().await?;
    let missing: BTreeSet<Right> = answers.iter().filter(|(_, yes)| !yes).map(|(right, _)| *right).collect();
    if missing.is_empty() {
        return Ok(count);
    }
    let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
    Err(EnvironmentError::new(
        EnvironmentProblem::Permission,
        format!("the account of the context may not: {}", names.join(", ")),
        match names_operators(&missing) {
            true => {
                "give it the ClusterRole drydock-beside-operators of ci/rbac.yaml beside drydock-own-namespaces, or name a context that may"
            }
            false => {
                "give it the ClusterRole drydock-own-namespaces of ci/rbac.yaml, or name a context that may"
            }
        },
    ))
}

fn names_operators(missing: &BTreeSet<Right>) -> bool {
    let theirs: BTreeSet<Right> = rights_beside_operators().into_iter().collect();
    missing.iter().any(|right| theirs.contains(right))
}

async fn allowed(client: &Client, right: Right, namespace: Option<&str>) -> Result<bool> {
    let (resource, part) = right.resource.split_once('/').unwrap_or((right.resource, ""));
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                namespace: namespace.map(ToOwned::to_owned),
                verb: Some(right.verb.to_owned()),
                group: Some(right.group.to_owned()),
                resource: Some(resource.to_owned()),
                subresource: Some(part.to_owned()).filter(|part| !part.is_empty()),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let api: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let parameters = PostParams::default();
    let asked = tokio::time::timeout(LIMIT, api.create(&parameters, &review)).await;
    let failed = |why: String| {
        EnvironmentError::new(
            EnvironmentProblem::Cluster,
            format!("the API server of the context does not tell whether it allows to {right}: {why}"),
            "look whether `kubectl auth can-i --list` answers with this context",
        )
    };
    match asked {
        Err(_) => Err(failed(format!("no answer within {} s", LIMIT.as_secs()))),
        Ok(Err(error)) => Err(failed(super::words(&error))),
        Ok(Ok(told)) => Ok(told.status.is_some_and(|status| status.allowed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_right_is_asked_for_twice_and_none_reaches_beyond_namespaces() {
        let all = rights_in_own_namespaces();
        let once: BTreeSet<Right> = all.iter().copied().collect();
        assert_eq!(once.len(), all.len());
        let wide: Vec<String> =
            all.iter().filter(|r| r.scope == Scope::Cluster).map(ToString::to_string).collect();
        assert_eq!(wide, ["create namespaces"]);
        assert!(all.iter().all(|right| !right.verb.contains('*') && !right.resource.contains('*')));
    }
}
