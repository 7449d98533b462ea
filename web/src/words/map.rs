//! What the page says of the map of where a model looks.

/// A number with its sign.
pub fn signed(number: f32) -> String {
    // No minus before what is rounded to nothing.
    let number = if number.abs() < 0.000_5 { 0.0 } else { number };
    format!("{number:+.3}").replace('-', "−")
}

/// Where a cell of a square map lies.
fn place(at: usize, side: usize) -> String {
    let third = |part: usize| (3 * part) / side;
    let [down, across] = [third(at / side), third(at % side)];
    match (["upper", "", "lower"][down], ["left", "", "right"][across]) {
        ("", "") => "middle".to_owned(),
        ("", across) => format!("{across} edge"),
        (down, "") => format!("{down} middle"),
        (down, across) => format!("{down} {across}"),
    }
}

/// What a map says in a sentence: the cells without which a similarity falls most, and those without which it rises most.
pub fn relevance(falls: &[f32], side: usize) -> String {
    let by = |sign: f32| falls.iter().enumerate().max_by(|a, b| (sign * a.1).total_cmp(&(sign * b.1)));
    let (Some((most, fall)), Some((least, rise))) = (by(1.0), by(-1.0)) else { return String::new() };
    let mut said = format!("Most help: {} ({}).", place(most, side), signed(*fall));
    if *rise < 0.0 {
        said += &format!(" Most harm: {} ({}).", place(least, side), signed(*rise));
    }
    let row = falls.len() / side;
    if row < side { format!("Row {row} of {side}. {said}") } else { said }
}

/// The numbers of one cell of a map, for caption and foil.
pub fn cell(at: usize, side: usize, [caption, foil]: [f32; 2]) -> String {
    format!(
        "Row {}, column {}: worth {} to your caption and {} to the foil.",
        at / side + 1,
        at % side + 1,
        signed(caption),
        signed(foil)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_said_in_a_sentence() {
        let mut falls = vec![0.0; 49];
        falls[0] = 0.2;
        falls[24] = -0.1;
        assert_eq!(relevance(&falls, 7), "Most help: upper left (+0.200). Most harm: middle (−0.100).");
        assert!(relevance(&falls[..7], 7).starts_with("Row 1 of 7. Most help: upper left"));
        assert_eq!(relevance(&[], 7), "");
        assert_eq!(place(6, 7), "upper right");
        assert_eq!(place(21, 7), "left edge");
        assert_eq!(place(45, 7), "lower middle");
        assert_eq!(
            cell(8, 7, [0.1, -0.000_1]),
            "Row 2, column 2: worth +0.100 to your caption and +0.000 to the foil."
        );
    }
}
