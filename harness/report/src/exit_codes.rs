//! What the exit codes mean.

use drydock_core::ExitCode;

/// The text of `drydock help exit-codes`.
pub fn exit_codes() -> String {
    let mut text =
        String::from("Exit codes. Where several apply, the one that must be acted on first is given.\n\n");
    for exit in ExitCode::ALL {
        text.push_str(&format!("  {:>3}  {}\n", exit.code(), exit.meaning()));
    }
    text.push_str(
        "\nOf several scenarios, each is held against what it is meant to end with (`expect:` in its file): 0 if all of them\n\
         did; 3 if one that is meant to object did not; otherwise the code of the worst that did not end as meant.\n",
    );
    text
}
