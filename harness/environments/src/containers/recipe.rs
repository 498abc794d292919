//! What the container of each store is made of: image, settings, files, volumes, and a port of the loopback interface.

use super::images::Image;
use super::marks::Marks;
use super::product::Product;
use crate::config::{ReindexWhitelist, Side, SideConfig, Store};
use crate::door::Door;
use crate::elasticsearch::{collector, door_files, optimises};
use crate::error::Result;
use crate::postgres::{SETTINGS, SUPERUSER};
use secrecy::{ExposeSecret, SecretString};
use std::collections::HashMap;
use std::time::Duration;
use testcontainers::bollard::models::PortBinding;
use testcontainers::core::{IntoContainerPort, Mount};
use testcontainers::{ContainerRequest, CopyTargetOptions, GenericImage, ImageExt};

/// Where the volume of a PostgreSQL is mounted. Its data lie one folder below: the images make that folder their user's.
const POSTGRES_VOLUME: &str = "/drydock";
/// The data of a PostgreSQL.
pub(super) const POSTGRES_DATA: &str = "/drydock/data";
/// Where the superuser's first password is put into the container: a folder that every image has.
const POSTGRES_PASSWORD: &str = "/etc/drydock-superuser-password";
/// Where the image of Elasticsearch keeps its configuration.
const ELASTICSEARCH_CONFIGURATION: &str = "/usr/share/elasticsearch/config";
/// Where both clusters find their snapshots.
pub(super) const SNAPSHOTS: &str = "/drydock/snapshots";
/// Time for making a container and starting its first process; answers are waited for elsewhere.
const CREATION: Duration = Duration::from_secs(120);

/// Port that a store listens on inside of its container.
pub(crate) fn inside(store: Store) -> u16 {
    match store {
        Store::Postgres => 5432,
        Store::Elasticsearch => 9200,
    }
}

/// Longest time from the start of a container to the first answer of the store in it.
pub(crate) fn start_limit(store: Store) -> Duration {
    match store {
        Store::Postgres => Duration::from_secs(120),
        Store::Elasticsearch => Duration::from_secs(300),
    }
}

/// One store of one side.
#[derive(Debug, Clone)]
pub(super) struct Recipe<'a> {
    pub(super) side: Side,
    pub(super) image: &'a Image,
    pub(super) marks: &'a Marks,
    pub(super) config: &'a SideConfig,
    pub(super) door: Option<&'a Door>,
}

impl Recipe<'_> {
    /// A PostgreSQL. The password counts only while the volume is empty.
    pub(super) fn postgres(&self, port: u16, password: &SecretString) -> ContainerRequest<GenericImage> {
        let settings = SETTINGS.iter().flat_map(|setting| ["-c", setting]);
        self.base(Store::Postgres, port)
            .with_mount(Mount::volume_mount(self.marks.store(self.side, Store::Postgres), POSTGRES_VOLUME))
            .with_env_var("PGDATA", POSTGRES_DATA)
            .with_env_var("POSTGRES_USER", SUPERUSER)
            // A variable could be read in the description of the container. The image reads the file as its own user.
            .with_env_var("POSTGRES_PASSWORD_FILE", POSTGRES_PASSWORD)
            .with_copy_to(
                CopyTargetOptions::new(POSTGRES_PASSWORD).with_mode(0o444),
                password.expose_secret().as_bytes().to_vec(),
            )
            .with_env_var(
                "POSTGRES_INITDB_ARGS",
                "--no-sync --encoding=UTF8 --locale=C.UTF-8 --auth-host=scram-sha-256",
            )
            .with_env_var("TZ", "UTC")
            .with_cmd(std::iter::once("postgres").chain(settings))
    }

    /// An Elasticsearch. Settings of modules that an image may lack stay away: one that nobody knows stops the start.
    pub(super) fn elasticsearch(&self, port: u16, data_bytes: u64) -> Result<ContainerRequest<GenericImage>> {
        let product = Product::of(self.image);
        let (node, programs) = product.java_variables();
        let volume = self.marks.store(self.side, Store::Elasticsearch);
        let mut request = self
            .base(Store::Elasticsearch, port)
            .with_mount(Mount::volume_mount(volume, product.data()))
            .with_mount(Mount::volume_mount(self.marks.snapshots(), SNAPSHOTS))
            .with_env_var(node, java_options(self.config.elasticsearch_heap_mib, data_bytes));
        if let Some(programs) = programs {
            request = request.with_env_var(programs, "-XX:TieredStopAtLevel=1 -XX:-UsePerfData");
        }
        for (name, value) in self.settings(product)? {
            request = request.with_env_var(name, value);
        }
        if let Some(door) = self.door {
            for (name, text) in door_files(door)? {
                let place =
                    CopyTargetOptions::new(format!("{ELASTICSEARCH_CONFIGURATION}/{name}")).with_mode(0o644);
                request = request.with_copy_to(place, text.expose_secret().as_bytes().to_vec());
            }
        }
        Ok(request)
    }

    /// What a reader of a report must know about this node.
    pub(super) fn deviations(&self, data_bytes: u64) -> String {
        let compiler = if optimises(data_bytes) { "" } else { ", TieredStopAtLevel=1" };
        let door = if self.door.is_some() { "TLS and passwords only" } else { "security off" };
        let heap = self.config.elasticsearch_heap_mib;
        format!("heap {heap} MiB, {door}, {}{compiler}", collector(heap))
    }

    fn base(&self, store: Store, port: u16) -> ContainerRequest<GenericImage> {
        let image = GenericImage::new(self.image.name.clone(), self.image.tag.clone());
        Frame { name: self.marks.store(self.side, store), inside: inside(store), port, memory_bytes: None }
            .around(image, self.marks)
    }

    fn settings(&self, product: Product) -> Result<Vec<(&'static str, String)>> {
        let peers = Product::any_peer();
        node_settings(product, (self.side, self.config), self.door, &peers, SNAPSHOTS)
    }
}

