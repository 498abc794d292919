//! What tomorrow's dated indices would be, asked of the store where it may be asked, worked out from its templates
//! otherwise. Nothing is made.

use super::scope::{Scope, path_segment};
use super::{Client, ElasticsearchError};
use drydock_parity::elasticsearch::{FutureIndex, Origin, TemplateSet, families, may_auto_create};
use futures_util::StreamExt;
use serde_json::Value;
use std::collections::BTreeMap;

/// Simulations on their way at once.
const CONCURRENT: usize = 8;

/// What a cluster would make of names that do not exist yet, as it was when its definitions were read.
#[derive(Debug)]
pub struct Futures {
    templates: Result<TemplateSet, String>,
    auto_create: Option<String>,
    /// Answers of the store, by family.
    simulated: BTreeMap<String, Value>,
}

impl Futures {
    pub(super) fn unreadable(reason: &str) -> Self {
        Self { templates: Err(reason.to_owned()), auto_create: None, simulated: BTreeMap::new() }
    }

    /// What an index of this family (`zeebe-record_job_8.6.0_`) would be, given its name with a date.
    ///
    /// # Errors
    /// The templates could not be read, in words.
    pub fn of(&self, family: &str, name: &str) -> Result<FutureIndex, String> {
        let mut future = self.templates.as_ref().map_err(String::clone)?.resolve(name);
        // The store's own answer is better than ours; of legacy templates it tells nothing.
        if let (Origin::Composable(_), Some(simulated)) = (&future.origin, self.simulated.get(family)) {
            future.definition = simulated.clone();
        }
        Ok(future)
    }

    /// Whether a first document may make an index of this name.
    pub fn may_create(&self, name: &str, future: &FutureIndex) -> bool {
        // What a template says of its own indices overrides the cluster's setting.
        future.allow_auto_create.unwrap_or_else(|| may_auto_create(self.auto_create.as_deref(), name))
    }

    /// Whether a template applies to the dated names of a family.
    pub fn is_templated(&self, family: &str) -> bool {
        let resolved =
            self.templates.as_ref().map(|set| set.resolve(&format!("{family}{}", tomorrow('-'))).origin);
        resolved.is_ok_and(|origin| origin != Origin::None)
    }
}

/// Tomorrow's date in UTC, with this separator.
pub fn tomorrow(separator: char) -> String {
    const DAY: u64 = 86_400;
    let days = std::time::UNIX_EPOCH.elapsed().map_or(0, |d| d.as_secs() / DAY) + 1;
    let (year, month, day) = civil(days);
    format!("{year:04}{separator}{month:02}{separator}{day:02}")
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar.
fn civil(days: u64) -> (u64, u64, u64) {
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (mut year, mut rest) = (1970, days);
    loop {
        let length = if leap(year) { 366 } else { 365 };
        if rest < length {
            break;
        }
        rest -= length;
        year += 1;
    }
    let february = if leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if rest < length {
            break;
        }
        rest -= length;
        month += 1;
    }
    (year, month, rest + 1)
}

/// The name that a family's index of tomorrow would have, dated like its newest one.
pub fn tomorrows_name(family: &str, newest: Option<&str>) -> String {
    let separator = if newest.is_some_and(|date| date.contains('.')) { '.' } else { '-' };
    format!("{family}{}", tomorrow(separator))
}

pub(super) async fn read_futures(
    client: &Client,
    scope: &Scope,
    templates: Result<TemplateSet, String>,
    auto_create: Option<String>,
) -> Futures {
    let mut futures = Futures { templates, auto_create, simulated: BTreeMap::new() };
    // Without the list nothing is simulated, and everything worked out.
    let path = "/_cat/indices?expand_wildcards=all&format=json&h=index";
    let Ok(listed) = client.get(path).await else { return futures };
    let names: Vec<&str> =
        listed.as_array().into_iter().flatten().filter_map(|e| e["index"].as_str()).collect();
    let asked = names.into_iter().filter(|name| scope.contains(name));
    let families = families(asked, |family| futures.is_templated(family));
    let simulate = |(family, newest): (String, Option<String>)| async move {
        let name = tomorrows_name(&family, newest.as_deref());
        let path = format!("/_index_template/_simulate_index/{}", path_segment(&name));
        let answer: Result<Value, ElasticsearchError> = client.post_empty(&path).await;
        Some((family, answer.ok()?.get_mut("template").map(Value::take)?))
    };
    let simulated =
        futures_util::stream::iter(families.into_iter().map(simulate)).buffer_unordered(CONCURRENT);
    futures.simulated = simulated.filter_map(|one| async { one }).collect().await;
    futures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        for (days, date) in [
            (0, (1970, 1, 1)),
            (58, (1970, 2, 28)),
            (59, (1970, 3, 1)),
            (789, (1972, 2, 29)),
            (11_016, (2000, 2, 29)),
            (20_778, (2026, 11, 21)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
        ] {
            assert_eq!(civil(days), date, "{days}");
        }
        assert!(tomorrows_name("logs-", Some("2026.01.02")).contains('.'));
    }
}
