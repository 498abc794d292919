//! The digests of one document or one row.

use crate::digest::{Digest, DigestKey};
use crate::json::{Canonical, JsonError};

/// What the first pass needs to know of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    /// Digest of the identity: document id, primary key, or the whole row where there is no key. Chooses the bucket.
    pub id: Digest,
    /// Digest of everything: identity, routing and content.
    pub record: Digest,
}

/// What the second pass needs on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traits {
    /// Digest of the routing value; zero without one.
    pub routing: Digest,
    /// Digest of the content alone.
    pub content: Digest,
}

/// Computes fingerprints; keeps its buffers between items.
#[derive(Debug)]
pub struct Hasher {
    key: DigestKey,
    canonical: Canonical,
    buffer: Vec<u8>,
}

impl Hasher {
    /// A hasher under a key.
    pub fn new(key: DigestKey) -> Self {
        Self { key, canonical: Canonical::default(), buffer: Vec::with_capacity(4096) }
    }

    /// Fingerprint of a document.
    ///
    /// # Errors
    /// `source` is not JSON.
    pub fn document(
        &mut self,
        id: &str,
        routing: Option<&str>,
        source: &str,
    ) -> Result<Fingerprint, JsonError> {
        self.buffer.clear();
        let id_digest = self.key.digest(id.as_bytes());
        self.buffer.extend_from_slice(&id_digest.0.to_le_bytes());
        match routing {
            None => self.buffer.push(0),
            Some(routing) => {
                self.buffer.push(1);
                self.buffer.extend_from_slice(&(routing.len() as u64).to_le_bytes());
                self.buffer.extend_from_slice(routing.as_bytes());
            }
        }
        self.canonical.write(source, &mut self.buffer)?;
        Ok(Fingerprint { id: id_digest, record: self.key.digest(&self.buffer) })
    }

    /// The separate digests of a document's routing and content.
    ///
    /// # Errors
    /// `source` is not JSON.
    pub fn document_traits(&mut self, routing: Option<&str>, source: &str) -> Result<Traits, JsonError> {
        self.buffer.clear();
        self.canonical.write(source, &mut self.buffer)?;
        let content = self.key.digest(&self.buffer);
        // Zero stands for "none", which no real digest is.
        let routing = routing.map_or(Digest::default(), |r| self.key.digest(r.as_bytes()));
        Ok(Traits { routing, content })
    }

    /// Fingerprint of a row whose key is `key`, a part of `row`; both in a text form in which equal values are equal
    /// bytes.
    pub fn row(&self, key: &[u8], row: &[u8]) -> Fingerprint {
        let record = self.key.digest(row);
        let id = if key.len() == row.len() { record } else { self.key.digest(key) };
        Fingerprint { id, record }
    }
}
