//! What a difference means for people who want to log in, and what to do about it.

use super::model::{Aspect, ObjectKind};

/// How a fact differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum How {
    /// Values of the source are not on the target.
    Lost,
    /// The target has values that the source has not.
    Gained,
    /// Both.
    Changed,
}

/// Words for one kind of difference: `3 users` + verb + what + consequence.
#[derive(Debug, Clone)]
pub(super) struct Words {
    /// `have lost redirect addresses`.
    pub(super) what: String,
    /// What follows for people.
    pub(super) means: &'static str,
    /// What to do next.
    pub(super) next: &'static str,
}

const COPY_REALM: &str = "copy the realm's database again, or set it on the target as it is on the source";

/// The last part of a finding's subject.
pub(super) fn slug(aspect: Aspect) -> &'static str {
    match aspect {
        Aspect::Enabled => "enabled",
        Aspect::Setting => "settings",
        Aspect::Attribute => "attributes",
        Aspect::Config => "configuration",
        Aspect::Secret => "secrets",
        Aspect::KeyMaterial => "key-material",
        Aspect::Credential => "credentials",
        Aspect::Profile => "profile",
        Aspect::RequiredAction => "required-actions",
        Aspect::Roles => "roles",
        Aspect::Composites => "composites",
        Aspect::Groups => "groups",
        Aspect::Consents => "consents",
        Aspect::Identities => "identities",
        Aspect::Link => "links",
        Aspect::RedirectUris => "redirect-uris",
        Aspect::WebOrigins => "web-origins",
        Aspect::Scopes => "client-scopes",
        Aspect::Flows => "flows",
    }
}

/// Words for a difference of objects of `kind` in `aspect`; `name` is the credential type for credentials.
pub(super) fn words(kind: ObjectKind, aspect: Aspect, name: &str, how: How, one: bool) -> Words {
    let has = if one { "has" } else { "have" };
    let noun = noun(aspect, name);
    let what = match (aspect, how) {
        (Aspect::Enabled, _) => {
            if one { "is switched on or off otherwise" } else { "are switched on or off otherwise" }
                .to_owned()
        }
        (Aspect::Credential, How::Lost) => format!("{has} lost a {name} credential on the target"),
        (Aspect::Credential, How::Gained) => format!("{has} a {name} credential on the target only"),
        (Aspect::Credential, How::Changed) => format!("{has} another {name} credential on the target"),
        (_, How::Lost) => format!("{has} lost {noun} on the target"),
        (_, How::Gained) => format!("{has} {noun} on the target only"),
        (_, How::Changed) => format!("{has} other {noun} on the target"),
    };
    let (means, next) = meaning(kind, aspect, how);
    Words { what, means, next }
}

fn noun(aspect: Aspect, name: &str) -> &str {
    match aspect {
        Aspect::Enabled => "state",
        Aspect::Setting => "settings",
        Aspect::Attribute => "attributes",
        Aspect::Config => "configuration",
        Aspect::Secret => "secrets",
        Aspect::KeyMaterial => "key material",
        Aspect::Credential => name,
        Aspect::Profile => "names or addresses",
        Aspect::RequiredAction => "required actions",
        Aspect::Roles => "roles",
        Aspect::Composites => "composite roles",
        Aspect::Groups => "groups",
        Aspect::Consents => "consents",
        Aspect::Identities => "accounts at identity providers",
        Aspect::Link => "links to their origin",
        Aspect::RedirectUris => "redirect addresses",
        Aspect::WebOrigins => "web origins",
        Aspect::Scopes => "client scopes",
        Aspect::Flows => "authentication flows",
    }
}

