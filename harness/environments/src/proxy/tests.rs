//! Each disturbance on a real connection: what the client meets, and what the store sees.

use super::*;
use std::io::ErrorKind;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// A store that answers every request with its path, and tells which it saw.
async fn store() -> (u16, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (told, seen) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let told = told.clone();
            tokio::spawn(async move {
                let (from, mut to) = client.into_split();
                let mut from = BufReader::new(from);
                while let Ok(Some(head)) = Head::read(&mut from).await {
                    let path = head.path().to_owned();
                    told.send(path.clone()).unwrap();
                    head.pass_request(&mut from, &mut tokio::io::sink()).await.unwrap();
                    let body = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{path}", path.len());
                    to.write_all(body.as_bytes()).await.unwrap();
                }
            });
        }
    });
    (port, seen)
}

/// Sends requests over one connection, and returns what came back.
async fn ask(proxy: &Proxy, paths: &[&str]) -> Result<String, ErrorKind> {
    let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).await.unwrap();
    let mut text = String::new();
    for (number, path) in paths.iter().enumerate() {
        let last = if number + 1 == paths.len() { "connection: close\r\n" } else { "" };
        let request = format!("POST {path} HTTP/1.1\r\n{last}content-length: 2\r\n\r\n{{}}");
        client.write_all(request.as_bytes()).await.map_err(|e| e.kind())?;
        let mut answer = BufReader::new(&mut client);
        let head = Head::read(&mut answer).await.map_err(|e| e.kind())?.ok_or(ErrorKind::UnexpectedEof)?;
        let mut body = Vec::new();
        head.pass_answer("POST", &mut answer, &mut body).await.map_err(|e| e.kind())?;
        text.push_str(&format!("{} ", head.status()));
    }
    Ok(text.trim_end().to_owned())
}

fn rule(disturbance: Disturbance, first: u32, count: Option<u32>) -> Rule {
    Rule { disturbance, which: Which::Copying, first, count }
}

#[tokio::test]
async fn without_a_rule_everything_passes() {
    let (port, mut seen) = store().await;
    let proxy = Proxy::start(port, Protocol::Http).unwrap();
    assert_eq!(ask(&proxy, &["/a", "/b/_bulk"]).await.unwrap(), "200 200");
    assert_eq!((seen.recv().await.unwrap(), seen.recv().await.unwrap()), ("/a".into(), "/b/_bulk".into()));
    assert_eq!(proxy.struck(), 0);
}

#[tokio::test]
async fn only_the_requests_of_the_rule_are_refused() {
    let (port, mut seen) = store().await;
    let proxy = Proxy::start(port, Protocol::Http).unwrap();
    proxy.disturb(rule(Disturbance::Answer(Reply::TooManyRequests), 2, Some(1)));
    assert_eq!(ask(&proxy, &["/_bulk"]).await.unwrap(), "200");
    assert_eq!(ask(&proxy, &["/_search"]).await.unwrap(), "200");
    assert_eq!(ask(&proxy, &["/_bulk"]).await.unwrap(), "429");
    assert_eq!(ask(&proxy, &["/_bulk"]).await.unwrap(), "200");
    assert_eq!(proxy.struck(), 1);
    proxy.disturb(rule(Disturbance::Answer(Reply::Unauthorized), 1, None));
    assert_eq!(ask(&proxy, &["/_reindex"]).await.unwrap(), "401");
    proxy.calm();
    assert_eq!(ask(&proxy, &["/_reindex"]).await.unwrap(), "200");
    let mut reached = Vec::new();
    while let Ok(path) = seen.try_recv() {
        reached.push(path);
    }
    assert_eq!(reached, ["/_bulk", "/_search", "/_bulk", "/_reindex"]);
}

