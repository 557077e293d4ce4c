//! A simple and slow matcher: it lists everything, then filters.

use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::Timestamp;
use kql::{Comparison, Expr, ExprKind, Field, Test, Wildcard};

use crate::document::{Leaf, Typed};

/// The time for which [`date`] lists the dates.
pub fn now() -> Timestamp {
    "2026-03-18T12:34:56Z".parse().expect("a date")
}

pub fn matches(expr: &Expr, document: &Typed) -> bool {
    let results =
        || expr.children().iter().map(|expr| matches(expr, document)).collect::<BTreeSet<_>>();
    match expr.kind() {
        ExprKind::All => true,
        ExprKind::Leaf(leaf) => {
            let named: Vec<Leaf> = leaves("", document)
                .into_iter()
                .filter(|(name, _)| is_in_field(leaf.field(), name))
                .map(|(_, leaf)| leaf)
                .collect();
            let under = objects(document)
                .into_iter()
                .filter(|(path, _)| *leaf.field() == Field::Named(path.clone()));
            let object = *leaf.test() == Test::Exists
                && under.flat_map(|(_, object)| leaves("", &object)).count() > 0;
            object || named.iter().any(|value| accepts(leaf.test(), value))
        }
        ExprKind::Nested { path, expr } => objects(document)
            .iter()
            .filter(|(at, _)| at == path)
            .any(|(_, object)| matches(expr, object)),
        ExprKind::Not(_) => results() == BTreeSet::from([false]),
        ExprKind::And(_) => results() == BTreeSet::from([true]),
        ExprKind::Or(_) => results().contains(&true),
    }
}

fn leaves(prefix: &str, document: &Typed) -> Vec<(String, Leaf)> {
    let own = document.leaves.iter().map(|(name, leaf)| (format!("{prefix}{name}"), leaf.clone()));
    own.chain(
        document
            .objects
            .iter()
            .flat_map(|(path, object)| leaves(&format!("{prefix}{path}."), object)),
    )
    .collect()
}

fn objects(document: &Typed) -> Vec<(String, Typed)> {
    let own = document.objects.clone();
    let deeper = document.objects.iter().flat_map(|(path, object)| {
        objects(object).into_iter().map(move |(inner, object)| (format!("{path}.{inner}"), object))
    });
    own.into_iter().chain(deeper).collect()
}

fn is_in_field(field: &Field, name: &str) -> bool {
    match field {
        Field::Any => true,
        Field::Named(field) => field == name,
        Field::Like(wildcard) => like(wildcard, name),
    }
}

fn accepts(test: &Test, leaf: &Leaf) -> bool {
    match (test, leaf) {
        (Test::Exists, _) => true,
        (Test::Like(wildcard), Leaf::Text(text)) => like(wildcard, text),
        (Test::Like(wildcard), Leaf::Ip(address)) => like(wildcard, &address.to_string()),
        (Test::Like(_), _) => false,
        (Test::Equals(literal), leaf) => equals(literal.text(), leaf),
        (Test::Range(comparison, literal), leaf) => ranges(*comparison, literal.text(), leaf),
    }
}

pub fn like(wildcard: &Wildcard, text: &str) -> bool {
    let pattern = wildcard.pieces().flatten().cloned().collect::<Vec<_>>().join("\0");
    stars(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>())
}

/// A NUL is a star.
fn stars(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['\0', rest @ ..] => (0..=text.len()).any(|skipped| stars(rest, &text[skipped..])),
        [c, rest @ ..] => text.first() == Some(c) && stars(rest, &text[1..]),
    }
}

fn equals(literal: &str, leaf: &Leaf) -> bool {
    let in_block = |address: IpAddr| {
        literal.contains('/')
            && block(literal).is_some_and(|block| block.contains(&address.to_canonical()))
    };
    match leaf {
        Leaf::Text(text) => text == literal || text.parse().is_ok_and(in_block),
        Leaf::Number(number) => literal.parse() == Ok(*number),
        Leaf::Bool(boolean) => literal == boolean.to_string(),
        Leaf::Ip(address) => literal == address.to_canonical().to_string() || in_block(*address),
        Leaf::Date(at) => {
            date(literal).is_some_and(|(floor, ceiling)| floor <= *at && *at <= ceiling)
        }
    }
}

fn block(literal: &str) -> Option<ipnet::IpNet> {
    literal.parse().ok()
}

fn ranges(comparison: Comparison, literal: &str, leaf: &Leaf) -> bool {
    let holds = |less: bool, equal: bool| match comparison {
        Comparison::Below => less,
        Comparison::AtMost => less || equal,
        Comparison::Above => !less && !equal,
        Comparison::AtLeast => !less,
    };
    let dates = |at: Timestamp, (floor, ceiling): (Timestamp, Timestamp)| match comparison {
        Comparison::Below => at < floor,
        Comparison::AtMost => at <= ceiling,
        Comparison::Above => at > ceiling,
        Comparison::AtLeast => at >= floor,
    };
    match leaf {
        Leaf::Text(text) => {
            match (text.parse(), date(literal).filter(|_| literal.parse::<f64>().is_err())) {
                (Ok(at), Some(bound)) => dates(at, bound),
                _ => holds(text.as_str() < literal, text == literal),
            }
        }
        Leaf::Number(number) => {
            literal.parse::<f64>().is_ok_and(|bound| holds(*number < bound, *number == bound))
        }
        Leaf::Bool(_) => false,
        Leaf::Ip(address) => literal.parse().is_ok_and(|bound| {
            let wide = |address: IpAddr| match address.to_canonical() {
                IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
                IpAddr::V6(v6) => v6.to_bits(),
            };
            holds(wide(*address) < wide(bound), wide(*address) == wide(bound))
        }),
        Leaf::Date(at) => date(literal).is_some_and(|bound| dates(*at, bound)),
    }
}

/// The floor and ceiling of the dates in the generated queries, written by hand.
fn date(literal: &str) -> Option<(Timestamp, Timestamp)> {
    let (floor, ceiling) = match literal {
        "2026-01-01" | "2026" => ("2026-01-01T00:00:00Z", "2026-01-01T23:59:59.999999999Z"),
        "2026-01-01T12:00:00Z" => ("2026-01-01T12:00:00Z", "2026-01-01T12:00:00.999999999Z"),
        "1767268800000" => ("2026-01-01T12:00:00Z", "2026-01-01T12:00:00.000999999Z"),
        "now-1d" => ("2026-03-17T12:34:56Z", "2026-03-17T12:34:56Z"),
        "now/M" => ("2026-03-01T00:00:00Z", "2026-03-31T23:59:59.999999999Z"),
        "1" => ("1970-01-01T00:00:00.001Z", "1970-01-01T00:00:00.001999999Z"),
        "01" => return date("1"),
        "-2" => ("1969-12-31T23:59:59.998Z", "1969-12-31T23:59:59.998999999Z"),
        _ => return None,
    };
    Some((floor.parse().expect("a date"), ceiling.parse().expect("a date")))
}
