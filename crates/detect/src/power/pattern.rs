//! IAM's patterns: `*` stands for any text, `?` for one character.

/// A variable such as `${aws:username}`. IAM puts in its value.
const VARIABLE: &str = "${";
const OWN_USER: &str = "${aws:username}";

/// Characters kept of a resource's name.
const MAX_NAME_CHARS: usize = 64;

/// Returns true if a pattern matches an action, in any ASCII case. Each text between stars is
/// matched at its first occurrence, since the next star can match what follows. The time grows with
/// the length of the pattern, and the square of the (short) action.
pub(super) fn glob(pattern: &str, action: &str) -> bool {
    let mut pieces = pattern.as_bytes().split(|byte| *byte == b'*');
    let Some(rest) = pieces.next().and_then(|first| after_prefix(first, action.as_bytes())) else {
        return false;
    };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    let rest = pieces.try_fold(rest, |rest, piece| after_first(piece, rest));
    rest.and_then(|rest| rest.len().checked_sub(last.len()).map(|at| &rest[at..]))
        .is_some_and(|end| is_piece(last, end))
}

fn is_piece(piece: &[u8], text: &[u8]) -> bool {
    let is_same = |(a, b): (&u8, &u8)| *a == b'?' || a.eq_ignore_ascii_case(b);
    piece.len() == text.len() && piece.iter().zip(text).all(is_same)
}

fn after_prefix<'t>(piece: &[u8], text: &'t [u8]) -> Option<&'t [u8]> {
    let (start, rest) = text.split_at_checked(piece.len())?;
    is_piece(piece, start).then_some(rest)
}

fn after_first<'t>(piece: &[u8], text: &'t [u8]) -> Option<&'t [u8]> {
    let last = text.len().checked_sub(piece.len())?;
    (0..=last).find_map(|at| after_prefix(piece, &text[at..]))
}

/// Returns true for a pattern that matches every text: stars only, or stars and question marks,
/// which IAM treats the same here since no resource is shorter.
pub(super) fn matches_all(pattern: &str) -> bool {
    pattern.contains('*') && pattern.bytes().all(|byte| b"*?".contains(&byte))
}

/// A kind of resource, such as the roles of all accounts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ResourceKind {
    /// The ARNs of all of them: `arn:*:iam::*:role/*`. At most 127 bytes.
    arns: &'static str,
    noun: &'static str,
}

/// What a list of resources has of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Coverage {
    /// None.
    Nothing,
    /// The principal's own user.
    OwnUser,
    /// All but the principal's own user.
    NotOwnUser,
    /// Some, in words: `on role deploy`.
    Some(String),
    /// All.
    All,
}

/// How one pattern of resources relates to a kind.
enum Relation {
    Disjoint,
    OwnUser,
    Overlaps,
    Covers,
}

impl ResourceKind {
    pub(super) fn new(arns: &'static str, noun: &'static str) -> ResourceKind {
        ResourceKind { arns, noun }
    }

    /// What a `Resource` element has of this kind.
    pub(super) fn in_resource<'p>(&self, patterns: impl Iterator<Item = &'p str>) -> Coverage {
        let mut own_user = false;
        let mut overlapping = Vec::new();
        for pattern in patterns {
            match self.relation(pattern) {
                Relation::Disjoint => {}
                Relation::OwnUser => own_user = true,
                Relation::Overlaps => overlapping.push(pattern),
                Relation::Covers => return Coverage::All,
            }
        }
        match (overlapping.is_empty(), own_user) {
            (true, true) => Coverage::OwnUser,
            (true, false) => Coverage::Nothing,
            (false, _) => Coverage::Some(format!("on {}", self.in_words(&overlapping))),
        }
    }

    /// What a `NotResource` element leaves of this kind.
    pub(super) fn in_not_resource<'p>(&self, patterns: impl Iterator<Item = &'p str>) -> Coverage {
        match self.in_resource(patterns) {
            Coverage::All => Coverage::Nothing,
            Coverage::Nothing => Coverage::All,
            Coverage::OwnUser | Coverage::NotOwnUser => Coverage::NotOwnUser,
            Coverage::Some(on) => Coverage::Some(format!("not {on}")),
        }
    }

    fn relation(&self, pattern: &str) -> Relation {
        if matches_all(pattern) {
            return Relation::Covers;
        }
        if !overlaps(self.arns.as_bytes(), pattern) {
            return Relation::Disjoint;
        }
        if pattern.rsplit('/').next() == Some(OWN_USER) {
            return Relation::OwnUser;
        }
        // The policy is of one account and partition, and can only name its own.
        let mut parts: Vec<&str> = pattern.splitn(6, ':').collect();
        if let ["arn", partition, rest @ ..] = &mut parts[..] {
            *partition = "*";
            if let [_, _, account, _] = rest {
                *account = "*";
            }
        }
        match contains_stars(&parts.join(":"), self.arns) {
            true => Relation::Covers,
            false => Relation::Overlaps,
        }
    }

    /// `role deploy`, `roles app-*`, `2 roles`.
    fn in_words(&self, patterns: &[&str]) -> String {
        let plural = match self.noun.strip_suffix('y') {
            Some(stem) => format!("{stem}ies"),
            None => format!("{}s", self.noun),
        };
        let is_one = |pattern: &&str| !resource(pattern).contains(['*', '?', '$']);
        match patterns {
            [pattern] if is_one(pattern) => {
                let name = resource(pattern).rsplit(['/', ':']).next().unwrap_or_default();
                format!("{} {}", self.noun, cut(name))
            }
            [pattern] if !pattern.contains(VARIABLE) => {
                let resource = resource(pattern);
                let name = resource.split_once(['/', ':']).map_or(resource, |(_, name)| name);
                format!("{plural} {}", cut(name))
            }
            [_] => format!("{plural} of a pattern"),
            patterns if patterns.iter().all(is_one) => format!("{} {plural}", patterns.len()),
            patterns => format!("{plural} of {} patterns", patterns.len()),
        }
    }
}

