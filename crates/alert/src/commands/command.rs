//! A command of the AWS CLI or of this program, ready to paste into a POSIX shell.

use detect::text::shell::{self, UnquotableValue};
use detect::text::{time, wrap};
use jiff::Timestamp;

/// Columns that a command is indented by.
const INDENT: usize = 4;

/// Columns that the further lines of a command are indented by.
const CONTINUED: usize = 6;

/// A command, or the reason why there is none.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Command {
    words: Result<Vec<String>, String>,
}

impl Command {
    /// `aws` and the words after it, which are ours.
    pub(crate) fn aws(words: &str) -> Command {
        Command::of("aws", words)
    }

    /// `trailbell` and the words after it, which are ours.
    pub(crate) fn trailbell(words: &str) -> Command {
        Command::of("trailbell", words)
    }

    fn of(program: &str, words: &str) -> Command {
        Command {
            words: Ok(std::iter::once(program)
                .chain(words.split(' '))
                .map(str::to_owned)
                .collect()),
        }
    }

    /// A place in S3, `s3://…`, as a word of its own.
    pub(crate) fn place(self, place: &str) -> Command {
        self.add("place of the logs", shell::quote_word(place))
    }

    /// `--option=value`: in this form a value that starts with a dash stays a value. Without the
    /// value, or with one that cannot be pasted, there is no command.
    pub(crate) fn with(self, option: &str, value: Option<&str>) -> Command {
        let word = value.ok_or(UnquotableValue::NotRecorded).and_then(shell::quote_word);
        self.push(option, &option[2..].replace('-', " "), word)
    }

    /// As [`Command::with`], but without a value the option is left out.
    pub(crate) fn known(self, option: &str, value: Option<&str>) -> Command {
        if value.is_some() { self.with(option, value) } else { self }
    }

    /// A word of ours.
    pub(crate) fn plain(self, word: &str) -> Command {
        Command { words: self.words.map(|words| append(words, word.to_owned())) }
    }

    /// `--lookup-attributes` for one attribute. In this form commas and equals signs have a meaning
    /// outside of quotes, and quotes and backslashes inside.
    /// Source: <https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-shorthand.html>
    pub(crate) fn lookup_attribute(self, attribute: &str, value: Option<&str>) -> Command {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-+./@:".contains(&byte);
        let argument = value.ok_or(UnquotableValue::NotRecorded).and_then(|value| {
            let value = match value {
                _ if value.contains(['"', '\\']) => return Err(UnquotableValue::NotPlain),
                _ if value.bytes().all(plain) => value.to_owned(),
                _ => format!("\"{value}\""),
            };
            shell::quote_word(&format!("AttributeKey={attribute},AttributeValue={value}"))
        });
        self.push("--lookup-attributes", "name to look up", argument)
    }

    /// `--start-time` and `--end-time`, so many hours before and after; neither where the time is
    /// not known.
    pub(crate) fn around(self, at: Option<Timestamp>, hours: i64) -> Command {
        let start = at.map(|at| time::format_command_time(at, -hours));
        let end = at.map(|at| time::format_command_time(at, hours));
        self.known("--start-time", start.as_deref()).known("--end-time", end.as_deref())
    }

    /// The command on one line, or why there is none.
    pub(crate) fn line(&self) -> Result<String, &str> {
        self.words.as_ref().map(|words| words.join(" ")).map_err(String::as_str)
    }

    /// The command on as many lines as it needs, joined for the shell by ` \`, or why there is
    /// none.
    pub(crate) fn lines(&self) -> Result<Vec<String>, &str> {
        let words = self.words.as_ref().map_err(String::as_str)?;
        let mut lines = Vec::new();
        let mut line = " ".repeat(INDENT - 1);
        for word in words {
            // Two columns are kept for the ` \`.
            if wrap::width(&line) + 1 + wrap::width(word) > wrap::COLUMNS - 2 {
                lines.push(format!("{line} \\"));
                line = " ".repeat(CONTINUED - 1);
            }
            line = format!("{line} {word}");
        }
        lines.push(line);
        Ok(lines)
    }

    fn push(self, option: &str, called: &str, word: Result<String, UnquotableValue>) -> Command {
        self.add(called, word.map(|word| format!("{option}={word}")))
    }

    fn add(self, called: &str, word: Result<String, UnquotableValue>) -> Command {
        let word = word.and_then(fits);
        let word = word.map_err(|refusal| format!("the {called} {}", refusal.reason()));
        Command { words: self.words.and_then(|words| Ok(append(words, word?))) }
    }
}

/// A word must fit on a line of its own: a word that is cut is another word.
fn fits(word: String) -> Result<String, UnquotableValue> {
    if wrap::width(&word) + CONTINUED + 2 > wrap::COLUMNS {
        Err(UnquotableValue::TooLong)
    } else {
        Ok(word)
    }
}

fn append(mut words: Vec<String>, word: String) -> Vec<String> {
    words.push(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_command_is_continued_between_words() {
        let command =
            Command::aws("iam x").with("--a", Some(&"y".repeat(80))).with("--b", Some("z"));
        let lines = command.lines().unwrap();
        assert_eq!(
            lines,
            [format!("    aws iam x --a={} \\", "y".repeat(80)), "      --b=z".to_owned()]
        );
        assert_eq!(command.line().unwrap(), format!("aws iam x --a={} --b=z", "y".repeat(80)));
    }

    #[test]
    fn a_value_that_cannot_be_pasted_leaves_a_reason() {
        for (value, reason) in [
            (None, "the group name is not in the record"),
            (Some("a\nb"), "the group name holds characters that names in AWS cannot have"),
            (Some(&*"x".repeat(100)), "the group name is too long for one line"),
            (Some("file://x"), "the group name would make the AWS CLI read a file or a URL"),
        ] {
            assert_eq!(
                Command::aws("iam get-group").with("--group-name", value).line(),
                Err(reason)
            );
        }
    }

    #[test]
    fn a_value_to_look_up_stays_one_value() {
        let lookup =
            |value| Command::aws("x").lookup_attribute("Username", Some(value)).line().unwrap();
        assert_eq!(
            lookup("alice"),
            "aws x --lookup-attributes=AttributeKey=Username,AttributeValue=alice"
        );
        assert_eq!(
            lookup("a,AttributeKey=b"),
            r#"aws x --lookup-attributes='AttributeKey=Username,AttributeValue="a,AttributeKey=b"'"#
        );
        let refused = Command::aws("x").lookup_attribute("Username", Some(r#"a",AttributeKey="b"#));
        assert_eq!(
            refused.line(),
            Err("the name to look up holds characters that names in AWS cannot have")
        );
    }
}
