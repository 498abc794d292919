//! Every corruption: of realms and clients here, of users next door.

use super::accounts::{accounts, people};
use super::definitions::identifier;
use super::plant::{Of, To};
use super::{LABEL, World};
use crate::dice::Dice;
use crate::family::Variant;
use crate::planted::Planted;
use drydock_core::Kind;
use drydock_core::names::checks::{KC_CLIENTS, KC_REALMS};
use drydock_parity::realm::{Aspect as A, ObjectKind as K};

const fn of(check: &'static str, kind: K, subject: &'static str) -> Of {
    Of { check, kind, parent: None, subject }
}

const REALM: Of = of(KC_REALMS, K::Realm, "");
const KEY: Of = of(KC_REALMS, K::Key, "realm-keys");
const ROLE: Of = Of { parent: Some(K::Realm), ..of(KC_REALMS, K::Role, "roles") };
const CLIENT_ROLE: Of = Of { parent: Some(K::Client), ..of(KC_CLIENTS, K::Role, "roles") };
const GROUP: Of = of(KC_REALMS, K::Group, "groups");
const FLOW: Of = of(KC_REALMS, K::Flow, "authentication-flows");
const STEP: Of = of(KC_REALMS, K::Execution, "authentication-steps");
const STEP_CONFIG: Of = of(KC_REALMS, K::ExecutionConfig, "configurations-of-authentication-steps");
const ACTION: Of = of(KC_REALMS, K::RequiredAction, "required-actions");
const FEDERATION: Of = of(KC_REALMS, K::Federation, "user-federations");
const COMPONENT: Of = of(KC_REALMS, K::Component, "components");
const PROVIDER: Of = of(KC_REALMS, K::IdentityProvider, "identity-providers");
const PROVIDER_MAPPER: Of = of(KC_REALMS, K::IdentityProviderMapper, "identity-provider-mappers");
const ORGANIZATION: Of = of(KC_REALMS, K::Organization, "organizations");
const CLIENT: Of = of(KC_CLIENTS, K::Client, "clients");
const SCOPE: Of = of(KC_CLIENTS, K::ClientScope, "client-scopes");
const MAPPER: Of = of(KC_CLIENTS, K::Mapper, "protocol-mappers");
const POLICY: Of = of(KC_CLIENTS, K::Authorization, "authorization-objects");

pub(super) fn all() -> Vec<Variant<World>> {
    [realms(), logins(), roles_and_groups(), clients(), accounts(), people()].into_iter().flatten().collect()
}

fn realms() -> Vec<Variant<World>> {
    let setting = |title, name, to| REALM.fact(title, A::Setting, name, "settings", to);
    vec![
        Variant::new("realm lost", |world: &mut World, dice| {
            let realms: Vec<_> = world.definitions.objects.iter().filter(|o| o.kind == K::Realm).collect();
            let (id, name) = dice.pick(&realms).map(|realm| (realm.id.clone(), realm.name.clone()))?;
            let parts = world.with_parts(&id);
            world.remove(&parts);
            let planted = Planted::new(KC_REALMS, Kind::Missing, format!("{LABEL}/{name}/realms")).count(1);
            Some(planted.named(format!("{} more things", parts.len() - 1)))
        }),
        Variant::new("realm too much", |world: &mut World, dice| {
            let mut realm = world.definitions.objects.iter().find(|o| o.kind == K::Realm)?.clone();
            (realm.id, realm.name) = (identifier(dice), "shadow".to_owned());
            world.definitions.objects.push(realm);
            Some(
                Planted::new(KC_REALMS, Kind::Extra, format!("{LABEL}/shadow/realms"))
                    .named("shadow")
                    .count(1),
            )
        }),
        REALM.fact("realm switched off", A::Enabled, "enabled", "enabled", To::Text("false")),
        setting("token lifespan changed", "access_token_lifespan", To::Text("60")),
        setting("session timeout changed", "sso_idle_timeout", To::Text("1801")),
        setting("password policy weaker", "password_policy", To::Text("length(8)")),
        setting("password policy lost", "password_policy", To::Lost),
        setting("TLS not required", "ssl_required", To::Text("NONE")),
        setting("login theme lost", "login_theme", To::Lost),
        setting("registration open", "registration_allowed", To::Text("true")),
        setting("tokens of the realm revoked", "not_before", To::Text("1700000000")),
        setting("events listener lost", "events listener", To::Lost),
        setting("language added", "supported locale", To::Added("fr")),
        REALM.fact(
            "brute force protection off",
            A::Attribute,
            "bruteForceProtected",
            "attributes",
            To::Text("false"),
        ),
        REALM.fact("address of the front end lost", A::Attribute, "frontendUrl", "attributes", To::Lost),
        REALM.fact("mail server changed", A::Config, "host", "configuration", To::Text("mail.invalid")),
        REALM.fact("sender of mail lost", A::Config, "from", "configuration", To::Lost),
        REALM.fact("password of the mail server changed", A::Secret, "password", "secrets", To::Secret("x")),
        REALM.fact(
            "login bound to another flow",
            A::Flows,
            "browser_flow",
            "flows",
            To::Object(K::Flow, "docker auth"),
        ),
        REALM.fact("default role changed", A::Roles, "default_role", "roles", To::Object(K::Role, "auditor")),
        REALM.fact("default group lost", A::Groups, "default group", "groups", To::Lost),
        REALM.fact(
            "default group changed",
            A::Groups,
            "default group",
            "groups",
            To::Object(K::Group, "nobody"),
        ),
        REALM.fact("default client scope of the realm lost", A::Scopes, "default", "client-scopes", To::Lost),
        KEY.fact("realm key regenerated", A::KeyMaterial, "privateKey", "key-material", To::Secret("new")),
        KEY.fact("realm key lost from its provider", A::KeyMaterial, "privateKey", "key-material", To::Lost),
        KEY.fact("realm key under another identifier", A::Config, "kid", "configuration", To::Text("kid-2")),
        KEY.fact("another realm key goes first", A::Config, "priority", "configuration", To::Text("101")),
        KEY.lost("key provider lost"),
        KEY.extra("key provider too much", "KeyProvider rsa-fallback"),
    ]
}

