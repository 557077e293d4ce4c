//! What happened to a group under all its names, and what it could do.

use std::collections::BTreeMap;

use detect::finding::{Call, ContextGap, Finding, GroupContext, TimelineEntry};
use detect::model::{EventLog, GroupLog, GroupLogs, GroupState, LogEvent, PolicyLog, PolicyState};
use detect::power::{Grants, aws_managed};
use futures::future::{join_all, try_join};
use jiff::{SignedDuration, Timestamp};

use super::error::{LedgerError, LedgerProblem, Result};
use super::stored::StoredLedger;

/// Names of a group that are read.
const MAX_NAMES: usize = 5;

/// Renamings that are followed, in each direction.
const MAX_RENAMINGS: usize = 16;

/// Customer policies of a group that are read: as many as can be attached.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const MAX_POLICIES: usize = 20;

/// How long before a finding its context begins.
const BEFORE: SignedDuration = SignedDuration::from_hours(48);

/// What is known of a finding's group.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timeline {
    /// The events from 48 hours before the finding to now, its own among them, in any order.
    pub entries: Vec<TimelineEntry>,
    /// No earlier finding is on record.
    pub first: bool,
    /// Why these are not all.
    pub gap: Option<ContextGap>,
    /// What the group could do at the time of the finding, or can now, whichever is more. `None`
    /// without a group.
    pub group: Option<GroupContext>,
    /// What the customer's policy that the finding attaches grants. `None` if that is not known.
    pub policy: Option<Grants>,
}

impl StoredLedger {
    /// Reads what is known of a finding's group. Costs a read for each name that the group had, up
    /// to 5, one for the users of the account, and one for each customer policy of the group.
    /// Without a group, only the customer's policy is read that the call is about.
    pub async fn group_timeline(&self, finding: &Finding, now: Timestamp) -> Result<Timeline> {
        let timelines = self.group_timelines(&[finding], now).await?;
        Ok(timelines.into_iter().next().unwrap_or_default())
    }

    /// The same for findings about one group, the earliest first, at the cost of one. They are in
    /// their order.
    pub async fn group_timelines(
        &self,
        findings: &[&Finding],
        now: Timestamp,
    ) -> Result<Vec<Timeline>> {
        let Some(earliest) = findings.first() else { return Ok(Vec::new()) };
        let Some(account) = &earliest.account else {
            return Ok(vec![Timeline::default(); findings.len()]);
        };
        let calls: Vec<Call<'_>> = findings.iter().map(|finding| Call::new(finding)).collect();
        let attached: Vec<&str> = calls.iter().filter_map(|call| call.policy_arn()).collect();
        let Some(group) = &earliest.group else {
            let (policies, _) = self.read_policies(account, &[], &attached).await?;
            let timeline = |call: &Call<'_>| Timeline {
                policy: in_force(&policies, call.policy_arn(), now),
                ..Timeline::default()
            };
            return Ok(calls.iter().map(timeline).collect());
        };
        let mut walk = NameWalk::new(self, account);
        if Call::new(earliest).directory_action().is_some() {
            walk.insert(group, self.directory_group_log(account, group).await)?;
            let timeline = |finding: &&Finding| {
                let own = TimelineEntry::from_finding_at(finding, finding.time.unwrap_or(now));
                walk.timeline(group, &own, &[], &[])
            };
            return Ok(findings.iter().map(timeline).collect());
        }
        let (users, _) = try_join(self.user_log(account), walk.read(group)).await?;
        walk.logs.users = users;
        let mut parts: Vec<(Timeline, [GroupState; 2])> = Vec::new();
        for finding in findings {
            parts.push(walk.part(group, finding, now).await?);
        }
        let states: Vec<&GroupState> = parts.iter().flat_map(|(_, states)| states).collect();
        let (policies, unreadable) = self.read_policies(account, &states, &attached).await?;
        let complete =
            |((mut timeline, states), call): ((Timeline, [GroupState; 2]), &Call<'_>)| {
                timeline.add_power(&states, &policies, *call, now);
                timeline.gap = timeline.gap.or(unreadable.then_some(ContextGap::Unreadable));
                timeline
            };
        Ok(parts.into_iter().zip(&calls).map(complete).collect())
    }

    /// The logs of the customer policies of these states, and of some more. True if one cannot be
    /// read.
    pub(super) async fn read_policies(
        &self,
        account: &str,
        states: &[&GroupState],
        also: &[&str],
    ) -> Result<(BTreeMap<String, PolicyLog>, bool)> {
        let mut arns: Vec<&str> = also.to_vec();
        arns.extend(states.iter().flat_map(|state| state.attached.keys().map(String::as_str)));
        arns.retain(|arn| aws_managed(arn).is_none());
        arns.sort_unstable();
        arns.dedup();
        arns.truncate(MAX_POLICIES);
        let logs = join_all(arns.iter().map(|arn| self.policy_log(account, arn))).await;
        let mut policies = BTreeMap::new();
        let mut unreadable = false;
        for (arn, log) in arns.into_iter().zip(logs) {
            policies.insert(arn.to_owned(), readable(log, &mut unreadable)?);
        }
        Ok((policies, unreadable))
    }
}

impl Timeline {
    /// Adds what the group could do at the time of the call, or can do now, whichever is more.
    fn add_power(
        &mut self,
        [then, since]: &[GroupState; 2],
        policies: &BTreeMap<String, PolicyLog>,
        call: Call<'_>,
        now: Timestamp,
    ) {
        let time = call.time().unwrap_or(now);
        let later = now.max(time);
        let policies_at = |time| -> BTreeMap<String, PolicyState> {
            policies.iter().map(|(arn, log)| (arn.clone(), log.state_at(time))).collect()
        };
        self.policy = in_force(policies, call.policy_arn(), later);
        let then = GroupContext::new(then, &policies_at(time));
        let since = GroupContext::new(since, &policies_at(later));
        let members = then.members.clone();
        let is_more = since.power().level() > then.power().level();
        self.group = Some(GroupContext { members, ..if is_more { since } else { then } });
    }
}

