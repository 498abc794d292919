//! The topology that gateways and brokers tell (`GET /v2/topology`, or `zbctl status -o json`): one leader for each partition,
//! and one cluster rather than two that both believe to be it.

use crate::check::Check;
use drydock_core::finding::{Finding, Kind, Sample};
use drydock_core::names::checks;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// One answer to the question for the topology.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Who was asked, as it is told: an address or a file.
    pub asked: String,
    /// What came back.
    pub topology: Value,
}

/// What one answer says of a partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Seen {
    leaders: BTreeSet<u64>,
    members: BTreeSet<u64>,
    unhealthy: BTreeSet<u64>,
}

/// Reads an answer.
///
/// # Errors
/// The text is no JSON, or no topology.
pub fn read(asked: &str, text: &str) -> Result<Answer, String> {
    let topology: Value = serde_json::from_str(text).map_err(|e| format!("{asked} is no JSON: {e}"))?;
    if topology["brokers"].as_array().is_none() {
        return Err(format!("{asked} is no topology: it has no `brokers`"));
    }
    Ok(Answer { asked: asked.to_owned(), topology })
}

/// Judges every answer by itself and all of them together. Asking each broker rather than the service in front of them is what
/// shows two clusters behind one address.
pub fn judge(answers: &[Answer]) -> Check {
    let mut check = Check::new(checks::TOPOLOGY);
    let mut leaders: BTreeMap<u64, BTreeMap<u64, &str>> = BTreeMap::new();
    let mut clusters: BTreeMap<(u64, u64, u64), &str> = BTreeMap::new();
    let mut nodes: BTreeMap<BTreeSet<u64>, &str> = BTreeMap::new();
    for answer in answers {
        let number = |key: &str| answer.topology[key].as_u64().unwrap_or_default();
        let (size, partitions, copies) =
            (number("clusterSize"), number("partitionsCount"), number("replicationFactor"));
        clusters.entry((size, partitions, copies)).or_insert(&answer.asked);
        let (seen, brokers) = partitions_of(answer, &mut check);
        check.compared += partitions.max(seen.len() as u64);
        if (brokers.len() as u64) < size {
            let message = format!("{}: {} of {size} brokers are in the cluster", answer.asked, brokers.len());
            tell(
                &mut check,
                Kind::Missing,
                "brokers".to_owned(),
                message,
                "find out why the others do not join: look at their logs, volumes and node ids",
            );
        }
        for partition in 1..=partitions.max(seen.keys().copied().max().unwrap_or_default()) {
            one(answer, partition, seen.get(&partition), copies, &mut check);
            for leader in seen.get(&partition).map(|s| &s.leaders).into_iter().flatten() {
                leaders.entry(partition).or_default().entry(*leader).or_insert(&answer.asked);
            }
        }
        nodes.entry(brokers).or_insert(&answer.asked);
    }
    apart(&leaders, &clusters, &nodes, &mut check);
    check.note = format!("{} answers, each partition for one leader and all its members", answers.len());
    if answers.len() < 2 {
        check.note.push_str("; one answer alone cannot show a second cluster");
    }
    check
}

fn tell(check: &mut Check, kind: Kind, subject: String, message: String, next: &str) {
    check.findings.push(Finding::data(check.check, kind, subject, message).next(next));
}

/// What an answer says of each partition, and which brokers it knows.
fn partitions_of(answer: &Answer, check: &mut Check) -> (BTreeMap<u64, Seen>, BTreeSet<u64>) {
    let mut seen: BTreeMap<u64, Seen> = BTreeMap::new();
    let mut brokers = BTreeSet::new();
    for broker in answer.topology["brokers"].as_array().into_iter().flatten() {
        let Some(node) = broker["nodeId"].as_u64() else { continue };
        if !brokers.insert(node) {
            let message = format!("{}: two brokers have the node id {node}", answer.asked);
            tell(
                check,
                Kind::Extra,
                format!("broker {node}"),
                message,
                "stop one of them: two brokers with one id write over each other",
            );
        }
        for partition in broker["partitions"].as_array().into_iter().flatten() {
            let Some(id) = partition["partitionId"].as_u64() else { continue };
            let entry = seen.entry(id).or_default();
            let word = |key: &str| partition[key].as_str().unwrap_or_default().to_ascii_lowercase();
            match word("role").as_str() {
                "leader" => {
                    entry.leaders.insert(node);
                    entry.members.insert(node);
                }
                "follower" => {
                    entry.members.insert(node);
                }
                _ => {}
            }
            if matches!(word("health").as_str(), "unhealthy" | "dead") {
                entry.unhealthy.insert(node);
            }
        }
    }
    (seen, brokers)
}

