//! In which order the objects of an invocation are processed.

use std::collections::HashMap;

use super::chain_of;
use crate::pipeline::run::QueuedObject;

/// Objects in rounds, of which one follows the other. Digests of one chain are in different rounds,
/// the oldest first: the first that is verified begins the chain, and the next follows it. All else
/// is in the first round.
pub(crate) fn rounds(objects: Vec<QueuedObject>) -> Vec<Vec<QueuedObject>> {
    let mut first = Vec::new();
    let mut digests = Vec::new();
    for object in objects {
        match chain_of(&object.object) {
            None => first.push(object),
            Some((chain, end)) => digests.push((end, chain, object)),
        }
    }
    digests.sort_by_key(|(end, ..)| *end);
    let mut rounds = vec![first];
    let mut next_round = HashMap::new();
    for (_, chain, object) in digests {
        let round = next_round.entry(chain).or_insert(0);
        if *round == rounds.len() {
            rounds.push(Vec::new());
        }
        rounds[*round].push(object);
        *round += 1;
    }
    rounds
}
