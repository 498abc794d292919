//! Makes the users of a realm: accounts, credentials, roles, groups, identities.

use super::World;
use super::definitions::{Defined, identifier};
use crate::dice::Dice;
use drydock_parity::realm::{Aspect, Sealer, UserFact, Value};

/// Parameters of a one-time password whose counter stands at a number.
pub(super) fn otp(sealer: &Sealer, counter: i64) -> Value {
    sealer.credential(&format!("{{\"subType\":\"hotp\",\"digits\":6,\"counter\":{counter}}}"))
}

/// Adds so many people, and the service accounts of the realm's clients.
pub(super) fn settle(world: &mut World, defined: &Defined, people: i64, dice: &mut Dice) {
    for number in 0..people {
        let first = *dice.pick(&["Ada", "Zoë", "Ismaël", "Ольга", "O'Neil"]).unwrap_or(&"Ada");
        let name = format!("{}.{number}", first.to_lowercase());
        let mut tell = Teller::new(world, defined, &name, dice);
        for (column, value) in
            [("first_name", first), ("last_name", "Example"), ("email", &format!("{name}@example.com"))]
        {
            tell.text(Aspect::Profile, column, value);
        }
        tell.text(Aspect::Profile, "email_verified", "true");
        tell.text(Aspect::Attribute, "department", "claims");
        tell.text(Aspect::Attribute, "phone", &format!("+49 30 {}", dice.between(10_000, 99_999)));
        tell.text(Aspect::Attribute, "phone", "+1 303 555");
        let hash = tell.sealer.secret(&dice.hex(32));
        tell.say(Aspect::Credential, "password", hash);
        let parameters = tell.sealer.credential("{\"algorithm\":\"argon2\",\"hashIterations\":5}");
        tell.say(Aspect::Credential, "password parameters", parameters);
        tell.text(Aspect::Credential, "password since", &dice.between(1, 1_000_000).to_string());
        let mut roles: Vec<&String> = defined.roles.iter().collect();
        dice.shuffle(&mut roles);
        for role in roles.into_iter().take(2) {
            tell.say(Aspect::Roles, "", Value::Reference(role.clone()));
        }
        for group in &defined.groups[..2] {
            tell.say(Aspect::Groups, "UNMANAGED", Value::Reference(group.clone()));
        }
        // The first of all has everything, so that each corruption has a place.
        let mut some = || number == 0 || dice.below(3) == 0;
        if some() {
            let seed = tell.sealer.secret(&format!("seed of {name}"));
            tell.say(Aspect::Credential, "otp", seed);
            let parameters = otp(&tell.sealer, 1);
            tell.say(Aspect::Credential, "otp parameters", parameters);
        }
        if some() {
            tell.text(Aspect::RequiredAction, "", "UPDATE_PASSWORD");
        }
        if some() {
            tell.text(Aspect::Identities, "azure", &format!("{number} as {name}"));
        }
        if some()
            && let Some((_, client)) = defined.accounts.first()
        {
            tell.say(Aspect::Consents, "", Value::Reference(client.clone()));
        }
        if some() {
            tell.say(Aspect::Link, "federation_link", Value::Reference(defined.federation.clone()));
        }
    }
    for (client, id) in &defined.accounts {
        let mut tell = Teller::new(world, defined, &format!("service-account-{client}"), dice);
        tell.say(Aspect::Link, "service_account_client_link", Value::Reference(id.clone()));
        for role in &defined.roles[..1] {
            tell.say(Aspect::Roles, "", Value::Reference(role.clone()));
        }
    }
}

/// Tells facts of one user.
struct Teller<'a> {
    facts: &'a mut Vec<UserFact>,
    sealer: Sealer,
    who: UserFact,
}

impl<'a> Teller<'a> {
    fn new(world: &'a mut World, defined: &Defined, name: &str, dice: &mut Dice) -> Self {
        let who = UserFact {
            realm_id: defined.realm.clone(),
            user: name.to_owned(),
            id: identifier(dice),
            about: None,
        };
        world.users.push(who.clone());
        let mut tell = Self { facts: &mut world.users, sealer: world.sealer, who };
        tell.text(Aspect::Enabled, "enabled", "true");
        tell.text(Aspect::Setting, "not_before", "0");
        tell
    }

    fn say(&mut self, aspect: Aspect, name: &str, value: Value) {
        let about = Some((aspect, name.to_owned(), value));
        self.facts.push(UserFact { about, ..self.who.clone() });
    }

    fn text(&mut self, aspect: Aspect, name: &str, value: &str) {
        self.say(aspect, name, Value::Text(value.to_owned()));
    }
}
