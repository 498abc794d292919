//! Corruptions of fields and numbers within one document.

use super::label;
use super::world::World;
use crate::dice::Dice;
use crate::family::Variant;
use crate::json::{Json, object, text};
use crate::planted::Planted;
use drydock_core::Kind;
use drydock_core::names::checks;

/// Changes the value at `path` of any document; `told` is how the check names the place.
pub(super) fn changes(
    title: &str,
    path: &'static str,
    change: fn(&mut Json, &mut Dice) -> Option<()>,
) -> Variant<World> {
    alters(title, path, path, change)
}

/// Changes what lies at `path`, of which the check tells as `told`.
pub(super) fn alters(
    title: &str,
    told: &'static str,
    path: &'static str,
    change: fn(&mut Json, &mut Dice) -> Option<()>,
) -> Variant<World> {
    Variant::new(title, move |world: &mut World, dice| {
        let (index, at) = world.any(dice)?;
        let document = world.indices.get_mut(&index)?.get_mut(at)?;
        let before = document.source.clone();
        change(document.source.at(path)?, dice)?;
        let name = label(&document.id, document.routing.as_deref());
        // A change that changes nothing would prove nothing.
        (before != document.source || format!("{before:?}") != format!("{:?}", document.source)).then(|| {
            Planted::new(checks::ES_DOCUMENTS, Kind::Changed, index).named(name).named(told).count(1)
        })
    })
}

fn set(value: &mut Json, new: Json) -> Option<()> {
    *value = new;
    Some(())
}

/// Changes a whole number.
fn integer(value: &mut Json, change: impl Fn(i128) -> Json) -> Option<()> {
    let Json::Integer(number) = value else { return None };
    *value = change(*number);
    Some(())
}

/// Changes a number with a fraction.
fn double(value: &mut Json, change: impl Fn(f64) -> Json) -> Option<()> {
    let Json::Double(number) = value else { return None };
    *value = change(*number);
    Some(())
}

fn rename(object: &mut Json, from: &str, to: &str) -> Option<()> {
    object.members()?.iter_mut().find(|(key, _)| key == from)?.0 = to.to_owned();
    Some(())
}

/// There, absent, null, empty: four things that are easily taken for one.
fn presence() -> Vec<Variant<World>> {
    vec![
        alters("field dropped", "state", "", |d, _| d.take("", "state").map(drop)),
        alters("null dropped", "endDate", "", |d, _| d.take("", "endDate").map(drop)),
        alters("nested null dropped", "value.nested.note", "value.nested", |d, _| {
            d.take("", "note").map(drop)
        }),
        alters("null where nothing was", "added", "", |d, _| {
            d.members()?.push(("added".to_owned(), Json::Null));
            Some(())
        }),
        changes("value become null", "state", |v, _| set(v, Json::Null)),
        changes("null become an empty text", "endDate", |v, _| set(v, text(""))),
        changes("null become the word null", "endDate", |v, _| set(v, text("null"))),
        changes("null become a list with null", "endDate", |v, _| set(v, Json::Array(vec![Json::Null]))),
        changes("empty text become null", "empty", |v, _| set(v, Json::Null)),
        alters("empty text dropped", "empty", "", |d, _| d.take("", "empty").map(drop)),
        changes("empty text become a blank", "empty", |v, _| set(v, text(" "))),
        changes("empty list become null", "emptyList", |v, _| set(v, Json::Null)),
        alters("empty list dropped", "emptyList", "", |d, _| d.take("", "emptyList").map(drop)),
        changes("empty object become null", "emptyObject", |v, _| set(v, Json::Null)),
        alters("empty object dropped", "emptyObject", "", |d, _| d.take("", "emptyObject").map(drop)),
        changes("empty object become an empty list", "emptyObject", |v, _| set(v, Json::Array(Vec::new()))),
        alters("field added", "ingestedAt", "", |d, _| {
            d.members()?.push(("ingestedAt".to_owned(), text("2026-11-21")));
            Some(())
        }),
        alters("content replaced by nothing", "state", "", |d, _| set(d, Json::Object(Vec::new())))
            .without_field(),
        alters("content wrapped once more", "_source", "", |d, _| {
            let inner = d.clone();
            set(d, object([("_source", inner)]))
        })
        .without_field(),
        alters("every null stripped", "endDate", "", |d, _| {
            d.members()?.retain(|(_, value)| *value != Json::Null);
            Some(())
        }),
        alters("fields not in the mapping dropped", "processName", "", |d, _| {
            d.members()?.retain(|(key, _)| !["processName", "customer", "message"].contains(&key.as_str()));
            Some(())
        }),
    ]
}

