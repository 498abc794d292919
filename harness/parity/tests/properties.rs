//! Equal data never differs, and any single change is found, whatever the data.

use drydock_parity::{
    BucketTable, Canonical, Columns, Detail, Digest, DigestKey, Hasher, Located, Locator, Multiset, Side,
    json_diff,
};
use proptest::prelude::*;
use std::fmt::Write;

/// JSON as a tree that can be written in many ways.
#[derive(Debug, Clone, PartialEq)]
enum Json {
    Null,
    Bool(bool),
    Integer(i128),
    Double(f64),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i128>().prop_map(Json::Integer),
        (9_007_199_254_740_990_i128..9_007_199_254_741_000).prop_map(Json::Integer),
        any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Json::Double),
        "\\PC{0,12}".prop_map(Json::Text),
        any::<String>().prop_map(Json::Text),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::Array),
            prop::collection::vec(("[a-dé\"\\\\]{0,3}", inner), 0..6).prop_map(|members| {
                // Keys of one object differ here; duplicates have a test of their own.
                let mut seen = std::collections::BTreeSet::new();
                Json::Object(members.into_iter().filter(|(k, _)| seen.insert(k.clone())).collect())
            }),
        ]
    })
}

/// Writes a tree in one of many ways: other key order, white space, escapes, spelling of doubles.
fn write(value: &Json, style: &mut u64, out: &mut String) {
    let mut dice = |n: u64| {
        *style = style.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*style >> 33) % n
    };
    let space = ["", " ", "\n\t"][usize::try_from(dice(3)).unwrap()];
    out.push_str(space);
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(b) => write!(out, "{b}").unwrap(),
        Json::Integer(i) => write!(out, "{i}").unwrap(),
        Json::Double(d) => match dice(3) {
            0 => write!(out, "{d:?}").unwrap(),
            1 => write!(out, "{d:E}").unwrap(),
            _ => write!(out, "{d:e}").unwrap(),
        },
        Json::Text(text) => text_out(text, dice(3), out),
        Json::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                write(item, style, out);
            }
            out.push(']');
        }
        Json::Object(members) => {
            out.push('{');
            let shift = usize::try_from(dice(7)).unwrap();
            for at in 0..members.len() {
                let (key, member) = &members[(at + shift) % members.len()];
                out.push_str(if at > 0 { "," } else { "" });
                text_out(key, u64::try_from(shift).unwrap() % 3, out);
                out.push(':');
                write(member, style, out);
            }
            out.push('}');
        }
    }
    out.push_str(space);
}

fn text_out(text: &str, style: u64, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        let plain = style == 0 && c >= ' ' && c != '"' && c != '\\';
        if plain {
            out.push(c);
        } else if style == 1 && c == '/' {
            out.push_str("\\/");
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                if style == 2 {
                    write!(out, "\\u{unit:04X}").unwrap()
                } else {
                    write!(out, "\\u{unit:04x}").unwrap()
                }
            }
        }
    }
    out.push('"');
}

fn text(value: &Json, style: u64) -> String {
    let mut out = String::new();
    write(value, &mut style.clone(), &mut out);
    out
}

fn form(json: &str) -> Vec<u8> {
    let mut out = Vec::new();
    Canonical::default().write(json, &mut out).unwrap_or_else(|e| panic!("{json}: {e}"));
    out
}

