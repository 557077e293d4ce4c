//! What kind of call it was, told from its name alone: `event.category` and `event.type`.
//!
//! The table holds the names that Elastic's CloudTrail pipeline knows, whichever service the call
//! was made to:
//! <https://github.com/elastic/integrations/tree/main/packages/aws/data_stream/cloudtrail/elasticsearch/ingest_pipeline>

/// The `event.category` (absent for most names) and the `event.type`s of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Category {
    pub(super) category: Option<&'static str>,
    pub(super) types: &'static [&'static str],
}

/// What `eventName` says. A name that is not in the table is of type `info` and has no category.
pub(super) fn of(action: Option<&str>) -> Category {
    let known = action.and_then(|name| iam(name).or_else(|| elsewhere(name)));
    let (category, types) = match known {
        Some((category, types)) => (Some(category), types),
        None => (None, &["info"][..]),
    };
    Category { category, types }
}

type Known = Option<(&'static str, &'static [&'static str])>;

fn iam(name: &str) -> Known {
    let types: &[&str] = match name {
        "CreateGroup" => &["group", "creation"],
        "DeleteGroup" => &["group", "deletion"],
        "AddUserToGroup"
        | "AttachGroupPolicy"
        | "DeleteGroupPolicy"
        | "DetachGroupPolicy"
        | "PutGroupPolicy"
        | "RemoveUserFromGroup"
        | "UpdateGroup" => &["group", "change"],
        "GetGroup"
        | "GetGroupPolicy"
        | "ListAttachedGroupPolicies"
        | "ListGroupPolicies"
        | "ListGroups" => &["group", "info"],
        "CreateUser" => &["user", "creation"],
        "DeleteUser" => &["user", "deletion"],
        "AttachUserPolicy"
        | "ChangePassword"
        | "CreateAccessKey"
        | "CreateVirtualMFADevice"
        | "DeactivateMFADevice"
        | "DeleteAccessKey"
        | "DeleteSSHPublicKey"
        | "DeleteUserPermissionsBoundary"
        | "DeleteUserPolicy"
        | "DeleteVirtualMFADevice"
        | "DetachUserPolicy"
        | "EnableMFADevice"
        | "PutUserPermissionsBoundary"
        | "PutUserPolicy"
        | "TagUser"
        | "UntagUser"
        | "UpdateAccessKey"
        | "UpdateLoginProfile"
        | "UpdateSSHPublicKey"
        | "UpdateUser" => &["user", "change"],
        "GetUser"
        | "GetUserPolicy"
        | "ListAttachedUserPolicies"
        | "ListGroupsForUser"
        | "ListUserPolicies"
        | "ListUsers"
        | "ListUserTags" => &["user", "info"],
        "CreateKeyPair" => &["admin", "creation"],
        "SetDefaultPolicyVersion"
        | "SetSecurityTokenServicePreferences"
        | "UpdateAccountPasswordPolicy"
        | "UpdateRole" => &["admin", "change"],
        "CreatePolicy" => &["creation"],
        "AttachRolePolicy" => &["change"],
        "GetPolicy" | "ListAttachedRolePolicies" | "ListRoles" => &["info"],
        _ => return None,
    };
    Some(("iam", types))
}

/// `DeleteObject` is of type `delete` there, not `deletion`; three calls have a category and no
/// type.
fn elsewhere(name: &str) -> Known {
    let known: (&str, &[&str]) = match name {
        "AssumeRole" | "ConsoleLogin" | "GetCallerIdentity" => ("authentication", &["info"]),
        "CreateBucket" | "CreateDocument" => ("file", &["creation"]),
        "DeleteBucket" => ("file", &["deletion"]),
        "DeleteObject" => ("file", &["delete"]),
        "PutObject" => ("file", &["change"]),
        "GetObject" | "HeadObject" | "ListBuckets" | "ListObjects" => ("file", &["info"]),
        "DescribeInstances" | "DescribeVolumes" | "ListInstanceAssociations" => ("host", &["info"]),
        "DescribeLoadBalancers"
        | "DescribeNetworkAcls"
        | "DescribeNetworkInterfaces"
        | "DescribeSecurityGroups"
        | "DescribeVpcs" => ("network", &["info"]),
        "AuthorizeSecurityGroupIngress" => ("network", &["access"]),
        "DescribeDBInstances" | "ListTables" => ("database", &["info"]),
        "CreateTopic" => ("configuration", &["creation"]),
        "DeleteTrail" => ("configuration", &["deletion"]),
        "Subscribe" => ("configuration", &["change"]),
        "DescribeTrails" => ("configuration", &["info"]),
        "ListFunctions" => ("package", &["info"]),
        "CreateControlChannel"
        | "CreateDataChannel"
        | "OpenControlChannel"
        | "OpenDataChannel"
        | "StartSession" => ("session", &["start"]),
        "TerminateSession" => ("session", &["end"]),
        "DescribeRegions" => ("api", &["info"]),
        "Converse" | "Publish" => ("api", &[]),
        "SendCommand" => ("process", &[]),
        _ => return None,
    };
    Some(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_category_and_types() {
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
            assert_eq!(of(name), Category { category, types }, "{name:?}");
        }
    }
}