/// What lies where.
fn structure() -> Vec<Variant<World>> {
    vec![
        alters("key renamed", "bpmnProcessId", "", |d, _| rename(d, "bpmnProcessId", "processId")),
        alters("key in another case", "bpmnProcessId", "", |d, _| {
            rename(d, "bpmnProcessId", "bpmnprocessid")
        }),
        alters("key with a trailing blank", "state", "", |d, _| rename(d, "state", "state ")),
        alters("nested key renamed", "value.elementId", "value", |d, _| rename(d, "elementId", "elementID")),
        alters("nested field moved up", "value.elementId", "", |d, _| {
            let moved = d.take("value", "elementId")?;
            d.members()?.push(("elementId".to_owned(), moved));
            Some(())
        }),
        alters("nested object written with dots", "value.nested", "", |d, _| {
            let moved = d.take("value.nested", "deep")?;
            d.take("value", "nested")?;
            d.at("value")?.members()?.push(("nested.deep".to_owned(), moved));
            Some(())
        }),
        alters("nested object dropped", "value.nested", "value", |d, _| d.take("", "nested").map(drop)),
        changes("nested object emptied", "value.nested", |v, _| set(v, Json::Object(Vec::new()))),
        changes("deep value changed", "value.nested.deep", |v, _| integer(v, |n| Json::Integer(n + 1))),
        changes("object become a list of one", "value.nested", |v, _| {
            let inner = v.clone();
            set(v, Json::Array(vec![inner]))
        }),
        changes("object become its text", "value.nested", |v, _| set(v, text("{deep=1, note=null}"))),
        changes("value become a list of one", "state", |v, _| {
            let inner = v.clone();
            set(v, Json::Array(vec![inner]))
        }),
        changes("list of one become its value", "single", |v, _| {
            let Json::Array(items) = v else { return None };
            let only = items.pop()?;
            set(v, only)
        }),
        changes("list in another order", "tags", |v, _| list(v, |items, _| items.swap(0, 1))),
        changes("list turned round", "tags", |v, _| list(v, |items, _| items.reverse())),
        changes("list sorted the other way", "variables", |v, _| list(v, |items, _| items.rotate_left(1))),
        alters("list element twice", "tags[3]", "tags", |v, _| {
            list(v, |items, at| items.push(items[at].clone()))
        }),
        changes("first list element lost", "tags", |v, _| list(v, |items, _| drop(items.remove(0)))),
        changes("last list element lost", "tags", |v, _| list(v, |items, _| drop(items.pop()))),
        changes("list element changed", "tags[1]", |v, _| set(v, text("delta"))),
        changes("list element become null", "tags[2]", |v, _| set(v, Json::Null)),
        changes("list emptied", "tags", |v, _| list(v, |items, _| items.clear())),
        changes("list element added", "tags", |v, _| list(v, |items, _| items.push(text("omega")))),
        changes("list become one text", "tags", |v, _| set(v, text("alpha,beta,gamma"))),
        changes("lists of a list made flat", "matrix", |v, _| {
            set(v, Json::Array([1, 2, 3].map(Json::Integer).into()))
        }),
        changes("border between two lists moved", "matrix", |v, _| {
            let two = |items: &[i128]| Json::Array(items.iter().map(|n| Json::Integer(*n)).collect());
            set(v, Json::Array(vec![two(&[1]), two(&[2, 3])]))
        }),
        changes("value of one variable changed", "variables[1].value", |v, _| set(v, text("\"other\""))),
        changes("names of two variables swapped", "variables", |v, _| {
            list(v, |items, _| {
                let (left, right) = items.split_at_mut(1);
                if let (Some(a), Some(b)) = (left[0].at("name"), right[0].at("name")) {
                    std::mem::swap(a, b);
                }
            })
        }),
        changes("variable lost", "variables", |v, _| list(v, |items, at| drop(items.remove(at)))),
        changes("key that comes twice kept once", "pair", |v, _| {
            v.members()?.remove(0);
            Some(())
        }),
        changes("values of a key that comes twice swapped", "pair", |v, _| {
            v.members()?.reverse();
            Some(())
        }),
        alters("values of two fields swapped", "partitionId", "", |d, _| {
            let (a, b) = (d.at("partitionId")?.clone(), d.at("balance")?.clone());
            *d.at("partitionId")? = b;
            *d.at("balance")? = a;
            Some(())
        }),
    ]
}

fn list(value: &mut Json, change: impl Fn(&mut Vec<Json>, usize)) -> Option<()> {
    let Json::Array(items) = value else { return None };
    change(items, 1);
    Some(())
}

