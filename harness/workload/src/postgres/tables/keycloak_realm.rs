//! Rows of database `keycloak` that configure realms and clients.

use super::Table;
use crate::postgres::{
    awkward::TEXTS,
    generator::{Generator, pick, pick_or_null},
    row::Row,
};

const CLIENTS: &[&str] = &[
    "account",
    "admin-cli",
    "broker",
    "realm-management",
    "camunda-identity",
    "orchestration",
    "optimize",
    "console",
    "connectors",
    "web-modeler",
];
const FLOWS: &[&str] =
    &["browser", "direct grant", "registration", "reset credentials", "clients", "docker auth"];
const LISTENERS: &[&str] = &["jboss-logging", "camunda-audit"];
const SCOPES: &[&str] = &["profile", "email", "roles", "offline_access", "camunda-identity"];

/// Identifier of realm number `n`; realm 1 is the platform's.
pub(in crate::postgres) fn realm_id(g: &Generator, n: u64) -> String {
    g.id("realm", n % g.profile.realms)
}
pub(super) fn realm_name(g: &Generator, n: u64) -> String {
    match n % g.profile.realms {
        0 => "master".to_owned(),
        1 => "camunda-platform".to_owned(),
        other => format!("Kunde №{other}"),
    }
}
pub(super) fn client_id(g: &Generator, n: u64) -> String {
    g.id("client", n % g.profile.clients)
}
/// `client_id` of client number `n` as users of the protocol see it.
pub(in crate::postgres) fn client_public_id(g: &Generator, n: u64) -> String {
    let position = n % g.profile.clients / g.profile.realms;
    let name = pick(CLIENTS, position);
    match position / CLIENTS.len() as u64 {
        0 => name.to_owned(),
        round => format!("{name}-{round}"),
    }
}
pub(super) fn roles(g: &Generator) -> u64 {
    g.profile.realms * 4 + g.profile.clients
}

