//! What an actor was found doing, as the index tells it.

use std::collections::BTreeMap;

use detect::finding::{ContextGap, Finding, FindingId};
use jiff::Timestamp;

use super::index_window::latest;
use super::{LedgerError, StoredLedger, detail, keys};

/// What the ledger knows of an actor around a finding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActorHistory {
    /// Findings of other calls, of 48 hours before the finding and of all the time after it, by the
    /// rule's id as a [`part`](crate::store::part) of a key.
    pub by_rule: BTreeMap<String, usize>,
    /// Nothing earlier is on record.
    pub first: bool,
    /// Why these are not all.
    pub gap: Option<ContextGap>,
}

/// One finding, as a key tells it.
struct Found<'a> {
    time: Timestamp,
    rule: &'a str,
    id: FindingId,
}

impl StoredLedger {
    /// What the actor of a finding was found doing besides. `now` tells which keys are from the
    /// future. One LIST, of two pages at most; and a small one where nothing is earlier.
    pub async fn actor_history(
        &self,
        finding: &Finding,
        now: Timestamp,
    ) -> Result<ActorHistory, LedgerError> {
        let folder = keys::of_actor(&finding.principal.key);
        let time = finding.time.unwrap_or(now);
        let stretch = self.around(&folder, time).await?;
        let latest = latest(time, now);
        let mut history = ActorHistory {
            gap: (!stretch.whole).then_some(ContextGap::TooMuch),
            ..ActorHistory::default()
        };
        let mut earlier = false;
        for name in &stretch.names {
            match read(name) {
                Some(found) if found.time > latest => history.unreadable(),
                Some(found) if is_of_same_call(&found, finding) => {}
                Some(found) => {
                    earlier |= (found.time, &found.id) < (time, &finding.id);
                    *history.by_rule.entry(found.rule.to_owned()).or_default() += 1;
                }
                // One that tells no time is a stray, and nothing is missing.
                None if keys::split_time(name).is_none() => {}
                None => history.unreadable(),
            }
        }
        // What cannot be read may be earlier.
        let known = earlier || history.gap == Some(ContextGap::Unreadable);
        history.first = !known && !self.is_older(&folder, time).await?;
        Ok(history)
    }
}

impl ActorHistory {
    fn unreadable(&mut self) {
        self.gap = self.gap.or(Some(ContextGap::Unreadable));
    }
}

/// Reads `<time>-<rule>-<id>`.
fn read(name: &str) -> Option<Found<'_>> {
    let (time, rest) = keys::split_time(name)?;
    let (rule, id) = rest.rsplit_once('-')?;
    Some(Found { time, rule, id: FindingId::parse(id)? })
}

/// Whether a finding is this one, or another rule's of the same call.
fn is_of_same_call(found: &Found<'_>, finding: &Finding) -> bool {
    let same = |event_id: &str| {
        let rule = detail::decode(found.rule).ok().flatten().unwrap_or_default();
        found.id
            == FindingId::hash_parts([
                &rule,
                finding.account.as_deref().unwrap_or_default(),
                event_id,
            ])
    };
    // Hashing is for those that can be: calls at the same time.
    let known = finding.ecs["event"]["id"].as_str().filter(|_| finding.time == Some(found.time));
    found.id == finding.id || known.is_some_and(same)
}
