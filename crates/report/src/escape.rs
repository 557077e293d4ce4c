//! Escapes what templates print.

use std::fmt::{self, Write};

use askama::filters::{Escaper, Html};
use detect::text::clean;

/// HTML without characters that hide, reorder or break text: those become escapes such as
/// `\u{202e}`.
#[derive(Debug, Clone, Copy)]
pub struct VisibleHtml;

impl Escaper for VisibleHtml {
    fn write_escaped_str<W: Write>(&self, out: W, text: &str) -> fmt::Result {
        Html.write_escaped_str(out, &clean::text(text, usize::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_invisible_characters_become_text() {
        for (raw, expected) in [
            ("Admins", "Admins"),
            ("<script>", "&#60;script&#62;"),
            ("\" onclick='x' &amp;", "&#34; onclick=&#39;x&#39; &#38;amp;"),
            ("a\u{202e}b\0c\n", "a\\u{202e}b\\u{0}c\\u{a}"),
            ("Größe 管理者", "Größe 管理者"),
        ] {
            let mut escaped = String::new();
            VisibleHtml.write_escaped_str(&mut escaped, raw).unwrap();
            assert_eq!(escaped, expected);
        }
    }
}
