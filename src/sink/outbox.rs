//! Alerts for a laptop: printed, or written to a folder.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alert::Alert;
use async_trait::async_trait;

use super::{AlertSink, MessageId, PublishError, wire};

/// Prints each mail as its reader would get it.
#[derive(Debug, Clone, Copy)]
pub struct StdoutSink;

#[async_trait]
impl AlertSink for StdoutSink {
    async fn publish(&self, alerts: &[Alert]) -> Vec<Result<MessageId, PublishError>> {
        alerts.iter().map(|alert| published("stdout", print(alert), "stdout".to_owned())).collect()
    }
}

fn print(alert: &Alert) -> io::Result<()> {
    let rule = "=".repeat(80);
    let mut out = io::stdout().lock();
    writeln!(out, "{rule}\nSubject: {}\n{rule}\n{}", alert.subject, alert.text)?;
    out.flush()
}

/// Writes each alert to a folder: `<finding id>.txt`, the mail, and `<finding id>.json`, all that
/// SNS would be given.
#[derive(Debug, Clone)]
pub struct DirSink {
    folder: PathBuf,
}

impl DirSink {
    /// Writes into `folder`, which is made when the first alert comes.
    pub fn new(folder: impl Into<PathBuf>) -> DirSink {
        DirSink { folder: folder.into() }
    }

    fn write(&self, alert: &Alert) -> io::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        let name = alert.finding.as_str();
        let mail = format!("Subject: {}\n\n{}", alert.subject, alert.text);
        replace(&self.folder.join(format!("{name}.txt")), mail.as_bytes())?;
        let envelope = format!("{:#}\n", wire::envelope(alert));
        replace(&self.folder.join(format!("{name}.json")), envelope.as_bytes())
    }
}

#[async_trait]
impl AlertSink for DirSink {
    async fn publish(&self, alerts: &[Alert]) -> Vec<Result<MessageId, PublishError>> {
        let place = self.folder.display().to_string();
        let one = |alert: &Alert| published(&place, self.write(alert), alert.finding.to_string());
        alerts.iter().map(one).collect()
    }
}

/// A reader of the folder sees a whole file or none.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let partial = path.with_extension("partial");
    std::fs::write(&partial, bytes)?;
    std::fs::rename(&partial, path)
}

fn published(
    place: &str,
    result: io::Result<()>,
    id: MessageId,
) -> Result<MessageId, PublishError> {
    result
        .map(|()| id)
        .map_err(|error| PublishError::Io { place: place.to_owned(), source: Arc::new(error) })
}