/// One partition by one answer.
fn one(answer: &Answer, partition: u64, seen: Option<&Seen>, copies: u64, check: &mut Check) {
    let subject = format!("partition {partition}");
    let asked = &answer.asked;
    let none = Seen::default();
    let seen = seen.unwrap_or(&none);
    match seen.leaders.len() {
        0 => {
            let message = format!("{asked}: partition {partition} has no leader: nothing on it is processed");
            tell(
                check,
                Kind::Unusable,
                subject.clone(),
                message,
                "find out which of its members are down, and whether a majority of them has its volume",
            );
        }
        1 => {}
        _ => {
            let message = format!(
                "{asked}: partition {partition} has {} leaders: brokers {}",
                seen.leaders.len(),
                list(&seen.leaders)
            );
            tell(
                check,
                Kind::Extra,
                subject.clone(),
                message,
                "stop all but one side of the cluster at once: both accept work, and one of them will lose it",
            );
        }
    }
    if (seen.members.len() as u64) < copies {
        let message = format!(
            "{asked}: partition {partition} has {} of {copies} members: {}",
            seen.members.len(),
            list(&seen.members)
        );
        tell(
            check,
            Kind::Missing,
            format!("{subject} members"),
            message,
            "bring the missing brokers back before anything else is changed",
        );
    }
    if !seen.unhealthy.is_empty() {
        let message =
            format!("{asked}: partition {partition} is not healthy on brokers {}", list(&seen.unhealthy));
        tell(
            check,
            Kind::Unusable,
            format!("{subject} health"),
            message,
            "look at the logs of these brokers",
        );
    }
}

/// Answers that contradict each other: more than one cluster behind one name.
fn apart(
    leaders: &BTreeMap<u64, BTreeMap<u64, &str>>,
    clusters: &BTreeMap<(u64, u64, u64), &str>,
    nodes: &BTreeMap<BTreeSet<u64>, &str>,
    check: &mut Check,
) {
    let next = "ask again when no leader has just changed; if it stays so, these are two clusters: stop one before both accept work";
    for (partition, by) in leaders.iter().filter(|(_, by)| by.len() > 1) {
        let told: Vec<String> =
            by.iter().map(|(node, asked)| format!("{asked} names broker {node}")).collect();
        let subject = format!("partition {partition} leader");
        // Within one answer it was told above.
        if check
            .findings
            .iter()
            .any(|f| f.kind == Kind::Extra && f.subject == format!("partition {partition}"))
        {
            continue;
        }
        let message = format!(
            "partition {partition} has a leader for each of those who were asked: {}",
            told.join(", ")
        );
        let samples = by.iter().map(|(node, asked)| Sample::named(format!("{asked}: {node}")));
        check.findings.push(
            Finding::data(check.check, Kind::Disagreement, subject, message)
                .items(by.len() as u64, samples)
                .next(next),
        );
    }
    if clusters.len() > 1 {
        let told: Vec<String> = clusters
            .iter()
            .map(|((size, partitions, copies), asked)| {
                format!("{asked}: {size} brokers, {partitions} partitions, {copies} copies")
            })
            .collect();
        let message = format!("those who were asked are of different clusters: {}", told.join("; "));
        tell(check, Kind::Disagreement, "cluster".to_owned(), message, next);
    } else if nodes.len() > 1 {
        let told: Vec<String> =
            nodes.iter().map(|(ids, asked)| format!("{asked} sees {}", list(ids))).collect();
        let message = format!("those who were asked see different brokers: {}", told.join("; "));
        tell(check, Kind::Disagreement, "brokers seen".to_owned(), message, next);
    }
}

