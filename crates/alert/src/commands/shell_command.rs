//! A command of the AWS CLI or of this program, ready to paste into a POSIX shell.

use detect::text::shell::{self, UnquotableValue};
use detect::text::{time, wrap};
use jiff::Timestamp;

const CONTINUATION_INDENT: usize = 6;

/// The words of a command, or the reason why there is none.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ResponseCommand {
    words: Result<Vec<String>, String>,
}

impl ResponseCommand {
    /// A program and words that need no quotes, e.g. `aws iam get-group`.
    pub(crate) fn new(words: &str) -> ResponseCommand {
        ResponseCommand { words: Ok(words.split(' ').map(str::to_owned).collect()) }
    }

    /// A place in S3, `s3://…`.
    pub(crate) fn place(self, place: &str) -> ResponseCommand {
        self.push("place of the logs", shell::quote_word(place))
    }

    /// `--option=value`: in this form a value that starts with a dash stays a value. If the value
    /// is missing or cannot be pasted, there is no command.
    pub(crate) fn option(self, option: &str, value: Option<&str>) -> ResponseCommand {
        let value = value.ok_or(UnquotableValue::NotRecorded).and_then(shell::quote_word);
        let label = option.trim_start_matches('-').replace('-', " ");
        self.push(&label, value.map(|value| format!("{option}={value}")))
    }

    /// As [`ResponseCommand::option`], but a missing value leaves the option out.
    pub(crate) fn option_if_known(self, option: &str, value: Option<&str>) -> ResponseCommand {
        if value.is_some() { self.option(option, value) } else { self }
    }

    /// `--lookup-attributes` for one attribute. In this form commas and equals signs have a meaning
    /// outside of quotes, and quotes and backslashes inside.
    /// Source: <https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-shorthand.html>
    pub(crate) fn lookup_attribute(self, attribute: &str, value: &str) -> ResponseCommand {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-+./@:".contains(&byte);
        let word = if value.contains(['"', '\\']) {
            Err(UnquotableValue::NotPlain)
        } else if value.bytes().all(is_plain) {
            shell::quote_word(&format!("AttributeKey={attribute},AttributeValue={value}"))
        } else {
            shell::quote_word(&format!("AttributeKey={attribute},AttributeValue=\"{value}\""))
        };
        self.push("name to look up", word.map(|word| format!("--lookup-attributes={word}")))
    }

    /// The options for start and end: some hours before and after a time. Neither if it is unknown.
    pub(crate) fn time_range(
        self,
        start: &str,
        end: &str,
        time: Option<Timestamp>,
        hours: i64,
    ) -> ResponseCommand {
        let shifted = |hours: i64| time.map(|time| time::format_command_time(time, hours));
        self.option_if_known(start, shifted(-hours).as_deref())
            .option_if_known(end, shifted(hours).as_deref())
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
        let mut line = " ".repeat(wrap::COMMAND_INDENT - 1);
        for word in words {
            // Two columns are reserved for the ` \`.
            if wrap::width(&line) + 1 + wrap::width(word) > wrap::COLUMNS - 2 {
                lines.push(format!("{line} \\"));
                line = " ".repeat(CONTINUATION_INDENT - 1);
            }
            line.push(' ');
            line.push_str(word);
        }
        lines.push(line);
        Ok(lines)
    }

    /// Adds a word, or keeps the first reason why there is no command.
    fn push(self, label: &str, word: Result<String, UnquotableValue>) -> ResponseCommand {
        let word = word
            .and_then(check_width)
            .map_err(|refusal| format!("the {label} {}", refusal.reason()));
        let words = self.words.and_then(|mut words| {
            words.push(word?);
            Ok(words)
        });
        ResponseCommand { words }
    }
}

/// A word must fit on a line of its own: a word that is cut is another word.
fn check_width(word: String) -> Result<String, UnquotableValue> {
    let fits = wrap::width(&word) + CONTINUATION_INDENT + 2 <= wrap::COLUMNS;
    if fits { Ok(word) } else { Err(UnquotableValue::TooLong) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_command_is_continued_between_words() {
        let command = ResponseCommand::new("aws iam x")
            .option("--a", Some(&"y".repeat(80)))
            .option("--b", Some("z"));
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
                ResponseCommand::new("aws iam get-group").option("--group-name", value).line(),
                Err(reason)
            );
        }
    }

    #[test]
    fn a_value_to_look_up_stays_one_value() {
        let lookup = |value| {
            ResponseCommand::new("aws x").lookup_attribute("Username", value).line().unwrap()
        };
        assert_eq!(
            lookup("alice"),
            "aws x --lookup-attributes=AttributeKey=Username,AttributeValue=alice"
        );
        assert_eq!(
            lookup("a,AttributeKey=b"),
            r#"aws x --lookup-attributes='AttributeKey=Username,AttributeValue="a,AttributeKey=b"'"#
        );
        let refused =
            ResponseCommand::new("aws x").lookup_attribute("Username", r#"a",AttributeKey="b"#);
        assert_eq!(
            refused.line(),
            Err("the name to look up holds characters that names in AWS cannot have")
        );
    }
}
