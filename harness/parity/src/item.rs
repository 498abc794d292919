//! The digests of one document or one row.

use crate::digest::{Digest, DigestKey, FastKey};
use crate::json::{Canonical, JsonError};
use serde::{Deserialize, Serialize};

/// What the first pass needs to know of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    /// Digest of the identity: document id, primary key, or the whole row where there is no key. Chooses the bucket.
    pub id: Digest,
    /// Digest of everything: identity, routing and content.
    pub record: Digest,
}

/// What the second pass needs on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Traits {
    /// Digest of the routing value; zero without one.
    pub routing: Digest,
    /// Digest of the content alone.
    pub content: Digest,
}

/// What a document carries beside its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// `_id`.
    pub id: &'a str,
    /// `_routing`, where the document was written with one.
    pub routing: Option<&'a str>,
    /// `_version`, where versions count.
    pub version: Option<i64>,
}

/// Computes fingerprints; keeps its buffers between items.
#[derive(Debug)]
pub struct Hasher {
    key: DigestKey,
    fast: FastKey,
    canonical: Canonical,
    buffer: Vec<u8>,
}

impl Hasher {
    /// A hasher under a key.
    pub fn new(key: DigestKey) -> Self {
        let fast = key.fast();
        Self { key, fast, canonical: Canonical::default(), buffer: Vec::with_capacity(4096) }
    }

    /// Digest of an identity as [`Hasher::raw`] and [`Hasher::canonical`] use it.
    pub fn identity(&self, id: &str) -> Digest {
        self.fast.digest(id.as_bytes())
    }

    /// Fingerprint of a document by the bytes it is written in. Two documents whose bytes are equal are equal; two whose
    /// bytes differ may still be, which [`Hasher::canonical`] tells.
    pub fn raw(&mut self, header: &Header<'_>, source: &str) -> Fingerprint {
        let id = self.head(header);
        self.buffer.extend_from_slice(source.as_bytes());
        Fingerprint { id, record: self.fast.digest(&self.buffer) }
    }

    /// Fingerprint of a document by its canonical form. Does not mix with those of [`Hasher::raw`].
    ///
    /// # Errors
    /// `source` is not JSON.
    pub fn canonical(&mut self, header: &Header<'_>, source: &str) -> Result<Fingerprint, JsonError> {
        let id = self.head(header);
        self.canonical.write(source, &mut self.buffer)?;
        // At 1 KiB, BLAKE3 would cost more than the canonical form itself.
        Ok(Fingerprint { id, record: self.fast.digest(&self.buffer) })
    }

    /// Writes everything but the content into the buffer; no two headers begin alike.
    fn head(&mut self, header: &Header<'_>) -> Digest {
        let id = self.identity(header.id);
        self.buffer.clear();
        self.buffer.extend_from_slice(&id.0.to_le_bytes());
        self.buffer.push(u8::from(header.routing.is_some()) | u8::from(header.version.is_some()) << 1);
        if let Some(routing) = header.routing {
            self.buffer.extend_from_slice(&(routing.len() as u64).to_le_bytes());
            self.buffer.extend_from_slice(routing.as_bytes());
        }
        if let Some(version) = header.version {
            self.buffer.extend_from_slice(&version.to_le_bytes());
        }
        id
    }

    /// Fingerprint of a document for digests that are kept: the same for equal data whatever bytes it is written in,
    /// between versions of this program as well.
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
