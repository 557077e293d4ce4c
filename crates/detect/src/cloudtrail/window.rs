//! A window that moves over the inflated text: what is in hand, what may be forgotten, where it
//! stands.

use super::error::Found;
use super::inflate::Inflate;
use super::{ReadError, ReadProblem};

/// How much is inflated at a time.
const CHUNK: usize = 64 * 1024;

/// A window over the text. What is passed is forgotten, but for what is being kept, and of that no
/// more than a limit: the window's size does not depend on the text.
pub(super) struct Window {
    /// Where more comes from; none where all of the text is in hand.
    inflate: Option<Inflate>,
    /// Grown where needed, never shrunk, so that room is not cleared again and again.
    buffer: Vec<u8>,
    /// What is in hand ends here, in the buffer.
    end: usize,
    /// Where reading stands, in the buffer.
    position: usize,
    /// What is being kept begins here, in the buffer; none where nothing is, or it grew past the
    /// limit.
    mark: Option<usize>,
    /// The most bytes that are kept.
    most: usize,
    /// Offset in the text of the buffer's first byte.
    base: u64,
}

impl Window {
    /// `most`: the most bytes that [`Window::kept`] gives.
    pub(super) fn new(inflate: Inflate, most: usize) -> Window {
        Window {
            inflate: Some(inflate),
            buffer: Vec::new(),
            end: 0,
            position: 0,
            mark: None,
            most,
            base: 0,
        }
    }

    /// A window over a text that is in hand: the first `end` bytes of `buffer`.
    pub(super) fn over(buffer: Vec<u8>, end: usize, most: usize) -> Window {
        Window { inflate: None, buffer, end, position: 0, mark: None, most, base: 0 }
    }

    /// Gives the buffer back, to be used again.
    pub(super) fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }

    /// The byte at the position; none at the end of the text.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, ReadError> {
        if self.position == self.end && !self.fill()? {
            return Ok(None);
        }
        Ok(Some(self.buffer[self.position]))
    }

    /// What is in hand from the position on; empty only at the end of the text.
    pub(super) fn ahead(&mut self) -> Result<&[u8], ReadError> {
        if self.position == self.end {
            self.fill()?;
        }
        Ok(&self.buffer[self.position..self.end])
    }

    /// Moves on by `count` bytes of what is in hand.
    pub(super) fn advance(&mut self, count: usize) {
        self.position = (self.position + count).min(self.end);
    }

    /// Keeps what is passed from here on.
    pub(super) fn keep(&mut self) {
        self.mark = Some(self.position);
    }

    /// Keeps nothing any more.
    pub(super) fn release(&mut self) {
        self.mark = None;
    }

    /// What was passed since [`Window::keep`]; none if that is more than the limit.
    pub(super) fn kept(&self) -> Option<&[u8]> {
        let kept = &self.buffer[self.mark?..self.position];
        (kept.len() <= self.most).then_some(kept)
    }

    /// The position's offset in the text.
    pub(super) fn offset(&self) -> u64 {
        self.base + self.position as u64
    }

    /// An error at the position.
    pub(super) fn error(&self, problem: ReadProblem) -> ReadError {
        ReadError { offset: self.offset(), problem }
    }

    /// The error of finding something else than `expected` at the position.
    pub(super) fn unexpected(&mut self, expected: &'static str) -> ReadError {
        match self.peek() {
            Ok(found) => {
                let found = found.map_or(Found::End, Found::Byte);
                self.error(ReadProblem::Unexpected { expected, found })
            }
            Err(error) => error,
        }
    }

    /// Inflates one more piece; false at the end of the text.
    fn fill(&mut self) -> Result<bool, ReadError> {
        self.forget();
        let Some(inflate) = &mut self.inflate else { return Ok(false) };
        if self.buffer.len() < self.end + CHUNK {
            self.buffer.resize(self.end + CHUNK, 0);
        }
        match inflate.read(&mut self.buffer[self.end..]) {
            Ok(count) => {
                self.end += count;
                Ok(count > 0)
            }
            Err(problem) => Err(self.error(problem)),
        }
    }

    /// Moves what is kept to the front of the buffer. Called with nothing ahead: `position` is
    /// `end`.
    fn forget(&mut self) {
        self.mark = self.mark.filter(|mark| self.position - mark <= self.most);
        let count = self.mark.unwrap_or(self.position);
        self.buffer.copy_within(count..self.end, 0);
        self.base += count as u64;
        self.position -= count;
        self.end -= count;
        self.mark = self.mark.map(|_| 0);
    }
}
