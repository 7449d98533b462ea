//! What is done to a caption before it is split into tokens, where the library that trained the model did it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// How captions are cleaned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cleaning {
    /// As the `tokenizer.json` says, and not before.
    #[default]
    None,
    /// As open_clip does (`tokenizer.py`, `_clean_lower`): ftfy's `fix_text`, `html.unescape` twice, single spaces, lower case.
    OpenClip,
    /// As open_clip does for SigLIP (`_clean_canonicalize`): fixed and unescaped, no punctuation, lower case, single spaces.
    OpenClipCanonical,
    /// As transformers does for SigLIP (`SiglipTokenizer.canonicalize_text`): lower case, no punctuation, single spaces.
    Canonical,
    /// Lower case, as transformers does for SigLIP 2 (`Siglip2Tokenizer`).
    Lower,
}

impl Cleaning {
    /// Whether nothing is done.
    pub fn is_none(&self) -> bool {
        *self == Cleaning::None
    }

    /// The caption as the tokenizer should see it.
    pub fn clean<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self {
            Cleaning::None => Cow::Borrowed(text),
            Cleaning::OpenClip => Cow::Owned(single_spaces(&unescaped(text)).to_lowercase()),
            Cleaning::OpenClipCanonical => Cow::Owned(single_spaces(
                &without_punctuation(&unescaped(text).replace('_', " ")).to_lowercase(),
            )),
            Cleaning::Canonical => Cow::Owned(single_spaces(&without_punctuation(&text.to_lowercase()))),
            Cleaning::Lower => Cow::Owned(text.to_lowercase()),
        }
    }

    /// Where the word begins in a caption that holds a byte of the cleaned caption; words are counted, since cleaning keeps their
    /// order and hardly ever joins or splits one.
    pub fn origin(&self, text: &str, cleaned: &str, at: usize) -> usize {
        if self.is_none() {
            return at;
        }
        let before = &cleaned[..at];
        let is_inside = !before.is_empty() && !before.ends_with(' ');
        let nth = before.split_whitespace().count() - usize::from(is_inside);
        let word = text.split_whitespace().filter(|word| !self.clean(word).is_empty()).nth(nth);
        word.map_or(text.len(), |word| word.as_ptr() as usize - text.as_ptr() as usize)
    }
}

/// The text as somebody meant it.
fn unescaped(text: &str) -> String {
    let fixed = fix_text(text);
    htmlize::unescape(htmlize::unescape(&fixed)).into_owned()
}

fn single_spaces(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text without what Python calls punctuation, which is that of ASCII.
fn without_punctuation(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_punctuation()).collect()
}

/// ftfy 6's `fix_text`, but for text that was decoded wrongly: that is mended where UTF-8 was taken for Windows-1252 or Latin-1, and
/// not where it went through other code pages or lost bytes.
fn fix_text(text: &str) -> String {
    // A caption is nothing to unescape, ftfy thinks, if it has tags.
    let has_tags = text.contains('<');
    let mut text = text.to_owned();
    loop {
        let mut fixed = if has_tags { text.clone() } else { unescape_whole_entities(&text) };
        while let Some(decoded) = decoded_again(&fixed) {
            fixed = decoded;
        }
        let mut plain = String::with_capacity(fixed.len());
        let mut rest = fixed.chars();
        while let Some(c) = rest.next() {
            match c {
                '\u{80}'..='\u{9f}' => plain.push(WINDOWS_1252[c as usize - 0x80]),
                '\u{1b}' if is_terminal_escape(rest.as_str()) => {
                    rest.find(char::is_ascii_alphabetic);
                }
                _ => push_plain(c, &mut plain),
            }
        }
        let fixed: String = plain.nfc().collect();
        if fixed == text {
            return text;
        }
        text = fixed;
    }
}

/// Writes what a character stands for: ligatures and wide letters as plain ones, quotation marks straight, nothing for controls.
fn push_plain(c: char, text: &mut String) {
    match c {
        '\u{2bc}' | '\u{2018}'..='\u{201b}' => text.push('\''),
        '\u{201c}'..='\u{201f}' => text.push('"'),
        '\r' | '\u{2028}' | '\u{2029}' => text.push('\n'),
        '\u{0}'..='\u{8}'
        | '\u{b}'
        | '\u{e}'..='\u{1f}'
        | '\u{7f}'
        | '\u{206a}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffc}' => {}
        // ftfy keeps the long s.
        '\u{fb05}' => text.push_str("\u{17f}t"),
        '\u{132}'
        | '\u{133}'
        | '\u{149}'
        | '\u{1c4}'..='\u{1cc}'
        | '\u{1f1}'..='\u{1f3}'
        | '\u{3000}'
        | '\u{fb00}'..='\u{fb06}'
        | '\u{ff01}'..='\u{ffef}' => text.extend(std::iter::once(c).nfkc()),
        _ => text.push(c),
    }
}

/// Whether what follows an escape character is `[`, digits and semicolons, and a letter.
fn is_terminal_escape(behind: &str) -> bool {
    let Some(parameters) = behind.strip_prefix('[') else { return false };
    let end = parameters.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
    end.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// Replaces entities that end in a semicolon and are one whole entity.
fn unescape_whole_entities(text: &str) -> String {
    /// No name is longer.
    const LONGEST: usize = 24;
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let name = rest[1..].strip_prefix('#').unwrap_or(&rest[1..]);
        let length = name.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let end = rest.len() - name.len() + length;
        let entity = (1..=LONGEST).contains(&length) && rest[end..].starts_with(';');
        let whole = if entity { &rest[..=end] } else { &rest[..1] };
        let meaning = if entity { htmlize::unescape(whole) } else { Cow::Borrowed(whole) };
        // What is left of a semicolon says that only a part was an entity.
        plain.push_str(if meaning.contains(';') { whole } else { &meaning });
        rest = &rest[whole.len()..];
    }
    plain + rest
}

