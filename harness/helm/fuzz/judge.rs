// What must hold for any text in the place of a values file, or of manifests. Used by the fuzz targets and by the tests of
// `drydock-helm`.

use drydock_core::finding::Outcome;
use drydock_helm::objects::{Inventory, Objects, judge, staging_against};
use drydock_helm::values::{Bitnami, Road, Supplied, propose};

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

/// Manifests, `helm get manifest` or a dump: a clear error with its place, or objects that compare. What is compared with itself
/// has lost nothing and changed nothing, and no value of a Secret is told.
pub(super) fn any_objects(text: &str) {
    let files = [("objects.yaml".to_owned(), text.to_owned())];
    match Inventory::read(&files) {
        Err(error) => {
            let told = error.to_string();
            let place = told.strip_prefix("objects.yaml:").and_then(|rest| rest.split(':').next());
            assert!(
                place.is_some_and(|line| line.parse::<u32>().is_ok_and(|line| line > 0)),
                "no place: {told}"
            );
        }
        Ok(objects) => {
            let with = |bitnami| Objects {
                before: &objects,
                after: &objects,
                release: "camunda",
                bitnami,
                digest_key: &[7; 32],
            };
            let stays = judge(&with(Bitnami::Stays));
            let lost = stays
                .iter()
                .flat_map(|c| &c.findings)
                .find(|f| f.outcome == Outcome::Different && f.check.as_str() == "objects/contents");
            assert!(lost.is_none(), "lost beside itself: {lost:?}");
            let leaves = judge(&with(Bitnami::Leaves));
            assert_eq!(stays.len(), leaves.len());
            assert!(staging_against(&objects, &objects).findings.iter().all(|f| !f.message.is_empty()));
            // A change of everything ends as well.
            let nothing = Inventory::default();
            judge(&Objects { after: &nothing, ..with(Bitnami::Stays) });
            judge(&Objects { before: &nothing, ..with(Bitnami::Stays) });
        }
    }
}
