//! One login at Camunda's REST interfaces.

use crate::error::{EngineError, ErrorKind, Result};
use drydock_stores::elasticsearch::path_segment;
use reqwest::header::{HeaderMap, SET_COOKIE};
use reqwest::{Client, Method};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

/// The user that Camunda makes at its first start, with everything allowed, and the password it gives it.
pub const DEFAULT_USER: (&str, &str) = ("demo", "demo");

const TOKEN: &str = "X-CSRF-TOKEN";
/// Between two looks at an application that is starting.
const LOOK: Duration = Duration::from_millis(250);
/// Characters of a body that an error quotes.
const QUOTED: usize = 200;

/// What a login gave.
#[derive(Debug, Clone)]
struct Ticket {
    cookies: SecretString,
    token: Option<SecretString>,
}

/// Where Camunda's REST interfaces are, each as `http://host:port`. Where all of them are in one process, that is one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doors {
    /// `/v2`; asks for no login where it is by itself.
    pub gateway: String,
    /// `/api` and most of `/v1`.
    pub operate: String,
    /// `/v1/tasks` and `/v1/forms`.
    pub tasklist: String,
}

impl Doors {
    /// One process for all of them.
    pub fn one(base: &str) -> Self {
        let base = base.trim_end_matches('/').to_owned();
        Self { gateway: base.clone(), operate: base.clone(), tasklist: base }
    }

    /// The one that a path is behind.
    fn of(&self, path: &str) -> &str {
        let begins =
            |with: &str| path.strip_prefix(with).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
        match () {
            () if begins("/v2") => &self.gateway,
            () if begins("/v1/tasks") || begins("/v1/forms") => &self.tasklist,
            () => &self.operate,
        }
    }

    /// Those that ask for a login.
    fn guarded(&self) -> BTreeSet<&str> {
        [self.operate.as_str(), self.tasklist.as_str()].into()
    }
}

/// A session. Requests may be made side by side.
#[derive(Debug)]
pub struct Session {
    client: Client,
    doors: Doors,
    user: String,
    password: SecretString,
    /// By address.
    tickets: RwLock<BTreeMap<String, Ticket>>,
}

/// What is sent.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    None,
    Json(Value),
    /// Already put together, with its media type.
    Raw(String, Vec<u8>),
}