/// The text with what was UTF-8 and taken for Windows-1252 or Latin-1 read as UTF-8; nothing if there is no such thing.
fn decoded_again(text: &str) -> Option<String> {
    if text.is_ascii() {
        return None;
    }
    let mut decoded = String::with_capacity(text.len());
    let mut surely = 0;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (c, length) = sequence(rest).unwrap_or((first, first.len_utf8()));
        // Letters that hardly ever stand before a sign, and in UTF-8 before almost all of Europe's letters and signs. An É before
        // dots is an É before dots, unless there are many of its kind.
        if length > first.len_utf8() {
            surely += if matches!(first, 'Â' | 'Ã' | 'â' | 'ð') { SURE } else { 1 };
        }
        decoded.push(c);
        rest = &rest[length..];
    }
    (surely >= SURE).then_some(decoded)
}

/// How many sequences that may be a coincidence are none together.
const SURE: usize = 3;

/// The character that a text begins with if the bytes of its first characters in Windows-1252 are UTF-8 for one, and the length of
/// these characters.
fn sequence(text: &str) -> Option<(char, usize)> {
    let byte = |c: char| match c as u32 {
        code @ 0..=0xff => Some(code as u8),
        _ => WINDOWS_1252.iter().position(|known| *known == c).map(|at| 0x80 + at as u8),
    };
    let first = byte(text.chars().next()?)?;
    let count = match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    let bytes: Vec<u8> = text.chars().take(count).map(byte).collect::<Option<_>>()?;
    let c = std::str::from_utf8(&bytes).ok()?.chars().next()?;
    Some((c, text.chars().take(count).map(char::len_utf8).sum()))
}

/// Windows-1252 from byte 0x80 to 0x9f; bytes that it leaves out stand for themselves.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Captions, and what open_clip makes of them (ftfy 6.3.1, Python 3.11).
    #[test]
    fn captions_are_cleaned_as_open_clip_does() {
        let rows = [
            ("a man’s “red” car", "a man's \"red\" car"),
            ("rock &amp; roll &quot;stop&quot; it&#39;s &amp;amp; more", "rock & roll \"stop\" it's & more"),
            ("a ﬁre truck, a ＲＥＤ car　here", "a fire truck, a red car here"),
            ("a schÃ¶n car’s cafÃ© â€“ yes", "a schön car's café – yes"),
            ("schÃ¶n", "schön"),
            ("CAFÉ… É® naïve", "café… é® naïve"),
            ("ÐºÐ¾Ñ‚ ÐºÐ¾Ñ‚", "кот кот"),
            ("\u{feff}a red\u{85}car\r\nand\u{2028}more", "a red…car and more"),
            ("İstanbul ΣΙΣΥΦΟΣ ǅ ẞ K", "i̇stanbul σισυφος dž ß k"),
            ("ĳ Ǆ ǆ ǲ ﬅ ﬆ ŉ", "ij dž dž dz ſt st 'n"),
            ("  a\tred   cafe\u{301} ", "a red café"),
            ("a <b>red</b> car&rsquo;s &copy", "a <b>red</b> car’s ©"),
            ("a &notit; sign & co; AT&T", "a ¬it; sign & co; at&t"),
            ("\u{1b}[31mred\u{1b}[0m car\u{7}", "red car"),
            ("", ""),
        ];
        for (caption, cleaned) in rows {
            assert_eq!(Cleaning::OpenClip.clean(caption), cleaned, "{caption:?}");
        }
        assert_eq!(Cleaning::None.clean(" A &amp; B "), " A &amp; B ");
    }

    /// Captions, and what SigLIP's tokenizers make of them (open_clip 3.3.0, transformers 5.24.0, Python 3.11).
    #[test]
    fn captions_are_cleaned_as_for_siglip() {
        let rows = [
            ("A man’s “RED” car,  left_side!", ["a mans red car left side", "a man’s “red” car leftside"]),
            ("rock &amp; roll -- it&#39;s", ["rock roll its", "rock amp roll it39s"]),
            (" ?! ", ["", ""]),
        ];
        for (caption, [open_clip, transformers]) in rows {
            assert_eq!(Cleaning::OpenClipCanonical.clean(caption), open_clip, "{caption:?}");
            assert_eq!(Cleaning::Canonical.clean(caption), transformers, "{caption:?}");
        }
        assert_eq!(Cleaning::Lower.clean("A Red,  Car!"), "a red,  car!");
    }

    #[test]
    fn a_place_is_found_in_the_caption_as_it_was_written() {
        let caption = "  rock &amp; roll,\ta ﬁre truck";
        let cleaned = Cleaning::OpenClip.clean(caption);
        let origin = |at: usize| &caption[Cleaning::OpenClip.origin(caption, &cleaned, at)..];
        assert!(origin(0).starts_with("rock"));
        for (word, written) in
            [("& roll", "&amp;"), ("roll", "roll"), ("fire", "ﬁre"), ("ire", "ﬁre"), ("truck", "truck")]
        {
            let at = cleaned.find(word).expect("the word");
            assert!(origin(at).starts_with(written), "{word}: {}", origin(at));
        }
        assert_eq!(origin(cleaned.len()), "truck");
        assert_eq!(Cleaning::None.origin(caption, caption, 7), 7);
        assert_eq!(Cleaning::OpenClip.origin("", "", 0), 0);
    }
}
