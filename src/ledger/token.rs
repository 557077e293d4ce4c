//! Names for claims.

use std::hash::{BuildHasher, RandomState};

/// A name that no other claim has: 128 random bits in hexadecimal digits. It need not be a secret.
pub(super) fn token() -> String {
    // The standard library's hash keys are the random numbers at hand: each state has its own.
    let random = || RandomState::new().hash_one(0_u8);
    format!("{:016x}{:016x}", random(), random())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_claims_have_the_same_name() {
        let tokens: HashSet<String> = (0..10_000).map(|_| token()).collect();
        assert_eq!(tokens.len(), 10_000);
        assert!(tokens.iter().all(|token| token.len() == 32));
    }
}
