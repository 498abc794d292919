//! The proof itself: it holds for every seed, and it does not hold where the comparison is blind or cries.

use drydock_core::{CheckId, Finding, Kind, Proof};
use drydock_prove::documents::Documents;
use drydock_prove::rows::Rows;
use drydock_prove::{DEFAULT_SEED, Dice, Family, Variant, in_memory, of_checks, prove_family};
use proptest::prelude::*;
use std::collections::BTreeSet;

#[test]
fn every_corruption_is_caught_and_named_and_no_clean_pair_is_blamed() {
    for seed in [DEFAULT_SEED, 1] {
        let proof = in_memory(seed);
        eprintln!("{} in {} ms", proof.score(), proof.millis);
        assert!(proof.holds(), "seed {seed}: {}\n{:#?}", proof.score(), proof.misses);
        assert!(proof.variants() >= 200, "{}", proof.score());
        assert!(proof.clean_pairs() >= 1_000, "{}", proof.score());
    }
}

#[test]
fn the_same_seed_gives_the_same_proof() {
    let (a, b) = (in_memory(7), in_memory(7));
    assert_eq!((a.families, a.misses), (b.families, b.misses));
}

#[test]
fn a_run_proves_the_checks_that_it_asks_for_and_all_of_them_if_none() {
    let of = |checks: &[&str]| {
        let checks: Vec<_> = checks.iter().map(|check| CheckId::from(*check)).collect();
        let proof = of_checks(7, &checks);
        assert!(proof.holds() && proof.clean_pairs() > 0, "{}", proof.score());
        proof.families.iter().map(|f| (f.family.clone(), f.variants)).collect::<Vec<_>>()
    };
    let whole: Vec<_> = in_memory(7).families.iter().map(|f| (f.family.clone(), f.variants)).collect();
    assert_eq!(of(&[]), whole);
    assert_eq!(of(&["freeze/quiet"]), whole);
    assert_eq!(of(&["postgres/rows", "elasticsearch/counts", "keycloak/users"]), whole);
    // Not one variant fewer where only some families are asked for.
    let postgres = of(&["postgres/statistics"]);
    assert_eq!(postgres, whole[1..4], "rows, schemas, access");
    assert_eq!(of(&["keycloak/users"]), whole[6..]);
}

#[test]
fn no_two_variants_of_a_family_have_one_name() {
    fn names<F: Family>() {
        let mut seen = BTreeSet::new();
        for variant in F::variants() {
            assert!(seen.insert(variant.name.clone()), "{}: {} comes twice", F::NAME, variant.name);
        }
    }
    names::<Documents>();
    names::<Rows>();
    names::<drydock_prove::schemas::Schemas>();
    names::<drydock_prove::access::Access>();
    names::<drydock_prove::clusters::Clusters>();
    names::<drydock_prove::realms::Realms>();
    names::<drydock_prove::usage::Usage>();
}

/// Documents, compared by something broken.
macro_rules! broken {
    ($name:ident, $compare:expr) => {
        struct $name;
        impl Family for $name {
            type World = <Documents as Family>::World;
            const NAME: &'static str = "broken";
            fn source(dice: &mut Dice) -> Self::World {
                Documents::source(dice)
            }
            fn rewritten(source: &Self::World, dice: &mut Dice) -> Self::World {
                Documents::rewritten(source, dice)
            }
            fn variants() -> Vec<Variant<Self::World>> {
                Documents::variants()
            }
            fn compare(source: &Self::World, target: &Self::World, dice: &mut Dice) -> Vec<Finding> {
                let judge: fn(Vec<Finding>) -> Vec<Finding> = $compare;
                judge(Documents::compare(source, target, dice))
            }
        }
    };
}

broken!(Blind, |_| Vec::new());
broken!(Counting, |all| all.into_iter().filter(|f| f.check.as_str() == "elasticsearch/counts").collect());
broken!(Nameless, |mut all| {
    all.iter_mut().for_each(|f| f.samples.clear());
    all
});
broken!(Crying, |mut all| {
    all.push(Finding::data("elasticsearch/documents", Kind::Changed, "innocent", "innocent differs"));
    all
});

fn proof_of<F: Family>() -> Proof {
    let mut proof = in_memory(1);
    (proof.families, proof.misses) = (Vec::new(), Vec::new());
    prove_family::<F>(1, 3, &mut proof.families, &mut proof.misses);
    proof
}

#[test]
fn a_broken_comparison_fails_its_proof() {
    let blind = proof_of::<Blind>();
    assert!(!blind.holds() && blind.caught() == 0 && blind.false_alarms() == 0, "{}", blind.score());
    assert_eq!(blind.misses.len() as u64, blind.variants());

    let counting = proof_of::<Counting>();
    assert!(!counting.holds() && counting.caught() == 0, "{}", counting.score());

    let nameless = proof_of::<Nameless>();
    assert!(!nameless.holds() && nameless.named() < nameless.caught(), "{}", nameless.score());
    assert!(nameless.misses.iter().any(|m| m.why.contains("does not name")), "{:?}", nameless.misses);

    let crying = proof_of::<Crying>();
    assert!(!crying.holds() && crying.named() == 0 && crying.false_alarms() == 3, "{}", crying.score());
    assert!(crying.misses.iter().any(|m| m.variant == "clean pair" && m.why.contains("innocent")));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_holds_whatever_the_seed(seed in any::<u64>()) {
        let proof = in_memory(seed);
        prop_assert!(proof.holds(), "{}: {:#?}", proof.score(), proof.misses);
    }
}
