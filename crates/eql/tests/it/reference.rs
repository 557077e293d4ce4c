//! A simple and slow evaluator: it lists every combination of values, and makes every text.

use eql::{
    Call, Case, Comparison, Constant, ConstantKind, Expr, ExprKind, Function, Leaf, Term, Test,
};

use crate::document::{self, Typed};

/// A value of a document or of a function. Documents of the properties have texts and numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum Plain {
    Text(String),
    Number { value: f64, is_integer: bool },
    Boolean(bool),
}

type Row = Vec<(String, Option<Plain>)>;

pub fn matches(expr: &Expr, document: &Typed) -> bool {
    let results: Vec<bool> = expr.children().iter().map(|expr| matches(expr, document)).collect();
    match expr.kind() {
        ExprKind::Constant(value) => *value,
        ExprKind::Not(_) => !results[0],
        ExprKind::And(_) => !results.contains(&false),
        ExprKind::Or(_) => results.contains(&true),
        ExprKind::Leaf(leaf) => {
            rows(leaf, document).iter().any(|row| accepts(leaf.test(), evaluate(leaf.term(), row)))
        }
    }
}

fn rows(leaf: &Leaf, document: &Typed) -> Vec<Row> {
    let mut rows = vec![Row::new()];
    leaf.term().for_each_field(&mut |name, _| {
        if rows[0].iter().any(|(known, _)| known == name) {
            return;
        }
        let mut values: Vec<Option<Plain>> = document
            .leaves
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, leaf)| Some(plain(leaf)))
            .collect();
        if values.is_empty() {
            values.push(None);
        }
        let with = |row: &Row, value: &Option<Plain>| {
            let mut row = row.clone();
            row.push((name.to_owned(), value.clone()));
            row
        };
        rows =
            rows.iter().flat_map(|row| values.iter().map(move |value| with(row, value))).collect();
    });
    rows
}

fn plain(leaf: &document::Leaf) -> Plain {
    match leaf {
        document::Leaf::Text(text) => Plain::Text(text.clone()),
        document::Leaf::Number(value) => {
            Plain::Number { value: *value, is_integer: value.trunc() == *value }
        }
        document::Leaf::Bool(value) => Plain::Boolean(*value),
        other => panic!("the properties do not make {other:?}"),
    }
}

fn constant(constant: &Constant) -> Plain {
    match constant.kind() {
        ConstantKind::Text => Plain::Text(constant.literal().text().to_owned()),
        ConstantKind::Number { value, is_integer } => Plain::Number { value, is_integer },
        ConstantKind::Boolean(value) => Plain::Boolean(value),
    }
}

fn accepts(test: &Test, value: Option<Plain>) -> bool {
    let Some(value) = value else { return *test == Test::IsNull };
    match test {
        Test::IsNull => false,
        Test::In(constants, case) => constants.iter().any(|it| equals(&value, it, *case)),
        Test::Differs(it) => !equals(&value, it, Case::Exact),
        Test::Compare(comparison, it) => {
            let (less, equal) = match (&value, constant(it)) {
                (Plain::Text(text), _) => {
                    let bound = it.literal().text();
                    (text.as_str() < bound, text == bound)
                }
                (Plain::Number { value, .. }, _) => match it.literal().text().parse::<f64>() {
                    Ok(bound) => (*value < bound, *value == bound),
                    Err(_) => return false,
                },
                (Plain::Boolean(_), _) => return false,
            };
            match comparison {
                Comparison::Below => less,
                Comparison::AtMost => less || equal,
                Comparison::Above => !less && !equal,
                Comparison::AtLeast => !less,
            }
        }
        Test::Like(wildcards, case) => {
            let Plain::Text(text) = value else { return false };
            wildcards.iter().any(|wildcard| {
                let pieces: Vec<_> = wildcard.pieces().map(|piece| piece.join("?")).collect();
                like(&pieces.join("*"), &text, *case)
            })
        }
        Test::Regex(regexes, case) => {
            let Plain::Text(text) = value else { return false };
            // The properties only have these.
            regexes.iter().any(|regex| match regex.source() {
                "a.*" => fold(&text, *case).starts_with('a'),
                "[ab]+" => !text.is_empty() && fold(&text, *case).chars().all(|c| "ab".contains(c)),
                other => panic!("no reference for {other}"),
            })
        }
    }
}

fn equals(value: &Plain, it: &Constant, case: Case) -> bool {
    let text = it.literal().text();
    match value {
        Plain::Text(value) if it.kind() == ConstantKind::Text => {
            fold(value, case) == fold(text, case)
        }
        Plain::Text(value) => value == text,
        Plain::Number { value, .. } => text.parse() == Ok(*value),
        Plain::Boolean(value) => text == value.to_string(),
    }
}

