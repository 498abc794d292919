//! The door of stores that somebody else manages: an authority made for the run, a certificate for each store, and a
//! login for Elasticsearch, which has none by itself.

use crate::config::Store;
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::postgres::random_password;
use crate::workdir::{WorkDir, write_private};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use secrecy::{ExposeSecret, SecretString};
use std::fs;
use std::path::PathBuf;

/// Names under which the stores are reached.
const NAMES: [&str; 2] = ["127.0.0.1", "localhost"];
/// User of Elasticsearch that may do anything.
pub(crate) const ELASTICSEARCH_USER: &str = "drydock";

/// Certificate and key of one store, PEM.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: SecretString,
}

/// What the secured stores of one environment share. Kept in the work directory, so that a run that is taken up again
/// finds the same doors.
#[derive(Debug)]
pub(crate) struct Door {
    /// Certificate of the authority, PEM.
    pub(crate) ca_pem: String,
    /// Password of [`ELASTICSEARCH_USER`].
    pub(crate) password: SecretString,
    folder: PathBuf,
}

impl Door {
    /// Takes the door of this work directory, or makes one.
    pub(crate) fn provide(work: &WorkDir) -> Result<Self> {
        let folder = work.path().join("tls");
        // Written last: where it is, everything else is.
        if !folder.join("ca.pem").is_file() {
            make(&folder)?;
        }
        let read = |name: &str| {
            let path = folder.join(name);
            fs::read_to_string(&path).map_err(|e| EnvironmentError::io("read", &path, &e))
        };
        Ok(Self {
            ca_pem: read("ca.pem")?,
            password: SecretString::from(read("elasticsearch.password")?),
            folder,
        })
    }

    /// What a store shows to whoever connects.
    pub(crate) fn issued(&self, store: Store) -> Result<Issued> {
        let read = |suffix: &str| {
            let path = self.folder.join(format!("{store}.{suffix}"));
            fs::read_to_string(&path).map_err(|e| EnvironmentError::io("read", &path, &e))
        };
        Ok(Issued { certificate: read("pem")?, key: SecretString::from(read("key")?) })
    }
}

/// The certificate of an authority that signed nothing, PEM: for planting a wrong one.
///
/// # Errors
/// No key could be made.
pub fn foreign_authority() -> Result<String> {
    Ok(authority("somebody else's authority")?.0)
}

fn make(folder: &std::path::Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|e| EnvironmentError::io("make the directory", folder, &e))?;
    let (ca_pem, issuer) = authority("authority of this rehearsal")?;
    for store in [Store::Postgres, Store::Elasticsearch] {
        let key = KeyPair::generate().map_err(|e| failed(&e))?;
        let names: Vec<String> = NAMES.map(Into::into).to_vec();
        let mut params = CertificateParams::new(names).map_err(|e| failed(&e))?;
        params.distinguished_name.push(DnType::CommonName, format!("{store} of this rehearsal"));
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &issuer).map_err(|e| failed(&e))?;
        write_private(&folder.join(format!("{store}.pem")), certificate.pem().as_bytes())?;
        write_private(&folder.join(format!("{store}.key")), key.serialize_pem().as_bytes())?;
    }
    let password = random_password()?;
    write_private(&folder.join("elasticsearch.password"), password.expose_secret().as_bytes())?;
    write_private(&folder.join("ca.pem"), ca_pem.as_bytes())
}

fn authority(name: &str) -> Result<(String, Issuer<'static, KeyPair>)> {
    let key = KeyPair::generate().map_err(|e| failed(&e))?;
    let mut params = CertificateParams::new(Vec::new()).map_err(|e| failed(&e))?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = params.self_signed(&key).map_err(|e| failed(&e))?;
    Ok((certificate.pem(), Issuer::new(params, key)))
}

fn failed(error: &rcgen::Error) -> EnvironmentError {
    EnvironmentError::new(
        EnvironmentProblem::Io,
        format!("cannot make a certificate for the target's stores: {error}"),
        "check that /dev/urandom can be read, then run again",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    #[test]
    fn a_door_stays_the_same_and_its_keys_stay_private() {
        let root = tempfile::tempdir().unwrap();
        let work = WorkDir::create(root.path(), "run-1", Path::new("/runs/1")).unwrap();
        let (first, again) = (Door::provide(&work).unwrap(), Door::provide(&work).unwrap());
        assert_eq!(first.ca_pem, again.ca_pem);
        assert_eq!(first.password.expose_secret(), again.password.expose_secret());
        assert_ne!(first.ca_pem, foreign_authority().unwrap());
        for name in ["postgres.key", "elasticsearch.key", "elasticsearch.password"] {
            let mode = fs::metadata(first.folder.join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        let shown = format!("{first:?} {:?}", first.issued(Store::Postgres).unwrap());
        assert!(!shown.contains("PRIVATE") && !shown.contains(first.password.expose_secret()), "{shown}");
    }
}
