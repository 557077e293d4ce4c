//! The keys of the group index. Each says one event in the life of a group, so that a LIST of them
//! is the group's timeline.
//!
//! `by-group/<account>/<group>/<time>-<action>-<id>-v1/<flags>/<event>/<name>/<principal>/<object>`
//!
//! IAM treats names that differ only in case as the same, so a group's folder has its name in lower
//! case, and `<name>` has the spelling of the call if it is another. The flags are `f` for a failed
//! call, `x` for a suppressed finding, and one letter for the power of a policy. The other details
//! are those of a [`TimelineEntry`].
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateGroup.html>

use detect::finding::{Finding, FindingId, TimelineEntry};
use detect::power::PowerLevel;
use jiff::Timestamp;

use super::detail::{UnreadableKey, decode_detail, encode_detail, is_cut};
use super::keys;
use crate::store::encode_key_part;

/// Follows the finding's id. Changes when the details that follow it change their meaning.
const VERSION: &str = "-v1";

const DETAILS: usize = 5;

/// Bytes of each detail, in order: in a directory each is a file name. Names that IAM accepts fit,
/// and nearly all ARNs.
const MAX_BYTES: [usize; DETAILS] = [8, 64, 180, 180, 220];

const POWER_FLAGS: [(PowerLevel, char); 2] =
    [(PowerLevel::Escalates, 'w'), (PowerLevel::Admin, 'a')];

/// One event of a group's timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GroupEvent {
    pub(super) id: FindingId,
    pub(super) entry: TimelineEntry,
    /// All that the timeline needs could be read.
    pub(super) complete: bool,
}

/// The old and the new name. `None` unless the event renamed the group.
pub(super) fn renaming(entry: &TimelineEntry) -> Option<(&str, &str)> {
    let old = entry.group.as_deref()?;
    let new = entry.object.as_deref()?;
    let renamed = entry.action == "UpdateGroup" && !entry.failed && !old.eq_ignore_ascii_case(new);
    renamed.then_some((old, new))
}

/// The folder of a group, with a `/` at its end.
pub(super) fn group_folder(account: Option<&str>, group: &str) -> String {
    let account = encode_key_part(account.unwrap_or_default());
    format!("{}{account}/{}", keys::BY_GROUP, group_folder_in_account(group))
}

/// The same, without the account's folder.
pub(super) fn group_folder_in_account(group: &str) -> String {
    format!("{}/", encode_key_part(&group.to_ascii_lowercase()))
}

/// The keys of a finding, one for each name of its group, of at most `max_bytes` each. Empty if it
/// is about no group.
pub(super) fn group_keys(finding: &Finding, time: Timestamp, max_bytes: usize) -> Vec<String> {
    let Some(group) = &finding.group else { return Vec::new() };
    let entry = TimelineEntry::from_finding_at(finding, time);
    let new_name = renaming(&entry).map(|(_, new)| new);
    let names = [Some(group.as_str()), new_name].into_iter().flatten();
    names.map(|name| group_key(finding, &entry, name, max_bytes)).collect()
}

fn group_key(finding: &Finding, entry: &TimelineEntry, name: &str, max_bytes: usize) -> String {
    let folder = group_folder(finding.account.as_deref(), name);
    let time = keys::format_time(entry.time);
    let mut key =
        format!("{folder}{time}-{}-{}{VERSION}", encode_key_part(&entry.action), finding.id);
    let flags = flags(entry);
    let spelling = entry.group.as_deref().filter(|group| *group != name.to_ascii_lowercase());
    let details = [
        Some(flags.as_str()),
        entry.event_id.as_deref(),
        spelling,
        entry.principal.as_deref(),
        entry.object.as_deref(),
    ];
    for (index, (detail, max)) in details.into_iter().zip(MAX_BYTES).enumerate() {
        // Each leaves their share to those that follow.
        let share = max_bytes.saturating_sub(key.len()) / (DETAILS - index);
        key.push('/');
        key.push_str(&encode_detail(detail, max.min(share.saturating_sub(1)).max(1)));
    }
    key
}

fn flags(entry: &TimelineEntry) -> String {
    let power = POWER_FLAGS.iter().find(|(power, _)| entry.power == Some(*power));
    let failed = entry.failed.then_some('f');
    let suppressed = entry.suppressed.then_some('x');
    power.map(|(_, flag)| *flag).into_iter().chain(failed).chain(suppressed).collect()
}

