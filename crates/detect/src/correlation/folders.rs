//! The folders of one timeline: a group that was renamed has one under each of its names.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::mark::{Link, Mark};

/// Groups are rarely renamed; older names than these are ignored.
const MAX_FOLDERS: usize = 8;

/// Reads the folders of one timeline, one after the other.
#[derive(Debug)]
pub struct FolderWalk {
    pending: Vec<FolderToRead>,
    read: BTreeSet<String>,
    marks: BTreeSet<Mark>,
}

/// A folder of the timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderToRead {
    /// Its hash.
    pub folder: String,
    /// When the name changed: later marks are of another group with the same name.
    pub until: Timestamp,
}

impl FolderWalk {
    /// Starts with the folder of the current name.
    pub fn new(folder: &str) -> FolderWalk {
        let first = FolderToRead { folder: folder.to_owned(), until: Timestamp::MAX };
        FolderWalk { pending: vec![first], read: BTreeSet::new(), marks: BTreeSet::new() }
    }

    /// The next folder to read; `None` if all were read.
    pub fn next_folder(&mut self) -> Option<FolderToRead> {
        while let Some(next) = self.pending.pop() {
            if self.read.len() < MAX_FOLDERS && self.read.insert(next.folder.clone()) {
                return Some(next);
            }
        }
        None
    }

    /// Adds the marks of a folder.
    pub fn add_marks(&mut self, read: &FolderToRead, marks: impl IntoIterator<Item = Mark>) {
        for mark in marks.into_iter().filter(|mark| mark.time <= read.until) {
            if let Some(Link::From(folder)) = &mark.link {
                self.pending.push(FolderToRead { folder: folder.clone(), until: mark.time });
            }
            self.marks.insert(mark);
        }
    }

    /// All marks of the timeline, by time.
    pub fn into_marks(self) -> Vec<Mark> {
        self.marks.into_iter().collect()
    }
}

/// The folders of later names: an event at `time` among these marks is part of their timelines too.
pub fn later_folders(marks: &[Mark], time: Timestamp) -> impl Iterator<Item = &str> {
    marks.iter().filter(move |mark| mark.time >= time).filter_map(|mark| match &mark.link {
        Some(Link::To(folder)) => Some(folder.as_str()),
        _ => None,
    })
}
