//! Removing what is in a cluster. Every request may be made twice, and a name may have gone to somebody else meanwhile: what is asked to go
//! is the one that was there, and never the one that was made anew.

use super::cluster::{Cluster, stuck};
use crate::error::Result;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Secret};
use kube::api::{Api, DeleteParams, Preconditions};
use std::future::Future;
use std::time::Duration;
use tokio::time::Instant;

/// Between two looks at what is to go.
const LOOK: Duration = Duration::from_millis(200);

/// A pod that was asked to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Going {
    namespace: String,
    name: String,
    /// None where the server gives its pods none; then any pod of the name is taken for it.
    uid: Option<String>,
}

impl Cluster {
    /// Removes the Secrets with these labels, if there are any.
    ///
    /// # Errors
    /// The server refuses.
    pub(super) async fn remove_secrets(&self, namespace: &str, labels: &str) -> Result<()> {
        let api: Api<Secret> = Api::namespaced(self.client(), namespace);
        let usual = DeleteParams::default();
        for name in self.secrets(namespace, labels).await?.into_iter().filter_map(|s| s.metadata.name) {
            self.ask("remove the Secret", &name, || async { gone(api.delete(&name, &usual).await) }).await?;
        }
        Ok(())
    }

    /// Asks the pod that has this name now to go. `None` if there is none.
    ///
    /// # Errors
    /// The server refuses.
    pub(super) async fn ask_pod_to_go(
        &self,
        namespace: &str,
        name: &str,
        how: DeleteParams,
    ) -> Result<Option<Going>> {
        let pods: Api<Pod> = Api::namespaced(self.client(), namespace);
        let Some(old) = self.pod(namespace, name).await? else { return Ok(None) };
        let uid = old.metadata.uid;
        let this = match &uid {
            Some(uid) => {
                how.preconditions(Preconditions { uid: Some(uid.clone()), ..Preconditions::default() })
            }
            None => how,
        };
        self.ask("remove the pod", name, || async { gone_or_replaced(pods.delete(name, &this).await) })
            .await?;
        Ok(Some(Going { namespace: namespace.to_owned(), name: name.to_owned(), uid }))
    }

    /// Removes a pod, which its controller makes anew, and waits until another one has its name or none.
    ///
    /// # Errors
    /// The server refuses, or the pod does not go within `limit`.
    pub(super) async fn replace_pod(&self, namespace: &str, name: &str, limit: Duration) -> Result<()> {
        self.remove_pod(namespace, name, DeleteParams::default(), limit).await
    }

    /// Removes a pod without waiting for it to end, and waits until another one has its name or none.
    ///
    /// # Errors
    /// The server refuses, or the pod does not go within `limit`.
    pub(super) async fn remove_pod_at_once(
        &self,
        namespace: &str,
        name: &str,
        limit: Duration,
    ) -> Result<()> {
        self.remove_pod(namespace, name, DeleteParams::default().grace_period(0), limit).await
    }

    async fn remove_pod(
        &self,
        namespace: &str,
        name: &str,
        how: DeleteParams,
        limit: Duration,
    ) -> Result<()> {
        let Some(going) = self.ask_pod_to_go(namespace, name, how).await? else { return Ok(()) };
        let is_there = || async {
            let now = self.pod(&going.namespace, &going.name).await?;
            Ok(now.is_some_and(|pod| pod.metadata.uid == going.uid))
        };
        until_gone(&format!("the pod {name}"), limit, is_there).await
    }

    /// Waits until no pod has this name.
    ///
    /// # Errors
    /// The server does not tell, or one still has it after `limit`.
    pub(super) async fn await_no_pod(&self, namespace: &str, name: &str, limit: Duration) -> Result<()> {
        let is_there = || async { Ok(self.pod(namespace, name).await?.is_some()) };
        until_gone(&format!("the pod {name}"), limit, is_there).await
    }

    /// Removes a claim with its volume, and waits until it is gone.
    ///
    /// # Errors
    /// The server refuses, or it does not go within `limit`.
    pub(super) async fn remove_claim(&self, namespace: &str, name: &str, limit: Duration) -> Result<()> {
        let api: Api<PersistentVolumeClaim> = Api::namespaced(self.client(), namespace);
        let usual = DeleteParams::default();
        self.ask("remove the claim", name, || async { gone(api.delete(name, &usual).await) }).await?;
        until_gone(&format!("the claim {name}"), limit, || self.has_claim(namespace, name)).await
    }
}

/// Waits until something is not there any more.
async fn until_gone<F: Future<Output = Result<bool>>>(
    what: &str,
    limit: Duration,
    is_there: impl Fn() -> F,
) -> Result<()> {
    let began = Instant::now();
    while is_there().await? {
        if began.elapsed() > limit {
            return Err(stuck(&format!("{what} is still there"), limit));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// What is to be removed and is not there is removed.
pub(super) fn gone<T>(removed: kube::Result<T>) -> kube::Result<()> {
    match removed {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => other.map(drop),
    }
}

/// As [`gone`], and another one that has its name by now is none of the caller's: a first request was carried out, and its answer was lost.
fn gone_or_replaced<T>(removed: kube::Result<T>) -> kube::Result<()> {
    match removed {
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        other => gone(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;

    #[test]
    fn a_pod_that_is_gone_or_was_made_anew_is_removed_and_a_refusal_is_none() {
        let answered = |code: u16| {
            Err::<(), _>(kube::Error::Api(Box::new(Status::failure("", "Because").with_code(code))))
        };
        assert!(gone_or_replaced(Ok(())).is_ok());
        for (code, replaced, removed) in [(404, true, true), (409, true, false), (403, false, false)] {
            assert_eq!(gone_or_replaced(answered(code)).is_ok(), replaced, "{code}");
            assert_eq!(gone(answered(code)).is_ok(), removed, "{code}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_go_is_given_up() {
        let limit = Duration::from_secs(30);
        let stays = until_gone("the pod x", limit, || async { Ok(true) });
        let told = tokio::time::timeout(Duration::from_secs(60), stays).await.expect("it ends");
        assert!(told.unwrap_err().what.contains("the pod x is still there"));
        until_gone("the pod x", limit, || async { Ok(false) }).await.unwrap();
    }
}
