//! Whether the cutover's script stopped the application before it dumped anything, as it was seen from the cluster.

use super::super::at_rest::AtRest;
use drydock_core::finding::{Finding, Kind, Sample};
use drydock_core::names::checks;
use drydock_environments::{Kind as Cluster, Moment};
use drydock_stores::compare::CheckResult;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Between two looks at the cluster while a phase runs.
const LOOK: Duration = Duration::from_millis(300);

/// Looks at the cluster until it is dropped. An API server that does not answer once is asked again.
pub(super) async fn look<T>(cluster: &Cluster, moments: &mut Vec<Moment>, rest: &mut Option<AtRest>) -> T {
    loop {
        if let Ok(moment) = cluster.moment().await
            && moments.last() != Some(&moment)
        {
            if let Some(rest) = rest {
                rest.see(&moment);
            }
            moments.push(moment);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Movers that never ran, with what kept them from it when they were seen last: no node took them, or nobody had their image.
pub(super) fn never_ran(moments: &[Moment]) -> BTreeMap<&str, &str> {
    let mut waiting = BTreeMap::new();
    for moment in moments {
        for (name, address) in &moment.movers {
            match (address, moment.stuck.get(name)) {
                (None, Some(words)) => waiting.insert(name.as_str(), words.as_str()),
                _ => waiting.remove(name.as_str()),
            };
        }
    }
    waiting
}

/// Whether the application was stopped, and stopped before anything was dumped, as it was seen from the cluster. The first moment
/// tells which movers were there before the phase, the last one how it was left.
pub(super) fn stopped(moments: &[Moment]) -> CheckResult {
    let began = Instant::now();
    let old: BTreeSet<&String> = moments.first().into_iter().flat_map(|m| m.movers.keys()).collect();
    let first = moments.iter().find(|m| m.movers.keys().any(|name| !old.contains(name)));
    let mut findings = Vec::new();
    let mut object = |left: &[String], message: String, next: &str| {
        if !left.is_empty() {
            let samples = left.iter().cloned().map(Sample::named);
            let finding = Finding::data(checks::CL_STOPPED, Kind::StillActive, "application", message);
            findings.push(finding.items(left.len() as u64, samples).next(next));
        }
    };
    if let Some(Moment { applications, .. }) = first {
        object(
            applications,
            format!(
                "{} pods of the application were still there when the first final dump had begun",
                applications.len()
            ),
            "have the freeze wait until no pod is left: one that is ending may write what the dump has passed already",
        );
    }
    if let Some(Moment { applications, .. }) = moments.last() {
        object(
            applications,
            format!(
                "{} pods of the application are there after the cutover's script has ended",
                applications.len()
            ),
            "find out who keeps them, stop that first, and rehearse again",
        );
    }
    // Looks at which something could have been seen.
    let compared = if first.is_some() { moments.len() as u64 } else { 0 };
    CheckResult {
        check: checks::CL_STOPPED,
        compared,
        findings,
        note: format!(
            "{compared} moments of the application's pods and of the Jobs that dump, while the cutover ran"
        ),
        millis: crate::world::compare::millis(began),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(movers: &[&str], applications: &[&str]) -> Moment {
        Moment {
            movers: movers.iter().map(|m| ((*m).to_owned(), None)).collect(),
            stuck: BTreeMap::new(),
            applications: applications.iter().map(|a| (*a).to_owned()).collect(),
        }
    }

    #[test]
    fn an_application_that_outlives_the_first_dump_is_told() {
        let frozen = [
            moment(&["of-phase-2"], &["operate"]),
            moment(&["of-phase-2"], &[]),
            moment(&["of-phase-2", "final"], &[]),
        ];
        let clean = stopped(&frozen);
        assert!(clean.findings.is_empty() && clean.compared == 3, "{clean:?}");
        let mut late = frozen.clone();
        late[2].applications.push("zeebe (ending since 2026-01-01T00:00:00Z)".into());
        let mut told = late.to_vec();
        told.push(moment(&["of-phase-2", "final"], &[]));
        let found = stopped(&told).findings;
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].message.contains("when the first final dump had begun"), "{}", found[0].message);
        // One that is still there at the end was there at the dump.
        assert_eq!(stopped(&late).findings.len(), 2);
        // Where no Job was seen, nothing was proven.
        assert_eq!(stopped(&frozen[..2]).compared, 0);
        assert_eq!(stopped(&[]).compared, 0);
    }

    #[test]
    fn only_a_mover_that_never_got_a_node_or_an_image_never_ran() {
        let at = |name: &str, address: Option<&str>, stuck: Option<&str>| Moment {
            movers: BTreeMap::from([(name.to_owned(), address.map(ToOwned::to_owned))]),
            stuck: stuck.map(|words| (name.to_owned(), words.to_owned())).into_iter().collect(),
            applications: Vec::new(),
        };
        let no_node = Some("0/1 nodes are available");
        let removed = Moment::default();
        let told = [at("dump", None, no_node), removed.clone()];
        assert_eq!(never_ran(&told), BTreeMap::from([("dump", "0/1 nodes are available")]));
        assert_eq!(
            never_ran(&[at("dump", None, no_node), at("dump", Some("10.0.0.1"), None)]),
            BTreeMap::new()
        );
        assert_eq!(never_ran(&[at("dump", None, None), removed]), BTreeMap::new());
        // It ran, and fell over and over: whose fault that is, is not told by the cluster.
        let fell = [at("dump", Some("10.0.0.1"), Some("CrashLoopBackOff"))];
        assert_eq!(never_ran(&fell), BTreeMap::new());
    }
}
