//! Spreading an exact number of documents over indices.

/// What one index asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Claim {
    /// That many, if the total allows it.
    Fixed(u64),
    /// A part of what the fixed claims leave, in proportion to the weight; weight 0 stays empty.
    Weight(f64),
}

/// Gives every claim its number; the numbers sum up to `total` exactly as long as one weight is positive.
///
/// Fixed claims take at most a quarter of the total together. Where there is room, every positive weight gets at least
/// one document.
pub(super) fn allocate(total: u64, claims: &[Claim]) -> Vec<u64> {
    let wanted: u64 = claims.iter().map(|c| if let Claim::Fixed(n) = c { *n } else { 0 }).sum();
    let budget = wanted.min(total / 4);
    let mut counts: Vec<u64> = claims
        .iter()
        .map(|c| match c {
            Claim::Fixed(n) if wanted > 0 => {
                u64::try_from(u128::from(*n) * u128::from(budget) / u128::from(wanted)).unwrap_or(u64::MAX)
            }
            _ => 0,
        })
        .collect();
    let weighted: Vec<(usize, f64)> = claims
        .iter()
        .enumerate()
        .filter_map(|(i, c)| match c {
            Claim::Weight(w) if *w > 0.0 => Some((i, *w)),
            _ => None,
        })
        .collect();
    let sum: f64 = weighted.iter().map(|(_, w)| w).sum();
    if weighted.is_empty() {
        return counts;
    }
    let mut rest = total - counts.iter().sum::<u64>();
    if rest >= 4 * weighted.len() as u64 {
        weighted.iter().for_each(|(i, _)| counts[*i] += 1);
        rest -= weighted.len() as u64;
    }
    let mut remainders: Vec<(usize, f64)> = Vec::with_capacity(weighted.len());
    let mut left = rest;
    for (i, weight) in &weighted {
        let exact = rest as f64 * weight / sum;
        // Bounded by what is left, so that rounding of very large totals never gives out too many.
        let whole = (exact.floor() as u64).min(left);
        counts[*i] += whole;
        left -= whole;
        remainders.push((*i, exact - exact.floor()));
    }
    remainders.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut order = remainders.iter().cycle();
    while left > 0 {
        if let Some((i, _)) = order.next() {
            counts[*i] += 1;
            left -= 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_up(total in 0_u64..5_000_000, fixed in prop::collection::vec(0_u64..50, 0..20),
                   weights in prop::collection::vec(0.0_f64..40.0, 1..80)) {
            let mut claims: Vec<Claim> = fixed.into_iter().map(Claim::Fixed).collect();
            claims.extend(weights.iter().copied().map(Claim::Weight));
            claims.push(Claim::Weight(1.0));
            prop_assert_eq!(allocate(total, &claims).iter().sum::<u64>(), total);
        }
    }

    #[test]
    fn fixed_claims_are_met_and_empty_ones_stay_empty() {
        let counts =
            allocate(1000, &[Claim::Fixed(27), Claim::Weight(0.0), Claim::Weight(3.0), Claim::Weight(1.0)]);
        assert_eq!(counts, [27, 0, 729, 244]);
    }
}
