//! SQS as a model without a server: a standard queue with a dead-letter queue, and what an event
//! source mapping of Lambda does with it.
//!
//! Source:
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// A queue and its dead-letter queue.
#[derive(Debug)]
pub struct Queue {
    visibility_timeout: SignedDuration,
    max_receive_count: u32,
    waiting: Vec<Message>,
    dead: Vec<Message>,
    /// How many messages there were.
    count: u64,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub id: String,
    pub body: String,
    pub sent: Timestamp,
    pub first_received: Option<Timestamp>,
    /// How often it was received.
    pub receives: u32,
    /// How many of these ended with the death of the copy that had it.
    pub deaths: u32,
    /// When it can be received.
    visible: Timestamp,
}

impl Queue {
    /// An empty queue.
    pub fn new(visibility_timeout: SignedDuration, max_receive_count: u32) -> Queue {
        Queue {
            visibility_timeout,
            max_receive_count,
            waiting: Vec::new(),
            dead: Vec::new(),
            count: 0,
        }
    }

    /// Sends a message. Returns its id.
    pub fn send(&mut self, now: Timestamp, body: String) -> String {
        self.count += 1;
        let id = format!("message-{}", self.count);
        self.waiting.push(Message {
            id: id.clone(),
            body,
            sent: now,
            first_received: None,
            receives: 0,
            deaths: 0,
            visible: now,
        });
        id
    }

    /// Receives at most `max` messages, which become invisible for the visibility timeout. One
    /// that was received too often goes to the dead-letter queue instead.
    pub fn receive(&mut self, now: Timestamp, max: usize) -> Vec<Message> {
        self.move_dead(now);
        let hidden_until = now.checked_add(self.visibility_timeout).unwrap();
        let visible = self.waiting.iter_mut().filter(|message| message.visible <= now);
        let received = visible.take(max).map(|message| {
            message.visible = hidden_until;
            message.receives += 1;
            message.first_received = message.first_received.or(Some(now));
            message.clone()
        });
        received.collect()
    }

    fn move_dead(&mut self, now: Timestamp) {
        let limit = self.max_receive_count;
        let is_dead = |message: &mut Message| message.visible <= now && message.receives >= limit;
        self.dead.extend(self.waiting.extract_if(.., is_dead));
    }

    /// Handles the reply of a function that got these messages: those that it does not name as
    /// failed are deleted. A reply that Lambda cannot read fails the whole batch.
    pub fn settle(&mut self, received: &[Message], reply: &Value) {
        let ids: BTreeSet<&str> = received.iter().map(|message| message.id.as_str()).collect();
        let Some(failed) = failed_ids(reply, &ids) else { return };
        self.waiting.retain(|message| {
            let id = message.id.as_str();
            !ids.contains(id) || failed.contains(id)
        });
    }

    /// Notes that the copy that had these messages died.
    pub fn note_death(&mut self, received: &[Message]) {
        for message in &mut self.waiting {
            if received.iter().any(|it| it.id == message.id) {
                message.deaths += 1;
            }
        }
    }

    /// When a message can next be received. Returns `None` if the queue is empty.
    pub fn next_visible(&self) -> Option<Timestamp> {
        self.waiting.iter().map(|message| message.visible).min()
    }

    /// The messages that were received too often.
    pub fn dead_letters(&self) -> &[Message] {
        &self.dead
    }

    /// Moves the dead letters back into the queue, as an operator does. Returns how many.
    pub fn redrive(&mut self, now: Timestamp) -> usize {
        let count = self.dead.len();
        for mut message in self.dead.drain(..) {
            (message.receives, message.visible) = (0, now);
            self.waiting.push(message);
        }
        count
    }
}

/// The failed messages that a reply names. Returns `None` if all have failed: the reply is not
/// `{"batchItemFailures": [{"itemIdentifier": …}, …]}`, or names one that was not sent.
fn failed_ids<'a>(reply: &'a Value, sent: &BTreeSet<&str>) -> Option<BTreeSet<&'a str>> {
    let failures = match reply.get("batchItemFailures") {
        None | Some(Value::Null) => return Some(BTreeSet::new()),
        Some(failures) => failures.as_array()?,
    };
    let ids = failures.iter().map(|failure| failure.get("itemIdentifier")?.as_str());
    ids.map(|id| id.filter(|id| sent.contains(id))).collect()
}

/// The event that Lambda makes of received messages.
pub fn event(messages: &[Message]) -> Value {
    json!({ "Records": messages.iter().map(record).collect::<Vec<_>>() })
}

fn record(message: &Message) -> Value {
    let ms = |time: Timestamp| time.as_millisecond().to_string();
    json!({
        "messageId": message.id,
        "receiptHandle": format!("{}-{}", message.id, message.receives),
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": message.receives.to_string(),
            "SentTimestamp": ms(message.sent),
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": message.first_received.map(ms),
        },
        "messageAttributes": {},
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:trailbell",
        "awsRegion": "us-east-1",
    })
}
