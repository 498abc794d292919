//! The same realms once more: in another order, used a little, and perhaps imported under other identifiers.

use super::definitions::identifier;
use super::people::otp;
use super::{Identifiers, World};
use crate::dice::Dice;
use drydock_parity::realm::{Aspect, ObjectKind, Value};
use std::collections::HashMap;

/// A clean twin.
pub(super) fn rewritten(source: &World, dice: &mut Dice) -> World {
    let mut world = source.clone();
    if dice.flip() {
        renumber(&mut world, dice);
        write_defaults(&mut world, dice);
    }
    use_a_little(&mut world, dice);
    dice.shuffle(&mut world.definitions.objects);
    for object in &mut world.definitions.objects {
        object.facts.0.values_mut().for_each(|values| dice.shuffle(values));
    }
    dice.shuffle(&mut world.users);
    world
}

/// Gives every object but groups another identifier, wherever it is referred to.
fn renumber(world: &mut World, dice: &mut Dice) {
    let mut others = HashMap::<String, String>::new();
    for object in world.definitions.objects.iter().filter(|object| object.kind != ObjectKind::Group) {
        others.insert(object.id.clone(), identifier(dice));
    }
    let other = |id: &mut String| {
        if let Some(new) = others.get(id.as_str()) {
            id.clone_from(new);
        }
    };
    let value = |value: &mut Value| match value {
        Value::Reference(id) => other(id),
        Value::Text(text) if text.contains("\"id\":") => {
            for (old, new) in &others {
                *text = text.replace(old, new);
            }
        }
        _ => {}
    };
    for object in &mut world.definitions.objects {
        other(&mut object.id);
        if let Some((_, parent)) = &mut object.parent {
            other(parent);
        }
        object.facts.0.values_mut().flatten().for_each(value);
    }
    for fact in &mut world.users {
        other(&mut fact.realm_id);
        if let Some((_, _, told)) = &mut fact.about {
            value(told);
        }
    }
    world.identifiers = Identifiers::Renumbered;
}

/// Writes down what an import writes down.
fn write_defaults(world: &mut World, dice: &mut Dice) {
    let sealer = world.sealer;
    for object in &mut world.definitions.objects {
        match object.kind {
            ObjectKind::Realm => object.facts.text(Aspect::Attribute, "clientProfiles", "{\"profiles\":[]}"),
            ObjectKind::Client if object.name == "broker" => {
                object.facts.add(Aspect::Secret, "secret", sealer.secret(&dice.hex(32)));
            }
            ObjectKind::Client if dice.flip() => {
                object.facts.text(Aspect::Attribute, "realm_client", "false");
                object.facts.text(Aspect::Attribute, "backchannel.logout.revoke.offline.tokens", "false");
            }
            ObjectKind::Mapper if dice.flip() => {
                object.facts.text(Aspect::Config, "introspection.token.claim", "true");
            }
            _ => {}
        }
    }
}

/// Counters that grow with each login, and the age of a credential, say nothing about who may log in.
fn use_a_little(world: &mut World, dice: &mut Dice) {
    let sealer = world.sealer;
    for fact in &mut world.users {
        match &mut fact.about {
            Some((Aspect::Credential, name, value)) if name == "otp parameters" => {
                *value = otp(&sealer, dice.between(1, 500));
            }
            Some((Aspect::Credential, name, value)) if name.ends_with(" since") && dice.below(8) == 0 => {
                *value = Value::Text(dice.between(1, 1_000_000).to_string());
            }
            _ => {}
        }
    }
}