pub(super) fn tables(g: &Generator) -> Vec<Table> {
    let (realms, clients) = (g.profile.realms, g.profile.clients);
    let table = |name, columns, rows, write| Table { name, columns, rows, write };
    vec![
        table(
            "public.databasechangelog",
            "id, author, filename, dateexecuted, orderexecuted, exectype, md5sum, description, comments, tag, liquibase, deployment_id",
            30,
            |g, n, row| {
                // Liquibase writes no key, and a change set may be listed twice.
                let n = n.min(28);
                row.plain(format_args!("{}.0.0-{n}", n / 2 + 1)).text("keycloak");
                row.plain(format_args!("META-INF/jpa-changelog-{}.0.0.xml", n / 2 + 1))
                    .text(&g.time("change", n));
                row.plain(n + 1).text("EXECUTED").plain(format_args!("9:{}", g.draw("change", n).digits(16)));
                row.text("createTable tableName=\"X\"; addColumn")
                    .text("")
                    .null()
                    .text("4.29.1")
                    .text("5689600123");
            },
        ),
        table("public.databasechangeloglock", "id, locked, lockgranted, lockedby", 2, |_, n, row| {
            row.plain(pick(&[1, 1000], n)).boolean(false).null().null();
        }),
        table("public.migration_model", "id, version, update_time", 2, |g, n, row| {
            row.plain(&g.id("migration", n)[..5])
                .text(pick(&["26.3.3", "26.5.7"], n))
                .plain(g.micros("migration", n) / 1_000_000);
        }),
        table("public.jgroups_ping", "address, name, cluster_name, ip, coord, ping_data", 2, |g, n, row| {
            row.plain(format_args!("uuid://{}", g.id("ping", n)))
                .plain(format_args!("camunda-keycloak-{n}-4711"));
            row.text("ISPN").plain(format_args!("10.244.0.{}:7800", n + 7)).boolean(n == 0);
            row.bytes(&g.draw("ping", n).bytes(120));
        }),
        table(
            "public.realm",
            "id, access_code_lifespan, user_action_lifespan, access_token_lifespan, account_theme, admin_theme, email_theme, \
             enabled, events_enabled, events_expiration, login_theme, name, not_before, password_policy, registration_allowed, \
             remember_me, ssl_required, sso_idle_timeout, sso_max_lifespan, master_admin_client, default_locale, browser_flow, default_role",
            realms,
            |g, n, row| {
                row.text(&realm_id(g, n))
                    .plain(60)
                    .plain(300)
                    .plain(60)
                    .null()
                    .null()
                    .text("identity")
                    .boolean(true);
                row.boolean(n == 1).plain(n * 86_400).text("identity").text(&realm_name(g, n)).plain(0);
                row.option(pick_or_null(&["length(12) and notUsername(undefined)", ""], n))
                    .boolean(false)
                    .boolean(n == 1);
                row.text("EXTERNAL").plain(1_800).plain(36_000).text(&client_id(g, n)).text("en");
                row.text(&g.id("flow", n * FLOWS.len() as u64)).text(&g.id("role", n));
            },
        ),
        table("public.realm_attribute", "name, realm_id, value", realms * 12, |g, n, row| {
            row.plain(format_args!("attribute.{}", n / g.profile.realms))
                .text(&realm_id(g, n))
                .option(pick_or_null(TEXTS, n));
        }),
        table("public.realm_smtp_config", "realm_id, value, name", realms * 2, |g, n, row| {
            row.text(&realm_id(g, n / 2))
                .text(pick(&["587", "smtp.invalid"], n))
                .text(pick(&["port", "host"], n));
        }),
        table("public.realm_events_listeners", "realm_id, value", realms * 2, |g, n, row| {
            row.text(&realm_id(g, n / 2)).text(pick(LISTENERS, n));
        }),
        table("public.realm_supported_locales", "realm_id, value", realms * 3, |g, n, row| {
            row.text(&realm_id(g, n / 3)).text(pick(&["en", "de", "zh-CN"], n));
        }),
        table(
            "public.required_action_provider",
            "id, alias, name, realm_id, enabled, default_action, provider_id, priority",
            realms * 3,
            |g, n, row| {
                let alias = pick(&["UPDATE_PASSWORD", "CONFIGURE_TOTP", "VERIFY_EMAIL"], n);
                row.text(&g.id("action", n)).text(alias).text(pick(TEXTS, n)).text(&realm_id(g, n / 3));
                row.boolean(true).boolean(false).text(alias).plain(n % 3 * 10);
            },
        ),
        table(
            "public.authentication_flow",
            "id, alias, description, realm_id, provider_id, top_level, built_in",
            realms * FLOWS.len() as u64,
            |g, n, row| {
                row.text(&g.id("flow", n))
                    .text(pick(FLOWS, n))
                    .text(pick(TEXTS, n))
                    .text(&realm_id(g, n / FLOWS.len() as u64));
                row.text("basic-flow").boolean(n % 2 == 0).boolean(true);
            },
        ),
        table(
            "public.authentication_execution",
            "id, alias, authenticator, realm_id, flow_id, requirement, priority, authenticator_flow, auth_flow_id, auth_config",
            realms * FLOWS.len() as u64 * 2,
            |g, n, row| {
                row.text(&g.id("execution", n))
                    .null()
                    .text("auth-cookie")
                    .text(&realm_id(g, n / 2 / FLOWS.len() as u64));
                row.text(&g.id("flow", n / 2)).plain(n % 4).plain(n % 2 * 10).boolean(false).null().null();
            },
        ),
        table(
            "public.component",
            "id, name, parent_id, provider_id, provider_type, realm_id, sub_type",
            realms * 2,
            |g, n, row| {
                let provider = pick(&["rsa-generated", "hmac-generated-hs512"], n);
                row.text(&g.id("component", n)).text(provider).text(&realm_id(g, n / 2)).text(provider);
                row.text("org.keycloak.keys.KeyProvider").text(&realm_id(g, n / 2)).null();
            },
        ),
        // The realm's signing keys: without these every token of the old installation is refused by the new one.
        table("public.component_config", "id, component_id, name, value", realms * 6, |g, n, row| {
            row.text(&g.id("component-config", n))
                .text(&g.id("component", n / 3))
                .text(pick(&["privateKey", "priority", "kid"], n));
            match n % 3 {
                0 => row.text(&g.draw("private-key", n).digits(800)),
                1 => row.text("100"),
                _ => row.text(&g.id("kid", n)),
            };
        }),
        table(
            "public.identity_provider",
            "internal_id, enabled, provider_alias, provider_id, store_token, realm_id, trust_email, provider_display_name, link_only",
            realms,
            |g, n, row| {
                row.text(&g.id("provider", n))
                    .boolean(n % 2 == 0)
                    .plain(format_args!("oidc-{n}"))
                    .text("oidc")
                    .boolean(false);
                row.text(&realm_id(g, n)).boolean(true).text(pick(TEXTS, n)).boolean(false);
            },
        ),
        table(
            "public.identity_provider_config",
            "identity_provider_id, value, name",
            realms * 3,
            |g, n, row| {
                row.text(&g.id("provider", n / 3))
                    .option(pick_or_null(TEXTS, n))
                    .text(pick(&["clientSecret", "tokenUrl", "defaultScope"], n));
            },
        ),
        table(
            "public.client",
            "id, enabled, full_scope_allowed, client_id, not_before, public_client, secret, base_url, bearer_only, realm_id, protocol, \
             name, description, client_authenticator_type, root_url, service_accounts_enabled",
            clients,
            |g, n, row| {
                row.text(&client_id(g, n))
                    .boolean(true)
                    .boolean(n % 2 == 0)
                    .text(&client_public_id(g, n))
                    .plain(0)
                    .boolean(n % 3 == 0);
                let secret = format!("not-a-secret-{}", g.draw("client-secret", n).digits(8));
                row.option((n % 3 != 0).then_some(secret.as_str()))
                    .text("/")
                    .boolean(false)
                    .text(&realm_id(g, n));
                row.text("openid-connect")
                    .option(pick_or_null(TEXTS, n))
                    .text(pick(TEXTS, n + 4))
                    .text("client-secret")
                    .text("")
                    .boolean(n % 2 == 1);
            },
        ),
        table("public.client_attributes", "client_id, name, value", clients * 3, |g, n, row| {
            row.text(&client_id(g, n / 3)).text(pick(
                &["post.logout.redirect.uris", "pkce.code.challenge.method", "saml.signing.key"],
                n,
            ));
            match n % 90 {
                2 => row.text(&g.draw("saml-key", n).digits(3_000)),
                _ => row.option(pick_or_null(TEXTS, n)),
            };
        }),
        table("public.redirect_uris", "client_id, value", clients, |g, n, row| {
            row.text(&client_id(g, n)).text("https://camunda.invalid/*?a=b&c=%20#ü");
        }),
        table("public.web_origins", "client_id, value", clients / 2, |g, n, row| {
            row.text(&client_id(g, n)).text("+");
        }),
        table(
            "public.client_scope",
            "id, name, realm_id, description, protocol",
            realms * SCOPES.len() as u64,
            |g, n, row| {
                row.text(&g.id("scope", n)).text(pick(SCOPES, n)).text(&realm_id(g, n / SCOPES.len() as u64));
                row.option(pick_or_null(TEXTS, n)).text("openid-connect");
            },
        ),
        table("public.client_scope_client", "client_id, scope_id, default_scope", clients, |g, n, row| {
            row.text(&client_id(g, n))
                .text(&g.id("scope", n % g.profile.realms * SCOPES.len() as u64))
                .boolean(n % 2 == 0);
        }),
        table(
            "public.protocol_mapper",
            "id, name, protocol, protocol_mapper_name, client_id, client_scope_id",
            clients,
            |g, n, row| {
                row.text(&g.id("mapper", n))
                    .text("audience resolve")
                    .text("openid-connect")
                    .text("oidc-audience-mapper");
                match n % 2 {
                    0 => row.text(&client_id(g, n)).null(),
                    _ => row.null().text(&g.id("scope", n % (g.profile.realms * SCOPES.len() as u64))),
                };
            },
        ),
        table("public.protocol_mapper_config", "protocol_mapper_id, value, name", clients, |g, n, row| {
            row.text(&g.id("mapper", n)).option(pick_or_null(TEXTS, n)).text("included.custom.audience");
        }),
        table(
            "public.keycloak_role",
            "id, client_realm_constraint, client_role, description, name, realm_id, client, realm",
            roles(g),
            keycloak_role,
        ),
        table("public.composite_role", "composite, child_role", realms * 3, |g, n, row| {
            row.text(&g.id("role", n / 3)).text(&g.id("role", n / 3 + g.profile.realms * (n % 3 + 1)));
        }),
        table("public.scope_mapping", "client_id, role_id", clients / 3, |g, n, row| {
            row.text(&client_id(g, n)).text(&g.id("role", n % roles(g)));
        }),
    ]
}

/// Realm roles first, four a realm, then one role a client.
fn keycloak_role(g: &Generator, n: u64, row: &mut Row<'_>) {
    let realm_roles = g.profile.realms * 4;
    row.text(&g.id("role", n));
    if n < realm_roles {
        let realm = realm_id(g, n);
        row.text(&realm).boolean(false).option(pick_or_null(TEXTS, n));
        row.text(pick(
            &["default-roles", "offline_access", "uma_authorization", "ManagementIdentity"],
            n / g.profile.realms,
        ));
        row.text(&realm).null().text(&realm);
    } else {
        let client = client_id(g, n - realm_roles);
        row.text(&client).boolean(true).text(pick(TEXTS, n)).plain(format_args!("manage {}", pick(TEXTS, n)));
        row.text(&realm_id(g, n - realm_roles)).text(&client).null();
    }
}
