//! Stored bytes to text: inflated if they are gzip, else unchanged.

use std::fmt;
use std::io::{self, BufReader, Cursor, Read};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;

use super::content::TextHash;
use super::error::ReadProblem;

pub(super) const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// How many stored bytes are read at a time.
const STORED_CHUNK: usize = 128 * 1024;

/// The bytes of a log object as they are stored: gzip or plain text.
pub enum Body {
    /// All bytes, in memory.
    Whole(Bytes),
    /// A large object, read piece by piece. Reading may block.
    Stream(Box<dyn Read + Send>),
}

impl Body {
    /// The largest object, in stored bytes, that is held in memory; larger ones are streamed.
    /// CloudTrail's objects have at most 50 MB, and rarely more than a few hundred kilobytes.
    pub const MAX_IN_MEMORY: u64 = 16 * 1024 * 1024;
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Body::Whole(bytes) => write!(f, "Body::Whole({} bytes)", bytes.len()),
            Body::Stream(_) => f.write_str("Body::Stream"),
        }
    }
}

/// The inflated text of a body, read piece by piece up to a limit.
///
/// The decoder discards what it inflated in the call that meets damage. Of a damaged object, the
/// text of that call is therefore lost, as is everything after it: at most the length of the buffer
/// that was to be filled. A truncated object loses nothing that was stored.
pub(super) struct Inflate {
    text: Box<dyn Read + Send>,
    is_gzip: bool,
    inflated: u64,
    hash: Option<TextHash>,
    limit: u64,
}

impl Inflate {
    /// `limit` is in inflated bytes.
    pub(super) fn new(body: Body, limit: u64) -> Result<Inflate, ReadProblem> {
        let mut stored: Box<dyn Read + Send> = match body {
            Body::Whole(bytes) => Box::new(Cursor::new(bytes)),
            Body::Stream(stream) => stream,
        };
        let mut start = Vec::new();
        let magic_length = GZIP_MAGIC.len() as u64;
        (&mut stored).take(magic_length).read_to_end(&mut start).map_err(ReadProblem::Io)?;
        let is_gzip = start == GZIP_MAGIC;
        let stored = Cursor::new(start).chain(stored);
        let text: Box<dyn Read + Send> = if is_gzip {
            // A log object can consist of several gzip members.
            Box::new(MultiGzDecoder::new(BufReader::with_capacity(STORED_CHUNK, stored)))
        } else {
            Box::new(stored)
        };
        Ok(Inflate { text, is_gzip, inflated: 0, hash: None, limit })
    }

    /// Hashes the text as it is read, if the stored bytes are gzip.
    pub(super) fn hashed_by(self, hash: Option<TextHash>) -> Inflate {
        Inflate { hash: hash.filter(|_| self.is_gzip), ..self }
    }

    /// Returns true if the stored bytes are gzip.
    pub(super) fn is_gzip(&self) -> bool {
        self.is_gzip
    }

    /// Fills the front of `buffer`. Returns the number of bytes, 0 at the end. Must not be called
    /// again after an error.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ReadProblem> {
        let count = loop {
            match self.text.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.problem(error)),
                Ok(count) => break count,
            }
        };
        self.inflated += count as u64;
        if self.inflated > self.limit {
            return Err(ReadProblem::TooLarge { limit: self.limit });
        }
        if let Some(hash) = &self.hash {
            hash.add(&buffer[..count]);
        }
        Ok(count)
    }

    /// The decoder has three kinds of errors of its own; others come from the stored bytes.
    fn problem(&self, error: io::Error) -> ReadProblem {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        match error.kind() {
            InvalidInput | InvalidData | UnexpectedEof if self.is_gzip => ReadProblem::Gzip(error),
            _ => ReadProblem::Io(error),
        }
    }
}
