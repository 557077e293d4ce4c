//! Two configurations, as a person compares them.

use trailbell::store::Notifications;

const EVENTBRIDGE: &str = "every event to EventBridge";

/// One line for each thing that a bucket sends: `=` stays, `+` is added, `-` goes.
pub fn difference(before: &Notifications, after: &Notifications) -> Vec<String> {
    let (old, new) = (lines(before), lines(after));
    let mut told: Vec<String> = old
        .iter()
        .map(|line| format!("{} {line}", if new.contains(line) { '=' } else { '-' }))
        .collect();
    told.extend(new.iter().filter(|line| !old.contains(line)).map(|line| format!("+ {line}")));
    told
}

fn lines(of: &Notifications) -> Vec<String> {
    let unknown = of.unknown.iter().map(|path| format!("{path}, which this program does not know"));
    let eventbridge = of.eventbridge.then(|| EVENTBRIDGE.to_owned());
    of.routes.iter().map(ToString::to_string).chain(eventbridge).chain(unknown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailbell::store::{Filter, Route, Target};

    #[test]
    fn what_stays_what_goes_and_what_is_added() {
        let route = |name: &str| Route {
            id: Some(name.to_owned()),
            target: Target::Topic(format!("arn:{name}")),
            events: ["s3:ObjectCreated:*".to_owned()].into(),
            filter: Filter::from_prefix("a b/"),
        };
        let before = Notifications {
            routes: [route("one"), route("two")].into(),
            ..Notifications::default()
        };
        let after = Notifications {
            routes: [route("two"), route("three")].into(),
            eventbridge: true,
            unknown: vec![],
        };
        let told = |name: &str| {
            format!("s3:ObjectCreated:* of prefix \"a b/\" to topic arn:{name} (id \"{name}\")")
        };
        let expected = [
            format!("- {}", told("one")),
            format!("= {}", told("two")),
            format!("+ {}", told("three")),
            format!("+ {EVENTBRIDGE}"),
        ];
        assert_eq!(difference(&before, &after), expected);
    }
}
