//! The user that runs the stores: PostgreSQL and Elasticsearch both refuse root.

use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::machine::Machine;
use rustix::fs::{Gid, Uid};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const DEFAULT_USER: &str = "nobody";

/// Who runs the stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoreUser {
    /// The calling user, who is not root.
    Caller,
    /// Another user, because the caller is root.
    Other { name: String, uid: u32, gid: u32 },
}

impl StoreUser {
    /// The caller unless that is root; then `DRYDOCK_RUN_AS` or `nobody`.
    pub(crate) fn resolve(machine: &Machine) -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Caller);
        }
        let wanted = machine.variable("DRYDOCK_RUN_AS").and_then(|v| v.to_str()).unwrap_or(DEFAULT_USER);
        let passwd = fs::read_to_string("/etc/passwd")
            .map_err(|e| EnvironmentError::io("read", Path::new("/etc/passwd"), &e))?;
        match find_user(&passwd, wanted) {
            Some((0, _)) => Err(refused(&format!("the user {wanted} is root, which the stores refuse"))),
            Some((uid, gid)) => Ok(Self::Other { name: wanted.to_owned(), uid, gid }),
            None => Err(refused(&format!("there is no user {wanted} to run the stores as"))),
        }
    }

    /// User and group to switch to, if any.
    pub(crate) fn ids(&self) -> Option<(u32, u32)> {
        match self {
            Self::Caller => None,
            Self::Other { uid, gid, .. } => Some((*uid, *gid)),
        }
    }

    /// Hands one path to the user.
    pub(crate) fn own(&self, path: &Path) -> Result<()> {
        let Some((uid, gid)) = self.ids() else { return Ok(()) };
        rustix::fs::chown(path, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
            .map_err(|e| EnvironmentError::io(&format!("hand to user {uid}"), path, &e))
    }

    /// Makes sure that the user can reach `path`: every directory above it must let the user through.
    pub(crate) fn can_reach(&self, path: &Path) -> Result<()> {
        let Self::Other { name, uid, gid } = self else { return Ok(()) };
        let path = path.canonicalize().map_err(|e| EnvironmentError::io("find", path, &e))?;
        for directory in path.ancestors().skip(1) {
            let meta = directory.metadata().map_err(|e| EnvironmentError::io("inspect", directory, &e))?;
            let bit = if meta.uid() == *uid {
                0o100
            } else if meta.gid() == *gid {
                0o010
            } else {
                0o001
            };
            if meta.mode() & bit == 0 {
                return Err(EnvironmentError::new(
                    EnvironmentProblem::Permission,
                    format!(
                        "the user {name}, who runs the stores, cannot enter {} on the way to {}",
                        directory.display(),
                        path.display()
                    ),
                    format!(
                        "chmod a+x {}, or put it elsewhere (DRYDOCK_WORK, DRYDOCK_CACHE)",
                        directory.display()
                    ),
                ));
            }
        }
        Ok(())
    }
}

fn refused(what: &str) -> EnvironmentError {
    EnvironmentError::new(
        EnvironmentProblem::Permission,
        what,
        "set DRYDOCK_RUN_AS to an existing user other than root, or run drydock as an ordinary user",
    )
}

fn find_user(passwd: &str, name: &str) -> Option<(u32, u32)> {
    passwd.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (*fields.first()? == name)
            .then(|| Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?)))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_user_is_found_by_its_exact_name() {
        let passwd = "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65533:n:/:/x\nnobody2:x:7:7:::\n";
        assert_eq!(find_user(passwd, "nobody"), Some((65534, 65533)));
        assert_eq!(find_user(passwd, "nobod"), None);
    }

    #[test]
    fn a_closed_directory_on_the_way_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let inner = dir.path().join("inner");
        fs::create_dir(&inner).unwrap();
        // A user id that owns nothing here.
        let user = StoreUser::Other { name: "somebody".into(), uid: 4_000_000, gid: 4_000_000 };
        let error = user.can_reach(&inner).unwrap_err();
        assert_eq!(error.code, EnvironmentProblem::Permission);
        assert!(error.what.contains("somebody"), "{}", error.what);
    }
}
