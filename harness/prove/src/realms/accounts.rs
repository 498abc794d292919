//! Every corruption of users.

use super::definitions::identifier;
use super::plant::{To, user};
use super::{LABEL, World};
use crate::dice::Dice;
use crate::family::Variant;
use drydock_core::Kind;
use drydock_parity::realm::{Aspect as A, ObjectKind as K, UserFact};

/// Corruptions of who is there, and under which name.
pub(super) fn accounts() -> Vec<Variant<World>> {
    let gone = |title: &str, known: Option<(A, &'static str)>| {
        Variant::new(title, move |world: &mut World, dice: &mut Dice| {
            let who = world.somebody(known, dice)?;
            world.users.retain(|fact| fact.id != who.id);
            world.told_of(&who, Kind::Missing, "")
        })
    };
    let link = |title, name, to| user(title, A::Link, name, "links", to);
    vec![
        gone("user lost", None),
        gone("service account lost", Some((A::Link, "service_account_client_link"))),
        Variant::new("user added", |world: &mut World, dice| {
            let who =
                UserFact { user: "intruder".to_owned(), id: identifier(dice), ..world.somebody(None, dice)? };
            world.users.push(who.clone());
            world.told_of(&who, Kind::Extra, "")
        }),
        Variant::new("user there twice", |world: &mut World, dice| {
            let who = world.somebody(None, dice)?;
            let ids = world.told_of(&who, Kind::Extra, "/ids")?.subject;
            world.users.push(UserFact { id: identifier(dice), ..who.clone() });
            // One of the two carries another identifier than the source's.
            Some(world.told_of(&who, Kind::Extra, "")?.also(ids))
        }),
        Variant::new("user renamed", |world: &mut World, dice| {
            let who = world.somebody(None, dice)?;
            let ours = world.users.iter_mut().filter(|fact| fact.id == who.id);
            ours.for_each(|fact| "renamed".clone_into(&mut fact.user));
            Some(world.told_of(&who, Kind::Changed, "/settings")?.named("renamed"))
        }),
        Variant::new("user made anew", |world: &mut World, dice| {
            let who = world.somebody(None, dice)?;
            let new = identifier(dice);
            world.replace(&who.id, &new);
            world.told_of(&who, Kind::Changed, "/ids")
        }),
        Variant::new("user in another realm", |world: &mut World, dice| {
            let who = world.somebody(Some((A::Profile, "email")), dice)?;
            let others = world.definitions.objects.iter();
            let other = others.filter(|o| o.kind == K::Realm).find(|o| o.id != who.realm_id)?;
            let (id, name) = (other.id.clone(), other.name.clone());
            // Under a name that the other realm does not have.
            for fact in world.users.iter_mut().filter(|fact| fact.id == who.id) {
                fact.realm_id.clone_from(&id);
                "stranger".clone_into(&mut fact.user);
            }
            Some(world.told_of(&who, Kind::Missing, "")?.also(format!("{LABEL}/{name}/users")))
        }),
        Variant::new("user lost, credentials left behind", |world: &mut World, dice| {
            let who = world.somebody(Some((A::Credential, "password")), dice)?;
            world.users.retain(|fact| fact.id != who.id || matches!(fact.about, Some((A::Credential, ..))));
            for fact in world.users.iter_mut().filter(|fact| fact.id == who.id) {
                (fact.realm_id, fact.user) = (String::new(), format!("(no user) {}", who.id));
                fact.id = String::new();
            }
            Some(world.told_of(&who, Kind::Missing, "")?.also(format!("{LABEL}/(no realm)/users")))
        }),
        user("user switched off", A::Enabled, "enabled", "enabled", To::Text("false")),
        user("tokens of a user revoked", A::Setting, "not_before", "settings", To::Text("1700000000")),
        link("service account cut off", "service_account_client_link", To::Lost),
        link(
            "service account of another client",
            "service_account_client_link",
            To::Object(K::Client, "legacy"),
        ),
        link("user no longer federated", "federation_link", To::Lost),
    ]
}

/// Corruptions of what is known about users.
pub(super) fn people() -> Vec<Variant<World>> {
    let credential = |title, name, to| user(title, A::Credential, name, "credentials", to);
    let profile = |title, name, to| user(title, A::Profile, name, "profile", to);
    let roles = |title, to| user(title, A::Roles, "", "roles", to);
    vec![
        Variant::new("password lost", |world: &mut World, dice| {
            let who = world.somebody(Some((A::Credential, "password")), dice)?;
            let password = |about: &Option<(A, String, _)>| matches!(about, Some((A::Credential, name, _)) if name.starts_with("password"));
            world.users.retain(|fact| fact.id != who.id || !password(&fact.about));
            Some(world.told_of(&who, Kind::Missing, "/credentials")?.named("no password credential"))
        }),
        Variant::new("password of another type", |world: &mut World, dice| {
            let who = world.somebody(Some((A::Credential, "password")), dice)?;
            for fact in world.users.iter_mut().filter(|fact| fact.id == who.id) {
                if let Some((A::Credential, name, _)) = &mut fact.about {
                    *name = name.replace("password", "password-history");
                }
            }
            Some(world.told_of(&who, Kind::Missing, "/credentials")?.named("password"))
        }),
        Variant::new("password set anew", |world: &mut World, dice| {
            let (who, sealer) = (world.somebody(Some((A::Credential, "password")), dice)?, world.sealer);
            for fact in world.users.iter_mut().filter(|fact| fact.id == who.id) {
                if let Some((A::Credential, name, value)) = &mut fact.about
                    && name.starts_with("password")
                {
                    *value = sealer.secret("anew");
                }
            }
            world.told_of(&who, Kind::Changed, "/credentials")
        }),
        credential("hash of a password changed", "password", To::Secret("x")),
        credential("hash of a password there twice", "password", To::Doubled),
        credential("parameters of a password changed", "password parameters", To::Secret("x")),
        credential("seed of one-time passwords changed", "otp", To::Secret("x")),
        credential("seed of one-time passwords lost", "otp", To::Lost),
        roles("role of a user lost", To::Lost),
        roles("role of a user added", To::AddedObject(K::Role, "auditor")),
        roles("role of a user changed", To::Object(K::Role, "auditor")),
        user("membership lost", A::Groups, "UNMANAGED", "groups", To::Lost),
        user("membership added", A::Groups, "UNMANAGED", "groups", To::AddedObject(K::Group, "nobody")),
        user("attribute of a user lost", A::Attribute, "department", "attributes", To::Lost),
        user("attribute of a user changed", A::Attribute, "department", "attributes", To::Text("Claims")),
        user("one of two values of an attribute lost", A::Attribute, "phone", "attributes", To::Lost),
        user("attribute of a user doubled", A::Attribute, "phone", "attributes", To::Doubled),
        profile("address of a user changed", "email", To::Text("other@example.com")),
        profile("first name of a user lost", "first_name", To::Lost),
        profile("address no longer verified", "email_verified", To::Text("false")),
        user("required action of a user lost", A::RequiredAction, "", "required-actions", To::Lost),
        user(
            "required action of a user added",
            A::RequiredAction,
            "",
            "required-actions",
            To::Added("VERIFY_EMAIL"),
        ),
        user("identity at a provider lost", A::Identities, "azure", "identities", To::Lost),
        user(
            "identity at a provider changed",
            A::Identities,
            "azure",
            "identities",
            To::Text("9 as another"),
        ),
        user("consent lost", A::Consents, "", "consents", To::Lost),
        user("consent for another client", A::Consents, "", "consents", To::Object(K::Client, "legacy")),
    ]
}
