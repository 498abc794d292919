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

/// Decision, job, user task, and a delivery for some.
pub const ORDER: &str = "drydock-order";
/// Jobs for each parcel, a timer of a second, a message.
pub const DELIVERY: &str = "drydock-delivery";
/// A job that may fail.
pub const CLAIM: &str = "drydock-claim";
/// A timer.
pub const REMINDER: &str = "drydock-reminder";

/// Types of jobs.
pub const JOBS: [&str; 3] = ["drydock-pack", "drydock-ship", "drydock-assess"];
/// The message that ends a delivery, correlated by the order's name.
pub const HANDED_OVER: &str = "drydock-handed-over";
/// Whoever may approve orders.
pub const CLERKS: &str = "drydock-clerks";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_work_uses_stands_in_a_model() {
        let all: String = RESOURCES.iter().map(|r| r.text).collect();
        for id in [ORDER, DELIVERY, CLAIM, REMINDER] {
            assert!(all.contains(&format!("<bpmn:process id=\"{id}\"")), "{id}");
        }
        for job in JOBS {
            assert!(all.contains(&format!("type=\"{job}\"")), "{job}");
        }
        assert!(all.contains(&format!("name=\"{HANDED_OVER}\"")));
        assert!(all.contains(&format!("candidateGroups=\"{CLERKS}\"")));
    }
}
