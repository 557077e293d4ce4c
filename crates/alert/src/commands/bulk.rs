//! What reverts many calls of one kind: a loop over the names that differ.

use detect::finding::GroupAction::{self, *};
use detect::finding::{CallBrief, Member};
use detect::text::shell::quote_word;

use super::{ResponseCommand, ResponseStep, name_or};
use crate::call::AlertCall;
use crate::console::Partition;

/// Calls from which on a loop takes the place of single commands.
const MIN_CALLS: usize = 2;

/// One of several calls that are reverted together.
#[derive(Debug, Clone)]
pub(crate) struct BulkCall<'a> {
    account: Option<&'a str>,
    region: Option<&'a str>,
    call: CallBrief,
}

impl<'a> BulkCall<'a> {
    pub(crate) fn from_call(call: AlertCall<'a>) -> BulkCall<'a> {
        BulkCall { account: call.account(), region: call.region(), call: call.brief() }
    }

    pub(crate) fn from_member(member: &'a Member) -> BulkCall<'a> {
        BulkCall {
            account: member.account.as_deref(),
            region: member.region.as_deref(),
            call: member.call.clone(),
        }
    }
}

/// Calls of one action on one group of one account, or on groups of one account.
struct Bulk<'a> {
    account: Option<&'a str>,
    region: Option<&'a str>,
    action: GroupAction,
    group: Option<String>,
    objects: Vec<String>,
}

/// Words and a command for a bulk.
struct Reversal {
    purpose: String,
    /// Without the option that differs.
    command: ResponseCommand,
    option: &'static str,
}

/// Steps that revert all calls that changed something, as far as one command each does.
pub(crate) fn revert_all(calls: &[BulkCall<'_>]) -> Vec<ResponseStep> {
    let bulks = bulks(calls);
    let accounts = bulks.iter().any(|bulk| bulk.account != bulks[0].account);
    bulks.iter().flat_map(|bulk| bulk.steps(accounts)).collect()
}

/// What reverts several calls, of which the latest is the first.
pub(crate) struct BulkReversals<'a> {
    bulks: Vec<Bulk<'a>>,
}

impl<'a> BulkReversals<'a> {
    pub(crate) fn new(latest_first: &[BulkCall<'a>]) -> BulkReversals<'a> {
        let mut bulks = bulks(latest_first);
        bulks.iter_mut().for_each(|bulk| bulk.objects.reverse());
        BulkReversals { bulks }
    }

    /// The steps that revert this call and others together: in place of its own for the latest of
    /// them, none for the others. Returns `None` if it is reverted by itself.
    pub(crate) fn steps(&self, call: &BulkCall<'_>) -> Option<Vec<ResponseStep>> {
        let bulk = self.bulks.iter().find(|bulk| bulk.includes(call))?;
        let is_latest = bulk.objects.last() == differing_name(&call.call).as_ref();
        let has_accounts = self.bulks.iter().any(|other| other.account != bulk.account);
        Some(if is_latest { bulk.steps(has_accounts) } else { Vec::new() })
    }
}

/// The bulks, in the order of their first calls.
fn bulks<'a>(calls: &[BulkCall<'a>]) -> Vec<Bulk<'a>> {
    let mut bulks: Vec<Bulk<'a>> = Vec::new();
    for call in calls {
        let Some(object) = differing_name(&call.call) else { continue };
        let bulk = match bulks.iter_mut().find(|bulk| bulk.includes(call)) {
            Some(bulk) => bulk,
            None => {
                let Some(action) = call.call.group_action() else { continue };
                let group = shared_group(&call.call);
                let BulkCall { account, region, .. } = *call;
                bulks.push(Bulk { account, region, action, group, objects: Vec::new() });
                let Some(last) = bulks.last_mut() else { continue };
                last
            }
        };
        if !bulk.objects.contains(&object) {
            bulk.objects.push(object);
        }
    }
    bulks.retain(|bulk| bulk.objects.len() >= MIN_CALLS);
    bulks
}

