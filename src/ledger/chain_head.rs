//! How far the digests of a trail, in one account and region, are verified: one small object each,
//! moved forward by compare-and-swap.

use std::collections::BTreeMap;

use bytes::Bytes;
use detect::cloudtrail::DigestName;
use detect::finding::FindingId;
use futures::future::join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::{LedgerProblem, Result};
use super::keys::{CHAINS, STATEMENTS};
use super::stored::{CONCURRENCY, StoredLedger, Swap, TRIES};
use crate::integrity::verified_day::VerifiedDay;
use crate::store::{SmallObject, WriteCondition};

/// Raised when older programs would misread a head.
const VERSION: u32 = 1;

/// Days that a head knows: a statement is made of each when it is over.
const KEPT_DAYS: usize = 4;

/// Hexadecimal digits of a chain's name.
const NAME_DIGITS: usize = 32;

/// Which chain of digests.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// The last days, by the ends of their digests.
    pub days: BTreeMap<String, VerifiedDay>,
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
    /// The end of the head that the way began at. `None` if there was none.
    pub after: Option<Timestamp>,
    /// What was verified on the way, this digest included, by the ends of the digests.
    pub days: BTreeMap<String, VerifiedDay>,
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

    /// Moves the head of a chain to a digest, unless it moved since that was verified.
    pub async fn move_chain_head(&self, chain: &ChainId, digest: &VerifiedDigest) -> Result<()> {
        let next = |object: Option<&SmallObject>| {
            let head = match object.map(decode).transpose()? {
                // It is as far already, or another worker moved it: a part of the way would be
                // counted twice. The next digest, or a sweep, begins there.
                head if head.as_ref().map(|head| head.end) != digest.after => {
                    return Ok(Swap::Keep(()));
                }
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

impl StoredLedger {
    /// Writes the statement of a day (`2026-03-12`). Returns false if there is one: it stays as it
    /// is.
    pub async fn put_statement(&self, day: &str, statement: &str) -> Result<bool> {
        let bytes = Bytes::from(statement.to_owned());
        let key = format!("{STATEMENTS}{day}.json");
        match self.put(&key, bytes, WriteCondition::IfNoneMatch).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_precondition_failed() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl ChainHead {
    fn after(head: Option<ChainHead>, chain: &ChainId, digest: &VerifiedDigest) -> ChainHead {
        let VerifiedDigest { key, start, end, hash, signature, days, .. } = digest.clone();
        let before = head.as_ref();
        let mut next = ChainHead {
            version: VERSION,
            chain: chain.clone(),
            key,
            end,
            hash,
            signature,
            since: before.map_or(start, |head| head.since),
            digests: before.map_or(0, |head| head.digests),
            log_files: before.map_or(0, |head| head.log_files),
            gaps: before.map_or(0, |head| head.gaps),
            days: head.map(|head| head.days).unwrap_or_default(),
        };
        for (day, verified) in days {
            next.digests += verified.digests;
            next.log_files += verified.log_files;
            next.gaps += verified.gaps.len() as u64;
            next.days.entry(day).or_default().merge(verified);
        }
        while next.days.len() > KEPT_DAYS {
            next.days.pop_first();
        }
        next
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
