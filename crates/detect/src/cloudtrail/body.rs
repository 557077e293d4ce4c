//! The bytes of a log object, as they are stored.

use std::io::Read;

use bytes::Bytes;

/// The bytes of a log object, as they are stored: gzip or plain.
pub enum Body {
    /// All of them, in memory. What every ordinary log object is.
    Whole(Bytes),
    /// A large object, piece by piece. Reading may block.
    Stream(Box<dyn Read + Send>),
}

impl Body {
    /// Objects up to this many stored bytes are held in memory; larger ones are streamed.
    /// CloudTrail's own are at most 50 MB and a few hundred kilobytes as a rule.
    pub const WHOLE: u64 = 16 * 1024 * 1024;
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Body::Whole(bytes) => write!(f, "Body::Whole({} bytes)", bytes.len()),
            Body::Stream(_) => f.write_str("Body::Stream"),
        }
    }
}
