//! The protocol of one session, as far as the driver's client speaks it: the beginning, simple queries, and prepared ones whose values
//! are binary.

use super::peer::PgPeer;
use super::server::Refusal;
use super::statements::{Kind, Statement, Value};
use crate::schedule::{Class, Trouble};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// The largest message that is read, in bytes.
const LARGEST: usize = 1 << 20;

/// Why a session ends.
enum End {
    /// The client has gone, or nobody hears the answer any more.
    Silent,
    /// The server ended it and says so.
    Told(Refusal),
}

struct Message {
    kind: u8,
    body: Vec<u8>,
}

/// Serves one connection until either side ends it.
pub(super) async fn serve(peer: Arc<PgPeer>, mut stream: DuplexStream) {
    let Some(session) = begin(&peer, &mut stream).await else { return };
    let mut wire =
        Wire { peer: Arc::clone(&peer), stream, session, out: Vec::new(), prepared: BTreeMap::new() };
    if let End::Told(refusal) = wire.talk().await {
        wire.refuse("FATAL", &refusal);
        // Who has gone does not hear it.
        let _ = wire.flush().await;
    }
    peer.server().close(session);
}

/// The beginning of a session: who wants to do what where, and whether they may.
async fn begin(peer: &Arc<PgPeer>, stream: &mut DuplexStream) -> Option<i32> {
    let length = usize::try_from(stream.read_i32().await.ok()?).ok()?.checked_sub(4)?;
    let mut body = vec![0; length.min(LARGEST)];
    stream.read_exact(&mut body).await.ok()?;
    let mut words = body.get(4..)?.split(|b| *b == 0).map(|w| String::from_utf8_lossy(w).into_owned());
    let mut told = BTreeMap::new();
    while let (Some(key), Some(value)) = (words.next(), words.next()) {
        told.insert(key, value);
    }
    let word = |key: &str| told.get(key).cloned().unwrap_or_default();
    tokio::time::sleep(peer.pause()).await;
    if peer.is_away() {
        return None;
    }
    let opened = peer.server().open(&word("database"), &word("user"), &word("application_name"));
    let mut out = Vec::new();
    let session = match opened {
        Ok(session) => {
            message(&mut out, b'R', |body| body.extend(0_i32.to_be_bytes()));
            message(&mut out, b'K', |body| {
                body.extend(session.to_be_bytes());
                body.extend(0_i32.to_be_bytes());
            });
            ready(&mut out);
            Some(session)
        }
        Err(refusal) => {
            refused(&mut out, "FATAL", &refusal);
            None
        }
    };
    if stream.write_all(&out).await.is_err()
        && let Some(session) = session
    {
        peer.server().close(session);
        return None;
    }
    session
}

struct Wire {
    peer: Arc<PgPeer>,
    stream: DuplexStream,
    session: i32,
    out: Vec<u8>,
    prepared: BTreeMap<Vec<u8>, Statement>,
}

impl Wire {
    async fn talk(&mut self) -> End {
        let Some(ended) = self.peer.server().ended(self.session) else { return End::Silent };
        let mut bound: Option<(Statement, Vec<String>)> = None;
        // After a refusal nothing is carried out until the client has caught up.
        let mut passing_over = false;
        loop {
            let read = tokio::select! {
                biased;
                () = ended.notified() => return self.ended(),
                read = read(&mut self.stream) => read,
            };
            let Some(Message { kind, body }) = read else { return End::Silent };
            let done = match kind {
                b'Q' => self.simple(&body).await,
                b'S' => {
                    passing_over = false;
                    ready(&mut self.out);
                    Ok(())
                }
                b'H' => Ok(()),
                b'X' => return End::Silent,
                _ if passing_over => Ok(()),
                b'P' => self.parse(&body),
                b'D' => {
                    self.describe(&body);
                    Ok(())
                }
                b'B' => {
                    bound = self.bind(&body);
                    message(&mut self.out, b'2', |_| {});
                    Ok(())
                }
                b'E' => match bound.take() {
                    Some((statement, parameters)) => self.execute(&statement, &parameters).await,
                    None => Ok(()),
                },
                b'C' => {
                    message(&mut self.out, b'3', |_| {});
                    Ok(())
                }
                other => {
                    self.peer.gap(format!("message {:?} of the protocol", char::from(other)));
                    return End::Silent;
                }
            };
            match done {
                Ok(()) => {}
                Err(Trip::Refused(refusal)) => {
                    self.refuse("ERROR", &refusal);
                    passing_over = kind != b'Q';
                }
                Err(Trip::Cut) => return End::Silent,
                Err(Trip::Ended) => return self.ended(),
            }
            if kind == b'Q' {
                ready(&mut self.out);
            }
            if matches!(kind, b'Q' | b'S' | b'H') && self.flush().await.is_err() {
                return End::Silent;
            }
        }
    }

