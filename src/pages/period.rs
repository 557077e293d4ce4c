//! What a report on a period has beside findings: groups, statements, and what was not seen.

use detect::text::time::format_minute;
use jiff::{SignedDuration, Timestamp};
use report::data::{Group, GroupPower, HeldPolicy, Input, KnownMember};
use serde_json::Value;

use crate::ledger::{KnownGroup, LedgerError, StoredLedger};

/// A sweep runs every 10 minutes. If the last one began longer ago, one is missing.
const SWEEP_DELAY: SignedDuration = SignedDuration::from_mins(30);

/// Adds the groups of an account, or of all, as the ledger's model has them at a time.
///
/// # Errors
/// The ledger cannot be read.
pub async fn add_groups(
    ledger: &StoredLedger,
    account: Option<&str>,
    time: Timestamp,
    input: &mut Input,
) -> Result<(), LedgerError> {
    let known = ledger.known_groups(account, None, time).await?;
    input.groups.extend(known.into_iter().map(to_group));
    Ok(())
}

fn to_group(known: KnownGroup) -> Group {
    let KnownGroup { account, name, state, context, .. } = known;
    let level = Some(context.power().level()).filter(|_| !context.policies.is_empty());
    let policies = context.policies.into_iter().map(|policy| {
        let inline = !policy.name.starts_with("arn:");
        (policy.name, HeldPolicy { inline, power: policy.power, since: None })
    });
    let members = context.members.into_iter().map(|name| (name, KnownMember::default()));
    Group {
        account: Some(account),
        name,
        power: GroupPower { level, complete: state.complete },
        policies: policies.collect(),
        members: members.collect(),
        complete: state.complete,
        ..Group::default()
    }
}

/// Adds what follows from the heartbeat of the sweep, if anything is missing.
///
/// # Errors
/// The ledger cannot be read.
pub async fn check_sweeps(
    ledger: &StoredLedger,
    now: Timestamp,
    input: &mut Input,
) -> Result<(), LedgerError> {
    let Some(object) = ledger.sweep_object("heartbeat").await? else {
        input.not_seen.push(
            "No sweep has finished so far: log objects that no notification announced are not \
             read."
                .to_owned(),
        );
        return Ok(());
    };
    let heartbeat: Value = serde_json::from_slice(&object.bytes).unwrap_or_default();
    let time: Option<Timestamp> = heartbeat["time"].as_str().and_then(|text| text.parse().ok());
    input.not_seen.extend(match time {
        Some(time) if now.duration_since(time) <= SWEEP_DELAY => None,
        Some(time) => Some(format!(
            "The last sweep began at {}: log objects that landed later and that no notification \
             announced may be unread.",
            format_minute(time)
        )),
        None => Some("The heartbeat of the sweep is damaged.".to_owned()),
    });
    Ok(())
}
