//! The tools that a release is made with, asked and never told: `helm`, which renders charts, and the API server of a cluster,
//! of which only GET requests are made. Text and objects come out; judging them is `drydock-helm`'s.

mod address;
mod context;
mod helm;
mod pods;
mod rights;
mod server;

pub use address::{FetchError, fetch, without_login};
pub use context::{IN_CLUSTER, kubeconfig_of};
pub use helm::{Helm, HelmError, Rendering, Written};
pub use rights::{Right, Scope};
pub use server::{Listed, NotListed, Server, ServerError, rights_to_read};
