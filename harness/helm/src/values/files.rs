//! The files of a chart, from a folder or a packed chart.

use super::chart::ChartError;
use std::collections::BTreeMap;
use std::io::Read;

/// Files of a chart by their path within it, as far as they are of interest.
pub(super) fn read(path: &std::path::Path) -> Result<BTreeMap<String, String>, ChartError> {
    if path.is_dir() { read_folder(path) } else { read_packed(path) }
}

/// Which files of a chart are read, by their path within it.
fn of_interest(path: &str) -> bool {
    let depth = path.matches('/').count();
    let name = path.rsplit('/').next().unwrap_or(path);
    let about = matches!(name, "Chart.yaml" | "values.yaml" | "values.schema.json");
    (depth == 0 && about)
        || (depth == 2 && path.starts_with("charts/") && about)
        || (path.starts_with("templates/") && !path.contains("/test"))
}

fn read_folder(folder: &std::path::Path) -> Result<BTreeMap<String, String>, ChartError> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        let failed = |reason| ChartError::Io { path: at.display().to_string(), reason };
        for entry in std::fs::read_dir(&at).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let Ok(within) = path.strip_prefix(folder) else { continue };
            let within = within.to_string_lossy().replace('\\', "/");
            if path.is_dir() {
                let wanted = within.starts_with("templates") || within.starts_with("charts");
                if wanted && within.matches('/').count() < 6 {
                    folders.push(path);
                }
            } else if of_interest(&within) {
                let text = std::fs::read(&path)
                    .map_err(|reason| ChartError::Io { path: path.display().to_string(), reason })?;
                files.insert(within, String::from_utf8_lossy(&text).into_owned());
            }
        }
    }
    Ok(files)
}

fn read_packed(path: &std::path::Path) -> Result<BTreeMap<String, String>, ChartError> {
    let failed = |reason| ChartError::Io { path: path.display().to_string(), reason };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let mut files = BTreeMap::new();
    for entry in archive.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        let within = entry.path().map_err(failed)?.to_string_lossy().into_owned();
        // The first folder is the chart's own name.
        let Some((_, within)) = within.split_once('/') else { continue };
        if of_interest(within) {
            let within = within.to_owned();
            let mut text = Vec::new();
            entry.read_to_end(&mut text).map_err(failed)?;
            files.insert(within, String::from_utf8_lossy(&text).into_owned());
        }
    }
    Ok(files)
}
