//! Whole numbers in base 128, as the tables in `shared/lexicon` hold them.

use thiserror::Error;

/// Why bytes are no numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VarintError {
    /// The bytes end too early.
    #[error("truncated")]
    Truncated,
    /// A number is out of range.
    #[error("damaged")]
    Damaged,
}

/// Writes a number, low digits first, the top bit set on all but the last.
pub(crate) fn put(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Takes a number off the front.
///
/// # Errors
/// If there is none, or none of 32 bits.
pub(crate) fn take(bytes: &mut &[u8]) -> Result<u32, VarintError> {
    let mut number = 0u32;
    for shift in (0..32).step_by(7) {
        let byte = take_byte(bytes)?;
        number |= u32::from(byte & 0x7f).checked_shl(shift).ok_or(VarintError::Damaged)?;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(VarintError::Damaged)
}

/// Takes a byte off the front.
///
/// # Errors
/// If there is none.
pub(crate) fn take_byte(bytes: &mut &[u8]) -> Result<u8, VarintError> {
    let (&byte, rest) = bytes.split_first().ok_or(VarintError::Truncated)?;
    *bytes = rest;
    Ok(byte)
}

/// Takes as many lines off the front as the number before them says.
///
/// # Errors
/// If there are fewer, or one is not UTF-8.
pub(crate) fn take_lines<'b>(bytes: &mut &'b [u8]) -> Result<Vec<&'b str>, VarintError> {
    let count = take(bytes)?;
    let mut lines = Vec::new();
    for _ in 0..count {
        let end = bytes.iter().position(|byte| *byte == b'\n').ok_or(VarintError::Truncated)?;
        lines.push(std::str::from_utf8(&bytes[..end]).map_err(|_| VarintError::Damaged)?);
        *bytes = &bytes[end + 1..];
    }
    Ok(lines)
}

/// Writes lines and their number.
pub(crate) fn put_lines<'a>(bytes: &mut Vec<u8>, lines: impl ExactSizeIterator<Item = &'a str>) {
    put(bytes, lines.len() as u32);
    for line in lines {
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(b'\n');
    }
}
