//! The content of a stored object as a whole: its text, and the hash that a digest of CloudTrail
//! has of it.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::error::{ReadError, ReadProblem};
use super::inflate::{Body, Inflate};
use super::inflate_whole::with_scratch;

/// How much text is inflated at a time, in bytes.
const CHUNK: usize = 64 * 1024;

/// SHA-256 of the inflated text of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentHash([u8; 32]);

/// A text that is not a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 hash has 64 hexadecimal digits")]
pub struct InvalidContentHash;

impl ContentHash {
    /// Hashes a text.
    pub fn of(text: &[u8]) -> ContentHash {
        ContentHash(Sha256::digest(text).into())
    }
}

impl FromStr for ContentHash {
    type Err = InvalidContentHash;

    /// Reads 64 hexadecimal digits.
    fn from_str(text: &str) -> Result<ContentHash, InvalidContentHash> {
        let mut hash = [0; 32];
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(InvalidContentHash);
        }
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |digit: u8| char::from(digit).to_digit(16).ok_or(InvalidContentHash);
            *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
        }
        Ok(ContentHash(hash))
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The hash of a text that is read piece by piece.
#[derive(Clone, Default)]
pub(super) struct TextHash {
    // One thread reads; the lock is never waited for.
    state: Arc<Mutex<HashState>>,
}

#[derive(Default)]
struct HashState {
    hash: Sha256,
    is_at_end: bool,
}

impl TextHash {
    /// Adds the next piece. An empty one is the end of the text.
    pub(super) fn add(&self, text: &[u8]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.hash.update(text);
        state.is_at_end |= text.is_empty();
    }

    /// Returns `None` if the text was not read to its end.
    pub(super) fn finish(self) -> Option<ContentHash> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_at_end.then(|| ContentHash(state.hash.clone().finalize().into()))
    }
}

/// Inflates an object that must be gzip and nothing else, and hashes its text, piece by piece if it
/// is large. Blocks.
///
/// # Errors
/// Fails if the object is not gzip, is damaged, is followed by other data, or inflates to more than
/// `max_bytes`.
pub fn hash_content(body: Body, max_bytes: u64) -> Result<ContentHash, ReadError> {
    if let Body::Whole(stored) = &body {
        let hash = with_scratch(|scratch| {
            let size = scratch.inflate(stored, max_bytes)?;
            Some(ContentHash::of(&scratch.buffer[..size]))
        });
        if let Some(hash) = hash {
            return Ok(hash);
        }
    }
    let mut hash = Sha256::new();
    inflate_gzip(body, max_bytes, |text| hash.update(text))?;
    Ok(ContentHash(hash.finalize().into()))
}

/// Inflates an object that must be gzip and nothing else. Blocks.
///
/// # Errors
/// As [`hash_content`].
pub fn inflate_content(body: Body, max_bytes: u64) -> Result<Vec<u8>, ReadError> {
    let mut content = Vec::new();
    inflate_gzip(body, max_bytes, |text| content.extend_from_slice(text))?;
    Ok(content)
}

fn inflate_gzip(body: Body, max_bytes: u64, mut take: impl FnMut(&[u8])) -> Result<(), ReadError> {
    let mut offset = 0;
    let mut chunk = vec![0; CHUNK];
    let at_start = |problem| ReadError { offset: 0, problem };
    let mut inflate = Inflate::new(body, max_bytes).map_err(at_start)?;
    if !inflate.is_gzip() {
        return Err(at_start(ReadProblem::NotGzip));
    }
    loop {
        match inflate.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                take(&chunk[..count]);
                offset += count as u64;
            }
            Err(problem) => return Err(ReadError { offset, problem }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use bytes::Bytes;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// The hash of an object that is read whole, and of one that is read piece by piece.
    fn hashes(stored: &[u8], limit: u64) -> [Result<ContentHash, String>; 2] {
        let whole = Body::Whole(Bytes::copy_from_slice(stored));
        let stream = Body::Stream(Box::new(Cursor::new(stored.to_vec())));
        [whole, stream].map(|body| hash_content(body, limit).map_err(|error| error.to_string()))
    }

    #[test]
    fn the_hash_is_that_of_the_whole_text() {
        let text = b"some text, some text".repeat(10_000);
        let expected = Ok(ContentHash::of(&text));
        assert_eq!(hashes(&gzip(&text), u64::MAX), [expected.clone(), expected.clone()]);
        let (first, second) = text.split_at(70_000);
        let members = [gzip(first), gzip(second)].concat();
        assert_eq!(hashes(&members, u64::MAX), [expected.clone(), expected]);
        let content = inflate_content(Body::Whole(members.into()), u64::MAX).unwrap();
        assert_eq!(content, text);
    }

    #[test]
    fn nothing_but_gzip_up_to_the_limit_has_a_hash() {
        let good = gzip(b"some text");
        let with = |more: &[u8]| [&good[..], more].concat();
        let mut wrong_checksum = good.clone();
        let end = good.len();
        wrong_checksum[end - 8] ^= 1;
        for (case, stored, limit) in [
            ("plain text", b"some text".to_vec(), 100),
            ("nothing", Vec::new(), 100),
            ("half a magic number", b"\x1f".to_vec(), 100),
            ("a truncated file", good[..end - 1].to_vec(), 100),
            ("only a header", good[..10].to_vec(), 100),
            ("text behind the end", with(b"more text"), 100),
            ("a byte behind the end", with(b"x"), 100),
            ("zeros behind the end", with(&[0; 512]), 100),
            ("half a member behind the end", with(&good[..12]), 100),
            ("a wrong checksum", wrong_checksum, 100),
            ("over the limit", good.clone(), 8),
        ] {
            let [whole, stream] = hashes(&stored, limit);
            assert!(whole.is_err() && stream.is_err(), "{case}: {whole:?} {stream:?}");
        }
    }

    #[test]
    fn a_hash_is_read_as_it_is_written() {
        let hash = ContentHash::of(b"x");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert_eq!(hash.to_string().to_uppercase().parse(), Ok(hash));
        let hex = hash.to_string();
        for other in ["", "00", &hex[1..], &hex.replace('d', "g"), &format!("{hex}0")] {
            assert_eq!(other.parse::<ContentHash>(), Err(InvalidContentHash), "{other}");
        }
    }
}