impl Session {
    /// A session that has not logged in yet.
    ///
    /// # Errors
    /// The client cannot be built.
    pub fn new(doors: Doors, user: &str, password: SecretString) -> Result<Self> {
        drydock_stores::net::init();
        let client = Client::builder()
            .connect_timeout(Duration::from_secs(2))
            .read_timeout(Duration::from_secs(30))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|e| EngineError::new("CONNECT", &doors.gateway, ErrorKind::Transport(e.to_string())))?;
        Ok(Self { client, doors, user: user.to_owned(), password, tickets: RwLock::default() })
    }

    /// Logs in as the user that Camunda makes at its first start, as soon as the application really works: a partition leads,
    /// the login is accepted and a search is answered.
    ///
    /// # Errors
    /// It does not work within `limit`; the last reason.
    pub async fn open(doors: Doors, limit: Duration) -> Result<Self> {
        let (user, password) = DEFAULT_USER;
        let session = Self::new(doors, user, SecretString::from(password))?;
        let began = Instant::now();
        loop {
            match session.works().await {
                Ok(()) => return Ok(session),
                Err(error) if began.elapsed() > limit => return Err(error),
                Err(_) => tokio::time::sleep(LOOK).await,
            }
        }
    }

    async fn works(&self) -> Result<()> {
        self.log_in().await?;
        let path = "/v2/topology";
        let topology = self.get(path).await?;
        let partitions = topology["partitionsCount"].as_u64().unwrap_or(0);
        let brokers = topology["brokers"].as_array().map(Vec::as_slice).unwrap_or_default();
        let leading = brokers
            .iter()
            .flat_map(|broker| broker["partitions"].as_array().map(Vec::as_slice).unwrap_or_default())
            .filter(|partition| {
                let is = |key: &str, value: &str| {
                    partition[key].as_str().is_some_and(|v| v.eq_ignore_ascii_case(value))
                };
                is("role", "leader") && is("health", "healthy")
            })
            .count() as u64;
        if partitions == 0 || leading < partitions {
            return Err(EngineError::lacks("GET", path, "a healthy leader of every partition"));
        }
        let one = serde_json::json!({"size": 1});
        if self.doors.guarded().len() > 1 {
            self.post("/v1/tasks/search", one.clone()).await?;
        }
        self.post("/v1/process-definitions/search", one).await.map(drop)
    }

    /// Logs in (again): sessions do not survive the application's end.
    ///
    /// # Errors
    /// The login is refused, or nobody answers.
    pub async fn log_in(&self) -> Result<()> {
        for door in self.doors.guarded() {
            self.log_in_at(door).await?;
        }
        Ok(())
    }

    async fn log_in_at(&self, door: &str) -> Result<()> {
        let path = "/api/login";
        // What is left as it is in a path is left so in a form as well.
        let (user, password) = (path_segment(&self.user), path_segment(self.password.expose_secret()));
        let form = format!("username={user}&password={password}");
        let answer = self
            .client
            .post(format!("{door}{path}"))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .map_err(|e| transport("POST", path, &e))?;
        let status = answer.status();
        if !status.is_success() {
            let detail = "the login is refused".to_owned();
            return Err(EngineError::new(
                "POST",
                path,
                ErrorKind::Status { status: status.as_u16(), detail },
            ));
        }
        let ticket =
            ticket_of(answer.headers()).ok_or_else(|| EngineError::lacks("POST", path, "a cookie"))?;
        self.tickets.write().unwrap_or_else(PoisonError::into_inner).insert(door.to_owned(), ticket);
        Ok(())
    }

    /// `GET`, as JSON.
    ///
    /// # Errors
    /// No answer, one of failure, or one that is no JSON.
    pub async fn get(&self, path: &str) -> Result<Value> {
        parsed("GET", path, &self.call(Method::GET, path, Body::None).await?)
    }

    /// `GET`, as text.
    ///
    /// # Errors
    /// No answer, or one of failure.
    pub async fn text(&self, path: &str) -> Result<String> {
        let bytes = self.call(Method::GET, path, Body::None).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// `POST` with a JSON body; `null` for an empty answer.
    ///
    /// # Errors
    /// As [`Session::get`].
    pub async fn post(&self, path: &str, body: Value) -> Result<Value> {
        parsed("POST", path, &self.call(Method::POST, path, Body::Json(body)).await?)
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<Value> {
        parsed("DELETE", path, &self.call(Method::DELETE, path, Body::None).await?)
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Result<Value> {
        parsed("PUT", path, &self.call(Method::PUT, path, Body::Json(body)).await?)
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Result<Value> {
        parsed("PATCH", path, &self.call(Method::PATCH, path, Body::Json(body)).await?)
    }

    pub(crate) async fn post_raw(&self, path: &str, kind: String, bytes: Vec<u8>) -> Result<Value> {
        parsed("POST", path, &self.call(Method::POST, path, Body::Raw(kind, bytes)).await?)
    }

    async fn call(&self, method: Method, path: &str, body: Body) -> Result<Vec<u8>> {
        let first = self.once(&method, path, body.clone()).await;
        match first {
            // The session was lost: the application was started again since the login.
            Err(error) if matches!(error.status(), Some(401)) => {
                self.log_in().await?;
                self.once(&method, path, body).await
            }
            other => other,
        }
    }

    async fn once(&self, method: &Method, path: &str, body: Body) -> Result<Vec<u8>> {
        let name = method.as_str();
        let door = self.doors.of(path);
        let mut request = self.client.request(method.clone(), format!("{door}{path}"));
        let ticket = self.tickets.read().unwrap_or_else(PoisonError::into_inner).get(door).cloned();
        if let Some(ticket) = ticket {
            request = request.header("Cookie", ticket.cookies.expose_secret());
            if let Some(token) = ticket.token {
                request = request.header(TOKEN, token.expose_secret());
            }
        }
        let request = match body {
            Body::None => request,
            Body::Json(value) => request.json(&value),
            Body::Raw(kind, bytes) => request.header("Content-Type", kind).body(bytes),
        };
        let answer = request.send().await.map_err(|e| transport(name, path, &e))?;
        let status = answer.status();
        let bytes = answer.bytes().await.map_err(|e| transport(name, path, &e))?;
        if status.is_success() {
            return Ok(bytes.to_vec());
        }
        let text = String::from_utf8_lossy(&bytes);
        // Problems are JSON with a `detail` or a `message`; what stands before them is a proxy's page.
        let told: Option<Value> = serde_json::from_str(&text).ok();
        let told = told.and_then(|v| {
            ["detail", "message", "title"].iter().find_map(|key| Some(v[*key].as_str()?.to_owned()))
        });
        let detail = told.unwrap_or_else(|| text.into_owned()).chars().take(QUOTED).collect();
        Err(EngineError::new(name, path, ErrorKind::Status { status: status.as_u16(), detail }))
    }
}

fn ticket_of(headers: &HeaderMap) -> Option<Ticket> {
    let cookies: Vec<&str> = headers
        .get_all(SET_COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok()?.split(';').next())
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
        .collect();
    let token = headers.get(TOKEN).and_then(|v| v.to_str().ok()).map(SecretString::from);
    (!cookies.is_empty()).then(|| Ticket { cookies: SecretString::from(cookies.join("; ")), token })
}

fn transport(method: &str, path: &str, error: &reqwest::Error) -> EngineError {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    EngineError::new(method, path, ErrorKind::Transport(text))
}

fn parsed(method: &str, path: &str, bytes: &[u8]) -> Result<Value> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(bytes).map_err(|e| EngineError::lacks(method, path, &format!("JSON: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::http::{HeaderMap as Given, StatusCode};
    use axum::routing::{get, post};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    async fn serve(router: Router) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    #[tokio::test]
    async fn a_session_that_is_lost_is_opened_again_and_its_token_sent_back() {
        let logins = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&logins);
        let login = post(move |body: String| {
            let nth = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                assert_eq!(body, "username=a%20b&password=%26");
                let cookie = format!("S={nth}; Path=/; HttpOnly");
                (StatusCode::NO_CONTENT, [("set-cookie", cookie), ("x-csrf-token", format!("t{nth}"))])
            }
        });
        let guarded = get(|headers: Given| async move {
            let is = |name: &str, value: &str| headers.get(name).is_some_and(|v| v == value);
            if is("cookie", "S=1") && is("x-csrf-token", "t1") {
                (StatusCode::OK, "{\"key\":9007199254740993}".to_owned())
            } else {
                (StatusCode::UNAUTHORIZED, String::new())
            }
        });
        let base = serve(Router::new().route("/api/login", login).route("/x", guarded)).await;
        let session = Session::new(Doors::one(&base), "a b", SecretString::from("&")).unwrap();
        session.log_in().await.unwrap();
        // The first session is one that the application has forgotten.
        assert_eq!(session.get("/x").await.unwrap()["key"].as_i64(), Some(9_007_199_254_740_993));
        assert_eq!(logins.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn each_application_is_asked_at_its_own_door_with_its_own_login() {
        let door = |name: &'static str| {
            let login =
                post(move || async move { (StatusCode::NO_CONTENT, [("set-cookie", format!("S={name}"))]) });
            let told = move |headers: Given| async move {
                let cookie = headers.get("cookie").and_then(|v| v.to_str().ok()).unwrap_or("none").to_owned();
                format!("\"{name} {cookie}\"")
            };
            Router::new().route("/api/login", login).fallback(told)
        };
        let (gateway, operate, tasklist) =
            (serve(door("gateway")).await, serve(door("operate")).await, serve(door("tasklist")).await);
        let session =
            Session::new(Doors { gateway, operate, tasklist }, "a", SecretString::from("b")).unwrap();
        session.log_in().await.unwrap();
        for (path, told) in [
            ("/v2/topology", "gateway none"),
            ("/v1/tasks/search", "tasklist S=tasklist"),
            ("/v1/forms/f?processDefinitionKey=1", "tasklist S=tasklist"),
            ("/v1/process-instances/search", "operate S=operate"),
            ("/api/process-instances", "operate S=operate"),
            ("/v1/tasksets", "operate S=operate"),
        ] {
            assert_eq!(session.get(path).await.unwrap(), told, "{path}");
        }
    }

    #[tokio::test]
    async fn a_problem_is_told_with_its_status_and_its_own_words() {
        let problem =
            get(|| async { (StatusCode::NOT_FOUND, "{\"detail\":\"no such task\",\"status\":404}") });
        let base = serve(Router::new().route("/x", problem)).await;
        let session = Session::new(Doors::one(&base), "a", SecretString::from("b")).unwrap();
        let error = session.get("/x").await.unwrap_err();
        assert!(error.is_gone() && error.to_string() == "GET /x: status 404: no such task", "{error}");
        let nobody = Session::new(Doors::one("http://127.0.0.1:9"), "a", SecretString::from("b")).unwrap();
        assert!(nobody.get("/x").await.unwrap_err().is_passing());
    }
}
