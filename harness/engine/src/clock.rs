//! The broker's clock, moved on so that what was set for later is due now.

use crate::error::{EngineError, ErrorKind, Result};
use std::time::Duration;

/// Moves the clock of a broker on. `management` is the base address of its management interface. The broker has to be started
/// with a clock that may be moved; the way it has gone is forgotten at its next start.
///
/// # Errors
/// Nobody answers, or the clock may not be moved.
pub async fn forward(management: &str, by: Duration) -> Result<()> {
    const PATH: &str = "/actuator/clock/add";
    let failed = |e: &reqwest::Error| EngineError::new("POST", PATH, ErrorKind::Transport(e.to_string()));
    drydock_stores::net::init();
    let client = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(2))
        .timeout(Duration::from_secs(30))
        .no_proxy()
        .build()
        .map_err(|e| failed(&e))?;
    let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
    let answer = client
        .post(format!("{}{PATH}", management.trim_end_matches('/')))
        .json(&serde_json::json!({"offsetMilli": by}))
        .send()
        .await
        .map_err(|e| failed(&e))?;
    match answer.status() {
        status if status.is_success() => Ok(()),
        status => {
            let detail = "the broker's clock may not be moved".to_owned();
            Err(EngineError::new("POST", PATH, ErrorKind::Status { status: status.as_u16(), detail }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::post;
    use axum::{Json, Router};
    use serde_json::{Value, json};

    #[tokio::test]
    async fn the_clock_is_asked_to_go_on_by_milliseconds_and_a_refusal_is_told() {
        let clock = post(|Json(asked): Json<Value>| async move {
            assert_eq!(asked, json!({"offsetMilli": 1_860_000}));
            Json(json!({}))
        });
        let fixed = post(|| async { axum::http::StatusCode::FORBIDDEN });
        let router =
            Router::new().route("/actuator/clock/add", clock).route("/fixed/actuator/clock/add", fixed);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        forward(&base, Duration::from_secs(31 * 60)).await.unwrap();
        let refused = forward(&format!("{base}/fixed/"), Duration::ZERO).await.unwrap_err();
        assert_eq!(refused.status(), Some(403));
    }
}
