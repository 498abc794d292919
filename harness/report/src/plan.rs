//! A plan for people.

use crate::text::{counted, printable, width};
use drydock_core::Plan;
use drydock_core::plan::Service;

/// The text of `--plan`: every step in order with its id, whether users wait meanwhile, and what it does; then the checks.
pub fn plan_text(plan: &Plan) -> String {
    let widest = plan.steps.iter().map(|s| width(&printable(s.id.as_str()))).max().unwrap_or(0);
    let mut text = String::new();
    for step in &plan.steps {
        let service = match step.service {
            Service::Up => "up  ",
            Service::Down => "DOWN",
        };
        let id = printable(step.id.as_str());
        let gap = " ".repeat(widest - width(&id));
        text.push_str(&format!("{id}{gap}  {service}  {}\n", printable(&step.about)));
    }
    text.push_str(&format!(
        "\n{} without which there is no green verdict:\n",
        counted(plan.checks.len() as u64, "check")
    ));
    for check in &plan.checks {
        text.push_str(&format!("  {}\n", printable(check.as_str())));
    }
    text
}
