//! The stand-ins' clock. It runs with this machine's and can be moved forward, so that no test
//! waits for a lease or a visibility timeout.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// How dates are written in headers.
const HTTP_DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";

/// A clock that is ahead of this machine's, never behind.
#[derive(Debug, Default)]
pub struct VirtualClock {
    ahead_ms: AtomicI64,
}

impl VirtualClock {
    /// A clock that starts a few seconds into a window of `seconds`, aligned to UTC: what a test
    /// puts is then counted in one window.
    pub fn at_window_start(seconds: i64) -> VirtualClock {
        let clock = VirtualClock::default();
        let into = clock.now().as_second().rem_euclid(seconds);
        clock.advance(SignedDuration::from_secs(seconds - into + 5));
        clock
    }

    /// The time, to the millisecond.
    #[expect(clippy::disallowed_methods, reason = "the function goes by the real clock")]
    pub fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_millis(self.ahead_ms.load(Ordering::Relaxed));
        Timestamp::now().checked_add(ahead).unwrap()
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: SignedDuration) {
        let ms = i64::try_from(by.as_millis()).unwrap().max(0);
        self.ahead_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// Moves the clock forward to `time`. Does nothing if it is past that.
    pub fn advance_to(&self, time: Timestamp) {
        // A millisecond more, since this clock is no finer.
        let ms = SignedDuration::from_millis(1);
        self.advance(time.duration_since(self.now()).saturating_add(ms));
    }
}

/// A time as in the headers `Date` and `Last-Modified`: whole seconds.
pub fn http_date(time: Timestamp) -> String {
    time.strftime(HTTP_DATE).to_string()
}