    fn ended(&self) -> End {
        if self.peer.is_away() { End::Silent } else { End::Told(Refusal::gone()) }
    }

    async fn flush(&mut self) -> std::io::Result<()> {
        let out = std::mem::take(&mut self.out);
        self.stream.write_all(&out).await
    }

    fn refuse(&mut self, severity: &str, refusal: &Refusal) {
        refused(&mut self.out, severity, refusal);
    }

    fn known(&self, sql: &[u8]) -> Result<Statement, Trip> {
        let sql = String::from_utf8_lossy(sql);
        let sql = sql.trim_end_matches('\0');
        Statement::of(sql).ok_or_else(|| {
            // No more of it than tells it from others: what follows may hold a secret.
            let beginning: String = sql.chars().take(60).collect();
            self.peer.gap(format!("SQL {beginning}"));
            Trip::Refused(Refusal::new("0A000", format!("the simulator does not know {beginning}")))
        })
    }

    async fn simple(&mut self, body: &[u8]) -> Result<(), Trip> {
        let statement = self.known(body)?;
        self.execute(&statement, &[]).await
    }

    fn parse(&mut self, body: &[u8]) -> Result<(), Trip> {
        let mut parts = body.splitn(3, |b| *b == 0);
        let (name, sql) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let statement = self.known(sql)?;
        self.prepared.insert(name.to_vec(), statement);
        message(&mut self.out, b'1', |_| {});
        Ok(())
    }

    fn describe(&mut self, body: &[u8]) {
        let name = body.get(1..).and_then(|b| b.split(|b| *b == 0).next()).unwrap_or_default();
        let Some(statement) = self.prepared.get(name) else { return };
        let (parameters, columns) = (statement.parameters(), statement.columns());
        message(&mut self.out, b't', |body| {
            body.extend(count(parameters.len()));
            parameters.iter().for_each(|kind| body.extend(kind.oid().to_be_bytes()));
        });
        if columns.is_empty() {
            return message(&mut self.out, b'n', |_| {});
        }
        message(&mut self.out, b'T', |body| {
            body.extend(count(columns.len()));
            for kind in columns {
                body.extend(b"c\0");
                // No table, no column of one, a type of any length, no modifier, binary.
                body.extend([0; 6]);
                body.extend(kind.oid().to_be_bytes());
                body.extend((-1_i16).to_be_bytes());
                body.extend((-1_i32).to_be_bytes());
                body.extend(1_i16.to_be_bytes());
            }
        });
    }

    fn bind(&self, body: &[u8]) -> Option<(Statement, Vec<String>)> {
        let mut names = body.splitn(3, |b| *b == 0);
        let (_, name, mut rest) = (names.next()?, names.next()?, names.next()?);
        let statement = self.prepared.get(name)?.clone();
        let formats = usize::try_from(take_i16(&mut rest)?).ok()?;
        rest = rest.get(formats * 2..)?;
        let values = take_i16(&mut rest)?;
        let mut parameters = Vec::new();
        for at in 0..values {
            let Ok(length) = usize::try_from(take_i32(&mut rest)?) else { continue };
            let value = rest.get(..length)?;
            rest = rest.get(length..)?;
            match statement.parameters().get(usize::try_from(at).ok()?)? {
                Kind::Texts => parameters.extend(texts(value)?),
                _ => parameters.push(String::from_utf8_lossy(value).into_owned()),
            }
        }
        Some((statement, parameters))
    }

