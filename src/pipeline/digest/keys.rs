//! The public keys that a digest is verified with: those that the ledger has, and CloudTrail's
//! own list where these do not verify it.

use detect::cloudtrail::key::digest_end;
use detect::text::error::error_chain;
use jiff::Timestamp;

use crate::integrity::chain::Link;
use crate::integrity::check::{Checker, RegionKeys};
use crate::integrity::keys::{CloudTrailKeys, KeySource, PublicKeys, SIGNING_DELAY};
use crate::integrity::{IntegrityProblem, Verdict};
use crate::ledger::{ChainId, StoredLedger};
use crate::pipeline::Problem;

/// The public keys of a chain's region.
pub(super) struct DigestKeys<'a> {
    source: &'a KeySource,
    ledger: &'a StoredLedger,
    keys: RegionKeys,
    /// What was wrong with those in the ledger, or with writing them.
    pub(super) problem: Option<Problem>,
}

impl<'a> DigestKeys<'a> {
    /// Those that are known, or CloudTrail's list for a digest if none are.
    pub(super) async fn load(
        source: &'a KeySource,
        ledger: &'a StoredLedger,
        chain: &ChainId,
        end: Timestamp,
        now: Timestamp,
    ) -> DigestKeys<'a> {
        let mut keys =
            DigestKeys { source, ledger, keys: Ok(PublicKeys::default()), problem: None };
        match source {
            KeySource::Known(known) => keys.keys = Ok(known.clone()),
            KeySource::CloudTrail(list) => {
                let known = keys.known(list, &chain.region).await;
                match known.is_empty() {
                    true => keys.list(list, chain, end, now).await,
                    false => keys.keys = Ok(known),
                }
            }
        }
        keys
    }

    /// Checks a digest. What the known keys do not verify is judged by CloudTrail's list alone: a
    /// key may be new, and the ledger's may be damaged.
    pub(super) async fn check(
        &mut self,
        checker: &Checker<'_>,
        chain: &ChainId,
        key: &str,
        now: Timestamp,
    ) -> (Verdict, Option<Link>) {
        let checked = checker.check_digest(&chain.bucket, key, &self.keys).await;
        match (self.source, digest_end(key)) {
            (KeySource::CloudTrail(list), Some(end)) if depends_on_keys(&checked.0) => {
                self.list(list, chain, end, now).await;
                checker.check_digest(&chain.bucket, key, &self.keys).await
            }
            _ => checked,
        }
    }

    /// The keys that this instance or the ledger knows. None if those in the ledger cannot be used.
    async fn known(&mut self, list: &CloudTrailKeys, region: &str) -> PublicKeys {
        if let Some(known) = list.known(region) {
            return known;
        }
        match self.ledger.public_keys(region).await {
            Ok(stored) => {
                let stored = stored.unwrap_or_default();
                list.remember(region, stored.clone());
                stored
            }
            Err(error) => {
                self.problem = Some(Problem::discard("public keys", error_chain(&error)));
                PublicKeys::default()
            }
        }
    }

    /// Takes CloudTrail's list of the keys with which a digest can have been signed, and keeps it.
    async fn list(
        &mut self,
        list: &CloudTrailKeys,
        chain: &ChainId,
        end: Timestamp,
        now: Timestamp,
    ) {
        // A backfill digest is signed at some time after its hour.
        let signed = if chain.backfill { end.max(now) } else { end };
        let until = signed.checked_add(SIGNING_DELAY).unwrap_or(signed);
        let known = list.known(&chain.region);
        self.keys = self.source.keys(&chain.region, end, until).await;
        let Ok(listed) = &self.keys else { return };
        if known.as_ref() == Some(listed) {
            return;
        }
        list.remember(&chain.region, listed.clone());
        if let Err(error) = self.ledger.put_public_keys(&chain.region, listed).await {
            self.problem = Some(Problem::discard("public keys", error_chain(&error)));
        }
    }
}

/// Returns true if other public keys may lead to another verdict.
fn depends_on_keys(verdict: &Verdict) -> bool {
    let Verdict::Invalid(problem) = verdict else { return false };
    matches!(**problem, IntegrityProblem::UnknownKey(_) | IntegrityProblem::WrongSignature)
}
