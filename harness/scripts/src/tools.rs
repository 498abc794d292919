//! The programs that the scripts call, and with which package each comes.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// A program, and how to get it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tool {
    /// Its name on the search path.
    pub name: &'static str,
    /// What to do where it is missing, in one line.
    pub mend: &'static str,
}

/// What the scripts look for before each phase, and the shell that they are written for.
pub const TOOLS: [Tool; 8] = [
    Tool { name: "bash", mend: "install the package bash" },
    Tool { name: "kubectl", mend: "install kubectl: https://kubernetes.io/docs/tasks/tools" },
    Tool { name: "helm", mend: "install helm: https://helm.sh" },
    Tool { name: "jq", mend: "install the package jq" },
    Tool { name: "yq", mend: "install yq, version 4: https://mikefarah.gitbook.io/yq" },
    Tool { name: "envsubst", mend: "install the package gettext-base" },
    Tool { name: "base64", mend: "install the package coreutils" },
    Tool { name: "openssl", mend: "install the package openssl" },
];

/// Each of them, with where it was found on a search path.
pub fn find_tools(path: &OsStr) -> Vec<(Tool, Option<PathBuf>)> {
    let runs =
        |file: &PathBuf| file.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    let find = |name: &str| std::env::split_paths(path).map(|folder| folder.join(name)).find(runs);
    TOOLS.into_iter().map(|tool| (tool, find(tool.name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_on_the_path_is_told_with_its_mend() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("jq");
        std::fs::write(&file, "").unwrap();
        let found = |path: &OsStr| -> Vec<&str> {
            find_tools(path).into_iter().filter(|(_, at)| at.is_some()).map(|(tool, _)| tool.name).collect()
        };
        assert!(found(folder.path().as_os_str()).is_empty(), "a file that is no program");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(found(folder.path().as_os_str()), ["jq"]);
        let envsubst = TOOLS.into_iter().find(|t| t.name == "envsubst").unwrap();
        assert!(envsubst.mend.contains("gettext-base"));
    }
}