/// What every container of a run has, whatever runs in it.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) name: String,
    /// Port inside of the container.
    pub(super) inside: u16,
    /// Port of the loopback interface.
    pub(super) port: u16,
    /// Most that it may take, where that is bounded from outside.
    pub(super) memory_bytes: Option<i64>,
}

impl Frame {
    /// A container of the image with the run's labels, in the run's network.
    pub(super) fn around(self, image: GenericImage, marks: &Marks) -> ContainerRequest<GenericImage> {
        let Self { name, inside, port, memory_bytes } = self;
        image
            .with_exposed_port(inside.tcp())
            .with_container_name(name)
            .with_labels(marks.labels())
            .with_network(marks.network())
            .with_startup_timeout(CREATION)
            .with_host_config_modifier(move |host| {
                // The library maps ports of every interface; what runs here is nobody else's.
                let binding =
                    PortBinding { host_ip: Some("127.0.0.1".into()), host_port: Some(port.to_string()) };
                host.publish_all_ports = Some(false);
                host.port_bindings = Some(HashMap::from([(format!("{inside}/tcp"), Some(vec![binding]))]));
                host.memory = memory_bytes;
            })
    }
}

/// Options of a node's virtual machine.
pub(crate) fn java_options(heap: u32, data_bytes: u64) -> String {
    // The image's own options choose G1; two collectors at once are refused.
    let collector = match collector(heap) {
        "UseG1GC" => "",
        _ => " -XX:-UseG1GC -XX:+UseSerialGC",
    };
    let compiler = if optimises(data_bytes) { "" } else { " -XX:TieredStopAtLevel=1" };
    format!("-Xms{heap}m -Xmx{heap}m -XX:-UsePerfData{collector}{compiler}")
}

