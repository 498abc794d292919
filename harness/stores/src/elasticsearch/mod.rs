//! Elasticsearch over plain HTTP, from 7.10 on, and OpenSearch from 2.4 on.

mod client;
mod definitions;
mod error;
mod fetch;
mod flavour;
mod future;
mod maxima;
mod optional;
mod page;
mod pin;
mod pit;
mod repeat;
mod scope;
mod stream;
pub mod transport;
mod views;

pub use client::{Client, Timeouts};
pub use definitions::{Definitions, Section};
pub(crate) use error::transport_advice;
pub use error::{ElasticsearchError, ErrorKind, needed_privilege};
pub use fetch::Reading;
pub use flavour::{Flavour, StoreVersion};
pub use future::{Futures, tomorrow, tomorrows_name};
pub use maxima::{Maxima, read_maxima};
pub use optional::{Optional, OptionalReading};
pub use page::DocumentRef;
pub use pin::{IndexState, PinnedEs, PinnedIndex, PinnedState};
pub use pit::Paging;
pub use repeat::Retries;
pub use scope::{Scope, path_segment};
pub use stream::StreamError;
