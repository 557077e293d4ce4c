//! Lines of a mail that belong together, and how important they are.

/// Lines that are shown together or not at all.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item {
    pub(super) lines: Vec<String>,
    /// See [`rank`].
    pub(super) rank: u8,
    pub(super) is_left_out: bool,
    /// How many are said to be left out with it.
    pub(super) entries: usize,
}

/// How important lines are: those of the lowest rank are left out first.
pub(crate) mod rank {
    /// A note that something is not offered.
    pub(crate) const NONE: u8 = 5;
    /// Details that another line implies.
    pub(crate) const DETAIL: u8 = 10;
    /// An event of the timeline that is far from the finding's own.
    pub(crate) const FAR_EVENT: u8 = 20;
    /// A further command of a check.
    pub(crate) const FURTHER_CHECK: u8 = 30;
    /// A fact that is rarely needed.
    pub(crate) const MINOR_FACT: u8 = 60;
    /// A further command of what undoes the change.
    pub(crate) const FURTHER_UNDO: u8 = 90;
    pub(crate) const EXCEPTION: u8 = 95;
    pub(crate) const FACT: u8 = 110;
    pub(crate) const UNDO: u8 = 140;
    pub(crate) const IDENTIFIER: u8 = 150;
    pub(crate) const REASON: u8 = 200;
    /// Always shown.
    pub(crate) const KEEP: u8 = u8::MAX;

    /// An event of the timeline so many events from the finding's own; powerful policies are as
    /// important as its neighbours.
    pub(crate) fn near_event(distance: usize) -> u8 {
        [120, 120, 112, 100, 85, 75, 65].get(distance).copied().unwrap_or(FAR_EVENT)
    }

    /// The first command of the n-th check, from 0.
    pub(crate) fn check(nth: usize) -> u8 {
        [130, 122, 115, 105, 70].get(nth).copied().unwrap_or(FURTHER_CHECK)
    }
}

impl Item {
    pub(crate) fn new(rank: u8, lines: Vec<String>) -> Item {
        Item { lines, rank, is_left_out: false, entries: 1 }
    }

    /// Lines that nobody misses: the document has them.
    pub(crate) fn silent(self) -> Item {
        Item { entries: 0, ..self }
    }

    /// Stands for entries that are not shown, however much room there is. They are counted together
    /// with those around them that are left out.
    pub(crate) fn left_out(entries: usize) -> Item {
        Item { lines: Vec::new(), rank: rank::KEEP, is_left_out: true, entries }
    }
}

/// One item a line or paragraph.
pub(crate) fn items(rank: u8, lines: impl IntoIterator<Item = Vec<String>>) -> Vec<Item> {
    lines.into_iter().map(|lines| Item::new(rank, lines)).collect()
}
