//! The table of a [`Balance`] as a file.

use std::collections::HashMap;

use thiserror::Error;

use super::{Balance, Side};
use crate::lexicon::lexicon;
use crate::varint::{VarintError, put, put_lines, take, take_byte, take_lines};

/// What a table file begins with.
const MAGIC: &[u8] = b"foil-balance-1\n";

/// Strengths are kept in multiples of this, as signed bytes.
const STEP: f32 = 1.0 / 16.0;

/// Why a file is no table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BalanceError {
    /// The file does not begin as a table does.
    #[error("not a table of strengths, or of another version")]
    Unknown,
    /// The file ends too early, or a number is out of range.
    #[error("the table of strengths is {0}")]
    Unreadable(#[from] VarintError),
}

impl Balance {
    /// The table as a file: the terms and their strengths, the words of the context, and for each of their features the
    /// terms and strengths, numbers as differences in base 128. What is weaker than `at_least` is left out.
    pub fn to_bytes(&self, at_least: f32) -> Vec<u8> {
        let step = |strength: f32| ((strength / STEP).round().clamp(-127.0, 127.0) as i8) as u8;
        let mut bytes = MAGIC.to_vec();
        let known: Vec<usize> =
            (0..self.alone.len()).filter(|term| self.alone[*term] != f32::NEG_INFINITY).collect();
        put_lines(&mut bytes, known.iter().map(|term| lexicon().written()[*term]));
        bytes.extend(known.iter().map(|term| step(self.alone[*term])));
        let mut words: Vec<(u16, &str)> = self.words.iter().map(|(word, id)| (*id, &**word)).collect();
        words.sort_unstable();
        put_lines(&mut bytes, words.iter().map(|(_, word)| *word));
        for row in &self.rows {
            let mut last = 0;
            for (term, strength) in row {
                let place = known.binary_search(&usize::from(*term));
                if let Ok(place) = place
                    && strength.abs() >= at_least.max(STEP / 2.0)
                {
                    // One more than the difference, so that zero ends the row.
                    put(&mut bytes, (place - last) as u32 + 1);
                    bytes.push(step(*strength));
                    last = place;
                }
            }
            put(&mut bytes, 0);
        }
        bytes
    }

    /// Reads a table. Terms that the lexicon does not write any more are passed over.
    ///
    /// # Errors
    /// If the bytes are not a whole table.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BalanceError> {
        let mut rest = bytes.strip_prefix(MAGIC).ok_or(BalanceError::Unknown)?;
        let terms: Vec<Option<u16>> =
            take_lines(&mut rest)?.into_iter().map(|term| lexicon().number_of(term)).collect();
        let strength = |rest: &mut &[u8]| Ok::<_, VarintError>(f32::from(take_byte(rest)? as i8) * STEP);
        let mut alone = vec![f32::NEG_INFINITY; lexicon().written().len()];
        for term in &terms {
            let strength = strength(&mut rest)?;
            if let Some(term) = term {
                alone[usize::from(*term)] = strength;
            }
        }
        let names = take_lines(&mut rest)?;
        let words: HashMap<Box<str>, u16, _> =
            names.iter().copied().map(Box::from).zip(0..=u16::MAX).collect();
        if words.len() != names.len() {
            return Err(VarintError::Damaged.into());
        }
        let mut rows = Vec::with_capacity(words.len() * Side::ALL.len());
        for _ in 0..words.len() * Side::ALL.len() {
            let mut row = Vec::new();
            let mut place = 0usize;
            loop {
                let step = take(&mut rest)?;
                if step == 0 {
                    break;
                }
                place += step as usize - 1;
                let term = *terms.get(place).ok_or(VarintError::Damaged)?;
                let strength = strength(&mut rest)?;
                row.extend(term.map(|term| (term, strength)));
            }
            row.sort_unstable_by_key(|(term, _)| *term);
            rows.push(row);
        }
        Ok(Balance { alone, words, rows })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::model;
    use super::*;

    #[test]
    fn a_table_is_read_as_it_was_written_and_damage_is_named() {
        let model = model();
        let bytes = model.to_bytes(0.0);
        assert_eq!(Balance::from_bytes(&bytes), Ok(model));
        assert_eq!(Balance::from_bytes(b"nonsense"), Err(BalanceError::Unknown));
        for end in MAGIC.len()..bytes.len() {
            let error = Balance::from_bytes(&bytes[..end]).expect_err("cut");
            assert_eq!(error, BalanceError::Unreadable(VarintError::Truncated), "cut at {end}");
        }
    }
}