/// Parses a key in the folder of the group `name`, without the folder. If only its details cannot
/// be read, because another version wrote them or they are damaged, the event is incomplete.
pub(super) fn parse_group_key(key: &str, name: &str) -> Result<GroupEvent, UnreadableKey> {
    let (head, details) = key.split_once('/').unwrap_or((key, ""));
    let (time, rest) = keys::split_time(head).ok_or(UnreadableKey)?;
    let (action, id) = keys::split_id(rest).ok_or(UnreadableKey)?;
    let bare = TimelineEntry {
        time,
        event_id: None,
        action: decode_detail(action)?.unwrap_or_default(),
        group: None,
        object: None,
        power: None,
        principal: None,
        failed: false,
        suppressed: false,
    };
    let details = if rest.ends_with(VERSION) { details } else { "" };
    let details: Vec<&str> = details.split('/').collect();
    Ok(match with_details(&bare, name, &details) {
        // A renaming whose names were cut leads to no other name.
        Ok(entry) => {
            let cut = details[2..].iter().any(|detail| is_cut(detail));
            GroupEvent { id, complete: !cut || renaming(&entry).is_none(), entry }
        }
        Err(UnreadableKey) => GroupEvent { id, entry: bare, complete: false },
    })
}

fn with_details(
    bare: &TimelineEntry,
    name: &str,
    details: &[&str],
) -> Result<TimelineEntry, UnreadableKey> {
    let &[flags, event_id, spelling, principal, object] = details else {
        return Err(UnreadableKey);
    };
    let mut entry = bare.clone();
    for flag in decode_detail(flags)?.unwrap_or_default().chars() {
        match flag {
            'f' => entry.failed = true,
            'x' => entry.suppressed = true,
            _ => {
                let power = POWER_FLAGS.iter().find(|(_, other)| *other == flag);
                entry.power = Some(power.ok_or(UnreadableKey)?.0);
            }
        }
    }
    entry.event_id = decode_detail(event_id)?;
    entry.group = decode_detail(spelling)?.or(Some(name.to_ascii_lowercase()));
    entry.principal = decode_detail(principal)?;
    entry.object = decode_detail(object)?;
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use detect::cloudtrail::Record;
    use detect::finding::Origin;
    use detect::rule::LoadedRules;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// The longest key in S3.
    const MAX: usize = 1_024;

    /// A finding of a call that has `name` everywhere except in the group.
    fn finding(action: &str, group: &str, name: &str) -> Finding {
        let record = json!({
            "eventSource": "iam.amazonaws.com",
            "eventName": action,
            "eventID": "e-1",
            "eventTime": "2026-03-01T10:00:00Z",
            "recipientAccountId": "111122223333",
            "userIdentity": {"type": "IAMUser", "userName": name, "arn": name},
            "requestParameters": {
                "groupName": group, "userName": name, "newGroupName": name, "policyArn": name,
            },
        });
        let rule = Arc::clone(&LoadedRules::embedded().rules[0].info);
        let origin = Origin::Inline { envelope: "test".to_owned(), record: 0 };
        Finding::new(&rule, &Record::from_value(record).unwrap(), origin)
    }

    /// The keys of a finding, and the event parsed from each under its name.
    fn keys_and_events(
        finding: &Finding,
        names: &[&str],
        max_bytes: usize,
    ) -> Vec<(String, GroupEvent)> {
        let keys = group_keys(finding, finding.time.unwrap(), max_bytes);
        assert_eq!(keys.len(), names.len());
        let account = finding.account.as_deref();
        let parse = |(key, name): (String, &&str)| {
            let event = parse_group_key(key.strip_prefix(&group_folder(account, name))?, name);
            event.ok().map(|event| (key, event))
        };
        keys.into_iter().zip(names).map(parse).collect::<Option<_>>().unwrap()
    }

    #[test]
    fn a_key_is_parsed_as_the_event() {
        let policy = "arn:aws:iam::aws:policy/AdministratorAccess";
        let mut finding = finding("AttachGroupPolicy", "Admins", policy);
        finding.principal.label = "Deploy/deploy-7".to_owned();
        finding.exception = Some("ci".to_owned());
        let expected = format!(
            "by-group/111122223333/admins/20260301T100000Z-AttachGroupPolicy-{}-v1/ax/e-1/Admins/\
             Deploy%2Fdeploy-7/arn:aws:iam::aws:policy%2FAdministratorAccess",
            finding.id
        );
        let (key, event) = keys_and_events(&finding, &["Admins"], MAX).remove(0);
        assert_eq!(key, expected);
        let entry = TimelineEntry::from_finding(&finding).unwrap();
        assert_eq!(event, GroupEvent { id: finding.id, entry, complete: true });
    }

    #[test]
    fn a_renaming_is_under_both_names() {
        let mut finding = finding("UpdateGroup", "Temp", "Admins");
        let entry = TimelineEntry::from_finding(&finding).unwrap();
        for (_, event) in keys_and_events(&finding, &["Temp", "Admins"], MAX) {
            assert_eq!(event.entry, entry);
            assert_eq!(renaming(&event.entry), Some(("Temp", "Admins")));
            assert!(event.complete);
        }
        finding.ecs["event"]["outcome"] = json!("failure");
        let keys = group_keys(&finding, finding.time.unwrap(), MAX);
        assert_eq!(keys.len(), 1, "nothing was renamed");
    }

    #[test]
    fn a_groups_name_is_matched_in_any_case() {
        assert_eq!(group_folder(None, "ADMINS"), group_folder(None, "admins"));
        assert_ne!(group_folder(None, "admins"), group_folder(None, "admin"));
        for name in ["admins", "Admins", "ADMINS"] {
            let finding = finding("AddUserToGroup", name, "bob");
            let (key, event) = keys_and_events(&finding, &["aDMINS"], MAX).remove(0);
            assert_eq!(event.entry.group.as_deref(), Some(name), "{key}");
        }
        let same_name = finding("UpdateGroup", "admins", "Admins");
        let (key, event) = keys_and_events(&same_name, &["admins"], MAX).remove(0);
        assert_eq!(renaming(&event.entry), None, "{key}");
        assert_eq!(event.entry.object.as_deref(), Some("Admins"), "{key}");
    }

    #[test]
    fn every_name_that_iam_accepts_round_trips() {
        let longest = format!("{}+=,@_-", "X".repeat(122));
        for (action, names) in
            [("AddUserToGroup", vec![&*longest]), ("UpdateGroup", vec!["g", &longest])]
        {
            let finding = finding(action, names[0], &longest);
            for (key, event) in keys_and_events(&finding, &names, MAX - 301) {
                assert!(event.complete && key.len() <= MAX - 301, "{key}");
                assert_eq!(event.entry, TimelineEntry::from_finding(&finding).unwrap(), "{key}");
            }
        }
    }

    /// Returns true if a detail was read as it was written, or cut and marked as cut.
    fn is_text_or_cut(read: Option<&str>, text: Option<&str>) -> bool {
        let (Some(read), Some(text)) = (read, text) else { return true };
        read == text || read.strip_suffix('…').is_some_and(|kept| text.starts_with(kept))
    }

    proptest! {
        #[test]
        fn keys_fit_and_say_the_event_or_that_it_was_cut(
            action in "[A-Za-z]{1,30}|UpdateGroup",
            group in ".{1,200}",
            name in ".{1,200}|.{4000}",
            max_bytes in 723..=MAX,
        ) {
            let finding = finding(&action, &group, &name);
            let entry = TimelineEntry::from_finding(&finding).unwrap();
            let names = match renaming(&entry) {
                Some((old, new)) => vec![old, new],
                None => vec![&*group],
            };
            for (key, GroupEvent { id, entry: read, .. }) in
                keys_and_events(&finding, &names, max_bytes)
            {
                prop_assert!(key.len() <= max_bytes, "{} of {max_bytes}", key.len());
                for part in key.split('/') {
                    prop_assert!((1..=255).contains(&part.len()) && part != "..", "{key}");
                }
                for (read, text) in
                    [(&read.principal, &entry.principal), (&read.object, &entry.object)]
                {
                    prop_assert!(is_text_or_cut(read.as_deref(), text.as_deref()), "{key}");
                }
                prop_assert_eq!((read.time, &read.action), (entry.time, &action));
                prop_assert_eq!(&id, &finding.id);
            }
        }

        #[test]
        fn no_key_panics_and_details_of_another_form_are_tolerated(
            name in any::<String>(),
            tail in "(-v1)?(/[a-z~%]{0,4}){0,7}",
        ) {
            let _ = parse_group_key(&name, "Admins");
            let id = "0".repeat(64);
            let key = format!("20260301T100000Z-CreateGroup-{id}{tail}");
            prop_assert!(parse_group_key(&key, "Admins").is_ok());
        }
    }
}
