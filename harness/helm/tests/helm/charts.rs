//! Against the real charts: `DRYDOCK_TEST_CHARTS` names a folder that holds them by version (`12.13.3/values.yaml`).

use drydock_helm::values::{ChartKeys, Known, Path, Road, Supplied, Version, migrate};
use std::path::PathBuf;

fn chart(version: &str) -> Option<ChartKeys> {
    let Some(folder) = std::env::var_os("DRYDOCK_TEST_CHARTS") else {
        println!("SKIP DRYDOCK_TEST_CHARTS names no folder of charts");
        return None;
    };
    let path = PathBuf::from(folder).join(version);
    if !path.join("values.yaml").exists() {
        println!("SKIP no chart {version} in DRYDOCK_TEST_CHARTS");
        return None;
    }
    Some(ChartKeys::read(&path).unwrap())
}

fn values(version: &str) -> Option<Supplied> {
    let folder = PathBuf::from(std::env::var_os("DRYDOCK_TEST_CHARTS")?);
    let text = std::fs::read_to_string(folder.join(version).join("values.yaml")).ok()?;
    Some(Supplied::read(&[("values.yaml".into(), text)], &[]).unwrap())
}

/// Keys of the old chart that the new one does not know and no rule speaks of, and keys that a rule sends nowhere.
fn holes(from: &str, to: &str) -> Option<Vec<String>> {
    let (old, new) = (values(from)?, chart(to)?);
    let road = Road::between(from, to).unwrap();
    let mut holes = Vec::new();
    for key in migrate(&old, &road).keys {
        if key.rules.is_empty() && new.knows(&key.leaf.path) == Known::No {
            holes.push(format!("{} has no rule", key.leaf.path));
        }
        for (path, _) in &key.to {
            if new.knows(path) == Known::No {
                let rules: Vec<&str> = key.rules.iter().map(|r| r.id.as_str()).collect();
                holes.push(format!(
                    "{} goes to {path}, which nobody knows ({})",
                    key.leaf.path,
                    rules.join(", ")
                ));
            }
        }
    }
    Some(holes)
}

#[test]
fn every_key_of_each_chart_has_its_place_in_the_next_one() {
    let roads = [
        ("8.0.13", "8.1.27"),
        ("8.1.27", "8.2.9"),
        ("8.2.9", "8.3.1"),
        ("8.3.1", "9.3.7"),
        ("9.3.7", "10.0.1"),
        ("10.0.0", "11.12.3"),
        ("10.0.1", "11.12.3"),
        ("11.12.3", "12.13.3"),
        ("12.13.3", "13.12.7"),
        ("13.12.7", "14.8.4"),
    ];
    let mut found = Vec::new();
    for (from, to) in roads {
        match holes(from, to) {
            Some(holes) => found.extend(holes.into_iter().map(|h| format!("{from} to {to}: {h}"))),
            None => println!("SKIP {from} to {to}: the charts are not there"),
        }
    }
    assert!(found.is_empty(), "{} holes:\n{}", found.len(), found.join("\n"));
}

