//! One connection through a proxy.

use super::http::Head;
use super::{Disturbance, Protocol, Shared, answer};
use std::io::Result;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// How a connection ends.
enum End {
    /// As either side wished.
    Quiet,
    /// With a reset, which loses what is under way.
    Reset,
}

/// Serves a client until it leaves or is cut off.
pub(super) async fn serve(mut client: TcpStream, shared: Arc<Shared>) {
    let _ = client.set_nodelay(true);
    let mut cut = shared.cut.subscribe();
    let served = async {
        match TcpStream::connect(shared.upstream).await {
            // As the client would meet it without us: nobody there.
            Err(_) => Ok(End::Reset),
            Ok(mut store) => {
                let _ = store.set_nodelay(true);
                match shared.protocol {
                    Protocol::Http => requests(&mut client, &mut store, &shared).await,
                    Protocol::Bytes => bytes(&mut client, &mut store, &shared).await,
                }
            }
        }
    };
    let end = tokio::select! {
        end = served => end,
        // The sender lives as long as what is shared.
        _ = cut.wait_for(|until| Shared::is_cut(*until)) => Ok(End::Reset),
    };
    if !matches!(end, Ok(End::Quiet)) {
        // A store that went away in the middle of an answer must not look like an end in good order.
        let _ = client.set_zero_linger();
    }
}

async fn bytes(client: &mut TcpStream, store: &mut TcpStream, shared: &Shared) -> Result<End> {
    match shared.decide(None) {
        Some(wanted @ (Disturbance::Reset { after_bytes } | Disturbance::Cut { after_bytes, .. })) => {
            let (mut from_client, mut to_client) = client.split();
            let (mut from_store, mut to_store) = store.split();
            let forth = async {
                let passed = {
                    let mut limited = (&mut from_client).take(after_bytes);
                    tokio::io::copy(&mut limited, &mut to_store).await?
                };
                if passed == after_bytes && shared.claims_reset() {
                    if let Disturbance::Cut { lasts, .. } = wanted {
                        shared.cut(lasts);
                    }
                    return Ok(End::Reset);
                }
                tokio::io::copy(&mut from_client, &mut to_store).await.map(|_| End::Quiet)
            };
            tokio::select! {
                end = forth => end,
                back = tokio::io::copy(&mut from_store, &mut to_client) => back.map(|_| End::Quiet),
            }
        }
        Some(Disturbance::Stuck) => {
            let mut nothing = [0_u8; 1024];
            while client.read(&mut nothing).await? > 0 {}
            Ok(End::Quiet)
        }
        Some(Disturbance::Slow(delay)) => {
            tokio::time::sleep(delay).await;
            tokio::io::copy_bidirectional(client, store).await.map(|_| End::Quiet)
        }
        // The others need requests.
        Some(Disturbance::Answer(_) | Disturbance::GatewayTimeout | Disturbance::CutAfter(_)) | None => {
            tokio::io::copy_bidirectional(client, store).await.map(|_| End::Quiet)
        }
    }
}

async fn requests(client: &mut TcpStream, store: &mut TcpStream, shared: &Shared) -> Result<End> {
    let (from_client, mut to_client) = client.split();
    let (from_store, mut to_store) = store.split();
    let (mut from_client, mut from_store) = (BufReader::new(from_client), BufReader::new(from_store));
    while let Some(head) = Head::read(&mut from_client).await? {
        let disturbance = shared.decide(Some(&head));
        match disturbance {
            Some(Disturbance::Reset { .. }) => return Ok(End::Reset),
            Some(Disturbance::Cut { lasts, .. }) => {
                shared.cut(lasts);
                return Ok(End::Reset);
            }
            Some(Disturbance::Answer(reply)) => {
                head.pass_request(&mut from_client, &mut tokio::io::sink()).await?;
                to_client.write_all(reply.message().as_bytes()).await?;
                return Ok(End::Quiet);
            }
            _ => head.pass_request(&mut from_client, &mut to_store).await?,
        }
        let method = head.method();
        match disturbance {
            Some(Disturbance::Slow(delay)) => tokio::time::sleep(delay).await,
            Some(Disturbance::Stuck) => {
                // Until the client loses its patience.
                from_client.read_u8().await?;
            }
            Some(Disturbance::GatewayTimeout) => {
                let words = answer(504, "Gateway Timeout", "text/plain", "upstream request timeout");
                to_client.write_all(words.as_bytes()).await?;
                to_client.shutdown().await?;
                // The store works on, and its answer goes nowhere.
                pass(method, &mut from_store, &mut tokio::io::sink()).await?;
                return Ok(End::Quiet);
            }
            Some(Disturbance::CutAfter(limit)) => {
                return cut(method, limit, &mut from_store, &mut to_client).await;
            }
            _ => {}
        }
        if pass(method, &mut from_store, &mut to_client).await? {
            break;
        }
    }
    Ok(End::Quiet)
}

/// Cuts the client off if the answer does not come in time; the store still works on.
async fn cut(
    method: &str,
    limit: Duration,
    from: &mut (impl AsyncBufRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
) -> Result<End> {
    tokio::time::sleep(limit).await;
    // Half an answer is what a cut connection leaves.
    to.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{").await?;
    to.shutdown().await?;
    pass(method, from, &mut tokio::io::sink()).await?;
    Ok(End::Reset)
}

/// Passes an answer on, with what comes before it. Returns whether the connection ends with it.
async fn pass(
    method: &str,
    from: &mut (impl AsyncBufRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
) -> Result<bool> {
    loop {
        let Some(head) = Head::read(from).await? else { return Ok(true) };
        let ends = head.pass_answer(method, from, to).await?;
        if !(100..200).contains(&head.status()) {
            return Ok(ends);
        }
    }
}
