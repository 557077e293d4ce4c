//! Puts an alert together: mail, document and attributes, within the size limit of SNS.

use detect::finding::{FindingId, canary};
use detect::rule::{Rating, RuleInfo, Severity};
use serde_json::{Map, Value, json};

use crate::call::AlertCall;
use crate::mail::Mail;
use crate::message::{Alert, Attribute};
use crate::{chat, document, limits, sms};

/// What an alert is about: its `kind`, in the document and as an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AlertKind {
    Finding,
    /// The finding of a canary: the alert says that it is a test.
    Canary,
    Summary,
    Correlation,
}

pub(crate) struct AlertBuilder<'a> {
    pub(crate) id: &'a FindingId,
    pub(crate) kind: AlertKind,
    pub(crate) rule: &'a RuleInfo,
    /// The severity of the rule itself.
    pub(crate) rule_severity: Severity,
    /// The severity of the alert.
    pub(crate) rating: Rating,
    pub(crate) subject: String,
    /// The `message` of the document; by default the subject.
    pub(crate) sentence: Option<String>,
    pub(crate) mail: Mail,
    pub(crate) routing: Routing<'a>,
    /// The ECS fields of the document, without those of the rule.
    pub(crate) ecs: Map<String, Value>,
    /// The fields under `trailbell` that not every alert has.
    pub(crate) fields: Value,
}

/// What subscribers route by, apart from the rule and the kind.
#[derive(Default)]
pub(crate) struct Routing<'a> {
    pub(crate) account: Option<&'a str>,
    pub(crate) region: Option<&'a str>,
    pub(crate) action: Option<&'a str>,
}

impl AlertKind {
    fn as_str(self) -> &'static str {
        match self {
            AlertKind::Finding => "alert",
            AlertKind::Canary => "canary",
            AlertKind::Summary => "summary",
            AlertKind::Correlation => "correlation",
        }
    }
}

impl<'a> Routing<'a> {
    pub(crate) fn from_call(call: AlertCall<'a>) -> Routing<'a> {
        Routing { account: call.account(), region: call.region(), action: call.action() }
    }
}

impl AlertBuilder<'_> {
    pub(crate) fn build(mut self) -> Alert {
        if self.kind == AlertKind::Canary {
            self.mail.prepend(&[canary::NOTICE, "The alert follows:"]);
        }
        let attributes = self.attributes();
        let text = std::mem::take(&mut self.mail).into_text();
        let subject = self.subject.clone();
        let finding = self.id.clone();
        let attribute_bytes: usize =
            attributes.iter().map(|it| it.name.len() + it.value.len()).sum();
        let document = self.build_document();
        let time = document["@timestamp"].as_str().and_then(|time| time.parse().ok());
        let sms = sms::short_text(&subject, time);
        let chat = chat::notification(&document);
        let document = limits::fit_document(document, &text, attribute_bytes + sms.len());
        Alert { finding, subject, text, document, sms, chat, attributes }
    }

    /// The document alone, however large it is.
    pub(crate) fn build_document(mut self) -> Value {
        let mut message = self.sentence.take().unwrap_or_else(|| self.subject.clone());
        if self.kind == AlertKind::Canary {
            message = format!("{} {message}", canary::NOTICE);
            self.fields["test"] = true.into();
        }
        let mut document = std::mem::take(&mut self.ecs);
        document.insert("message".to_owned(), message.into());
        document::insert_rule(&mut document, self.rule, &self.rating);
        document.insert("trailbell".to_owned(), self.own_fields());
        let mut document = document.into();
        document::drop_nulls(&mut document);
        document
    }

    /// Always all nine: a filter policy never matches a message without its attribute. With raw
    /// delivery, SQS takes 10.
    fn attributes(&self) -> Vec<Attribute> {
        vec![
            Attribute::text("severity", Some(self.rating.severity.as_str())),
            Attribute::text("rule_severity", Some(self.rule_severity.as_str())),
            Attribute::number("risk_score", self.rating.risk_score),
            Attribute::text("rule_id", Some(&self.rule.id)),
            Attribute::text("rule_name", Some(&self.rule.name)),
            Attribute::text("account", self.routing.account),
            Attribute::text("region", self.routing.region),
            Attribute::text("action", self.routing.action),
            Attribute::text("kind", Some(self.kind.as_str())),
        ]
    }

    /// What ECS has no names for.
    fn own_fields(self) -> Value {
        let mut fields = document::object([
            ("schema_version", json!(document::SCHEMA_VERSION)),
            ("id", json!(self.id)),
            ("kind", json!(self.kind.as_str())),
            ("subject", json!(self.subject)),
            ("severity", json!(self.rating)),
            (
                "rule",
                json!({
                    "severity": self.rule_severity,
                    "risk_score": self.rule.risk_score,
                    "guide": self.rule.note,
                    "setup": self.rule.setup,
                    "false_positives": self.rule.false_positives,
                }),
            ),
        ]);
        if let Value::Object(own) = self.fields {
            fields.extend(own);
        }
        fields.into()
    }
}
