//! The fetched Elasticsearch has no lifecycle management, and a Camunda that is started again on indices it has archived waits
//! for the setting that names their policy, for ever. A small plugin knows the setting and keeps policies.

use crate::artifacts::Pins;
use crate::cache::Cache;
use crate::embedded::blocking;
use crate::error::{EnvironmentError, EnvironmentProblem, Progress, Result};
use crate::homes::{self, Home, Obtained};
use crate::java::Java;
use crate::machine::Machine;
use crate::random::hex;
use sha2::{Digest, Sha256};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;
use zip::write::SimpleFileOptions;

const SOURCE: &str = include_str!("../../../../fixtures/elasticsearch/LifecycleStub.java");
const CLASS: &str = "drydock.LifecycleStub";
const PLUGIN: &str = "drydock-lifecycle-stub";
/// The module that a complete distribution has.
const MODULE: &str = "modules/x-pack-ilm";

/// Whether an installation lacks what Camunda wants and can be given it: one that somebody else gave is not touched.
pub(crate) fn is_wanted(home: &Home) -> bool {
    matches!(home.obtained, Obtained::Fetched(_)) && !home.path.join(MODULE).is_dir()
}

/// An installation beside this one, of the same files, with the plugin.
pub(crate) async fn provide(
    home: Home,
    java: &Java,
    machine: &Machine,
    cache: &Cache,
    pins: &Pins,
    logs: &Path,
    progress: &dyn Progress,
) -> Result<Home> {
    let base = home.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let digest = hex(&Sha256::digest(SOURCE.as_bytes()));
    let name = format!("{base}-lifecycle-{}", &digest[..8]);
    let lock = cache.lock(&name, progress).await?;
    if let Some(path) = cache.get(&name) {
        return Ok(Home { path, ..home });
    }
    let log = logs.join("fetch-compiler.log");
    let compiler = homes::checked_file(&pins.compiler, machine, pins, &log, progress).await?;
    progress.note("compiling the stub of lifecycle management");
    let folder = tempfile::tempdir()
        .map_err(|e| EnvironmentError::io("make a directory in", &std::env::temp_dir(), &e))?;
    compile(machine, java, &compiler, &home.path, folder.path()).await?;
    let (cache, from, version) = (cache.clone(), home.path.clone(), home.version.clone());
    let path = blocking(move || {
        let path = cache.install(&name, |staging| {
            link_tree(&from, staging)?;
            let plugin = staging.join("plugins").join(PLUGIN);
            fs::create_dir_all(&plugin)
                .map_err(|e| EnvironmentError::io("make the directory", &plugin, &e))?;
            pack(&folder.path().join("classes"), &plugin.join("stub.jar"))?;
            let descriptor = plugin.join("plugin-descriptor.properties");
            fs::write(&descriptor, descriptor_of(&version))
                .map_err(|e| EnvironmentError::io("write", &descriptor, &e))
        });
        drop(lock);
        path
    })
    .await?;
    Ok(Home { path, ..home })
}

fn descriptor_of(version: &str) -> String {
    format!(
        "description=knows index.lifecycle settings and keeps policies\nversion=1\nname={PLUGIN}\nclassname={CLASS}\n\
         java.version=17\nelasticsearch.version={version}\n"
    )
}