/// The name that differs among calls of a bulk. `None` if the call is not reverted in bulk.
fn differing_name(call: &CallBrief) -> Option<String> {
    match call.group_action().filter(|_| !call.failed)? {
        Create | Delete => call.group.clone(),
        AddUser | RemoveUser | AttachPolicy | DetachPolicy | PutPolicy => call.object.clone(),
        Update | DeletePolicy => None,
    }
}

fn shared_group(call: &CallBrief) -> Option<String> {
    match call.group_action() {
        Some(Create | Delete) => None,
        _ => call.group.clone(),
    }
}

impl Bulk<'_> {
    fn includes(&self, call: &BulkCall<'_>) -> bool {
        self.account == call.account
            && Some(self.action) == call.call.group_action()
            && !call.call.failed
            && self.group == shared_group(&call.call)
    }

    fn steps(&self, has_accounts: bool) -> Vec<ResponseStep> {
        let (names, unquotable) = self.quoted_names();
        let reversals = self.reversal().into_iter().chain(self.stop_users());
        reversals
            .flat_map(|Reversal { mut purpose, command, option }| {
                if has_accounts {
                    purpose += &format!(" In account {}.", name_or(self.account, "unknown"));
                }
                if unquotable > 0 {
                    purpose += &format!(" {unquotable} have names that cannot be pasted.");
                }
                let loops = command.for_each(option, &names);
                loops.into_iter().map(move |command| ResponseStep::run(&purpose, command))
            })
            .collect()
    }

    /// The users who were added may be in the hands of the one who added them.
    fn stop_users(&self) -> Option<Reversal> {
        let deny_all = Partition::from_region(self.region).deny_all_arn();
        let users = all_of(self.objects.len(), "users");
        (self.action == AddUser).then(|| Reversal {
            purpose: format!("Stop {users}, open sessions too, if they are not known."),
            command: ResponseCommand::new("aws iam attach-user-policy")
                .option("--policy-arn", Some(&deny_all)),
            option: "--user-name",
        })
    }

    fn quoted_names(&self) -> (Vec<String>, usize) {
        let quoted = self.objects.iter().filter_map(|name| quote_word(name).ok());
        let quoted: Vec<String> = quoted.filter(|name| name.len() <= 256).collect();
        let unquotable = self.objects.len() - quoted.len();
        (quoted, unquotable)
    }

    fn reversal(&self) -> Option<Reversal> {
        let what = match self.action {
            Create | Delete => "groups",
            AddUser | RemoveUser => "users",
            PutPolicy => "inline policies",
            _ => "policies",
        };
        let all = all_of(self.objects.len(), what);
        let group = name_or(self.group.as_deref(), "the group");
        let (purpose, words, option) = match self.action {
            Create => {
                let purpose = format!("Delete {all}, once they are empty.");
                (purpose, "aws iam delete-group", "--group-name")
            }
            Delete => (format!("Create {all} again."), "aws iam create-group", "--group-name"),
            AddUser => {
                let purpose = format!("Take {all} out of {group}.");
                (purpose, "aws iam remove-user-from-group", "--user-name")
            }
            RemoveUser => {
                let purpose = format!("Add {all} to {group} again.");
                (purpose, "aws iam add-user-to-group", "--user-name")
            }
            AttachPolicy => {
                let purpose = format!("Detach {all} from {group}.");
                (purpose, "aws iam detach-group-policy", "--policy-arn")
            }
            DetachPolicy => {
                let purpose = format!("Attach {all} to {group} again.");
                (purpose, "aws iam attach-group-policy", "--policy-arn")
            }
            PutPolicy => {
                let purpose = format!("Delete {all} of {group}.");
                (purpose, "aws iam delete-group-policy", "--policy-name")
            }
            Update | DeletePolicy => return None,
        };
        let command = ResponseCommand::new(words);
        let command = match self.action {
            Create | Delete => command,
            _ => command.option("--group-name", self.group.as_deref()),
        };
        Some(Reversal { purpose, command, option })
    }
}

/// `both users` or `all 25 users`.
fn all_of(count: usize, what: &str) -> String {
    if count == 2 { format!("both {what}") } else { format!("all {count} {what}") }
}
