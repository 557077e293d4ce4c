//! What else a notification needs, which this program does not do: it connects to S3 and SNS only.

use detect::text::shell::ShellCommand;
use serde_json::{Value, json};
use trailbell::store::Target;

use super::{Attachment, Destination};

/// Something else that is needed, and the commands that show and create it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// What, and why.
    pub text: String,
    /// In order.
    pub commands: Vec<ShellCommand>,
}

/// The parts of an ARN that commands need.
struct Arn<'a> {
    partition: &'a str,
    region: &'a str,
    account: &'a str,
    name: &'a str,
}

/// Returns what else an attachment needs. `region` is the bucket's, if it is known.
pub fn needs(attachment: &Attachment, region: Option<&str>) -> Option<Need> {
    match &attachment.destination {
        Destination::EventBridge => Some(eventbridge_rule(attachment, region)),
        Destination::Target(target) => policy(attachment, target),
    }
}

impl Arn<'_> {
    fn parse(arn: &str) -> Option<Arn<'_>> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let [_, partition, _, region, account, name] = parts[..] else { return None };
        Some(Arn { partition, region, account, name })
    }
}

/// S3 checks the policy when the configuration is written.
fn policy(attachment: &Attachment, target: &Target) -> Option<Need> {
    let arn = Arn::parse(target.arn())?;
    let document = |action: &str| {
        let statement = statement(attachment, target, &arn, action);
        json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
    };
    let commands = match target {
        Target::Queue(_) => queue_commands(&arn, &document("sqs:SendMessage")),
        Target::Topic(topic) => topic_commands(topic, arn.region, &document("sns:Publish")),
        Target::Function(_) => return None,
    };
    let text = format!(
        "the policy of the {target} must allow the bucket to send to it, before S3 accepts the \
         configuration. The first command shows the policy; the second replaces it, so add the \
         statements that must stay"
    );
    Some(Need { text, commands })
}

fn statement(attachment: &Attachment, target: &Target, arn: &Arn<'_>, action: &str) -> Value {
    let owner = attachment.owner.as_deref().unwrap_or(arn.account);
    let bucket = format!("arn:{}:s3:::{}", arn.partition, attachment.bucket);
    json!({
        "Sid": "BucketNotifies",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": action,
        "Resource": target.arn(),
        "Condition": {
            "StringEquals": {"aws:SourceAccount": owner},
            "ArnLike": {"aws:SourceArn": bucket},
        },
    })
}

fn queue_commands(arn: &Arn<'_>, document: &str) -> Vec<ShellCommand> {
    let url = ShellCommand::new("aws sqs get-queue-url")
        .option("--queue-name", arn.name)
        .option("--region", arn.region)
        .option("--queue-owner-aws-account-id", arn.account)
        .words("--query=QueueUrl --output=text");
    let command = |words: &str| {
        ShellCommand::new(words)
            .words(&format!("--queue-url=\"$({url})\""))
            .option("--region", arn.region)
    };
    let attributes = json!({"Policy": document}).to_string();
    vec![
        command("aws sqs get-queue-attributes").words("--attribute-names=Policy"),
        command("aws sqs set-queue-attributes").option("--attributes", &attributes),
    ]
}

fn topic_commands(topic: &str, region: &str, document: &str) -> Vec<ShellCommand> {
    let command = |words: &str| {
        ShellCommand::new(words).option("--topic-arn", topic).option("--region", region)
    };
    vec![
        command("aws sns get-topic-attributes").words("--query=Attributes.Policy --output=text"),
        command("aws sns set-topic-attributes")
            .words("--attribute-name=Policy")
            .option("--attribute-value", document),
    ]
}

fn eventbridge_rule(attachment: &Attachment, region: Option<&str>) -> Need {
    let mut detail = json!({"bucket": {"name": [attachment.bucket]}});
    if !attachment.prefix.is_empty() {
        detail["object"] = json!({"key": [{"prefix": attachment.prefix}]});
    }
    let pattern =
        json!({"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail});
    let put_rule = ShellCommand::new("aws events put-rule --name=trailbell-objects")
        .optional("--region", region)
        .option("--event-pattern", &pattern.to_string());
    let put_targets = ShellCommand::new("aws events put-targets --rule=trailbell-objects")
        .optional("--region", region)
        .option("--targets", r#"[{"Id":"queue","Arn":"QUEUE_ARN"}]"#);
    let text = "a rule in EventBridge must forward the events to the queue, whose policy must \
                allow events.amazonaws.com to send to it. The stack has both if it knows \
                the bucket";
    Need { text: text.to_owned(), commands: vec![put_rule, put_targets] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands(destination: Destination, owner: Option<&str>) -> String {
        let (bucket, prefix) = ("example-logs".to_owned(), "it's/".to_owned());
        let attachment =
            Attachment { bucket, prefix, destination, owner: owner.map(str::to_owned) };
        let need = needs(&attachment, Some("eu-central-1")).unwrap();
        need.commands.iter().map(|command| format!("{command}\n")).collect()
    }

    #[test]
    fn commands_name_the_bucket_the_owner_and_the_region() {
        let queue = commands(
            Destination::Target(Target::Queue(
                "arn:aws-cn:sqs:cn-north-1:111122223333:q".to_owned(),
            )),
            None,
        );
        for part in [
            "--queue-url=\"$(aws sqs get-queue-url --queue-name=q --region=cn-north-1 \
             --queue-owner-aws-account-id=111122223333",
            r#"\"aws:SourceArn\":\"arn:aws-cn:s3:::example-logs\""#,
            r#"\"aws:SourceAccount\":\"111122223333\""#,
        ] {
            assert!(queue.contains(part), "{part} in {queue}");
        }
        let topic = Target::Topic("arn:aws:sns:eu-central-1:111122223333:t".to_owned());
        let topic = commands(Destination::Target(topic), Some("444455556666"));
        assert!(
            topic.contains(r#""aws:SourceAccount":"444455556666""#)
                && topic.contains("sns:Publish"),
            "{topic}"
        );
        let rule = commands(Destination::EventBridge, None);
        assert!(
            rule.contains(r#"{"prefix":"it'\''s/"}"#) && rule.contains("--region=eu-central-1"),
            "{rule}"
        );
    }
}
