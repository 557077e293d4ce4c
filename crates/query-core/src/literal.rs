//! Values in a query, parsed once for every type of field that they can be compared with.

use std::cmp::Ordering;
use std::fmt::{self, Display};
use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};
use jiff::Timestamp;

use super::date::{DateLiteral, DateRange, parse_instant};
use super::document::Value;

/// A value without wildcards. Quotes make no difference: `"5"` matches a number.
#[derive(Debug, Clone)]
pub struct Literal {
    text: String,
    number: Option<f64>,
    boolean: Option<bool>,
    ip: Option<IpAddr>,
    cidr: Option<IpNet>,
    date: Option<DateLiteral>,
}

/// The operator of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
}

impl Literal {
    /// The literal of a text, unescaped.
    pub fn new(text: String) -> Self {
        Self {
            number: parse_number(&text),
            boolean: text.parse().ok(),
            ip: text.parse().ok().map(|ip: IpAddr| ip.to_canonical()),
            cidr: text.parse().ok().map(canonical_cidr),
            date: DateLiteral::parse(&text),
            text,
        }
    }

    /// The literal, unescaped.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns true for `true` and `false`.
    pub fn is_boolean(&self) -> bool {
        self.boolean.is_some()
    }

    /// Returns true for an IP address.
    pub fn is_ip(&self) -> bool {
        self.ip.is_some()
    }

    /// Returns true for a CIDR block of IP addresses.
    pub fn is_cidr(&self) -> bool {
        self.cidr.is_some()
    }

    /// Returns true for ISO 8601 dates, epoch milliseconds and date math.
    pub fn is_date(&self) -> bool {
        self.date.is_some()
    }

    /// Returns true if a value of a field equals the literal. `now` is the time that date math
    /// counts from.
    pub fn equals(&self, value: Value<'_>, now: Timestamp) -> bool {
        match value {
            Value::Text(text) => text == self.text,
            Value::Name(name) => name.eq_ignore_ascii_case(&self.text),
            Value::Number(number) => self.number == Some(number),
            Value::Bool(boolean) => self.boolean == Some(boolean),
            Value::Ip(ip) => self.ip == Some(ip.to_canonical()) || self.contains_ip(ip),
            Value::Date(instant) => {
                let range = self.date.as_ref().map(|date| date.range(now));
                range.is_some_and(|range| (range.floor..=range.ceiling).contains(&instant))
            }
        }
    }

    /// Returns true if the literal is a block of addresses, and the address is in it.
    pub fn contains_ip(&self, ip: IpAddr) -> bool {
        self.cidr.is_some_and(|cidr| cidr.contains(&ip.to_canonical()))
    }

    /// Returns true if `field < literal`, or with another operator, holds for a value of the field.
    /// `now` is the time that date math counts from.
    pub fn compares(&self, comparison: Comparison, value: Value<'_>, now: Timestamp) -> bool {
        let order = match value {
            Value::Text(text) | Value::Name(text) => {
                return self.compares_text(comparison, text, now);
            }
            Value::Date(instant) => {
                let date = self.date.as_ref();
                return date.is_some_and(|date| comparison.accepts_date(instant, date.range(now)));
            }
            Value::Number(number) => self.number.and_then(|bound| number.partial_cmp(&bound)),
            Value::Ip(ip) => self.ip.map(|bound| ip_order(ip).cmp(&ip_order(bound))),
            Value::Bool(_) => None,
        };
        order.is_some_and(|order| comparison.accepts(order))
    }

    /// Compares bytes, as Elasticsearch does for keywords. For documents without a mapping,
    /// compares dates if both sides are unambiguous dates; `2026` and epoch milliseconds may be
    /// numbers.
    fn compares_text(&self, comparison: Comparison, text: &str, now: Timestamp) -> bool {
        let date = self.date.as_ref().filter(|_| self.number.is_none());
        match date.and_then(|date| Some((date, parse_instant(text)?))) {
            Some((date, instant)) => comparison.accepts_date(instant, date.range(now)),
            None => comparison.accepts(text.cmp(&self.text)),
        }
    }
}

impl PartialEq for Literal {
    fn eq(&self, other: &Self) -> bool {
        // The other fields follow from the text.
        self.text == other.text
    }
}

impl Comparison {
    /// `order`: of the value, relative to the bound.
    fn accepts(self, order: Ordering) -> bool {
        match self {
            Self::Below => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Above => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        }
    }

    fn accepts_date(self, instant: Timestamp, bound: DateRange) -> bool {
        match self {
            Self::Below | Self::AtLeast => self.accepts(instant.cmp(&bound.floor)),
            Self::AtMost | Self::Above => self.accepts(instant.cmp(&bound.ceiling)),
        }
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Above => ">",
            Self::AtLeast => ">=",
        })
    }
}

/// A finite decimal number; not `inf`, `nan` or hexadecimal.
fn parse_number(text: &str) -> Option<f64> {
    let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    text.parse().ok().filter(|number: &f64| is_decimal && number.is_finite())
}

/// Makes an IPv4-mapped block (`::ffff:192.0.2.0/120`) one of IPv4.
fn canonical_cidr(cidr: IpNet) -> IpNet {
    let IpNet::V6(v6) = cidr else { return cidr };
    let v4 = v6.addr().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96));
    v4.and_then(|(address, length)| Ipv4Net::new(address, length).ok()).map_or(cidr, IpNet::V4)
}

/// Elasticsearch orders IPv4 addresses as IPv4-mapped IPv6 addresses.
fn ip_order(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}
