//! The request's parameters of any call, those first that say what the call is about.

use serde_json::Value;

use super::Call;

/// Names of parameters that name what a call is about, the most telling first. AWS's APIs differ
/// in their case.
const NAMING: [&str; 14] = [
    "name",
    "arn",
    "trailName",
    "bucketName",
    "functionName",
    "roleName",
    "userName",
    "groupName",
    "policyArn",
    "policyName",
    "keyId",
    "instanceId",
    "dBInstanceIdentifier",
    "topicArn",
];

impl<'a> Call<'a> {
    /// Names and values of the request's parameters, those first that name something.
    pub fn parameters(self) -> Vec<(&'a str, &'a Value)> {
        let parameters = self.fields.0.pointer("/aws/cloudtrail/flattened/request_parameters");
        let fields = parameters.and_then(Value::as_object).into_iter().flatten();
        let mut sorted: Vec<_> = fields.map(|(name, value)| (name.as_str(), value)).collect();
        sorted.sort_by_key(|(name, _)| place(name));
        sorted
    }

    /// The value of the parameter that says what the call is about: one that names something, or
    /// else the only one.
    pub(super) fn naming_parameter(self) -> Option<&'a str> {
        let parameters = self.parameters();
        let (name, value) = parameters.first()?;
        let is_naming = place(name) < NAMING.len() || parameters.len() == 1;
        value.as_str().filter(|text| is_naming && !text.is_empty())
    }
}

fn place(name: &str) -> usize {
    NAMING.iter().position(|it| it.eq_ignore_ascii_case(name)).unwrap_or(NAMING.len())
}
