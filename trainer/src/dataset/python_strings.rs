//! Lists of strings as Python prints them, which NegCLIP's tables hold.

/// The strings of a list as Python's `repr` writes it: either quote, with backslashes.
pub fn python_strings(list: &str) -> Option<Vec<String>> {
    let mut rest = list.trim().strip_prefix('[')?.strip_suffix(']')?.trim();
    let mut strings = Vec::new();
    while !rest.is_empty() {
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let mut text = String::new();
        let mut chars = rest[1..].char_indices();
        let end = loop {
            match chars.next()? {
                (at, c) if c == quote => break at + 1,
                (_, '\\') => text.push(match chars.next()?.1 {
                    'n' => '\n',
                    't' => '\t',
                    other => other,
                }),
                (_, c) => text.push(c),
            }
        };
        strings.push(text);
        rest = rest[end + 1..].trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    Some(strings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_as_python_prints_them() {
        let strings = |list: &str| python_strings(list);
        assert_eq!(strings(r"['a\'b', 'c\\d']"), Some(vec!["a'b".into(), r"c\d".into()]));
        assert_eq!(strings("[]"), Some(Vec::new()));
        for broken in ["", "['a'", "['a]", "[a]", "['a' 'b"] {
            assert_eq!(strings(broken), None, "{broken}");
        }
    }
}
