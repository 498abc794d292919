//! Objects of a realm and what is known about each.

use crate::digest::Digest;
use drydock_core::names::checks;
use std::collections::BTreeMap;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// A realm.
    Realm,
    /// A provider of signing or encryption keys, or a key itself.
    Key,
    /// A realm role or a client role.
    Role,
    /// A group; its parent is a group or the realm.
    Group,
    /// An authentication flow.
    Flow,
    /// A step of a flow.
    Execution,
    /// The configuration of a step.
    ExecutionConfig,
    /// An action users may be asked for at login.
    RequiredAction,
    /// A user federation such as LDAP.
    Federation,
    /// Any other configured provider.
    Component,
    /// An identity provider.
    IdentityProvider,
    /// A mapper of an identity provider.
    IdentityProviderMapper,
    /// An organization.
    Organization,
    /// A client.
    Client,
    /// A client scope.
    ClientScope,
    /// A protocol mapper of a client or a client scope.
    Mapper,
    /// A resource, scope, policy or permission of a client's authorization services.
    Authorization,
    /// A user.
    User,
}

impl ObjectKind {
    /// The check that differences of such objects belong to. A role belongs to the check of what defines it.
    pub fn check(self, inside_client: bool) -> &'static str {
        match self {
            Self::User => checks::KC_USERS,
            Self::Client | Self::ClientScope | Self::Mapper | Self::Authorization => checks::KC_CLIENTS,
            Self::Role if inside_client => checks::KC_CLIENTS,
            _ => checks::KC_REALMS,
        }
    }

    /// One of them, in words.
    pub fn one(self) -> &'static str {
        match self {
            Self::Realm => "realm",
            Self::Key => "realm key",
            Self::Role => "role",
            Self::Group => "group",
            Self::Flow => "authentication flow",
            Self::Execution => "authentication step",
            Self::ExecutionConfig => "configuration of an authentication step",
            Self::RequiredAction => "required action",
            Self::Federation => "user federation",
            Self::Component => "component",
            Self::IdentityProvider => "identity provider",
            Self::IdentityProviderMapper => "identity provider mapper",
            Self::Organization => "organization",
            Self::Client => "client",
            Self::ClientScope => "client scope",
            Self::Mapper => "protocol mapper",
            Self::Authorization => "authorization object",
            Self::User => "user",
        }
    }

    /// Several of them, in words.
    pub fn many(self) -> &'static str {
        match self {
            Self::Realm => "realms",
            Self::Key => "realm keys",
            Self::Role => "roles",
            Self::Group => "groups",
            Self::Flow => "authentication flows",
            Self::Execution => "authentication steps",
            Self::ExecutionConfig => "configurations of authentication steps",
            Self::RequiredAction => "required actions",
            Self::Federation => "user federations",
            Self::Component => "components",
            Self::IdentityProvider => "identity providers",
            Self::IdentityProviderMapper => "identity provider mappers",
            Self::Organization => "organizations",
            Self::Client => "clients",
            Self::ClientScope => "client scopes",
            Self::Mapper => "protocol mappers",
            Self::Authorization => "authorization objects",
            Self::User => "users",
        }
    }
}

/// What a fact is about: one aspect differing has one meaning for the people concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aspect {
    /// Whether it is switched on.
    Enabled,
    /// A setting of the object itself.
    Setting,
    /// A free attribute.
    Attribute,
    /// A setting of the provider behind it.
    Config,
    /// A shared secret.
    Secret,
    /// Key material.
    KeyMaterial,
    /// Something a user proves identity with; named by its type.
    Credential,
    /// Name or address of a person.
    Profile,
    /// What a user is asked for at the next login.
    RequiredAction,
    /// Roles given to it.
    Roles,
    /// Roles inside a composite role.
    Composites,
    /// Groups a user belongs to, or new users join.
    Groups,
    /// Consents a user gave.
    Consents,
    /// Accounts at identity providers.
    Identities,
    /// The federation or the client a user comes from.
    Link,
    /// Addresses a login may return to.
    RedirectUris,
    /// Origins that browsers may call from.
    WebOrigins,
    /// Client scopes.
    Scopes,
    /// Flows it is bound to.
    Flows,
}

/// One value. Values that nobody may read exist as keyed digests only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// Named without a value.
    Null,
    /// Readable.
    Text(String),
    /// A digest under the comparison's key; never shown.
    Secret(Digest),
    /// The identifier of another object, to be told by its name.
    Reference(String),
}

impl Value {
    /// As shown in samples.
    pub fn shown(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Text(text) | Self::Reference(text) => crate::text::shorten(text),
            Self::Secret(_) => crate::text::MASK.to_owned(),
        }
    }
}

/// Facts by what they are about and how they are called. A value may occur more than once.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Facts(pub BTreeMap<(Aspect, String), Vec<Value>>);

impl Facts {
    /// Adds a fact.
    pub fn add(&mut self, aspect: Aspect, name: impl Into<String>, value: Value) {
        self.0.entry((aspect, name.into())).or_default().push(value);
    }

    /// Adds a readable fact.
    pub fn text(&mut self, aspect: Aspect, name: impl Into<String>, value: impl Into<String>) {
        self.add(aspect, name, Value::Text(value.into()));
    }
}

/// One object as one side tells it.
#[derive(Debug, Clone)]
pub struct Object {
    /// What it is.
    pub kind: ObjectKind,
    /// Internal identifier; empty where the side tells none.
    pub id: String,
    /// Kind and identifier of what it belongs to; `None` for realms.
    pub parent: Option<(ObjectKind, String)>,
    /// Name among its siblings of the same kind. Nothing promises that it is unique.
    pub name: String,
    /// What is known.
    pub facts: Facts,
}

/// Every object of one side but its users.
#[derive(Debug, Clone, Default)]
pub struct Realms {
    /// The objects, in any order.
    pub objects: Vec<Object>,
}
