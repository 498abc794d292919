//! A build whose checks miss a corruption planted in a copy can never give a green verdict.

use drydock_core::{CheckId, Proof, verdict::PROOF};
use drydock_prove::documents::Documents;
use drydock_prove::{Dice, Family, Variant, in_memory, prove_family};
use drydock_rehearsal::Witness;
use drydock_rehearsal::verify::{VerifyOptions, verify};

/// Documents, compared by something that looks away.
struct Blind;

impl Family for Blind {
    type World = <Documents as Family>::World;
    const NAME: &'static str = "documents";

    fn source(dice: &mut Dice) -> Self::World {
        Documents::source(dice)
    }
    fn rewritten(source: &Self::World, dice: &mut Dice) -> Self::World {
        Documents::rewritten(source, dice)
    }
    fn variants() -> Vec<Variant<Self::World>> {
        Documents::variants()
    }
    fn compare(_: &Self::World, _: &Self::World, _: &mut Dice) -> Vec<drydock_core::Finding> {
        Vec::new()
    }
}

fn blind(seed: u64, _: &[CheckId]) -> Proof {
    let mut proof = in_memory(seed);
    (proof.families, proof.misses) = (Vec::new(), Vec::new());
    prove_family::<Blind>(seed, 1, &mut proof.families, &mut proof.misses);
    proof
}

#[tokio::test]
async fn a_blind_build_is_not_proven() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let with = |witness| VerifyOptions { witness, ..VerifyOptions::default() };
    let seeing = verify(&with(Witness::default()), &[], None).await.expect("a summary");
    assert!(seeing.honesty.proof.as_ref().is_some_and(Proof::holds));
    assert!(!seeing.verdict.findings.iter().any(|j| j.finding.check.as_str() == PROOF));

    let summary = verify(&with(Witness(blind)), &[], Some(folder.path())).await.expect("a summary");
    assert_eq!(summary.verdict.exit_code, 3, "{}", summary.verdict.headline);
    let told = summary.verdict.findings.iter().find(|j| j.finding.check.as_str() == PROOF);
    assert!(told.is_some_and(|j| j.finding.count > 100), "{:#?}", summary.verdict.findings);
    // The record alone says so as well.
    let again = drydock_report::rebuild(folder.path()).expect("a summary from the record");
    assert_eq!((again.verdict.exit_code, again.honesty), (3, summary.honesty));
}
