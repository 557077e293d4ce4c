//! Why something that came in cannot be understood.

use detect::text::clean;
use serde_json::Value;
use thiserror::Error;

/// Why something that came in cannot be understood. Names keys and positions, never values of an
/// unknown envelope.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// The text in an envelope is not JSON.
    #[error("{envelope}: not JSON: {cause}")]
    NotJson {
        /// Where the text stood, e.g. `SQS body`.
        envelope: &'static str,
        /// What the JSON parser says, with line and column.
        cause: serde_json::Error,
    },
    /// A shape that nobody knows.
    #[error("unknown envelope: {shape}")]
    Unknown {
        /// The top-level keys, or what stands there instead of an object.
        shape: String,
    },
    /// A known envelope without what it must hold.
    #[error("{envelope}: {problem}")]
    Malformed {
        /// The envelope, e.g. `S3 record 2`.
        envelope: String,
        /// What is missing or wrong.
        problem: String,
    },
    /// Envelopes in envelopes, past the limit.
    #[error("more than {limit} envelopes around each other")]
    TooNested {
        /// The limit.
        limit: usize,
    },
}

impl DecodeError {
    pub(super) fn malformed(envelope: impl Into<String>, problem: impl ToString) -> DecodeError {
        // A parser's message can hold a name out of the payload.
        let problem = clean::text(&problem.to_string(), LONGEST_PROBLEM);
        DecodeError::Malformed { envelope: envelope.into(), problem }
    }

    /// The error for a value of no known shape: its top-level keys, no values.
    pub(super) fn unknown(value: &Value) -> DecodeError {
        let shape = match value {
            Value::Object(fields) => keys(fields),
            Value::Array(_) => "an array".to_owned(),
            Value::String(_) => "a string".to_owned(),
            Value::Number(_) => "a number".to_owned(),
            Value::Bool(_) => "a boolean".to_owned(),
            Value::Null => "null".to_owned(),
        };
        DecodeError::Unknown { shape }
    }
}

/// Characters of what a parser says. Longer than any list of the fields that it expected.
const LONGEST_PROBLEM: usize = 1_000;

/// The most keys, and characters of a key, that an error shows.
const SHOWN: usize = 20;

fn keys(fields: &serde_json::Map<String, Value>) -> String {
    if fields.is_empty() {
        return "an object without keys".to_owned();
    }
    let mut shown: Vec<String> = fields.keys().take(SHOWN).map(|key| short(key)).collect();
    if fields.len() > SHOWN {
        shown.push(format!("… {} more", fields.len() - SHOWN));
    }
    format!("an object with the keys {}", shown.join(", "))
}

fn short(key: &str) -> String {
    key.chars().take(SHOWN * 2).collect::<String>().escape_debug().to_string()
}
