//! Findings in words for what the second pass located.

use drydock_core::finding::{MAX_SAMPLES, Precision};
use drydock_core::{Finding, Kind, Sample};
use drydock_parity::text::shorten;
use drydock_parity::{FieldDifference, Group, Item, Located, Moved};

/// What the items are called.
pub(super) struct Wording {
    pub(super) check: &'static str,
    pub(super) one: &'static str,
    pub(super) many: &'static str,
    pub(super) next: &'static str,
}

impl Wording {
    fn items(&self, count: u64, verb_one: &str, verb_many: &str) -> String {
        if count == 1 {
            format!("1 {} {verb_one}", self.one)
        } else {
            format!("{count} {} {verb_many}", self.many)
        }
    }
}

/// One finding for each kind of difference. `diff` names differing fields of two texts, `mask` takes secrets out of one.
pub(super) fn located(
    wording: &Wording,
    subject: &str,
    found: &Located,
    diff: &dyn Fn(&str, &str) -> Vec<FieldDifference>,
    mask: &dyn Fn(&str) -> String,
) -> Vec<Finding> {
    let precision = if found.unexamined_buckets > 0 { Precision::AtLeast } else { Precision::Exact };
    let least = if found.unexamined_buckets > 0 { "at least " } else { "" };
    let mut findings = Vec::new();
    let mut add = |kind: Kind, group: &Group, message: String| {
        if group.count > 0 {
            let shown = group.shown();
            let samples = shown.iter().take(MAX_SAMPLES).map(|item| sample(item, diff, mask));
            let mut finding =
                Finding::data(wording.check, kind, subject, format!("{subject}: {least}{message}"))
                    .items(group.count, samples)
                    .next(wording.next);
            finding.precision = precision;
            findings.push(finding);
        }
    };
    let Located { missing, extra, changed, rerouted, stale, newer, .. } = found;
    add(
        Kind::Missing,
        missing,
        wording.items(missing.count, "is missing on the target", "are missing on the target"),
    );
    add(Kind::Changed, changed, wording.items(changed.count, "differs", "differ"));
    let also = |changed: u64| match changed {
        0 => String::new(),
        n => format!(", {n} of them with other content as well"),
    };
    let text = wording.items(rerouted.count, "has another routing value", "have other routing values");
    let text = format!("{text} on the target{}", also(found.rerouted_and_changed));
    add(Kind::Rerouted, rerouted, text);
    let text = wording.items(stale.count, "has a lower version", "have lower versions");
    let tail = "older states, or created again";
    add(Kind::Stale, stale, format!("{text} on the target ({tail}){}", also(found.stale_and_changed)));
    let text = wording.items(newer.count, "has a higher version", "have higher versions");
    let tail = "written on the target after the copy, or copied more than once";
    add(Kind::Stale, newer, format!("{text} on the target ({tail}){}", also(found.newer_and_changed)));
    add(Kind::Extra, extra, wording.items(extra.count, "is on the target only", "are on the target only"));
    if found.unexamined_buckets > 0 {
        let text = wording.items(found.unexamined_at_least, "differs", "differ");
        let message = format!("{subject}: at least {text} beyond those examined one by one");
        let mut finding = Finding::data(wording.check, Kind::Changed, subject, message)
            .items(found.unexamined_at_least, [])
            .next("repair what is named above, then compare again");
        finding.precision = Precision::AtLeast;
        findings.push(finding);
    }
    findings
}

/// Says in the next step that a side was written to during the comparison. `written`: whether the source was, and whether
/// the target was.
pub(super) fn moving(finding: &mut Finding, written: (bool, bool)) {
    let sides = match written {
        (false, false) => return,
        (true, false) => "the source was",
        (false, true) => "the target was",
        (true, true) => "both sides were",
    };
    finding.next = format!(
        "{sides} written to during the comparison: stop the writers and compare again, because this may be a later \
         write and no loss; otherwise, {}",
        finding.next
    );
}

/// Documents that turned up in another index.
pub(super) fn moved(check: &'static str, moved: &Moved) -> Finding {
    let count = moved.items.iter().map(|i| i.copies).sum::<u64>();
    let documents = if count == 1 { "1 document of".to_owned() } else { format!("{count} documents of") };
    let message = format!(
        "{documents} {} on the source turned up in {} on the target, unchanged",
        moved.from, moved.to
    );
    let samples: Vec<Sample> = moved.items.iter().filter_map(|i| i.label().map(Sample::named)).collect();
    Finding::data(check, Kind::Moved, moved.from.clone(), message)
        .items(count, samples)
        .next("stop the archiver before the copy begins, and copy both indices again")
}

/// Version numbers that differ, and what they say.
fn age(versions: Option<(i64, i64)>) -> String {
    match versions {
        Some((a, b)) if b < a => format!(" (_version {a} -> {b}: an older state, or created again)"),
        Some((a, b)) if b > a => format!(" (_version {a} -> {b}: newer on the target)"),
        _ => String::new(),
    }
}

fn sample(
    item: &Item,
    diff: &dyn Fn(&str, &str) -> Vec<FieldDifference>,
    mask: &dyn Fn(&str) -> String,
) -> Sample {
    let mut label = item.label().unwrap_or_default().to_owned();
    if item.copies > 1 {
        label += &format!(" ({} copies)", item.copies);
    }
    match (&item.source, &item.target) {
        (Some(a), Some(b)) => {
            if a.label != b.label {
                label = format!("{} -> {}", a.label, b.label);
            }
            label += &age(item.versions);
            let fields = diff(&a.text, &b.text);
            if fields.is_empty() {
                let text =
                    if a.text == b.text { None } else { Some("differs beyond what is shown".to_owned()) };
                return Sample::both(label, text.clone(), text);
            }
            let side = |pick: fn(&FieldDifference) -> &Option<String>| {
                let texts = fields.iter().map(|f| {
                    let value = pick(f).as_deref().unwrap_or("absent");
                    if f.path.is_empty() { value.to_owned() } else { format!("{}: {value}", f.path) }
                });
                Some(texts.collect::<Vec<_>>().join("; "))
            };
            Sample::both(label, side(|f| &f.source), side(|f| &f.target))
        }
        (a, b) => Sample::both(
            label,
            a.as_ref().map(|d| shorten(&mask(&d.text))),
            b.as_ref().map(|d| shorten(&mask(&d.text))),
        ),
    }
}
