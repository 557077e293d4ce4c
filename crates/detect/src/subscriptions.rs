//! Who receives the alerts: counts of a topic's subscriptions.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How many subscriptions a topic has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscriptions {
    /// Those that receive messages.
    pub confirmed: u64,
    /// Those that are not confirmed, and receive nothing.
    pub pending: u64,
    /// Those that were ended, or never confirmed, in the last days.
    pub deleted: u64,
}

impl Subscriptions {
    /// How many ended since an earlier count, at least.
    pub fn lost_since(self, earlier: Subscriptions) -> u64 {
        let gone = earlier.confirmed.saturating_sub(self.confirmed);
        // Another one may have been confirmed at the same time.
        gone.max(self.deleted.saturating_sub(earlier.deleted))
    }
}

impl fmt::Display for Subscriptions {
    /// A sentence without its full stop.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.confirmed {
            0 => write!(f, "no subscription of the topic is confirmed")?,
            1 => write!(f, "1 subscription of the topic is confirmed")?,
            count => write!(f, "{count} subscriptions of the topic are confirmed")?,
        }
        match self.pending {
            0 => Ok(()),
            1 => write!(f, ", and 1 is not and receives nothing"),
            count => write!(f, ", and {count} are not and receive nothing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(confirmed: u64, pending: u64, deleted: u64) -> Subscriptions {
        Subscriptions { confirmed, pending, deleted }
    }

    #[test]
    fn a_subscription_is_lost_if_fewer_are_confirmed_or_more_are_deleted() {
        for (earlier, later, expected) in [
            (counts(2, 0, 0), counts(2, 0, 0), 0),
            (counts(2, 0, 0), counts(1, 0, 1), 1),
            (counts(2, 0, 0), counts(0, 2, 0), 2),
            (counts(2, 0, 1), counts(2, 0, 2), 1),
            (counts(2, 1, 3), counts(3, 0, 0), 0),
        ] {
            assert_eq!(later.lost_since(earlier), expected, "{earlier:?} {later:?}");
        }
    }

    #[test]
    fn counts_are_a_sentence() {
        for (counts, expected) in [
            (counts(0, 0, 0), "no subscription of the topic is confirmed"),
            (
                counts(0, 1, 0),
                "no subscription of the topic is confirmed, and 1 is not and receives nothing",
            ),
            (counts(1, 0, 9), "1 subscription of the topic is confirmed"),
            (
                counts(3, 2, 0),
                "3 subscriptions of the topic are confirmed, and 2 are not and receive nothing",
            ),
        ] {
            assert_eq!(counts.to_string(), expected);
        }
    }
}
