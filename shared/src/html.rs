//! What every HTML report needs, of the trainer and of the page: a style, and text that stays text.

use std::fmt::{Display, Write};
use std::ops::Range;

/// The style sheet.
pub const STYLE: &str = include_str!("report.css");

/// Text that is shown as text: no caption or file name becomes markup.
pub struct Text<'t>(pub &'t str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '&' => f.write_str("&amp;"),
            '"' => f.write_str("&quot;"),
            c => f.write_char(c),
        })
    }
}

/// A text as HTML, with a stretch of it marked; an empty stretch marks nothing.
pub struct Marked<'t>(pub &'t str, pub Range<usize>);

impl Display for Marked<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Marked(text, span) = self;
        let [before, marked, behind] =
            [&text[..span.start], &text[span.clone()], &text[span.end..]].map(Text);
        match marked.0.is_empty() {
            true => write!(f, "{}", Text(text)),
            false => write!(f, "{before}<mark>{marked}</mark>{behind}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_never_becomes_markup() {
        assert_eq!(Text("<b> & \"x\"").to_string(), "&lt;b&gt; &amp; &quot;x&quot;");
    }

    #[test]
    fn a_stretch_is_marked() {
        assert_eq!(Marked("a <red> car", 2..7).to_string(), "a <mark>&lt;red&gt;</mark> car");
        assert_eq!(Marked("a car", 2..2).to_string(), "a car");
    }
}
