//! What a context of the user's kubeconfig says, alone: read and never written, and without anything of other contexts.

use crate::ServerError;
use kube::config::{AuthInfo, Cluster, Context, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext};
use std::path::Path;

/// The context of a pod that has a ServiceAccount and no kubeconfig that names one of this name.
pub const IN_CLUSTER: &str = "in-cluster";

/// Where a pod finds what its ServiceAccount shows.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// The name of the API server in every cluster.
const SERVER: &str = "https://kubernetes.default.svc";

/// A kubeconfig with one context, its cluster and its user, from `KUBECONFIG`, else from the usual file. In a pod the context
/// [`IN_CLUSTER`] is that of its ServiceAccount. It may hold secrets: whoever keeps it, keeps it private.
///
/// # Errors
/// There is no such context, or the file cannot be read: what there is.
pub fn kubeconfig_of(context: &str) -> Result<Kubeconfig, ServerError> {
    kubeconfig_among(Kubeconfig::read(), context, Path::new(ACCOUNT))
}

fn kubeconfig_among<E: std::fmt::Display>(
    known: Result<Kubeconfig, E>,
    context: &str,
    account: &Path,
) -> Result<Kubeconfig, ServerError> {
    let failed = |reason: String| ServerError::Context { context: context.to_owned(), reason };
    let known = match known {
        Ok(known) => known,
        Err(_) if context == IN_CLUSTER && account.join("token").is_file() => Kubeconfig::default(),
        Err(error) => return Err(failed(error.to_string())),
    };
    let found = known.contexts.iter().find(|named| named.name == context);
    let Some(found) = found else {
        if context == IN_CLUSTER && account.join("token").is_file() {
            return Ok(of_account(account));
        }
        let names: Vec<&str> = known.contexts.iter().map(|named| named.name.as_str()).collect();
        let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        return Err(failed(format!("the kubeconfig has no such context; there is {there}")));
    };
    let Some(about) = &found.context else {
        return Err(failed("the kubeconfig says nothing about it".to_owned()));
    };
    let clusters: Vec<NamedCluster> =
        known.clusters.iter().filter(|named| named.name == about.cluster).cloned().collect();
    if clusters.is_empty() {
        return Err(failed(format!("the kubeconfig has no cluster {}", about.cluster)));
    }
    let users =
        known.auth_infos.iter().filter(|named| Some(&named.name) == about.user.as_ref()).cloned().collect();
    Ok(Kubeconfig {
        clusters,
        auth_infos: users,
        contexts: vec![found.clone()],
        current_context: Some(context.to_owned()),
        api_version: Some("v1".to_owned()),
        kind: Some("Config".to_owned()),
        ..Kubeconfig::default()
    })
}

/// That of a ServiceAccount: token and certificate stay where they are, because the token is replaced every hour.
fn of_account(account: &Path) -> Kubeconfig {
    let file = |name: &str| Some(account.join(name).to_string_lossy().into_owned());
    let name = IN_CLUSTER.to_owned();
    let cluster = Cluster {
        server: Some(SERVER.to_owned()),
        certificate_authority: file("ca.crt"),
        ..Cluster::default()
    };
    let user = AuthInfo { token_file: file("token"), ..AuthInfo::default() };
    let context = Context { cluster: name.clone(), user: Some(name.clone()), ..Context::default() };
    Kubeconfig {
        clusters: vec![NamedCluster {
            name: name.clone(),
            cluster: Some(cluster),
            ..NamedCluster::default()
        }],
        auth_infos: vec![NamedAuthInfo {
            name: name.clone(),
            auth_info: Some(user),
            ..NamedAuthInfo::default()
        }],
        contexts: vec![NamedContext {
            name: name.clone(),
            context: Some(context),
            ..NamedContext::default()
        }],
        current_context: Some(name),
        api_version: Some("v1".to_owned()),
        kind: Some("Config".to_owned()),
        ..Kubeconfig::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = r"
apiVersion: v1
kind: Config
current-context: production
clusters:
- {name: c1, cluster: {server: 'https://one.invalid'}}
- {name: c2, cluster: {server: 'https://two.invalid'}}
users:
- {name: u1, user: {token: very-secret-one}}
- {name: u2, user: {token: very-secret-two}}
contexts:
- {name: production, context: {cluster: c1, user: u1, namespace: camunda}}
- {name: staging, context: {cluster: c2, user: u2}}
- {name: broken, context: {cluster: gone, user: u2}}
";

    fn of(context: &str) -> Result<Kubeconfig, ServerError> {
        kubeconfig_among(Kubeconfig::from_yaml(TWO), context, Path::new("/nowhere"))
    }

    #[test]
    fn nothing_of_another_context_comes_along() {
        let own = of("staging").unwrap();
        assert_eq!(own.current_context.as_deref(), Some("staging"));
        let written = serde_json::to_string(&own).unwrap();
        assert!(written.contains("very-secret-two") && written.contains("two.invalid"), "{written}");
        for other in ["very-secret-one", "one.invalid", "production"] {
            assert!(!written.contains(other), "{other}: {written}");
        }
    }

    #[test]
    fn a_context_that_is_not_there_is_told_with_those_that_are() {
        let error = of("stagin").unwrap_err().to_string();
        assert!(error.contains("stagin") && error.contains("production, staging, broken"), "{error}");
        assert!(of("broken").unwrap_err().to_string().contains("no cluster gone"));
        let unreadable = kubeconfig_among(Err("no such file"), "staging", Path::new("/nowhere"));
        assert!(unreadable.unwrap_err().to_string().contains("no such file"));
    }

    #[test]
    fn a_pod_has_the_context_of_its_account() {
        let folder = tempfile::tempdir().unwrap();
        let none = kubeconfig_among(Err("no such file"), IN_CLUSTER, folder.path());
        assert!(none.is_err(), "no account is mounted here");
        std::fs::write(folder.path().join("token"), "very-secret").unwrap();
        let known = [Err("no such file".to_owned()), Ok(Kubeconfig::default())];
        for known in known {
            let own = kubeconfig_among(known, IN_CLUSTER, folder.path()).unwrap();
            let written = serde_json::to_string(&own).unwrap();
            assert!(written.contains("tokenFile") && written.contains(SERVER), "{written}");
            assert!(!written.contains("very-secret"), "the token is replaced every hour");
        }
        // A context of that name is the user's own.
        let text = TWO.replace("name: staging", "name: in-cluster");
        let own = kubeconfig_among(Kubeconfig::from_yaml(&text), IN_CLUSTER, folder.path()).unwrap();
        assert!(serde_json::to_string(&own).unwrap().contains("two.invalid"));
    }
}
