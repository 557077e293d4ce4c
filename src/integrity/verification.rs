//! How the function verifies what CloudTrail delivers.

use super::keys::{KeySource, PublicKeys};

/// Which digests the function verifies, and how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerifyMode {
    /// None.
    Off,
    /// All: their signatures and chains. Log files only of the regions that the rules look at.
    Rules,
    /// All, with all log files.
    All,
}

/// What verification needs.
#[derive(Debug)]
pub struct Verification {
    /// Which digests.
    pub mode: VerifyMode,
    /// CloudTrail's public keys.
    pub keys: KeySource,
}

impl Verification {
    /// No digest is verified.
    pub fn off() -> Verification {
        Verification { mode: VerifyMode::Off, keys: KeySource::Known(PublicKeys::default()) }
    }
}

impl VerifyMode {
    /// Reads `all`, `rules` or `off`.
    pub fn parse(text: &str) -> Option<VerifyMode> {
        match text {
            "all" => Some(VerifyMode::All),
            "rules" => Some(VerifyMode::Rules),
            "off" => Some(VerifyMode::Off),
            _ => None,
        }
    }
}
