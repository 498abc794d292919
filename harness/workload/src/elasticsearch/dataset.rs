//! The seeded content as a whole.

use super::definitions;
use super::documents::Documents;
use super::layout::{Place, places};
use super::profile::Profile;
use serde_json::Value;
use std::sync::Arc;

/// One document as it goes into an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// `_id`.
    pub id: String,
    /// `_routing`, where it is not the id.
    pub routing: Option<String>,
    /// `_source`: compact JSON text.
    pub source: String,
}

/// One index to create.
#[derive(Debug, Clone)]
pub struct IndexSpec {
    /// Name.
    pub name: String,
    /// Settings, mappings and aliases: the body of `PUT /<index>`.
    pub body: Value,
    /// Number of documents; nested ones not counted.
    pub documents: u64,
    number: usize,
}

/// Content of a cluster: a pure function of profile and seed. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Dataset {
    profile: Profile,
    seed: u64,
    places: Arc<[Place]>,
    indices: Arc<[IndexSpec]>,
}

impl Dataset {
    /// Lays out the indices; documents are made when asked for.
    pub fn new(profile: &Profile, seed: u64) -> Self {
        let places: Arc<[Place]> = places(profile).into();
        let indices = places
            .iter()
            .enumerate()
            .map(|(number, place)| IndexSpec {
                name: place.name.clone(),
                body: definitions::index_body(place),
                documents: place.documents,
                number,
            })
            .collect();
        Self { profile: profile.clone(), seed, places, indices }
    }

    /// The profile it was made from.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The seed it was made from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Component templates: (name, body). They come before the index templates.
    pub fn component_templates(&self) -> Vec<(String, Value)> {
        definitions::component_templates()
    }

    /// Composable index templates: (name, body).
    pub fn index_templates(&self) -> Vec<(String, Value)> {
        definitions::index_templates(self.profile.extent())
    }

    /// Ingest pipelines: (id, body).
    pub fn pipelines(&self) -> Vec<(String, Value)> {
        definitions::pipelines()
    }

    /// Stored scripts: (id, body).
    pub fn scripts(&self) -> Vec<(String, Value)> {
        definitions::scripts()
    }

    /// All indices, sorted by name, empty ones included.
    pub fn indices(&self) -> &[IndexSpec] {
        &self.indices
    }

    /// Total number of documents.
    pub fn documents_total(&self) -> u64 {
        self.places.iter().map(|p| p.documents).sum()
    }

    /// The documents of one of [`Dataset::indices`], made lazily. The order in which indices are asked for does not
    /// matter.
    pub fn documents(&self, index: &IndexSpec) -> impl Iterator<Item = Document> + Send + use<> {
        Documents::new(Arc::clone(&self.places), index.number, self.seed)
    }

    /// About how many bytes all sources have together.
    pub fn estimated_bytes(&self) -> u64 {
        let regular: u64 = self.places.iter().map(|p| p.documents * p.shape().bytes).sum();
        let large = self.places.iter().filter(|p| Documents::has_large(p)).count() as u64;
        regular + large * 1_048_576
    }
}
