//! Whether the two stores write the same document in the same bytes. A guess that costs time when it is wrong, and never
//! the result: bytes that differ are always looked at again by meaning.

use super::contents::Form;
use crate::elasticsearch::{PinnedEs, Reading, StreamError};
use drydock_parity::{DigestKey, Hasher, Header};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

/// An index with fewer documents takes over what was learnt from others.
const PROBED_FROM: u64 = 5_000;
/// Documents looked at.
const PROBED: usize = 50;

/// What was learnt about the stores so far; shared by everything that is compared at the same time.
#[derive(Debug, Default)]
pub(super) struct Rendering {
    rewritten: AtomicBool,
}

impl Rendering {
    /// The form in which an index is read first.
    pub(super) async fn form(
        &self,
        source: &PinnedEs,
        target: &PinnedEs,
        index: &str,
        documents: u64,
        key: DigestKey,
    ) -> Form {
        let learnt = if self.rewritten.load(Ordering::Relaxed) { Form::Canonical } else { Form::Raw };
        if documents < PROBED_FROM {
            return learnt;
        }
        match probe(source, target, index, key).await {
            Ok(Some(form)) => {
                self.learn(form);
                form
            }
            // The pass itself will tell what is wrong.
            Ok(None) | Err(_) => learnt,
        }
    }

    /// Remembers what an index showed.
    pub(super) fn learn(&self, form: Form) {
        if form == Form::Canonical {
            self.rewritten.store(true, Ordering::Relaxed);
        }
    }
}

/// Compares the bytes of a few documents. `None` where none of them is on both sides with the same meaning.
async fn probe(
    source: &PinnedEs,
    target: &PinnedEs,
    index: &str,
    key: DigestKey,
) -> Result<Option<Form>, StreamError> {
    let mut hasher = Hasher::new(key);
    let mut both = |id: &str, routing: Option<&str>, source: Option<&str>| {
        let header = Header { id, routing, version: None };
        let canonical = hasher.canonical(&header, source?).ok()?;
        Some((hasher.raw(&header, source?).record, canonical.record))
    };
    let mut ids = Vec::new();
    let mut here = HashMap::new();
    let mut collect = |document: crate::elasticsearch::DocumentRef<'_>| {
        if let Some((raw, canonical)) = both(document.id, document.routing, document.source) {
            ids.push(document.id.to_owned());
            here.insert(canonical, raw);
        }
    };
    source.sample(index, PROBED, &mut collect).await?;
    let mut form = None;
    let mut check = |document: crate::elasticsearch::DocumentRef<'_>| {
        let Some((raw, canonical)) = both(document.id, document.routing, document.source) else { return };
        match here.get(&canonical) {
            Some(other) if *other != raw => form = Some(Form::Canonical),
            Some(_) => form = form.or(Some(Form::Raw)),
            None => {}
        }
    };
    target.by_ids(index, Reading::Documents, &ids, &mut check).await?;
    Ok(form)
}