#[test]
fn defaults_in_the_rules_are_those_of_the_chart() {
    let (Some(old), Some(new)) = (chart("12.13.3"), chart("13.12.7")) else { return };
    let road = Road::between("12.13.3", "13.12.7").unwrap();
    let mut wrong = Vec::new();
    for rule in road.rules().filter(|r| !r.new.is_empty()) {
        let Some(path) = rule.target() else { continue };
        if let (Some(now), Some(default)) = (&rule.now, new.default_of(&path))
            && !drydock_helm::values::same(&path, now, default)
        {
            wrong.push(format!("{}: {path} is {default}, not {now}", rule.id));
        }
        if let (Some(was), Some(default)) = (&rule.was, old.default_of(&path))
            && !drydock_helm::values::same(&path, was, default)
        {
            wrong.push(format!("{}: {path} was {default}, not {was}", rule.id));
        }
        if rule.target().is_some()
            && rule.old.is_empty()
            && new.knows(&path) == Known::No
            && !matches!(rule.kind, drydock_helm::values::RuleKind::Constraint)
        {
            wrong.push(format!("{}: chart 13 does not know {path}", rule.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Charts whose lists of keys come with the program.
const VERSIONS: [&str; 10] =
    ["8.0.13", "8.1.27", "8.2.9", "8.3.1", "9.3.7", "10.0.1", "11.12.3", "12.13.3", "13.12.7", "14.8.4"];

/// The lists of keys that come with the program are those of the charts; `DRYDOCK_BLESS=1` writes them anew.
#[test]
fn lists_of_keys_are_those_of_the_charts() {
    for version in VERSIONS {
        let Some(chart) = chart(version) else { continue };
        let file =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../../fixtures/helm/keys/{version}.txt"));
        let list = format!(
            "# Keys of chart {version} (camunda/camunda-platform-helm) with their defaults, one a line: `path = default`,\n\
             # `path {{}}` takes anything, `path ?` has no default, `@subchart key` is handed to a chart within the chart.\n{}",
            chart.to_list()
        );
        if std::env::var_os("DRYDOCK_BLESS").is_some() {
            std::fs::write(&file, &list).unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(&file).unwrap(),
            list,
            "{version}: run again with DRYDOCK_BLESS=1"
        );
        let shipped = ChartKeys::shipped(&Version::parse(version).unwrap()).unwrap();
        assert!(shipped.paths().count() > 200 || std::env::var_os("DRYDOCK_BLESS").is_some());
        assert_eq!(shipped.knows(&Path::parse("global.noSuchKey")), Known::No);
    }
}

/// The real helm and charts, as far as the environment names them.
pub(crate) struct Real {
    helm: std::ffi::OsString,
    charts: PathBuf,
    folder: tempfile::TempDir,
}

/// `DRYDOCK_TEST_HELM` is the helm to use, `DRYDOCK_TEST_CHARTS_RENDER` a folder of charts that hold the charts within them.
pub(crate) fn real() -> Option<Real> {
    let (Some(helm), Some(charts)) =
        (std::env::var_os("DRYDOCK_TEST_HELM"), std::env::var_os("DRYDOCK_TEST_CHARTS_RENDER"))
    else {
        println!("SKIP DRYDOCK_TEST_HELM and DRYDOCK_TEST_CHARTS_RENDER name no helm and no charts");
        return None;
    };
    Some(Real { helm, charts: PathBuf::from(charts), folder: tempfile::tempdir().unwrap() })
}

impl Real {
    /// Renders a chart with values files, one over the other; helm's words if it refuses.
    pub(crate) fn render(&self, version: &str, files: &[(String, String)]) -> Result<(), String> {
        let mut command = std::process::Command::new(&self.helm);
        command.args(["template", "camunda"]).arg(self.charts.join(version));
        for (number, (_, text)) in files.iter().enumerate() {
            let file = self.folder.path().join(format!("{number:02}.yaml"));
            std::fs::write(&file, text).unwrap();
            command.arg("-f").arg(&file);
        }
        let output = command.output().unwrap();
        let refused = || String::from_utf8_lossy(&output.stderr).into_owned();
        output.status.success().then_some(()).ok_or_else(refused)
    }
}

/// Files of the corpus that the old chart renders are rendered by the new one once they are migrated.
#[test]
fn what_is_written_is_rendered_by_the_real_chart() {
    let Some(real) = real() else { return };
    let render =
        |version: &str, text: &str| real.render(version, &[("values.yaml".to_owned(), text.to_owned())]);
    let road = Road::between("12.13.3", "13.12.7").unwrap();
    let key = |v: &str| ChartKeys::shipped(&Version::parse(v).unwrap());
    let (from, to) = (key("12.13.3"), key("13.12.7"));
    let corpus = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/helm/values");
    let (mut rendered, mut failed) = (0, Vec::new());
    for entry in std::fs::read_dir(corpus).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.ends_with(".yaml") || name.ends_with(".to.yaml") || name.starts_with("from-") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        if render("12.13.3", &text).is_err() {
            continue;
        }
        let Ok(proposal) =
            drydock_helm::values::propose(&[(name.clone(), text)], &road, from.as_ref(), to.as_ref())
        else {
            continue;
        };
        match render("13.12.7", &proposal.files[0].1) {
            Ok(()) => rendered += 1,
            Err(error) => failed.push(format!("{name}: {error}")),
        }
    }
    println!("{rendered} files rendered");
    assert!(failed.is_empty() && rendered > 20, "{rendered} rendered; {}", failed.join("\n"));
}
