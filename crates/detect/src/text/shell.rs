//! Words and commands for a POSIX shell. A name that a caller of AWS chose never becomes a command.

use std::fmt;

use super::links::break_links;

/// Why a value cannot be put into a command to paste.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnquotableValue {
    /// The record does not hold the value.
    NotRecorded,
    /// It holds characters that names in AWS cannot have, such as a line break.
    NotPlain,
    /// It does not fit on one line of a mail.
    TooLong,
    /// The AWS CLI would read the file or fetch the URL, and use the content as the value.
    /// Source: <https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-parameters-file.html>
    ReadByCli,
}

impl UnquotableValue {
    /// The rest of a sentence that begins with the value's name: "the group name …".
    pub fn reason(self) -> &'static str {
        match self {
            UnquotableValue::NotRecorded => "is not in the record",
            UnquotableValue::NotPlain => "holds characters that names in AWS cannot have",
            UnquotableValue::TooLong => "is too long for one line",
            UnquotableValue::ReadByCli => "would make the AWS CLI read a file or a URL",
        }
    }
}

/// The value as a word of a shell, or a part of one: bare if that is safe, else in single quotes.
/// No part of it is a link in a mail.
///
/// # Errors
/// Fails if no quoting makes the value safe to paste.
pub fn quote_word(value: &str) -> Result<String, UnquotableValue> {
    let schemes = ["file://", "fileb://", "http://", "https://"];
    if !value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return Err(UnquotableValue::NotPlain);
    }
    if schemes.iter().any(|scheme| value.starts_with(scheme)) {
        return Err(UnquotableValue::ReadByCli);
    }
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || b"_-+=.,:/@".contains(&byte);
    let word = match !value.is_empty() && value.bytes().all(is_bare) {
        true => value.to_owned(),
        false => format!("'{}'", value.replace('\'', r"'\''")),
    };
    // The same word, in quotes or not.
    Ok(break_links(&word, ":''//"))
}

/// A command on one line. Words in capitals are for the reader to fill in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellCommand(String);

impl ShellCommand {
    /// Starts with words that need no quoting.
    pub fn new(words: &str) -> ShellCommand {
        ShellCommand(words.to_owned())
    }

    /// Sets a variable of the environment: `export NAME=VALUE`. A value that is unknown or cannot
    /// be quoted becomes `VALUE`.
    pub fn export(name: &str, value: Option<&str>) -> ShellCommand {
        let value = value.and_then(|value| quote_word(value).ok());
        ShellCommand(format!("export {name}={}", value.as_deref().unwrap_or("VALUE")))
    }

    /// Adds `--option=VALUE`: in this form a value that starts with a dash stays a value. A value
    /// that cannot be quoted becomes the option's name in capitals.
    pub fn option(self, option: &str, value: &str) -> ShellCommand {
        let placeholder = || option.trim_start_matches('-').replace('-', "_").to_ascii_uppercase();
        let value = quote_word(value).unwrap_or_else(|_| placeholder());
        self.words(&format!("{option}={value}"))
    }

    /// As [`ShellCommand::option`], if there is a value.
    pub fn optional(self, option: &str, value: Option<&str>) -> ShellCommand {
        match value {
            Some(value) => self.option(option, value),
            None => self,
        }
    }

    /// Adds a value that is not an option, such as a path. One that cannot be quoted becomes
    /// `PLACE`.
    pub fn argument(self, value: &str) -> ShellCommand {
        self.words(quote_word(value).as_deref().unwrap_or("PLACE"))
    }

    /// Adds words that need no quoting.
    pub fn words(self, words: &str) -> ShellCommand {
        ShellCommand(format!("{} {words}", self.0))
    }
}

impl fmt::Display for ShellCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_a_shell_interprets_are_quoted() {
        for (value, quoted) in [
            ("Admins", "Admins"),
            ("a+b=c,d.e@f-g_h", "a+b=c,d.e@f-g_h"),
            ("", "''"),
            ("two words", "'two words'"),
            ("it's", r"'it'\''s'"),
            ("$(reboot)", "'$(reboot)'"),
            ("`x`;y|z&", "'`x`;y|z&'"),
            ("~root", "'~root'"),
            ("a\\", "'a\\'"),
            ("!!", "'!!'"),
            ("s3://logs/a", "s3://logs/a"),
            ("x=https://a", "x=https:''//a"),
            ("x https://a", "'x https:''//a'"),
        ] {
            assert_eq!(quote_word(value).as_deref(), Ok(quoted), "{value}");
        }
    }

    #[test]
    fn values_that_cannot_be_pasted_safely_are_refused() {
        for (value, expected) in [
            ("a\nb", UnquotableValue::NotPlain),
            ("a\u{1b}[2J", UnquotableValue::NotPlain),
            ("a\u{202e}b", UnquotableValue::NotPlain),
            ("file:///etc/passwd", UnquotableValue::ReadByCli),
            ("https://example.com/", UnquotableValue::ReadByCli),
        ] {
            assert_eq!(quote_word(value), Err(expected), "{value:?}");
        }
    }

    #[test]
    fn values_in_commands_are_quoted_or_left_to_the_reader() {
        for (value, expected) in [
            ("logs", "trailbell attach --bucket=logs"),
            ("-x", "trailbell attach --bucket=-x"),
            ("two words", "trailbell attach --bucket='two words'"),
            ("it's $(reboot)", r"trailbell attach --bucket='it'\''s $(reboot)'"),
            ("a\nb", "trailbell attach --bucket=BUCKET"),
            ("\u{e9}t\u{e9}", "trailbell attach --bucket=BUCKET"),
        ] {
            let command = ShellCommand::new("trailbell attach").option("--bucket", value);
            assert_eq!(command.to_string(), expected);
        }
        for (value, expected) in [
            (Some("eu-central-1"), "export AWS_REGION=eu-central-1"),
            (Some("x; reboot"), "export AWS_REGION='x; reboot'"),
            (Some("x\u{1b}[2J"), "export AWS_REGION=VALUE"),
            (None, "export AWS_REGION=VALUE"),
        ] {
            assert_eq!(ShellCommand::export("AWS_REGION", value).to_string(), expected);
        }
    }
}