fn numbers() -> Vec<Variant<World>> {
    vec![
        changes("last digit of a long changed", "position", |v, _| {
            integer(v, |n| Json::Integer(if n % 10 == 9 { n - 1 } else { n + 1 }))
        }),
        changes("any digit of a long changed", "position", |v, dice| {
            let place = 10_i128.pow(u32::try_from(dice.below(12)).ok()?);
            integer(v, |n| Json::Integer(if n / place % 10 == 9 { n - place } else { n + place }))
        }),
        changes("long through a double", "position", |v, _| {
            integer(v, |n| Json::Integer(if n % 2 == 0 { n - 1 } else { n as f64 as i128 }))
        }),
        changes("long through a float", "position", |v, _| integer(v, |n| Json::Integer(n as f32 as i128))),
        changes("long cut to 32 bits", "position", |v, _| integer(v, |n| Json::Integer(n & 0xFFFF_FFFF))),
        changes("long become negative", "key", |v, _| integer(v, |n| Json::Integer(-n))),
        changes("sign lost", "balance", |v, _| integer(v, |n| Json::Integer(-n))),
        changes("digit dropped from a long", "key", |v, _| integer(v, |n| Json::Integer(n / 10))),
        changes("unsigned long held at the signed limit", "unsigned", |v, _| {
            set(v, Json::Integer(i64::MAX.into()))
        }),
        changes("unsigned long wrapped to a negative", "unsigned", |v, _| {
            integer(v, |n| Json::Integer(n - (1 << 64)))
        }),
        changes("last digit of a number beyond 64 bits", "huge", |v, _| integer(v, |n| Json::Integer(n + 1))),
        changes("number beyond 64 bits as a double", "huge", |v, _| integer(v, |n| Json::Double(n as f64))),
        changes("whole number written with a fraction", "retries", |v, _| {
            integer(v, |n| Json::Double(n as f64))
        }),
        changes("fraction of zero dropped", "rate", |v, _| double(v, |n| Json::Integer(n as i128))),
        changes("number become its text", "retries", |v, _| integer(v, |n| text(n.to_string()))),
        changes("key become its text", "key", |v, _| integer(v, |n| text(n.to_string()))),
        changes("text become its number", "version", |v, _| {
            let Json::Text(digits) = v else { return None };
            let number = digits.parse().ok()?;
            set(v, Json::Integer(number))
        }),
        changes("number with a leading zero in a text", "version", |v, _| {
            let Json::Text(digits) = v else { return None };
            let padded = format!("0{digits}");
            set(v, text(padded))
        }),
        changes("truth turned", "incident", |v, _| {
            let Json::Bool(truth) = v else { return None };
            *truth = !*truth;
            Some(())
        }),
        changes("truth become its text", "incident", |v, _| {
            let Json::Bool(truth) = v else { return None };
            let word = truth.to_string();
            set(v, text(word))
        }),
        changes("truth become a number", "incident", |v, _| {
            let Json::Bool(truth) = v else { return None };
            let number = i128::from(*truth);
            set(v, Json::Integer(number))
        }),
        changes("truth become null", "incident", |v, _| set(v, Json::Null)),
        changes("last bit of a double", "duration", |v, _| {
            double(v, |n| Json::Double(f64::from_bits(n.to_bits() ^ 1)))
        }),
        changes("double through a float", "duration", |v, _| {
            double(v, |n| Json::Double(f64::from(n as f32)))
        }),
        changes("double rounded to two places", "duration", |v, _| {
            double(v, |n| Json::Double((n * 100.0).round() / 100.0))
        }),
        changes("double become its text", "duration", |v, _| double(v, |n| text(n.to_string()))),
        changes("exponent lost", "tiny", |v, _| set(v, Json::Double(1.5))),
        changes("small number become zero", "tiny", |v, _| set(v, Json::Double(0.0))),
        changes("negative zero become zero", "offset", |v, _| set(v, Json::Double(0.0))),
        changes("number off by one", "retries", |v, _| integer(v, |n| Json::Integer(n - 1))),
    ]
}

impl Variant<World> {
    /// The same variant where the check tells of the document as a whole.
    fn without_field(self) -> Self {
        let plant = self.plant;
        Variant::new(self.name, move |world: &mut World, dice| {
            let mut planted = plant(world, dice)?;
            planted.named.truncate(1);
            Some(planted)
        })
    }
}

/// All of them.
pub(super) fn variants() -> Vec<Variant<World>> {
    [presence(), structure(), numbers()].into_iter().flatten().collect()
}
