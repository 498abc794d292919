//! Running the comparison: both sides are read at once, `drydock-parity` is fed, findings come back.
//!
//! Nothing is skipped silently: what could not be read becomes a finding of kind `not compared`.

mod describe;
mod elasticsearch;
mod fingerprint;
mod keycloak;
mod postgres;
mod result;
mod share;

pub use elasticsearch::{
    compare_elasticsearch, digest_elasticsearch, drain, elasticsearch, part_of_elasticsearch,
};
pub use fingerprint::{Fingerprint, fingerprint_elasticsearch, fingerprint_postgres, unchanged};
pub use keycloak::{
    AccountChange, AccountDeed, KnownAccounts, ask_accounts, compare_keycloak, keycloak_accounts,
    keycloak_databases, keycloak_logins, keycloak_servers, keycloak_way_back, name_of as name_of_account,
};
pub use postgres::{
    DatabasePair, Usable, compare_postgres, digest_postgres, part_of_postgres, postgres, usable_by_role,
};
pub use result::{CheckResult, Options, Pinned, ProbeWrites, Tier, Versions};
pub use share::{Part, Parts, Share};
