//! The models that are deployed: `fixtures/processes` of this repository.

/// A file to deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resource {
    /// Name of the file: what it ends in says what it is.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

macro_rules! resource {
    ($name:literal) => {
        Resource { name: $name, text: include_str!(concat!("../../../fixtures/processes/", $name)) }
    };
}

/// All of them, in one deployment.
pub const RESOURCES: [Resource; 6] = [
    resource!("order.bpmn"),
    resource!("delivery.bpmn"),
    resource!("claim.bpmn"),
    resource!("reminder.bpmn"),
    resource!("discount.dmn"),
    resource!("approval.form"),
];

/// The first version of [`RELAY`], deployed on the source when people rest.
pub const RELAY_FIRST: [Resource; 1] = [resource!("relay.bpmn")];
/// Its second version, deployed after the cutover.
pub const RELAY_SECOND: [Resource; 1] = [resource!("relay-second.bpmn")];

/// Decision, job, user task, and a delivery for some.
pub const ORDER: &str = "drydock-order";
/// Jobs for each parcel, a timer of a second, a message.
pub const DELIVERY: &str = "drydock-delivery";
/// A job that may fail.
pub const CLAIM: &str = "drydock-claim";
/// A timer.
pub const REMINDER: &str = "drydock-reminder";

/// Waits for a person, a job worker, a time, a message and the end of an incident, all at once.
pub const RELAY: &str = "drydock-relay";

/// Types of jobs.
pub const JOBS: [&str; 3] = ["drydock-pack", "drydock-ship", "drydock-assess"];
/// The message that ends a delivery, correlated by the order's name.
pub const HANDED_OVER: &str = "drydock-handed-over";
/// The message that a relay waits for, correlated by its name.
pub const CALLED: &str = "drydock-called";
/// Types of a relay's jobs: open from its beginning, after the timer, after the message, and the one that fails.
pub const RELAY_JOBS: [&str; 4] = ["drydock-relay-carry", RUNG, HEARD, STUMBLE];
/// Follows a relay's timer.
pub const RUNG: &str = "drydock-relay-rung";
/// Follows a relay's message.
pub const HEARD: &str = "drydock-relay-heard";
/// Fails on the source.
pub const STUMBLE: &str = "drydock-relay-stumble";
/// Flow nodes of a relay that wait for a time and for the message.
pub const RELAY_WAITS: (&str, &str) = ("ring", "hear");
/// Whoever may approve orders.
pub const CLERKS: &str = "drydock-clerks";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_work_uses_stands_in_a_model() {
        let resources = RESOURCES.iter().chain(&RELAY_FIRST);
        let all: String = resources.map(|r| r.text).collect();
        for id in [ORDER, DELIVERY, CLAIM, REMINDER, RELAY] {
            assert!(all.contains(&format!("<bpmn:process id=\"{id}\"")), "{id}");
        }
        for job in JOBS.into_iter().chain(RELAY_JOBS) {
            assert!(all.contains(&format!("type=\"{job}\"")), "{job}");
        }
        assert!(all.contains(&format!("name=\"{HANDED_OVER}\"")));
        assert!(all.contains(&format!("name=\"{CALLED}\"")));
        for node in [RELAY_WAITS.0, RELAY_WAITS.1] {
            assert!(all.contains(&format!("<bpmn:intermediateCatchEvent id=\"{node}\"")), "{node}");
        }
        // Both versions are of one process, or the second would be another's first.
        assert!(RELAY_SECOND[0].text.contains(&format!("<bpmn:process id=\"{RELAY}\"")));
        assert_ne!(RELAY_SECOND[0].text, RELAY_FIRST[0].text);
        assert!(all.contains(&format!("candidateGroups=\"{CLERKS}\"")));
    }
}
