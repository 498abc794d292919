//! What a migration promises, held against the final states of both clusters and the log of acknowledged writes. The log is
//! kept by the users, not by the clusters: it knows what should be there without asking anybody.

use crate::clients::{Acks, Fate, Gone, Log};
use crate::cluster::{Cluster, Doc, Index, shard_of};
use crate::postgres::Databases;
use crate::rows;
use crate::schedule::{named, placed};
use drydock_core::finding::{Finding, Kind, Sample};
use drydock_core::names::checks;
use drydock_core::scenario::CreateIndices;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Promise {
    /// Every acknowledged write is on the target, in its last state.
    NoLostWrite,
    /// The target holds nothing that no write left there.
    NoGhost,
    /// What users deleted stays deleted.
    NoResurrectedDocument,
    /// Nothing is written to the source once it counts as frozen; the witness tells what is.
    FreezeHolds,
    /// The witness of the freeze tells of every write, and of nothing else.
    WitnessTells,
    /// However it ends, the source holds what users left there.
    SourceKept,
    /// Every index counts what it counts on the source.
    CountsEqual,
    /// Indices, settings, aliases and templates are the source's, and nothing stays eased.
    DefinitionsCarried,
    /// The migration comes to an end: what goes wrong once does not stop it for good.
    ComesToAnEnd,
    /// After a way back the source is what users left there, and what is lost of their writes is told, no more and no less.
    RollbackRestores,
    /// The clean-up of the source never takes the only copy of anything.
    CleanupKeepsACopy,
    /// A trial, or a look before it, changes nothing.
    EstimateHarmless,
}

impl Promise {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoLostWrite => "no lost write",
            Self::NoGhost => "no ghost",
            Self::NoResurrectedDocument => "no resurrected document",
            Self::FreezeHolds => "freeze holds",
            Self::WitnessTells => "the witness tells",
            Self::SourceKept => "the source is kept",
            Self::CountsEqual => "counts equal",
            Self::DefinitionsCarried => "definitions carried",
            Self::ComesToAnEnd => "comes to an end",
            Self::RollbackRestores => "rollback restores",
            Self::CleanupKeepsACopy => "cleanup never deletes the only copy",
            Self::EstimateHarmless => "estimate harmless",
        }
    }
}

/// Both clusters and what was acknowledged at one moment.
#[derive(Clone)]
pub(crate) struct Moment {
    pub(crate) source: Held,
    pub(crate) target: Held,
    pub(crate) acks: Acks,
}

/// What one side holds.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) cluster: Cluster,
    pub(crate) databases: Databases,
}

impl Held {
    /// What is there of a document or a row, where it is looked for.
    pub(crate) fn state(&self, key: &(String, String)) -> Option<Arc<str>> {
        match rows::table_of(&key.0) {
            Some(table) => rows::row(&self.databases, table, &key.1),
            None => document(&self.cluster, key).map(|doc| Arc::clone(&doc.source)),
        }
    }
}

pub(crate) fn is_wanted(name: &str, prefixes: &[String]) -> bool {
    rows::table_of(name).is_some()
        || prefixes.is_empty()
        || prefixes.iter().any(|p| name.starts_with(p.trim_end_matches('*')))
}

/// Everything that is promised and not so when users are let onto the target.
pub(crate) fn judge(moment: &Moment, prefixes: &[String], mode: CreateIndices) -> Vec<(Promise, Finding)> {
    let mut broken = Vec::new();
    for store in [Store::Documents, Store::Rows] {
        broken.extend(contents(moment, prefixes, store));
    }
    broken.extend(counts(moment, prefixes));
    let taken = rows::numbers_taken(&moment.target.databases);
    broken.extend(taken.map(|finding| (Promise::DefinitionsCarried, finding)));
    broken.extend(definitions(moment, prefixes, mode));
    broken
}

/// How many documents of the log the migration is asked to carry.
pub(crate) fn wanted(log: &Log, prefixes: &[String]) -> u64 {
    log.keys().filter(|(index, _)| is_wanted(index, prefixes)).count() as u64
}