/// Settings of a node, as variables of its container. `peers` are the addresses that a target may read from.
///
/// # Errors
/// The product cannot be closed as the side asks.
pub(crate) fn node_settings(
    product: Product,
    (side, config): (Side, &SideConfig),
    door: Option<&Door>,
    peers: &str,
    snapshots: &str,
) -> Result<Vec<(&'static str, String)>> {
    let mut settings = vec![
        ("cluster.name", format!("drydock-{side}")),
        ("node.name", side.to_string()),
        ("discovery.type", "single-node".to_owned()),
        ("network.host", "0.0.0.0".to_owned()),
        ("path.repo", snapshots.to_owned()),
        ("cluster.routing.allocation.disk.threshold_enabled", "false".to_owned()),
        ("action.destructive_requires_name", "false".to_owned()),
    ];
    settings.extend(product.security(door.is_some())?);
    if side == Side::Target && config.reindex_whitelist == ReindexWhitelist::ThisMachine {
        settings.push((product.whitelist(), peers.to_owned()));
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workdir::WorkDir;
    use std::collections::BTreeMap;
    use std::path::Path;
    use testcontainers::Image as _;

    fn with<T>(config: &SideConfig, side: Side, secured: bool, look: impl FnOnce(&Recipe<'_>) -> T) -> T {
        let root = tempfile::tempdir().unwrap();
        let work = WorkDir::create(root.path(), "run-1", Path::new("/runs/1")).unwrap();
        let door = secured.then(|| Door::provide(&work).unwrap());
        let (image, marks) = (Image::parse("store:1").unwrap(), Marks::of(&work));
        look(&Recipe { side, image: &image, marks: &marks, config, door: door.as_ref() })
    }

    fn variables(request: &ContainerRequest<GenericImage>) -> BTreeMap<String, String> {
        request.env_vars().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
    }

    #[test]
    fn only_the_target_may_read_from_others_and_only_if_it_is_to() {
        let whitelist = |side, reindex_whitelist| {
            let config = SideConfig { reindex_whitelist, ..SideConfig::default() };
            with(&config, side, false, |r| variables(&r.elasticsearch(1, 0).unwrap()))
                .get("reindex.remote.whitelist")
                .cloned()
        };
        let told = whitelist(Side::Target, ReindexWhitelist::ThisMachine).unwrap();
        assert!(told.split(',').any(|p| p == "1*:9200") && !told.starts_with('*'), "{told}");
        assert_eq!(whitelist(Side::Target, ReindexWhitelist::Nobody), None);
        assert_eq!(whitelist(Side::Source, ReindexWhitelist::ThisMachine), None);
    }

    #[test]
    fn heaps_and_doors_are_those_of_the_scenario() {
        let config = SideConfig { elasticsearch_heap_mib: 512, ..SideConfig::default() };
        let open = with(&config, Side::Target, false, |r| variables(&r.elasticsearch(1, 0).unwrap()));
        assert!(open["ES_JAVA_OPTS"].starts_with("-Xms512m -Xmx512m"), "{open:?}");
        assert_eq!(open["xpack.security.enabled"], "false");
        let (secured, files) = with(&config, Side::Target, true, |r| {
            let request = r.elasticsearch(1, 0).unwrap();
            (variables(&request), request.copy_to_sources().count())
        });
        assert_eq!(secured["xpack.security.http.ssl.enabled"], "true");
        assert_eq!(files, 4);
        assert!(!secured.values().any(|v| v.contains("PRIVATE")), "a key is a file, not a variable");
        let large = SideConfig { elasticsearch_heap_mib: 1024, ..SideConfig::default() };
        let large = with(&large, Side::Source, false, |r| variables(&r.elasticsearch(1, 0).unwrap()));
        assert!(!large["ES_JAVA_OPTS"].contains("SerialGC"), "{large:?}");
    }

    #[test]
    fn an_image_of_opensearch_gets_the_settings_of_opensearch() {
        let config = SideConfig::default();
        let told = |secured| {
            with(&config, Side::Target, secured, |recipe| {
                let image = Image::parse("opensearchproject/opensearch:2.19.1").unwrap();
                let request = Recipe { image: &image, ..recipe.clone() }.elasticsearch(1, 0)?;
                let mounts: Vec<_> =
                    request.mounts().filter_map(|m| m.target().map(ToOwned::to_owned)).collect();
                Ok::<_, crate::EnvironmentError>((variables(&request), mounts))
            })
        };
        let (told_open, mounts) = told(false).unwrap();
        assert_eq!(told_open["DISABLE_SECURITY_PLUGIN"], "true");
        assert!(told_open["OPENSEARCH_JAVA_OPTS"].starts_with("-Xms"), "{told_open:?}");
        assert!(told_open["reindex.remote.allowlist"].contains("1*:9200"), "{told_open:?}");
        assert!(
            !told_open.keys().any(|name| name.contains("xpack") || name == "ES_JAVA_OPTS"),
            "{told_open:?}"
        );
        assert!(mounts.iter().any(|m| m == "/usr/share/opensearch/data"), "{mounts:?}");
        assert!(told(true).is_err(), "a store that is to be closed is not started open");
    }

    #[test]
    fn no_variable_label_or_word_of_a_command_holds_a_secret() {
        let config = SideConfig::default();
        with(&config, Side::Source, true, |recipe| {
            let request = recipe.postgres(1, &SecretString::from("very-secret"));
            let variables = variables(&request);
            let words = request.cmd().map(|word| word.to_string()).collect::<Vec<_>>();
            let told = format!("{variables:?} {:?} {words:?}", request.labels());
            assert!(!told.contains("very-secret"), "{told}");
            assert_eq!(variables["POSTGRES_PASSWORD_FILE"], POSTGRES_PASSWORD);
            let copied: Vec<String> = request.copy_to_sources().map(|c| format!("{c:?}")).collect();
            let bytes = format!("{:?}", "very-secret".as_bytes());
            assert!(copied[0].contains(POSTGRES_PASSWORD) && copied[0].contains(&bytes), "{copied:?}");
            let door = recipe.door.expect("a door");
            let request = recipe.elasticsearch(1, 0).unwrap();
            let told = format!("{:?} {:?}", super::tests::variables(&request), request.labels());
            for (name, text) in door_files(door).unwrap() {
                let text = text.expose_secret();
                assert!(!told.contains(text.trim()), "{name} is in {told}");
            }
        });
    }

    #[test]
    fn a_container_is_labelled_named_and_networked_as_its_run() {
        let config = SideConfig::default();
        with(&config, Side::Source, false, |recipe| {
            let request = recipe.postgres(1, &SecretString::from("secret"));
            assert_eq!(request.container_name().as_deref(), Some("drydock-run-1-source-postgres"));
            assert_eq!(request.network().as_deref(), Some("drydock-run-1"));
            assert_eq!(request.labels().get("drydock.run").map(String::as_str), Some("run-1"));
            assert_eq!(request.image().tag(), "1");
            assert!(request.cmd().any(|word| word == "fsync=off"));
            let mount = request.mounts().next().and_then(Mount::source).map(ToOwned::to_owned);
            assert_eq!(mount.as_deref(), Some("drydock-run-1-source-postgres"));
        });
    }
}