/// Every tree that is one change away.
fn mutations(value: &Json) -> Vec<Json> {
    let mut all = match value {
        Json::Null => {
            vec![Json::Bool(false), Json::Text(String::new()), Json::Array(vec![]), Json::Object(vec![])]
        }
        Json::Bool(b) => vec![Json::Bool(!b), Json::Text(b.to_string())],
        Json::Integer(i) => {
            vec![Json::Integer(i.wrapping_add(1)), Json::Text(i.to_string()), Json::Double(*i as f64)]
        }
        Json::Double(d) => {
            vec![Json::Double(if *d == 0.0 { 1.0 } else { f64::from_bits(d.to_bits() ^ 1) }), Json::Null]
        }
        Json::Text(t) => vec![Json::Text(format!("{t} ")), Json::Text(format!("{t}\u{0}")), Json::Null],
        Json::Array(items) => {
            let mut all = vec![Json::Array([items.clone(), vec![Json::Null]].concat()), Json::Object(vec![])];
            for at in 0..items.len() {
                let mut less = items.clone();
                less.remove(at);
                all.push(Json::Array(less));
                if at > 0 && items[at] != items[at - 1] {
                    let mut swapped = items.clone();
                    swapped.swap(at, at - 1);
                    all.push(Json::Array(swapped));
                }
                for inner in mutations(&items[at]).into_iter().take(4) {
                    let mut other = items.clone();
                    other[at] = inner;
                    all.push(Json::Array(other));
                }
            }
            all
        }
        Json::Object(members) => {
            let mut all = vec![Json::Object([members.clone(), vec![("new".into(), Json::Null)]].concat())];
            for at in 0..members.len() {
                let mut less = members.clone();
                let taken = less.remove(at);
                all.push(Json::Object(less));
                let mut renamed = members.clone();
                renamed[at].0 += "x";
                all.push(Json::Object(renamed));
                let mut twice = members.clone();
                twice.push(taken);
                all.push(Json::Object(twice));
                for inner in mutations(&members[at].1).into_iter().take(4) {
                    let mut other = members.clone();
                    other[at].1 = inner;
                    all.push(Json::Object(other));
                }
            }
            all
        }
    };
    all.retain(|other| other != value);
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_way_of_writing_does_not_count(value in json(), a in any::<u64>(), b in any::<u64>()) {
        let (a, b) = (text(&value, a), text(&value, b));
        prop_assert_eq!(form(&a), form(&b), "{} | {}", a, b);
        prop_assert!(json_diff(&a, &b, 5).is_empty());
    }

    #[test]
    fn every_single_change_is_found(value in json(), style in any::<u64>()) {
        let before = text(&value, style);
        for other in mutations(&value) {
            let after = text(&other, style);
            prop_assert_ne!(form(&before), form(&after), "{} | {}", before, after);
            prop_assert!(!json_diff(&before, &after, 3).is_empty(), "{} | {}", before, after);
        }
    }

    #[test]
    fn any_text_is_taken_or_refused(text in any::<String>()) {
        let ours = Canonical::default().write(&text, &mut Vec::new());
        let theirs = serde_json::from_str::<&serde_json::value::RawValue>(&text);
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{}", text);
    }
}

/// Documents as (id, routing, source).
type Documents = Vec<(String, Option<String>, String)>;

fn documents() -> impl Strategy<Value = Documents> {
    prop::collection::btree_map(
        (9_007_199_254_740_990_u64..9_007_199_254_741_060, prop::option::of(0_u8..3)),
        any::<u32>(),
        2..60,
    )
    .prop_map(|map| {
        map.into_iter()
            .map(|((id, routing), n)| {
                let source = format!("{{\"key\":{id},\"n\":{n}}}");
                (id.to_string(), routing.map(|r| r.to_string()), source)
            })
            .collect()
    })
}

fn table(documents: &Documents, buckets: usize) -> BucketTable {
    let mut hasher = Hasher::new(DigestKey::default());
    let mut table = BucketTable::new(buckets);
    for (id, routing, source) in documents {
        table.insert(hasher.document(id, routing.as_deref(), source).unwrap());
    }
    table
}

fn compare(source: &Documents, target: &Documents, buckets: usize) -> Located {
    let selection = BucketTable::differing(&table(source, buckets), &table(target, buckets), 1_000_000);
    let mut locator = Locator::new(selection);
    let mut hasher = Hasher::new(DigestKey::default());
    for (side, documents) in [(Side::Source, source), (Side::Target, target)] {
        for (id, routing, text) in documents {
            let item = hasher.document(id, routing.as_deref(), text).unwrap();
            let traits = hasher.document_traits(routing.as_deref(), text).unwrap();
            if locator.wants(item.id) {
                locator.insert(side, item, traits, || Detail { label: id.clone(), text: text.clone() });
            }
        }
    }
    locator.finish()
}

