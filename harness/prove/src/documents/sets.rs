//! Corruptions of whole documents: gone, too many, in the wrong place, under the wrong name.

use super::label;
use super::world::{DATED, Document, RECORDS, ROUTED, World};
use crate::dice::Dice;
use crate::family::Variant;
use crate::json::{Json, object, text};
use crate::planted::Planted;
use drydock_core::Kind;
use drydock_core::names::checks;

const CHECK: &str = checks::ES_DOCUMENTS;

fn name(document: &Document) -> String {
    label(&document.id, document.routing.as_deref())
}

/// Takes documents away from one index, as a choice of positions says.
fn loses(title: &str, choose: fn(usize, &mut Dice) -> Vec<usize>) -> Variant<World> {
    Variant::new(title, move |world: &mut World, dice| {
        let index = *dice.pick(&[DATED, RECORDS])?;
        let documents = world.indices.get_mut(index)?;
        documents.sort_by(|a, b| a.id.cmp(&b.id));
        let mut gone = choose(documents.len(), dice);
        gone.sort_unstable();
        let mut planted = Planted::new(CHECK, Kind::Missing, index).count(gone.len() as u64);
        for at in gone.into_iter().rev() {
            planted = planted.named(name(&documents.remove(at)));
        }
        Some(planted)
    })
}

/// Puts one more document into an index, made from one that is there.
fn gains(title: &str, change: fn(&mut Document, &mut Dice)) -> Variant<World> {
    Variant::new(title, move |world: &mut World, dice| {
        let (index, at) = world.any(dice)?;
        let documents = world.indices.get_mut(&index)?;
        let mut more = documents.get(at)?.clone();
        change(&mut more, dice);
        let planted = Planted::new(CHECK, Kind::Extra, index).named(name(&more)).count(1);
        documents.push(more);
        Some(planted)
    })
}

/// Gives one document another routing value.
fn reroutes(title: &str, change: fn(&mut Document, &mut Dice)) -> Variant<World> {
    Variant::new(title, move |world: &mut World, dice| {
        let index = *dice.pick(&[DATED])?;
        let documents = world.indices.get_mut(index)?;
        let at = dice.below(documents.len());
        let document = documents.get_mut(at)?;
        let before = name(document);
        change(document, dice);
        Some(Planted::new(CHECK, Kind::Rerouted, index).named(before).count(1))
    })
}

/// Gives one document another id: it is missing under the one and too much under the other.
fn renames(title: &str, change: fn(&str) -> String) -> Variant<World> {
    Variant::new(title, move |world: &mut World, dice| {
        let (index, at) = world.any(dice)?;
        let document = world.indices.get_mut(&index)?.get_mut(at)?;
        let planted = Planted::new(CHECK, Kind::Missing, index).named(name(document)).count(1);
        document.id = change(&document.id);
        Some(planted)
    })
}

/// Moves so many documents from the live index to the archiver's.
fn moves(title: &str, most: usize) -> Variant<World> {
    Variant::new(title, move |world: &mut World, dice| {
        let from = world.indices.get_mut(RECORDS)?;
        dice.shuffle(from);
        let moved: Vec<Document> = from.drain(..most.min(from.len())).collect();
        let mut planted = Planted::new(CHECK, Kind::Moved, RECORDS).also(DATED).count(moved.len() as u64);
        for document in &moved {
            planted = planted.named(name(document));
        }
        world.indices.get_mut(DATED)?.extend(moved);
        Some(planted)
    })
}

