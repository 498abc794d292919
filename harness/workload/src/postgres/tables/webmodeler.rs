//! Rows and large objects of database `webmodeler`.

use super::{FLYWAY_COLUMNS, Table, flyway};
use crate::postgres::{
    awkward::{ADDRESSES, AMOUNTS, DOUBLES, INTERVALS, JSON, JSONB, RANGES, TEXTS},
    generator::{Generator, ONE_MIB, pick, pick_or_null},
    row::{Row, composite},
};

const TYPES: &[&str] = &["BPMN", "BPMN", "DMN", "FORM", "CONNECTOR_TEMPLATE", "README"];
/// First large object number and how many there are. Fixed numbers, because rows refer to them.
pub(in crate::postgres) const LARGE_OBJECTS: (u32, u32) = (700_001, 5);

/// Identifier of file number `n`.
pub(in crate::postgres) fn file_id(g: &Generator, n: u64) -> String {
    g.id("file", n % g.profile.files)
}
fn user_id(g: &Generator, n: u64) -> String {
    g.id("modeler-user", n % users(g))
}
fn project_id(g: &Generator, n: u64) -> String {
    g.id("project", n % g.profile.projects)
}
fn users(g: &Generator) -> u64 {
    g.profile.projects * 2 + 4
}
fn comments(g: &Generator) -> u64 {
    g.profile.files * 2
}

/// Content of large object number `n`: empty, one page short of and beyond the server's page of 2 KiB, and 300 KiB.
pub(in crate::postgres) fn large_object(g: &Generator, n: u32) -> Vec<u8> {
    let length = pick(&[0, 1, 2_047, 2_049, 300 * 1_024], u64::from(n));
    g.draw("large-object", u64::from(n)).bytes(length)
}

/// Mean length of a diagram in bytes, the long ones counted in.
pub(in crate::postgres) fn mean_diagram(g: &Generator) -> u64 {
    g.profile.file_bytes * 5 / 4
}

/// Length of a diagram: around the mean, one in 30 ten times as long.
fn length(g: &Generator, kind: &str, n: u64) -> usize {
    let mut draw = g.draw(kind, n);
    let mean = g.profile.file_bytes;
    let length = mean / 2 + draw.below(mean);
    // Far below the range of usize.
    (if n % 30 == 29 { length * 9 } else { length }) as usize
}

