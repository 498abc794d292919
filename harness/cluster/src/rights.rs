//! What an account has to be allowed for something, as a list: asked for before it is done, and held against `ci/rbac.yaml`.

use std::fmt::{Display, Formatter};

/// One verb on one kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Right {
    /// Of the namespace, or of the whole cluster.
    pub scope: Scope,
    /// API group; empty for the first one.
    pub group: &'static str,
    /// Plural name, with the part of it where only a part is meant: `pods`, `pods/log`.
    pub resource: &'static str,
    /// `get`, `list` and the like.
    pub verb: &'static str,
}

/// Where objects of a kind are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// In a namespace.
    Namespace,
    /// In none.
    Cluster,
}

impl Right {
    /// One for each verb.
    pub fn each(
        scope: Scope,
        group: &'static str,
        resource: &'static str,
        verbs: &'static [&'static str],
    ) -> impl Iterator<Item = Self> {
        verbs.iter().map(move |verb| Self { scope, group, resource, verb })
    }
}

/// `list statefulsets.apps`, as `kubectl auth can-i` takes it.
impl Display for Right {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let (resource, part) = self.resource.split_once('/').unwrap_or((self.resource, ""));
        write!(f, "{} {resource}", self.verb)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        if part.is_empty() { Ok(()) } else { write!(f, "/{part}") }
    }
}
