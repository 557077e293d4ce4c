//! Which messages go out together.

use std::ops::Range;

/// Cuts messages of these weights (bytes), in order, into batches of at most `most` messages and
/// `bytes` bytes. A message that is too heavy alone is a batch of its own: whoever receives it says
/// so.
pub(super) fn batches(weights: &[usize], most: usize, bytes: usize) -> Vec<Range<usize>> {
    let mut batches = Vec::new();
    let (mut start, mut total) = (0, 0);
    for (index, weight) in weights.iter().enumerate() {
        let full = index - start == most || total + weight > bytes;
        if full && index > start {
            batches.push(start..index);
            (start, total) = (index, 0);
        }
        total += weight;
    }
    if start < weights.len() {
        batches.push(start..weights.len());
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn batches_are_full_by_number_or_by_weight() {
        assert_eq!(batches(&[1; 25], 10, 100), [0..10, 10..20, 20..25]);
        assert_eq!(batches(&[60, 60, 30, 30], 10, 100), [0..1, 1..3, 3..4]);
        assert_eq!(batches(&[500, 1], 10, 100), [0..1, 1..2]);
        assert!(batches(&[], 10, 100).is_empty());
    }

    proptest! {
        #[test]
        fn every_message_is_in_one_batch_and_no_batch_is_over(weights in prop::collection::vec(0usize..120, 0..60)) {
            let cut = batches(&weights, 10, 100);
            let all: Vec<usize> = cut.iter().cloned().flatten().collect();
            prop_assert_eq!(all, (0..weights.len()).collect::<Vec<_>>());
            for batch in cut {
                let weight: usize = weights[batch.clone()].iter().sum();
                prop_assert!(!batch.is_empty() && batch.len() <= 10 && (weight <= 100 || batch.len() == 1));
            }
        }
    }
}
