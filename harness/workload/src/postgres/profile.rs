//! How many rows of each kind a set of databases gets.

/// Row counts of the three databases. Counts not listed here follow from these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresProfile {
    /// Users in `identity`; tenants, groups, rules and memberships follow from it. At least 10.
    pub identity_users: u64,
    /// Rows of the partitioned access log in `identity`.
    pub access_log: u64,
    /// Keycloak realms, the first being `master`, the second `camunda-platform`. At least 2.
    pub realms: u64,
    /// Keycloak clients over all realms.
    pub clients: u64,
    /// Keycloak users over all realms; each has about seven rows in other tables. At least 10.
    pub users: u64,
    /// Keycloak login events; a tenth as many administration events come with them.
    pub events: u64,
    /// Keycloak sessions, each with one client session.
    pub sessions: u64,
    /// Web Modeler projects. At least 2.
    pub projects: u64,
    /// Web Modeler files. At least 8.
    pub files: u64,
    /// Saved versions of each file. At least 1.
    pub versions: u64,
    /// Mean length of a file's content in bytes; a few are ten times that, and two are exactly 1 MiB.
    pub file_bytes: u64,
}

impl PostgresProfile {
    /// About 300 rows a database: for tests.
    pub const TINY: Self = Self {
        identity_users: 20,
        access_log: 60,
        realms: 2,
        clients: 8,
        users: 16,
        events: 40,
        sessions: 12,
        projects: 4,
        files: 24,
        versions: 2,
        file_bytes: 1_500,
    };
    /// A few thousand rows, a few megabytes.
    pub const SMALL: Self = Self {
        identity_users: 300,
        access_log: 600,
        realms: 2,
        clients: 24,
        users: 500,
        events: 500,
        sessions: 200,
        projects: 20,
        files: 200,
        versions: 3,
        file_bytes: 2_500,
    };
    /// What a busy installation carries: 5,000 Keycloak users, 2,000 modeler files, about 30 MB of rows.
    pub const MEDIUM: Self = Self {
        identity_users: 2_000,
        access_log: 4_000,
        realms: 3,
        clients: 60,
        users: 5_000,
        events: 3_000,
        sessions: 1_500,
        projects: 120,
        files: 2_000,
        versions: 3,
        file_bytes: 1_500,
    };
    /// Ten times [`Self::MEDIUM`].
    pub const LARGE: Self = Self {
        identity_users: 20_000,
        access_log: 40_000,
        realms: 5,
        clients: 400,
        users: 50_000,
        events: 30_000,
        sessions: 15_000,
        projects: 1_200,
        files: 20_000,
        versions: 3,
        file_bytes: 1_500,
    };

    /// The profile of that name: `tiny`, `small`, `medium` or `large`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "tiny" => Some(Self::TINY),
            "small" => Some(Self::SMALL),
            "medium" => Some(Self::MEDIUM),
            "large" => Some(Self::LARGE),
            _ => None,
        }
    }

    /// The same profile with every count raised to its documented least value, so that references always have a target.
    pub(super) fn raised(&self) -> Self {
        Self {
            identity_users: self.identity_users.max(10),
            realms: self.realms.max(2),
            clients: self.clients.max(4),
            users: self.users.max(10),
            projects: self.projects.max(2),
            files: self.files.max(8),
            versions: self.versions.max(1),
            file_bytes: self.file_bytes.max(400),
            ..self.clone()
        }
    }
}
