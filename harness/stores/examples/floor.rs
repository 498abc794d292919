//! The comparison of Elasticsearch beside its floor: reading the same pages and throwing them away.
//!
//! ```text
//! cargo run --release -p drydock-stores --example floor -- seed    SOURCE TARGET INDEX DOCUMENTS
//! cargo run --release -p drydock-stores --example floor -- rewrite SOURCE TARGET INDEX DOCUMENTS
//! cargo run --release -p drydock-stores --example floor -- measure SOURCE TARGET INDEX [ROUNDS]
//! cargo run --release -p drydock-stores --example floor -- compare SOURCE TARGET PREFIX
//! cargo run --release -p drydock-stores --example floor -- drain   SOURCE TARGET PREFIX
//! ```
//!
//! `seed` writes the same records, about 700 bytes each, to both sides in another order; `rewrite` the same with other
//! bytes for the same meaning on the target. `measure` prints the fastest of some rounds of each way, the ratios and the
//! peak memory of this process; `compare` prints what differs in the indices that begin with PREFIX; `drain` reads them and throws them away, for whoever times it from outside. The stores' addresses are plain URLs; nothing outside of INDEX is touched.

use drydock_stores::ElasticsearchEndpoint;
use drydock_stores::compare::{Options, Tier, compare_elasticsearch, drain};
use drydock_stores::elasticsearch::{Client, PinnedEs, Scope, Timeouts};
use serde_json::json;
use std::error::Error;
use std::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Documents in one bulk request.
const BULK: u64 = 5_000;

#[tokio::main]
async fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let client = |url: &str| Client::new(&ElasticsearchEndpoint::plain(url), Timeouts::default());
    match words.as_slice() {
        [way @ ("seed" | "rewrite"), source, target, index, documents] => {
            let documents = documents.parse()?;
            let (source, target) = (client(source)?, client(target)?);
            let rewritten = *way == "rewrite";
            tokio::try_join!(
                seed(&source, index, documents, 1, false),
                seed(&target, index, documents, 7_919, rewritten)
            )?;
            Ok(())
        }
        ["measure", source, target, index, rounds @ ..] => {
            let rounds = rounds.first().map_or(Ok(3), |r| r.parse())?;
            measure(&client(source)?, &client(target)?, index, rounds).await
        }
        ["compare", source, target, prefix] => {
            let sides = Sides::pin(&client(source)?, &client(target)?, prefix).await?;
            let (seconds, found) = sides.compare(&Options::default()).await;
            println!("{seconds:.2} s; peak memory {}\n{}", peak(), found.replace(" | ", "\n"));
            sides.close().await;
            Ok(())
        }
        ["drain", source, target, prefix] => {
            let sides = Sides::pin(&client(source)?, &client(target)?, prefix).await?;
            drain(&sides.source, &sides.target, &Options::default()).await?;
            sides.close().await;
            Ok(())
        }
        _ => {
            Err("seed|rewrite SOURCE TARGET INDEX DOCUMENTS, measure SOURCE TARGET INDEX [ROUNDS], compare SOURCE TARGET PREFIX, or drain SOURCE TARGET PREFIX".into())
        }
    }
}

/// One record of a process instance. `n` makes it unlike all others.
fn record(n: u64, rewritten: bool) -> String {
    let key = 4_503_599_627_370_496 + n;
    let value = format!(
        r#"{{"bpmnElementType":"SERVICE_TASK","elementId":"reserve-stock-{}","flowScopeKey":{key},"bpmnEventType":"UNSPECIFIED","bpmnProcessId":"order-process","processDefinitionKey":2251799813685249,"version":3,"parentProcessInstanceKey":-1,"parentElementInstanceKey":-1,"processInstanceKey":{key},"tenantId":"<default>"}}"#,
        n % 17
    );
    let tail = format!(
        r#""key":{key},"timestamp":{},"valueType":"PROCESS_INSTANCE","brokerVersion":"8.6.0","position":{n},"sourceRecordPosition":{n},"intent":"ELEMENT_ACTIVATED","recordType":"EVENT","rejectionType":"NULL_VAL","rejectionReason":"","authorizations":{{"authorized_tenants":["<default>"]}},"recordVersion":1,"operationReference":-1,"sequence":{key},"load":{}.5"#,
        1_763_689_506_956_u64 + n,
        n % 100
    );
    if rewritten {
        format!("{{{tail}, \"value\":{value},\"partitionId\":1}}")
    } else {
        format!("{{\"partitionId\":1,\"value\":{value},{tail}}}")
    }
}

async fn seed(client: &Client, index: &str, documents: u64, stride: u64, rewritten: bool) -> Result<()> {
    let number = |kind: &str| json!({"type": kind});
    let definition = json!({
        "settings": {"number_of_shards": 3, "number_of_replicas": 0, "refresh_interval": "-1"},
        "mappings": {"dynamic": false, "properties": {
            "key": number("long"), "position": number("long"), "timestamp": number("date"),
            "intent": number("keyword"), "value": {"properties": {"elementId": number("keyword")}}
        }}
    });
    client.put(&format!("/{index}"), &definition).await?;
    let mut from = 0;
    while from < documents {
        let mut body = String::new();
        for at in from..(from + BULK).min(documents) {
            // Another order on each side: the stride has no factor in common with the number of documents.
            let n = at * stride % documents;
            body += &format!(
                "{{\"index\":{{\"_index\":\"{index}\",\"_id\":\"1-{n}\",\"routing\":\"{}\"}}}}\n",
                n % 5
            );
            body += &record(n, rewritten);
            body.push('\n');
        }
        client.bulk(body.into_bytes()).await?;
        from += BULK;
    }
    client.post_empty(&format!("/{index}/_refresh")).await?;
    Ok(())
}

