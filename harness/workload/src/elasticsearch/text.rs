//! The content of documents: variable values, messages, diagrams, resources. Awkward on purpose.

use super::instance::{Process, mix};
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use std::fmt::Write;

/// Texts that have broken somebody's exporter once.
pub(super) const AWKWARD: [&str; 12] = [
    "plain",
    "Müller & Söhne GmbH",
    "quote \" backslash \\ slash /",
    "line one\nline two\r\n\ttabbed",
    "\u{1}\u{1f} control",
    "👩‍👩‍👧‍👦 family, 🏳️‍🌈 flag, 𝔘 beyond the plane",
    "\u{200f}שלום\u{200e} mixed \u{202e}txet\u{202c}",
    "e\u{301} decomposed, é composed",
    "\u{2028}separators\u{2029}",
    "<xml attr='1'>&lt;</xml> {\"json\": [1, 2.50]}",
    "zero\u{200b}width \u{feff}mark",
    "  spaces at both ends  ",
];

/// Names of variables; positions match [`variable_value`].
const VARIABLE_NAMES: [&str; 3] = ["orderId", "customer", "größe-in-€"];

/// Name of an instance's variable.
pub(super) fn variable_name(number: u64) -> &'static str {
    VARIABLE_NAMES[number as usize % VARIABLE_NAMES.len()]
}

/// Value of a variable, which is JSON text. One in 500 is 20 to 100 KB, so that it exceeds `ignore_above`.
pub(super) fn variable_value(traits: u64, number: u64) -> String {
    let h = mix(traits ^ number);
    if h % 500 == 77 {
        return large_json(h, 20_000 + (h >> 20) as usize % 80_000);
    }
    match h % 14 {
        0 => "null".into(),
        1 => "true".into(),
        2 => format!("{}.{:02}", h >> 48, (h >> 8) % 100),
        3 => "0.1".into(),
        4 => "1.0".into(),
        5 => "9007199254740993".into(),
        6 => "12345678901234567890123".into(),
        7 => "[]".into(),
        8 => "{}".into(),
        9 => format!("[1,2.50,{},\"x\",null]", h >> 20),
        10 => {
            format!("{{\"amount\":{}.10,\"currency\":\"EUR\",\"lines\":[{{\"n\":1}},{{\"n\":2}}]}}", h >> 50)
        }
        n => json_text(AWKWARD[(h >> 30) as usize % AWKWARD.len()], n),
    }
}

fn json_text(text: &str, salt: u64) -> String {
    let mut out = super::json::Json::new(super::json::Escapes::Needed);
    out.string(&format!("{text} #{salt}"));
    out.finish()
}

/// JSON text of about that many bytes.
pub(super) fn large_json(salt: u64, bytes: usize) -> String {
    let mut out = String::with_capacity(bytes + 64);
    out.push('[');
    let mut n = salt;
    while out.len() < bytes.saturating_sub(80) {
        n = mix(n);
        let _ = write!(out, "{{\"line\":{},\"text\":\"Straße {:x}\",\"price\":{}.5}},", n >> 40, n, n % 1000);
    }
    out.push_str("0]");
    out
}

/// A JSON string of exactly that many bytes, without anything that needs escaping.
pub(super) fn large_string(salt: u64, bytes: usize) -> String {
    let mut out = String::with_capacity(bytes + 24);
    out.push('"');
    let mut n = salt;
    while out.len() < bytes {
        n = mix(n);
        let _ = write!(out, "{n:x} ");
    }
    out.truncate(bytes.saturating_sub(1));
    out.push('"');
    out
}

