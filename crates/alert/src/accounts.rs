//! The names that people gave their accounts.

use std::collections::BTreeMap;
use std::path::Path;

use detect::text::clean;
use thiserror::Error;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Characters of a name. AWS Organizations allows 50.
const LONGEST_NAME: usize = 64;

/// Names of accounts by their ids. The default knows none, and then ids stand alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accounts {
    names: BTreeMap<String, String>,
}

/// Everything that is wrong with a file of account names.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("account names cannot be used:\n  {}", .0.join("\n  "))]
pub struct AccountsError(pub Vec<String>);

impl Accounts {
    /// Reads a file of them, or none where there is no file.
    ///
    /// # Errors
    /// The file cannot be read, or as [`Accounts::parse`].
    pub fn from_file(path: Option<&Path>) -> Result<Accounts, AccountsError> {
        let Some(path) = path else { return Ok(Accounts::default()) };
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| AccountsError(vec![format!("{name}: {error}")]))?;
        Accounts::parse(&name, &text)
    }

    /// Reads the text of a file: TOML of lines such as `"111122223333" = "production"`. `path` is
    /// for what is said of it.
    ///
    /// # Errors
    /// All that is wrong, each with its line: not TOML, an id that is not 12 digits, a name that is
    /// no text of 1 to 64 characters.
    pub fn parse(path: &str, text: &str) -> Result<Accounts, AccountsError> {
        let mut accounts = Accounts::default();
        let mut problems = Vec::new();
        let mut wrong =
            |at: usize, what: String| problems.push(format!("{path}:{}: {what}", line(text, at)));
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            wrong(error.span().unwrap_or_default().start, format!("not TOML: {}", error.message()));
        }
        let entries = if errors.is_empty() { Some(table.get_ref()) } else { None };
        for (id, name) in entries.into_iter().flatten() {
            match entry(id.get_ref(), name) {
                Ok(name) => {
                    accounts.names.insert(id.get_ref().to_string(), name);
                }
                Err(what) => wrong(id.span().start, what),
            }
        }
        if problems.is_empty() { Ok(accounts) } else { Err(AccountsError(problems)) }
    }

    /// The name of an account, cleaned; absent where it has none.
    pub(super) fn name(&self, id: &str) -> Option<String> {
        self.names.get(id).map(|name| clean::text(name, LONGEST_NAME))
    }

    /// An account for people, cleaned: `111122223333 (production)`, or the id alone.
    pub(super) fn shown(&self, id: &str) -> String {
        let name = self.name(id).map(|name| format!(" ({name})"));
        clean::name(id) + &name.unwrap_or_default()
    }
}

/// The name of an account, or what is wrong with the entry.
fn entry(id: &str, name: &Spanned<DeValue<'_>>) -> Result<String, String> {
    if id.len() != 12 || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!(
            "`{}` is no account id: expected 12 digits in quotes",
            id.escape_debug()
        ));
    }
    let name = name.get_ref().as_str().map(str::trim);
    let name = name.filter(|name| (1..=LONGEST_NAME).contains(&name.chars().count()));
    name.map(str::to_owned)
        .ok_or_else(|| format!("the name of {id} must be a text of 1 to {LONGEST_NAME} characters"))
}

fn line(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_its_name_after_its_id() {
        let text = "# ours\n\"111122223333\" = \"production\"\n012345678901 = ' build \u{202e}'\n";
        let accounts = Accounts::parse("a.toml", text).unwrap();
        for (id, shown) in [
            ("111122223333", "111122223333 (production)"),
            ("012345678901", "012345678901 (build \\u{202e})"),
            ("444455556666", "444455556666"),
            ("not an id", "\"not an id\""),
        ] {
            assert_eq!(accounts.shown(id), shown);
        }
        assert_eq!(Accounts::default().name("111122223333"), None);
    }

    #[test]
    fn all_that_is_wrong_is_told_with_its_line() {
        let text = "\"111122223333\" = 7\n1111 = \"x\"\n\"444455556666\" = \" \"\nproduction = \"444455556666\"\n";
        let told = Accounts::parse("a.toml", text).unwrap_err().to_string();
        for start in [
            "a.toml:1: the name of 1111",
            "a.toml:2: `1111` is",
            "a.toml:3: the name of 4444",
            "a.toml:4: `pro",
        ] {
            assert!(told.contains(start), "{start} in {told}");
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