    /// Carries a statement out, unless something goes wrong with it.
    async fn execute(&mut self, statement: &Statement, parameters: &[String]) -> Result<(), Trip> {
        let (pause, trouble) = self.peer.arrived(Class::Statement, statement);
        tokio::time::sleep(pause).await;
        if let Some(Trouble::Slow(ms)) = trouble {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
        match trouble {
            Some(Trouble::CutBefore) => return Err(Trip::Cut),
            Some(Trouble::Crashed) => self.peer.crash(),
            _ => {}
        }
        if self.peer.is_away() || !self.peer.server().is_open(self.session) {
            return Err(Trip::Ended);
        }
        let answer = statement.carry_out(&mut self.peer.server(), self.session, parameters);
        if trouble == Some(Trouble::CutAfter) {
            return Err(Trip::Cut);
        }
        let rows = answer.map_err(Trip::Refused)?;
        for row in &rows {
            message(&mut self.out, b'D', |body| {
                body.extend(count(row.len()));
                row.iter().for_each(|value| write(body, value));
            });
        }
        message(&mut self.out, b'C', |body| body.extend(format!("SELECT {}\0", rows.len()).into_bytes()));
        Ok(())
    }
}

/// What keeps a statement from its answer.
enum Trip {
    Refused(Refusal),
    /// The connection breaks.
    Cut,
    /// The session was ended.
    Ended,
}

async fn read(stream: &mut DuplexStream) -> Option<Message> {
    let kind = stream.read_u8().await.ok()?;
    let length = usize::try_from(stream.read_i32().await.ok()?).ok()?.checked_sub(4)?;
    if length > LARGEST {
        return None;
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Message { kind, body })
}

fn message(out: &mut Vec<u8>, kind: u8, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut body = Vec::new();
    fill(&mut body);
    out.push(kind);
    out.extend(length(body.len() + 4));
    out.extend(body);
}

fn ready(out: &mut Vec<u8>) {
    message(out, b'Z', |body| body.push(b'I'));
}

fn refused(out: &mut Vec<u8>, severity: &str, refusal: &Refusal) {
    message(out, b'E', |body| {
        for (field, text) in
            [(b'S', severity), (b'V', severity), (b'C', refusal.code), (b'M', refusal.message.as_str())]
        {
            body.push(field);
            body.extend(text.as_bytes());
            body.push(0);
        }
        body.push(0);
    });
}

fn length(bytes: usize) -> [u8; 4] {
    i32::try_from(bytes).unwrap_or(i32::MAX).to_be_bytes()
}

fn count(items: usize) -> [u8; 2] {
    i16::try_from(items).unwrap_or(i16::MAX).to_be_bytes()
}

fn write(body: &mut Vec<u8>, value: &Value) {
    let bytes: Vec<u8> = match value {
        Value::Null => {
            body.extend((-1_i32).to_be_bytes());
            return;
        }
        Value::Text(text) => text.clone().into_bytes(),
        Value::Bool(on) => vec![u8::from(*on)],
        Value::Int4(number) => number.to_be_bytes().to_vec(),
        Value::Int8(number) => number.to_be_bytes().to_vec(),
        Value::Oid(number) => number.to_be_bytes().to_vec(),
    };
    body.extend(length(bytes.len()));
    body.extend(bytes);
}

fn take_i16(rest: &mut &[u8]) -> Option<i16> {
    let (head, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(i16::from_be_bytes(*head))
}

fn take_i32(rest: &mut &[u8]) -> Option<i32> {
    let (head, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(i32::from_be_bytes(*head))
}

/// The texts of a binary array of one dimension.
fn texts(mut rest: &[u8]) -> Option<Vec<String>> {
    let dimensions = take_i32(&mut rest)?;
    let (_nulls, _kind) = (take_i32(&mut rest)?, take_i32(&mut rest)?);
    if dimensions == 0 {
        return Some(Vec::new());
    }
    let (items, _first) = (take_i32(&mut rest)?, take_i32(&mut rest)?);
    let mut texts = Vec::new();
    for _ in 0..items {
        let length = usize::try_from(take_i32(&mut rest)?).ok()?;
        texts.push(String::from_utf8_lossy(rest.get(..length)?).into_owned());
        rest = rest.get(length..)?;
    }
    Some(texts)
}
