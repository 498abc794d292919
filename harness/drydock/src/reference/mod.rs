//! What only tests know: the pages of the documentation that are generated, and every command that a file of this repository
//! shows. `DRYDOCK_BLESS=1 cargo test -p drydock reference` writes the pages anew.

mod pages;
mod schema;
#[path = "../../tests/it/shown.rs"]
mod shown;
mod shown_commands;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The first line of every generated page.
const MADE: &str = "<!-- Generated: DRYDOCK_BLESS=1 cargo test -p drydock reference -->\n";

/// Root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every generated page, by its path below `docs/`.
fn generated() -> BTreeMap<String, String> {
    let mut pages = pages::checks();
    pages.insert("reference/faults.md".into(), pages::faults());
    pages.insert("reference/findings.md".into(), pages::findings());
    pages.insert("reference/exit-codes.md".into(), pages::exit_codes());
    pages.insert("reference/commands.md".into(), pages::commands());
    let scenario = drydock_core::Scenario::json_schema();
    pages.insert(
        "reference/scenario.md".into(),
        schema::page(
            "Scenario files",
            "Every key has a default but `name`.",
            "scenarios/schema.json",
            &scenario,
        ),
    );
    let observation = drydock_core::observe::Observation::json_schema();
    pages.insert(
        "reference/observation.md".into(),
        schema::page(
            "Observation files",
            "What `drydock observe` watches. `name`, `source` and `target` have no default.",
            "fixtures/observe/schema.json",
            &observation,
        ),
    );
    let report = drydock_core::Summary::json_schema();
    pages.insert(
        "reference/report-json.md".into(),
        schema::page("report.json", "What every report is made from.", "reports/schema.json", &report),
    );
    pages
}

#[test]
fn generated_pages_are_up_to_date() {
    let docs = root().join("docs");
    let pages = generated();
    let bless = std::env::var_os("DRYDOCK_BLESS").is_some();
    let mut stale = Vec::new();
    for (name, text) in &pages {
        let path = docs.join(name);
        if bless {
            fs::create_dir_all(path.parent().expect("it has a folder")).expect("the folder can be made");
            fs::write(&path, text).expect("the page can be written");
        }
        if fs::read_to_string(&path).unwrap_or_default() != *text {
            stale.push(name.clone());
        }
    }
    // A page of something that is no more would go on explaining it.
    for path in shown::files(&docs, &["md"]) {
        let name = path.strip_prefix(&docs).expect("it lies below").display().to_string();
        let made = fs::read_to_string(&path).is_ok_and(|text| text.starts_with(MADE));
        if made && !pages.contains_key(&name) {
            if bless {
                fs::remove_file(&path).expect("it can be removed");
            } else {
                stale.push(name);
            }
        }
    }
    assert!(stale.is_empty(), "out of date, DRYDOCK_BLESS=1 writes them anew: {stale:?}");
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut broken = Vec::new();
    let mut links = 0;
    for page in shown::files(&root().join("docs"), &["md"])
        .into_iter()
        .chain([root().join("README.md"), root().join("ci/README.md")])
    {
        let text = fs::read_to_string(&page).expect("a page");
        for target in
            text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
        {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            links += 1;
            if !page.parent().expect("a folder").join(file).exists() {
                broken.push(format!("{} -> {target}", page.display()));
            }
        }
    }
    assert!(links > 60, "only {links} links were found");
    assert!(broken.is_empty(), "{broken:#?}");
}
