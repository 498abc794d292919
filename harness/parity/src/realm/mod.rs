//! Keycloak realms: who may log in, with what, and what they may do then.
//!
//! A realm is a tree of named objects ([`Object`]). Each holds facts, which are compared as sets: no order, no internal
//! identifiers. Objects belong together by name, and by identifier where the name alone has changed ([`Pairing`]); so a
//! realm that was imported under other identifiers is compared by what people and applications see of it. Users are many,
//! and come as a stream of facts ([`UserFact`]) that is digested by bucket and looked at again only where it differs.

mod difference;
mod edition;
mod findings;
mod model;
mod pairing;
mod secrecy;
#[cfg(test)]
mod tests;
mod tokens;
mod users;
mod wording;

pub use difference::{Difference, compare_objects, take_added_by_upgrade, take_written_by_import};
pub use edition::Edition;
pub use findings::{Report, describe};
pub use model::{Aspect, Facts, Object, ObjectKind, Realms, Value};
pub use pairing::{Lonely, Names, Pair, Pairing, Place};
pub use secrecy::{Sealer, is_volatile};
pub use tokens::{LoginName, compare_claims};
pub use users::{Collected, User, UserComparison, UserDigests, UserFact, UserIdentifiers, compare_users};
