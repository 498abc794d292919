//! Digests of rows.

use drydock_parity::digest::FastKey;
use drydock_parity::{DigestKey, Fingerprint};

/// How the rows of a stream are digested.
#[derive(Debug, Clone)]
pub(super) enum RowDigests {
    /// For comparing two sides within one run: fast.
    Run(FastKey),
    /// For figures that are compared between runs and machines.
    Published(DigestKey),
}

impl RowDigests {
    /// Fingerprint of a row whose key is `key`, a part of `row`.
    pub(super) fn row(&self, key: &[u8], row: &[u8]) -> Fingerprint {
        let digest = |bytes: &[u8]| match self {
            Self::Run(fast) => fast.digest(bytes),
            Self::Published(key) => key.digest(bytes),
        };
        let record = digest(row);
        // A row without a key is its own identity.
        let id = if key.len() == row.len() { record } else { digest(key) };
        Fingerprint { id, record }
    }
}
