//! The broker's partitions: what they have exported, and their snapshots, which decide what is exported once more after a start.

use crate::error::{EngineError, ErrorKind, Result};
use reqwest::Client;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const PATH: &str = "/actuator/partitions";
const LOOK: Duration = Duration::from_millis(500);
/// Looks in a row at which nothing has moved: longer than the exporter waits before it sends what is few.
const STILL: u32 = 4;
/// The same where it stays behind the last command: nothing that it sends may have come of that, or it may have stopped for a moment.
const STILL_BEHIND: u32 = 12;

/// How far one partition is. Positions are those of its log; -1 where it has none yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Last command that was processed.
    pub processed: i64,
    /// Last record that every exporter has acknowledged.
    pub exported: i64,
    /// The same two in its latest snapshot.
    pub kept: (i64, i64),
}

/// Waits until the broker's exporters have come to rest: what they have not sent by then is of kinds that they leave out. `management`
/// is the base address of the management interface. Nobody should work meanwhile.
///
/// # Errors
/// Nobody answers, or something still moves after `limit`.
pub async fn exported(management: &str, limit: Duration) -> Result<BTreeMap<String, Position>> {
    let asked = Asked::at(management)?;
    let began = Instant::now();
    let mut before = asked.positions().await?;
    let mut still = 0;
    loop {
        tokio::time::sleep(LOOK).await;
        let now = asked.positions().await?;
        let rests = |(partition, at): (&String, &Position)| {
            before.get(partition).is_some_and(|b| (b.processed, b.exported) == (at.processed, at.exported))
        };
        still = if !now.is_empty() && now.iter().all(rests) { still + 1 } else { 0 };
        // The position of a record that is left out is kept only once another one is sent.
        let behind = now.values().any(|at| at.exported < at.processed);
        if still >= if behind { STILL_BEHIND } else { STILL } {
            return Ok(now);
        }
        if began.elapsed() > limit {
            return Err(EngineError::lacks("GET", PATH, "partitions whose exporters have come to rest"));
        }
        before = now;
    }
}

/// Lets every partition take a snapshot, and waits until each has one that holds everything it has processed and exported by
/// now: after a start nothing of that is exported once more.
///
/// # Errors
/// As [`exported`], or one of them has no such snapshot within `limit`.
pub async fn snapshot(management: &str, limit: Duration) -> Result<BTreeMap<String, Position>> {
    let began = Instant::now();
    let wanted = exported(management, limit).await?;
    let asked = Asked::at(management)?;
    loop {
        asked.take_snapshot().await?;
        tokio::time::sleep(LOOK).await;
        let now = asked.positions().await?;
        let holds = |(partition, at): (&String, &Position)| {
            now.get(partition).is_some_and(|now| now.kept.0 >= at.processed && now.kept.1 >= at.exported)
        };
        if wanted.iter().all(holds) {
            return Ok(now);
        }
        if began.elapsed() > limit {
            let lacking = wanted.iter().filter(|entry| !holds(*entry));
            let lacking: Vec<&str> = lacking.map(|(partition, _)| partition.as_str()).collect();
            let what = format!("a snapshot of what partition {} had exported", lacking.join(" and "));
            return Err(EngineError::lacks("GET", PATH, &what));
        }
    }
}

/// The management interface.
struct Asked {
    client: Client,
    url: String,
}

impl Asked {
    fn at(management: &str) -> Result<Self> {
        drydock_stores::net::init();
        let client = Client::builder()
            .connect_timeout(Duration::from_secs(2))
            .timeout(Duration::from_secs(30))
            .no_proxy()
            .build()
            .map_err(|e| transport("GET", &e))?;
        Ok(Self { client, url: format!("{}{PATH}", management.trim_end_matches('/')) })
    }

    async fn take_snapshot(&self) -> Result<()> {
        let url = format!("{}/takeSnapshot", self.url);
        let answer = self.client.post(url).send().await.map_err(|e| transport("POST", &e))?;
        refused("POST", &answer, "snapshots may not be taken")
    }

    /// Those of each partition that this broker leads.
    async fn positions(&self) -> Result<BTreeMap<String, Position>> {
        let answer = self.client.get(&self.url).send().await.map_err(|e| transport("GET", &e))?;
        refused("GET", &answer, "partitions are not told")?;
        let told: Value = answer.json().await.map_err(|e| transport("GET", &e))?;
        let of = told.as_object().into_iter().flatten();
        Ok(of.map(|(partition, state)| (partition.clone(), position(state))).collect())
    }
}