fn meaning(kind: ObjectKind, aspect: Aspect, how: How) -> (&'static str, &'static str) {
    use ObjectKind as K;
    match (kind, aspect) {
        (K::Key, _) => (
            "tokens and sessions issued before the move are refused, or signed otherwise than applications expect",
            "carry the key providers over with their keys; do not let the target make new ones",
        ),
        (K::User, Aspect::Credential) => match how {
            How::Lost => {
                ("they cannot log in with it", "restore table credential from a dump taken after the freeze")
            }
            How::Gained => {
                ("somebody can log in with something the source does not know", "look who added it")
            }
            How::Changed => (
                "what they typed on the source is refused on the target",
                "restore table credential from a dump taken after the freeze",
            ),
        },
        (K::User, Aspect::Enabled) => ("who is disabled cannot log in", "set it as on the source"),
        (K::User | K::Group, Aspect::Roles | Aspect::Groups) => match how {
            How::Gained => {
                ("they may do what they may not do on the source", "take it from them on the target")
            }
            _ => ("applications refuse what these roles permit", "restore the mappings of roles and groups"),
        },
        (K::User, Aspect::RequiredAction) => {
            ("the next login asks for something else than on the source", "set it as on the source")
        }
        (K::User, Aspect::Identities | Aspect::Link) => {
            ("a login through the identity provider or federation finds no account, or another", COPY_REALM)
        }
        (K::User, Aspect::Setting) => {
            ("they are known under another name, or tokens are refused", COPY_REALM)
        }
        (K::User, _) => ("tokens carry other claims", COPY_REALM),
        (K::Client, Aspect::Secret) => (
            "the application can no longer get tokens with the secret it was given",
            "set the secret on the target as on the source, or give the new one to the application",
        ),
        (K::Client, Aspect::RedirectUris) => match how {
            How::Gained => ("logins may return to an address the source does not allow", "look who added it"),
            _ => ("logins that return to these addresses are refused", "add the addresses on the target"),
        },
        (K::Client, Aspect::WebOrigins) => {
            ("browsers are refused or allowed otherwise", "set web origins as on the source")
        }
        (K::Client, Aspect::Enabled) => {
            ("an application whose client is off gets no tokens", "set it as on the source")
        }
        (K::Client | K::ClientScope | K::Mapper, _) => {
            ("tokens carry other claims, or logins run otherwise", "set it on the target as on the source")
        }
        (K::Role, Aspect::Composites) => (
            "whoever has the role may do something else than on the source",
            "restore the composites of the role",
        ),
        (K::IdentityProvider | K::Federation, Aspect::Secret | Aspect::Config | Aspect::Enabled) => {
            ("logins through it fail or run otherwise", COPY_REALM)
        }
        (K::Realm, Aspect::Secret) => {
            ("the realm can no longer use what the secret opens, such as its mail server", COPY_REALM)
        }
        (K::Realm, _) => ("logins, tokens and sessions run otherwise", COPY_REALM),
        (K::Flow | K::Execution | K::ExecutionConfig | K::RequiredAction, _) => {
            ("logins run otherwise", COPY_REALM)
        }
        _ => ("access is decided otherwise", COPY_REALM),
    }
}

/// What it means that objects of a kind are on one side only, and what to do.
pub(super) fn lonely(kind: ObjectKind, how: How) -> (&'static str, &'static str) {
    use ObjectKind as K;
    match (kind, how) {
        (K::Key, How::Lost) => (
            "tokens and sessions issued before the move are refused",
            "carry the key providers over with their keys",
        ),
        (K::Key, _) => (
            "the target may sign tokens with a key that applications of the source do not know",
            "remove the key provider unless the keys were meant to be rotated",
        ),
        (K::User, How::Lost) => {
            ("they cannot log in", "restore the users from a dump taken after the freeze")
        }
        (K::User, _) => ("somebody can log in whom the source does not know", "look who added them"),
        (K::Client, How::Lost) => {
            ("the application cannot log anybody in", "restore the client with its secret")
        }
        (K::Realm, How::Lost) => ("nobody of it can log in", "restore the realm"),
        (K::Realm, _) => {
            ("it was not compared with anything", "look who made it, or leave it out with --realm")
        }
        (K::Role | K::Group, How::Lost) => ("whoever has it loses what it permits", COPY_REALM),
        (_, How::Lost) => ("logins or tokens run otherwise", COPY_REALM),
        _ => ("the source does not know it", "look who added it, and remove it if nobody meant to"),
    }
}
