//! Corruptions of texts and of times within one document, and of many documents at once.

use super::fields::changes;
use super::world::{DATED, RECORDS, World};
use crate::family::Variant;
use crate::json::{Json, text};
use crate::planted::Planted;
use drydock_core::Kind;
use drydock_core::names::checks;

/// Changes the text at `path`.
fn writes(title: &str, path: &'static str, change: fn(&str) -> String) -> Variant<World> {
    Variant::new(title, move |world: &mut World, dice| {
        let (index, at) = world.any(dice)?;
        let document = world.indices.get_mut(&index)?.get_mut(at)?;
        let name = super::label(&document.id, document.routing.as_deref());
        let Json::Text(value) = document.source.at(path)? else { return None };
        let other = change(value);
        (other != *value).then(|| {
            *value = other;
            Planted::new(checks::ES_DOCUMENTS, Kind::Changed, index).named(name).named(path).count(1)
        })
    })
}

fn cut(value: &str, characters: usize) -> String {
    value.chars().take(characters).collect()
}

fn characters() -> Vec<Variant<World>> {
    vec![
        writes("text in lower case", "state", str::to_lowercase),
        writes("one letter in another case", "bpmnProcessId", |t| t.replacen('o', "O", 1)),
        writes("trailing blank added", "state", |t| format!("{t} ")),
        writes("leading blank added", "state", |t| format!(" {t}")),
        writes("trailing blank cut off", "customer", |t| t.trim_end().to_owned()),
        writes("accents composed", "customer", |t| t.replace("e\u{308}", "\u{eb}")),
        writes("accents decomposed", "processName", |t| {
            t.replace('\u{fc}', "u\u{308}").replace('\u{f6}', "o\u{308}")
        }),
        writes("accents lost", "processName", |t| t.replace('\u{fc}', "u").replace('\u{f6}', "o")),
        writes("letters outside ASCII become question marks", "processName", |t| {
            t.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
        }),
        writes("UTF-8 read as Latin-1", "processName", |t| t.bytes().map(char::from).collect()),
        writes("character become its replacement", "customer", |t| t.replace('\u{1F600}', "\u{FFFD}")),
        writes("character outside of the first plane lost", "customer", |t| t.replace('\u{1F600}', "")),
        writes("no-break space become a blank", "customer", |t| t.replace('\u{a0}', " ")),
        writes("invisible character added", "state", |t| format!("{t}\u{200b}")),
        writes("byte order mark added", "state", |t| format!("\u{feff}{t}")),
        writes("letter that looks the same", "state", |t| t.replacen('C', "\u{421}", 1)),
        writes("null character lost", "control", |t| t.replace('\u{0}', "")),
        writes("text ends at its null character", "control", |t| {
            t.split('\u{0}').next().unwrap_or_default().to_owned()
        }),
        writes("line ends changed", "message", |t| t.replace("\r\n", "\n")),
        writes("tab become a blank", "message", |t| t.replace('\t', " ")),
        writes("quotes escaped once more", "message", |t| t.replace('"', "\\\"")),
        writes("backslash doubled", "message", |t| t.replace('\\', "\\\\")),
        writes("backslash lost", "message", |t| t.replace('\\', "")),
        writes("mark-up escaped", "message", |t| t.replace('<', "&lt;")),
        writes("mark-up unescaped", "message", |t| t.replace("&amp;", "&")),
        writes("text cut at 255 characters", "message", |t| cut(t, 255)),
        writes("last character lost", "message", |t| cut(t, t.chars().count() - 1)),
        writes("text doubled", "bpmnProcessId", |t| format!("{t}{t}")),
        writes("base64 cut", "value.payload", |t| cut(t, 60)),
        writes("base64 without its padding", "value.payload", |t| t.trim_end_matches('=').to_owned()),
        writes("one character of base64 changed", "value.payload", |t| t.replacen('w', "g", 1)),
        writes("quotes of a variable's value lost", "variables[0].value", |t| t.replace('"', "")),
        writes("path with another separator", "treePath", |t| t.replace('/', "\\")),
        writes("key in a path cut", "treePath", |t| t.replacen("PI_9", "PI_", 1)),
        writes("text become empty", "treePath", |_| String::new()),
    ]
}

