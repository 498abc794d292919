//! Certificates made for one test, with the openssl program.

use std::path::Path;
use std::process::Command;

/// A certification authority that nobody else trusts.
pub(crate) struct Authority {
    folder: tempfile::TempDir,
}

/// A server's certificate and key, PEM.
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    /// A new one, or why none can be made here.
    pub(crate) fn new() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let made = openssl(
            folder.path(),
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.pem -days 30 \
             -subj /CN=test-authority",
        );
        made.map(|()| Self { folder })
    }

    pub(crate) fn pem(&self) -> String {
        self.read("ca.pem")
    }

    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A certificate for these names (`IP:127.0.0.1,DNS:elsewhere`), good for so many days from now on.
    pub(crate) fn issue(&self, names: &str, days: i32) -> Issued {
        let folder = self.folder.path();
        std::fs::write(folder.join("names"), format!("subjectAltName={names}\n")).expect("written");
        let steps = [
            "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout s.key -out s.csr -subj /CN=server"
                .to_owned(),
            format!(
                "x509 -req -in s.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days {days} -extfile names -out s.pem"
            ),
        ];
        for step in steps {
            openssl(folder, &step).expect("a certificate");
        }
        Issued { certificate: self.read("s.pem"), key: self.read("s.key") }
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).expect("readable")
    }
}

fn openssl(folder: &Path, arguments: &str) -> Result<(), String> {
    let output = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .map_err(|e| format!("openssl cannot be run: {e}"))?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
