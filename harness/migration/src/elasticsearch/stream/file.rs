//! Documents that come from a file, one a line, instead of from a point in time.

use super::batch::{Batch, Write};
use super::{BULK_DOCUMENTS, Extent, Failure, Hit, Job, Sent, Stream, miscounted};
use crate::elasticsearch::dump::as_javascript;
use crate::error::MigrationError;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::Ordering;
use tokio::io::{AsyncBufReadExt, BufReader};

/// What becomes of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// They are written as they stand in the file.
    AsTheyAre,
    /// They are rounded, as a program in JavaScript does.
    AsJavascript,
}

impl Stream {
    /// Writes every line of a file to an index. When it returns, all `expected` documents are on the target, each of them
    /// answered for.
    pub(crate) async fn load(
        &self,
        index: &str,
        write: Write,
        numbers: Numbers,
        file: &Path,
        expected: u64,
    ) -> Result<u64, Failure> {
        let io = |e: std::io::Error| Failure::Other(MigrationError::io("read", file, &e));
        let before = self.counters.retries.load(Ordering::Relaxed);
        let mut reader = BufReader::new(tokio::fs::File::open(file).await.map_err(io)?);
        let (mut batch, mut sent, mut read) = (Batch::default(), Sent::default(), 0_u64);
        let mut line = Vec::new();
        loop {
            line.clear();
            let ended = reader.read_until(b'\n', &mut line).await.map_err(io)? == 0;
            let full = batch.len() >= BULK_DOCUMENTS || batch.body.len() + line.len() > self.bulk_bytes;
            if !batch.is_empty() && (ended || full) {
                sent.add(self.send_counted(index, write, std::mem::take(&mut batch)).await?);
            }
            if ended {
                break;
            }
            read += 1;
            push(&mut batch, write, numbers, &line).map_err(|reason| {
                Failure::Other(MigrationError::migration(
                    format!("read line {read} of {}", file.display()),
                    reason,
                    "rehearse again: the dump is made in phase-3/backup/elasticsearch",
                ))
            })?;
        }
        if read != expected {
            return Err(miscounted(index, expected, read));
        }
        let job = Job {
            index: index.to_owned(),
            into: index.to_owned(),
            extent: Extent::Whole,
            query: None,
            write,
            done: BTreeSet::new(),
            documents: expected,
            store_bytes: 0,
            page: 1,
        };
        let disturbed = self.counters.retries.load(Ordering::Relaxed) > before;
        self.account(&job, read, sent, disturbed).await?;
        Ok(read)
    }

    async fn send_counted(&self, index: &str, write: Write, batch: Batch) -> Result<Sent, Failure> {
        let (documents, bytes) = (batch.len() as u64, batch.body.len() as u64);
        let sent = self.send(index, write, batch).await?;
        self.counters.documents.fetch_add(documents, Ordering::Relaxed);
        self.counters.bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(sent)
    }
}

/// Adds the document of one line, or tells why it is none.
fn push(batch: &mut Batch, write: Write, numbers: Numbers, line: &[u8]) -> Result<(), String> {
    let mut hit: Hit<'_> = serde_json::from_slice(line).map_err(|e| e.to_string())?;
    let Some(source) = hit.source else { return Err("the line holds no _source".into()) };
    let rounded = match numbers {
        Numbers::AsTheyAre => None,
        Numbers::AsJavascript => {
            Some(RawValue::from_string(as_javascript(source.get())).map_err(|e| e.to_string())?)
        }
    };
    hit.source = rounded.as_deref().or(Some(source));
    batch.push(write, &hit);
    Ok(())
}
