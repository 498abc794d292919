//! Makes what defines a realm: keys, roles, groups, flows, providers, client scopes and clients.

use super::World;
use crate::dice::Dice;
use ObjectKind as K;
use drydock_parity::realm::{Aspect, Facts, Object, ObjectKind, Value};

/// What users of a realm refer to.
pub(super) struct Defined {
    pub(super) realm: String,
    pub(super) roles: Vec<String>,
    pub(super) groups: Vec<String>,
    /// Clients with a service account: name and identifier.
    pub(super) accounts: Vec<(String, String)>,
    pub(super) federation: String,
}

/// A fact as it is written down here; secrets and key material are sealed.
type Told<'a> = (Aspect, &'a str, &'a str);

struct Maker<'a> {
    world: &'a mut World,
    dice: &'a mut Dice,
}

/// An identifier of the form that Keycloak gives.
pub(super) fn identifier(dice: &mut Dice) -> String {
    [8, 4, 4, 4, 12].map(|digits| dice.hex(digits)).join("-")
}

impl Maker<'_> {
    fn make(&mut self, kind: K, parent: Option<(K, &str)>, name: &str, facts: &[Told<'_>]) -> String {
        let id = identifier(self.dice);
        let parent = parent.map(|(kind, id)| (kind, id.to_owned()));
        let mut object =
            Object { kind, id: id.clone(), parent, name: name.to_owned(), facts: Facts::default() };
        for (aspect, name, value) in facts {
            let value = match aspect {
                Aspect::Secret | Aspect::KeyMaterial => {
                    self.world.sealer.secret(&format!("{value} {}", self.dice.hex(16)))
                }
                _ => Value::Text((*value).to_owned()),
            };
            object.facts.add(*aspect, *name, value);
        }
        self.world.definitions.objects.push(object);
        id
    }

    /// Lets one object refer to others.
    fn refer(&mut self, from: &str, aspect: Aspect, name: &str, to: &[&String]) {
        let object = self.world.definitions.objects.iter_mut().find(|object| object.id == from);
        if let Some(object) = object {
            to.iter().for_each(|id| object.facts.add(aspect, name, Value::Reference((*id).clone())));
        }
    }
}

/// Defines a realm in a world.
pub(super) fn define(world: &mut World, name: &str, dice: &mut Dice) -> Defined {
    let mut maker = Maker { world, dice };
    let realm = maker.make(K::Realm, None, name, REALM);
    let inside = Some((K::Realm, realm.as_str()));
    let (roles, groups) = roles_and_groups(&mut maker, &realm, name);
    providers(&mut maker, &realm);
    let federation = maker.make(
        K::Federation,
        inside,
        "UserStorageProvider ldap",
        &[
            (Aspect::Setting, "provider_id", "ldap"),
            (Aspect::Config, "connectionUrl", "ldaps://directory.example:636"),
            (Aspect::Config, "usersDn", "ou=people,dc=example"),
            (Aspect::Secret, "bindCredential", "bind"),
        ],
    );
    maker.make(
        K::Component,
        Some((K::Federation, &federation)),
        "LDAPStorageMapper email",
        &[(Aspect::Config, "ldap.attribute", "mail"), (Aspect::Config, "read.only", "true")],
    );
    let scopes = scopes(&mut maker, &realm);
    let accounts = clients(&mut maker, &realm, &roles, &scopes);
    Defined { realm, roles, groups, accounts, federation }
}

const REALM: &[Told<'_>] = &[
    (Aspect::Enabled, "enabled", "true"),
    (Aspect::Setting, "access_token_lifespan", "300"),
    (Aspect::Setting, "sso_idle_timeout", "1800"),
    (Aspect::Setting, "password_policy", "length(12) and notUsername"),
    (Aspect::Setting, "ssl_required", "EXTERNAL"),
    (Aspect::Setting, "login_theme", "camunda"),
    (Aspect::Setting, "registration_allowed", "false"),
    (Aspect::Setting, "not_before", "0"),
    (Aspect::Setting, "events listener", "jboss-logging"),
    (Aspect::Setting, "events listener", "camunda-audit"),
    (Aspect::Setting, "supported locale", "de"),
    (Aspect::Setting, "supported locale", "en"),
    (Aspect::Attribute, "bruteForceProtected", "true"),
    (Aspect::Attribute, "frontendUrl", "https://login.example"),
    (Aspect::Config, "host", "mail.example"),
    (Aspect::Config, "from", "camunda@example.com"),
    (Aspect::Secret, "password", "smtp"),
];

