//! What is published: one message with a form for each kind of reader.

use detect::finding::FindingId;
use detect::rule::RuleInfo;
use detect::text::clean;
use serde::Serialize;

use crate::{chat, limits, mail};

const MAX_ATTRIBUTE_CHARS: usize = 256;

/// What is published about a finding, a summary or a correlation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alert {
    /// The id of the finding, summary or correlation.
    pub finding: FindingId,
    /// The subject of the mail: 1 to 99 characters of printable ASCII (SNS allows fewer than 100).
    pub subject: String,
    /// The mail: at most 60 lines of at most 76 columns, no control character except the line
    /// break. A longer link, name or command is on a line of its own.
    pub text: String,
    /// The document for machines, in ECS names.
    pub document: serde_json::Value,
    /// For SMS: one line of at most 140 characters.
    pub sms: String,
    /// The notification for chat channels, which goes to a topic of its own.
    pub chat: serde_json::Value,
    /// What subscribers filter on.
    pub attributes: Vec<Attribute>,
}

/// A message attribute of SNS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attribute {
    /// E.g. `severity`.
    pub name: &'static str,
    /// How SNS compares it.
    pub kind: AttributeKind,
    /// The value as text, in decimal for a number. Never empty, since SNS rejects empty values.
    pub value: String,
}

/// The data types of SNS attributes that are used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum AttributeKind {
    /// Compared as text.
    String,
    /// Compared as a number, so that filters can say "at least".
    Number,
}

#[derive(Serialize)]
struct MessageByProtocol<'a> {
    default: &'a str,
    email: &'a str,
    sms: &'a str,
}

impl Alert {
    /// The same with the rule's description and guide at the end of the mail, for which no limit of
    /// lines holds.
    pub fn with_guide(mut self, rule: &RuleInfo) -> Alert {
        self.text += &mail::guide_text(rule);
        self.fit()
    }

    /// The same with the place of its page: in the mail after what happened, in chat, and in the
    /// document. One line of every mail is left for it.
    pub fn with_page(mut self, place: &str) -> Alert {
        mail::insert_page(&mut self.text, place);
        chat::add_page(&mut self.chat, place);
        self.document["trailbell"]["page"] = place.into();
        self.fit()
    }

    fn fit(mut self) -> Alert {
        let attributes = self.attributes.iter().map(|it| it.name.len() + it.value.len());
        let others = attributes.sum::<usize>() + self.sms.len();
        self.document = limits::fit_document(self.document, &self.text, others);
        self
    }

    /// Returns true if the document shows this finding as one of several, not only its id.
    pub fn shows_member(&self, finding: &FindingId) -> bool {
        let members = self.document["trailbell"]["members"].as_array();
        members.is_some_and(|members| members.iter().any(|it| it["id"] == finding.as_str()))
    }

    /// The body for SNS with `MessageStructure` `json`: the mail under `email`, the short text
    /// under `sms`, and the document under `default`, for queues, functions and `http(s)`. With
    /// the attributes at most 256 KiB.
    pub fn message(&self) -> String {
        let document = to_json(&self.document);
        to_json(&MessageByProtocol { default: &document, email: &self.text, sms: &self.sms })
    }

    /// The body for the chat topic. A few kilobytes.
    pub fn chat_message(&self) -> String {
        to_json(&self.chat)
    }
}

impl Attribute {
    pub(crate) fn text(name: &'static str, value: Option<&str>) -> Attribute {
        let value = value.filter(|value| !value.trim().is_empty()).unwrap_or("unknown");
        let value = clean::text(value, MAX_ATTRIBUTE_CHARS);
        let value = value.chars().take(MAX_ATTRIBUTE_CHARS).collect();
        Attribute { name, kind: AttributeKind::String, value }
    }

    pub(crate) fn number(name: &'static str, value: u8) -> Attribute {
        Attribute { name, kind: AttributeKind::Number, value: value.to_string() }
    }
}

/// Texts, numbers and lists can always be written as JSON.
pub(crate) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
