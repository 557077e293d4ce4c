//! A command that mends something, as a person pastes it into a shell.

use std::fmt;

use crate::text::shell;

/// A command on one line. Words in capitals are for the reader to fill in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command(String);

impl Command {
    /// A program and the words after it, which are ours.
    pub fn new(words: &str) -> Command {
        Command(words.to_owned())
    }

    /// `--option=VALUE`: in this form a value that starts with a dash stays a value. One that
    /// cannot be pasted safely becomes the option's name in capitals, to be filled in.
    pub fn with(self, option: &str, value: &str) -> Command {
        let word = shell::word(value).unwrap_or_else(|_| placeholder(option));
        Command(format!("{} {option}={word}", self.0))
    }

    /// As [`Command::with`], but without a value the option is left out.
    pub fn known(self, option: &str, value: Option<&str>) -> Command {
        match value {
            Some(value) => self.with(option, value),
            None => self,
        }
    }

    /// `export NAME=VALUE`. A value that is not known, or cannot be pasted safely, is left to the
    /// reader.
    pub fn export(name: &str, value: Option<&str>) -> Command {
        let word =
            value.and_then(|value| shell::word(value).ok()).unwrap_or_else(|| "VALUE".to_owned());
        Command(format!("export {name}={word}"))
    }

    /// A word that is no option, such as a path.
    pub fn word(self, value: &str) -> Command {
        let word = shell::word(value).unwrap_or_else(|_| "PLACE".to_owned());
        Command(format!("{} {word}", self.0))
    }

    /// Words of ours.
    pub fn plain(self, words: &str) -> Command {
        Command(format!("{} {words}", self.0))
    }
}

fn placeholder(option: &str) -> String {
    option.trim_start_matches('-').replace('-', "_").to_ascii_uppercase()
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_and_what_cannot_be_pasted_is_left_to_the_reader() {
        for (value, told) in [
            ("logs", "trailbell attach --bucket=logs"),
            ("-x", "trailbell attach --bucket=-x"),
            ("two words", "trailbell attach --bucket='two words'"),
            ("it's $(reboot)", r"trailbell attach --bucket='it'\''s $(reboot)'"),
            ("a\nb", "trailbell attach --bucket=BUCKET"),
            ("\u{e9}t\u{e9}", "trailbell attach --bucket=BUCKET"),
        ] {
            assert_eq!(Command::new("trailbell attach").with("--bucket", value).to_string(), told);
        }
        for (value, told) in [
            (Some("eu-central-1"), "export AWS_REGION=eu-central-1"),
            (Some("x; reboot"), "export AWS_REGION='x; reboot'"),
            (Some("x\u{1b}[2J"), "export AWS_REGION=VALUE"),
            (None, "export AWS_REGION=VALUE"),
        ] {
            assert_eq!(Command::export("AWS_REGION", value).to_string(), told);
        }
    }
}
