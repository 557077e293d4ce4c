//! Pages for people, written where `TRAILBELL_REPORTS` says: one of every alert, and one of a week.
//!
//! The names of pages are our own ids and dates, never what a caller of AWS has written. Nobody but
//! those who may read the bucket can open a page: no link is signed, and none is public.

mod period;
mod statements;
mod surroundings;

use std::path::PathBuf;

use bytes::Bytes;
use detect::finding::FindingId;

pub use period::{add_groups, check_sweeps};
pub use statements::{add_statements, note_unproven_accounts};
pub use surroundings::{add_surroundings, delivery};

use crate::ledger::StoredStatement;
use crate::store::{ObjectStore, StoreError};

/// The media type of a page.
const HTML: &str = "text/html; charset=utf-8";

/// That of a statement.
const JSON: &str = "application/json";

/// The folder for the pages of alerts.
const ALERTS: &str = "incidents";

/// That for the pages of weeks.
const WEEKS: &str = "weekly";

/// That for the statements of days.
const STATEMENTS: &str = "statements";

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

    /// Writes the page of a week, e.g. `2026-W48`, and returns where people find it.
    pub async fn write_week(&self, week: &str, page: String) -> Result<String, StoreError> {
        let key = format!("{}{WEEKS}/{week}.html", self.folder);
        self.store.put_page(&self.bucket, &key, Bytes::from(page), HTML).await?;
        Ok(self.place(&key))
    }

    /// Writes a copy of the statement of a day.
    pub async fn write_statement(&self, statement: StoredStatement) -> Result<(), StoreError> {
        let key = format!("{}{STATEMENTS}/{}.json", self.folder, statement.day);
        self.store.put_page(&self.bucket, &key, statement.bytes, JSON).await?;
        Ok(())
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
