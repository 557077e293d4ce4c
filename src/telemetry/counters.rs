//! Counters that are metrics: a field of a report, its metric and its line in docs/metrics.md have
//! one definition.

use serde::Serialize;

/// A metric of one invocation.
#[derive(Debug)]
pub(crate) struct Metric {
    pub(super) name: String,
    pub(super) unit: Unit,
    /// What it counts, for docs/metrics.md.
    #[cfg_attr(not(test), expect(dead_code, reason = "only the documentation reads it"))]
    pub(super) help: String,
    pub(super) value: u64,
}

/// CloudWatch's names of units.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) enum Unit {
    Count,
    Bytes,
    Seconds,
}

impl Metric {
    /// A counter of this name, which is written as a field is: `bad_records` is the metric
    /// `BadRecords`.
    pub(crate) fn new(prefix: &str, counter: &str, unit: Unit, help: &str, value: u64) -> Metric {
        let name = metric_name(prefix, counter);
        Metric { name, unit, help: help.trim().to_owned(), value }
    }

    pub(super) fn count(counter: &str, help: &str, value: u64) -> Metric {
        Metric::new("", counter, Unit::Count, help, value)
    }

    pub(super) fn of_outcome(
        things: &str,
        outcome: impl Serialize,
        help: &str,
        value: u64,
    ) -> Metric {
        let outcome = serde_json::to_value(outcome).unwrap_or_default();
        let outcome = outcome.as_str().unwrap_or_default();
        Metric::new(things, outcome, Unit::Count, help, value)
    }
}

/// `Findings` and `claimed_elsewhere` make `FindingsClaimedElsewhere`.
fn metric_name(prefix: &str, counter: &str) -> String {
    let words = counter.split('_').filter(|word| !word.is_empty());
    let capitalised = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    prefix.to_owned() + &words.map(capitalised).collect::<String>()
}

/// Defines a struct of counters. Those in `metrics` are metrics too: their names follow from the
/// names of the fields (after the prefix), and their documentation from the comments.
macro_rules! counters {
    (
        $(#[$struct_meta:meta])*
        pub struct $name:ident, metrics $prefix:literal {
            $( $(#[doc = $help:literal])+ $counter:ident: $unit:ident, )+
        } and {
            $( $(#[$field_meta:meta])* $field:ident: $type:ty, )*
        }
    ) => {
        $(#[$struct_meta])*
        pub struct $name {
            $( $(#[doc = $help])+ pub $counter: u64, )+
            $( $(#[$field_meta])* pub $field: $type, )*
        }

        impl $name {
            /// The counters that are metrics.
            pub(crate) fn metrics(&self) -> Vec<$crate::telemetry::counters::Metric> {
                use $crate::telemetry::counters::{Metric, Unit};
                vec![ $(
                    Metric::new(
                        $prefix,
                        stringify!($counter),
                        Unit::$unit,
                        concat!($($help),+),
                        self.$counter,
                    ),
                )+ ]
            }

            #[allow(dead_code, reason = "not every struct of counters is added up")]
            fn add_counters(&mut self, other: &$name) {
                $( self.$counter += other.$counter; )+
            }
        }
    };
}
pub(crate) use counters;
