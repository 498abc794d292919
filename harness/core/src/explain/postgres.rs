//! What the checks of two PostgreSQL servers and two Keycloaks mean.

use super::{Explanation, text};
use crate::names::checks;

/// One explanation for each check of two servers.
pub(super) const TEXTS: &[(&str, Explanation)] = &[
    (
        checks::PG_SCHEMA,
        text(
            "Every object of every schema is there and says the same: tables, columns, types, constraints, indexes, \
             views, functions, triggers, extensions. Texts that two versions of PostgreSQL print differently are \
             brought into one form first.",
            "An index was dropped to load faster and never made again. An extension may not be installed by the role \
             of a managed service. A restore ended with exit code 1, which was taken for a warning, and a constraint \
             is missing.",
            "Read the log of the restore for the first error about the object, create it from the source's \
             definition, and compare again. A constraint that cannot be made tells of rows that break it.",
        ),
    ),
    (
        checks::PG_COUNTS,
        text(
            "Every table holds as many rows on both sides, counted inside of one snapshot a side.",
            "The COPY of a table was refused as a whole, which `pg_restore` tells on standard error and goes on. A dump \
             was cut short. Something wrote on the target before it was compared.",
            "Read `postgres/rows`, which names the rows. Restore the table from the dump again, into an empty one.",
        ),
    ),
    (
        checks::PG_ROWS,
        text(
            "Every row of every table was compared by its content, in both directions, also in tables without a key. \
             Rows are named by their primary key, or by their content where there is none.",
            "Two restores ran into one database. A session of an application wrote while its database was restored. A \
             trigger fired during the restore and changed what it wrote. Text was converted from one encoding to \
             another.",
            "Look at the samples, find out which side is right, and restore the database anew into an empty one with \
             nobody connected.",
        ),
    ),
    (
        checks::PG_SEQUENCES,
        text(
            "Sequences have the same parameters, the same last value, the same answer to whether that was given out \
             (`is_called`), and the same owner. A sequence that lies behind its table gives out a number that is \
             taken, and the first insert fails.",
            "Data was loaded without the statements that set sequences, as a dump of data only or a copy by logical \
             replication leaves them out.",
            "Set the sequence named in the finding with `setval(SEQUENCE, VALUE, IS_CALLED)` to the source's values \
             before the application starts.",
        ),
    ),
    (
        checks::PG_ACCESS,
        text(
            "Owners, grants, default privileges, memberships of roles and row security are the same. The data is there \
             in any case; who may reach it is what is asked here.",
            "`pg_restore --no-owner --no-privileges` is what the official scripts use, so second roles, such as one \
             that only reads for reports, lose their rights.",
            "Grant what is missing on the target, with the role that owns the objects. If a role is left behind on \
             purpose, write that into a ledger with its reason.",
        ),
    ),
    (
        checks::PG_LARGE_OBJECTS,
        text(
            "Large objects are there with the same content and owner. Rows refer to them by number only, so that a row \
             can be equal and what it points at be gone.",
            "A dump of single schemas or tables leaves large objects out unless they are asked for. A restore with \
             another role made somebody else their owner.",
            "Dump with `--large-objects` (before PostgreSQL 16 `--blobs`) and restore the objects named in the finding.",
        ),
    ),
    (
        checks::PG_STATISTICS,
        text(
            "The planner knows the tables: statistics were gathered after the restore, and what indexes rely on, such \
             as versions of collations, is as it was recorded. Nothing is lost without it, but users wait.",
            "A restore brings no statistics along unless it was asked to, which only PostgreSQL 18 knows. Another C library on the target sorts text \
             differently, and an index on text finds less than is there.",
            "Run `ANALYZE` in every database before users return. Where a collation's version differs, `REINDEX` the \
             indexes named and refresh the version.",
        ),
    ),
    (
        checks::PG_QUERIES,
        text(
            "What Keycloak, Identity and Web Modeler ask of their databases was asked on both sides: the rows behind a \
             login, roles, groups, clients, every foreign key. The answers are alike.",
            "Rows arrived and one they refer to did not, because constraints were left out or switched off during the \
             load. A view or function answers differently on another version.",
            "Follow the table that the finding names to `postgres/rows` and `postgres/schema`: the cause stands there.",
        ),
    ),
    (
        checks::PG_WRITES,
        text(
            "One row could be inserted into every table that a sequence numbers; each insert was rolled back. Tables \
             without rows are not tried: there is none to copy. It is made only with `--probe-writes`, because sequences \
             go on and triggers fire.",
            "A sequence lies behind its table, a constraint points at something that is missing, a role may read and \
             not write, or the server is a replica that only reads.",
            "Read the error in the finding: a key that is there twice means the sequence, a refused permission means \
             the role, a read-only transaction means the server.",
        ),
    ),
    (
        checks::KC_REALMS,
        text(
            "Realms have the same settings, signing keys, flows, roles, groups, identity providers and federation. \
             With another signing key every session ends and every token that is still valid is refused.",
            "A realm was imported from an export, in which keys and secrets are masked. A flow refers to a provider \
             that is not installed in the target's image.",
            "Move the database rather than an export, or enter what the finding names on the target. A key can only be \
             carried with its private part, which an export does not hold.",
        ),
    ),
    (
        checks::KC_USERS,
        text(
            "Users exist with equal credentials, roles, groups, attributes and required actions. Objects belong together \
             by name; a user with another identifier is told, because applications store it.",
            "A partial export leaves users out. An export without credentials makes accounts that nobody can log in \
             to. Users were created anew and their identifiers changed, so that tasks assigned to them are nobody's.",
            "Move the rows of the users, or let the users named set new passwords. Where identifiers changed, look at \
             what Identity, Tasklist and Optimize stored.",
        ),
    ),
    (
        checks::KC_CLIENTS,
        text(
            "Clients have the same secrets, redirect addresses, roles, scopes, mappers and service accounts. A client is \
             how an application logs in; its mappers decide what a token says.",
            "Secrets were made anew by an import or by an operator. Redirect addresses still name the old host. A mapper \
             was lost, and tokens no longer carry the audience that Identity or Zeebe insists on.",
            "Set what the finding names in the admin console, or set the secret in Kubernetes to the one of the \
             target. Restart what keeps a token.",
        ),
    ),
    (
        checks::KC_LOGINS,
        text(
            "Accounts logged in on both sides and the tokens say the same: roles, groups, scopes, audience and every \
             claim that is not of the moment; who was refused before is refused still. It is made with `--login` for one \
             account, because a login leaves a session and an event behind, and for every account that was seeded where \
             a rehearsal runs a real Keycloak.",
            "Everything is equal in the database, and the server reads another one, was started with another host name, \
             or has a provider of claims that is not there.",
            "Compare the claims named in the finding. A login that both sides refuse proves nothing: check the password \
             and the client first.",
        ),
    ),
    (
        checks::KC_TOKENS,
        text(
            "What people and applications were given before the freeze is still good on the target: the server there \
             calls the tokens active, renews the sessions, and signs with the same keys. It is made only where a \
             rehearsal runs a real Keycloak.",
            "Signing keys were made anew, so that no token can be verified; sessions live in memory or in a table that \
             was left out; the issuer's address is another one.",
            "Carry the keys with the database and keep the address. Where that cannot be, plan for everybody to log in \
             again and for applications to be restarted.",
        ),
    ),
    (
        checks::KC_WAY_BACK,
        text(
            "After a way back a real Keycloak on the source is asked for every account. Who could log in before the freeze must be \
             let in, and who could not must be refused. Accounts that were made on the target are told as lost, and those that \
             were locked out there as open again.",
            "A way back carries no data: the source's database stands where it stood at the freeze. Whoever joined since cannot \
             log in, and whoever left may, until somebody does both again.",
            "Make the accounts again, and lock out again whoever left, before users are let in: the finding names them. \
             `budgets: {rpo: 15min, rpo_items: 20}` says how much may be undone.",
        ),
    ),
];
