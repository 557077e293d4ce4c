//! Links into the AWS console.

use detect::finding::GroupAction;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::call::AlertCall;

/// Everything but what a URL may hold anywhere.
/// Source: <https://www.rfc-editor.org/rfc/rfc3986#section-2.3>
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Characters of a name or an id: IAM and CloudTrail give no longer ones.
const LONGEST: usize = 128;

/// AWS's partitions: accounts, ARNs and consoles of one mean nothing in another.
/// Source:
/// <https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Partition {
    Aws,
    China,
    GovCloud,
}

impl Partition {
    /// That of the region of the call.
    pub(super) fn of(call: AlertCall<'_>) -> Partition {
        match call.fields.text("cloud.region") {
            Some(region) if region.starts_with("cn-") => Partition::China,
            Some(region) if region.starts_with("us-gov-") => Partition::GovCloud,
            _ => Partition::Aws,
        }
    }

    /// As ARNs have it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Partition::Aws => "aws",
            Partition::China => "aws-cn",
            Partition::GovCloud => "aws-us-gov",
        }
    }

    fn console(self) -> &'static str {
        match self {
            Partition::Aws => "console.aws.amazon.com",
            Partition::China => "console.amazonaws.cn",
            Partition::GovCloud => "console.amazonaws-us-gov.com",
        }
    }
}

/// The page of the group, under the name that it has now; absent where there is no group any more.
pub(super) fn group(call: AlertCall<'_>) -> Option<String> {
    let deleted = call.group_action()? == GroupAction::Delete && !call.failed();
    let name = call.current_group().filter(|_| !deleted).and_then(encoded)?;
    Some(format!("https://{}/iam/home#/groups/details/{name}", Partition::of(call).console()))
}

/// The page of the record in CloudTrail's event history, which reaches back 90 days.
pub(super) fn event(call: AlertCall<'_>) -> Option<String> {
    let id = call.fields.text("event.id").and_then(encoded)?;
    let region = call.fields.text("cloud.region").filter(|region| is_region(region))?;
    let host = Partition::of(call).console();
    Some(format!("https://{region}.{host}/cloudtrailv2/home?region={region}#/events/{id}"))
}

fn encoded(text: &str) -> Option<String> {
    (text.chars().count() <= LONGEST).then(|| utf8_percent_encode(text, ENCODED).to_string())
}

/// It becomes a part of the host's name.
fn is_region(text: &str) -> bool {
    text.len() <= 32
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Accounts;
    use crate::tests::fixture::{document, finding};

    #[test]
    fn links_lead_to_the_console_of_the_partition() {
        for (region, group_page, event_page) in [
            (
                "us-east-1",
                "https://console.aws.amazon.com/iam/home#/groups/details/Admins",
                Some(
                    "https://us-east-1.console.aws.amazon.com/cloudtrailv2/home?region=us-east-1#/events/e-1",
                ),
            ),
            (
                "cn-north-1",
                "https://console.amazonaws.cn/iam/home#/groups/details/Admins",
                Some(
                    "https://cn-north-1.console.amazonaws.cn/cloudtrailv2/home?region=cn-north-1#/events/e-1",
                ),
            ),
            (
                "us-gov-west-1",
                "https://console.amazonaws-us-gov.com/iam/home#/groups/details/Admins",
                Some(
                    "https://us-gov-west-1.console.amazonaws-us-gov.com/cloudtrailv2/home?region=us-gov-west-1#/events/e-1",
                ),
            ),
            (
                "example.com/x?",
                "https://console.aws.amazon.com/iam/home#/groups/details/Admins",
                None,
            ),
        ] {
            let mut ecs = document("CreateGroup");
            ecs["cloud"]["region"] = json!(region);
            let (finding, accounts) = (finding(ecs), Accounts::default());
            let call = AlertCall::new(&finding, &accounts);
            assert_eq!(
                (group(call).as_deref(), event(call).as_deref()),
                (Some(group_page), event_page),
                "{region}"
            );
        }
    }

    #[test]
    fn a_name_is_one_part_of_the_path_or_there_is_no_link() {
        for (action, name, expected) in [
            ("AddUserToGroup", "a+b=c,d@e", Some("a%2Bb%3Dc%2Cd%40e")),
            ("AddUserToGroup", "x/../y?z#w\n", Some("x%2F..%2Fy%3Fz%23w%0A")),
            ("AddUserToGroup", "\u{202e}", Some("%E2%80%AE")),
            ("UpdateGroup", "old", Some("Readers")),
            ("DeleteGroup", "gone", None),
            ("AddUserToGroup", &"x".repeat(129), None),
        ] {
            let mut ecs = document(action);
            ecs["group"]["name"] = json!(name);
            let (finding, accounts) = (finding(ecs), Accounts::default());
            let link = expected.map(|end| {
                format!("https://console.aws.amazon.com/iam/home#/groups/details/{end}")
            });
            assert_eq!(group(AlertCall::new(&finding, &accounts)), link, "{action} {name:?}");
        }
    }
}
