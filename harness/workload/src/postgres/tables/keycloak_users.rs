//! Rows of database `keycloak` that grow with its users: accounts, events, sessions.

use super::Table;
use super::keycloak_realm::{client_id, client_public_id, realm_id, realm_name, roles};
use crate::postgres::{
    awkward::{AMOUNTS, DOUBLES, INTERVALS, TEXTS},
    generator::{Generator, ONE_MIB, pick, pick_or_null},
    row::Row,
};

/// Identifier of user number `n`.
pub(in crate::postgres) fn user_id(g: &Generator, n: u64) -> String {
    g.id("user", n % g.profile.users)
}
fn user_realm(g: &Generator, n: u64) -> u64 {
    if n.is_multiple_of(10) { 0 } else { 1 + n % (g.profile.realms - 1) }
}
fn groups(g: &Generator) -> u64 {
    g.profile.users / 20 + 6
}
fn millis(g: &Generator, kind: &str, n: u64) -> i64 {
    g.micros(kind, n) / 1_000
}

pub(super) fn tables(g: &Generator) -> Vec<Table> {
    let (users, events, sessions) = (g.profile.users, g.profile.events, g.profile.sessions);
    let table = |name, columns, rows, write| Table { name, columns, rows, write };
    vec![
        table("public.keycloak_group", "id, name, parent_group, realm_id, type", groups(g), |g, n, row| {
            row.text(&g.id("group", n)).plain(format_args!("{} {n}", pick(TEXTS, n)));
            // A top-level group has one blank as its parent, not NULL.
            match n % 3 {
                2 => row.text(&g.id("group", n - 1)),
                _ => row.text(" "),
            };
            row.text(&realm_id(g, 1)).plain(0);
        }),
        table("public.group_role_mapping", "role_id, group_id", groups(g), |g, n, row| {
            row.text(&g.id("role", n % roles(g))).text(&g.id("group", n));
        }),
        table("public.group_attribute", "id, name, value, group_id", groups(g), |g, n, row| {
            row.text(&g.id("group-attribute", n))
                .text("kostenstelle")
                .option(pick_or_null(TEXTS, n))
                .text(&g.id("group", n));
        }),
        table(
            "public.user_entity",
            "id, email, email_constraint, email_verified, enabled, federation_link, first_name, last_name, realm_id, username, \
             created_timestamp, service_account_client_link, not_before",
            users,
            user,
        ),
        table(
            "public.credential",
            "id, salt, type, user_id, created_date, user_label, secret_data, credential_data, priority",
            users,
            credential,
        ),
        table(
            "public.user_attribute",
            "name, value, user_id, id, long_value_hash, long_value_hash_lower_case, long_value",
            users * 2,
            user_attribute,
        ),
        table("public.user_role_mapping", "role_id, user_id", users * 2, |g, n, row| {
            let user = n / 2;
            row.text(&g.id("role", (user * 3 + n % 2) % roles(g))).text(&user_id(g, user));
        }),
        table("public.user_group_membership", "group_id, user_id, membership_type", users, |g, n, row| {
            row.text(&g.id("group", n % groups(g))).text(&user_id(g, n)).text("UNMANAGED");
        }),
        table("public.user_required_action", "user_id, required_action", users / 10, |g, n, row| {
            row.text(&user_id(g, n * 10)).text(pick(&["UPDATE_PASSWORD", " "], n));
        }),
        table(
            "public.federated_identity",
            "identity_provider, realm_id, federated_user_id, federated_username, token, user_id",
            users / 8,
            |g, n, row| {
                row.plain(format_args!("oidc-{}", user_realm(g, n * 8)))
                    .text(&realm_id(g, user_realm(g, n * 8)));
                row.text(&g.id("federated", n))
                    .text(pick(TEXTS, n))
                    .option(pick_or_null(TEXTS, n))
                    .text(&user_id(g, n * 8));
            },
        ),
        table(
            "public.user_consent",
            "id, client_id, user_id, created_date, last_updated_date",
            users / 10,
            |g, n, row| {
                row.text(&g.id("consent", n)).text(&client_id(g, n)).text(&user_id(g, n));
                row.plain(millis(g, "consent", n)).plain(millis(g, "consent", n) + 5);
            },
        ),
        table(
            "public.event_entity",
            "id, client_id, details_json, error, ip_address, realm_id, session_id, event_time, type, user_id, details_json_long_value",
            events,
            event,
        ),
        table(
            "public.admin_event_entity",
            "id, admin_event_time, realm_id, operation_type, auth_realm_id, auth_client_id, auth_user_id, ip_address, resource_path, \
             representation, error, resource_type",
            events / 10 + 2,
            admin_event,
        ),
        table(
            "public.offline_user_session",
            "user_session_id, user_id, realm_id, created_on, offline_flag, data, last_session_refresh, broker_session_id, version",
            sessions,
            |g, n, row| {
                let created = g.micros("session", n) / 1_000_000;
                row.text(&g.id("session", n / 2))
                    .text(&user_id(g, n / 2))
                    .text(&realm_id(g, user_realm(g, n / 2)));
                // The same session online and offline: only the flag tells the two rows apart.
                row.plain(created).text(pick(&["0", "1"], n));
                row.plain(format_args!(
                    "{{\"ipAddress\":\"10.0.0.{}\",\"authMethod\":\"openid-connect\",\"notes\":{{}}}}",
                    n % 250
                ));
                row.plain(created + 30).null().plain(n % 4);
            },
        ),
        table(
            "public.offline_client_session",
            "user_session_id, client_id, offline_flag, \"timestamp\", data, client_storage_provider, external_client_id, version",
            sessions,
            |g, n, row| {
                row.text(&g.id("session", n / 2)).text(&client_id(g, n)).text(pick(&["0", "1"], n));
                row.plain(g.micros("session", n) / 1_000_000)
                    .text("{\"notes\":{\"scope\":\"openid\"}}")
                    .text("local")
                    .text("local")
                    .plain(1);
            },
        ),
        table("public.revoked_token", "id, expire", 4, |g, n, row| {
            row.text(&g.id("revoked", n)).plain(millis(g, "revoked", n) / 1_000);
        }),
        table(
            "spi.login_samples",
            "realm_name, latency, ratio, amount, took, seen_at, day, clock, flags",
            users.min(2_000),
            |g, n, row| {
                // Every row is there twice.
                let n = n / 2;
                row.text(&realm_name(g, n))
                    .option(pick_or_null(DOUBLES, n))
                    .option(pick_or_null(&["NaN", "-0", "3.4028235e+38"], n));
                row.option(pick_or_null(AMOUNTS, n))
                    .option(pick_or_null(INTERVALS, n))
                    .text(&g.any_time("sample", n));
                row.option(pick_or_null(&["2024-02-29", "infinity", "0001-01-01 BC"], n));
                row.option(pick_or_null(&["23:59:59.999", "24:00:00", "00:00:00"], n))
                    .option(pick_or_null(&["", "101", "000000000001"], n));
            },
        ),
        table("spi.\"Export Jobs\"", "\"Id\", \"Payload\", \"Läuft seit\", \"Größe\"", 5, |g, n, row| {
            row.plain(n * 3 + 1);
            match n {
                0 => row.bytes(&[]),
                1 => row.bytes(&(0..=255).collect::<Vec<u8>>()),
                2 => row.bytes(&g.draw("export", n).bytes(ONE_MIB)),
                3 => row.bytes(b"\\x00\\000\0"),
                _ => row.null(),
            };
            row.text(&g.any_time("export", n)).plain(i64::MAX.saturating_sub_unsigned(n));
        }),
    ]
}

