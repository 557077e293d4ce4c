//! How far the digests of a trail, in one account and region, are verified: one small object each,
//! moved forward by compare-and-swap.

use bytes::Bytes;
use detect::cloudtrail::DigestName;
use detect::finding::FindingId;
use futures::future::join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::{LedgerProblem, Result};
use super::keys::CHAINS;
use super::stored::{CONCURRENCY, StoredLedger, Swap, TRIES};
use crate::store::SmallObject;

/// Raised when older programs would misread a head.
const VERSION: u32 = 1;

/// Hexadecimal digits of a chain's name.
const NAME_DIGITS: usize = 32;

/// Which chain of digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainId {
    /// The bucket of the digests.
    pub bucket: String,
    /// The account's folder. Ends in `/`.
    pub folder: String,
    /// Whose log files they list.
    pub account: String,
    /// Where these were recorded.
    pub region: String,
    /// The name of the trail.
    pub trail: String,
    /// Where the trail was created.
    pub home_region: String,
    /// It is the chain of backfill digests.
    pub backfill: bool,
}

/// The last digest of a chain that was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainHead {
    version: u32,
    /// Which chain.
    pub chain: ChainId,
    /// The key of the digest.
    pub key: String,
    /// The end of its hour.
    pub end: Timestamp,
    /// SHA-256 of its content, in hexadecimal.
    pub hash: String,
    /// Its signature, in hexadecimal.
    pub signature: String,
    /// The start of the first digest that was verified.
    pub since: Timestamp,
    /// Digests that were verified.
    pub digests: u64,
    /// Log files that were verified.
    pub log_files: u64,
    /// Times that were not proven: digests missing or forged, or the chain restarted.
    pub gaps: u64,
}

/// What moves a head forward: a digest that was verified, and what was found on the way to it.
#[derive(Debug, Clone)]
pub struct VerifiedDigest {
    /// The key of the digest.
    pub key: String,
    /// The start of its hour.
    pub start: Timestamp,
    /// The end of its hour.
    pub end: Timestamp,
    /// SHA-256 of its content, in hexadecimal.
    pub hash: String,
    /// Its signature, in hexadecimal.
    pub signature: String,
    /// Digests that were verified on the way, this one included.
    pub digests: u64,
    /// Log files that were verified.
    pub log_files: u64,
    /// Times that were not proven.
    pub gaps: u64,
}

impl ChainId {
    /// The key of the digest that ends at `end`.
    pub fn key_at(&self, end: Timestamp) -> String {
        let ChainId { folder, account, region, trail, home_region, backfill, .. } = self;
        let is_backfill = *backfill;
        let name = DigestName { account, region, trail, home_region, end, is_backfill };
        name.key_at(folder, end)
    }

    fn key(&self) -> String {
        let backfill = if self.backfill { "backfill" } else { "" };
        let ChainId { bucket, folder, account, region, trail, home_region, .. } = self;
        let id = FindingId::hash_parts([
            bucket.as_str(),
            folder,
            account,
            region,
            trail,
            home_region,
            backfill,
        ]);
        format!("{CHAINS}{}", &id.as_str()[..NAME_DIGITS])
    }
}

impl StoredLedger {
    /// The head of a chain. Returns `None` if no digest of it was verified.
    pub async fn chain_head(&self, chain: &ChainId) -> Result<Option<ChainHead>> {
        let key = chain.key();
        let Some(object) = self.get(&key).await? else { return Ok(None) };
        decode(&object).map(Some).map_err(|problem| self.error(&key, problem))
    }

    /// Moves the head of a chain to a digest. One that is as far already stays.
    pub async fn move_chain_head(&self, chain: &ChainId, digest: &VerifiedDigest) -> Result<()> {
        let next = |object: Option<&SmallObject>| {
            let head = match object.map(decode).transpose()? {
                Some(head) if head.end >= digest.end => return Ok(Swap::Keep(())),
                head => ChainHead::after(head, chain, digest),
            };
            let bytes = serde_json::to_vec(&head)?;
            Ok(Swap::Replace(Bytes::from(bytes), |_| ()))
        };
        self.swap(&chain.key(), TRIES, next).await
    }

    /// The heads of all chains, and why some cannot be read.
    pub async fn chain_heads(&self) -> Result<(Vec<ChainHead>, Vec<super::LedgerError>)> {
        let names = self.list_names(CHAINS).await?;
        let mut heads = Vec::new();
        let mut errors = Vec::new();
        for batch in names.chunks(CONCURRENCY) {
            let keys: Vec<String> = batch.iter().map(|name| format!("{CHAINS}{name}")).collect();
            let objects = join_all(keys.iter().map(|key| self.get(key))).await;
            for (key, object) in keys.iter().zip(objects) {
                match object?.as_ref().map(decode) {
                    Some(Ok(head)) => heads.push(head),
                    Some(Err(problem)) => errors.push(self.error(key, problem)),
                    None => {}
                }
            }
        }
        Ok((heads, errors))
    }
}

impl ChainHead {
    fn after(head: Option<ChainHead>, chain: &ChainId, digest: &VerifiedDigest) -> ChainHead {
        let before = head.as_ref();
        let VerifiedDigest { key, start, end, hash, signature, digests, log_files, gaps } =
            digest.clone();
        ChainHead {
            version: VERSION,
            chain: chain.clone(),
            key,
            end,
            hash,
            signature,
            since: before.map_or(start, |head| head.since),
            digests: digests + before.map_or(0, |head| head.digests),
            log_files: log_files + before.map_or(0, |head| head.log_files),
            gaps: gaps + before.map_or(0, |head| head.gaps),
        }
    }
}

fn decode(object: &SmallObject) -> Result<ChainHead, LedgerProblem> {
    let damaged = |error: serde_json::Error| LedgerProblem::Damaged(error.to_string());
    let head: ChainHead = serde_json::from_slice(&object.bytes).map_err(damaged)?;
    if head.version > VERSION {
        let version = u64::from(head.version);
        return Err(LedgerProblem::Newer { version, supported: VERSION });
    }
    Ok(head)
}
