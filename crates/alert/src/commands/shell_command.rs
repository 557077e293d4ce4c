//! A command of the AWS CLI or of this program, ready to paste into a POSIX shell.

use detect::text::shell::{self, UnquotableValue};
use detect::text::time;
use jiff::Timestamp;

/// A line of a mail has at most 998 bytes, and a command that is cut is another command.
/// Source: <https://www.rfc-editor.org/rfc/rfc5322#section-2.1.1>
const MAX_COMMAND_BYTES: usize = 900;

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

    /// Returns true if the two differ at most in the times that they look at.
    pub(crate) fn is_same_but_for_times(&self, other: &ResponseCommand) -> bool {
        let timeless = |command: &ResponseCommand| {
            let is_time = |word: &&String| {
                ["--start-time=", "--end-time=", "--since=", "--until="]
                    .iter()
                    .any(|option| word.starts_with(option))
            };
            let words = command.words.as_ref().ok()?;
            Some(words.iter().filter(|word| !is_time(word)).cloned().collect::<Vec<_>>())
        };
        timeless(self) == timeless(other)
    }

    /// The command on one line, or why there is none.
    pub(crate) fn line(&self) -> Result<String, &str> {
        self.words.as_ref().map(|words| words.join(" ")).map_err(String::as_str)
    }

    /// Loops that run the command once for each of the quoted names, with the name as the value of
    /// an option. As few as lines of a mail allow.
    pub(crate) fn for_each(&self, option: &str, names: &[String]) -> Vec<ResponseCommand> {
        let Ok(command) = self.line() else { return vec![self.clone()] };
        let end = format!("; do {command} {option}=\"$name\"; done");
        let room = MAX_COMMAND_BYTES.saturating_sub("for name in".len() + end.len());
        let mut loops: Vec<String> = Vec::new();
        for name in names {
            match loops.last_mut() {
                Some(list) if list.len() + 1 + name.len() <= room => list.extend([" ", name]),
                _ => loops.push(format!(" {name}")),
            }
        }
        let command = |list| ResponseCommand { words: Ok(vec![format!("for name in{list}{end}")]) };
        loops.into_iter().map(command).collect()
    }

    /// A loop that runs the command once for each word that another command prints, with the word
    /// as the value of an option.
    pub(crate) fn for_each_word_of(&self, list: &ResponseCommand, option: &str) -> ResponseCommand {
        let text = self.line().and_then(|command| {
            let list = list.line()?;
            Ok(format!("for word in $({list}); do {command} {option}=\"$word\"; done"))
        });
        ResponseCommand { words: text.map(|text| vec![text]).map_err(str::to_owned) }
    }

    /// Adds a word, or keeps the first reason why there is no command.
    fn push(self, label: &str, word: Result<String, UnquotableValue>) -> ResponseCommand {
        let words = self.words.and_then(|mut words| {
            let length = words.iter().map(|word| word.len() + 1).sum::<usize>();
            let fits = |word: &String| length + word.len() <= MAX_COMMAND_BYTES;
            let word = word.and_then(|it| Some(it).filter(fits).ok_or(UnquotableValue::TooLong));
            words.push(word.map_err(|refusal| format!("the {label} {}", refusal.reason()))?);
            Ok(words)
        });
        ResponseCommand { words }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_cannot_be_pasted_leaves_a_reason() {
        for (value, reason) in [
            (None, "the group name is not in the record"),
            (Some("a\nb"), "the group name holds characters that names in AWS cannot have"),
            (Some(&*"x".repeat(900)), "the group name is too long for one line"),
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
