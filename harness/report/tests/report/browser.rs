//! Pages in a real browser, where one is installed: that they say nothing to the console, load nothing, can be read on
//! any width and in any scheme, and are there for a screen reader and on paper.

use crate::{charts, samples};
use drydock_report::html::{bench, drill, render};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// A browser without a window, spoken to over two pipes.
struct Browser {
    child: Child,
    to: File,
    from: Receiver<Value>,
    folder: PathBuf,
    session: String,
    sent: u64,
    events: Vec<Value>,
}

impl Browser {
    fn start() -> Option<Self> {
        let found =
            |name: &&str| Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success());
        let Some(name) = NAMES.into_iter().find(|n| found(n)) else {
            let line = b"SKIP pages in a browser: no chromium on this machine\n";
            std::io::stderr().write_all(line).unwrap_or_default();
            return None;
        };
        let folder =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("browser-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let pipes = [folder.join("to"), folder.join("from")];
        assert!(Command::new("mkfifo").args(&pipes).status().unwrap().success());
        // The browser reads from its third pipe and writes to its fourth; a shell lays them.
        let script = "exec \"$0\" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
            --disable-background-networking --remote-debugging-pipe --user-data-dir=\"$3\" about:blank 3<\"$1\" 4>\"$2\"";
        let child = Command::new("sh")
            .args(["-c", script, name])
            .args(&pipes)
            .arg(folder.join("profile"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let to = File::options().write(true).open(&pipes[0]).unwrap();
        let from = File::open(&pipes[1]).unwrap();
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            let mut from = BufReader::new(from);
            let mut message = Vec::new();
            while from.read_until(0, &mut message).is_ok_and(|n| n > 0) {
                message.pop();
                if sender.send(serde_json::from_slice(&message).unwrap()).is_err() {
                    break;
                }
                message.clear();
            }
        });
        let session = String::new();
        let mut browser = Self { child, to, from: receiver, folder, session, sent: 0, events: Vec::new() };
        let target = browser.call("Target.createTarget", &json!({"url": "about:blank"}));
        let attached =
            browser.call("Target.attachToTarget", &json!({"targetId": target["targetId"], "flatten": true}));
        browser.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Network", "Runtime", "Log", "Accessibility", "DOM"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        Some(browser)
    }

    fn receive(&mut self) -> Value {
        self.from.recv_timeout(Duration::from_secs(90)).expect("the browser answers")
    }

    fn call(&mut self, method: &str, params: &Value) -> Value {
        self.sent += 1;
        let mut message = json!({"id": self.sent, "method": method, "params": params});
        if !self.session.is_empty() {
            message["sessionId"] = self.session.clone().into();
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let answer = self.receive();
            if answer["id"] == self.sent {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
            self.events.push(answer);
        }
    }

    fn evaluate(&mut self, script: &str) -> Value {
        let result = self.call("Runtime.evaluate", &json!({"expression": script, "returnByValue": true}));
        assert!(result["exceptionDetails"].is_null(), "{script}: {result}");
        result["result"]["value"].clone()
    }

    /// Opens a page of its own file and waits until it has loaded.
    fn open(&mut self, name: &str, html: &str) -> String {
        let path = self.folder.join(format!("{name}.html"));
        fs::write(&path, html).unwrap();
        self.events.clear();
        let url = format!("file://{}", path.display());
        self.call("Page.navigate", &json!({"url": url}));
        while !self.events.iter().any(|e| e["method"] == "Page.loadEventFired") {
            let event = self.receive();
            self.events.push(event);
        }
        url
    }

    fn wide(&mut self, width: u32) {
        let metrics = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", &metrics);
    }

    fn media(&mut self, media: &str, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", &json!({"media": media, "features": features}));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Texts whose contrast to what lies behind them is too low, as WCAG 2 (AA) asks for.
const LOW_CONTRAST: &str = r"(() => {
  const parse = c => (c.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = c => { const f = v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
    return 0.2126 * f(c[0]) + 0.7152 * f(c[1]) + 0.0722 * f(c[2]); };
  const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
  const low = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; (n = walker.nextNode());) {
    if (!n.data.trim() || n.parentElement.closest('title, desc, svg')) continue;
    const s = getComputedStyle(n.parentElement), a = light(parse(s.color)), b = light(behind(n.parentElement));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) low.push(n.data.slice(0, 40) + ' ' + ratio.toFixed(2));
  }
  return low;
})()";

