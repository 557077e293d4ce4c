//! What happened around an alert, for its page.

use detect::finding::{Finding, FindingId, canary};
use detect::text::error::error_chain;
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use report::data::{Delivery, Input, ReportedFinding, Unreadable};

use crate::ledger::{Content, Entry, EntryState, Index, LedgerError, StoredLedger};

/// How far before and after an event of a group others are shown.
const AROUND: SignedDuration = SignedDuration::from_hours(48);

/// Events that are shown around one.
const MAX_EVENTS: usize = 200;

/// Entries read at once: enough to hide the network's latency.
const CONCURRENCY: usize = 16;

/// Adds the findings of an incident or a summary; or a finding, and those of its group around it.
/// `own` says what became of the finding itself. Entries that cannot be read are named.
///
/// # Errors
/// The findings of the group cannot be listed.
pub async fn add_surroundings(
    ledger: &StoredLedger,
    content: &Content,
    own: Delivery,
    input: &mut Input,
) -> Result<(), LedgerError> {
    let ids = match content {
        Content::Finding(finding) => {
            input.add(finding, own);
            around(ledger, finding).await?
        }
        Content::Summary(summary) => summary.members.iter().map(|it| it.id.clone()).collect(),
        Content::Correlation(data) => data.members.clone(),
    };
    let reads = ids.into_iter().take(MAX_EVENTS).map(|id| read_finding(ledger, id));
    let mut reads = stream::iter(reads).buffered(CONCURRENCY);
    while let Some(read) = reads.next().await {
        match read {
            Ok(reported) => input.findings.extend(reported),
            Err(unreadable) => input.unreadable.push(unreadable),
        }
    }
    Ok(())
}

/// The other findings of the group within 48 hours. Those of a canary are nobody's.
async fn around(ledger: &StoredLedger, finding: &Finding) -> Result<Vec<FindingId>, LedgerError> {
    let group = finding.group.clone().filter(|_| !canary::is_canary(finding));
    let Some((group, time)) = group.zip(finding.time) else { return Ok(Vec::new()) };
    let index = Index::Group { account: finding.account.clone(), group };
    let keys = ledger.list_index(&index).await?.keys.into_iter();
    let is_near = |other: Timestamp| other.duration_since(time).abs() <= AROUND;
    let near = keys.filter(|key| key.time.is_some_and(is_near)).map(|key| key.id);
    Ok(near.filter(|id| *id != finding.id).collect())
}

async fn read_finding(
    ledger: &StoredLedger,
    id: FindingId,
) -> Result<Option<ReportedFinding>, Unreadable> {
    let unreadable = |problem| Unreadable { name: format!("entries/{id}"), problem };
    let snapshot = match ledger.read_entry(&id).await {
        Ok(Some(snapshot)) => snapshot,
        Ok(None) => return Err(unreadable("there is no such entry".to_owned())),
        Err(error) => return Err(unreadable(error_chain(&error))),
    };
    let Entry { state, content, .. } =
        snapshot.entry.map_err(|error| unreadable(error_chain(&error)))?;
    Ok(match content {
        Content::Finding(finding) => Some(ReportedFinding { finding, delivery: delivery(state) }),
        Content::Summary(_) | Content::Correlation(_) => None,
    })
}

/// What became of a finding whose entry is in this state.
pub fn delivery(state: EntryState) -> Delivery {
    match state {
        EntryState::Claimed | EntryState::Released | EntryState::Failed => Delivery::Undelivered,
        EntryState::Alerted => Delivery::Alerted,
        EntryState::Grouped | EntryState::Summarised => Delivery::Summarised,
        EntryState::Folded => Delivery::Folded,
        EntryState::Suppressed => Delivery::Suppressed,
    }
}