fn logins() -> Vec<Variant<World>> {
    vec![
        FLOW.lost("flow lost"),
        FLOW.extra("flow too much", "copy of browser"),
        STEP.fact("requirement of a step changed", A::Setting, "requirement", "settings", To::Text("3")),
        STEP.fact("configuration of a step unbound", A::Flows, "auth_config", "flows", To::Lost),
        STEP.fact(
            "step leads to another flow",
            A::Flows,
            "auth_flow_id",
            "flows",
            To::Object(K::Flow, "docker auth"),
        ),
        STEP.lost("step lost"),
        STEP_CONFIG.fact(
            "configuration of a step changed",
            A::Config,
            "defaultProvider",
            "configuration",
            To::Text("saml"),
        ),
        ACTION.fact("required action switched off", A::Enabled, "enabled", "enabled", To::Text("false")),
        ACTION.fact(
            "required action for everybody",
            A::Setting,
            "default_action",
            "settings",
            To::Text("true"),
        ),
        ACTION.lost("required action lost from the realm"),
        FEDERATION.fact(
            "address of a federation changed",
            A::Config,
            "connectionUrl",
            "configuration",
            To::Text("ldap://x"),
        ),
        FEDERATION.fact(
            "password of a federation changed",
            A::Secret,
            "bindCredential",
            "secrets",
            To::Secret("x"),
        ),
        FEDERATION.extra("federation too much", "UserStorageProvider shadow"),
        COMPONENT.fact(
            "policy for registrations changed",
            A::Config,
            "client-uris-must-match",
            "configuration",
            To::Text("false"),
        ),
        COMPONENT.fact(
            "mapper of a federation changed",
            A::Config,
            "ldap.attribute",
            "configuration",
            To::Text("uid"),
        ),
        COMPONENT.lost("component lost"),
        PROVIDER.lost("identity provider lost"),
        PROVIDER.fact("identity provider switched off", A::Enabled, "enabled", "enabled", To::Text("false")),
        PROVIDER.fact(
            "secret of an identity provider changed",
            A::Secret,
            "clientSecret",
            "secrets",
            To::Secret("x"),
        ),
        PROVIDER.fact("secret of an identity provider lost", A::Secret, "clientSecret", "secrets", To::Lost),
        PROVIDER.fact(
            "address of an identity provider changed",
            A::Config,
            "authorizationUrl",
            "configuration",
            To::Text("https://x"),
        ),
        PROVIDER.fact(
            "first login through a provider unbound",
            A::Flows,
            "first_broker_login_flow_id",
            "flows",
            To::Lost,
        ),
        PROVIDER_MAPPER.fact(
            "mapper of an identity provider changed",
            A::Config,
            "claim",
            "configuration",
            To::Text("roles"),
        ),
        PROVIDER_MAPPER.lost("mapper of an identity provider lost"),
        ORGANIZATION.lost("organization lost"),
        ORGANIZATION.fact("domain of an organization lost", A::Setting, "domain", "settings", To::Lost),
    ]
}

