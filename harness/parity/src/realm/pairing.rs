//! Which object of the source is which on the target: by name, else by identifier.

use super::model::{Facts, Object, ObjectKind, Realms, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Realm of objects whose realm is not there.
const NOWHERE: &str = "(no realm)";

/// Where an object is, in names; those of the source for objects that are on both sides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Name of its realm.
    pub realm: String,
    /// Names from the realm down to the object, separated by `/`; empty for the realm itself.
    pub path: String,
    /// Whether it belongs to a client or a client scope.
    pub inside_client: bool,
}

/// An object that is on both sides.
#[derive(Debug, Clone)]
pub struct Pair {
    /// What it is.
    pub kind: ObjectKind,
    /// Where it is.
    pub place: Place,
    /// Position in the source's objects.
    pub source: usize,
    /// Position in the target's objects.
    pub target: usize,
}

/// An object that is on one side only.
#[derive(Debug, Clone)]
pub struct Lonely {
    /// What it is.
    pub kind: ObjectKind,
    /// Where it is.
    pub place: Place,
    /// Its position among the objects of its side.
    pub object: usize,
    /// How many objects belong to it.
    pub parts: u64,
}

/// Objects of two sides, put together.
#[derive(Debug, Clone, Default)]
pub struct Pairing {
    /// On both sides.
    pub pairs: Vec<Pair>,
    /// On the source only; what belongs to such an object is counted, not listed.
    pub missing: Vec<Lonely>,
    /// On the target only.
    pub extra: Vec<Lonely>,
    /// Identifiers of the source, by name.
    pub source: Names,
    /// Identifiers of the target, by the names that the source uses.
    pub target: Names,
}

/// Names for identifiers.
#[derive(Debug, Clone, Default)]
pub struct Names {
    names: HashMap<String, String>,
    realms: HashMap<String, String>,
}

impl Names {
    /// Name of a realm that is on both sides, by its identifier.
    pub fn realm(&self, id: &str) -> Option<&str> {
        self.realms.get(id).map(String::as_str)
    }

    /// The value with names in the place of identifiers, also of those inside a longer text.
    pub fn resolve(&self, value: Value) -> Value {
        match value {
            Value::Reference(id) => match self.names.get(&id) {
                Some(name) => Value::Text(name.clone()),
                None => Value::Text(id),
            },
            Value::Text(text) => Value::Text(self.resolve_text(text)),
            other => other,
        }
    }

    fn resolve_text(&self, text: String) -> String {
        const LENGTH: usize = 36;
        if text.len() < LENGTH {
            return text;
        }
        let (mut out, mut copied, mut at) = (String::new(), 0, 0);
        while at + LENGTH <= text.len() {
            let candidate = &text.as_bytes()[at..at + LENGTH];
            // Only ASCII has the form of an identifier, so that the slice below ends between characters.
            let known = if is_uuid(candidate) { self.names.get(&text[at..at + LENGTH]) } else { None };
            match known {
                Some(name) => {
                    out.push_str(&text[copied..at]);
                    out.push_str(name);
                    at += LENGTH;
                    copied = at;
                }
                None => at += 1,
            }
        }
        if copied == 0 {
            return text;
        }
        out.push_str(&text[copied..]);
        out
    }

    fn insert(&mut self, object: &Object, place: &Place) {
        if !object.id.is_empty() {
            let name = format!("{} {}/{}", object.kind.one(), place.realm, place.path);
            self.names.insert(object.id.clone(), name);
        }
    }
}

fn is_uuid(bytes: &[u8]) -> bool {
    bytes.iter().enumerate().all(|(at, b)| match at {
        8 | 13 | 18 | 23 => *b == b'-',
        _ => b.is_ascii_hexdigit(),
    })
}

type Children<'a> = HashMap<(ObjectKind, &'a str), BTreeMap<ObjectKind, Vec<usize>>>;

