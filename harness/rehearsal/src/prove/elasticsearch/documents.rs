//! Corruptions of documents: each is planted in the first document that has a place for it.

use super::hands::{Hands, Victim};
use super::{InPlace, Key, Undo};
use drydock_core::Kind;
use drydock_core::names::checks::ES_DOCUMENTS;
use drydock_prove::documents::label;
use drydock_prove::{Dice, Planted};
use serde_json::{Map, Value, json};

/// One corruption.
pub(super) struct Corruption {
    pub(super) name: &'static str,
    harm: Harm,
}

type Content = Map<String, Value>;

/// What is harmed.
enum Harm {
    /// One value of a field of these types; `None` if the value does not fit.
    Value(&'static [&'static str], fn(&Value) -> Option<Value>),
    /// One field of the content, whose name is handed back.
    Content(fn(&mut Content) -> Option<String>),
    /// The document as a whole.
    Whole(Whole),
}

#[derive(Clone, Copy)]
enum Whole {
    Lost,
    SeveralLost,
    Ghost,
    OverAnother,
    Rerouted,
    RoutingDropped,
    Moved,
}

const fn value(
    name: &'static str,
    types: &'static [&'static str],
    change: fn(&Value) -> Option<Value>,
) -> Corruption {
    Corruption { name, harm: Harm::Value(types, change) }
}

const fn whole(name: &'static str, what: Whole) -> Corruption {
    Corruption { name, harm: Harm::Whole(what) }
}

/// All of them.
pub(super) const CORRUPTIONS: &[Corruption] = &[
    whole("document lost", Whole::Lost),
    whole("three documents lost", Whole::SeveralLost),
    whole("document again under another id", Whole::Ghost),
    whole("one document's content over another's", Whole::OverAnother),
    whole("document under another routing", Whole::Rerouted),
    whole("routing dropped", Whole::RoutingDropped),
    whole("document in another index", Whole::Moved),
    Corruption {
        name: "field dropped",
        harm: Harm::Content(|content| {
            let name = content.iter().find(|(_, v)| !v.is_null())?.0.clone();
            content.remove(&name)?;
            Some(name)
        }),
    },
    Corruption {
        name: "null dropped",
        harm: Harm::Content(|content| {
            let name = content.iter().find(|(_, v)| v.is_null())?.0.clone();
            content.remove(&name)?;
            Some(name)
        }),
    },
    value("value become null", &["keyword"], |v| v.is_string().then_some(Value::Null)),
    value("null become an empty text", &["keyword"], |v| v.is_null().then(|| json!(""))),
    value("trailing blank added", &["keyword"], |v| Some(json!(format!("{} ", v.as_str()?)))),
    value("letters in another case", &["keyword"], |v| {
        let text = v.as_str()?;
        let other = text.to_uppercase();
        (other != text).then(|| json!(other))
    }),
    value("last character lost", &["keyword", "text"], |v| {
        let text = v.as_str().filter(|text| text.chars().count() > 1)?;
        Some(json!(text.chars().take(text.chars().count() - 1).collect::<String>()))
    }),
    value("text become a list of one", &["keyword"], |v| v.is_string().then(|| json!([v]))),
    value("last digit of a long", &["long"], |v| {
        let number = v.as_i64()?;
        Some(json!(if number % 10 == 9 { number - 1 } else { number + 1 }))
    }),
    value("long through a double", &["long"], |v| {
        let number = v.as_i64()?;
        let through = number as f64 as i64;
        (through != number).then(|| json!(through))
    }),
    value("long become its text", &["long", "integer"], |v| Some(json!(v.as_i64()?.to_string()))),
    value("whole number written with a fraction", &["long", "integer"], |v| {
        let number = i32::try_from(v.as_i64()?).ok()?;
        Some(json!(f64::from(number)))
    }),
    value("truth turned", &["boolean"], |v| Some(json!(!v.as_bool()?))),
    value("truth become its text", &["boolean"], |v| Some(json!(v.as_bool()?.to_string()))),
    value("milliseconds off by one", &["date"], |v| Some(json!(v.as_i64()? + 1))),
    value("list in another order", &["keyword"], |v| {
        let mut items = v.as_array()?.clone();
        (items.len() > 1 && items[0] != items[1]).then(|| {
            items.swap(0, 1);
            Value::Array(items)
        })
    }),
];

