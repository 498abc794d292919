//! Where a client's requests go: over the network, or to something in this process that speaks the store's protocol.

use std::fmt;
use std::sync::Arc;

/// Where requests go. `P` is what speaks the protocol.
#[derive(Default)]
pub enum Transport<P: ?Sized> {
    /// To the address of the endpoint.
    #[default]
    Network,
    /// To something in this process; the address is a name only.
    InProcess(Arc<P>),
}

// Derived, it would ask as much of `P`.
impl<P: ?Sized> Clone for Transport<P> {
    fn clone(&self) -> Self {
        match self {
            Self::Network => Self::Network,
            Self::InProcess(peer) => Self::InProcess(Arc::clone(peer)),
        }
    }
}

impl<P: ?Sized> fmt::Debug for Transport<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Network => "Network",
            Self::InProcess(_) => "InProcess",
        })
    }
}