fn counts(found: &Located) -> [u64; 4] {
    [found.missing.count, found.extra.count, found.changed.count, found.rerouted.count]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn order_and_slices_do_not_count(documents in documents(), cut in any::<prop::sample::Index>(), buckets in 1_usize..300) {
        let mut other = documents.clone();
        other.rotate_left(cut.index(documents.len()));
        prop_assert_eq!(counts(&compare(&documents, &other, buckets)), [0; 4]);
        let (a, b) = other.split_at(cut.index(other.len()));
        let mut merged = table(&a.to_vec(), buckets);
        merged.merge(&table(&b.to_vec(), buckets));
        prop_assert_eq!(merged.total(), table(&documents, buckets).total());
    }

    #[test]
    fn one_planted_difference_is_named(
        documents in documents(), at in any::<prop::sample::Index>(), with in any::<prop::sample::Index>(),
        buckets in 1_usize..300,
    ) {
        let i = at.index(documents.len());
        let id = documents[i].0.clone();
        let plant = |change: &dyn Fn(&mut Documents)| {
            let mut other = documents.clone();
            change(&mut other);
            compare(&documents, &other, buckets)
        };
        let found = plant(&|d| { d.remove(i); });
        prop_assert_eq!(counts(&found), [1, 0, 0, 0]);
        prop_assert_eq!(found.missing.shown()[0].label(), Some(id.as_str()));
        prop_assert_eq!(counts(&plant(&|d| d.push(("new".into(), None, "{}".into())))), [0, 1, 0, 0]);
        // A document that comes twice, as after a broken page, must not cancel itself.
        prop_assert_eq!(counts(&plant(&|d| d.push(d[i].clone()))), [0, 1, 0, 0]);
        prop_assert_eq!(counts(&plant(&|d| { d.push(d[i].clone()); d.push(d[i].clone()) })), [0, 2, 0, 0]);
        prop_assert_eq!(counts(&plant(&|d| d[i].2 = d[i].2.replace("\"n\":", "\"n\":1"))), [0, 0, 1, 0]);
        prop_assert_eq!(counts(&plant(&|d| d[i].1 = Some("elsewhere".into()))), [0, 0, 0, 1]);
        prop_assert_eq!(counts(&plant(&|d| d[i].0 = "renamed".into())), [1, 1, 0, 0]);
        let j = with.index(documents.len());
        if documents[i].2 != documents[j].2 {
            let found = plant(&|d| {
                let kept = d[i].2.clone();
                d[i].2 = d[j].2.clone();
                d[j].2 = kept;
            });
            prop_assert_eq!(counts(&found).iter().sum::<u64>(), 2);
        }
    }

    #[test]
    fn digests_add_up(a in prop::collection::vec(any::<u128>(), 0..20), b in prop::collection::vec(any::<u128>(), 0..20)) {
        let sum = |items: &[u128]| {
            let mut set = Multiset::default();
            items.iter().for_each(|i| set.insert(Digest(*i)));
            set
        };
        let mut both = sum(&a);
        both += sum(&b);
        prop_assert_eq!(both, sum(&[a.clone(), b.clone()].concat()));
        both -= sum(&b);
        prop_assert_eq!(both, sum(&a));
    }

    #[test]
    fn rows_without_a_key_are_counted(rows in prop::collection::vec("[ab]{0,2}\t(\\\\N|[xy]?)", 1..40), at in any::<prop::sample::Index>()) {
        let columns = Columns { names: vec!["a".into(), "b".into()], key: 0, table: "t".into() };
        let hasher = Hasher::new(DigestKey::default());
        let digest = |rows: &[String]| {
            let mut table = BucketTable::new(16);
            rows.iter().for_each(|r| table.insert(hasher.row(columns.key_of(r.as_bytes()), r.as_bytes())));
            table
        };
        let mut other = rows.clone();
        let gone = other.remove(at.index(rows.len()));
        prop_assert_ne!(digest(&rows), digest(&other));
        other.insert(0, gone);
        prop_assert_eq!(digest(&rows), digest(&other));
    }
}

#[test]
fn more_differences_than_fit_are_a_lower_bound_never_silence() {
    let all: Documents = (0..2_000).map(|i| (i.to_string(), None, format!("{{\"n\":{i}}}"))).collect();
    let none = Documents::new();
    let selection = BucketTable::differing(&table(&all, 64), &table(&none, 64), 100);
    let (unexamined, at_least) = (selection.unexamined_buckets(), selection.unexamined_at_least());
    assert!(unexamined > 0 && at_least > 0);
    let mut locator = Locator::new(selection);
    let mut hasher = Hasher::new(DigestKey::default());
    for (id, routing, text) in &all {
        let item = hasher.document(id, routing.as_deref(), text).unwrap();
        let traits = hasher.document_traits(routing.as_deref(), text).unwrap();
        if locator.wants(item.id) {
            locator.insert(Side::Source, item, traits, || Detail { label: id.clone(), text: text.clone() });
        }
    }
    let found = locator.finish();
    assert_eq!(found.count(), 2_000, "missing only: counts per bucket are exact here");
    assert_eq!(found.missing.count + at_least, 2_000);
}

#[test]
fn big_texts_do_not_fill_memory_and_both_sides_keep_the_same_ones() {
    let big = "x".repeat(200_000);
    let side = |c: char| -> Documents {
        (0..400).map(|i| (i.to_string(), None, format!("{{\"n\":\"{c}{big}\"}}"))).collect()
    };
    let found = compare(&side('a'), &side('b'), 8);
    assert_eq!(found.changed.count, 400);
    let shown = found.changed.shown();
    assert!(!shown.is_empty() && shown.iter().all(|i| i.source.is_some() && i.target.is_some()));
}
