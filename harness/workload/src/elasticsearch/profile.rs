//! How much data a rehearsal gets.

/// Which of the catalogue's indices a profile has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// About 35 indices: every family and every trait, for tests.
    Tiny,
    /// All indices of an installation that has run for two weeks, about 115.
    Full,
}

/// Number of documents and of indices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    name: String,
    documents: u64,
    extent: Extent,
}

impl Profile {
    /// 600 documents in about 35 indices.
    pub fn tiny() -> Self {
        Self { name: "tiny".into(), documents: 600, extent: Extent::Tiny }
    }

    /// 5,000 documents.
    pub fn small() -> Self {
        Self { name: "small".into(), documents: 5_000, extent: Extent::Full }
    }

    /// 50,000 documents.
    pub fn medium() -> Self {
        Self { name: "medium".into(), documents: 50_000, extent: Extent::Full }
    }

    /// 500,000 documents.
    pub fn large() -> Self {
        Self { name: "large".into(), documents: 500_000, extent: Extent::Full }
    }

    /// The profile of that name: `tiny`, `small`, `medium` or `large`.
    pub fn named(name: &str) -> Option<Self> {
        [Self::tiny(), Self::small(), Self::medium(), Self::large()].into_iter().find(|p| p.name == name)
    }

    /// The same indices with exactly that many documents in all.
    #[must_use]
    pub fn with_documents(self, documents: u64) -> Self {
        Self { documents, ..self }
    }

    /// Name, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Total number of documents over all indices.
    pub fn documents(&self) -> u64 {
        self.documents
    }

    /// Which indices there are.
    pub fn extent(&self) -> Extent {
        self.extent
    }
}
