//! Putting a dataset into a cluster, as fast as the cluster takes it.

use super::{Dataset, IndexSpec};
use drydock_stores::elasticsearch::{Client, ElasticsearchError};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Requests that change the cluster state, at once. The cluster applies them one by one; more only queue.
const CREATIONS: usize = 6;
/// Bulk requests at once.
const BULKS: usize = 3;
const BATCH_BYTES: usize = 5 * 1024 * 1024;
const BATCH_DOCUMENTS: u64 = 2_000;
/// How often a bulk request is sent again when the cluster is overloaded; the pauses add up to half a minute.
const RETRIES: u32 = 8;

/// What was loaded.
#[derive(Debug, Clone)]
pub struct SeedSummary {
    /// Number of indices made.
    pub indices: u64,
    /// Number of documents loaded.
    pub documents: u64,
    /// Bytes of their sources.
    pub bytes: u64,
    /// Time it took, from the first template to the last refresh.
    pub elapsed: Duration,
}

struct Batch {
    body: Vec<u8>,
    documents: u64,
    bytes: u64,
}

/// Creates templates, pipelines, scripts and indices and loads all documents. Documents of an index are loaded while the
/// next ones are being created. `progress` gets the number of documents done and the total after every request.
///
/// # Errors
/// The cluster refuses a definition (also when an index exists already), rejects a document, or stays overloaded.
/// Loading stops at the first error.
pub async fn seed(
    client: &Client,
    dataset: &Dataset,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<SeedSummary, ElasticsearchError> {
    let started = Instant::now();
    put_all(client, "/_component_template/", dataset.component_templates()).await?;
    put_all(client, "/_index_template/", dataset.index_templates()).await?;
    put_all(client, "/_ingest/pipeline/", dataset.pipelines()).await?;
    put_all(client, "/_scripts/", dataset.scripts()).await?;

    let (made, to_fill) = mpsc::unbounded_channel::<IndexSpec>();
    let (batches, to_send) = mpsc::channel::<Batch>(BULKS);
    let source = dataset.clone();
    // Making documents is computing, not waiting: it gets a thread of its own. It ends when either channel closes.
    let maker = tokio::task::spawn_blocking(move || make_batches(&source, to_fill, &batches));

    let total = dataset.documents_total();
    let create = create_indices(client, dataset, made);
    let load = send_batches(client, to_send, total, progress);
    let ((), (documents, bytes)) = tokio::try_join!(create, load)?;
    // The maker has closed its channel, else `load` would not have ended; a panic of it must not pass as success.
    if let Err(error) = maker.await {
        std::panic::resume_unwind(error.into_panic());
    }
    client.get("/_refresh").await?;
    Ok(SeedSummary { indices: dataset.indices().len() as u64, documents, bytes, elapsed: started.elapsed() })
}

async fn put_all(
    client: &Client,
    path: &str,
    bodies: Vec<(String, Value)>,
) -> Result<(), ElasticsearchError> {
    stream::iter(bodies)
        .map(|(name, body)| async move { client.put(&format!("{path}{name}"), &body).await.map(drop) })
        .buffer_unordered(CREATIONS)
        .try_collect::<()>()
        .await
}

async fn create_indices(
    client: &Client,
    dataset: &Dataset,
    made: mpsc::UnboundedSender<IndexSpec>,
) -> Result<(), ElasticsearchError> {
    // The largest first, so that loading keeps pace with creating.
    let mut order: Vec<IndexSpec> = dataset.indices().to_vec();
    order.sort_by(|a, b| b.documents.cmp(&a.documents).then_with(|| a.name.cmp(&b.name)));
    let mut creations = stream::iter(order)
        .map(|index| async move {
            let path = format!("/{}?wait_for_active_shards=0", index.name);
            client.put(&path, &index.body).await.map(|_| index)
        })
        .buffer_unordered(CREATIONS);
    while let Some(index) = creations.next().await {
        // Nobody listens only when loading has failed, and that error is reported.
        let _ = made.send(index?);
    }
    Ok(())
}

fn make_batches(
    dataset: &Dataset,
    mut indices: mpsc::UnboundedReceiver<IndexSpec>,
    batches: &mpsc::Sender<Batch>,
) {
    let empty = || Batch { body: Vec::with_capacity(BATCH_BYTES / 4), documents: 0, bytes: 0 };
    let mut batch = empty();
    while let Some(index) = indices.blocking_recv() {
        for document in dataset.documents(&index) {
            let mut action = json!({"_index": index.name, "_id": document.id});
            if let Some(routing) = document.routing {
                action["routing"] = Value::String(routing);
            }
            batch.body.extend_from_slice(format!("{{\"index\":{action}}}\n{}\n", document.source).as_bytes());
            batch.documents += 1;
            batch.bytes += document.source.len() as u64;
            if batch.body.len() >= BATCH_BYTES || batch.documents >= BATCH_DOCUMENTS {
                let full = std::mem::replace(&mut batch, empty());
                if batches.blocking_send(full).is_err() {
                    return;
                }
            }
        }
    }
    if batch.documents > 0 {
        // Refused only when loading has failed, and that error is reported.
        let _ = batches.blocking_send(batch);
    }
}

async fn send_batches(
    client: &Client,
    batches: mpsc::Receiver<Batch>,
    total: u64,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<(u64, u64), ElasticsearchError> {
    let queue = stream::unfold(batches, |mut batches| async move {
        let batch = batches.recv().await?;
        Some((batch, batches))
    });
    let mut requests = std::pin::pin!(
        queue
            .map(|batch| async move {
                send(client, &batch.body).await?;
                Ok::<_, ElasticsearchError>((batch.documents, batch.bytes))
            })
            .buffer_unordered(BULKS)
    );
    let (mut documents, mut bytes) = (0, 0);
    while let Some(done) = requests.next().await {
        let (batch_documents, batch_bytes) = done?;
        documents += batch_documents;
        bytes += batch_bytes;
        progress(documents, total);
    }
    Ok((documents, bytes))
}

/// Documents have ids, so sending a batch again changes nothing but versions.
async fn send(client: &Client, body: &[u8]) -> Result<(), ElasticsearchError> {
    let mut pause = Duration::from_millis(120);
    for _ in 0..RETRIES {
        match client.bulk(body.to_vec()).await {
            Err(error) if error.is_pressure() => {
                tracing::debug!(%error, ?pause, "the cluster is overloaded, sending the batch again");
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            other => return other.map(drop),
        }
    }
    client.bulk(body.to_vec()).await.map(drop)
}
