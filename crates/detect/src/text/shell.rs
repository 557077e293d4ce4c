//! Words for a POSIX shell. A name that a caller of AWS chose must never become a command.

/// Why a value is not put into a command to paste.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The record does not tell the value.
    NotRecorded,
    /// It holds something that names in AWS cannot, such as a line break.
    NotPlain,
    /// It does not fit on one line of a mail.
    TooLong,
    /// The AWS CLI would read the file, or fetch the URL, and use what it finds there as the value.
    /// Source: <https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-parameters-file.html>
    ReadByCli,
}

impl Refusal {
    /// What is said of the value instead, after its name: "the group name …".
    pub fn reason(self) -> &'static str {
        match self {
            Refusal::NotRecorded => "is not in the record",
            Refusal::NotPlain => "holds characters that names in AWS cannot have",
            Refusal::TooLong => "is too long for one line",
            Refusal::ReadByCli => "would make the AWS CLI read a file or a URL",
        }
    }
}

/// The value as (part of) one word of a shell: bare where that is safe, else in single quotes.
pub fn word(value: &str) -> Result<String, Refusal> {
    if !value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return Err(Refusal::NotPlain);
    }
    if ["file://", "fileb://", "http://", "https://"].iter().any(|scheme| value.starts_with(scheme))
    {
        return Err(Refusal::ReadByCli);
    }
    Ok(quote(value))
}

fn quote(value: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || b"_-+=.,:/@".contains(&byte);
    if !value.is_empty() && value.bytes().all(bare) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_interpret_is_quoted() {
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
        ] {
            assert_eq!(word(value).as_deref(), Ok(quoted), "{value}");
        }
    }

    #[test]
    fn what_cannot_be_pasted_safely_is_refused() {
        for (value, refusal) in [
            ("a\nb", Refusal::NotPlain),
            ("a\u{1b}[2J", Refusal::NotPlain),
            ("a\u{202e}b", Refusal::NotPlain),
            ("file:///etc/passwd", Refusal::ReadByCli),
            ("https://example.com/", Refusal::ReadByCli),
        ] {
            assert_eq!(word(value), Err(refusal), "{value:?}");
        }
    }
}
