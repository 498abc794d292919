//! How requests reach a cluster: over the network, or handed to something in this process that answers as a cluster does.

use reqwest::Method;
use std::pin::Pin;

/// One request as it would go over the wire, without credentials.
#[derive(Debug, Clone)]
pub struct Request {
    /// HTTP method.
    pub method: Method,
    /// Path and query below the base URL.
    pub path: String,
    /// Body, if there is one.
    pub body: Option<Vec<u8>>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Body.
    pub body: Vec<u8>,
}

/// An answer, or the words of a connection that broke.
pub type Answer = Pin<Box<dyn Future<Output = Result<Response, String>> + Send>>;

/// Something in this process that answers as a cluster does. A request whose future is dropped is one whose client has gone.
pub trait InProcess: Send + Sync {
    /// Answers one request.
    fn answer(&self, request: Request) -> Answer;
}

/// Where requests go.
pub type Transport = crate::transport::Transport<dyn InProcess>;