fn position(state: &Value) -> Position {
    let number = |field: &str| state[field].as_i64().unwrap_or(-1);
    // index-term-processed-exported, and what later versions add.
    let mut parts = state["snapshotId"].as_str().unwrap_or_default().split('-').skip(3);
    let exported = parts.next().and_then(|part| part.parse().ok()).unwrap_or(-1);
    Position {
        processed: number("processedPosition"),
        exported: number("exportedPosition"),
        kept: (number("processedPositionInSnapshot"), exported),
    }
}

fn refused(method: &str, answer: &reqwest::Response, detail: &str) -> Result<()> {
    match answer.status() {
        status if status.is_success() => Ok(()),
        status => {
            let kind = ErrorKind::Status { status: status.as_u16(), detail: detail.to_owned() };
            Err(EngineError::new(method, PATH, kind))
        }
    }
}

fn transport(method: &str, error: &reqwest::Error) -> EngineError {
    EngineError::new(method, PATH, ErrorKind::Transport(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::{get, post};
    use axum::{Json, Router};
    use serde_json::json;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

    /// A broker of two partitions, whose second one's state is told by how often a snapshot was asked for and it was looked at.
    async fn broker(second: fn(taken: i64, looked: i64) -> Value) -> (String, Arc<AtomicI64>) {
        let (taken, looked) = (Arc::new(AtomicI64::new(0)), AtomicI64::new(0));
        let (told, asked) = (Arc::clone(&taken), Arc::clone(&taken));
        let looked = Arc::new(looked);
        let status = get(move || {
            let (told, looked) = (Arc::clone(&told), Arc::clone(&looked));
            async move {
                let second = second(told.load(SeqCst), looked.fetch_add(1, SeqCst));
                Json(
                    json!({"1": {"processedPosition": 50, "exportedPosition": 55, "processedPositionInSnapshot": 50,
                    "snapshotId": "7-1-50-55-0-abc"}, "2": second}),
                )
            }
        });
        let take = post(move || async move {
            asked.fetch_add(1, SeqCst);
            ""
        });
        let router = Router::new().route(PATH, status).route(&format!("{PATH}/takeSnapshot"), take);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (base, taken)
    }

    const LIMIT: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn it_waits_until_every_exporter_rests() {
        let (base, _) = broker(|_, looked| {
            // Behind the last command at first, then behind the records that follow from it.
            let exported = [60, 60, 60, 71, 74, 75][usize::try_from(looked.min(5)).unwrap_or(5)];
            json!({"processedPosition": 70, "exportedPosition": exported})
        })
        .await;
        assert_eq!(exported(&base, LIMIT).await.unwrap()["2"].exported, 75);
        // What came of the last command is not exported: it rests one behind.
        let (behind, _) = broker(|_, _| json!({"processedPosition": 70, "exportedPosition": 69})).await;
        assert_eq!(exported(&behind, LIMIT).await.unwrap()["2"].exported, 69);
        let (busy, _) =
            broker(|_, looked| json!({"processedPosition": 70, "exportedPosition": looked})).await;
        let error = exported(&busy, Duration::from_secs(1)).await.unwrap_err();
        assert!(error.to_string().contains("have come to rest"), "{error}");
    }

    #[tokio::test]
    async fn a_snapshot_without_the_exporters_latest_position_is_not_enough() {
        let (base, taken) = broker(|taken, _| {
            // None yet, then one of before the last export.
            let id = [Value::Null, json!("9-1-70-71"), json!("9-1-70-75")][usize::try_from(taken.min(2)).unwrap_or(2)].clone();
            json!({"processedPosition": 70, "exportedPosition": 75, "processedPositionInSnapshot": 70, "snapshotId": id})
        })
        .await;
        assert_eq!(snapshot(&base, LIMIT).await.unwrap()["2"].kept, (70, 75));
        assert_eq!(taken.load(SeqCst), 2);
        let (without, _) = broker(|_, _| json!({"processedPosition": 70, "exportedPosition": 75})).await;
        let error = snapshot(&without, Duration::from_secs(3)).await.unwrap_err();
        assert!(error.to_string().contains("what partition 2 had exported"), "{error}");
        let nothing = snapshot(&format!("{base}/x"), Duration::ZERO).await.unwrap_err();
        assert_eq!(nothing.status(), Some(404));
    }
}
