//! Second pass: the rows of differing buckets, read by their keys where that is cheaper than reading everything again.

use super::super::result::Options;
use super::digests::RowDigests;
use super::job::{Job, Which, joined};
use crate::postgres::{Connection, PostgresError, for_each_row};
use drydock_parity::row::unescape;
use drydock_parity::{BucketTable, Detail, Fingerprint, Located, Locator, Selection, Side, Traits};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Rows a side that are fetched by key; beyond it, reading the whole table again is cheaper.
const MAX_KEYS: usize = 50_000;
/// Keys of one statement.
const BATCH: usize = 5_000;

type Shared = Arc<Mutex<Locator>>;

/// Locates what differs between two tables of digests.
///
/// # Errors
/// A side could not be read.
pub(super) async fn locate(
    job: &Job,
    source: &Arc<Connection>,
    target: &Arc<Connection>,
    tables: (&BucketTable, &BucketTable),
    options: &Options,
) -> Result<Located, (Which, PostgresError)> {
    let digests = || RowDigests::Run(options.key.fast());
    let few = BucketTable::differing(tables.0, tables.1, MAX_KEYS.min(options.max_located));
    let lookups = [&job.source, &job.target].map(|side| side.as_ref().is_some_and(|s| s.lookup.is_some()));
    if few.unexamined_buckets() == 0 && lookups == [true, true] {
        let locator = shared(few.clone());
        let read = |session: &Arc<Connection>, which: Which| {
            let (session, job, locator) = (Arc::clone(session), job.clone(), Arc::clone(&locator));
            tokio::spawn(by_key(session, job, which, few.clone(), locator, digests()))
        };
        let (a, b) = tokio::join!(read(source, Which::Source), read(target, Which::Target));
        // A key that the server does not take back, or too many of them: the whole table answers as well.
        if let (Ok(ReadByKey::All), Ok(ReadByKey::All)) = (joined(a, job), joined(b, job)) {
            let found = finish(&locator);
            if !found.is_empty() {
                return Ok(found);
            }
        }
    }
    let locator = shared(BucketTable::differing(tables.0, tables.1, options.max_located));
    let read = |session: &Arc<Connection>, which: Which| {
        let (session, job, locator) = (Arc::clone(session), job.clone(), Arc::clone(&locator));
        tokio::spawn(everything(session, job, which, locator, digests()))
    };
    let (a, b) = tokio::join!(read(source, Which::Source), read(target, Which::Target));
    joined(a, job).map_err(|e| (Which::Source, e))?;
    joined(b, job).map_err(|e| (Which::Target, e))?;
    Ok(finish(&locator))
}

fn shared(selection: Selection) -> Shared {
    Arc::new(Mutex::new(Locator::new(selection)))
}

fn finish(locator: &Shared) -> Located {
    locator.lock().unwrap_or_else(PoisonError::into_inner).take().finish()
}

/// Hands a row to the locator if it lies in a differing bucket.
fn offer(job: &Job, which: Which, digests: &RowDigests, locator: &Shared, row: &[u8]) {
    let item: Fingerprint = digests.row(job.columns.key_of(row), row);
    let side = if which == Which::Source { Side::Source } else { Side::Target };
    let mut locator = locator.lock().unwrap_or_else(PoisonError::into_inner);
    if locator.wants(item.id) {
        let traits = Traits { routing: Default::default(), content: item.record };
        locator.insert(side, item, traits, || {
            let text = String::from_utf8_lossy(row).into_owned();
            Detail { label: job.columns.label(&text), text }
        });
    }
}

/// Reads every row of one side again.
async fn everything(
    session: Arc<Connection>,
    job: Job,
    which: Which,
    locator: Shared,
    digests: RowDigests,
) -> Result<(), PostgresError> {
    let Some(reading) = job.side(which) else { return Ok(()) };
    let doing = format!("reading {} again", job.subject);
    let mut consume = |row: &[u8]| offer(&job, which, &digests, &locator, row);
    for_each_row(&session, &doing, &reading.rows, &mut consume).await.map(drop)
}

/// How far reading by key came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReadByKey {
    /// Every row of the differing buckets was read.
    All,
    /// There are too many, or the keys did not give back exactly the rows they came from.
    Unsuitable,
}

async fn by_key(
    session: Arc<Connection>,
    job: Job,
    which: Which,
    selection: Selection,
    locator: Shared,
    digests: RowDigests,
) -> Result<ReadByKey, PostgresError> {
    let Some(lookup) = job.side(which).and_then(|side| side.lookup.as_ref()) else {
        return Ok(ReadByKey::Unsuitable);
    };
    let doing = format!("reading the keys of {}", job.subject);
    let (mut keys, mut candidates) = (BTreeSet::new(), 0_u64);
    let mut choose = |row: &[u8]| {
        if selection.contains(digests.row(row, row).id) {
            candidates += 1;
            if keys.len() <= MAX_KEYS {
                keys.insert(String::from_utf8_lossy(row).into_owned());
            }
        }
    };
    for_each_row(&session, &doing, &lookup.keys, &mut choose).await?;
    if keys.len() > MAX_KEYS {
        return Ok(ReadByKey::Unsuitable);
    }
    let keys: Vec<Vec<String>> = keys.iter().map(|key| key.split('\t').map(unescape).collect()).collect();
    let doing = format!("reading differing rows of {}", job.subject);
    let mut fetched = 0;
    for batch in keys.chunks(BATCH) {
        let mut consume = |row: &[u8]| {
            // A key that is equal to one asked for without being the same text lies in another bucket.
            let id = digests.row(job.columns.key_of(row), row).id;
            fetched += u64::from(selection.contains(id));
            offer(&job, which, &digests, &locator, row);
        };
        for_each_row(&session, &doing, &lookup.rows(batch), &mut consume).await?;
    }
    Ok(if fetched == candidates { ReadByKey::All } else { ReadByKey::Unsuitable })
}
