// What must hold for any text in the place of a values file. Used by the fuzz target and by the tests of `drydock-helm`.

use drydock_helm::values::{Road, Supplied, propose};

/// Whatever stands there: a clear error with its place, or values that are written or refused with a reason.
pub(super) fn any_text(text: &str) {
    let files = [("values.yaml".to_owned(), text.to_owned())];
    match Supplied::read(&files, &[]) {
        Err(error) => {
            let told = error.to_string();
            let place = told.strip_prefix("values.yaml:").and_then(|rest| rest.split(':').next());
            assert!(
                place.is_some_and(|line| line.parse::<u32>().is_ok_and(|line| line > 0)),
                "no place: {told}"
            );
        }
        Ok(_) => {
            if let Ok(road) = Road::between("12.x", "13.x") {
                match propose(&files, &road, None, None) {
                    // What is written can be read.
                    Ok(proposal) => assert!(Supplied::read(&proposal.files, &[]).is_ok()),
                    Err(error) => assert!(!error.to_string().is_empty()),
                }
            }
        }
    }
}