/// The part of an ARN after the account.
fn resource(pattern: &str) -> &str {
    pattern.splitn(6, ':').nth(5).unwrap_or(pattern)
}

fn cut(name: &str) -> String {
    name.chars().take(MAX_NAME_CHARS).collect()
}

/// Returns true if the pattern matches all that `kind` stands for: a star of the kind can only be
/// matched by a star of the pattern.
fn contains_stars(pattern: &str, kind: &str) -> bool {
    !pattern.contains('?') && glob(pattern, kind)
}

/// Returns true if some text matches both a short pattern and a pattern of a policy. In the short
/// one only stars are special, and those before the last colon match no colon. In the policy's a
/// variable can be any text.
///
/// A set of positions in the short pattern is one bit each. One character of the policy's pattern
/// moves all of them at once, so that the time grows with the length of that pattern only.
fn overlaps(short: &[u8], pattern: &str) -> bool {
    let stars = bits(short, |byte| byte == b'*');
    let last_colon = short.iter().rposition(|byte| *byte == b':').unwrap_or_default();
    let stars_with_colons = stars & !((1 << last_colon) - 1);
    let end = 1_u128 << short.len();
    // A star can be empty. The tables have no two stars in a row.
    let skip_stars = |at: u128| at | ((at & stars) << 1);
    let mut at = skip_stars(1);
    let mut rest = pattern;
    while let Some(character) = rest.chars().next() {
        let variable = rest.strip_prefix(VARIABLE).and_then(|after| after.split_once('}'));
        let step = variable.map_or(character.len_utf8(), |(name, _)| name.len() + 3);
        rest = rest.get(step..).unwrap_or_default();
        at = match (character, variable) {
            ('*', _) | (_, Some(_)) => {
                // Any text leads from the first of the positions to each after it.
                let first = at & at.wrapping_neg();
                first.wrapping_neg() & (end | (end - 1))
            }
            ('?', None) => skip_stars((at << 1) | (at & stars)),
            _ => {
                let same = bits(short, |byte| char::from(byte) == character);
                let staying = if character == ':' { stars_with_colons } else { stars };
                skip_stars(((at & same & !stars) << 1) | (at & staying))
            }
        };
        if at & (end | (end - 1)) == 0 {
            return false;
        }
    }
    at & end != 0
}

