//! What several calls have in common, in words.

use std::collections::BTreeSet;

use detect::finding::GroupAction::*;
use detect::finding::Member;
use detect::text::clean;

use crate::subject::MAX_SUBJECT;

/// Names in a sentence.
const MAX_NAME_CHARS: usize = 64;

/// Several calls, of which `members` are known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Story<'a> {
    pub(crate) members: &'a [Member],
    /// How many there are.
    pub(crate) count: usize,
    /// There can be more.
    pub(crate) is_least: bool,
    /// The rule that found them.
    pub(crate) rule_name: &'a str,
}

impl<'a> Story<'a> {
    /// Returns true if all calls are of one action and changed something.
    pub(crate) fn is_of_one_kind(self) -> bool {
        let is_group_action = |member: &Member| member.call.group_action().is_some();
        let changed = |member: &Member| !member.call.failed && is_group_action(member);
        self.members.iter().all(changed) && self.shared_action().is_some()
    }

    /// `24 more users added to Admins by mallory in 111122223333`, in printable ASCII, with names
    /// cut so that a subject has room for it and its severity. `more` is a word and a space, or
    /// nothing.
    pub(crate) fn subject(self, more: &str) -> String {
        fit_subject(|width| {
            let name = |name: &str| clean::ascii(name, width);
            format!("{} {}", self.what(&name, more), self.by_and_account(&name))
        })
    }

    /// The same for a sentence, with whole names.
    pub(crate) fn describe(self) -> String {
        let name = |name: &str| clean::short_name(name, MAX_NAME_CHARS);
        format!("{} {}", self.what(&name, ""), self.by_and_account(&name))
    }

    /// `by mallory in 111122223333`.
    pub(crate) fn by_and_account(self, name: &dyn Fn(&str) -> String) -> String {
        format!("{} {}", self.by(name), self.in_account(&|id| clean::ascii(id, 15)))
    }

    /// `in 111122223333`.
    pub(crate) fn in_account(self, name: &dyn Fn(&str) -> String) -> String {
        match self.shared(|member| member.account.as_deref()) {
            Some(account) => format!("in {}", name(account)),
            None => match self.distinct(|it| it.account.as_deref()) {
                0 | 1 => "in an unknown account".to_owned(),
                accounts => format!("in {accounts} accounts"),
            },
        }
    }

    /// `7 events`, or `at least 50 events`.
    pub(crate) fn events(self) -> String {
        format!("{} {}", self.count_in_words(), if self.count == 1 { "event" } else { "events" })
    }

    fn count_in_words(self) -> String {
        format!("{}{}", if self.is_least { "at least " } else { "" }, self.count)
    }

    /// Who made all of them, if it was one.
    pub(crate) fn principal(self) -> Option<&'a str> {
        self.shared(|member| Some(member.principal.as_str()))
    }

    /// `by mallory`.
    pub(crate) fn by(self, name: &dyn Fn(&str) -> String) -> String {
        match self.principal() {
            Some(principal) => format!("by {}", name(principal)),
            None => {
                format!("by {} principals", self.distinct(|it| Some(it.principal.as_str())))
            }
        }
    }

    fn what(self, name: &dyn Fn(&str) -> String, more: &str) -> String {
        let count = self.count;
        let group = match self.shared(|member| member.call.group.as_deref()) {
            Some(group) => name(group),
            None => format!("{} groups", self.distinct(|member| member.call.group.as_deref())),
        };
        let plural = |one: &'static str, many| if count == 1 { one } else { many };
        let action = self.shared_action();
        let group_action = self.members.first().and_then(|member| member.call.group_action());
        let text = match group_action.filter(|_| self.is_of_one_kind()) {
            Some(AddUser) => format!("{} added to {group}", plural("user", "users")),
            Some(RemoveUser) => format!("{} removed from {group}", plural("user", "users")),
            Some(Create) => format!("IAM {} created", plural("group", "groups")),
            Some(Delete) => format!("IAM {} deleted", plural("group", "groups")),
            Some(AttachPolicy) => format!("{} attached to {group}", plural("policy", "policies")),
            Some(DetachPolicy) => format!("{} detached from {group}", plural("policy", "policies")),
            Some(PutPolicy) => {
                format!("inline {} put in {group}", plural("policy", "policies"))
            }
            Some(DeletePolicy) => {
                format!("inline {} deleted from {group}", plural("policy", "policies"))
            }
            _ if self.members.iter().all(|member| member.call.failed) => {
                let action = action.map_or("IAM calls".to_owned(), name);
                format!("denied or failed: {action} on {group}")
            }
            _ => format!("{} ({})", plural("finding", "findings"), name(self.rule_name)),
        };
        format!("{} {more}{text}", self.count_in_words())
    }

    fn shared_action(self) -> Option<&'a str> {
        self.shared(|member| member.call.action.as_deref())
    }

    /// The value that all members have.
    fn shared(self, value: impl Fn(&'a Member) -> Option<&'a str>) -> Option<&'a str> {
        let first = self.members.first().and_then(&value)?;
        self.members.iter().all(|member| value(member) == Some(first)).then_some(first)
    }

    fn distinct(self, value: impl Fn(&'a Member) -> Option<&'a str>) -> usize {
        self.members.iter().map(value).collect::<BTreeSet<_>>().len()
    }
}

/// A text for a subject, whose names are at most so many characters of printable ASCII, no fewer
/// than needed.
pub(crate) fn fit_subject(text: impl Fn(usize) -> String) -> String {
    let room = MAX_SUBJECT - "[critical] ".len();
    let mut texts = (4..=MAX_NAME_CHARS).rev().map(&text);
    texts.find(|text| text.len() <= room).unwrap_or_else(|| text(4))
}
