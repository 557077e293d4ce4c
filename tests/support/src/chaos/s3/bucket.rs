//! One bucket: objects by key in the order of their UTF-8 bytes, each with its versions.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Bound;

use bytes::Bytes;
use jiff::Timestamp;

use super::PutVersion;

/// The version id of an object in a bucket without versions.
pub(super) const NULL_VERSION: &str = "null";

pub(super) struct Bucket {
    is_versioned: bool,
    /// Oldest first, never empty.
    objects: BTreeMap<String, Vec<Version>>,
    /// How many versions there were.
    count: u64,
}

/// By the header's name after `x-amz-meta-`.
pub type Metadata = BTreeMap<String, String>;

/// One version of an object, or a delete marker.
#[derive(Debug, Clone)]
pub(super) struct Version {
    pub(super) id: String,
    pub(super) body: Bytes,
    pub(super) etag: String,
    pub(super) modified: Timestamp,
    /// Header and value, as the object was put.
    pub(super) checksum: Option<(&'static str, String)>,
    pub(super) metadata: Metadata,
    pub(super) is_delete_marker: bool,
}

impl Bucket {
    pub(super) fn new(is_versioned: bool) -> Bucket {
        Bucket { is_versioned, objects: BTreeMap::new(), count: 0 }
    }

    /// The current version of an object.
    pub(super) fn current(&self, key: &str) -> Option<&Version> {
        self.objects.get(key)?.last().filter(|version| !version.is_delete_marker)
    }

    /// A version of an object, delete markers too.
    pub(super) fn version(&self, key: &str, id: &str) -> Option<&Version> {
        self.objects.get(key)?.iter().find(|version| version.id == id)
    }

    /// The objects whose keys are `start` or come after it.
    pub(super) fn current_from(
        &self,
        start: &str,
    ) -> impl Iterator<Item = (&String, &Version)> + use<'_> {
        let range = (Bound::Included(start.to_owned()), Bound::Unbounded);
        self.objects.range::<String, _>(range).filter_map(|(key, versions)| {
            Some((key, versions.last().filter(|version| !version.is_delete_marker)?))
        })
    }

    pub(super) fn put(
        &mut self,
        key: &str,
        body: Bytes,
        checksum: Option<(&'static str, String)>,
        metadata: Metadata,
        modified: Timestamp,
    ) -> PutVersion {
        let id = self.next_id();
        let etag = etag(&body);
        let version =
            Version { id, body, etag, modified, checksum, metadata, is_delete_marker: false };
        let put = PutVersion {
            etag: version.etag.clone(),
            version_id: self.is_versioned.then(|| version.id.clone()),
        };
        self.add(key, version);
        put
    }

    /// Deletes an object: with versions, a marker hides it.
    pub(super) fn delete(&mut self, key: &str, modified: Timestamp) {
        if !self.is_versioned {
            self.objects.remove(key);
            return;
        }
        let marker = Version {
            id: self.next_id(),
            body: Bytes::new(),
            etag: String::new(),
            modified,
            checksum: None,
            metadata: Metadata::new(),
            is_delete_marker: true,
        };
        self.add(key, marker);
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.objects.remove(key);
    }

    fn add(&mut self, key: &str, version: Version) {
        let versions = self.objects.entry(key.to_owned()).or_default();
        if !self.is_versioned {
            versions.clear();
        }
        versions.push(version);
    }

    fn next_id(&mut self) -> String {
        self.count += 1;
        match self.is_versioned {
            true => format!("version{:08}", self.count),
            false => NULL_VERSION.to_owned(),
        }
    }
}

/// An ETag follows from the content alone, as S3's does, so that writing the same bytes again
/// gives the same one. S3 takes the MD5 of them; nobody may rely on that.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html>
pub(super) fn etag(body: &[u8]) -> String {
    let hash = |part: u8| {
        let mut hasher = DefaultHasher::new();
        (part, body).hash(&mut hasher);
        hasher.finish()
    };
    format!("\"{:016x}{:016x}\"", hash(0), hash(1))
}
