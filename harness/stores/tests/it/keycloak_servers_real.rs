//! Two real Keycloak servers: one fault after the other is made on the target through its own admin API, and each adds
//! exactly what it stands for to what the comparison tells. Needs `DRYDOCK_KEYCLOAK_HOME`, as `keycloak_real` does.

use crate::keycloak_real::{REALM, imported_source, program};
use crate::postgres_server::{Server, skip};
use drydock_core::Kind::{self, Changed, Extra, Missing, OldDirt, Unusable};
use drydock_core::Outcome;
use drydock_stores::compare::{CheckResult, keycloak_logins, keycloak_servers};
use drydock_stores::keycloak::{KeycloakEndpoint, LoginRequest};
use secrecy::SecretString;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to start.
const START: Duration = Duration::from_secs(240);

struct Running {
    process: Child,
    url: String,
}

impl Running {
    fn start(server: &Server, home: &str, database: &str) -> Self {
        let port = drydock_ports::free().expect("a free port").to_string();
        let mut command = program(server, home, database);
        command.args([
            "start",
            "--optimized",
            "--http-enabled=true",
            "--http-host=127.0.0.1",
            "--hostname-strict=false",
        ]);
        command
            .arg(format!("--http-port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        Self { process: command.spawn().expect("kc.sh starts"), url: format!("127.0.0.1:{port}") }
    }

    async fn ready(&mut self) {
        let client = plain_client();
        let start = Instant::now();
        while !client
            .get(format!("http://{}/realms/{REALM}", self.url))
            .send()
            .await
            .is_ok_and(|a| a.status().is_success())
        {
            assert!(self.process.try_wait().expect("a state").is_none(), "Keycloak ended");
            assert!(start.elapsed() < START, "Keycloak does not answer");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    fn endpoint(&self) -> KeycloakEndpoint {
        KeycloakEndpoint::from_url(&format!("http://admin:admin-s3cret@{}", self.url)).expect("an address")
    }
}

fn plain_client() -> reqwest::Client {
    // Fails where the comparison has installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().expect("a client")
}

impl Drop for Running {
    fn drop(&mut self) {
        // The shell script runs the server in its own process group.
        let group = format!("-{}", self.process.id());
        let _ = std::process::Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.process.wait();
    }
}

/// The target's admin API, with the right to write.
struct Hands {
    http: reqwest::Client,
    url: String,
}

impl Hands {
    async fn call(&self, method: &str, path: &str, body: Option<&Json>) -> Json {
        let form = "grant_type=password&client_id=admin-cli&username=admin&password=admin-s3cret";
        let token =
            self.http.post(format!("http://{}/realms/master/protocol/openid-connect/token", self.url));
        let token = token.header("content-type", "application/x-www-form-urlencoded").body(form);
        let token: Json = token.send().await.expect("an answer").json().await.expect("a token");
        let method = method.parse().expect("a method");
        let mut request =
            self.http.request(method, format!("http://{}/admin/realms/{REALM}{path}", self.url));
        request = request.bearer_auth(token["access_token"].as_str().expect("a token"));
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.expect("an answer");
        let (status, text) = (answer.status(), answer.text().await.expect("a body"));
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    async fn get(&self, path: &str) -> Json {
        self.call("GET", path, None).await
    }

    /// The element of a list whose field says so.
    async fn item(&self, path: &str, field: &str, value: &str) -> Json {
        let list = self.get(path).await;
        let found = list.as_array().into_iter().flatten().find(|item| item[field] == value);
        found.unwrap_or_else(|| panic!("no {field} {value} in {path}")).clone()
    }

    async fn id(&self, path: &str, field: &str, value: &str) -> String {
        self.item(path, field, value).await["id"].as_str().expect("an identifier").to_owned()
    }

    async fn user(&self, name: &str) -> String {
        format!("/users/{}", self.id(&format!("/users?username={name}&exact=true"), "username", name).await)
    }

    async fn client(&self, name: &str) -> String {
        format!("/clients/{}", self.id(&format!("/clients?clientId={name}"), "clientId", name).await)
    }

    /// Reads an object, changes it and writes it back.
    async fn change(&self, path: &str, change: fn(&mut Json)) {
        let mut object = self.get(path).await;
        change(&mut object);
        self.call("PUT", path, Some(&object)).await;
    }

    async fn plant(&self, fault: &str) {
        match fault {
            "user disabled" => self.change(&self.user("user1").await, |u| u["enabled"] = json!(false)).await,
            "credential missing" => {
                let user = self.user("user2").await;
                let credential = self.id(&format!("{user}/credentials"), "type", "password").await;
                drop(self.call("DELETE", &format!("{user}/credentials/{credential}"), None).await);
            }
            "role mapping lost" => {
                let path = format!("{}/role-mappings/realm", self.user("user4").await);
                let role = self.item(&path, "name", "Operate").await;
                drop(self.call("DELETE", &path, Some(&json!([role]))).await);
            }
            "membership lost" => {
                let user = self.user("user6").await;
                let group = self.id(&format!("{user}/groups"), "name", "ops").await;
                drop(self.call("DELETE", &format!("{user}/groups/{group}"), None).await);
            }
            "user missing" => drop(self.call("DELETE", &self.user("user20").await, None).await),
            "required action" => {
                self.change(&self.user("user7").await, |u| u["requiredActions"] = json!(["UPDATE_PASSWORD"]))
                    .await;
            }
            "group lost" => {
                let group = self.id("/groups?search=team", "name", "finance").await;
                let child = self.id(&format!("/groups/{group}/children"), "name", "team").await;
                drop(self.call("DELETE", &format!("/groups/{child}"), None).await);
            }
            "client secret regenerated" => {
                drop(
                    self.call("POST", &format!("{}/client-secret", self.client("operate").await), None).await,
                );
            }
            "redirect address changed" => {
                self.change(&self.client("tasklist").await, |c| {
                    c["redirectUris"] = json!(["http://other/*"])
                })
                .await;
            }
            "client scope mapping" => {
                let scope = self.id("/client-scopes", "name", "camunda-identity").await;
                let client = self.client("tasklist").await;
                drop(self.call("DELETE", &format!("{client}/default-client-scopes/{scope}"), None).await);
            }
            "identity provider missing" => {
                drop(self.call("DELETE", "/identity-provider/instances/corp", None).await);
            }
            "realm key rotated" => {
                let realm = self.get("").await["id"].clone();
                let key = json!({"name": "rotated", "providerId": "rsa-generated", "parentId": realm,
                    "providerType": "org.keycloak.keys.KeyProvider", "config": {"priority": ["200"], "algorithm": ["RS256"]}});
                drop(self.call("POST", "/components", Some(&key)).await);
            }
            "realm setting changed" => self.change("", |r| r["accessTokenLifespan"] = json!(61)).await,
            "composite role lost" => {
                let role = self.id("/roles", "name", "Default user role").await;
                let path = format!("/roles-by-id/{role}/composites");
                let part = self.item(&path, "name", "Tasklist").await;
                drop(self.call("DELETE", &path, Some(&json!([part]))).await);
            }
            "required action switched off" => {
                let path = "/authentication/required-actions/VERIFY_EMAIL";
                self.change(path, |a| a["enabled"] = json!(false)).await;
            }
            "flow changed" => {
                let path = "/authentication/flows/browser/executions";
                let mut step = self.item(path, "providerId", "auth-cookie").await;
                step["requirement"] = json!("DISABLED");
                drop(self.call("PUT", path, Some(&step)).await);
            }
            other => panic!("no fault {other}"),
        }
    }
}

/// What each fault adds, by kind and subject below the realm.
const FAULTS: [(&str, &[(Kind, &str)]); 16] = [
    ("user disabled", &[(Changed, "users/enabled")]),
    ("credential missing", &[(Missing, "users/credentials")]),
    ("role mapping lost", &[(Missing, "users/roles")]),
    ("membership lost", &[(Missing, "users/groups")]),
    ("user missing", &[(Missing, "users")]),
    ("required action", &[(Extra, "users/required-actions")]),
    ("group lost", &[(Missing, "groups")]),
    ("client secret regenerated", &[(Changed, "clients/secrets")]),
    ("redirect address changed", &[(Changed, "clients/redirect-uris")]),
    ("client scope mapping", &[(Missing, "clients/client-scopes")]),
    (
        "identity provider missing",
        &[
            (Missing, "identity-providers"),
            (Missing, "identity-provider-mappers"),
            (Missing, "users/identities"),
        ],
    ),
    ("realm key rotated", &[(Extra, "realm-keys")]),
    ("realm setting changed", &[(Changed, "settings")]),
    ("composite role lost", &[(Missing, "roles/composites")]),
    ("required action switched off", &[(Changed, "required-actions/enabled")]),
    ("flow changed", &[(Changed, "authentication-steps/settings")]),
];

type Told = BTreeSet<(String, String)>;

fn told(results: &[CheckResult]) -> Told {
    let findings = results.iter().flat_map(|r| &r.findings);
    let below = |subject: &str| subject.trim_start_matches(&format!("keycloak/{REALM}/")).to_owned();
    findings
        .inspect(|f| assert_eq!(f.outcome, Outcome::Different, "{f:?}"))
        .map(|f| (f.kind.to_string(), below(&f.subject)))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_made_through_the_admin_api_of_a_real_server() {
    let (server, home) = match imported_source() {
        Ok(found) => found,
        Err(reason) => return skip(&reason),
    };
    let admin = [
        "bootstrap-admin",
        "user",
        "--optimized",
        "--username",
        "admin",
        "--password:env",
        "PW",
        "--no-prompt",
    ];
    let made =
        program(&server, &home, "src").args(admin).env("PW", "admin-s3cret").output().expect("kc.sh runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
    server.dump_and_restore("src", "tgt");
    let (mut a, mut b) = (Running::start(&server, &home, "src"), Running::start(&server, &home, "tgt"));
    a.ready().await;
    b.ready().await;
    let compare = async || keycloak_servers(&a.endpoint(), &b.endpoint(), &[REALM.to_owned()]).await;
    let clean = compare().await;
    assert!(clean.iter().all(|r| r.compared > 0 && r.findings.is_empty()), "a restored realm: {clean:#?}");
    logs_in(&a, &b, "user8", "pw8", &[]).await;

    let hands = Hands { http: plain_client(), url: b.url.clone() };
    let mut expected = Told::new();
    for (fault, adds) in FAULTS {
        hands.plant(fault).await;
        expected.extend(adds.iter().map(|(kind, subject)| (kind.to_string(), (*subject).to_owned())));
        let results = compare().await;
        assert_eq!(told(&results), expected, "after {fault}: {results:#?}");
        assert!(!format!("{results:?}").contains("s3cret"), "{fault} shows a secret");
    }
    logs_in(&a, &b, "user1", "pw1", &[(Unusable, "logins/user1")]).await;
    logs_in(&a, &b, "user9", "pw9", &[(OldDirt, "logins/user9")]).await;
    logs_in(&a, &b, "user10", "wrong", &[(OldDirt, "logins/user10")]).await;
    let lasts = (Changed, "logins/user4/claims");
    logs_in(&a, &b, "user4", "pw4", &[(Missing, "logins/user4/roles"), lasts]).await;
}

async fn logs_in(a: &Running, b: &Running, user: &str, password: &str, expected: &[(Kind, &str)]) {
    let request = LoginRequest {
        realm: REALM.to_owned(),
        user: Some((user.to_owned(), SecretString::from(password.to_owned()))),
        client: "zeebe".to_owned(),
        client_secret: Some(SecretString::from("zeebe-s3cret")),
    };
    let result = keycloak_logins(&a.endpoint(), &b.endpoint(), &request).await;
    let below = |subject: &str| subject.trim_start_matches(&format!("keycloak/{REALM}/")).to_owned();
    let told: BTreeSet<(Kind, String)> =
        result.findings.iter().map(|f| (f.kind, below(&f.subject))).collect();
    let expected = expected.iter().map(|(kind, subject)| (*kind, (*subject).to_owned())).collect();
    assert_eq!(told, expected, "{user}: {result:#?}");
}
