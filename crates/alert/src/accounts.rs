//! Names of AWS accounts.

use std::collections::BTreeMap;
use std::path::Path;

use detect::text::clean;
use thiserror::Error;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Characters of a name. AWS Organizations allows 50.
const MAX_NAME: usize = 64;

/// Names of accounts by id. The default has none, and then ids stand alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accounts {
    names: BTreeMap<String, String>,
}

/// The problems of a file of account names, each with the place.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("account names cannot be used:\n  {}", .0.join("\n  "))]
pub struct AccountsError(pub Vec<String>);

impl Accounts {
    /// Reads a file of account names. Without a path, no account has a name.
    ///
    /// # Errors
    /// Fails if the file cannot be read, or as [`Accounts::parse`].
    pub fn from_file(path: Option<&Path>) -> Result<Accounts, AccountsError> {
        let Some(path) = path else { return Ok(Accounts::default()) };
        let name = path.display().to_string();
        // To open or to read a pipe or a device may never end.
        if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(AccountsError(vec![format!("{name}: is not a regular file")]));
        }
        let text = std::fs::read_to_string(path)
            .map_err(|error| AccountsError(vec![format!("{name}: {error}")]))?;
        Accounts::parse(&name, &text)
    }

    /// Parses TOML with lines such as `"111122223333" = "production"`. `path` is used in errors.
    ///
    /// # Errors
    /// Fails if it is not TOML, if an id is not 12 digits, or if a name is not a text of 1 to 64
    /// characters. The error lists all problems by line.
    pub fn parse(path: &str, text: &str) -> Result<Accounts, AccountsError> {
        let mut names = BTreeMap::new();
        let mut problems = Vec::new();
        let mut push_problem = |offset: usize, problem: String| {
            let line = text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1;
            problems.push(format!("{path}:{line}: {problem}"));
        };
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let offset = error.span().unwrap_or_default().start;
            push_problem(offset, format!("not TOML: {}", error.message()));
        }
        // What could be recovered from a broken file is not judged.
        let entries = errors.is_empty().then(|| table.get_ref());
        for (id, name) in entries.into_iter().flatten() {
            match check_entry(id.get_ref(), name) {
                Ok(name) => drop(names.insert(id.get_ref().to_string(), name)),
                Err(problem) => push_problem(id.span().start, problem),
            }
        }
        if problems.is_empty() { Ok(Accounts { names }) } else { Err(AccountsError(problems)) }
    }

    /// Reads `ID=NAME` pairs, separated by commas.
    ///
    /// # Errors
    /// Fails if a pair has no id of 12 digits, or no name of 1 to 64 characters. The error lists
    /// all of these pairs.
    pub fn from_pairs(text: &str) -> Result<Accounts, AccountsError> {
        let mut names = BTreeMap::new();
        let mut problems = Vec::new();
        for pair in text.split(',').map(str::trim) {
            let (id, name) = pair.split_once('=').unwrap_or((pair, ""));
            match check_id(id.trim()).and_then(|id| Ok((id, check_name(id, Some(name))?))) {
                Ok((id, name)) => drop(names.insert(id.to_owned(), name)),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(Accounts { names }) } else { Err(AccountsError(problems)) }
    }

    /// The name of an account, cleaned.
    pub(crate) fn name(&self, id: &str) -> Option<String> {
        self.names.get(id).map(|name| clean::text(name, MAX_NAME))
    }

    /// `111122223333 (production)`, or the id alone; cleaned.
    pub fn label(&self, id: &str) -> String {
        match self.name(id) {
            Some(name) => format!("{} ({name})", clean::name(id)),
            None => clean::name(id),
        }
    }
}

/// Returns the name, trimmed, or what is wrong with the entry.
fn check_entry(id: &str, name: &Spanned<DeValue<'_>>) -> Result<String, String> {
    check_name(check_id(id)?, name.get_ref().as_str())
}

fn check_id(id: &str) -> Result<&str, String> {
    match id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(id),
        false => Err(format!(
            "`{}` is not an account id: expected 12 digits in quotes",
            id.escape_debug()
        )),
    }
}

fn check_name(id: &str, name: Option<&str>) -> Result<String, String> {
    match name.map(str::trim) {
        Some(name) if (1..=MAX_NAME).contains(&name.chars().count()) => Ok(name.to_owned()),
        _ => Err(format!("the name of {id} must be a text of 1 to {MAX_NAME} characters")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_account_follows_its_id() {
        let text = "# ours\n\"111122223333\" = \"production\"\n012345678901 = ' build \u{202e}'\n";
        let accounts = Accounts::parse("a.toml", text).unwrap();
        for (id, label) in [
            ("111122223333", "111122223333 (production)"),
            ("012345678901", "012345678901 (build \\u{202e})"),
            ("444455556666", "444455556666"),
            ("not an id", "\"not an id\""),
        ] {
            assert_eq!(accounts.label(id), label);
        }
        assert_eq!(Accounts::default().name("111122223333"), None);
    }

    #[test]
    fn pairs_are_names_too() {
        let accounts = Accounts::from_pairs("111122223333=production,012345678901 = a=b ").unwrap();
        assert_eq!(accounts.name("111122223333").as_deref(), Some("production"));
        assert_eq!(accounts.name("012345678901").as_deref(), Some("a=b"));
        let error = Accounts::from_pairs("111122223333=, 17=x,").unwrap_err();
        assert_eq!(error.0.len(), 3, "{error}");
    }

    #[test]
    fn every_problem_is_reported_with_its_line() {
        let text =
            "111122223333 = 7\n1111 = 'x'\n444455556666 = ' '\nproduction = '444455556666'\n";
        let error = Accounts::parse("a.toml", text).unwrap_err().to_string();
        for start in [
            "a.toml:1: the name of 1111",
            "a.toml:2: `1111` is",
            "a.toml:3: the name of 4444",
            "a.toml:4: `pro",
        ] {
            assert!(error.contains(start), "{start} in {error}");
        }
        assert!(
            Accounts::parse("a.toml", "x = ")
                .unwrap_err()
                .to_string()
                .contains("a.toml:1: not TOML")
        );
        let missing = Accounts::from_file(Some(Path::new("no/such.toml"))).unwrap_err().to_string();
        assert!(missing.contains("no/such.toml: "), "{missing}");
        assert_eq!(Accounts::from_file(None), Ok(Accounts::default()));
    }
}
