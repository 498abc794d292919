//! A family of things that a migration can harm, and its score.

use crate::dice::Dice;
use crate::planted::Planted;
use drydock_core::{FamilyProof, Finding, Outcome, ProofMiss};

/// Plants a corruption in a world and says what must be told of it; `None` if the world has no place for it.
pub type Plant<W> = Box<dyn Fn(&mut W, &mut Dice) -> Option<Planted>>;

/// One corruption: a name for people, and how it is planted. Where a world has no place for it, that counts as a miss: a
/// variant that plants nothing proves nothing.
pub struct Variant<W> {
    /// What happens to the data, in a few words.
    pub name: String,
    /// Plants it and says what must be told.
    pub plant: Plant<W>,
}

impl<W> std::fmt::Debug for Variant<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

impl<W> Variant<W> {
    /// A variant with a name.
    pub fn new(
        name: impl Into<String>,
        plant: impl Fn(&mut W, &mut Dice) -> Option<Planted> + 'static,
    ) -> Self {
        Self { name: name.into(), plant: Box::new(plant) }
    }
}

/// What a proof needs to know of a kind of data. To add a family, implement this and add a line to [`crate::in_memory`].
pub trait Family {
    /// One side of a migration.
    type World: Clone;
    /// Name in reports.
    const NAME: &'static str;
    /// A realistic source.
    fn source(dice: &mut Dice) -> Self::World;
    /// The same data in another order and another way of writing.
    fn rewritten(source: &Self::World, dice: &mut Dice) -> Self::World;
    /// Every corruption.
    fn variants() -> Vec<Variant<Self::World>>;
    /// What the checks tell of two sides. Takes a dice because readers and their slices take turns in no fixed order.
    fn compare(source: &Self::World, target: &Self::World, dice: &mut Dice) -> Vec<Finding>;
}

/// What one variant led to.
///
/// # Errors
/// Why it counts as a miss, and whether it was caught at least.
pub fn told<F: Family>(
    seed: u64,
    variant: &Variant<F::World>,
) -> (Vec<Finding>, Result<(), (Caught, String)>) {
    let mut dice = Dice::new(seed, &format!("{}/{}", F::NAME, variant.name));
    let source = F::source(&mut dice);
    let mut target = F::rewritten(&source, &mut dice);
    let Some(planted) = (variant.plant)(&mut target, &mut dice) else {
        return (Vec::new(), Err((Caught::No, "could not be planted".to_owned())));
    };
    let findings = F::compare(&source, &target, &mut dice);
    let judged = if !planted.is_caught(&findings) {
        Err((Caught::No, not_caught(&planted, &findings)))
    } else {
        planted.is_named(&findings).map_err(|why| (Caught::Yes, why))
    };
    (findings, judged)
}

/// Whether a variant that is a miss was noticed at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caught {
    /// The right check told of something.
    Yes,
    /// It did not.
    No,
}

fn not_caught(planted: &Planted, findings: &[Finding]) -> String {
    let others: Vec<&str> = findings.iter().map(|f| f.check.as_str()).collect();
    let others = if others.is_empty() { "nothing".to_owned() } else { others.join(", ") };
    format!("{} should tell of {}; told: {others}", planted.check, planted.subject)
}

/// Makes the proof of one family and adds its score and its misses.
pub fn prove_family<F: Family>(
    seed: u64,
    clean_pairs: u64,
    families: &mut Vec<FamilyProof>,
    misses: &mut Vec<ProofMiss>,
) {
    let mut score = FamilyProof { family: F::NAME.to_owned(), ..FamilyProof::default() };
    let miss = |variant: &str, why: String| ProofMiss {
        family: F::NAME.to_owned(),
        variant: variant.to_owned(),
        why,
    };
    for variant in F::variants() {
        score.variants += 1;
        let (findings, judged) = told::<F>(seed, &variant);
        for finding in &findings {
            if !score.checks.iter().any(|known| known == finding.check.as_str()) {
                score.checks.push(finding.check.to_string());
            }
        }
        match judged {
            Ok(()) => {
                score.caught += 1;
                score.named += 1;
            }
            Err((caught, why)) => {
                score.caught += u64::from(caught == Caught::Yes);
                misses.push(miss(&variant.name, why));
            }
        }
    }
    score.checks.sort();
    for number in 0..clean_pairs {
        let mut dice = Dice::new(seed, &format!("{}/clean pair {number}", F::NAME));
        let source = F::source(&mut dice);
        let target = F::rewritten(&source, &mut dice);
        score.clean_pairs += 1;
        let alarm =
            F::compare(&source, &target, &mut dice).into_iter().find(|f| f.outcome > Outcome::Expected);
        if let Some(finding) = alarm {
            score.false_alarms += 1;
            misses.push(miss("clean pair", format!("pair {number}: {}", finding.message)));
        }
    }
    families.push(score);
}
