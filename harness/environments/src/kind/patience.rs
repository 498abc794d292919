//! How long an API server that does not answer is waited for, and what counts as not answering. It goes away for seconds where its
//! machine is moved, its certificate is renewed or its store elects a leader: none of that is the migration's.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// How long one try may take. Longer than a silence that is to be borne, because what is being carried out need not begin anew.
const REQUEST: Duration = Duration::from_secs(20);
/// For how long a request is made again and again.
const LIMIT: Duration = Duration::from_secs(90);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(500);
/// Words by which `helm` tells that the API server was away, in lower case.
const AWAY: [&str; 13] = [
    "connection refused",
    "connection reset",
    "connection lost",
    "tls handshake timeout",
    "i/o timeout",
    "client.timeout",
    "context deadline exceeded",
    "unexpected eof",
    ": eof",
    "no end within",
    "currently unable to handle the request",
    "etcdserver",
    "cluster unreachable",
];

/// How the silences of one API server were borne.
#[derive(Debug, Clone, Default)]
pub(super) struct Patience {
    /// Milliseconds of the longest time that any request waited for its answer.
    longest: Arc<AtomicU64>,
}

impl Patience {
    /// Makes a request until it is answered, be it by a refusal.
    ///
    /// # Errors
    /// The refusal, or that nobody answered for too long.
    pub(super) async fn answered<T, A: Future<Output = kube::Result<T>>>(
        &self,
        request: impl Fn() -> A,
    ) -> Result<T, String> {
        let began = Instant::now();
        loop {
            let told = tokio::time::timeout(REQUEST, request()).await;
            let why = match told {
                Ok(Ok(answer)) => {
                    self.waited(began.elapsed());
                    return Ok(answer);
                }
                Ok(Err(error)) if !is_away(&error) => {
                    self.waited(began.elapsed());
                    return Err(error.to_string());
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no answer within {} s", REQUEST.as_secs()),
            };
            if began.elapsed() >= LIMIT {
                return Err(format!("{why}, for {} s", began.elapsed().as_secs()));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn waited(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.longest.fetch_max(millis, Ordering::SeqCst);
    }

    /// The longest that any request has waited since this was asked last.
    pub(super) fn longest(&self) -> Duration {
        Duration::from_millis(self.longest.swap(0, Ordering::SeqCst))
    }
}

/// Whether an error says that nobody answered, and not what was answered.
fn is_away(error: &kube::Error) -> bool {
    match error {
        kube::Error::HyperError(_) | kube::Error::Service(_) => true,
        kube::Error::Api(status) => {
            matches!(status.code, 429 | 502 | 503 | 504)
                || status.code == 500 && status.message.contains("etcdserver")
        }
        _ => false,
    }
}

/// Whether the last words of a program say that the API server was away.
pub(super) fn tells_of_absence(words: &str) -> bool {
    let words = words.to_lowercase();
    AWAY.iter().any(|told| words.contains(told))
}

/// How long a program that found nobody is started again.
pub(super) fn limit() -> Duration {
    LIMIT
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;
    use std::sync::atomic::AtomicU32;

    fn refusal(code: u16, message: &str) -> kube::Error {
        kube::Error::Api(Box::new(Status::failure(message, "Because").with_code(code)))
    }

    fn nobody() -> kube::Error {
        kube::Error::Service("connection refused".into())
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_away_for_twenty_seconds_is_waited_for() {
        let (patience, began) = (Patience::default(), Instant::now());
        for silent in [false, true] {
            let from = began.elapsed();
            let answer = patience.answered(|| async {
                let away = began.elapsed() - from < Duration::from_secs(20);
                match (away, silent) {
                    (true, true) => std::future::pending().await,
                    (true, false) => Err(nobody()),
                    (false, _) => Ok(7),
                }
            });
            assert_eq!(answer.await, Ok(7));
            assert!(patience.longest() >= Duration::from_secs(20));
            assert_eq!(patience.longest(), Duration::ZERO, "each silence is told once");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_stays_away_is_given_up_and_a_refusal_is_an_answer() {
        let patience = Patience::default();
        let never = patience.answered(|| async { Err::<(), _>(nobody()) }).await.unwrap_err();
        assert!(never.contains("connection refused") && never.contains("for 90 s"), "{never}");
        let tries = AtomicU32::new(0);
        let refused = patience.answered(|| async {
            tries.fetch_add(1, Ordering::SeqCst);
            Err::<(), _>(refusal(403, "pods is forbidden"))
        });
        assert!(refused.await.unwrap_err().contains("forbidden"));
        assert_eq!(tries.load(Ordering::SeqCst), 1, "a refusal is not asked for again");
    }

    #[test]
    fn absence_is_told_from_refusal() {
        for error in
            [nobody(), refusal(503, ""), refusal(429, ""), refusal(500, "etcdserver: leader changed")]
        {
            assert!(is_away(&error), "{error}");
        }
        for error in
            [refusal(403, "x"), refusal(404, "x"), refusal(409, "x"), refusal(500, "a webhook failed")]
        {
            assert!(!is_away(&error), "{error}");
        }
        for words in [
            "Error: UPGRADE FAILED: Get \"https://127.0.0.1:1/api\": net/http: TLS handshake timeout",
            "helm upgrade: no end within 60 s",
        ] {
            assert!(tells_of_absence(words), "{words}");
        }
        assert!(!tells_of_absence(
            "Error: UPGRADE FAILED: values don't meet the specifications of the schema"
        ));
    }
}
