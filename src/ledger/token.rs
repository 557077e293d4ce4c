//! Names for claims.

use super::LedgerProblem;

/// A name that no other claim has: 128 random bits in hexadecimal digits.
///
/// # Errors
/// The operating system gives no random numbers.
pub(super) fn token() -> Result<String, LedgerProblem> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}
