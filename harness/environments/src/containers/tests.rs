//! What is made of an engine's answers, with one that gives whatever a test wants: an engine that refuses or is silent is no
//! word on the stores.

use super::engine::Engine;
use super::found::Remove;
use super::marks::Marks;
use crate::error::EnvironmentProblem;
use crate::signals::StoreProcess;
use crate::workdir::WorkDir;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use testcontainers::bollard::{API_DEFAULT_VERSION, Docker};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Requests in their order: `GET /containers/x/json`.
type Asked = Arc<Mutex<Vec<String>>>;

/// An engine that gives these answers, each a status and a body.
async fn engine(answer: impl Fn(&str) -> (u16, Value) + Send + Sync + 'static) -> (Engine, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Asked::default();
    let (told, answer) = (Arc::clone(&asked), Arc::new(answer));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&told), Arc::clone(&answer)));
        }
    });
    (at(port), asked)
}

async fn serve(mut stream: TcpStream, asked: Asked, answer: Arc<impl Fn(&str) -> (u16, Value)>) {
    let (mut request, mut part) = (Vec::new(), [0; 4096]);
    let (head, rest) = loop {
        let read = stream.read(&mut part).await.unwrap_or(0);
        if read == 0 {
            return;
        }
        request.extend_from_slice(&part[..read]);
        if let Some(end) = request.windows(4).position(|w| w == b"\r\n\r\n") {
            break (String::from_utf8_lossy(&request[..end]).into_owned(), request.len() - end - 4);
        }
    };
    let length = head
        .lines()
        .find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut missing = length.unwrap_or(0_usize).saturating_sub(rest);
    while missing > 0 {
        let read = stream.read(&mut part).await.unwrap_or(0);
        if read == 0 {
            return;
        }
        missing = missing.saturating_sub(read);
    }
    let mut words = head.split(' ');
    let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let line = format!("{method} {}", bare(path));
    let (status, body) = answer(&line);
    asked.lock().unwrap().push(line);
    let body = if status == 204 { String::new() } else { body.to_string() };
    let head = format!(
        "HTTP/1.1 {status} told\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
        body.len()
    );
    let _ = stream.write_all(format!("{head}connection: close\r\n\r\n{body}").as_bytes()).await;
}

/// A path without the version of the interface, which a client may name or not, and without what is asked in particular.
fn bare(path: &str) -> &str {
    let path = path.split('?').next().unwrap_or(path);
    let Some((version, _)) = path.strip_prefix("/v").and_then(|rest| rest.split_once('/')) else {
        return path;
    };
    let is_version = version.chars().all(|c| c.is_ascii_digit() || c == '.') && !version.is_empty();
    if is_version { &path["/v".len() + version.len()..] } else { path }
}

/// An engine at a port.
fn at(port: u16) -> Engine {
    let docker =
        Docker::connect_with_http(&format!("http://127.0.0.1:{port}"), 5, API_DEFAULT_VERSION).unwrap();
    Engine { docker, version: String::new(), folder: None }
}

/// An engine where nobody listens.
async fn silent() -> Engine {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    at(listener.local_addr().unwrap().port())
}

fn refusal() -> (u16, Value) {
    (500, json!({"message": "the disk is full"}))
}

fn running(running: bool) -> (u16, Value) {
    (200, json!({"Id": "x", "State": {"Running": running}}))
}

fn marks() -> Marks {
    let root = tempfile::tempdir().unwrap();
    Marks::of(&WorkDir::create(root.path(), "run-1", Path::new("/runs/1")).unwrap())
}

#[tokio::test]
async fn only_an_answer_says_that_a_container_does_not_run() {
    for (status, body, told) in [
        (200, running(true).1, Some(true)),
        (200, running(false).1, Some(false)),
        (404, json!({"message": "no such container"}), Some(false)),
        (500, refusal().1, None),
        (200, json!({"Id": "x"}), None),
    ] {
        let answer = body.clone();
        let (engine, _) = engine(move |_| (status, answer.clone())).await;
        assert_eq!(engine.is_running("x").await.ok(), told, "{status} {body}");
    }
    let error = silent().await.is_running("x").await.unwrap_err();
    assert_eq!(error.code, EnvironmentProblem::Engine);
}

#[tokio::test]
async fn a_store_counts_as_killed_if_it_ran_before_and_is_gone_after() {
    let kill = |engine| StoreProcess::container(engine, "x".into()).kill();
    // Runs until it is killed.
    let looks = AtomicUsize::new(0);
    let (mortal, asked) = engine(move |line| match line {
        "POST /containers/x/kill" => (204, Value::Null),
        _ => running(looks.fetch_add(1, Ordering::SeqCst) == 0),
    })
    .await;
    kill(mortal).await.unwrap();
    assert!(asked.lock().unwrap().iter().any(|line| line == "POST /containers/x/kill"));
    // Has ended before; or is gone; or nobody tells; or the signal is refused.
    let (ended, asked) = engine(|_| running(false)).await;
    assert!(kill(ended).await.unwrap_err().what.contains("does not run"));
    assert!(asked.lock().unwrap().iter().all(|line| !line.ends_with("/kill")));
    assert!(kill(silent().await).await.is_err());
    let (refusing, _) = engine(|line| if line.ends_with("/kill") { refusal() } else { running(true) }).await;
    assert!(kill(refusing).await.is_err());
    let looks = AtomicUsize::new(0);
    let (forgetful, _) = engine(move |line| match line {
        "POST /containers/x/kill" => (204, Value::Null),
        _ if looks.fetch_add(1, Ordering::SeqCst) == 0 => running(true),
        _ => refusal(),
    })
    .await;
    assert!(kill(forgetful).await.is_err(), "nobody knows what became of it");
}

