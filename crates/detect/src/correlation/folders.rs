//! Which folders tell the story of one: its own, and what went on under the names that it had
//! before.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::mark::{Link, Mark};

/// Folders of one story: a name is changed seldom, and whoever changes it more often has told
/// enough.
const MOST: usize = 8;

/// The folders that are to be read for one story, one after the other.
#[derive(Debug)]
pub struct FolderWalk {
    waiting: Vec<FolderToRead>,
    read: BTreeSet<String>,
    marks: BTreeSet<Mark>,
}

/// A folder to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderToRead {
    /// Its hash.
    pub folder: String,
    /// Marks after this are of another story: the name was given up then.
    pub until: Timestamp,
}

impl FolderWalk {
    /// Starts with the folder of the present name.
    pub fn new(folder: &str) -> FolderWalk {
        let first = FolderToRead { folder: folder.to_owned(), until: Timestamp::MAX };
        FolderWalk { waiting: vec![first], read: BTreeSet::new(), marks: BTreeSet::new() }
    }

    /// The next folder to read, until there is none.
    pub fn next_folder(&mut self) -> Option<FolderToRead> {
        let next = self.waiting.pop()?;
        let wanted = self.read.len() < MOST && self.read.insert(next.folder.clone());
        if wanted { Some(next) } else { self.next_folder() }
    }

    /// Takes what was read in a folder.
    pub fn add(&mut self, next: &FolderToRead, marks: impl IntoIterator<Item = Mark>) {
        for mark in marks.into_iter().filter(|mark| mark.time <= next.until) {
            if let Some(Link::From(folder)) = &mark.link {
                self.waiting.push(FolderToRead { folder: folder.clone(), until: mark.time });
            }
            self.marks.insert(mark);
        }
    }

    /// All marks of the story, in order.
    pub fn marks(self) -> Vec<Mark> {
        self.marks.into_iter().collect()
    }
}

/// The folders whose stories an event at `time` is part of, besides the one in which these marks
/// are: what the group was called later.
pub fn later_folders(marks: &[Mark], time: Timestamp) -> impl Iterator<Item = &str> {
    marks.iter().filter(move |mark| mark.time >= time).filter_map(|mark| match &mark.link {
        Some(Link::To(folder)) => Some(folder.as_str()),
        _ => None,
    })
}
