//! What the fuzz target asks, asked of every answer that a comparison hears: cut short, replaced, damaged. The same ones on
//! every run.

#[path = "../../fuzz/judge.rs"]
mod judge;

use judge::{any_answer, compared, undisturbed};
use serde_json::{Value, json};

/// Damaged copies of each answer.
const COPIES: u64 = 6;

/// Values that stand where others are expected.
fn odd() -> [Value; 10] {
    [
        Value::Null,
        json!(-1),
        json!(1e300),
        json!(u64::MAX),
        json!("18446744073709551616"),
        json!("\u{1b}[2J\u{202e}"),
        json!([]),
        json!({}),
        json!([[[[[[]]]]]]),
        json!(true),
    ]
}

/// Replaces one value somewhere in an answer.
fn replaced(value: &mut Value, at: &mut u64, by: &Value) {
    if *at == 0 {
        *value = by.clone();
    }
    *at = at.wrapping_sub(1);
    match value {
        Value::Array(all) => all.iter_mut().for_each(|one| replaced(one, at, by)),
        Value::Object(all) => all.values_mut().for_each(|one| replaced(one, at, by)),
        _ => {}
    }
}

#[test]
fn two_healthy_clusters_are_equal() {
    let told = undisturbed();
    assert!(told.green && told.requests > 10, "{told:?}");
}

#[test]
fn no_answer_breaks_a_comparison() {
    for which in 0..undisturbed().requests {
        for body in
            ["", "\0", "<html>502 Bad Gateway</html>", "{", "[1,", "{\"hits\":{\"hits\":[{\"_id\":\"1\""]
        {
            any_answer(which, move |_| (200, body.into()));
        }
        for body in ["null", "[]", "{}", "7", "\"x\"", "{\"hits\": 7}", "{\"error\": {\"reason\": {}}}"] {
            any_answer(which, move |_| (200, body.into()));
            any_answer(which, move |_| (500, body.into()));
        }
        any_answer(which, |answer| (200, answer[..answer.len() / 2].to_vec()));
        any_answer(which, |answer| (200, answer.iter().map(|b| b ^ 0x80).collect()));
        for copy in 0..COPIES {
            any_answer(which, move |answer| {
                let Ok(mut value) = serde_json::from_slice::<Value>(answer) else {
                    return (200, answer.to_vec());
                };
                let mut at = copy * 7 % 23;
                let by = &odd()[usize::try_from((copy + which as u64) % 10).expect("small")];
                replaced(&mut value, &mut at, by);
                (200, value.to_string().into_bytes())
            });
        }
    }
}

#[test]
fn a_document_less_in_an_answer_is_told() {
    let told = (0..undisturbed().requests).map(|which| {
        compared(which, |answer| {
            let mut value: Value = serde_json::from_slice(answer).unwrap_or_default();
            if let Some(hits) =
                value["hits"]["hits"].as_array_mut().filter(|hits| hits.len() == judge::DOCUMENTS)
            {
                hits.remove(7);
                return (200, value.to_string().into_bytes());
            }
            (200, answer.to_vec())
        })
    });
    let whole: Vec<_> = told
        .filter(|t| t.changed.as_ref().is_some_and(|(request, _)| request.contains("/_search")))
        .collect();
    assert!(whole.iter().any(|t| !t.green), "{whole:?}");
}