fn fold(text: &str, case: Case) -> String {
    if case == Case::Any { text.to_ascii_lowercase() } else { text.to_owned() }
}

/// `*` and `?` are wildcards.
fn like(pattern: &str, text: &str, case: Case) -> bool {
    fn matches(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], text) => text.is_empty(),
            (['*', rest @ ..], _) => {
                (0..=text.len()).any(|skipped| matches(rest, &text[skipped..]))
            }
            ([_, ..], []) => false,
            ([c, pattern @ ..], [other, text @ ..]) => {
                (*c == '?' || c == other) && matches(pattern, text)
            }
        }
    }
    let chars = |text: &str| fold(text, case).chars().collect::<Vec<_>>();
    matches(&chars(pattern), &chars(text))
}

fn evaluate(term: &Term, row: &Row) -> Option<Plain> {
    match term {
        Term::Null => None,
        Term::Constant(it) => Some(constant(it)),
        Term::Field { name, .. } => {
            row.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.clone())
        }
        Term::Call(call) => evaluate_call(call, row),
    }
}

fn evaluate_call(call: &Call, row: &Row) -> Option<Plain> {
    let arguments: Vec<Option<Plain>> =
        call.arguments().iter().map(|argument| evaluate(argument, row)).collect();
    let text = |index: usize| match arguments.get(index).cloned().flatten() {
        Some(Plain::Text(text)) => Some(text),
        _ => None,
    };
    let number = |index: usize| match arguments.get(index).cloned().flatten() {
        Some(Plain::Number { value, is_integer }) => Some((value, is_integer)),
        _ => None,
    };
    let folded = |index: usize| text(index).map(|text| fold(&text, call.case()));
    let is_field = matches!(call.arguments()[0], Term::Field { .. });
    let is_pattern = is_field && matches!(call.arguments().get(1), Some(Term::Constant(_)));
    let integer = |value: usize| Plain::Number { value: value as f64, is_integer: true };
    Some(match call.function() {
        Function::Length => integer(units(&text(0)?).len()),
        Function::StartsWith => Plain::Boolean(folded(0)?.starts_with(&folded(1)?)),
        Function::EndsWith if is_pattern => {
            Plain::Boolean(like(&format!("*{}", text(1)?), &text(0)?, call.case()))
        }
        Function::EndsWith => Plain::Boolean(folded(0)?.ends_with(&folded(1)?)),
        Function::StringContains if is_pattern => {
            Plain::Boolean(like(&format!("*{}*", text(1)?), &text(0)?, call.case()))
        }
        Function::StringContains => {
            let (text, part) = (folded(0)?, folded(1)?);
            Plain::Boolean(!text.is_empty() && !part.is_empty() && text.contains(&part))
        }
        Function::Wildcard => {
            let value = text(0)?;
            let mut patterns = (1..arguments.len()).filter_map(text);
            Plain::Boolean(patterns.any(|pattern| like(&pattern, &value, call.case())))
        }
        Function::Concat => {
            let parts: Option<Vec<String>> =
                arguments.iter().map(|argument| argument.as_ref().map(write)).collect();
            Plain::Text(parts?.concat())
        }
        Function::String => Plain::Text(write(arguments[0].as_ref()?)),
        Function::Substring => {
            let value = units(&text(0)?);
            let Some((start, _)) = number(1) else { return arguments[0].clone() };
            let at = |position: f64| {
                let position = position as i64;
                let length = value.len() as i64;
                let from_end = if position < 0 { position + length } else { position };
                from_end.clamp(0, length) as usize
            };
            let end = number(2).map_or(value.len(), |(end, _)| at(end));
            Plain::Text(String::from_utf16(&value[at(start).min(end)..end]).ok()?)
        }
        Function::Add | Function::Subtract | Function::Multiply => {
            let ((one, one_is), (other, other_is)) = (number(0)?, number(1)?);
            let value = match call.function() {
                Function::Add => one + other,
                Function::Subtract => one - other,
                _ => one * other,
            };
            Plain::Number { value, is_integer: one_is && other_is }
        }
        other => panic!("no reference for {other:?}"),
    })
}

fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

fn write(value: &Plain) -> String {
    match value {
        Plain::Text(text) => text.clone(),
        Plain::Number { value, is_integer: true } => value.to_string(),
        Plain::Number { value, .. } => format!("{value:?}"),
        Plain::Boolean(value) => value.to_string(),
    }
}
