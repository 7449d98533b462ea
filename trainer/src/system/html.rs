//! What every HTML page of the trainer needs: a style, and text that stays text.

use std::fmt::{Display, Write};

/// The style sheet.
pub const STYLE: &str = include_str!("page.css");

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_never_becomes_markup() {
        assert_eq!(Text("<b> & \"x\"").to_string(), "&lt;b&gt; &amp; &quot;x&quot;");
    }
}
