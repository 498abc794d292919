//! Random rows, shapes and realms: any single change of meaning is found and named, any other order or numbering is not.

use drydock_parity::realm::{
    Aspect, Collected, Facts, Names, Object, ObjectKind, Pairing, Realms, Report, Sealer, UserDigests,
    UserFact, Value, compare_objects, compare_users, describe,
};
use drydock_parity::shape::{Difference, Nesting, Shape};
use drydock_parity::{
    BucketTable, Columns, Detail, Digest, DigestKey, Hasher, Located, Locator, Side, Traits,
};
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeMap;

/// A cell as `COPY` prints it: text with its escapes, numbers beyond what a double holds, nothing at all.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("\\N".to_owned()),
        Just(String::new()),
        (9_007_199_254_740_990_i64..9_007_199_254_741_000).prop_map(|n| n.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        "[a-zA-Zé .,:{}\"']{0,20}",
        "[ab]{0,3}(\\\\n|\\\\t|\\\\\\\\)[ab]{0,3}",
    ]
}

/// Rows of a table with a key in the first column, and four more columns.
fn rows() -> impl Strategy<Value = Vec<Vec<String>>> {
    prop::collection::btree_map(any::<i32>(), prop::collection::vec(cell(), 4), 2..40).prop_map(|rows| {
        rows.into_iter().map(|(key, cells)| [vec![key.to_string()], cells].concat()).collect()
    })
}

fn compare_rows(source: &[Vec<String>], target: &[Vec<String>], key: usize, buckets: usize) -> [u64; 3] {
    let names = ["id", "a", "b", "c", "d"].map(str::to_owned).to_vec();
    let columns = Columns { names, key, table: "public.t".to_owned() };
    let hasher = Hasher::new(DigestKey::default());
    let print = |rows: &[Vec<String>]| -> Vec<String> { rows.iter().map(|row| row.join("\t")).collect() };
    let (source, target) = (print(source), print(target));
    let table = |rows: &[String]| {
        let mut table = BucketTable::new(buckets);
        rows.iter().for_each(|r| table.insert(hasher.row(columns.key_of(r.as_bytes()), r.as_bytes())));
        table
    };
    let mut locator = Locator::new(BucketTable::differing(&table(&source), &table(&target), 1_000_000));
    for (side, rows) in [(Side::Target, &target), (Side::Source, &source)] {
        for row in rows {
            let item = hasher.row(columns.key_of(row.as_bytes()), row.as_bytes());
            if locator.wants(item.id) {
                let traits = Traits { routing: Digest::default(), content: item.record };
                locator
                    .insert(side, item, traits, || Detail { label: columns.label(row), text: row.clone() });
            }
        }
    }
    let Located { missing, extra, changed, .. } = locator.finish();
    [missing.count, extra.count, changed.count]
}

/// Objects of a schema with parts below them.
fn shape() -> impl Strategy<Value = Shape> {
    let attributes = || prop::collection::btree_map("[a-e]{1,3}", "[0-9a-z ]{0,8}", 1..5);
    let object = (
        "[a-c]{1,2}\\.[a-f]{1,3}",
        attributes(),
        prop::collection::btree_map("(column|index)/[a-d]{1,2}", attributes(), 0..4),
    );
    prop::collection::vec(object, 1..12).prop_map(|objects| {
        let mut shape = Shape::default();
        for (name, attributes, parts) in objects {
            for (part, attributes) in parts {
                shape.insert(format!("{name}/{part}"), attributes);
            }
            shape.insert(name, attributes);
        }
        shape
    })
}

const KINDS: [ObjectKind; 8] = [
    ObjectKind::Role,
    ObjectKind::Group,
    ObjectKind::Client,
    ObjectKind::ClientScope,
    ObjectKind::IdentityProvider,
    ObjectKind::Flow,
    ObjectKind::Component,
    ObjectKind::RequiredAction,
];
const ASPECTS: [Aspect; 8] = [
    Aspect::Enabled,
    Aspect::Setting,
    Aspect::Attribute,
    Aspect::Config,
    Aspect::Secret,
    Aspect::RedirectUris,
    Aspect::Scopes,
    Aspect::Roles,
];

fn sealer() -> Sealer {
    Sealer::new(DigestKey::derived("any change"))
}

/// What an object of a generated realm knows: `(aspect, name, value)`. A value may be a secret, or lead to an object.
type Known = Vec<(usize, String, u8)>;

/// Objects of one realm as (kind, name, what is known), each name of a kind once.
fn realm() -> impl Strategy<Value = BTreeMap<(usize, String), Known>> {
    let known = prop::collection::vec((0..ASPECTS.len(), "[a-c]{1,2}", any::<u8>()), 0..6);
    prop::collection::btree_map((0..KINDS.len(), "[a-h]{1,3}"), known, 1..20)
}

