//! Importers: each notes in an index how far it has come, for each partition and kind of record, and whether it has reached
//! the end of what 8.7 wrote (`completed`).

use crate::check::Check;
use drydock_core::finding::{Finding, Kind, Sample};
use drydock_core::names::checks;
use serde_json::Value;
use std::collections::BTreeMap;

/// Judges one index of import positions. `answer` is what a search for every document came back with, `asked` how it is told,
/// and `partitions` how many the cluster has; where that is not known, a partition that nobody reads cannot be told.
pub fn importers(asked: &str, answer: &str, partitions: Option<u64>) -> Check {
    let mut check = Check::new(checks::MIGRATION_DATA);
    let unread = |reason: String| {
        Finding::not_compared(checks::MIGRATION_DATA, asked.to_owned(), reason)
            .next("save the answer of `GET <index>/_search?size=10000` for the import-position index")
    };
    let answer: Value = match serde_json::from_str(answer) {
        Ok(answer) => answer,
        Err(error) => {
            check.findings.push(unread(format!("{asked} is no JSON: {error}")));
            return check;
        }
    };
    let Some(hits) = answer["hits"]["hits"].as_array() else {
        check.findings.push(unread(format!("{asked} is no answer of a search: it has no `hits`")));
        return check;
    };
    let total = answer["hits"]["total"]["value"].as_u64().or_else(|| answer["hits"]["total"].as_u64());
    if total.is_some_and(|total| total > hits.len() as u64) {
        check.findings.push(unread(format!("{asked} holds only {} of the index's documents", hits.len())));
        return check;
    }
    // Partition by partition: kinds of record, and those that are not at their end.
    let mut seen: BTreeMap<u64, (u64, Vec<String>)> = BTreeMap::new();
    for hit in hits {
        let source = &hit["_source"];
        let Some(partition) = source["partitionId"].as_u64() else {
            check.findings.push(unread(format!("{asked} holds a document without a partitionId")));
            return check;
        };
        let (count, open) = seen.entry(partition).or_default();
        *count += 1;
        if source["completed"] != Value::Bool(true) {
            let id = hit["_id"].as_str().or_else(|| source["id"].as_str()).unwrap_or("?");
            open.push(id.to_owned());
        }
    }
    check.compared = hits.len() as u64;
    check.note = format!("{asked}: {} positions on {} partitions", hits.len(), seen.len());
    if partitions.is_none() {
        let message = format!(
            "{asked}: how many partitions the cluster has is not known, so one that is missing is not seen"
        );
        check.findings.push(
            Finding::not_compared(check.check, format!("{asked} partitions"), message)
                .next("give their number with --partitions"),
        );
    }
    let partitions = partitions.or_else(|| seen.keys().next_back().copied()).unwrap_or_default();
    for partition in 1..=partitions {
        let subject = format!("{asked} partition {partition}");
        match seen.get(&partition) {
            None => {
                let message = format!("{asked}: nothing was ever imported from partition {partition}");
                check.findings.push(
                    Finding::data(check.check, Kind::Missing, subject, message).next(
                        "find out whether the importer runs and reads this partition; do not remove it",
                    ),
                );
            }
            Some((count, open)) if !open.is_empty() => {
                let message = format!(
                    "{asked}: on partition {partition}, {} of {count} readers have not reached the end of what 8.7 wrote",
                    open.len()
                );
                let samples = open.iter().map(|id| Sample::named(id.clone()));
                check.findings.push(
                    Finding::data(check.check, Kind::StillActive, subject, message)
                        .items(open.len() as u64, samples)
                        .next("let the importers go on until every reader has finished; only then switch them off"),
                );
            }
            Some(_) => {}
        }
    }
    if let Some(beyond) = seen.keys().find(|p| **p > partitions) {
        let message = format!("{asked}: there is a partition {beyond}, and the cluster has {partitions}");
        check.findings.push(
            Finding::data(check.check, Kind::Extra, format!("{asked} partition {beyond}"), message)
                .next("give the right number with --partitions, or find out whose index this is"),
        );
    }
    check
}

#[cfg(test)]
mod tests {
    use super::importers;
    use drydock_core::Outcome;
    use drydock_core::finding::Kind;
    use serde_json::{Value, json};

    fn answer(open: &[&str]) -> Value {
        let readers = (1..=3_u64).flat_map(|p| ["job", "process-instance"].map(|kind| (p, kind)));
        let hits: Vec<Value> = readers
            .map(|(p, kind)| {
                let id = format!("{p}-{kind}");
                let done = !open.contains(&id.as_str());
                json!({"_id": id, "_source": {"partitionId": p, "aliasName": kind, "completed": done}})
            })
            .collect();
        json!({"hits": {"total": {"value": hits.len()}, "hits": hits}})
    }

    #[test]
    fn finished_on_every_partition_or_told() {
        let done = importers("operate", &answer(&[]).to_string(), Some(3));
        assert!(done.findings.is_empty() && done.compared == 6);
        let open = importers("operate", &answer(&["2-job"]).to_string(), Some(3));
        assert_eq!((open.findings.len(), open.findings[0].kind), (1, Kind::StillActive));
        assert!(open.findings[0].subject.contains("partition 2"));
        let fourth = importers("operate", &answer(&[]).to_string(), Some(4));
        assert_eq!(fourth.findings[0].kind, Kind::Missing);
        assert_eq!(importers("operate", &answer(&[]).to_string(), Some(2)).findings[0].kind, Kind::Extra);
        let mut old = answer(&[]);
        old["hits"]["hits"][0]["_source"].as_object_mut().unwrap().remove("completed");
        assert_eq!(
            importers("operate", &old.to_string(), Some(3)).outcome(),
            Outcome::Different,
            "8.7 writes no such field"
        );
    }

    #[test]
    fn half_an_answer_proves_nothing() {
        let mut half = answer(&[]);
        half["hits"]["hits"].as_array_mut().unwrap().pop();
        assert_eq!(importers("operate", &half.to_string(), Some(3)).outcome(), Outcome::NotProven);
        assert_eq!(importers("operate", "{}", Some(3)).outcome(), Outcome::NotProven);
        assert_eq!(importers("operate", "no", Some(3)).outcome(), Outcome::NotProven);
    }
}