#[tokio::test]
async fn a_reset_loses_the_request_and_a_gateway_only_the_answer() {
    let (port, mut seen) = store().await;
    let proxy = Proxy::start(port, Protocol::Http).unwrap();
    proxy.disturb(rule(Disturbance::Reset { after_bytes: 0 }, 1, Some(1)));
    let lost = ask(&proxy, &["/_reindex"]).await.unwrap_err();
    assert!(matches!(lost, ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof), "{lost:?}");
    assert!(seen.try_recv().is_err(), "the store saw a request that was reset");
    proxy.disturb(rule(Disturbance::GatewayTimeout, 1, Some(1)));
    assert_eq!(ask(&proxy, &["/_reindex"]).await.unwrap(), "504");
    assert_eq!(seen.recv().await.unwrap(), "/_reindex");
    proxy.disturb(rule(Disturbance::CutAfter(Duration::ZERO), 1, Some(1)));
    assert!(ask(&proxy, &["/_reindex"]).await.is_err());
    assert_eq!(seen.recv().await.unwrap(), "/_reindex");
}

#[tokio::test]
async fn an_answer_that_is_stuck_never_comes() {
    let (port, mut seen) = store().await;
    let proxy = Proxy::start(port, Protocol::Http).unwrap();
    proxy.disturb(rule(Disturbance::Stuck, 1, Some(1)));
    let waited = tokio::time::timeout(Duration::from_millis(300), ask(&proxy, &["/_reindex"])).await;
    assert!(waited.is_err(), "{waited:?}");
    assert_eq!(seen.recv().await.unwrap(), "/_reindex");
    assert_eq!(ask(&proxy, &["/_reindex"]).await.unwrap(), "200");
}

#[tokio::test]
async fn bytes_are_counted_and_then_the_connection_is_reset_once() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let proxy = Proxy::start(listener.local_addr().unwrap().port(), Protocol::Bytes).unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = client.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    proxy.disturb(Rule {
        disturbance: Disturbance::Reset { after_bytes: 1000 },
        which: Which::Every,
        first: 1,
        count: Some(1),
    });
    let echoed = async |bytes: usize| -> std::io::Result<usize> {
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).await?;
        client.write_all(&vec![7; bytes]).await?;
        client.write_all(b"\n").await?;
        let mut back = Vec::new();
        BufReader::new(&mut client).read_until(b'\n', &mut back).await?;
        if back.last() == Some(&b'\n') { Ok(back.len()) } else { Err(ErrorKind::UnexpectedEof.into()) }
    };
    // A short connection passes, and does not count.
    assert_eq!(echoed(10).await.unwrap(), 11);
    assert!(echoed(5000).await.is_err());
    assert_eq!(echoed(5000).await.unwrap(), 5001);
    assert_eq!(proxy.struck(), 1);
    let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).await.unwrap();
    drop(proxy);
    assert!(matches!(client.read(&mut [0]).await, Ok(0) | Err(_)));
}

#[tokio::test]
async fn a_cut_takes_every_connection_and_is_over_by_itself() {
    let (port, mut seen) = store().await;
    let proxy = Proxy::start(port, Protocol::Http).unwrap();
    // One that is open already, and says nothing meanwhile.
    let mut idle = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).await.unwrap();
    assert_eq!(ask(&proxy, &["/_bulk"]).await.unwrap(), "200");
    seen.recv().await.unwrap();
    let lasts = Duration::from_millis(400);
    proxy.disturb(rule(Disturbance::Cut { after_bytes: 0, lasts }, 1, Some(1)));
    let began = Instant::now();
    assert!(ask(&proxy, &["/_reindex"]).await.is_err());
    assert!(matches!(idle.read(&mut [0]).await, Ok(0) | Err(_)), "an idle connection outlived the cut");
    let mut refused = 0;
    while ask(&proxy, &["/_search"]).await.is_err() {
        refused += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(refused > 0 && began.elapsed() >= lasts, "{refused} in {:?}", began.elapsed());
    assert_eq!((seen.recv().await.unwrap(), proxy.struck()), ("/_search".into(), 1));
    assert!(seen.try_recv().is_err(), "the store saw what was cut off");
}
