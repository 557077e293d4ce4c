//! The functions of EQL, and what they take.

use query_core::nearest_name;

/// A function. Names are read in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// `add`, or `+`
    Add,
    /// `between`
    Between,
    /// `cidrMatch`
    CidrMatch,
    /// `concat`
    Concat,
    /// `divide`, or `/`
    Divide,
    /// `endsWith`
    EndsWith,
    /// `indexOf`
    IndexOf,
    /// `length`
    Length,
    /// `modulo`, or `%`
    Modulo,
    /// `multiply`, or `*`
    Multiply,
    /// `number`
    Number,
    /// `startsWith`
    StartsWith,
    /// `string`
    String,
    /// `stringContains`
    StringContains,
    /// `substring`
    Substring,
    /// `subtract`, or `-`
    Subtract,
    /// `wildcard`
    Wildcard,
}

/// A type, as far as it is known from the text of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A field, or `null`.
    Unknown,
    Text,
    Number,
    Boolean,
}

/// What a function takes and returns.
pub(super) struct Signature {
    pub(super) name: &'static str,
    pub(super) parameters: &'static [Kind],
    /// How many of the parameters are required.
    pub(super) required: usize,
    /// The last parameter can be repeated.
    pub(super) is_repeated: bool,
    /// It can be called with a `~`.
    pub(super) has_any_case: bool,
    pub(super) result: Kind,
}

const ALL: [Function; 17] = [
    Function::Add,
    Function::Between,
    Function::CidrMatch,
    Function::Concat,
    Function::Divide,
    Function::EndsWith,
    Function::IndexOf,
    Function::Length,
    Function::Modulo,
    Function::Multiply,
    Function::Number,
    Function::StartsWith,
    Function::String,
    Function::StringContains,
    Function::Substring,
    Function::Subtract,
    Function::Wildcard,
];

impl Function {
    /// The name in Elasticsearch's documentation.
    pub fn name(self) -> &'static str {
        self.signature().name
    }

    /// The arithmetic operator that calls the function.
    pub fn operator(self) -> Option<char> {
        match self {
            Function::Add => Some('+'),
            Function::Subtract => Some('-'),
            Function::Multiply => Some('*'),
            Function::Divide => Some('/'),
            Function::Modulo => Some('%'),
            _ => None,
        }
    }

    pub(super) fn find(name: &str) -> Option<Self> {
        ALL.into_iter().find(|function| function.name().eq_ignore_ascii_case(name))
    }

    /// The name that was probably meant.
    pub(super) fn nearest(name: &str) -> Option<&'static str> {
        nearest_name(name, ALL.map(Function::name))
    }

    pub(super) fn signature(self) -> Signature {
        use Kind::{Boolean, Number, Text, Unknown};
        let exact = |name, parameters: &'static [Kind], required, result| Signature {
            name,
            parameters,
            required,
            is_repeated: false,
            has_any_case: false,
            result,
        };
        let any_case = |signature: Signature| Signature { has_any_case: true, ..signature };
        let repeated = |signature: Signature| Signature { is_repeated: true, ..signature };
        match self {
            Function::Add => exact("add", &[Number, Number], 2, Number),
            Function::Between => any_case(exact("between", &[Text, Text, Text, Boolean], 3, Text)),
            // The type of an address is that of its field.
            Function::CidrMatch => repeated(exact("cidrMatch", &[Unknown, Text], 2, Boolean)),
            Function::Concat => repeated(exact("concat", &[Unknown], 1, Text)),
            Function::Divide => exact("divide", &[Number, Number], 2, Number),
            Function::EndsWith => any_case(exact("endsWith", &[Text, Text], 2, Boolean)),
            Function::IndexOf => any_case(exact("indexOf", &[Text, Text, Number], 2, Number)),
            Function::Length => exact("length", &[Text], 1, Number),
            Function::Modulo => exact("modulo", &[Number, Number], 2, Number),
            Function::Multiply => exact("multiply", &[Number, Number], 2, Number),
            Function::Number => exact("number", &[Text, Number], 1, Number),
            Function::StartsWith => any_case(exact("startsWith", &[Text, Text], 2, Boolean)),
            Function::String => exact("string", &[Unknown], 1, Text),
            Function::StringContains => {
                any_case(exact("stringContains", &[Text, Text], 2, Boolean))
            }
            Function::Substring => exact("substring", &[Text, Number, Number], 2, Text),
            Function::Subtract => exact("subtract", &[Number, Number], 2, Number),
            Function::Wildcard => any_case(repeated(exact("wildcard", &[Text, Text], 2, Boolean))),
        }
    }
}

impl Kind {
    /// With an article.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Kind::Unknown => "a value",
            Kind::Text => "a string",
            Kind::Number => "a number",
            Kind::Boolean => "`true` or `false`",
        }
    }

    pub(super) fn accepts(self, other: Kind) -> bool {
        self == other || self == Kind::Unknown || other == Kind::Unknown
    }
}

impl Signature {
    /// The type of the argument at an index; `None` if there are too many.
    pub(super) fn parameter(&self, index: usize) -> Option<Kind> {
        let last = self.parameters.last().filter(|_| self.is_repeated);
        self.parameters.get(index).or(last).copied()
    }

    /// How many arguments it takes, in words.
    pub(super) fn argument_count(&self) -> String {
        let most = self.parameters.len();
        let s = if self.required == 1 { "" } else { "s" };
        match self.required {
            required if self.is_repeated => format!("{required} argument{s} or more"),
            required if required == most => format!("{required} argument{s}"),
            required => format!("{required} or {most} arguments"),
        }
    }
}
