//! Elasticsearch over plain HTTP, from 7.10 on, and OpenSearch from 2.4 on.

mod client;
mod definitions;
mod error;
mod fetch;
mod flavour;
mod maxima;
mod page;
mod pin;
mod pit;
mod scope;
mod stream;

pub use client::{Client, Timeouts};
pub use definitions::{Definitions, Section};
pub use error::{ElasticsearchError, ErrorKind};
pub use fetch::Reading;
pub use flavour::{Flavour, StoreVersion};
pub use maxima::{Maxima, read_maxima};
pub use page::DocumentRef;
pub use pin::{IndexState, PinnedEs, PinnedIndex};
pub use pit::Paging;
pub use scope::{Scope, path_segment};
pub use stream::StreamError;
