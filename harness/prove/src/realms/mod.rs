//! Keycloak realms: what defines them, and who may log in with what.

mod accounts;
mod definitions;
mod people;
mod plant;
mod rewrite;
mod variants;

use crate::dice::Dice;
use crate::family::{Family, Variant};
use drydock_core::Finding;
use drydock_parity::realm::{
    Collected, Names, ObjectKind, Pairing, Realms as Definitions, Report, Sealer, UserDigests, UserFact,
    UserIdentifiers, compare_objects, compare_users, describe, take_written_by_import,
};
use drydock_parity::{BucketTable, DigestKey};
use std::collections::BTreeSet;

/// First part of every subject.
const LABEL: &str = "keycloak";

/// The family of realms.
#[derive(Debug, Clone, Copy)]
pub struct Realms;

/// Whether the realms came over with their database or through an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Identifiers {
    /// Every object under its own identifier.
    Kept,
    /// All but groups and users under other ones.
    Renumbered,
}

/// One side.
#[derive(Debug, Clone)]
pub struct World {
    /// Everything but users.
    definitions: Definitions,
    /// Users, as they stream by.
    users: Vec<UserFact>,
    sealer: Sealer,
    identifiers: Identifiers,
}

impl Family for Realms {
    type World = World;
    const NAME: &'static str = "realms";

    fn source(dice: &mut Dice) -> World {
        let mut world = World {
            definitions: Definitions::default(),
            users: Vec::new(),
            sealer: Sealer::new(DigestKey::derived(&dice.hex(32))),
            identifiers: Identifiers::Kept,
        };
        for (realm, users) in [("master", dice.between(2, 4)), ("camunda-platform", dice.between(8, 12))] {
            let defined = definitions::define(&mut world, realm, dice);
            people::settle(&mut world, &defined, users, dice);
        }
        world
    }

    fn rewritten(source: &World, dice: &mut Dice) -> World {
        rewrite::rewritten(source, dice)
    }

    fn variants() -> Vec<Variant<World>> {
        variants::all()
    }

    fn compare(source: &World, target: &World, dice: &mut Dice) -> Vec<Finding> {
        let (ours, theirs) = (&source.definitions, &target.definitions);
        let pairing = Pairing::of(ours, theirs);
        let mut differences = compare_objects(ours, theirs, &pairing);
        let renumbered = |kind: ObjectKind| {
            let pairs = pairing.pairs.iter().filter(move |pair| pair.kind == kind);
            pairs.filter(|pair| ours.objects[pair.source].id != theirs.objects[pair.target].id)
        };
        let imported: BTreeSet<String> =
            renumbered(ObjectKind::Realm).map(|pair| pair.place.realm.clone()).collect();
        take_written_by_import(&mut differences, &imported);
        let other_ids: Vec<_> =
            renumbered(ObjectKind::Group).map(|pair| (pair.kind, pair.place.clone())).collect();
        let report = Report { label: LABEL.to_owned(), pairing, differences, other_ids, ..Report::default() };
        describe(&with_users(source, target, report, 1 + dice.below(64)))
    }
}

/// Digests the users of both sides into so many buckets, and looks at those that differ.
fn with_users(source: &World, target: &World, mut report: Report, buckets: usize) -> Report {
    let digest = |world: &World, names: &Names| {
        let mut digests = UserDigests::new(buckets, world.sealer.key());
        world.users.iter().for_each(|fact| digests.add(fact.clone(), names));
        digests
    };
    let (a, b) = (digest(source, &report.pairing.source), digest(target, &report.pairing.target));
    if a.ids != b.ids {
        let ids = |world: &World, names: &Names| {
            let mut ids = UserIdentifiers::default();
            world.users.iter().for_each(|fact| ids.add(fact, names));
            ids
        };
        let (ours, theirs) = (ids(source, &report.pairing.source), ids(target, &report.pairing.target));
        report.other_ids.extend(ours.differing(&theirs).into_iter().map(|place| (ObjectKind::User, place)));
    }
    let selection = BucketTable::differing(&a.buckets, &b.buckets, usize::MAX);
    if !selection.is_empty() {
        let collect = |world: &World, names: &Names| {
            let mut collected = Collected::new(selection.clone(), world.sealer.key());
            world.users.iter().for_each(|fact| collected.add(fact.clone(), names));
            collected
        };
        let (ours, theirs) =
            (collect(source, &report.pairing.source), collect(target, &report.pairing.target));
        report.users = compare_users(ours, theirs);
    }
    report
}
