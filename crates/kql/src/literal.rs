//! A literal of a query, read once into every type it can be compared as.

use std::cmp::Ordering;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};
use jiff::Timestamp;

use super::ast::Comparison;
use super::date::{self, DateLiteral, Stretch};
use super::document::Value;

/// A value without wildcards. Quoted or not makes no difference: `"5"` is a number where the field
/// is one.
#[derive(Debug, Clone)]
pub struct Literal {
    text: String,
    number: Option<f64>,
    boolean: Option<bool>,
    address: Option<IpAddr>,
    block: Option<IpNet>,
    date: Option<DateLiteral>,
}

impl Literal {
    pub(super) fn new(text: String) -> Self {
        Self {
            number: number(&text),
            boolean: text.parse().ok(),
            address: text.parse().ok().map(|address: IpAddr| address.to_canonical()),
            block: text.parse().ok().map(canonical),
            date: DateLiteral::parse(&text),
            text,
        }
    }

    /// The literal, unescaped: what a keyword field must be.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it can equal a boolean: `true` or `false`.
    pub fn is_boolean(&self) -> bool {
        self.boolean.is_some()
    }

    /// Whether it is one IP address.
    pub fn is_ip(&self) -> bool {
        self.address.is_some()
    }

    /// Whether it is a CIDR block of IP addresses.
    pub fn is_cidr(&self) -> bool {
        self.block.is_some()
    }

    /// Whether it can be compared with a date: ISO 8601, epoch milliseconds or date math.
    pub fn is_date(&self) -> bool {
        self.date.is_some()
    }

    /// Whether `field: literal` holds for a value of the field.
    pub(super) fn equals(&self, value: Value<'_>, now: Timestamp) -> bool {
        match value {
            Value::Text(text) => text == self.text || self.has_address_of(text),
            Value::Number(number) => self.number == Some(number),
            Value::Bool(boolean) => self.boolean == Some(boolean),
            Value::Ip(address) => self.has_address(address),
            Value::Date(instant) => {
                self.date.as_ref().is_some_and(|date| date.stretch(now).holds(instant))
            }
        }
    }

    /// Whether `field < literal`, and so on, holds for a value of the field.
    pub(super) fn bounds(&self, comparison: Comparison, value: Value<'_>, now: Timestamp) -> bool {
        let order = match value {
            Value::Text(text) => return self.bounds_text(comparison, text, now),
            Value::Date(instant) => return self.bounds_date(comparison, instant, now),
            Value::Number(number) => self.number.and_then(|bound| number.partial_cmp(&bound)),
            Value::Ip(address) => self.address.map(|bound| position(address).cmp(&position(bound))),
            Value::Bool(_) => None,
        };
        order.is_some_and(|order| comparison.allows(order))
    }

    /// A keyword is never an ip to Elasticsearch, but the evaluator of Elastic's rules takes a
    /// block against any text that is an address, and a document without a mapping has only texts.
    fn has_address_of(&self, text: &str) -> bool {
        self.block.is_some_and(|block| {
            text.parse().is_ok_and(|address: IpAddr| block.contains(&address.to_canonical()))
        })
    }

    fn has_address(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.address == Some(address) || self.block.is_some_and(|block| block.contains(&address))
    }

    /// In the order of the bytes, as Elasticsearch does on keywords; but as dates where both are
    /// dates beyond doubt, for documents without a mapping. `2026` and epoch milliseconds are
    /// numbers as well, so not beyond doubt.
    fn bounds_text(&self, comparison: Comparison, text: &str, now: Timestamp) -> bool {
        let date = self.date.as_ref().filter(|_| self.number.is_none());
        match date.and_then(|date| Some((date.stretch(now), date::instant(text)?))) {
            Some((bound, instant)) => comparison.allows_instant(instant, bound),
            None => comparison.allows(text.cmp(self.text.as_str())),
        }
    }

    fn bounds_date(&self, comparison: Comparison, instant: Timestamp, now: Timestamp) -> bool {
        let date = self.date.as_ref();
        date.is_some_and(|date| comparison.allows_instant(instant, date.stretch(now)))
    }
}

impl PartialEq for Literal {
    fn eq(&self, other: &Self) -> bool {
        // The other forms follow from the text.
        self.text == other.text
    }
}

impl Comparison {
    /// Whether it holds, given how the value stands to the bound.
    fn allows(self, order: Ordering) -> bool {
        match self {
            Self::Below => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Above => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        }
    }

    fn allows_instant(self, instant: Timestamp, bound: Stretch) -> bool {
        match self {
            Self::Below | Self::AtLeast => self.allows(instant.cmp(&bound.floor)),
            Self::AtMost | Self::Above => self.allows(instant.cmp(&bound.ceiling)),
        }
    }
}

/// A finite decimal number; not `inf`, `nan` or hexadecimal.
fn number(text: &str) -> Option<f64> {
    let decimal = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    text.parse().ok().filter(|number: &f64| decimal && number.is_finite())
}

/// A block of IPv4 addresses that is written as one of IPv6 (`::ffff:192.0.2.0/120`) is one of
/// IPv4.
fn canonical(block: IpNet) -> IpNet {
    let IpNet::V6(v6) = block else { return block };
    let v4 = v6.addr().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96));
    v4.and_then(|(address, length)| Ipv4Net::new(address, length).ok()).map_or(block, IpNet::V4)
}

/// Where the address stands in Elasticsearch's order, in which IPv4 addresses are IPv6 ones.
fn position(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}
