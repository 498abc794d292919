//! Rows of database `identity`.

use super::{FLYWAY_COLUMNS, Table, flyway};
use crate::postgres::{
    awkward::{ADDRESSES, AMOUNTS, BIGINTS, DOUBLES, INTERVALS, JSON, JSONB, RANGES, TEXTS},
    generator::{Generator, pick, pick_or_null},
    row::{Row, array, composite},
};

const LEVELS: &[&str] = &["READ", "WRITE", "Delete all", "管理者"];
const PERMISSIONS: u64 = 24;
const ROLES: u64 = 9;
/// 2^51 + 1: the first key of partition 1, as Camunda counts them.
const FIRST_KEY: u64 = 2_251_799_813_685_249;

fn tenants(g: &Generator) -> u64 {
    g.profile.identity_users / 20 + 5
}
fn groups(g: &Generator) -> u64 {
    g.profile.identity_users / 10 + 3
}
fn rules(g: &Generator) -> u64 {
    g.profile.identity_users / 10 + 6
}

pub(super) fn tables(g: &Generator) -> Vec<Table> {
    let users = g.profile.identity_users;
    let table = |name, columns, rows, write| Table { name, columns, rows, write };
    vec![
        table(
            "public.tenants",
            "id, tenant_id, name, description, settings, quota, score, valid_during, created_at",
            tenants(g),
            tenant,
        ),
        table(
            "public.users",
            "id, username, email, first_name, last_name, address, last_login_from, last_login_at, session_length, enabled",
            users,
            user,
        ),
        table("public.groups", "id, name, parent_id, labels", groups(g), group),
        table("public.group_members", "group_id, user_id, added_at", users, |g, n, row| {
            row.text(&g.id("identity-group", n % groups(g))).text(&g.id("identity-user", n));
            row.text(&g.any_time("group-member", n));
        }),
        table("public.roles", "id, name, levels", ROLES, role),
        table("public.permissions", "id, audience, definition, description", PERMISSIONS, |_, n, row| {
            row.plain(100 + n * 10)
                .plain(format_args!("camunda-{}-api", n % 6))
                .plain(format_args!("read:{n}"));
            row.option(pick_or_null(TEXTS, n));
        }),
        table("public.role_permissions", "role_id, permission_id", ROLES * 3, |_, n, row| {
            row.plain(n / 3 + 1).plain(100 + (n % 3 * 8 + n / 3 % 8) * 10);
        }),
        table("public.user_roles", "user_id, role_id", users, |g, n, row| {
            row.text(&g.id("identity-user", n)).plain(n % ROLES + 1);
        }),
        table(
            "public.mapping_rules",
            "key, name, claim_name, claim_value, operator, scopes, matrix, levels",
            rules(g),
            mapping_rule,
        ),
        table("public.mapping_rule_tenants", "rule_key, tenant_id", rules(g), |g, n, row| {
            row.plain(rule_key(n)).plain(n % tenants(g) + 1);
        }),
        table("public.tenant_members", "tenant_id, member_type, member_id", users, |g, n, row| {
            row.plain(n % tenants(g) + 1);
            match n % 3 {
                0 => row.text("USER").text(&g.id("identity-user", n)),
                1 => row.text("GROUP").text(&g.id("identity-group", n)),
                _ => row.text("APPLICATION").text(&g.id("application", n)),
            };
        }),
        table(
            "public.access_rules",
            "id, tenant_id, principal, level, resource_key, resource_id, weight",
            users * 2,
            access_rule,
        ),
        table(
            "public.resource_authorizations",
            "user_id, resource_type, resource_key, permissions",
            users / 2,
            |g, n, row| {
                row.text(&g.id("identity-user", n))
                    .text(pick(&["process-definition", "decision-definition", "*"], n));
                row.plain(FIRST_KEY + n * 17).array(&[Some("READ"), pick_or_null(TEXTS, n), None]);
            },
        ),
        table("public.license_windows", "id, period, seats", 6, |_, n, row| {
            row.plain(n + 1)
                .plain(format_args!("[\"202{n}-01-01 00:00:00+00\",\"202{}-01-01 00:00:00+00\")", n + 1));
            row.plain(n * 100);
        }),
        table(
            "public.\"Login Attempts\"",
            "\"Id\", \"User Name\", \"Größe (KB)\", \"select\", \"quoted \"\"twice\"\"\"",
            users,
            |_, n, row| {
                row.plain(n).option(pick_or_null(TEXTS, n)).option(pick_or_null(DOUBLES, n));
                row.option(pick_or_null(&["t", "f"], n)).text(pick(TEXTS, n + 3));
            },
        ),
        table("public.flyway_schema_history", FLYWAY_COLUMNS, 14, flyway),
        table("public.access_log", "id, at, user_id, action, detail", g.profile.access_log, access_log),
        table("audit.raw_claims", "issuer, claims, received", users, |_, n, row| {
            // Pairs of equal rows, and one row three times.
            let n = if n < 3 { 0 } else { n / 2 };
            row.option(pick_or_null(TEXTS, n))
                .option(pick_or_null(JSON, n))
                .option(pick_or_null(INTERVALS, n));
        }),
    ]
}

