//! What is judged after the switch: users' writes on the target, the way back and what it told of losses, the clean-up, a trial.

use crate::clients::{Fate, item};
use crate::promises::{Held, Moment, Promise, is_wanted};
use crate::rows::{self, label};
use drydock_core::finding::{Finding, Kind, Sample};
use drydock_core::names::checks;
use drydock_core::rollback::WriteFates;
use drydock_stores::compare::{Fingerprint, unchanged};
use std::collections::{BTreeMap, BTreeSet};

fn told(
    promise: Promise,
    check: &str,
    kind: Kind,
    words: &str,
    items: Vec<Sample>,
) -> Option<(Promise, Finding)> {
    let first = items.first()?;
    let count = items.len() as u64;
    let message = format!("{count} items {words}, {} among them", first.item);
    let subject = first.item.split('/').next().unwrap_or_default().to_owned();
    Some((promise, Finding::data(check, kind, subject, message).items(count, items)))
}

/// Users who work on the target find what they left there, and everything else as they met it.
pub(crate) fn judge_target(met: &Moment, left: &Moment, prefixes: &[String]) -> Option<(Promise, Finding)> {
    let mut lost = Vec::new();
    for (key, fate) in left.acks.log.iter().filter(|((index, _), _)| is_wanted(index, prefixes)) {
        let there = left.target.state(key);
        let right =
            if met.acks.log.get(key) == Some(fate) { vec![met.target.state(key)] } else { fate.states() };
        if !right.contains(&there) {
            let text = |state: Option<&std::sync::Arc<str>>| state.map(ToString::to_string);
            let name = label(&key.0, &key.1);
            lost.push(Sample::both(name, text(right.first().and_then(Option::as_ref)), text(there.as_ref())));
        }
    }
    let words = "of the target changed behind users who work on it";
    told(Promise::NoLostWrite, checks::ACKNOWLEDGED, Kind::LostWrite, words, lost)
}

/// What the clean-up takes: nothing that was acknowledged and that the target lacks.
pub(crate) fn judge_clean_up(cleaned: &Moment, prefixes: &[String]) -> Option<(Promise, Finding)> {
    let mut only = Vec::new();
    for (key, fate) in cleaned.acks.on_source.iter().filter(|((index, _), _)| is_wanted(index, prefixes)) {
        // What users wrote anew or took away on the target outdates what the source holds.
        let outdated = !cleaned.acks.straggled.contains(key) && cleaned.acks.log.get(key) != Some(fate);
        let (here, there) = (cleaned.source.state(key), cleaned.target.state(key));
        if outdated || here.is_none() || here == there {
            continue;
        }
        let text = |state: Option<std::sync::Arc<str>>| state.map(|s| s.to_string());
        only.push(Sample::both(label(&key.0, &key.1), text(here), text(there)));
    }
    let words = "were on the source alone when it was cleaned up";
    told(Promise::CleanupKeepsACopy, checks::CLEANUP_GUARD, Kind::LostWrite, words, only)
}

/// Whether a way back told of every write that it loses, and of none that it keeps. `returned` is when users were let back, `now`
/// when it was told.
pub(crate) fn judge_told(returned: &Moment, now: &Moment, fates: &WriteFates) -> Option<(Promise, Finding)> {
    let told_of: BTreeSet<&str> = fates.lost.iter().map(|write| write.item.as_str()).collect();
    let mut wrong = Vec::new();
    for (key, fate) in &returned.acks.log {
        let on_source = returned.acks.on_source.get(key);
        // Who wrote it again since, or does not know what became of it, misses nothing for certain.
        let certain = |fate: Option<&Fate>| !matches!(fate, Some(Fate::Unknown(_)));
        let again = now.acks.on_source.get(key) != on_source;
        if again || !certain(Some(fate)) || !certain(on_source) {
            continue;
        }
        let there = returned.source.state(key);
        let lost = !fate.states().contains(&there);
        let name = item(&key.0, &key.1).to_string();
        if lost && !told_of.contains(name.as_str()) {
            wrong.push(Sample::named(format!("{name} is lost and not told")));
        } else if !lost && told_of.contains(name.as_str()) && on_source == Some(fate) {
            wrong.push(Sample::named(format!("{name} is there and told as lost")));
        }
    }
    let first = wrong.first()?;
    let message = format!("the way back does not tell what it loses: {}", first.item);
    let finding = Finding::data(checks::RB_WRITES, Kind::LostWrite, "after the switch", message);
    Some((Promise::RollbackRestores, finding.items(wrong.len() as u64, wrong)))
}

/// Whether a side is what it was before something that promises to change nothing.
pub(crate) fn judge_harmless(
    promise: Promise,
    check: &'static str,
    side: &str,
    before: &Held,
    after: &Held,
) -> Option<(Promise, Finding)> {
    let found = unchanged(check, side, "the trial", &describe(before), &describe(after)).findings;
    found.into_iter().next().map(|finding| (promise, finding))
}

/// Everything a side holds, in the form in which real runs describe a side.
pub(crate) fn describe(held: &Held) -> Fingerprint {
    let Held { cluster, databases } = held;
    let mut side = Fingerprint { objects: rows::describe(databases), ..Fingerprint::default() };
    for (name, index) in &cluster.indices {
        let mut attributes: BTreeMap<String, String> = BTreeMap::new();
        let mut digest = blake3::Hasher::new();
        let mut documents = 0_u64;
        for (id, doc) in index.documents() {
            documents += 1;
            let routing = doc.routing.as_deref().unwrap_or_default();
            digest.update(format!("{id}\0{routing}\0{}\0{}\0", doc.version, doc.source).as_bytes());
        }
        side.documents += documents;
        attributes.insert("documents".into(), documents.to_string());
        attributes.insert("contents".into(), digest.finalize().to_hex()[..32].to_owned());
        for (setting, value) in &index.settings {
            attributes.insert(format!("settings/{setting}"), value.clone());
        }
        attributes.insert("mapping".into(), index.mappings.to_string());
        for (alias, body) in &index.aliases {
            attributes.insert(format!("alias/{alias}"), body.to_string());
        }
        let operations: Vec<String> = index.shards.iter().map(|shard| shard.max_seq.to_string()).collect();
        attributes.insert("operations".into(), operations.join(" "));
        side.objects.insert(format!("index/{name}"), attributes);
    }
    let definitions = cluster.templates.iter().map(|(name, body)| (format!("template/{name}"), body));
    let others = cluster.objects.iter().map(|((family, name), body)| (format!("{family}/{name}"), body));
    for (name, body) in definitions.chain(others) {
        side.objects.insert(name, BTreeMap::from([("definition".to_owned(), body.to_string())]));
    }
    side
}