/// The document of a name, in the shard in which it is looked for.
fn document<'a>(cluster: &'a Cluster, (index, name): &(String, String)) -> Option<&'a Doc> {
    let (id, routing) = placed(name);
    let shards = &cluster.indices.get(index)?.shards;
    let shard = shards.get(shard_of(routing.unwrap_or(id), shards.len()))?;
    shard.docs.get(id).filter(|doc| doc.routing.as_deref() == routing)
}

/// What a cluster holds of a log that it should not, or not so.
#[derive(Default)]
struct Differing {
    lost: Vec<Sample>,
    resurrected: Vec<Sample>,
    ghosts: Vec<Sample>,
}

/// One kind of what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Store {
    Documents,
    Rows,
}

impl Store {
    fn of(place: &str) -> Self {
        if rows::table_of(place).is_some() { Self::Rows } else { Self::Documents }
    }
}

fn differing(log: &Log, held: &Held, prefixes: &[String], store: Store) -> Differing {
    let mut found = Differing::default();
    let wanted = |place: &str| Store::of(place) == store && is_wanted(place, prefixes);
    for (key, fate) in log.iter().filter(|((place, _), _)| wanted(place)) {
        let item = rows::label(&key.0, &key.1);
        let there = held.state(key);
        let text = there.as_ref().map(ToString::to_string);
        match fate {
            Fate::Present(source) if there.as_ref() == Some(source) => {}
            Fate::Present(source) => found.lost.push(Sample::both(item, Some(source.to_string()), text)),
            Fate::Unknown(states) if states.contains(&there) => {}
            Fate::Unknown(_) => found.lost.push(Sample::both(item, Some("one of several".into()), text)),
            Fate::Absent(gone) if there.is_some() => {
                let sample = Sample::both(item, None, text);
                match gone {
                    Gone::Moved => found.ghosts.push(sample),
                    Gone::Deleted | Gone::Dropped => found.resurrected.push(sample),
                }
            }
            Fate::Absent(_) => {}
        }
    }
    match store {
        Store::Rows => {
            for key in rows::all(&held.databases).filter(|key| !log.contains_key(key)) {
                found.ghosts.push(Sample::named(rows::label(&key.0, &key.1)));
            }
        }
        Store::Documents => {
            let indices = held.cluster.indices.iter().filter(|(name, _)| is_wanted(name, prefixes));
            for (index, all) in indices {
                for (id, doc) in all.documents() {
                    let key = (index.clone(), named(id, doc.routing.as_deref()));
                    // Known, but somewhere else than where it is looked for, it is nobody's.
                    if document(&held.cluster, &key) != Some(doc) || !log.contains_key(&key) {
                        found.ghosts.push(Sample::named(rows::label(&key.0, &key.1)));
                    }
                }
            }
        }
    }
    found
}

/// Whether the source holds what was left there: it is read, never changed, and after a way back it is what it was.
pub(crate) fn judge_source(promise: Promise, log: &Log, source: &Held) -> Option<(Promise, Finding)> {
    let mut lost = Vec::new();
    for store in [Store::Documents, Store::Rows] {
        let differing = differing(log, source, &[], store);
        lost.extend(differing.lost.into_iter().chain(differing.resurrected).chain(differing.ghosts));
    }
    let first = lost.first()?;
    let message = format!("{} items of the source are not as users left them", lost.len());
    let check = if promise == Promise::RollbackRestores { checks::RB_RESTORED } else { checks::ACKNOWLEDGED };
    let finding =
        Finding::data(check, Kind::LostWrite, first.item.clone(), message).items(lost.len() as u64, lost);
    Some((promise, finding))
}

fn contents(moment: &Moment, prefixes: &[String], store: Store) -> Vec<(Promise, Finding)> {
    let Differing { lost, resurrected, ghosts } =
        differing(&moment.acks.log, &moment.target, prefixes, store);
    let (things, compared) = match store {
        Store::Documents => ("documents", checks::ES_DOCUMENTS),
        Store::Rows => ("rows", checks::PG_ROWS),
    };
    let mut broken = Vec::new();
    let mut tell = |promise, check, kind, words: &str, samples: Vec<Sample>| {
        if let Some(first) = samples.first() {
            let count = samples.len() as u64;
            let message = format!("{count} {things} {words}, {} among them", first.item);
            let subject = first.item.split('/').next().unwrap_or_default().to_owned();
            broken.push((promise, Finding::data(check, kind, subject, message).items(count, samples)));
        }
    };
    tell(
        Promise::NoLostWrite,
        checks::ACKNOWLEDGED,
        Kind::LostWrite,
        "that users wrote last are missing or older on the target",
        lost,
    );
    tell(
        Promise::NoGhost,
        compared,
        Kind::Extra,
        "are on the target and on the source are not, or elsewhere",
        ghosts,
    );
    tell(
        Promise::NoResurrectedDocument,
        compared,
        Kind::Extra,
        "that users deleted are back on the target",
        resurrected,
    );
    broken
}

