//! What a policy can do, in words.

use detect::finding::policy::Power;

/// The end of a sentence that begins with the policy: `allows everything`.
pub(crate) fn power_in_words(power: Power) -> &'static str {
    match power {
        Power::Everything => "allows everything",
        Power::Iam => "allows all of IAM and so everything",
        Power::Nearly => "allows everything but what it excludes",
        Power::SomeIam => "allows all of IAM on some resources",
    }
}