fn times() -> Vec<Variant<World>> {
    vec![
        writes("zone written as Z", "startDate", |t| t.replace("+0000", "Z")),
        writes("zone shifted by an hour", "startDate", |t| t.replace("T10", "T11")),
        writes("hour shifted and zone with it", "startDate", |t| {
            t.replace("T10", "T11").replace("+0000", "+0100")
        }),
        writes("milliseconds dropped", "startDate", |t| cut(t, 19) + "+0000"),
        writes("milliseconds become microseconds", "startDate", |t| t.replace('+', "000+")),
        writes("blank instead of T", "startDate", |t| t.replace('T', " ")),
        writes("day and month swapped", "startDate", |t| {
            format!("{}-{}-{}{}", cut(t, 4), &t[8..10], &t[5..7], &t[10..])
        }),
        writes("date in another month", "startDate", |t| t.replacen("-11-", "-12-", 1)),
        changes("date become milliseconds", "startDate", |v, _| {
            *v = Json::Integer(1_763_632_272_123);
            Some(())
        }),
        changes("milliseconds become seconds", "timestamp", |v, _| {
            let Json::Integer(n) = v else { return None };
            *n /= 1000;
            Some(())
        }),
        changes("milliseconds become a text", "timestamp", |v, _| {
            let Json::Integer(n) = v else { return None };
            *v = text(n.to_string());
            Some(())
        }),
        changes("milliseconds become a double", "timestamp", |v, _| {
            let Json::Integer(n) = v else { return None };
            *v = Json::Double(*n as f64);
            Some(())
        }),
        changes("time shifted by an hour", "timestamp", |v, _| {
            let Json::Integer(n) = v else { return None };
            *n += 3_600_000;
            Some(())
        }),
    ]
}

fn many() -> Vec<Variant<World>> {
    vec![
        Variant::new("stale copies: older contents of three documents", |world: &mut World, dice| {
            let documents = world.indices.get_mut(RECORDS)?;
            dice.shuffle(documents);
            let mut planted = Planted::new(checks::ES_DOCUMENTS, Kind::Changed, RECORDS).count(3);
            for document in documents.iter_mut().take(3) {
                *document.source.at("state")? = text("CREATED");
                document.source.take("", "endDate")?;
                planted = planted.named(super::label(&document.id, None));
            }
            Some(planted.named("state"))
        }),
        Variant::new("a later write to one document", |world: &mut World, dice| {
            let documents = world.indices.get_mut(RECORDS)?;
            let at = dice.below(documents.len());
            let document = documents.get_mut(at)?;
            *document.source.at("endDate")? = text("2026-11-21T00:00:00.000+0000");
            *document.source.at("state")? = text("TERMINATED");
            let name = super::label(&document.id, None);
            Some(
                Planted::new(checks::ES_DOCUMENTS, Kind::Changed, RECORDS)
                    .named(name)
                    .named("endDate")
                    .count(1),
            )
        }),
        Variant::new("every document re-indexed through a script", |world: &mut World, _| {
            let documents = world.indices.get_mut(DATED)?;
            let count = documents.len() as u64;
            for document in documents.iter_mut() {
                let Json::Integer(n) = document.source.at("position")? else { return None };
                *n = (*n as f64 as i128) + 2;
            }
            Some(Planted::new(checks::ES_DOCUMENTS, Kind::Changed, DATED).named("position").count(count))
        }),
        Variant::new("one change in each of two indices", |world: &mut World, _| {
            for index in [DATED, RECORDS] {
                *world.indices.get_mut(index)?.first_mut()?.source.at("retries")? = Json::Integer(7);
            }
            Some(
                Planted::new(checks::ES_DOCUMENTS, Kind::Changed, DATED)
                    .named("retries")
                    .also(RECORDS)
                    .count(1),
            )
        }),
    ]
}

/// All of them.
pub(super) fn variants() -> Vec<Variant<World>> {
    [characters(), times(), many()].into_iter().flatten().collect()
}
