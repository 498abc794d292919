//! Where sessions are opened: at the address of the endpoint, or at something in this process that speaks the server's protocol.

use std::io;
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
pub type Transport = crate::transport::Transport<dyn InProcess>;
