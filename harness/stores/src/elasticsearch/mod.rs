//! Elasticsearch over plain HTTP: works with 7.17, 8.x and OpenSearch where their APIs agree.

mod client;
mod definitions;
mod error;
mod maxima;
mod pin;
mod scope;
mod stream;

pub use client::{Client, Timeouts};
pub use definitions::{Definitions, Section};
pub use error::{ElasticsearchError, ErrorKind};
pub use maxima::{Maxima, read_maxima};
pub use pin::{IndexState, PinnedEs, PinnedIndex};
pub use scope::{Scope, path_segment};
pub use stream::{DocumentRef, StreamError};
