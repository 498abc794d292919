//! `drydock verify objects`, `staging` and `migration`: manifests, dumps and a scrape, judged.

use super::live::{self, Side, Unread};
use crate::cli::{Bitnami, Objects, Output, ReportFiles, Staging};
use drydock_core::ExitCode;
use drydock_core::names::checks;
use drydock_helm::objects::{self, Inventory, staging_against};
use drydock_helm::{Check, values};
use drydock_rehearsal::judge::{Ledgers, judge};
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::path::PathBuf;
use std::time::Instant;

/// Compares objects before and after.
pub(crate) async fn run(arguments: &Objects) -> ExitCode {
    let began = Instant::now();
    let live = &arguments.live;
    let namespace = live.after_namespace.as_ref().unwrap_or(&live.namespace);
    let sides = [
        (&arguments.before, &live.before_context, &live.namespace),
        (&arguments.after, &live.after_context, namespace),
    ];
    let mut sets = Vec::new();
    for (files, context, namespace) in sides {
        let side = match context {
            Some(context) => live::read(context, namespace, &arguments.release, live.source).await,
            None => read(files).map(Side::from).map_err(Unread::Usage),
        };
        match side {
            Ok(side) => sets.push(side),
            Err(unread) => return unread.tell(),
        }
    }
    let [before, after] = sets.as_slice() else { return ExitCode::CouldNotRun };
    let subject = objects::Objects {
        before: &before.objects,
        after: &after.objects,
        release: &arguments.release,
        bitnami: match arguments.bitnami {
            Bitnami::Stays => values::Bitnami::Stays,
            Bitnami::Leaves => values::Bitnami::Leaves,
        },
        digest_key: &digest_key(),
    };
    let mut made = objects::judge(&subject);
    if !arguments.login.is_empty() {
        match super::secret_login::check(&arguments.login, &after.objects).await {
            Ok(logins) => made.push(logins),
            Err(unread) => return unread.tell(),
        }
        made = together(made);
    }
    if let Some(first) = made.first_mut() {
        first.findings.extend(before.unread.iter().chain(&after.unread).cloned());
    }
    tell("objects", &checks::HELM_OBJECTS, made, began, &arguments.files, &arguments.output)
}

/// Several looks at one thing as one check.
fn together(made: Vec<Check>) -> Vec<Check> {
    let mut whole: Vec<Check> = Vec::with_capacity(made.len());
    for one in made {
        match whole.iter_mut().find(|known| known.check == one.check) {
            None => whole.push(one),
            Some(known) => {
                known.compared += one.compared;
                known.note = format!("{}; {}", known.note, one.note);
                known.findings.extend(one.findings);
            }
        }
    }
    whole
}

/// Compares staging with production.
pub(crate) fn staging(arguments: &Staging) -> ExitCode {
    let began = Instant::now();
    let sets = read(&arguments.staging).and_then(|a| Ok((a, read(&arguments.production)?)));
    match sets {
        Ok((staging, production)) => {
            let made = vec![staging_against(&staging, &production)];
            tell("staging", &[checks::REPRESENTATIVE], made, began, &arguments.files, &arguments.output)
        }
        Err(error) => usage(&error),
    }
}

/// Judges checks, writes the reports that were asked for, and prints one.
pub(super) fn tell(
    name: &str,
    asked: &[&str],
    made: Vec<Check>,
    began: Instant,
    files: &ReportFiles,
    output: &Output,
) -> ExitCode {
    let made = super::values::made(made, began);
    let ledgers = Ledgers { files: &output.expected, built_in: &[] };
    let summary = match judge(name, asked, made, ledgers, output.report.as_deref()) {
        Ok(summary) => summary,
        Err(error) => return super::rehearse::fail(error),
    };
    if let Err(error) = super::values::write_reports(files, &summary) {
        super::tell(&format!("error: {error}"));
        return ExitCode::CouldNotRun;
    }
    if output.json {
        super::print_json(&summary);
    } else {
        super::print_screen(&summary, output.report.as_deref());
    }
    super::exit_of(&summary)
}

pub(super) fn read(paths: &[PathBuf]) -> Result<Inventory, String> {
    Inventory::read(&super::values::read(paths)?).map_err(|e| e.to_string())
}

pub(super) fn usage(error: &str) -> ExitCode {
    super::tell(&format!("error: {error}"));
    ExitCode::Usage
}

/// A key that no other run has. It never leaves this process, and digests are never told: it needs no better source of chance
/// than that of the standard library's maps.
pub(super) fn digest_key() -> [u8; 32] {
    let mut key = [0; 32];
    for (i, part) in key.chunks_mut(8).enumerate() {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_usize(i);
        part.copy_from_slice(&hasher.finish().to_le_bytes());
    }
    key
}