/// Members of an object that Elasticsearch keeps and does not read: the place where odd numbers survive.
pub(super) fn payload(rng: &mut ChaCha8Rng) -> String {
    match rng.random_range(0..10_u32) {
        0 => "{}".into(),
        1 => format!("{{\"ratio\":0.1,\"whole\":1.0,\"sum\":{}}}", rng.random_range(0..1_000_000_000_i64)),
        2 => "{\"big\":12345678901234567890123,\"beyondDouble\":9007199254740993,\"minusZero\":-0.0}".into(),
        3 => "{\"exponent\":1e21,\"tiny\":1E-7,\"padded\":0.1000,\"third\":0.30000000000000004}".into(),
        4 => "{\"escaped\":\"\\u00e9\\/\\ud83d\\ude00\",\"nothing\":null,\"list\":[],\"object\":{}}".into(),
        5 => format!(
            "{{\"orderId\":\"A-{}\",\"tags\":[\"gold\",\"\",null]}}",
            rng.random_range(0..100_000_u32)
        ),
        6 => format!("{{\"mixed\":[1,\"1\",1.0,true,{{\"a\":[[]]}}],\"n\":{}}}", rng.random::<u64>()),
        7 => "{\"größe\":\"ü\",\"a.b\":{\"c.d\":1},\" \":0}".into(),
        _ => format!(
            "{{\"amount\":{},\"customer\":\"{}\",\"express\":{}}}",
            rng.random_range(0..100_000_u32) as f64 / 100.0,
            ["ACME", "Globex", "Initech", "Umbrella"][rng.random_range(0..4_usize)],
            rng.random_bool(0.5)
        ),
    }
}

/// A BPMN diagram of about 7 KB.
pub(super) fn bpmn(process: &Process) -> String {
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<bpmn:definitions xmlns:bpmn=\"bpmn-model\" id=\"defs\" \
         exporter=\"Modeler\">\n  <bpmn:process id=\"{}\" name=\"{}\" isExecutable=\"true\">\n",
        process.id,
        process.name.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
    );
    for (number, (id, kind)) in process.elements.iter().enumerate() {
        let _ = writeln!(
            xml,
            "    <bpmn:element id=\"{id}\" type=\"{kind}\">\n      <bpmn:documentation>Step {number} – “{id}”: see \
             handbook § {number}.</bpmn:documentation>\n      <bpmn:incoming>flow-{number}</bpmn:incoming>\n    \
             </bpmn:element>"
        );
    }
    xml.push_str("  </bpmn:process>\n  <bpmndi:BPMNDiagram id=\"diagram\">\n");
    for shape in 0..56 {
        let _ = writeln!(
            xml,
            "    <bpmndi:BPMNShape id=\"shape-{shape}\"><dc:Bounds x=\"{}\" y=\"{}\" width=\"100\" height=\"80\" /></bpmndi:BPMNShape>",
            150 + shape * 130,
            80 + shape % 3 * 110
        );
    }
    xml.push_str("  </bpmndi:BPMNDiagram>\n</bpmn:definitions>\n");
    xml
}

/// Base64 with padding.
pub(super) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = (u32::from(chunk[0]) << 16)
            | (u32::from(chunk.get(1).copied().unwrap_or(0)) << 8)
            | u32::from(chunk.get(2).copied().unwrap_or(0));
        for place in 0..4 {
            if place <= chunk.len() {
                out.push(ALPHABET[(word >> (18 - 6 * place)) as usize & 63] as char);
            } else {
                out.push('=');
            }
        }
    }
    out
}

/// An id as Elasticsearch makes them itself: 20 characters that are safe in a URL.
pub(super) fn automatic_id(rng: &mut ChaCha8Rng) -> String {
    let bytes: [u8; 15] = rng.random();
    base64(&bytes).replace('+', "-").replace('/', "_")
}

/// A random UUID in text.
pub(super) fn uuid(rng: &mut ChaCha8Rng) -> String {
    let n: u128 = (rng.random::<u128>() & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let h = format!("{n:032x}");
    format!("{}-{}-{}-{}-{}", &h[..8], &h[8..12], &h[12..16], &h[16..20], &h[20..])
}

/// An error message as a worker would send it.
pub(super) fn error_message(rng: &mut ChaCha8Rng) -> String {
    let text = AWKWARD[rng.random_range(0..AWKWARD.len())];
    format!(
        "Expected result of the expression 'orders[{}].total > limit' to be 'BOOLEAN', but was 'NULL': {text}",
        rng.random_range(0..90_u32)
    )
}
