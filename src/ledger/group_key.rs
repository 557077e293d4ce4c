//! The keys of a group's index. Each tells one event in the life of the group, so that a list of
//! them is its story.
//!
//! `by-group/<account>/<group>/<time>-<action>-<id>-v1/<marks>/<event>/<name>/<principal>/<object>`
//!
//! IAM takes names that differ only in case for the same, so the folder of a group has its name in
//! small letters: who writes it otherwise adds to the same story. The name as it was written is
//! told where it is not the folder's. The marks are `f` for a failed call, `x` for an excepted
//! finding, and one letter for the power of a policy. What is told of an event is in
//! [`TimelineEntry`].
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateGroup.html>

use detect::finding::{Finding, FindingId, Power, TimelineEntry};
use jiff::Timestamp;

use super::detail::{self, Damaged};
use super::keys;
use crate::store::part;

/// What follows the finding's id where details follow it. Another number where they mean something
/// else.
const VERSION: &str = "-v1";

/// Bytes of each detail, in their order: a file's name, too, has an end. Names that IAM takes fit,
/// ARNs nearly all do.
const MOST: [usize; DETAILS] = [8, 64, 180, 180, 220];

const DETAILS: usize = 5;

/// Hexadecimal digits of a finding's id.
const ID_DIGITS: usize = 64;

/// Each power of a policy, and its mark.
const POWERS: [(Power, char); 4] =
    [(Power::SomeIam, 's'), (Power::Nearly, 'n'), (Power::Iam, 'i'), (Power::Everything, 'e')];

/// One event, as a key tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// The finding that told of it.
    pub(super) id: FindingId,
    pub(super) entry: TimelineEntry,
    /// Whether all that matters could be read.
    pub(super) whole: bool,
}

impl Event {
    /// The name before and the name after, where the event renamed the group.
    pub(super) fn names(&self) -> Option<(&str, &str)> {
        names(&self.entry)
    }
}

fn names(entry: &TimelineEntry) -> Option<(&str, &str)> {
    let (old, new) = (entry.group.as_deref()?, entry.object.as_deref()?);
    (entry.action == "UpdateGroup" && !entry.failed && plain(old) != plain(new))
        .then_some((old, new))
}