fn user(g: &Generator, n: u64, row: &mut Row<'_>) {
    let email = format!("user{n}@example.com");
    let email = (n % 7 != 6).then_some(email.as_str());
    row.text(&user_id(g, n)).option(email);
    // Without an address Keycloak keeps a random identifier here, so that the unique constraint holds.
    row.text(email.unwrap_or(&g.id("email-constraint", n)))
        .boolean(n.is_multiple_of(2))
        .boolean(n % 11 != 10)
        .null();
    row.option(pick_or_null(TEXTS, n))
        .option(pick_or_null(TEXTS, n / 3 + 2))
        .text(&realm_id(g, user_realm(g, n)));
    row.plain(format_args!(
        "{}{n}",
        pick(&["user-", "josé-", "李-", "o'brien-", "a b-", "service-account-"], n)
    ));
    row.plain(millis(g, "user", n));
    match n % 6 {
        5 => row.text(&client_id(g, n)),
        _ => row.null(),
    };
    row.plain(0);
}

fn credential(g: &Generator, n: u64, row: &mut Row<'_>) {
    let mut draw = g.draw("credential", n);
    row.text(&g.id("credential", n));
    match n % 5 {
        4 => row.bytes(&draw.bytes(16)),
        _ => row.null(),
    };
    row.text("password")
        .text(&user_id(g, n))
        .plain(millis(g, "credential", n))
        .option(pick_or_null(TEXTS, n));
    row.plain(format_args!(
        "{{\"value\":\"{}\",\"salt\":\"{}\",\"additionalParameters\":{{}}}}",
        draw.digits(32),
        draw.digits(16)
    ));
    row.text("{\"hashIterations\":5,\"algorithm\":\"argon2\",\"additionalParameters\":{\"hashLength\":[\"32\"],\"memory\":[\"7168\"]}}");
    row.plain(10);
}