fn list(ids: &BTreeSet<u64>) -> String {
    let ids: Vec<String> = ids.iter().map(u64::to_string).collect();
    if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::{Answer, judge, read};
    use drydock_core::Outcome;
    use drydock_core::finding::Kind;
    use serde_json::{Value, json};

    /// Three brokers, each the leader of one of three partitions.
    fn healthy() -> Value {
        let brokers: Vec<Value> = (0..3)
            .map(|node| {
                let partitions: Vec<Value> = (1..=3)
                    .map(|p| json!({"partitionId": p, "role": if p == node + 1 { "leader" } else { "follower" }, "health": "healthy"}))
                    .collect();
                json!({"nodeId": node, "host": format!("zeebe-{node}"), "port": 26501, "partitions": partitions})
            })
            .collect();
        json!({"brokers": brokers, "clusterSize": 3, "partitionsCount": 3, "replicationFactor": 3})
    }

    fn answers(topologies: &[Value]) -> Vec<Answer> {
        let named = topologies.iter().enumerate();
        named.map(|(i, t)| Answer { asked: format!("zeebe-{i}"), topology: t.clone() }).collect()
    }

    #[test]
    fn a_whole_cluster_is_green_however_often_it_is_asked() {
        for count in 1..4 {
            let check = judge(&answers(&vec![healthy(); count]));
            assert!(check.findings.is_empty(), "{:?}", check.findings);
            assert_eq!(check.compared, 3 * count as u64);
        }
    }

    /// What breaks a topology.
    type Break = fn(&mut Value);

    #[test]
    fn every_fault_of_one_answer_is_told() {
        let faults: [(&str, Break, Kind); 5] = [
            ("partition 1", |t| t["brokers"][1]["partitions"][0]["role"] = json!("leader"), Kind::Extra),
            ("partition 2", |t| t["brokers"][1]["partitions"][1]["role"] = json!("inactive"), Kind::Unusable),
            (
                "partition 3 health",
                |t| t["brokers"][0]["partitions"][2]["health"] = json!("unhealthy"),
                Kind::Unusable,
            ),
            ("broker 0", |t| t["brokers"][1]["nodeId"] = json!(0), Kind::Extra),
            (
                "brokers",
                |t| {
                    t["brokers"].as_array_mut().unwrap().pop();
                },
                Kind::Missing,
            ),
        ];
        for (subject, break_it, kind) in faults {
            let mut topology = healthy();
            break_it(&mut topology);
            let check = judge(&answers(&[topology]));
            assert_eq!(check.outcome(), Outcome::Different);
            assert!(
                check.findings.iter().any(|f| f.subject == subject && f.kind == kind),
                "{subject}: {:?}",
                check.findings
            );
        }
    }

    #[test]
    fn two_clusters_behind_one_name_are_told() {
        let mut other = healthy();
        // The other half has elected its own leader.
        other["brokers"][0]["partitions"][0]["role"] = json!("follower");
        other["brokers"][1]["partitions"][0]["role"] = json!("leader");
        let check = judge(&answers(&[healthy(), other]));
        assert!(check.findings.iter().any(|f| f.subject == "partition 1 leader"), "{:?}", check.findings);
        let alone = json!({"brokers": [{"nodeId": 0, "partitions": [{"partitionId": 1, "role": "leader"}]}],
            "clusterSize": 1, "partitionsCount": 1, "replicationFactor": 1});
        let check = judge(&answers(&[alone, healthy()]));
        assert!(check.findings.iter().any(|f| f.subject == "cluster"), "{:?}", check.findings);
    }

    #[test]
    fn what_is_no_topology_is_an_error() {
        assert!(read("a", "{}").unwrap_err().contains("brokers"));
        assert!(read("a", "no").unwrap_err().starts_with("a is no JSON"));
        assert!(judge(&[]).compared == 0);
    }
}
