//! Answers, brought into a form in which equal data gives equal answers: whatever the shards, the scores and the order in
//! which the store found things.

use serde_json::Value;
use std::collections::BTreeMap;

/// What came of one question on one side.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Numbers by what they count.
    Figures(BTreeMap<String, String>),
    /// Pages of a list.
    List(Page),
    /// The store understood the question and refuses it, as it would refuse the application.
    Refused(String),
    /// No answer that says anything about the application: the store is away, or this role may not ask.
    Unknown(String),
}

/// One place in a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// Values it is sorted by, as JSON.
    pub place: String,
    /// `_id`.
    pub id: String,
    /// What is shown of the document, digested; empty where nothing is.
    pub shown: String,
}

/// What a list shows first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// Documents in the whole list.
    pub total: u64,
    /// The first of them, in order.
    pub hits: Vec<Hit>,
    /// Where the next page goes on, as the store wants it back.
    pub next: Option<Value>,
}

/// Reads a page. `sorted_by` is how many values were asked to be sorted by: a store adds some of its own.
///
/// # Errors
/// It is no complete page, in words.
pub fn page(answer: &Value, sorted_by: usize) -> Result<Page, String> {
    complete(answer)?;
    let total = answer["hits"]["total"]["value"].as_u64().ok_or("no total")?;
    let hits = answer["hits"]["hits"].as_array().ok_or("no hits")?;
    let mut found: Vec<Hit> = hits
        .iter()
        .map(|hit| {
            let place: Vec<&Value> = hit["sort"].as_array().into_iter().flatten().take(sorted_by).collect();
            let source = hit["_source"].as_object().filter(|s| !s.is_empty());
            // Members are in the order of their names, however the store wrote them.
            let shown = source.map(|s| blake3::hash(Value::Object(s.clone()).to_string().as_bytes()));
            Hit {
                place: serde_json::to_string(&place).unwrap_or_default(),
                id: hit["_id"].as_str().unwrap_or_default().to_owned(),
                shown: shown.map(|s| s.to_hex()[..16].to_owned()).unwrap_or_default(),
            }
        })
        .collect();
    // Documents of one place come in any order.
    let mut from = 0;
    while from < found.len() {
        let same = found[from..].iter().take_while(|h| h.place == found[from].place).count();
        found[from..from + same].sort();
        from += same;
    }
    let next = hits.last().map(|hit| hit["sort"].clone());
    Ok(Page { total, hits: found, next })
}

/// Reads the aggregations of an answer, each under the name it was asked by.
///
/// # Errors
/// The answer is incomplete, in words.
pub fn figures(answer: &Value) -> Result<BTreeMap<String, BTreeMap<String, String>>, String> {
    complete(answer)?;
    let all = answer["aggregations"].as_object();
    let one = |(name, body): (&String, &Value)| {
        let mut into = BTreeMap::new();
        numbers("", body, &mut into);
        (name.clone(), into)
    };
    Ok(all.into_iter().flatten().map(one).collect())
}

fn complete(answer: &Value) -> Result<(), String> {
    let failed = answer["_shards"]["failed"].as_u64();
    match (answer["timed_out"].as_bool(), failed) {
        (Some(false), Some(0)) => Ok(()),
        (Some(true), _) => Err("the store gave up before it had looked everywhere".into()),
        (_, Some(failed)) if failed > 0 => Err(format!("{failed} shards did not answer")),
        _ => Err("the answer does not say whether it is complete".into()),
    }
}

fn numbers(path: &str, body: &Value, into: &mut BTreeMap<String, String>) {
    let join = |name: &str| match (path, name) {
        ("", name) => name.to_owned(),
        (path, "") => path.to_owned(),
        (path, name) => format!("{path} / {name}"),
    };
    let Some(members) = body.as_object() else { return };
    for (name, value) in members {
        match (name.as_str(), value) {
            // Keys are the name of a bucket, not a part of it; the other two say how exact the counts are.
            ("key" | "key_as_string" | "doc_count_error_upper_bound" | "sum_other_doc_count" | "meta", _) => {
            }
            ("doc_count", Value::Number(count)) => {
                let of_all = if path.is_empty() { "documents".to_owned() } else { path.to_owned() };
                into.insert(of_all, count.to_string());
            }
            ("buckets", Value::Array(buckets)) => {
                for bucket in buckets {
                    let key = bucket["key_as_string"].as_str().map(ToOwned::to_owned);
                    let plain =
                        || bucket["key"].as_str().map_or_else(|| bucket["key"].to_string(), Into::into);
                    numbers(&join(&key.unwrap_or_else(plain)), bucket, into);
                }
            }
            ("buckets", Value::Object(named)) => {
                named.iter().for_each(|(name, bucket)| numbers(&join(name), bucket, into));
            }
            (_, Value::Object(_)) => numbers(&join(""), value, into),
            (_, Value::Number(number)) => {
                into.insert(join(name), number.to_string());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn order_within_a_place_and_what_the_store_adds_do_not_count() {
        let hit = |id: &str, sort: Value| json!({"_id": id, "_score": 1.0, "sort": sort, "_source": {}});
        let answer = |hits: Vec<Value>| {
            json!({"took": 3, "timed_out": false, "_shards": {"failed": 0},
            "hits": {"total": {"value": 9, "relation": "eq"}, "hits": hits}})
        };
        let a = answer(vec![hit("x", json!([5, 1])), hit("y", json!([5, 2])), hit("z", json!([4, 3]))]);
        let b = answer(vec![hit("y", json!([5, 7])), hit("x", json!([5, 8])), hit("z", json!([4, 9]))]);
        let (a, b) = (page(&a, 1).expect("a page"), page(&b, 1).expect("a page"));
        assert_eq!((&a.hits, a.total), (&b.hits, b.total));
        let short = json!({"timed_out": false, "_shards": {"failed": 1}, "hits": {"total": {"value": 1}, "hits": []}});
        assert!(page(&short, 1).is_err() && figures(&short).is_err());
    }

    #[test]
    fn buckets_are_named_by_their_keys() {
        let answer = json!({"timed_out": false, "_shards": {"failed": 0}, "aggregations": {
            "0": {"doc_count_error_upper_bound": 0, "sum_other_doc_count": 4, "buckets": [
                {"key": 2, "doc_count": 1}, {"key": 1, "key_as_string": "true", "doc_count": 7}]},
            "1": {"doc_count": 3, "found": {"buckets": {"a": {"doc_count": 2}}}}}});
        let read = figures(&answer).expect("figures");
        assert_eq!(read["0"], BTreeMap::from([("2".into(), "1".into()), ("true".into(), "7".into())]));
        assert_eq!(read["1"], BTreeMap::from([("documents".into(), "3".into()), ("a".into(), "2".into())]));
    }
}
