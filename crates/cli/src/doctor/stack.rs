//! The settings of a stack, from its parameters and outputs.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;

use super::ExpectedTarget;

/// The settings of the function in a stack.
#[derive(Debug, Default, PartialEq)]
pub struct StackSettings {
    variables: Vec<(&'static str, String)>,
    /// What the bucket must notify, if the stack decides it.
    pub notification: Option<ExpectedTarget>,
}

/// Why a text does not describe a stack of Trailbell.
#[derive(Debug, Error)]
pub enum StackError {
    /// It is not what `aws cloudformation describe-stacks` prints.
    #[error("it is not the output of `aws cloudformation describe-stacks`, in JSON")]
    NotStacks(#[source] serde_json::Error),
    /// It has no stack, or several.
    #[error("it has {0} stacks: name one with --stack-name")]
    NotOne(usize),
    /// The stack does not have it.
    #[error("the stack {stack} has no output {output}: is it one of Trailbell?")]
    NoOutput {
        /// The name of the stack.
        stack: String,
        /// The name of the output.
        output: &'static str,
    },
}

#[derive(Deserialize)]
struct Stacks {
    #[serde(rename = "Stacks")]
    stacks: Vec<Stack>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Stack {
    stack_name: String,
    #[serde(default)]
    parameters: Vec<Parameter>,
    #[serde(default)]
    outputs: Vec<Output>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    parameter_key: String,
    #[serde(default)]
    parameter_value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    output_key: String,
    output_value: String,
}

/// Parameters that are settings as they are.
const PARAMETERS: [(&str, &str); 4] = [
    ("RulesLocation", "TRAILBELL_RULES"),
    ("ExceptionsLocation", "TRAILBELL_EXCEPTIONS"),
    ("PrivilegedGroups", "TRAILBELL_PRIVILEGED_GROUPS"),
    ("AccountNames", "TRAILBELL_ACCOUNTS"),
];

impl StackSettings {
    /// Reads what `aws cloudformation describe-stacks --stack-name NAME` prints.
    ///
    /// # Errors
    /// It is something else, or not of one stack of Trailbell.
    pub fn parse(text: &str) -> Result<StackSettings, StackError> {
        let Stacks { mut stacks } = serde_json::from_str(text).map_err(StackError::NotStacks)?;
        match (stacks.pop(), stacks.len()) {
            (Some(stack), 0) => stack.settings(),
            (found, others) => Err(StackError::NotOne(others + usize::from(found.is_some()))),
        }
    }

    /// The settings as [`load_config`](crate::commands) takes them.
    pub fn overrides(&self) -> Vec<(&'static str, Option<&str>)> {
        self.variables.iter().map(|(name, value)| (*name, Some(value.as_str()))).collect()
    }
}

impl Stack {
    fn settings(self) -> Result<StackSettings, StackError> {
        let parameters: BTreeMap<&str, &str> = self
            .parameters
            .iter()
            .map(|it| (it.parameter_key.as_str(), it.parameter_value.as_str()))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let output = |wanted: &'static str| {
            let found = self.outputs.iter().find(|output| output.output_key == wanted);
            found.map(|output| output.output_value.as_str()).ok_or_else(|| StackError::NoOutput {
                stack: self.stack_name.clone(),
                output: wanted,
            })
        };
        let bucket = match parameters.get("LogBucketName") {
            Some(bucket) => *bucket,
            None => output("TrailBucketName")?,
        };
        let folder = parameters.get("LogPrefix").map(|prefix| format!("{prefix}/"));
        let mut variables = vec![
            ("TRAILBELL_ALERTS", output("AlertsTopicArn")?.to_owned()),
            ("TRAILBELL_LEDGER", format!("s3://{}/ledger", output("LedgerBucketName")?)),
            ("TRAILBELL_TRAILS", format!("s3://{bucket}/{}AWSLogs/", folder.unwrap_or_default())),
        ];
        if parameters.get("Reports").is_some_and(|reports| *reports != "off") {
            let place = format!("s3://{}/reports", output("LedgerBucketName")?);
            variables.push(("TRAILBELL_REPORTS", place));
        }
        variables.extend(PARAMETERS.iter().filter_map(|(parameter, setting)| {
            Some((*setting, (*parameters.get(parameter)?).to_owned()))
        }));
        let notification = match (parameters.get("LogBucketName"), parameters.get("LogTopicArn")) {
            (None, _) => ExpectedTarget::parse(output("NotificationQueueArn")?),
            (Some(_), None) => ExpectedTarget::parse("eventbridge"),
            // The topic may be S3's or CloudTrail's.
            (Some(_), Some(_)) => None,
        };
        Ok(StackSettings { variables, notification })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn stacks(parameters: &[(&str, &str)], outputs: &[(&str, &str)]) -> String {
        let pairs = |kind: &str, pairs: &[(&str, &str)]| -> Value {
            let key = format!("{kind}Key");
            let value = format!("{kind}Value");
            let pair = |(name, text): &(&str, &str)| json!({&key: name, &value: text});
            pairs.iter().map(pair).collect()
        };
        json!({"Stacks": [{
            "StackName": "trailbell",
            "Parameters": pairs("Parameter", parameters),
            "Outputs": pairs("Output", outputs),
        }]})
        .to_string()
    }

    const QUEUE: &str = "arn:aws:sqs:us-east-1:111122223333:queue";
    const OUTPUTS: [(&str, &str); 4] = [
        ("AlertsTopicArn", "arn:aws:sns:us-east-1:111122223333:alerts"),
        ("LedgerBucketName", "ledger-bucket"),
        ("NotificationQueueArn", QUEUE),
        ("TrailBucketName", "new-trail"),
    ];

    #[test]
    fn a_stack_has_every_setting() {
        let existing = [
            ("LogBucketName", "logs"),
            ("LogPrefix", "audit"),
            ("RulesLocation", "s3://r/rules"),
            ("Reports", "alerts"),
        ];
        let topic = [existing[0], ("LogTopicArn", "arn:aws:sns:us-east-1:111122223333:t")];
        for (parameters, trails, notification) in [
            (&[][..], "s3://new-trail/AWSLogs/", Some(QUEUE)),
            (&existing[..], "s3://logs/audit/AWSLogs/", Some("eventbridge")),
            (&topic[..], "s3://logs/AWSLogs/", None),
        ] {
            let settings = StackSettings::parse(&stacks(parameters, &OUTPUTS)).unwrap();
            let overrides = settings.overrides();
            assert!(overrides.contains(&("TRAILBELL_TRAILS", Some(trails))), "{overrides:?}");
            let ledger = ("TRAILBELL_LEDGER", Some("s3://ledger-bucket/ledger"));
            assert!(overrides.contains(&ledger), "{overrides:?}");
            let reports = overrides.iter().find(|(name, _)| *name == "TRAILBELL_REPORTS");
            let place = ("TRAILBELL_REPORTS", Some("s3://ledger-bucket/reports"));
            assert_eq!(reports, (parameters.len() == 4).then_some(&place));
            let rules = overrides.iter().any(|(name, _)| *name == "TRAILBELL_RULES");
            assert_eq!(rules, parameters.len() == 4);
            assert_eq!(settings.notification, notification.and_then(ExpectedTarget::parse));
        }
    }

    #[test]
    fn what_is_no_stack_of_trailbell_is_named() {
        for (text, expected) in [
            ("trailbell", "not the output of `aws cloudformation describe-stacks`"),
            (r#"{"Stacks": []}"#, "0 stacks"),
            (&stacks(&[], &OUTPUTS[..1]), "the stack trailbell has no output TrailBucketName"),
        ] {
            let error = StackSettings::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
