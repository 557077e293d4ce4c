//! Links into the AWS console.

use detect::finding::GroupAction;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::call::AlertCall;

/// Everything except what a URL may hold anywhere.
/// Source: <https://www.rfc-editor.org/rfc/rfc3986#section-2.3>
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The same for keys of S3, whose folders stay readable.
const ENCODED_KEY: &AsciiSet = &ENCODED.remove(b'/');

/// Bytes of a name or an id: those of IAM and CloudTrail are no longer.
const MAX_NAME: usize = 128;

/// Bytes that they become at most: no name that AWS accepts has so many other characters.
const MAX_ENCODED: usize = 256;

/// One of AWS's partitions: accounts, ARNs and consoles of one mean nothing in another.
/// Source:
/// <https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html>
pub(crate) struct Partition {
    /// As in ARNs.
    pub(crate) name: &'static str,
    console_host: &'static str,
}

impl Partition {
    pub(crate) fn from_call(call: AlertCall<'_>) -> Partition {
        Partition::from_region(call.region())
    }

    pub(crate) fn from_region(region: Option<&str>) -> Partition {
        let (name, console_host) = match region {
            Some(region) if region.starts_with("cn-") => ("aws-cn", "console.amazonaws.cn"),
            Some(region) if region.starts_with("us-gov-") => {
                ("aws-us-gov", "console.amazonaws-us-gov.com")
            }
            _ => ("aws", "console.aws.amazon.com"),
        };
        Partition { name, console_host }
    }

    /// The ARN of AWS's own policy that denies everything.
    /// Source: <https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSDenyAll.html>
    pub(crate) fn deny_all_arn(&self) -> String {
        format!("arn:{}:iam::aws:policy/AWSDenyAll", self.name)
    }
}

/// The page of the group, under its present name. Returns `None` if the group was deleted.
pub(crate) fn group_page(call: AlertCall<'_>) -> Option<String> {
    let is_deleted = call.group_action()? == GroupAction::Delete && !call.failed();
    let name = call.current_group().filter(|_| !is_deleted).and_then(encode)?;
    let host = Partition::from_call(call).console_host;
    Some(format!("https://{host}/iam/home#/groups/details/{name}"))
}

/// The page of the record in CloudTrail's event history, which reaches back 90 days.
pub(crate) fn event_page(call: AlertCall<'_>) -> Option<String> {
    let id = call.event_id().and_then(encode)?;
    let region = call.region().filter(|region| is_host_label(region))?;
    let host = Partition::from_call(call).console_host;
    Some(format!("https://{region}.{host}/cloudtrailv2/home?region={region}#/events/{id}"))
}

/// The page of an object of S3, where readers sign in and see what they may see. `region` is that of
/// the bucket.
pub fn object_page(bucket: &str, key: &str, region: Option<&str>) -> String {
    let region = region.filter(|region| is_host_label(region));
    let host = Partition::from_region(region).console_host;
    let prefix = region.map(|region| format!("{region}.")).unwrap_or_default();
    let bucket = utf8_percent_encode(bucket, ENCODED);
    let key = utf8_percent_encode(key, ENCODED_KEY);
    format!("https://{prefix}{host}/s3/object/{bucket}?prefix={key}")
}

fn encode(text: &str) -> Option<String> {
    let encoded = (text.len() <= MAX_NAME).then(|| utf8_percent_encode(text, ENCODED).to_string());
    encoded.filter(|encoded| encoded.len() <= MAX_ENCODED)
}

fn is_host_label(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= 32 && text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Accounts;
    use crate::tests::fixture::{document, finding};

    #[test]
    fn links_lead_to_the_console_of_the_partition() {
        for (region, host, event_host) in [
            ("us-east-1", "console.aws.amazon.com", Some("us-east-1.console.aws.amazon.com")),
            ("cn-north-1", "console.amazonaws.cn", Some("cn-north-1.console.amazonaws.cn")),
            (
                "us-gov-west-1",
                "console.amazonaws-us-gov.com",
                Some("us-gov-west-1.console.amazonaws-us-gov.com"),
            ),
            ("example.com/x?", "console.aws.amazon.com", None),
        ] {
            let mut ecs = document("CreateGroup");
            ecs["cloud"]["region"] = json!(region);
            let finding = finding(ecs);
            let accounts = Accounts::default();
            let call = AlertCall::new(&finding, &accounts);
            let group = format!("https://{host}/iam/home#/groups/details/Admins");
            assert_eq!(group_page(call), Some(group));
            let event = event_host.map(|host| {
                format!("https://{host}/cloudtrailv2/home?region={region}#/events/e-1")
            });
            assert_eq!(event_page(call), event);
        }
    }

    #[test]
    fn an_object_has_a_page_for_those_who_sign_in() {
        for (bucket, key, region, url) in [
            (
                "reports",
                "a/b c.html",
                Some("eu-west-1"),
                "https://eu-west-1.console.aws.amazon.com/s3/object/reports?prefix=a/b%20c.html",
            ),
            (
                "reports",
                "x&y#z\n",
                Some("cn-north-1"),
                "https://cn-north-1.console.amazonaws.cn/s3/object/reports?prefix=x%26y%23z%0A",
            ),
            ("b?c", "k", Some("a.b/"), "https://console.aws.amazon.com/s3/object/b%3Fc?prefix=k"),
            ("b", "k", None, "https://console.aws.amazon.com/s3/object/b?prefix=k"),
        ] {
            assert_eq!(object_page(bucket, key, region), url);
        }
    }

    #[test]
    fn a_name_is_one_segment_of_the_path_or_there_is_no_link() {
        for (action, name, encoded) in [
            ("AddUserToGroup", "a+b=c,d@e", Some("a%2Bb%3Dc%2Cd%40e")),
            ("AddUserToGroup", "x/../y?z#w\n", Some("x%2F..%2Fy%3Fz%23w%0A")),
            ("AddUserToGroup", "\u{202e}", Some("%E2%80%AE")),
            ("UpdateGroup", "old", Some("Readers")),
            ("DeleteGroup", "gone", None),
            ("AddUserToGroup", &"x".repeat(129), None),
        ] {
            let mut ecs = document(action);
            ecs["group"]["name"] = json!(name);
            let finding = finding(ecs);
            let accounts = Accounts::default();
            let link = encoded.map(|name| {
                format!("https://console.aws.amazon.com/iam/home#/groups/details/{name}")
            });
            assert_eq!(group_page(AlertCall::new(&finding, &accounts)), link, "{action} {name:?}");
        }
    }
}