/// Plants one corruption in the first index and document that have a place for it.
pub(super) async fn plant(
    hands: &Hands,
    corruption: &Corruption,
    dice: &mut Dice,
) -> Result<InPlace, String> {
    let mut indices = hands.indices.clone();
    dice.shuffle(&mut indices);
    let mut refused = "no document has a place for it".to_owned();
    for index in &indices {
        let mut victims = hands.documents(index).await?;
        dice.shuffle(&mut victims);
        let done = match &corruption.harm {
            Harm::Whole(what) => harm_whole(hands, *what, index, &victims).await,
            Harm::Value(types, change) => {
                let definition = hands.definition(index).await?;
                let properties = &definition["mappings"]["properties"];
                harm_content(hands, index, &victims, |content| {
                    let names: Vec<String> = content.keys().cloned().collect();
                    names.into_iter().find_map(|name| {
                        let kind = properties[name.as_str()]["type"].as_str()?;
                        let now = content.get(&name).filter(|_| types.contains(&kind))?;
                        let other = change(now)?;
                        content.insert(name.clone(), other);
                        Some(name)
                    })
                })
                .await
            }
            Harm::Content(change) => harm_content(hands, index, &victims, change).await,
        };
        match done {
            Ok(Some(placed)) => return Ok(placed),
            Ok(None) => {}
            // A strict mapping or a block: another index may be kinder.
            Err(reason) => refused = reason,
        }
    }
    Err(refused)
}

fn named(key: &Key) -> String {
    label(&key.id, key.routing.as_deref())
}

async fn harm_content(
    hands: &Hands,
    index: &str,
    victims: &[Victim],
    change: impl Fn(&mut Content) -> Option<String>,
) -> Result<Option<InPlace>, String> {
    for victim in victims {
        let mut content = victim.source.clone();
        let Some(field) = change(&mut content) else { continue };
        hands.write(index, &victim.key, &Value::Object(content).to_string()).await?;
        return Ok(Some(InPlace {
            planted: Planted::new(ES_DOCUMENTS, Kind::Changed, index)
                .named(named(&victim.key))
                .named(field)
                .count(1),
            scope: vec![index.to_owned()],
            undo: vec![Undo::Document(index.to_owned(), victim.key.clone())],
        }));
    }
    Ok(None)
}

async fn harm_whole(
    hands: &Hands,
    what: Whole,
    index: &str,
    victims: &[Victim],
) -> Result<Option<InPlace>, String> {
    let [first, second, third, ..] = victims else { return Ok(None) };
    let restored = |key: &Key| Undo::Document(index.to_owned(), key.clone());
    let removed = |index: &str, key: &Key| {
        let routing = key.routing.as_ref().map(|r| format!("&routing={r}")).unwrap_or_default();
        let path = format!("/{index}/_doc/{}?refresh=true{routing}", key.id);
        Undo::Requests(vec![super::Request::Delete(path)])
    };
    let planted = |kind, key: &Key| Planted::new(ES_DOCUMENTS, kind, index).named(named(key));
    let mut scope = vec![index.to_owned()];
    let (planted, undo) = match what {
        Whole::Lost => {
            hands.remove(index, &first.key).await?;
            (planted(Kind::Missing, &first.key).count(1), vec![restored(&first.key)])
        }
        Whole::SeveralLost => {
            let keys = [&first.key, &second.key, &third.key];
            for key in keys {
                hands.remove(index, key).await?;
            }
            let all = planted(Kind::Missing, &first.key).named(named(&second.key)).named(named(&third.key));
            (all.count(3), keys.into_iter().map(restored).collect())
        }
        Whole::Ghost => {
            let ghost = Key { id: format!("{}-ghost", first.key.id), ..first.key.clone() };
            hands.write(index, &ghost, &first.text).await?;
            (planted(Kind::Extra, &ghost).count(1), vec![removed(index, &ghost)])
        }
        Whole::OverAnother => {
            if first.source == second.source {
                return Ok(None);
            }
            hands.write(index, &first.key, &second.text).await?;
            (planted(Kind::Changed, &first.key).count(1), vec![restored(&first.key)])
        }
        Whole::Rerouted | Whole::RoutingDropped => {
            // Where children belong to parents, a document without routing is refused: another index is tried then.
            let Some(victim) = victims.iter().find(|v| v.key.routing.is_some()) else { return Ok(None) };
            let routing = matches!(what, Whole::Rerouted).then(|| "drydock".to_owned());
            let other = Key { id: victim.key.id.clone(), routing };
            hands.remove(index, &victim.key).await?;
            if let Err(reason) = hands.write(index, &other, &victim.text).await {
                hands.undo(vec![restored(&victim.key)]).await?;
                return Err(reason);
            }
            let undo = vec![removed(index, &other), restored(&victim.key)];
            (planted(Kind::Rerouted, &victim.key).count(1), undo)
        }
        Whole::Moved => {
            // The archiver's index of a live one begins with its name and ends in a day.
            let archive = hands.indices.iter().find(|other| *other != index && other.starts_with(index));
            let Some(archive) = archive else { return Ok(None) };
            scope = vec![index.to_owned()];
            hands.write(archive, &first.key, &first.text).await?;
            hands.remove(index, &first.key).await?;
            let undo = vec![removed(archive, &first.key), restored(&first.key)];
            (planted(Kind::Moved, &first.key).also(archive).count(1), undo)
        }
    };
    Ok(Some(InPlace { planted, scope, undo }))
}