fn bits(text: &[u8], is_in: impl Fn(u8) -> bool) -> u128 {
    let bits = text.iter().enumerate().filter(|(_, byte)| is_in(**byte));
    bits.fold(0, |all, (index, _)| all | (1 << index))
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The textbook matcher: takes exponential time.
    pub fn plain_glob(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => {
                plain_glob(rest, text) || (!text.is_empty() && plain_glob(pattern, &text[1..]))
            }
            ([b'?', rest @ ..], [_, text @ ..]) => plain_glob(rest, text),
            ([a, rest @ ..], [b, text @ ..]) if a.eq_ignore_ascii_case(b) => plain_glob(rest, text),
            _ => false,
        }
    }

    /// The same as `overlaps`, in the textbook way.
    fn plain_overlaps(a: &[u8], b: &[u8]) -> bool {
        match (a, b) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => {
                let matches_colon = !rest.contains(&b':');
                let is_matched = b.first().is_some_and(|byte| *byte != b':' || matches_colon);
                plain_overlaps(rest, b) || (is_matched && plain_overlaps(a, &b[1..]))
            }
            (_, [b'*', rest @ ..]) => {
                plain_overlaps(a, rest) || (!a.is_empty() && plain_overlaps(&a[1..], b))
            }
            ([_, a @ ..], [b'?', b @ ..]) => plain_overlaps(a, b),
            ([x, a @ ..], [y, b @ ..]) if x == y => plain_overlaps(a, b),
            _ => false,
        }
    }

    #[test]
    fn patterns_match_actions_as_in_iam() {
        for (pattern, action, expected) in [
            ("iam:PutUserPolicy", "iam:putuserpolicy", true),
            ("IAM:putuserpolicy", "iam:putuserpolicy", true),
            ("iam:Put*", "iam:putuserpolicy", true),
            ("iam:*Policy", "iam:putuserpolicy", true),
            ("iam:*User*", "iam:putuserpolicy", true),
            ("iam:P?tUserPolicy", "iam:putuserpolicy", true),
            ("iam:P?UserPolicy", "iam:putuserpolicy", false),
            ("iam:*Policy?", "iam:putuserpolicy", false),
            ("iam:*y", "iam:putuserpolicy", true),
            ("iam:Put*Put*", "iam:putuserpolicy", false),
            ("iam:putuserpolic*icy", "iam:putuserpolicy", false),
            ("*", "iam:putuserpolicy", true),
            ("*:*", "iam:putuserpolicy", true),
            ("*:put*", "iam:putuserpolicy", true),
            ("i*:*", "iam:putuserpolicy", true),
            ("**", "iam:putuserpolicy", true),
            ("iam:", "iam:putuserpolicy", false),
            ("iam", "iam:putuserpolicy", false),
            ("", "iam:putuserpolicy", false),
            ("iam:PutUserPolicies", "iam:putuserpolicy", false),
        ] {
            assert_eq!(glob(pattern, action), expected, "{pattern}");
            assert_eq!(plain_glob(pattern.as_bytes(), action.as_bytes()), expected, "{pattern}");
        }
    }

    #[test]
    fn a_list_of_resources_has_all_some_or_none_of_a_kind() {
        let role = ResourceKind::new("arn:*:iam::*:role/*", "role");
        let user = ResourceKind::new("arn:*:iam::*:user/*", "user");
        let policy = ResourceKind::new("arn:*:iam::*:policy/*", "policy");
        let some = |text: &str| Coverage::Some(text.to_owned());
        let account = "arn:aws:iam::111122223333";
        for (kind, resources, expected) in [
            (&role, "*".to_owned(), Coverage::All),
            (&role, "**?".to_owned(), Coverage::All),
            (&role, "arn:aws:iam::*".to_owned(), Coverage::All),
            (&role, "arn:aws:iam::*:*".to_owned(), Coverage::All),
            (&role, "arn:aws:iam::*:role/*".to_owned(), Coverage::All),
            (&role, format!("{account}:role/*"), Coverage::All),
            (&role, format!("{account}:*"), Coverage::All),
            (&role, format!("{account}:role*"), Coverage::All),
            (&role, format!("{account}:role/app-*"), some("on roles app-*")),
            (&role, format!("{account}:role/a/deploy"), some("on role deploy")),
            (&role, format!("{account}:role/a {account}:role/b"), some("on 2 roles")),
            (&role, format!("{account}:role/a {account}:role/b*"), some("on roles of 2 patterns")),
            (&policy, format!("{account}:policy/a {account}:policy/b"), some("on 2 policies")),
            (&role, format!("{account}:user/*"), Coverage::Nothing),
            (&role, "arn:aws:s3:::bucket/*".to_owned(), Coverage::Nothing),
            (&role, "arn:aws:s3:::bucket* arn:aws:iam::*:role/*".to_owned(), Coverage::All),
            (&role, "arn:aws:s3:*:*:role/x".to_owned(), Coverage::Nothing),
            (&role, "arn:aws:i??::*:role/x".to_owned(), some("on role x")),
            (&role, String::new(), Coverage::Nothing),
            (&user, format!("{account}:user/${{aws:username}}"), Coverage::OwnUser),
            (&user, "arn:aws:iam::*:user/*/${aws:username}".to_owned(), Coverage::OwnUser),
            (
                &user,
                "arn:aws:iam::*:user/${aws:username}*".to_owned(),
                some("on users of a pattern"),
            ),
            (
                &user,
                "arn:aws:iam::*:${aws:PrincipalTag/x}".to_owned(),
                some("on users of a pattern"),
            ),
        ] {
            let list = || resources.split_whitespace();
            assert_eq!(kind.in_resource(list()), expected, "{resources}");
            let not = match expected {
                Coverage::All => Coverage::Nothing,
                Coverage::Nothing => Coverage::All,
                Coverage::Some(on) => Coverage::Some(format!("not {on}")),
                _ => Coverage::NotOwnUser,
            };
            assert_eq!(kind.in_not_resource(list()), not, "{resources}");
        }
    }

    proptest! {
        #[test]
        fn the_fast_matcher_is_the_plain_one(pattern in "[abA:?*]{0,8}", text in "[ab:]{0,7}") {
            let expected = plain_glob(pattern.as_bytes(), text.as_bytes());
            prop_assert_eq!(glob(&pattern, &text), expected);
        }

        #[test]
        fn overlapping_patterns_are_found(
            short in "[ab:]{0,2}(\\*[ab:]{1,2}){0,2}\\*?",
            pattern in "[ab:?*]{0,7}",
        ) {
            let expected = plain_overlaps(short.as_bytes(), pattern.as_bytes());
            prop_assert_eq!(overlaps(short.as_bytes(), &pattern), expected);
        }
    }
}
