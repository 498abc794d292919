//! `drydock explain`: what a check, a fault, a finding or an exit code means.

use crate::cli::Explain;
use drydock_core::ExitCode;
use drydock_core::explain::{Sort, Topic};
use drydock_report::text::{shortened, wrapped};
use serde_json::{Value, json};

/// Columns of the names in the list.
const NAMES: usize = 32;
/// Columns of the headings of one topic.
const HEADINGS: usize = 16;

/// Explains one name, or lists all.
pub(crate) fn run(arguments: &Explain) -> ExitCode {
    let topics = match arguments.name.as_deref().map(Topic::named) {
        None => return list(arguments),
        Some(Ok(topics)) => topics,
        Some(Err(hint)) => {
            let name = arguments.name.as_deref().unwrap_or_default();
            let name = drydock_report::text::printable(name);
            super::tell(&format!("error: nothing is called {name:?}; {hint}"));
            return ExitCode::Usage;
        }
    };
    if arguments.json {
        print_json(topics);
    } else {
        let texts: Vec<String> = topics.into_iter().map(|topic| page(topic, super::width())).collect();
        super::print(&texts.join("\n"));
    }
    ExitCode::Equal
}

fn list(arguments: &Explain) -> ExitCode {
    if arguments.json {
        print_json(Topic::all());
        return ExitCode::Equal;
    }
    let width = super::width();
    let mut text = String::new();
    for sort in Sort::ALL {
        text.push_str(&format!("{}\n", sort.plural()));
        for topic in Topic::all().filter(|t| t.sort() == sort) {
            let words = topic.explanation().means;
            let first = words.split_once(". ").map_or(words, |(first, _)| first);
            let room = width.saturating_sub(NAMES + 4).max(20);
            text.push_str(&format!("  {:<NAMES$}  {}\n", title(topic), shortened(first, room)));
        }
        text.push('\n');
    }
    text.push_str("drydock explain NAME tells more.\n");
    super::print(&text);
    ExitCode::Equal
}

/// The number stands before the name of an exit code: it is what people see.
fn title(topic: Topic) -> String {
    match topic {
        Topic::Exit(exit) => format!("{:<3} {}", exit.code(), topic.name()),
        _ => topic.name(),
    }
}

fn page(topic: Topic, width: usize) -> String {
    let words = topic.explanation();
    let mut text = format!("{} ({})\n\n", title(topic), topic.sort());
    let mut section = |heading: &str, words: &str| {
        let room = width.saturating_sub(HEADINGS + 2).max(20);
        for (number, line) in wrapped(words, room).into_iter().enumerate() {
            let heading = if number == 0 { heading } else { "" };
            text.push_str(format!("  {heading:<HEADINGS$}{line}").trim_end());
            text.push('\n');
        }
    };
    section("what it means", words.means);
    if let Some(course) = topic.course() {
        section("in a rehearsal", &format!("{course}."));
    }
    section("how it happens", words.happens);
    section("what to do", words.act);
    let related = topic.related().join(", ");
    if !related.is_empty() {
        section(if topic.sort() == Sort::Check { "tells of" } else { "told by" }, &related);
    }
    text
}

fn print_json(topics: impl IntoIterator<Item = Topic>) {
    let topics: Vec<Value> = topics.into_iter().map(as_json).collect();
    super::print_value(&topics);
}

fn as_json(topic: Topic) -> Value {
    let words = topic.explanation();
    let mut value = json!({
        "name": topic.name(),
        "sort": topic.sort().to_string(),
        "means": words.means,
        "happens": words.happens,
        "act": words.act,
        "related": topic.related(),
    });
    if let Topic::Exit(exit) = topic {
        value["code"] = exit.code().into();
    }
    if let Some(course) = topic.course() {
        value["course"] = course.into();
    }
    value
}
