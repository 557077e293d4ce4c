//! A buffer that moves over the inflated text and forgets what was passed.

use super::error::{ReadError, ReadProblem};
use super::inflate::Inflate;

/// How much text is inflated at a time, in bytes.
const CHUNK: usize = 64 * 1024;

/// The largest record that is kept, in bytes. CloudTrail's limit is 256 KB.
pub(super) const MAX_RECORD: usize = 8 * 1024 * 1024;

/// The part of the text around the position. Passed bytes are forgotten unless they are kept, and
/// of those a limited number is held: the size of the buffer does not depend on the text.
pub(super) struct SlidingBuffer {
    /// The source of more text. `None` if all of it is in the buffer.
    inflate: Option<Inflate>,
    /// Never shrunk, so that it is not cleared again and again.
    buffer: Vec<u8>,
    /// The end of the text within `buffer`.
    end: usize,
    /// The position within `buffer`.
    position: usize,
    /// The start of the kept bytes within `buffer`. `None` if nothing is kept or the limit was
    /// exceeded.
    kept_from: Option<usize>,
    max_kept: usize,
    /// Offset in the text of the first byte of `buffer`.
    base: u64,
}

impl SlidingBuffer {
    pub(super) fn new(inflate: Inflate) -> SlidingBuffer {
        let inflate = Some(inflate);
        SlidingBuffer { inflate, ..SlidingBuffer::over(Vec::new(), 0, 0) }
    }

    /// A text that is in memory: the first `end` bytes of `buffer`. `base`: its offset in the
    /// object.
    pub(super) fn over(buffer: Vec<u8>, end: usize, base: u64) -> SlidingBuffer {
        let max_kept = MAX_RECORD;
        SlidingBuffer { inflate: None, buffer, end, position: 0, kept_from: None, max_kept, base }
    }

    /// Limits the bytes that [`SlidingBuffer::kept`] returns. The default is [`MAX_RECORD`].
    pub(super) fn set_max_kept(&mut self, max_kept: usize) {
        self.max_kept = max_kept;
    }

    /// Returns the buffer for reuse.
    pub(super) fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }

    /// The byte at the position. Returns `None` at the end of the text.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, ReadError> {
        Ok(self.available()?.first().copied())
    }

    /// The text from the position on, as far as it is in the buffer. Empty only at the end of the
    /// text.
    pub(super) fn available(&mut self) -> Result<&[u8], ReadError> {
        if self.position == self.end {
            self.fill()?;
        }
        Ok(&self.buffer[self.position..self.end])
    }

    /// Moves on by `count` bytes of the available text.
    pub(super) fn advance(&mut self, count: usize) {
        self.position = (self.position + count).min(self.end);
    }

    /// Keeps the bytes from the position on.
    pub(super) fn start_keeping(&mut self) {
        self.kept_from = Some(self.position);
    }

    pub(super) fn stop_keeping(&mut self) {
        self.kept_from = None;
    }

    /// The bytes passed since [`SlidingBuffer::start_keeping`]. Returns `None` if they exceed the
    /// limit.
    pub(super) fn kept(&self) -> Option<&[u8]> {
        let kept = &self.buffer[self.kept_from?..self.position];
        (kept.len() <= self.max_kept).then_some(kept)
    }

    /// The position's offset in the text.
    pub(super) fn offset(&self) -> u64 {
        self.base + self.position as u64
    }

    /// An error at the position.
    pub(super) fn error(&self, problem: ReadProblem) -> ReadError {
        ReadError { offset: self.offset(), problem }
    }

    /// The error for a byte at the position, or the end of the text, that is not `expected`.
    pub(super) fn unexpected(&mut self, expected: &'static str) -> ReadError {
        match self.peek() {
            Ok(found) => self.error(ReadProblem::Unexpected { expected, found }),
            Err(error) => error,
        }
    }

    /// Inflates one more chunk, after the position has reached the end of the buffer.
    fn fill(&mut self) -> Result<(), ReadError> {
        self.forget();
        let Some(inflate) = &mut self.inflate else { return Ok(()) };
        if self.buffer.len() < self.end + CHUNK {
            self.buffer.resize(self.end + CHUNK, 0);
        }
        match inflate.read(&mut self.buffer[self.end..]) {
            Ok(count) => self.end += count,
            Err(problem) => return Err(self.error(problem)),
        }
        Ok(())
    }

    /// Moves the kept bytes to the front of the buffer, and drops those before them.
    fn forget(&mut self) {
        self.kept_from = self.kept_from.filter(|start| self.position - start <= self.max_kept);
        let dropped = self.kept_from.unwrap_or(self.position);
        self.buffer.copy_within(dropped..self.end, 0);
        self.base += dropped as u64;
        self.position -= dropped;
        self.end -= dropped;
        self.kept_from = self.kept_from.map(|_| 0);
    }
}
