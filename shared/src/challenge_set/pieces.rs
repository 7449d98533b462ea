//! A file of which only some pieces are at hand, because a browser hands out bytes one request at a time.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

/// Pieces of a file of a known length: one that stays, and one that is exchanged for another as a reader goes on.
#[derive(Clone, Debug)]
pub struct Pieces {
    length: u64,
    stays: (u64, Bytes),
    /// Shared by all clones, one of which the reader has.
    held: Arc<Mutex<(u64, Bytes)>>,
}

impl Pieces {
    /// A file of `length` bytes, of which those from `start` on are here.
    pub fn new(length: u64, start: u64, bytes: impl Into<Bytes>) -> Self {
        Pieces { length, stays: (start, bytes.into()), held: Arc::default() }
    }

    /// Takes other bytes, from `start` on, in the place of those that were taken last.
    pub fn hold(&self, start: u64, bytes: impl Into<Bytes>) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = (start, bytes.into());
    }

    fn from(&self, start: u64) -> Option<Bytes> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        [&self.stays, &*held].into_iter().find_map(|(first, bytes)| {
            let offset = usize::try_from(start.checked_sub(*first)?).ok()?;
            (offset < bytes.len()).then(|| bytes.slice(offset..))
        })
    }
}

impl From<Bytes> for Pieces {
    fn from(file: Bytes) -> Self {
        Pieces::new(file.len() as u64, 0, file)
    }
}

impl Length for Pieces {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Pieces {
    type T = Box<dyn Read + Send>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        match self.from(start) {
            Some(bytes) => Ok(Box::new(bytes.reader())),
            None if start >= self.length => Ok(Box::new(io::empty())),
            None => Err(missing(start)),
        }
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let bytes = self.from(start).filter(|bytes| bytes.len() >= length).ok_or_else(|| missing(start))?;
        Ok(bytes.slice(..length))
    }
}

fn missing(start: u64) -> ParquetError {
    ParquetError::EOF(format!("the bytes from {start} on are missing"))
}