fn rule_key(n: u64) -> u64 {
    // Partitions 1 to 5 in turn: from the fourth on, keys exceed what a double holds exactly.
    (n % 5 + 1) * (FIRST_KEY - 1) + n + 1
}

fn tenant(g: &Generator, n: u64, row: &mut Row<'_>) {
    row.plain(n + 1);
    match n {
        0 => row.text("<default>"),
        _ => row.plain(format_args!("tenant-{n}")),
    };
    row.text(pick(TEXTS, n)).option(pick_or_null(TEXTS, n + 11)).text(pick(JSONB, n));
    row.option(pick_or_null(AMOUNTS, n)).option(pick_or_null(DOUBLES, n)).option(pick_or_null(RANGES, n));
    row.text(&g.any_time("tenant", n));
}

fn user(g: &Generator, n: u64, row: &mut Row<'_>) {
    row.text(&g.id("identity-user", n)).plain(format_args!("User.{n}@Example.COM"));
    let email = format!("Üser+{n}@example.com");
    row.option((n % 5 != 4).then_some(email.as_str()));
    row.option(pick_or_null(TEXTS, n)).option(pick_or_null(TEXTS, n * 7 + 5));
    let lines = array(&[pick_or_null(TEXTS, n + 2), Some("c/o")]);
    let address = composite(&[pick_or_null(TEXTS, n + 1), Some("012 34"), Some(&lines)]);
    row.option((n % 4 != 3).then_some(address.as_str()));
    row.option(pick_or_null(ADDRESSES, n)).text(&g.any_time("identity-login", n));
    row.option(pick_or_null(INTERVALS, n)).boolean(!n.is_multiple_of(9));
}

fn group(g: &Generator, n: u64, row: &mut Row<'_>) {
    row.text(&g.id("identity-group", n)).text(pick(TEXTS, n));
    // Rows point forward: whoever loads row by row needs the constraint deferred.
    let parent = g.id("identity-group", n + 1);
    row.option((n.is_multiple_of(3) && n + 1 < groups(g)).then_some(parent.as_str()));
    match n % 4 {
        0 => row.text("{}"),
        _ => row.array(&[pick_or_null(TEXTS, n), None, Some("null"), Some("")]),
    };
}

fn role(_: &Generator, n: u64, row: &mut Row<'_>) {
    row.plain(n + 1);
    match n {
        0 => row.text("Operate"),
        _ => row.plain(format_args!("Rôle {n}")),
    };
    row.array(&[Some(pick(LEVELS, n)), n.is_multiple_of(2).then_some("READ")]);
}

fn mapping_rule(_: &Generator, n: u64, row: &mut Row<'_>) {
    row.plain(rule_key(n)).text(pick(TEXTS, n)).text("groups").text(pick(TEXTS, n + 9));
    row.text(pick(&["EQUALS", "CONTAINS"], n)).array(&[pick_or_null(TEXTS, n), Some("a,b"), Some(" ")]);
    row.option(pick_or_null(&["{{1,2},{3,NULL}}", "{}", "[0:1][-1:0]={{-2147483648,0},{7,2147483647}}"], n));
    row.option(pick_or_null(&["{READ,\"Delete all\"}", "{管理者,NULL}", "{}"], n));
}

fn access_rule(g: &Generator, n: u64, row: &mut Row<'_>) {
    row.plain(n + 1);
    match n % 7 {
        6 => row.null(),
        _ => row.plain(n % tenants(g) + 1),
    };
    row.plain(format_args!("Principal {}", n % 13)).text(pick(LEVELS, n)).plain(pick(BIGINTS, n));
    row.option(pick_or_null(TEXTS, n)).option(pick_or_null(AMOUNTS, n));
}

fn access_log(g: &Generator, n: u64, row: &mut Row<'_>) {
    row.plain(9_007_199_254_740_992 + n).text(&g.any_time("access", n));
    let user = g.id("identity-user", n % g.profile.identity_users);
    row.option((n % 10 != 9).then_some(user.as_str()));
    row.text(pick(&["login", "logout", "token-refresh", "grant"], n)).option(pick_or_null(JSONB, n));
}