#[tokio::test]
async fn a_container_that_stays_paused_is_told_and_one_that_runs_is_none_the_worse() {
    let state = |paused: bool| {
        move |line: &str| match line {
            "POST /containers/x/unpause" => refusal(),
            _ => (200, json!({"Id": "x", "State": {"Running": true, "Paused": paused}})),
        }
    };
    assert!(engine(state(true)).await.0.unpause("x").await.is_err());
    engine(state(false)).await.0.unpause("x").await.unwrap();
}

#[tokio::test]
async fn what_comes_while_a_run_is_removed_is_removed_as_well() {
    let looks = AtomicUsize::new(0);
    let labels = json!({"drydock.run": "run-1"});
    let (engine, asked) = engine(move |line| match line {
        // The second was being made when the first look was taken.
        "GET /containers/json" => (
            200,
            match looks.fetch_add(1, Ordering::SeqCst) {
                look @ 0..2 => json!([{"Id": format!("c{look}"), "Names": ["/one"], "Labels": labels}]),
                _ => json!([]),
            },
        ),
        "GET /networks" if looks.load(Ordering::SeqCst) == 1 => (
            200,
            json!([
                {"Id": "n0", "Name": "same", "Labels": labels},
                {"Id": "n1", "Name": "same", "Labels": labels},
            ]),
        ),
        "GET /networks" => (200, json!([])),
        "GET /volumes" => (200, json!({"Volumes": []})),
        _ => (204, Value::Null),
    })
    .await;
    engine.remove_run(&marks(), Remove::Everything).await.unwrap();
    let asked = asked.lock().unwrap();
    for wanted in ["/containers/c0", "/containers/c1", "/networks/n0", "/networks/n1"] {
        assert!(asked.contains(&format!("DELETE {wanted}")), "{wanted} is left: {asked:?}");
    }
}

#[tokio::test]
async fn a_list_that_cannot_be_had_is_no_empty_list() {
    let (one, asked) = engine(|_| refusal()).await;
    assert!(one.remove_run(&marks(), Remove::Everything).await.is_err());
    assert!(asked.lock().unwrap().iter().all(|line| line.starts_with("GET ")));
    // The last of three lists counts as well.
    let (two, _) = engine(|line| match line {
        "GET /volumes" => refusal(),
        _ => (200, json!([])),
    })
    .await;
    assert!(two.remove_run(&marks(), Remove::Everything).await.is_err());
    assert!(silent().await.remove_run(&marks(), Remove::Everything).await.is_err());
}

#[tokio::test]
async fn a_volume_of_somebody_else_is_not_taken() {
    let of = |labels: Value| {
        let volume = json!({"Name": "v", "Driver": "local", "Mountpoint": "/v", "Labels": labels, "Scope": "local", "Options": {}});
        move |line: &str| match line {
            "POST /volumes/create" => (201, volume.clone()),
            _ => (200, volume.clone()),
        }
    };
    let marks = marks();
    let (own, _) = engine(of(json!(marks.labels()))).await;
    own.make_volume("v", &marks).await.unwrap();
    let (foreign, _) = engine(of(json!({"drydock.run": "run-1"}))).await;
    let error = foreign.make_volume("v", &marks).await.unwrap_err();
    assert!(error.what.contains("not this run's"), "{}", error.what);
}

#[tokio::test]
async fn the_node_of_a_cluster_is_found_by_its_network_and_goes_before_it() {
    let (node_gone, network_gone) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let labels = json!({"drydock.run": "run-1", "drydock.cluster": "drydock-x"});
    let (engine, asked) = engine(move |line| match line {
        "DELETE /containers/node" => {
            node_gone.store(1, Ordering::SeqCst);
            (204, Value::Null)
        }
        "DELETE /networks/n" => {
            network_gone.store(1, Ordering::SeqCst);
            (204, Value::Null)
        }
        // A node carries the labels of its maker alone.
        "GET /containers/json" if node_gone.load(Ordering::SeqCst) == 0 => {
            (200, json!([{"Id": "node", "Names": ["/drydock-x-control-plane"], "Labels": {}}]))
        }
        "GET /networks" if network_gone.load(Ordering::SeqCst) == 0 => {
            (200, json!([{"Id": "n", "Name": "drydock-x", "Labels": labels}]))
        }
        "GET /volumes" => (200, json!({"Volumes": []})),
        _ => (200, json!([])),
    })
    .await;
    let found = engine.found(&marks()).await.unwrap();
    assert_eq!(found.names(), ["container drydock-x-control-plane", "network drydock-x"]);
    engine.remove_run(&marks(), Remove::Everything).await.unwrap();
    let asked = asked.lock().unwrap();
    let at = |wanted: &str| asked.iter().position(|line| line == wanted).expect(wanted);
    assert!(at("DELETE /containers/node") < at("DELETE /networks/n"), "{asked:?}");
}
