//! Pages for people, written where `TRAILBELL_REPORTS` says: one of every alert.
//!
//! The names of pages are our own ids and dates, never what a caller of AWS has written. Nobody but
//! those who may read the bucket can open a page: no link is signed, and none is public.

mod surroundings;

use std::path::PathBuf;

use bytes::Bytes;
use detect::finding::FindingId;

pub use surroundings::{add_surroundings, delivery};

use crate::store::{ObjectStore, StoreError};

/// What browsers are told that a page is.
const HTML: &str = "text/html; charset=utf-8";

/// The folder for the pages of alerts.
const ALERTS: &str = "incidents";

/// Where pages are written.
pub struct Pages {
    store: Box<dyn ObjectStore>,
    bucket: String,
    /// Empty, or ends in `/`.
    folder: String,
    readers: PageReaders,
    /// Where the content of pages comes from, as people know it.
    pub source: String,
}

/// How people come to a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageReaders {
    /// By the console of AWS, in the region of the bucket if it is known.
    Console(Option<String>),
    /// In this folder, which has those of all buckets.
    Folder(PathBuf),
}

impl Pages {
    /// Pages in a folder of a bucket: `folder` is empty, or ends in `/`.
    pub fn new(
        store: Box<dyn ObjectStore>,
        bucket: &str,
        folder: String,
        readers: PageReaders,
        source: String,
    ) -> Pages {
        Pages { store, bucket: bucket.to_owned(), folder, readers, source }
    }

    /// Writes the page of an alert, and returns where people find it. One that is there is
    /// replaced: it is of the same alert, which is sent again.
    pub async fn write_alert(&self, id: &FindingId, page: String) -> Result<String, StoreError> {
        let key = format!("{}{ALERTS}/{id}.html", self.folder);
        self.store.put_page(&self.bucket, &key, Bytes::from(page), HTML).await?;
        Ok(self.place(&key))
    }

    /// A link or a path.
    fn place(&self, key: &str) -> String {
        match &self.readers {
            PageReaders::Console(region) => {
                alert::object_page(&self.bucket, key, region.as_deref())
            }
            PageReaders::Folder(root) => root.join(&self.bucket).join(key).display().to_string(),
        }
    }
}