/// A group's name by which it is found.
pub(super) fn plain(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// The folder of a group's index, with the `/` at its end.
pub(super) fn folder(account: Option<&str>, group: &str) -> String {
    format!("{}{}/{}", keys::BY_GROUP, part(account.unwrap_or_default()), folder_in_account(group))
}

/// The same, without the folder of the account.
pub(super) fn folder_in_account(group: &str) -> String {
    format!("{}/", part(&plain(group)))
}

/// The keys of a finding, under every name that its group had: none without a group. `room` is how
/// long they may be.
pub(super) fn write(finding: &Finding, time: Timestamp, room: usize) -> Vec<String> {
    let Some(group) = &finding.group else { return Vec::new() };
    let entry = TimelineEntry::from_finding_at(finding, time);
    let under = |name: &str| key(finding, &entry, name, room);
    let new = names(&entry).map(|(_, new)| under(new));
    std::iter::once(under(group)).chain(new).collect()
}

fn key(finding: &Finding, entry: &TimelineEntry, name: &str, room: usize) -> String {
    let (folder, time) = (folder(finding.account.as_deref(), name), keys::stamp(entry.time));
    let mut key = format!("{folder}{time}-{}-{}{VERSION}", part(&entry.action), finding.id);
    let written = entry.group.as_deref().filter(|group| *group != plain(name));
    let marks = marks(entry);
    let details = [
        Some(marks.as_str()),
        entry.event_id.as_deref(),
        written,
        entry.principal.as_deref(),
        entry.object.as_deref(),
    ];
    for (at, (detail, most)) in details.into_iter().zip(MOST).enumerate() {
        // Each leaves its share to those that follow.
        let share = room.saturating_sub(key.len()) / (DETAILS - at);
        key.push('/');
        key.push_str(&detail::encode(detail, most.min(share.saturating_sub(1)).max(1)));
    }
    key
}

fn marks(entry: &TimelineEntry) -> String {
    let power = POWERS.iter().find(|(power, _)| entry.power == Some(*power)).map(|(_, mark)| *mark);
    power
        .into_iter()
        .chain(entry.failed.then_some('f'))
        .chain(entry.suppressed.then_some('x'))
        .collect()
}

/// Reads a key of the index of the group of this name, without the folder. One whose details cannot
/// be read (another version wrote it, or they are damaged) still tells what happened when.
pub(super) fn read(name: &str, group: &str) -> Result<Event, Damaged> {
    let (head, details) = name.split_once('/').unwrap_or((name, ""));
    let (time, rest) = keys::split_time(head).ok_or(Damaged)?;
    let (rest, details) = match rest.strip_suffix(VERSION) {
        Some(rest) => (rest, details),
        None => (rest, ""),
    };
    let (action, id) = split_id(rest).ok_or(Damaged)?;
    let entry = TimelineEntry {
        time,
        event_id: None,
        action: detail::decode(action)?.unwrap_or_default(),
        group: None,
        object: None,
        power: None,
        principal: None,
        failed: false,
        suppressed: false,
    };
    let details: Vec<&str> = details.split('/').collect();
    Ok(match with_details(&entry, group, &details) {
        // A name that was cut leads nowhere: the story under the other name is missing.
        Ok(entry) => Event {
            id,
            whole: names(&entry).is_none()
                || !details[2..].iter().any(|detail| detail::is_cut(detail)),
            entry,
        },
        Err(Damaged) => Event { id, entry, whole: false },
    })
}

/// `<action>-<id>`, and whatever a later version puts behind it.
fn split_id(rest: &str) -> Option<(&str, FindingId)> {
    rest.match_indices('-').find_map(|(at, _)| {
        let digits = rest.get(at + 1..at + 1 + ID_DIGITS)?;
        Some((&rest[..at], FindingId::parse(digits)?))
    })
}

fn with_details(
    entry: &TimelineEntry,
    group: &str,
    details: &[&str],
) -> Result<TimelineEntry, Damaged> {
    let &[marks, event_id, written, principal, object] = details else { return Err(Damaged) };
    let mut entry = entry.clone();
    for mark in detail::decode(marks)?.unwrap_or_default().chars() {
        match mark {
            'f' => entry.failed = true,
            'x' => entry.suppressed = true,
            _ => entry.power = Some(POWERS.iter().find(|(_, it)| *it == mark).ok_or(Damaged)?.0),
        }
    }
    entry.event_id = detail::decode(event_id)?;
    entry.group = detail::decode(written)?.or(Some(plain(group)));
    entry.principal = detail::decode(principal)?;
    entry.object = detail::decode(object)?;
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use detect::cloudtrail::Record;
    use detect::finding::Origin;
    use detect::rule::LoadedRules;

    /// A finding of a call with the same name everywhere but for the group.
    fn finding(action: &str, group: &str, name: &str) -> Finding {
        let record = json!({"eventSource": "iam.amazonaws.com", "eventName": action, "eventID": "e-1",
            "eventTime": "2026-03-01T10:00:00Z", "recipientAccountId": "111122223333",
            "userIdentity": {"type": "IAMUser", "userName": name, "arn": name},
            "requestParameters": {"groupName": group, "userName": name, "newGroupName": name, "policyArn": name}});
        let rule = Arc::clone(&LoadedRules::embedded().rules[0].info);
        let origin = Origin::Inline { envelope: "test".to_owned(), record: 0 };
        Finding::new(&rule, &Record::from_value(record).unwrap(), origin)
    }

    /// The keys, and what is read of each, under its name.
    fn written(finding: &Finding, names: &[&str], room: usize) -> Vec<(String, Event)> {
        let keys = write(finding, finding.time.unwrap(), room);
        assert_eq!(keys.len(), names.len());
        let account = finding.account.as_deref();
        let read = |(key, name): (&String, &&str)| {
            read(key.strip_prefix(&folder(account, name)).unwrap(), name).unwrap()
        };
        let events: Vec<Event> = keys.iter().zip(names).map(read).collect();
        keys.into_iter().zip(events).collect()
    }

    #[test]
    fn a_key_reads_as_the_event() {
        let mut finding =
            finding("AttachGroupPolicy", "Admins", "arn:aws:iam::aws:policy/AdministratorAccess");
        finding.principal.label = "Deploy/deploy-7".to_owned();
        finding.exception = Some("ci".to_owned());
        let expected = format!(
            "by-group/111122223333/admins/20260301T100000Z-AttachGroupPolicy-{}-v1/ex/e-1/Admins/Deploy%2Fdeploy-7/\
             arn:aws:iam::aws:policy%2FAdministratorAccess",
            finding.id
        );
        let [(key, event)] = &written(&finding, &["Admins"], 1_024)[..] else { panic!("one key") };
        assert_eq!(*key, expected);
        let entry = TimelineEntry::from_finding(&finding).unwrap();
        assert_eq!(*event, Event { id: finding.id, entry, whole: true });
    }

    #[test]
    fn a_renaming_is_under_both_names() {
        let finding = finding("UpdateGroup", "Temp", "Admins");
        let entry = TimelineEntry::from_finding(&finding).unwrap();
        for (_, event) in written(&finding, &["Temp", "Admins"], 1_024) {
            assert_eq!(
                (&event.entry, event.names(), event.whole),
                (&entry, Some(("Temp", "Admins")), true)
            );
        }
        let mut failed = finding;
        failed.ecs["event"]["outcome"] = json!("failure");
        assert_eq!(write(&failed, failed.time.unwrap(), 1_024).len(), 1, "nothing was renamed");
    }

    #[test]
    fn however_a_name_is_written_it_is_the_same_group() {
        assert_eq!(folder(None, "ADMINS"), folder(None, "admins"));
        assert_ne!(folder(None, "admins"), folder(None, "admin"));
        for name in ["admins", "Admins", "ADMINS"] {
            let events = written(&finding("AddUserToGroup", name, "bob"), &["aDMINS"], 1_024);
            assert_eq!(events[0].1.entry.group.as_deref(), Some(name), "{}", events[0].0);
        }
        let respelt = finding("UpdateGroup", "admins", "Admins");
        for (key, event) in written(&respelt, &["admins"], 1_024) {
            assert_eq!(
                (event.names(), event.entry.object.as_deref()),
                (None, Some("Admins")),
                "{key}"
            );
        }
    }

    #[test]
    fn all_that_iam_takes_for_a_name_comes_back_whole() {
        let longest = format!("{}+=,@_-", "X".repeat(122));
        for (action, names) in
            [("AddUserToGroup", vec![&*longest]), ("UpdateGroup", vec!["g", &longest])]
        {
            let finding = finding(action, names[0], &longest);
            for (key, event) in written(&finding, &names, 1_024 - 301) {
                assert!(event.whole && key.len() <= 1_024 - 301, "{key}");
                assert_eq!(event.entry, TimelineEntry::from_finding(&finding).unwrap(), "{key}");
            }
        }
    }

    proptest! {
        #[test]
        fn keys_fit_and_tell_the_event_or_that_it_was_cut(
            action in "[A-Za-z]{1,30}|UpdateGroup", group in ".{1,200}", name in ".{1,200}|.{4000}", room in 723_usize..1_025,
        ) {
            let finding = finding(&action, &group, &name);
            let entry = TimelineEntry::from_finding(&finding).unwrap();
            let names = match names(&entry) {
                Some((old, new)) => vec![old, new],
                None => vec![&*group],
            };
            for (key, event) in written(&finding, &names, room) {
                prop_assert!(key.len() <= room, "{} of {room}", key.len());
                prop_assert!(key.split('/').all(|part| (1..=255).contains(&part.len()) && part != ".."), "{key}");
                let same = |read: Option<&str>, text: Option<&str>| {
                    read.zip(text).is_none_or(|(read, text)| {
                        read == text || read.strip_suffix('…').is_some_and(|kept| text.starts_with(kept))
                    })
                };
                prop_assert!(same(event.entry.principal.as_deref(), entry.principal.as_deref()), "{key}");
                prop_assert!(same(event.entry.object.as_deref(), entry.object.as_deref()), "{key}");
                prop_assert_eq!((event.entry.time, event.entry.action, event.id), (entry.time, action.clone(), finding.id.clone()));
            }
        }

        #[test]
        fn no_key_that_somebody_else_wrote_does_harm(name in any::<String>(), tail in "(-v1)?(/[a-z~%]{0,4}){0,7}") {
            let _ = read(&name, "Admins");
            let id = "0".repeat(64);
            let key = format!("20260301T100000Z-CreateGroup-{id}{tail}");
            prop_assert!(read(&key, "Admins").is_ok());
        }
    }
}
