//! How Camunda is configured: everything through its environment, so that the shared installation stays as it was unpacked.

use super::CamundaConfig;
use crate::error::Result;
use crate::ports::free_for;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Its own configuration writes a file into the installation and, in twenty minutes, 8 MB of warnings of its client of
/// Elasticsearch that nobody reads.
pub(super) const LOG_CONFIGURATION: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="ERROR" shutdownHook="disable">
  <Appenders>
    <Console name="Console" target="SYSTEM_OUT">
      <PatternLayout pattern="%d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} %-5level %logger{36} - %msg%n"/>
    </Console>
  </Appenders>
  <Loggers>
    <Logger name="org.elasticsearch.client" level="error"/>
    <Logger name="io.camunda.tasklist.webapp.config.filter" level="warn"/>
    <Root level="info"><AppenderRef ref="Console"/></Root>
  </Loggers>
</Configuration>
"#;

const MAIN: &str = "io.camunda.application.StandaloneCamunda";

/// Where one start listens, all of it on the loopback interface.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ports {
    pub(super) rest: u16,
    pub(super) management: u16,
    gateway: u16,
    command: u16,
    internal: u16,
}

impl Ports {
    /// Four more ports beside the one that is given.
    pub(super) fn free(rest: u16, whom: &str) -> Result<Self> {
        let free = || free_for(whom);
        Ok(Self { rest, management: free()?, gateway: free()?, command: free()?, internal: free()? })
    }
}

/// What a start is made of.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) directory: PathBuf,
    /// Address of the Elasticsearch.
    pub(super) url: String,
    pub(super) config: CamundaConfig,
}

impl Settings {
    pub(super) fn log_configuration(&self) -> PathBuf {
        self.directory.join("config/log4j2.xml")
    }

    /// Arguments of `java`.
    pub(super) fn arguments(&self, home: &Path) -> Vec<OsString> {
        let directory = self.directory.display();
        let heap = self.config.heap_mib;
        let mut arguments: Vec<OsString> = [
            "-Xms128m".to_owned(),
            format!("-Xmx{heap}m"),
            format!("-XX:MaxDirectMemorySize={heap}m"),
            "-XX:+UseSerialGC".to_owned(),
            "-XX:-UsePerfData".to_owned(),
            "-XX:+ExitOnOutOfMemoryError".to_owned(),
            format!("-XX:ErrorFile={directory}/logs/hs_err_pid%p.log"),
            "-Dfile.encoding=UTF-8".to_owned(),
            format!("-Djava.io.tmpdir={directory}/tmp"),
            format!("-Dapp.home={directory}"),
            format!("-Dbasedir={directory}"),
            format!("-Dlogging.config={}", self.log_configuration().display()),
            "-classpath".to_owned(),
        ]
        .into_iter()
        .map(OsString::from)
        .collect();
        let mut path = home.join("config").into_os_string();
        path.push(":");
        path.push(home.join("lib/*"));
        arguments.push(path);
        arguments.push(MAIN.into());
        arguments
    }