fn losses() -> Vec<Variant<World>> {
    vec![
        loses("first document lost", |_, _| vec![0]),
        loses("last document lost", |n, _| vec![n - 1]),
        loses("document in the middle lost", |n, _| vec![n / 2]),
        loses("any document lost", |n, dice| vec![dice.below(n)]),
        loses("two documents lost", |n, dice| {
            let (a, b) = dice.two_below(n);
            vec![a, b]
        }),
        loses("every second document lost", |n, _| (0..n).step_by(2).collect()),
        loses("copy stopped half-way", |n, _| (n / 2..n).collect()),
        loses("all but one document lost", |n, _| (1..n).collect()),
        loses("index emptied", |n, _| (0..n).collect()),
        Variant::new("index lost", |world: &mut World, dice| {
            let index = *dice.pick(&[ROUTED, DATED, RECORDS])?;
            world.indices.remove(index)?;
            Some(Planted::new(checks::ES_INDICES, Kind::Missing, index).count(1))
        }),
        Variant::new("index too much", |world: &mut World, _| {
            let copy = world.indices.get(RECORDS)?.clone();
            world.indices.insert("zeebe-record_left-over".to_owned(), copy);
            Some(Planted::new(checks::ES_INDICES, Kind::Extra, "zeebe-record_left-over").count(1))
        }),
        Variant::new("empty index too much", |world: &mut World, _| {
            world.indices.insert("operate-new".to_owned(), Vec::new());
            Some(Planted::new(checks::ES_INDICES, Kind::Extra, "operate-new").count(1))
        }),
        Variant::new("index under another name", |world: &mut World, _| {
            let documents = world.indices.remove(RECORDS)?;
            world.indices.insert("zeebe-record-renamed".to_owned(), documents);
            Some(Planted::new(checks::ES_INDICES, Kind::Missing, RECORDS).also("zeebe-record-renamed"))
        }),
        Variant::new("one of two documents with one id lost", |world: &mut World, _| {
            let documents = world.indices.get_mut(ROUTED)?;
            let at = documents.iter().position(|d| d.routing.as_deref() == Some("second"))?;
            let gone = documents.remove(at);
            Some(Planted::new(CHECK, Kind::Missing, ROUTED).named(name(&gone)).count(1))
        }),
    ]
}

fn gains_and_places() -> Vec<Variant<World>> {
    vec![
        gains("document too much", |d, dice| {
            d.id = format!("ghost-{}", dice.hex(6));
            d.source = object([("id", text("ghost"))]);
        }),
        gains("document again under another id", |d, _| d.id.push_str("-copy")),
        gains("document again under another routing", |d, _| d.routing = Some("elsewhere".to_owned())),
        gains("document again without routing or with one", |d, _| {
            d.routing = if d.routing.is_some() { None } else { Some("0".to_owned()) };
        }),
        gains("document twice, byte for byte", |_, _| {}),
        gains("empty document too much", |d, _| {
            d.id = "empty".to_owned();
            d.source = Json::Object(Vec::new());
        }),
        Variant::new("document three times", |world: &mut World, dice| {
            let (index, at) = world.any(dice)?;
            let documents = world.indices.get_mut(&index)?;
            let more = documents.get(at)?.clone();
            let planted = Planted::new(CHECK, Kind::Extra, index).named(name(&more)).count(2);
            documents.extend([more.clone(), more]);
            Some(planted)
        }),
        Variant::new("one document lost and another one twice", |world: &mut World, dice| {
            let documents = world.indices.get_mut(RECORDS)?;
            let (a, b) = dice.two_below(documents.len());
            let gone = documents[a].clone();
            documents[a] = documents[b].clone();
            Some(Planted::new(CHECK, Kind::Missing, RECORDS).named(name(&gone)).count(1))
        }),
        moves("document moved to the archiver's index", 1),
        moves("three documents moved to the archiver's index", 3),
        Variant::new("document moved and changed", |world: &mut World, dice| {
            let from = world.indices.get_mut(RECORDS)?;
            let at = dice.below(from.len());
            let mut moved = from.remove(at);
            let planted =
                Planted::new(CHECK, Kind::Missing, RECORDS).named(name(&moved)).also(DATED).count(1);
            *moved.source.at("state")? = text("MOVED");
            world.indices.get_mut(DATED)?.push(moved);
            Some(planted)
        }),
        Variant::new("document copied to another index as well", |world: &mut World, dice| {
            let from = world.indices.get(RECORDS)?;
            let copy = dice.pick(from)?.clone();
            let planted = Planted::new(CHECK, Kind::Extra, DATED).named(name(&copy)).count(1);
            world.indices.get_mut(DATED)?.push(copy);
            Some(planted)
        }),
        Variant::new("documents of two indices swapped", |world: &mut World, dice| {
            let (mut a, mut b) = (world.indices.remove(DATED)?, world.indices.remove(RECORDS)?);
            let (i, j) = (dice.below(a.len()), dice.below(b.len()));
            let planted =
                Planted::new(CHECK, Kind::Moved, DATED).named(name(a.get(i)?)).also(RECORDS).count(1);
            std::mem::swap(a.get_mut(i)?, b.get_mut(j)?);
            world.indices.insert(DATED.to_owned(), a);
            world.indices.insert(RECORDS.to_owned(), b);
            Some(planted)
        }),
    ]
}

