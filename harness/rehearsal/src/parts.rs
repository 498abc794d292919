//! Parts of a comparison on disk: one file a share, in a folder that all of them share. A file is the part as one line of JSON, and below it
//! the digest of that line; it is there whole or not at all.

use crate::verify::VerifyOptions;
use drydock_core::Redactor;
use drydock_stores::compare::{Part, Parts, Share, Tier, Versions};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Layout of the file.
const VERSION: u32 = 1;
const PREFIX: &str = "part-";
const SUFFIX: &str = ".json";
/// Missing shares that are told one by one.
const TOLD: usize = 10;

/// What was compared, and how. Parts of other terms do not belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Terms {
    /// Addresses of the clusters, without logins.
    elasticsearch: Option<[String; 2]>,
    prefixes: Vec<String>,
    /// Host and port of the servers.
    postgres: Option<[String; 2]>,
    /// Names on the source and on the target; empty for all.
    databases: Vec<(String, String)>,
    fast: bool,
    versions: bool,
}

impl Terms {
    fn of(options: &VerifyOptions) -> Self {
        let address = |host: &str, port: u16| format!("{host}:{port}");
        Self {
            elasticsearch: options.elasticsearch.as_ref().map(|(a, b)| [a.url.clone(), b.url.clone()]),
            prefixes: options.prefixes.clone(),
            postgres: options
                .postgres
                .as_ref()
                .map(|(a, b)| [address(&a.host, a.port), address(&b.host, b.port)]),
            databases: options.databases.iter().map(|d| (d.source.clone(), d.target.clone())).collect(),
            fast: options.tuning.tier == Tier::Fast,
            versions: options.tuning.versions == Versions::Compared,
        }
    }
}

/// The contents of a file.
#[derive(Debug, Serialize, Deserialize)]
struct Sheet {
    part_version: u32,
    /// Version of the program: another one may compare otherwise.
    drydock: String,
    share: Share,
    terms: Terms,
    part: Part,
}

/// Writes a part, in the place of an earlier one of the same share. What the redactor knows is masked in it. Returns its path.
///
/// # Errors
/// The folder cannot be written.
pub(crate) fn write(
    folder: &Path,
    share: Share,
    options: &VerifyOptions,
    part: Part,
    redactor: &Redactor,
) -> io::Result<PathBuf> {
    let sheet = Sheet {
        part_version: VERSION,
        drydock: env!("CARGO_PKG_VERSION").to_owned(),
        share,
        terms: Terms::of(options),
        part,
    };
    let mut value = serde_json::to_value(sheet)?;
    mask(&mut value, redactor);
    let line = value.to_string();
    fs::create_dir_all(folder)?;
    let path = folder.join(format!("{PREFIX}{}-of-{}{SUFFIX}", share.number(), share.of()));
    let unfinished = path.with_extension(format!("json.{}", std::process::id()));
    let mut file = File::create(&unfinished)?;
    writeln!(file, "{line}\n{}", blake3::hash(line.as_bytes()))?;
    file.sync_all()?;
    fs::rename(&unfinished, &path)?;
    Ok(path)
}

/// Masks texts; numbers, digests among them, stay as they are.
fn mask(value: &mut Value, redactor: &Redactor) {
    match value {
        Value::String(text) => *text = redactor.apply(text),
        Value::Array(all) => all.iter_mut().for_each(|one| mask(one, redactor)),
        Value::Object(all) => all.values_mut().for_each(|one| mask(one, redactor)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Reads the parts of all shares, for a comparison with the same options.
///
/// # Errors
/// In words for people: no part is there, one is missing, there twice, torn, or made for another comparison.
pub(crate) fn read_all(folder: &Path, options: &VerifyOptions) -> Result<Parts, String> {
    let failed = |e: io::Error| format!("{} cannot be read: {e}", folder.display());
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) {
            paths.push(path);
        }
    }
    paths.sort();
    let terms = Terms::of(options);
    let mut sheets: BTreeMap<Share, Sheet> = BTreeMap::new();
    let mut first: Option<Share> = None;
    for path in paths {
        let wrong = |why: &str| format!("the part {} {why}", path.display());
        let sheet = read(&path).map_err(|why| wrong(&why))?;
        if sheet.part_version != VERSION || sheet.drydock != env!("CARGO_PKG_VERSION") {
            return Err(wrong(&format!(
                "was written by drydock {}, and this is another version",
                sheet.drydock
            )));
        }
        if let Some(what) = differing(&sheet.terms, &terms) {
            return Err(wrong(&format!("is of another comparison: {what} differ")));
        }
        let share = sheet.share;
        let of = first.get_or_insert(share).of();
        if share.of() != of {
            return Err(wrong(&format!("is one of {} shares, and others are of {of}", share.of())));
        }
        if sheets.insert(share, sheet).is_some() {
            return Err(wrong(&format!("is there twice: another file is of share {share} as well")));
        }
    }
    let Some(first) = first else { return Err(format!("no part is in {}", folder.display())) };
    let missing: Vec<String> = (0..first.of())
        .filter_map(|number| Share::new(number, first.of()))
        .filter(|share| !sheets.contains_key(share))
        .map(|share| share.to_string())
        .collect();
    if !missing.is_empty() {
        let more = if missing.len() > TOLD { " and others" } else { "" };
        let told = missing.iter().take(TOLD).cloned().collect::<Vec<_>>().join(", ");
        return Err(format!("{} of {} parts are missing: {told}{more}", missing.len(), first.of()));
    }
    Parts::of(sheets.into_values().map(|sheet| sheet.part))
}

/// What differs between two comparisons, for people.
fn differing(a: &Terms, b: &Terms) -> Option<&'static str> {
    match () {
        () if a == b => None,
        () if (&a.elasticsearch, &a.postgres) != (&b.elasticsearch, &b.postgres) => Some("the stores"),
        () if (&a.prefixes, &a.databases) != (&b.prefixes, &b.databases) => Some("prefixes or databases"),
        () => Some("options"),
    }
}

