//! One simulated cluster as the driver's client meets it: latency, faults, and then what the cluster answers.

mod copy;

use crate::api::{self, Call, Outcome};
use crate::cluster::{Action, Cluster, Refusal, Task};
use crate::schedule::{Class, Schedule, Side, Trouble};
use crate::script::{Script, Tracing};
use drydock_stores::ElasticsearchEndpoint;
use drydock_stores::elasticsearch::transport::{Answer, InProcess, Request, Response, Transport};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::oneshot;

const RESET: &str = "connection reset by peer";
/// A node that was killed is back after so long.
const RESTART_MS: u64 = 4_000;
/// Status of an answer that never left a killed node.
const KILLED: u16 = 0;
/// How long a connection stands before it is cut, or a gateway gives up.
const PATIENCE: Duration = Duration::from_millis(40);

/// An empty cluster that stands by itself and has no trouble: what the real thing is held against in tests.
pub fn alone() -> ElasticsearchEndpoint {
    let nothing = Schedule { seed: 0, documents: 0, events: Vec::new() };
    Peer::new(Side::Source, &Arc::new(Script::new(&nothing, None, Tracing::Off))).endpoint()
}

/// A request that is not carried out yet.
struct Waiting {
    class: Class,
    request: Request,
    /// Who waits for its answer; nobody where the connection was reset.
    caller: Option<oneshot::Sender<Response>>,
}

/// A cluster and the way to it.
pub(crate) struct Peer {
    side: Side,
    cluster: Mutex<Cluster>,
    /// Whom it reads from when it copies from remote.
    other: OnceLock<Weak<Peer>>,
    script: Arc<Script>,
    me: Weak<Peer>,
    /// Requests that take their time, by number, until they are carried out.
    late: Mutex<BTreeMap<u64, Waiting>>,
    /// Until when the node is away, in milliseconds of the simulation.
    away_until: AtomicU64,
    /// Whether it was stopped on purpose. Its data stays.
    stopped: AtomicBool,
}

