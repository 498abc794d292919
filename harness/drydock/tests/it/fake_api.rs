//! An API server of this test's own, no Kubernetes: it answers what is read, and keeps every request. Nothing can be written to it.

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// What the account of the context holds out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Account {
    /// It may do all that is asked, and the namespaces that a run would make are somebody else's.
    MayAllAndFindsThemTaken,
    /// It may do all but these, `VERB RESOURCE`.
    MayNot(&'static [&'static str]),
}

/// Where questions about rights are sent. They change nothing.
const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
/// In the kubeconfig, and nowhere else.
pub(crate) const TOKEN: &str = "token-that-nobody-is-shown";

/// What was asked: method and path with its query.
type Asked = Arc<Mutex<Vec<(Method, String)>>>;

/// The running server. It ends with its runtime.
pub(crate) struct FakeApi {
    asked: Asked,
    address: String,
    _runtime: tokio::runtime::Runtime,
}

impl FakeApi {
    pub(crate) fn start(account: Account) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let asked = Asked::default();
        let router = Router::new().fallback(answer).with_state((asked.clone(), account));
        let address = runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = format!("http://{}", listener.local_addr().expect("an address"));
            tokio::spawn(async move { axum::serve(listener, router).await });
            address
        });
        Self { asked, address, _runtime: runtime }
    }

    /// A kubeconfig whose contexts `blue` and `green` lead to it.
    pub(crate) fn kubeconfig(&self, folder: &Path) -> PathBuf {
        let context = |name: &str| json!({"name": name, "context": {"cluster": "fake", "user": "fake"}});
        let text = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "blue",
            "clusters": [{"name": "fake", "cluster": {"server": self.address}}],
            "users": [{"name": "fake", "user": {"token": TOKEN}}],
            "contexts": [context("blue"), context("green")],
        });
        let path = folder.join("kubeconfig-of-the-user");
        std::fs::write(&path, text.to_string()).expect("a kubeconfig");
        path
    }

    /// Everything that was asked since the last time.
    pub(crate) fn taken(&self) -> Vec<(Method, String)> {
        std::mem::take(&mut *self.asked.lock().expect("nobody broke off"))
    }

    /// Sends a request as somebody would who writes.
    pub(crate) fn send(&self, method: &str, path: &str) {
        use std::io::{Read, Write};
        let host = self.address.trim_start_matches("http://");
        let mut stream = std::net::TcpStream::connect(host).expect("it listens");
        let text = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        );
        stream.write_all(text.as_bytes()).expect("it hears");
        let mut told = String::new();
        stream.read_to_string(&mut told).expect("it answers");
        assert!(told.starts_with("HTTP/1.1 405"), "{told}");
    }
}

/// Whether a request asks about a right.
pub(crate) fn is_review(target: &str) -> bool {
    target.split('?').next() == Some(REVIEWS)
}

/// What of some requests was no reading.
pub(crate) fn writes(asked: &[(Method, String)]) -> Vec<String> {
    let reads = |method: &Method, target: &str| {
        *method == Method::GET || (*method == Method::POST && is_review(target))
    };
    let other = asked.iter().filter(|(method, target)| !reads(method, target));
    other.map(|(method, target)| format!("{method} {target}")).collect()
}

async fn answer(State((asked, account)): State<(Asked, Account)>, request: Request) -> Response {
    let (method, target) = (request.method().clone(), request.uri().to_string());
    asked.lock().expect("nobody broke off").push((method.clone(), target.clone()));
    if method == Method::POST && is_review(&target) {
        let body = to_bytes(request.into_body(), 1 << 20).await.unwrap_or_default();
        return review(account, &serde_json::from_slice(&body).unwrap_or_default());
    }
    if method != Method::GET {
        return failure(405, "this server is only read");
    }
    let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
    match path {
        "/version" => ok(&json!({"major": "1", "minor": "34", "gitVersion": "v1.34.4", "gitCommit": "",
            "gitTreeState": "clean", "buildDate": "2026-01-01T00:00:00Z", "goVersion": "go1.24",
            "compiler": "gc", "platform": "linux/amd64"})),
        "/api/v1/namespaces/camunda/secrets" if query.contains("owner") => {
            ok(&json!({"kind": "SecretList", "apiVersion": "v1", "metadata": {}, "items": [release()]}))
        }
        path if path.starts_with("/api/v1/namespaces/") && path.matches('/').count() == 4 => {
            let name = path.rsplit('/').next().unwrap_or_default();
            ok(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {
                "name": name, "uid": "1", "labels": {"drydock.mark": "of another run"},
                "creationTimestamp": "2026-01-01T00:00:00Z"}}))
        }
        _ => ok(&json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": []})),
    }
}

fn review(account: Account, asked: &Value) -> Response {
    let about = &asked["spec"]["resourceAttributes"];
    let text = |name: &str| about[name].as_str().unwrap_or_default().to_owned();
    let part = text("subresource");
    let resource = if part.is_empty() { text("resource") } else { format!("{}/{part}", text("resource")) };
    let right = format!("{} {resource}", text("verb"));
    let allowed = match account {
        Account::MayAllAndFindsThemTaken => true,
        Account::MayNot(rights) => !rights.contains(&right.as_str()),
    };
    let mut told = asked.clone();
    told["status"] = json!({"allowed": allowed});
    (StatusCode::CREATED, axum::Json(told)).into_response()
}

/// The release `camunda`, as helm keeps it.
fn release() -> Value {
    let release = json!({
        "name": "camunda", "namespace": "camunda", "version": 1,
        "info": {"status": "deployed", "first_deployed": "2026-01-01T00:00:00Z", "last_deployed": "2026-01-01T00:00:00Z"},
        "chart": {"metadata": {"name": "camunda-platform", "version": "12.7.0", "apiVersion": "v2"},
            "values": {"elasticsearch": {"enabled": true}}, "templates": []},
        "config": {"identity": {"enabled": true}, "identityKeycloak": {"enabled": true}},
        "manifest": "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: of-the-release\n",
    });
    // Once as helm packs it, without its compression, and once as a Secret holds bytes.
    let packed = base64(&base64(release.to_string().as_bytes()).into_bytes());
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
        "metadata": {"name": "sh.helm.release.v1.camunda.v1", "namespace": "camunda", "labels": {
            "owner": "helm", "name": "camunda", "status": "deployed", "version": "1"}},
        "data": {"release": packed},
    })
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let three = [chunk[0], *chunk.get(1).unwrap_or(&0), *chunk.get(2).unwrap_or(&0)];
        let number = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for place in 0..4 {
            let six = (number >> (18 - 6 * place)) & 63;
            text.push(if place <= chunk.len() { char::from(LETTERS[six as usize]) } else { '=' });
        }
    }
    text
}

fn ok(value: &Value) -> Response {
    axum::Json(value).into_response()
}

fn failure(code: u16, message: &str) -> Response {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": "MethodNotAllowed", "code": code,
    });
    (StatusCode::from_u16(code).expect("a status"), axum::Json(status)).into_response()
}
