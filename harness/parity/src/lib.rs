//! Canonical forms, digests and the comparison of documents, rows and shapes. No I/O: the caller reads, this crate judges.
//!
//! Contents are compared in two passes. The first adds every item's keyed digest to one of many buckets, on both sides;
//! sums do not depend on order, so slices and shards merge. Where two buckets agree, their items agree. The second pass
//! holds only the items of buckets that disagree and says which are missing, extra, changed, rerouted or stale.
//!
//! Documents have two kinds of digests for that: of the bytes they are written in, which is as fast as reading them, and of
//! their canonical form, which is the same however a store renders them. Equal bytes prove equal documents; different ones
//! prove nothing, so the canonical form has the last word on every difference. Digests that are kept or shown are of the
//! canonical form, under BLAKE3.

pub mod buckets;
pub mod digest;
pub mod elasticsearch;
pub mod item;
pub mod json;
pub mod json_diff;
pub mod locate;
pub mod moved;
pub mod realm;
pub mod row;
pub mod shape;
pub mod text;

pub use buckets::{BucketTable, Selection};
pub use digest::{Digest, DigestKey, FastKey, Multiset};
pub use item::{Fingerprint, Hasher, Header, Traits};
pub use json::{Canonical, JsonError};
pub use json_diff::{FieldDifference, json_diff};
pub use locate::{Detail, Group, Item, Located, Locator, Side};
pub use moved::{Moved, take_moved};
pub use row::Columns;
pub use shape::{AttributeDifference, Attributes, Difference, Nesting, Shape};
