//! Stored bytes to text: gzip by its magic number, anything else as it is.

use std::io::{self, BufReader, Cursor, Read};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;

use super::{Body, ReadProblem};

pub(super) const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The inflated text of a body, piece by piece, and never more of it than a limit.
pub(super) struct Inflate {
    text: Text,
    given: u64,
    limit: u64,
}

enum Text {
    Plain(Box<dyn Read + Send>),
    /// A log object can be several gzip members, one after the other.
    Gzip(MultiGzDecoder<BufReader<Box<dyn Read + Send>>>),
    /// As `Gzip`, and the stored bytes are at hand for a second look.
    GzipWhole(MultiGzDecoder<Cursor<Bytes>>, Bytes),
}

impl Inflate {
    /// Looks at the first two bytes of `body`. `limit` is in inflated bytes.
    pub(super) fn new(body: Body, limit: u64) -> Result<Inflate, ReadProblem> {
        let text = match body {
            Body::Whole(bytes) => whole(bytes),
            Body::Stream(read) => stream(read).map_err(ReadProblem::Io)?,
        };
        Ok(Inflate { text, given: 0, limit })
    }

    /// Fills the front of `into`; says how much. 0 is the end. After an error comes nothing
    /// sensible.
    pub(super) fn read(&mut self, into: &mut [u8]) -> Result<usize, ReadProblem> {
        let count = match retried(|| self.text.read(into)) {
            Ok(count) => count,
            Err(error) => self.rescued(into, error)?,
        };
        self.given += count as u64;
        if self.given > self.limit {
            return Err(ReadProblem::TooLarge { limit: self.limit });
        }
        Ok(count)
    }

    /// The decoder keeps back what it inflated in the very call that met the damage. Where the
    /// stored bytes are at hand they are inflated again, byte by byte from the same place, so that
    /// no record before the damage is lost.
    fn rescued(&mut self, into: &mut [u8], error: io::Error) -> Result<usize, ReadProblem> {
        let Text::GzipWhole(_, bytes) = &self.text else {
            return Err(self.problem(error));
        };
        let mut again = MultiGzDecoder::new(Cursor::new(bytes.clone()));
        let mut count = 0;
        if io::copy(&mut (&mut again).take(self.given), &mut io::sink()).is_ok() {
            while count < into.len() && matches!(again.read(&mut into[count..=count]), Ok(1)) {
                count += 1;
            }
        }
        if count == 0 { Err(self.problem(error)) } else { Ok(count) }
    }

    fn problem(&self, error: io::Error) -> ReadProblem {
        // Of the decoder's own errors; anything else comes from below it.
        let of_gzip =
            matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData)
                || error.kind() == io::ErrorKind::UnexpectedEof;
        match self.text {
            Text::Plain(_) => ReadProblem::Io(error),
            _ if of_gzip => ReadProblem::Gzip(error),
            _ => ReadProblem::Io(error),
        }
    }
}

impl Text {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Text::Plain(read) => read.read(into),
            Text::Gzip(decoder) => decoder.read(into),
            Text::GzipWhole(decoder, _) => decoder.read(into),
        }
    }
}

fn whole(bytes: Bytes) -> Text {
    if bytes.starts_with(&GZIP_MAGIC) {
        Text::GzipWhole(MultiGzDecoder::new(Cursor::new(bytes.clone())), bytes)
    } else {
        Text::Plain(Box::new(Cursor::new(bytes)))
    }
}

fn stream(mut read: Box<dyn Read + Send>) -> io::Result<Text> {
    let mut magic = Vec::new();
    (&mut read).take(GZIP_MAGIC.len() as u64).read_to_end(&mut magic)?;
    let gzip = magic == GZIP_MAGIC;
    let all: Box<dyn Read + Send> = Box::new(Cursor::new(magic).chain(read));
    Ok(if gzip {
        Text::Gzip(MultiGzDecoder::new(BufReader::with_capacity(128 * 1024, all)))
    } else {
        Text::Plain(all)
    })
}

fn retried(mut read: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match read() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