/// Compiles the plugin against the installation's own libraries.
async fn compile(
    machine: &Machine,
    java: &Java,
    compiler: &Path,
    elasticsearch: &Path,
    folder: &Path,
) -> Result<()> {
    let source = folder.join("LifecycleStub.java");
    fs::write(&source, SOURCE).map_err(|e| EnvironmentError::io("write", &source, &e))?;
    let libraries = elasticsearch.join("lib");
    let jars = fs::read_dir(&libraries).map_err(|e| EnvironmentError::io("list", &libraries, &e))?;
    let jars: Vec<PathBuf> =
        jars.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|x| x == "jar")).collect();
    let fail = |text: &str| {
        EnvironmentError::new(
            EnvironmentProblem::StartFailed,
            format!("cannot compile the stub of lifecycle management: {text}"),
            "name a complete Elasticsearch with --elasticsearch-home: it needs no stub",
        )
    };
    let path = std::env::join_paths(&jars).map_err(|e| fail(&e.to_string()))?;
    let classes = folder.join("classes");
    let arguments = [
        "-Xmx256m".as_ref(),
        "-jar".as_ref(),
        compiler.as_os_str(),
        "-source".as_ref(),
        "17".as_ref(),
        "-target".as_ref(),
        "17".as_ref(),
        "-nowarn".as_ref(),
        "-proc:none".as_ref(),
        "-classpath".as_ref(),
        path.as_os_str(),
        "-d".as_ref(),
        classes.as_os_str(),
        source.as_os_str(),
    ];
    let program = java.home.join("bin/java");
    let output = machine.output(&program, &arguments, Some(folder), Duration::from_secs(120)).await?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(fail(text.lines().find(|l| l.contains("ERROR")).or_else(|| text.lines().next()).unwrap_or_default()))
}

/// The same files under another folder: no second copy of 142 MB where the file system knows links.
fn link_tree(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).map_err(|e| EnvironmentError::io("list", from, &e))? {
        let entry = entry.map_err(|e| EnvironmentError::io("list", from, &e))?;
        let (old, new) = (entry.path(), to.join(entry.file_name()));
        if old.is_dir() {
            fs::create_dir_all(&new).map_err(|e| EnvironmentError::io("make the directory", &new, &e))?;
            link_tree(&old, &new)?;
        } else if fs::hard_link(&old, &new).is_err() {
            fs::copy(&old, &new).map_err(|e| EnvironmentError::io("copy", &old, &e))?;
        }
    }
    Ok(())
}

/// Packs the classes below a folder.
fn pack(classes: &Path, jar: &Path) -> Result<()> {
    let fail = |e: &dyn std::fmt::Display| EnvironmentError::io("write", jar, e);
    let file = fs::File::create(jar).map_err(|e| fail(&e))?;
    let mut archive = zip::ZipWriter::new(file);
    let mut folders = vec![classes.to_owned()];
    let mut packed = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|e| EnvironmentError::io("list", &folder, &e))?.flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(classes).unwrap_or(&path).to_string_lossy().into_owned();
            let bytes = fs::read(&path).map_err(|e| EnvironmentError::io("read", &path, &e))?;
            archive.start_file(name, SimpleFileOptions::default()).map_err(|e| fail(&e))?;
            archive.write_all(&bytes).map_err(|e| fail(&e))?;
            packed += 1;
        }
    }
    if packed == 0 {
        return Err(fail(&"the compiler made no class"));
    }
    archive.finish().map_err(|e| fail(&e)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_fetched_and_lacks_the_module_gets_the_stub() {
        let dir = tempfile::tempdir().unwrap();
        let home = |obtained| Home { path: dir.path().to_owned(), obtained, version: "8".into() };
        assert!(is_wanted(&home(Obtained::Fetched("x".into()))));
        assert!(!is_wanted(&home(Obtained::Given)));
        fs::create_dir_all(dir.path().join(MODULE)).unwrap();
        assert!(!is_wanted(&home(Obtained::Fetched("x".into()))));
    }

    #[test]
    fn a_linked_tree_has_every_file_and_its_own_folders() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir_all(from.join("plugins/deep")).unwrap();
        fs::write(from.join("plugins/deep/file"), "x").unwrap();
        fs::create_dir(&to).unwrap();
        link_tree(&from, &to).unwrap();
        fs::write(to.join("plugins/own"), "").unwrap();
        assert_eq!(fs::read_to_string(to.join("plugins/deep/file")).unwrap(), "x");
        assert!(!from.join("plugins/own").exists());
        assert!(pack(&from.join("plugins/deep"), &dir.path().join("a.jar")).is_ok());
        fs::create_dir(dir.path().join("none")).unwrap();
        let empty = pack(&dir.path().join("none"), &dir.path().join("b.jar")).unwrap_err();
        assert!(empty.what.contains("no class"), "{}", empty.what);
    }
}
