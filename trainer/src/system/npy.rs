//! Matrices in NumPy's format (numpy.lib.format, versions 1 to 3).

use std::io::{self, Write};

use anyhow::{Context, Result, bail};
use half::f16;

const MAGIC: &[u8] = b"\x93NUMPY";

/// A matrix of 32-bit floats, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// Rows and columns.
    pub shape: [usize; 2],
    /// The numbers.
    pub values: Vec<f32>,
}

impl Matrix {
    /// Reads a file of 16- or 32-bit floats, `[rows, columns]`.
    ///
    /// # Errors
    /// If it is no such file, or holds anything else.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let rest = bytes.strip_prefix(MAGIC).context("it does not begin as NumPy's files do")?;
        let cut = "it ends within its header";
        let (version, rest) = rest.split_first_chunk::<2>().context(cut)?;
        let (length, rest) = match version[0] {
            1 => {
                let (length, rest) = rest.split_first_chunk::<2>().context(cut)?;
                (usize::from(u16::from_le_bytes(*length)), rest)
            }
            2 | 3 => {
                let (length, rest) = rest.split_first_chunk::<4>().context(cut)?;
                (u32::from_le_bytes(*length) as usize, rest)
            }
            other => bail!("it has version {other} of NumPy's format; 1 to 3 can be read"),
        };
        let (header, data) = rest.split_at_checked(length).context(cut)?;
        let header = String::from_utf8_lossy(header);
        let entry = |key: &str| {
            let (_, after) = header.split_once(&format!("'{key}':"))?;
            Some(after.trim_start())
        };
        let dtype = entry("descr").context("its header names no type")?;
        if !entry("fortran_order").is_some_and(|after| after.starts_with("False")) {
            bail!("its columns lie one after the other; save it by np.ascontiguousarray");
        }
        let shape = entry("shape").and_then(|after| after.strip_prefix('(')?.split_once(')'));
        let shape = shape.context("its header names no shape")?.0;
        let sizes: Vec<usize> = shape.split(',').filter_map(|size| size.trim().parse().ok()).collect();
        let Ok([rows, columns]) = <[usize; 2]>::try_from(sizes) else {
            bail!("its shape is ({shape}), and a matrix was expected");
        };
        let values: Vec<f32> = if dtype.starts_with("'<f4'") {
            data.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect()
        } else if dtype.starts_with("'<f2'") {
            data.as_chunks().0.iter().map(|two| f16::from_le_bytes(*two).to_f32()).collect()
        } else {
            let dtype = dtype.split(',').next().unwrap_or_default();
            bail!("its numbers are of type {dtype}; float32 and float16 can be read");
        };
        if rows.checked_mul(columns) != Some(values.len()) {
            bail!("it holds {} numbers, its shape is ({rows}, {columns})", values.len());
        }
        Ok(Matrix { shape: [rows, columns], values })
    }
}

/// Writes rows of `width` numbers, version 1.0.
///
/// # Errors
/// If the file cannot be written.
pub fn write<'a>(
    file: &mut impl Write,
    width: usize,
    rows: impl ExactSizeIterator<Item = &'a [f32]>,
) -> io::Result<()> {
    /// Where the numbers begin is a multiple of this.
    const ALIGNMENT: usize = 64;
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {width}), }}", rows.len());
    let before = MAGIC.len() + 4;
    let length = (before + header.len() + 1).next_multiple_of(ALIGNMENT) - before;
    file.write_all(MAGIC)?;
    file.write_all(&[1, 0])?;
    file.write_all(&(length as u16).to_le_bytes())?;
    writeln!(file, "{header:<width$}", width = length - 1)?;
    for value in rows.flatten() {
        file.write_all(&value.to_le_bytes())?;
    }
    file.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let length = (header.len() as u16).to_le_bytes();
        [MAGIC, &[1, 0], &length, header.as_bytes(), data].concat()
    }

    #[test]
    fn what_is_written_is_read() {
        let rows = [[1.0, -2.5, 3.0], [0.0, 1e-3, 7.0]];
        let mut bytes = Vec::new();
        write(&mut bytes, 3, rows.iter().map(|row| &row[..])).expect("a file");
        assert_eq!(bytes.len() % 64, 24, "numbers begin at a multiple of 64");
        let matrix = Matrix::read(&bytes).expect("a matrix");
        assert_eq!(matrix, Matrix { shape: [2, 3], values: rows.concat() });
    }

    #[test]
    fn half_floats_are_read_and_everything_else_is_refused_with_its_reason() {
        let halves: Vec<u8> =
            [1.0, 0.5].into_iter().flat_map(|value| f16::from_f32(value).to_le_bytes()).collect();
        let header = "{'descr': '<f2', 'fortran_order': False, 'shape': (2, 1), }\n";
        assert_eq!(Matrix::read(&file(header, &halves)).expect("a matrix").values, [1.0, 0.5]);
        for (header, data, words) in [
            (header.replace("<f2", "<f8"), &halves[..], "'<f8'; float32 and float16"),
            (header.replace("(2, 1)", "(2,)"), &halves, "a matrix was expected"),
            (header.replace("(2, 1)", "(3, 1)"), &halves, "it holds 2 numbers"),
            (header.replace("False", "True"), &halves, "ascontiguousarray"),
            (header.replace("descr", "kind"), &halves, "no type"),
        ] {
            let error = Matrix::read(&file(&header, data)).expect_err(words).to_string();
            assert!(error.contains(words), "{error}");
        }
        for cut in [0, 3, 7, 9, 20] {
            assert!(Matrix::read(&file(header, &halves)[..cut]).is_err(), "{cut} bytes");
        }
    }
}