fn roles_and_groups() -> Vec<Variant<World>> {
    vec![
        ROLE.lost("role lost"),
        ROLE.renamed("role renamed"),
        ROLE.fact("composite of a role lost", A::Composites, "", "composites", To::Lost),
        ROLE.fact(
            "composite of a role added",
            A::Composites,
            "",
            "composites",
            To::AddedObject(K::Role, "auditor"),
        ),
        ROLE.fact("attribute of a role lost", A::Attribute, "cost centre", "attributes", To::Lost),
        GROUP.lost("group lost"),
        GROUP.renamed("group renamed"),
        GROUP.extra("group too much", "shadow"),
        GROUP.fact("attribute of a group lost", A::Attribute, "site", "attributes", To::Lost),
        GROUP.fact("attribute of a group doubled", A::Attribute, "site", "attributes", To::Doubled),
        GROUP.fact("role of a group lost", A::Roles, "", "roles", To::Lost),
        GROUP.fact("role of a group added", A::Roles, "", "roles", To::AddedObject(K::Role, "auditor")),
        Variant::new("group moved, its members with it", |world: &mut World, dice| {
            let (realm, from, to) = two_groups(world, dice)?;
            let group = world.definitions.objects.iter_mut().find(|object| object.id == from)?;
            group.parent = Some((K::Group, to));
            let groups = format!("{LABEL}/{realm}/groups");
            let planted = Planted::new(KC_REALMS, Kind::Missing, groups).named("ops/night shift").count(1);
            Some(planted.also(format!("{LABEL}/{realm}/users/groups")))
        }),
        Variant::new("group made anew", |world: &mut World, dice| {
            let (realm, old, _) = two_groups(world, dice)?;
            let new = identifier(dice);
            world.replace(&old, &new);
            let subject = format!("{LABEL}/{realm}/groups/ids");
            Some(Planted::new(KC_REALMS, Kind::Changed, subject).named("ops/night shift").count(1))
        }),
    ]
}

/// A realm with its groups `night shift` and `sales`.
fn two_groups(world: &World, dice: &mut Dice) -> Option<(&'static str, String, String)> {
    let realm = *dice.pick(&["master", "camunda-platform"])?;
    Some((realm, world.named(realm, K::Group, "night shift")?, world.named(realm, K::Group, "sales")?))
}

fn clients() -> Vec<Variant<World>> {
    let setting = |title, name, to| CLIENT.fact(title, A::Setting, name, "settings", to);
    let redirect = |title, to| CLIENT.fact(title, A::RedirectUris, "", "redirect-uris", to);
    let origin = |title, to| CLIENT.fact(title, A::WebOrigins, "", "web-origins", to);
    let scope = |title, name, to| CLIENT.fact(title, A::Scopes, name, "client-scopes", to);
    let mapper = |title, name, to| MAPPER.fact(title, A::Config, name, "configuration", to);
    vec![
        CLIENT.lost("client lost"),
        CLIENT.extra("client too much", "shadow"),
        CLIENT.renamed("client renamed"),
        CLIENT.fact("client switched off", A::Enabled, "enabled", "enabled", To::Text("false")),
        CLIENT.fact("client secret changed", A::Secret, "secret", "secrets", To::Secret("x")),
        CLIENT.fact("client secret lost", A::Secret, "secret", "secrets", To::Lost),
        setting("client public", "public_client", To::Text("true")),
        redirect("redirect address lost", To::Lost),
        redirect("redirect address added", To::Added("https://evil.invalid/*")),
        redirect("redirect address wider", To::Text("*")),
        origin("web origin lost", To::Lost),
        origin("web origin added", To::Added("*")),
        CLIENT.fact(
            "attribute of a client lost",
            A::Attribute,
            "pkce.code.challenge.method",
            "attributes",
            To::Lost,
        ),
        CLIENT.fact(
            "attribute of a client changed",
            A::Attribute,
            "pkce.code.challenge.method",
            "attributes",
            To::Text("plain"),
        ),
        scope("default scope of a client lost", "default", To::Lost),
        scope("optional scope of a client lost", "optional", To::Lost),
        scope("default scope of a client added", "default", To::AddedObject(K::ClientScope, "unused")),
        CLIENT.fact("scope of roles lost", A::Roles, "scope", "roles", To::Lost),
        CLIENT_ROLE.lost("client role lost"),
        CLIENT_ROLE.extra("client role too much", "admin"),
        SCOPE.lost("client scope lost"),
        SCOPE.renamed("client scope renamed"),
        SCOPE.fact(
            "attribute of a client scope lost",
            A::Attribute,
            "consent.screen.text",
            "attributes",
            To::Lost,
        ),
        SCOPE.fact(
            "protocol of a client scope changed",
            A::Setting,
            "protocol",
            "settings",
            To::Text("saml"),
        ),
        MAPPER.lost("protocol mapper lost"),
        MAPPER.extra("protocol mapper too much", "shadow claim"),
        mapper("claim of a mapper changed", "claim.name", To::Text("roles")),
        mapper("claim of a mapper lost", "claim.name", To::Lost),
        mapper("claim no longer in access tokens", "access.token.claim", To::Text("false")),
        POLICY.lost("policy of a client lost"),
        POLICY.fact("policy permits another role", A::Config, "roles", "configuration", To::Text("[]")),
    ]
}
