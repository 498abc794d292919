//! TLS, credentials and rights on two real nodes.

use crate::certificates::Authority;
use crate::elasticsearch_server::{Door, Node, PASSWORD, home};
use crate::fake_elasticsearch::FakeElasticsearch;
use crate::postgres_server::skip;
use drydock_core::{Class, Finding, Outcome};
use drydock_stores::ElasticsearchEndpoint;
use drydock_stores::compare::{self, Options};
use drydock_stores::elasticsearch::{Client, Scope, Timeouts};
use drydock_stores::endpoint::ElasticsearchAuth;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

fn endpoint(url: &str, user: &str, password: &str, ca: Option<&str>) -> ElasticsearchEndpoint {
    let auth =
        ElasticsearchAuth::Basic { user: user.to_owned(), password: SecretString::from(password.to_owned()) };
    ElasticsearchEndpoint { auth, ca_pem: ca.map(ToOwned::to_owned), ..ElasticsearchEndpoint::plain(url) }
}

/// What a client of this endpoint says when it cannot get in.
async fn refusal(endpoint: &ElasticsearchEndpoint) -> String {
    let client = Client::new(endpoint, Timeouts::default()).expect("a client");
    let error = client.get("/_cluster/health").await.expect_err("refused").to_string();
    assert!(!error.contains(PASSWORD) && !error.contains('\n'), "{error}");
    error
}

async fn compare(a: &ElasticsearchEndpoint, b: &ElasticsearchEndpoint) -> Vec<Finding> {
    let results = compare::elasticsearch(a, b, &Scope::default(), &Options::default()).await;
    let findings: Vec<Finding> = results.into_iter().flat_map(|r| r.findings).collect();
    assert!(!format!("{findings:?}").contains(PASSWORD), "{findings:#?}");
    findings
}

fn weighty(findings: &[Finding]) -> Vec<&Finding> {
    findings.iter().filter(|f| f.outcome > Outcome::NotAsked).collect()
}