pub(super) fn tables(g: &Generator) -> Vec<Table> {
    let (projects, files, versions) = (g.profile.projects, g.profile.files, g.profile.versions);
    let table = |name, columns, rows, write| Table { name, columns, rows, write };
    vec![
        table(
            "public.users",
            "id, iam_id, name, email, picture, settings, last_seen",
            users(g),
            |g, n, row| {
                row.text(&user_id(g, n))
                    .text(&g.id("user", n))
                    .option(pick_or_null(TEXTS, n))
                    .plain(format_args!("User{n}@Example.com"));
                match n % 3 {
                    0 => row.bytes(&g.draw("picture", n).bytes(900)),
                    1 => row.bytes(&[]),
                    _ => row.null(),
                };
                row.option(pick_or_null(JSONB, n)).text(&g.any_time("seen", n));
            },
        ),
        table(
            "public.projects",
            "id, name, description, organization_id, created_by, created, updated, number",
            projects,
            |g, n, row| {
                row.text(&project_id(g, n))
                    .plain(format_args!("Projekt {} {n}", pick(TEXTS, n)))
                    .option(pick_or_null(TEXTS, n + 6));
                row.text("camunda").text(&user_id(g, n)).text(&g.time("project", n)).null().plain(1_000 + n);
            },
        ),
        table(
            "public.project_permissions",
            "project_id, user_id, access, granted_at",
            projects * 3,
            |g, n, row| {
                row.text(&project_id(g, n / 3))
                    .text(&user_id(g, n))
                    .text(pick(&["ADMIN", "WRITE", "COMMENT", "READ"], n));
                row.text(&g.any_time("permission", n));
            },
        ),
        table("public.folders", "id, project_id, parent_id, name, path", projects * 2, |g, n, row| {
            row.text(&g.id("folder", n)).text(&project_id(g, n / 2));
            let parent = g.id("folder", n / 2 * 2);
            row.option((n % 2 == 1).then_some(parent.as_str()))
                .plain(format_args!("Ordner {}", pick(TEXTS, n)));
            row.array(&[Some("root"), pick_or_null(TEXTS, n), None]);
        }),
        table(
            "public.files",
            "id, project_id, folder_id, name, type, content, revision, metadata, preview, current_version_id, updated_by, created, updated",
            files,
            file,
        ),
        table(
            "public.file_versions",
            "id, file_id, revision, content, change_log, author, created",
            files * versions,
            |g, n, row| {
                row.text(&g.id("version", n)).text(&file_id(g, n / g.profile.versions)).plain((n + 1) * 10);
                row.text(&g.draw("version", n).diagram(length(g, "version-length", n)));
                row.option(pick_or_null(JSON, n)).text(&user_id(g, n)).text(&g.time("version", n));
            },
        ),
        table(
            "public.milestones",
            "id, file_id, version_id, name, tags, types, grid, created",
            files / 4,
            |g, n, row| {
                row.text(&g.id("milestone", n))
                    .text(&file_id(g, n))
                    .text(&g.id("version", n * g.profile.versions))
                    .text(pick(TEXTS, n));
                row.array(&[pick_or_null(TEXTS, n), Some("v1,2")])
                    .option(pick_or_null(&["{BPMN,DMN}", "{NULL}", "{}"], n));
                row.option(pick_or_null(&["{{1},{2}}", "{{NULL,-1},{0,1}}"], n))
                    .text(&g.any_time("milestone", n));
            },
        ),
        table(
            "public.comments",
            "id, file_id, author, reference_id, body, anchor, reactions, created",
            comments(g),
            |g, n, row| {
                row.plain(n + 1)
                    .text(&file_id(g, n))
                    .text(&user_id(g, n))
                    .option(pick_or_null(&["Activity_1", ""], n));
                // One body is empty: the constraint against that came later and was never validated.
                row.text(pick(TEXTS, n)).text(&composite(&[
                    Some(pick(DOUBLES, n)),
                    None,
                    pick_or_null(TEXTS, n),
                ]));
                row.option(pick_or_null(JSONB, n)).text(&g.any_time("comment", n));
            },
        ),
        table("public.mentions", "comment_id, user_id", comments(g) / 3, |g, n, row| {
            row.plain(n * 3 + 1).text(&user_id(g, n + 1));
        }),
        table(
            "public.attachments",
            "id, file_id, name, content, size",
            u64::from(LARGE_OBJECTS.1),
            |g, n, row| {
                let number = n as u32;
                row.plain(n + 1).text(&file_id(g, n)).text(pick(TEXTS, n)).plain(LARGE_OBJECTS.0 + number);
                row.plain(large_object(g, number).len());
            },
        ),
        table("public.tags", "id, label", 6, |_, n, row| {
            row.plain(n + 1).text(pick(&["Draft", "final", "ÄNDERN", "a'b", "", "レビュー"], n));
        }),
        table("public.file_tags", "file_id, tag_id", files, |g, n, row| {
            row.text(&file_id(g, n)).plain(n % 6 + 1);
        }),
        table(
            "public.deployments",
            "key, file_id, cluster_id, address, cost, load, took, active, response",
            files / 2,
            |g, n, row| {
                row.plain(9_007_199_254_740_993 + n)
                    .text(&file_id(g, n))
                    .text(&g.id("cluster", n % 3))
                    .option(pick_or_null(ADDRESSES, n));
                row.option(pick_or_null(AMOUNTS, n))
                    .option(pick_or_null(DOUBLES, n))
                    .option(pick_or_null(INTERVALS, n));
                row.option(pick_or_null(RANGES, n)).option(pick_or_null(JSON, n));
            },
        ),
        table("public.presence", "user_id, file_id, cursor, seen_at", 4, |g, n, row| {
            row.text(&user_id(g, n))
                .text(&file_id(g, n))
                .plain(format_args!("({n}.5,-0)"))
                .text(&g.time("presence", n));
        }),
        table(
            "public.\"Import Jobs\"",
            "\"Id\", \"Datei Name\", \"größe\", \"ORDER\", \"日本語\"",
            TEXTS.len() as u64,
            |_, n, row| {
                row.plain(n)
                    .text(pick(TEXTS, n))
                    .plain(format_args!("{n}.5000"))
                    .plain(-32_768 + n as i64)
                    .option(pick_or_null(TEXTS, n + 1));
            },
        ),
        table("public.flyway_schema_history", FLYWAY_COLUMNS, 12, flyway),
        table("archive.deleted_files", "file_id, name, raw, origin", 20, |g, n, row| {
            // Four equal rows of each.
            let n = n / 4;
            row.text(&g.id("deleted", n))
                .option(pick_or_null(TEXTS, n))
                .bytes(&g.draw("deleted", n).bytes(64))
                .option(pick_or_null(JSON, n));
        }),
    ]
}

fn file(g: &Generator, n: u64, row: &mut Row<'_>) {
    let folder = g.id("folder", n % g.profile.projects * 2);
    row.text(&file_id(g, n))
        .text(&project_id(g, n))
        .option((!n.is_multiple_of(4)).then_some(folder.as_str()));
    row.plain(format_args!("{} {n}.bpmn", pick(TEXTS, n))).text(pick(TYPES, n));
    match n {
        0 => row.text(&g.draw("file", n).diagram(ONE_MIB)),
        1 => row.text(""),
        2 => row.null(),
        _ => row.text(&g.draw("file", n).diagram(length(g, "file-length", n))),
    };
    let last_version = n * g.profile.versions + g.profile.versions - 1;
    row.plain((last_version + 1) * 10).option(pick_or_null(JSONB, n));
    match n {
        3 => row.bytes(&g.draw("preview", n).bytes(ONE_MIB)),
        _ if n.is_multiple_of(5) => row.bytes(&g.draw("preview", n).bytes(600)),
        _ => row.null(),
    };
    row.text(&g.id("version", last_version))
        .text(&user_id(g, n))
        .text(&g.time("file-created", n))
        .text(&g.time("file-updated", n));
}
