//! Alerts on a laptop: printed, or written to a folder.

use std::fs;
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
        alerts.iter().map(|alert| result("stdout", print(alert), "stdout".to_owned())).collect()
    }
}

fn print(alert: &Alert) -> io::Result<()> {
    let rule = "=".repeat(80);
    let mut out = io::stdout().lock();
    writeln!(out, "{rule}\nSubject: {}\n{rule}\n{}", alert.subject, alert.text)?;
    out.flush()
}

/// Writes each alert to a folder: `<finding id>.txt`, the mail, and `<finding id>.json`, everything
/// that SNS would get.
#[derive(Debug, Clone)]
pub struct DirSink {
    folder: PathBuf,
}

impl DirSink {
    /// Writes into `folder`, which is created with the first alert.
    pub fn new(folder: impl Into<PathBuf>) -> DirSink {
        DirSink { folder: folder.into() }
    }

    fn write(&self, alert: &Alert) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let path = |extension: &str| self.folder.join(format!("{}.{extension}", alert.finding));
        let mail = format!("Subject: {}\n\n{}", alert.subject, alert.text);
        let envelope = format!("{:#}\n", wire::envelope(alert));
        replace(&path("txt"), mail.as_bytes())?;
        replace(&path("json"), envelope.as_bytes())
    }
}

#[async_trait]
impl AlertSink for DirSink {
    async fn publish(&self, alerts: &[Alert]) -> Vec<Result<MessageId, PublishError>> {
        let place = self.folder.display().to_string();
        let publish = |alert| result(&place, self.write(alert), alert.finding.to_string());
        alerts.iter().map(publish).collect()
    }
}

/// Readers of the folder see the whole file or none.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let partial = path.with_extension("partial");
    fs::write(&partial, bytes)?;
    fs::rename(&partial, path)
}

fn result(place: &str, written: io::Result<()>, id: MessageId) -> Result<MessageId, PublishError> {
    let error = |error| PublishError::Io { place: place.to_owned(), source: Arc::new(error) };
    written.map(|()| id).map_err(error)
}
