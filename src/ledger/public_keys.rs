//! CloudTrail's public keys of a region, as it listed them: an object each, so that a new instance
//! need not ask. It is overwritten, never merged: what one worker listed and another did not is
//! listed again.

use bytes::Bytes;

use super::error::{LedgerProblem, Result};
use super::keys::PUBLIC_KEYS;
use super::stored::StoredLedger;
use crate::integrity::keys::{PublicKeys, is_region};
use crate::store::WriteCondition;

/// A region has a few keys at a time, of half a KiB each.
const MAX_BYTES: usize = 256 * 1024;

impl StoredLedger {
    /// The public keys of a region that are known. Returns `None` if there are none.
    pub async fn public_keys(&self, region: &str) -> Result<Option<PublicKeys>> {
        let Some(key) = object_key(region) else { return Ok(None) };
        let Some(object) = self.get(&key).await? else { return Ok(None) };
        if object.bytes.len() > MAX_BYTES {
            let problem = LedgerProblem::Unexpected("far larger than the public keys of a region");
            return Err(self.error(&key, problem));
        }
        let damaged = |error| LedgerProblem::PublicKeys(std::sync::Arc::new(error));
        let keys = PublicKeys::from_json(&object.bytes);
        keys.map(Some).map_err(|error| self.error(&key, damaged(error)))
    }

    /// Writes the public keys of a region.
    pub async fn put_public_keys(&self, region: &str, keys: &PublicKeys) -> Result<()> {
        let Some(key) = object_key(region) else { return Ok(()) };
        let bytes = keys.to_json().map_err(|error| self.error(&key, error))?;
        self.put(&key, Bytes::from(bytes), WriteCondition::None).await?;
        Ok(())
    }
}

/// The region is a part of a digest's name, which anybody may have written.
fn object_key(region: &str) -> Option<String> {
    is_region(region).then(|| format!("{PUBLIC_KEYS}{region}.json"))
}
