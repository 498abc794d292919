//! A way to a store that can be cut and slowed, and that keeps what went through it.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A port that leads to a store. It is there until the test ends.
#[derive(Clone)]
pub(super) struct Relay {
    pub(super) port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    store: SocketAddr,
    cut: AtomicBool,
    /// Milliseconds that every answer is held back.
    delay: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
    /// What clients sent, one entry a connection.
    sent: Mutex<Vec<Arc<Mutex<Vec<u8>>>>>,
}

impl Relay {
    pub(super) fn to(host: &str, port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let own = listener.local_addr().expect("an address").port();
        let store = format!("{host}:{port}").parse().expect("an address");
        let shared = Arc::new(Shared {
            store,
            cut: AtomicBool::new(false),
            delay: AtomicU64::new(0),
            open: Mutex::default(),
            sent: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                serving.serve(client);
            }
        });
        Self { port: own, shared }
    }

    /// Ends every connection, and lets nobody in any more.
    pub(super) fn cut(&self) {
        self.shared.cut.store(true, Ordering::SeqCst);
        for stream in self.shared.open.lock().expect("the list").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Holds every answer back from now on.
    pub(super) fn slow(&self, delay: Duration) {
        self.shared.delay.store(u64::try_from(delay.as_millis()).expect("short"), Ordering::SeqCst);
    }

    /// Methods and paths of the HTTP requests that went through it.
    pub(super) fn requests(&self) -> Vec<String> {
        let mut found = Vec::new();
        for sent in self.shared.sent.lock().expect("the list").iter() {
            let bytes = sent.lock().expect("the bytes").clone();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let heads = text.split("\r\n").filter_map(|line| line.strip_suffix(" HTTP/1.1"));
            // A body may end on the line that the next request begins on.
            let verbs = ["GET /", "HEAD /", "POST /", "PUT /", "DELETE /", "PATCH /"];
            found.extend(heads.filter_map(|head| {
                let at = verbs.iter().filter_map(|verb| head.rfind(verb)).max()?;
                Some(head[at..].to_owned())
            }));
        }
        found
    }
}

impl Shared {
    fn serve(self: &Arc<Self>, client: TcpStream) {
        let Ok(store) = TcpStream::connect(self.store) else { return };
        if self.cut.load(Ordering::SeqCst) {
            return;
        }
        let clone = |stream: &TcpStream| stream.try_clone().expect("a clone");
        self.open.lock().expect("the list").extend([clone(&client), clone(&store)]);
        let kept: Arc<Mutex<Vec<u8>>> = Arc::default();
        self.sent.lock().expect("the list").push(Arc::clone(&kept));
        let (from_client, to_store, shared) = (clone(&client), clone(&store), Arc::clone(self));
        std::thread::spawn(move || shared.copy(from_client, to_store, Some(&kept)));
        let shared = Arc::clone(self);
        std::thread::spawn(move || shared.copy(store, client, None));
    }

    fn copy(&self, mut from: TcpStream, mut to: TcpStream, kept: Option<&Mutex<Vec<u8>>>) {
        let mut bytes = vec![0_u8; 64 * 1024];
        while let Ok(n @ 1..) = from.read(&mut bytes) {
            match kept {
                Some(kept) => kept.lock().expect("the bytes").extend_from_slice(&bytes[..n]),
                None => std::thread::sleep(Duration::from_millis(self.delay.load(Ordering::SeqCst))),
            }
            if self.cut.load(Ordering::SeqCst) || to.write_all(&bytes[..n]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    }
}