/// What the version of a policy grants that is in force at a time. `None` if it is not known.
fn in_force(
    policies: &BTreeMap<String, PolicyLog>,
    arn: Option<&str>,
    time: Timestamp,
) -> Option<Grants> {
    policies.get(arn?)?.state_at(time).grants().cloned()
}

/// The log, or an empty one if it is damaged or of a later version.
fn readable<E: LogEvent>(log: Result<EventLog<E>>, unreadable: &mut bool) -> Result<EventLog<E>> {
    match log {
        Err(LedgerError::Unusable { source: LedgerProblem::Model(_), .. }) => {
            *unreadable = true;
            Ok(EventLog::default())
        }
        log => log,
    }
}

/// To the names that a group had before, or that it got since.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Past,
    Future,
}

/// A time in which a group had another name: up to a renaming, or from it on.
struct NamePart {
    name: String,
    renamed: Timestamp,
}

/// Reads the logs of a group from name to name.
struct NameWalk<'a> {
    ledger: &'a StoredLedger,
    account: &'a str,
    logs: GroupLogs,
    cut: bool,
    unreadable: bool,
}

impl<'a> NameWalk<'a> {
    fn new(ledger: &'a StoredLedger, account: &'a str) -> NameWalk<'a> {
        let logs = GroupLogs::default();
        NameWalk { ledger, account, logs, cut: false, unreadable: false }
    }

    /// Returns false if too many names were read already.
    async fn read(&mut self, name: &str) -> Result<bool> {
        let key = name.to_lowercase();
        if self.logs.groups.contains_key(&key) {
            return Ok(true);
        }
        if self.logs.groups.len() == MAX_NAMES {
            return Ok(false);
        }
        self.insert(name, self.ledger.group_log(self.account, name).await)?;
        Ok(true)
    }

    fn insert(&mut self, name: &str, log: Result<GroupLog>) -> Result<()> {
        self.logs.groups.insert(name.to_lowercase(), readable(log, &mut self.unreadable)?);
        Ok(())
    }

    /// The timeline of a finding, and the group at its time and now.
    async fn part(
        &mut self,
        group: &str,
        finding: &Finding,
        now: Timestamp,
    ) -> Result<(Timeline, [GroupState; 2])> {
        let time = finding.time.unwrap_or(now);
        let past = self.follow(group, time, Direction::Past).await?;
        let future = self.follow(group, time, Direction::Future).await?;
        let own = TimelineEntry::from_finding_at(finding, time);
        let timeline = self.timeline(group, &own, &past, &future);
        let last_name = future.last().map_or(group, |part| &part.name);
        let later = now.max(time);
        Ok((timeline, [self.logs.state_at(group, time), self.logs.state_at(last_name, later)]))
    }

    /// Follows one renaming after the other.
    async fn follow(
        &mut self,
        name: &str,
        time: Timestamp,
        direction: Direction,
    ) -> Result<Vec<NamePart>> {
        let mut parts: Vec<NamePart> = Vec::new();
        for _ in 0..MAX_RENAMINGS {
            let last = parts.last();
            let (name, time) = last.map_or((name, time), |part| (&part.name, part.renamed));
            let log = self.logs.groups.get(&name.to_lowercase());
            let next = log.and_then(|log| match direction {
                Direction::Past => log.renamed_from(time),
                Direction::Future => log.renamed_to(time),
            });
            let Some((name, renamed)) = next else { return Ok(parts) };
            let part = NamePart { name: name.to_owned(), renamed };
            if !self.read(&part.name).await? {
                break;
            }
            parts.push(part);
        }
        self.cut = true;
        Ok(parts)
    }

    /// The events under the group's name, and those of its other names while it had them.
    fn timeline(
        &self,
        name: &str,
        own: &TimelineEntry,
        past: &[NamePart],
        future: &[NamePart],
    ) -> Timeline {
        let events = |name: &str| {
            let log = self.logs.groups.get(&name.to_lowercase());
            let events = log.map(|log| &*log.events).unwrap_or_default();
            events.iter().filter_map(|event| event.timeline_entry()).collect::<Vec<_>>()
        };
        let mut entries = events(name);
        for part in past {
            entries.extend(events(&part.name).into_iter().filter(|it| it.time <= part.renamed));
        }
        for part in future {
            entries.extend(events(&part.name).into_iter().filter(|it| it.time >= part.renamed));
        }
        entries.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
        entries.dedup_by(|one, other| one.is_same_event(other));
        let is_earlier = |it: &TimelineEntry| it.is_before(own) && !it.is_same_event(own);
        let log = self.logs.groups.get(&name.to_lowercase());
        let has_older = log.is_some_and(|log| log.older > 0);
        // What cannot be read may be earlier.
        let first = !self.unreadable && !has_older && !entries.iter().any(is_earlier);
        let start = own.time.checked_sub(BEFORE).unwrap_or(Timestamp::MIN);
        entries.retain(|entry| entry.time >= start);
        if !entries.iter().any(|entry| entry.is_same_event(own)) {
            entries.push(own.clone());
        }
        let cut = self.cut.then_some(ContextGap::TooMuch);
        let gap = cut.or(self.unreadable.then_some(ContextGap::Unreadable));
        Timeline { entries, first, gap, ..Timeline::default() }
    }
}
