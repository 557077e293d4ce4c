//! Files that a user names, with `-` for standard input.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use bytes::Bytes;
use detect::cloudtrail::Body;
use trailbell::store::open_file;

/// Returns true for `-`, which is standard input.
pub fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

/// The text of a file, or of standard input.
pub fn read_text(path: &Path) -> io::Result<String> {
    match is_standard_input(path) {
        true => io::read_to_string(io::stdin().lock()),
        false => fs::read_to_string(path),
    }
}

/// A log file, or standard input, which is read whole.
pub fn open_log(path: &Path) -> io::Result<Body> {
    if !is_standard_input(path) {
        return open_file(path);
    }
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(Body::Whole(Bytes::from(bytes)))
}