impl Peer {
    pub(crate) fn new(side: Side, script: &Arc<Script>) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            side,
            cluster: Mutex::default(),
            other: OnceLock::new(),
            script: Arc::clone(script),
            me: me.clone(),
            late: Mutex::default(),
            away_until: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        })
    }

    /// Lets it read from another.
    pub(crate) fn reads_from(&self, other: &Arc<Self>) {
        let _ = self.other.set(Arc::downgrade(other));
    }

    pub(crate) fn cluster(&self) -> MutexGuard<'_, Cluster> {
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nobody answers: its node was killed and is not back yet, or was stopped.
    pub(crate) fn is_away(&self) -> bool {
        self.is_stopped() || self.script.now() < self.away_until.load(Ordering::Relaxed)
    }

    /// Whether it was stopped on purpose.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Stops it: what was on its way is forgotten, what was written stays.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.waiting().clear();
        let mut cluster = self.cluster();
        let all: Vec<String> = cluster.indices.keys().cloned().collect();
        cluster.flush(&all);
        cluster.held.clear();
        cluster.tasks.clear();
    }

    /// Starts it again.
    pub(crate) fn start(&self) {
        self.stopped.store(false, Ordering::Relaxed);
    }

    fn other(&self) -> Option<Arc<Self>> {
        self.other.get().and_then(Weak::upgrade)
    }

    fn url(side: Side) -> String {
        format!("http://{}:9200", side.as_str())
    }

    pub(crate) fn endpoint(self: &Arc<Self>) -> ElasticsearchEndpoint {
        let peer: Arc<dyn InProcess> = Arc::clone(self) as _;
        ElasticsearchEndpoint {
            transport: Transport::InProcess(peer),
            ..ElasticsearchEndpoint::plain(Self::url(self.side))
        }
    }

    async fn handle(self: Arc<Self>, request: Request) -> Result<Response, String> {
        let class = Class::of(&request);
        let (number, trouble) = self.script.arrived(self.side, class);
        let line = {
            let path = request.path.split('?').next().unwrap_or_default();
            format!("{number} {} {} {path}", self.side.as_str(), request.method)
        };
        if let Some(trouble) = trouble {
            self.script.tell(|| format!("request {line}: {trouble}"));
        }
        let me = Arc::clone(&self);
        let work = async move {
            tokio::time::sleep(me.script.latency(number, 0)).await;
            me.answered(&request, number, class, trouble).await
        };
        let answered = if class == Class::Read {
            work.await
        } else {
            // What changes something and is on its way goes on, whoever waits.
            tokio::spawn(work).await.map_err(|e| format!("the request ended: {e}"))?
        };
        tokio::time::sleep(self.script.latency(number, 1)).await;
        self.script.tell(|| match &answered {
            Ok(response) => format!("answer  {line} -> {}", response.status),
            Err(words) => format!("answer  {line} -> {words}"),
        });
        answered
    }

    async fn answered(
        self: &Arc<Self>,
        request: &Request,
        number: u64,
        class: Class,
        trouble: Option<Trouble>,
    ) -> Result<Response, String> {
        let refusal = |status, kind: &'static str| {
            Ok(api::refused(&Refusal::new(status, kind, "as the schedule of this simulation has it")))
        };
        if self.is_away() {
            return Err("connection refused".into());
        }
        match trouble {
            Some(Trouble::Crashed) => {
                let now = self.script.now();
                self.away_until.store(now + RESTART_MS, Ordering::Relaxed);
                self.waiting().clear();
                self.cluster().crash(now);
                return Err(RESET.into());
            }
            Some(Trouble::Pressure) => return refusal(429, "es_rejected_execution_exception"),
            Some(Trouble::Unavailable) => return refusal(503, "unavailable"),
            Some(Trouble::CutBefore) => return Err(RESET.into()),
            Some(Trouble::Late(ms)) => {
                self.put_off(request, number, class, ms, None);
                tokio::time::sleep(PATIENCE).await;
                return Err(RESET.into());
            }
            // It stands in the queue of the master: what comes after it is carried out after it.
            Some(Trouble::Slow(ms)) if class == Class::Change => {
                let (caller, answer) = oneshot::channel();
                self.put_off(request, number, class, ms, Some(caller));
                return answer.await.map_err(|_| RESET.to_owned());
            }
            Some(Trouble::Slow(ms)) if class == Class::Bulk => {
                let task = self.begin_bulk(request);
                tokio::time::sleep(Duration::from_millis(ms)).await;
                // A node that was killed meanwhile knows nothing of it.
                if self.cluster().tasks.remove(&task).is_none() {
                    return Err(RESET.into());
                }
            }
            Some(Trouble::Slow(ms)) if class == Class::Read => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
            }
            Some(Trouble::PrimaryMoved) => {
                for index in self.cluster().indices.values_mut() {
                    index.term += 1;
                }
            }
            _ => {}
        }
        let cut_short = matches!(trouble, Some(Trouble::CutAfter | Trouble::Gateway | Trouble::Silence));
        let answered = if class == Class::Copy {
            let copying = self.copy(request, number, trouble);
            if cut_short {
                // It goes on, whoever waits.
                drop(copying);
                tokio::time::sleep(PATIENCE).await;
                Response { status: 200, body: Vec::new() }
            } else {
                copying.await.map_err(|e| format!("the copy ended: {e}"))?
            }
        } else {
            if class == Class::Change {
                self.catch_up();
            }
            self.carry_out(request, trouble == Some(Trouble::ItemsRefused))
        };
        if answered.status == KILLED {
            return Err(RESET.into());
        }
        match trouble {
            Some(Trouble::CutAfter) => Err(RESET.into()),
            Some(Trouble::Gateway) => refusal(504, "gateway_timeout"),
            Some(Trouble::Silence) => std::future::pending().await,
            _ => Ok(answered),
        }
    }

    /// Shows a `_bulk` in the task list, as the real thing words it.
    fn begin_bulk(&self, request: &Request) -> u64 {
        let path = request.path.split('?').next().unwrap_or_default();
        let index = path.trim_start_matches('/').trim_end_matches("_bulk").trim_end_matches('/');
        let mut cluster = self.cluster();
        let number = cluster.number();
        let description = format!("requests[1], indices[{index}]");
        cluster.tasks.insert(number, Task { description, ..Task::of(Action::Bulk) });
        number
    }

    /// Carries a request out later, for `caller` if somebody waits for it. A node that is killed meanwhile forgets it. Changes of
    /// definitions keep their order, as the queue of a master does.
    fn put_off(
        self: &Arc<Self>,
        request: &Request,
        number: u64,
        class: Class,
        ms: u64,
        caller: Option<oneshot::Sender<Response>>,
    ) {
        let peer = Arc::clone(self);
        self.waiting().insert(number, Waiting { class, request: request.clone(), caller });
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            let waited = peer.waiting().remove(&number);
            if let Some(waited) = waited {
                peer.carry_out_late(number, waited);
            }
        });
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<u64, Waiting>> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out changes of definitions that stand in front of the next one.
    fn catch_up(self: &Arc<Self>) {
        let all = std::mem::take(&mut *self.waiting());
        let (before, others): (BTreeMap<_, _>, _) =
            all.into_iter().partition(|(_, waiting)| waiting.class == Class::Change);
        *self.waiting() = others;
        for (number, waiting) in before {
            self.carry_out_late(number, waiting);
        }
    }

    fn carry_out_late(self: &Arc<Self>, number: u64, Waiting { class, request, caller }: Waiting) {
        let path = request.path.split('?').next().unwrap_or_default();
        let answer = match class {
            Class::Copy => {
                drop(self.copy(&request, number, None));
                Response { status: 200, body: Vec::new() }
            }
            _ => self.carry_out(&request, false),
        };
        self.script.tell(|| {
            let status = answer.status;
            format!("late    {number} {} {} {path} -> {status}", self.side.as_str(), request.method)
        });
        if let Some(caller) = caller {
            // Who waited may have been killed.
            let _ = caller.send(answer);
        }
    }

    /// Carries a request out at once.
    fn carry_out(&self, request: &Request, refuse_items: bool) -> Response {
        let now = self.script.now();
        let call = Call::of(request);
        if refuse_items {
            return self.refusing_items(request, now);
        }
        match api::respond(&mut self.cluster(), &call, now) {
            Outcome::Answer(response) => response,
            Outcome::Gap => {
                let gap = format!("{} {}", request.method, request.path);
                self.script.tell(|| format!("the simulator does not know {gap}"));
                let reason = format!("the simulator does not know {gap}");
                self.script.gap(gap);
                api::refused(&Refusal::new(400, "simulator_gap", reason))
            }
        }
    }

    /// A `_bulk` of which every second item is refused, from the first on.
    fn refusing_items(&self, request: &Request, now: u64) -> Response {
        let text = String::from_utf8_lossy(request.body.as_deref().unwrap_or_default()).into_owned();
        let mut lines = text.lines();
        let (mut body, mut refused, mut item) = (String::new(), Vec::new(), 0_usize);
        while let Some(action) = lines.next() {
            let document = if action.starts_with("{\"delete\"") { None } else { lines.next() };
            if item % 2 == 0 {
                refused.push(item);
            } else {
                for line in std::iter::once(action).chain(document) {
                    body.push_str(line);
                    body.push('\n');
                }
            }
            item += 1;
        }
        let part = Request { body: Some(body.into_bytes()), ..request.clone() };
        let Outcome::Answer(response) = api::respond(&mut self.cluster(), &Call::of(&part), now) else {
            return api::answer(400, &json!({}));
        };
        let mut answer: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let refusal = json!({"index": {"status": 429, "error": {"type": "es_rejected_execution_exception", "reason": "queue is full"}}});
        if let Some(items) = answer["items"].as_array_mut() {
            for at in refused {
                items.insert(at.min(items.len()), refusal.clone());
            }
        }
        answer["errors"] = json!(true);
        api::answer(response.status, &answer)
    }
}

impl InProcess for Peer {
    fn answer(&self, request: Request) -> Answer {
        let me = self.me.upgrade();
        Box::pin(async move {
            match me {
                Some(peer) => peer.handle(request).await,
                None => Err("the simulation is over".into()),
            }
        })
    }
}

impl Class {
    fn of(request: &Request) -> Self {
        let path = request.path.split('?').next().unwrap_or_default();
        match request.method.as_str() {
            "POST" if path.ends_with("/_bulk") => Self::Bulk,
            "POST" if path == "/_reindex" => Self::Copy,
            "POST" if path == "/_aliases" => Self::Change,
            "PUT" => Self::Change,
            "DELETE" if path != "/_pit" => Self::Change,
            _ => Self::Read,
        }
    }
}