/// What a comparison of both sides tells, without knowing what users were told: documents by index, id and routing, and counts.
pub(crate) fn sides_differ(source: &Cluster, target: &Cluster, prefixes: &[String]) -> Vec<Finding> {
    let all = |cluster: &Cluster| -> BTreeMap<String, Arc<str>> {
        let wanted = cluster.indices.iter().filter(|(name, _)| is_wanted(name, prefixes));
        wanted
            .flat_map(|(name, index)| index.documents().map(move |(id, doc)| (name, id, doc)))
            .map(|(name, id, doc)| {
                (format!("{name}/{}", named(id, doc.routing.as_deref())), Arc::clone(&doc.source))
            })
            .collect()
    };
    let (here, there) = (all(source), all(target));
    let differing: Vec<Sample> = here
        .keys()
        .chain(there.keys().filter(|item| !here.contains_key(*item)))
        .filter(|item| here.get(*item) != there.get(*item))
        .map(|item| {
            Sample::both(
                item.clone(),
                here.get(item).map(ToString::to_string),
                there.get(item).map(ToString::to_string),
            )
        })
        .collect();
    let mut findings: Vec<Finding> = Vec::new();
    if let Some(first) = differing.first() {
        let message =
            format!("{} documents are not alike on both sides, {} among them", differing.len(), first.item);
        let finding = Finding::data(checks::ES_DOCUMENTS, Kind::Changed, first.item.clone(), message);
        findings.push(finding.items(differing.len() as u64, differing));
    }
    findings.extend(counts_differ(source, target, prefixes, &BTreeSet::new()));
    findings
}

fn counts(moment: &Moment, prefixes: &[String]) -> Option<(Promise, Finding)> {
    // What a pod wrote behind the freeze is told by the freeze's witness, and no count can be expected of it.
    let straggled = moment.acks.straggled.iter().map(|(index, _)| index.as_str()).collect();
    let (source, target) = (&moment.source.cluster, &moment.target.cluster);
    let found = counts_differ(source, target, prefixes, &straggled)?;
    Some((Promise::CountsEqual, found))
}

fn counts_differ(
    source: &Cluster,
    target: &Cluster,
    prefixes: &[String],
    but: &BTreeSet<&str>,
) -> Option<Finding> {
    let count = |cluster: &Cluster| -> BTreeMap<String, usize> {
        let wanted = cluster.indices.iter().filter(|(name, _)| is_wanted(name, prefixes));
        wanted.map(|(name, index)| (name.clone(), index.documents().count())).collect()
    };
    let (source, target) = (count(source), count(target));
    let text = |n: Option<&usize>| n.map(ToString::to_string);
    let differing: Vec<Sample> = source
        .keys()
        .chain(target.keys())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .filter(|name| !but.contains(name.as_str()))
        .filter(|name| source.get(*name) != target.get(*name))
        .map(|name| Sample::both(name.clone(), text(source.get(name)), text(target.get(name))))
        .collect();
    let first = differing.first()?;
    let message = format!("{} indices do not count what they count on the source", differing.len());
    let finding = Finding::data(checks::ES_COUNTS, Kind::Changed, first.item.clone(), message);
    Some(finding.items(differing.len() as u64, differing))
}

/// Settings that name one index, or differ by themselves.
fn is_own(setting: &str) -> bool {
    ["index.uuid", "index.creation_date", "index.provided_name", "index.version.created"].contains(&setting)
}

