//! Where sessions are opened: at the address of the endpoint, or at something in this process that speaks the server's protocol.

use std::fmt;
use std::io;
use std::sync::Arc;
use tokio::io::DuplexStream;

/// Something in this process that speaks the protocol of a PostgreSQL server. A session whose stream is dropped is one whose client
/// has gone.
pub trait InProcess: Send + Sync {
    /// Opens one connection. The other end of the stream is the server's.
    ///
    /// # Errors
    /// Nobody listens.
    fn open(&self) -> io::Result<DuplexStream>;
}

/// Where sessions are opened.
#[derive(Clone, Default)]
pub enum Transport {
    /// At the address of the endpoint.
    #[default]
    Network,
    /// At something in this process; the address is a name only.
    InProcess(Arc<dyn InProcess>),
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Network => "Network",
            Self::InProcess(_) => "InProcess",
        })
    }
}
