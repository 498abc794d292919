//! What the exit codes mean.

use drydock_core::ExitCode;

/// The text of `drydock help exit-codes`.
pub fn exit_codes() -> String {
    let mut text =
        String::from("Exit codes. Where several apply, the one that must be acted on first is given.\n\n");
    for exit in ExitCode::ALL {
        text.push_str(&format!("  {:>3}  {}\n", exit.code(), exit.meaning()));
    }
    text
}