fn definitions(moment: &Moment, prefixes: &[String], mode: CreateIndices) -> Vec<(Promise, Finding)> {
    let mut broken = Vec::new();
    let mut tell = |check: &str, kind, subject: &str, message: String| {
        broken.push((Promise::DefinitionsCarried, Finding::data(check, kind, subject, message)));
    };
    let (from, onto) = (&moment.source.cluster, &moment.target.cluster);
    let (source, target) = (&from.indices, &onto.indices);
    for (name, index) in source.iter().filter(|(name, _)| is_wanted(name, prefixes)) {
        let Some(there) = target.get(name) else {
            tell(checks::ES_INDICES, Kind::Missing, name, format!("index {name} is missing on the target"));
            continue;
        };
        if index.mappings != there.mappings {
            let message = format!("the mapping of index {name} is not the source's");
            tell(checks::ES_MAPPINGS, Kind::Changed, name, message);
        }
        if mode == CreateIndices::Bare {
            continue;
        }
        for setting in differing_settings(index, there, mode) {
            let value = |i: &Index| i.settings.get(&setting).cloned().unwrap_or_else(|| "nothing".into());
            let message =
                format!("{setting} of index {name} is {} instead of {}", value(there), value(index));
            tell(checks::ES_SETTINGS, Kind::Changed, name, message);
        }
        let same = match mode {
            CreateIndices::Complete => index.aliases == there.aliases,
            CreateIndices::Upstream | CreateIndices::Bare => flags(index) == flags(there),
        };
        if !same {
            tell(
                checks::ES_ALIASES,
                Kind::Changed,
                name,
                format!("the aliases of index {name} are not the source's"),
            );
        }
    }
    for name in target.keys().filter(|name| is_wanted(name, prefixes) && !source.contains_key(*name)) {
        tell(checks::ES_INDICES, Kind::Extra, name, format!("index {name} is on the target alone"));
    }
    for name in from.templates.keys().filter(|_| mode != CreateIndices::Bare) {
        if from.templates.get(name) != onto.templates.get(name) {
            let message = format!("index template {name} is missing or another one on the target");
            tell(checks::ES_TEMPLATES, Kind::Missing, name, message);
        }
    }
    let families: &[(&str, &str)] = match mode {
        CreateIndices::Complete => &[
            ("component_template", checks::ES_TEMPLATES),
            ("template", checks::ES_TEMPLATES),
            ("pipeline", checks::ES_CLUSTER),
            ("policy", checks::ES_CLUSTER),
        ],
        CreateIndices::Upstream => &[("component_template", checks::ES_TEMPLATES)],
        CreateIndices::Bare => &[],
    };
    for (family, check) in families {
        for ((_, name), body) in from.objects.iter().filter(|((kind, _), _)| kind == family) {
            if onto.objects.get(&(*family, name.clone())) != Some(body) {
                let message =
                    format!("{} {name} is missing or another one on the target", family.replace('_', " "));
                tell(check, Kind::Missing, name, message);
            }
        }
    }
    broken
}

/// Aliases with whether they are written through.
fn flags(index: &Index) -> Vec<(&String, bool)> {
    index.aliases.iter().map(|(alias, body)| (alias, body["is_write_index"] == true)).collect()
}

fn differing_settings(source: &Index, target: &Index, mode: CreateIndices) -> Vec<String> {
    match mode {
        CreateIndices::Complete => {
            let names: BTreeSet<&String> = source.settings.keys().chain(target.settings.keys()).collect();
            let differing = names
                .into_iter()
                .filter(|n| !is_own(n) && source.settings.get(*n) != target.settings.get(*n));
            differing.cloned().collect()
        }
        CreateIndices::Upstream | CreateIndices::Bare => {
            // They are not the source's, by design; but nothing may stay as it was eased.
            let eased = [("index.refresh_interval", "-1"), ("index.translog.durability", "async")];
            let replicas = ("index.number_of_replicas", "0");
            let at_source = |n: &str, v: &str| source.settings.get(n).is_some_and(|s| s == v);
            let stays = eased
                .into_iter()
                .chain([replicas])
                .filter(|(n, v)| target.settings.get(*n).is_some_and(|s| s == v) && !at_source(n, v));
            stays.map(|(name, _)| name.to_owned()).collect()
        }
    }
}
