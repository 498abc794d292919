//! Findings in words for what the second pass located.

use drydock_core::finding::{MAX_SAMPLES, Precision};
use drydock_core::{Finding, Kind, Sample};
use drydock_parity::text::shorten;
use drydock_parity::{FieldDifference, Group, Item, Located, Moved};
use serde::{Deserialize, Serialize};

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

/// What was located in one index or table, in words, except for items on one side only: these may turn out to have moved to another
/// index, which may have been compared elsewhere. Nothing in it is more than a report may show.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Told {
    /// Items on one side only, with texts as they are shown.
    pub(super) one_sided: Located,
    /// What is on both sides and differs.
    both_sided: Vec<Finding>,
}

impl Told {
    /// Puts into words what is on both sides. `diff` names differing fields of two texts, `mask` takes secrets out of one.
    pub(super) fn of(
        wording: &Wording,
        subject: &str,
        found: Located,
        diff: &dyn Fn(&str, &str) -> Vec<FieldDifference>,
        mask: &dyn Fn(&str) -> String,
    ) -> Self {
        let show = |text: &str| shorten(&mask(text));
        let both_sided = Words { wording, subject, found: &found, diff, show: &show }.both_sided();
        let shown = |mut group: Group| {
            for item in &mut group.items {
                for detail in [&mut item.source, &mut item.target].into_iter().flatten() {
                    detail.text = show(&detail.text);
                }
            }
            group
        };
        let Located { missing, extra, unexamined_buckets, unexamined_at_least, .. } = found;
        let one_sided = Located {
            missing: shown(missing),
            extra: shown(extra),
            unexamined_buckets,
            unexamined_at_least,
            ..Located::default()
        };
        Self { one_sided, both_sided }
    }

    /// One finding for each kind of difference.
    pub(super) fn findings(self, wording: &Wording, subject: &str) -> Vec<Finding> {
        let Self { one_sided: found, both_sided } = self;
        let (diff, show) = (|_: &str, _: &str| Vec::new(), ToOwned::to_owned);
        let words = Words { wording, subject, found: &found, diff: &diff, show: &show };
        let mut findings = Vec::from_iter(words.missing());
        findings.extend(both_sided);
        findings.extend(words.extra());
        findings.extend(words.beyond());
        findings
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
    let show = |text: &str| shorten(&mask(text));
    let words = Words { wording, subject, found, diff, show: &show };
    let mut findings = Vec::from_iter(words.missing());
    findings.extend(words.both_sided());
    findings.extend(words.extra());
    findings.extend(words.beyond());
    findings
}

/// What was located, on its way to findings.
struct Words<'a> {
    wording: &'a Wording,
    subject: &'a str,
    found: &'a Located,
    diff: &'a dyn Fn(&str, &str) -> Vec<FieldDifference>,
    /// How the text of an item that is on one side only is shown.
    show: &'a dyn Fn(&str) -> String,
}

impl Words<'_> {
    fn finding(&self, kind: Kind, group: &Group, message: &str) -> Option<Finding> {
        if group.count == 0 {
            return None;
        }
        let (subject, wording) = (self.subject, self.wording);
        let is_least = self.found.unexamined_buckets > 0;
        let least = if is_least { "at least " } else { "" };
        let shown = group.shown();
        let samples = shown.iter().take(MAX_SAMPLES).map(|item| sample(item, self.diff, self.show));
        let mut finding = Finding::data(wording.check, kind, subject, format!("{subject}: {least}{message}"))
            .items(group.count, samples)
            .next(wording.next);
        finding.precision = if is_least { Precision::AtLeast } else { Precision::Exact };
        Some(finding)
    }

    fn missing(&self) -> Option<Finding> {
        let missing = &self.found.missing;
        let text = self.wording.items(missing.count, "is missing on the target", "are missing on the target");
        self.finding(Kind::Missing, missing, &text)
    }

    fn both_sided(&self) -> Vec<Finding> {
        let Located { changed, rerouted, stale, newer, .. } = self.found;
        let also = |changed: u64| match changed {
            0 => String::new(),
            n => format!(", {n} of them with other content as well"),
        };
        let items = |group: &Group, one, many| self.wording.items(group.count, one, many);
        let of_changed = items(changed, "differs", "differ");
        let text = items(rerouted, "has another routing value", "have other routing values");
        let of_rerouted = format!("{text} on the target{}", also(self.found.rerouted_and_changed));
        let text = items(stale, "has a lower version", "have lower versions");
        let tail = "older states, or created again";
        let of_stale = format!("{text} on the target ({tail}){}", also(self.found.stale_and_changed));
        let text = items(newer, "has a higher version", "have higher versions");
        let tail = "written on the target after the copy, or copied more than once";
        let of_newer = format!("{text} on the target ({tail}){}", also(self.found.newer_and_changed));
        let findings = [
            self.finding(Kind::Changed, changed, &of_changed),
            self.finding(Kind::Rerouted, rerouted, &of_rerouted),
            self.finding(Kind::Stale, stale, &of_stale),
            self.finding(Kind::Stale, newer, &of_newer),
        ];
        findings.into_iter().flatten().collect()
    }

    fn extra(&self) -> Option<Finding> {
        let extra = &self.found.extra;
        let text = self.wording.items(extra.count, "is on the target only", "are on the target only");
        self.finding(Kind::Extra, extra, &text)
    }

    /// Differences that were only counted.
    fn beyond(&self) -> Option<Finding> {
        if self.found.unexamined_buckets == 0 {
            return None;
        }
        let (count, subject) = (self.found.unexamined_at_least, self.subject);
        let text = self.wording.items(count, "differs", "differ");
        let message = format!("{subject}: at least {text} beyond those examined one by one");
        let mut finding = Finding::data(self.wording.check, Kind::Changed, subject, message)
            .items(count, [])
            .next("repair what is named above, then compare again");
        finding.precision = Precision::AtLeast;
        Some(finding)
    }
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
    show: &dyn Fn(&str) -> String,
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
        (a, b) => Sample::both(label, a.as_ref().map(|d| show(&d.text)), b.as_ref().map(|d| show(&d.text))),
    }
}