fn read(path: &Path) -> Result<Sheet, String> {
    let text = fs::read_to_string(path).map_err(|e| format!("cannot be read: {e}"))?;
    let torn = || "is torn".to_owned();
    let (line, digest) = text.split_once('\n').ok_or_else(torn)?;
    if digest != format!("{}\n", blake3::hash(line.as_bytes())) {
        return Err(torn());
    }
    serde_json::from_str(line).map_err(|e| format!("is no part: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use drydock_stores::ElasticsearchEndpoint;
    use drydock_stores::compare::Options;

    fn options(target: &str) -> VerifyOptions {
        let cluster = |name: &str| ElasticsearchEndpoint::plain(format!("http://{name}:9200"));
        VerifyOptions { elasticsearch: Some((cluster("a"), cluster(target))), ..VerifyOptions::default() }
    }

    fn put(folder: &Path, number: u32, of: u32, options: &VerifyOptions) -> PathBuf {
        let share = Share::new(number, of).unwrap();
        write(folder, share, options, Part::default(), &Redactor::default()).unwrap()
    }

    #[test]
    fn parts_of_one_comparison_are_taken_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let (at, usual) = (folder.path(), options("b"));
        let told = |options: &VerifyOptions| read_all(at, options).map(drop).unwrap_err();
        assert!(told(&usual).contains("no part is in"));
        let paths = [0, 1, 2].map(|number| put(at, number, 3, &usual));
        assert!(read_all(at, &usual).is_ok());
        // Written again, as by a pod that was started anew; and what a killed one left.
        put(at, 1, 3, &usual);
        fs::write(at.join("part-2-of-3.json.77"), "half").unwrap();
        assert!(read_all(at, &usual).is_ok());
        assert!(told(&options("c")).contains("the stores differ"));
        let fast = Options { tier: Tier::Fast, ..Options::default() };
        assert!(told(&VerifyOptions { tuning: fast, ..usual.clone() }).contains("options differ"));
        let prefixes = vec!["operate-".to_owned()];
        assert!(told(&VerifyOptions { prefixes, ..usual.clone() }).contains("prefixes or databases differ"));
        let text = fs::read_to_string(&paths[1]).unwrap();
        for harmed in [&text[..text.len() - 1], &text[..40], "", &text.replacen("http://a", "http://x", 1)] {
            fs::write(&paths[1], harmed).unwrap();
            assert!(told(&usual).contains("is torn"), "{harmed}");
        }
        fs::write(&paths[1], &text).unwrap();
        fs::copy(&paths[1], at.join("part-copy.json")).unwrap();
        assert!(told(&usual).contains("share 1/3 as well"));
        fs::remove_file(at.join("part-copy.json")).unwrap();
        let stray = put(at, 0, 4, &usual);
        assert!(told(&usual).contains("others are of"));
        fs::remove_file(stray).unwrap();
        fs::remove_file(&paths[0]).unwrap();
        assert_eq!(told(&usual), "1 of 3 parts are missing: 0/3");
    }

    #[test]
    fn a_secret_is_masked_and_a_digest_is_none() {
        let mut redactor = Redactor::default();
        redactor.add("4711");
        let mut value = serde_json::json!({"text": "it is 4711", "id": [47_114_711_u64, 1]});
        mask(&mut value, &redactor);
        assert_eq!(value, serde_json::json!({"text": "it is [redacted]", "id": [47_114_711_u64, 1]}));
    }
}
