//! The kind of a call, by its name: `event.category` and `event.type`.
//!
//! Source: Elastic's CloudTrail pipeline, which has the same table for all services:
//! <https://github.com/elastic/integrations/tree/main/packages/aws/data_stream/cloudtrail/elasticsearch/ingest_pipeline>

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

/// The kind of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Category {
    /// `event.category`. `None` for most calls.
    pub category: Option<&'static str>,
    /// `event.type`.
    pub types: &'static [&'static str],
}

/// The kind of the call with this `eventName`. One that is not in the table has the type `info` and
/// no category.
pub fn category_of_call(name: Option<&str>) -> Category {
    let known = name.and_then(|name| CATEGORIES.get(name)).copied();
    known.unwrap_or(Category { category: None, types: &["info"] })
}

/// Every value that `event.category`, `event.type` or `event.outcome` can have; `None` for other
/// fields.
pub(crate) fn known_values(field: &str) -> Option<BTreeSet<&'static str>> {
    match field {
        "event.category" => Some(TABLE.iter().map(|(category, ..)| *category).collect()),
        "event.type" => {
            let types = TABLE.iter().flat_map(|(_, types, _)| *types);
            Some(types.chain(category_of_call(None).types).copied().collect())
        }
        "event.outcome" => Some(BTreeSet::from(["failure", "success"])),
        _ => None,
    }
}

static CATEGORIES: LazyLock<HashMap<&str, Category>> = LazyLock::new(|| {
    let categories = TABLE.iter().flat_map(|(category, types, names)| {
        let category = Category { category: Some(category), types };
        names.split(' ').map(move |name| (name, category))
    });
    categories.collect()
});

/// Category, types, and names of calls. `DeleteObject` has the type `delete`, not `deletion`.
const TABLE: [(&str, &[&str], &str); 33] = [
    ("iam", &["group", "creation"], "CreateGroup"),
    ("iam", &["group", "deletion"], "DeleteGroup"),
    (
        "iam",
        &["group", "change"],
        "AddUserToGroup AttachGroupPolicy DeleteGroupPolicy DetachGroupPolicy PutGroupPolicy \
         RemoveUserFromGroup UpdateGroup",
    ),
    (
        "iam",
        &["group", "info"],
        "GetGroup GetGroupPolicy ListAttachedGroupPolicies ListGroupPolicies ListGroups",
    ),
    ("iam", &["user", "creation"], "CreateUser"),
    ("iam", &["user", "deletion"], "DeleteUser"),
    (
        "iam",
        &["user", "change"],
        "AttachUserPolicy ChangePassword CreateAccessKey CreateVirtualMFADevice \
         DeactivateMFADevice DeleteAccessKey DeleteSSHPublicKey DeleteUserPermissionsBoundary \
         DeleteUserPolicy DeleteVirtualMFADevice DetachUserPolicy EnableMFADevice \
         PutUserPermissionsBoundary PutUserPolicy TagUser UntagUser UpdateAccessKey \
         UpdateLoginProfile UpdateSSHPublicKey UpdateUser",
    ),
    (
        "iam",
        &["user", "info"],
        "GetUser GetUserPolicy ListAttachedUserPolicies ListGroupsForUser ListUserPolicies \
         ListUsers ListUserTags",
    ),
    ("iam", &["admin", "creation"], "CreateKeyPair"),
    (
        "iam",
        &["admin", "change"],
        "SetDefaultPolicyVersion SetSecurityTokenServicePreferences \
         UpdateAccountPasswordPolicy UpdateRole",
    ),
    ("iam", &["creation"], "CreatePolicy"),
    ("iam", &["change"], "AttachRolePolicy"),
    ("iam", &["info"], "GetPolicy ListAttachedRolePolicies ListRoles"),
    ("authentication", &["info"], "AssumeRole ConsoleLogin GetCallerIdentity"),
    ("file", &["creation"], "CreateBucket CreateDocument"),
    ("file", &["deletion"], "DeleteBucket"),
    ("file", &["delete"], "DeleteObject"),
    ("file", &["change"], "PutObject"),
    ("file", &["info"], "GetObject HeadObject ListBuckets ListObjects"),
    ("host", &["info"], "DescribeInstances DescribeVolumes ListInstanceAssociations"),
    (
        "network",
        &["info"],
        "DescribeLoadBalancers DescribeNetworkAcls DescribeNetworkInterfaces \
         DescribeSecurityGroups DescribeVpcs",
    ),
    ("network", &["access"], "AuthorizeSecurityGroupIngress"),
    ("database", &["info"], "DescribeDBInstances ListTables"),
    ("configuration", &["creation"], "CreateTopic"),
    ("configuration", &["deletion"], "DeleteTrail"),
    ("configuration", &["change"], "Subscribe"),
    ("configuration", &["info"], "DescribeTrails"),
    ("package", &["info"], "ListFunctions"),
    (
        "session",
        &["start"],
        "CreateControlChannel CreateDataChannel OpenControlChannel OpenDataChannel \
         StartSession",
    ),
    ("session", &["end"], "TerminateSession"),
    ("api", &["info"], "DescribeRegions"),
    ("api", &[], "Converse Publish"),
    ("process", &[], "SendCommand"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_determines_category_and_types() {
        let cases: [(Option<&str>, Option<&str>, &[&str]); 9] = [
            (Some("CreateGroup"), Some("iam"), &["group", "creation"]),
            (Some("DeleteGroup"), Some("iam"), &["group", "deletion"]),
            (Some("AddUserToGroup"), Some("iam"), &["group", "change"]),
            (Some("GetGroup"), Some("iam"), &["group", "info"]),
            (Some("ListGroupsForUser"), Some("iam"), &["user", "info"]),
            (Some("ConsoleLogin"), Some("authentication"), &["info"]),
            (Some("SendCommand"), Some("process"), &[]),
            (Some("createGroup"), None, &["info"]),
            (None, None, &["info"]),
        ];
        for (name, category, types) in cases {
            assert_eq!(category_of_call(name), Category { category, types }, "{name:?}");
        }
    }
}