fn roles_and_groups(maker: &mut Maker<'_>, realm: &str, name: &str) -> (Vec<String>, Vec<String>) {
    let inside = Some((K::Realm, realm));
    let roles: Vec<String> = ["operator", "developer", "viewer", "Größte Rolle"]
        .map(|role| {
            let about = format!("may what {role} may");
            maker.make(
                K::Role,
                inside,
                role,
                &[(Aspect::Setting, "description", &about), (Aspect::Attribute, "cost centre", "4711")],
            )
        })
        .into();
    maker.make(K::Role, inside, "auditor", &[(Aspect::Setting, "description", "nobody has it")]);
    let by_default = maker.make(K::Role, inside, &format!("default-roles-{name}"), &[]);
    maker.refer(&by_default, Aspect::Composites, "", &[&roles[2], &roles[3]]);
    maker.refer(realm, Aspect::Roles, "default_role", &[&by_default]);
    let group = [(Aspect::Attribute, "site", "Berlin"), (Aspect::Attribute, "site", "Denver")];
    let ops = maker.make(K::Group, inside, "ops", &group);
    let night = maker.make(K::Group, Some((K::Group, &ops)), "night shift", &group);
    let sales = maker.make(K::Group, inside, "sales", &group);
    maker.make(K::Group, inside, "nobody", &group);
    maker.refer(&ops, Aspect::Roles, "", &[&roles[0], &roles[1]]);
    maker.refer(&sales, Aspect::Roles, "", &[&roles[2]]);
    maker.refer(realm, Aspect::Groups, "default group", &[&sales]);
    maker.make(K::Organization, inside, "acme", &[(Aspect::Setting, "domain", "acme.example")]);
    (roles, vec![ops, night, sales])
}

/// Keys, flows with their steps, required actions, identity providers.
fn providers(maker: &mut Maker<'_>, realm: &str) {
    let inside = Some((K::Realm, realm));
    for key in ["rsa-generated", "rsa-enc-generated", "hmac-generated"] {
        let kid = maker.dice.hex(12);
        let facts = [
            (Aspect::Setting, "provider_id", key),
            (Aspect::Config, "priority", "100"),
            (Aspect::Config, "kid", kid.as_str()),
            (Aspect::KeyMaterial, "privateKey", key),
        ];
        maker.make(K::Key, inside, &format!("KeyProvider {key}"), &facts);
    }
    let browser = maker.make(K::Flow, inside, "browser", &[(Aspect::Setting, "provider_id", "basic-flow")]);
    let forms = maker.make(K::Flow, inside, "forms", &[(Aspect::Setting, "provider_id", "basic-flow")]);
    maker.make(K::Flow, inside, "docker auth", &[(Aspect::Setting, "provider_id", "basic-flow")]);
    let config = maker.make(
        K::ExecutionConfig,
        inside,
        "redirect to azure",
        &[(Aspect::Config, "defaultProvider", "azure")],
    );
    let mut step = |flow: &str, name: &str, priority: &str| {
        let facts = [(Aspect::Setting, "requirement", "2"), (Aspect::Setting, "priority", priority)];
        maker.make(K::Execution, Some((K::Flow, flow)), name, &facts)
    };
    step(&browser, "auth-cookie", "10");
    let redirector = step(&browser, "identity-provider-redirector", "20");
    let subflow = step(&browser, "subflow forms", "30");
    // Two steps of one name: the second asks for another device.
    step(&forms, "auth-otp-form", "10");
    step(&forms, "auth-otp-form", "20");
    maker.refer(&redirector, Aspect::Flows, "auth_config", &[&config]);
    maker.refer(&subflow, Aspect::Flows, "auth_flow_id", &[&forms]);
    maker.refer(realm, Aspect::Flows, "browser_flow", &[&browser]);
    for action in ["CONFIGURE_TOTP", "UPDATE_PASSWORD"] {
        let facts = [(Aspect::Enabled, "enabled", "true"), (Aspect::Setting, "default_action", "false")];
        maker.make(K::RequiredAction, inside, action, &facts);
    }
    maker.make(
        K::Component,
        inside,
        "ClientRegistrationPolicy anonymous Trusted Hosts",
        &[(Aspect::Config, "client-uris-must-match", "true")],
    );
    let azure = maker.make(
        K::IdentityProvider,
        inside,
        "azure",
        &[
            (Aspect::Enabled, "enabled", "true"),
            (Aspect::Setting, "trust_email", "true"),
            (Aspect::Config, "authorizationUrl", "https://azure.example/authorize"),
            (Aspect::Secret, "clientSecret", "azure"),
        ],
    );
    maker.refer(&azure, Aspect::Flows, "first_broker_login_flow_id", &[&forms]);
    let facts = [(Aspect::Config, "claim", "groups"), (Aspect::Config, "syncMode", "FORCE")];
    maker.make(K::IdentityProviderMapper, inside, "azure/groups", &facts);
}

