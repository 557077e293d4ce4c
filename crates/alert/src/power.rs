//! What a policy can do, in words.

use detect::finding::policy::Power;

/// The end of a sentence that begins with the policy: `allows everything`.
pub(crate) fn power_in_words(power: Power) -> &'static str {
    match power {
        Power::Everything => "allows everything",
        Power::Iam => "allows iam:*, in effect everything",
        Power::Nearly => "allows everything except what it excludes",
        Power::SomeIam => "allows iam:* on some resources",
    }
}
