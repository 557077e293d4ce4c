//! The metadata of an object, beside its file: S3 keeps it with the object, a file system does not.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::StoreErrorKind;
use super::dir::{DirResult, open_regular_file};

/// What the file of the metadata is called, after the name of the object's file.
const SUFFIX: &str = ".metadata.json";

/// Metadata has at most 2 KB; the answer around it is not much larger.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>
const MAX_BYTES: u64 = 64 * 1024;

/// What `aws s3api get-object` and `aws s3api head-object` print, as far as it is used.
#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Metadata")]
    metadata: BTreeMap<String, String>,
}

/// Reads the metadata of the object in `file`. Returns `None` if there is none. Blocks.
pub(super) fn read(file: &Path) -> DirResult<Option<BTreeMap<String, String>>> {
    let path = path_beside(file);
    let unreadable = |why: String| {
        StoreErrorKind::Other(format!("cannot read the metadata in {}: {why}", path.display()))
    };
    let opened = match open_regular_file(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|error| unreadable(error.to_string()))?,
    };
    let mut text = Vec::new();
    let read = opened.take(MAX_BYTES).read_to_end(&mut text);
    read.map_err(|error| unreadable(error.to_string()))?;
    let answer: Answer =
        serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))?;
    let metadata = answer.metadata.into_iter();
    Ok(Some(metadata.map(|(name, value)| (name.to_ascii_lowercase(), value)).collect()))
}

fn path_beside(file: &Path) -> PathBuf {
    let mut path = OsString::from(file);
    path.push(SUFFIX);
    PathBuf::from(path)
}