    /// The whole environment of the process.
    pub(super) fn environment(&self, ports: &Ports) -> Vec<(String, OsString)> {
        const LOOPBACK: &str = "127.0.0.1";
        let gateway = format!("{LOOPBACK}:{}", ports.gateway);
        let mut variables: Vec<(&str, String)> = vec![
            ("PATH", "/usr/local/bin:/usr/bin:/bin".into()),
            ("HOME", self.directory.display().to_string()),
            ("SPRING_PROFILES_ACTIVE", "operate,tasklist,broker,auth".into()),
            ("SERVER_ADDRESS", LOOPBACK.into()),
            ("SERVER_PORT", ports.rest.to_string()),
            ("MANAGEMENT_SERVER_ADDRESS", LOOPBACK.into()),
            ("MANAGEMENT_SERVER_PORT", ports.management.to_string()),
            ("ZEEBE_BROKER_NETWORK_HOST", LOOPBACK.into()),
            ("ZEEBE_BROKER_NETWORK_COMMANDAPI_PORT", ports.command.to_string()),
            ("ZEEBE_BROKER_NETWORK_INTERNALAPI_PORT", ports.internal.to_string()),
            ("ZEEBE_BROKER_GATEWAY_NETWORK_HOST", LOOPBACK.into()),
            ("ZEEBE_BROKER_GATEWAY_NETWORK_PORT", ports.gateway.to_string()),
            ("ZEEBE_BROKER_CLUSTER_PARTITIONSCOUNT", self.config.partitions.to_string()),
            ("ZEEBE_BROKER_DATA_DIRECTORY", self.directory.join("data").display().to_string()),
            ("ZEEBE_BROKER_DATA_LOGSEGMENTSIZE", "16MB".into()),
            // What Camunda leaves free is meant for a machine of its own.
            ("ZEEBE_BROKER_DATA_DISK_FREESPACE_PROCESSING", "512MB".into()),
            ("ZEEBE_BROKER_DATA_DISK_FREESPACE_REPLICATION", "256MB".into()),
            ("ZEEBE_BROKER_EXPERIMENTAL_ROCKSDB_MEMORYLIMIT", "64MB".into()),
            ("ZEEBE_BROKER_EXPORTERS_ELASTICSEARCH_CLASSNAME", EXPORTER.into()),
            // The default waits up to five seconds before records can be seen.
            ("ZEEBE_BROKER_EXPORTERS_ELASTICSEARCH_ARGS_BULK_DELAY", "1".into()),
            // So that timers of half an hour can be seen to fire. Nothing moves until somebody asks.
            ("ZEEBE_CLOCK_CONTROLLED", "true".into()),
            ("MANAGEMENT_ENDPOINT_CLOCK_ENABLED", "true".into()),
            ("CAMUNDA_OPERATE_ZEEBE_GATEWAYADDRESS", gateway.clone()),
            ("CAMUNDA_TASKLIST_ZEEBE_GATEWAYADDRESS", gateway),
            ("CAMUNDA_TASKLIST_ZEEBE_RESTADDRESS", format!("http://{LOOPBACK}:{}", ports.rest)),
        ];
        variables.extend(ADDRESSES.iter().map(|name| (*name, self.url.clone())));
        if let Some(after) = self.config.archive_after {
            let after = format!("{}s", after.as_secs().max(1));
            variables.extend(ARCHIVERS.iter().map(|name| (*name, after.clone())));
        }
        variables.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
    }
}

const EXPORTER: &str = "io.camunda.zeebe.exporter.ElasticsearchExporter";

/// Whoever of them keeps the address of the store.
const ADDRESSES: [&str; 6] = [
    "ZEEBE_BROKER_EXPORTERS_ELASTICSEARCH_ARGS_URL",
    "CAMUNDA_DATABASE_URL",
    "CAMUNDA_OPERATE_ELASTICSEARCH_URL",
    "CAMUNDA_OPERATE_ZEEBEELASTICSEARCH_URL",
    "CAMUNDA_TASKLIST_ELASTICSEARCH_URL",
    "CAMUNDA_TASKLIST_ZEEBEELASTICSEARCH_URL",
];

const ARCHIVERS: [&str; 2] = [
    "CAMUNDA_OPERATE_ARCHIVER_WAITPERIODBEFOREARCHIVING",
    "CAMUNDA_TASKLIST_ARCHIVER_WAITPERIODBEFOREARCHIVING",
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn every_reader_and_writer_of_the_store_is_given_the_same_address_and_no_port_twice() {
        let settings = Settings {
            directory: "/w/camunda".into(),
            url: "http://127.0.0.1:9".into(),
            config: CamundaConfig {
                archive_after: Some(Duration::from_millis(1)),
                ..CamundaConfig::default()
            },
        };
        let ports = Ports::free(1, "test").unwrap();
        let environment = settings.environment(&ports);
        let named = |name: &str| environment.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()).unwrap();
        for name in ADDRESSES {
            assert_eq!(named(name), "http://127.0.0.1:9", "{name}");
        }
        assert_eq!(named(ARCHIVERS[0]), "1s", "never nothing, which would mean at once and for ever");
        let mut all = [ports.rest, ports.management, ports.gateway, ports.command, ports.internal];
        all.sort_unstable();
        assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "{all:?}");
        let arguments = settings.arguments(Path::new("/home"));
        assert!(
            arguments.contains(&"-Xmx512m".into()) && arguments.contains(&"/home/config:/home/lib/*".into())
        );
    }
}