fn names_and_routes() -> Vec<Variant<World>> {
    vec![
        reroutes("routing dropped", |d, _| d.routing = None),
        reroutes("routing changed", |d, _| d.routing = Some("77".to_owned())),
        reroutes("routing emptied", |d, _| d.routing = Some(String::new())),
        reroutes("routing with a blank", |d, _| d.routing = d.routing.as_ref().map(|r| format!("{r} "))),
        reroutes("routing set to the id", |d, _| d.routing = Some(d.id.clone())),
        reroutes("routing and content changed", |d, _| {
            d.routing = Some("78".to_owned());
            if let Some(state) = d.source.at("state") {
                *state = text("REROUTED");
            }
        }),
        Variant::new("routing given to a document without", |world: &mut World, dice| {
            let documents = world.indices.get_mut(RECORDS)?;
            let at = dice.below(documents.len());
            let document = documents.get_mut(at)?;
            let planted = Planted::new(CHECK, Kind::Rerouted, RECORDS).named(name(document)).count(1);
            document.routing = Some("1".to_owned());
            Some(planted)
        }),
        renames("id cut", |id| id[..id.len() - 1].to_owned()),
        renames("id with a trailing blank", |id| format!("{id} ")),
        renames("id with a leading zero", |id| format!("0{id}")),
        renames("id through a double", |id| format!("{:e}", id.parse::<f64>().unwrap_or_default())),
        renames("id with its sign turned", |id| format!("-{id}")),
        Variant::new("ids of two documents swapped", |world: &mut World, dice| {
            let documents = world.indices.get_mut(RECORDS)?;
            let (a, b) = dice.two_below(documents.len());
            let planted = Planted::new(CHECK, Kind::Changed, RECORDS)
                .named(name(&documents[a]))
                .named(name(&documents[b]))
                .count(2);
            let (left, right) = documents.split_at_mut(b);
            std::mem::swap(&mut left.get_mut(a)?.id, &mut right.first_mut()?.id);
            Some(planted)
        }),
        Variant::new("contents of two documents swapped", |world: &mut World, dice| {
            let documents = world.indices.get_mut(RECORDS)?;
            let (a, b) = dice.two_below(documents.len());
            let (left, right) = documents.split_at_mut(b);
            let (left, right) = (left.get_mut(a)?, right.first_mut()?);
            std::mem::swap(&mut left.source, &mut right.source);
            Some(Planted::new(CHECK, Kind::Changed, RECORDS).named(name(left)).named(name(right)).count(2))
        }),
        Variant::new("keys 2^53+1 and 2^53+2 swapped", |world: &mut World, dice| {
            let documents = world.indices.get_mut(RECORDS)?;
            documents.sort_by(|a, b| a.id.cmp(&b.id));
            // Neighbours: one and the same number for whoever reads doubles.
            let at = dice.below(documents.len() - 1);
            let (left, right) = documents.split_at_mut(at + 1);
            let (left, right) = (left.last_mut()?, right.first_mut()?);
            std::mem::swap(left.source.at("key")?, right.source.at("key")?);
            Some(
                Planted::new(CHECK, Kind::Changed, RECORDS)
                    .named(name(left))
                    .named(name(right))
                    .named("key: ")
                    .count(2),
            )
        }),
        Variant::new("one document's content over another's", |world: &mut World, dice| {
            let documents = world.indices.get_mut(RECORDS)?;
            let (a, b) = dice.two_below(documents.len());
            documents[a].source = documents[b].source.clone();
            Some(Planted::new(CHECK, Kind::Changed, RECORDS).named(name(&documents[a])).count(1))
        }),
        Variant::new("routing values of two documents swapped", |world: &mut World, dice| {
            let documents = world.indices.get_mut(DATED)?;
            let (a, b) = dice.two_below(documents.len());
            documents[a].routing = Some("90".to_owned());
            documents[b].routing = Some("91".to_owned());
            Some(Planted::new(CHECK, Kind::Rerouted, DATED).count(2))
        }),
    ]
}

/// All of them.
pub(super) fn variants() -> Vec<Variant<World>> {
    [losses(), gains_and_places(), names_and_routes()].into_iter().flatten().collect()
}