/// Children by parent, and the objects that have none or whose parent is not there.
fn children(side: &Realms) -> (Children<'_>, BTreeMap<ObjectKind, Vec<usize>>) {
    let known: BTreeSet<(ObjectKind, &str)> = side.objects.iter().map(|o| (o.kind, o.id.as_str())).collect();
    let (mut children, mut roots) = (Children::new(), BTreeMap::<ObjectKind, Vec<usize>>::new());
    for (at, object) in side.objects.iter().enumerate() {
        let parent = object.parent.as_ref().map(|(kind, id)| (*kind, id.as_str()));
        match parent.filter(|parent| known.contains(parent)) {
            Some(parent) => children.entry(parent).or_default().entry(object.kind).or_default().push(at),
            None => roots.entry(object.kind).or_default().push(at),
        }
    }
    (children, roots)
}

impl Pairing {
    /// Puts the objects of two sides together.
    pub fn of(source: &Realms, target: &Realms) -> Self {
        let mut work =
            Work { source, target, a: children(source).0, b: children(target).0, done: Self::default() };
        let (roots_a, roots_b) = (children(source).1, children(target).1);
        work.level(None, &roots_a, &roots_b);
        work.done
    }

    /// Leaves out what belongs to other realms than those named.
    pub fn only(&mut self, realms: &[String]) {
        let named = |realm: &String| realms.contains(realm);
        self.pairs.retain(|p| named(&p.place.realm));
        self.missing.retain(|l| named(&l.place.realm));
        self.extra.retain(|l| named(&l.place.realm));
        self.source.realms.retain(|_, realm| named(realm));
        self.target.realms.retain(|_, realm| named(realm));
    }

    /// Whether a realm is on either side.
    pub fn knows(&self, realm: &str) -> bool {
        let lonely = self.missing.iter().chain(&self.extra).map(|l| &l.place);
        self.pairs.iter().map(|p| &p.place).chain(lonely).any(|place| place.realm == realm)
    }
}

struct Work<'a> {
    source: &'a Realms,
    target: &'a Realms,
    a: Children<'a>,
    b: Children<'a>,
    done: Pairing,
}

impl Work<'_> {
    fn level(
        &mut self,
        above: Option<&Place>,
        source: &BTreeMap<ObjectKind, Vec<usize>>,
        target: &BTreeMap<ObjectKind, Vec<usize>>,
    ) {
        let kinds: BTreeSet<ObjectKind> = source.keys().chain(target.keys()).copied().collect();
        let none = Vec::new();
        for kind in kinds {
            let (a, b) = (source.get(&kind).unwrap_or(&none), target.get(&kind).unwrap_or(&none));
            let (pairs, missing, extra) = siblings(self.source, a, self.target, b);
            for (a, b) in pairs {
                let place = place(above, &self.source.objects[a]);
                self.done.source.insert(&self.source.objects[a], &place);
                self.done.target.insert(&self.target.objects[b], &place);
                if kind == ObjectKind::Realm {
                    let realm = &place.realm;
                    self.done.source.realms.insert(self.source.objects[a].id.clone(), realm.clone());
                    self.done.target.realms.insert(self.target.objects[b].id.clone(), realm.clone());
                }
                let below = |side: &Children<'_>, object: &Object| {
                    side.get(&(kind, object.id.as_str())).cloned().unwrap_or_default()
                };
                let (under_a, under_b) =
                    (below(&self.a, &self.source.objects[a]), below(&self.b, &self.target.objects[b]));
                self.done.pairs.push(Pair { kind, place: place.clone(), source: a, target: b });
                self.level(Some(&place), &under_a, &under_b);
            }
            for object in missing {
                let place = place(above, &self.source.objects[object]);
                let parts = name_below(self.source, &self.a, object, &place, &mut self.done.source);
                self.done.missing.push(Lonely { kind, place, object, parts });
            }
            for object in extra {
                let place = place(above, &self.target.objects[object]);
                let parts = name_below(self.target, &self.b, object, &place, &mut self.done.target);
                self.done.extra.push(Lonely { kind, place, object, parts });
            }
        }
    }
}