/// The realm as one side tells it, with identifiers of its own and in an order of its own.
fn told(realm: &BTreeMap<(usize, String), Known>, prefix: &str, turn: usize) -> Realms {
    let id = |at: usize| format!("{prefix}-{at}");
    let mut root = Object {
        kind: ObjectKind::Realm,
        id: id(9_999),
        parent: None,
        name: "platform".into(),
        facts: Facts::default(),
    };
    root.facts.text(Aspect::Setting, "lifespan", "300");
    let mut objects = vec![root];
    for (at, ((kind, name), known)) in realm.iter().enumerate() {
        let mut facts = Facts::default();
        let turned = turn % known.len().max(1);
        for (aspect, fact, value) in known[turned..].iter().chain(&known[..turned]) {
            let value = match value % 4 {
                0 => Value::Null,
                1 => sealer().secret(&value.to_string()),
                2 => Value::Reference(id(usize::from(*value) % realm.len())),
                _ => Value::Text(value.to_string()),
            };
            facts.add(ASPECTS[*aspect], fact.clone(), value);
        }
        let parent = Some((ObjectKind::Realm, id(9_999)));
        objects.push(Object { kind: KINDS[*kind], id: id(at), parent, name: name.clone(), facts });
    }
    let turned = turn % objects.len();
    objects.rotate_left(turned);
    Realms { objects }
}

/// Users of the realm: a credential, a role and an attribute each.
fn users(count: usize, prefix: &str, turn: usize) -> Vec<UserFact> {
    let mut facts = Vec::new();
    for n in 0..count {
        let who = UserFact {
            realm_id: format!("{prefix}-9999"),
            user: format!("user{n}"),
            id: format!("u{n}"),
            about: None,
        };
        for (aspect, name, value) in [
            (Aspect::Credential, "password", sealer().secret(&format!("hash {n}"))),
            (Aspect::Roles, "", Value::Reference(format!("{prefix}-0"))),
            (Aspect::Attribute, "phone", Value::Text(n.to_string())),
            (Aspect::Enabled, "enabled", Value::Text("true".to_owned())),
        ] {
            facts.push(UserFact { about: Some((aspect, name.to_owned(), value)), ..who.clone() });
        }
        facts.push(who);
    }
    let turned = turn % facts.len().max(1);
    facts.rotate_left(turned);
    facts
}

