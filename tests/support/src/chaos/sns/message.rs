//! One message: what SNS asks of it.
//!
//! Source: <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>

use serde_json::Value;

use super::{Form, field};

/// The most bytes of a message, or of a batch: 256 KiB.
pub(super) const MAX_BYTES: usize = 256 * 1024;

/// Characters of a subject.
const MAX_SUBJECT: usize = 99;

/// Characters of an attribute's name.
const MAX_ATTRIBUTE_NAME: usize = 256;

pub(super) struct SnsMessage {
    pub(super) subject: String,
    pub(super) document: Value,
    pub(super) email: String,
    /// SnsMessage, subject and attributes.
    pub(super) bytes: usize,
}

struct Attribute<'a> {
    name: &'a str,
    data_type: &'a str,
    value: &'a str,
}

impl SnsMessage {
    /// Reads the message whose fields begin with `prefix`.
    ///
    /// # Errors
    /// SNS would refuse it.
    pub(super) fn read(form: &Form, prefix: &str) -> Result<SnsMessage, String> {
        let text = |name: &str| field(form, &format!("{prefix}{name}"));
        let subject = text("Subject");
        let body = text("Message");
        if body.is_empty() {
            return Err("Empty message".to_owned());
        }
        check_subject(subject)?;
        let (default, email) = match text("MessageStructure") {
            "" => (body.to_owned(), body.to_owned()),
            "json" => by_protocol(body)?,
            other => return Err(format!("MessageStructure {other}")),
        };
        let attributes = attributes(form, prefix);
        for attribute in &attributes {
            attribute.check()?;
        }
        let attributes: usize = attributes.iter().map(Attribute::bytes).sum();
        Ok(SnsMessage {
            subject: subject.to_owned(),
            document: serde_json::from_str(&default).unwrap_or(Value::String(default)),
            email,
            bytes: body.len() + subject.len() + attributes,
        })
    }

    pub(super) fn check_size(&self) -> Result<(), String> {
        match self.bytes <= MAX_BYTES {
            true => Ok(()),
            false => Err(format!("Message too long: {} bytes", self.bytes)),
        }
    }
}

fn check_subject(subject: &str) -> Result<(), String> {
    let is_printable = subject.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    match is_printable && !subject.starts_with(' ') && subject.len() <= MAX_SUBJECT {
        true => Ok(()),
        false => Err(format!("Subject {subject:?}")),
    }
}

/// The texts for `default` and `email` of a message with one text for each protocol.
fn by_protocol(body: &str) -> Result<(String, String), String> {
    let body: Value = serde_json::from_str(body).map_err(|error| {
        format!("Message Structure - JSON message body failed to parse: {error}")
    })?;
    let texts = body.as_object().ok_or("Message Structure - not an object")?;
    if let Some((protocol, _)) = texts.iter().find(|(_, text)| !text.is_string()) {
        return Err(format!("Message Structure - {protocol} is not a string"));
    }
    let default = texts
        .get("default")
        .and_then(Value::as_str)
        .ok_or("Message Structure - No default entry in JSON message body")?;
    let email = texts.get("email").and_then(Value::as_str).unwrap_or(default);
    Ok((default.to_owned(), email.to_owned()))
}

fn attributes<'a>(form: &'a Form, prefix: &str) -> Vec<Attribute<'a>> {
    let part = |at: usize, part: &str| {
        field(form, &format!("{prefix}MessageAttributes.entry.{at}.{part}"))
    };
    (1..)
        .map(|at| Attribute {
            name: part(at, "Name"),
            data_type: part(at, "Value.DataType"),
            value: part(at, "Value.StringValue"),
        })
        .take_while(|attribute| !attribute.name.is_empty())
        .collect()
}

impl Attribute<'_> {
    fn bytes(&self) -> usize {
        self.name.len() + self.data_type.len() + self.value.len()
    }

    fn check(&self) -> Result<(), String> {
        let Attribute { name, data_type, value } = self;
        let is_name = name.len() <= MAX_ATTRIBUTE_NAME
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
            && !name.starts_with('.')
            && !name.ends_with('.');
        let is_value = match *data_type {
            "String" => !value.is_empty(),
            "Number" => value.parse::<f64>().is_ok_and(f64::is_finite),
            _ => false,
        };
        match is_name && is_value {
            true => Ok(()),
            false => Err(format!("message attribute {name} ({data_type}): {value:?}")),
        }
    }
}