/// Names an object of one side and everything below it. Returns how many there are below.
fn name_below(side: &Realms, children: &Children<'_>, object: usize, at: &Place, names: &mut Names) -> u64 {
    let object = &side.objects[object];
    names.insert(object, at);
    let mut parts = 0;
    for child in
        children.get(&(object.kind, object.id.as_str())).into_iter().flat_map(BTreeMap::values).flatten()
    {
        let place = place(Some(at), &side.objects[*child]);
        parts += 1 + name_below(side, children, *child, &place, names);
    }
    parts
}

fn place(above: Option<&Place>, object: &Object) -> Place {
    match above {
        None if object.kind == ObjectKind::Realm => {
            Place { realm: object.name.clone(), path: String::new(), inside_client: false }
        }
        None => Place { realm: NOWHERE.to_owned(), path: object.name.clone(), inside_client: false },
        Some(above) => Place {
            realm: above.realm.clone(),
            path: if above.path.is_empty() {
                object.name.clone()
            } else {
                format!("{}/{}", above.path, object.name)
            },
            inside_client: above.inside_client
                || matches!(object.kind, ObjectKind::Client | ObjectKind::ClientScope),
        },
    }
}

type Split = (Vec<(usize, usize)>, Vec<usize>, Vec<usize>);

/// Pairs siblings of one kind: by name; equal names by identifier, by content, in order; the rest by identifier.
fn siblings(source: &Realms, a: &[usize], target: &Realms, b: &[usize]) -> Split {
    let by_name = |side: &Realms, list: &[usize]| {
        let mut names = BTreeMap::<String, Vec<usize>>::new();
        for at in list {
            names.entry(side.objects[*at].name.clone()).or_default().push(*at);
        }
        names
    };
    let (mut ours, mut theirs) = (by_name(source, a), by_name(target, b));
    let mut pairs = Vec::new();
    for (name, mut left) in std::mem::take(&mut ours) {
        let mut right = theirs.remove(&name).unwrap_or_default();
        if left.len() > 1 || right.len() > 1 {
            take_equal(&mut left, &mut right, &mut pairs, |x, y| {
                same_id(&source.objects[x], &target.objects[y])
            });
            take_equal(&mut left, &mut right, &mut pairs, |x, y| {
                source.objects[x].facts == target.objects[y].facts
            });
            left.sort_by(|x, y| facts_of(source, *x).cmp(facts_of(source, *y)));
            right.sort_by(|x, y| facts_of(target, *x).cmp(facts_of(target, *y)));
        }
        let common = left.len().min(right.len());
        pairs.extend(left.drain(..common).zip(right.drain(..common)));
        if !left.is_empty() {
            ours.insert(name.clone(), left);
        }
        if !right.is_empty() {
            theirs.insert(name, right);
        }
    }
    let mut missing: Vec<usize> = ours.into_values().flatten().collect();
    let mut extra: Vec<usize> = theirs.into_values().flatten().collect();
    // What has another name and the same identifier was renamed.
    take_equal(&mut missing, &mut extra, &mut pairs, |x, y| same_id(&source.objects[x], &target.objects[y]));
    (pairs, missing, extra)
}

fn facts_of(side: &Realms, at: usize) -> &Facts {
    &side.objects[at].facts
}

fn same_id(a: &Object, b: &Object) -> bool {
    !a.id.is_empty() && a.id == b.id
}

fn take_equal(
    left: &mut Vec<usize>,
    right: &mut Vec<usize>,
    pairs: &mut Vec<(usize, usize)>,
    equal: impl Fn(usize, usize) -> bool,
) {
    left.retain(|x| match right.iter().position(|y| equal(*x, *y)) {
        Some(at) => {
            pairs.push((*x, right.remove(at)));
            false
        }
        None => true,
    });
}
