//! What dead runs left in clusters of others, for `drydock clean`, which knows no runtime.

use super::{Layout, MARKER_FILE, client_of};
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::workdir::WorkDir;
use kube::Client;

/// Names of the namespaces that a dead run left. Where the cluster does not answer, all that it may have made.
pub(crate) fn names_of(work: &WorkDir) -> Vec<String> {
    let Some(layout) = work.read_json::<Layout>(MARKER_FILE) else { return Vec::new() };
    let all = || layout.claim.namespaces.both().map(ToOwned::to_owned).to_vec();
    let told = |name: String| format!("namespace {name} of the context {}", layout.context);
    match with_client(work, async |client| layout.claim.standing(&client).await) {
        Ok(standing) => standing.into_iter().map(told).collect(),
        Err(error) => {
            all().into_iter().map(|name| format!("{}, perhaps: {}", told(name), error.what)).collect()
        }
    }
}

/// Removes the namespaces that a dead run left. A run that had none asks nobody.
///
/// # Errors
/// The cluster does not answer, or something does not go.
pub(crate) fn remove_of(work: &WorkDir) -> Result<()> {
    let Some(layout) = work.read_json::<Layout>(MARKER_FILE) else { return Ok(()) };
    with_client(work, async |client| layout.claim.remove(client).await).map_err(|error| {
        let place = work.path().display();
        EnvironmentError {
            help: format!(
                "{}; if the cluster of the context {} is gone for good, remove {place}",
                error.help, layout.context
            ),
            ..error
        }
    })
}

/// Asks from a thread with a runtime of its own: the caller may be inside of one, which must not be blocked twice.
fn with_client<T: Send>(work: &WorkDir, ask: impl AsyncFnOnce(Client) -> Result<T> + Send) -> Result<T> {
    let broken = |why: &dyn std::fmt::Display| {
        EnvironmentError::new(
            EnvironmentProblem::Io,
            format!("cannot ask the API server: {why}"),
            "run again; if it stays so, look whether this user may start threads",
        )
    };
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| broken(&e))?;
            runtime.block_on(async { ask(client_of(work).await?).await })
        });
        asking.join().unwrap_or_else(|_| Err(broken(&"its thread broke off")))
    })
}
