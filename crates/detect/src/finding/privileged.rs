//! Groups that are privileged by their names.

use serde::Deserialize;

/// Names of groups, in which each `*` stands for any text. IAM ignores case in names, and so do
/// these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct PrivilegedGroups(Vec<String>);

impl PrivilegedGroups {
    /// Reads names that are separated by commas: `Admin*, breakglass`. Returns `None` if one of
    /// them is empty, or has a character that the name of a group cannot have.
    ///
    /// Source: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateGroup.html>
    pub fn parse(text: &str) -> Option<PrivilegedGroups> {
        let names = text.split(',').map(|name| name.trim().to_ascii_lowercase());
        names.map(|name| is_pattern(&name).then_some(name)).collect::<Option<_>>().map(Self)
    }

    /// A name for each pattern: what it says without its stars, and with a letter for each of them.
    pub fn examples(&self) -> impl Iterator<Item = String> {
        let with = |pattern: &String, text| pattern.replace('*', text);
        let examples = self.0.iter().flat_map(move |it| [with(it, ""), with(it, "x")]);
        examples.filter(|name| !name.is_empty())
    }

    /// Returns true if this is the name of a privileged group.
    pub fn include(&self, group: &str) -> bool {
        let group = group.to_ascii_lowercase();
        self.0.iter().any(|pattern| matches(pattern, &group))
    }
}

fn is_pattern(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"*+=.@-_".contains(&byte);
    !name.is_empty() && name.bytes().all(is_allowed)
}

/// Each part between stars is found at its first occurrence, since the next star can match what
/// follows.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    let inner = name.strip_prefix(first).and_then(|name| name.strip_suffix(last));
    let mut parts = middle.split('*');
    inner.is_some_and(|inner| {
        parts.try_fold(inner, |rest, part| Some(rest.split_once(part)?.1)).is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (patterns, name, expected) in [
            ("Admins", "admins", true),
            ("Admins", "Admins2", false),
            ("Admin*", "Administrators", true),
            ("*admin*", "billing-Admins", true),
            ("*-root", "x-root", true),
            ("*-root", "root", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c", false),
            ("ab*ba", "aba", false),
            ("*", "", true),
            ("x, break*", "breakglass", true),
        ] {
            let groups = PrivilegedGroups::parse(patterns).unwrap();
            assert_eq!(groups.include(name), expected, "{patterns} {name}");
        }
        assert!(!PrivilegedGroups::default().include("Admins"));
    }

    #[test]
    fn what_cannot_be_the_name_of_a_group_is_an_error() {
        for text in ["", "a,", "a b", "grüppe", "a/b", "a?"] {
            assert_eq!(PrivilegedGroups::parse(text), None, "{text:?}");
        }
    }
}
