//! What the values of a release tell: which parts it brings along, what its indices are called, which PostgreSQL it runs.
//! Nothing else of them is kept: values hold secrets.

use super::Refused;
use crate::cli::InitRelease;
use drydock_cluster::{Helm, HelmError};
use drydock_core::Component;
use drydock_helm::values::{ChartKeys, Provider, Road, StoreParts, Supplied};

/// First chart whose parts have the names that are looked for.
const OLDEST: u64 = 10;
/// PostgreSQL that is rehearsed where nothing says another one.
const POSTGRES: u16 = 15;
/// Majors that this environment can start.
const KNOWN: [u16; 3] = [14, 15, 17];

/// What was found.
pub(super) struct Found {
    /// Components to migrate.
    pub(super) components: Vec<Component>,
    /// Prefixes of indices.
    pub(super) prefixes: Vec<String>,
    /// Major version of PostgreSQL.
    pub(super) postgres: u16,
    /// One line for each thing worth telling.
    pub(super) told: Vec<String>,
}

/// Looks at files or at a live release; what is usual if neither is named.
pub(super) fn of(arguments: &InitRelease) -> Result<Found, Refused> {
    if let Some(release) = &arguments.from_release {
        let values = live(release, arguments)?;
        let supplied = Supplied::read(&[(format!("values of {release}"), values)], &[])
            .map_err(|error| Refused::CouldNotRun(format!("cannot read what helm says: {error}")))?;
        return found(&StoreParts::of(&supplied, None), &format!("the live release {release}"));
    }
    let Some(chart) = &arguments.chart else {
        return Ok(Found {
            components: Component::ALL.to_vec(),
            prefixes: Vec::new(),
            postgres: POSTGRES,
            told: Vec::new(),
        });
    };
    let road = Road::between(chart, chart).map_err(|error| Refused::Usage(error.to_string()))?;
    if road.from.major < OLDEST {
        return Err(Refused::Usage(format!(
            "charts before {OLDEST} name their parts otherwise, so that values for {chart} do not tell them; name what is \
             to be migrated with --components"
        )));
    }
    let files = arguments.values.iter().map(|path| {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Ok((name, text)),
            Err(error) => Err(Refused::Usage(format!("cannot read the values {name}: {error}"))),
        }
    });
    let supplied = Supplied::read(&files.collect::<Result<Vec<_>, _>>()?, &[])
        .map_err(|error| Refused::Usage(error.to_string()))?;
    let keys = ChartKeys::shipped(&road.from);
    found(&StoreParts::of(&supplied, keys.as_ref()), &format!("values for chart {chart}"))
}

fn live(release: &str, arguments: &InitRelease) -> Result<String, Refused> {
    let instead = format!(
        "run `helm get values {release} --all --output yaml --namespace {}` where it can be reached, and give the file with \
         --values and --chart",
        arguments.namespace
    );
    let helm = Helm::find(arguments.helm.as_deref()).ok_or_else(|| {
        Refused::CouldNotRun(format!(
            "there is no helm on the search path; install it or name it with --helm, or {instead}"
        ))
    })?;
    match helm.values(release, &arguments.namespace, arguments.context.as_deref()) {
        Ok(written) => Ok(written.manifests),
        Err(HelmError::Refused { words, .. }) => {
            // Its first line says what is wrong; no value is repeated when a release is not found.
            let first =
                drydock_report::text::printable(words.lines().next().unwrap_or_default()).into_owned();
            Err(Refused::CouldNotRun(format!(
                "helm does not tell the values of {release}: {first}; {instead}"
            )))
        }
        Err(error) => Err(Refused::CouldNotRun(format!("{error}; {instead}"))),
    }
}

fn found(parts: &StoreParts, source: &str) -> Result<Found, Refused> {
    let providers = [
        (Component::Identity, parts.identity),
        (Component::Keycloak, parts.keycloak),
        (Component::Webmodeler, parts.webmodeler),
        (Component::Elasticsearch, parts.elasticsearch),
    ];
    let mut told = vec![format!("Read from {source}:")];
    told.extend(providers.iter().map(|(component, provider)| match provider {
        Provider::Bitnami(key) => format!("  {component}: a Bitnami part, by {key}; to be migrated"),
        Provider::Elsewhere(key) => format!("  {component}: provided elsewhere, by {key}; stays where it is"),
        Provider::Nobody => format!("  {component}: no store of its own"),
    }));
    let components: Vec<Component> =
        providers.iter().filter(|(_, p)| matches!(p, Provider::Bitnami(_))).map(|(c, _)| *c).collect();
    if components.is_empty() {
        return Err(Refused::Usage(format!(
            "{source} bring no Bitnami part along, so that there is nothing to migrate; without --values or --from-release, \
             --components names what is to be rehearsed"
        )));
    }
    // One server stands in for all of them: the newest, because a target must not be older than any.
    let newest = parts.postgres_majors.iter().copied().max();
    let postgres = newest.filter(|major| KNOWN.contains(major)).unwrap_or(POSTGRES);
    let majors: Vec<String> = parts.postgres_majors.iter().map(ToString::to_string).collect();
    if let Some(newest) = newest.filter(|_| majors.len() > 1 || newest != Some(postgres)) {
        told.push(format!(
            "  PostgreSQL: images of {}, rehearsed with {postgres}{}",
            majors.join(" and "),
            if newest == postgres { "" } else { ", because that one cannot be started here" }
        ));
    }
    // A release with indices called `zeebe-record…` is covered by the usual prefix.
    let beside = |prefix: &&String| !super::USUAL_PREFIXES.iter().any(|usual| prefix.starts_with(usual));
    Ok(Found {
        components,
        prefixes: parts.index_prefixes.iter().filter(beside).cloned().collect(),
        postgres,
        told,
    })
}
