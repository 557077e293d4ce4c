//! What an attachment needs besides, and what this program has no hand in: S3 and SNS are all it
//! talks to.

use detect::text::shell::ShellCommand;
use serde_json::{Value, json};
use trailbell::store::Target;

use super::{Attachment, Way};

/// Something that must be there besides, and the commands that show and make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// What, and why.
    pub what: String,
    /// In their order.
    pub commands: Vec<ShellCommand>,
}

/// The parts of an ARN that commands need.
struct Arn<'a> {
    partition: &'a str,
    region: &'a str,
    account: &'a str,
    name: &'a str,
}

/// What an attachment needs besides. `region` is the bucket's, where it is known.
pub fn needs(attachment: &Attachment, region: Option<&str>) -> Vec<Need> {
    match &attachment.way {
        Way::EventBridge => vec![rule(attachment, region)],
        Way::To(target) => policy(attachment, target).into_iter().collect(),
    }
}

impl Arn<'_> {
    fn parse(arn: &str) -> Option<Arn<'_>> {
        let mut parts = arn.splitn(6, ':').skip(1);
        let (partition, _service) = (parts.next()?, parts.next()?);
        Some(Arn { partition, region: parts.next()?, account: parts.next()?, name: parts.next()? })
    }
}

/// S3 checks it when the configuration is written: so it comes first.
fn policy(attachment: &Attachment, target: &Target) -> Option<Need> {
    let arn = Arn::parse(target.arn())?;
    let document = |action: &str| {
        let statement = statement(attachment, target, &arn, action);
        json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
    };
    let commands = match target {
        Target::Queue(_) => queue_commands(&arn, &document("sqs:SendMessage")),
        Target::Topic(whole) => topic_commands(&arn, whole, &document("sns:Publish")),
        Target::Function(_) => return None,
    };
    let what = format!(
        "the policy of the {target} must let the bucket send to it, before S3 takes the configuration. The first command \
         shows what it is; the second replaces it, so add the statements that are to stay"
    );
    Some(Need { what, commands })
}

fn statement(attachment: &Attachment, target: &Target, arn: &Arn<'_>, action: &str) -> Value {
    let owner = attachment.owner.as_deref().unwrap_or(arn.account);
    json!({
        "Sid": "BucketNotifies",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": action,
        "Resource": target.arn(),
        "Condition": {
            "StringEquals": {"aws:SourceAccount": owner},
            "ArnLike": {"aws:SourceArn": format!("arn:{}:s3:::{}", arn.partition, attachment.bucket)},
        },
    })
}

fn queue_commands(arn: &Arn<'_>, document: &str) -> Vec<ShellCommand> {
    let url = ShellCommand::new("aws sqs get-queue-url")
        .option("--queue-name", arn.name)
        .option("--region", arn.region);
    let url = url
        .option("--queue-owner-aws-account-id", arn.account)
        .words("--query=QueueUrl --output=text");
    let of_queue = |words: &str| {
        ShellCommand::new(words)
            .words(&format!("--queue-url=\"$({url})\""))
            .option("--region", arn.region)
    };
    let attributes = json!({"Policy": document}).to_string();
    vec![
        of_queue("aws sqs get-queue-attributes").words("--attribute-names=Policy"),
        of_queue("aws sqs set-queue-attributes").option("--attributes", &attributes),
    ]
}

fn topic_commands(arn: &Arn<'_>, whole: &str, document: &str) -> Vec<ShellCommand> {
    let of_topic = |words: &str| {
        ShellCommand::new(words).option("--topic-arn", whole).option("--region", arn.region)
    };
    let write = of_topic("aws sns set-topic-attributes").words("--attribute-name=Policy");
    vec![
        of_topic("aws sns get-topic-attributes").words("--query=Attributes.Policy --output=text"),
        write.option("--attribute-value", document),
    ]
}

fn rule(attachment: &Attachment, region: Option<&str>) -> Need {
    let mut detail = json!({"bucket": {"name": [attachment.bucket]}});
    if !attachment.prefix.is_empty() {
        detail["object"] = json!({"key": [{"prefix": attachment.prefix}]});
    }
    let pattern =
        json!({"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail})
            .to_string();
    let named =
        |words: &str, option: &str| ShellCommand::new(words).option(option, "trailbell-objects");
    let put = named("aws events put-rule", "--name")
        .optional("--region", region)
        .option("--event-pattern", &pattern);
    let targets = r#"[{"Id":"queue","Arn":"QUEUE_ARN"}]"#;
    let lead = named("aws events put-targets", "--rule")
        .optional("--region", region)
        .option("--targets", targets);
    let what = "a rule in EventBridge must lead the events on, to the queue (in place of QUEUE_ARN) whose policy lets \
                events.amazonaws.com send to it. The stack makes both, if it was given the bucket"
        .to_owned();
    Need { what, commands: vec![put, lead] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(way: Way, owner: Option<&str>) -> String {
        let (bucket, prefix) = ("example-logs".to_owned(), "it's/".to_owned());
        let attachment = Attachment { bucket, prefix, way, owner: owner.map(str::to_owned) };
        let needs = needs(&attachment, Some("eu-central-1"));
        needs.iter().flat_map(|need| &need.commands).map(|command| format!("{command}\n")).collect()
    }

    #[test]
    fn commands_name_the_bucket_the_owner_and_the_region() {
        let queue = told(
            Way::To(Target::Queue("arn:aws-cn:sqs:cn-north-1:111122223333:q".to_owned())),
            None,
        );
        for part in [
            "--queue-url=\"$(aws sqs get-queue-url --queue-name=q --region=cn-north-1 --queue-owner-aws-account-id=111122223333",
            r#"\"aws:SourceArn\":\"arn:aws-cn:s3:::example-logs\""#,
            r#"\"aws:SourceAccount\":\"111122223333\""#,
        ] {
            assert!(queue.contains(part), "{part} in {queue}");
        }
        let topic = Target::Topic("arn:aws:sns:eu-central-1:111122223333:t".to_owned());
        let topic = told(Way::To(topic), Some("444455556666"));
        assert!(
            topic.contains(r#""aws:SourceAccount":"444455556666""#)
                && topic.contains("sns:Publish"),
            "{topic}"
        );
        let rule = told(Way::EventBridge, None);
        assert!(
            rule.contains(r#"{"prefix":"it'\''s/"}"#) && rule.contains("--region=eu-central-1"),
            "{rule}"
        );
    }
}
