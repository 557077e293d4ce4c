//! SNS as it is documented, with one topic: `Publish`, `PublishBatch` and `GetTopicAttributes` in
//! the query protocol.
//!
//! Source: <https://docs.aws.amazon.com/sns/latest/api/API_Operations.html>

mod batch;
mod message;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde_json::Value;

use super::http::{Request, Response, decode_form, parse_pairs};
use super::serve::{Service, ServiceCall, Shared};
use super::xml::{element, parent};
use crate::random::Random;
use message::SnsMessage;

const NAMESPACE: &str = "http://sns.amazonaws.com/doc/2010-03-31/";

/// A topic.
pub struct Sns {
    pub topic_arn: String,
    shared: Arc<Shared>,
    // A std mutex: nothing awaits under it.
    state: Mutex<TopicState>,
}

struct TopicState {
    accepted: Vec<Accepted>,
    random: Random,
    /// Entries of batches that fail inside a success, of 10,000.
    entry_failures: usize,
}

/// A message that the topic accepted.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// The place of its request in the journal.
    pub place: usize,
    pub time: Instant,
    /// The copy that published it.
    pub copy: String,
    pub id: String,
    pub subject: String,
    /// What machines get: the text for `default`, as JSON.
    pub document: Value,
    /// What an e-mail subscriber gets.
    pub email: String,
}

/// Why a request is refused: status, code, message.
struct SnsError(u16, &'static str, String);

type SnsResult = Result<String, SnsError>;

/// The fields of a request.
type Form = Vec<(String, String)>;

impl Sns {
    pub fn new(shared: Arc<Shared>, seed: u64, entry_failures: usize) -> Sns {
        let state = TopicState { accepted: Vec::new(), random: Random::new(seed), entry_failures };
        Sns {
            topic_arn: "arn:aws:sns:us-east-1:111122223333:alerts".to_owned(),
            shared,
            state: Mutex::new(state),
        }
    }

    /// Every accepted message, in order.
    pub fn accepted(&self) -> Vec<Accepted> {
        self.state().accepted.clone()
    }

    /// No entry fails any more.
    pub fn clear_failures(&self) {
        self.state().entry_failures = 0;
    }

    fn state(&self) -> std::sync::MutexGuard<'_, TopicState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn route(&self, call: &ServiceCall<'_>) -> SnsResult {
        let form = parse_pairs(&call.request.text(), decode_form);
        let is_form = call
            .request
            .header("content-type")
            .is_some_and(|it| it.starts_with("application/x-www-form-urlencoded"));
        if call.request.method != "POST" || !is_form || field(&form, "Version") != "2010-03-31" {
            return Err(SnsError(400, "InvalidAction", "not a request of SNS".to_owned()));
        }
        let action = field(&form, "Action");
        if field(&form, "TopicArn") != self.topic_arn {
            return Err(SnsError(404, "NotFound", "Topic does not exist".to_owned()));
        }
        match action {
            "Publish" => self.publish(call, &form),
            "PublishBatch" => self.publish_batch(call, &form),
            "GetTopicAttributes" => Ok(self.attributes()),
            _ => Err(SnsError(400, "InvalidAction", format!("{action} is not modelled"))),
        }
    }

    fn publish(&self, call: &ServiceCall<'_>, form: &Form) -> SnsResult {
        let known = ["Action", "Version", "TopicArn", "Message", "Subject", "MessageStructure"];
        check_fields(form, &known, &["MessageAttributes."])?;
        let message = SnsMessage::read(form, "").map_err(invalid)?;
        message.check_size().map_err(invalid)?;
        Ok(result("Publish", &element("MessageId", self.accept(call, message))))
    }

    /// Accepts a message and returns its id.
    fn accept(&self, call: &ServiceCall<'_>, message: SnsMessage) -> String {
        let mut state = self.state();
        let id = state.random.uuid();
        if call.has_effect {
            state.accepted.push(Accepted {
                place: call.place,
                time: Instant::now(),
                copy: call.copy.to_owned(),
                id: id.clone(),
                subject: message.subject,
                document: message.document,
                email: message.email,
            });
        }
        id
    }

    fn attributes(&self) -> String {
        let entry = |key, value| parent("entry", element("key", key) + &element("value", value));
        let entries = [
            entry("TopicArn", self.topic_arn.as_str()),
            entry("Owner", "111122223333"),
            entry("SubscriptionsConfirmed", "1"),
            entry("SubscriptionsPending", "0"),
            entry("SubscriptionsDeleted", "0"),
        ];
        result("GetTopicAttributes", &parent("Attributes", entries.concat()))
    }
}

impl Service for Sns {
    fn name(&self) -> &'static str {
        "sns"
    }

    fn resource(&self, request: &Request) -> String {
        field(&parse_pairs(&request.text(), decode_form), "Action").to_owned()
    }

    fn answer(&self, call: &ServiceCall<'_>) -> Response {
        match self.route(call) {
            Ok(xml) => Response::with_body(200, "text/xml", xml),
            Err(SnsError(status, code, message)) => {
                let breach = format!("SNS {}: {code}: {message}", self.resource(call.request));
                self.shared.journal.breach(breach);
                self.error(status, code, &message)
            }
        }
    }

    fn error(&self, status: u16, code: &str, message: &str) -> Response {
        let kind = if status < 500 { "Sender" } else { "Receiver" };
        let fields = [element("Type", kind), element("Code", code), element("Message", message)];
        let error = parent("Error", fields.concat()) + &element("RequestId", "request");
        let xml = format!("<ErrorResponse xmlns=\"{NAMESPACE}\">{error}</ErrorResponse>");
        Response::with_body(status, "text/xml", xml)
    }
}

/// An answer of an action.
fn result(action: &str, inner: &str) -> String {
    let result = parent(&format!("{action}Result"), inner);
    let metadata = parent("ResponseMetadata", element("RequestId", "request"));
    format!("<{action}Response xmlns=\"{NAMESPACE}\">{result}{metadata}</{action}Response>")
}

/// The value of a field; empty if there is none.
fn field<'a>(form: &'a Form, name: &str) -> &'a str {
    form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
}

fn check_fields(form: &Form, known: &[&str], prefixes: &[&str]) -> Result<(), SnsError> {
    let is_known = |name: &str| {
        known.contains(&name) || prefixes.iter().any(|prefix| name.starts_with(prefix))
    };
    match form.iter().find(|(name, _)| !is_known(name)) {
        Some((name, _)) => Err(invalid(format!("the field {name} is not modelled"))),
        None => Ok(()),
    }
}

fn invalid(message: String) -> SnsError {
    SnsError(400, "InvalidParameter", format!("Invalid parameter: {message}"))
}