struct Sides {
    source: PinnedEs,
    target: PinnedEs,
}

impl Sides {
    async fn pin(source: &Client, target: &Client, index: &str) -> Result<Self> {
        let scope = Scope { prefixes: vec![index.to_owned()] };
        let (source, target) =
            tokio::try_join!(PinnedEs::pin(source, &scope), PinnedEs::pin(target, &scope))?;
        Ok(Self { source, target })
    }

    /// Seconds, and what was found in the documents.
    async fn compare(&self, options: &Options) -> (f64, String) {
        let start = Instant::now();
        let results = compare_elasticsearch(&self.source, &self.target, options).await;
        let seconds = start.elapsed().as_secs_f64();
        let found = results.iter().flat_map(|r| &r.findings).map(|f| format!("{}: {}", f.kind, f.message));
        (seconds, found.collect::<Vec<_>>().join(" | "))
    }

    async fn close(self) {
        tokio::join!(self.source.close(), self.target.close());
    }
}

async fn measure(source: &Client, target: &Client, index: &str, rounds: usize) -> Result<()> {
    let options = Options::default();
    let fast = Options { tier: Tier::Fast, ..Options::default() };
    let mut best = [f64::MAX; 4];
    let used = |before: [f64; 2], after: [f64; 2]| {
        format!("processor: this {:.2} s, stores {:.2} s", after[0] - before[0], after[1] - before[1])
    };
    let mut keep = |at: usize, seconds: f64| best[at] = best[at].min(seconds);
    println!("peak memory before: {}", peak());
    let mut bytes = 0;
    // A document in the middle; its bytes are put back as they were.
    let path = |what: &str| format!("/{index}/{what}/1-4321?routing=1");
    let before = target.bytes(reqwest::Method::GET, &path("_source"), None).await?;
    let after =
        String::from_utf8(before.clone())?.replace("ELEMENT_ACTIVATED", "ELEMENT_COMPLETED").into_bytes();
    let write = async |source: &[u8]| {
        let body = Some(("application/json", source.to_vec()));
        target.bytes(reqwest::Method::PUT, &path("_doc"), body).await
    };
    for round in 0..rounds {
        let sides = Sides::pin(source, target, index).await?;
        // Whoever comes second finds warmer caches.
        for drains in [round % 2 == 0, round % 2 == 1] {
            let at_start = processor(source, target).await?;
            let start = Instant::now();
            let (what, found) = if drains {
                bytes = drain(&sides.source, &sides.target, &options).await?;
                ("floor", String::new())
            } else {
                ("strict", sides.compare(&options).await.1)
            };
            let seconds = start.elapsed().as_secs_f64();
            keep(usize::from(!drains), seconds);
            let cost = used(at_start, processor(source, target).await?);
            println!("{what} {seconds:.2} s [{found}]; peak memory {}; {cost}", peak());
        }
        let (seconds, found) = sides.compare(&fast).await;
        keep(3, seconds);
        if round == 0 {
            println!("fast {seconds:.2} s [{found}]");
        }
        sides.close().await;
        write(&after).await?;
        let sides = Sides::pin(source, target, index).await?;
        let at_start = processor(source, target).await?;
        let (seconds, found) = sides.compare(&options).await;
        let at_end = processor(source, target).await?;
        println!(
            "strict with one difference {seconds:.2} s [{found}]; peak memory {}; {}",
            peak(),
            used(at_start, at_end)
        );
        keep(2, seconds);
        sides.close().await;
        write(&before).await?;
    }
    let [floor, clean, different, fast] = best;
    println!(
        "floor {floor:.2} s ({:.0} MB); strict {clean:.2} s = {:.2} x floor; one difference {different:.2} s = {:.2} x \
              clean; fast {fast:.2} s",
        bytes as f64 / 1e6,
        clean / floor,
        different / clean
    );
    Ok(())
}

/// Processor seconds that this process and both stores have used so far. On a machine with other things to do their
/// differences say more than the clock.
async fn processor(source: &Client, target: &Client) -> Result<[f64; 2]> {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // User and system time are the 14th and 15th field, in hundredths of a second; the second ends with a bracket.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    let own = fields.filter_map(|f| f.parse::<f64>().ok()).sum::<f64>() / 100.0;
    let mut stores = 0.0;
    for client in [source, target] {
        let stats =
            client.get("/_nodes/stats/process?filter_path=nodes.*.process.cpu.total_in_millis").await?;
        for node in stats["nodes"].as_object().into_iter().flat_map(|n| n.values()) {
            stores += node["process"]["cpu"]["total_in_millis"].as_f64().unwrap_or(0.0) / 1e3;
        }
    }
    Ok([own, stores])
}

/// The most memory this process ever held.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    line.map_or_else(|| "unknown".to_owned(), |l| l.trim().to_owned())
}
