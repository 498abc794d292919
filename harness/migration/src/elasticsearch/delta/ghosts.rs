//! Documents of the target that the source has no more.

use crate::elasticsearch::copy::Work;
use crate::elasticsearch::stream::{Extent, Failure, Fields, Hit, PointInTime, Selection, SliceReader};
use crate::error::MigrationError;
use drydock_stores::elasticsearch::Client;

/// Documents of the first page: names alone are short.
const FIRST_PAGE: usize = 5_000;

/// Id and routing.
pub(super) type Name = (String, Option<String>);

impl Work<'_> {
    /// Names of documents that the target's index has and the source's has not. Keeps 16 bytes of memory a document of the
    /// source.
    pub(super) async fn ghosts(&self, index: &str) -> Result<Vec<Name>, MigrationError> {
        let mut known: Vec<u128> = Vec::new();
        each_name(&self.source, index, |hit| known.push(digest(hit))).await?;
        known.sort_unstable();
        let mut ghosts = Vec::new();
        each_name(&self.target, index, |hit| {
            if known.binary_search(&digest(hit)).is_err() {
                ghosts.push((hit.id.to_string(), hit.routing.as_deref().map(ToOwned::to_owned)));
            }
        })
        .await?;
        Ok(ghosts)
    }
}

async fn each_name(
    client: &Client,
    index: &str,
    mut consume: impl FnMut(&Hit<'_>),
) -> Result<(), MigrationError> {
    let pit = PointInTime::open(client, index, Extent::Whole).await?;
    let selection = Selection { fields: Fields::Names, slice: (0, 1), query: None };
    let mut reader = SliceReader::new(&pit, selection, FIRST_PAGE);
    let read = async {
        while reader
            .next(|hits| {
                hits.iter().for_each(&mut consume);
                Ok(())
            })
            .await?
            .is_some()
        {}
        Ok::<(), Failure>(())
    }
    .await;
    pit.close().await;
    Ok(read?)
}

/// Routing tells documents of one id apart: they may lie in different shards.
fn digest(hit: &Hit<'_>) -> u128 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(hit.id.len() as u64).to_le_bytes());
    hasher.update(hit.id.as_bytes());
    if let Some(routing) = &hit.routing {
        hasher.update(b"\0");
        hasher.update(routing.as_bytes());
    }
    let mut half = [0; 16];
    half.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    u128::from_le_bytes(half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routing_is_part_of_the_name() {
        let hit = |id, routing| Hit::named(id, routing);
        assert_eq!(digest(&hit("a", None)), digest(&hit("a", None)));
        let all =
            [hit("a", None), hit("a", Some("")), hit("a", Some("b")), hit("a\0b", None), hit("b", Some("a"))];
        let mut digests: Vec<u128> = all.iter().map(digest).collect();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), all.len());
    }
}