fn user_attribute(g: &Generator, n: u64, row: &mut Row<'_>) {
    row.text(pick(&["locale", "phone number"], n));
    let long = (n % 40 == 39).then(|| g.draw("long-value", n).digits(1_500));
    match &long {
        Some(_) => row.null(),
        None => row.option(pick_or_null(TEXTS, n)),
    };
    row.text(&user_id(g, n / 2)).text(&g.id("user-attribute", n));
    match &long {
        Some(text) => row.bytes(blake3::hash(text.as_bytes()).as_bytes()).bytes(&[0; 64]).text(text),
        None => row.null().null().null(),
    };
}

fn event(g: &Generator, n: u64, row: &mut Row<'_>) {
    row.text(&g.id("event", n)).text(&client_public_id(g, n));
    row.plain(format_args!("{{\"auth_method\":\"openid-connect\",\"username\":\"user{n}\"}}"));
    row.option(pick_or_null(&["invalid_user_credentials"], n)).plain(format_args!(
        "10.0.{}.{}",
        n / 250 % 250,
        n % 250
    ));
    row.text(&realm_id(g, 1)).text(&g.id("session", n));
    // The first row breaks a constraint that was added without looking at old rows.
    row.plain(if n == 0 { 0 } else { millis(g, "event", n) });
    row.text(pick(&["LOGIN", "LOGOUT", "CODE_TO_TOKEN", "LOGIN_ERROR"], n))
        .text(&user_id(g, n))
        .option(pick_or_null(TEXTS, n));
}

fn admin_event(g: &Generator, n: u64, row: &mut Row<'_>) {
    row.text(&g.id("admin-event", n))
        .plain(millis(g, "admin-event", n))
        .text(&realm_id(g, 1))
        .text(pick(&["CREATE", "UPDATE", "DELETE"], n));
    row.text(&realm_id(g, 0))
        .text(&client_id(g, 0))
        .text(&user_id(g, 0))
        .text("::1")
        .plain(format_args!("users/{}", user_id(g, n)));
    match n {
        0 => row.text(&g.draw("representation", n).diagram(ONE_MIB)),
        _ => row.option(pick_or_null(TEXTS, n)),
    };
    row.null().text("USER");
}