async fn furnish(client: &Client) {
    let requests = [
        (
            "/_security/role/reader",
            json!({"cluster": ["monitor"], "indices": [{"names": ["*"], "privileges": ["read", "view_index_metadata"]}]}),
        ),
        ("/_security/role/poor", json!({"indices": [{"names": ["*"], "privileges": ["read"]}]})),
        ("/_security/user/reader", json!({"password": PASSWORD, "roles": ["reader"]})),
        ("/_security/user/poor", json!({"password": PASSWORD, "roles": ["poor"]})),
        (
            "/_security/role_mapping/m",
            json!({"roles": ["poor"], "enabled": true, "rules": {"field": {"username": "x"}}}),
        ),
        ("/_security/api_key", json!({"name": "modeler"})),
        ("/_ingest/pipeline/p", json!({"processors": []})),
        (
            "/_index_template/t",
            json!({"index_patterns": ["operate-a_*"], "template": {"aliases": {"a": {}}}}),
        ),
        (
            "/operate-a_",
            json!({"aliases": {"a": {"is_write_index": false}}, "mappings": {"dynamic": "strict"}}),
        ),
        ("/operate-a_2026-01-01", json!({"mappings": {"properties": {"n": {"type": "long"}}}})),
        ("/operate-a_2026-01-01/_doc/1?refresh=true", json!({"n": 1})),
    ];
    for (path, body) in requests {
        client.put(path, &body).await.expect(path);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doors_and_rights() {
    let (home, authority) = match (home("DRYDOCK_TEST_ELASTICSEARCH_HOME"), Authority::new()) {
        (Ok(home), Ok(authority)) => (home, authority),
        (Err(reason), _) | (_, Err(reason)) => return skip(&reason),
    };
    let ca = authority.pem();
    let start = || {
        let issued = authority.issue("IP:127.0.0.1", 30);
        Node::start(&home, &Door::Tls { certificate: issued.certificate, key: issued.key })
    };
    let (mut one, mut two) = (start(), start());
    let door = |node: &Node, user: &str| endpoint(&node.url, user, PASSWORD, Some(&ca));
    let (source, target) = (door(&one, "super"), door(&two, "super"));
    let (a, b) = tokio::join!(one.ready(source.clone()), two.ready(target.clone()));
    tokio::join!(furnish(&a), furnish(&b));

    // Everything is readable, and equal.
    let found = compare(&source, &target).await;
    assert!(weighty(&found).is_empty(), "{found:#?}");

    // Every way of not getting in says what to do.
    let other = Authority::new().expect("made before").pem();
    let fake = FakeElasticsearch::start().await;
    let localhost = one.url.replace("127.0.0.1", "localhost");
    let key = ElasticsearchEndpoint {
        auth: ElasticsearchAuth::ApiKey(SecretString::from("bm86c3VjaA==")),
        ..source.clone()
    };
    for (endpoint, words) in [
        (endpoint(&one.url, "super", PASSWORD, None), "--source-ca"),
        (endpoint(&one.url, "super", PASSWORD, Some(&other)), "--source-ca"),
        (endpoint(&localhost, "super", PASSWORD, Some(&ca)), "write the host name of the certificate"),
        (endpoint(&one.url, "super", "wrong", Some(&ca)), "check user and password"),
        (key, "check user and password"),
        (
            ElasticsearchEndpoint { auth: ElasticsearchAuth::None, ..source.clone() },
            "check user and password",
        ),
        (endpoint(&one.url.replace("https", "http"), "super", PASSWORD, None), "write https://"),
        (endpoint(&fake.url.replace("http", "https"), "super", PASSWORD, None), "write http://"),
        (endpoint("https://127.0.0.1:1", "super", PASSWORD, None), "nothing listens there"),
    ] {
        let error = refusal(&endpoint).await;
        assert!(error.contains(words), "{words}: {error}");
    }

    // An API key opens as well.
    let made: Value = a.post("/_security/api_key", &json!({"name": "witness"})).await.expect("made");
    b.post("/_security/api_key", &json!({"name": "witness"})).await.expect("made");
    let auth =
        ElasticsearchAuth::ApiKey(SecretString::from(made["encoded"].as_str().expect("a key").to_owned()));
    let found = compare(&ElasticsearchEndpoint { auth, ..source.clone() }, &target).await;
    assert!(weighty(&found).is_empty(), "{found:#?}");

    // A role that may only read and monitor proves everything but security.
    let found = compare(&door(&one, "reader"), &door(&two, "reader")).await;
    assert!(weighty(&found).is_empty(), "{found:#?}");
    let unread = found.iter().find(|f| f.subject == "elasticsearch/not-readable").expect("told");
    assert!(unread.next.contains("cluster privilege read_security"), "{unread:#?}");

    // One that may do less is told what it lacks.
    let found = compare(&door(&one, "poor"), &target).await;
    let lacking = weighty(&found);
    assert!(!lacking.is_empty());
    for finding in lacking {
        assert_eq!(finding.outcome, Outcome::NotProven, "{finding:#?}");
        let told = finding.message.contains("privilege") || finding.next.contains("privilege");
        assert!(told, "{finding:#?}");
    }

    // Who may do what is compared.
    for (path, body) in [
        ("/_security/role/poor", json!({"indices": [{"names": ["*"], "privileges": ["read", "write"]}]})),
        ("/_security/user/poor", json!({"roles": ["superuser"]})),
        ("/_security/user/more", json!({"password": PASSWORD, "roles": []})),
    ] {
        b.put(path, &body).await.expect(path);
    }
    b.delete("/_security/role_mapping/m").await.expect("deleted");
    let body = json!({"name": "modeler"});
    b.json::<Value>(reqwest::Method::DELETE, "/_security/api_key", Some(&body)).await.expect("ended");
    let found = compare(&source, &target).await;
    assert!(weighty(&found).iter().all(|f| f.class == Class::Access), "{found:#?}");
    let subjects: BTreeSet<String> =
        weighty(&found).iter().map(|f| format!("{} {}", f.kind, f.subject)).collect();
    let expected = [
        "changed role/poor",
        "changed user/poor",
        "extra user/more",
        "missing role-mapping/m",
        "missing api-key/modeler",
    ];
    assert_eq!(subjects, expected.map(ToOwned::to_owned).into());

    // A certificate that ran out, as the node takes it up while it runs.
    let expired = authority.issue("IP:127.0.0.1", -1);
    one.replace_certificate(&expired.certificate, &expired.key);
    let begun = Instant::now();
    loop {
        let client = Client::new(&source, Timeouts::default()).expect("a client");
        match client.get("/").await {
            Ok(_) => assert!(begun.elapsed() < Duration::from_secs(60), "the node keeps its certificate"),
            Err(error) => {
                assert!(error.to_string().contains("renew it on the server"), "{error}");
                break;
            }
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
