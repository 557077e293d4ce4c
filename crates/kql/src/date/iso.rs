//! ISO 8601 dates with parts left off at the end, as `strict_date_optional_time` takes them.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

use super::{Stretch, saturated};

const LAST_NANOSECOND: i32 = 999_999_999;

/// `2026`, `2026-01`, `2026-01-02`, `2026-01-02T03`, `…:04`, `…:05`, `….678`, and after a time `Z`
/// or `±hh[[:]mm]`; UTC without. `None` for anything else. Does not allocate, because documents'
/// texts are read with it too.
///
/// Elasticsearch's ceiling fills a missing time with the last of its kind, but a missing month or
/// day with the first: the ceiling of `2026-03` is the end of the first of March ("Missing date
/// components" in its range query).
pub(super) fn parse(text: &str) -> Option<Stretch> {
    let (date, clock) = match text.split_once('T') {
        Some((date, clock)) if date.len() == "2026-01-02".len() => (date, Some(clock)),
        Some(_) => return None,
        None => (text, None),
    };
    let date = whole(date, Scanner::date)?;
    let ((floor, ceiling), offset) = match clock {
        Some(clock) => whole(clock, |scanner| Some((scanner.time()?, scanner.offset()?)))?,
        None => ((Time::MIN, Time::MAX), Offset::UTC),
    };
    let at = |time| saturated(DateTime::from_parts(date, time), offset);
    Some(Stretch { floor: at(floor), ceiling: at(ceiling) })
}

/// What `read` makes of the text, if it reads it to the end.
fn whole<'t, T>(text: &'t str, read: impl FnOnce(&mut Scanner<'t>) -> Option<T>) -> Option<T> {
    let mut scanner = Scanner { rest: text.as_bytes() };
    read(&mut scanner).filter(|_| scanner.rest.is_empty())
}

struct Scanner<'t> {
    rest: &'t [u8],
}

impl Scanner<'_> {
    fn eat(&mut self, byte: u8) -> bool {
        let rest = self.rest.strip_prefix(&[byte]);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// A number of exactly so many digits, between these ends.
    fn number(&mut self, digits: usize, least: i16, most: i16) -> Option<i16> {
        let (head, rest) = self.rest.split_at_checked(digits)?;
        let all_digits = head.iter().all(u8::is_ascii_digit);
        let number = head.iter().fold(0, |number, digit| number * 10 + i16::from(digit & 0x0f));
        self.rest = rest;
        (all_digits && (least..=most).contains(&number)).then_some(number)
    }

    fn two_digits(&mut self, least: i16, most: i16) -> Option<i8> {
        self.number(2, least, most)?.try_into().ok()
    }

    fn date(&mut self) -> Option<Date> {
        let year = self.number(4, 0, 9999)?;
        let month = if self.eat(b'-') {
            self.two_digits(1, 12)?
        } else {
            return Date::new(year, 1, 1).ok();
        };
        let first = Date::new(year, month, 1).ok()?;
        if !self.eat(b'-') {
            return Some(first);
        }
        // Checked here, because an error of the library would allocate.
        let day = self.two_digits(1, i16::from(first.days_in_month()))?;
        Date::new(year, month, day).ok()
    }

    /// The first and the last instant of the time, as far as it is written.
    fn time(&mut self) -> Option<(Time, Time)> {
        let hour = self.two_digits(0, 23)?;
        if !self.eat(b':') {
            return between((hour, 0, 0, 0), (hour, 59, 59, LAST_NANOSECOND));
        }
        let minute = self.two_digits(0, 59)?;
        if !self.eat(b':') {
            return between((hour, minute, 0, 0), (hour, minute, 59, LAST_NANOSECOND));
        }
        let second = self.two_digits(0, 59)?;
        if !self.eat(b'.') && !self.eat(b',') {
            return between((hour, minute, second, 0), (hour, minute, second, LAST_NANOSECOND));
        }
        let nanosecond = self.fraction()?;
        between((hour, minute, second, nanosecond), (hour, minute, second, nanosecond))
    }

    /// One to nine digits, as nanoseconds.
    fn fraction(&mut self) -> Option<i32> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (head, rest) = self.rest.split_at(digits);
        self.rest = rest;
        let padded =
            head.iter().map(|digit| i32::from(digit & 0x0f)).chain(std::iter::repeat(0)).take(9);
        (1..=9).contains(&digits).then(|| padded.fold(0, |number, digit| number * 10 + digit))
    }

    fn offset(&mut self) -> Option<Offset> {
        let sign = match self.rest.first() {
            None => return Some(Offset::UTC),
            Some(b'Z') => 0,
            Some(b'+') => 1,
            Some(b'-') => -1,
            Some(_) => return None,
        };
        self.rest = &self.rest[1..];
        if sign == 0 {
            return Some(Offset::UTC);
        }
        let hours = self.two_digits(0, 18)?;
        let minutes =
            if self.eat(b':') || !self.rest.is_empty() { self.two_digits(0, 59)? } else { 0 };
        Offset::from_seconds(sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60)).ok()
    }
}

type Clock = (i8, i8, i8, i32);

fn between(first: Clock, last: Clock) -> Option<(Time, Time)> {
    let time =
        |(hour, minute, second, nanosecond)| Time::new(hour, minute, second, nanosecond).ok();
    Some((time(first)?, time(last)?))
}