fn findings(
    a: (&Realms, &[UserFact]),
    b: (&Realms, &[UserFact]),
    buckets: usize,
) -> Vec<drydock_core::Finding> {
    let pairing = Pairing::of(a.0, b.0);
    let differences = compare_objects(a.0, b.0, &pairing);
    let digest = |facts: &[UserFact], names: &Names| {
        let mut digests = UserDigests::new(buckets, sealer().key());
        facts.iter().for_each(|fact| digests.add(fact.clone(), names));
        digests
    };
    let (ours, theirs) = (digest(a.1, &pairing.source), digest(b.1, &pairing.target));
    let selection = BucketTable::differing(&ours.buckets, &theirs.buckets, usize::MAX);
    let collect = |facts: &[UserFact], names: &Names| {
        let mut collected = Collected::new(selection.clone(), sealer().key());
        facts.iter().for_each(|fact| collected.add(fact.clone(), names));
        collected
    };
    let users = compare_users(collect(a.1, &pairing.source), collect(b.1, &pairing.target));
    describe(&Report { label: "kc".into(), pairing, differences, users, ..Report::default() })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_change_of_a_row_is_found(rows in rows(), at in any::<Index>(), column in 1_usize..5, to in cell(), key in 0_usize..2, buckets in 1_usize..64) {
        let at = at.index(rows.len());
        let mut other = rows.clone();
        other.rotate_left(at);
        prop_assert_eq!(compare_rows(&rows, &other, key, buckets), [0; 3], "another order");
        let plant = |change: &dyn Fn(&mut Vec<Vec<String>>)| {
            let mut other = rows.clone();
            change(&mut other);
            compare_rows(&rows, &other, key, buckets)
        };
        // Without a key a changed row is one that is missing and one that is too many.
        let changed = |n: u64| if key == 0 { [n, n, 0] } else { [0, 0, n] };
        if rows[at][column] != to {
            prop_assert_eq!(plant(&|rows| rows[at][column].clone_from(&to)), changed(1));
        }
        prop_assert_eq!(plant(&|rows| drop(rows.remove(at))), [1, 0, 0]);
        let twice = plant(&|rows| rows.push(rows[at].clone()));
        prop_assert_eq!(twice, [0, 1, 0]);
        // Two rows that trade one column, and one row whose columns trade places.
        let next = (at + 1) % rows.len();
        if rows[at][column] != rows[next][column] {
            let traded = plant(&|rows| {
                let kept = std::mem::take(&mut rows[at][column]);
                rows[at][column] = std::mem::replace(&mut rows[next][column], kept);
            });
            prop_assert!(traded != [0; 3]);
        }
        let neighbour = column % 4 + 1;
        if rows[at][column] != rows[at][neighbour] {
            prop_assert_eq!(plant(&|rows| rows[at].swap(column, neighbour)), changed(1));
        }
    }

    #[test]
    fn any_change_of_a_schema_is_found(shape in shape(), at in any::<Index>(), which in any::<Index>(), nesting in prop_oneof![Just(Nesting::Slash), Just(Nesting::DotAndSlash)]) {
        let rebuilt = Shape(shape.0.iter().rev().map(|(k, v)| (k.clone(), v.clone())).collect());
        prop_assert!(Shape::compare(&shape, &rebuilt, nesting).is_empty());
        let (path, attributes) = shape.0.iter().nth(at.index(shape.0.len())).expect("an object");
        let name = attributes.keys().nth(which.index(attributes.len())).expect("an attribute");
        type Change<'a> = &'a dyn Fn(&mut BTreeMap<String, String>);
        let changes: [Change<'_>; 3] = [
            &|a| drop(a.insert(name.clone(), format!("{} ", a[name]))),
            &|a| drop(a.remove(name)),
            &|a| drop(a.insert("another".to_owned(), String::new())),
        ];
        for change in changes {
            let mut other = shape.clone();
            change(other.0.get_mut(path).expect("the object"));
            for found in [Shape::compare(&shape, &other, nesting), Shape::compare(&other, &shape, nesting)] {
                prop_assert!(matches!(found.get(path), Some(Difference::Changed(list)) if list.len() == 1));
                prop_assert_eq!(found.len(), 1);
            }
        }
        let mut other = shape.clone();
        other.0.remove(path);
        let found = Shape::compare(&shape, &other, nesting);
        prop_assert_eq!(found.get(path), Some(&Difference::Missing { parts: 0 }));
        let found = Shape::compare(&other, &shape, nesting);
        prop_assert_eq!(found.get(path), Some(&Difference::Extra { parts: 0 }));
        // With everything below it, it is told once.
        let below = |object: &String| object == path || object.starts_with(&format!("{path}/"));
        let whole = Shape(shape.0.iter().filter(|(object, _)| !below(object)).map(|(k, v)| (k.clone(), v.clone())).collect());
        let parts = (shape.0.len() - whole.0.len() - 1) as u64;
        let found = Shape::compare(&shape, &whole, nesting);
        prop_assert_eq!((found.len(), found.get(path)), (1, Some(&Difference::Missing { parts })));
    }

    #[test]
    fn any_change_of_a_realm_is_found(realm in realm(), at in any::<Index>(), which in any::<Index>(), turn in 0_usize..64, people in 1_usize..12, buckets in 1_usize..32) {
        let (source, ours) = (told(&realm, "a", 0), users(people, "a", 0));
        let (target, theirs) = (told(&realm, "b", turn), users(people, "b", turn));
        prop_assert_eq!(findings((&source, &ours), (&target, &theirs), buckets), vec![]);
        let plant = |target: Realms| findings((&source, &ours), (&target, &theirs), buckets);
        let place = at.index(target.objects.len());
        // An object that is gone, an object that is there twice.
        let mut less = target.clone();
        let gone = less.objects.remove(place);
        prop_assert!(!plant(less).is_empty(), "{:?} is not missed", gone);
        if gone.kind != ObjectKind::Realm {
            let mut more = target.clone();
            more.objects.push(Object { id: "twice".to_owned(), ..gone.clone() });
            prop_assert!(!plant(more).is_empty(), "{:?} is there twice", gone);
        }
        // A fact that is gone, there twice, or about something else.
        if let Some((key, values)) = gone.facts.0.iter().nth(which.index(gone.facts.0.len().max(1))) {
            let changes = [
                values[1..].to_vec(),
                [values.as_slice(), &values[..1]].concat(),
                [&values[1..], &[Value::Text("another".to_owned())]].concat(),
            ];
            for changed in changes {
                let mut other = target.clone();
                other.objects[place].facts.0.insert(key.clone(), changed.clone());
                let found = plant(other);
                prop_assert!(!found.is_empty(), "{:?} of {:?} became {:?}", key, gone.name, changed);
            }
        }
        // Whatever is known about a user, and the user.
        let place = which.index(theirs.len());
        let mut without = theirs.clone();
        without.remove(place);
        prop_assert!(!findings((&source, &ours), (&target, &without), buckets).is_empty());
        let mut twice = theirs.clone();
        twice.push(theirs[place].clone());
        prop_assert!(!findings((&source, &ours), (&target, &twice), buckets).is_empty());
        if let Some((aspect, name, _)) = &theirs[place].about {
            let mut other = theirs.clone();
            other[place].about = Some((*aspect, name.clone(), Value::Text("another".to_owned())));
            prop_assert!(!findings((&source, &ours), (&target, &other), buckets).is_empty());
        }
    }
}
