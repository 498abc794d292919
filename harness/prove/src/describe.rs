//! Findings for what the second pass located, as far as a proof needs them: check, kind, subject, items and fields.

use drydock_core::{Finding, Kind, Sample};
use drydock_parity::{FieldDifference, Group, Item, Located};

/// One finding for each kind of difference.
pub(crate) fn located(
    check: &'static str,
    subject: &str,
    found: &Located,
    diff: &dyn Fn(&str, &str) -> Vec<FieldDifference>,
) -> Vec<Finding> {
    let kinds: [(Kind, &Group); 4] = [
        (Kind::Missing, &found.missing),
        (Kind::Extra, &found.extra),
        (Kind::Changed, &found.changed),
        (Kind::Rerouted, &found.rerouted),
    ];
    let mut findings = Vec::new();
    for (kind, group) in kinds.into_iter().filter(|(_, group)| group.count > 0) {
        let samples = group.shown().into_iter().map(|item| sample(item, diff));
        findings.push(
            Finding::data(check, kind, subject, format!("{subject}: {kind} {}", group.count))
                .items(group.count, samples),
        );
    }
    if found.unexamined_buckets > 0 {
        findings.push(Finding::not_compared(check, subject, "more differs than was looked into"));
    }
    findings
}

/// How many of something there are on both sides, if that differs.
pub(crate) fn counts(check: &'static str, subject: &str, source: u64, target: u64) -> Option<Finding> {
    let kind = match source.cmp(&target) {
        std::cmp::Ordering::Equal => return None,
        std::cmp::Ordering::Greater => Kind::Missing,
        std::cmp::Ordering::Less => Kind::Extra,
    };
    let message = format!("{subject}: {source} on the source, {target} on the target");
    Some(Finding::data(check, kind, subject, message).items(source.abs_diff(target), []))
}

fn sample(item: &Item, diff: &dyn Fn(&str, &str) -> Vec<FieldDifference>) -> Sample {
    let label = item.label().unwrap_or_default().to_owned();
    let (Some(a), Some(b)) = (&item.source, &item.target) else { return Sample::named(label) };
    let fields = diff(&a.text, &b.text);
    let side = |pick: fn(&FieldDifference) -> &Option<String>| {
        let texts = fields.iter().map(|f| format!("{}: {}", f.path, pick(f).as_deref().unwrap_or("absent")));
        Some(texts.collect::<Vec<_>>().join("; "))
    };
    Sample::both(label, side(|f| &f.source), side(|f| &f.target))
}
