//! Ways to harm a realm, each with what must be told of it.

use super::definitions::identifier;
use super::{Identifiers, LABEL, World};
use crate::dice::Dice;
use crate::family::Variant;
use crate::planted::Planted;
use drydock_core::Kind;
use drydock_core::names::checks;
use drydock_parity::realm::{Aspect, Facts, Object, ObjectKind, UserFact, Value};
use std::collections::BTreeSet;

/// What happens to one value.
#[derive(Debug, Clone, Copy)]
pub(super) enum To {
    /// It is gone.
    Lost,
    /// It is there once more.
    Doubled,
    /// It is another text.
    Text(&'static str),
    /// It is another secret.
    Secret(&'static str),
    /// It refers to the object of this name in the same realm instead.
    Object(ObjectKind, &'static str),
    /// A text stands beside it.
    Added(&'static str),
    /// A reference to the object of this name in the same realm stands beside it.
    AddedObject(ObjectKind, &'static str),
}

/// Objects of one kind, and how findings about them end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Of {
    pub(super) check: &'static str,
    pub(super) kind: ObjectKind,
    /// What they belong to, where only such are meant.
    pub(super) parent: Option<ObjectKind>,
    /// Part of the subject behind the realm; empty for realms.
    pub(super) subject: &'static str,
}

impl World {
    fn at(&self, kind: ObjectKind, id: &str) -> Option<&Object> {
        self.definitions.objects.iter().find(|object| object.kind == kind && object.id == id)
    }

    /// Realm and path of an object.
    fn place(&self, object: &Object) -> Option<(String, String)> {
        let Some((kind, id)) = &object.parent else { return Some((object.name.clone(), String::new())) };
        let (realm, above) = self.place(self.at(*kind, id)?)?;
        let path = if above.is_empty() { object.name.clone() } else { format!("{above}/{}", object.name) };
        Some((realm, path))
    }

    fn realm_name(&self, id: &str) -> Option<&str> {
        self.at(ObjectKind::Realm, id).map(|realm| realm.name.as_str())
    }

    /// Identifier of an object by its name in a realm.
    pub(super) fn named(&self, realm: &str, kind: ObjectKind, name: &str) -> Option<String> {
        let fits = |object: &&Object| {
            object.kind == kind
                && object.name == name
                && self.place(object).is_some_and(|(at, _)| at == realm)
        };
        self.definitions.objects.iter().find(fits).map(|object| object.id.clone())
    }

    /// Identifiers of everything below an object, and its own.
    pub(super) fn with_parts(&self, id: &str) -> BTreeSet<String> {
        let mut all = BTreeSet::from([id.to_owned()]);
        loop {
            let before = all.len();
            for object in &self.definitions.objects {
                if object.parent.as_ref().is_some_and(|(_, parent)| all.contains(parent)) {
                    all.insert(object.id.clone());
                }
            }
            if all.len() == before {
                return all;
            }
        }
    }

    /// Every value of every object and user.
    fn values(&self) -> impl Iterator<Item = (&str, &Value)> {
        let objects = self.definitions.objects.iter();
        let objects = objects
            .flat_map(|object| object.facts.0.values().flatten().map(|value| (object.id.as_str(), value)));
        objects.chain(self.users.iter().filter_map(|fact| fact.about.as_ref().map(|(.., value)| ("", value))))
    }

    /// An object that nothing refers to, with whatever belongs to it.
    fn lonely(&self, of: Of, dice: &mut Dice) -> Option<(String, BTreeSet<String>)> {
        let named: Vec<(&str, &String)> = self
            .values()
            .filter_map(|(from, value)| match value {
                Value::Reference(id) => Some((from, id)),
                _ => None,
            })
            .collect();
        let texts: Vec<&String> = self
            .values()
            .filter_map(|(_, value)| match value {
                Value::Text(text) if text.contains("\"id\":") => Some(text),
                _ => None,
            })
            .collect();
        let fitting: Vec<(String, BTreeSet<String>)> = self
            .definitions
            .objects
            .iter()
            .filter(|object| of.holds(object))
            .map(|object| (object.id.clone(), self.with_parts(&object.id)))
            .filter(|(_, parts)| {
                !named.iter().any(|(from, id)| parts.contains(*id) && !parts.contains(*from))
                    && !texts.iter().any(|text| parts.iter().any(|id| text.contains(id.as_str())))
            })
            .collect();
        dice.pick(&fitting).cloned()
    }

    pub(super) fn remove(&mut self, ids: &BTreeSet<String>) {
        self.definitions.objects.retain(|object| !ids.contains(&object.id));
        self.users.retain(|fact| !ids.contains(&fact.realm_id));
    }

    /// Gives a group or a user another identifier, wherever it is referred to.
    pub(super) fn replace(&mut self, old: &str, new: &str) {
        let other = |id: &mut String| {
            if id == old {
                new.clone_into(id);
            }
        };
        let refer = |value: &mut Value| {
            if let Value::Reference(id) = value {
                other(id);
            }
        };
        for object in &mut self.definitions.objects {
            other(&mut object.id);
            if let Some((_, parent)) = &mut object.parent {
                other(parent);
            }
            object.facts.0.values_mut().flatten().for_each(refer);
        }
        for fact in &mut self.users {
            other(&mut fact.id);
            if let Some((_, _, value)) = &mut fact.about {
                refer(value);
            }
        }
    }

    /// Somebody, perhaps only somebody of whom a fact of this aspect and name is known.
    pub(super) fn somebody(&self, known: Option<(Aspect, &str)>, dice: &mut Dice) -> Option<UserFact> {
        let fits = |fact: &&UserFact| match (&fact.about, known) {
            (None, None) => true,
            (Some((aspect, name, _)), Some(known)) => (*aspect, name.as_str()) == known,
            _ => false,
        };
        let all: Vec<&UserFact> = self.users.iter().filter(fits).collect();
        dice.pick(&all).map(|fact| UserFact { about: None, ..(*fact).clone() })
    }

    /// What must be told of somebody.
    pub(super) fn told_of(&self, who: &UserFact, kind: Kind, topic: &str) -> Option<Planted> {
        let subject = format!("{LABEL}/{}/users{topic}", self.realm_name(&who.realm_id)?);
        Some(Planted::new(checks::KC_USERS, kind, subject).named(who.user.clone()).count(1))
    }

    /// What happens to one of several values, and what is said of that.
    fn harm(
        &self,
        values: &mut Vec<Value>,
        to: To,
        realm: &str,
        dice: &mut Dice,
    ) -> Option<(Kind, Vec<String>)> {
        let at = dice.below(values.len());
        let shown = |value: &Value| match value {
            // Identifiers inside a text are shown as names.
            Value::Text(text) if !text.contains("\"id\":") => text.clone(),
            _ => String::new(),
        };
        let before = values.get(at)?.clone();
        let (kind, after) = match to {
            To::Lost => {
                values.remove(at);
                return Some((Kind::Missing, vec![shown(&before)]));
            }
            To::Doubled => (Kind::Extra, before.clone()),
            To::Text(text) => (Kind::Changed, Value::Text(text.to_owned())),
            To::Secret(text) => (Kind::Changed, self.sealer.secret(text)),
            To::Object(kind, name) => (Kind::Changed, Value::Reference(self.named(realm, kind, name)?)),
            To::Added(text) => (Kind::Extra, Value::Text(text.to_owned())),
            To::AddedObject(kind, name) => (Kind::Extra, Value::Reference(self.named(realm, kind, name)?)),
        };
        let mut named = vec![shown(&after)];
        if kind == Kind::Changed {
            named.push(shown(&before));
            values[at] = after;
        } else {
            values.push(after);
        }
        if let To::Object(_, name) | To::AddedObject(_, name) = to {
            named.push(name.to_owned());
        }
        Some((kind, named))
    }
}

impl Of {
    fn holds(self, object: &Object) -> bool {
        object.kind == self.kind
            && self
                .parent
                .is_none_or(|kind| object.parent.as_ref().is_some_and(|(parent, _)| *parent == kind))
    }

    fn planted(self, kind: Kind, realm: &str, topic: &str) -> Planted {
        let subject = match self.subject {
            "" => format!("{LABEL}/{realm}/{topic}"),
            subject if topic.is_empty() => format!("{LABEL}/{realm}/{subject}"),
            subject => format!("{LABEL}/{realm}/{subject}/{topic}"),
        };
        Planted::new(self.check, kind, subject).count(1)
    }

    /// One value of one object differs; `topic` is the end of the subject.
    pub(super) fn fact(
        self,
        title: &str,
        aspect: Aspect,
        name: &'static str,
        topic: &'static str,
        to: To,
    ) -> Variant<World> {
        Variant::new(title, move |world: &mut World, dice: &mut Dice| {
            let key = (aspect, name.to_owned());
            let fits = |at: &usize| {
                let object = &world.definitions.objects[*at];
                // An import may give this client a secret of its own.
                let written = object.name == "broker" && aspect == Aspect::Secret;
                self.holds(object) && object.facts.0.contains_key(&key) && !written
            };
            let fitting: Vec<usize> = (0..world.definitions.objects.len()).filter(fits).collect();
            let at = *dice.pick(&fitting)?;
            let (realm, path) = world.place(&world.definitions.objects[at])?;
            let mut values = world.definitions.objects[at].facts.0.get(&key)?.clone();
            let (kind, named) = world.harm(&mut values, to, &realm, dice)?;
            put(&mut world.definitions.objects[at].facts, key, values);
            let planted = self.planted(kind, &realm, topic).named(path).named(name);
            Some(named.into_iter().fold(planted, Planted::named))
        })
    }

    /// One object is gone that nothing refers to.
    pub(super) fn lost(self, title: &str) -> Variant<World> {
        Variant::new(title, move |world: &mut World, dice: &mut Dice| {
            let (id, parts) = world.lonely(self, dice)?;
            let (realm, path) = world.place(world.at(self.kind, &id)?)?;
            world.remove(&parts);
            let planted = self.planted(Kind::Missing, &realm, "").named(path);
            Some(if parts.len() > 1 {
                planted.named(format!("{} more things", parts.len() - 1))
            } else {
                planted
            })
        })
    }

    /// One object more in a realm.
    pub(super) fn extra(self, title: &str, name: &'static str) -> Variant<World> {
        Variant::new(title, move |world: &mut World, dice: &mut Dice| {
            let like: Vec<&Object> =
                world.definitions.objects.iter().filter(|object| self.holds(object)).collect();
            let mut twin = (*dice.pick(&like)?).clone();
            (twin.id, twin.name) = (identifier(dice), name.to_owned());
            let (realm, path) = world.place(&twin)?;
            world.definitions.objects.push(twin);
            Some(self.planted(Kind::Extra, &realm, "").named(path))
        })
    }

    /// One object has another name: told as such under the same identifier, as lost under another one.
    pub(super) fn renamed(self, title: &str) -> Variant<World> {
        Variant::new(title, move |world: &mut World, dice: &mut Dice| {
            let (id, _) = world.lonely(self, dice)?;
            let (realm, path) = world.place(world.at(self.kind, &id)?)?;
            let object = world.definitions.objects.iter_mut().find(|object| object.id == id)?;
            "renamed".clone_into(&mut object.name);
            let kept = world.identifiers == Identifiers::Kept || self.kind == ObjectKind::Group;
            let planted = if kept {
                self.planted(Kind::Changed, &realm, "settings").named("renamed")
            } else {
                self.planted(Kind::Missing, &realm, "")
            };
            Some(planted.named(path))
        })
    }
}

/// One value of one user differs; `topic` is the end of the subject.
pub(super) fn user(
    title: &str,
    aspect: Aspect,
    name: &'static str,
    topic: &'static str,
    to: To,
) -> Variant<World> {
    Variant::new(title, move |world: &mut World, dice: &mut Dice| {
        let who = world.somebody(Some((aspect, name)), dice)?;
        let realm = world.realm_name(&who.realm_id)?.to_owned();
        let ours = |fact: &UserFact| {
            fact.id == who.id && matches!(&fact.about, Some((a, n, _)) if *a == aspect && n == name)
        };
        let (mine, others): (Vec<UserFact>, Vec<UserFact>) = world.users.drain(..).partition(ours);
        world.users = others;
        let mut values: Vec<Value> = mine.into_iter().filter_map(|fact| Some(fact.about?.2)).collect();
        let (kind, named) = world.harm(&mut values, to, &realm, dice)?;
        let told = |value| UserFact { about: Some((aspect, name.to_owned(), value)), ..who.clone() };
        world.users.extend(values.into_iter().map(told));
        let planted = world.told_of(&who, kind, &format!("/{topic}"))?.named(name);
        Some(named.into_iter().fold(planted, Planted::named))
    })
}

fn put(facts: &mut Facts, key: (Aspect, String), values: Vec<Value>) {
    if values.is_empty() {
        facts.0.remove(&key);
    } else {
        facts.0.insert(key, values);
    }
}