const MAPPER: &[Told<'_>] = &[
    (Aspect::Setting, "protocol_mapper_name", "oidc-usermodel-attribute-mapper"),
    (Aspect::Config, "claim.name", "permissions"),
    (Aspect::Config, "access.token.claim", "true"),
];

fn scopes(maker: &mut Maker<'_>, realm: &str) -> Vec<String> {
    let mut all = Vec::new();
    for name in ["profile", "email", "roles", "unused"] {
        let facts = [
            (Aspect::Setting, "protocol", "openid-connect"),
            (Aspect::Attribute, "consent.screen.text", name),
        ];
        let scope = maker.make(K::ClientScope, Some((K::Realm, realm)), name, &facts);
        maker.make(K::Mapper, Some((K::ClientScope, &scope)), &format!("{name} claim"), MAPPER);
        all.push(scope);
    }
    maker.refer(realm, Aspect::Scopes, "default", &[&all[0], &all[2]]);
    maker.refer(realm, Aspect::Scopes, "optional", &[&all[1]]);
    all
}

fn clients(maker: &mut Maker<'_>, realm: &str, roles: &[String], scopes: &[String]) -> Vec<(String, String)> {
    let mut accounts = Vec::new();
    for name in ["operate", "tasklist", "broker", "legacy"] {
        let address = format!("https://{name}.example");
        let redirect = format!("{address}/callback");
        let facts = [
            (Aspect::Enabled, "enabled", "true"),
            (Aspect::Setting, "public_client", "false"),
            (Aspect::Secret, "secret", name),
            (Aspect::RedirectUris, "", redirect.as_str()),
            (Aspect::RedirectUris, "", "http://localhost:8080/*"),
            (Aspect::WebOrigins, "", address.as_str()),
            (Aspect::WebOrigins, "", "+"),
            (Aspect::Attribute, "pkce.code.challenge.method", "S256"),
        ];
        // An import gives this one a secret that it had not.
        let built_in = name == "broker";
        let facts: Vec<Told<'_>> =
            facts.into_iter().filter(|(aspect, ..)| !(built_in && *aspect == Aspect::Secret)).collect();
        let client = maker.make(K::Client, Some((K::Realm, realm)), name, &facts);
        let inside = Some((K::Client, client.as_str()));
        maker.make(K::Mapper, inside, "audience", MAPPER);
        let write = maker.make(K::Role, inside, "write", &[(Aspect::Setting, "description", "may write")]);
        maker.refer(&client, Aspect::Scopes, "default", &[&scopes[0], &scopes[2]]);
        maker.refer(&client, Aspect::Scopes, "optional", &[&scopes[1]]);
        maker.refer(&client, Aspect::Roles, "scope", &[&roles[0]]);
        if name == "legacy" {
            continue;
        }
        maker.refer(&roles[1], Aspect::Composites, "", &[&write]);
        // The policy names its role inside a text.
        let policy = format!("[{{\"id\":\"{write}\",\"required\":true}}]");
        maker.make(K::Authorization, inside, "policy writers", &[(Aspect::Config, "roles", &policy)]);
        accounts.push((name.to_owned(), client));
    }
    accounts
}