#[test]
fn pages_in_a_real_browser() {
    let Some(mut browser) = Browser::start() else { return };
    let planted = render(&samples::planted());
    let pages = [
        ("planted", planted.clone(), "DIFFERENT: 7 findings"),
        ("green", render(&samples::green()), "EQUAL:"),
        ("hostile", render(&samples::hostile(40)), "DIFFERENT: 40 findings"),
        ("bench", bench::render(&charts::bench()), "38 min, 90 % between 31 and 47 min"),
        ("drill", drill::render(&charts::drilled()), "ROLLBACK FAILED"),
    ];
    for (name, html, told) in &pages {
        browser.media("screen", "light");
        browser.wide(1280);
        let url = browser.open(name, html);
        let text = browser.evaluate("document.body.innerText");
        assert!(text.as_str().unwrap().contains(told), "{name}: {text}");
        // The policy lets the page's own stylesheet through, and nothing else.
        assert_eq!(
            browser.evaluate("getComputedStyle(document.querySelector('caption, li')).overflowWrap"),
            "anywhere"
        );
        for width in [1280, 768, 360] {
            browser.wide(width);
            let overflow = browser
                .evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
            assert_eq!(overflow, 0, "{name} is wider than {width}");
        }
        for (media, scheme) in
            [("screen", "light"), ("screen", "dark"), ("print", "light"), ("print", "dark")]
        {
            browser.media(media, scheme);
            assert_eq!(browser.evaluate(LOW_CONTRAST), json!([]), "{name} on {media} in {scheme}");
        }
        let requests: Vec<Value> = browser
            .events
            .iter()
            .filter(|e| e["method"] == "Network.requestWillBeSent")
            .map(|e| e["params"]["request"]["url"].clone())
            .collect();
        assert_eq!(requests, [Value::from(url)], "{name} loads something");
        let said = ["Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"];
        let said = browser.events.iter().find(|e| said.iter().any(|s| e["method"] == *s));
        assert!(said.is_none(), "{name} says {said:?}");
    }
    reads_aloud(&mut browser, &planted);
    prints(&mut browser, &planted);
    the_test_itself_notices(&mut browser);
}

/// What a screen reader is given.
fn reads_aloud(browser: &mut Browser, html: &str) {
    browser.media("screen", "light");
    browser.wide(1280);
    browser.open("aloud", html);
    let tree = browser.call("Accessibility.getFullAXTree", &json!({}));
    let nodes: Vec<(String, String)> = tree["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|n| n["ignored"] != true)
        .map(|n| {
            (
                n["role"]["value"].as_str().unwrap_or("").to_owned(),
                n["name"]["value"].as_str().unwrap_or("").to_owned(),
            )
        })
        .collect();
    for role in ["banner", "main", "navigation", "contentinfo"] {
        assert_eq!(nodes.iter().filter(|(r, _)| r == role).count(), 1, "{role}");
    }
    for (role, name) in [
        ("heading", "Timeline"),
        ("region", "Timeline"),
        ("image", "Timeline of phases, service and probes"),
        ("columnheader", "outcome"),
        ("rowheader", "elasticsearch/documents"),
        ("DisclosureTriangle", "missing"),
    ] {
        let alike =
            |(r, n): &(String, String)| (r == role || (role == "image" && r == "img")) && n.contains(name);
        assert!(nodes.iter().any(alike), "{role} {name} is missing");
    }
    let unnamed = nodes
        .iter()
        .filter(|(r, n)| ["image", "img", "region", "link"].contains(&r.as_str()) && n.is_empty());
    assert_eq!(unnamed.count(), 0);
    // The first key press leads past the contents.
    for kind in ["keyDown", "keyUp"] {
        browser.call(
            "Input.dispatchKeyEvent",
            &json!({"type": kind, "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}),
        );
    }
    assert_eq!(browser.evaluate("document.activeElement.getAttribute('href')"), "#verdict");
}

/// On paper, what is folded away on the screen is there as well.
fn prints(browser: &mut Browser, html: &str) {
    let shut = html.replace("<details open>", "<details>");
    browser.open("paper", &shut);
    let seen = "document.querySelector('details .finding').checkVisibility()";
    browser.media("screen", "light");
    assert_eq!(browser.evaluate(seen), false, "folded away on the screen");
    browser.media("print", "light");
    assert_eq!(browser.evaluate(seen), true, "there on paper");
    let pdf = browser.call("Page.printToPDF", &json!({"paperWidth": 8.27, "paperHeight": 11.69}));
    assert!(pdf["data"].as_str().unwrap().len() > 10_000);
}

/// A page that does load something, has a script and faint text is noticed by what is asked above.
fn the_test_itself_notices(browser: &mut Browser) {
    browser.media("screen", "light");
    let bad = "<!DOCTYPE html><title>x</title><body style='background:#fff'><p style='color:#bbb'>faint</p>\
        <img src='other.png'><script>console.error('said')</script>";
    browser.open("bad", bad);
    assert_eq!(browser.evaluate(LOW_CONTRAST).as_array().unwrap().len(), 1);
    let of =
        |browser: &Browser, method: &str| browser.events.iter().filter(|e| e["method"] == method).count();
    assert_eq!(of(browser, "Network.requestWillBeSent"), 2);
    assert_eq!(of(browser, "Runtime.consoleAPICalled"), 1);
}
