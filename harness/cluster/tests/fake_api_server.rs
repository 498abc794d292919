//! Reading a cluster, against a fake API server: a stand-in of this test, no Kubernetes. It keeps the method of every request
//! and answers anything but GET with 405.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use drydock_cluster::{Listed, Server};
use kube::Config;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// What was asked: method and path with its query.
type Asked = Arc<Mutex<Vec<(Method, String)>>>;

fn failure(code: u16, message: &str) -> Response {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": "", "code": code,
    });
    (StatusCode::from_u16(code).unwrap(), axum::Json(status)).into_response()
}

fn list(items: &[Value], more: &str) -> Response {
    axum::Json(json!({"kind": "List", "apiVersion": "v1", "metadata": {"continue": more}, "items": items}))
        .into_response()
}

async fn answer(State(asked): State<Asked>, request: Request) -> Response {
    let (method, target) = (request.method().clone(), request.uri().to_string());
    asked.lock().unwrap().push((method.clone(), target));
    if method != Method::GET {
        return failure(405, "this fake server is only read");
    }
    let path = request.uri().path();
    let query = request.uri().query().unwrap_or_default();
    let pod = |name: &str| json!({"metadata": {"name": name, "namespace": "camunda", "uid": name}});
    match path {
        "/api/v1/namespaces/camunda" => axum::Json(json!({"metadata": {"name": "camunda"}})).into_response(),
        "/api/v1/namespaces/camunda/pods" if query.contains("continue=more%2F1") => list(&[pod("b")], ""),
        "/api/v1/namespaces/camunda/pods" => list(&[pod("a")], "more/1"),
        "/api/v1/namespaces/camunda/secrets" => failure(403, "secrets is forbidden"),
        "/api/v1/persistentvolumes" => {
            let volume = |name: &str, of: &str| json!({"metadata": {"name": name}, "spec": {"claimRef": {"namespace": of}}});
            list(&[volume("ours", "camunda"), volume("theirs", "other")], "")
        }
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions" => list(
            &[json!({"metadata": {"name": "clusters.example.org"}, "spec": {
                "group": "example.org", "scope": "Namespaced", "names": {"plural": "clusters", "kind": "Cluster"},
                "versions": [{"name": "v1old", "served": false}, {"name": "v1", "served": true}]}})],
            "",
        ),
        "/apis/example.org/v1/namespaces/camunda/clusters" => {
            list(&[json!({"metadata": {"name": "pg", "namespace": "camunda"}})], "")
        }
        path if path.contains("policy/v1") => failure(404, "no such API"),
        path if path.contains("/broken") => failure(500, "it broke"),
        _ => list(&[], ""),
    }
}

/// Starts the fake server; it ends with the test.
async fn fake() -> (Server, Asked) {
    let asked = Asked::default();
    let router = Router::new().fallback(answer).with_state(asked.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let server = Server::of_config(Config::new(address.parse().unwrap())).unwrap();
    (server, asked)
}

fn names(listed: &Listed, kind: &str) -> Vec<String> {
    let of_kind = listed.objects.iter().filter(|o| o["kind"] == kind);
    of_kind.map(|o| o["metadata"]["name"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn everything_is_read_and_nothing_else_is_asked() {
    let (server, asked) = fake().await;
    let listed = server.namespace("camunda").await.unwrap();
    assert_eq!(names(&listed, "Pod"), ["a", "b"], "both pages");
    assert_eq!(names(&listed, "Cluster"), ["pg"], "kinds that the server defines");
    assert_eq!(names(&listed, "PersistentVolume"), ["ours"], "volumes of this namespace");
    assert!(listed.objects.iter().all(|o| o["apiVersion"].is_string()));
    let refused: Vec<&str> = listed.not_listed.iter().map(|n| n.kind.as_str()).collect();
    assert_eq!(refused, ["Secret"], "what may not be read is told, what is not served is not");
    let asked = asked.lock().unwrap();
    assert!(asked.len() > 25);
    assert!(asked.iter().all(|(method, _)| method == Method::GET), "{asked:?}");
    assert!(asked.iter().all(|(_, target)| !target.contains("watch")), "{asked:?}");
}

#[tokio::test]
async fn the_fake_server_does_refuse_to_be_written_to() {
    let (_, asked) = fake().await;
    let client = kube::Client::try_from(Config::new("http://127.0.0.1:1".parse().unwrap()));
    assert!(client.is_ok() && asked.lock().unwrap().is_empty());
    let response = answer(
        State(asked),
        Request::builder().method("DELETE").uri("/x").body(axum::body::Body::empty()).unwrap(),
    )
    .await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_server_that_is_not_there_or_lacks_the_namespace_is_an_error() {
    let gone = Server::of_config(Config::new("http://127.0.0.1:1".parse().unwrap())).unwrap();
    assert!(
        gone.namespace("camunda").await.unwrap_err().to_string().starts_with("cannot read the namespace")
    );
    let nobody = Server::of_context("no-such-context-anywhere").await;
    assert!(nobody.err().is_some_and(|e| e.to_string().contains("no-such-context-anywhere")));
}
